"""Calls that have no loops of their own, read as operations that have: the same up to rounding.

The tracer leaves a forward or a rule as one call where it branches, writes into memory, or where its
operations do not give the same bits. In the numba form the last bits may differ, so it is read once more, or
in the spelling that is given here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from ..dtypes import Array
from ..fast_arithmetic import product
from ..ops import convolution, joining, recurrent, special
from ..ops.elementwise import sigmoid
from .lifted import Lifted, by, unlifted
from .program import Instruction, Value, replaced
from .twins import TWINS, convolved, kernels_of
from .writer import Writer


class Reader(Writer):
    """Reads functions on Lifteds, and notes what they do; a primitive that they call is one operation."""

    def __init__(self, values: list[Value], known: Callable[[Instruction], bool]) -> None:
        super().__init__()
        self.program.values = [*values]
        self.lowering = self.first = len(values)
        self.has_form = known

    def applied(self, primitive: Any, args: tuple[Any, ...]) -> Any:
        return self.emit(primitive.forward, args, {})

    def reread(self, line: Instruction) -> list[Instruction]:
        """The operations that a line consists of; the line itself, if it has a form or cannot be read."""
        out = line.out
        if not line.pure or out is None or out.root is not out or self.has_form(line):
            return [line]
        for function in (WORDS.get(line.function), self.twin(line), line.function):
            found = self.read(function, line, out) if isinstance(function, FunctionType) else []
            if found:
                return [part for made in found for part in self.reread(made)]
        return [line]

    def read(self, function: Callable[..., Any], line: Instruction, out: Value) -> list[Instruction]:
        """The operations of a function that does what a line does; none, if it does not."""
        start = len(self.program.lines)
        args, options = (replaced(x, self.lifted_value) for x in (line.args, line.options))
        try:
            with np.errstate(all="ignore"):
                expected = np.asarray(line.function(*unlifted(args), **unlifted(options)))
                result = function(*args, **options)
        except Exception:  # it branches, writes, calls C code
            result = None
        found = self.program.lines[start:]
        del self.program.lines[start:]
        if type(result) is not Lifted or not alike(result.value, expected):
            return []
        last = result.named
        own = any(made.out is last for made in found) and last.root is last

        def put(value: Value) -> Value:
            return out if own and value is last else value

        for made in found:
            made.args, made.options = replaced(made.args, put), replaced(made.options, put)
            made.out, made.note, made.place = put(made.out), line.note, line.place  # type: ignore[arg-type]
        if own:
            for value in self.program.values[self.first :]:
                value.root = put(value.root)
        else:
            found.append(Instruction(np.copy, (last,), {}, out, line.note, place=line.place))
        return found

    def twin(self, line: Instruction) -> Any:
        """The expression that is known for a primitive's own forward or rule."""
        op, i = line.note.primitive, line.note.argnum
        own = op is not None and line.function is (op.forward if i is None else op.vjps[i])
        return TWINS.get((op.name, i)) if own else None

    def lifted_value(self, value: Value) -> Any:
        return Lifted(value.array, value, self)


def alike(x: Array, y: Array) -> bool:
    """Whether two arrays are the same up to rounding."""
    if x.shape != y.shape or x.dtype != y.dtype or x.dtype.kind != "f":
        return x.dtype == y.dtype and np.array_equal(x, y)
    largest = np.max(np.abs(y), initial=0, where=np.isfinite(y))
    error = float(np.finfo(x.dtype).eps) ** 0.5
    return np.allclose(x, y, error, error * largest, equal_nan=True)


# other words ------------------------------------------------------------------------------------------------


def cat(*args: Any) -> Any:
    """Arrays, the axis, their places."""
    return np.concatenate(list(args[:-2]), args[-2])


def tril(x: Any, k: int = 0) -> Any:
    """The entries up to the k-th diagonal."""
    rows, columns = x.shape[-2:]
    return np.where(np.tri(rows, columns, k, bool), x, np.zeros((), x.dtype))


