"""RAdam: Adam that trusts its second moment only as far as it has seen enough gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .averaging import Averaging, numbers
from .optimizer import Params, Update


class RAdam(Averaging):
    """Rectified Adam, with g = ∇L(w) at step t:

    m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,   m̂ = m / (1 − β₁ᵗ),
    w ← w − γ·m̂·r·√(1 − β₂ᵗ) / (√v + ε)   if ρₜ > 5,   else   w ← w − γ·m̂.

    ρₜ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ) is the length of the average v, ρ∞ = 2/(1 − β₂) − 1 its limit, and
    r² = (ρₜ − 4)(ρₜ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρₜ) undoes the variance of v. γ is `lr`, (β₁, β₂) are `betas`,
    ε is `eps`. With `weight_decay` λ: g ← g + λ·w first (if `decoupled_weight_decay`: w ← w − γ·λ·w instead).
    `maximize` climbs. `foreach` and `capturable` choose among PyTorch's implementations; there is one here.

    Raises ValueError for options out of range. Source: Liu et al., "On the Variance of the Adaptive Learning
    Rate and Beyond" (2020), algorithm 2; ε as on PyTorch's page RAdam.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RAdam([w], lr=0.01)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.7000, 2.0020])
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, beta1, beta2, eps, weight_decay = numbers(group)
        maximize, decoupled = group["maximize"], group["decoupled_weight_decay"]
        limit = 2 / (1 - beta2) - 1

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            t = self.count(p)
            correction = 1 - beta2**t
            length = limit - 2 * t * beta2**t / correction
            rate, adaptive = lr / (1 - beta1**t), length > 5
            if adaptive:
                trust = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
                rate *= (trust * correction) ** 0.5
            for w, g, u, m, v in self.pieces(p, values, gradient, "exp_avg", "exp_avg_sq"):
                g = self.slope(w, g, 0 if decoupled else weight_decay, maximize)
                if decoupled and weight_decay:
                    w *= 1 - lr * weight_decay
                m *= beta1
                m += np.multiply(g, 1 - beta1, out=u)
                v *= beta2
                v += np.multiply(np.multiply(g, 1 - beta2, out=u), g, out=u)
                d = np.divide(m, np.add(np.sqrt(v, out=u), eps, out=u), out=u) if adaptive else m
                w -= np.multiply(d, rate, out=u)

        return update
