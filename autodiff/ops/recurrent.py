"""Recurrences: a whole sequence is one primitive, and so one record, however many time steps it has.

What a time step adds to its gates from the input, x W_ihᵀ + b, is computed before, for all steps in one
product. The arguments of a recurrence come as one flat tensor (`packed`), because one walk back through time
finds all their cotangents together. In each walk only what one step needs of the next is left in the inner
loop; gates and slopes are computed for many steps at once. Source of the walk: Werbos, "Backpropagation
through time" (1990).
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import Array
from ..fast_arithmetic import product
from ..primitive import Primitive
from ..tensor import Tensor
from .elementwise import sigmoid
from .joining import cat
from .shapes import reshape
from .special import ONE

__all__: list[str] = []

CACHED = 1 << 15
"""How many entries an intermediate value may have: more would be fetched from memory each time."""

Shapes = tuple[tuple[int, ...], ...]


def packed(tensors: Sequence[Any]) -> Any:
    """These tensors, or arrays, one after the other in a flat one."""
    return np.concatenate([x.reshape(-1) for x in tensors])


def unpacked(flat: Any, shapes: Shapes) -> list[Any]:
    """What was packed, as views."""
    found, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        found.append(flat[start:end].reshape(shape))
        start = end
    return found


def shifted(h: Any, first: Any) -> Any:
    """What each step gets from the one before: (T, N, H) of h, moved on by one."""
    return np.concatenate([first.reshape((1, *first.shape)), h[:-1]])


def flat_rows(x: Any) -> Any:
    """(T, N, ...) as the rows of one matrix."""
    return x.reshape((-1, x.shape[-1]))


def through(x: Any, weight: Any) -> Any:
    """x Wᵀ for all time steps in one product: (T, N, H) and (G, H) give (T, N, G)."""
    return product(flat_rows(x), weight.mT).reshape((*x.shape[:2], weight.shape[0]))


def parts(x: Any, count: int) -> list[Any]:
    """The sums for each of `count` gates, which lie side by side in the last dimension."""
    size = x.shape[-1] // count
    return [x[..., k * size : (k + 1) * size] for k in range(count)]


def blocks(shape: tuple[int, ...]) -> list[slice]:
    """The time steps (of T, N, G) from the last to the first, in pieces that stay in a cache."""
    steps, rows, width = shape
    size = max(1, CACHED // (rows * width or 1))
    return [slice(start, start + size) for start in reversed(range(0, steps, size))]


# h' = act(x + h Wᵀ) ----------------------------------------------------------------------------------------


def rnn_forward(flat: Array, shapes: Shapes, nonlinearity: str) -> Array:
    x, weight, h = unpacked(flat, shapes)
    z, columns = np.empty_like(x), weight.T
    for t in range(len(x)):
        now = np.dot(h, columns, out=z[t])
        now += x[t]
        h = np.tanh(now, out=now) if nonlinearity == "tanh" else np.maximum(now, 0, out=now)
    return z


def rnn_back(g: Any, z: Any, flat: Any, shapes: Shapes, nonlinearity: str) -> Any:
    _, weight, first = unpacked(flat, shapes)
    slope = 1 - z * z if nonlinearity == "tanh" else np.where(z > 0, np.ones_like(z), np.zeros_like(z))
    found, back = [], np.zeros_like(first)
    for t in reversed(range(len(g))):
        d = (g[t] + back) * slope[t]
        back = product(d, weight)
        found.append(d)
    gates = np.stack(found[::-1])
    before = shifted(z, first)
    return packed([gates, product(flat_rows(gates).mT, flat_rows(before)), back])


# c' = f c + i a, h' = o tanh(c'), with the gates i, f, o = σ(…), a = tanh(…) ------------------------------


def lstm_forward(flat: Array, shapes: Shapes) -> Array:
    x, weight, h, c = unpacked(flat, shapes)
    (steps, rows, width), size = x.shape, h.shape[1]
    z = np.empty((2, steps, rows, size), flat.dtype)
    columns, one = -weight.T, ONE[flat.dtype]  # minus, because e^-p is what σ(p) needs
    gates = np.empty((rows, width), flat.dtype)
    i, f, a, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
    for t in range(steps):
        np.dot(h, columns, out=gates)
        gates -= x[t]
        minus_tanh = np.tanh(a)
        np.exp(gates, out=gates)
        gates += one
        np.reciprocal(gates, out=gates)
        i *= minus_tanh
        c = np.multiply(f, c, out=z[1, t])
        c -= i
        h = np.tanh(c, out=z[0, t])
        h *= o
    return z


def lstm_back(g: Any, z: Any, flat: Any, shapes: Shapes) -> Any:
    x, weight, first, c = unpacked(flat, shapes)
    hs, cs = shifted(z[0], first), shifted(z[1], c)
    found, dw, back, carry = [], 0, np.zeros_like(first), np.zeros_like(c)
    for block in blocks(x.shape):
        i, f, a, o = parts(x[block] + through(hs[block], weight), 4)
        i, f, a, o, out = sigmoid(i), sigmoid(f), np.tanh(a), sigmoid(o), np.tanh(z[1][block])
        by_h = o * (1 - out * out)
        slopes = np.concatenate(
            [a * i * (1 - i), cs[block] * f * (1 - f), i * (1 - a * a), out * o * (1 - o)], axis=2
        )
        gh, gc, ds = g[0][block], g[1][block], []
        for t in reversed(range(len(gh))):
            dh = gh[t] + back
            dc = gc[t] + carry + dh * by_h[t]
            d = np.concatenate([dc, dc, dc, dh], axis=1) * slopes[t]
            back, carry = product(d, weight), dc * f[t]
            ds.append(d)
        found.append(np.stack(ds[::-1]))
        dw = dw + product(flat_rows(found[-1]).mT, flat_rows(hs[block]))
    return packed([*found[::-1], dw, back, carry])


def memory_forward(gates: Array, c: Array) -> Array:
    i, f, a, _ = parts(gates, 4)
    return sigmoid(f) * c + sigmoid(i) * np.tanh(a)


def memory_back(g: Any, gates: Any, c: Any) -> Any:
    i, f, a, _ = parts(gates, 4)
    i, f, a = sigmoid(i), sigmoid(f), np.tanh(a)
    by_i, by_f, by_a = g * a * i * (1 - i), g * c * f * (1 - f), g * i * (1 - a * a)
    return np.concatenate([by_i, by_f, by_a, np.zeros_like(c)], axis=1)


def output_back(g: Any, gates: Any, c: Any) -> Any:
    o, none = sigmoid(parts(gates, 4)[3]), np.zeros_like(c)
    return np.concatenate([none, none, none, g * np.tanh(c) * o * (1 - o)], axis=1)


# h' = n + u (h − n), with r, u = σ(…), n = tanh(x_n + r (h W_nᵀ + b_n)) -------------------------------------


def gru_forward(flat: Array, shapes: Shapes) -> Array:
    x, weight, bias, h = unpacked(flat, shapes)
    (steps, rows, width), size = x.shape, h.shape[1]
    z = np.empty((steps, rows, size), flat.dtype)
    columns, one = weight.T, ONE[flat.dtype]
    own = np.empty((rows, width), flat.dtype)
    ru, n = own[:, : 2 * size], own[:, 2 * size :]
    r, u = own[:, :size], own[:, size : 2 * size]
    for t in range(steps):
        np.dot(h, columns, out=own)
        own += bias
        ru += x[t, :, : 2 * size]
        np.negative(ru, out=ru)
        np.exp(ru, out=ru)
        ru += one
        np.reciprocal(ru, out=ru)
        n *= r
        n += x[t, :, 2 * size :]
        np.tanh(n, out=n)
        h = np.subtract(h, n, out=z[t])
        h *= u
        h += n
    return z


def gru_gates(x: Any, own: Any) -> tuple[Any, Any, Any]:
    """r, u and n of the sums over the input, x, and over the state, own."""
    (x_r, x_u, x_n), (own_r, own_u, own_n) = parts(x, 3), parts(own, 3)
    r = sigmoid(x_r + own_r)
    return r, sigmoid(x_u + own_u), np.tanh(x_n + r * own_n)


def gru_slopes(gates: tuple[Any, Any, Any], own: Any, h: Any) -> tuple[Any, Any, Any]:
    """How h' changes with the sums over the input for r, u and n."""
    r, u, n = gates
    by_n = (1 - u) * (1 - n * n)
    return by_n * parts(own, 3)[2] * r * (1 - r), (h - n) * u * (1 - u), by_n


