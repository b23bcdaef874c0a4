"""Why a short training did not get far: one question after the other, the first that is answered yes.

A question looks at what was measured; where that could be harmless, a second training of a copy, with the
cause taken away, has to get clearly further. The order is that of the consequences: inputs that are far too
large saturate units, and saturated units make gradients vanish.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.dtypes import Array

from ..layers.activation import Sigmoid, Softmax, Tanh
from ..layers.containers import Sequential
from ..layers.linear import Linear
from ..module import Module
from ..optim import Adam, Optimizer
from .findings import Finding
from .isolation import Twin
from .rows import Batch, Rows, count, taken
from .signals import Signals, measure, size, spread
from .trial import Trial, base_rate, best_constant, lr_of, train, with_adam, with_lr

ENOUGH = 0.5  # of the base rate's loss, learned in the trial: then nothing is wrong that would show here
STUCK = 0.1  # less learned than this: as good as nothing
EQUAL = 1e-5  # relative difference of units that are the same, in float32
SMALL_GAIN = 0.1  # size of a weight times √fan_in; the layers' own initial values have 0.58
SATURATED, DEAD = 0.5, 0.7  # share of values, of units
VANISHED, EXPLODED = 1e-3, 4.0  # gradient at the first activation over that at the last
SLOW = 1e-4  # |change| / |weights| of a step
ENDINGS: dict[str, Callable[[], Module]] = {"sigmoid": Sigmoid, "tanh": Tanh, "softmax": lambda: Softmax(1)}
FEW = 32  # rows that a model should be able to fit by heart


@dataclass
class Case:
    """A training under examination; every twin begins where the training is now."""

    model: Module
    loss_fn: Any
    optimizer: Optimizer
    given: bool  # whether the optimizer is the user's
    rows: Rows
    signals: Signals
    trial: Trial
    steps: int  # of the trial

    def twin(self) -> Twin:
        """A copy to experiment on."""
        return Twin(self.model, self.loss_fn, self.optimizer)

    def retrial(self, change: Callable[[Twin], Twin], rows: Rows | None = None) -> Trial:
        """The trial again, with one thing different."""
        return train(change(self.twin()), rows or self.rows, self.trial.base, self.steps)

    def compared(self, what: str, other: Trial) -> str:
        """Two trials in a sentence."""
        return (
            f"after {len(self.trial.losses)} steps the loss is {number(self.trial.end)}, {what} it is "
            f"{number(other.end)} (the base rate has {number(self.trial.base)})"
        )


def number(x: float) -> str:
    """Four digits."""
    return f"{x:.4g}"


def explain(case: Case) -> Finding | None:
    """The first cause that is found, if the trial did not get far."""
    if case.trial.learned >= 0.9:
        return None
    for cause in ORDER if case.trial.learned < ENOUGH else ALSO_IF_SLOW:
        finding = cause(case)
        if finding is not None:
            return finding
    return None


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


# Inputs and rates --------------------------------------------------------------------------------------


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
    if not case.given or not case.trial.ratio < SLOW:
        return None
    now = max(case.trial.ratio, 1e-12)
    best, factor = best_rate(
        case, tuple(10.0 ** round(math.log10(aim / now)) for aim in (1e-3, 1e-2, 1e-1, 1.0))
    )
    if not best.better_than(case.trial):
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


# Capacity, and no relation -----------------------------------------------------------------------------


def capacity(case: Case) -> Finding | None:
    """A few rows that a larger network knows by heart are too many for this one."""
    if any(x.dtype.kind != "f" for x in case.rows.all.inputs) or case.signals.output is None:
        return None
    change = standard(case.rows)
    few = case.rows.few(FEW)
    few = Batch([change(x) for x in few.inputs], few.target)
    rows = Rows(few, [few])
    output = output_of(case.twin(), few)
    base = base_rate(case.loss_fn, output, few.target)
    steps = 2 * case.steps
    if not base > 0.1 * case.trial.base:  # nan, or rows of one class only
        return None
    tries = []
    for fresh in (False, True):
        twin = with_adam(case.twin(), lr=0.03)
        if fresh:
            redrawn(twin)
        tries.append(train(twin, rows, base, steps))
    best = min(tries, key=lambda trial: trial.end)
    if not best.learned < 0.7:
        return None
    larger = train(reference(case, few, np.zeros(1)), rows, base, steps)
    if not larger.learned > 0.9:
        return None
    return Finding(
        "capacity_too_small",
        best.end,
        f"on {count(few)} rows alone, {steps} steps of Adam bring the loss from {number(best.start)} to "
        f"{number(best.end)} (the base rate has {number(base)}); a network with 64 hidden units gets to "
        f"{number(larger.end)}",
    )


def output_of(twin: Twin, batch: Batch) -> Tensor:
    """What a twin answers."""
    with autodiff.no_grad():
        output: Tensor = twin.model(*batch.inputs)
    return output


def redrawn(twin: Twin) -> Twin:
    """The twin with the initial values that its layers are made with."""
    autodiff.manual_seed(1)
    for module in twin.model.modules():
        reset = getattr(module, "reset_parameters", None)
        if reset is not None:
            reset()
    return twin


def reference(case: Case, batch: Batch, middle: Array) -> Twin:
    """A network that is large enough, with the inputs, outputs and last activation of this one."""
    output = case.signals.output
    assert output is not None
    autodiff.manual_seed(2)
    inputs = sum(math.prod(x.shape[1:]) for x in batch.inputs)
    outputs = math.prod(output.shape[1:])
    layers: list[Module] = [Linear(inputs, 64), Tanh(), Linear(64, 64), Tanh(), Linear(64, outputs)]
    layers += [ENDINGS[case.signals.ending]()] if case.signals.ending in ENDINGS else []
    net = Reference(layers, output.shape[1:], Tensor(np.array(middle)))
    net = net.to(dtype=output.dtype)
    return Twin(net, case.loss_fn, Adam(net.parameters(), lr=0.01))


class Reference(Module):
    """A feed-forward network on all inputs side by side, whose output has the shape of another model's.

    Its answers begin near `middle`.
    """

    middle: Tensor

    def __init__(self, layers: list[Module], shape: tuple[int, ...], middle: Tensor) -> None:
        super().__init__()
        self.layers, self.shape = Sequential(*layers), shape
        self.register_buffer("middle", middle)

    def forward(self, *inputs: Tensor) -> Tensor:
        flat = autodiff.cat([x.reshape(x.shape[0], -1) for x in inputs], dim=1)
        output: Tensor = self.layers(flat).reshape(-1, *self.shape) + self.middle
        return output


def at_base_rate(case: Case, reason: str) -> Finding | None:
    """The finding that the trial ended at the base rate, for this reason."""
    if case.trial.learned > STUCK:
        return None
    return Finding(
        "constant_output",
        case.trial.end,
        f"after {len(case.trial.losses)} steps the loss is {number(case.trial.end)}, and that of the best "
        f"constant answer is {number(case.trial.base)}; {reason}",
    )


def lost_inputs(case: Case) -> Finding | None:
    """All rows are the same, or all outputs."""
    n = count(case.rows.all)
    if n > 1 and all((x.array == x.array[:1]).all() for x in case.rows.all.inputs):
        return at_base_rate(case, f"the inputs of all {n} rows are the same")
    output = case.signals.output
    if output is None or len(output.array) < 2:
        return None
    varied = float(np.ptp(output.array, axis=0).max(initial=0.0))
    if not varied <= 1e-6 * max(1.0, float(np.abs(output.array).max())):
        return None
    return at_base_rate(case, f"the outputs of {len(output.array)} different rows differ by {varied:.1g}")


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


def unrelated(case: Case) -> Finding | None:
    """A larger network, too, finds nothing in half of the rows that would hold for the other half."""
    n = count(case.rows.all)
    if n < 40 or case.trial.learned > STUCK or case.signals.output is None:
        return None
    if any(x.dtype.kind != "f" for x in case.rows.all.inputs):
        return None
    order = autodiff.Generator().manual_seed(3).permutation(n)[:256]
    change = standard(case.rows)
    half = len(order) // 2
    one, other = (taken(case.rows.all, part) for part in (order[:half], order[half:]))
    one, other = (Batch([change(x) for x in batch.inputs], batch.target) for batch in (one, other))
    middle = best_constant(case.loss_fn, output_of(case.twin(), one), one.target)[1]
    twin = reference(case, one, middle if case.signals.ending not in ENDINGS else np.zeros(1))
    base = base_rate(twin.loss_fn, output_of(twin, other), other.target)
    best = math.inf
    for _ in range(15):
        train(twin, Rows(one, [one]), base, 10)
        with autodiff.no_grad():
            best = min(best, float(twin.loss_fn(output_of(twin, other), other.target).item()))
        if best < 0.97 * base:
            return None
    return at_base_rate(
        case,
        f"a network with 64 hidden units, trained on {half} rows, gets no better than {number(best)} on "
        f"{len(order) - half} others, where the base rate has {number(base)}: inputs without relation to the "
        "targets",
    )


ORDER: tuple[Callable[[Case], Finding | None], ...] = (
    frozen, symmetric, inputs, saturated, dead, exploding, vanishing, lost_inputs, decayed,
    rate_too_high, unrelated, rate_too_low, capacity,
)  # fmt: skip
# Half of it is learned, perhaps on purpose so: only what a retrial shows to be in the way.
ALSO_IF_SLOW: tuple[Callable[[Case], Finding | None], ...] = (
    symmetric, inputs, dead, exploding, rate_too_high,
)  # fmt: skip
