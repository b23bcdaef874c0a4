"""Normalization: values shifted and scaled to mean 0 and variance 1, of a batch, a row, a group of channels.

They differ in the dimensions that are normalized together, so there is one primitive with one rule, and
another
for the kind that leaves the mean as it is. The learned scale and offset are an ordinary product and sum.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import Array
from ..errors import describe, located
from ..fast_arithmetic import sums
from ..inplace import refuse_memory
from ..memory import touch
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import integers, refuse_plain, whole
from .joining import cat
from .reductions import mean_of
from .shapes import regroup
from .statistics import var_of

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]

Shape = tuple[int, ...]


def standardized(x: Array, axis: Shape, n: int, eps: float) -> Array:
    """(x - x̄) / √(variance + eps)."""
    z = x - sums(x, axis) / n
    z /= np.sqrt(sums(z * z, axis) / n + eps)
    return z


def divided(x: Array, axis: Shape, n: int, eps: float) -> Array:
    """x / √(mean x² + eps)."""
    return x / np.sqrt(sums(x * x, axis) / n + eps)


def mean(x: Any, axis: Shape, n: int) -> Any:
    """Σ x / n along `axis`, which is kept."""
    return sums(x, axis) / n if type(x) is np.ndarray else mean_of(x, axis, n)


def root(x: Any, axis: Shape, n: int, eps: float) -> Any:
    """√(variance + eps)."""
    if type(x) is not np.ndarray:
        return np.sqrt(var_of(x, axis, n, n) + eps)
    deviation = x - sums(x, axis) / n
    deviation *= deviation
    return np.sqrt(sums(deviation, axis) / n + eps)


# fmt: off
# with r the root by which was divided: x̄ += (z̄ - mean z̄ - z · mean (z̄ z)) / r
standardize  = Primitive("standardize", standardized,
                         lambda g, z, x, axis, n, eps:
                         (g - mean(g, axis, n) - z * mean(g * z, axis, n)) / root(x, axis, n, eps),
                         doc="x with mean 0 and variance 1 along some dimensions: (x - x̄) / √(variance + ε)")
scale_to_one = Primitive("rms_norm", divided, lambda g, z, x, axis, n, eps:
                         (g - z * mean(g * z, axis, n)) / np.sqrt(mean(x * x, axis, n) + eps),
                         doc="x with mean square 1 along some dimensions: x / √(mean x² + ε)")
# fmt: on


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel normalized over batch and space: weight (x - mean) / √(variance + eps) + bias.

    Input (N, C, ...), the others (C,). While training mean and variance are those of the input, and the
    running ones move towards them, in place: (1 - momentum) old + momentum new, with the unbiased variance.
    Else the running ones are used. Raises ValueError for one value a channel while training, RuntimeError
    for shapes that do not fit. Source: Ioffe and Szegedy, "Batch normalization" (2015); PyTorch,
    `torch.nn.functional.batch_norm`.

    >>> import autodiff
    >>> autodiff.batch_norm(autodiff.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    refuse_integers("batch_norm", input)
    if input.ndim < 2:
        raise located.RuntimeError(f"batch_norm(): expected an input (N, C, ...), got {describe(input)}")
    if training and eps <= 0:
        raise located.ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    channels = input.shape[1]
    axis = (0, *range(2, input.ndim))
    count = math.prod(input.shape[i] for i in axis)
    names = "running_mean", "running_var", "weight", "bias"
    for name, t in zip(names, (running_mean, running_var, weight, bias), strict=True):
        if t is not None:
            refuse_plain(t, "batch_norm", name)
        if t is not None and t.shape != (channels,):
            raise located.RuntimeError(
                f"{name} should contain {channels} elements not {math.prod(t.shape)}, in batch_norm() of "
                f"{describe(input)}: one for each channel"
            )
    across = (1, channels) + (1,) * (input.ndim - 2) if input.ndim > 2 else (channels,)
    if not training:
        if running_mean is None or running_var is None:
            raise located.RuntimeError(
                "Expected running_mean and running_var to be defined when training=False"
            )
        root = regroup((running_var + eps).sqrt(), across)
        return affine((input - regroup(running_mean, across)) / root, weight, bias, across)
    if count == 0:  # a batch of nothing: there is nothing to follow
        return affine(input, weight, bias, across)
    if count == 1:
        raise located.ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(input.shape)}: a "
            "larger batch, or model.eval()"
        )
    follow(running_mean, running_var, input.array, axis, count, momentum)
    return affine(standardize(input, axis, count, eps), weight, bias, across)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each sample normalized over space: input (N, C, ...), the others (C,).

    The running mean and variance follow the averages over the batch; they are used where `use_input_stats`
    is False. Raises ValueError for one value a channel, RuntimeError for shapes that do not fit. Source:
    Ulyanov et al.,
    "Instance normalization" (2016); PyTorch, `torch.nn.functional.instance_norm`.

    >>> import autodiff
    >>> autodiff.instance_norm(autodiff.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    refuse_integers("instance_norm", input)
    if input.ndim < 3:
        raise located.RuntimeError(f"instance_norm(): expected an input (N, C, ...), got {describe(input)}")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    channels, *size = input.shape[1:]
    if math.prod(size) <= 1:
        raise located.ValueError(
            f"Expected more than 1 spatial element when training, got input size {list(input.shape)}, in "
            "instance_norm()"
        )
    across = (1, channels) + (1,) * len(size)
    expect("instance_norm", (channels,), weight, bias)
    axis = tuple(range(2, input.ndim))
    x = input.array
    if running_mean is not None or running_var is not None:
        follow(running_mean, running_var, x, axis, math.prod(size), momentum)
    return affine(standardize(input, axis, math.prod(size), eps), weight, bias, across)


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The last dimensions, of shape `normalized_shape`, normalized; `weight` and `bias` have that shape.

    Raises RuntimeError for shapes that do not fit. Source: Ba et al., "Layer normalization" (2016); PyTorch,
    `torch.nn.functional.layer_norm`.

    >>> import autodiff
    >>> autodiff.layer_norm(autodiff.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    axis, n = last_dims("layer_norm", input, normalized_shape)
    shape = input.shape[input.ndim - len(axis) :]
    expect("layer_norm", shape, weight, bias)
    return affine(standardize(input, axis, n, eps), weight, bias, shape)


def rms_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / √(mean x² + eps) over the last dimensions, of shape `normalized_shape`, times `weight`.

    `eps` is the machine epsilon of the dtype if not given. Raises RuntimeError for shapes that do not fit.
    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019); PyTorch,
    `torch.nn.functional.rms_norm`.

    >>> import autodiff
    >>> autodiff.rms_norm(autodiff.tensor([3.0, 3.0]), (2,))
    tensor([1., 1.])
    """
    axis, n = last_dims("rms_norm", input, normalized_shape)
    shape = input.shape[input.ndim - len(axis) :]
    expect("rms_norm", shape, weight)
    if eps is None:
        eps = float(np.finfo(input.dtype).eps)
    return affine(scale_to_one(input, axis, n, eps), weight, None, shape)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Groups of channels normalized together, each sample by itself: input (N, C, ...), the others (C,).

    Raises RuntimeError for shapes that do not fit, or if the groups do not divide the channels. Source: Wu
    and He,
    "Group normalization" (2018); PyTorch, `torch.nn.functional.group_norm`.

    >>> import autodiff
    >>> autodiff.group_norm(autodiff.tensor([[1.0, 3.0, 5.0, 5.0]]), 2)
    tensor([[-1.0000,  1.0000,  0.0000,  0.0000]])
    """
    refuse_integers("group_norm", input)
    if input.ndim < 2:
        raise located.RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    n, channels, *size = input.shape
    num_groups = whole(num_groups, "group_norm", "num_groups")
    if num_groups <= 0:
        raise located.RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise located.RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    expect("group_norm", (channels,), weight, bias)
    members = channels // num_groups * math.prod(size)
    if n * members == 1:
        raise located.ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(input.shape)}, in "
            "group_norm()"
        )
    z = standardize(regroup(input, (n, num_groups, members)), (2,), members, eps)
    return affine(regroup(z, input.shape), weight, bias, (1, channels) + (1,) * len(size))


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha · mean x²)^beta, the mean over the `size` channels around each: input (N, C, ...).

    Outside of the channels are zeros, which count. Raises ValueError for fewer than 3 dimensions. Source:
    Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012); PyTorch,
    `torch.nn.functional.local_response_norm`.

    >>> import autodiff
    >>> local_response_norm(autodiff.ones(1, 3, 1), 2, alpha=1.0).reshape(3)
    tensor([0.7378, 0.5946, 0.5946])
    """
    refuse_plain(input, "local_response_norm")
    if input.ndim < 3:
        raise located.ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    n, _, *space = input.shape
    before, after = (np.zeros([n, width, *space], input.dtype) for width in (size // 2, (size - 1) // 2))
    around = cat([Tensor(before), input * input, Tensor(after)], 1).unfold(1, size, 1)
    return input / (around.mean(-1) * alpha + k) ** beta


def affine(z: Tensor, weight: Tensor | None, bias: Tensor | None, shape: Shape) -> Tensor:
    """weight · z + bias, with weight and bias in this shape."""
    if weight is not None:
        z = z * (weight if weight.shape == shape else regroup(weight, shape))
    if bias is not None:
        z = z + (bias if bias.shape == shape else regroup(bias, shape))
    if weight is bias is None and z.record is not None:  # the rule of z keeps it: what comes next may work
        z = Tensor(z.array.copy(), z.record)  # in place on a copy
    return z


def follow(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    x: Array,
    axis: Shape,
    count: int,
    momentum: float,
) -> None:
    """Move the running mean and variance, in place, towards those of x along `axis`; a mean over samples."""
    mean = sums(x, axis) / count
    rest = (0,) if 0 not in axis else ()
    if running_mean is not None:
        move(running_mean, mean.mean(rest) if rest else mean, momentum)
    if running_var is not None:
        deviation = x - mean
        deviation *= deviation
        var = sums(deviation, axis) / (count - 1)
        move(running_var, var.mean(rest) if rest else var, momentum)


def move(running: Tensor, new: Array, momentum: float) -> None:
    """(1 - momentum) running + momentum new, in place and unrecorded."""
    refuse_plain(running, "instance_norm", "running_mean", 2)
    if running.array.dtype.kind != "f":
        raise located.RuntimeError(
            f"running statistics must be of floats, not {running.array.dtype}: x.float()"
        )
    refuse_memory(running.array, "batch_norm")
    running.array *= 1 - momentum
    running.array += new.reshape(-1) * momentum
    touch(running.array)


def last_dims(op: str, input: Tensor, normalized_shape: Any) -> tuple[Shape, int]:
    """The dimensions that `normalized_shape` names, and how many values meet in them."""
    refuse_integers(op, input)
    shape = integers(normalized_shape, op)
    if not shape:
        raise located.RuntimeError(
            f"Expected normalized_shape to be at least 1-dimensional, but got normalized_shape = {shape}, "
            f"in {op}()"
        )
    if input.shape[-len(shape) :] != shape:
        raise located.RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape {['*', *shape]}, but got input "
            f"of size{list(input.shape)}, in {op}()"
        )
    return tuple(range(input.ndim - len(shape), input.ndim)), math.prod(shape)


def expect(op: str, shape: Shape, *parameters: Tensor | None) -> None:
    """Raise RuntimeError for a weight or bias of another shape."""
    for name, t in zip(("weight", "bias"), parameters, strict=False):
        if t is not None:
            refuse_plain(t, op, name)
        if t is not None and t.shape != shape:
            raise located.RuntimeError(
                f"Expected {name} to be of shape {list(shape)}, but got {list(t.shape)}, in {op}()"
            )


def refuse_integers(op: str, input: Any) -> None:
    """Raise TypeError for what is no Tensor, RuntimeError for integers."""
    refuse_plain(input, op)
    if input.dtype.kind != "f":
        raise located.RuntimeError(f'"{op}" not implemented for {input.dtype}: convert first, x.float()')
