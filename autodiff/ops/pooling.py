"""Pooling: of each window one number, its largest or its mean.

A maximum is what one entry of the window holds, so its gradient goes back to that entry: `winners` says
which it is, `pick` takes the winners from an array and `place` puts values where they are. A mean is a sum
divided; sums over windows and their transpose are the other pair.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive
from ..tensor import Tensor
from . import products
from .special import kept
from .windows import Index, Sizes, Window, per_dim, spatial, with_border, without_border

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d",
]  # fmt: skip


# what the table is made of ----------------------------------------------------------------------------------


def reduced(ufunc: Any, x: Array, window: Window, nothing: float) -> Array:
    """`ufunc` between all that a window meets at each place, one dimension after the other, last first."""
    rank = len(window.kernel)
    places = window.places(x.shape[-rank:])
    z = with_border(x, window, nothing)
    for axis in reversed(range(rank)):
        k, n, s, d = (part[axis] for part in (window.kernel, places, window.stride, window.dilation))
        after: Index = (slice(None),) * (rank - 1 - axis)
        meets: list[Index] = [(..., slice(i * d, i * d + (n - 1) * s + 1, s), *after) for i in range(k)]
        z = functools.reduce(ufunc, [z[at] for at in meets])
    return np.array(z, order="C", copy=True) if max(window.kernel) == 1 else np.ascontiguousarray(z)


def maxima(x: Array, window: Window) -> Array:
    """The largest entry of each window; nan if there is one."""
    return reduced(np.maximum, x, window, lowest(x))


def lowest(x: Array) -> float:
    """What no maximum ever is, unless all are."""
    return -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min


def first_largest(x: Array, z: Array, window: Window) -> Array:
    """For each position in the window, a mask (positions, ..., *places): where it is the first to hold z."""
    rank = len(window.kernel)
    places = z.shape[-rank:]
    real = None  # what is no border
    if any(map(any, window.border)):
        real = with_border(np.ones((1,) * (x.ndim - rank) + x.shape[-rank:], bool), window, False)
        x = with_border(x, window)
    free, nans = np.ones(z.shape, bool), bool(np.isnan(z).any())
    masks = np.empty((math.prod(window.kernel), *z.shape), bool)
    for mask, offset in zip(masks, window.offsets(), strict=True):
        at = window.seen(offset, places)
        np.equal(x[at], z, out=mask)
        if nans:
            mask |= np.isnan(x[at])
        mask &= free
        if real is not None:
            mask &= real[at]
        free ^= mask
    return masks


def taken(x: Array, masks: Array, window: Window) -> Array:
    """The entries of x at the winners: (..., *size) to (..., *places)."""
    places = masks.shape[-len(window.kernel) :]
    x = with_border(x, window)
    z = np.zeros(masks.shape[1:], x.dtype)
    for mask, offset in zip(masks, window.offsets(), strict=True):
        np.copyto(z, x[window.seen(offset, places)], where=mask)
    return z


def put_back(g: Array, masks: Array, window: Window, size: Sizes) -> Array:
    """The transpose of `taken`: g added up where the winners are."""
    places, bordered = g.shape[-len(size) :], window.bordered(size)
    apart = all(map(operator.le, window.reach, window.stride))  # each entry is seen once at most
    gapless = window.kernel == window.reach == window.stride
    covered = gapless and bordered == tuple(map(operator.mul, places, window.stride))
    z = (np.empty if covered else np.zeros)((*g.shape[: -len(size)], *bordered), g.dtype)
    for mask, offset in zip(masks, window.offsets(), strict=True):
        at = window.seen(offset, places)
        if apart:
            kept(g, mask, out=z[at])
        else:
            z[at] += kept(g, mask)
    return without_border(z, window, (*g.shape[: -len(size)], *size))


def sums(x: Array, window: Window) -> Array:
    """The sum of each window."""
    return reduced(np.add, x, window, 0)


def shared(g: Array, window: Window, size: Sizes) -> Array:
    """The transpose of `sums`: g added to all that its window meets."""
    z = np.zeros((*g.shape[: -len(size)], *window.bordered(size)), g.dtype)
    for offset in window.offsets():
        z[window.seen(offset, g.shape[-len(size) :])] += g
    return without_border(z, window, (*g.shape[: -len(size)], *size))


# fmt: off
largest: Primitive = Primitive("max_pool", maxima,
                    lambda g, z, x, window:
                    place(g, winners(x, z, window), window, x.shape[-len(window.kernel):]),
                    doc="the largest entry of each window; the gradient goes to the first of equals")
winners: Primitive = Primitive("max_pool_winners", first_largest, None, None,
                    doc="which position of each window holds its maximum")
pick: Primitive = Primitive("max_pool_pick", taken,
                    lambda g, z, x, won, window: place(g, won, window, x.shape[-len(window.kernel):]), None,
                    doc="the entries of x at the winners of each window")
place: Primitive = Primitive("max_pool_place", put_back,
                    lambda g, z, y, won, window, size: pick(g, won, window), None,
                    doc="the values of y added up at the winners of each window")
total: Primitive = Primitive("sum_pool", sums,
                    lambda g, z, x, window: share_out(g, window, x.shape[-len(window.kernel):]),
                    doc="the sum of each window")
share_out: Primitive = Primitive("sum_pool_transpose", shared,
                    lambda g, z, y, window, size: total(g, window),
                    doc="the values of y added to all that their windows meet")
# fmt: on


# public -----------------------------------------------------------------------------------------------------


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window: input (N, C, L) or (C, L).

    For arguments and errors see `max_pool2d`. Source: PyTorch, `torch.nn.functional.max_pool1d`.

    >>> import autodiff
    >>> autodiff.max_pool1d(autodiff.tensor([[1.0, 5.0, 2.0, 3.0]]), 2)
    tensor([[5., 3.]])
    """
    return _max_pool(
        "max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window: input (N, C, H, W) or (C, H, W); `stride` is `kernel_size` if not given.

    H' = ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1, rounded up with `ceil_mode`; the border
    counts as -∞. With `return_indices` also where in the flattened image each was found. The gradient goes
    to the first of equals. Raises RuntimeError where no window fits, or the padding is over half the
    kernel. Source: PyTorch, `torch.nn.functional.max_pool2d`.

    >>> import autodiff
    >>> autodiff.max_pool2d(autodiff.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[4.]]])
    """
    return _max_pool(
        "max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window: input (N, C, L) or (C, L).

    For arguments and errors see `avg_pool2d`. Source: PyTorch, `torch.nn.functional.avg_pool1d`.

    >>> import autodiff
    >>> autodiff.avg_pool1d(autodiff.tensor([[1.0, 5.0, 2.0, 4.0]]), 2)
    tensor([[3., 3.]])
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: input (N, C, H, W) or (C, H, W); `stride` is `kernel_size` if not given.

    The border counts as zeros, or not at all without `count_include_pad`; `divisor_override` divides the
    sums instead of the count. Raises RuntimeError where no window fits, or the padding is over half the
    kernel. Source: PyTorch, `torch.nn.functional.avg_pool2d`.

    >>> import autodiff
    >>> autodiff.avg_pool2d(autodiff.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[2.5000]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows so chosen that `output_size` of them cover the length.

    For shapes and errors see `adaptive_avg_pool2d`. Source: PyTorch,
    `torch.nn.functional.adaptive_avg_pool1d`.

    >>> import autodiff
    >>> autodiff.adaptive_avg_pool1d(autodiff.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows so chosen that there are `output_size`, a number or (H', W'); None keeps a side.

    Input (N, C, H, W) or (C, H, W). The i-th window goes from ⌊i H / H'⌋ to ⌈(i + 1) H / H'⌉. Raises
    RuntimeError for other inputs. Source: PyTorch, `torch.nn.functional.adaptive_avg_pool2d`.

    >>> import autodiff
    >>> autodiff.adaptive_avg_pool2d(autodiff.ones(2, 5, 7), 1).shape
    (2, 1, 1)
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def _max_pool(
    op: str,
    rank: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    size = spatial(input, rank, op)
    if input.dtype.kind == "b":
        raise located.RuntimeError(f'"{op}" not implemented for bool: convert first, x.float()')
    window = _window(op, size, kernel_size, stride, padding, dilation, ceil_mode)
    z = largest(input, window)
    if z.record is not None:  # its rule keeps the maxima: what comes next may work in place on a copy
        z.array = z.array.copy()
    return (z, Tensor(_found(input.array, z.array, window))) if return_indices else z


def _found(x: Array, z: Array, window: Window) -> Array:
    """The position in the flattened image of each maximum."""
    rank = len(window.kernel)
    masks = first_largest(x, z, window)
    position = np.unravel_index(masks.argmax(0), window.kernel)
    found = np.zeros(z.shape, np.int64)
    for i, k in enumerate(position):
        starts = np.arange(z.shape[i - rank]) * window.stride[i] - window.border[i][0]
        coordinate = starts.reshape(-1, *(1,) * (rank - 1 - i)) + k * window.dilation[i]
        found = found * x.shape[i - rank] + coordinate
    return found


def _avg_pool(
    op: str,
    rank: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    size = spatial(input, rank, op)
    if input.dtype.kind != "f":
        raise located.RuntimeError(f'"{op}" not implemented for {input.dtype}: convert first, x.float()')
    if divisor == 0:
        raise located.RuntimeError(f"divisor must be not zero, in {op}()")
    window = _window(op, size, kernel_size, stride, padding, 1, ceil_mode)
    if divisor is not None:
        return total(input, window) / divisor
    pads = per_dim(padding, rank, "padding", op, 0) if count_include_pad else (0,) * rank
    counts = np.ones((1,) * rank)
    for i, (n, p) in enumerate(zip(size, pads, strict=True)):
        start = np.arange(window.places(size)[i]) * window.stride[i] - window.border[i][0]
        count = np.minimum(start + window.kernel[i], n + p) - np.maximum(start, -p)
        counts = counts * count.reshape(-1, *(1,) * (rank - 1 - i))
    if counts.min() == counts.max():
        return total(input, window) / float(counts.flat[0])
    return total(input, window) / Tensor(counts.astype(input.dtype))


def _window(
    op: str, size: Sizes, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Window:
    """The window of a pooling; with `ceil_mode` its border reaches as far as the last place needs."""
    rank = len(size)
    kernel = per_dim(kernel_size, rank, "kernel_size", op, 1)
    steps = (
        kernel if stride is None or stride == [] else per_dim(stride, rank, "stride", op, 1)
    )  # [] is torch's None
    pads = per_dim(padding, rank, "padding", op, 0)
    dilations = per_dim(dilation, rank, "dilation", op, 1)
    window = Window(kernel, steps, tuple((p, p) for p in pads), dilations)
    if any(p > k // 2 for p, k in zip(pads, kernel, strict=True)):
        raise located.RuntimeError(
            f"pad should be smaller than or equal to half of kernel size, but got padding={pads} and "
            f"kernel_size={kernel}, in {op}()"
        )
    if ceil_mode:
        borders = []
        for n, p, s, reach in zip(size, pads, steps, window.reach, strict=True):
            places = -((reach - n - 2 * p) // s) + 1
            places -= (places - 1) * s >= n + p  # the last one must begin in the input, or before it
            borders.append((p, (places - 1) * s + reach - n - p))
        window = window._replace(border=tuple(borders))
    if min(size) < 1 or min(window.places(size)) < 1:
        raise located.RuntimeError(
            f"Given input size: {size}. Calculated output size: {window.places(size)}. Output size is too "
            f"small, in {op}(): a smaller kernel, or padding"
        )
    return window


def _adaptive_avg_pool(op: str, rank: int, input: Tensor, output_size: Any) -> Tensor:
    size = spatial(input, rank, op)
    if input.dtype.kind != "f":
        raise located.RuntimeError(f'"{op}" not implemented for {input.dtype}: convert first, x.float()')
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(wanted) == rank:
        wanted = [n if out is None else out for n, out in zip(size, wanted, strict=True)]
    wanted = per_dim(wanted, rank, "output_size", op, 0)
    if min(size) < 1:
        raise located.RuntimeError(
            f"Expected input to have non-zero size for non-batch dimensions, but got {list(input.shape)}, "
            f"in {op}()"
        )
    if all(out and n % out == 0 for n, out in zip(size, wanted, strict=True)):
        return _avg_pool(
            op,
            rank,
            input,
            [n // out for n, out in zip(size, wanted, strict=True)],
            None,
            0,
            False,
            True,
            None,
        )
    z = products.matmul(input, Tensor(averages(size[-1], wanted[-1], input.dtype).mT))
    return z if rank == 1 else products.matmul(Tensor(averages(size[0], wanted[0], input.dtype)), z)


def averages(n: int, out: int, dtype: Any) -> Array:
    """The matrix (out, n) that takes the means of `out` windows which cover n entries."""
    i, j = np.arange(out)[:, None], np.arange(n)
    start, stop = i * n // max(out, 1), -(-(i + 1) * n // max(out, 1))
    return (((start <= j) & (j < stop)) / (stop - start)).astype(dtype)
