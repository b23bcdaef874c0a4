"""Do output and loss agree about logits and probabilities? Asked of the loss, by giving it right answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.dtypes import Array

from .findings import Finding

PROBABILITIES = ("sigmoid", "softmax")
UNBOUNDED = ("linear", "matmul", "add")
FAR = (3.0, 10.0, 30.0)  # logits, from probable to sure


def attempt(loss_fn: Callable[..., Any], answer: Array, output: Tensor, target: Tensor) -> float:
    """The loss of this answer; nan if it refuses it."""
    with autodiff.no_grad():
        try:
            return float(loss_fn(Tensor(answer.astype(output.dtype)), target).item())
        except (RuntimeError, ValueError, IndexError):
            return math.nan


def right_answer(output: Tensor, target: Tensor) -> tuple[Array, bool] | None:
    """The probabilities that are right, and whether they are of classes; None where targets are none."""
    y, shape = target.array, output.shape
    if y.dtype.kind == "i" and len(shape) == y.ndim + 1 and len(shape) > 1 and shape[1] > 1:
        if y.size == 0 or y.min() < 0 or y.max() >= shape[1]:
            return None
        return np.moveaxis(np.eye(shape[1])[y], -1, 1), True
    if y.dtype.kind != "f" or y.size != output.numel() or not ((y >= 0) & (y <= 1)).all():
        return None
    rows = y.reshape(shape).astype(np.float64)
    classes = rows.ndim > 1 and rows.shape[1] > 1 and np.allclose(rows.sum(axis=1), 1)
    return rows, bool(classes)


def disagreement(loss_fn: Callable[..., Any], ending: str, output: Tensor, target: Tensor) -> Finding | None:
    """A sigmoid or softmax twice, or none at all; `ending` is the operation that made the output."""
    right = right_answer(output, target)
    if right is None:
        return None
    answer, classes = right
    signed = answer if classes else 2 * answer - 1
    sure = attempt(loss_fn, answer, output, target)
    further = [attempt(loss_fn, far * signed, output, target) for far in FAR]
    best = min((loss for loss in further if math.isfinite(loss)), default=math.nan)
    if not math.isfinite(sure):
        return None
    if ending in PROBABILITIES and sure > 1e-3 and -1e-3 < best < 0.5 * sure:
        return found(
            sure,
            f"the output is a {ending}, between 0 and 1, and the loss takes logits: where every answer is as "
            f"right as it can be it is still {sure:.4g}, and {best:.2g} for right answers beyond 0 and 1",
        )
    if ending == "softmax" and classes and sure < -0.5:
        return found(
            sure,
            f"the output is a softmax, and the loss takes logarithms of probabilities: it is {sure:.4g} "
            "where every answer is right, and its gradient does not depend on how wrong an answer is",
        )
    if ending in UNBOUNDED and classes and further[1] < 0 and further[2] < 2 * further[1]:
        return found(
            further[2],
            "the loss takes logarithms of probabilities, and is given logits: it has no bottom, "
            f"{further[1]:.4g} for right logits of {FAR[1]:g}, {further[2]:.4g} for {FAR[2]:g}",
        )
    if ending in UNBOUNDED and not any(map(math.isfinite, further)):
        outside = float(((output.array < 0) | (output.array > 1)).mean())
        return found(
            outside,
            f"the loss takes probabilities, and refuses answers beyond 0 and 1; {outside:.0%} of the "
            "outputs, which are logits, lie there (they go from "
            f"{output.array.min():.4g} to {output.array.max():.4g})",
        )
    return None


def found(number: float, evidence: str) -> Finding:
    """The cause, with its proof."""
    return Finding("logits_or_probabilities", number, evidence)
