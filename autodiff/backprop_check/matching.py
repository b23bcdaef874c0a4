"""One gradient beside another: the same, or transposed, not summed over the batch, a factor too large."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..dtypes import Array
from .mistakes import TRANSPOSED

UNSUMMED = "unsummed bias"
OVERSUMMED = "summed over everything"
SIGN = "sign"
RATE = "learning rate"
NO_MEAN, NO_TWO_MEAN, NO_TWO = "missing 1/n", "missing 2/n", "missing 2"
SUM_FOR_MEAN, MEAN_TWICE, TWO = "sum for mean", "1/n twice", "2 too many"

CLOSE = 1e-4  # of factors


class Option(NamedTuple):
    """A way in which a gradient is the right one: another form of it, times a factor (None: both are 0)."""

    form: str
    factor: float | None
    axis: int = 0


class Slip(NamedTuple):
    """A mistake that a gradient shows by itself, whatever the graph: which gradients, and the factor."""

    causes: tuple[str, ...]
    which: tuple[int, ...]
    factor: float = 1.0
    form: str = ""
    axis: int = 0


@dataclass
class Explained:
    """How far the right gradients explain those given: with which slips, and which not at all."""

    slips: list[Slip]
    left: list[int]
    cost: float

    @property
    def score(self) -> tuple[int, float]:
        """Less is better."""
        return len(self.left), self.cost


class Scale(NamedTuple):
    """What a loss divides by: the entries averaged, the samples; 0 for a loss that is not a mean."""

    entries: int
    samples: int

    def causes(self, factor: float, everywhere: bool) -> tuple[str, ...]:
        """The names of a positive factor, by which a gradient is too large; none if it has none."""
        found = []
        missing = NO_MEAN if everywhere else SUM_FOR_MEAN
        for n in {n: None for n in (self.entries, self.samples) if n > 1}:
            found += [(n, missing), (n / 2, NO_TWO_MEAN), (1 / n, MEAN_TWICE), (1 / n**2, MEAN_TWICE)]
        found += [(0.5, NO_TWO), (2.0, TWO)]
        if self.samples and self.entries > self.samples:
            found += [(self.entries / self.samples, missing), (self.entries / self.samples / 2, NO_TWO_MEAN)]
        return tuple({cause: None for value, cause in found if close(factor, value)})


def close(a: float, b: float) -> bool:
    """Whether two factors are the same."""
    return abs(a - b) <= CLOSE * abs(b)


def forms(given: Array, shape: tuple[int, ...]) -> Iterator[tuple[Array, str, int]]:
    """The arrays of this shape that a gradient may stand for, with what would have happened."""
    if given.shape == shape:
        yield given, "", 0
    elif given.ndim != len(shape) and trimmed(given.shape) == trimmed(shape):
        yield given.reshape(shape), "", 0  # (1, h) for (h,)
    if given.ndim == 2 and given.shape[::-1] == shape and given.size > 1:
        yield given.T, TRANSPOSED, 0
    if given.size > math.prod(shape):
        for axis in range(given.ndim):
            summed = given.sum(axis=axis)
            if trimmed(summed.shape) == trimmed(shape):
                yield summed.reshape(shape), UNSUMMED, axis


def trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its ones."""
    return tuple(n for n in shape if n != 1)


def options(given: Array, right: Array, tolerance: float) -> list[Option]:
    """The ways in which `given` is `right`, in another form or times a factor."""
    size = float(np.abs(right).max(initial=0))
    found = []
    for array, form, axis in forms(given, right.shape):
        if np.abs(array - right).max(initial=0) <= tolerance:
            found.append(Option(form, 1.0 if size > tolerance else None, axis))
        elif size > tolerance:
            factor = float((array * right).sum() / (right * right).sum())
            if factor and np.abs(array - factor * right).max() <= tolerance * abs(factor):
                found.append(Option(form, factor, axis))
    if given.size and np.ptp(given) == 0 and right.size > 1:
        total = float(right.sum())
        if abs(given.flat[0] - total) <= tolerance * right.size and abs(total) > tolerance:
            found.append(Option(OVERSUMMED, 1.0))
    return found


