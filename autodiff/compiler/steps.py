"""Steps of the optimizers as loops; numbers such as the learning rate are read at each call.

The rules are those of `nn.optim`, one entry at a time: `w` is the value, `d` the slope, `t` counts the steps,
and what is remembered has the name that it has there. `[x]` is a number in the dtype of the parameter, `(x)~`
in the dtype of what is remembered of it as one number. A line that begins with flags is there if these hold.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from .loops import Loops
from .memories import NoLoop, Place, coordinates, nested, ranges_of
from .program import Instruction, Update, Value


class Rule(NamedTuple):
    """How an optimizer moves a parameter; texts are lists of words, or lines."""

    options: str  # the numbers that a step reads
    flags: str  # which lines are there depends on whether these are
    state: str  # arrays like the parameter; "flag:name" if it is there only with the flag
    each: str  # what is done with each entry
    once: str = ""  # what is computed for each parameter, in float64, before its entries
    numbers: str = "step"  # what is remembered of a parameter as one number


AVERAGES = """
    exp_avg = exp_avg * [beta1] + d * [1.0 - beta1]
    exp_avg_sq = exp_avg_sq * [beta2] + d * [1.0 - beta2] * d
"""
DECOUPLED = "decoupled_weight_decay: w = w * [1.0 - lr * weight_decay]"

RULES = {
    "SGD": Rule(
        "lr momentum dampening weight_decay", "momentum weight_decay nesterov maximize",
        "momentum:momentum_buffer", """
        momentum: momentum_buffer = momentum_buffer * [momentum] + d * [1.0 - dampening]
        momentum nesterov: d = d + momentum_buffer * [momentum]
        momentum not nesterov: d = momentum_buffer
        w = w - d * [lr]""", numbers="",
    ),
    "Adam": Rule(
        "lr beta1 beta2 eps weight_decay", "weight_decay amsgrad maximize decoupled_weight_decay",
        "exp_avg exp_avg_sq amsgrad:max_exp_avg_sq", f"""
        {DECOUPLED}
        {AVERAGES}
        v = exp_avg_sq
        amsgrad: v = v if v >= max_exp_avg_sq or v != v else max_exp_avg_sq
        amsgrad: max_exp_avg_sq = v
        w = w - exp_avg / (sqrt(v) + [epsilon]) * [rate]""", """
        correction = (1.0 - beta2 ** t) ** 0.5
        rate = lr * correction / (1.0 - beta1 ** t)
        epsilon = eps * correction""",
    ),
    "RMSprop": Rule(
        "lr alpha eps weight_decay momentum", "weight_decay momentum centered maximize",
        "square_avg momentum:momentum_buffer centered:grad_avg", """
        square_avg = square_avg * [alpha] + d * [1.0 - alpha] * d
        v = square_avg
        centered: grad_avg = grad_avg * [alpha] + d * [1.0 - alpha]
        centered: v = v - grad_avg * grad_avg
        d = d / (sqrt(v) + [eps])
        momentum: momentum_buffer = momentum_buffer * [momentum] + d
        momentum: d = momentum_buffer
        w = w - d * [lr]""",
    ),
    "Adagrad": Rule(
        "lr lr_decay eps weight_decay", "weight_decay maximize", "sum", """
        sum = sum + d * d
        w = w - d / (sqrt(sum) + [eps]) * [rate]""", """
        rate = lr / (1.0 + (t - 1.0) * lr_decay)""",
    ),
    "Adadelta": Rule(
        "lr rho eps weight_decay", "weight_decay maximize", "square_avg acc_delta", """
        square_avg = square_avg * [rho] + d * [1.0 - rho] * d
        d = sqrt(acc_delta + [eps]) / sqrt(square_avg + [eps]) * d
        acc_delta = acc_delta * [rho] + d * [1.0 - rho] * d
        w = w - d * [lr]""",
    ),
    "Adamax": Rule(
        "lr beta1 beta2 eps weight_decay", "weight_decay maximize", "exp_avg exp_inf", """
        exp_avg = exp_avg * [beta1] + d * [1.0 - beta1]
        v = exp_inf * [beta2]
        d = abs(d) + [eps]
        exp_inf = v if v >= d or v != v else d
        w = w - exp_avg / exp_inf * [rate]""", """
        rate = lr / (1.0 - beta1 ** t)""",
    ),
    "NAdam": Rule(
        "lr beta1 beta2 eps weight_decay momentum_decay", "weight_decay maximize decoupled_weight_decay",
        "exp_avg exp_avg_sq", f"""
        {DECOUPLED}
        {AVERAGES}
        v = sqrt(exp_avg_sq / [correction]) + [eps]
        w = w - d / v * [of_gradient]
        w = w - exp_avg / v * [of_average]""", """
        now = beta1 * (1.0 - 0.5 * 0.96 ** (t * momentum_decay))
        following = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1.0) * momentum_decay))
        mu_product = float64((mu_product)~ * (now)~)
        of_gradient = lr * (1.0 - now) / (1.0 - mu_product)
        of_average = lr * following / (1.0 - mu_product * following)
        correction = 1.0 - beta2 ** t""", "step mu_product",
    ),
    "RAdam": Rule(
        "lr beta1 beta2 eps weight_decay", "weight_decay maximize decoupled_weight_decay",
        "exp_avg exp_avg_sq", f"""
        {DECOUPLED}
        {AVERAGES}
        d = exp_avg / (sqrt(exp_avg_sq) + [eps]) if length > 5.0 else exp_avg
        w = w - d * [rate]""", """
        correction = 1.0 - beta2 ** t
        limit = 2.0 / (1.0 - beta2) - 1.0
        length = limit - 2.0 * t * beta2 ** t / correction
        trust = (length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length)
        rate = lr / (1.0 - beta1 ** t) * ((trust * correction) ** 0.5 if length > 5.0 else 1.0)""",
    ),
    "Rprop": Rule(
        "shrink grow smallest largest", "maximize", "prev step_size", """
        v = d * prev
        step_size = step_size * [shrink] if v < 0 else step_size * [grow] if v > 0 else step_size
        step_size = [smallest] if step_size < [smallest] else step_size
        step_size = [largest] if step_size > [largest] else step_size
        prev = [0.0] if v < 0 else d
        w = w - step_size if prev > 0 else w + step_size if prev < 0 else w""",
    ),
    "ASGD": Rule(
        "lr lambd alpha t0 weight_decay", "weight_decay maximize", "ax", """
        w = w * [1.0 - lambd * rate] - d * [rate]
        ax = w if share == 1.0 else ax + (w - ax) * [share]""", """
        rate = eta
        share = mu
        eta = lr / (1.0 + lambd * lr * t) ** alpha
        mu = 1.0 / max(1.0, t - t0)""", "step eta mu",
    ),
}  # fmt: skip
"""By the class that has the rule."""


def rule_of(optimizer: Any) -> str | None:
    """The name of the rule that an optimizer follows, if there are loops for it."""
    kind = type(optimizer)
    parts = [getattr(kind, name, None) for name in ("update_rule", "slope", "count", "scalar", "buffer")]
    if any(getattr(part, "__module__", "").partition(".")[0] != "nn" for part in parts):
        return None  # the user's own
    name: str = kind.update_rule.__qualname__.removesuffix(".update_rule")
    return name if name in RULES else None


def numbers_of(rule: str, group: dict[str, Any]) -> list[float]:
    """The options of a group as numbers."""
    pairs = {"betas": ("beta1", "beta2"), "etas": ("shrink", "grow"), "step_sizes": ("smallest", "largest")}
    found = dict(group)
    for name, names in pairs.items():
        found |= dict(zip(names, group.get(name, ()), strict=False))
    return [float(found[name]) for name in RULES[rule].options.split()]


def flags_of(rule: str, group: dict[str, Any]) -> list[bool]:
    """What the loops take for granted."""
    return [bool(group[name]) for name in RULES[rule].flags.split()]


def state_names(rule: str, group: dict[str, Any]) -> list[str]:
    """What the optimizer remembers of each parameter."""
    arrays = (name.rpartition(":") for name in RULES[rule].state.split())
    return [*RULES[rule].numbers.split(), *(name for flag, _, name in arrays if not flag or group[flag])]


def lines_of(text: str, flags: dict[str, bool]) -> list[str]:
    """The lines that are there under these flags."""
    found = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        conditions, _, rest = line.rpartition(": ")
        wanted = re.findall(r"(not )?(\w+)", conditions)
        if all(flags[flag] is not bool(no) for no, flag in wanted):
            found.append(rest)
    return found


def write_update(loops: Loops, line: Instruction) -> tuple[list[str], list[Place], list[Place]]:
    """The loops of a step: the lines, and what they read and write."""
    update: Update = line.args[0]
    rule = rule_of(update.optimizer)
    if rule is None:
        raise NoLoop(line, f"{type(update.optimizer).__name__} has a rule of its own")
    body: list[str] = []
    read, written = [], []
    for group, work in update.groups:
        number, loops.groups = loops.groups, loops.groups + 1
        options = loops.reached(("options", number), np.dtype(float), f"o{number}")
        body += [f"{name} = {options}[{i}]" for i, name in enumerate(RULES[rule].options.split())]
        body += [f"{name} = 0.0" for name in ("last", *assigned(RULES[rule].once))]
        for p, w, g in work:
            read.append(loops.place(g))
            written.append(loops.place(w))
            body += of_parameter(loops, line, rule, group, number, update.optimizer, p, w, g)
    return body, read, written


def assigned(text: str) -> list[str]:
    """The variables that lines set."""
    return list(dict.fromkeys(re.findall(r"^\s*(?:[\w ]+: )?(\w+) = ", text, re.MULTILINE)))


def of_parameter(
    loops: Loops, line: Instruction, rule: str, group: dict[str, Any], number: int,
    optimizer: Any, p: Any, value: Value, gradient: Value,
) -> list[str]:  # fmt: skip
    """The loop of one parameter."""
    place, slope = loops.place(value), loops.place(gradient)
    kind = place.dtype
    if kind.kind != "f" or slope.dtype != kind or slope.shape != place.shape:
        raise NoLoop(line, f"a parameter is of {kind}, its gradient of {slope.dtype}")
    names = coordinates(place.shape)
    form, flags = RULES[rule], dict(zip(RULES[rule].flags.split(), flags_of(rule, group), strict=True))
    if flags.get("decoupled_weight_decay") and not flags["weight_decay"]:
        flags["decoupled_weight_decay"] = False
    entries = {"w": f"{loops.pointer(place)}[{place.along(names)}]"}
    single: dict[str, tuple[str, str]] = {}
    for name in state_names(rule, group):
        state = optimizer.state.get(p, {})
        array = state[name].array if name in state else None
        if array is None:
            raise NoLoop(line, f"the optimizer has no {name} yet")
        key = ("state", number, id(p), name)
        pointer = loops.reached(key, array.dtype, f"u{len(loops.slots)}")
        loops.remembered[key] = (p, name, array.strides, array.shape, array.dtype, optimizer)
        if name in form.numbers.split():
            single["t" if name == "step" else name] = f"{pointer}[0]", array.dtype.name
        elif array.shape != place.shape or array.dtype != kind:
            raise NoLoop(line, f"{name} is not like its parameter")
        else:
            at = Place(value, kind, array.shape, tuple(s // array.itemsize for s in array.strides), 0)
            entries[name] = f"{pointer}[{at.along(names)}]"

    before = [f"{name} = float64({at})" for name, (at, _) in single.items()]
    before += ["t = t + 1.0"] if "t" in single else []
    once = lines_of(form.once, flags)
    if once and [*single] == ["t"]:  # the same for parameters that have been moved as often
        once = ["if t != last:", *("    " + text for text in (*once, "last = t"))]
    of_state = next((dtype for _, dtype in single.values()), "")
    before += [re.sub(r"(\([^()]*\))~", rf"{of_state}\1", text) for text in once]
    before += [f"{at} = {dtype}({name})" for name, (at, dtype) in single.items()]

    lines = [f"{name} = {at}" for name, at in entries.items()]
    lines.append(f"d = {loops.pointer(slope)}[{slope.along(names)}]")
    if flags.get("weight_decay") and not flags.get("decoupled_weight_decay"):
        lines.append(f"d = w * [weight_decay] {'-' if flags['maximize'] else '+'} d")
    elif flags["maximize"]:
        lines.append("d = -d")
    lines += lines_of(form.each, flags)
    lines += [f"{at} = {name}" for name, at in entries.items()]
    own = "|".join((*entries, "d", "v"))  # variables of this dtype; addresses have other names
    lines = [re.sub(rf"(?<![\w<\[])({own})(?![\w:])", rf"\1_{kind.name}", text) for text in lines]
    lines = [re.sub(r"(?<![\w>])\[([^\[\]]*)\]", lambda x: f"{kind.name}({x[1]})", text) for text in lines]
    return [*before, *nested(ranges_of(names, place.shape), lines)]
