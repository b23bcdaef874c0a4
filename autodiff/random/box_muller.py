"""Two uniform numbers into two normal ones (Box and Muller, 1958), with PyTorch's rounding.

    r = √(−2 ln(1 − u)),  θ = 2π·v,  z₀ = r cos θ,  z₁ = r sin θ

PyTorch takes sixteen uniforms at a time: eight u, then eight v; eight z₀, then eight z₁ take their place. In
float32 it evaluates ln, sin and cos by the polynomials of Cephes (S. Moshier, 1992: logf, sinf, cosf) with
fused multiply-adds. Here the same steps are taken, each rounded as IEEE 754 says, so the digits are the same.
"""

from __future__ import annotations

import numpy as np

from ..dtypes import Array
from .fma import fma

BLOCK = 16
_STRETCH = 2048  # blocks at a time: what fits in the cache

_LN = np.array(
    [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
     2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1], np.float32)  # fmt: skip
_SIN = np.array([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1], np.float32)
_COS = np.array([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2], np.float32)

# ln 2 and π/4 as sums of numbers so short that their products with small integers are exact, and a rest.
_LN2_HIGH, _LN2_LOW = np.array([0.693359375, -2.12194440e-4], np.float32)
_QUARTER_PI = np.array([0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8], np.float32)
_FOUR_OVER_PI = np.float32(1.27323954473516)
_TWO_PI = np.float32(2 * np.pi)
_COS_QUARTERS = np.array([1, 0, -1, 0, 1], np.float32)  # of 0 ... 4 quarter turns
_SIN_QUARTERS = np.array([0, 1, 0, -1, 0], np.float32)


def box_muller(uniforms: Array) -> Array:
    """Standard normal numbers from uniforms in [0, 1), float32 or float64; their number is a multiple of 16.

    float32: PyTorch's (on x86 with AVX2) to the last bit. float64: but for the last bit of ln, cos and sin.
    """
    blocks = uniforms.reshape(-1, 2, BLOCK // 2)
    normals = np.empty_like(blocks)
    for start in range(0, len(blocks), _STRETCH):
        stretch = slice(start, start + _STRETCH)
        u, v = blocks[stretch, 0], blocks[stretch, 1]
        if uniforms.dtype == np.float32:
            radius = np.sqrt(-2 * _ln(1 - u))
            cosine, sine = _cos_sin(_TWO_PI * v)
        else:
            radius = np.sqrt(-2 * np.log(1 - u))
            cosine, sine = np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)
        np.multiply(radius, cosine, out=normals[stretch, 0])
        np.multiply(radius, sine, out=normals[stretch, 1])
    return normals.reshape(uniforms.shape)


def _ln(x: Array) -> Array:
    """ln x of float32 in (0, 1]: with x = m·2^e and m in [√½, √2), ln x = ln m + e ln 2."""
    m, e = np.frexp(x)
    small = (m < np.float32(0.5**0.5)).astype(np.float32)
    m = m + small * m - 1
    exponent = e.astype(np.float32) - small
    square = m * m
    tail = fma(_horner(_LN, m) * m, square, exponent * _LN2_LOW) - square / 2
    return fma(exponent, _LN2_HIGH, m + tail)


def _cos_sin(angle: Array) -> tuple[Array, Array]:
    """cos and sin of float32 in [0, 2π]: of the rest in [−π/4, π/4] after quarter turns, then turned."""
    quarters = ((angle * _FOUR_OVER_PI).astype(np.int32) + 1) >> 1
    eighths = (2 * quarters).astype(np.float32)
    for part in _QUARTER_PI:
        angle = fma(eighths, -part, angle)
    square = angle * angle
    cosine = fma(_horner(_COS, square) * square, square, -square / 2) + 1
    sine = fma(_horner(_SIN, square) * square, angle, angle)
    a, b = _COS_QUARTERS.take(quarters), _SIN_QUARTERS.take(quarters)
    return a * cosine - b * sine, b * cosine + a * sine  # exact: a and b are 0 and ±1


def _horner(coefficients: Array, x: Array) -> Array:
    """The polynomial with these coefficients, that of the highest power first."""
    y = np.broadcast_to(coefficients[0], x.shape)
    for c in coefficients[1:]:
        y = fma(y, x, c)
    return y
