"""Causes that are in the task: too much for the model, or nothing that could be learned."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.dtypes import Array

from ..layers.activation import Sigmoid, Softmax, Tanh
from ..layers.containers import Sequential
from ..layers.linear import Linear
from ..module import Module
from ..optim import Adam
from .case import STUCK, Case, at_base_rate, number, redrawn
from .findings import Finding
from .isolation import Twin
from .rows import Batch, Rows, count, taken
from .steps import standard
from .trial import base_rate, best_constant, train, with_adam

ENDINGS: dict[str, Callable[[], Module]] = {"sigmoid": Sigmoid, "tanh": Tanh, "softmax": lambda: Softmax(1)}
FEW = 32  # rows that a model should be able to fit by heart


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
