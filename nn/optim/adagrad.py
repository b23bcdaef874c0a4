"""Adagrad: each weight has its own learning rate, which falls as its gradients add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor, get_default_dtype
from autodiff.dtypes import Array

from .optimizer import Optimizer, Params, Update, refuse_negative


class Adagrad(Optimizer):
    """Adaptive gradient, with g = ∇L(w) at step t:

    s ← s + g²,   w ← w − γₜ·g / (√s + ε),   γₜ = γ / (1 + (t − 1)·η),

    where γ is `lr`, η is `lr_decay`, ε is `eps`, and s starts at `initial_accumulator_value`. With
    `weight_decay` λ: g ← g + λ·w first. `maximize` climbs. `foreach` and `fused` choose among PyTorch's
    implementations; there is one here.

    Raises ValueError for options out of range. Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods
    for Online Learning and Stochastic Optimization" (2011), in the form of PyTorch's page Adagrad.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 2.1000])
    """

    entrywise = True
    state_names = ("step", "sum")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(
            options,
            lr="learning rate",
            lr_decay="lr_decay value",
            weight_decay="weight_decay value",
            initial_accumulator_value="initial_accumulator_value value",
            eps="epsilon value",
        )
        super().check(options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            start = np.full_like(p.array, group["initial_accumulator_value"])
            self.state[p] = {"step": Tensor(np.zeros((), get_default_dtype())), "sum": Tensor(start)}

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, lr_decay, eps = float(group["lr"]), float(group["lr_decay"]), float(group["eps"])
        weight_decay, maximize = float(group["weight_decay"]), group["maximize"]

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            lr_now = lr / (1 + (self.count(p) - 1) * lr_decay)
            for w, g, u, s in self.pieces(p, values, gradient, "sum"):
                g = self.slope(w, g, weight_decay, maximize)
                s += np.square(g, out=u)
                denominator = np.add(np.sqrt(s, out=u), eps, out=u)
                w -= np.multiply(np.divide(g, denominator, out=u), lr_now, out=u)

        return update
