"""Causes that are in the steps: inputs of another scale than they suit, their length, weight decay."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from autodiff import Tensor

from .case import ENOUGH, SATURATED, STUCK, Case, at_base_rate, number
from .findings import Finding
from .isolation import Twin
from .rows import Rows
from .signals import Signals, measure
from .trial import Trial, lr_of, with_lr

SLOW, USUAL = 1e-4, 1e-3  # |change| / |weights| of a step: too little for sure, and what is sensible


def inputs(case: Case) -> Finding | None:
    """Features far from mean 0 and deviation 1, without which it learns."""
    if any(x.dtype.kind != "f" or x.ndim < 2 for x in case.rows.all.inputs):
        return None
    features = [
        x.array.reshape(len(x.array), -1) if x.ndim == 2 else x.array.reshape(-1, 1)
        for x in case.rows.all.inputs
    ]
    means = np.concatenate([f.mean(axis=0, dtype=np.float64) for f in features])
    deviations = np.concatenate([f.std(axis=0, dtype=np.float64) for f in features])
    moving = deviations > 0
    if not moving.any():
        return None
    low, high = float(deviations[moving].min()), float(deviations[moving].max())
    off = float((np.abs(means[moving]) / deviations[moving]).max())
    if off < 3 and high < 5 and high / low < 20 and high > 0.1:
        return None
    rows = case.rows.with_inputs(standard(case.rows))
    standardised = case.retrial(lambda twin: twin, rows)
    proof = case.compared("with standardised inputs", standardised)
    if not standardised.better_than(case.trial):
        before, after = flat(case.signals), flat(measure(case.twin(), rows.batches[0]))
        if before < SATURATED or after >= SATURATED:
            return None
        proof = f"{before:.0%} of the first activation is saturated, with standardised inputs {after:.0%}"
    worst = max(off, high, high / low, 1 / high)
    return Finding(
        "inputs_not_standardised",
        worst,
        f"the features have means from {number(means.min())} to {number(means.max())} and deviations from "
        f"{number(low)} to {number(high)}; {proof}",
    )


def flat(signals: Signals) -> float:
    """How much of the first hidden activation is saturated."""
    return signals.hidden[0].saturated if signals.hidden else 0.0


def standard(rows: Rows) -> Callable[[Tensor], Tensor]:
    """Each feature less its mean, over its deviation; of pictures and sequences all numbers alike."""
    known = {}
    for x in rows.all.inputs:
        axis = 0 if x.ndim == 2 else None
        mean, deviation = x.array.mean(axis=axis, dtype=np.float64), x.array.std(axis=axis, dtype=np.float64)
        known[x.shape[1:]] = mean, np.where(deviation > 0, deviation, 1.0)

    def change(x: Tensor) -> Tensor:
        mean, deviation = known[x.shape[1:]] if x.shape[1:] in known else next(iter(known.values()))
        return Tensor(((x.array - mean) / deviation).astype(x.dtype))

    return change


def rate_too_high(case: Case) -> Finding | None:
    """The loss rises, and a smaller learning rate gets further."""
    trial = case.trial
    if not case.given or not (trial.rose > 1.1 or not math.isfinite(trial.end)):
        return None
    best, factor = best_rate(case, (1e-1, 1e-2, 1e-3, 1e-4))
    if not best.better_than(trial) or not best.end < 0.9 * best.start:
        return None
    lr = lr_of(case.optimizer)
    return Finding(
        "learning_rate_too_high",
        max(trial.ratios),
        f"a step with lr={lr:g} changes the weights by up to {number(max(trial.ratios))} of their size, "
        f"and the loss rises to {number(trial.rose)} times what it was; "
        + case.compared(f"with lr={lr * factor:g}", best),
    )


def rate_too_low(case: Case) -> Finding | None:
    """Steps hardly change the weights, and longer ones get further."""
    stuck = case.trial.learned < STUCK
    if not case.given or not case.trial.ratio < (USUAL if stuck else SLOW):
        return None
    now = max(case.trial.ratio, 1e-12)
    best, factor = best_rate(
        case, tuple(10.0 ** round(math.log10(aim / now)) for aim in (1e-3, 1e-2, 1e-1, 1.0))
    )
    if not best.better_than(case.trial) or (case.trial.ratio >= SLOW and best.learned < ENOUGH):
        return None
    lr = lr_of(case.optimizer)
    return Finding(
        "learning_rate_too_low",
        case.trial.ratio,
        f"a step with lr={lr:g} changes the weights by {case.trial.ratio:.1e} of their size; "
        + case.compared(f"with lr={lr * factor:g}", best),
    )


def best_rate(case: Case, factors: tuple[float, ...]) -> tuple[Trial, float]:
    """The trial that gets furthest with the learning rate times one of these, and the factor."""
    trials = [(case.retrial(partial(with_lr, factor=factor)), factor) for factor in factors]
    return min(trials, key=lambda pair: pair[0].end)


def decayed(case: Case) -> Finding | None:
    """Weight decay holds the weights at zero."""
    decay = max(float(group.get("weight_decay") or 0.0) for group in case.optimizer.param_groups)
    if not decay:
        return None
    free = case.retrial(without_decay)
    if not free.better_than(case.trial):
        return None
    return at_base_rate(case, f"with weight_decay=0 in place of {decay:g} it is {number(free.end)}")


def without_decay(twin: Twin) -> Twin:
    """The twin with no weight decay."""
    assert twin.optimizer is not None
    for group in twin.optimizer.param_groups:
        group["weight_decay"] = 0.0
    return twin
