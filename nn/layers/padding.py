"""Layers that pad the last dimensions: with a number, or with what is there. They have no parameters."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from ..module import Module


class _Pad(Module):
    """`padding` entries on every side, or (left, right, top, bottom …), from the last dimension on."""

    rank: int
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        sides = 2 * self.rank
        self.padding = (padding,) * sides if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != sides:
            raise located.ValueError(
                f"{type(self).__name__}: padding has {len(self.padding)} numbers, not {sides}"
            )

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A signal between entries of `value`. Source: PyTorch, `torch.nn.ConstantPad1d`."""

    rank = 1


class ConstantPad2d(_ConstantPad):
    """An image in a frame of `value`; `padding` is a number or (left, right, top, bottom).

    Source: PyTorch, `torch.nn.ConstantPad2d`; see `nn.functional.pad`.
    """

    rank = 2


class ZeroPad1d(_Pad):
    """A signal between zeros. Source: PyTorch, `torch.nn.ZeroPad1d`."""

    rank, value = 1, 0.0


class ZeroPad2d(_Pad):
    """An image in a frame of zeros; `padding` is a number or (left, right, top, bottom).

    Source: PyTorch, `torch.nn.ZeroPad2d`; see `nn.functional.pad`.

    >>> import autodiff, nn
    >>> nn.ZeroPad2d((1, 0, 0, 0))(autodiff.ones(1, 2, 2))
    tensor([[[0., 1., 1.],
             [0., 1., 1.]]])
    """

    rank, value = 2, 0.0


class ReflectionPad1d(_Pad):
    """A signal mirrored at its ends. Source: PyTorch, `torch.nn.ReflectionPad1d`."""

    rank, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """An image mirrored at its edges. Source: PyTorch, `torch.nn.ReflectionPad2d`.

    >>> import autodiff, nn
    >>> nn.ReflectionPad2d((1, 1, 0, 0))(autodiff.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[2., 1., 2., 3., 2.]]])
    """

    rank, mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """A signal whose ends go on. Source: PyTorch, `torch.nn.ReplicationPad1d`."""

    rank, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """An image whose edges go on. Source: PyTorch, `torch.nn.ReplicationPad2d`."""

    rank, mode = 2, "replicate"


class CircularPad1d(_Pad):
    """A signal that repeats itself. Source: PyTorch, `torch.nn.CircularPad1d`."""

    rank, mode = 1, "circular"


class CircularPad2d(_Pad):
    """An image that repeats itself. Source: PyTorch, `torch.nn.CircularPad2d`."""

    rank, mode = 2, "circular"
