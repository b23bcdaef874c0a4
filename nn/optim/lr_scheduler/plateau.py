"""Rates that fall when learning stalls."""

from __future__ import annotations

import math
from typing import Any

from autodiff.errors import located

from ..optimizer import Optimizer
from .scheduler import LRScheduler, assign, options, refuse_other, warn_of_epoch


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` once a metric has not improved for more than `patience` epochs.

    `step(metric)` after each epoch. In the `mode` "min" a metric improves on the best one, b, when it is
    below b·(1 − threshold), or, with `threshold_mode` "abs", below b − threshold; in the mode "max" when it
    is above b·(1 + threshold) or b + threshold. After a reduction, `cooldown` epochs do not count. No rate
    falls below `min_lr` (a number, or one for each group), nor by `eps` or less.

    Raises ValueError for factor ≥ 1 and modes that do not exist, TypeError for what is no optimizer. Source:
    PyTorch, `ReduceLROnPlateau`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    ...     print(scheduler.get_last_lr())
    [0.8]
    [0.8]
    [0.8]
    [0.4]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise located.ValueError(f"Factor should be < 1.0. It is {factor}")
        refuse_other(optimizer)
        n = len(optimizer.param_groups)
        several = isinstance(min_lr, list | tuple)
        min_lrs: list[Any] = list(min_lr) if isinstance(min_lr, list | tuple) else [min_lr] * n
        if len(min_lrs) != n:
            raise located.ValueError(f"expected {n} min_lrs, got {len(min_lrs)}")
        if mode not in ("min", "max"):
            raise located.ValueError(f"mode {mode} is unknown! It is 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise located.ValueError(f"threshold mode {threshold_mode} is unknown! It is 'rel' or 'abs'")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.default_min_lr = None if several else min_lr
        self.min_lrs = min_lrs
        self.eps = eps
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.last_epoch = 0
        self._last_lr = options(optimizer, "lr")
        self._reset()

    def _reset(self) -> None:
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """True while epochs do not count, after a reduction."""
        return self.cooldown_counter > 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]  # as in PyTorch
        """Note the metric of an epoch, and reduce the rates if it has been too long without improvement."""
        current = float(metrics)
        if epoch is not None:
            warn_of_epoch()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = options(self.optimizer, "lr")

    def _is_better(self, metric: float, best: float) -> bool:
        margin = -self.threshold if self.mode == "min" else self.threshold
        bound = best * (1 + margin) if self.threshold_mode == "rel" else best + margin
        return metric < bound if self.mode == "min" else metric > bound

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(self.min_lrs) != len(groups):
            if self.default_min_lr is None:
                raise located.RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) differs from when "
                    f"`ReduceLROnPlateau` was initialized ({len(self.min_lrs)}), usually due to a new param "
                    "group being added to the optimizer. Please modify the `min_lrs` field to match it."
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, lowest)
            if old - new > self.eps:
                assign(group, "lr", new)
