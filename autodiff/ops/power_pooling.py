"""Power pooling: of each window the p-norm, between the sum (p = 1) and the maximum (p = ∞)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from .arguments import refuse_plain
from .elementwise import abs, relu, sign
from .pooling import avg_pool1d, avg_pool2d

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["lp_pool1d", "lp_pool2d"]


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window, p = `norm_type`: (N, C, L) or (C, L). For shapes see `avg_pool1d`.

    Where the sum is negative, as it may be for odd p, it is nan. Source: PyTorch,
    `torch.nn.functional.lp_pool1d`.

    >>> import autodiff
    >>> lp_pool1d(autodiff.tensor([[3.0, 4.0, 0.0, 2.0]]), 2, 2)
    tensor([[5., 2.]])
    """
    refuse_plain(input, "lp_pool1d")
    means = avg_pool1d(input**norm_type, kernel_size, stride, 0, ceil_mode)
    return root(means, count(kernel_size, 1), norm_type)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window, p = `norm_type`: (N, C, H, W) or (C, H, W). See `lp_pool1d`."""
    refuse_plain(input, "lp_pool2d")
    means = avg_pool2d(input**norm_type, kernel_size, stride, 0, ceil_mode)
    return root(means, count(kernel_size, 2), norm_type)


def count(kernel_size: Any, rank: int) -> int:
    """How many entries a window has."""
    if not isinstance(kernel_size, Sequence):
        return int(kernel_size**rank)
    first, *others = kernel_size
    return int(first * (others[0] if others else first ** (rank - 1)))


def root(means: Tensor, n: int, p: float) -> Tensor:
    """The p-th root of n times each mean, which PyTorch writes so that its slope at 0 is nan."""
    return (sign(means) * relu(abs(means)) * n) ** (1.0 / p)