def explain(
    given: Sequence[Array], right: Sequence[Array], tolerances: Sequence[float], scale: Scale
) -> Explained:
    """The fewest slips that make the right gradients those given."""
    found = [options(*each) for each in zip(given, right, tolerances, strict=True)]
    sizes = [int((np.abs(array) > t).sum()) for array, t in zip(right, tolerances, strict=True)]  # not 0
    common = {1.0: 0}
    for several, size in zip(found, sizes, strict=True):
        for factor in {option.factor for option in several if option.factor is not None}:
            known = next((c for c in common if close(c, factor)), factor)
            common[known] = common.get(known, 0) + size
    candidates = sorted(common, key=lambda c: (c != 1.0, -common[c]))
    trials = [assigned(found, sizes, c, common[c], scale) for c in candidates]
    return min(trials, key=lambda trial: trial.score)


def assigned(
    found: Sequence[list[Option]], sizes: Sequence[int], common: float, evidence: int, scale: Scale
) -> Explained:
    """The slips if all gradients have the factor `common`, and some another one besides."""
    causes, cost = named(common, scale, everywhere=True)
    if arbitrary(causes) and evidence < 2:
        return Explained([], list(range(len(found))), math.inf)  # any number is some multiple of another
    left, chosen = [], []
    for i, several in enumerate(found):
        best: tuple[float, Option, tuple[str, ...], float] | None = None
        for option in several:
            rest = 1.0 if option.factor is None else option.factor / common
            more, price = named(rest, scale, everywhere=False)
            if arbitrary(more):
                if sizes[i] < 2:
                    continue
                price += 1
            price += bool(option.form)
            if best is None or price < best[0]:
                best = price, option, more, rest
        if best is None:
            left.append(i)
        else:
            chosen.append((i, *best[1:]))
    slips: list[Slip] = []
    if causes:
        slips.append(Slip(causes, tuple(i for i, *_ in chosen), common))
    by_form = itertools.groupby(sorted(chosen, key=lambda c: c[1].form), key=lambda c: c[1].form)
    for form, several_chosen in by_form:
        same = list(several_chosen)
        if form:
            slips.append(Slip((form,), tuple(i for i, *_ in same), form=form, axis=same[0][1].axis))
            cost += 1
    rests = {rest: more for _, _, more, rest in chosen if more}
    for rest in distinct(rests):
        which = tuple(i for i, _, more, other in chosen if more and close(other, rest))
        more, price = named(rest, scale, everywhere=False)
        slips.append(Slip(more, which, rest))
        cost += price + arbitrary(more)
    return Explained(slips, left, cost)


def distinct(factors: dict[float, tuple[str, ...]]) -> list[float]:
    """One of each group of factors that are the same."""
    found: list[float] = []
    for factor in factors:
        if not any(close(factor, other) for other in found):
            found.append(factor)
    return found


def named(factor: float, scale: Scale, everywhere: bool) -> tuple[tuple[str, ...], float]:
    """What a factor is called, and how unlikely it is: nothing, a sign, a power of n, or any rate."""
    if close(factor, 1.0):
        return (), 0.0
    sign: tuple[str, ...] = (SIGN,) if factor < 0 else ()
    if close(abs(factor), 1.0):
        return sign, 1.0
    causes = scale.causes(abs(factor), everywhere)
    if not causes:
        return (*sign, RATE), 1.5 + len(sign)
    small, besides = 0.1 if abs(factor) < 1 else 0.0, 0.0 if everywhere else 0.05
    if everywhere and small:
        causes = (*causes, RATE)  # may be either
    return (*sign, *causes), 1.0 + len(sign) + small + besides


def arbitrary(causes: tuple[str, ...]) -> bool:
    """Whether a factor is none that is known, but a number like any other."""
    return [cause for cause in causes if cause != SIGN] == [RATE]
