"""Averaged stochastic gradient descent: ever smaller steps, and the mean of where they led."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .optimizer import Optimizer, Params, Update, refuse_negative


class ASGD(Optimizer):
    """Gradient descent and, as `state[w]["ax"]`, the average a of its weights, with g = ∇L(w) at step t:

    w ← (1 − λ·ηₜ)·w − ηₜ·g,   a ← a + μₜ·(w − a),   ηₜ₊₁ = γ / (1 + λ·γ·t)^α,   μₜ₊₁ = 1 / max(1, t − t₀),

    where γ is `lr`, λ is `lambd`, α is `alpha`, t₀ is `t0`, η₁ = γ and μ₁ = 1: up to step t₀ the average is w
    itself. With `weight_decay` κ: g ← g + κ·w first. `maximize` climbs. `foreach` and `capturable` choose
    among PyTorch's implementations; there is one here.

    Raises ValueError for options out of range. Source: Polyak and Juditsky, "Acceleration of Stochastic
    Approximation by Averaging" (1992), in the form of PyTorch's page ASGD.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = ASGD([w], lr=0.1, lambd=0, t0=0)
    >>> for _ in range(3):
    ...     w.grad = autodiff.tensor([1.0, -1.0])
    ...     optimizer.step()
    >>> w.detach(), optimizer.state[w]["ax"]
    (tensor([0.7000, 2.3000]), tensor([0.7500, 2.2500]))
    """

    entrywise = True
    state_names = ("step", "eta", "mu", "ax")
    scalar_names = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(options, lr="learning rate", weight_decay="weight_decay value")
        super().check(options)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, lambd, alpha, t0 = (float(group[name]) for name in ("lr", "lambd", "alpha", "t0"))
        weight_decay, maximize = float(group["weight_decay"]), group["maximize"]

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            t = self.count(p)
            eta, mu = self.scalar(p, "eta", lr), self.scalar(p, "mu", 1.0)
            rate, share = eta.item(), mu.item()
            for w, g, u, mean in self.pieces(p, values, gradient, "ax"):
                g = self.slope(w, g, weight_decay, maximize)
                w *= 1 - lambd * rate
                w -= np.multiply(g, rate, out=u)
                if share == 1:
                    mean[...] = w
                else:
                    mean += np.multiply(np.subtract(w, mean, out=u), share, out=u)
            eta.fill(lr / (1 + lambd * lr * t) ** alpha)
            mu.fill(1 / max(1, t - t0))

        return update
