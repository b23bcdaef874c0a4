"""Rates by a function of the epoch: λ(t) times the initial rate, or times the one before."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autodiff.errors import located

from ..optimizer import Optimizer
from .scheduler import LRScheduler, options

Function = Callable[[int], float]


def attributes(function: Any) -> dict[str, Any] | None:
    """What a state_dict keeps of a function: of a callable object its attributes, of a plain one nothing."""
    return None if isinstance(function, types.FunctionType) else dict(getattr(function, "__dict__", {}))


class ByFunction(LRScheduler):
    """What both share: one function for all groups, or a list with one for each."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | Sequence[Function], last_epoch: int = -1
    ) -> None:
        n = len(optimizer.param_groups)
        functions = list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * n
        if len(functions) != n:
            raise located.ValueError(f"Expected {n} lr_lambdas, but got {len(functions)}")
        for function in functions:
            if not callable(function):
                raise located.TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        self.lr_lambdas: list[Any] = functions
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and the functions; of callable objects their attributes are kept."""
        saved = [attributes(function) for function in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": saved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = functions
        for function, saved in zip(functions, state_dict["lr_lambdas"], strict=True):
            if saved:
                vars(function).update(saved)


class LambdaLR(ByFunction):
    """The initial rate times a function of the epoch: γₜ = γ₀·λ(t).

    Raises ValueError unless there is one function or one for each group, TypeError for what is no function.
    Source: PyTorch, `LambdaLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> LambdaLR(optimizer, lambda t: 1 / (t + 2)).get_last_lr()
    [0.4]
    """

    def rates(self) -> list[Any]:
        t = self.last_epoch
        return [lr * function(t) for function, lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(ByFunction):
    """The rate before times a function of the epoch: γₜ = γₜ₋₁·λ(t).

    Raises what `LambdaLR` does. Source: PyTorch, `MultiplicativeLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> scheduler = MultiplicativeLR(optimizer, lambda t: 0.5)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.2]
    """

    def rates(self) -> list[Any]:
        rates = options(self.optimizer, "lr")
        if self._is_initial:
            return rates
        t = self.last_epoch
        return [lr * function(t) for function, lr in zip(self.lr_lambdas, rates, strict=True)]
