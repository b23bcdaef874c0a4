"""Functions of each entry that NumPy lacks, or computes unlike PyTorch: on plain arrays, in their dtype.

What NumPy does in silence but PyTorch refuses (an integer division by zero, rounding a bool) is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import exp, multiply, ndarray, negative, reciprocal

from ..dtypes import Array, float32, float64
from ..errors import located
from .error_function import normal

# mypy: disable-error-code="no-any-return"

PIECE = 1 << 16  # entries: a few arrays of this length fit in the cache of a core
LARGE = 512  # entries: from here on `where` of 0 without branches is worth its extra passes
LARGER = 4096  # the same of two arrays


def where(condition: Any, x: Any, y: Any) -> Array:
    """`np.where`; of large arrays without branches, which on a random mask is ten times as fast."""
    zero_first = type(x) in NUMBERS and x == 0
    array = y if zero_first else x
    if isinstance(array, ndarray) and array.size >= LARGE and array.shape == condition.shape:
        if zero_first:
            return kept(array, ~condition)
        if type(y) in NUMBERS and y == 0:
            return kept(array, condition)
        if array.size >= LARGER and isinstance(y, ndarray) and y.shape == x.shape and y.dtype == x.dtype:
            return chosen(condition, x, y)
    return np.where(condition, x, y)


def chosen(mask: Array, x: Array, y: Array) -> Array:
    """x where the mask holds, else y: the bits of y, and those that differ in x times 0 or 1."""
    bits = BITS[x.itemsize]
    return (multiply(x.view(bits) ^ y.view(bits), mask) ^ y.view(bits)).view(x.dtype)


def kept(x: Array, mask: Array, out: Array | None = None) -> Array:
    """x where the mask holds, else 0, even where x is infinite: its bits times 0 or 1."""
    bits = BITS[x.itemsize]
    if out is None:
        return multiply(x.view(bits), mask).view(x.dtype)
    return multiply(x.view(bits), mask, out.view(bits))


NUMBERS = (int, float)
BITS = {size: np.dtype(f"i{size}") for size in (1, 4, 8)}


ONE = {dtype: np.ones((), dtype) for dtype in (float32, float64)}
"""1 as an array: NumPy takes twice as long to start with a Python number."""


def as_floats(x: Array) -> Array:
    """x itself, or float64 values of integers and bools (the caller's primitive then settles on float32)."""
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def copy(x: Array) -> Array:
    """The same values in new memory, in the order in which x has them, as PyTorch lays a copy out."""
    if 0 not in x.strides:
        return x.copy("K")
    z = np.empty_like(np.isnan(x), x.dtype)  # where entries are one in memory, the order of a ufunc's result
    z[...] = x
    return z


def refuse_integers(x: Array, op: str) -> None:
    """Raise NotImplementedError unless the values are floating-point."""
    if x.dtype.kind != "f":
        raise located.NotImplementedError(f'"{op}" not implemented for {x.dtype}: convert first, x.float()')


def refuse_bools(x: Array) -> None:
    """Raise TypeError if the values are bools, or int8, which NumPy makes of an arithmetic of bools."""
    if x.dtype.itemsize == 1:
        raise located.TypeError("it is not defined for bools; convert with x.long() or x.float()")


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
                raise located.RuntimeError(
                    "ZeroDivisionError: an integer divided by zero; floats give inf or nan"
                )
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


def blend(x: Array, y: Array, w: Any) -> Array:
    """x + w (y - x), from the nearer end: exactly y at w = 1."""
    return np.where(np.abs(w) < 0.5, x + w * (y - x), y - (y - x) * (1 - w))


def xlogy(x: Any, y: Any) -> Array:
    """x log(y), and 0 where x is 0, whatever y is but nan."""
    y = np.asarray(y, np.result_type(x, y))  # or the logarithm of a number would have float64
    return np.where((x == 0) & (y == y), 0, x * np.log(y))


def logit(x: Array) -> Array:
    """log(x / (1 - x)), the inverse of sigmoid; nan outside of [0, 1]."""
    return np.log(x / (1 - x))


def sign(x: Array) -> Array:
    """-1, 0 or 1 in the dtype of x; of nan 0, as in PyTorch, where `np.sign` gives nan."""
    if x.dtype.kind == "b":
        return x.copy()
    return np.subtract(x > 0, x < 0, dtype=np.int8).astype(x.dtype)


def rows(x: Array) -> Array:
    """A copy of x, stored row by row."""
    return x.copy(order="C")


# activations ----------------------------------------------------------------------------------------------


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x): where e^-x is infinite, 0."""
    try:
        z = negative(x)
        exp(z, z)
        z += ONE[z.dtype]
        return reciprocal(z, z)
    except (TypeError, KeyError):  # a number, which is not written into; integers
        return 1 / (1 + np.exp(-as_floats(x)))


def relu(x: Array) -> Array:
    """x where x > 0, else 0."""
    refuse_bools(x)
    return np.maximum(x, 0)


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """log(1 + e^(beta x)) / beta; x itself where beta x > threshold."""
    refuse_integers(x, "softplus")
    scaled = x * beta
    return np.where(scaled > threshold, x, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta)


def gated(x: Array, gate: Array) -> Array:
    """What a gate, from 0 to 1, lets through."""
    return x * gate


def normal_cdf(x: Array) -> Array:
    """Φ(x), the normal distribution function."""
    refuse_integers(x, "gelu")
    return in_pieces(normal, x)


def normal_pdf(x: Array) -> Array:
    """φ(x) = e^(-x²/2) / √(2π)."""
    return in_pieces(density, x)


def density(x: Array, out: Array | None = None) -> Array:
    """`normal_pdf` in three passes."""
    out = np.multiply(x, x, out=out)
    out *= -0.5
    np.exp(out, out=out)
    out *= 1 / math.sqrt(2 * math.pi)
    return out


def in_pieces(function: Callable[..., Array], x: Array) -> Array:
    """A function(x, out=) of each entry that takes many passes: over pieces of x that stay in the cache."""
    if x.ndim == 0:  # a product would be a number, which is not written into
        return function(x.reshape(1)).reshape(())
    if x.size <= PIECE or not x.flags.forc:
        return function(x)
    z = np.empty_like(x)  # of the same layout, so that both are read in the order of memory
    entries, results = x.ravel("K"), z.ravel("K")
    for i in range(0, x.size, PIECE):
        function(entries[i : i + PIECE], results[i : i + PIECE])
    return z


def gelu_tanh(x: Array) -> Array:
    """0.5 x (1 + tanh u), which is x sigmoid(2u), for u = √(2/π) (x + 0.044715 x³)."""
    refuse_integers(x, "gelu_tanh")
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
    refuse_integers(x, "hardtanh")
    return np.minimum(np.maximum(x, low), high)


def silu(x: Array) -> Array:
    """x sigmoid(x)."""
    refuse_integers(x, "silu")
    return x / (1 + np.exp(-x))


def elu(x: Array, alpha: float) -> Array:
    """x where x > 0, else alpha (e^x - 1)."""
    refuse_integers(x, "elu")
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


def leaky_relu(x: Array, negative_slope: float) -> Array:
    """x where x > 0, else negative_slope x."""
    refuse_integers(x, "leaky_relu")
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)
