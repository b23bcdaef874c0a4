"""One step of gradient descent for small parameters, all at once.

A step of a small network costs less arithmetic than the Python around it. What does not change from step
to step is prepared once: the arrays, their shapes, the learning rate as arrays (NumPy takes twice as long
to start with a Python number), the stamps that say when each was changed. The rest are loops in C. Since no
Python runs while the parameters move, Ctrl-C cannot come between two of them, and nothing has to hold it
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.memory import renew, stamp

Array = np.ndarray[Any, Any]
ndarray = np.ndarray

SMALL = 1 << 13  # entries: below, a fresh array for the difference costs less than the loop around pieces

ONLY_ARRAYS = {np.ndarray}

multiply, subtract = np.multiply, np.subtract
shape_of = attrgetter("shape")


class Descent:
    """w ← w − γ·g for these parameters, as long as they have these arrays."""

    def __init__(self, arrays: list[Array], rate: float) -> None:
        self.rate, self.arrays = rate, arrays
        self.identities = list(map(id, arrays))
        self.shapes = list(map(shape_of, arrays))
        self.rates = [np.array(rate, w.dtype) for w in arrays]
        self.stamps = [stamp(w) for w in arrays]


def descend(params: Sequence[Tensor], rate: float, before: Descent | None) -> Descent | None:
    """One step, if all parameters are small and have a gradient that fits; if not, None, and nothing is done.

    `before` is what the last step returned, which is used again if it is still valid.
    """
    arrays = [p.array for p in params]
    gradients: list[Any] = [p._grad for p in params]
    if {*map(type, gradients)} != ONLY_ARRAYS:
        if any(g is None for g in gradients):
            return None
        gradients = [g if type(g) is ndarray else g.array for g in gradients]
    now = before
    if now is None or now.rate != rate or now.identities != [*map(id, arrays)]:
        if not all(w.size <= SMALL and w.flags.writeable for w in arrays):
            return None
        now = Descent(arrays, rate)
    if now.shapes != [*map(shape_of, gradients)]:
        return None
    differences = [*map(multiply, gradients, now.rates)]
    renew(now.stamps)
    _ = [*map(subtract, arrays, differences, arrays)]
    return now