def triu(x: Any, k: int = 0) -> Any:
    """The entries from the k-th diagonal on."""
    rows, columns = x.shape[-2:]
    return np.where(np.tri(rows, columns, k - 1, bool), np.zeros((), x.dtype), x)


def roll(x: Any, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The entries moved on, the last ones to the front."""
    for shift, axis in zip(shifts, axes, strict=True):
        before = (slice(None),) * (axis % x.ndim)
        start = -shift % max(x.shape[axis], 1)
        x = np.concatenate([x[(*before, slice(start, None))], x[(*before, slice(start))]], axis)
    return x


def norm(x: Any, p: Any = None) -> Any:
    """The length of a vector."""
    if x.ndim != 1 or p not in (None, 1, 2, np.inf):
        raise NotImplementedError
    if p in (None, 2):
        return np.sqrt(x.dot(x))
    return abs(x).sum() if p == 1 else abs(x).max()


def xlogy(x: Any, y: Any) -> Any:
    """x log y, and 0 where x is 0."""
    return np.where((x == 0) & (y == y), np.zeros((), x.dtype), x * np.log(y))


def spread_out(z: Any, w: Any, window: Any, groups: int, size: Any) -> Any:
    """Σ w · z over output channels and places."""
    around = convolution.margins(window, window.bordered(size))
    patches = kernels_of(w, groups).mT @ by(convolution.in_runs, z, window, size, groups, around)
    return by(convolution.added, patches, window, (z.shape[0], w.shape[1] * groups, *size))


def correlated(x: Any, z: Any, window: Any, groups: int) -> Any:
    """Σ x · z over batch and places."""
    runs = by(convolution.in_runs, z, window, x.shape[2:], groups)
    kernels = runs @ by(convolution.columns, x, window, groups).mT
    return kernels.sum(0).reshape(z.shape[1], x.shape[1] // groups, *window.kernel)


def rnn(flat: Any, shapes: Any, nonlinearity: str) -> Any:
    """h' = act(x + h Wᵀ)."""
    x, weight, h = recurrent.unpacked(flat, shapes)
    found = []
    for t in range(len(x)):
        now = product(h, weight.T) + x[t]
        h = np.tanh(now) if nonlinearity == "tanh" else np.maximum(now, 0)
        found.append(h)
    return np.stack(found)


def lstm(flat: Any, shapes: Any) -> Any:
    """c' = f c + i a, h' = o tanh(c')."""
    x, weight, h, c = recurrent.unpacked(flat, shapes)
    found = []
    for t in range(len(x)):
        i, f, a, o = recurrent.parts(product(h, weight.T) + x[t], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(a)
        h = sigmoid(o) * np.tanh(c)
        found.append((h, c))
    return np.stack([np.stack(part) for part in ([h for h, _ in found], [c for _, c in found])])


def gru(flat: Any, shapes: Any) -> Any:
    """h' = n + u (h − n), with n = tanh(x_n + r (h W_nᵀ + b_n))."""
    x, weight, bias, h = recurrent.unpacked(flat, shapes)
    found = []
    for t in range(len(x)):
        (xr, xu, xn), (r, u, n) = (recurrent.parts(y, 3) for y in (x[t], product(h, weight.T) + bias))
        n = np.tanh(xn + sigmoid(r + xr) * n)
        h = n + sigmoid(u + xu) * (h - n)
        found.append(h)
    return np.stack(found)


WORDS: dict[Any, Callable[..., Any]] = {
    joining.join.forward: cat,
    np.tril: tril,
    np.triu: triu,
    np.roll: roll,
    np.linalg.norm: norm,
    special.xlogy: xlogy,
    convolution.convolved: convolved,
    convolution.spread_out: spread_out,
    convolution.correlated: correlated,
    recurrent.rnn_forward: rnn,
    recurrent.lstm_forward: lstm,
    recurrent.gru_forward: gru,
}
"""By the function of a line."""
