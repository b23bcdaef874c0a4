"""RMSprop: the gradient divided by a running average of its magnitude."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .optimizer import Optimizer, Params, Update, refuse_negative


class RMSprop(Optimizer):
    """Root mean square propagation, with g = ∇L(w):

    v ← α·v + (1 − α)·g²,   w ← w − γ·g / (√v + ε),

    where γ is `lr`, α is `alpha` and ε is `eps`. With `weight_decay` λ: g ← g + λ·w first. If `centered`, v
    is made a variance by the average ḡ ← α·ḡ + (1 − α)·g: √(v − ḡ²) for √v. With `momentum` μ: b ← μ·b + g /
    (√v + ε), w ← w − γ·b. `maximize` climbs. `capturable` and `foreach` choose among PyTorch's
    implementations; there is one here.

    Raises ValueError for options out of range. Sources: Hinton, "Neural Networks for Machine Learning",
    lecture 6; Graves, "Generating Sequences With Recurrent Neural Networks" (2013), for `centered`; ε as on
    PyTorch's page RMSprop.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.01)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 2.1000])
    """

    entrywise = True
    state_names = ("step", "square_avg")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(
            options,
            lr="learning rate",
            eps="epsilon value",
            momentum="momentum value",
            weight_decay="weight_decay value",
            alpha="alpha value",
        )
        super().check(options)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, alpha, eps = float(group["lr"]), float(group["alpha"]), float(group["eps"])
        weight_decay, momentum = float(group["weight_decay"]), float(group["momentum"])
        centered, maximize = group["centered"], group["maximize"]
        names = ["square_avg"] + ["momentum_buffer"] * bool(momentum) + ["grad_avg"] * bool(centered)

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            self.count(p)
            for w, g, u, v, *others in self.pieces(p, values, gradient, *names):
                g = self.slope(w, g, weight_decay, maximize)
                v *= alpha
                v += np.multiply(np.multiply(g, 1 - alpha, out=u), g, out=u)
                if centered:
                    mean = others[-1]
                    mean *= alpha
                    mean += np.multiply(g, 1 - alpha, out=u)
                    v = np.subtract(v, np.square(mean, out=u), out=u)
                denominator = np.add(np.sqrt(v, out=u), eps, out=u)
                d = np.divide(g, denominator, out=u)
                if momentum:
                    b = others[0]
                    b *= momentum
                    b += d
                    d = b
                w -= np.multiply(d, lr, out=u)

        return update
