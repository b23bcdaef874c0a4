"""A computation on tensors done again on their entries, one number at a time: the scalar graph of a tiny net.

Every entry becomes a tensor of its own, every operation is repeated on entries, and the result is an ordinary
graph: its values, gradients and rules are those of this engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backward import SMALL
from ..dtypes import Array
from ..graph import behind
from ..memory import changed_since
from ..primitive import Binary, Primitive, Unary, View
from ..record import Record, enable_grad
from ..tensor import Tensor, history
from .build import still
from .names import Names

MOST = 2000  # scalar operations
Entries = Any  # an object array whose entries are Tensors without dimensions


def opened(root: Tensor, names: Names) -> tuple[Tensor, Names]:
    """The same computation on single entries, and their names: `weight[0, 1]`.

    Raises ValueError for an operation that has no scalar form here, for a result that is no scalar, for
    values that `backward` freed or that were changed since, and for a graph of more than 2000 operations.
    """
    last = history(root)
    if last is None or last.op is None:
        return root, names
    if last.value.size != 1:
        raise ValueError(
            f"draw(scalars=True): the result has shape {last.value.shape}; give it a scalar, such as the loss"
        )
    with enable_grad():
        opening = _Opening(names)
        for record in behind(last):
            opening.add(record)
        result = opening.of[last].reshape(-1)[0]
    if not np.allclose(result.array, last.value.reshape(()), rtol=1e-3, equal_nan=True):
        raise ValueError(
            f"draw(scalars=True): computed entry by entry, without the care against overflow, the result is "
            f"{result.array}, not {last.value.reshape(())}: draw it without scalars=True"
        )
    if name := names.record(last):
        opening.called[name] = result
    return result, Names(opening.called)


class _Opening:
    """Goes through the records once, oldest first."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.of: dict[Record, Entries] = {}
        self.data: dict[int, Entries] = {}
        self.called: dict[str, Tensor] = {}
        self.count = 0

    def add(self, record: Record) -> None:
        if record.op is None:
            self.of[record] = self.split(record.value, self.names.record(record), True)
            return
        args: list[Any] = []
        for i, arg in enumerate(record.args):
            x = record.inputs[i] if i < len(record.inputs) else None
            if isinstance(arg, np.ndarray) and (
                (record.spent and arg.size > SMALL)
                or changed_since(arg, record.birth)
                or (x is not None and x.op is None and not still(x, record, i))
            ):
                raise ValueError(
                    "draw(scalars=True): values of this computation are gone (freed by backward(), or "
                    "changed in place since): draw before that"
                )
            if x is not None:
                args.append(self.of[x])
            elif isinstance(arg, np.ndarray) and arg.dtype.kind == "f":
                if id(arg) not in self.data:
                    self.data[id(arg)] = self.split(arg, self.names.array(arg), False)
                args.append(self.data[id(arg)])
            else:
                args.append(arg)
        self.of[record] = entrywise(record.op, args, record.value.shape)
        self.count += record.value.size
        if self.count > MOST:
            raise ValueError(
                f"draw(scalars=True): more than {MOST} scalar operations: this is for tiny networks"
            )

    def split(self, array: Array, name: str, requires_grad: bool) -> Entries:
        """Each entry as a tensor of its own, under its own name."""
        entries = np.empty(array.shape, object)
        for index in np.ndindex(array.shape):
            entry = Tensor(np.array(array[index]))
            if requires_grad:
                entry.requires_grad_()
            entries[index] = entry
            if name:
                self.called[f"{name}[{', '.join(map(str, index))}]" if index else name] = entry
        return entries


def entrywise(op: Primitive, args: list[Any], shape: tuple[int, ...]) -> Entries:
    """`op` on arrays of entries: a composition, a movement, or the operation itself on each entry."""
    if op.name in COMPOSED:
        return as_entries(COMPOSED[op.name](*args)).reshape(shape)
    if isinstance(op, View) or op.name in MOVING:
        return as_entries(op.forward(*args))
    if isinstance(op, (Unary, Binary)) or op.name in ENTRYWISE:
        arity = op.arity
        tensors = np.broadcast_arrays(*(as_entries(arg) for arg in args[:arity]))
        out = np.empty(shape, object)
        for index in np.ndindex(shape):
            out[index] = op(*(t[index] for t in tensors), *args[arity:])
        return out
    raise ValueError(
        f"draw(scalars=True): {op.name} has no scalar graph here; those of linear, matmul, sum, mean, the "
        "functions of each entry and the common losses have"
    )


