"""Products and sums the way NumPy is fastest: small matrices by `dot`, sums as products with ones."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from .dtypes import Array, DType

ndarray = np.ndarray

one = np.ones((), np.float32)
"""1 in a rule: with a Python number NumPy takes twice as long to start. On a Tensor or a Symbol it is 1."""


SMALL = 1 << 14  # entries of a matrix: of larger ones `dot` first writes zeros all over the product


def product(a: Any, b: Any) -> Any:
    """a @ b of two matrices; for small arrays `dot` starts twice as fast as `@`."""
    return a.dot(b) if type(a) is ndarray and a.size <= SMALL else a @ b


def column_sums(a: Any) -> Any:
    """The sum of the rows of a matrix: of an array as a product with ones, which is faster than `a.sum`."""
    if type(a) is not ndarray:
        return a.sum(axis=0)
    return ones(len(a), a.dtype).dot(a)


def sums(a: Array, axis: tuple[int, ...]) -> Array:
    """Σ a along `axis`, which is kept with length 1; over the last dimensions, and the first, by products."""
    last = a.ndim
    while last - 1 in axis:
        last -= 1
    shape, n = a.shape[:last] + (1,) * (a.ndim - last), math.prod(a.shape[last:])
    if 1 < n <= LONGEST and a.size and a.flags.c_contiguous:
        a = a.reshape(-1, n).dot(ones(n, a.dtype)).reshape(shape)
        axis = tuple(i for i in axis if i < last)
    if axis == (0,) and 1 < len(a) <= LONGEST and a.size:
        a, axis = column_sums(a.reshape(len(a), -1)).reshape(1, *a.shape[1:]), ()
    return np.add.reduce(a, axis, keepdims=True) if axis else a


LONGEST = 1 << 16  # so many ones are kept at most


@lru_cache(maxsize=64)
def ones(n: int, dtype: DType) -> Array:
    """A vector of ones, kept."""
    return np.ones(n, dtype)
