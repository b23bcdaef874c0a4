"""Pull a cotangent back, newest record first.

`pullback` is the whole of reverse-mode differentiation. Without what makes it fast, and what refuses to be
wrong, it is this:

    while waiting:
        z = newest(waiting)  # all that used z was newer, so what has arrived at z is complete
        g = total.pop(z)
        for x, rule in zip(z.inputs, z.op.vjps):
            total[x] += unbroadcast(rule(g, z.value, *z.args), x.value.shape)
            waiting.add(x)

It is pure: it returns cotangents. What users call is in `gradients`. Source: Griewank and Walther,
"Evaluating Derivatives", chapter 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import heappop, heappush, heappushpop
from typing import TYPE_CHECKING, Any

import numpy as np

from . import memory
from .dtypes import Array, DType
from .errors import describe, located
from .fast_arithmetic import column_sums
from .record import Record, set_grad_enabled
from .tensor import Tensor

if TYPE_CHECKING:
    from .primitive import Primitive

ndarray = np.ndarray

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed), at {name}. Saved intermediate values of the graph are freed when you call "
    ".backward() or autodiff.grad(). Specify retain_graph=True the first time if you need to go through it "
    "again; or, if it is in a training loop, compute the loss anew in each step"
)
NOTHING = bytes(8)  # what every entry of a freed array looks at
SMALL = 64  # a freed record keeps values of up to this many entries, so that pictures can still show them


def pullback(
    seeds: Sequence[tuple[Record, Any]],
    wanted: frozenset[Record] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Record, Any]:
    """The cotangents of all leaves and tensors that retain their grad behind `seeds`; or of `wanted` alone.

    Seeds are records with their cotangents. Cotangents are arrays; with `create_graph` they are Tensors, and
    the rules are read on Tensors, so they are recorded.
    """
    found: dict[Record, Any] = {}  # leaves, complete when all is done; and what else is asked for
    total: dict[Record, Any] = {}  # what has arrived so far at the records that wait
    waiting: list[tuple[int, Record]] = []  # newest first; births differ, so records are never compared
    hand: Record | None = None  # waits too: in a chain no record goes through the heap
    summed: set[Record] = set()  # whose total is an array of our own, to which more may be added
    useful = set() if wanted is None else leading_to(wanted, [root for root, _ in seeds])
    latest = memory.latest

    for root, g in seeds:
        at = found if root.op is None else total
        if root in at:
            at[root] = at[root] + g
        else:
            at[root] = g
            if root.op is not None:
                heappush(waiting, (-root.birth, root))

    while waiting or hand is not None:
        if hand is None:
            z = heappop(waiting)[1]
        elif waiting and -waiting[0][0] > hand.birth:
            z = heappushpop(waiting, (-hand.birth, hand))[1]
        else:
            z = hand
        hand = None
        g = total.pop(z)
        op: Any = z.op  # leaves do not wait
        inputs: Any = z.inputs
        value: Any = z.value
        args: Any = z.args
        if z.hooks is not None:
            g, latest = call_hooks(z, g), memory.latest
            if z.tensor is not None:
                found[z] = g
        if wanted is not None:
            if z in wanted:
                found[z] = g
            inputs = tuple(x if x in useful else None for x in inputs)
            if not any(inputs):
                continue  # nothing wanted lies behind it
        if z.spent or latest > z.birth:
            refuse_gone(z)
        if create_graph:
            op, value, args = on_tensors(z)
        rules, fits, n = op.vjps, op.fits, len(args)
        large = z.value.size > SMALL
        if not fits and op.into is not None and not create_graph and add_part(z, g, found, total, summed):
            inputs = ()
        for i, x in enumerate(inputs):
            if x is None:
                continue
            rule = rules[i]
            if n == 1:  # `rule(g, value, *args)`, which alone would take as long as a small product
                d = rule(g, value, args[0])
            elif n == 2:
                d = rule(g, value, args[0], args[1])
            elif n == 3:
                d = rule(g, value, args[0], args[1], args[2])
            else:
                d = rule(g, value, *args)
            if not fits:
                if d is None:
                    continue  # a rule of a user's own that has no gradient to give
                if d.shape != x.value.shape:
                    d = unbroadcast(d, x.value.shape)
                elif x.op is None and type(d) is ndarray and d.base is not None:
                    d = d.copy()  # what it looks at may be another's cotangent
            if x.op is None:  # a leaf, which need not wait; its gradient is its own memory
                if x in found:
                    add_to(found, x, d, summed)
                else:
                    found[x] = d if d is not g else d.clone() if create_graph else d.copy()
            elif x in total:
                add_to(total, x, d, summed)
            else:
                total[x] = d
                if x.value.size > SMALL:
                    large = True
                if hand is None:
                    hand = x
                else:
                    heappush(waiting, (-x.birth, x))
        if not retain_graph:
            z.spent = True
            if large:
                free(z)
    for x in found:
        if x.hooks and x.op is None:
            found[x] = call_hooks(x, found[x])
    return found


def add_to(at: dict[Record, Any], x: Record, d: Any, summed: set[Record]) -> None:
    """Add what arrives at x to what is there: from the second time on in place, where nobody else looks."""
    sum = at[x]
    if x in summed and type(sum) is ndarray and sum.dtype is d.dtype:
        sum += d
    else:
        at[x] = sum + d
        summed.add(x)


def add_part(
    z: Record, g: Array, found: dict[Record, Any], total: dict[Record, Any], summed: set[Record]
) -> bool:
    """Add the cotangent of a part, z = x[index], to what has arrived at x, in its place; False if it cannot.

    By the rule it would be padded with zeros to the shape of x: each part would take as long as the whole.
    """
    (x,) = z.inputs
    at = found if x is None or x.op is None else total
    if x is None or x not in at or not z.args[0].ndim or at[x].dtype != g.dtype:
        return False
    if x not in summed:
        at[x] = at[x] + 0.0  # a copy; -0 becomes 0, as it does when zeros are added
        summed.add(x)
    return z.op.into(at[x], g, *z.args[1:])  # type: ignore[union-attr,misc]


def unbroadcast(d: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of an input of this shape.

    Summed where the forward repeated it, repeated where the forward summed it.
    """
    extra = len(d.shape) - len(shape)
    if extra > 0:
        if len(shape) == 1 and type(d) is np.ndarray:
            d = column_sums(d.reshape(math.prod(d.shape[:-1]), d.shape[-1]))
        else:
            d = d.sum(axis=tuple(range(extra)))
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


