"""Maxima of windows that are chosen so that there are as many as wanted; `pooling` has the means."""

from __future__ import annotations

from itertools import product
from typing import Any

from ..errors import located
from ..tensor import Tensor
from .extremes import max
from .joining import stack
from .pooling import max_pool1d, max_pool2d
from .windows import per_dim, spatial

__all__ = ["adaptive_max_pool1d", "adaptive_max_pool2d"]


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest entries of `output_size` windows that cover the length; see `adaptive_max_pool2d`.

    >>> import autodiff
    >>> autodiff.adaptive_max_pool1d(autodiff.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[3., 5.]])
    """
    return pooled("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest entries of windows so chosen that there are `output_size`, a number or (H', W').

    None keeps a side. Input (N, C, H, W) or (C, H, W); the i-th window goes from ⌊i H / H'⌋ to
    ⌈(i + 1) H / H'⌉. With `return_indices` a pair: the positions in the flattened image, too. Raises
    RuntimeError for other inputs. Source: PyTorch, `torch.nn.functional.adaptive_max_pool2d`.

    >>> import autodiff
    >>> autodiff.adaptive_max_pool2d(autodiff.ones(2, 5, 7), (1, None)).shape
    (2, 1, 7)
    """
    return pooled("adaptive_max_pool2d", 2, input, output_size, return_indices)


def pooled(op: str, rank: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    size = spatial(input, rank, op)
    if input.dtype.kind == "b":
        raise located.RuntimeError(f'"{op}" not implemented for bool: convert first, x.float()')
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(wanted) == rank:
        wanted = [n if out is None else out for n, out in zip(size, wanted, strict=True)]
    wanted = per_dim(wanted, rank, "output_size", op, 1)
    if min(size) < 1:
        raise located.RuntimeError(
            f"{op}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{list(input.shape)}"
        )
    if all(n % out == 0 for n, out in zip(size, wanted, strict=True)):
        kernel = [n // out for n, out in zip(size, wanted, strict=True)]
        return (max_pool1d, max_pool2d)[rank - 1](input, kernel, return_indices=return_indices)
    values, positions = [], []
    for window in product(*(pieces(n, out) for n, out in zip(size, wanted, strict=True))):
        part = input[(..., *window)]
        widths = part.shape[-rank:]
        value, at = max(part.flatten(-rank), -1)
        values.append(value)
        positions.append(
            at + window[0].start if rank == 1
            else (at // widths[1] + window[0].start) * size[1] + at % widths[1] + window[1].start
        )  # fmt: skip
    shape = (*input.shape[:-rank], *wanted)
    z = stack(values, -1).reshape(shape)
    return (z, stack(positions, -1).reshape(shape)) if return_indices else z


def pieces(n: int, out: int) -> list[slice]:
    """`out` windows that cover n entries."""
    return [slice(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]
