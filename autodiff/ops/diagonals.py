"""Diagonals of matrices, and what lies on one side of them.

`diagonal` looks at one (a view), `place` puts values on one of zeros; each is the other's transpose.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from typing import Any

import numpy as np

from .. import inplace
from ..dtypes import Array, as_dtype, int64
from ..errors import describe, located
from ..primitive import Primitive, View
from ..tensor import Tensor, refuse_device
from .arguments import refuse_plain, whole
from .dims import one_dim
from .shapes import ravel

__all__ = [
    "diag", "diag_embed", "diagflat", "diagonal", "tril", "tril_indices", "triu", "triu_indices",
]  # fmt: skip


# what the table is made of ----------------------------------------------------------------------------------


def looked_at(x: Array, offset: int, i: int, j: int) -> Array:
    """The diagonal of the dimensions i and j as a view, in a new last dimension."""
    z = np.diagonal(x, offset, i, j)
    if x.flags.writeable:
        z.flags.writeable = True  # NumPy marks it read-only, though it is memory like other views
    return z


def placed(g: Array, shape: tuple[int, ...], offset: int, i: int, j: int) -> Array:
    """Zeros of this shape with g on the diagonal."""
    z = np.zeros(shape, g.dtype)
    looked_at(z, offset, i, j)[...] = g
    return z


# fmt: off
on_diagonal = View("diagonal", looked_at,
                   lambda g, z, x, offset, i, j: place(g, x.shape, offset, i, j),
                   doc="a diagonal of x")
place: Primitive = Primitive("diag_embed", placed,
                   lambda g, z, x, shape, offset, i, j: on_diagonal(g, offset, i, j),
                   doc="zeros of a shape with x on a diagonal")
lower: Primitive = Primitive("tril", np.tril,
                   lambda g, z, x, k: lower(g, k), doc="x, but 0 above the k-th diagonal")
upper: Primitive = Primitive("triu", np.triu,
                   lambda g, z, x, k: upper(g, k), doc="x, but 0 below the k-th diagonal")
# fmt: on


# the functions ----------------------------------------------------------------------------------------------


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the `offset`-th diagonal of the matrices that `dim1` and `dim2` make: the last dimension.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).diagonal()
    tensor([1, 4])
    """
    refuse_plain(input, "diagonal")
    i, j = two_dims(dim1, dim2, input.array.ndim)
    return on_diagonal(input, offset, i, j)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices of zeros with the last dimension of `input` on their `offset`-th diagonal.

    `dim1` and `dim2` are the dimensions of the result that make the matrices.

    >>> import autodiff
    >>> autodiff.diag_embed(autodiff.tensor([1, 2]), offset=1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    refuse_plain(input, "diag_embed")
    offset = whole(offset, "diag_embed", "offset")
    i, j = two_dims(dim1, dim2, input.array.ndim + 1)
    *shape, n = input.array.shape
    for k in sorted((i, j)):
        shape.insert(k, n + abs(offset))
    return place(input, tuple(shape), offset, i, j)


def two_dims(dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    """Two different dimensions, counted from the front."""
    i, j = one_dim(dim1, ndim, "diagonal"), one_dim(dim2, ndim, "diagonal")
    if i == j:
        raise located.RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return i, j


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The `diagonal`-th diagonal of a matrix; or the matrix of zeros with this vector on that diagonal.

    A copy, unlike `x.diagonal()`. Raises RuntimeError for other tensors.

    >>> import autodiff
    >>> autodiff.diag(autodiff.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    refuse_plain(input, "diag")
    if input.array.ndim not in (1, 2):
        raise located.RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.array.ndim}D")
    if input.array.ndim == 1:
        return diag_embed(input, diagonal)
    return on_diagonal(input, diagonal, 0, 1).clone()


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix of zeros with the flattened `input` on its `offset`-th diagonal.

    >>> import autodiff
    >>> autodiff.diagflat(autodiff.tensor([[1], [2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(ravel(input), offset)


def fill_diagonal(x: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """The method `fill_diagonal_`: the diagonal of the matrix x becomes this number, in place."""
    if x.array.ndim < 2:
        raise located.RuntimeError(f"dimensions must larger than 1, in fill_diagonal_() of {describe(x)}")
    if x.array.ndim > 2 or wrap:
        raise located.NotImplementedError("fill_diagonal_() is for matrices here, and does not wrap")
    inplace.fill(on_diagonal(x, 0, 0, 1), fill_value, "fill_diagonal_")
    return x


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of each matrix: 0 above the `diagonal`-th diagonal.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).tril()
    tensor([[1, 0],
            [3, 4]])
    """
    return triangle(lower, input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of each matrix: 0 below the `diagonal`-th diagonal.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).triu(1)
    tensor([[0, 2],
            [0, 0]])
    """
    return triangle(upper, input, diagonal)


def triangle(op: Primitive, x: Tensor, diagonal: int) -> Tensor:
    """`tril` and `triu`."""
    refuse_plain(x, op.name)
    if x.array.ndim < 2:
        raise located.RuntimeError(
            f"{op.name}: input tensor must have at least 2 dimensions, but its shape is {x.array.shape}"
        )
    if not isinstance(diagonal, (int, np.integer)):
        raise located.TypeError(
            f"{op.name}(): argument 'diagonal' must be int, not {type(diagonal).__name__}"
        )
    return op(x, diagonal)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = int64, device: Any = None) -> Tensor:
    """Where the lower triangle of a (row, col) matrix is: the row numbers, then the column numbers.

    >>> import autodiff
    >>> autodiff.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    refuse_device(device)
    return where(np.tri(*lengths(row, col), offset, dtype=bool), dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = int64, device: Any = None) -> Tensor:
    """Where the upper triangle of a (row, col) matrix is: the row numbers, then the column numbers.

    >>> import autodiff
    >>> autodiff.triu_indices(2, 2, 1)
    tensor([[0],
            [1]])
    """
    refuse_device(device)
    return where(~np.tri(*lengths(row, col), offset - 1, dtype=bool), dtype)


def lengths(row: int, col: int) -> tuple[int, int]:
    """The shape of a matrix; RuntimeError for a length below 0."""
    for name, n in (("row", row), ("col", col)):
        if whole(n, "tril_indices or triu_indices", name) < 0:
            raise located.RuntimeError(f"{name} must be non-negative, got{n}")
    return row, col


def where(mask: Array, dtype: Any) -> Tensor:
    """The indices where a mask is true, a row for each dimension."""
    if as_dtype(dtype) != int64:
        raise located.NotImplementedError(f"indices are int64, not {as_dtype(dtype)}")
    return Tensor(np.stack(np.nonzero(mask)))
