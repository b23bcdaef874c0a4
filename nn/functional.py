"""Layers, activations and losses as functions, under PyTorch's names and with its arguments.

The functions live where their rules are (`autodiff`) or beside their kind (`nn.losses`); here they get the
arguments that only `torch.nn.functional` has: `inplace`, and a `dim` that may be left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import autodiff
from autodiff import (
    Tensor,
    channel_shuffle,
    cosine_similarity,
    gelu,
    glu,
    hardshrink,
    one_hot,
    pairwise_distance,
    pdist,
    pixel_shuffle,
    pixel_unshuffle,
    prelu,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
)
from autodiff.errors import located
from autodiff.inplace import become
from autodiff.ops.adaptive_pooling import adaptive_max_pool1d, adaptive_max_pool2d
from autodiff.ops.arguments import refuse_integers, refuse_no_number, refuse_plain
from autodiff.ops.attention import scaled_dot_product_attention
from autodiff.ops.bags import embedding_bag
from autodiff.ops.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from autodiff.ops.distances import normalize
from autodiff.ops.dropout import alpha_dropout, dropout, dropout1d, dropout2d, feature_alpha_dropout
from autodiff.ops.linear import bilinear, linear
from autodiff.ops.losses import softplus_of_negative
from autodiff.ops.neural import embedding, gumbel_softmax
from autodiff.ops.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from autodiff.ops.pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from autodiff.ops.power_pooling import lp_pool1d, lp_pool2d
from autodiff.ops.random_slope import rrelu
from autodiff.ops.resampling import interpolate
from autodiff.ops.unpooling import max_unpool1d, max_unpool2d
from autodiff.ops.windows import fold, pad, unfold
from autodiff.tensor import history

from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    gaussian_nll_loss,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "alpha_dropout", "avg_pool1d", "avg_pool2d", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d",
    "conv_transpose1d", "conv_transpose2d", "cosine_embedding_loss", "cosine_similarity", "cross_entropy",
    "dropout", "dropout1d", "dropout2d", "elu", "elu_", "embedding", "embedding_bag",
    "feature_alpha_dropout", "fold", "gaussian_nll_loss", "gelu", "glu", "group_norm", "gumbel_softmax",
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hardtanh_", "hinge_embedding_loss", "hinge_loss",
    "huber_loss", "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu",
    "leaky_relu_", "linear", "local_response_norm", "log_softmax", "logsigmoid", "lp_pool1d", "lp_pool2d",
    "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_unpool1d", "max_unpool2d", "mish", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize",
    "one_hot", "pad", "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss",
    "prelu", "relu", "relu6", "relu_", "rms_norm", "rrelu", "rrelu_", "scaled_dot_product_attention",
    "selu", "selu_", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold",
]  # fmt: skip


def _in_place(input: Tensor, name: str, function: Callable[..., Any], *options: Any) -> Tensor:
    """Write `function(input, *options)` over the input. Its rule may need the old values: it gets a copy."""
    refuse_plain(input, name)
    for option in options:
        refuse_no_number(option, name, "option")
    before = Tensor(input.array.copy(), history(input))
    return become(input, function(before, *options), name)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), with slope 0 at 0.

    >>> import autodiff
    >>> relu(autodiff.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return _in_place(input, "relu_", autodiff.relu) if inplace else autodiff.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x between 0 and 6, the nearer of them outside."""
    return _in_place(input, "relu6_", autodiff.relu6) if inplace else autodiff.relu6(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    if inplace:
        return _in_place(input, "leaky_relu_", autodiff.leaky_relu, negative_slope)
    return autodiff.leaky_relu(input, negative_slope)


def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """`rrelu`, in place."""
    return rrelu(input, lower, upper, training, True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (e^x - 1)."""
    if inplace:
        return _in_place(input, "elu_", autodiff.elu, alpha)
    return autodiff.elu(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 x where x > 0, else 1.7581 (e^x - 1)."""
    return _in_place(input, "selu_", autodiff.selu) if inplace else autodiff.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (e^(x / alpha) - 1)."""
    return _in_place(input, "celu_", autodiff.celu, alpha) if inplace else autodiff.celu(input, alpha)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else `value`."""
    if inplace:
        return _in_place(input, "threshold_", autodiff.threshold, threshold, value)
    return autodiff.threshold(input, threshold, value)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + e^x))."""
    return _in_place(input, "mish_", autodiff.mish) if inplace else autodiff.mish(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """0 up to -3, 1 from 3 on, x / 6 + 1/2 between."""
    return _in_place(input, "hardsigmoid_", autodiff.hardsigmoid) if inplace else autodiff.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """0 up to -3, x from 3 on, x (x + 3) / 6 between."""
    return _in_place(input, "hardswish_", autodiff.hardswish) if inplace else autodiff.hardswish(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x).

    >>> import autodiff
    >>> silu(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    return _in_place(input, "silu_", autodiff.silu) if inplace else autodiff.silu(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x between min_val and max_val, the nearer of them outside. Raises ValueError if min_val > max_val."""
    refuse_no_number(min_val, "hardtanh", "min_val")
    refuse_no_number(max_val, "hardtanh", "max_val")
    if min_val > max_val:
        raise located.ValueError(
            f"min_val cannot be greater than max_val, in hardtanh: {min_val} and {max_val}"
        )
    if inplace:
        return _in_place(input, "hardtanh_", autodiff.hardtanh, min_val, max_val)
    return autodiff.hardtanh(input, min_val, max_val)


def _always_in_place(function: Any) -> Callable[..., Tensor]:
    """`relu_(x)` is `relu(x, inplace=True)`."""

    def changed(input: Tensor, *args: Any, **options: Any) -> Tensor:
        return function(input, *args, **options, inplace=True)

    changed.__name__ = f"{function.__name__}_"
    changed.__doc__ = f"`{function.__name__}` in place: writes into the input, and returns it."
    return changed


relu_, leaky_relu_, threshold_ = map(_always_in_place, [relu, leaky_relu, threshold])
elu_, selu_, celu_, hardtanh_ = map(_always_in_place, [elu, selu, celu, hardtanh])


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e^-x).

    >>> import autodiff
    >>> sigmoid(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([0.2689, 0.5000, 0.7311])
    """
    return autodiff.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent.

    >>> import autodiff
    >>> tanh(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.7616,  0.0000,  0.7616])
    """
    return autodiff.tanh(input)


def logsigmoid(input: Tensor) -> Tensor:
    """log sigmoid(x) = -log(1 + e^-x), for x of any size."""
    refuse_integers(input, "logsigmoid")
    return -softplus_of_negative(input)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Probabilities along `dim`; see `autodiff.softmax`. Without `dim` it warns, and guesses.

    >>> import autodiff
    >>> softmax(autodiff.tensor([[0.0, 0.0], [0.0, 2.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.1192, 0.8808]])
    """
    return autodiff.softmax(input, _guessed("softmax", input) if dim is None else dim, dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x)."""
    refuse_plain(input, "softmin")
    return autodiff.softmax(-input, _guessed("softmin", input) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`; see `autodiff.log_softmax`.

    >>> import autodiff
    >>> log_softmax(autodiff.zeros(1, 2), dim=1)
    tensor([[-0.6931, -0.6931]])
    """
    return autodiff.log_softmax(input, _guessed("log_softmax", input) if dim is None else dim, dtype)


def _guessed(name: str, input: Tensor) -> int:
    """The dimension that is meant where none is given."""
    refuse_plain(input, name)
    dim = 0 if input.ndim in (0, 1, 3) else 1
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
        f"argument: dim={dim} was taken",
        stacklevel=3,
    )
    return dim
