"""What the numbers of a dtype can be: the largest, the smallest, and how far apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import as_dtype, get_default_dtype
from .errors import located

__all__ = ["finfo", "iinfo"]


class finfo:
    """The range and precision of float32 or float64, as Python floats: `finfo(x.dtype).eps`.

    Raises TypeError for other dtypes. Source: PyTorch, `torch.finfo`.

    >>> import autodiff
    >>> autodiff.finfo(autodiff.float32).max
    3.4028234663852886e+38
    """

    def __init__(self, type: Any = None) -> None:
        dtype = get_default_dtype() if type is None else as_dtype(type)
        if dtype.kind != "f":
            raise located.TypeError(
                f"finfo() requires a floating point input type, not {dtype}: use iinfo for integers"
            )
        limits = np.finfo(dtype)
        self.dtype, self.bits = dtype.name, limits.bits
        self.min, self.max, self.eps = float(limits.min), float(limits.max), float(limits.eps)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        numbers = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in numbers)}, dtype={self.dtype})"


class iinfo:
    """The range of int64. Raises TypeError for other dtypes. Source: PyTorch, `torch.iinfo`.

    >>> import autodiff
    >>> autodiff.iinfo(autodiff.int64).max
    9223372036854775807
    """

    def __init__(self, type: Any) -> None:
        dtype = as_dtype(type)
        if dtype.kind != "i":
            raise located.TypeError(
                f"iinfo() requires an integer input type, not {dtype}: use finfo for floats"
            )
        limits = np.iinfo(dtype)
        self.dtype, self.bits, self.min, self.max = dtype.name, limits.bits, limits.min, limits.max

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
