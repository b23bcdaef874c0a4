"""The gamma function's logarithm and its derivatives, on plain arrays and as operations.

All go to large arguments by recurrence, Γ(x + 1) = x Γ(x), where Stirling's series is exact in float64;
float32 is computed in float64. Source: Abramowitz and Stegun, 6.1.34 to 6.4.12; PyTorch's pages of the same
names.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive, Unary
from ..tensor import Tensor
from .arguments import refuse_plain, whole
from .special import as_floats

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["digamma", "lgamma", "polygamma"]

LARGE = 10  # from here on the series are exact to the last digits
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def in_float64(x: Array) -> tuple[Array, Any]:
    """The values as float64, and the dtype of the result."""
    x = as_floats(x)
    return x.astype(np.float64), x.dtype


def log_gamma(x: Array) -> Array:
    """log |Γ(x)|; infinite at 0, -1, -2 …"""
    wide, dtype = in_float64(x)
    with np.errstate(all="ignore"):
        mirrored = wide < 0.5
        y = np.where(mirrored, 1 - wide, wide)
        product = np.ones_like(y)
        for _ in range(LARGE):
            small = y < LARGE
            product = np.where(small, product * y, product)
            y = np.where(small, y + 1, y)
        series = sum(b / ((2 * k + 2) * (2 * k + 1) * y ** (2 * k + 1)) for k, b in enumerate(BERNOULLI))
        z = (y - 0.5) * np.log(y) - y + 0.5 * math.log(2 * math.pi) + series - np.log(product)
        z = np.where(np.isposinf(y), np.inf, z)
        sine = np.abs(np.sin(np.pi * (wide - np.floor(wide))))
        z = np.where(mirrored, math.log(math.pi) - np.log(sine) - z, z)
        z = np.where(np.isinf(wide) | ((wide <= 0) & (wide == np.floor(wide))), np.inf, z)
        z = np.where((wide == 1) | (wide == 2), 0, z)
    return np.where(np.isnan(wide), np.nan, z).astype(dtype)


def log_gamma_slope(x: Array) -> Array:
    """ψ(x), the derivative of log Γ; nan at -1, -2 …, infinite at 0."""
    wide, dtype = in_float64(x)
    with np.errstate(all="ignore"):
        mirrored = wide < 0
        y = np.where(mirrored, 1 - wide, wide)
        shift = np.zeros_like(y)
        for _ in range(LARGE):
            small = y < LARGE
            shift = np.where(small, shift + 1 / y, shift)
            y = np.where(small, y + 1, y)
        series = sum(b / ((2 * k + 2) * y ** (2 * k + 2)) for k, b in enumerate(BERNOULLI))
        z = np.log(y) - 0.5 / y - series - shift
        fraction = wide - np.trunc(wide)
        z = np.where(mirrored, z - np.pi / np.tan(np.pi * fraction), z)
        z = np.where(mirrored & (fraction == 0), np.nan, z)
        z = np.where(wide == 0, np.copysign(np.inf, -wide), z)
    return z.astype(dtype)


def zeta(s: int, x: Array) -> Array:
    """Σ 1 / (x + k)ˢ over k = 0, 1, 2 …, by the Euler-Maclaurin formula from x + k > 10 on."""
    low = float(np.min(x, initial=LARGE, where=np.isfinite(x)))
    total, y = np.zeros_like(x), x
    for _ in range(max(0, math.ceil(LARGE - low))):
        small = y < LARGE
        total = np.where(small, total + y**-s, total)
        y = np.where(small, y + 1, y)
    total = total + y ** (1 - s) / (s - 1) + 0.5 * y**-s
    factor = float(s)
    for k, b in enumerate(BERNOULLI):
        total = total + b * factor / math.factorial(2 * k + 2) * y ** (-s - 2 * k - 1)
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2)
    return total


def slope_of_order(x: Array, n: int) -> Array:
    """ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! Σ 1 / (x + k)ⁿ⁺¹; for n = 0 ψ(x)."""
    if n == 0:
        return log_gamma_slope(x)
    wide, dtype = in_float64(x)
    with np.errstate(all="ignore"):
        z = (-1.0) ** (n + 1) * math.factorial(n) * zeta(n + 1, wide.astype(np.float64))
        return np.where(np.isnan(wide), np.nan, z).astype(dtype)


# fmt: off
slope: Primitive = Primitive("polygamma", slope_of_order, lambda g, z, x, n: g * slope(x, n + 1),
                             doc="ψ⁽ⁿ⁾(x), the derivative of order n + 1 of log Γ")
digamma = Unary("digamma", log_gamma_slope, lambda g, z, x: g * slope(x, 1),
                doc="ψ(x), the derivative of log Γ")
lgamma  = Unary("lgamma", log_gamma, lambda g, z, x: g * digamma(x),
                doc="log |Γ(x)|, where Γ(n) = (n - 1)! for whole numbers")
# fmt: on


def polygamma(n: int, input: Tensor) -> Tensor:
    """The derivative of order n of `digamma`: n = 0 is that itself.

    Raises RuntimeError for negative n. Source: PyTorch, `torch.polygamma`.

    >>> import autodiff
    >>> autodiff.polygamma(1, autodiff.tensor([1.0, 2.0]))
    tensor([1.6449, 0.6449])
    """
    refuse_plain(input, "polygamma", "input", 2)
    if whole(n, "polygamma", "n") < 0:
        raise located.RuntimeError(f"polygamma(n, x) does not support negative n, but got {n}.")
    return slope(input if input.dtype.kind == "f" else input.float(), n)
