"""What passes through a network: the values at every activation, and the gradients that come back there.

They are read from the record of one forward pass, so that it does not matter whether an activation is a
module, a function or a method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.graph import behind
from autodiff.record import Record

from ..layers.dropout import Dropout
from ..module import Module
from .isolation import Twin
from .rows import Batch

ACTIVATIONS = ("sigmoid", "tanh", "relu")
"""The operations that are looked at: those that can saturate or die."""
OVERHEAD = 1e5
"""What an operation costs beside its multiplications, in multiplications."""
EDGES = {"sigmoid": 4.6, "tanh": 2.65}
"""Beyond these the derivative is below 4 % of its largest value (σ(4.6) = 0.99, tanh(2.65) = 0.99)."""


@dataclass
class Activation:
    """One use of an activation function: what went in, what came out, the gradient that came back."""

    kind: str
    layer: str  # the module whose parameters were used last before it
    before: Array  # (rows, units)
    after: Array
    gradient: Array
    is_output: bool = False

    @property
    def saturated(self) -> float:
        """The share of values beyond the edges."""
        return float((np.abs(self.before) > EDGES[self.kind]).mean()) if self.kind in EDGES else 0.0

    @property
    def dead(self) -> float:
        """The share of units that answer 0 for every row, although their input is not the same for all."""
        if self.kind != "relu":
            return 0.0
        return float(((self.after <= 0).all(axis=0) & (np.ptp(self.before, axis=0) > 0)).mean())

    @property
    def difference(self) -> float:
        """How much the units differ, before the activation, relative to their size."""
        return spread(self.before)


@dataclass
class Layer:
    """A weight of at least two dimensions: its size times √fan_in, and the size of its gradient."""

    name: str
    gain: float
    gradient: float


@dataclass
class Signals:
    """One forward and backward pass, seen from inside."""

    loss: float
    output: Tensor | None
    ending: str  # the operation that made the output
    work: float  # about how many multiplications a step takes
    activations: list[Activation] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    without_gradient: list[str] = field(default_factory=list)

    @property
    def hidden(self) -> list[Activation]:
        """The activations that are not the output."""
        return [activation for activation in self.activations if not activation.is_output]


def measure(twin: Twin, batch: Batch) -> Signals:
    """Run one batch forward and backward, without dropout, and read the record."""
    model = twin.model
    switched = [module for module in model.modules() if isinstance(module, Dropout) and module.training]
    for module in switched:
        module.training = False
    try:
        output = model(*batch.inputs)
        loss = twin.loss_fn(output, batch.target)
        return read(model, output, loss)
    finally:
        for module in switched:
            module.training = True
        for p in model.parameters():
            p.grad = None


def read(model: Module, output: Any, loss: Tensor) -> Signals:
    """The record of a loss, oldest first; `backward` is run for the gradients."""
    names = {p.record: name for name, p in model.named_parameters() if p.record is not None}
    last = output.grad_fn if isinstance(output, Tensor) else None
    while last is not None and last.op is not None and last.op.name == "reshape":
        last = last.inputs[0]
    order = [] if loss.grad_fn is None else behind(loss.grad_fn)
    coming: dict[Record, Array] = {}
    watched = [record for record in order if record.op is not None and record.op.name in ACTIVATIONS]
    values = {record: (np.array(record.args[0]), np.array(record.value)) for record in watched}
    for record in watched:
        Tensor(record.value, record).register_hook(partial(note, coming, record))
    used: list[tuple[str, Tensor]] = []
    work = 0.0
    layer_of: dict[Record, str] = {}
    parameters = dict(model.named_parameters())
    for record in order:
        own = [names[x] for x in record.inputs if x in names] if record.op is not None else []
        before = [layer_of[x] for x in record.inputs if x in layer_of]
        layer_of[record] = own[0].rpartition(".")[0] or own[0] if own else before[0] if before else ""
        weights = [(name, parameters[name]) for name in own if parameters[name].ndim > 1]
        used += weights
        fan_in = sum(w.numel() / w.shape[0] for _, w in weights)
        work += 3 * record.value.size * (1 + fan_in) + OVERHEAD
    loss.backward()
    signals = Signals(
        loss=float(loss.item()),
        output=output.detach().clone() if isinstance(output, Tensor) else None,
        ending=last.op.name if last is not None and last.op is not None else "",
        work=work,
    )
    for record in watched:
        before_, after = values[record]
        if before_.ndim < 2 or record not in coming:
            continue
        signals.activations.append(
            Activation(
                record.op.name,  # type: ignore[union-attr]
                layer_of[record],
                by_unit(before_),
                by_unit(after),
                by_unit(coming[record]),
                record is last,
            )
        )
    seen = set()
    for name, p in used:
        if name not in seen and p.grad is not None:
            fan_in = p.numel() / p.shape[0]
            signals.layers.append(
                Layer(name, size(p.array) * float(np.sqrt(fan_in)), float(np.linalg.norm(p.grad.array)))
            )
        seen.add(name)
    signals.without_gradient = [name for name, p in parameters.items() if p.requires_grad and p.grad is None]
    return signals


def note(coming: dict[Record, Array], record: Record, gradient: Tensor) -> None:
    """Keep the gradient that came to a record."""
    coming[record] = np.array(gradient.array)


def by_unit(array: Array) -> Array:
    """Values as (rows, units): the channels of pictures, else the last dimension."""
    moved = np.moveaxis(array, 1, -1) if array.ndim == 4 else array
    return moved.reshape(-1, moved.shape[-1]).astype(np.float64)


def size(array: Array) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0


def spread(values: Array) -> float:
    """The largest difference between two columns, relative to the largest value."""
    largest = float(np.abs(values).max(initial=0.0))
    if not np.isfinite(largest):
        return float("nan")
    return float(np.ptp(values, axis=1).max(initial=0.0)) / largest if largest > 0 else 0.0
