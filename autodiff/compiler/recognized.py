"""What a line or a value of a program is, to somebody who reads it: a view, a mask, the number 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import Primitive, registry
from .program import COPIES, Instruction, Returned, Value


def said(op: Primitive) -> str:
    """What an operation computes, by its docstring."""
    first = (op.__doc__ or op.name).strip().partition("\n")[0].rstrip(".")
    first = first.removeprefix(op.name + ": ")
    return f"{op.name}: {first}" if len(first) < 50 else f"{op.name}: {first.partition(':')[0][:60]}"


def returned(tree: Any) -> list[Returned]:
    """The tensors and numbers in a result."""
    if isinstance(tree, Returned):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (tuple, list)) else ()
    return [found for part in parts for found in returned(part)]


def whole(note: Any) -> Any:
    """The forward or the rule of a call, if it is one of a primitive."""
    op = registry.get(note.name)
    return None if op is None else op.forward if note.argnum is None else op.vjps[note.argnum]


def free(line: Instruction) -> bool:
    """Whether an expression may be written wherever it is wanted: a view, or what is written as itself."""
    if masked(line) is not None:
        return False
    same = line.function in COPIES or (
        line.function is np.ndarray.astype and np.dtype(line.args[1]) == line.args[0].array.dtype
    )
    return line.pure and line.out is not None and (line.out.root is not line.out or same)


def cheap(line: Instruction) -> bool:
    """Whether an expression is as short as a name: −x, 1 − x, x > 0."""
    values = list(line.values())
    short = line.function in (np.negative, np.subtract, np.greater, np.less_equal, np.greater_equal)
    numbers = all(v.array.ndim == 0 and v.kind == "constant" for v in values[:-1])
    return short and line.pure and numbers and bool(values)


def is_one(x: Any) -> bool:
    """Whether this is the number 1."""
    if isinstance(x, Value):
        return x.kind == "constant" and x.array.ndim == 0 and x.array.dtype.kind == "f" and x.array == 1
    return type(x) in (int, float) and x == 1


def is_zero(x: Any) -> bool:
    """Whether this is the constant 0."""
    return isinstance(x, Value) and x.kind == "constant" and not x.array.ndim and not x.array


def same_kind(array: Any, out: Any) -> bool:
    """Whether a value has this shape and dtype."""
    return out is not None and array.shape == out.array.shape and array.dtype == out.array.dtype


def alone(axis: Any) -> Any:
    """One axis without the tuple."""
    return axis[0] if type(axis) is tuple and len(axis) == 1 else axis


def is_plain(name: str, x: Any) -> bool:
    """Whether an option says nothing: `initial=-inf` of a maximum."""
    return name == "initial" and isinstance(x, float) and x == -np.inf


def is_ones(value: Value) -> bool:
    """Whether this is a constant of ones."""
    return value.kind == "constant" and bool((value.array == 1).all())


def masked(line: Instruction) -> tuple[Value, Value, bool] | None:
    """The condition, what is kept, and whether 0 comes first, if this is the end of `special.kept`."""
    product = source_of(line, np.ndarray.view)
    bits = product and source_of(product, np.multiply)
    if not bits or not product or bits.function is not np.ndarray.view:
        return None
    mask = product.args[1]
    if not isinstance(mask, Value) or mask.array.dtype != bool:
        return None
    inverted = mask.source if isinstance(mask.source, Instruction) else None
    if inverted is not None and inverted.function is np.invert:
        return inverted.args[0], bits.args[0], True
    return mask, bits.args[0], False


def source_of(line: Instruction, function: Any) -> Instruction | None:
    """The instruction that made the first argument, if this line is of that function."""
    made = line.args[0].source if line.function is function and isinstance(line.args[0], Value) else None
    return made if isinstance(made, Instruction) else None


def sliced(x: Any) -> bool:
    """Whether an index has slices, which stand in brackets only."""
    return type(x) is slice or x is Ellipsis or (type(x) is tuple and any(map(sliced, x)))
