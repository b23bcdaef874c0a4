"""What Python and NumPy ask of any object: its length, its items, its truth, a number, a copy, an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import as_array
from .dtypes import Array
from .errors import located

if TYPE_CHECKING:
    from .tensor import Tensor


# mypy: disable-error-code="no-any-return"
# (`self` is a Tensor, which is not defined yet)


class Protocols:
    """The special methods of a Tensor that are not operators."""

    __slots__ = ()

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __len__(self: Any) -> int:
        if not self.array.ndim:
            raise located.TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self: Any) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise located.TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self)))

    def __bool__(self: Any) -> bool:
        if self.array.size != 1:
            raise located.RuntimeError(
                f"Boolean value of Tensor with {'more than one' if self.array.size else 'no'} value is "
                f"ambiguous: the shape is {self.shape}; use .all() or .any()"
            )
        return bool(self.array.item())

    def __float__(self: Any) -> float:
        return float(self._one_number())

    def __int__(self: Any) -> int:
        return int(self._one_number())

    def _one_number(self: Any) -> Any:
        if self.array.size != 1:
            raise located.ValueError(
                "only one element tensors can be converted to Python scalars, "
                f"and this one has shape {self.shape}: use .tolist(), or reduce first with .mean() or .sum()"
            )
        return self.array.item()

    def __index__(self: Any) -> int:
        if self.array.dtype.kind == "f" or self.array.size != 1:
            raise located.TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __contains__(self: Any, element: Any) -> bool:
        if not isinstance(element, (bool, int, float, np.generic, np.ndarray, Protocols)):
            raise located.RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
            )
        return bool((self.array == as_array(element)).any())

    def __format__(self: Any, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise located.RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol: "
                "copy x.detach() instead"
            )
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__(
            (self.array.copy("K"), self.requires_grad, vars(self) if hasattr(self, "__dict__") else {})
        )
        if self.grad is not None:
            twin.grad = self.grad.detach().clone()
        return twin

    def __reduce__(self: Any) -> Any:
        return _blank, (type(self),), (self.array, self.requires_grad, getattr(self, "__dict__", {}))

    def __setstate__(self: Any, state: tuple[Array, bool, dict[str, Any]]) -> None:
        for slot, value in {"array": state[0], "record": None, "_grad": None, "_view": None}.items():
            setattr(self, slot, value)
        if state[2]:
            self.__dict__.update(state[2])
        self.requires_grad_(state[1])


def _blank(kind: type[Tensor]) -> Tensor:
    return object.__new__(kind)
