"""Metrics by name, and the tally of an epoch: mean loss, and metrics of all outputs beside all targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from .. import functional as F
from .. import losses
from ..module import Module

Metric = Callable[[Tensor, Tensor], Any]
"""`metric(outputs, targets)` is a number (or a tensor of one), from all samples of an epoch at once."""


def by_class(outputs: Tensor, targets: Tensor, ignore_index: int = -100) -> float:
    """The share of samples whose largest output is that of their class (or of their likeliest class)."""
    classes = targets if targets.dtype.kind == "i" else targets.argmax(dim=1)
    return share((outputs.argmax(dim=1) == classes)[classes != ignore_index])


def by_sign(outputs: Tensor, targets: Tensor) -> float:
    """The share of logits that are above 0 where the target is the upper class, and below elsewhere."""
    return share((outputs > 0) == (targets > 0.5))


def by_half(outputs: Tensor, targets: Tensor) -> float:
    """The share of probabilities on the side of 1/2 where the target is."""
    return share((outputs > 0.5) == (targets > 0.5))


def mae(outputs: Tensor, targets: Tensor) -> float:
    """Mean absolute error."""
    return float(F.l1_loss(outputs, targets))


def mse(outputs: Tensor, targets: Tensor) -> float:
    """Mean squared error."""
    return float(F.mse_loss(outputs, targets))


def share(right: Tensor) -> float:
    """How many of these are True, between 0 and 1."""
    return float(right.numpy().mean())


ACCURACY: dict[Any, Metric] = {
    losses.CrossEntropyLoss: by_class,
    losses.NLLLoss: by_class,
    losses.BCEWithLogitsLoss: by_sign,
    losses.HingeLoss: by_sign,
    losses.BCELoss: by_half,
    F.cross_entropy: by_class,
    F.nll_loss: by_class,
    F.binary_cross_entropy_with_logits: by_sign,
    F.binary_cross_entropy: by_half,
}
"""What is right depends on what the loss takes: scores of classes, logits or probabilities."""


def named(metrics: Iterable[str | Metric] | Mapping[str, str | Metric], loss: Any) -> dict[str, Metric]:
    """The metrics by name: "accuracy", "mae", "mse", or functions, under their own names or those given.

    Raises ValueError for names that are not known, and for "accuracy" where the loss does not say which
    outputs are right; TypeError for what is no function.
    """
    if isinstance(metrics, str):
        raise located.TypeError(f'metrics is a list: ["{metrics}"]')
    pairs = metrics.items() if isinstance(metrics, Mapping) else [(None, metric) for metric in metrics]
    found: dict[str, Metric] = {}
    for given, metric in pairs:
        name = given or (metric if isinstance(metric, str) else getattr(metric, "__name__", None))
        if not callable(metric) and not isinstance(metric, str):
            raise located.TypeError(
                f"a metric is a name or a function (outputs, targets) -> number, not {metric!r}"
            )
        if name is None:
            raise located.TypeError(f"{metric!r} has no name: give metrics as a dict, name to function")
        if name in found or name == "loss" or name.startswith("val_"):
            raise located.ValueError(f"a metric cannot be called {name!r}: that series is there already")
        found[name] = by_name(metric, loss) if isinstance(metric, str) else metric
    return found


def by_name(name: str, loss: Any) -> Metric:
    """The metric that has this name, beside this loss."""
    if name in ("mae", "mse"):
        return mae if name == "mae" else mse
    if name != "accuracy":
        raise located.ValueError(f"unknown metric {name!r}: it is accuracy, mae, mse, or a function")
    kind = type(loss) if isinstance(loss, Module) else loss
    if kind in ACCURACY:
        ignored = {"ignore_index": loss.ignore_index} if hasattr(loss, "ignore_index") else {}
        return partial(ACCURACY[kind], **ignored)
    what = getattr(kind, "__name__", kind)
    raise located.ValueError(
        f"what is right under {what} is not known, so there is no accuracy by name: give a function, "
        'metrics={"accuracy": lambda outputs, targets: ...}'
    )


class Tally:
    """What an epoch came to so far.

    The loss is the mean over the samples (each batch counts by its size). Metrics are computed at the end,
    from all outputs at once, so that those which are no means (F1, AUC) come out right too.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics = metrics
        self.samples = 0
        self.batches = 0
        self.loss = 0.0
        self.outputs: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, loss: Tensor, output: Any, target: Tensor) -> None:
        """Note a batch. Raises ValueError for a loss that is not one number."""
        if loss.numel() != 1:
            raise located.ValueError(
                f"the loss of a batch must be one number, not of shape {loss.shape}: reduction='mean'"
            )
        n = target.shape[0] if target.ndim else 1
        self.samples += n
        self.batches += 1
        self.loss += loss.item() * n
        if self.metrics:
            if not isinstance(output, Tensor):
                raise located.TypeError(
                    f"metrics need a model that returns one tensor, not {type(output).__name__}"
                )
            self.outputs.append(output.detach())
            self.targets.append(target.detach())

    def result(self, prefix: str = "") -> dict[str, float]:
        """The numbers of the epoch, by name. Raises ValueError if there was no batch."""
        if not self.samples:
            raise located.ValueError(
                "there was no batch: the data is empty, or an iterator that was read before (it can be read "
                "once: give a DataLoader or a list)"
            )
        values = {f"{prefix}loss": self.loss / self.samples}
        if self.metrics:
            joined = joined_rows(self.outputs), joined_rows(self.targets)
            with autodiff.no_grad():
                for name, metric in self.metrics.items():
                    values[prefix + name] = float(metric(*joined))
        return values


def joined_rows(batches: list[Tensor]) -> Tensor:
    """Batches as one; samples that came alone in a row."""
    return autodiff.cat(batches) if batches[0].ndim else autodiff.stack(batches)
