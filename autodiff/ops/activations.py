"""Activations beyond those of `elementwise`: kinked, smooth, gated and self-normalizing units.

What needs a rule of its own, for speed or for its conventions at a kink, is a primitive; the others are
composed. Kinks are PyTorch's, measured: hardswish'(3) = 1, celu'(0) = 1, softshrink'(±lambda) = 0.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..dtypes import Array
from ..errors import describe, located
from ..primitive import Primitive, Unary
from ..tensor import Tensor
from . import joining, shapes
from .arguments import refuse_integers, refuse_no_number, refuse_plain
from .dims import one_dim
from .elementwise import abs, at_most, bounded, elu, sigmoid, sign, softplus, tanh, where

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = [
    "celu", "glu", "hardshrink", "hardsigmoid", "hardswish", "mish", "prelu", "relu6", "selu", "softshrink",
    "softsign", "tanhshrink", "threshold",
]  # fmt: skip


def celu_forward(x: Array, alpha: float) -> Array:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


def hardswish_forward(x: Array) -> Array:
    return x * np.minimum(np.maximum(x + 3, 0), 6) / 6


# fmt: off
smooth_celu = Primitive("celu", celu_forward,
                        lambda g, z, x, alpha: where(x > 0, g, g * np.exp(at_most(x, 0) / alpha)),
                        doc="x where x > 0, else alpha (e^(x / alpha) - 1)")
hard_gate   = Unary("hardswish", hardswish_forward,
                    lambda g, z, x: where(x <= -3, 0, where(x < 3, g * (x / 3 + 0.5), g)),
                    doc="0 up to -3, x from 3 on, x (x + 3) / 6 between")
learned     = Primitive("prelu", lambda x, w: np.where(x > 0, x, w * x),
                        lambda g, z, x, w: where(x > 0, g, w * g),
                        lambda g, z, x, w: where(x > 0, 0, x * g),
                        doc="x where x > 0, else w x")
# fmt: on


def relu6(input: Tensor) -> Tensor:
    """x between 0 and 6, the nearer of them outside; the slope at both is 0."""
    refuse_plain(input, "relu6")
    if input.dtype == bool:
        raise located.RuntimeError("Bool inputs not supported for hardtanh, nor for relu6: x.float()")
    return bounded(input, 0.0, 6.0) if input.dtype.kind == "f" else input.clamp(0, 6)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight · x, with a slope that is learned; at 0 the slope is weight.

    `weight` has one entry, or one for each channel: the second dimension of `input`. Raises RuntimeError for
    other numbers of entries, and for different dtypes. Source: He et al., "Delving Deep into Rectifiers"
    (2015); PyTorch, `torch.nn.functional.prelu`.

    >>> import autodiff
    >>> autodiff.prelu(autodiff.tensor([[-4.0, -4.0]]), autodiff.tensor([0.25, 0.5]))
    tensor([[-1., -2.]])
    """
    refuse_integers(input, "prelu")
    refuse_plain(weight, "prelu", "weight", 2)
    if input.dtype != weight.dtype:
        raise located.RuntimeError(
            f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}"
        )
    if weight.ndim > 1:
        raise located.RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    n, channels = weight.numel(), input.shape[1] if input.ndim > 1 else 1
    if n != 1 and n != channels:
        raise located.RuntimeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {n} and "
            f"channel size = {channels}., in prelu({describe(input)}, {describe(weight)})"
        )
    of_channel = (n, *(1,) * (input.ndim - 2)) if input.ndim > 1 else (1,) * input.ndim
    return learned(input, shapes.reshape(weight, of_channel))


