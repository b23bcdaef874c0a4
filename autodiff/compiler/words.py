"""How a teacher writes the operations and their rules in NumPy: the words that `spelling` puts a program in.

The program that is replayed is written for speed, in the engine's own words. These say what an operation
does. Both are the same mathematics; their results agree up to rounding.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
# ruff: noqa: D103
# (the words are read on Lifteds, arrays that write down what is done with them; they are called after what
# they say: `f` is a forward, `f_rule` its rule)

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import by_hand
from .lifted import Lifted, by
from .program import Instruction

MANY = 256  # classes: with more, a table of one-hot rows is larger than what it is for


class Unspoken(Exception):
    """There are no better words for this case."""


def called(name: str, x: Any) -> Any:
    """x itself, which has this name on the page."""
    if type(x) is Lifted:
        x.writer.names[x.named] = name  # type: ignore[attr-defined]
    return x


# losses: n is the number of entries -------------------------------------------------------------------------


def over(x, n):
    """x / n; whole numbers are written without a point."""
    return x / (int(n) if n == int(n) else n)


def mean(x, n):
    """The mean, if n says so."""
    return x.mean() if n == x.size else over(x.sum(), n)


def bce_loss(x, y, n):
    log_p = called("log_p", np.maximum(np.log(x), -100))
    log_q = called("log_q", np.maximum(np.log1p(-x), -100))
    return mean(called("surprise", -(y * log_p + (1 - y) * log_q)), n)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def log_softmax(x, axis):
    shifted = called("shifted", x - x.max(axis=axis, keepdims=True))
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def softmax(x, axis):
    grown = called("grown", np.exp(x - x.max(axis=axis, keepdims=True)))
    return grown / grown.sum(axis=axis, keepdims=True)


def cross_entropy(x, index, n):
    log_p = called("log_p", log_softmax(x, 1))
    return -mean(log_p[np.arange(len(index)), index], n)


def cross_entropy_rule(g, z, x, index, n):
    classes = x.shape[1]
    if classes > MANY:
        target = (index[:, None] == np.arange(classes)).astype(x.dtype)
    else:
        target = by(operator.getitem, np.eye(classes, dtype=x.dtype), index)
    return over(g * (np.exp(called("log_p", log_softmax(x, 1))) - called("one_hot", target)), n)


# normalization: n entries along the axis --------------------------------------------------------------------


def deviation(x, axis, eps):
    centered = called("centered", x - x.mean(axis=axis, keepdims=True))
    return centered, called("deviation", np.sqrt((centered**2).mean(axis=axis, keepdims=True) + eps))


def standardize(x, axis, n, eps):
    centered, root = deviation(x, axis, eps)
    return centered / root


def follow(running_mean, running_var, x, axis, n, momentum):
    """(1 - momentum) old + momentum new, in place, of the statistics that batch norm follows."""
    for running, new in ((running_mean, x.mean(axis=axis)), (running_var, x.var(axis=axis, ddof=1))):
        if running is not None:
            new = new if 0 in axis else new.mean(axis=0)
            moved = (1 - momentum) * running + momentum * new
            running.writer.effect(np.copyto, (running.named, moved.named), {}, running.named)


def standardize_rule(g, z, x, axis, n, eps):
    _, root = deviation(x, axis, eps)
    shift = called("d_mean", g.mean(axis=axis, keepdims=True))
    return (g - shift - z * called("d_scale", (g * z).mean(axis=axis, keepdims=True))) / root


def rms_norm_rule(g, z, x, axis, n, eps):
    root = np.sqrt((x**2).mean(axis=axis, keepdims=True) + eps)
    return (g - z * (g * z).mean(axis=axis, keepdims=True)) / root


# windows ----------------------------------------------------------------------------------------------------


def sliding(window, groups=1):
    """A window as options of the functions by hand."""
    if groups != 1 or any(min(pair) < 0 for pair in window.border):
        raise Unspoken
    padding = tuple(before if before == after else (before, after) for before, after in window.border)
    options = {"stride": window.stride, "padding": padding, "dilation": window.dilation}
    plain = {"stride": 1, "padding": 0, "dilation": 1}
    alike = {name: x[0] if len(set(x)) == 1 and type(x[0]) is int else x for name, x in options.items()}
    return {name: x for name, x in alike.items() if x != plain[name]}


def conv(x, w, window, groups):
    return by(by_hand.conv, x, w, **sliding(window, groups))


def conv_for_input(g, w, window, groups, size):
    return by(by_hand.conv_for_input, g, w, size, **sliding(window, groups))


def conv_for_weight(x, g, window, groups):
    return by(by_hand.conv_for_weight, x, g, window.kernel, **sliding(window, groups))


def max_pool_rule(g, z, x, window):
    return by(by_hand.max_pool_for_input, g, x, window.kernel, **sliding(window))


def sum_pool_back(g, window, size):
    return by(by_hand.sum_pool_for_input, g, size, window.kernel, **sliding(window))


# what is joined, and recurrences, whose arguments are joined ------------------------------------------------


def cat(*args):
    *tensors, axis, _ = args
    return by(np.concatenate, tensors, axis=axis)


def cat_rule(i):
    def rule(g, z, *args):
        joined, tensor = args[:-2], args[i]
        made = g.named.source if type(g) is Lifted else None
        if isinstance(made, Instruction) and made.function is np.concatenate:
            parts = made.args[0]
            if len(parts) == len(joined) and all(
                a.array.shape == np.shape(b) for a, b in zip(parts, joined, strict=True)
            ):
                return Lifted(parts[i].array, parts[i], g.writer)
        axis, start = args[-2], sum(x.shape[args[-2]] for x in joined[:i])
        at = (slice(None),) * (axis % g.ndim)
        return g[(*at, slice(start, start + tensor.shape[axis]))]

    return rule


def packed(flat, shapes, states):
    """The arrays that were joined to `flat`; the last are the states that it begins with."""
    made = flat.named.source if type(flat) is Lifted else None
    if not isinstance(made, Instruction) or made.function is not np.concatenate:
        raise Unspoken
    parts = [Lifted(part.array, part, flat.writer) for part in made.args[0]]
    found = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    for part, name in zip(found[-len(states) :], states, strict=True):
        called(name, part) if constant(part.named) else None
    return found


def constant(value):
    """Whether a value is the same at each step."""
    made = value.source
    return value.kind == "constant" or (isinstance(made, Instruction) and all(map(constant, made.values())))


def together(*parts):
    return by(np.concatenate, [part.reshape(-1) for part in parts], axis=0)


def before(z, h):
    """The state that each step begins with."""
    return called("before", by(np.concatenate, [h[None], z[:-1]]))


def over_time(d, h):
    """Σ dᵀ h over all steps and rows: how the loss changes with the weights."""
    return np.tensordot(d, h, axes=((0, 1), (0, 1)))


def relu(x):
    return np.maximum(x, 0)


def rnn(flat, shapes, nonlinearity):
    return by(by_hand.rnn, *packed(flat, shapes, ["h"]), np.tanh if nonlinearity == "tanh" else by_hand.relu)


def rnn_rule(g, z, flat, shapes, nonlinearity):
    _, w, h = packed(flat, shapes, ["h"])
    slope = by_hand.tanh_slope if nonlinearity == "tanh" else by_hand.relu_slope
    sums = called("d_sums", by(by_hand.rnn_sums, g, z, w, slope))
    return together(sums, over_time(sums, before(z, h)), sums[0] @ w)


def lstm(flat, shapes):
    return by(by_hand.lstm, *packed(flat, shapes, ["h", "c"]))


def lstm_rule(g, z, flat, shapes):
    x, w, h, c = packed(flat, shapes, ["h", "c"])
    if not constant(c.named):
        raise Unspoken
    sums = called("d_sums", by(by_hand.lstm_sums, g, z, x, w, h, c))
    return together(sums, over_time(sums, before(z[0], h)), sums[0] @ w, np.zeros_like(c.value))


def gru(flat, shapes):
    return by(by_hand.gru, *packed(flat, shapes, ["h"]))


def gru_rule(g, z, flat, shapes):
    x, w, b, h = packed(flat, shapes, ["h"])
    if not constant(h.named):
        raise Unspoken
    both, width = called("d_sums", by(by_hand.gru_sums, g, z, x, w, b, h)), w.shape[0]
    own = called("d_own", both[..., width:])
    return together(
        both[..., :width], over_time(own, before(z, h)), own.sum(axis=(0, 1)), np.zeros_like(h.value)
    )


# shapes -----------------------------------------------------------------------------------------------------


def unbroadcast(d, shape):
    """Summed where the forward repeated; repeated where it summed."""
    extra = d.ndim - len(shape)
    if extra >= 0:
        ones = (extra + i for i, n in enumerate(shape) if n == 1 != d.shape[extra + i])
        axes = (*range(extra), *ones)
        if axes:
            return d.sum(axis=axes if len(axes) > 1 else axes[0]).reshape(shape)
    return d if d.shape == shape else by(np.copy, by(np.broadcast_to, d, shape))


def power_rule(g, z, x, p):
    return g * (2 * x) if p == 2 else g * (p * x ** (p - 1))


# fmt: off
WORDS: dict[tuple[str, int | None], Callable[..., Any]] = {
    ("mse_loss", None): lambda x, y, n: mean(np.square(called("difference", x - y)), n),
    ("mse_loss", 0): lambda g, z, x, y, n: over(g * (2 * called("difference", x - y)), n),
    ("mse_loss", 1): lambda g, z, x, y, n: over(g * (-2 * called("difference", x - y)), n),
    ("bce_loss", None): bce_loss,
    ("bce_loss", 0): lambda g, z, x, y, n: over(g * (x - y) / np.maximum(x * (1 - x), 1e-12), n),
    ("bce_with_logits", None): lambda x, y, n: mean(np.logaddexp(0, -x) + (1 - y) * x, n),
    ("bce_with_logits", 0): lambda g, z, x, y, n: over(g * (called("p", logistic(x)) - y), n),
    ("cross_entropy", None): cross_entropy,
    ("cross_entropy", 0): cross_entropy_rule,
    ("sigmoid", None): logistic,
    ("tanh", 0): lambda g, z, x: g * (1 - z**2),
    ("relu", None): relu,
    ("relu", 0): lambda g, z, x: g * (z > 0),
    ("leaky_relu", None): lambda x, slope: np.where(x > 0, x, slope * x),
    ("leaky_relu", 0): lambda g, z, x, slope: g * np.where(x > 0, 1, slope).astype(x.dtype),
    ("elu", None): lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    ("elu", 0): lambda g, z, x, alpha: np.where(x > 0, g, g * (alpha * np.exp(np.minimum(x, 0)))),
    ("silu", None): lambda x: x * called("gate", logistic(x)),
    ("silu", 0): lambda g, z, x: g * ((s := called("gate", logistic(x))) * (1 + x * (1 - s))),
    ("softplus_of_negative", None): lambda x: np.logaddexp(0, -x),
    ("softplus_of_negative", 0): lambda g, z, x: -g / (1 + np.exp(x)),
    ("softplus", None): lambda x, beta, limit:
        np.logaddexp(0, x) if beta == 1 else np.logaddexp(0, beta * x) / beta,
    ("softplus", 0): lambda g, z, x, beta, limit: g * logistic(x if beta == 1 else beta * x),
    ("normal_cdf", None): lambda x: called("gate", by(by_hand.normal_cdf, x)),
    ("gelu", 0): lambda g, z, x, Φ: g * (Φ + x * called(
        "density", np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))),
    ("pow_constant", 0): power_rule,
    ("where", 1): lambda g, z, c, x, y: np.where(c, g, 0),
    ("where", 2): lambda g, z, c, x, y: np.where(c, 0, g),
    ("clamp_min", 0): lambda g, z, x, y: g * (x >= y),
    ("clamp_max", 0): lambda g, z, x, y: g * (x <= y),
    ("softmax", None): softmax,
    ("softmax", 0): lambda g, z, x, axis: z * (g - (g * z).sum(axis=axis, keepdims=True)),
    ("log_softmax", None): log_softmax,
    ("log_softmax", 0): lambda g, z, x, axis: g - np.exp(z) * g.sum(axis=axis, keepdims=True),
    ("standardize", None): standardize,
    ("standardize", 0): standardize_rule,
    ("follow", None): follow,
    ("lerp", None): lambda x, y, w: x + w * (y - x),
    ("rms_norm", None): lambda x, axis, n, eps: x / np.sqrt((x**2).mean(axis=axis, keepdims=True) + eps),
    ("rms_norm", 0): rms_norm_rule,
    ("conv", None): conv,
    ("conv", 0): lambda g, z, x, w, window, groups: conv_for_input(g, w, window, groups, x.shape[2:]),
    ("conv", 1): lambda g, z, x, w, window, groups: conv_for_weight(x, g, window, groups),
    ("conv_transpose", None): conv_for_input,
    ("conv_transpose", 0): lambda g, z, y, w, window, groups, size: conv(g, w, window, groups),
    ("conv_transpose", 1): lambda g, z, y, w, window, groups, size: conv_for_weight(g, y, window, groups),
    ("max_pool", None): lambda x, window: by(by_hand.max_pool, x, window.kernel, **sliding(window)),
    ("max_pool", 0): max_pool_rule,
    ("sum_pool", None): lambda x, window: by(by_hand.sum_pool, x, window.kernel, **sliding(window)),
    ("sum_pool", 0): lambda g, z, x, window: sum_pool_back(g, window, x.shape[-len(window.kernel):]),
    ("embedding", 0): lambda g, z, w, index, kept:
        by(by_hand.added_at, g if type(kept) is int else g * kept, w.shape, index),
    ("getitem", 0): lambda g, z, x, index: by(by_hand.added_at, g, x.shape, index),
    ("scatter", None): lambda x, shape, index: by(by_hand.added_at, x, shape, index),
    ("rnn", None): rnn, ("rnn", 0): rnn_rule,
    ("lstm", None): lstm, ("lstm", 0): lstm_rule,
    ("gru", None): gru, ("gru", 0): gru_rule,
    ("cat", None): cat,
    ("copy", None): lambda x, y: by(np.full_like, x, y),
    ("unbroadcast", None): unbroadcast,
}
# fmt: on
WORDS |= {("cat", i): cat_rule(i) for i in range(32)}


MATHEMATICS: dict[tuple[str, int | None], str] = {
    ("mse_loss", None): "z = mean((x − y)²)",
    ("mse_loss", 0): "x̄ += z̄ · 2 · (x − y) / n",
    ("mse_loss", 1): "ȳ += −z̄ · 2 · (x − y) / n",
    ("bce_loss", None): "z = −mean(y · log x + (1 − y) · log(1 − x))",
    ("bce_loss", 0): "x̄ += z̄ · (x − y) / (x · (1 − x)) / n",
    ("bce_with_logits", None): "z = −mean(log p if y is 1, log(1 − p) if 0), p = sigmoid(x)",
    ("bce_with_logits", 0): "x̄ += z̄ · (sigmoid(x) − y) / n",
    ("cross_entropy", None): "z = −mean(log softmax(x)[y])",
    ("cross_entropy", 0): "x̄ += z̄ · (softmax(x) − one_hot(y)) / n",
    ("sigmoid", None): "z = 1 / (1 + exp(−x))",
    ("tanh", None): "z = tanh(x)",
    ("relu", None): "z = max(x, 0)",
    ("normal_cdf", None): "z = Φ(x), the normal distribution function",
    ("gelu", None): "z = x · Φ(x)",
    ("gelu", 0): "x̄ += z̄ · (Φ(x) + x · φ(x)), φ the normal density",
    ("lerp", None): "z = x + w · (y − x)",
    ("softmax", None): "z = exp(x) / Σ exp(x)",
    ("log_softmax", None): "z = x − log Σ exp(x)",
    ("standardize", None): "z = (x − mean(x)) / √(var(x) + ε)",
    ("standardize", 0): "x̄ += (z̄ − mean(z̄) − z · mean(z̄ · z)) / √(var(x) + ε)",
    ("conv", None): "z = Σ w · x over the channels and the kernel, at each place",
    ("conv", 0): "x̄ += Σ w · z̄ over the places where the kernel met x",
    ("conv", 1): "w̄ += Σ x · z̄ over the batch and the places",
    ("max_pool", None): "z = the largest x of each window",
    ("max_pool", 0): "x̄ += z̄ where the largest was",
    ("embedding", None): "z = w[x]",
    ("embedding", 0): "w̄[x] += z̄",
    ("getitem", 0): "x̄[…] += z̄",
    ("sum", None): "z = Σ x",
    ("rnn", None): "h ← act(x + h wᵀ), step by step",
    ("rnn", 0): "back through time, for x, w and h together",
    ("lstm", None): "c ← f·c + i·a, h ← o·tanh(c), step by step",
    ("lstm", 0): "back through time, for x, w and h together",
    ("gru", None): "h ← n + u·(h − n), step by step",
    ("gru", 0): "back through time, for x, w, b and h together",
    ("cat", None): "side by side",
    ("copy", None): "",
    **{("cat", i): "its own part" for i in range(32)},
}
"""Comments, where the formula of the engine's own words would be another than that of these."""
