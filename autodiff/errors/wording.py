"""How errors are worded: which shapes and dtypes do not fit, why, and what would."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

SHOWN = 4  # of several tensors in a list


def describe(value: Any) -> str:
    """An argument in an error message: `float32 (2, 3)` for arrays and tensors, else its repr."""
    array = getattr(value, "array", value)
    if isinstance(array, (np.ndarray, np.generic)):
        return f"{array.dtype} {tuple(array.shape)}"
    if isinstance(value, (list, tuple)) and any(hasattr(x, "array") for x in value):
        return f"[{', '.join(map(describe, value[:SHOWN]))}{', …' if len(value) > SHOWN else ''}]"
    return repr(value) if len(repr(value)) < 60 else type(value).__name__


def no_tensor(op: str, value: Any, name: str = "input", position: int = 1) -> str:
    """That an argument must be a Tensor, what it is, and what makes one of it."""
    kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
    return f"{op}(): argument '{name}' (position {position}) must be Tensor, not {kind}: {instead_of(value)}"


def instead_of(value: Any) -> str:
    """What was probably meant, where a Tensor is needed and this was given."""
    if hasattr(type(value), "named_modules"):
        called = type(value).__name__
        return f"it is a module, which is made first and then called: layer = {called}(...), then layer(x)"
    if isinstance(value, type):
        return f"it is a class: make one, {value.__name__}(...)"
    if isinstance(value, (list, tuple)) and any(hasattr(x, "array") for x in value):
        if isinstance(value, tuple):
            return (
                "take the one that is meant, x[0]: recurrent layers and attention return (output, ...), "
                "datasets (x, y)"
            )
        return "autodiff.stack(tensors) makes one of several of the same shape"
    if value is None:
        return "a function without a return gives None"
    return "wrap it in autodiff.tensor()"


def broadcast_conflict(shapes: list[tuple[int, ...]]) -> str:
    """Which dimension keeps these shapes from broadcasting, in PyTorch's words, and what would help."""
    a, b = next(
        ((s, t) for s in shapes for t in shapes if _conflict(s, t) is not None), (shapes[0], shapes[-1])
    )
    position = _conflict(a, b)
    if position is None:
        return f"The shapes {a} and {b} do not broadcast"
    dim = max(len(a), len(b)) + position
    return (
        f"The size of tensor a ({a[position]}) must match the size of tensor b ({b[position]}) at "
        f"non-singleton dimension {dim}. The shapes {a} and {b} do not broadcast: aligned from the right, "
        f"each pair of lengths must be equal or hold a 1{_reshape_hint(a, b)}"
    )


def expand_conflict(shape: tuple[int, ...], target: tuple[int, ...]) -> str | None:
    """Why `shape` does not broadcast to `target`, in PyTorch's words; None if it does."""
    sizes = f"Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
    for i in range(1, len(shape) + 1):
        if i > len(target):
            if shape[-i] != 1:
                return (
                    f"expand: the number of sizes provided ({len(target)}) must be greater or equal to the "
                    f"number of dimensions in the tensor ({len(shape)}).  {sizes}"
                )
        elif shape[-i] not in (1, target[-i]):
            return (
                f"The expanded size of the tensor ({target[-i]}) must match the existing size "
                f"({shape[-i]}) at non-singleton dimension {len(target) - i}.  {sizes}"
            )
    return None


def matmul_conflict(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """Why `a @ b` is not defined for these shapes, in PyTorch's words, and what would fit."""
    if not (a and b):
        return (
            f"both arguments to matmul need to be at least 1D, but they are {len(a)}D and {len(b)}D: "
            "use * to multiply by a number"
        )
    k, m = a[-1], b[-2 if len(b) > 1 else -1]
    if k == m:
        return broadcast_conflict([a[:-2], b[:-2]])
    if len(a) == len(b) == 1:
        return (
            f"inconsistent tensor size, expected tensor [{k}] and src [{m}] to have the same number of "
            f"elements, but got {k} and {m} elements respectively"
        )
    n = math.prod(a[:-1])
    if len(b) == 1:
        return f"size mismatch, got input ({n}), mat ({n}x{k}), vec ({m}): the vector must have {k} entries"
    meet = f"the last dimension of the first ({k}) must equal the one before last of the second ({m})"
    hint = _transpose_hint(a, b) if len(a) > 1 else ""
    if len(b) == 2:
        return f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {m}x{b[-1]}): {meet}{hint}"
    batch = math.prod(b[:-2])
    return (
        f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {k}] but got: "
        f"[{batch}, {m}]: {meet}{hint}"
    )


def _conflict(a: tuple[int, ...], b: tuple[int, ...]) -> int | None:
    """The last position, counted from the right as -1, -2 ..., where two shapes disagree."""
    for i in range(1, min(len(a), len(b)) + 1):
        if a[-i] != b[-i] and 1 not in (a[-i], b[-i]):
            return -i
    return None


def _reshape_hint(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if len(a) == 2 and len(b) == 1 and a[0] == b[0]:
        return "; b.unsqueeze(1) would make it a column"
    if len(b) == 2 and len(a) == 1 and a[0] == b[0]:
        return "; a.unsqueeze(1) would make it a column"
    return "; a.T would fit" if len(a) == 2 and a[::-1] == b else ""


def _transpose_hint(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    fits = [text for text, ok in (("a @ b.T", a[-1] == b[-1]), ("a.T @ b", a[-2] == b[-2])) if ok]
    return f"; {' or '.join(fits)} would fit" if fits else ""
