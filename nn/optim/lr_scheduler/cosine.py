"""Rates that fall along half a wave of the cosine, to rise again or to start anew."""

from __future__ import annotations

import math
from typing import Any

from autodiff.errors import located

from ..optimizer import Optimizer
from .scheduler import LRScheduler, options


class CosineAnnealingLR(LRScheduler):
    """From the initial rate down to η = `eta_min` in `T_max` = T epochs, and up again in as many, and so on:

    γₜ = η + (γ₀ − η)·(1 + cos(πt / T)) / 2.

    A step changes the present rate by what this formula changes, so that it can be chained. Source:
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), without the
    restarts; PyTorch, `CosineAnnealingLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=4)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(lr, 6) for lr in scheduler.get_last_lr()]
    [0.4]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[Any]:
        t, period, low = self.last_epoch, self.T_max, self.eta_min
        rates = options(self.optimizer, "lr")
        if self._is_initial:
            return rates
        if (t - 1 - period) % (2 * period) == 0:  # from the bottom, where no ratio says how to rise
            rise = 1 - math.cos(math.pi / period)
            return [lr + (base - low) * rise / 2 for base, lr in zip(self.base_lrs, rates, strict=True)]
        ratio = (1 + math.cos(math.pi * t / period)) / (1 + math.cos(math.pi * (t - 1) / period))
        return [ratio * (lr - low) + low for lr in rates]

    def _get_closed_form_lr(self) -> list[Any]:
        return annealed(self.base_lrs, self.eta_min, self.last_epoch, self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """From the initial rate down to η = `eta_min` in `T_0` epochs; then anew, `T_mult` times as slowly:

    γₜ = η + (γ₀ − η)·(1 + cos(π·T_cur / T_i)) / 2,

    T_cur epochs after the last restart, T_i before the next. `step(epoch)` jumps to any point, a fraction of
    an epoch too; there and with `last_epoch`, restarts are counted exactly (PyTorch's may be missed, by the
    rounding of a logarithm). Raises ValueError unless T_0 and T_mult are positive integers, eta_min a number,
    and epochs not negative. Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
    Restarts" (2017); PyTorch, `CosineAnnealingWarmRestarts`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> for _ in range(4):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(round(scheduler.get_last_lr()[0], 6))
    0.4
    0.8
    0.4
    0.8
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise located.ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise located.ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise located.ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[Any]:
        return annealed(self.base_lrs, self.eta_min, self.T_cur, self.T_i)

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or jump to `epoch`, which may be a fraction; and set its rates."""
        if epoch is None and self.last_epoch >= 0 and not self._is_initial:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = max(self.last_epoch + 1, 0) if epoch is None else epoch
            self._jump(epoch)
        self._update_lr(math.floor(epoch))

    def _jump(self, epoch: float) -> None:
        """Find T_cur and T_i by going from restart to restart."""
        if epoch < 0:
            raise located.ValueError(f"Expected non-negative epoch, but got {epoch}")
        self.T_cur, self.T_i = epoch, self.T_0
        if self.T_mult == 1:
            self.T_cur %= self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult


def annealed(base_lrs: list[Any], low: float, t: float, period: float) -> list[Any]:
    """Each rate after t of `period` epochs, between its base at 0 and `low` at the end."""
    return [low + (base - low) * (1 + math.cos(math.pi * t / period)) / 2 for base in base_lrs]
