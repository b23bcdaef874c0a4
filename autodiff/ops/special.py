"""Functions of each entry that NumPy lacks, or computes unlike PyTorch: on plain arrays, in their dtype.

What NumPy does in silence but PyTorch refuses (an integer division by zero, rounding a bool) is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Array, float32, float64

# mypy: disable-error-code="no-any-return"

LARGE = 4096  # entries: from here on the branch-free `where` is worth its extra passes


def where(condition: Any, x: Any, y: Any) -> Array:
    """`np.where`; a large x against 0 without a branch for each entry, on a random mask ten times as fast."""
    if type(y) not in (int, float) or y != 0 or np.size(x) < LARGE or x.shape != condition.shape:
        return np.where(condition, x, y)
    bits = np.dtype(f"i{x.itemsize}")
    all_or_nothing = -condition.view(np.int8).astype(bits)  # True is 11…1
    return (x.view(bits) & all_or_nothing).view(x.dtype)


ONE = {dtype: np.ones((), dtype) for dtype in (float32, float64)}
"""1 as an array: NumPy takes twice as long to start with a Python number."""


def as_floats(x: Array) -> Array:
    """x itself, or float64 values of integers and bools (the caller's primitive then settles on float32)."""
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def refuse_integers(x: Array) -> None:
    """Raise TypeError unless the values are floating-point."""
    if x.dtype.kind != "f":
        raise TypeError("it is defined for floating-point values; convert with x.float()")


def refuse_bools(x: Array) -> None:
    """Raise TypeError if the values are bools, or int8, which NumPy makes of an arithmetic of bools."""
    if x.dtype.itemsize == 1:
        raise TypeError("it is not defined for bools; convert with x.long() or x.float()")


# rounding, division, powers --------------------------------------------------------------------------------


def keeping_integers(rounding: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """This rounding function for integers too: they stay as they are."""

    def rounded(x: Array) -> Array:
        refuse_bools(x)
        return rounding(x) if x.dtype.kind == "f" else x.copy()

    return rounded


floor, ceil, trunc, rint = (keeping_integers(f) for f in (np.floor, np.ceil, np.trunc, np.rint))


def refusing_zero(division: Callable[[Any, Any], Array]) -> Callable[[Any, Any], Array]:
    """This division, where an integer divisor of 0 is an error; NumPy would return 0."""

    def divided(x: Any, y: Any) -> Array:
        z = division(x, y)
        if z.dtype.kind != "f":
            refuse_bools(z)
            if not np.all(y):
                raise RuntimeError("ZeroDivisionError: an integer divided by zero; floats give inf or nan")
        return z

    return divided


def divide_towards_zero(x: Any, y: Any) -> Array:
    """x / y without its digits after the point; exact for integers."""
    integers = all(np.asarray(operand).dtype.kind in "iub" for operand in (x, y))
    return np.floor_divide(x - np.fmod(x, y), y) if integers else np.trunc(x / y)


floor_divide, trunc_divide, remainder, fmod = (
    refusing_zero(f) for f in (np.floor_divide, divide_towards_zero, np.remainder, np.fmod)
)


def power(x: Any, y: Any) -> Array:
    """x ** y; NumPy's cube of an array is 64 times as slow as a multiplication."""
    z: Array = x * x * x if type(y) in (int, float) and y == 3 else x**y
    refuse_bools(z)
    return z


def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    return 1 / np.sqrt(x)


def rows(x: Array) -> Array:
    """A copy of x, stored row by row."""
    return x.copy(order="C")


# activations ----------------------------------------------------------------------------------------------


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x): where e^-x is infinite, 0."""
    if x.ndim == 0 or x.dtype.kind != "f":
        return 1 / (1 + np.exp(-as_floats(x)))
    z = np.negative(x)
    np.exp(z, out=z)
    z += ONE[z.dtype]
    return np.reciprocal(z, out=z)


def product(a: Any, b: Any) -> Any:
    """a @ b of two matrices; for small arrays `dot` starts twice as fast as `@`."""
    return a.dot(b) if type(a) is np.ndarray and type(b) is np.ndarray else a @ b


def relu(x: Array) -> Array:
    """x where x > 0, else 0."""
    refuse_bools(x)
    return np.maximum(x, 0)


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """log(1 + e^(beta x)) / beta; x itself where beta x > threshold."""
    refuse_integers(x)
    scaled = x * beta
    return np.where(scaled > threshold, x, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta)


def gelu(x: Array) -> Array:
    """x Φ(x), where Φ is the normal distribution function."""
    refuse_integers(x)
    return x * (0.5 * (1 + erf(x * math.sqrt(0.5))))


def gelu_tanh(x: Array) -> Array:
    """0.5 x (1 + tanh u), which is x sigmoid(2u), for u = √(2/π) (x + 0.044715 x³)."""
    refuse_integers(x)
    return x / (1 + np.exp(-gate(x)))


def gate(x: Any) -> Any:
    """What the tanh form of gelu takes the sigmoid of: 2 √(2/π) (x + 0.044715 x³)."""
    return x * (x * x * (0.044715 * GATE) + GATE)


def gate_slope(x: Any) -> Any:
    """The derivative of `gate`."""
    return x * x * (3 * 0.044715 * GATE) + GATE


GATE = 2 * math.sqrt(2 / math.pi)


def hardtanh(x: Array, low: float, high: float) -> Array:
    """x, but at least low and at most high."""
    refuse_integers(x)
    return np.minimum(np.maximum(x, low), high)


def silu(x: Array) -> Array:
    """x sigmoid(x)."""
    refuse_integers(x)
    return x / (1 + np.exp(-x))


def elu(x: Array, alpha: float) -> Array:
    """x where x > 0, else alpha (e^x - 1)."""
    refuse_integers(x)
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


def leaky_relu(x: Array, negative_slope: float) -> Array:
    """x where x > 0, else negative_slope x."""
    refuse_integers(x)
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


# the error function ---------------------------------------------------------------------------------------

# erf(x) = x P(x²) / Q(x²) for |x| <= 4, fitted to 2.5e-8; beyond it is 1 in float32. Coefficients from x⁰ on.
P32 = (1.12837914, 0.193539856, 0.0531010631, 0.00388312599, 0.000284561809, 1.98683e-06)
Q32 = (1.0, 0.504852788, 0.115347854, 0.0152068093, 0.0011855201, 3.74204621e-05)

# fmt: off
# erf(x) = x A(x²) / B(x²) for |x| < 0.46875, and erfc(x) = e^(-x²) C(x) / D(x) beyond, to 1e-18.
A = (3.20937758913846947e3, 3.77485237685302021e2, 1.13864154151050156e2, 3.16112374387056560,
     1.85777706184603153e-1)
B = (2.84423683343917062e3, 1.28261652607737228e3, 2.44024637934444173e2, 2.36012909523441209e1, 1.0)
C = (1.23033935479799725e3, 2.05107837782607147e3, 1.71204761263407058e3, 8.81952221241769090e2,
     2.98635138197400131e2, 6.61191906371416295e1, 8.88314979438837594, 5.64188496988670089e-1,
     2.15311535474403846e-8)
D = (1.23033935480374942e3, 3.43936767414372164e3, 4.36261909014324716e3, 3.29079923573345963e3,
     1.62138957456669019e3, 5.37181101862009858e2, 1.17693950891312499e2, 1.57449261107098347e1, 1.0)
# fmt: on


def erf(x: Array) -> Array:
    """The error function 2/√π ∫₀ˣ e^(-t²) dt, to 6e-16 of itself in float64 and 4e-7 in float32.

    Source of the float64 coefficients: W. J. Cody, "Rational Chebyshev approximations for the error
    function", Mathematics of Computation 23 (1969).
    """
    x = as_floats(x)
    if x.dtype == np.float32:
        inside = np.clip(x, -4, 4)
        square = inside * inside
        return np.clip(inside * polynomial(P32, square) / polynomial(Q32, square), -1, 1)
    size = np.minimum(np.abs(x), 6)
    square = size * size
    small = x * polynomial(A, square) / polynomial(B, square)
    rest = np.exp(-square) * polynomial(C, size) / polynomial(D, size)
    return np.where(size < 0.46875, small, np.copysign(1 - rest, x))


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """c₀ + c₁x + c₂x² + …, by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        result *= x
        result += c
    return result
