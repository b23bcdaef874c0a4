"""A line search: a step along a direction that lowers a function enough, and ends where it is flat enough.

φ(t) is the loss at x + t·d. Enough is Wolfe's strong condition, of a step t with 0 < c₁ < c₂ < 1:

    φ(t) ≤ φ(0) + c₁·t·φ'(0)   and   |φ'(t)| ≤ c₂·|φ'(0)|.

First t grows until a step that satisfies both must lie behind it; then the interval shrinks around one. Each
new t is the minimum of the cubic through two points. Source: Nocedal and Wright, "Numerical Optimization",
algorithms 3.5 and 3.6; the safeguards are those of PyTorch's LBFGS, so that it tries the same steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autodiff.dtypes import Array

LOWER, FLATTER = 1e-4, 0.9  # c₁, c₂


class Point(NamedTuple):
    """A step t along the line: the loss there, its gradient, and the slope φ'(t), which is gradient·d."""

    t: Any
    loss: Any
    gradient: Array
    slope: Any


def strong_wolfe(
    at: Callable[[Any], Point], start: Point, t: Any, size: Any, most: int, tolerance: float = 1e-9
) -> tuple[Point, int]:
    """The best point found from the first guess `t`, and how often the loss was computed, by `at(t)`.

    `start` is t = 0; `size` is the largest entry of |d|: an interval shorter than `tolerance` is not
    searched. After `most` further trials the search ends where it is.
    """

    def too_high(point: Point) -> bool:
        return bool(point.loss > start.loss + LOWER * point.t * start.slope)

    def flat_enough(point: Point) -> bool:
        return bool(abs(point.slope) <= -FLATTER * start.slope)

    trials = 0
    previous, here = start, at(t)
    ends = [start, here]
    while trials < most:  # grow the step
        ends = [previous, here]
        if too_high(here) or (trials > 1 and here.loss >= previous.loss):
            break
        if flat_enough(here):
            return here, trials + 1
        if here.slope >= 0:
            break
        t = lowest_between(previous, here, here.t + 0.01 * (here.t - previous.t), here.t * 10)
        previous, here = here, at(t)
        ends = [start, here]
        trials += 1

    low = lower_of(ends)
    hesitant = False  # whether the last trial was close to an end of the interval
    while trials < most:  # shrink the interval
        left, right = sorted((ends[0].t, ends[1].t))
        if (right - left) * size < tolerance:
            break
        t, margin = lowest_between(ends[0], ends[1], left, right), 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (hesitant or t >= right or t <= left):
            t = right - margin if right - t < t - left else left + margin
            close = False
        hesitant = close
        here = at(t)
        trials += 1
        if too_high(here) or here.loss >= ends[low].loss:
            ends[1 - low] = here
            low = lower_of(ends)
            continue
        done = flat_enough(here)
        if not done and here.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = here
        if done:
            break
    return ends[low], trials + 1


def lower_of(ends: list[Point]) -> int:
    """Which of two points has the lower loss."""
    return 0 if ends[0].loss <= ends[1].loss else 1


def lowest_between(a: Point, b: Point, least: Any, most: Any) -> Any:
    """Where the cubic with the losses and slopes of two points is lowest, within bounds; else their middle.

    Formula 3.59 of Nocedal and Wright: with a to the left of b and m = φ'ₐ + φ'_b − 3·(φₐ − φ_b)/(a − b),
    r = √(m² − φ'ₐ·φ'_b), it is b − (b − a)·(φ'_b + r − m) / (φ'_b − φ'ₐ + 2r).
    """
    if a.t > b.t:
        a, b = b, a
    m = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = m**2 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    r = np.sqrt(square)
    lowest = b.t - (b.t - a.t) * ((b.slope + r - m) / (b.slope - a.slope + 2 * r))
    return min(max(lowest, least), most)
