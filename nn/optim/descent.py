"""One step of gradient descent for small parameters, all at once.

A step of a small network costs less arithmetic than the Python around it. What does not change from step
to step is prepared once: the arrays, the learning rate as arrays (NumPy takes twice as long to start with a
Python number), the stamps that say when each was changed. Gradients are arrays until somebody looks at them
(`Tensor.grad`), and then they have their parameter's shape. The rest are loops in C. Since no Python runs
while the parameters move, Ctrl-C cannot come between two of them, and nothing has to hold it back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.memory import renew, stamp

ndarray = np.ndarray

SMALL = 1 << 13  # entries: below, a fresh array for the difference costs less than the loop around pieces

multiply, subtract = np.multiply, np.subtract


class Descent:
    """w ← w − γ·g for these parameters, as long as they have these arrays."""

    def __init__(self, arrays: list[Array], rate: float) -> None:
        self.rate, self.arrays = rate, arrays
        self.rates = [np.array(rate, w.dtype) for w in arrays]
        self.stamps = [stamp(w) for w in arrays]

    def gradients(self, params: Sequence[Tensor]) -> list[Array] | None:
        """Those that `backward` has left, which fit; None if an array or a gradient is another's."""
        if len(params) != len(self.arrays):
            return None
        found = []
        for p, w in zip(params, self.arrays):  # noqa: B905  # to say strict= takes longer than the rest
            g = p._grad
            if p.array is not w or type(g) is not ndarray:
                return None
            found.append(g)
        return found


def descend(params: Sequence[Tensor], rate: float, before: Descent | None) -> Descent | None:
    """One step, if all parameters are small and have a gradient that fits; if not, None, and nothing is done.

    `before` is what the last step returned, which is used again if it is still valid.
    """
    now = before
    gradients = now.gradients(params) if now is not None and now.rate == rate else None
    if now is None or gradients is None:
        gradients = fitting(params)
        if gradients is None:
            return None
        arrays = [p.array for p in params]
        if now is None or now.rate != rate or [*map(id, now.arrays)] != [*map(id, arrays)]:
            now = Descent(arrays, rate)
    differences = [*map(multiply, gradients, now.rates)]
    renew(now.stamps)
    _ = [*map(subtract, now.arrays, differences, now.arrays)]
    return now


def fitting(params: Sequence[Tensor]) -> list[Array] | None:
    """The gradients of small parameters, whoever has made them; None if one is missing or does not fit."""
    gradients = []
    for p in params:
        g, w = p.grad, p.array
        if g is None or g.shape != w.shape or w.size > SMALL or not w.flags.writeable:
            return None
        gradients.append(g.array)
    return gradients
