"""Images and signals (N, C, d1, ...) in another size: interpolation, and channels turned into space.

Interpolation works along one dimension after the other. Where a place of the result lies in the input is
PyTorch's: entries are squares whose edges, or with `align_corners` the centres of the outermost, coincide.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import Array, DType
from ..errors import describe, located
from ..tensor import Tensor
from . import indexing, pooling, reordering, repeating, shapes
from .arguments import refuse_plain, whole

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]

LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5}  # the modes that mix two neighbours, and their ranks


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """`input` (N, C, d1, ...) in another `size`, or `scale_factor` times its own: (N, C, size1, ...).

    One number, or one for each of 1 to 3 dimensions. Modes: "nearest", "nearest-exact", "linear" (3D),
    "bilinear" (4D), "trilinear" (5D), "area" (3D and 4D). A position is x = (i + 1/2) s - 1/2 for the ratio s
    of the sizes, or of the sizes less 1 with `align_corners`, where x = i s. Raises ValueError for sizes that
    do not fit, NotImplementedError for other ranks and modes ("bicubic", `antialias`). Source: PyTorch,
    `torch.nn.functional.interpolate`.

    >>> import autodiff
    >>> interpolate(autodiff.tensor([[[0.0, 4.0]]]), scale_factor=2, mode="linear")
    tensor([[[0., 1., 3., 4.]]])
    >>> interpolate(autodiff.tensor([[[0.0, 4.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[0., 2., 4.]]])
    """
    refuse_plain(input, "interpolate")
    if not isinstance(mode, str):
        raise located.TypeError(f"interpolate(): argument 'mode' must be str, not {type(mode).__name__}")
    if mode not in LINEAR and align_corners is not None and mode in ("nearest", "area", "nearest-exact"):
        raise located.ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | "
            f"trilinear, not in interpolate(mode={mode!r})"
        )
    rank = input.ndim - 2
    sizes, factors = _sizes(input, rank, size, scale_factor)
    if recompute_scale_factor or mode == "area":
        if recompute_scale_factor and size is not None:
            raise located.ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        factors = [None] * rank
    if antialias or not 3 <= input.ndim <= 5 or mode not in (*LINEAR, "nearest", "nearest-exact", "area"):
        raise located.NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: "
            f"nearest | nearest-exact | linear | bilinear | trilinear | area, without antialias (got {mode})"
        )
    if LINEAR.get(mode, input.ndim) != input.ndim:
        raise located.NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs {LINEAR[mode]}D input, in "
            f"interpolate({describe(input)})"
        )
    if any(n <= 0 for n in (*input.shape[1:], *sizes)):
        raise located.RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(input.shape)} and output "
            f"{list(sizes)}, in interpolate"
        )
    if mode == "area":
        return _area(input, sizes)
    for dim in reversed(range(rank)):
        n, factor = sizes[dim], factors[dim]
        if mode in LINEAR:
            input = _mixed(input, dim + 2, n, factor, bool(align_corners))
        else:
            input = _taken(input, dim + 2, _nearest(input, dim + 2, n, factor, mode == "nearest-exact"))
    return input


def _sizes(input: Tensor, rank: int, size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    """The size of the result, and the factors if these were given."""
    if (size is None) == (scale_factor is None):
        raise located.ValueError(
            "only one of size or scale_factor should be defined"
            if size is not None
            else "either size or scale_factor should be defined"
        )
    given = scale_factor if size is None else size
    many = list(given) if isinstance(given, Sequence) else [given] * rank
    if len(many) != rank:
        raise located.ValueError(
            f"Input and {'scale_factor' if size is None else 'output'} must have the same number of spatial "
            f"dimensions, but got input with spatial dimensions of {list(input.shape[2:])} and {given}, in "
            "interpolate"
        )
    if size is None:
        return [int(n * factor) for n, factor in zip(input.shape[2:], many, strict=True)], many
    try:
        return [operator.index(n) for n in many], [None] * rank
    except TypeError:
        raise located.TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but "
            f"got {size}, in interpolate"
        ) from None


def _area(input: Tensor, sizes: list[int]) -> Tensor:
    """The mean of what each place of the result covers."""
    if input.ndim == 3:
        return pooling.adaptive_avg_pool1d(input, sizes[0])
    if input.ndim == 4:
        return pooling.adaptive_avg_pool2d(input, sizes)
    raise located.NotImplementedError(
        f"Got {input.ndim}D input, but area mode needs 3D or 4D input, in interpolate"
    )


def _ratio(dtype: DType, n: int, out: int, factor: float | None) -> Any:
    """How many entries of the input one of the result covers, in the arithmetic of the input."""
    return dtype.type(1 / factor) if factor else dtype.type(n) / dtype.type(out)


def _nearest(input: Tensor, dim: int, out: int, factor: float | None, centred: bool) -> Array:
    """The entry of the input for each of the result: where it begins, or where its centre lies."""
    n, dtype = input.shape[dim], input.dtype if input.dtype.kind == "f" else np.dtype(np.float32)
    start = np.arange(out, dtype=dtype) + dtype.type(0.5 if centred else 0)
    return np.minimum(np.floor(start * _ratio(dtype, n, out, factor)), n - 1).astype(np.int64)


def _mixed(input: Tensor, dim: int, out: int, factor: float | None, align_corners: bool) -> Tensor:
    """Each entry of the result between its two neighbours: (1 - w) x[i] + w x[i + 1]."""
    n, dtype = input.shape[dim], input.dtype
    if dtype.kind != "f":
        raise located.NotImplementedError(
            f'"interpolate" not implemented for {dtype}: only nearest is; convert first, x.float()'
        )
    at = np.arange(out, dtype=dtype)
    if align_corners:
        at = at * (dtype.type(n - 1) / dtype.type(out - 1) if out > 1 else dtype.type(0))
    else:
        ratio = _ratio(dtype, n, out, factor)
        at = np.maximum((at + dtype.type(0.5)) * ratio - dtype.type(0.5), dtype.type(0))
    low = np.minimum(np.floor(at), n - 1).astype(np.int64)
    weight = np.minimum(at - low.astype(dtype), dtype.type(1)).reshape(-1, *[1] * (input.ndim - 1))
    x = reordering.movedim(input, dim, 0)  # a gradient is added up faster in rows
    mixed = indexing.get(x, low) * (1 - weight) + indexing.get(x, np.minimum(low + 1, n - 1)) * weight
    return reordering.movedim(mixed, 0, dim)


def _taken(input: Tensor, dim: int, index: Array) -> Tensor:
    """The entries of `input` at these positions along `dim`."""
    shape, (times, rest) = input.shape, divmod(len(index), input.shape[dim])
    if not rest and (index == np.arange(len(index)) // times).all():  # each so many times: nothing to look up
        repeated = repeating.expand(input.unsqueeze(dim + 1), (*shape[: dim + 1], times, *shape[dim + 1 :]))
        return shapes.flatten(repeated, dim, dim + 1)
    return indexing.get(input, (slice(None),) * dim + (index,))


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels become space: (..., C r², H, W) to (..., C, H r, W r), for the factor r.

    Raises RuntimeError if r is not positive, or the channels are no multiple of r². Source: Shi et al.
    (2016); PyTorch, `torch.nn.functional.pixel_shuffle`.

    >>> import autodiff
    >>> autodiff.pixel_shuffle(autodiff.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    r = _factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    *batch, c, h, w = input.shape
    if c % (r * r):
        raise located.RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    apart = shapes.reshape(input, (*batch, c // (r * r), r, r, h, w))
    woven = reordering.permute(apart, (*range(len(batch) + 1), *(len(batch) + i for i in (3, 1, 4, 2))))
    return shapes.reshape(woven, (*batch, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Space becomes channels: (..., C, H r, W r) to (..., C r², H, W), the reverse of `pixel_shuffle`.

    Raises RuntimeError if r is not positive, or height or width are no multiples of it. Source: PyTorch,
    `torch.nn.functional.pixel_unshuffle`.
    """
    r = _factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    *batch, c, h, w = input.shape
    for name, position, n in (("height", -2, h), ("width", -1, w)):
        if n % r:
            raise located.RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({position})={n} is not divisible by {r}"
            )
    apart = shapes.reshape(input, (*batch, c, h // r, r, w // r, r))
    sorted_out = reordering.permute(apart, (*range(len(batch) + 1), *(len(batch) + i for i in (2, 4, 1, 3))))
    return shapes.reshape(sorted_out, (*batch, c * r * r, h // r, w // r))


def _factor(op: str, name: str, input: Tensor, factor: Any) -> int:
    """The checked factor of a shuffle of this input."""
    refuse_plain(input, op)
    if input.ndim < 3:
        raise located.RuntimeError(
            f"{op} expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    try:
        r = operator.index(factor)
    except TypeError:
        raise located.TypeError(
            f"{op}(): argument '{name}' must be int, not {type(factor).__name__}"
        ) from None
    if r <= 0:
        raise located.RuntimeError(f"{op} expects a positive {name}, but got {r}")
    return r


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Deal the channels of (N, C, ...) out anew: the first of each of the `groups`, then the second of each.

    Raises RuntimeError if C is no multiple of `groups`. Source: Zhang et al., "ShuffleNet" (2018); PyTorch,
    `torch.nn.functional.channel_shuffle`.

    >>> import autodiff
    >>> autodiff.channel_shuffle(autodiff.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    refuse_plain(input, "channel_shuffle")
    if input.ndim < 3:
        raise located.RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}"
        )
    if whole(groups, "channel_shuffle", "groups") <= 0:
        raise located.RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    n, c, *rest = input.shape
    if c % groups:
        raise located.RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    dealt = reordering.transpose(shapes.reshape(input, (n, groups, c // groups, *rest)), 1, 2)
    return shapes.reshape(dealt, (n, c, *rest))
