"""The examination, in order: data and loss, one pass through the network, a short training of a copy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from ..module import Module
from ..optim import Adam, Optimizer
from . import checks
from .case import Case, number
from .causes import explain
from .findings import Diagnosis, Finding
from .isolation import Twin, untouched
from .rows import Rows, count, read
from .signals import measure
from .trial import Trial, affordable, base_rate, train


def diagnose(
    model: Module,
    loss_fn: Callable[[Any, Tensor], Tensor],
    data: Any,
    optimizer: Optimizer | None = None,
    *,
    step: Callable[..., Any] | None = None,
) -> Diagnosis:
    """Why a network does not learn: the cause, the number that proves it, and what usually helps.

    `data` is (x, y), a dataset, or a loader (which is read as far as 4096 rows). Without the optimizer
    nothing is said about the learning rate, and short trainings are by Adam. `step(x, y)`, which should train
    on one batch as your loop does, is what a forgotten zero_grad is seen by. The causes are the keys of
    `nn.diagnosis.CAUSES`; ask again once the first is mended.

    Copies are trained for up to 300 steps, seconds at most, always the same; model, gradients, optimizer and
    random streams are left as they were (what else `step` changes is not). Raises TypeError or ValueError for
    other data, and the model's or the loss's own error where it says nothing about the cause.

    >>> import autodiff, nn
    >>> _ = autodiff.manual_seed(0)
    >>> x = autodiff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> y = autodiff.tensor([[0.0], [1.0], [1.0], [0.0]])
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    >>> nn.diagnose(model, nn.BCEWithLogitsLoss(), (x, y)).verdict
    'No cause found: it learns.'
    >>> nn.diagnose(model, nn.BCEWithLogitsLoss(), (x, 2 * y - 1)).causes
    ['target_coding']
    """
    if not isinstance(model, Module):
        raise located.TypeError(f"diagnose(): model must be an nn.Module, not {type(model).__name__}")
    if isinstance(loss_fn, type) or not callable(loss_fn):
        raise located.TypeError(
            "diagnose(): loss_fn must be a function or a loss module, such as nn.MSELoss()"
        )
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise located.TypeError(
            f"diagnose(): optimizer must be an nn.optim.Optimizer or None, not {type(optimizer).__name__}"
        )
    with untouched(model, loss_fn, optimizer, data), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with autodiff.enable_grad():
            return examined(model, loss_fn, read(data, model), optimizer, step, data)


def examined(
    model: Module, loss_fn: Any, rows: Rows, optimizer: Optimizer | None, step: Any, data: Any
) -> Diagnosis:
    """The diagnosis, under a guard that puts everything back."""
    batch = rows.batches[0]
    twin = Twin(model, loss_fn, optimizer)
    twin.model.train()
    output = twin.model(*batch.inputs)
    try:
        loss = twin.loss_fn(output, batch.target)
    except (RuntimeError, ValueError, IndexError) as error:
        finding = checks.refused(error, loss_fn, output, batch.target)
        if finding is None:
            raise
        return Diagnosis([finding], "There was no training: the loss cannot be computed.", None)
    if not loss.requires_grad:
        names = [name for name, _ in model.named_parameters()]
        frozen = Finding(
            "frozen_parameters",
            1.0,
            f"the loss depends on none of the {len(names)} parameters that require grad: "
            + (
                "there is none"
                if not any(p.requires_grad for p in model.parameters())
                else "the graph is cut"
            ),
        )
        return Diagnosis([frozen], "There was no training: backward() has nothing to go through.", None)
    signals = measure(twin, batch)
    findings = checks.of_targets(twin, signals, rows)
    if step is not None:
        forgotten = checks.zeroing(step, model, loss_fn, optimizer, data, batch)
        findings += [forgotten] if forgotten is not None else []
    base = math.nan
    if signals.output is not None and not (batch.target.array == batch.target.array[:1]).all():
        base = base_rate(loss_fn, signals.output, batch.target)
    chosen = optimizer or Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    steps = affordable(signals.work)
    try:
        trial = train(Twin(model, loss_fn, chosen), rows, signals.loss if math.isnan(base) else base, steps)
    except (RuntimeError, ValueError, IndexError):
        if not findings:
            raise
        return Diagnosis(findings, "A short training ended with an error of the loss.", None)
    strange = not_finite(model, rows)
    if not findings and not strange:
        case = Case(model, loss_fn, chosen, optimizer is not None, rows, signals, trial, steps)
        finding = explain(case)
        findings += [finding] if finding is not None else []
    summary = told(trial, rows, optimizer, base) + strange
    return Diagnosis(findings, summary, trial.learned > 0.1)


def told(trial: Trial, rows: Rows, optimizer: Optimizer | None, base: float) -> str:
    """The trial in a sentence."""
    name = type(optimizer).__name__ if optimizer is not None else "Adam"
    n = sum(map(count, rows.batches))
    constant = "" if math.isnan(base) else f"; the best constant answer has {number(base)}"
    return (
        f"In {len(trial.losses)} steps of {name}, on {n} rows, a copy came from a loss of "
        f"{number(trial.start)} to {number(trial.end)}{constant}. A step changes the weights by "
        f"{trial.ratio:.1e} of their size."
    )


def not_finite(model: Module, rows: Rows) -> str:
    """What is nan or infinite before any step, in a sentence; nothing if nothing is."""
    places: dict[str, Any] = dict(model.named_parameters())
    places |= {f"input {i}": x for i, x in enumerate(rows.all.inputs)} | {"the target": rows.all.target}
    found = [
        f"{name} ({(~np.isfinite(x.array)).sum()} of {x.numel()})"
        for name, x in places.items()
        if isinstance(x, Tensor) and x.dtype.kind == "f" and not np.isfinite(x.array).all()
    ]
    return f" There are infinite numbers or nan in {', '.join(found)}." if found else ""
