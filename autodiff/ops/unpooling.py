"""Max pooling undone: each value where it was found, and zeros elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import int64
from ..errors import located
from ..tensor import Tensor
from .arguments import refuse_plain
from .scattering import scatter

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["max_unpool1d", "max_unpool2d"]


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """What `max_pool1d(..., return_indices=True)` found, at its places: (N, C, L) or (C, L).

    See `max_unpool2d`. Source: PyTorch, `torch.nn.functional.max_unpool1d`.

    >>> import autodiff
    >>> values, indices = autodiff.max_pool1d(autodiff.tensor([[1.0, 5.0, 2.0, 3.0]]), 2, return_indices=True)
    >>> max_unpool1d(values, indices, 2)
    tensor([[0., 5., 0., 3.]])
    """
    return unpooled("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """What `max_pool2d(..., return_indices=True)` found, at its places: (N, C, H, W) or (C, H, W).

    The lengths are (n - 1) stride - 2 padding + kernel_size, or those that `output_size` ends with, which
    must be less than a stride away. Raises ValueError or RuntimeError for what does not fit. Source: Zeiler
    and Fergus (2014); PyTorch, `torch.nn.functional.max_unpool2d`.
    """
    return unpooled("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def unpooled(
    op: str, rank: int, input: Tensor, indices: Tensor, kernel: Any, stride: Any, padding: Any, size: Any
) -> Tensor:
    """The values at their places along the last `rank` dimensions."""
    refuse_plain(input, op)
    refuse_plain(indices, op, "indices", 2)
    if indices.dtype != int64:
        raise located.RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if indices.shape != input.shape:
        raise located.RuntimeError(
            "Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
        )
    if input.ndim not in (rank + 1, rank + 2):
        raise located.RuntimeError(
            f"Input to {op} should be a {rank + 1}d or {rank + 2}d Tensor, but got a tensor with "
            f"{input.ndim} dimensions."
        )
    kernels, paddings = each(kernel, rank), each(padding, rank)
    strides = kernels if stride is None else each(stride, rank)
    usual = [
        (n - 1) * s - 2 * p + k
        for n, s, p, k in zip(input.shape[-rank:], strides, paddings, kernels, strict=True)
    ]
    lengths = usual if size is None else wanted(size, usual, strides, input.ndim)
    outside, places = input.shape[:-rank], math.prod(lengths)
    if indices.numel() and not 0 <= indices.array.min() <= indices.array.max() < places:
        raise located.RuntimeError(
            f"Found an invalid max index: {indices.array.max()} (output volumes are of size "
            f"{'x'.join(map(str, lengths))})"
        )
    nothing = Tensor(np.zeros((*outside, places), input.dtype))
    values, at = (x.reshape(*outside, math.prod(input.shape[-rank:])) for x in (input, indices))
    return scatter(nothing, -1, at, values).reshape(*outside, *lengths)


def each(value: Any, rank: int) -> tuple[int, ...]:
    """A number for each dimension."""
    return (
        tuple(value)
        if isinstance(value, Sequence) and len(value) == rank
        else ((value[0] if isinstance(value, Sequence) else value),) * rank
    )


def wanted(size: Sequence[int], usual: list[int], strides: tuple[int, ...], ndim: int) -> list[int]:
    """The lengths that `output_size` ends with. Raises ValueError if they are too far from the usual ones."""
    rank = len(usual)
    if len(size) not in (rank, rank + 1, ndim):
        raise located.ValueError(
            f"output_size should be a sequence containing {rank} or {rank + 2} elements, but it has a length "
            f"of '{len(size)}'"
        )
    lengths = list(size)[-rank:]
    for i, (n, m, s) in enumerate(zip(lengths, usual, strides, strict=True)):
        if not m - s < n < m + s:
            raise located.ValueError(
                f'invalid output_size "{tuple(lengths)}" (dim {i} must be between {m - s} and {m + s})'
            )
    return lengths
