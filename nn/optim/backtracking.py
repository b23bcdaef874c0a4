"""Gradient descent that searches its step size: Armijo's backtracking line search."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from autodiff import Tensor, enable_grad, set_grad_enabled
from autodiff.errors import located
from autodiff.memory import touch

from .optimizer import Closure, Optimizer, Params, refuse_negative
from .uninterrupted import uninterrupted


class BacktrackingSGD(Optimizer):
    """Gradient descent w ← w − α·g with the first α of γ, ρ·γ, ρ²·γ … that lowers the loss enough.

    Enough is Armijo's condition, with g = ∇L(w):

    L(w − α·g) ≤ L(w) − c·α·‖g‖².

    γ is `lr`, where each step starts, and ρ is `rho`. Below `min_step` the search gives up, and takes α =
    `fallback`. `last_step` is the α that the last step took, and `last_trials` the number of step sizes that
    it tried.

    Raises ValueError for options out of range, and for more than one parameter group: one step size is
    searched for all. Source: Armijo, "Minimization of functions having Lipschitz continuous first partial
    derivatives" (1966); Nocedal and Wright, "Numerical Optimization", algorithm 3.1.

    >>> import autodiff
    >>> w = autodiff.tensor(3.0, requires_grad=True)
    >>> optimizer = BacktrackingSGD([w], lr=1.0)
    >>> loss = optimizer.step(lambda: 2 * w**2)
    >>> loss.item(), w.item(), optimizer.last_step
    (18.0, 0.0, 0.25)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.5,
        c: float = 1e-4,
        min_step: float = 1e-10,
        fallback: float = 1e-6,
    ) -> None:
        self.last_step: float | None = None
        self.last_trials = 0
        super().__init__(params, {"lr": lr, "rho": rho, "c": c, "min_step": min_step, "fallback": fallback})

    def check(self, options: Mapping[str, Any]) -> None:
        for name, why in (("rho", "to shrink the step"), ("c", "to ask for a part of the descent")):
            if not 0 < options[name] < 1:
                raise located.ValueError(
                    f"Invalid {name} value: {options[name]}: it must lie between 0 and 1, {why}"
                )
        if not options["min_step"] > 0:
            raise located.ValueError(
                f"Invalid min_step value: {options['min_step']}: the search would not end"
            )
        refuse_negative(options, lr="learning rate", fallback="fallback value")
        for name in ("lr", "fallback"):
            if not isfinite(options[name]):
                raise located.ValueError(f"Invalid {name} value: {options[name]}: a step must be finite")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise located.ValueError(
                "BacktrackingSGD doesn't support per-parameter options (parameter groups): "
                "one step size is searched for all parameters"
            )
        super().add_param_group(param_group)

    def step(self, closure: Closure | None = None) -> Tensor:
        """Search a step size along −g and take that step; returns the loss before it.

        `closure()` computes the loss and returns it; `step` clears the gradients before, and calls `backward`
        on it. The losses of the search are computed without recording, and `.grad` keeps the gradient at the
        start. A closure that calls `backward` itself, as other optimizers want it, will do, at the price of a
        `backward` per trial. The loss must depend on the parameters alone: no dropout, the same batch. If the
        closure raises, the parameters are as they were. So they are where no step can be taken: RuntimeError
        if the loss or its gradient is nan or infinite, TypeError if the closure returns no Tensor.
        """
        if closure is None:
            raise located.TypeError(
                "BacktrackingSGD.step needs a closure that computes the loss, to try step sizes with: "
                "optimizer.step(lambda: loss_fn(model(x), y))"
            )
        self.zero_grad()
        with enable_grad():
            loss = closure()
        here = number(loss)
        if not isfinite(here):
            raise located.RuntimeError(
                f"BacktrackingSGD: the loss is {here}: no step from here can lower it, and none was taken; "
                "check the data and the parameters for nan and infinity"
            )
        params = self._parameters()
        by_itself = any(p.grad is not None for p in params)
        if not by_itself:
            loss.backward()
        moved = [p for p in params if p.grad is not None]
        gradients = [p.grad for p in moved]
        try:
            with np.errstate(all="ignore"):
                self._search(closure, here, moved, by_itself)
        finally:
            for p, gradient in zip(moved, gradients, strict=True):
                p.grad = gradient
        return loss

    def _search(self, closure: Closure, here: float, params: list[Tensor], by_itself: bool) -> None:
        """Armijo's search, from the loss `here`; `by_itself` if the closure calls `backward`."""
        group = self.param_groups[0]
        alpha, rho, c, min_step, fallback = (
            float(group[name]) for name in ("lr", "rho", "c", "min_step", "fallback")
        )
        gradients = [p.grad.array for p in params if p.grad is not None]
        starts = [p.array.copy() for p in params]
        squared_norm = sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients)
        if not isfinite(squared_norm):
            raise located.RuntimeError(
                "BacktrackingSGD: the gradient is nan or infinite: it gives no direction to search, and no "
                "step was taken"
            )

        def move(alpha: float) -> None:
            for p, start, g in zip(params, starts, gradients, strict=True):
                np.subtract(start, np.multiply(g, alpha, out=p.array), out=p.array)
                touch(p.array)

        def loss_there() -> float:
            self.zero_grad()  # the closure finds no gradient to add to, or to fill with zeros
            with set_grad_enabled(by_itself):
                return number(closure())

        trials = 0
        try:
            while alpha >= min_step:
                move(alpha)
                trials += 1
                there = loss_there()
                if isfinite(there) and there <= here - c * alpha * squared_norm:
                    break
                alpha *= rho
            else:
                alpha = fallback
                move(alpha)
                if not isfinite(there := loss_there()):
                    raise located.RuntimeError(
                        f"BacktrackingSGD: no step down to min_step={min_step} lowers the loss enough, and "
                        f"after the fallback of {fallback} it is {there}: no step was taken"
                    )
        except BaseException:  # Ctrl-C among them
            with uninterrupted():
                for p, start in zip(params, starts, strict=True):
                    p.array[...] = start
                    touch(p.array)
            raise
        self.last_step, self.last_trials = alpha, trials


def number(loss: Tensor) -> float:
    """The loss that a closure returned, as a number; TypeError unless it is a Tensor."""
    if not isinstance(loss, Tensor):
        raise located.TypeError(
            f"BacktrackingSGD: the closure returned {type(loss).__name__}, not the loss as a Tensor: end it "
            "with `return loss`, without .item()"
        )
    return float(loss.item())
