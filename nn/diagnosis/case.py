"""A training under examination, and the copies of it that a question tries something on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autodiff

from ..module import Module
from ..optim import Optimizer
from .findings import Finding
from .isolation import Twin
from .rows import Rows
from .signals import Signals
from .trial import Trial, train

ENOUGH = 0.5  # of the base rate's loss, learned in the trial: then nothing is wrong that would show here
STUCK = 0.1  # less learned than this: as good as nothing
SATURATED = 0.5  # share of values


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


def redrawn(twin: Twin) -> Twin:
    """The twin with the initial values that its layers are made with."""
    autodiff.manual_seed(1)
    for module in twin.model.modules():
        reset = getattr(module, "reset_parameters", None)
        if reset is not None:
            reset()
    return twin


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
