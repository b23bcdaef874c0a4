"""Forwards and rules that write into their results, as expressions: what a Lifted can follow.

Each computes the same bits as the primitive's own (the tracer compares, and keeps the own one if not).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..fast_arithmetic import product, sums
from ..ops.convolution import added, at_places, columns, in_runs, margins
from ..ops.elementwise import DENSITY
from ..ops.error_function import normal
from ..ops.special import blend
from ..ops.windows import Sizes, Window
from .lifted import Unliftable, by

FEW = 1024  # classes: with more, comparing each with the index costs more than writing ones


def softmax(x: Any, axis: Any) -> Any:
    """exp(x - max x) / Σ exp(x - max x)."""
    z = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    return z / sums(z, (axis,))


def log_softmax(x: Any, axis: Any) -> Any:
    """x - max x - log Σ exp(x - max x)."""
    z = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    return z - np.log(sums(np.exp(z), (axis,)))


def cross_entropy_rule(g: Any, z: Any, x: Any, index: Any, n: Any) -> Any:
    """g / n · (softmax(x) - one_hot(index))."""
    classes = x.shape[1]
    if classes > FEW:
        raise Unliftable("many classes")
    return g / n * (softmax(x, 1) - (index[:, None] == np.arange(classes)).astype(x.dtype))


def standardize_rule(g: Any, z: Any, x: Any, axis: Any, n: Any, eps: Any) -> Any:
    """(z̄ - mean z̄ - z · mean (z̄ z)) / root."""
    deviation = x - sums(x, axis) / n
    root = np.sqrt(sums(deviation * deviation, axis) / n + eps)
    return (g - sums(g, axis) / n - z * (sums(g * z, axis) / n)) / root


def weighted(x: Any, w: Any, b: Any) -> Any:
    """x Wᵀ + b."""
    return product(x, w.T) + b


def blended(x: Any, y: Any, w: Any) -> Any:
    """x + w (y - x), from the end that is nearer, of which there is one for all entries."""
    if isinstance(w, np.ndarray):
        return blend(x, y, w)
    d = y - x
    return x + w * d if abs(w) < 0.5 else y - d * (1 - w)


def normal_pdf(x: Any) -> Any:
    """e^(-x²/2) / √(2π)."""
    return np.exp(x * x * -0.5) * DENSITY


def convolved(x: Any, w: Any, window: Window, groups: int) -> Any:
    """Σ w · x; the backward pass needs the patches of x again."""
    z = kernels_of(w, groups) @ by(columns, x, window, groups)
    z = z.reshape(len(x), len(w), z.shape[-1])
    places = window.places(x.shape[2:])
    if z.shape[-1] > math.prod(places):
        return by(at_places, z, window, x.shape[2:]).copy()
    return z.reshape(len(x), len(w), *places)


def spread_out(g: Any, z: Any, x: Any, w: Any, window: Window, groups: int) -> Any:
    """Σ w · g, where the kernel met x."""
    patches = kernels_of(w, groups).mT @ runs_of(g, x, window, groups)
    return by(added, patches, window, x.shape)


def correlated(g: Any, z: Any, x: Any, w: Any, window: Window, groups: int) -> Any:
    """Σ x · g."""
    runs, patches = runs_of(g, x, window, groups), by(columns, x, window, groups)
    before, _ = around(x, window)
    kernels = runs[..., before : before + patches.shape[-1]] @ patches.mT
    return kernels.sum(0).reshape(w.shape)


def kernels_of(w: Any, groups: int) -> Any:
    """The kernels of each group as rows."""
    return w.reshape(groups, w.shape[0] // groups, -1)


def runs_of(g: Any, x: Any, window: Window, groups: int) -> Any:
    """The cotangent in runs, with the margins that `added` asks for, though `correlated` needs none."""
    return by(in_runs, g, window, x.shape[2:], groups, around(x, window))


def around(x: Any, window: Window) -> Sizes:
    """The margins of a run, if there are runs."""
    return margins(window, window.bordered(x.shape[2:])) if max(window.stride) == 1 else (0, 0)


TWINS: dict[tuple[str, int | None], Callable[..., Any]] = {
    ("normal_cdf", None): normal,
    ("normal_pdf", None): normal_pdf,
    ("gelu", 0): lambda g, z, x, Φ: g * (Φ + x * normal_pdf(x)),
    ("linear", None): weighted,
    ("lerp", None): blended,
    ("softmax", None): softmax,
    ("log_softmax", None): log_softmax,
    ("log_softmax", 0): lambda g, z, x, axis: g - np.exp(z) * sums(g, (axis,)),
    ("softmax", 0): lambda g, z, x, axis: z * (g - sums(g * z, (axis,))),
    ("cross_entropy", 0): cross_entropy_rule,
    ("standardize", 0): standardize_rule,
    ("conv", None): convolved,
    ("conv", 0): spread_out,
    ("conv", 1): correlated,
}
"""By primitive, and the argument of a rule."""
