"""What to raise when NumPy refuses an operation: PyTorch's kind and words, the call, the user's line."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .where import placed
from .wording import broadcast_conflict, describe, matmul_conflict


class Operation(Protocol):
    """What an error says of a primitive."""

    name: str
    arity: int  # how many of its arguments are tensors


def explain(op: Operation, args: tuple[Any, ...], error: Exception) -> Exception:
    """What to raise when `op.forward(*args)` failed with NumPy's `error`."""
    return placed(worded(op, args, error))


def worded(op: Operation, args: tuple[Any, ...], error: Exception) -> Exception:
    """The same error in PyTorch's words, then ours."""
    call = f"{op.name}({', '.join(describe(arg) for arg in args)})"
    shapes = [np.shape(arg) for arg in args[: op.arity]]
    if isinstance(error, IndexError):
        return IndexError(
            f"{str(error).replace('axis', 'dimension').replace('arrays', 'tensors')}, in {call}"
        )
    if op.name == "matmul":
        return RuntimeError(f"{matmul_conflict(shapes[0], shapes[1])}, in {call}")
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return RuntimeError(f"{broadcast_conflict(shapes)}, in {call}")
    if isinstance(error, ValueError) and "negative integer powers" in str(error):
        return RuntimeError(f"Integers to negative integer powers are not allowed, in {call}: use x.float()")
    if isinstance(error, TypeError):
        hint = _bool_hint(op.name)
        kind = RuntimeError if hint else NotImplementedError
        return kind(f"{op.name} is not defined for these dtypes: {call}. {hint}({error})")
    return type(error)(f"{error}, in {call}") if type(error) in (ValueError, RuntimeError) else error


def _bool_hint(name: str) -> str:
    if name == "sub":
        return "Subtraction, the `-` operator, with a bool tensor is not supported: use ^ or logical_xor. "
    return "Negation, the `-` operator, on a bool tensor is not supported: use ~. " if name == "neg" else ""
