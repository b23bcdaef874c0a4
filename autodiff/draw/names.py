"""What the tensors of a picture are called: the names of a module's parameters, or those of a dict."""

from __future__ import annotations

from typing import Any

from ..dtypes import Array
from ..record import Record
from ..tensor import Tensor, history


class Names:
    """The name of a record, or of the array of a tensor without history; the first one given counts."""

    def __init__(self, names: Any, caller: str = "draw") -> None:
        self.of_record: dict[Record, str] = {}
        self.of_array: dict[int, str] = {}  # by identity: the tensors below keep their arrays alive
        self.tensors: list[Tensor] = []
        self.modules = _classes(names)
        for name, tensor in _pairs(names, caller):
            record = history(tensor)
            if record is not None:
                self.of_record.setdefault(record, name)
            self.of_array.setdefault(id(tensor.array), name)
            self.tensors.append(tensor)

    def record(self, record: Record) -> str:
        """The name of this record's tensor; "" if it has none."""
        return self.of_record.get(record, "")

    def array(self, array: Array) -> str:
        """The name of the tensor that holds this very array; "" if it has none."""
        return self.of_array.get(id(array), "")


def _classes(names: Any) -> dict[str, str]:
    """The class of each module inside a module, by its path."""
    if not hasattr(names, "named_modules"):
        return {}
    return {str(path): type(module).__name__ for path, module in names.named_modules() if path}


def _pairs(names: Any, caller: str) -> list[tuple[str, Tensor]]:
    if names is None:
        return []
    if hasattr(names, "named_parameters"):
        return [(str(name), parameter) for name, parameter in names.named_parameters()]
    if not isinstance(names, dict):
        raise TypeError(
            f"{caller}(): names must be a module or a dict from name to tensor, not {type(names).__name__}; "
            'for example names=model, or names={"x": x, "y": y, **dict(model.named_parameters())}'
        )
    for name, tensor in names.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{caller}(): names[{name!r}] must be a Tensor, not {type(tensor).__name__}")
    return [(str(name), tensor) for name, tensor in names.items()]