def on_tensors(z: Record) -> tuple[Primitive, Tensor, list[Any]]:
    """The operation of a record, its value and arguments as Tensors with history: its rules are recorded."""
    assert z.op is not None
    args = list(z.args)
    for i, x in enumerate(z.inputs):
        if isinstance(args[i], np.ndarray):
            args[i] = Tensor(args[i], x)
    return getattr(z.op, "recorded", None) or z.op, Tensor(z.value, z), args


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
    op: Any = z.op
    n = len(z.args) if op.saves else len(z.inputs)  # constants follow; who needs no more can go back again
    z.args = (*[ghost(arg) if type(arg) is ndarray else arg for arg in z.args[:n]], *z.args[n:])
    z.value = ghost(z.value)


def ghost(array: Array) -> Array:
    """An array of the same shape and dtype without memory of its own; a small one is left as it is."""
    return array if array.size <= SMALL else hollow(array.shape, array.dtype)


@lru_cache(maxsize=1024)
def hollow(shape: tuple[int, ...], dtype: DType) -> Array:
    """An array whose entries are all the same nothing."""
    return np.ndarray(shape, dtype, NOTHING, strides=(0,) * len(shape))


def refuse_gone(z: Record) -> None:
    """Raise if a value that the rules of `z` need was freed, or changed in place after `z` was computed."""
    assert z.op is not None
    if z.spent and z.op.saves:
        raise located.RuntimeError(SECOND_TIME.format(name=z.name()))
    for x, reads in zip(z.inputs, z.op.reads, strict=False):
        for i in reads if x is not None else ():
            value = z.value if i < 0 else z.args[i] if i < len(z.args) else None
            if isinstance(value, np.ndarray) and memory.changed_since(value, z.birth):
                what = "its output" if i < 0 else f"argument {i + 1}"
                raise located.RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace "
                    f"operation: the rule of {z.name()} needs {what}, {describe(value)}, which was changed "
                    "in place after it was computed. Use an operation that returns a new tensor (x = x + 1 "
                    "instead of x += 1), or change x.clone()"
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
            if not isinstance(replacement, Tensor):
                raise TypeError(
                    f"expected Variable, but hook returned '{type(replacement).__name__}': a hook returns a "
                    "gradient, as a Tensor, or None"
                )
            if replacement.shape != g.shape:
                raise RuntimeError(
                    f"hook returned {describe(replacement)} where a gradient {describe(g)} was expected"
                )
            g = replacement
    return g if tensor else g.array
