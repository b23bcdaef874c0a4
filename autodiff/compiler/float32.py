"""exp, log, log1p and tanh of float32 in sums and products alone, so that loops of them are vectorized.

Polynomials of Cephes (S. L. Moshier: expf, logf, tanhf); the results are within three units in the last
place, as NumPy's own are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

f, i = np.float32, np.int32

LOG2E, HIGH, LOW = f(1.44269504088896341), f(0.693359375), f(-2.12194440e-4)  # 1 / ln 2; ln 2 in two parts
LARGEST, SMALLEST = f(89.0), f(-104.0)  # exp is inf above, and 0 below
HALF, ONE, TWO, ROOT, TINY, INF, NAN = (
    f(0.5),
    f(1),
    f(2),
    f(1.41421356),
    f(1.17549435e-38),
    f(np.inf),
    f(np.nan),
)
E5, E4, E3 = f(1.9875691500e-4), f(1.3981999507e-3), f(8.3334519073e-3)
E2, E1, E0 = f(4.1665795894e-2), f(1.6666665459e-1), f(5.0000001201e-1)
L8, L7, L6 = f(7.0376836292e-2), f(-1.1514610310e-1), f(1.1676998740e-1)
L5, L4, L3 = f(-1.2420140846e-1), f(1.4249322787e-1), f(-1.6668057665e-1)
L2, L1, L0 = f(2.0000714765e-1), f(-2.4999993993e-1), f(3.3333331174e-1)
T4, T3, T2 = f(-5.70498872745e-3), f(2.06390887954e-2), f(-5.37397155531e-2)
T1, T0, BEND, UP = f(1.33314422036e-1), f(-3.33332819422e-1), f(0.625), f(8388608)


def make(compiled: Callable[[Any], Any], bits_of: Any, number_of: Any) -> dict[str, Any]:
    """The functions, each passed through `compiled`; `bits_of` a float32 as int32, and `number_of` these."""

    @compiled
    def exp32(x):  # type: ignore[no-untyped-def]
        """2ⁿ·exp(r), with x = n·ln 2 + r."""
        y = LARGEST if x > LARGEST else x
        y = SMALLEST if y < SMALLEST else y
        n = np.floor(y * LOG2E + HALF)
        r = y - n * HIGH - n * LOW
        p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
        p = p * (r * r) + r + ONE
        whole = i(n)
        half = i(whole >> 1)
        one, two = number_of(i(i(half + 127) << 23)), number_of(i(i(whole - half + 127) << 23))
        return x if x != x else p * one * two

    @compiled
    def log32(x):  # type: ignore[no-untyped-def]
        """n·ln 2 + log(m), with x = 2ⁿ·m and m near 1."""
        small = x < TINY
        y = x * UP if small else x
        bits = bits_of(y)
        n = f(i(bits >> 23) - 127) - (f(23) if small else f(0))
        m = number_of(i(i(bits & 0x7FFFFF) | 0x3F800000))
        large = m > ROOT
        n = n + ONE if large else n
        r = (m * HALF if large else m) - ONE
        z = r * r
        p = (((((((L8 * r + L7) * r + L6) * r + L5) * r + L4) * r + L3) * r + L2) * r + L1) * r + L0
        p = p * r * z + n * LOW - HALF * z
        y = r + p + n * HIGH
        y = -INF if x == 0 else y
        y = NAN if x < 0 else y
        return x if x == INF or x != x else y

    @compiled
    def log1p32(x):  # type: ignore[no-untyped-def]
        """log(u)·x/(u - 1) with u = 1 + x as it is rounded."""
        u = ONE + x
        y = log32(u) * (x / (u - ONE))
        return x if u == ONE or x == INF else y

    @compiled
    def tanh32(x):  # type: ignore[no-untyped-def]
        """x + x³·P(x²) near 0, else 1 - 2 / (exp(2·|x|) + 1)."""
        z = x * x
        p = ((((T4 * z + T3) * z + T2) * z + T1) * z + T0) * z * x + x
        size = abs(x)
        y = ONE - TWO / (exp32(size + size) + ONE)
        return p if size < BEND else -y if x < 0 else y

    return {"exp32": exp32, "log32": log32, "log1p32": log1p32, "tanh32": tanh32}
