"""Normalization layers: mean 0 and variance 1, then a learned scale and offset, which begin as 1 and 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.arguments import refuse_plain
from autodiff.ops.normalization import local_response_norm
from autodiff.tensor import refuse_device

from .. import init
from ..module import Module
from ..parameter import Parameter
from ..suspicions.modes import doubt_mode, settle


class _Normalization(Module):
    """What all share: weight (1) and bias (0) of a shape, or none."""

    weight: Parameter | None
    bias: Parameter | None

    def _make_parameters(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: Any) -> None:
        self.register_parameter("weight", Parameter(autodiff.empty(shape, dtype=dtype)) if weight else None)
        self.register_parameter("bias", Parameter(autodiff.empty(shape, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the offset to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)  # type: ignore[arg-type]  # it is not None


class _Tracking(_Normalization):
    """Normalization of channels that keeps a running mean and variance, for eval mode."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    ndims: tuple[int, ...]  # of an input
    usual = True, True  # affine and track_running_stats

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool | None = None,
        track_running_stats: bool | None = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        refuse_device(device)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine = self.usual[0] if affine is None else affine
        self.track_running_stats = tracked = (
            self.usual[1] if track_running_stats is None else track_running_stats
        )
        self._make_parameters((num_features,), self.affine, self.affine and bias, dtype)
        self.register_buffer("running_mean", autodiff.zeros(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", autodiff.ones(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", autodiff.tensor(0) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the running mean and variance."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the offset to 0, and forget the running mean and variance."""
        if hasattr(self, "running_mean"):
            self.reset_running_stats()
        super().reset_parameters()

    def _refuse_dims(self, input: Tensor) -> None:
        refuse_plain(input, type(self).__name__)
        if input.ndim not in self.ndims:
            expected = " or ".join(f"{n}D" for n in self.ndims)
            raise located.ValueError(
                f"expected {expected} input (got {input.ndim}D input), {type(self).__name__} of {input.shape}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    def forward(self, input: Tensor) -> Tensor:
        self._refuse_dims(input)
        doubt_mode(self, input)
        momentum = 0.0 if self.momentum is None else self.momentum
        tracking = self.training and self.track_running_stats
        if tracking and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the plain average of all batches
                momentum = 1 / float(self.num_batches_tracked.item())
        known = self.running_mean is not None or self.running_var is not None
        mean, var = (self.running_mean, self.running_var) if tracking or not self.training else (None, None)
        normal = autodiff.batch_norm(
            input, mean, var, self.weight, self.bias, self.training or not known, momentum, self.eps
        )
        settle()
        return normal


class BatchNorm1d(_BatchNorm):
    """Each feature normalized over the batch: input (N, C) or (N, C, L). See `BatchNorm2d`.

    Source: Ioffe and Szegedy, "Batch normalization" (2015); PyTorch, `torch.nn.BatchNorm1d`.
    """

    ndims = 2, 3


class BatchNorm2d(_BatchNorm):
    """Each channel normalized over batch and image: input (N, C, H, W).

    While training the running mean and variance move by `momentum` towards those of the batch (None: to the
    average of all batches); in eval mode they are used. Raises ValueError for another number of dimensions,
    and for one value a channel while training. Source: Ioffe and Szegedy, "Batch normalization" (2015);
    PyTorch, `torch.nn.BatchNorm2d`; see `autodiff.batch_norm`.

    >>> import autodiff, nn
    >>> layer = nn.BatchNorm2d(3)
    >>> layer(autodiff.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    >>> layer.running_mean
    tensor([0.1000, 0.1000, 0.1000])
    """

    ndims = (4,)


class _InstanceNorm(_Tracking):
    usual = False, False

    def forward(self, input: Tensor) -> Tensor:
        self._refuse_dims(input)
        dim = 1 if input.ndim == self.ndims[-1] else 0
        if self.affine and input.shape[dim] != self.num_features:
            raise located.ValueError(
                f"expected input's size at dim={dim} to match num_features "
                f"({self.num_features}), but got: {tuple(input.shape)}"
            )
        batch = input if dim else input.unsqueeze(0)
        z = autodiff.instance_norm(
            batch,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return z if dim else z.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each sample normalized over its length: input (N, C, L) or (C, L).

    Source: Ulyanov et al., "Instance normalization" (2016); PyTorch, `torch.nn.InstanceNorm1d`.
    """

    ndims = 2, 3


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each sample normalized over its image: input (N, C, H, W) or (C, H, W).

    Source: Ulyanov et al., "Instance normalization" (2016); PyTorch, `torch.nn.InstanceNorm2d`.
    """

    ndims = 3, 4


class GroupNorm(_Normalization):
    """Groups of channels normalized together, in each sample: input (N, C, ...).

    Raises ValueError if the groups do not divide the channels. Source: Wu and He, "Group normalization"
    (2018); PyTorch, `torch.nn.GroupNorm`; see `autodiff.group_norm`.

    >>> import autodiff, nn
    >>> nn.GroupNorm(2, 4)(autodiff.tensor([[1.0, 3.0, 5.0, 5.0]])).detach()
    tensor([[-1.0000,  1.0000,  0.0000,  0.0000]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        refuse_device(device)
        if num_channels % num_groups:
            raise located.ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._make_parameters((num_channels,), affine, affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def as_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """A number or numbers as a shape."""
    return tuple(normalized_shape) if isinstance(normalized_shape, Sequence) else (normalized_shape,)


class LayerNorm(_Normalization):
    """The last dimensions normalized, each row by itself: input (..., *normalized_shape).

    Source: Ba et al., "Layer normalization" (2016); PyTorch, `torch.nn.LayerNorm`; see `autodiff.layer_norm`.

    >>> import autodiff, nn
    >>> nn.LayerNorm(2)(autodiff.tensor([[1.0, 3.0]])).detach()
    tensor([[-1.0000,  1.0000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        refuse_device(device)
        self.normalized_shape, self.eps = as_shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        self._make_parameters(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Normalization):
    """The last dimensions divided by the root of their mean square, each row by itself; no offset.

    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019); PyTorch, `torch.nn.RMSNorm`;
    see `autodiff.rms_norm`.

    >>> import autodiff, nn
    >>> nn.RMSNorm(2)(autodiff.tensor([[3.0, 3.0]])).detach()
    tensor([[1., 1.]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        refuse_device(device)
        self.normalized_shape, self.eps = as_shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        weight = Parameter(autodiff.empty(self.normalized_shape, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """Each channel divided by how strong its neighbours are; see `nn.functional.local_response_norm`.

    Source: Krizhevsky et al. (2012); PyTorch, `torch.nn.LocalResponseNorm`.

    >>> import autodiff, nn
    >>> nn.LocalResponseNorm(2)(autodiff.ones(1, 3, 2, 2)).shape
    (1, 3, 2, 2)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
