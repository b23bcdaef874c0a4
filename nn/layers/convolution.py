"""Convolutions: the same small layer at every place of a signal or an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.windows import pad
from autodiff.tensor import refuse_device

from .. import init
from ..module import Module
from ..parameter import Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def repeated(value: Any, count: int) -> Any:
    """A number for each of `count` dimensions; what is a sequence, as a tuple."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * count


class _Convolution(Module):
    """What all convolutions share: their options, and the parameters with their initial values."""

    weight: Parameter
    bias: Parameter | None
    rank: int  # the number of spatial dimensions

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        transposed: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        refuse_device(device)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = repeated(kernel_size, self.rank), repeated(stride, self.rank)
        self.padding = padding if isinstance(padding, str) else repeated(padding, self.rank)
        self.dilation, self.output_padding = (
            repeated(dilation, self.rank),
            repeated(output_padding, self.rank),
        )
        self.padding_mode, self.transposed = padding_mode, transposed
        self._refuse_options()
        channels = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        shape = (channels[0], channels[1] // groups, *self.kernel_size)
        self.weight = Parameter(autodiff.empty(shape, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(autodiff.empty(out_channels, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def _refuse_options(self) -> None:
        """Raise ValueError for options that no convolution has."""
        if self.groups <= 0:
            raise located.ValueError(f"groups must be a positive integer, not {self.groups}")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise located.ValueError(
                    f"{name} must be divisible by groups: {getattr(self, name)} is not by {self.groups}"
                )
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise located.ValueError(
                    f"Invalid padding string {self.padding!r}, should be one of {{'valid', 'same'}}"
                )
            if self.padding == "same" and any(step != 1 for step in self.stride):
                raise located.ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in PADDING_MODES:
            raise located.ValueError(
                f"padding_mode must be one of {PADDING_MODES}, but got padding_mode={self.padding_mode!r}"
            )
        if self.transposed and self.padding_mode != "zeros":
            raise located.ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, uniformly from ±1/√(numbers that feed one output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = init.fans(self.weight)[0]
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input with a border that is not of zeros, and the padding that is left to do."""
        if self.padding_mode == "zeros" or self.padding == "valid":
            return input, self.padding
        widths: list[int] = []
        for i in reversed(range(self.rank)):
            if self.padding == "same":
                whole = self.dilation[i] * (self.kernel_size[i] - 1)
                widths += [whole // 2, whole - whole // 2]
            else:
                widths += [int(self.padding[i])] * 2
        return pad(input, widths, self.padding_mode), 0

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        zeros, ones = (0,) * self.rank, (1,) * self.rank
        usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
        for name, default in usual.items():
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        text += "" if self.bias is not None else ", bias=False"
        return text + ("" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode}")


class _Forward(_Convolution):
    """Conv1d and Conv2d."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
            False, device, dtype,
        )  # fmt: skip


class Conv1d(_Forward):
    """Kernels that slide over a signal: input (N, C, L) or (C, L).

    For the parameters and errors see `Conv2d`. Source: PyTorch, `torch.nn.Conv1d`.

    >>> import autodiff, nn
    >>> nn.Conv1d(2, 4, 3, padding=1)(autodiff.ones(1, 2, 7)).shape
    (1, 4, 7)
    """

    rank = 1

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return autodiff.conv1d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv2d(_Forward):
    """Kernels that slide over an image: input (N, C, H, W) or (C, H, W).

    weight (out_channels, in_channels/groups, *kernel_size) and bias (out_channels,) are drawn uniformly
    from ±1/√fan_in, fan_in = in_channels/groups · kernel size, with PyTorch's digits for the same seed.
    `padding` is a number, one for each dimension, "same" or "valid". Raises ValueError for options,
    RuntimeError for an input that do not fit. Source: PyTorch, `torch.nn.Conv2d`; see `autodiff.conv2d`.

    >>> import autodiff, nn
    >>> nn.Conv2d(3, 8, kernel_size=3, stride=2)(autodiff.ones(1, 3, 9, 9)).shape
    (1, 8, 4, 4)
    """

    rank = 2

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return autodiff.conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class _Transposed(_Convolution):
    """ConvTranspose1d and ConvTranspose2d."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, True, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size: Any) -> Any:
        """What makes the result of this size; ValueError if nothing does."""
        if output_size is None:
            return self.output_padding
        wanted = tuple(output_size)[-self.rank :]
        sides = zip(
            input.shape[-self.rank :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in sides]
        most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        if len(wanted) != self.rank or any(
            not low <= n <= high for low, n, high in zip(least, wanted, most, strict=True)
        ):
            raise located.ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {least} to {most} (for an "
                f"input of {input.shape})"
            )
        return tuple(n - low for low, n in zip(least, wanted, strict=True))


class ConvTranspose1d(_Transposed):
    """What a Conv1d passes back, as a layer: input (N, C, L) or (C, L).

    For the parameters and errors see `ConvTranspose2d`. Source: PyTorch, `torch.nn.ConvTranspose1d`.
    """

    rank = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        more = self._output_padding(input, output_size)
        return autodiff.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )


class ConvTranspose2d(_Transposed):
    """What a Conv2d passes back, as a layer: input (N, C, H, W) or (C, H, W), the result larger by `stride`.

    weight (in_channels, out_channels/groups, *kernel_size) and bias (out_channels,) begin as in `Conv2d`.
    Raises ValueError for options or an `output_size`, RuntimeError for an input that do not fit. Source:
    PyTorch, `torch.nn.ConvTranspose2d`; see `autodiff.conv_transpose2d`.

    >>> import autodiff, nn
    >>> nn.ConvTranspose2d(8, 3, kernel_size=2, stride=2)(autodiff.ones(1, 8, 4, 4)).shape
    (1, 3, 8, 8)
    """

    rank = 2

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        more = self._output_padding(input, output_size)
        return autodiff.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
