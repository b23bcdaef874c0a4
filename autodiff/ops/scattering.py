"""Values written, or added, at indices: `scatter`, `index_add`, `put` and their kin.

Each is an index written out for one of two primitives: `setitem` replaces, and adding what `indexing.scatter`
adds up on zeros accumulates. Where a replaced entry is named twice, the last value stays, and each of them
is given the gradient, as in PyTorch, which promises neither. Other reductions than the sum are those of
`reductions`, taken of the entries that get equally many values at once.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Array, int64
from ..errors import describe, located
from ..primitive import cast
from ..tensor import Tensor
from .arguments import refuse_plain
from .dims import one_dim
from .elementwise import div
from .extremes import amax, amin
from .indexing import (
    along_grid,
    common_shape,
    getitem,
    parse,
    refuse_beyond,
    refuse_index,
    refuse_mask,
    refuse_outside,
    refuse_places,
    setitem,
)
from .indexing import scatter as sums_at
from .joining import cat
from .reductions import prod

__all__ = [
    "index_add", "index_copy", "index_fill", "index_put", "masked_scatter", "put", "scatter", "scatter_add",
    "scatter_reduce",
]  # fmt: skip

ALL = slice(None)


# at an index of the same number of dimensions ---------------------------------------------------------------


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """`input` with z[index[i, j], j] = src[i, j] for dim 0, z[i, index[i, j]] = src[i, j] for dim 1, ...

    `src` (or `value`) may be a number. `index` is int64 and not negative, has the dimensions of `input` and
    `src`, and is nowhere longer, save in `dim`. With reduce="add" it adds, with "multiply" it multiplies.
    Raises RuntimeError for what does not fit.

    >>> import autodiff
    >>> autodiff.scatter(autodiff.zeros(2, 3), 1, autodiff.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    src = value if src is None else src
    if reduce not in (None, "add", "multiply"):
        raise located.RuntimeError("reduce argument must be either add or multiply.")
    x, i, where, index = aligned(input, dim, index, "scatter")
    if not isinstance(src, Tensor):
        src = Tensor(np.full(index.array.shape, src, x.array.dtype))
    elif value is not None:
        src = cast(src, x.array.dtype).expand(index.array.shape)
    if reduce == "multiply":
        z = together(x, fitted(x, i, index, src, "scatter"), where, REDUCTIONS["prod"], include_self=True)
    else:
        z = at_places(x, i, where, index, src, "scatter", adding=reduce == "add")
    return z if input.array.ndim else z.reshape(())


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` with src[i, j] added at [index[i, j], j] for dim 0, at [i, index[i, j]] for dim 1, and so on.

    >>> import autodiff
    >>> autodiff.zeros(3).scatter_add(0, autodiff.tensor([0, 0, 2]), autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    refuse_plain(src, "scatter_add", "src", 4)
    x, i, where, index = aligned(input, dim, index, "scatter")
    z = at_places(x, i, where, index, src, "scatter", adding=True)
    return z if input.array.ndim else z.reshape(())


REDUCTIONS: dict[str, Callable[..., Tensor]] = {"prod": prod, "amax": amax, "amin": amin}


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """`input` with the sum, prod, mean, amax or amin of the values of `src` that come to one place.

    src[i, j] comes to [index[i, j], j] for dim 0, to [i, index[i, j]] for dim 1, and so on.

    With `include_self` the entry that is there counts too; what gets no value stays as it is. Ties of amax
    and amin share the gradient evenly. Raises RuntimeError for another reduction, and for what does not fit.
    Source: PyTorch, `torch.scatter_reduce`.

    >>> import autodiff
    >>> index, src = autodiff.tensor([0, 1, 0]), autodiff.tensor([1.0, 2.0, 4.0])
    >>> autodiff.zeros(3).scatter_reduce(0, index, src, "mean", include_self=False)
    tensor([2.5000, 2.0000, 0.0000])
    """
    if reduce not in ("sum", "mean", *REDUCTIONS):
        raise located.RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    refuse_plain(src, "scatter_reduce", "src", 4)
    x, i, where, index = aligned(input, dim, index, "scatter")
    src = fitted(x, i, index, src, "scatter")
    if reduce in REDUCTIONS:
        z = together(x, src, where, REDUCTIONS[reduce], include_self)
    else:
        z = (x if include_self else setitem(x, 0, where)) + sums_at(src, x.array.shape, where)
        if reduce == "mean":
            count = np.full(x.array.shape, int(include_self))
            np.add.at(count, where, 1)
            z = div(z, cast(Tensor(np.maximum(count, 1)), z.array.dtype), rounding_mode=whole_mean(z))
    return z if input.array.ndim else z.reshape(())


def whole_mean(z: Tensor) -> str | None:
    """How a mean of integers is rounded. NotImplementedError for bools, which have none."""
    if z.array.dtype == bool:
        raise located.NotImplementedError("scatter_reduce(): mean is not implemented for bools: x.float()")
    return None if z.array.dtype.kind == "f" else "floor"


def together(
    x: Tensor, src: Tensor, where: tuple[Array, ...], reduction: Callable[..., Tensor], include_self: bool
) -> Tensor:
    """x with the reduction of the values of `src` that come to each of the places `where`."""
    shape = x.array.shape
    at = np.ravel_multi_index(where, shape).reshape(-1)
    row, values = x.reshape(-1), src.reshape(-1)
    if include_self:
        values, at = cat([row, values]), np.concatenate([np.arange(row.array.size), at])
    order = np.argsort(at, kind="stable")
    places, starts, counts = np.unique(at[order], return_index=True, return_counts=True)
    for n in np.unique(counts).tolist() or [1]:  # where none gets any, the result depends on `src` still
        same = counts == n
        rows = order[starts[same][:, None] + np.arange(n)]  # a row for each place that gets n values
        row = setitem(row, cast(reduction(getitem(values, (rows,)), 1), x.array.dtype), (places[same],))
    return row.reshape(shape)


def aligned(input: Tensor, dim: int, index: Tensor, op: str) -> tuple[Tensor, int, tuple[Array, ...], Tensor]:
    """`input` of one dimension at least, its dimension, the index written out for each, and the index."""
    refuse_plain(input, op)
    refuse_plain(index, op, "index", 3)
    refuse_index(index, op)
    x = input if input.array.ndim else input.reshape(1)
    index = index if index.array.ndim else index.reshape(1)
    i = one_dim(dim, x.array.ndim, op)
    if index.array.ndim != x.array.ndim:
        raise located.RuntimeError(
            "Index tensor must have the same number of dimensions as self tensor, in "
            f"{op}(): the index is {describe(index)}, the input {describe(input)}"
        )
    refuse_outside(index.array, i, x.array.shape[i])
    return x, i, along_grid(index.array.shape, i, index.array), index


def at_places(
    x: Tensor, dim: int, where: tuple[Array, ...], index: Tensor, src: Tensor, op: str, adding: bool
) -> Tensor:
    """x with `src` written or added at the places `where`."""
    src = fitted(x, dim, index, src, op)
    return x + sums_at(src, x.array.shape, where) if adding else setitem(x, src, where)


def fitted(x: Tensor, dim: int, index: Tensor, src: Tensor, op: str) -> Tensor:
    """The part of `src` that the index covers. Raises RuntimeError if it does not fit."""
    if src.array.dtype != x.array.dtype:
        raise located.RuntimeError(
            f"{op}(): Expected self.dtype to be equal to src.dtype, but they are {x.array.dtype} and "
            f"{src.array.dtype}"
        )
    src = src if src.array.ndim else src.reshape(1)
    n = index.array.shape
    if src.array.ndim != len(n):
        raise located.RuntimeError(
            f"Index tensor must have the same number of dimensions as src tensor, in {op}(): the index is "
            f"{describe(index)}, src {describe(src)}"
        )
    a, b = x.array.shape, src.array.shape
    if any(k > c or (k > m and d != dim) for d, (k, m, c) in enumerate(zip(n, a, b, strict=True))):
        raise located.RuntimeError(
            f"Expected index {list(n)} to be no larger than self {list(a)} apart from dimension {dim} and to "
            f"be no larger size than src {list(b)}, in {op}()"
        )
    return src if b == n else getitem(src, tuple(slice(k) for k in n))


# along one dimension ----------------------------------------------------------------------------------------


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """`input` with `alpha` times the entries of `source` along `dim` added at the numbers in `index`.

    >>> import autodiff
    >>> autodiff.zeros(3).index_add(0, autodiff.tensor([0, 0, 2]), autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    refuse_plain(source, "index_add", "source", 4)
    x, i, at = numbered(input, dim, index, "index_add")
    if source.array.dtype != x.array.dtype:
        raise located.RuntimeError(
            f"index_add_(): self ({x.array.dtype}) and source ({source.array.dtype}) must have the same "
            "scalar type"
        )
    source = source if source.array.ndim else source.reshape(1)
    a, b = x.array.shape, source.array.shape
    if len(b) != len(a) or a[:i] + a[i + 1 :] != b[:i] + b[i + 1 :]:
        raise located.RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
            f"self.shape = {list(input.array.shape)} source.shape = {list(b)}, in index_add()"
        )
    if b[i] != at.size:
        raise located.RuntimeError(
            f"index_add_(): Number of indices ({at.size}) should be equal to source.size(dim): ({b[i]}), for "
            f"dim: {i}"
        )
    refuse_outside(at, i, a[i])
    z = x + sums_at(source if alpha == 1 else source * alpha, a, (*(ALL,) * i, at))
    return z if input.array.ndim else z.reshape(())


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with the entries of `source` along `dim` at the numbers in `index`.

    >>> import autodiff
    >>> autodiff.zeros(3).index_copy(0, autodiff.tensor([2, 0]), autodiff.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    refuse_plain(input, "index_copy")
    refuse_plain(source, "index_copy", "source", 4)
    refuse_plain(index, "index_copy", "index", 3)
    if index.array.dtype != int64:
        raise located.RuntimeError(
            f"index_copy_(): Expected a long tensor for index, but got {index.array.dtype}"
        )
    if source.array.dtype != input.array.dtype:
        raise located.RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{input.array.dtype} and (source) {source.array.dtype}"
        )
    if index.array.ndim > 1:
        raise located.IndexError(
            f"index_copy_(): Index should have dimension 1 or 0 (got {index.array.ndim})"
        )
    x, i, at = numbered(input, dim, index, "index_copy")
    source = source if source.array.ndim else source.reshape(1)
    a, b = x.array.shape, source.array.shape
    if len(b) != len(a) or a[:i] + a[i + 1 :] != b[:i] + b[i + 1 :]:
        raise located.RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes, except at dimension "
            f"{i}, but they are {list(b)} and {list(a)}"
        )
    if b[i] != at.size:
        raise located.IndexError(
            f"index_copy_(): Number of indices ({at.size}) should be equal to source.size(dim) ({b[i]})"
        )
    refuse_beyond(at, i, a[i], "index_copy_(): ", lowest=0)
    z = setitem(x, source, (*(ALL,) * i, at))
    return z if input.array.ndim else z.reshape(())


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """`input` with `value` (a number or a 0-dim tensor) at the numbers in `index` along `dim`.

    >>> import autodiff
    >>> autodiff.zeros(3).index_fill(0, autodiff.tensor([2, 0]), 7.0)
    tensor([7., 0., 7.])
    """
    refuse_plain(index, "index_fill", "index", 3)
    if index.array.dtype != int64:
        raise located.IndexError(f"index_fill_(): Expected dtype int64 for index, not {index.array.dtype}")
    if index.array.ndim > 1:
        raise located.RuntimeError(
            f"Index has to be a vector/scalar, in index_fill(), but it is {describe(index)}"
        )
    if isinstance(value, Tensor) and value.array.ndim:
        raise located.RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    x, i, at = numbered(input, dim, index, "index_fill")
    refuse_beyond(at, i, x.array.shape[i], "", lowest=-x.array.shape[i])
    at = np.unique(at % x.array.shape[i]) if at.size else at  # an entry named twice is filled once
    v = cast(value, x.array.dtype) if isinstance(value, Tensor) else x.array.dtype.type(value).item()
    z = setitem(x, v, (*(ALL,) * i, at))
    return z if input.array.ndim else z.reshape(())


def numbered(input: Tensor, dim: int, index: Tensor, op: str) -> tuple[Tensor, int, Array]:
    """`input` of one dimension at least, its dimension, and the numbers in `index`, a vector."""
    refuse_plain(input, op)
    refuse_plain(index, op, "index", 3)
    refuse_index(index, f"{op}_")
    if index.array.ndim > 1:
        raise located.IndexError(
            f"{op}_(): Index is supposed to be a vector, but got dim: {index.array.ndim}, {describe(index)}"
        )
    x = input if input.array.ndim else input.reshape(1)
    return x, one_dim(dim, x.array.ndim, op), index.array.reshape(-1).copy()


# anywhere ---------------------------------------------------------------------------------------------------


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with the values of `source` at these places of the flattened tensor; added if `accumulate`.

    Raises IndexError for places that there are not, or as many as do not fit, RuntimeError for dtypes.

    >>> import autodiff
    >>> autodiff.put(autodiff.zeros(2, 2), autodiff.tensor([1, -1]), autodiff.tensor([5.0, 6.0]))
    tensor([[0., 5.],
            [0., 6.]])
    """
    refuse_plain(input, "put")
    refuse_plain(index, "put", "index", 2)
    refuse_plain(source, "put", "source", 3)
    if index.array.dtype != int64:
        raise located.RuntimeError(f"put_(): Expected a long tensor for index, but got {index.array.dtype}")
    if source.array.dtype != input.array.dtype:
        raise located.RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.array.dtype} and source.dtype = {source.array.dtype}"
        )
    if source.array.size != index.array.size:
        raise located.IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.array.size}, index.numel() = {index.array.size}"
        )
    refuse_places(index.array, input.array.size)
    row, at = input.reshape(-1), (index.array.reshape(-1).copy(),)
    values = source.reshape(-1)
    z = row + sums_at(values, row.array.shape, at) if accumulate else setitem(row, values, at)
    return z.reshape(input.array.shape)


def index_put(input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with x[indices] = values, or += if `accumulate`, which adds up what meets at one place.

    >>> import autodiff
    >>> at = (autodiff.tensor([0, 0]), autodiff.tensor([1, 1]))
    >>> autodiff.index_put(autodiff.zeros(2, 2), at, autodiff.tensor(5.0), accumulate=True)
    tensor([[ 0., 10.],
            [ 0.,  0.]])
    """
    refuse_plain(input, "index_put")
    if not isinstance(indices, (list, tuple)):
        raise located.TypeError(
            "index_put(): argument 'indices' (position 2) must be tuple of Tensors, not "
            f"{type(indices).__name__}"
        )
    refuse_plain(values, "index_put", "values", 3)
    if values.array.dtype != input.array.dtype:
        raise located.RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.array.dtype} for the "
            f"destination and {values.array.dtype} for the source."
        )
    for index in indices:
        refuse_plain(index, "index_put", "indices", 2)
    basic, advanced = parse(
        tuple(index if index.array.ndim else index.reshape(1) for index in indices), input.array.shape
    )
    where = advanced or basic
    assert where is not None
    values = values.expand(input.array[where].shape)
    if accumulate:
        return input + sums_at(values, input.array.shape, where)
    return setitem(input, values, where)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the first values of `source`, one after the other, where `mask` is true; both broadcast.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, -2.0, -3.0])
    >>> x.masked_scatter(x < 0, autodiff.tensor([7.0, 8.0, 9.0]))
    tensor([1., 7., 8.])
    """
    refuse_plain(input, "masked_scatter")
    refuse_mask(mask, "masked_scatter_")
    refuse_plain(source, "masked_scatter", "source", 3)
    if source.array.dtype != input.array.dtype:
        raise located.RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.array.dtype} and "
            f"{source.array.dtype}"
        )
    shape = common_shape(input, mask, "masked_scatter")
    at = np.nonzero(np.broadcast_to(mask.array, shape)) if shape else (mask.array.reshape(1).nonzero()[0],)
    if source.array.size < at[0].size:
        raise located.RuntimeError(
            "Number of elements of source < number of ones in mask: "
            f"{source.array.size} < {at[0].size}, in masked_scatter()"
        )
    x = input.expand(shape) if shape else input.reshape(1)
    z = setitem(x, getitem(source.reshape(-1), (slice(at[0].size),)), at)
    return z if shape else z.reshape(())
