"""What a model has learned, by name, and whether it fits another: what `load_state_dict` asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autodiff import Tensor


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def compared(
    mine: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool
) -> tuple[dict[str, Tensor], IncompatibleKeys, list[str]]:
    """The values of `state_dict` that fit the model's, copied; the names that only one of them has; problems.

    Names that are missing or unexpected are problems if `strict`.
    """
    missing = [name for name in mine if name not in state_dict]
    unexpected = [name for name in state_dict if name not in mine]
    problems = []
    for what, names in (("Missing", missing), ("Unexpected", unexpected)):
        if strict and names:
            listed = ", ".join(f'"{name}"' for name in names)
            problems.append(f"{what} key(s) in state_dict: {listed}. ")
    values: dict[str, Tensor] = {}
    for name, tensor in mine.items():
        if name not in state_dict:
            continue
        value = state_dict[name]
        if not isinstance(value, Tensor | np.ndarray | np.generic):
            problems.append(
                f'While copying the parameter named "{name}", expected a Tensor or an array from '
                f"checkpoint but received {type(value)}"
            )
        elif value.shape != tensor.shape:
            problems.append(
                f"size mismatch for {name}: copying a param with shape {tuple(value.shape)} from "
                f"checkpoint, the shape in current model is {tensor.shape}."
            )
        else:
            array = value.array if isinstance(value, Tensor) else value
            values[name] = Tensor(np.array(array, tensor.dtype))
    return values, IncompatibleKeys(missing, unexpected), problems
