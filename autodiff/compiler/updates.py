"""What optimizers do, as lines that one would write by hand: the rule of each, with its formula beside it.

In a rule w is a parameter, g its gradient, t the number of the step; what the optimizer remembers of the
parameter has names of one or few letters. Options are called as PyTorch calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Options = Mapping[str, Any]


class Rule(NamedTuple):
    """The lines of an update for one parameter, and what they use."""

    lines: list[str]
    state: dict[str, str] = {}  # noqa: RUF012  # names in the lines, and what the optimizer calls it
    options: tuple[str, ...] = ("lr",)  # which are named at the top
    before: list[str] = []  # noqa: RUF012  # lines that hold for all parameters, which come first
    scalars: dict[str, str] = {}  # noqa: RUF012  # the same as `state`, of what is one number for all


def slope(o: Options, decoupled: bool = False) -> list[str]:
    """The sign of what is maximized, and the penalty on large weights."""
    sign, penalty = ("-" if o["maximize"] else ""), bool(o["weight_decay"])
    if penalty and decoupled:
        shrink = "w *= 1 - lr * weight_decay  # w ← w − γ·λ·w, weights decay"
        return [shrink, *(["g = -g  # maximized"] if sign else [])]
    if penalty:
        return [f"g = {sign}g + weight_decay * w  # g ← {'−' if sign else ''}g + λ·w, weights decay"]
    return ["g = -g  # maximized"] if sign else []


def decays(o: Options) -> tuple[str, ...]:
    """The option that `slope` uses."""
    return ("weight_decay",) if o["weight_decay"] else ()


def sgd(o: Options) -> Rule:
    """w ← w − γ·g."""
    if not o["momentum"]:
        return Rule([*slope(o), "w -= lr * g  # w ← w − γ·g"], {}, ("lr", *decays(o)))
    share, part = ("(1 - dampening) * g", "(1 − τ)·g") if o["dampening"] else ("g", "g")
    step = ("(g + momentum * b)", "(g + μ·b)") if o["nesterov"] else ("b", "b")
    return Rule(
        [
            *slope(o),
            f"b[...] = momentum * b + {share}  # b ← μ·b + {part}, the way so far",
            f"w -= lr * {step[0]}  # w ← w − γ·{step[1]}",
        ],
        {"b": "momentum_buffer"},
        ("lr", "momentum", *(("dampening",) if o["dampening"] else ()), *decays(o)),
    )


def averages(o: Options) -> tuple[list[str], dict[str, str], tuple[str, ...]]:
    """What Adam's kin begin with: the averages of g and of g²."""
    lines = [
        *slope(o, o.get("decoupled_weight_decay", False)),
        "m[...] = beta1 * m + (1 - beta1) * g  # m ← β₁·m + (1 − β₁)·g, where it goes",
        "v[...] = beta2 * v + (1 - beta2) * g**2  # v ← β₂·v + (1 − β₂)·g², how far as a rule",
    ]
    return lines, {"m": "exp_avg", "v": "exp_avg_sq"}, ("lr", "betas", "eps", *decays(o))


def adam(o: Options) -> Rule:
    """w ← w − γ·m̂ / (√v̂ + ε)."""
    lines, state, options = averages(o)
    v = "v"
    if o["amsgrad"]:
        lines.append("most[...] = np.maximum(most, v)  # the largest v so far")
        state, v = {**state, "most": "max_exp_avg_sq"}, "most"
    lines += [
        "m_hat = m / (1 - beta1**t)  # m̂ and v̂: they began at zero, which is undone",
        f"v_hat = {v} / (1 - beta2**t)",
        "w -= lr * m_hat / (np.sqrt(v_hat) + eps)  # w ← w − γ·m̂ / (√v̂ + ε)",
    ]
    return Rule(lines, state, options)


def nadam(o: Options) -> Rule:
    """Adam with Nesterov momentum."""
    lines, state, options = averages(o)
    lines += [
        "m_hat = following * m / (1 - product * following) + (1 - now) * g / (1 - product)",
        "v_hat = v / (1 - beta2**t)",
        "w -= lr * m_hat / (np.sqrt(v_hat) + eps)  # w ← w − γ·m̂ / (√v̂ + ε)",
    ]
    before = [
        "now = beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)  # μₜ, the momentum, which grows",
        "following = beta1 * (1 - 0.96 ** ((t + 1) * momentum_decay) / 2)  # μₜ₊₁",
        "product = product * now  # μ₁ ⋯ μₜ",
    ]
    return Rule(lines, state, (*options, "momentum_decay"), before, {"product": "mu_product"})


def radam(o: Options) -> Rule:
    """Adam that waits until v can be trusted."""
    lines, state, options = averages(o)
    lines += [
        "m_hat = m / (1 - beta1**t)  # m̂: it began at zero, which is undone",
        "if length > 5:  # v is long enough to be trusted",
        "    w -= lr * m_hat * trust / (np.sqrt(v) + eps)  # w ← w − γ·m̂·r·√(1 − β₂ᵗ) / (√v + ε)",
        "else:",
        "    w -= lr * m_hat  # w ← w − γ·m̂",
    ]
    before = [
        "limit = 2 / (1 - beta2) - 1  # ρ∞",
        "length = limit - 2 * t * beta2**t / (1 - beta2**t)  # ρₜ, over how many steps v is an average",
        "if length > 5:  # r·√(1 − β₂ᵗ) undoes the variance of v",
        "    trust = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)",
        "    trust = (trust * (1 - beta2**t)) ** 0.5",
    ]
    return Rule(lines, state, options, before)


