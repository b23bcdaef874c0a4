"""Numbers and bins: into which one each falls, and how many are in each. None of it has a gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..creation import spaced
from ..dtypes import Array, int64
from ..errors import describe, located
from ..tensor import Tensor
from .arguments import refuse_integers, refuse_no_number, refuse_plain, whole

__all__ = ["bincount", "bucketize", "histc", "histogram", "searchsorted"]


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where to insert each value of `input` in `sorted_sequence` that it remains sorted; before equal ones.

    `right`, or side="right", is behind equal ones. A sequence of several dimensions holds a sorted row for
    each row of `input`; `sorter` sorts it, as `argsort` does. The indices are int64, also with `out_int32`.
    Raises RuntimeError for shapes that do not fit.

    >>> import autodiff
    >>> autodiff.searchsorted(autodiff.tensor([1.0, 3.0, 5.0]), autodiff.tensor([3.0, 4.0, 9.0]))
    tensor([1, 2, 3])
    """
    refuse_plain(sorted_sequence, "searchsorted", "sorted_sequence")
    if side not in (None, "left", "right"):
        raise located.RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise located.RuntimeError(
            "searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    edges = sorted_sequence.array
    refuse_no_number(input, "searchsorted", "input")
    values = input.array if isinstance(input, Tensor) else np.asarray(input)
    if sorter is not None:
        edges = rearranged(edges, sorter)
    if not edges.ndim:
        raise located.RuntimeError(
            "searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if edges.ndim > 1 and edges.shape[:-1] != values.shape[:-1]:
        raise located.RuntimeError(
            "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(edges.shape)} and input value tensor {list(values.shape)}"
        )
    where = "right" if right or side == "right" else "left"
    if edges.ndim == 1:
        return Tensor(places(edges, values, where))
    found = np.empty(values.shape, int64)
    for row in np.ndindex(edges.shape[:-1]):
        found[row] = places(edges[row], values[row], where)
    return Tensor(found)


def places(edges: Array, values: Array, side: Any) -> Array:
    """`np.searchsorted`, with every nan behind all edges."""
    found = np.asarray(np.searchsorted(edges, values, side), int64)
    return np.where(values == values, found, len(edges))


def rearranged(edges: Array, sorter: Tensor) -> Array:
    """The sequence that `sorter` sorts, sorted."""
    refuse_plain(sorter, "searchsorted", "sorter", 6)
    order = sorter.array
    if order.shape != edges.shape or order.dtype != int64:
        raise located.RuntimeError(
            "searchsorted(): sorter must be int64, and of the shape of the sequence, "
            f"{list(edges.shape)}; it is {order.dtype}, {list(order.shape)}"
        )
    if ((order < 0) | (order >= edges.shape[-1])).any():
        raise located.RuntimeError("searchsorted(): sorter index out of range")
    return np.take_along_axis(edges, order, -1)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Between which boundaries each value lies: i where boundaries[i-1] < x <= boundaries[i].

    With `right`, where boundaries[i-1] <= x < boundaries[i].

    >>> import autodiff
    >>> autodiff.bucketize(autodiff.tensor([0.5, 1.0, 7.0]), autodiff.tensor([1.0, 2.0]))
    tensor([0, 0, 2])
    """
    refuse_plain(boundaries, "bucketize", "boundaries", 2)
    if boundaries.array.ndim != 1:
        raise located.RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries.array.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often 0, 1, 2 ... occur in a vector of ints, up to the largest or `minlength` - 1.

    With `weights` it is the sum of the weights at each. Raises RuntimeError for negative numbers.

    >>> import autodiff
    >>> autodiff.bincount(autodiff.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    refuse_plain(input, "bincount")
    x = input.array
    if x.dtype != int64:
        raise located.NotImplementedError(
            f"bincount(): not implemented for {x.dtype}, only for ints; use x.long()"
        )
    if x.ndim != 1 or (x < 0).any():
        raise located.RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if whole(minlength, "bincount", "minlength") < 0:
        raise located.RuntimeError(f"minlength should be >= 0, in bincount(): it is {minlength}")
    if weights is None or not x.size:
        return Tensor(np.bincount(x, minlength=minlength))
    refuse_plain(weights, "bincount", "weights", 2)
    if weights.array.shape != x.shape:
        raise located.RuntimeError(
            f"weights should be 1-d and have the same length as input, {len(x)}, in bincount(); their shape "
            f"is {weights.array.shape}"
        )
    counted = np.bincount(x, weights.array, minlength)
    return Tensor(counted.astype(weights.array.dtype) if weights.array.dtype.kind == "f" else counted)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many values are in each of `bins` equal parts of [min, max]; by default of the values' own range.

    Values outside, and nan, are not counted. Raises RuntimeError for a range that is not finite.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 2.0, 2.0]).histc(2, min=0, max=4)
    tensor([1., 2.])
    """
    refuse_integers(input, "histc")
    refuse_no_number(min, "histc", "min")
    refuse_no_number(max, "histc", "max")
    if min > max:
        raise located.RuntimeError(f"histc: max must be larger than min, but they are {max} and {min}")
    edges = equal_parts(input, bins, None if min == max else (min, max), 1.0, "histc")
    return Tensor(counts(input.array, edges, None))


class Histogram(NamedTuple):
    """What `histogram` returns."""

    hist: Tensor
    bin_edges: Tensor


def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """How many values are in each bin, and the edges of the bins; the last bin includes its right edge.

    `bins` is a tensor of edges, or the number of equal parts of `range`, by default the values' own.
    `weight` counts each value so often; `density` makes the area 1. Raises RuntimeError for a range that is
    not finite.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 2.0, 2.0]).histogram(2, range=(0.0, 4.0))
    Histogram(hist=tensor([1., 2.]), bin_edges=tensor([0., 2., 4.]))
    """
    refuse_integers(input, "histogram")
    x = input.array
    if isinstance(bins, Tensor):
        if bins.array.dtype != x.dtype:
            raise located.RuntimeError(
                "histogram(): input tensor and bins tensors should have the same dtype, but got input with "
                f"dtype {x.dtype} and bins with dtype {bins.array.dtype}"
            )
        if bins.array.ndim != 1 or not bins.array.size:
            raise located.RuntimeError(
                f"histogram(): bins tensor should have one dimension and not be empty, not {describe(bins)}"
            )
        edges = bins.array.copy()
    else:
        edges = equal_parts(input, bins, range, 0.5, "histogram")
    hist = counts(x, edges, None if weight is None else weight.array)
    if density:
        hist = hist / (hist.sum() * np.diff(edges))
    return Histogram(Tensor(hist), Tensor(edges))


def equal_parts(x: Tensor, bins: int, given: Any, margin: float, op: str) -> Array:
    """The edges of `bins` equal parts of the given range, or of the values' own, which may be a point."""
    if whole(bins, op, "bins") <= 0:
        raise located.RuntimeError(f"histogram(): bins must be > 0, but got {bins} for dimension 0")
    a = x.array
    low, high = given or ((float(a.min()), float(a.max())) if a.size else (0.0, 1.0))
    if not np.isfinite([low, high]).all():
        raise located.RuntimeError(f"{op}: range of [{low}, {high}] is not finite; give the range")
    if low == high:
        low, high = low - margin, high + margin
    return spaced(op, low, high, bins + 1, a.dtype).astype(a.dtype)


def counts(x: Array, edges: Array, weight: Array | None) -> Array:
    """The sum of the weights (each 1 if there are none) of the values in each bin, in the dtype of x."""
    x = x.reshape(-1)
    inside = (x >= edges[0]) & (x <= edges[-1])
    weights = None if weight is None else weight.reshape(-1)[inside]
    last = len(edges) - 2
    found = np.minimum(np.searchsorted(edges, x[inside], "right") - 1, last)
    return np.bincount(found, weights, last + 1).astype(x.dtype)
