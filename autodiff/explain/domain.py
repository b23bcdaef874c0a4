"""Where a function of numbers is defined: found by trying it, so that it cannot differ from the code.

The function is computed at some points; the first condition in a list that holds at exactly those where the
result is finite describes its domain.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitive import Binary, Primitive, Unary
from .document import Math

POINTS = [-2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5]

Condition = tuple[Math, Callable[..., bool]]


def condition(text: str, latex: str, holds: Callable[..., bool]) -> Condition:
    """One line of the lists below."""
    return Math(text, latex), holds


ONE = [
    condition("every x", r"x \in \mathbb{R}", lambda x: True),
    condition("x ≠ 0", r"x \neq 0", lambda x: x != 0),
    condition("x > 0", "x > 0", lambda x: x > 0),
    condition("x ≥ 0", r"x \geq 0", lambda x: x >= 0),
    condition("x > −1", "x > -1", lambda x: x > -1),
    condition("x ≥ 1", r"x \geq 1", lambda x: x >= 1),
    condition("x > 1", "x > 1", lambda x: x > 1),
    condition("−1 < x < 1", "-1 < x < 1", lambda x: -1 < x < 1),
    condition("−1 ≤ x ≤ 1", r"-1 \leq x \leq 1", lambda x: -1 <= x <= 1),
    condition("0 < x < 1", "0 < x < 1", lambda x: 0 < x < 1),
    condition("0 ≤ x ≤ 1", r"0 \leq x \leq 1", lambda x: 0 <= x <= 1),
    condition("|x| ≠ 1", r"|x| \neq 1", lambda x: abs(x) != 1),
    condition("x other than 0, −1, −2, …", r"x \notin \{0, -1, -2, \ldots\}", lambda x: x > 0 or x % 1 != 0),
]
TWO = [
    condition("every x and y", r"x, y \in \mathbb{R}", lambda x, y: True),
    condition("y ≠ 0", r"y \neq 0", lambda x, y: y != 0),
    condition("x ≠ 0", r"x \neq 0", lambda x, y: x != 0),
    condition("x > 0", "x > 0", lambda x, y: x > 0),
    condition("y > 0", "y > 0", lambda x, y: y > 0),
    condition("y > 0 or x = 0", r"y > 0 \vee x = 0", lambda x, y: y > 0 or x == 0),
    condition("(x, y) ≠ (0, 0)", r"(x, y) \neq (0, 0)", lambda x, y: x != 0 or y != 0),
    condition("y > 0 or x = y = 0", r"y > 0 \vee x = y = 0", lambda x, y: y > 0 or x == y == 0),
    condition(
        "x > 0, or x = 0 ≤ y, or a whole y and x ≠ 0",
        r"x > 0 \vee x = 0 \leq y \vee (x \neq 0 \wedge y \in \mathbb{Z})",
        lambda x, y: x > 0 or (x == 0 <= y) or (x != 0 and y % 1 == 0),
    ),
]


def domain(primitive: Primitive) -> Math | None:
    """Where the primitive gives a finite number, if it is a function of each entry."""
    return tried(primitive, lambda *points: primitive.forward(*points))


def smooth(primitive: Primitive, argnum: int) -> Math | None:
    """Where its derivative by argument `argnum` is a finite number."""
    rule = primitive.vjps[argnum]
    if rule is None:
        return None

    def derivative(*points: Any) -> Any:
        z = primitive.forward(*points)
        return np.where(np.isfinite(z), rule(np.ones_like(points[0]), z, *points), np.nan)

    return tried(primitive, derivative)


def tried(primitive: Primitive, function: Callable[..., Any]) -> Math | None:
    """The condition that holds where `function` is finite, or words; None if it cannot be tried."""
    if not isinstance(primitive, (Unary, Binary)):
        return None
    arity = primitive.arity
    grid = list(itertools.product(POINTS, repeat=arity))
    arrays = [np.array(column) for column in zip(*grid, strict=True)]
    try:
        with np.errstate(all="ignore"):
            finite = np.isfinite(np.broadcast_to(function(*arrays), (len(grid),))).tolist()
    except Exception:  # of whole numbers only, say
        return None
    for text, holds in ONE if arity == 1 else TWO:
        if finite == [bool(holds(*point)) for point in grid]:
            return text
    if not any(finite):
        return Math("no number", r"\text{no number}")
    bad = next(point for point, good in zip(grid, finite, strict=True) if not good)
    written = ", ".join(f"{name} = {value:g}" for name, value in zip("xy", bad, strict=False))
    words = "all numbers but some, such as "
    return Math(words + written.replace("-", "−"), rf"\text{{{words}}} {written}")