def as_entries(x: Any) -> Entries:
    """An object array; a single entry becomes one without dimensions."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x
    entries = np.empty((), object)
    entries[()] = x
    return entries if not isinstance(x, np.ndarray) else x.astype(object)


def add_up(entries: Any) -> Any:
    """x₁ + x₂ + …, from the left."""
    first, *rest = entries
    for x in rest:
        first = first + x
    return first


def product(x: Entries, y: Entries) -> Entries:
    """Matrices or vectors multiplied: each entry a sum of products."""
    if x.ndim > 2 or y.ndim > 2:
        raise ValueError(
            "draw(scalars=True): only products of two matrices have a scalar graph, not of batches"
        )
    rows = x.reshape(-1, x.shape[-1])
    columns = y.reshape(y.shape[0], -1).T
    out = np.empty((len(rows), len(columns)), object)
    for i, j in np.ndindex(out.shape):
        out[i, j] = add_up([a * b for a, b in zip(rows[i], columns[j], strict=True)])
    return out


def each(entries: Entries, function: Callable[[Any], Any]) -> Entries:
    """A function of each entry."""
    out = np.empty(entries.shape, object)
    for index in np.ndindex(entries.shape):
        out[index] = function(entries[index])
    return out


def along(x: Entries, axis: Any, function: Callable[[Any], Any]) -> Entries:
    """A function of all entries along `axis` (a tuple; None for all), which is kept with length 1."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(a % max(x.ndim, 1) for a in axes)
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    out = np.empty(shape, object)
    for index in np.ndindex(shape):
        part = x[tuple(slice(None) if i in axes else k for i, k in enumerate(index))]
        out[index] = function(list(np.ravel(part)))
    return out


def mean_square(x: Entries, y: Entries, n: float) -> Any:
    """The mean of (x - y)²."""
    return add_up([(a - b) ** 2 for a, b in pairs(x, y)]) / n


def bce_with_logits(x: Entries, y: Entries, n: float) -> Any:
    """The mean of log(1 + e^-x) + (1 - y) x."""
    from ..ops.losses import softplus_of_negative

    return add_up([softplus_of_negative(a) + (1 - b) * a for a, b in pairs(x, y)]) / n


def bce(x: Entries, y: Entries, n: float) -> Any:
    """The mean of -(y log x + (1 - y) log(1 - x))."""
    from ..ops.losses import bce_each

    return add_up([bce_each(a, b) for a, b in pairs(x, y)]) / n


def pairs(x: Entries, y: Entries) -> Any:
    """The entries of both, side by side."""
    x, y = np.broadcast_arrays(x, y)
    return zip(x.ravel(), y.ravel(), strict=True)


def softmax(x: Entries, axis: Any) -> Entries:
    """exp(x) / Σ exp(x), as it is in a textbook."""
    powers = each(x, lambda entry: entry.exp())
    return powers / along(powers, axis, add_up)


def cross_entropy(x: Entries, index: Array, n: float) -> Any:
    """The mean over the rows of log Σ exp(x) - x[index]."""
    surprise = [
        add_up([entry.exp() for entry in row]).log() - row[i]
        for row, i in zip(x, index.tolist(), strict=True)
    ]
    return add_up(surprise) / n


COMPOSED: dict[str, Callable[..., Any]] = {
    "linear": lambda x, w, b: product(x, w.T) + b,
    "matmul": product,
    "dot": lambda x, y: add_up([a * b for a, b in zip(x, y, strict=True)]),
    "sum": lambda x, axis: along(x, axis, add_up),
    "mean": lambda x, axis, n: each(along(x, axis, add_up), lambda total: total / n),
    "mse_loss": mean_square,
    "bce_loss": bce,
    "bce_with_logits": bce_with_logits,
    "softmax": softmax,
    "log_softmax": lambda x, axis: x - each(
        along(x, axis, lambda row: add_up([entry.exp() for entry in row])), lambda total: total.log()
    ),
    "logsumexp": lambda x, axis: along(x, axis, lambda row: add_up([entry.exp() for entry in row]).log()),
    "cross_entropy": cross_entropy,
}  # fmt: skip
"""What becomes several scalar operations."""

MOVING = frozenset("cat flip roll".split())
"""What only moves entries, besides views."""

ENTRYWISE = frozenset("pow_constant softplus leaky_relu elu hardtanh huber bce to".split())
"""What works on each entry, besides `Unary` and `Binary`."""
