"""Adamax: Adam with the largest gradient of late in place of the root of their mean square."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .averaging import Averaging, numbers
from .optimizer import Params, Update


class Adamax(Averaging):
    """Adam under the infinity norm, with g = ∇L(w) at step t:

    m ← β₁·m + (1 − β₁)·g,   u ← max(β₂·u, |g| + ε),   w ← w − γ/(1 − β₁ᵗ) · m/u,

    where γ is `lr`, (β₁, β₂) are `betas` and ε is `eps`. With `weight_decay` λ: g ← g + λ·w first.
    `maximize` climbs. `foreach` and `capturable` choose among PyTorch's implementations; there is one here.

    Raises ValueError for options out of range. Source: Kingma and Ba, "Adam: A Method for Stochastic
    Optimization" (2015), algorithm 2; ε as on PyTorch's page Adamax.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adamax([w], lr=0.1)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 2.1000])
    """

    state_names = ("step", "exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, beta1, beta2, eps, weight_decay = numbers(group)
        maximize = group["maximize"]

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            rate = lr / (1 - beta1 ** self.count(p))
            for w, g, u, m, largest in self.pieces(p, values, gradient, "exp_avg", "exp_inf"):
                g = self.slope(w, g, weight_decay, maximize)
                m *= beta1
                m += np.multiply(g, 1 - beta1, out=u)
                largest *= beta2
                np.maximum(largest, np.add(np.abs(g, out=u), eps, out=u), out=largest)
                w -= np.multiply(np.divide(m, largest, out=u), rate, out=u)

        return update
