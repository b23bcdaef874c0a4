"""What operations are given, checked: tensors, numbers, sizes; TypeError says what was given instead."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import located, no_tensor
from ..errors.tracebacks import passing
from ..tensor import Tensor


def refuse_plain(x: Any, op: str, name: str = "input", position: int = 1) -> None:
    """Raise TypeError for an argument that must be a Tensor and is not."""
    if not isinstance(x, Tensor):
        raise located.TypeError(no_tensor(op, x, name, position))


def refuse_integers(x: Any, op: str) -> None:
    """Raise TypeError unless x is a Tensor, NotImplementedError unless its values are floating-point."""
    refuse_plain(x, op)
    if x.array.dtype.kind != "f":
        raise located.NotImplementedError(
            f'"{op}" not implemented for {x.array.dtype}: convert first, x.float()'
        )


def refuse_no_number(x: Any, op: str, name: str) -> None:
    """Raise TypeError for an argument that must be a number, or a tensor of one, and is not."""
    if not isinstance(x, (int, float, np.generic)) and getattr(x, "size", getattr(x, "numel", None)) is None:
        raise located.TypeError(f"{op}(): argument '{name}' must be a number, not {type(x).__name__}")


def whole(n: Any, op: str, name: str) -> int:
    """An argument that must be an integer; TypeError for anything else."""
    try:
        return operator.index(n)
    except TypeError:
        raise located.TypeError(f"{op}(): argument '{name}' must be int, not {type(n).__name__}") from None


def listed(values: Any, op: str, name: str) -> list[Any]:
    """What is meant to be several, as a list; one Tensor is a list of itself. TypeError for anything else."""
    if isinstance(values, Tensor):
        return [values]
    try:
        return list(values)
    except TypeError:
        raise located.TypeError(
            f"{op}(): argument '{name}' must be a list or tuple, not {type(values).__name__}"
        ) from None


def integers(values: Any, op: str) -> tuple[int, ...]:
    """Sizes or dimensions as a tuple of ints; TypeError for anything else."""
    try:
        return tuple(operator.index(n) for n in (values if isinstance(values, Sequence) else (values,)))
    except TypeError:
        raise located.TypeError(f"{op}(): expected integers, but got {values}") from None


def tensors_of(given: Any, op: str) -> tuple[Any, ...]:
    """Tensors given one by one, or as one list or tuple; TypeError for anything else."""
    tensors = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
    for k, x in enumerate(tensors):
        refuse_plain(x, op, "tensors", k + 1)
    return tuple(tensors)


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the sizes or dims that come last be given one by one: `x.view(2, 3)` is `x.view((2, 3))`."""
    op = function.__name__

    @functools.wraps(function)
    def _gathered(input: Any, *given: Any, **named: Any) -> Any:
        try:
            if not given:
                return function(input, **{name: integers(values, op) for name, values in named.items()})
            return function(input, integers(given[0] if len(given) == 1 else given, op), **named)
        except Exception as error:
            passing(error)
            raise

    return _gathered