def gru_cell_forward(x: Array, own: Array, h: Array) -> Array:
    _, u, n = gru_gates(x, own)
    return n + u * (h - n)


def by_input(g: Any, x: Any, own: Any, h: Any) -> Any:
    return np.concatenate([g * slope for slope in gru_slopes(gru_gates(x, own), own, h)], axis=1)


def by_state(g: Any, x: Any, own: Any, h: Any) -> Any:
    gates = gru_gates(x, own)
    by_r, by_u, by_n = gru_slopes(gates, own, h)
    return np.concatenate([g * by_r, g * by_u, g * by_n * gates[0]], axis=1)


def gru_back(g: Any, z: Any, flat: Any, shapes: Shapes) -> Any:
    x, weight, bias, first = unpacked(flat, shapes)
    hs = shifted(z, first)
    found, dw, db, back = [], 0, 0, np.zeros_like(first)
    for block in blocks(x.shape):
        own = through(hs[block], weight) + bias
        r, u, _ = gates = gru_gates(x[block], own)
        by_r, by_u, by_n = gru_slopes(gates, own, hs[block])
        slopes, gh, dhs = np.concatenate([by_r, by_u, by_n * r], axis=2), g[block], []
        for t in reversed(range(len(gh))):
            dh = gh[t] + back
            back = dh * u[t] + product(np.concatenate([dh, dh, dh], axis=1) * slopes[t], weight)
            dhs.append(dh)
        dh = np.stack(dhs[::-1])
        found.append(np.concatenate([dh * by_r, dh * by_u, dh * by_n], axis=2))
        rows = flat_rows(np.concatenate([dh, dh, dh], axis=2) * slopes)
        dw, db = dw + product(rows.mT, flat_rows(hs[block])), db + rows.sum(axis=0)
    return packed([*found[::-1], dw, db, back])


