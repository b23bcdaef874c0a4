"""The four dtypes, and PyTorch's rules for which one a result has.

float32 is the default; Python numbers are weak (`2.0 * float32` is float32); a 0-dim tensor is weak within
its category (bool < int < float); a division or an `exp` of integers is float32. Source: PyTorch, "Tensor
Attributes", section "Type Promotion".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import located

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
DType = np.dtype[Any]
Scalar = float | int | bool

float32: DType = np.dtype(np.float32)
float64: DType = np.dtype(np.float64)
int64: DType = np.dtype(np.int64)
bool_: DType = np.dtype(np.bool_)

SUPPORTED = (float32, float64, int64, bool_)
CATEGORY = {bool_: 0, int64: 1, float32: 2, float64: 2}
WEAK = {bool: bool_, int: int64}  # a Python float takes the default dtype

_default = float32


def get_default_dtype() -> DType:
    """The dtype of a new floating-point tensor: float32 unless `set_default_dtype` was called."""
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Make `dtype` (float32 or float64) the dtype of new floating-point tensors.

    Raises TypeError for any other dtype.
    """
    global _default
    dtype = as_dtype(dtype)
    if dtype.kind != "f":
        raise located.TypeError(f"only floating-point types are supported as the default type, not {dtype}")
    _default = dtype


def as_dtype(dtype: Any) -> DType:
    """`dtype` as one of the four: accepts NumPy's dtypes, their names, Python's float (64 bits), int, bool.

    Raises TypeError for a dtype that the engine does not have.
    """
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found not in CATEGORY:
        raise located.TypeError(
            f"dtype {dtype} is not supported: use one of float32, float64, int64, bool "
            f"(for a NumPy array: array.astype(np.float32) or array.astype(np.int64))"
        )
    return SUPPORTED[SUPPORTED.index(found)]


def result_dtype(*operands: Any) -> DType:
    """The dtype that an operation between these arrays and Python numbers computes in.

    The highest category decides; within it arrays with dimensions come first, then 0-dim arrays, then
    Python numbers.
    """
    strongest: tuple[int, int, int] = (-1, -1, -1)
    result = bool_
    for operand in operands:
        if isinstance(operand, (np.ndarray, np.generic)):
            dtype = as_dtype(operand.dtype)
            strength = 2 if operand.ndim else 1
        else:
            dtype = WEAK.get(type(operand), _default)
            strength = 0
        rank = (CATEGORY[dtype], strength, dtype.itemsize)
        if rank > strongest:
            strongest, result = rank, dtype
    return result
