"""Mistakes that are in the data, the loss or the program: seen without any training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff
from autodiff import Generator, Tensor
from autodiff.dtypes import Array

from ..module import Module
from .findings import Finding
from .isolation import Twin, untouched
from .logits import attempt, disagreement
from .rows import Batch, Rows, count
from .signals import Signals

CONTRADICTING = 0.05
"""Up to this share of rows (or, for numbers, of their variance) may contradict another: that is noise."""
RANGES = {
    "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf),
}  # fmt: skip


# Shapes ------------------------------------------------------------------------------------------------


def refused(error: Exception, loss_fn: Callable[..., Any], output: Any, target: Any) -> Finding | None:
    """What the error of a loss says of the targets; None if it says something else.

    Tried by giving the loss other targets: coded or shaped in another way, does it take them?
    """
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return None
    words = str(error).split("\n")[0]
    ending = output.grad_fn.op.name if output.grad_fn is not None and output.grad_fn.op is not None else ""
    disagreed = disagreement(loss_fn, ending, output, target)
    if disagreed is not None:
        return disagreed
    if isinstance(error, IndexError) and target.dtype.kind == "i":
        classes = output.shape[1] if output.ndim > 1 else output.numel()
        wrong = float(((target.array < 0) | (target.array >= classes)).mean())
        return Finding(
            "target_coding",
            wrong,
            f"{wrong:.0%} of the targets are not one of the {classes} classes that the model has outputs "
            f"for, 0 to {classes - 1}: {words}",
        )
    y = target.array
    high = y > (float(y.min(initial=0)) + float(y.max(initial=0))) / 2
    recoded = {
        "as integers": y.astype(np.int64),
        "between 0 and 1": np.clip(y, 0, 1),
        "as 0 and 1": high.astype(output.dtype),
        "as -1 and 1": np.where(high, 1, -1).astype(output.dtype),
        "as floats": y.astype(output.dtype),
        "as class numbers": y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y,
    }
    for how, values in recoded.items():
        if math.isfinite(attempt(loss_fn, output.array, output, Tensor(values))):
            kept = float((values == y).mean()) if values.shape == y.shape else 0.0
            return Finding(
                "target_coding",
                1 - kept,
                f"targets {tuple(y.shape)} of {y.dtype}, from {y.min():g} to {y.max():g}: the loss takes "
                f"them {how}, which changes {1 - kept:.0%} of them, and refuses them as they are: {words}",
            )
    if output.shape == target.shape:
        return None
    return Finding(
        "mismatched_shapes",
        output.numel() / max(target.numel(), 1),
        f"outputs {tuple(output.shape)}, targets {tuple(target.shape)}; the loss refuses them: {words}",
    )


def shapes(loss_fn: Callable[..., Any], signals: Signals, target: Tensor) -> Finding | None:
    """Does the loss compare every prediction with every target? Then it does not notice their order."""
    output = signals.output
    if output is None or output.ndim == 0 or target.ndim == 0 or len(target.array) < 3:
        return None
    if (
        output.shape == target.shape
        or len(np.unique(target.array.reshape(len(target.array), -1), axis=0)) < 2
    ):
        return None
    stream = Generator().manual_seed(0)
    answers = stream.uniform(output.shape, 0.1, 0.9, dtype=np.dtype(np.float64))
    orders = [stream.permutation(len(target.array)) for _ in range(5)]
    losses = [attempt(loss_fn, answers, output, Tensor(target.array[order])) for order in orders]
    if (
        not all(map(math.isfinite, losses))
        or not any(losses)
        or np.ptp(losses) > 1e-5 * max(map(abs, losses))
    ):
        return None
    return Finding(
        "mismatched_shapes",
        float(np.ptp(losses)),
        f"outputs {tuple(output.shape)}, targets {tuple(target.shape)}: in whatever order the targets come, "
        f"the loss of the same outputs is {losses[0]:.4g}",
    )


# Targets -----------------------------------------------------------------------------------------------


def coding(loss_fn: Callable[..., Any], signals: Signals, target: Tensor) -> Finding | None:
    """Can the loss be smallest, and the output be, where the target is?"""
    output = signals.output
    if output is None or target.dtype.kind != "f" or target.numel() != output.numel():
        return None
    return (
        without_bottom(loss_fn, output, target)
        or without_effect(loss_fn, output, target)
        or out_of_reach(signals.ending, target)
    )


def without_bottom(loss_fn: Callable[..., Any], output: Tensor, target: Tensor) -> Finding | None:
    """BCE with targets beyond 0 and 1: the more extreme the answer, the smaller the loss, without end."""
    y = target.array.reshape(output.shape)
    outside = float(((y < 0) | (y > 1)).mean())
    if not outside:
        return None
    low, high = np.float64(y.min()), np.float64(y.max())
    side = np.where(y > (low + high) / 2, 1.0, -1.0)
    far, further = (attempt(loss_fn, answer, output, target) for answer in (20 * side, 40 * side))
    sure, surer = (attempt(loss_fn, 0.5 + (0.5 - e) * side, output, target) for e in (1e-3, 1e-6))
    for near, beyond in ((far, further), (sure, surer)):
        if near < 0 and beyond < 1.5 * near:
            return Finding(
                "target_coding",
                beyond,
                f"{outside:.0%} of the targets are not between 0 and 1 (they go from {low:g} to {high:g}), "
                f"and the loss has no bottom: {near:.4g} for answers that are sure, {beyond:.4g} for surer "
                "ones",
            )
    return None


def without_effect(loss_fn: Callable[..., Any], output: Tensor, target: Tensor) -> Finding | None:
    """Hinge losses with targets 0: a row of target 0 has no gradient, whatever the answer."""
    y = target.array.reshape(output.shape)
    zeros = y == 0
    if not zeros.any() or zeros.all():
        return None
    stream = Generator().manual_seed(0)
    for low, high in ((0.1, 0.9), (-0.9, -0.1)):
        numbers = stream.uniform(output.shape, low, high, dtype=np.dtype(np.float64))
        answer = Tensor(numbers.astype(output.dtype)).requires_grad_()
        try:
            loss_fn(answer, target).backward()
        except (RuntimeError, ValueError, IndexError):
            return None
        if answer.grad is None or answer.grad.array[zeros].any() or not answer.grad.array[~zeros].any():
            return None
    return Finding(
        "target_coding",
        float(zeros.mean()),
        f"{zeros.mean():.0%} of the targets are 0, and for them the gradient of the loss is exactly 0, "
        "whatever the model answers",
    )


def out_of_reach(ending: str, target: Tensor) -> Finding | None:
    """Targets that the last activation cannot give."""
    if ending not in RANGES:
        return None
    low, high = RANGES[ending]
    y = target.array
    share = float(((y < low - 1e-6) | (y > high + 1e-6)).mean())
    if not share:
        return None
    return Finding(
        "target_coding",
        share,
        f"the output is a {ending}, between {low:g} and {high:g}, and {share:.0%} of the targets are beyond "
        f"(they go from {y.min():g} to {y.max():g})",
    )


def contradictions(rows: Rows) -> Finding | None:
    """Rows with equal inputs and different targets. Sequences of integers (tokens) may go on differently."""
    inputs, target = rows.all
    n = count(rows.all)
    if any(x.dtype.kind != "f" or len(x.array) != n for x in inputs) or n < 2:
        return None
    flat = np.concatenate([x.array.reshape(n, -1) for x in inputs], axis=1)
    distinct, group = np.unique(flat, axis=0, return_inverse=True)
    group = group.reshape(-1)
    if len(distinct) in (1, n) or len(target.array) != n:
        return None
    y = target.array.reshape(n, -1)
    values, label = np.unique(y, axis=0, return_inverse=True)
    pairs = np.unique(np.column_stack([group, label.reshape(-1)]), axis=0)
    labels = np.bincount(pairs[:, 0], minlength=len(distinct))
    wrong = labels[group] > 1
    share = float(wrong.mean())
    if y.dtype.kind == "f" and len(values) > max(20, n // 10):  # no classes: how far apart are they?
        sums = np.zeros((len(distinct), y.shape[1]))
        np.add.at(sums, group, y)
        mean = sums / np.bincount(group)[:, None]
        total = float(((y - y.mean(axis=0)) ** 2).sum())
        share = float(((y - mean[group]) ** 2).sum()) / total if total else 0.0
    if share < CONTRADICTING:
        return None
    first = int(np.flatnonzero(wrong)[0])
    other = int(np.flatnonzero((group == group[first]) & (label.reshape(-1) != label.reshape(-1)[first]))[0])
    return Finding(
        "contradicting_labels",
        float(wrong.mean()),
        f"{wrong.sum()} of {n} rows ({wrong.mean():.0%}) have the same inputs as another row and a different "
        f"target, such as rows {first} and {other} of those that were read: {shown(y[first])} and "
        f"{shown(y[other])}",
    )


def shown(values: Array) -> str:
    """A target in a sentence."""
    return f"{values[0]:g}" if len(values) == 1 else str([round(float(v), 4) for v in values[:4]])


# The step ----------------------------------------------------------------------------------------------


def zeroing(
    step: Callable[..., Any], model: Module, loss_fn: Any, optimizer: Any, data: Any, batch: Batch
) -> Finding | None:
    """Do gradients from before a step get into it?

    The same step is run twice from the same state: without gradients, and with its own gradients, times
    -1000, in their place. If they are zeroed, it makes no difference; else the second step goes the other
    way, even if gradients are clipped. A step that moves nothing adds up on purpose, and is not accused.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]

    def run(gradients: list[Array | None]) -> tuple[list[Array | None], list[bool]]:
        with untouched(model, loss_fn, optimizer, data):
            autodiff.manual_seed(0)
            before = [p.array.copy() for p in parameters]
            for p, g in zip(parameters, gradients, strict=True):
                p.grad = None if g is None else Tensor(g.copy())
            step(*batch.inputs, batch.target)
            left = [None if p.grad is None else p.grad.array.copy() for p in parameters]
            return left, [bool((p.array != w).any()) for p, w in zip(parameters, before, strict=True)]

    clean, moved = run([None] * len(parameters))
    again, _ = run([None if g is None else -1000 * g for g in clean])
    product = squares = others = 0.0
    for g, h, moves in zip(clean, again, moved, strict=True):
        if moves and g is not None and h is not None:
            product += float((g * h).sum(dtype=np.float64))
            squares += float((g * g).sum(dtype=np.float64))
            others += float((h * h).sum(dtype=np.float64))
    if not squares or not others or not product < 0.5 * math.sqrt(squares * others):
        return None
    cosine = product / math.sqrt(squares * others)
    return Finding(
        "forgotten_zero_grad",
        cosine,
        f"with -1000 times its gradient left in .grad, the step goes where that points: the cosine of its "
        f"gradient with the right one is {cosine:.2f}, and would be 1.00 if .grad were zeroed",
    )


def of_targets(twin: Twin, signals: Signals, rows: Rows) -> list[Finding]:
    """What is wrong with shapes, coding and labels."""
    target = rows.batches[0].target
    if not isinstance(target, Tensor):
        return []
    found = shapes(twin.loss_fn, signals, target) or coding(twin.loss_fn, signals, target)
    if found is None and signals.output is not None:
        found = disagreement(twin.loss_fn, signals.ending, signals.output, target)
    return [finding for finding in (found, contradictions(rows)) if finding is not None]
