"""What `check_backprop` is given: the parameters by name, and their gradients as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dtypes import Array
from ..errors import describe
from ..tensor import Tensor


def parameters(params: Any) -> dict[str, Tensor]:
    """The parameters by name; in a list they are called by their places."""
    if hasattr(params, "named_parameters"):
        found = {str(name): p for name, p in params.named_parameters() if p.requires_grad}
    elif isinstance(params, Mapping):
        found = {str(name): p for name, p in params.items()}
    elif isinstance(params, Sequence) and not isinstance(params, str):
        found = {f"params[{i}]": p for i, p in enumerate(params)}
    else:
        raise TypeError(
            "check_backprop(): params must be a dict by name, a list, or a module, not "
            f"{type(params).__name__}"
        )
    if not found:
        raise ValueError("check_backprop(): params is empty, so there is nothing to compare")
    for name, p in found.items():
        if not isinstance(p, Tensor):
            raise TypeError(f"check_backprop(): {name} must be a Tensor, not {type(p).__name__}")
        if not p.requires_grad:
            raise ValueError(
                f"check_backprop(): {name} does not require grad, so the engine has no gradient to compare: "
                "make it with requires_grad=True"
            )
    return found


def gradients(student_grads: Any, named: dict[str, Tensor]) -> list[Array]:
    """The gradients given, in the order of the parameters, as arrays of numbers."""
    if isinstance(student_grads, Mapping):
        missing = [name for name in named if name not in student_grads]
        extra = [str(name) for name in student_grads if str(name) not in named]
        if missing or extra:
            raise ValueError(
                f"check_backprop(): the gradients must be those of {', '.join(named)}; "
                + "; ".join(
                    [f"there is none for {', '.join(missing)}"] * bool(missing)
                    + [f"no parameter is called {', '.join(extra)}"] * bool(extra)
                )
            )
        found = [student_grads[name] for name in named]
    elif isinstance(student_grads, Sequence) and not isinstance(student_grads, str):
        found = list(student_grads)
        if len(found) != len(named):
            raise ValueError(
                f"check_backprop(): {len(found)} gradients for {len(named)} parameters: one for each of "
                f"{', '.join(named)}, in this order"
            )
    else:
        raise TypeError(
            "check_backprop(): the gradients must be a dict by name, or a list in the order of params, not "
            f"{type(student_grads).__name__}"
        )
    arrays = []
    for name, g in zip(named, found, strict=True):
        try:
            array = np.asarray(getattr(g, "array", g))
        except ValueError:
            array = np.asarray(None)
        if array.dtype.kind not in "fiu":
            raise TypeError(
                f"check_backprop(): the gradient of {name} must be an array of numbers, not {describe(g)}"
            )
        arrays.append(array)
    return arrays
