"""Order: sorting, the k-th and the middle value, quantiles, and which values there are.

Sorting itself is NumPy's, on plain arrays: it tells where each value comes from, and to take the values from
there (`along`) is what is differentiated. Equal entries keep their order, whether `stable` is asked for or
not, and nan comes last, as if it were the largest: where PyTorch leaves open which of several equal entries
it names, this is the first.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import refuse_no_number, refuse_plain, whole
from .composed import lerp
from .dims import numpy_names, one_dim
from .elementwise import isnan, logical_not, minus, mul, where
from .extremes import Selected, refuse_nothing, share
from .indexing import along, masked_select
from .reductions import drop
from .reordering import movedim
from .shapes import regroup

__all__ = [
    "argsort", "isin", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile", "sort",
    "topk", "unique", "unique_consecutive",
]  # fmt: skip


def sorted_places(x: Array, i: int, descending: bool = False) -> Array:
    """Where the values of x, sorted along dimension i, come from; equal ones in the order they had."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x, i, kind="stable")
    return x.shape[i] - 1 - np.flip(np.argsort(np.flip(x, i), i, kind="stable"), i)


def checked_dim(x: Any, dim: Any, op: str) -> int:
    """The dimension to sort along; a bool is no dimension, though Python counts with it."""
    refuse_plain(x, op)
    if isinstance(dim, bool):
        raise located.TypeError(f"{op}(): argument 'dim' must be int, not bool; say descending=True by name")
    return one_dim(dim, x.array.ndim, op)


@numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Selected:
    """The values sorted along `dim`, and the index that each had.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0]).sort()
    Selected(values=tensor([1., 2., 3.]), indices=tensor([1, 2, 0]))
    """
    i = checked_dim(input, dim, "sort")
    indices = Tensor(sorted_places(input.array, i, descending))
    return Selected(along(input, i, indices), indices)


@numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The indices that sort along `dim`.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0]).argsort(descending=True)
    tensor([0, 2, 1])
    """
    i = checked_dim(input, dim, "argsort")
    return Tensor(sorted_places(input.array, i, descending))


def msort(input: Tensor) -> Tensor:
    """The values sorted along the first dimension."""
    return sort(input, 0).values


@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Selected:
    """The k largest values along `dim` (or smallest), the first of them first, and their indices.

    Raises RuntimeError if there are fewer than k.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0]).topk(2)
    Selected(values=tensor([3., 2.]), indices=tensor([0, 2]))
    """
    i = checked_dim(input, dim, "topk")
    n = input.array.shape[i] if input.array.ndim else 1
    k = whole(k, "topk", "k")
    if not 0 <= k <= n:
        raise located.RuntimeError(f"selected index k out of range: topk() of {n} values was asked for k={k}")
    places = sorted_places(input.array, i, largest)
    indices = Tensor(places[(slice(None),) * i + (slice(k),)] if places.ndim else places)
    return Selected(along(input, i, indices), indices)


# the values of a rank ---------------------------------------------------------------------------------------


def of_rank(x: Tensor, i: int, rank: Any, keepdim: bool) -> Selected:
    """The values that would come at `rank` (one number, or one for each row) if x were sorted along i."""
    places = sorted_places(x.array, i)
    if not places.ndim:
        return Selected(along(x, i, Tensor(places)), Tensor(places))
    shape = tuple(1 if d == i else n for d, n in enumerate(places.shape))
    indices = Tensor(np.take_along_axis(places, np.broadcast_to(rank, shape), i))
    values = along(x, i, indices)
    return Selected(values, indices) if keepdim else Selected(drop(values, (i,)), drop(indices, (i,)))


@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Selected:
    """The k-th smallest value along `dim`, k counted from 1, and its index; RuntimeError if there is none.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0]).kthvalue(2)
    Selected(values=tensor(2.), indices=tensor(2))
    """
    i = checked_dim(input, dim, "kthvalue")
    refuse_nothing(input, (i,) if input.array.ndim else None, "kthvalue")
    n = input.array.shape[i] if input.array.ndim else 1
    k = whole(k, "kthvalue", "k")
    if not 1 <= k <= n:
        raise located.RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {i}: k={k}, and there are {n} values"
        )
    return of_rank(input, i, k - 1, keepdim)


def lower_median(x: Array) -> Array:
    """The middle one of all values when sorted, of two the lower; nan if any is, or if there are none."""
    if x.dtype.kind == "f" and (not x.size or np.isnan(x).any()):
        return np.full((), np.nan, x.dtype)
    return np.asarray(np.sort(x, None)[(x.size - 1) // 2])


middle = Primitive(
    "median", lower_median, lambda g, z, x: g * share(x, z, None), doc="the middle one of all x, sorted"
)


@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle one of all values when sorted; along `dim` a tuple (values, indices); nan if any is nan.

    Of an even number of values it is the lower of the two in the middle. Equal ones: median() shares the
    gradient evenly, median(dim) gives it to the index it names.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0, 9.0]).median()
    tensor(2.)
    """
    refuse_plain(input, "median")
    if dim is None:
        return middle(input)
    i = checked_dim(input, dim, "median")
    refuse_nothing(input, (i,) if input.array.ndim else None, "median")
    n, known = numbers(input.array, i)
    return of_rank(input, i, np.where(known < n, known, (n - 1) // 2), keepdim)


@numpy_names
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of the values that are not nan; arguments and result as those of `median`.

    >>> import autodiff
    >>> autodiff.tensor([3.0, autodiff.nan, 2.0]).nanmedian()
    tensor(2.)
    """
    refuse_plain(input, "nanmedian")
    if dim is None:
        known = logical_not(isnan(input))
        return middle(masked_select(input, known) if known.array.any() else input)
    i = checked_dim(input, dim, "nanmedian")
    refuse_nothing(input, (i,) if input.array.ndim else None, "nanmedian")
    return of_rank(input, i, np.maximum(numbers(input.array, i)[1] - 1, 0) // 2, keepdim)


def numbers(x: Array, i: int) -> tuple[int, Array]:
    """How many entries there are along dimension i, and in each row how many of them are not nan."""
    x = np.atleast_1d(x)
    return x.shape[i], (x == x).sum(i, keepdims=True)


@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Selected:
    """The most frequent value along `dim`, of equally frequent ones the smallest, and its last index.

    >>> import autodiff
    >>> autodiff.tensor([2.0, 1.0, 2.0]).mode()
    Selected(values=tensor(2.), indices=tensor(2))
    """
    i = checked_dim(input, dim, "mode")
    if input.array.ndim:
        refuse_nothing(input, (i,), "mode")
    x = np.moveaxis(np.atleast_1d(input.array), i, -1)
    x = np.take_along_axis(x, sorted_places(x, -1), -1)
    first = np.concatenate([np.ones_like(x[..., :1], bool), x[..., 1:] != x[..., :-1]], -1)
    places = np.arange(x.shape[-1])
    so_far = places - np.maximum.accumulate(np.where(first, places, 0), -1)  # equal ones before each
    return of_rank(input, i, np.expand_dims(so_far.argmax(-1), i), keepdim)


def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The value that a share q of all values do not exceed, or of those along `dim`; nan if any is nan.

    Between the values of rank ⌊q (n - 1)⌋ and ⌈q (n - 1)⌉ it is interpolated: linear, lower, higher, midpoint
    or nearest. A vector of several q adds a first dimension to the result. Raises RuntimeError for a q
    outside of [0, 1], for ints, unlike dtypes, an empty tensor.

    >>> import autodiff
    >>> autodiff.quantile(autodiff.tensor([1.0, 2.0, 4.0]), 0.75)
    tensor(3.)
    """
    return interpolated(input, q, dim, keepdim, interpolation, "quantile")


def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The quantile of the values that are not nan; arguments and result as those of `quantile`."""
    return interpolated(input, q, dim, keepdim, interpolation, "nanquantile")


def interpolated(x: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, op: str) -> Tensor:
    """`quantile` and `nanquantile`."""
    refuse_plain(x, op)
    dtype, ndim = x.array.dtype, x.array.ndim
    refuse_no_number(q, op, "q")
    if not isinstance(q, Tensor):  # integers have no quantiles: refused below
        q = Tensor(np.asarray(q, dtype if dtype.kind == "f" else float))
    refuse_unfit(x, q, interpolation, op)
    i = ndim if dim is None else one_dim(dim, ndim, op)
    x = regroup(x, (x.array.size,)) if dim is None or not ndim else movedim(x, i, -1)
    n, known = numbers(x.array, -1)
    if op == "quantile":
        rank = where(Tensor(known < n), float(n - 1), mul(q, float(n - 1)))
    else:
        rank = mul(q, Tensor(np.maximum(known - 1, 0).astype(dtype)))

    places, last = sorted_places(x.array, -1), x.array.ndim - 1

    def at(rounding: np.ufunc) -> Tensor:
        ranks = rounding(rank.array).astype(np.int64).reshape((*x.array.shape[:-1], -1))
        return along(x, last, Tensor(np.take_along_axis(places, ranks, -1)))

    if interpolation in ("lower", "higher", "nearest"):
        z = at({"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation])
    else:
        weight = minus(rank, Tensor(np.floor(rank.array))) if interpolation == "linear" else 0.5
        z = lerp(at(np.floor), at(np.ceil), weight)
    z = movedim(z, -1, 0)
    rest = z.array.shape[1:]
    if keepdim:
        rest = (1,) * ndim if dim is None or not ndim else (*rest[:i], 1, *rest[i:])
    return regroup(z, (*q.array.shape, *rest))


def refuse_unfit(x: Tensor, q: Tensor, interpolation: str, op: str) -> None:
    """Raise RuntimeError for what `quantile` is not defined for."""
    wrong = ""
    if x.array.dtype.kind != "f":
        wrong = f"input tensor must be either float or double dtype, not {x.array.dtype}: use x.float()"
    elif not x.array.size:
        wrong = f"input tensor must be non-empty, but its shape is {x.array.shape}"
    elif q.array.ndim > 1:
        wrong = f"q must be a scalar or 1D tensor, not {q.array.ndim}D"
    elif q.array.dtype != x.array.dtype:
        wrong = f"q tensor must be same dtype as the input tensor, {x.array.dtype}, not {q.array.dtype}"
    elif not ((q.array >= 0) & (q.array <= 1)).all():
        named = "q values" if q.array.ndim else "q"
        wrong = f"{named} must be in the range [0, 1] but got {q.array.tolist()}"
    elif interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        wrong = (
            "interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if wrong:
        raise located.RuntimeError(f"{op}() {wrong}")


# which values there are -------------------------------------------------------------------------------------


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values, sorted, or the different slices along `dim`; each nan is one. No gradient.

    Besides, if asked for: for each entry its index among the different ones, and how often each occurs.

    >>> import autodiff
    >>> autodiff.unique(autodiff.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x, i = flat_or_along(input, dim, "unique")
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=i, equal_nan=False)
    return chosen(input, values, inverse, counts, i, return_inverse, return_counts)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal values, or of equal slices along `dim`; results as those of `unique`.

    >>> import autodiff
    >>> autodiff.unique_consecutive(autodiff.tensor([3, 3, 1, 3]))
    tensor([3, 1, 3])
    """
    x, i = flat_or_along(input, dim, "unique_consecutive")
    slices = np.moveaxis(x, i or 0, 0)
    rows = slices.reshape(len(slices), -1) if slices.size else slices
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]).any(1) if rows.ndim > 1 else False
    starts = np.flatnonzero(first)
    values = np.moveaxis(slices[starts], 0, i or 0)
    counts = np.diff(starts, append=len(rows))
    return chosen(input, values, np.cumsum(first) - 1, counts, i, return_inverse, return_counts)


