"""The optimizer steps first, then the scheduler: whether it did is noted in the optimizer's `step`."""

from __future__ import annotations

import warnings
from typing import Any
from weakref import ref

from ..optimizer import Optimizer


class NotedStep:
    """An optimizer's `step` that notes in `_opt_called` that it was called."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = ref(optimizer)  # weak: an optimizer that holds itself is not freed at once

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        optimizer = self.optimizer()
        if optimizer is None:
            raise ReferenceError("step: the optimizer is gone; keep it, not only its method `step`")
        vars(optimizer)["_opt_called"] = True
        return type(optimizer).step(optimizer, *args, **kwargs)

    def __reduce__(self) -> Any:
        return NotedStep, (self.optimizer(),)  # the step of a copied optimizer is its own


def note_steps(optimizer: Optimizer) -> None:
    """Note from now on when the optimizer steps, unless somebody has already replaced its `step`."""
    if "step" not in vars(optimizer):
        vars(optimizer)["step"] = NotedStep(optimizer)


def warn_if_first(optimizer: Optimizer) -> None:
    """Warn if the optimizer has not stepped, as far as is known."""
    noted = isinstance(vars(optimizer).get("step"), NotedStep)
    if noted and "_opt_called" not in vars(optimizer):
        warnings.warn(
            "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite "
            "order: `optimizer.step()` before `lr_scheduler.step()`. Else the first value of the schedule is "
            "skipped.",
            stacklevel=3,
        )