# fmt: off
rnn_steps  = Primitive("rnn", rnn_forward,
                       lambda g, z, flat, shapes, nonlinearity: rnn_back(g, z, flat, shapes, nonlinearity),
                       doc="h' = act(x + h Wᵀ) step by step: all h (T, N, H) of the packed x, W, h")
lstm_steps = Primitive("lstm", lstm_forward, lambda g, z, flat, shapes: lstm_back(g, z, flat, shapes),
                       doc="The LSTM's h and c at all steps, (2, T, N, H), of the packed x, W, h, c")
gru_steps  = Primitive("gru", gru_forward, lambda g, z, flat, shapes: gru_back(g, z, flat, shapes),
                       doc="The GRU's h at all steps, (T, N, H), of the packed x, W, b, h")
lstm_memory = Primitive("lstm_memory", memory_forward,
                        lambda g, z, gates, c: memory_back(g, gates, c),
                        lambda g, z, gates, c: g * sigmoid(parts(gates, 4)[1]),
                        doc="One step of an LSTM's c: f c + i a, of the sums (N, 4H) for its gates")
lstm_output = Primitive("lstm_output", lambda gates, c: sigmoid(parts(gates, 4)[3]) * np.tanh(c),
                        lambda g, z, gates, c: output_back(g, gates, c),
                        lambda g, z, gates, c: g * sigmoid(parts(gates, 4)[3]) * (1 - np.tanh(c) ** 2),
                        doc="An LSTM's h: o tanh(c), of the sums (N, 4H) for its gates")
gru_cell    = Primitive("gru_cell", gru_cell_forward,
                        lambda g, z, x, own, h: by_input(g, x, own, h),
                        lambda g, z, x, own, h: by_state(g, x, own, h),
                        lambda g, z, x, own, h: g * gru_gates(x, own)[1],
                        doc="One step of a GRU: (1 - u) n + u h, of the sums x and own (N, 3H) for r, u, n")
# fmt: on


def _together(*tensors: Tensor) -> tuple[Tensor, Shapes]:
    """The tensors packed, and their shapes."""
    return cat([reshape(x, (-1,)) for x in tensors]), tuple(x.shape for x in tensors)


def rnn(x: Tensor, weight: Tensor, h: Tensor, nonlinearity: str = "tanh") -> Tensor:
    """h at each step of h' = tanh(x + h Wᵀ), or relu: x (T, N, H), weight (H, H), h (N, H), result (T, N, H).

    Source: Elman, "Finding structure in time" (1990); PyTorch, `torch.nn.RNN`.
    """
    return rnn_steps(*_together(x, weight, h), nonlinearity)


def lstm(x: Tensor, weight: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """h and c at each step, both (T, N, H): x (T, N, 4H), weight (4H, H), h and c (N, H).

    i, f, a, o are the quarters of x + h Wᵀ, through σ, σ, tanh, σ; c' = f c + i a, h' = o tanh(c').
    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000); PyTorch,
    `torch.nn.LSTM`.
    """
    z = lstm_steps(*_together(x, weight, h, c))
    return z[0], z[1]


def lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of `lstm`: h' and c' (N, H) of x + h Wᵀ (N, 4H) and c."""
    c = lstm_memory(gates, c)
    return lstm_output(gates, c), c


def gru_step(x: Tensor, own: Tensor, h: Tensor) -> Tensor:
    """One step of `gru`: h' (N, H) of x and own = h Wᵀ + b, both (N, 3H), and h."""
    return gru_cell(x, own, h)


def gru(x: Tensor, weight: Tensor, bias: Tensor, h: Tensor) -> Tensor:
    """h at each step, (T, N, H): x (T, N, 3H), weight (3H, H), bias (3H,), h (N, H).

    Of x and own = h Wᵀ + b the parts are, in this order, those of r = σ(x + own), u = σ(x + own) and
    n = tanh(x + r own); h' = (1 - u) n + u h. Source: Cho et al. (2014); PyTorch, `torch.nn.GRU`.
    """
    return gru_steps(*_together(x, weight, bias, h))
