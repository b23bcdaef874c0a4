"""Why nothing behind a tensor requires grad, as far as the user's variables tell."""

from __future__ import annotations

from typing import Any

from .where import Step, located, name_of, of_user, stack
from .wording import describe

MANY = 6  # more names than this say less


def nothing_requires_grad(root: Any, recording: bool) -> RuntimeError:
    """What to raise where a gradient is asked of a tensor without history; `recording` may be off there."""
    steps = stack()
    i = of_user(steps)
    name = (name_of(root, steps[: i + 1]) if i is not None else None) or "this tensor"
    return located.RuntimeError(
        "element 0 of tensors does not require grad and does not have a grad_fn: nothing behind "
        f"this tensor requires grad. {name} is {describe(root)}, plain data. "
        f"{'' if i is None else of_variables(steps[i], root, recording)}"
        "Make a parameter with requires_grad=True before computing with it, and compute outside no_grad()"
    )


def nobody_asks() -> RuntimeError:
    """What to raise where a gradient arrives only at leaves that do not ask for it."""
    return located.RuntimeError(
        "nothing behind this tensor requires grad any more: its leaves were frozen since, by "
        "requires_grad_(False) or detach_(), or it looks at them through views that were made under "
        "no_grad() or before requires_grad_(). Ask for gradients first, then make views, then compute"
    )


def of_variables(step: Step, root: Any, recording: bool) -> str:
    """What the variables around the call show: what is plain data, what requires grad, what is off."""
    plain: list[str] = []
    moving: list[str] = []
    modules: list[tuple[str, list[Any]]] = []
    for name, value in list(step.frame.f_locals.items()):
        if name.startswith("_") or value is root:
            continue
        if type(value) is type(root) or hasattr(value, "requires_grad"):
            (moving if value.requires_grad else plain).append(f"{name} {describe(value)}")
        elif hasattr(type(value), "named_modules") and "_roles" in vars(value):
            modules.append((name, list(value.parameters())))
    said = ""
    if not recording:
        said += "Nothing is recorded here: this line runs under no_grad(). "
    if plain:
        said += f"Plain data here: {listed(plain)}. "
    for name, parameters in modules:
        count = sum(p.requires_grad for p in parameters)
        if parameters and not count:
            said += f"No parameter of {name} requires grad: it is frozen, {name}.requires_grad_(True). "
        elif parameters:
            moving.append(f"{count} parameters of {name}")
    if moving:
        said += (
            f"Requiring grad: {listed(moving)}; not used, or behind a detach(), item(), no_grad() or "
            "tensor(...). "
        )
    return said


def listed(names: list[str]) -> str:
    """Names with commas, the first few."""
    return ", ".join(names[:MANY]) + (" …" if len(names) > MANY else "")
