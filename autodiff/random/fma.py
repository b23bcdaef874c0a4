"""Fused multiply-add: x·y + c rounded once, as a processor does it and NumPy does not.

Compiled code rounds x·y + c once where NumPy rounds twice; the last bit of every uniform or normal number
that PyTorch scales depends on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array


def fma(x: Array, y: Any, c: Any) -> Array:
    """x·y + c, rounded once, in the dtype of `x` (float32 or float64), which `y` and `c` have too.

    float32: the product is exact in float64, and the sum there has 29 bits to spare. (What they leave open, a
    tie with smaller bits behind it, comes once in some 2²⁹ values, never when c and x·y are of like size.)
    float64: exact where |x·y| > 10⁻²⁹⁰; Boldo and Melquiond, "Emulation of FMA and Correctly Rounded Sums:
    Proved Algorithms Using Rounding to Odd", IEEE Transactions on Computers 57(4), 2008.

    >>> 0.1 * 10.0 - 1.0  # the product is rounded to 1.0
    0.0
    >>> float(fma(np.array(0.1), 10.0, -1.0))
    5.551115123125783e-17
    """
    if x.dtype == np.float32:
        exact: Array = np.multiply(x, y, dtype=np.float64)
        exact += c
        return exact.astype(np.float32)
    if np.max(np.abs(y), initial=0.0) > 2.0**990:  # its halves would overflow
        y, c = y * 2.0**-64, c * 2.0**-64
        scaled: Array = np.ldexp(fma(x, y, c), 64)
        return scaled
    product, error = _product(x, y)
    low, lower = _sum(c, error)
    high, lost = _sum(product, low)
    rounded: Array = high + _round_to_odd(lower, lost)
    return rounded


def _sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b rounded, and what the rounding lost (Knuth's two-sum)."""
    s = a + b
    b_part = s - a
    return s, (a - (s - b_part)) + (b - b_part)


def _product(a: Any, b: Any) -> tuple[Any, Any]:
    """a·b rounded, and what the rounding lost (Dekker's product, by halves of 26 bits)."""
    (a1, a0), (b1, b0) = _halves(a), _halves(b)
    p = a * b
    return p, ((a1 * b1 - p) + a1 * b0 + a0 * b1) + a0 * b0


def _halves(a: Any) -> tuple[Any, Any]:
    big = a * (2.0**27 + 1)
    high = big - (big - a)
    return high, a - high


def _round_to_odd(a: Any, b: Any) -> Any:
    """a + b; where inexact, the neighbour whose last bit is 1, so that a second rounding does no harm."""
    s, error = _sum(a, b)
    bits = np.asarray(s).view(np.int64)
    step = np.where((error > 0) == (s > 0), 1, -1)
    return (bits + np.where((error != 0) & (bits & 1 == 0), step, 0)).view(np.float64)
