"""The rules of SGD and Adam as NumPy calls on pieces that stay in the cache.

They are those of `nn.optim`, to the bit: the same operations in the same order on the same state. What they
save is what comes around these: Python's numbers become arrays, and the pieces are cut once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

PIECE = 1 << 15  # entries


class Form(NamedTuple):
    """How an optimizer moves w by its gradient g, with scratch memory u and what it remembers."""

    state: tuple[str, ...]  # the names of what is remembered, in the order in which the calls name it
    variables: str
    calls: tuple[tuple[Any, str], ...]
    numbers: Callable[[dict[str, Any]], dict[str, float]]  # those that depend on the options alone
    by_step: Callable[[dict[str, Any]], Callable[[float], tuple[float, ...]]] | None = None  # rate, epsilon


def adam(decays: bool) -> Form:
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − α m / (√v + ε̂)."""
    calls = [
        *((np.multiply, "m, beta1, m"), (np.multiply, "g, rest1, u"), (np.add, "m, u, m")),
        *((np.multiply, "v, beta2, v"), (np.multiply, "g, rest2, u"), (np.multiply, "u, g, u")),
        *((np.add, "v, u, v"), (np.sqrt, "v, u"), (np.add, "u, epsilon, u"), (np.divide, "m, u, u")),
        *((np.multiply, "u, rate, u"), (np.subtract, "w, u, w")),
    ]
    if decays:
        calls.insert(0, (np.multiply, "w, shrink, w"))

    def numbers(group: dict[str, Any]) -> dict[str, float]:
        beta1, beta2 = (float(beta) for beta in group["betas"])
        found = {"beta1": beta1, "rest1": 1 - beta1, "beta2": beta2, "rest2": 1 - beta2}
        return {**found, "shrink": 1 - float(group["lr"]) * float(group["weight_decay"])}

    def by_step(group: dict[str, Any]) -> Callable[[float], tuple[float, ...]]:
        lr, eps = float(group["lr"]), float(group["eps"])
        beta1, beta2 = (float(beta) for beta in group["betas"])

        def corrected(t: float) -> tuple[float, ...]:
            correction = (1 - beta2**t) ** 0.5
            return lr * correction / (1 - beta1**t), eps * correction

        return corrected

    return Form(("exp_avg", "exp_avg_sq"), "w, g, u, m, v", tuple(calls), numbers, by_step)


MOMENTUM = Form(
    ("momentum_buffer",),
    "w, g, u, b",
    (
        *((np.multiply, "b, momentum, b"), (np.add, "b, g, b")),
        *((np.multiply, "b, lr, u"), (np.subtract, "w, u, w")),
    ),
    lambda group: {"momentum": float(group["momentum"]), "lr": float(group["lr"])},
)
"""b ← μ b + g, w ← w − γ b."""

ADAM, ADAM_WITH_DECAY = adam(False), adam(True)


def form_of(optimizer: Any, group: dict[str, Any]) -> Form | None:
    """The form that an optimizer of `nn.optim` has under these options; None if it is another."""
    rule = getattr(getattr(type(optimizer), "update_rule", None), "__qualname__", "")
    if type(optimizer).__module__.partition(".")[0] != "nn" or group.get("maximize"):
        return None
    if rule == "SGD.update_rule" and group["momentum"]:
        return None if group["dampening"] or group["nesterov"] or group["weight_decay"] else MOMENTUM
    if rule == "Adam.update_rule" and not group["amsgrad"]:
        if not group["weight_decay"]:
            return ADAM
        return ADAM_WITH_DECAY if group["decoupled_weight_decay"] else None
    return None


def pieces(arrays: list[Any]) -> list[tuple[Any, ...]]:
    """(w, g, u, *remembered) for each piece of a parameter, whose scratch memory is `u`."""
    w = arrays[0]
    if w.size <= PIECE or not all(x.flags.c_contiguous for x in arrays):
        u = np.empty_like(w)
        return [(*arrays[:2], u, *arrays[2:])]
    u = np.empty(PIECE, w.dtype)
    cut = [[x.reshape(-1)[i : i + PIECE] for x in arrays] for i in range(0, w.size, PIECE)]
    return [(*part[:2], u[: part[0].size], *part[2:]) for part in cut]
