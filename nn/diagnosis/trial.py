"""Short trainings of a copy: does the loss fall, and would it if one thing were different?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.dtypes import Array

from ..optim import Adam, Optimizer
from .isolation import Twin
from .rows import Batch, Rows

STEPS = 300  # of a trial
WORK = 1e10  # multiplications of a trial, about a second: larger models are trained for fewer steps
LEAST = 20  # steps, whatever the size


@dataclass
class Trial:
    """A short training: the loss before each step, and how far steps moved the weights, relative to them."""

    losses: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    base: float = math.nan  # the loss of the best constant answer
    per_epoch: int = 1  # batches

    @property
    def start(self) -> float:
        """The loss before the first step."""
        return self.losses[0]

    @property
    def end(self) -> float:
        """The mean loss of the last steps; infinite if there was an infinite one."""
        last = self.losses[-max(self.per_epoch, len(self.losses) // 20, 1) :]
        end = float(np.mean(last))
        return end if math.isfinite(end) else math.inf

    @property
    def learned(self) -> float:
        """The share of the base rate's loss that is gone at the end: 0 is the base rate, 1 is no loss."""
        return self.share(self.end)

    def share(self, loss: float) -> float:
        """The share of the base rate's loss that is gone at this loss."""
        if not math.isfinite(loss):
            return -math.inf
        scale = abs(self.base) if self.base else 1.0
        return (self.base - loss) / scale

    @property
    def rose(self) -> float:
        """The largest loss, relative to the first."""
        largest = max(loss if math.isfinite(loss) else math.inf for loss in self.losses)
        return largest / self.start if self.start > 0 else 1.0

    @property
    def ratio(self) -> float:
        """The median of |change of the weights| / |weights|."""
        return float(np.median(self.ratios)) if self.ratios else math.nan

    def better_than(self, other: Trial, by: float = 0.2) -> bool:
        """True if clearly more was learned here."""
        return self.learned > max(other.learned, 0.0) + by and self.end < 0.7 * other.end


def train(twin: Twin, rows: Rows, base: float, steps: int) -> Trial:
    """Train a twin, which is changed; with a random stream of its own, so that twins can be compared."""
    model, optimizer = twin.model, twin.optimizer
    assert optimizer is not None
    autodiff.manual_seed(0)
    trial = Trial(base=base, per_epoch=len(rows.batches))
    weights = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    weights = weights or [p for p in model.parameters() if p.requires_grad]
    model.train()
    for step in range(steps):
        batch = rows.batches[step % len(rows.batches)]
        first: list[float] = []

        def closure(batch: Batch = batch, first: list[float] = first) -> Tensor:
            model.zero_grad()
            optimizer.zero_grad()
            loss: Tensor = twin.loss_fn(model(*batch.inputs), batch.target)
            first.append(float(loss.item()))
            loss.backward()
            return loss

        looks = step < 5 or step % max(1, steps // 20) == 0
        before = [p.array.copy() for p in weights] if looks else []
        optimizer.step(closure)
        trial.losses.append(first[0])
        if not math.isfinite(first[0]):
            break
        if looks and weights:
            moved = math.sqrt(
                sum(float(np.square(p.array - w).sum()) for p, w in zip(weights, before, strict=True))
            )
            size = math.sqrt(sum(float(np.square(w).sum()) for w in before))
            trial.ratios.append(moved / size if size > 0 else math.inf)
    return trial


def affordable(work: float) -> int:
    """How many steps of so many multiplications a trial has. Not by the clock: it must come out the same."""
    return int(min(STEPS, max(LEAST, WORK / max(work, 1.0))))


def with_adam(twin: Twin, lr: float = 0.01) -> Twin:
    """The twin with another optimizer: Adam on all its parameters."""
    trainable = [p for p in twin.model.parameters() if p.dtype.kind == "f"]
    twin.optimizer = Adam([p.requires_grad_() for p in trainable], lr=lr)
    return twin


def with_lr(twin: Twin, factor: float) -> Twin:
    """The twin with all learning rates times `factor`."""
    assert twin.optimizer is not None
    for group in twin.optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    return twin


def lr_of(optimizer: Optimizer) -> float:
    """The learning rate of the first group."""
    return float(optimizer.param_groups[0]["lr"])


def constants(output: Tensor, target: Tensor) -> list[Array]:
    """Answers that are the same for every row: the mean, the median, and what their logits are."""
    y, shape = target.array, output.shape
    answers: list[Array] = [np.broadcast_to(output.array.mean(axis=0, dtype=np.float64), shape)]
    if y.dtype.kind in "ib" and len(shape) == y.ndim + 1 and shape[1] > 1:
        classes = shape[1]
        known = y[(y >= 0) & (y < classes)]
        share = np.bincount(known.astype(np.int64).ravel(), minlength=classes) / max(known.size, 1)
        logs = np.log(np.clip(share, 1e-6, 1.0))
        answers.append(np.broadcast_to(logs.reshape(classes, *[1] * (len(shape) - 2)), shape))
    elif y.size == output.numel():
        aligned = y.reshape(shape).astype(np.float64)
        for middle in (aligned.mean(axis=0), np.median(aligned, axis=0)):
            p = np.clip(middle, 1e-6, 1 - 1e-6)
            answers += [np.broadcast_to(a, shape) for a in (middle, p, np.log(p / (1 - p)))]
        if len(shape) > 1 and shape[1] > 1:
            answers.append(np.broadcast_to(np.log(np.clip(aligned.mean(axis=0), 1e-6, None)), shape))
    return answers


def best_constant(loss_fn: Callable[..., Any], output: Tensor, target: Tensor) -> tuple[float, Array]:
    """The loss of the best answer that is the same for every row, and this answer; nan if there is none."""
    best = math.nan, np.zeros((1, *output.shape[1:]))
    with autodiff.no_grad():
        for answer in constants(output, target):
            try:
                loss = float(loss_fn(Tensor(np.array(answer, output.dtype)), target).item())
            except (RuntimeError, ValueError, IndexError):
                continue
            if math.isfinite(loss) and not loss >= best[0]:
                best = loss, answer[:1]
    return best


def base_rate(loss_fn: Callable[..., Any], output: Tensor, target: Tensor) -> float:
    """The loss of the best answer that is the same for every row."""
    return best_constant(loss_fn, output, target)[0]
