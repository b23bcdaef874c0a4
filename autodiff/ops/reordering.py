"""The same values in another order: of the dimensions, which is a view, or of the entries along them, a copy.

The primitives put all dimensions in another order (`permute`) or swap two (`transpose`), and turn the entries
along dimensions round (`flip`) or move them on (`roll`).
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import describe, located
from ..primitive import Entrywise, Primitive, View
from ..tensor import Tensor
from .arguments import integers, refuse_plain, spread, whole
from .dims import many_dims, one_dim
from .shapes import Shape, on_its_own, regroup
from .special import copy

__all__ = [
    "adjoint", "flip", "fliplr", "flipud", "moveaxis", "movedim", "permute", "roll", "rot90", "swapaxes",
    "swapdims", "t", "transpose",
]  # fmt: skip


def undoing(order: Shape) -> Shape:
    """The order of dimensions that puts those reordered by `order` back."""
    return tuple(order.index(i) for i in range(len(order)))


def opposite(shifts: Shape) -> Shape:
    """The shifts that undo `shifts`."""
    return tuple(-shift for shift in shifts)


# fmt: off
# views ------------------------------------------------------------------------------------------------------
reorder = View("permute", np.transpose, lambda g, z, x, order: np.transpose(g, undoing(order)),
               doc="x with its dimensions in another order")
swap    = View("transpose", np.swapaxes, lambda g, z, x, i, j: g.swapaxes(i, j),
               doc="x with two dimensions swapped")

# copies -----------------------------------------------------------------------------------------------------
mirror: Primitive = Entrywise("flip", lambda x, axis: copy(np.flip(x, axis)),
                              lambda g, z, x, axis: mirror(g, axis), doc="x backwards")
rotate: Primitive = Primitive("roll", np.roll,
                              lambda g, z, x, by, axis: rotate(g, opposite(by), axis), doc="x moved round")
# fmt: on


# dimensions -------------------------------------------------------------------------------------------------


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """With two dimensions swapped.

    >>> import autodiff
    >>> autodiff.zeros(2, 3, 4).transpose(0, -1).shape
    (4, 3, 2)
    """
    refuse_plain(input, "transpose")
    ndim = input.array.ndim
    i, j = one_dim(dim0, ndim, "transpose"), one_dim(dim1, ndim, "transpose")
    return swap(input, i, j) if ndim else regroup(input, ())


swapdims = transpose


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """With two dimensions swapped: NumPy's name for `transpose`."""
    return transpose(input, axis0, axis1)


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector or a number as it is. RuntimeError for more than two dimensions.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).t()
    tensor([[1, 3],
            [2, 4]])
    """
    refuse_plain(input, "t")
    if input.array.ndim > 2:
        raise located.RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.array.ndim}D: use x.mT or "
            "x.permute(...)"
        )
    return swap(input, 0, 1) if input.array.ndim == 2 else regroup(input, input.array.shape)


def reversed_dims(input: Tensor) -> Tensor:
    """The property `x.T`: all dimensions in reverse order."""
    ndim = input.array.ndim
    return swap(input, 0, 1) if ndim == 2 else reorder(input, tuple(range(ndim))[::-1])


def matrix_transpose(input: Tensor) -> Tensor:
    """The property `x.mT`: the last two dimensions swapped, in a matrix or a batch of matrices."""
    if input.array.ndim < 2:
        raise located.RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input.array.ndim}-D "
            "tensor: use x.unsqueeze(0) for a row, x.unsqueeze(1) for a column"
        )
    return swap(input, -2, -1)


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions swapped: `x.mT`, for real numbers."""
    refuse_plain(input, "adjoint")
    if input.array.ndim < 2:
        raise located.RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got "
            f"{input.array.ndim}-D tensor."
        )
    return swap(input, -2, -1)