def adamax(o: Options) -> Rule:
    """w ← w − γ/(1 − β₁ᵗ) · m/u."""
    return Rule(
        [
            *slope(o),
            "m[...] = beta1 * m + (1 - beta1) * g  # m ← β₁·m + (1 − β₁)·g",
            "u[...] = np.maximum(beta2 * u, np.abs(g) + eps)  # u ← max(β₂·u, |g| + ε)",
            "w -= lr / (1 - beta1**t) * m / u  # w ← w − γ/(1 − β₁ᵗ) · m/u",
        ],
        {"m": "exp_avg", "u": "exp_inf"},
        ("lr", "betas", "eps", *decays(o)),
    )


def rmsprop(o: Options) -> Rule:
    """w ← w − γ·g / (√v + ε)."""
    lines = [*slope(o), "v[...] = alpha * v + (1 - alpha) * g**2  # v ← α·v + (1 − α)·g²"]
    state, root, size = {"v": "square_avg"}, "np.sqrt(v)", "√v"
    if o["centered"]:
        lines.append("mean[...] = alpha * mean + (1 - alpha) * g  # ḡ ← α·ḡ + (1 − α)·g")
        state, root, size = {**state, "mean": "grad_avg"}, "np.sqrt(v - mean**2)", "√(v − ḡ²)"
    options: tuple[str, ...] = ("lr", "alpha", "eps", *decays(o))
    if o["momentum"]:
        lines.append(f"b[...] = momentum * b + g / ({root} + eps)  # b ← μ·b + g / ({size} + ε)")
        lines.append("w -= lr * b  # w ← w − γ·b")
        return Rule(lines, {**state, "b": "momentum_buffer"}, (*options, "momentum"))
    lines.append(f"w -= lr * g / ({root} + eps)  # w ← w − γ·g / ({size} + ε)")
    return Rule(lines, state, options)


def adagrad(o: Options) -> Rule:
    """w ← w − γₜ·g / (√s + ε)."""
    rate, option = ("lr", ()) if not o["lr_decay"] else ("lr / (1 + (t - 1) * lr_decay)", ("lr_decay",))
    return Rule(
        [
            *slope(o),
            "s += g**2  # s ← s + g²",
            f"w -= {rate} * g / (np.sqrt(s) + eps)  # w ← w − γ{'ₜ' if option else ''}·g / (√s + ε)",
        ],
        {"s": "sum"},
        ("lr", "eps", *option, *decays(o)),
    )


def adadelta(o: Options) -> Rule:
    """w ← w − γ·g·√(a + ε) / √(v + ε)."""
    return Rule(
        [
            *slope(o),
            "v[...] = rho * v + (1 - rho) * g**2  # v ← ρ·v + (1 − ρ)·g², how steep it was",
            "d = g * np.sqrt(a + eps) / np.sqrt(v + eps)  # Δ = g·√(a + ε) / √(v + ε)",
            "a[...] = rho * a + (1 - rho) * d**2  # a ← ρ·a + (1 − ρ)·Δ², how far it went",
            "w -= lr * d  # w ← w − γ·Δ",
        ],
        {"v": "square_avg", "a": "acc_delta"},
        ("lr", "rho", "eps", *decays(o)),
    )


def rprop(o: Options) -> Rule:
    """w ← w − s·sign(g)."""
    return Rule(
        [
            *(["g = -g  # maximized"] if o["maximize"] else []),
            "kept, turned = g * before > 0, g * before < 0  # the sign of g",
            "s[...] = np.clip(s * np.where(kept, grow, np.where(turned, shrink, 1)), smallest, largest)",
            "before[...] = np.where(turned, 0, g)  # g ← 0 where it has turned",
            "w -= s * np.sign(before)  # w ← w − s·sign(g)",
        ],
        {"before": "prev", "s": "step_size"},
        ("etas", "step_sizes"),
    )


def asgd(o: Options) -> Rule:
    """Descent, and the average of the way."""
    return Rule(
        [
            *slope(o),
            "w *= 1 - lambd * eta",
            "w -= eta * g  # w ← w − λ·η·w − η·g",
            "mean += share * (w - mean)  # the average of w since step t0",
        ],
        {"mean": "ax"},
        ("lr", "lambd", "alpha", "t0", *decays(o)),
        [
            "eta = lr / (1 + lambd * lr * (t - 1)) ** alpha  # η, which falls",
            "share = 1 / max(1, t - 1 - t0)",
        ],
    )


RULES: dict[str, Callable[[Options], Rule]] = {
    "SGD": sgd, "Adam": adam, "AdamW": adam, "NAdam": nadam, "RAdam": radam, "Adamax": adamax,
    "RMSprop": rmsprop, "Adagrad": adagrad, "Adadelta": adadelta, "Rprop": rprop, "ASGD": asgd,
}  # fmt: skip

SEVERAL = {
    "betas": ("beta1", "beta2"),
    "etas": ("shrink", "grow"),
    "step_sizes": ("smallest", "largest"),
}
"""Options that hold two numbers, and what these are called."""
