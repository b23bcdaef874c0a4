"""Where errors are worded: what failed, on which shapes and dtypes, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .primitive import Primitive


def describe(value: Any) -> str:
    """An argument in an error message: `float32 (2, 3)` for arrays and tensors, its repr for anything else."""
    array = getattr(value, "array", value)
    if isinstance(array, (np.ndarray, np.generic)):
        return f"{array.dtype} {tuple(array.shape)}"
    return repr(value) if len(repr(value)) < 60 else type(value).__name__


def explain(op: Primitive, args: tuple[Any, ...], error: Exception) -> Exception:
    """The error to raise when `op.forward(*args)` failed with NumPy's `error`: PyTorch's kind and words, then ours."""
    call = f"{op.name}({', '.join(describe(arg) for arg in args)})"
    shapes = [np.shape(arg) for arg in args[: op.arity]]
    if isinstance(error, IndexError):
        return IndexError(f"{error}, in {call}")
    if op.name == "matmul" and len(shapes) == 2:
        (*_, n, k), (*_, m, p) = shapes
        return RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {m}x{p}), in {call}: the last dimension of the first "
            f"({k}) must equal the one before last of the second ({m})"
            + _transpose_hint(shapes[0], shapes[1])
        )
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return RuntimeError(f"{broadcast_conflict(shapes)}, in {call}")
    if isinstance(error, ValueError) and "negative integer powers" in str(error):
        return RuntimeError(f"Integers to negative integer powers are not allowed, in {call}: use x.float()")
    if isinstance(error, TypeError):
        return RuntimeError(
            f"{op.name} is not defined for these dtypes: {call}. {_bool_hint(op.name)}({error})"
        )
    return type(error)(f"{error}, in {call}") if type(error) in (ValueError, RuntimeError) else error


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
        f"The size of tensor a ({a[position]}) must match the size of tensor b ({b[position]}) at non-singleton dimension {dim}. "
        f"The shapes {a} and {b} do not broadcast: aligned from the right, each pair of lengths must be equal or hold a 1"
        + _reshape_hint(a, b)
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


def _bool_hint(name: str) -> str:
    if name == "sub":
        return "Subtraction, the `-` operator, with a bool tensor is not supported: use ^ or logical_xor. "
    return "Negation, the `-` operator, on a bool tensor is not supported: use ~. " if name == "neg" else ""