@spread
def permute(input: Tensor, dims: Shape) -> Tensor:
    """The dimensions in the order `dims`, which names each once.

    >>> import autodiff
    >>> autodiff.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    refuse_plain(input, "permute")
    ndim = input.array.ndim
    if len(dims) != ndim:
        raise located.RuntimeError(
            "permute(): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple(one_dim(d, ndim, "permute") for d in dims)
    if len(set(order)) < ndim:
        raise located.RuntimeError(f"permute(): duplicate dims are not allowed. They are {dims}")
    return reorder(input, order)


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The dimensions `source` (one or several) moved to `destination`; the others keep their order.

    >>> import autodiff
    >>> autodiff.zeros(2, 3, 4).movedim(0, -1).shape
    (3, 4, 2)
    """
    refuse_plain(input, "movedim")
    ndim = input.array.ndim
    start, end = many_dims(source, ndim, "movedim"), many_dims(destination, ndim, "movedim")
    if len(start) != len(end):
        raise located.RuntimeError(
            f"movedim: Invalid source or destination dims: source {source} and destination {destination} "
            "differ in number"
        )
    order = [i for i in range(ndim) if i not in start]
    for j, i in sorted(zip(end, start, strict=True)):
        order.insert(j, i)
    return reorder(input, tuple(order[:ndim]))


moveaxis = movedim


# entries ----------------------------------------------------------------------------------------------------


@spread
def flip(input: Tensor, dims: Shape) -> Tensor:
    """The entries in reverse order along `dims` (one or several): a copy.

    >>> import autodiff
    >>> autodiff.tensor([1, 2, 3]).flip(0)
    tensor([3, 2, 1])
    """
    refuse_plain(input, "flip")
    axes = many_dims(dims, input.array.ndim, "flip")
    return mirror(input, axes if input.array.ndim else ())


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The entries moved on by `shifts` along `dims`, or in the flattened tensor; the last come back first.

    >>> import autodiff
    >>> autodiff.tensor([1, 2, 3, 4]).roll(1, 0)
    tensor([4, 1, 2, 3])
    """
    refuse_plain(input, "roll")
    by = tuple(shifts) if isinstance(shifts, Sequence) else (shifts,)
    if dims is None and len(by) == 1:
        return on_its_own(regroup(roll(regroup(input, (input.array.size,)), by, 0), input.array.shape))
    named = () if dims is None else dims if isinstance(dims, Sequence) else (dims,)
    if len(by) != len(named):
        raise located.RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(named)}, in roll()"
        )
    axes = tuple(one_dim(d, input.array.ndim, "roll") for d in named)
    return rotate(input, by, axes) if input.array.ndim else input.clone()


def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order: flip(1).

    >>> import autodiff
    >>> autodiff.fliplr(autodiff.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    refuse_plain(input, "fliplr")
    if input.array.ndim < 2:
        raise located.RuntimeError(f"Input must be >= 2-d, in fliplr(), but it is {describe(input)}")
    return mirror(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order: flip(0).

    >>> import autodiff
    >>> autodiff.flipud(autodiff.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    refuse_plain(input, "flipud")
    if not input.array.ndim:
        raise located.RuntimeError(f"Input must be >= 1-d, in flipud(), but it is {describe(input)}")
    return mirror(input, (0,))


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """The plane of two dimensions turned `k` times by 90 degrees, from the first towards the second: a copy.

    >>> import autodiff
    >>> autodiff.rot90(autodiff.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    refuse_plain(input, "rot90")
    dims = integers(dims, "rot90")
    if len(dims) != 2:
        raise located.RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.array.ndim < 2:
        raise located.RuntimeError(f"expected total dims >= 2, but got total dims = {input.array.ndim}")
    i, j = (one_dim(d, input.array.ndim, "rot90") for d in dims)
    if i == j:
        raise located.RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    match whole(k, "rot90", "k") % 4:
        case 0:
            return input.clone()
        case 1:
            return on_its_own(swap(mirror(input, (j,)), i, j))
        case 2:
            return mirror(input, (i, j))
        case _:
            return on_its_own(swap(mirror(input, (i,)), i, j))
