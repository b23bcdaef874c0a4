"""Steps of SGD, Adam and AdamW as loops; numbers such as the learning rate are read at each call."""

from __future__ import annotations

from typing import Any

import numpy as np

from .loops import Loops
from .memories import NoLoop, Place, coordinates, nested
from .program import Instruction, Update, Value

OPTIONS = {
    "SGD": ("lr", "momentum", "dampening", "weight_decay"),
    "Adam": ("lr", "beta1", "beta2", "eps", "weight_decay"),
}
"""The numbers that a step reads, in this order."""

FLAGS = {
    "SGD": ("momentum", "weight_decay", "nesterov", "maximize"),
    "Adam": ("weight_decay", "amsgrad", "maximize", "decoupled_weight_decay"),
}
"""What decides which loops are written: whether these are there."""


def rule_of(optimizer: Any) -> str | None:
    """The name of the rule that an optimizer follows, if there are loops for it."""
    rule = getattr(type(optimizer), "update_rule", None)
    name = getattr(rule, "__qualname__", "").removesuffix(".update_rule")
    return name if name in OPTIONS else None


def numbers_of(rule: str, group: dict[str, Any]) -> list[float]:
    """The options of a group as numbers."""
    found = {**group, **dict(zip(("beta1", "beta2"), group.get("betas", ()), strict=False))}
    return [float(found[name]) for name in OPTIONS[rule]]


def flags_of(rule: str, group: dict[str, Any]) -> list[bool]:
    """What the loops take for granted."""
    return [bool(group[name]) for name in FLAGS[rule]]


def state_names(rule: str, group: dict[str, Any]) -> list[str]:
    """What the optimizer remembers of each parameter."""
    if rule == "SGD":
        return ["momentum_buffer"] if group["momentum"] else []
    return ["step", "exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]


def write_update(loops: Loops, line: Instruction) -> tuple[list[str], list[Place], list[Place]]:
    """The loops of a step: the lines, and what they read and write."""
    update: Update = line.args[0]
    rule = rule_of(update.optimizer)
    if rule is None:
        name = type(update.optimizer).__name__
        raise NoLoop(line, f"the optimizer is {name}, and SGD, Adam and AdamW are known")
    if ("options", 0) in loops.slots:
        raise NoLoop(line, "an optimizer makes a second step")
    body: list[str] = []
    read, written = [], []
    for number, (group, work) in enumerate(update.groups):
        options = loops.reached(("options", number), np.dtype(float), f"o{number}")
        names = OPTIONS[rule]
        body += [f"{name}{number} = {options}[{i}]" for i, name in enumerate(names)]
        if rule == "Adam":
            body.append(f"t{number}, alpha{number}, epsilon{number} = 0.0, 0.0, 0.0")
        for p, w, g in work:
            read.append(loops.place(g))
            written.append(loops.place(w))
            body += of_parameter(loops, line, rule, group, number, update.optimizer.state.get(p, {}), p, w, g)
    return body, read, written


def of_parameter(
    loops: Loops, line: Instruction, rule: str, group: dict[str, Any], number: int,
    state: Any, p: Any, value: Value, gradient: Value,
) -> list[str]:  # fmt: skip
    """The loop of one parameter."""
    place, slope = loops.place(value), loops.place(gradient)
    kind = place.dtype
    if kind.kind != "f" or slope.dtype != kind or slope.shape != place.shape:
        raise NoLoop(line, f"a parameter is of {kind}, its gradient of {slope.dtype}")
    names = coordinates(place.shape)
    d, b, m, v, x = (f"{name}_{kind.name}" for name in "dbmvx")
    w = f"{loops.pointer(place)}[{place.along(names)}]"
    lines = [f"{d} = {loops.pointer(slope)}[{slope.along(names)}]"]
    flags = dict(zip(FLAGS[rule], flags_of(rule, group), strict=True))
    before = []
    memory = {}
    for name in state_names(rule, group):
        array = state[name].array if name in state else None
        if array is None:
            raise NoLoop(line, f"the optimizer has no {name} yet")
        pointer = loops.reached(("state", number, id(p), name), array.dtype, f"u{len(loops.slots)}")
        loops.remembered[("state", number, id(p), name)] = (p, name, array.strides, array.shape, array.dtype)
        if name == "step":
            step = f"{pointer}[0]"
            step_kind = array.dtype.name
        else:
            if array.shape != place.shape or array.dtype != kind:
                raise NoLoop(line, f"{name} is not like its parameter")
            size = array.itemsize
            at = Place(value, kind, array.shape, tuple(s // size for s in array.strides), 0)
            memory[name] = f"{pointer}[{at.along(names)}]"

    def number_of(text: str) -> str:
        return f"{kind.name}({text})"

    lr, decay = f"lr{number}", f"weight_decay{number}"
    sign = "-" if flags["maximize"] else ""
    if flags["weight_decay"] and not flags.get("decoupled_weight_decay"):
        lines.append(f"{d} = {w} * {number_of(decay)} {sign or '+'} {d}")
    elif flags["maximize"]:
        lines.append(f"{d} = -{d}")
    if rule == "SGD":
        if flags["momentum"]:
            buffer, momentum = memory["momentum_buffer"], number_of(f"momentum{number}")
            share = number_of(f"1.0 - dampening{number}")
            lines += [f"{b} = {buffer} * {momentum} + {d} * {share}", f"{buffer} = {b}"]
            lines.append(f"{d} = {d} + {b} * {momentum}" if flags["nesterov"] else f"{d} = {b}")
        lines.append(f"{w} = {w} - {d} * {number_of(lr)}")
    else:
        beta1, beta2, t = f"beta1{number}", f"beta2{number}", f"t{number}"
        before = [
            f"t = float64({step}) + 1.0",
            f"{step} = {step_kind}(t)",
            f"if t != {t}:",
            f"    {t} = t",
            f"    correction = (1.0 - {beta2} ** t) ** 0.5",
            f"    alpha{number} = {lr} * correction / (1.0 - {beta1} ** t)",
            f"    epsilon{number} = eps{number} * correction",
        ]
        first, second = memory["exp_avg"], memory["exp_avg_sq"]
        lines.append(f"{x} = {w}")
        if flags["decoupled_weight_decay"] and flags["weight_decay"]:
            lines.append(f"{x} = {x} * {number_of(f'1.0 - {lr} * {decay}')}")
        lines += [
            f"{m} = {first} * {number_of(beta1)} + {d} * {number_of(f'1.0 - {beta1}')}",
            f"{v} = {second} * {number_of(beta2)} + {d} * {number_of(f'1.0 - {beta2}')} * {d}",
            f"{first} = {m}",
            f"{second} = {v}",
        ]
        if flags["amsgrad"]:
            most = memory["max_exp_avg_sq"]
            lines += [f"{v} = {v} if {v} >= {most} or {v} != {v} else {most}", f"{most} = {v}"]
        alpha, epsilon = number_of(f"alpha{number}"), number_of(f"epsilon{number}")
        lines.append(f"{w} = {x} - {m} / (sqrt({v}) + {epsilon}) * {alpha}")
    ranges = [(o, n) for o, n in zip(names, place.shape, strict=True) if o != "0"]
    return [*before, *nested(ranges, lines)]
