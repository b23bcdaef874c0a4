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
from autodiff.ops.losses import softplus_of_negative
from autodiff.ops.neural import dropout, embedding, linear
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
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu",
    "embedding", "gelu", "hardtanh", "hinge_loss", "huber_loss", "l1_loss", "leaky_relu", "linear",
    "log_softmax", "logsigmoid", "mse_loss", "nll_loss", "relu", "relu6", "sigmoid", "silu",
    "smooth_l1_loss", "softmax", "softmin", "softplus", "softsign", "tanh", "tanhshrink",
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
