"""What is legal but hardly meant: said once, as a warning at the user's line, and never of correct programs.

Each kind has a category, so that who means it can say so:

    warnings.filterwarnings("ignore", category=autodiff.GradientNotZeroed)

Nothing is watched that a healthy training step does. A gradient that is added to one that is there is looked
at where that happens, which is not in a loop that zeroes; the losses that are kept are counted now and then.
"""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING

from .errors.where import of_user, stack
from .memory import changed_after
from .record import Record, clock

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["GradientNotZeroed", "GraphKept", "SuspiciousWarning"]


class SuspiciousWarning(UserWarning):
    """Something legal that is hardly meant."""


class GradientNotZeroed(SuspiciousWarning):
    """A gradient is added to one from before the parameter moved."""


class GraphKept(SuspiciousWarning):
    """The losses of earlier steps are kept, and with each the graph behind it."""


def suspect(message: str, category: type[SuspiciousWarning] = SuspiciousWarning) -> None:
    """Warn at the user's line."""
    steps = stack()
    i = of_user(steps)
    if i is None:
        warnings.warn(message, category, stacklevel=3)
        return
    names = steps[i].frame.f_globals
    registry = names.setdefault("__warningregistry__", {})
    module = names.get("__name__") or "<unknown>"  # of None nothing is said
    warnings.warn_explicit(message, category, steps[i].file, steps[i].line, module, registry)


# A gradient that was never zeroed -------------------------------------------------------------------------


def doubt_sum(x: Tensor, grad: Tensor) -> None:
    """Before a gradient is added to `grad`: warn if x was changed in place since something was last added.

    Several backward passes before one step add up on purpose, and are not meant. A gradient at the old values
    plus one at the new is no gradient anywhere. (What was there first bears no time: it takes a third pass.)
    """
    if changed_after(x.array, grad.array) and grad.array.any():
        suspect(
            "backward() adds to a gradient from before the parameter moved: the sum is the gradient of "
            "nothing. It was never zeroed: call optimizer.zero_grad() in each step, before backward(). If "
            "you mean it: warnings.filterwarnings('ignore', category=autodiff.GradientNotZeroed)",
            GradientNotZeroed,
        )


# A loss that is kept --------------------------------------------------------------------------------------


class Losses:
    """A sample of the tensors that `backward` was called on, and whether all are still there."""

    every = 100  # ticks of the clock, which each operation advances: a step or so
    enough = 50  # so many in a row are no accident

    def __init__(self) -> None:
        self.due = 0  # a record that is born later is the next of the sample: one comparison a step
        self.sample: list[weakref.ref[Record]] = []

    def count(self, root: Record) -> None:
        """Take one more; once there are enough, warn if all are still held, though `backward` is done."""
        self.sample.append(weakref.ref(root))
        self.due = clock() + self.every
        if len(self.sample) > self.enough:
            kept = all(ref() is not None for ref in self.sample)
            self.sample.clear()
            if kept:
                suspect(
                    "the graphs of the losses of earlier steps are all still in memory, and each step adds "
                    "one: a loss tensor is kept (total += loss, losses.append(loss)). Keep the number, "
                    "total += loss.item(), or loss.detach()",
                    GraphKept,
                )


losses = Losses()


# A gradient where none will be ----------------------------------------------------------------------------


def doubt_grad_of_result() -> None:
    """Warn that `.grad` was asked of the result of an operation that does not keep it."""
    suspect(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
        "won't be populated during autograd.backward(): gradients are kept for what you made (leaves), not "
        "for what was computed. If you want it, call x.retain_grad() before backward(); if not, ask the leaf"
    )
