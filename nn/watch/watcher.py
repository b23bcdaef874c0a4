"""A training watched: what is measured, and when.

A step is measured in two parts: before it the weights are copied and the modules looked at, after it the
norms are worked out. Between measured steps a watched step costs little more than noting its loss.
"""

from __future__ import annotations

import math
import os
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.random import get_rng_state, set_rng_state

from ..module import Module
from ..training.callbacks import Callback
from . import seeing
from .activations import Idle, idle, watched
from .boundary import Boundary

if TYPE_CHECKING:
    from pathlib import Path

    from ..training.trainer import Trainer

SHARE = 0.03  # of the training's time: what measuring may take where no interval is given,
ALLOWANCE = 0.015  # seconds beyond it, for the first steps
DENSITY = 100  # after n steps the next one is measured in n / 100, or later

Call = tuple[tuple[Any, ...], dict[str, Any]]  # arguments
Judgement = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]  # a loss, and its other arguments


@dataclass
class Measure:
    """One measured step: ‖gradient‖ and ‖update‖/‖weights‖ by layer, what is idle by activation.

    The update is that of the step before: this one's is still to come.
    """

    step: int
    epoch: int
    gradient: dict[str, float] = field(default_factory=dict)
    update: dict[str, float] = field(default_factory=dict)
    dead: dict[str, float] = field(default_factory=dict)
    saturated: dict[str, float] = field(default_factory=dict)