def selu(input: Tensor) -> Tensor:
    """1.0507 x where x > 0, else 1.7581 (e^x - 1): layers of it keep mean 0 and variance 1.

    Raises NotImplementedError for integers. Source: Klambauer et al., "Self-Normalizing Neural Networks"
    (2017); PyTorch, `torch.nn.functional.selu`.
    """
    refuse_integers(input, "selu")
    return SCALE * elu(input, ALPHA)


ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (e^(x / alpha) - 1): `elu` whose slope at 0 is 1 for every alpha.

    Raises RuntimeError for alpha = 0, NotImplementedError for integers. Source: Barron, "Continuously
    Differentiable Exponential Linear Units" (2017); PyTorch, `torch.nn.functional.celu`.
    """
    refuse_integers(input, "celu")
    if alpha == 0:
        raise located.RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return smooth_celu(input, alpha)


def mish(input: Tensor) -> Tensor:
    """x tanh(log(1 + e^x)).

    Raises NotImplementedError for integers. Source: Misra, "Mish: A Self Regularized Non-Monotonic Neural
    Activation Function" (2019); PyTorch, `torch.nn.functional.mish`.
    """
    refuse_integers(input, "mish")
    return input * tanh(softplus(input))


def hardswish(input: Tensor) -> Tensor:
    """0 up to -3, x from 3 on, x (x + 3) / 6 between: `silu` without an exponential.

    Raises NotImplementedError for integers. Source: Howard et al., "Searching for MobileNetV3" (2019);
    PyTorch, `torch.nn.functional.hardswish`.
    """
    refuse_integers(input, "hardswish")
    return hard_gate(input)


def hardsigmoid(input: Tensor) -> Tensor:
    """0 up to -3, 1 from 3 on, x / 6 + 1/2 between. Raises NotImplementedError for integers."""
    refuse_integers(input, "hardsigmoid")
    return bounded(input + 3, 0.0, 6.0) / 6


def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """x where x > threshold, else `value`.

    >>> import autodiff
    >>> autodiff.threshold(autodiff.tensor([0.5, 2.0]), 1.0, -7.0)
    tensor([-7.,  2.])
    """
    refuse_plain(input, "threshold")
    refuse_no_number(threshold, "threshold", "threshold")
    refuse_no_number(value, "threshold", "value")
    if input.dtype == bool:
        raise located.NotImplementedError('"threshold" not implemented for bool: convert first, x.float()')
    if input.dtype.kind != "f":
        if any(getattr(x, "ndim", 0) or not isfinite(x) for x in (threshold, value)):
            raise located.RuntimeError(
                f"threshold(): {threshold} and {value} cannot both be written as {input.dtype}: x.float()"
            )
        threshold, value = int(threshold), int(value)
    return where(input <= threshold, value, input)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0. Raises NotImplementedError for integers."""
    refuse_integers(input, "hardshrink")
    return where(abs(input) <= lambd, 0.0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 where |x| <= lambd.

    Raises RuntimeError for lambd < 0, NotImplementedError for integers.

    >>> import autodiff
    >>> autodiff.softshrink(autodiff.tensor([-2.0, 0.25, 2.0]))
    tensor([-1.5000,  0.0000,  1.5000])
    """
    refuse_integers(input, "softshrink")
    refuse_no_number(lambd, "softshrink", "lambd")
    if lambd < 0:
        raise located.RuntimeError(f"lambda must be in range [0, inf), in softshrink, but found {lambd}")
    return where(abs(input) <= lambd, 0.0, input - sign(input) * lambd)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (1 + abs(input))


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b), where a and b are the two halves of `input` along `dim`: a gated linear unit.

    Raises RuntimeError if they cannot be halves, IndexError for a `dim` out of range. Source: Dauphin et al.,
    "Language Modeling with Gated Convolutional Networks" (2017); PyTorch, `torch.nn.functional.glu`.

    >>> import autodiff
    >>> autodiff.glu(autodiff.tensor([8.0, 2.0, 0.0, 0.0]))
    tensor([4., 1.])
    """
    refuse_integers(input, "glu")
    if input.ndim == 0:
        raise located.RuntimeError("glu does not support scalars because halving size must be even")
    dim = one_dim(dim, input.ndim, "glu")
    size = input.shape[dim]
    if size % 2:
        raise located.RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {size}, in glu()"
        )
    a, b = joining.split(input, max(size // 2, 1), dim) if size else (input, input)
    return a * sigmoid(b)
