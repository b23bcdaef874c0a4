"""Layers, activations and losses as functions, under PyTorch's names and with its arguments.

The functions live where their rules are (`autodiff`) or beside their kind (`nn.losses`); here they get the
arguments that only `torch.nn.functional` has: `inplace`, and a `dim` that may be left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import autodiff
from autodiff import Tensor, gelu, sigmoid, softplus, tanh
from autodiff.inplace import become
from autodiff.ops.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from autodiff.ops.losses import softplus_of_negative
from autodiff.ops.neural import dropout, embedding, linear
from autodiff.ops.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from autodiff.ops.pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from autodiff.ops.windows import fold, pad, unfold
from autodiff.tensor import history

from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "batch_norm",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "conv1d", "conv2d", "conv_transpose1d",
    "conv_transpose2d", "cross_entropy", "dropout", "dropout1d", "dropout2d", "elu", "embedding", "fold",
    "gelu", "group_norm", "hardtanh", "hinge_loss", "huber_loss", "instance_norm", "l1_loss",
    "layer_norm", "leaky_relu", "linear", "log_softmax", "logsigmoid", "max_pool1d", "max_pool2d",
    "mse_loss", "nll_loss", "pad", "relu", "relu6", "rms_norm", "sigmoid", "silu", "smooth_l1_loss",
    "softmax", "softmin", "softplus", "softsign", "tanh", "tanhshrink", "unfold",
]  # fmt: skip


def _in_place(input: Tensor, name: str, function: Callable[..., Any], *options: Any) -> Tensor:
    """Write `function(input, *options)` over the input. Its rule may need the old values: it gets a copy."""
    before = Tensor(input.array.copy(), history(input))
    return become(input, function(before, *options), name)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), with slope 0 at 0."""
    return _in_place(input, "relu_", autodiff.relu) if inplace else autodiff.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x between 0 and 6, the nearer of them outside."""
    return hardtanh(input, 0.0, 6.0, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) dropped with probability `p`; see `dropout2d`."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input: (N, C, L) or (C, L)"
        )
    return _drop_channels(input, 1 if input.ndim == 3 else 0, p, training, inplace, "dropout1d_")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, H, W) dropped with probability `p`, the others divided by 1 - p.

    A 3D input is taken for (N, C, L), with a warning, as PyTorch does. Raises ValueError unless 0 <= p <= 1.
    Source: Tompson et al. (2015); PyTorch, `torch.nn.functional.dropout2d`.
    """
    if input.ndim < 2:
        raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, got {input.ndim}")
    if input.ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d: use dropout instead", stacklevel=2
        )
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is desired: (N, C, L). To silence this, use dropout1d",
            stacklevel=2,
        )
    return _drop_channels(input, 1, p, training, inplace, "dropout2d_")


def _drop_channels(input: Tensor, dim: int, p: float, training: bool, inplace: bool, name: str) -> Tensor:
    """Draw one number for each channel, and for each sample if there are any in front of `dim`."""
    ones = autodiff.ones((*input.shape[: dim + 1], *(1,) * (input.ndim - dim - 1)), dtype=input.dtype)
    dropped = input * dropout(ones, p) if training and p else dropout(input, p, False)
    return become(input, dropped, name) if inplace else dropped


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    if inplace:
        return _in_place(input, "leaky_relu_", autodiff.leaky_relu, negative_slope)
    return autodiff.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (e^x - 1)."""
    if inplace:
        return _in_place(input, "elu_", autodiff.elu, alpha)
    return autodiff.elu(input, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    return _in_place(input, "silu_", autodiff.silu) if inplace else autodiff.silu(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x between min_val and max_val, the nearer of them outside."""
    if inplace:
        return _in_place(input, "hardtanh_", autodiff.hardtanh, min_val, max_val)
    return autodiff.hardtanh(input, min_val, max_val)


def logsigmoid(input: Tensor) -> Tensor:
    """log sigmoid(x) = -log(1 + e^-x), for x of any size."""
    return -softplus_of_negative(input)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (1 + input.abs())


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - input.tanh()


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Probabilities along `dim`; see `autodiff.softmax`. Without `dim` it warns, and guesses."""
    return autodiff.softmax(input, _guessed("softmax", input) if dim is None else dim, dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x)."""
    return autodiff.softmax(-input, _guessed("softmin", input) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`; see `autodiff.log_softmax`."""
    return autodiff.log_softmax(input, _guessed("log_softmax", input) if dim is None else dim, dtype)


def _guessed(name: str, input: Tensor) -> int:
    """The dimension that is meant where none is given."""
    dim = 0 if input.ndim in (0, 1, 3) else 1
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
        f"argument: dim={dim} was taken",
        stacklevel=3,
    )
    return dim
