"""What tells apart the calls of a step: the shapes and dtypes of tensors, the values of everything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..record import mode
from ..tensor import Tensor

MISS = object()
"""What a replay returns, with nothing changed, if its program does not hold this time."""

FAILED = object()
"""The same, if a check of values has failed: eager code says why."""


def key_of(args: Any, options: Any) -> tuple[Any, list[Any]]:
    """What a program may rely on, and the arrays that it is given."""
    arrays: list[Any] = []
    key = tuple([part_of(arg, arrays) for arg in args])
    if options:
        key += tuple([(name, part_of(arg, arrays)) for name, arg in options.items()])
    return (mode.enabled, key), arrays


def part_of(x: Any, arrays: list[Any]) -> Any:
    """The key of one argument; its arrays are added to the list."""
    if isinstance(x, Tensor):
        array = x.array
        arrays.append(array)
        return array.shape, array.dtype, array.strides, x.record is not None, array.flags.writeable
    kind = type(x)
    if kind is list or isinstance(x, tuple):
        return (kind, *(part_of(part, arrays) for part in x))
    if kind is dict:
        return (kind, *((name, part_of(part, arrays)) for name, part in x.items()))
    if kind in (int, bool, str, bytes) or x is None:
        return kind, x
    if kind is float:
        return kind, x if x and x == x else repr(x)  # -0.0 is no 0.0, and nan is nan
    if isinstance(x, (int, float, complex, np.generic)):
        return kind, repr(x)
    return kind, id(x)
