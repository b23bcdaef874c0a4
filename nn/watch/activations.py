"""Which activations have stopped to pass gradients on: units that are dead, values that are saturated."""

from __future__ import annotations

from typing import NamedTuple

from autodiff.dtypes import Array

from .. import layers
from ..module import Module

NEAR = 0.03  # of the way between the two ends of an activation: nearer to one, it is saturated


class Idle(NamedTuple):
    """The share of an activation, in one call, that hardly learns: "dead" units or "saturated" values."""

    kind: str
    share: float


def idle(module: Module, result: Array) -> Idle | None:
    """What a call of an activation shows; None if `module` is none that has dead units or ends.

    A unit is one entry of the result of a sample (axis 0 counts samples). One of ReLU is dead if it is 0 for
    all of them: no gradient reaches its weights. A value is saturated if it is within 3 % of an end of the
    range of sigmoid, tanh or the like: its gradient is small.

    >>> import nn, numpy as np
    >>> idle(nn.ReLU(), np.array([[0.0, 1.0], [0.0, 0.0]]))
    Idle(kind='dead', share=0.5)
    >>> idle(nn.Tanh(), np.array([[0.0, 1.0], [-0.99, 0.5]]))
    Idle(kind='saturated', share=0.5)
    """
    if not result.size:
        return None
    if isinstance(module, layers.ReLU):
        return Idle("dead", float((result == 0).all(axis=0).mean()) if result.ndim else float(result == 0))
    ends = ends_of(module)
    if ends is None:
        return None
    low, high = ends
    near = NEAR * (high - low)
    return Idle("saturated", float(((result <= low + near) | (result >= high - near)).mean()))


def ends_of(module: Module) -> tuple[float, float] | None:
    """The range of an activation that has two ends."""
    if isinstance(module, layers.Sigmoid | layers.Hardsigmoid):
        return 0.0, 1.0
    if isinstance(module, layers.Tanh | layers.Softsign):
        return -1.0, 1.0
    if isinstance(module, layers.ReLU6):
        return 0.0, 6.0
    if isinstance(module, layers.Hardtanh):
        return float(module.min_val), float(module.max_val)
    return None


def watched(module: Module) -> bool:
    """Whether `idle` has something to say of a module."""
    return isinstance(module, layers.ReLU) or ends_of(module) is not None
