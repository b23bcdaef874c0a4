"""NAdam: Adam that looks one step ahead, as Nesterov's momentum does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .averaging import Averaging, numbers
from .optimizer import Params, Update, refuse_negative


class NAdam(Averaging):
    """Adam with Nesterov momentum, with g = ∇L(w) at step t:

    m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,
    m̂ = μₜ₊₁·m / (1 − μ₁⋯μₜ₊₁) + (1 − μₜ)·g / (1 − μ₁⋯μₜ),   v̂ = v / (1 − β₂ᵗ),   w ← w − γ·m̂ / (√v̂ + ε),

    where the momentum grows from β₁/2 to β₁: μₜ = β₁·(1 − 0.96^(t·ψ) / 2). γ is `lr`, (β₁, β₂) are `betas`, ε
    is `eps`, ψ is `momentum_decay`. With `weight_decay` λ: g ← g + λ·w first (if `decoupled_weight_decay`:
    w ← w − γ·λ·w instead). `maximize` climbs. `foreach` and `capturable` choose among PyTorch's
    implementations; there is one here.

    Raises ValueError for options out of range. Source: Dozat, "Incorporating Nesterov Momentum into Adam"
    (2016), in the form of PyTorch's page NAdam.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.1)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.8944, 2.1056])
    """

    state_names = ("step", "mu_product", "exp_avg", "exp_avg_sq")
    scalar_names = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        super().check(options)
        refuse_negative(options, momentum_decay="momentum_decay value")

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, beta1, beta2, eps, weight_decay = numbers(group)
        momentum_decay = float(group["momentum_decay"])
        maximize, decoupled = group["maximize"], group["decoupled_weight_decay"]

        def momentum(t: float) -> float:
            growth: float = 0.96 ** (t * momentum_decay)
            return beta1 * (1 - 0.5 * growth)

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            t = self.count(p)
            now, following = momentum(t), momentum(t + 1)
            past = self.scalar(p, "mu_product", 1.0)
            past *= now  # in the default dtype, as PyTorch keeps it
            product = past.item()
            of_gradient = lr * (1 - now) / (1 - product)
            of_average = lr * following / (1 - product * following)
            correction = 1 - beta2**t
            for w, g, u, m, v in self.pieces(p, values, gradient, "exp_avg", "exp_avg_sq"):
                g = self.slope(w, g, 0 if decoupled else weight_decay, maximize)
                if decoupled and weight_decay:
                    w *= 1 - lr * weight_decay
                m *= beta1
                m += np.multiply(g, 1 - beta1, out=u)
                v *= beta2
                v += np.multiply(np.multiply(g, 1 - beta2, out=u), g, out=u)
                denominator = self.scratch(w, 2)
                np.sqrt(np.divide(v, correction, out=denominator), out=denominator)
                denominator += eps
                w -= np.multiply(np.divide(g, denominator, out=u), of_gradient, out=u)
                w -= np.multiply(np.divide(m, denominator, out=u), of_average, out=u)

        return update
