"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.errors import located

from .descent import Descent, descend
from .optimizer import Closure, Optimizer, Params, Update, refuse_negative


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − γ·g, with γ = `lr` and g = ∇L(w).

    With `weight_decay` λ: g ← g + λ·w first. With `momentum` μ and `dampening` τ the step follows an average
    of the past: b ← μ·b + (1 − τ)·g (b = g at the first step) and w ← w − γ·b; with `nesterov`, w ← w − γ·(g
    + μ·b). `maximize` climbs. `foreach` and `fused` choose among PyTorch's implementations; there is one
    here.

    Raises ValueError for options out of range. Source: Sutskever et al., "On the importance of initialization
    and momentum in deep learning" (2013), in the form of PyTorch's page SGD.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> w.grad = autodiff.tensor([1.0, -1.0])
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000, 2.1000])
    """

    entrywise = True
    _descent: Descent | None = None  # plain descent of small parameters, as it was done last

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(
            options, lr="learning rate", momentum="momentum value", weight_decay="weight_decay value"
        )
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise located.ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().check(options)

    def step(self, closure: Closure | None = None) -> Tensor | None:
        if closure is None and len(self.param_groups) == 1:
            group = self.param_groups[0]
            if not (group["momentum"] or group["weight_decay"] or group["maximize"]):
                self._descent = descend(group["params"], float(group["lr"]), self._descent)
                if self._descent is not None:
                    return None
        return super().step(closure)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, momentum, dampening = float(group["lr"]), float(group["momentum"]), float(group["dampening"])
        weight_decay, nesterov, maximize = float(group["weight_decay"]), group["nesterov"], group["maximize"]
        names = ["momentum_buffer"] if momentum else []

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            first = momentum != 0 and "momentum_buffer" not in self.state[p]
            for w, g, u, *buffers in self.pieces(p, values, gradient, *names):
                g = self.slope(w, g, weight_decay, maximize)
                if momentum:
                    b = buffers[0]
                    b *= momentum
                    b += np.multiply(g, 1 - dampening, out=u) if dampening and not first else g
                    g = np.add(g, np.multiply(b, momentum, out=u), out=u) if nesterov else b
                w -= np.multiply(g, lr, out=u)

        return update
