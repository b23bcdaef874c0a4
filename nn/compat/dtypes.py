"""PyTorch's names of dtypes beyond the engine's four (float32, float64, int64, bool).

int32 means int64: the numbers are the same up to 2³¹. The others can be named, as programs do that choose
among them, and are refused by the engine where they are used.
"""

from __future__ import annotations

import numpy as np

from autodiff.dtypes import int64

__all__ = [
    "bfloat16", "cfloat", "complex64", "complex128", "dtype", "float16", "half", "int", "int8", "int16",
    "int32", "short", "uint8",
]  # fmt: skip


class Missing:
    """A dtype that NumPy lacks, too."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


dtype = np.dtype
int = int32 = int64
float16 = half = np.dtype(np.float16)
int8, uint8, int16 = np.dtype(np.int8), np.dtype(np.uint8), np.dtype(np.int16)
short = int16
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)
cfloat = complex64
bfloat16 = Missing("bfloat16")
