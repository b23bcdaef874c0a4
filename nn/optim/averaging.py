"""What Adam and its kin share: options, and two averages of each parameter's gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autodiff.errors import located
from autodiff.ops.arguments import refuse_no_number

from .optimizer import Optimizer, refuse_negative


class Averaging(Optimizer):
    """An optimizer that averages g = ∇L(w) by β₁, and how large it is by β₂, in the course of its steps.

    (β₁, β₂) are `betas`; besides there are `lr`, `eps` and `weight_decay`. Raises ValueError for options out
    of range.
    """

    entrywise = True
    state_names: tuple[str, ...] = ("step", "exp_avg", "exp_avg_sq")

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(options, lr="learning rate", eps="epsilon value")
        betas = options["betas"]
        if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
            raise located.TypeError(f"betas must be two numbers, as in betas=(0.9, 0.999), not {betas!r}")
        for i, beta in enumerate(betas):
            refuse_no_number(beta, "optimizer", f"betas[{i}]")
            if not 0 <= beta < 1:
                raise located.ValueError(f"Invalid beta parameter at index {i}: {beta}")
        refuse_negative(options, weight_decay="weight_decay value")
        super().check(options)


def numbers(group: Mapping[str, Any]) -> tuple[float, float, float, float, float]:
    """Of a group: `lr`, β₁, β₂, `eps` and `weight_decay`."""
    beta1, beta2 = group["betas"]
    return (
        float(group["lr"]), float(beta1), float(beta2), float(group["eps"]), float(group["weight_decay"])
    )  # fmt: skip