class Watch(Callback):
    """What `nn.watch` returns; see there. `losses` has every step's, `measures` the measured steps."""

    def __init__(self, model: Module, interval: int | None, data: Any) -> None:
        self.model = model
        self.interval = interval
        self.losses = array("d")
        self.measures: list[Measure] = []
        self.boundary = Boundary()
        if data is not None:
            self.boundary.see(*data)
        self.epoch = 0
        self.seconds = 0.0  # that watching took
        self._layers: dict[str, list[Tensor]] = {}
        for name, parameter in model.named_parameters():
            self._layers.setdefault(name.rpartition(".")[0] or "model", []).append(parameter)
        self._names = {module: name or "model" for name, module in model.named_modules() if watched(module)}
        self._ready = False  # to measure the step that is coming
        self._before: dict[str, list[Array]] = {}  # the weights at the step before
        self._idle: dict[str, list[Idle]] = {}
        self._next = 1  # the number of the step at which there is something to do
        self._began = time.perf_counter()
        self._told = data is not None  # which data there are: no need to see them
        self._loss: Tensor | float = 0.0  # of the last step
        self._call: tuple[Call, Any] | None = None  # of the model, with its result
        self._judged: tuple[Judgement, Any] | None = None  # by a loss module, with its result
        self._again: tuple[Call, Judgement] | None = None

    def __repr__(self) -> str:
        return f"<Watch of {len(self.losses)} steps, {len(self.measures)} of them measured>"

    # Steps ---------------------------------------------------------------------------------------------

    def step(self, loss: Tensor | float, epoch: int | None = None) -> None:
        """Note a step of the training; to be called after `loss.backward()` and before `optimizer.step()`."""
        self.losses.append(loss.item() if isinstance(loss, Tensor) else loss)
        self._loss = loss
        if epoch is not None:
            self.epoch = epoch
        if len(self.losses) >= self._next:
            self._attend()

    def start(self) -> None:
        """Be ready for the first step; `with` does it."""
        self._began = time.perf_counter()
        self._prepare()

    def stop(self) -> None:
        """The training is over, for now; `with` does it."""
        steps = len(self.losses)
        seeing.end(self._see)
        self._ready, self._next = False, steps + 1
        if steps and [step for step, _ in self.boundary.frames[-1:]] != [steps]:
            self.boundary.frame(steps, self.model)

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _attend(self) -> None:
        """Measure this step if we are ready; get ready for the next if it is to be measured."""
        start = time.perf_counter()
        steps, wait = len(self.losses), 1
        if self._ready:
            self._measure(steps)
            wait = self._wait(steps)
        if wait == 1:
            self._prepare()
        self._next = steps + max(1, wait - 1)
        self.seconds += time.perf_counter() - start

    def _wait(self, steps: int) -> int:
        """In how many steps to measure again, if that costs what it did so far."""
        if self.interval is not None:
            return self.interval
        spent = self.seconds * (1 + 2 / len(self.measures)) - ALLOWANCE  # with this one and the next
        if spent < 0:
            return max(2, steps // 8)
        elapsed = time.perf_counter() - self._began
        return max(2, steps // DENSITY, math.ceil((spent / SHARE - elapsed) * steps / elapsed))

    def _prepare(self) -> None:
        """Before a step that is to be measured."""
        self._before = (
            {
                name: [parameter.detach().numpy().copy() for parameter in layer]
                for name, layer in self._layers.items()
            }
            if self.losses
            else {}
        )
        self._idle = {}
        if not self._ready:
            self._ready = True
            seeing.begin(self._see)

    def _see(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """A module is called."""
        if not self.model.training:
            return
        if module is self.model:
            self._call = (args, kwargs), result
            if not self._told and args:
                self.boundary.see(args[0])
        elif self._call is not None and args and args[0] is self._call[1]:
            self._judged = (module, args[1:], kwargs), result
        name = self._names.get(module)
        if name is not None and isinstance(result, Tensor):
            found = idle(module, result.detach().numpy())
            if found is not None:
                self._idle.setdefault(name, []).append(found)

    def _measure(self, steps: int) -> None:
        """Work out all there is to a step."""
        seeing.end(self._see)
        self._ready = False
        found = Measure(steps, self.epoch)
        for name, layer in self._layers.items():
            weights = [parameter.detach().numpy() for parameter in layer]
            gradients = [parameter.grad.numpy() for parameter in layer if parameter.grad is not None]
            size = norm(weights)
            found.gradient[name] = norm(gradients) if gradients else math.nan
            if self._before:
                update = norm([now - then for now, then in zip(weights, self._before[name], strict=True)])
                found.update[name] = update / size if size else math.nan
        for name, calls in self._idle.items():
            shares = found.dead if calls[0].kind == "dead" else found.saturated
            shares[name] = sum(call.share for call in calls) / len(calls)
        if self._call is not None and self._judged is not None and self._judged[1] is self._loss:
            self._again = self._call[0], self._judged[0]
        self._call = self._judged = None
        self.measures.append(found)
        self.boundary.offer(steps, self.model)

    def again(self) -> tuple[Tensor, Module] | None:
        """The loss once more, of the last batch and the weights of now, by a copy of the model; and that.

        The batch is the last that was measured. How the loss came of it is known in a Trainer, and where a
        loss module was given what the model returned; else this is the loss of the last step, as that left
        it. The model and the random stream are left alone.
        """
        if self._again is None:
            return (self._loss, self.model) if isinstance(self._loss, Tensor) else None
        (args, kwargs), (criterion, rest, more) = self._again
        stream = get_rng_state()
        try:
            model = deepcopy(self.model).train()
            for parameter in model.parameters():
                parameter.grad = None
            return criterion(model(*args, **kwargs), *rest, **more), model
        finally:
            set_rng_state(stream)

    # As a callback of a Trainer ------------------------------------------------------------------------

    def on_train_begin(self, trainer: Trainer) -> None:
        self._told = True
        self.start()

    def on_backward_end(self, trainer: Trainer, loss: Tensor, inputs: Sequence[Any], target: Tensor) -> None:
        if len(inputs) == 1:
            self.boundary.see(inputs[0], target)
        self._again = (tuple(inputs), {}), (trainer.loss, (target,), {})
        self.step(loss, trainer.epoch + 1)

    def on_epoch_end(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        if self.epoch != trainer.epoch:  # the trainer has a step of its own, which calls no callbacks
            self.step(values["loss"], trainer.epoch)

    def on_train_end(self, trainer: Trainer) -> None:
        self.stop()

    # The report ----------------------------------------------------------------------------------------

    @property
    def html(self) -> str:
        """The report: one HTML file, without need of any other."""
        from .report import report

        return report(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file, and return its path. Raises ValueError if no step was watched."""
        from pathlib import Path

        target = Path(path)
        target.write_bytes(self.html.encode())
        return target


def norm(arrays: Sequence[Array]) -> float:
    """The length of all entries together, √(Σ x²)."""
    return math.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays))
