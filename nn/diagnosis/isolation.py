"""Work on a training without a trace: twins to experiment on, and a guard that puts everything back."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import autodiff
from autodiff import Generator, Tensor
from autodiff.dtypes import Array

from ..module import Module
from ..optim import Optimizer


class Twin:
    """A copy of a model, its loss and its optimizer, that belong together as the originals do."""

    def __init__(self, model: Module, loss_fn: Any, optimizer: Optimizer | None) -> None:
        try:
            self.model, self.loss_fn, self.optimizer = copy.deepcopy((model, loss_fn, optimizer))
        except Exception as error:
            error.add_note("in nn.diagnose, which trains a copy: copy.deepcopy((model, loss_fn, optimizer))")
            raise
        for p in self.model.parameters():
            p.grad = None


@contextmanager
def untouched(model: Module, loss_fn: Any, optimizer: Optimizer | None, data: Any) -> Iterator[None]:
    """Values, gradients, modes, optimizer state and random streams are put back, whatever was run."""
    modules = [*model.modules(), *(loss_fn.modules() if isinstance(loss_fn, Module) else ())]
    attributes = [(module, dict(module.__dict__)) for module in modules]
    tensors = [
        tensor
        for module in modules
        for _, tensor in module._own("parameter", "buffer", "temporary buffer")
        if tensor is not None
    ]
    kept = Optimized(optimizer) if optimizer is not None else None
    tensors += kept.tensors if kept is not None else []
    photographs = [Photograph(tensor) for tensor in {id(tensor): tensor for tensor in tensors}.values()]
    streams = [(stream, stream.get_state()) for stream in generators(data)]
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for stream, where in streams:
            stream.set_state(where)
        for module, values in attributes:
            module.__dict__.clear()
            module.__dict__.update(values)
        if kept is not None:
            kept.restore()
        for photograph in photographs:
            photograph.restore()


class Photograph:
    """A tensor at one moment: its array and gradient, as objects, and their values."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.array, self.record, self.grad = tensor, tensor.array, tensor.record, tensor.grad
        self.arrays = [Values(self.array)] + ([Values(self.grad.array)] if self.grad is not None else [])

    def restore(self) -> None:
        """Bring back what it shows."""
        if self.tensor.array is not self.array:
            self.tensor.data = Tensor(self.array)
        self.tensor.record, self.tensor.grad = self.record, self.grad
        for values in self.arrays:
            values.restore()


class Values:
    """What an array holds, and when it was last changed, so that graphs from before go on to be valid."""

    def __init__(self, array: Array) -> None:
        self.array, self.copy = array, array.copy()
        self.stamp = autodiff.memory.stamp(array)
        self.time = self.stamp.time

    def restore(self) -> None:
        """Write them back where they differ."""
        if self.array.tobytes() != self.copy.tobytes():
            self.array[...] = self.copy
        self.stamp.time = self.time


class Optimized:
    """What an optimizer holds beside its parameters."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.groups = [(group, dict(group)) for group in optimizer.param_groups]
        self.state = {p: dict(entry) for p, entry in optimizer.state.items()}
        self.attributes = dict(vars(optimizer))
        held = [value for entry in self.state.values() for value in entry.values()]
        self.lists = [(value, list(value)) for value in held if isinstance(value, list)]
        held += [value for _, values in self.lists for value in values]
        self.tensors = [p for _, options in self.groups for p in options["params"]]
        self.tensors += [value for value in held if isinstance(value, Tensor)]

    def restore(self) -> None:
        """Bring it back; the values of the tensors are photographed elsewhere."""
        vars(self.optimizer).clear()
        vars(self.optimizer).update(self.attributes)
        for group, options in self.groups:
            group.clear()
            group.update(options)
        self.optimizer.param_groups[:] = [group for group, _ in self.groups]
        for values, before in self.lists:
            values[:] = before
        self.optimizer.state.clear()
        self.optimizer.state.update(self.state)


def generators(data: Any) -> list[Generator]:
    """The random streams that reading and training may draw from."""
    found = [autodiff.default_generator]
    loader = data
    for owner in (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)):
        stream = getattr(owner, "generator", None)
        if isinstance(stream, Generator) and all(stream is not other for other in found):
            found.append(stream)
    return found
