"""What is no expression in NumPy, as functions that one would write by hand: scripts carry them with them.

They are the mathematics and no more, without the care for speed that `autodiff.ops` takes.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,arg-type"
# ruff: noqa: B905
# (their text is read on a page that explains no types, and no `strict`)

from __future__ import annotations

import math

import numpy as np

# windows that slide ---------------------------------------------------------------------------------------


def each(numbers, rank):
    """A number for each dimension; one stands for all."""
    return (numbers,) * rank if isinstance(numbers, int) else numbers


def pairs(padding, rank):
    """How much is added before and after in each dimension."""
    return [(n, n) if isinstance(n, int) else n for n in each(padding, rank)]


def patches(x, kernel, stride=1, padding=0, dilation=1, border=0.0):
    """What a window over the last dimensions of x meets at each place: (..., *places, *kernel)."""
    rank = len(kernel)
    x = np.pad(x, [(0, 0)] * (x.ndim - rank) + pairs(padding, rank), constant_values=border)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, each(dilation, rank))]
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(-rank, 0)))
    steps = [slice(None, None, step) for step in (*each(stride, rank), *each(dilation, rank))]
    return windows[(..., *steps)]


def unpatched(windows, size, stride=1, padding=0, dilation=1):
    """The transpose of `patches`: windows added up where they lie in an array (..., *size)."""
    rank = len(size)
    places, kernel, padding = windows.shape[-2 * rank : -rank], windows.shape[-rank:], pairs(padding, rank)
    padded = [n + before + after for n, (before, after) in zip(size, padding)]
    x = np.zeros((*windows.shape[: -2 * rank], *padded), windows.dtype)
    for at in np.ndindex(*kernel):
        firsts = [k * d for k, d in zip(at, each(dilation, rank))]
        seen = [slice(k, k + (n - 1) * s + 1, s) for k, n, s in zip(firsts, places, each(stride, rank))]
        x[(..., *seen)] += windows[(..., *at)]
    return x[(..., *(slice(before, before + n) for n, (before, _) in zip(size, padding)))]


def conv(x, w, stride=1, padding=0, dilation=1):
    """Σ w · x over the channels and the kernel, at each place: x (N, C, *size), w (O, C, *kernel)."""
    rank = w.ndim - 2
    windows = patches(x, w.shape[2:], stride, padding, dilation)
    kernel = range(2 + rank, 2 + 2 * rank)
    z = np.tensordot(windows, w, axes=((1, *kernel), range(1, 2 + rank)))
    return np.moveaxis(z, -1, 1)


def conv_for_input(d, w, size, stride=1, padding=0, dilation=1):
    """The transpose of `conv` in x: each entry of d times the kernel, added up where it was met."""
    windows = np.tensordot(d, w, axes=(1, 0))
    return unpatched(np.moveaxis(windows, w.ndim - 1, 1), size, stride, padding, dilation)


def conv_for_weight(x, d, kernel, stride=1, padding=0, dilation=1):
    """The transpose of `conv` in w: Σ d · x over the batch and the places."""
    windows = patches(x, kernel, stride, padding, dilation)
    places = (0, *range(2, d.ndim))
    return np.tensordot(d, windows, axes=(places, places))


def max_pool(x, kernel, stride=1, padding=0, dilation=1):
    """The largest entry of each window."""
    windows = patches(x, kernel, stride, padding, dilation, -np.inf)
    return windows.max(axis=tuple(range(-len(kernel), 0)))


def max_pool_for_input(d, x, kernel, stride=1, padding=0, dilation=1):
    """Each entry of d goes back to where the first largest entry of its window was."""
    windows = patches(x, kernel, stride, padding, dilation, -np.inf)
    winner = windows.reshape(*d.shape, -1).argmax(axis=-1)
    won = winner[..., None] == np.arange(math.prod(kernel))
    windows = (d[..., None] * won).reshape(windows.shape)
    return unpatched(windows, x.shape[-len(kernel) :], stride, padding, dilation)


def sum_pool(x, kernel, stride=1, padding=0, dilation=1):
    """The sum of each window."""
    return patches(x, kernel, stride, padding, dilation).sum(axis=tuple(range(-len(kernel), 0)))


def sum_pool_for_input(d, size, kernel, stride=1, padding=0, dilation=1):
    """Each entry of d goes to all that its window met."""
    windows = np.broadcast_to(d.reshape(*d.shape, *(1,) * len(kernel)), (*d.shape, *kernel))
    return unpatched(windows, size, stride, padding, dilation)


# others ---------------------------------------------------------------------------------------------------


def added_at(d, shape, index):
    """Zeros, to which d is added at the index: what is met twice adds up."""
    x = np.zeros(shape, d.dtype)
    np.add.at(x, index, d)
    return x


def normal_cdf(x):
    """The probability that a standard normal number is below x: Φ(x)."""
    erf = np.array([math.erf(value) for value in x.ravel() / math.sqrt(2)])
    return ((1 + erf) / 2).reshape(x.shape).astype(x.dtype)


# recurrences: x (T, N, G) is what each step takes from the input --------------------------------------------


def sigmoid(x):
    """A probability of a logit."""
    return 1 / (1 + np.exp(-x))


def rnn(x, w, h, activation):
    """h ← act(x + h wᵀ), step by step."""
    steps = []
    for x_t in x:
        h = activation(x_t + h @ w.T)
        steps.append(h)
    return np.stack(steps)


def rnn_sums(d, z, w, slope):
    """Back through time: the gradient of x + h wᵀ, step by step."""
    steps, back = [], 0
    for d_t, h in zip(d[::-1], z[::-1]):
        d_sum = (d_t + back) * slope(h)
        back = d_sum @ w
        steps.append(d_sum)
    return np.stack(steps[::-1])


def lstm(x, w, h, c):
    """c ← f c + i a, h ← o tanh(c), with gates i, f, a, o of x + h wᵀ: all h, and all c."""
    hs, cs = [], []
    for x_t in x:
        i, f, a, o = np.split(x_t + h @ w.T, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(a)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
        cs.append(c)
    return np.stack([hs, cs])


def lstm_sums(d, z, x, w, h, c):
    """Back through time: the gradient of x + h wᵀ, step by step."""
    steps, d_h, d_c = [], 0, 0
    before_h, before_c = np.concatenate([h[None], z[0, :-1]]), np.concatenate([c[None], z[1, :-1]])
    for t in reversed(range(len(x))):
        i, f, a, o = np.split(x[t] + before_h[t] @ w.T, 4, axis=1)
        i, f, a, o, out = sigmoid(i), sigmoid(f), np.tanh(a), sigmoid(o), np.tanh(z[1, t])
        d_h = d_h + d[0, t]
        d_c = d_c + d[1, t] + d_h * o * (1 - out**2)
        by_i, by_f = d_c * a * i * (1 - i), d_c * before_c[t] * f * (1 - f)
        by_a, by_o = d_c * i * (1 - a**2), d_h * out * o * (1 - o)
        d_sum = np.concatenate([by_i, by_f, by_a, by_o], axis=1)
        d_h, d_c = d_sum @ w, d_c * f
        steps.append(d_sum)
    return np.stack(steps[::-1])


def gru(x, w, b, h):
    """h ← n + u (h − n), with gates r, u, n of x and of h wᵀ + b."""
    steps = []
    for x_t in x:
        (x_r, x_u, x_n), (r, u, n) = np.split(x_t, 3, axis=1), np.split(h @ w.T + b, 3, axis=1)
        n = np.tanh(x_n + sigmoid(x_r + r) * n)
        h = n + sigmoid(x_u + u) * (h - n)
        steps.append(h)
    return np.stack(steps)


def gru_sums(d, z, x, w, b, h):
    """Back through time: the gradients of the sums of x, and of those of h, side by side."""
    steps, d_h = [], 0
    before = np.concatenate([h[None], z[:-1]])
    for t in reversed(range(len(x))):
        own = before[t] @ w.T + b
        (x_r, x_u, x_n), (r, u, own_n) = np.split(x[t], 3, axis=1), np.split(own, 3, axis=1)
        r, u = sigmoid(x_r + r), sigmoid(x_u + u)
        n = np.tanh(x_n + r * own_n)
        d_h = d_h + d[t]
        d_n = d_h * (1 - u) * (1 - n**2)
        d_r, d_u = d_n * own_n * r * (1 - r), d_h * (before[t] - n) * u * (1 - u)
        d_own = np.concatenate([d_r, d_u, d_n * r], axis=1)
        d_h = d_h * u + d_own @ w
        steps.append(np.concatenate([d_r, d_u, d_n, d_own], axis=1))
    return np.stack(steps[::-1])


def relu(x):
    """x where it is positive, else 0."""
    return np.maximum(x, 0)


def relu_slope(h):
    """The slope of relu, where it is h."""
    return h > 0


def tanh_slope(h):
    """The slope of tanh, where it is h."""
    return 1 - h**2
