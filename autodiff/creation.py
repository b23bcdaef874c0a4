"""Make tensors: from data, filled, or in steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import Array, as_dtype, get_default_dtype, int64
from .tensor import Tensor, as_array, refuse_device


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor that holds a copy of `data` (numbers, nested lists, NumPy arrays).

    Python floats become float32, ints int64, bools bool; arrays keep their dtype. Raises TypeError for other dtypes,
    ValueError for ragged lists, RuntimeError if gradients are asked of integers.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    refuse_device(device)
    return Tensor(as_array(data, dtype, copy=True)).requires_grad_(requires_grad)
