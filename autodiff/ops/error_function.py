"""The error function, its complement and its inverse, on plain arrays: NumPy has none of them.

Source of the float64 coefficients: W. J. Cody, "Rational Chebyshev approximations for the error function",
Mathematics of Computation 23 (1969); of the first guess at the inverse: M. Giles, "Approximating the erfinv
function", GPU Computing Gems (2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..dtypes import Array

# mypy: disable-error-code="no-any-return"

# erf(x) = x P(x²) / Q(x²) for |x| <= 4, fitted to 2.5e-8; beyond it is 1 in float32. Coefficients from x⁰ on.
P32 = (1.12837914, 0.193539856, 0.0531010631, 0.00388312599, 0.000284561809, 1.98683e-06)
Q32 = (1.0, 0.504852788, 0.115347854, 0.0152068093, 0.0011855201, 3.74204621e-05)

# Φ(x) = (1 + tanh(x U(x²))) / 2, the normal distribution function, fitted to 5e-8, with a continued fraction:
# U(t) = U0 + U1 t + U2 / (t + U3 + U4 / (t + U5)).
U32 = (1.18331122, 0.0181380655, -2.66679262, -23.5935208, 1382.57888, 45.3117371)

# fmt: off
# erf(x) = x A(x²) / B(x²) for |x| < 0.46875, and erfc(x) = e^(-x²) C(x) / D(x) up to 4, to 1e-18; beyond it
# is e^(-x²) (1/√π - E(x⁻²) / F(x⁻²)) / x.
A = (3.20937758913846947e3, 3.77485237685302021e2, 1.13864154151050156e2, 3.16112374387056560,
     1.85777706184603153e-1)
B = (2.84423683343917062e3, 1.28261652607737228e3, 2.44024637934444173e2, 2.36012909523441209e1, 1.0)
C = (1.23033935479799725e3, 2.05107837782607147e3, 1.71204761263407058e3, 8.81952221241769090e2,
     2.98635138197400131e2, 6.61191906371416295e1, 8.88314979438837594, 5.64188496988670089e-1,
     2.15311535474403846e-8)
D = (1.23033935480374942e3, 3.43936767414372164e3, 4.36261909014324716e3, 3.29079923573345963e3,
     1.62138957456669019e3, 5.37181101862009858e2, 1.17693950891312499e2, 1.57449261107098347e1, 1.0)
E = (0.0, 6.58749161529837803e-4, 1.60837851487422766e-2, 1.25781726111229246e-1, 3.60344899949804439e-1,
     3.05326634961232344e-1, 1.63153871373020978e-2)
F = (2.33520497626869185e-3, 6.05183413124413191e-2, 5.27905102951428412e-1, 1.87295284992346725,
     2.56852019228982242, 1.0)

# erfinv(y) = y G(w - 2.5) for w = -log(1 - y²) < 5, to 1e-6.
G = (1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06,
     -3.5233877e-06, 3.43273939e-07, 2.81022636e-08)
# fmt: on


def erf(x: Array) -> Array:
    """2/√π ∫₀ˣ e^(-t²) dt, to 6e-16 of itself in float64 and 4e-7 in float32."""
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    if x.dtype == np.float32:
        inside = np.clip(x, -4, 4)
        square = inside * inside
        return np.clip(inside * polynomial(P32, square) / polynomial(Q32, square), -1, 1)
    size = np.minimum(np.abs(x), 6)
    square = size * size
    small = x * polynomial(A, square) / polynomial(B, square)
    rest = np.exp(-square) * polynomial(C, size) / polynomial(D, size)
    return np.where(size < 0.46875, small, np.copysign(1 - rest, x))


def in_float64(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """This function for float32 too, rounded only at the end."""

    def rounded(x: Array) -> Array:
        z = function(np.asarray(x, np.float64))
        return z.astype(np.float32) if x.dtype == np.float32 else z

    return rounded


@in_float64
def erfc(x: Array) -> Array:
    """1 - erf(x), to 1e-15 of itself however large x is: the subtraction would leave nothing of it."""
    size = np.abs(x)
    middle, far = np.clip(size, 0.4, 4), np.clip(size, 4, 30)
    scaled = polynomial(C, middle) / polynomial(D, middle)
    inverse = far**-2
    tail = (1 / math.sqrt(math.pi) - polynomial(E, inverse) / polynomial(F, inverse)) / far
    far = np.minimum(size, 30)
    head = np.round(far * 16) / 16  # e^(-x²) in two factors: the square of the head is exact
    decay = np.exp(-head * head) * np.exp((head - far) * (head + far))
    upper = decay * np.where(size < 4, scaled, tail)
    return np.where(size < 0.46875, 1 - erf(x), np.where(x < 0, 2 - upper, upper))


@in_float64
def erfinv(y: Array) -> Array:
    """The x whose erf is y; ±inf at ±1, nan beyond. Three steps of Halley's method follow a first guess."""
    size = np.abs(y)
    with np.errstate(all="ignore"):  # log 0 at 1, nan beyond
        w = -np.log((1 - size) * (1 + size))
        e = -np.log((1 - size) * math.sqrt(math.pi))  # erfc(x) is nearly e^(-x²) / (x √π) for large x
        x = np.where(w < 5, size * polynomial(G, w - 2.5), np.sqrt(e - np.log(e) / 2))
        for _ in range(3):
            missing = np.where(size < 0.5, size - erf(x), erfc(x) - (1 - size))  # the one that is exact
            step = missing * np.exp(x * x) * (math.sqrt(math.pi) / 2)
            x = x + step / (1 + x * step)
    return np.copysign(np.where(size == 1, np.inf, x), y)


def normal(x: Array, out: Array | None = None) -> Array:
    """Φ(x), the normal distribution function, to 1e-7 in float32."""
    if x.dtype != np.float32:
        return np.multiply(1 + erf(x * math.sqrt(0.5)), 0.5, out=out)
    square = x * x
    fraction = square + U32[5]
    np.divide(U32[4], fraction, out=fraction)
    fraction += square
    fraction += U32[3]
    np.divide(U32[2], fraction, out=fraction)
    u = np.multiply(square, U32[1], out=square)
    u += U32[0]
    u += fraction
    u *= x
    np.tanh(u, out=u)
    u *= 0.5
    return np.add(u, 0.5, out=out)


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """c₀ + c₁x + c₂x² + …, by Horner's rule."""
    result = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        result += c
        result *= x
    result += coefficients[0]
    return result
