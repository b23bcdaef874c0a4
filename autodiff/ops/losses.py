"""Rules for losses: how wrong a prediction x is, given the target y.

The means that training uses are one primitive each, with a stable formula and a rule that is right to any
order; `n` is the number of entries averaged. What is rarer (weights, other reductions) is composed of smaller
operations by `nn.losses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array
from ..fast_arithmetic import one
from ..primitive import Primitive, Unary, asarray
from ..record import Record, mode
from ..tensor import Tensor, history
from .elementwise import sigmoid
from .neural import softmax_along

__all__: list[str] = []  # the public functions, with PyTorch's signatures and checks, are in `nn.functional`


class Loss(Primitive):
    """A mean over the entries of two tensors of one shape: a primitive of these, and of their size."""

    fits = True

    def of(self, input: Any, target: Any) -> Tensor | None:
        """The loss, in the common case: of one shape and one floating-point dtype; None in all others."""
        try:
            x, y = input.array, target.array
        except AttributeError:
            return None
        n, dtype = x.size, x.dtype
        if x.shape != y.shape or y.dtype is not dtype or dtype.kind != "f" or n == 0:
            return None
        forward = self.forward
        z = asarray(forward(x, y, n))
        r = input.record if input._view is None else history(input)
        s = target.record if target._view is None else history(target)
        if (r is None and s is None) or not mode.enabled:
            return Tensor(z)
        return Tensor(z, Record(self, (r, s), (x, y, n), z))


def log_at_least_minus_100(x: Array, y: Array) -> Any:
    """-(y log x + (1 - y) log(1 - x)), where a logarithm below -100 counts as -100."""
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0, and nan for what is no probability
        return -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))


def minus_log_sigmoid(x: Array) -> Array:
    """log(1 + e^-x), for x of any size."""
    return np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x)))


def huber_of(d: Array, delta: float) -> Array:
    capped = np.minimum(np.abs(d), delta)
    return capped * (np.abs(d) - 0.5 * capped)


def mean_of_squares(d: Array, n: float) -> Any:
    d = d.ravel()
    return d.dot(d) / n


def mean_surprise(x: Array, index: Array, n: float) -> Any:
    """The mean of log Σ exp(x) - x[index] over the rows of x."""
    x = x - x.max(axis=1, keepdims=True)
    surprise = np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(index)), index]
    return surprise.sum() / n


def one_hot(index: Array, like: Any) -> Array:
    """Rows like those of the matrix `like`: 1 at the index, 0 elsewhere."""
    out = np.zeros(like.shape, like.dtype)
    out[np.arange(len(index)), index] = 1
    return out


# fmt: off
# of real numbers -----------------------------------------------------------------------------------------
mse = Loss("mse_loss", lambda x, y, n: mean_of_squares(x - y, n),
           lambda g, z, x, y, n: g * (2 / n) * (x - y),
           lambda g, z, x, y, n: g * (2 / n) * (y - x),
           doc="The mean of (x - y)².")

huber = Primitive("huber", huber_of,
                  lambda g, z, d, delta: g * np.clip(d, -delta, delta),
                  doc="d² / 2 while |d| is at most delta, beyond it delta (|d| - delta / 2).")

# of probabilities ----------------------------------------------------------------------------------------
bce_each = Primitive("bce", log_at_least_minus_100,
                     lambda g, z, x, y: g * (x - y) / np.maximum(x * (1 - x), 1e-12),
                     lambda g, z, x, y: g * (np.log1p(-x) - np.log(x)),
                     doc="-(y log x + (1 - y) log(1 - x)), with logarithms of at least -100.")

bce = Loss("bce_loss", lambda x, y, n: log_at_least_minus_100(x, y).sum() / n,
           lambda g, z, x, y, n: g / n * (x - y) / np.maximum(x * (1 - x), 1e-12),
           lambda g, z, x, y, n: g / n * (np.log1p(-x) - np.log(x)),
           doc="The mean of -(y log x + (1 - y) log(1 - x)), with logarithms of at least -100.")

# of logits -----------------------------------------------------------------------------------------------
softplus_of_negative = Unary("softplus_of_negative", minus_log_sigmoid, lambda g, z, x: -g * sigmoid(-x),
                             doc="-log σ(x) = log(1 + e^-x), the surprise of a positive whose logit is x.")

bce_logits = Loss("bce_with_logits", lambda x, y, n: (minus_log_sigmoid(x) + (one - y) * x).sum() / n,
                  lambda g, z, x, y, n: g / n * (sigmoid(x) - y),
                  lambda g, z, x, y, n: g / -n * x,
                  doc="The mean of log(1 + e^-x) + (1 - y) x: bce_loss of sigmoid(x), without overflow.")

cross_entropy = Primitive("cross_entropy", mean_surprise,
                          lambda g, z, x, index, n: g / n * (softmax_along(x, 1) - one_hot(index, x)),
                          doc="The mean over the rows of -log softmax(x)[index] = log Σ exp(x) - x[index].")
# fmt: on
