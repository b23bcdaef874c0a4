"""Convolution, by matrix products: the patches under the kernel are the columns of one matrix.

z[n, o, p] = Σ w[o, c, k] x[n, c, stride · p + dilation · k] is linear in x and in w, so there are three
primitives, each the rule of the others: `convolve` takes x and w to z, `spread` takes z and w back to x
(which is what a transposed convolution is), and `correlate` takes x and z to w.

Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import refuse_plain
from .shapes import regroup
from .windows import Pairs, Sizes, Window, folded, per_dim, spatial, unfolded, with_border, without_border

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


# the patches as columns -------------------------------------------------------------------------------------
#
# At stride 1 the places of the kernel, counted through the flattened image, are one run of numbers from the
# first place to the last, with some between rows that are no places. To carry these along makes the products
# a little larger, and every copy one of long runs.


def pitch(size: Sizes) -> Sizes:
    """How far apart neighbours are in each dimension of a flattened image."""
    return tuple(math.prod(size[i + 1 :]) for i in range(len(size)))


def run_length(window: Window, size: Sizes) -> int:
    """From the first to the last place in the flattened image; what a run holds, at stride 1."""
    places = zip(window.places(size), pitch(window.bordered(size)), strict=True)
    return sum((n - 1) * step for n, step in places) + 1


def columns(x: Array, window: Window, groups: int) -> Array:
    """The patches of x (N, C, *size) as (N, groups, C/groups · kernel, places), or in runs at stride 1."""
    n, c, *size = x.shape
    if max(window.stride) > 1:
        patches = unfolded(x, window)
    else:
        steps, run = pitch(window.bordered(tuple(size))), run_length(window, tuple(size))
        x = np.ascontiguousarray(with_border(x, window))
        item = x.itemsize
        apart = (d * step * item for d, step in zip(window.dilation, steps, strict=True))
        patches = as_strided(x, (n, c, *window.kernel, run), (*x.strides[:2], *apart, item), writeable=False)
    count = math.prod(patches.shape[2 + len(size) :])
    return patches.reshape(n, groups, c // groups * math.prod(window.kernel), count)


def added(patches: Array, window: Window, shape: Sizes) -> Array:
    """The transpose of `columns`: patches added up where they lie in an array of this shape.

    Runs come with their `margins`. So all that meets in one place is at equal distances, of one dimension of
    the kernel and of the next: a sum along these, in which each place is written once.
    """
    n, c, *size = shape
    places, bordered = window.places(tuple(size)), window.bordered(tuple(size))
    if max(window.stride) > 1:
        return folded(patches.reshape(n, c, *window.kernel, *places), window, tuple(size))
    before, after = flat_border(window, bordered)
    left, _ = margins(window, bordered)
    width = patches.shape[-1]
    patches = patches.reshape(n, c, *window.kernel, width)
    item, steps = patches.itemsize, pitch(bordered)
    back = (d * step * item for d, step in zip(window.dilation, steps, strict=True))
    apart = map(operator.sub, patches.strides[2:-1], back)
    meeting = as_strided(
        patches.reshape(n, c, math.prod(window.kernel) * width)[:, :, left + before :],
        (n, c, *window.kernel, max(math.prod(bordered) - before - after, 0)),
        (*patches.strides[:2], *apart, item),
        writeable=False,
    )
    z = np.add.reduce(meeting, tuple(range(2, 2 + len(size))))
    if min(map(min, window.border)) < 0:
        return without_border(z.reshape(n, c, *bordered), window, shape)
    return as_strided(z, shape, (*z.strides[:2], *(step * item for step in steps))).copy()


def flat_border(window: Window, bordered: Sizes) -> tuple[int, int]:
    """How many entries of the flattened image lie before what is no border, and after; 0 if it crops."""
    if min(map(min, window.border)) < 0:
        return 0, 0
    steps = pitch(bordered)
    before, after = (
        sum(border[i] * step for border, step in zip(window.border, steps, strict=True)) for i in (0, 1)
    )
    return before, after


def margins(window: Window, bordered: Sizes) -> tuple[int, int]:
    """How many zeros before and after a run let the kernel slide on until it has met all but the border."""
    reach = sum((n - 1) * step for n, step in zip(window.reach, pitch(bordered), strict=True))
    before, after = flat_border(window, bordered)
    return max(reach - before, 0), max(reach - after, 0)


def in_runs(z: Array, window: Window, size: Sizes, groups: int, around: Sizes = (0, 0)) -> Array:
    """z (N, O, *places) as (N, groups, O/groups, places), or in runs at stride 1: 0 between and `around`."""
    n, o = z.shape[:2]
    length = run_length(window, size) + sum(around) if max(window.stride) == 1 else 0
    if length > math.prod(z.shape[2:]):
        wide = np.zeros((n, o, length), z.dtype)
        at_places(wide[:, :, around[0] :], window, size)[...] = z
        z = wide
    return z.reshape(n, groups, o // groups, math.prod(z.shape[2:]))


def out_of_runs(z: Array, window: Window, size: Sizes) -> Array:
    """The transpose of `in_runs`: (N, O, *places), row by row."""
    n, groups, o, run = z.shape
    places = window.places(size)
    z = z.reshape(n, groups * o, run)
    if run > math.prod(places):
        z = at_places(z, window, size).copy()
    return z.reshape(n, groups * o, *places)


def at_places(z: Array, window: Window, size: Sizes) -> Array:
    """The view of runs (N, O, run) that shows the places: (N, O, *places)."""
    steps = (step * z.itemsize for step in pitch(window.bordered(size)))
    return as_strided(z, (*z.shape[:2], *window.places(size)), (*z.strides[:2], *steps))


# the three products -----------------------------------------------------------------------------------------


def convolved(x: Array, w: Array, window: Window, groups: int) -> Array:
    """Σ w · x over channels and kernel: x (N, C, *size), w (O, C/groups, *kernel), result (N, O, *places)."""
    kernels = w.reshape(groups, w.shape[0] // groups, -1)
    return out_of_runs(kernels @ columns(x, window, groups), window, x.shape[2:])


def spread_out(z: Array, w: Array, window: Window, groups: int, size: Sizes) -> Array:
    """Σ w · z over output channels and places: z (N, O, *places), result (N, C, *size)."""
    kernels = w.reshape(groups, w.shape[0] // groups, -1)
    patches = kernels.mT @ in_runs(z, window, size, groups, margins(window, window.bordered(size)))
    return added(patches, window, (z.shape[0], w.shape[1] * groups, *size))


def correlated(x: Array, z: Array, window: Window, groups: int) -> Array:
    """Σ x · z over batch and places: x (N, C, *size), z (N, O, *places), result (O, C/groups, *kernel)."""
    kernels = in_runs(z, window, x.shape[2:], groups) @ columns(x, window, groups).mT
    return kernels.sum(0).reshape(z.shape[1], x.shape[1] // groups, *window.kernel)


# fmt: off
convolve: Primitive = Primitive("conv", convolved,
                lambda g, z, x, w, window, groups: spread(g, w, window, groups, x.shape[2:]),
                lambda g, z, x, w, window, groups: correlate(x, g, window, groups),
                doc="Σ w · x over the channels and the kernel, at each place")
spread: Primitive = Primitive("conv_transpose", spread_out,
                lambda g, z, y, w, window, groups, size: convolve(g, w, window, groups),
                lambda g, z, y, w, window, groups, size: correlate(g, y, window, groups),
                doc="the transpose of conv in x: Σ w · y over the output channels and the places")
correlate: Primitive = Primitive("conv_weight", correlated,
                lambda g, z, x, y, window, groups: spread(y, g, window, groups, x.shape[2:]),
                lambda g, z, x, y, window, groups: convolve(x, g, window, groups),
                doc="the transpose of conv in w: Σ x · y over the batch and the places")
# fmt: on


# public -----------------------------------------------------------------------------------------------------


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide the kernels over a signal: input (N, C, L) or (C, L), weight (O, C/groups, K), bias (O,).

    For arguments and errors see `conv2d`. Source: PyTorch, `torch.nn.functional.conv1d`.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 2.0, 4.0, 8.0]])
    >>> autodiff.conv1d(x, autodiff.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2., 4.]])
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide the kernels over an image: input (N, C, H, W) or (C, H, W), weight (O, C/groups, K, K').

    The bias has shape (O,). The result is (N, O, H', W') with H' = ⌊(H + 2 padding - dilation (K - 1) - 1)
    / stride⌋ + 1. `stride`, `padding` and `dilation` are numbers or one for each dimension; padding is with
    zeros, "valid" is none,
    "same" keeps H and W. The i-th of the `groups` of outputs sees the i-th group of channels only. Raises
    RuntimeError for shapes or dtypes that do not fit. Source: PyTorch, `torch.nn.functional.conv2d`.

    >>> import autodiff
    >>> autodiff.conv2d(autodiff.ones(1, 3, 3), autodiff.ones(1, 1, 3, 3), padding="same")
    tensor([[[4., 6., 4.],
             [6., 9., 6.],
             [4., 6., 4.]]])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Spread each entry over a signal: input (N, C, L) or (C, L), weight (C, O/groups, K), bias (O,).

    For arguments and errors see `conv_transpose2d`. Source: PyTorch, `torch.nn.functional.conv_transpose1d`.

    >>> import autodiff
    >>> autodiff.conv_transpose1d(autodiff.tensor([[1.0, 2.0]]), autodiff.tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    return _conv_transpose(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """What `conv2d` passes back to its input: input (N, C, H, W) or (C, H, W), weight (C, O/groups, K, K').

    The result is (N, O, H', W') with H' = (H - 1) stride - 2 padding + dilation (K - 1) + output_padding +
    1. Raises RuntimeError for shapes or dtypes that do not fit. Source: Zeiler et al., "Deconvolutional
    networks" (2010); PyTorch, `torch.nn.functional.conv_transpose2d`.

    >>> import autodiff
    >>> autodiff.conv_transpose2d(autodiff.ones(1, 2, 2), autodiff.ones(1, 1, 2, 2))
    tensor([[[1., 2., 1.],
             [2., 4., 2.],
             [1., 2., 1.]]])
    """
    return _conv_transpose(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def _conv(
    op: str,
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """conv1d and conv2d: checked, and brought to a batch."""
    size, kernel = _checked(op, rank, input, weight, bias, groups)
    strides, dilations = (
        per_dim(stride, rank, "stride", op, 1),
        per_dim(dilation, rank, "dilation", op, 1),
    )
    window = Window(kernel, strides, _border(op, rank, padding, kernel, strides, dilations), dilations)
    out, channels = weight.shape[0], input.shape[-rank - 1]
    if out % groups or out < groups:
        raise located.RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, and divisible "
            f"by it, but got weight of size {list(weight.shape)} instead, in {op}()"
        )
    if channels != weight.shape[1] * groups:
        raise located.RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input"
            f"{list(input.shape)} to have {weight.shape[1] * groups} channels, but got {channels} channels "
            f"instead, in {op}(): make the layer with in_channels={channels}"
        )
    _refuse_bias(op, weight, bias, out)
    if min(window.places(size)) < 1:
        bordered = " x ".join(map(str, window.bordered(size)))
        reach = " x ".join(map(str, window.reach))
        raise located.RuntimeError(
            f"Calculated padded input size per channel: ({bordered}). Kernel size: ({reach}). Kernel size "
            f"can't be greater than actual input size, in {op}(): a smaller kernel, or padding"
        )
    z = convolve(_batch(input, rank), weight, window, groups)
    return _finished(z, bias, input.ndim == rank + 1)


def _conv_transpose(
    op: str,
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """conv_transpose1d and conv_transpose2d: checked, and brought to a batch."""
    size, kernel = _checked(op, rank, input, weight, bias, groups)
    strides, dilations = (
        per_dim(stride, rank, "stride", op, 1),
        per_dim(dilation, rank, "dilation", op, 1),
    )
    more = per_dim(output_padding, rank, "output_padding", op, 0)
    pads = per_dim(padding, rank, "padding", op, 0)
    channels = input.shape[-rank - 1]
    if channels != weight.shape[0] or channels % groups:
        raise located.RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(input.shape)} to "
            f"have {weight.shape[0]} channels, but got {channels} channels instead, in {op}(groups={groups})"
        )
    for extra, s, d in zip(more, strides, dilations, strict=True):
        if extra >= max(s, d) and input.numel():  # of nothing PyTorch takes any
            raise located.RuntimeError(
                f"output padding must be smaller than either stride or dilation, but got output_padding "
                f"{more}, stride {strides}, dilation {dilations}, in {op}()"
            )
    _refuse_bias(op, weight, bias, weight.shape[1] * groups)
    border = tuple((p, p - extra) for p, extra in zip(pads, more, strict=True))
    window = Window(kernel, strides, border, dilations)
    around = zip(size, strides, window.reach, border, strict=True)
    result = tuple((n - 1) * s + reach - a - b for n, s, reach, (a, b) in around)
    if min(result) < 1:
        raise located.RuntimeError(
            f"Given input size per channel: {size}. Calculated output size per channel: {result}. Output "
            f"size is too small, in {op}(): less padding"
        )
    z = spread(_batch(input, rank), weight, window, groups, result)
    return _finished(z, bias, input.ndim == rank + 1)


def _checked(op: str, rank: int, input: Any, weight: Any, bias: Any, groups: int) -> tuple[Sizes, Sizes]:
    """The size of the input and of the kernel; raises for what is wrong in any convolution."""
    size = spatial(input, rank, op)
    refuse_plain(weight, op, "weight", 2)
    if bias is not None:
        refuse_plain(bias, op, "bias", 3)
    if weight.ndim != rank + 2:
        raise located.RuntimeError(
            f"Expected {rank + 2}-dimensional weight (channels, channels, kernel), but got weight of size "
            f"{list(weight.shape)} instead, in {op}()"
        )
    if groups < 1:
        raise located.RuntimeError(f"non-positive groups is not supported, in {op}(): groups={groups}")
    dtypes = [t.dtype for t in (input, weight, bias) if t is not None]
    if len(set(dtypes)) > 1:
        raise located.RuntimeError(
            "Input type and weight type and bias type should be the same, but got "
            f"{' and '.join(map(str, dtypes))}, in {op}(): convert the input, x.to({weight.dtype}), or the "
            f"layer, layer.to({input.dtype})"
        )
    if input.dtype.kind != "f":
        raise located.RuntimeError(f'"{op}" not implemented for {input.dtype}: convert first, x.float()')
    if not (math.prod(input.shape[-rank - 1 :]) and weight.array.size):
        raise located.RuntimeError(
            f"Expected a non-empty image and kernel, but got input {list(input.shape)} and weight "
            f"{list(weight.shape)}, in {op}(): only the batch may be empty"
        )
    return size, weight.shape[2:]


def _border(op: str, rank: int, padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Pairs:
    """The widths that `padding` means."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in per_dim(padding, rank, "padding", op, 0))
    if padding == "valid":
        return ((0, 0),) * rank
    if padding != "same":
        raise located.RuntimeError(
            f"Invalid padding string: '{padding}', in {op}(): 'same', 'valid' or numbers"
        )
    if max(stride) > 1:
        raise located.RuntimeError(f"padding='same' is not supported for strided convolutions, in {op}()")
    whole = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n // 2, n - n // 2) for n in whole)


def _refuse_bias(op: str, weight: Tensor, bias: Tensor | None, out: int) -> None:
    if bias is not None and bias.shape != (out,):
        raise located.RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {out} "
            f"elements, but got bias of size {list(bias.shape)} instead, in {op}()"
        )


def _batch(x: Tensor, rank: int) -> Tensor:
    """x with a batch dimension."""
    return x if x.ndim == rank + 2 else regroup(x, (1, *x.shape))


def _finished(z: Tensor, bias: Tensor | None, single: bool) -> Tensor:
    """The bias added to each channel; without the batch dimension if there was none."""
    if bias is not None:
        z = z + regroup(bias, (-1,) + (1,) * (z.ndim - 2))
    return regroup(z, z.shape[1:]) if single else z
