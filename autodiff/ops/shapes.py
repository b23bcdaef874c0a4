"""The same values in another shape, row by row: reshape and its kin, which check and work out the shape.

Where memory can be shared the result is a view.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import located
from ..memory import owner
from ..primitive import View
from ..tensor import Tensor
from .arguments import integers, refuse_plain, spread, tensors_of
from .dims import many_dims, one_dim

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "flatten", "ravel", "reshape", "squeeze", "unflatten",
    "unsqueeze",
]  # fmt: skip

Shape = tuple[int, ...]

# fmt: off
regroup = View("reshape", lambda x, shape: x.reshape(shape), lambda g, z, x, shape: g.reshape(x.shape),
               doc="the same values in another shape")
# fmt: on


def on_its_own(z: Tensor) -> Tensor:
    """`z`, a result in several steps: no view of the step before the last, which nobody else can see."""
    z._view = None
    return z


@spread
def reshape(input: Tensor, shape: Shape) -> Tensor:
    """The same values, row by row, in another shape, where one length may be -1: worked out.

    A view where memory can be shared. Raises RuntimeError if the number of values differs.

    >>> import autodiff
    >>> autodiff.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    refuse_plain(input, "reshape")
    return regroup(input, worked_out(shape, input.array.size, input.array.shape))


@spread
def view(input: Tensor, size: Shape) -> Tensor:
    """As `reshape`, but never a copy: RuntimeError where the memory cannot be shared.

    >>> import autodiff
    >>> x = autodiff.zeros(2, 2)
    >>> x.view(4)[1] = 7.0
    >>> x
    tensor([[0., 7.],
            [0., 0.]])
    """
    refuse_plain(input, "view")
    z = regroup(input, worked_out(size, input.array.size, input.array.shape))
    if z.array.size and owner(z.array) is not owner(input.array):
        raise located.RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous subspaces). Use .reshape(...) instead. The tensor of shape "
            f"{input.array.shape} is not stored row by row"
        )
    return z


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` viewed in the shape of `other`."""
    refuse_plain(other, "view_as", "other", 2)
    return view(input, other.array.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` in the shape of `other`."""
    refuse_plain(other, "reshape_as", "other", 2)
    return reshape(input, other.array.shape)


def worked_out(shape: Shape, size: int, old: Shape) -> Shape:
    """`shape` with its -1, if it has one, replaced by the length that makes `size` values."""
    for i, n in enumerate(shape):
        if n < -1:
            raise located.RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    known = math.prod(n for n in shape if n != -1)
    if shape.count(-1) > 1:
        raise located.RuntimeError(
            f"only one dimension can be inferred, but the shape {list(shape)} has {shape.count(-1)} lengths "
            "of -1"
        )
    if -1 in shape and known == 0 == size:
        raise located.RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
            "size -1 can be any value and is ambiguous"
        )
    if (size != known) if -1 not in shape else (known == 0 or size % known):
        raise located.RuntimeError(
            f"shape '{list(shape)}' is invalid for input of size {size}: the tensor has the shape {old}"
        )
    return tuple(size // known if n == -1 else n for n in shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` made one; a 0-dim tensor becomes 1-dim.

    A single dimension is one already: then `input` itself is returned.

    >>> import autodiff
    >>> autodiff.zeros(2, 3, 4).flatten(1).shape
    (2, 12)
    """
    refuse_plain(input, "flatten")
    shape = input.array.shape or (1,)
    first, last = one_dim(start_dim, len(shape), "flatten"), one_dim(end_dim, len(shape), "flatten")
    if first > last:
        raise located.RuntimeError(
            f"flatten() has invalid args: start_dim cannot come after end_dim, but {start_dim} and {end_dim} "
            "do"
        )
    if first == last and input.array.ndim:
        return input
    return regroup(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """The entries in one row.

    >>> import autodiff
    >>> autodiff.ravel(autodiff.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    refuse_plain(input, "ravel")
    return regroup(input, (input.array.size,))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension made several, of these `sizes` (one of which may be -1); the opposite of `flatten`.

    >>> import autodiff
    >>> autodiff.zeros(2, 12).unflatten(1, (3, -1)).shape
    (2, 3, 4)
    """
    refuse_plain(input, "unflatten")
    i, shape = one_dim(dim, input.array.ndim, "unflatten"), input.array.shape
    sizes = integers(sizes, "unflatten")
    try:
        inner = worked_out(sizes, shape[i], shape)
    except RuntimeError:
        raise located.RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {i} ({shape[i]}) "
            "in the input tensor"
        ) from None
    return regroup(input, (*shape[:i], *inner, *shape[i + 1 :]))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of length 1, or without those of `dim` (one or several) whose length is 1.

    >>> import autodiff
    >>> autodiff.zeros(1, 3, 1).squeeze(0).shape
    (3, 1)
    """
    refuse_plain(input, "squeeze")
    shape = input.array.shape
    chosen = range(len(shape)) if dim is None else many_dims(dim, len(shape), "squeeze")
    return regroup(input, tuple(n for i, n in enumerate(shape) if n != 1 or i not in chosen))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of length 1 at `dim`.

    >>> import autodiff
    >>> autodiff.zeros(3).unsqueeze(1).shape
    (3, 1)
    """
    refuse_plain(input, "unsqueeze")
    shape = input.array.shape
    i = one_dim(dim, len(shape) + 1, "unsqueeze")
    return regroup(input, (*shape[:i], 1, *shape[i:]))


def atleast_1d(*tensors: Any) -> Any:
    """With one dimension at least; of several tensors (or a list of them) a tuple.

    >>> import autodiff
    >>> autodiff.atleast_1d(autodiff.tensor(2.0))
    tensor([2.])
    """
    return each(tensors, lambda shape: shape or (1,), "atleast_1d")


def atleast_2d(*tensors: Any) -> Any:
    """With two dimensions at least: a vector becomes a row.

    >>> import autodiff
    >>> autodiff.atleast_2d(autodiff.tensor([1, 2]))
    tensor([[1, 2]])
    """
    return each(tensors, lambda shape: (1,) * (2 - len(shape)) + shape, "atleast_2d")


def atleast_3d(*tensors: Any) -> Any:
    """With three dimensions at least: (n,) becomes (1, n, 1), and (n, m) becomes (n, m, 1).

    >>> import autodiff
    >>> autodiff.atleast_3d(autodiff.tensor([1, 2])).shape
    (1, 2, 1)
    """

    def shaped(shape: Shape) -> Shape:
        return {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape), shape)

    return each(tensors, shaped, "atleast_3d")


def each(tensors: tuple[Any, ...], shaped: Callable[[Shape], Shape], op: str) -> Any:
    """The tensor in the shape that `shaped` makes of its own (itself, if that is it); or a tuple of them."""
    one = len(tensors) == 1 and isinstance(tensors[0], Tensor)
    shapes = [(x, shaped(x.array.shape)) for x in tensors_of(tensors, op)]
    found = tuple(x if shape == x.array.shape else regroup(x, shape) for x, shape in shapes)
    return found[0] if one else found
