"""Pooling layers: of each window one number, and back. They have no parameters."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.ops.power_pooling import lp_pool1d, lp_pool2d
from autodiff.ops.unpooling import max_unpool1d, max_unpool2d

from ..module import Module
from .convolution import repeated

# max_pool may return a pair, so it returns Any.
# mypy: disable-error-code="no-any-return"


class _MaxPool(Module):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def _options(self) -> tuple[Any, ...]:
        return (
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest of each window of a signal; see `autodiff.max_pool1d`.

    Source: PyTorch, `torch.nn.MaxPool1d`.

    >>> import autodiff, nn
    >>> nn.MaxPool1d(2)(autodiff.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    def forward(self, input: Tensor) -> Any:
        return autodiff.max_pool1d(input, *self._options())


class MaxPool2d(_MaxPool):
    """The largest of each window of an image; see `autodiff.max_pool2d`.

    Source: PyTorch, `torch.nn.MaxPool2d`.

    >>> import autodiff, nn
    >>> nn.MaxPool2d(2)(autodiff.ones(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Any:
        return autodiff.max_pool2d(input, *self._options())


class AvgPool1d(Module):
    """The mean of each window of a signal. Source: PyTorch, `torch.nn.AvgPool1d`; see `autodiff.avg_pool1d`.

    >>> import autodiff, nn
    >>> nn.AvgPool1d(2)(autodiff.tensor([[1.0, 5.0, 2.0, 4.0]]))
    tensor([[3., 3.]])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, 1)
        self.stride = repeated(stride if stride is not None else kernel_size, 1)
        self.padding = repeated(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window of an image. Source: PyTorch, `torch.nn.AvgPool2d`; see `autodiff.avg_pool2d`.

    >>> import autodiff, nn
    >>> nn.AvgPool2d(2)(autodiff.ones(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = stride if stride is not None else kernel_size
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptiveAvgPool(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(Module):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest of `output_size` windows that cover a signal.

    Source: PyTorch, `torch.nn.AdaptiveMaxPool1d`.
    """

    def forward(self, input: Tensor) -> Any:
        return autodiff.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest of windows that cover an image, (H', W') or n × n of them; None keeps a side.

    Source: PyTorch, `torch.nn.AdaptiveMaxPool2d`; see `autodiff.adaptive_max_pool2d`.
    """

    def forward(self, input: Tensor) -> Any:
        return autodiff.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of `output_size` windows that cover a signal. Source: PyTorch, `torch.nn.AdaptiveAvgPool1d`."""

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of windows that cover an image, (H', W') or n × n of them; None keeps a side.

    Source: PyTorch, `torch.nn.AdaptiveAvgPool2d`; see `autodiff.adaptive_avg_pool2d`.

    >>> import autodiff, nn
    >>> nn.AdaptiveAvgPool2d((1, None))(autodiff.ones(1, 3, 8, 8)).shape
    (1, 3, 1, 8)
    """

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.adaptive_avg_pool2d(input, self.output_size)


class _LPPool(Module):
    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of each window of a signal. Source: PyTorch, `torch.nn.LPPool1d`.

    >>> import autodiff, nn
    >>> nn.LPPool1d(2, 2)(autodiff.tensor([[3.0, 4.0, 0.0, 2.0]]))
    tensor([[5., 2.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return lp_pool1d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """The p-norm of each window of an image. Source: PyTorch, `torch.nn.LPPool2d`."""

    def forward(self, input: Tensor) -> Tensor:
        return lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class _MaxUnpool(Module):
    rank: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, self.rank)
        self.stride = repeated(kernel_size if stride is None else stride, self.rank)
        self.padding = repeated(padding, self.rank)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """The values that a MaxPool1d found, at their places, zeros elsewhere. Source: PyTorch."""

    rank = 1

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """The values that a MaxPool2d found, at their places, zeros elsewhere. Source: PyTorch.

    >>> import autodiff, nn
    >>> values, indices = nn.MaxPool2d(2, return_indices=True)(autodiff.arange(4.0).reshape(1, 2, 2))
    >>> nn.MaxUnpool2d(2)(values, indices)
    tensor([[[0., 0.],
             [0., 3.]]])
    """

    rank = 2

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
