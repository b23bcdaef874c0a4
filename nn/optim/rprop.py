"""Rprop: a step size for each weight, led by the signs of its gradients alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.errors import located

from .optimizer import Optimizer, Params, Update, refuse_negative


class Rprop(Optimizer):
    """Resilient backpropagation, with g = ∇L(w), and for each weight a step size s, `lr` at first:

    s ← s·η₊ if g has kept its sign, s·η₋ if it has changed it; then g ← 0 where it has;   w ← w − s·sign(g).

    (η₋, η₊) are `etas`, and s stays within `step_sizes`. `maximize` climbs. For gradients of all data: those
    of batches change their signs by chance. `foreach` and `capturable` choose among PyTorch's
    implementations; there is one here.

    Raises ValueError for options out of range. Source: Riedmiller and Braun, "A Direct Adaptive Method for
    Faster Backpropagation Learning: The RPROP Algorithm" (1993), in the form of PyTorch's page Rprop.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Rprop([w], lr=0.1)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> optimizer.step()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.7800, 2.2200])
    """

    entrywise = True
    state_names = ("step", "prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(options, lr="learning rate")
        shrink, grow = options["etas"]
        if not 0 < shrink < 1 < grow:
            raise located.ValueError(f"Invalid eta values: {shrink}, {grow}")
        smallest, largest = options["step_sizes"]
        if not 0 <= smallest <= largest:
            raise located.ValueError(f"Invalid step_sizes: {smallest}, {largest}: the smallest comes first")
        super().check(options)

    def update_rule(self, group: dict[str, Any]) -> Update:
        lr, maximize = float(group["lr"]), group["maximize"]
        (shrink, grow), (smallest, largest) = group["etas"], group["step_sizes"]

        def update(p: Tensor, values: Array, gradient: Array) -> None:
            self.count(p)
            if "step_size" not in self.state[p]:
                self.buffer(p, "prev")
                self.buffer(p, "step_size").fill(lr)
            for w, g, u, before, size in self.pieces(p, values, gradient, "prev", "step_size"):
                g = self.slope(w, g, 0, maximize)
                agreement = np.multiply(g, before, out=u)
                turned = agreement < 0
                np.multiply(size, shrink, out=size, where=turned)
                np.multiply(size, grow, out=size, where=agreement > 0)
                np.clip(size, smallest, largest, out=size)
                before[...] = g
                before[turned] = 0
                np.subtract(w, size, out=w, where=before > 0)
                np.add(w, size, out=w, where=before < 0)

        return update
