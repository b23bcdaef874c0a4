"""Plain arrays: made of numbers and nested sequences, in one of the four dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import CATEGORY, Array, as_dtype, get_default_dtype, int64
from .errors import located

BEYOND_INT64 = "Overflow when unpacking long long: an integer is beyond int64; write it as a float, 1e20"


def as_array(data: Any, dtype: Any = None, copy: bool = False) -> Array:
    """`data` (numbers, nested sequences, arrays, tensors) as an array of one of the four dtypes.

    Python floats become the default dtype, ints int64, bools bool; NumPy's numbers, arrays and tensors keep
    theirs; of several the strongest holds. Raises ValueError for ragged sequences and integers beyond int64,
    TypeError for strings and for dtypes that the engine lacks, RuntimeError for what holds no numbers.
    """
    if isinstance(data, (list, tuple, range)):
        return _stacked(data, dtype)
    array = np.asarray(getattr(data, "array", data))  # a Tensor has its array
    if type(data) is int and array.dtype != int64:
        raise located.ValueError(BEYOND_INT64)
    if array.dtype == object:
        raise located.RuntimeError(f"Could not infer dtype of {type(data).__name__}: a tensor holds numbers")
    if array.dtype.kind not in "fiub":
        as_dtype(array.dtype)  # refuses texts, dates and complex numbers, whatever dtype they should become
    if dtype is None:
        weak = isinstance(data, float) and not isinstance(data, np.generic)
        dtype = get_default_dtype() if weak else array.dtype
    return _converted(array, dtype, copy)


def _stacked(data: Any, dtype: Any) -> Array:
    """A sequence of numbers, arrays or sequences as an array of `dtype`, or of the strongest among theirs."""
    kinds = set(map(type, data))
    if kinds <= {bool, int, float}:  # all at once; and nothing at all is float
        array = np.array(data)
        if int in kinds and float not in kinds and array.dtype != int64:
            raise located.ValueError(BEYOND_INT64)
        found = get_default_dtype() if array.dtype.kind == "f" else array.dtype
    else:
        parts = [as_array(part, dtype) for part in data]
        for part in parts:
            if part.shape != parts[0].shape:
                raise located.ValueError(
                    f"expected sequences of one shape, but {part.shape} stands beside {parts[0].shape}"
                )
        array = np.stack(parts)
        found = max((part.dtype for part in parts), key=lambda kind: (CATEGORY[kind], kind.itemsize))
    return _converted(array, found if dtype is None else dtype, copy=False)


def _converted(array: Array, dtype: Any, copy: bool) -> Array:
    """An array of another dtype; RuntimeError for nan or infinity as an integer."""
    wanted = as_dtype(dtype)
    if wanted == int64 and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise located.RuntimeError(
            "value cannot be converted to type int64 without overflow: it is nan or infinite"
        )
    return array.astype(wanted, copy=copy)


def first_true(mask: Array) -> tuple[int, ...]:
    """Where a mask is true first."""
    return tuple(int(i) for i in np.argwhere(mask)[0])
