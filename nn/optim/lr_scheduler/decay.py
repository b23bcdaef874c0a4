"""Rates that are a share of the initial one, which depends on the epoch t alone: γₜ = γ₀·share(t)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from autodiff.errors import located

from ..optimizer import Optimizer
from .scheduler import LRScheduler, options


class Decay(LRScheduler):
    """The base of these: a step multiplies the present rate by its `growth`, share(t) / share(t − 1).

    So several can be chained, and their shares multiply.
    """

    def share(self, t: float) -> float:
        """γₜ / γ₀."""
        raise NotImplementedError

    def growth(self, t: int) -> float:
        """γₜ / γₜ₋₁; at t = 0 it is γ₀ that is multiplied."""
        raise NotImplementedError

    def rates(self) -> list[Any]:
        growth = self.growth(self.last_epoch)
        return [lr * growth for lr in options(self.optimizer, "lr")]

    def _get_closed_form_lr(self) -> list[Any]:
        share = self.share(self.last_epoch)
        return [lr * share for lr in self.base_lrs]


class StepLR(Decay):
    """Multiply the rate by `gamma` every `step_size` epochs: γₜ = γ₀·gamma^⌊t / step_size⌋.

    Source: PyTorch, `StepLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.2]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, t: float) -> float:
        share: float = self.gamma ** (t // self.step_size)
        return share

    def growth(self, t: int) -> float:
        return self.gamma if t != 0 and t % self.step_size == 0 else 1


class MultiStepLR(Decay):
    """Multiply the rate by `gamma` at each milestone, twice at one that comes twice: γₜ = γ₀·gamma^#{mᵢ ≤ t}.

    Source: PyTorch, `MultiStepLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = MultiStepLR(optimizer, milestones=[2, 3], gamma=0.5)
    >>> for _ in range(5):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.2]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, t: float) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), t)

    def growth(self, t: int) -> float:
        return self.gamma ** self.milestones[t] if t in self.milestones else 1

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)  # a file has it as a dict


class ConstantLR(Decay):
    """A constant share, `factor`, of the rate in the first `total_iters` epochs; then all of it.

    Raises ValueError for a factor outside [0, 1], and ZeroDivisionError when 0 is to be undone. Source:
    PyTorch, `ConstantLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> ConstantLR(optimizer, factor=0.5, total_iters=4).get_last_lr()
    [0.4]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise located.ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, t: float) -> float:
        return self.factor + (t >= self.total_iters) * (1 - self.factor)

    def growth(self, t: int) -> float:
        if t == 0:
            return self.factor
        return 1 / self.factor if t == self.total_iters else 1


class LinearLR(Decay):
    """A share that goes evenly from `start_factor` to `end_factor` in `total_iters` epochs, and stays there.

    With s, e and N for these: γₜ = γ₀·(s + (e − s)·min(t, N) / N). Raises ValueError unless 0 < s ≤ 1 and 0 ≤
    e ≤ 1. Source: PyTorch, `LinearLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = LinearLR(optimizer, start_factor=0.5, total_iters=4)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(lr, 6) for lr in scheduler.get_last_lr()]
    [0.6]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise located.ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1."
            )
        if not 0 <= end_factor <= 1:
            raise located.ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, t: float) -> float:
        s, e, n = self.start_factor, self.end_factor, self.total_iters
        return s + (e - s) * min(n, t) / n

    def growth(self, t: int) -> float:
        s, e, n = self.start_factor, self.end_factor, self.total_iters
        if t == 0:
            return s
        if self._is_initial or t > n:
            return 1
        return 1 + (e - s) / (n * s + (t - 1) * (e - s))


class ExponentialLR(Decay):
    """Multiply the rate by `gamma` every epoch: γₜ = γ₀·gammaᵗ.

    Source: PyTorch, `ExponentialLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, t: float) -> float:
        share: float = self.gamma**t
        return share

    def growth(self, t: int) -> float:
        return 1 if self._is_initial else self.gamma


class PolynomialLR(Decay):
    """A share that falls to 0 in `total_iters` = N epochs: γₜ = γ₀·(1 − min(t, N) / N)^power.

    Source: PyTorch, `PolynomialLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(lr, 6) for lr in scheduler.get_last_lr()]
    [0.2]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def share(self, t: float) -> float:
        n = self.total_iters
        share: float = (1 - min(n, t) / n) ** self.power
        return share

    def growth(self, t: int) -> float:
        n = self.total_iters
        if self._is_initial or t > n:
            return 1
        growth: float = ((1 - t / n) / (1 - (t - 1) / n)) ** self.power
        return growth
