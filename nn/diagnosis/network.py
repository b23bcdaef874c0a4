"""Causes that are in the network: parameters that do not move, signals that do not come through."""

from __future__ import annotations

import math

import numpy as np

from .case import SATURATED, STUCK, Case, number, redrawn
from .findings import Finding
from .isolation import Twin
from .signals import Signals, size, spread

EQUAL = 1e-5  # relative difference of units that are the same, in float32
SMALL_GAIN = 0.1  # size of a weight times √fan_in; the layers' own initial values have 0.58
DEAD = 0.7  # share of units
VANISHED, EXPLODED = 1e-3, 4.0  # gradient at the first activation over that at the last


# Parameters --------------------------------------------------------------------------------------------


def frozen(case: Case) -> Finding | None:
    """Parameters that do not require grad, are not in the optimizer, or that the loss does not depend on."""
    named = dict(case.model.named_parameters())
    optimized = {id(p) for group in case.optimizer.param_groups for p in group["params"]}
    still = {name: "does not require grad" for name, p in named.items() if not p.requires_grad}
    still |= {
        name: "is not in the optimizer"
        for name, p in named.items()
        if name not in still and case.given and id(p) not in optimized
    }
    if still:
        thawed = case.retrial(thaw)
        if len(still) < len(named) and not thawed.better_than(case.trial):
            still = {}
        else:
            proof = "; " + case.compared("with all of them trained", thawed)
    if not still:
        still = dict.fromkeys(case.signals.without_gradient, "gets no gradient")
        proof = ""
    if not still:
        return None
    share = sum(named[name].numel() for name in still) / sum(p.numel() for p in named.values())
    name, reason = next(iter(still.items()))
    return Finding(
        "frozen_parameters",
        share,
        f"{len(still)} of {len(named)} parameters do not move ({share:.0%} of the numbers): {name} {reason}"
        f"{proof}",
    )


def thaw(twin: Twin) -> Twin:
    """All parameters are trained."""
    assert twin.optimizer is not None
    known = {id(p) for group in twin.optimizer.param_groups for p in group["params"]}
    for p in twin.model.parameters():
        p.requires_grad_()
    missing = [p for p in twin.model.parameters() if id(p) not in known]
    if missing:
        named = "param_names" in twin.optimizer.param_groups[0]
        twin.optimizer.add_param_group(
            {"params": [(str(i), p) for i, p in enumerate(missing)] if named else missing}
        )
    return twin


# Signals -----------------------------------------------------------------------------------------------


def symmetric(case: Case) -> Finding | None:
    """Units that are equal and get equal gradients; or weights so small that they are nearly so."""
    for hidden in case.signals.hidden:
        if hidden.before.shape[1] > 1 and hidden.difference < EQUAL and spread(hidden.gradient) < EQUAL:
            return Finding(
                "symmetric_initialisation",
                hidden.difference,
                f"the {hidden.before.shape[1]} units of {hidden.layer} differ by {hidden.difference:.1g} of "
                f"their size, and their gradients by {spread(hidden.gradient):.1g}",
            )
    if len(case.signals.layers) < 2:
        return None
    smallest = min(case.signals.layers[:-1], key=lambda layer: layer.gain)
    if smallest.gain >= SMALL_GAIN:
        return None
    if case.trial.learned >= STUCK and not case.retrial(redrawn).better_than(case.trial):
        return None
    varied = min((size(np.std(a.after, axis=0)) for a in case.signals.hidden), default=0.0)
    return Finding(
        "symmetric_initialisation",
        smallest.gain,
        f"{smallest.name} has the size {number(smallest.gain)} / √(fan-in), the layers' own initial values "
        f"0.58 / √(fan-in); the hidden units vary by {number(varied)} from row to row; after "
        f"{len(case.trial.losses)} steps the loss is {number(case.trial.end)} (the base rate has "
        f"{number(case.trial.base)})",
    )


def saturated(case: Case) -> Finding | None:
    """Most values of a sigmoid or tanh lie where it is flat."""
    worst = max(
        (a for a in case.signals.activations if not a.is_output or case.trial.learned < STUCK),
        key=lambda a: a.saturated,
        default=None,
    )
    if worst is None or worst.saturated < SATURATED:
        return None
    return Finding(
        "saturated_activations",
        worst.saturated,
        f"{worst.saturated:.0%} of what goes into the {worst.kind} behind {worst.layer} is so large (its "
        f"size is {number(size(worst.before))}) that the derivative is below 4 % of the largest",
    )


def dead(case: Case) -> Finding | None:
    """Most units of a ReLU answer 0 for every row."""
    worst = max(case.signals.hidden, key=lambda a: a.dead, default=None)
    if worst is None or worst.dead < DEAD:
        return None
    units, proof = worst.before.shape[1], ""
    if case.trial.learned >= STUCK:  # enough units are left for some of it
        drawn = case.retrial(redrawn)
        if not drawn.better_than(case.trial):
            return None
        proof = "; " + case.compared("with the layers' own initial values", drawn)
    return Finding(
        "dead_relus",
        worst.dead,
        f"{round(worst.dead * units)} of the {units} units behind {worst.layer} answer 0 for every one of "
        f"{len(worst.before)} rows{proof}",
    )


def gradient_ratio(signals: Signals) -> tuple[float, str] | None:
    """The gradient at the first activation over that at the last, and in words."""
    hidden = signals.hidden
    if len(hidden) < 2:
        return None
    first, last = size(hidden[0].gradient), size(hidden[-1].gradient)
    if not last > 0 or not math.isfinite(first):
        return None
    steps = ", ".join(f"{size(a.gradient):.1e}" for a in hidden)
    return (
        first / last,
        f"the gradients at the {len(hidden)} activations, first to last, have the sizes {steps}",
    )


def exploding(case: Case) -> Finding | None:
    """Gradients grow on their way to the first layer."""
    ratio = gradient_ratio(case.signals)
    if ratio is None or ratio[0] < EXPLODED:
        return None
    drawn, base = case.retrial(redrawn), abs(case.trial.base)
    if not drawn.better_than(case.trial) and not case.trial.start > 10 * max(base, drawn.start):
        return None
    return Finding(
        "exploding_gradients",
        ratio[0],
        f"{ratio[1]}: they grow {ratio[0]:.2g} times; the loss begins at {number(case.trial.start)}, with "
        f"the layers' own initial values at {number(drawn.start)}; " + case.compared("with these", drawn),
    )


def vanishing(case: Case) -> Finding | None:
    """Gradients shrink on their way to the first layer."""
    ratio = gradient_ratio(case.signals)
    if ratio is None or ratio[0] > VANISHED or case.trial.learned >= STUCK:
        return None
    return Finding("vanishing_gradients", ratio[0], f"{ratio[1]}: of the last, {ratio[0]:.1g} arrives")
