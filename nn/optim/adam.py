"""Adam and AdamW: steps of about the same length for every weight, whatever the size of its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .averaging import Averaging, numbers
from .optimizer import Params, Update


class Adam(Averaging):
    """Adaptive moment estimation, with g = ∇L(w) at step t:

    m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,   w ← w − γ·m̂ / (√v̂ + ε),

    where m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo the start at zero. γ is `lr`, (β₁, β₂) are `betas`, ε
    is `eps`. With `weight_decay` λ: g ← g + λ·w first (if `decoupled_weight_decay`, as AdamW: w ← w − γ·λ·w
    instead). With `amsgrad`, v̂ is made of the largest v so far. `maximize` climbs. `foreach`, `capturable`
    and `fused` choose among PyTorch's implementations; there is one here.

    Raises ValueError for options out of range. Sources: Kingma and Ba, "Adam: A Method for Stochastic
    Optimization" (2015), in the order of computation that ends its section 2; Reddi et al., "On the
    Convergence of Adam and Beyond" (2018).

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 2.1000])
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, beta1, beta2, eps, weight_decay = numbers(group)
        amsgrad, maximize, decoupled = group["amsgrad"], group["maximize"], group["decoupled_weight_decay"]
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * bool(amsgrad)

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            # γ·m̂ / (√v̂ + ε) = α·m / (√v + ε̂): the corrections are taken together, and touch no array
            t = self.count(p)
            correction = (1 - beta2**t) ** 0.5
            alpha, epsilon = lr * correction / (1 - beta1**t), eps * correction
            for w, g, u, m, v, *largest in self.pieces(p, values, gradient, *names):
                g = self.slope(w, g, 0 if decoupled else weight_decay, maximize)
                if decoupled and weight_decay:
                    w *= 1 - lr * weight_decay
                m *= beta1
                m += np.multiply(g, 1 - beta1, out=u)
                v *= beta2
                v += np.multiply(np.multiply(g, 1 - beta2, out=u), g, out=u)
                v = np.maximum(v, largest[0], out=largest[0]) if amsgrad else v
                denominator = np.add(np.sqrt(v, out=u), epsilon, out=u)
                w -= np.multiply(np.divide(m, denominator, out=u), alpha, out=u)

        return update


class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w − γ·λ·w, outside the averages.

    λ is `weight_decay`; options, errors and state are those of `Adam`. Source: Loshchilov and Hutter,
    "Decoupled Weight Decay Regularization" (2019).

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> w.grad = autodiff.tensor([0.0, 0.0])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9500, 1.9000])
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
