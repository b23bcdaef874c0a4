"""Several results of one operation as one record: a pack of arrays, which are parts of one array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import Array
from ..inplace import take_flat
from ..primitive import cast
from ..record import enable_grad


class Pack:
    """Several arrays as one, end to end: a record has one value, and its rules one cotangent.

    An array alone is its own pack.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.alone = len(arrays) == 1
        self.shapes = [array.shape for array in arrays]
        self.dtypes = [array.dtype for array in arrays]

    def pack(self, arrays: Sequence[Array]) -> Array:
        """One array of all of them."""
        return arrays[0] if self.alone else np.concatenate([array.reshape(-1) for array in arrays])

    def part(self, packed: Any, i: int) -> Any:
        """The i-th again, a copy; of a Tensor as a Tensor, with its history."""
        if self.alone:
            return packed
        start, shape = sum(math.prod(shape) for shape in self.shapes[:i]), self.shapes[i]
        positions = np.arange(start, start + math.prod(shape)).reshape(shape)
        part = take_flat(packed, positions)
        return part if part.dtype == self.dtypes[i] else cast(part, self.dtypes[i])

    def parts(self, packed: Any) -> list[Any]:
        """All of them again."""
        with enable_grad():
            return [self.part(packed, i) for i in range(len(self.shapes))]
