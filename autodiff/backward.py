"""Pull a cotangent back, newest record first.

`pullback` is the whole of reverse-mode differentiation: a heap ordered by birth gives each record after
everything that used it, so its cotangent is complete when it comes up. It is pure: it returns cotangents.
What users call is in `functional`. Source: Griewank and Walther, "Evaluating Derivatives", chapter 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any

import numpy as np

from . import memory
from .dtypes import Array, DType
from .errors import describe
from .record import Record, set_grad_enabled
from .tensor import Tensor

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been "
    "freed), at {name}. Saved intermediate values of the graph are freed when you call .backward() "
    "or autodiff.grad(). "
    "Specify retain_graph=True the first time if you need to go through it again; or, if it is in "
    "a training loop, "
    "compute the loss anew in each step"
)
SMALL = 64  # a freed record keeps values of up to this many entries, so that pictures can still show them


def pullback(
    roots: Sequence[Record],
    cotangents: Sequence[Any],
    wanted: frozenset[Record] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Record, Any]:
    """The cotangents of all leaves and tensors that retain their grad behind `roots`; or of `wanted` alone.

    Cotangents are arrays; with `create_graph` they are Tensors, and the rules are read on Tensors, so
    they are recorded.
    """
    found: dict[Record, Any] = {}  # leaves, complete when all is done; and what else is asked for
    total: dict[Record, Any] = {}  # what has arrived so far at records that wait in the heap
    heap: list[tuple[int, Record]] = []  # newest first; births differ, so records are never compared
    useful = None if wanted is None else leading_to(wanted, roots)

    for root, g in zip(roots, cotangents, strict=True):
        if root in total:
            total[root] = total[root] + g
        else:
            total[root] = g
            heappush(heap, (-root.birth, root))

    while heap:
        z = heappop(heap)[1]
        g = total.pop(z)
        if z.hooks:
            g = call_hooks(z, g)
        if z.tensor is not None if wanted is None else z in wanted:
            found[z] = g
        op, inputs = z.op, z.inputs
        if useful is not None:
            inputs = tuple(x if x in useful else None for x in inputs)
            if not any(inputs):
                continue  # nothing wanted lies behind it
        if op is None:
            continue
        if z.spent and op.saves:
            raise RuntimeError(SECOND_TIME.format(name=z.name()))
        if memory.latest > z.birth:
            refuse_changed(z)
        value, args = on_tensors(z) if create_graph else (z.value, z.args)
        rules: Sequence[Any] = op.vjps
        i = -1
        for x in inputs:
            i += 1
            if x is None:
                continue
            d = rules[i](g, value, *args)
            shape = x.value.shape
            if d.shape != shape:
                d = unbroadcast(d, shape)
            if x.op is not None or x.hooks or x in total:
                if x in total:
                    total[x] = total[x] + d
                else:
                    total[x] = d
                    heappush(heap, (-x.birth, x))
            elif x in found:
                found[x] = found[x] + d
            else:  # a leaf, which need not wait; its gradient is its own memory
                found[x] = d if d is not g else d.clone() if create_graph else d.copy()
        if not retain_graph:
            z.spent = True
            if z.value.size > SMALL or has_large(z.args):
                free(z)
    return found


def unbroadcast(d: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of an input of this shape.

    Summed where the forward repeated it, repeated where the forward summed it.
    """
    extra = len(d.shape) - len(shape)
    if extra > 0:
        d = column_sums(d) if len(shape) == 1 and type(d) is np.ndarray else d.sum(axis=tuple(range(extra)))
        if d.shape == shape:
            return d
    axes = (
        tuple(i for i, (n, m) in enumerate(zip(shape, d.shape, strict=False)) if n == 1 != m)
        if extra >= 0
        else ()
    )
    if axes:
        d = d.sum(axis=axes, keepdims=True)
    if d.shape == shape:
        return d
    if isinstance(d, Tensor):
        return d.expand(shape)
    out = np.empty(shape, d.dtype)
    out[...] = d
    return out


def column_sums(d: Array) -> Array:
    """The sum over all axes but the last; as a product with ones, which is faster than `d.sum`."""
    if d.ndim > 2:
        d = d.reshape(math.prod(d.shape[:-1]), d.shape[-1])
    sums: Array = ones(len(d), d.dtype).dot(d)
    return sums


@lru_cache(maxsize=64)
def ones(n: int, dtype: DType) -> Array:
    """A vector of ones, kept."""
    return np.ones(n, dtype)


def on_tensors(z: Record) -> tuple[Tensor, list[Any]]:
    """The value and the arguments of a record as Tensors with their history: rules on them are recorded."""
    args = list(z.args)
    for i, x in enumerate(z.inputs):
        if isinstance(args[i], np.ndarray):
            args[i] = Tensor(args[i], x)
    return Tensor(z.value, z), args


def leading_to(wanted: frozenset[Record], roots: Iterable[Record]) -> set[Record]:
    """The records behind `roots` through which a gradient reaches one of `wanted`."""
    oldest = min((record.birth for record in wanted), default=0)
    behind: set[Record] = set()
    stack = list(roots)
    while stack:
        z = stack.pop()
        if z not in behind and z.birth >= oldest:
            behind.add(z)
            stack.extend(x for x in z.inputs if x is not None)
    useful = set(wanted)
    for z in sorted(behind, key=lambda record: record.birth):
        if any(x in useful for x in z.inputs):
            useful.add(z)
    return useful


def free(z: Record) -> None:
    """Let go of the large values that a record holds; shapes and small values stay, for pictures."""
    n = len(z.inputs)  # constants follow, which stay
    z.args = (*(ghost(arg) if type(arg) is np.ndarray else arg for arg in z.args[:n]), *z.args[n:])
    z.value = ghost(z.value)


def has_large(args: tuple[Any, ...]) -> bool:
    """Whether any of these is an array of more than `SMALL` entries."""
    for arg in args:  # noqa: SIM110 (`any` with a generator takes three times as long)
        if type(arg) is np.ndarray and arg.size > SMALL:
            return True
    return False


def ghost(array: Array) -> Array:
    """An array of the same shape and dtype without memory of its own."""
    return array if array.size <= SMALL else np.broadcast_to(np.empty((), array.dtype), array.shape)


def refuse_changed(z: Record) -> None:
    """Raise if a value that the rules of `z` need was changed in place after `z` was computed."""
    assert z.op is not None
    for x, reads in zip(z.inputs, z.op.reads, strict=False):
        for i in reads if x is not None else ():
            value = z.value if i < 0 else z.args[i] if i < len(z.args) else None
            if isinstance(value, np.ndarray) and memory.changed_since(value, z.birth):
                what = "its output" if i < 0 else f"argument {i + 1}"
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    "inplace operation: "
                    f"the rule of {z.name()} needs {what}, {describe(value)}, which was changed in "
                    "place after it was computed. "
                    "Use an operation that returns a new tensor (x = x + 1 instead of x += 1), or "
                    "change x.clone()"
                )


def call_hooks(z: Record, g: Any) -> Any:
    """Show the complete cotangent to the hooks of a tensor; each may replace it."""
    assert z.hooks is not None
    tensor = isinstance(g, Tensor)
    if not tensor:
        g = Tensor(np.asarray(g))
    with set_grad_enabled(tensor):
        for hook in list(z.hooks.values()):
            replacement = hook(g)
            if replacement is None:
                continue
            if not isinstance(replacement, Tensor) or replacement.shape != g.shape:
                raise RuntimeError(
                    f"hook returned {describe(replacement)} where a gradient {describe(g)} was expected"
                )
            g = replacement
    return g if tensor else g.array