def flat_or_along(x: Any, dim: int | None, op: str) -> tuple[Array, int | None]:
    """The flattened values, or the values and the dimension along which whole slices are compared."""
    refuse_plain(x, op)
    if dim is None:
        return x.array.reshape(-1), None
    i = one_dim(dim, x.array.ndim, op)
    if 0 in (n for d, n in enumerate(x.array.shape) if d != i):
        raise located.RuntimeError(
            f"There are 0 sized dimensions, and they aren't selected, so {op} cannot be applied: the shape "
            f"is {x.array.shape}, dim is {dim}"
        )
    return np.atleast_1d(x.array), i


def chosen(
    x: Tensor, values: Array, inverse: Array, counts: Array, i: int | None, *wanted: bool
) -> Tensor | tuple[Tensor, ...]:
    """The values alone, or with what else is wanted of the inverse and the counts."""
    inverse = inverse.reshape(x.array.shape if i is None else -1)
    more = [Tensor(array) for array, want in zip((inverse, counts), wanted, strict=True) if want]
    return (Tensor(values), *more) if more else Tensor(values)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which of `elements` are among `test_elements` (one of both may be a number); `invert`: which are not.

    >>> import autodiff
    >>> autodiff.isin(autodiff.tensor([1, 2, 3]), autodiff.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    for name, given in (("elements", elements), ("test_elements", test_elements)):
        refuse_no_number(given, "isin", name)
    x, y = (x.array if isinstance(x, Tensor) else x for x in (elements, test_elements))
    return Tensor(np.asarray(np.isin(x, y, assume_unique=assume_unique, invert=invert)))
