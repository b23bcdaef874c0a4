"""Adadelta: the gradient, scaled by how far each weight moved lately over how steep it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.errors import located

from .optimizer import Optimizer, Params, Update, refuse_negative


class Adadelta(Optimizer):
    """Steps in the units of the weights, with g = ∇L(w):

    v ← ρ·v + (1 − ρ)·g²,   Δ = g·√(a + ε) / √(v + ε),   a ← ρ·a + (1 − ρ)·Δ²,   w ← w − γ·Δ,

    where γ is `lr`, ρ is `rho` and ε is `eps`. With `weight_decay` λ: g ← g + λ·w first. `maximize` climbs.
    `foreach` and `capturable` choose among PyTorch's implementations; there is one here.

    Raises ValueError for options out of range. Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method"
    (2012), algorithm 1.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adadelta([w], eps=0.01)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.6838, 2.1690])
    """

    entrywise = True
    state_names = ("step", "square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(options, lr="learning rate")
        if not 0 <= options["rho"] <= 1:
            raise located.ValueError(f"Invalid rho value: {options['rho']}")
        refuse_negative(options, eps="epsilon value", weight_decay="weight_decay value")
        super().check(options)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, rho, eps = float(group["lr"]), float(group["rho"]), float(group["eps"])
        weight_decay, maximize = float(group["weight_decay"]), group["maximize"]

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            self.count(p)
            for w, g, u, v, a in self.pieces(p, values, gradient, "square_avg", "acc_delta"):
                g = self.slope(w, g, weight_decay, maximize)
                v *= rho
                v += np.multiply(np.multiply(g, 1 - rho, out=u), g, out=u)
                size = self.scratch(w, 2)
                np.sqrt(np.add(a, eps, out=size), out=size)
                size /= np.sqrt(np.add(v, eps, out=u), out=u)
                d = np.multiply(size, g, out=size)
                a *= rho
                a += np.multiply(np.multiply(d, 1 - rho, out=u), d, out=u)
                w -= np.multiply(d, lr, out=u)

        return update
