"""The same values several times: without copying (expanded, or met by a window that moves on), or copied."""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array, int64
from ..errors import broadcast_conflict, describe, expand_conflict, located
from ..memory import owner
from ..primitive import Primitive, View
from ..tensor import Tensor
from .arguments import integers, refuse_plain, spread, tensors_of
from .dims import one_dim
from .indexing import getitem
from .shapes import Shape, atleast_1d, ravel, regroup

__all__ = [
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "meshgrid", "repeat_interleave", "tile",
]  # fmt: skip

ALL = slice(None)


def windows(x: Array, i: int, size: int, step: int) -> Array:
    """x[start : start + size] along dimension i, for each start, in a new last dimension: a view of x.

    Where windows overlap it is read-only: an entry that lies in two could not be written for one of them.
    """
    memory, writeable = owner(x), x.flags.writeable
    buffer = memory.transpose(np.argsort(memory.strides, kind="stable")[::-1])
    if not buffer.flags.c_contiguous:  # memory that came from elsewhere, with gaps
        x = buffer = x.copy(order="C")
        writeable = False
    places = (x.shape[i] - size) // step + 1
    shape = (*x.shape[:i], places, *x.shape[i + 1 :], size)
    strides = (*x.strides[:i], x.strides[i] * step, *x.strides[i + 1 :], x.strides[i])
    z: Array = np.ndarray(shape, x.dtype, buffer, address(x) - address(buffer), strides)
    z.flags.writeable = writeable and (step >= size or places < 2)
    return z


def address(x: Array) -> int:
    """Where in memory the first entry is."""
    return int(x.__array_interface__["data"][0])


def windows_added(g: Array, shape: Shape, i: int, size: int, step: int) -> Array:
    """Zeros of this shape with each window of g added where `windows` took it."""
    z = np.zeros(shape, g.dtype)
    places = g.shape[i]
    for k in range(size):
        z[(ALL,) * i + (slice(k, k + (places - 1) * step + 1, step),)] += g[..., k]
    return z


# fmt: off
stretch = View("expand", np.broadcast_to, lambda g, z, x, shape: g,
               doc="x repeated without copying")
slide   = View("windows", windows, lambda g, z, x, i, size, step: add_windows(g, x.shape, i, size, step),
               doc="what a window over one dimension of x meets as it moves on")
add_windows: Primitive = Primitive("add_windows", windows_added,
               lambda g, z, x, shape, i, size, step: slide(g, i, size, step),
               doc="zeros of a shape, with each window of x added where it was taken")
# fmt: on


# without copying --------------------------------------------------------------------------------------------


@spread
def expand(input: Tensor, size: Shape) -> Tensor:
    """Dimensions of length 1 repeated to `size`, and new ones in front, without copying; -1 keeps a length.

    Raises RuntimeError where another length would have to change. clone() the result before writing into it.

    >>> import autodiff
    >>> autodiff.tensor([[1.0], [2.0]]).expand(-1, 3)
    tensor([[1., 1., 1.],
            [2., 2., 2.]])
    """
    refuse_plain(input, "expand")
    shape = input.array.shape
    new = len(size) - len(shape)
    for i, n in enumerate(size):
        if n < -1 or (n == -1 and i < new):
            raise located.RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension "
                f"{i}"
            )
    if new < 0:
        raise located.RuntimeError(
            f"expand({describe(input)}, {list(size)}): the number of sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    target = tuple(shape[i - new] if n == -1 else n for i, n in enumerate(size))
    conflict = expand_conflict(shape, target)
    if conflict:
        raise located.RuntimeError(f"{conflict}, in expand(): only dimensions of length 1 can be repeated")
    return regroup(input, shape) if target == shape else stretch(input, target)


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` expanded to the shape of `other`."""
    refuse_plain(other, "expand_as", "other", 2)
    return expand(input, other.array.shape)


@spread
def broadcast_to(input: Tensor, size: Shape) -> Tensor:
    """`input` expanded to the shape `size`.

    >>> import autodiff
    >>> autodiff.broadcast_to(autodiff.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(input, size)


def broadcast_shapes(*shapes: Any) -> Shape:
    """The shape that tensors of these shapes broadcast to; RuntimeError if there is none.

    >>> import autodiff
    >>> autodiff.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    sizes = [integers(shape, "broadcast_shapes") for shape in shapes]
    try:
        return np.broadcast_shapes(*sizes)
    except ValueError:
        raise located.RuntimeError(f"{broadcast_conflict(sizes)}, in broadcast_shapes()") from None


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to the shape that they broadcast to: views.

    >>> import autodiff
    >>> autodiff.broadcast_tensors(autodiff.tensor([1, 2]), autodiff.tensor([[3], [4]]))
    (tensor([[1, 2],
            [1, 2]]), tensor([[3, 3],
            [4, 4]]))
    """
    xs = tensors_of(tensors, "broadcast_tensors")
    shape = broadcast_shapes(*(x.array.shape for x in xs))
    return tuple(expand(x, shape) for x in xs)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Views of the vectors as coordinates of a grid: the i-th varies along dimension i only.

    With indexing="xy" the first varies along dimension 1 and the second along dimension 0, as in a picture.
    Raises RuntimeError for tensors of more dimensions or of different dtypes, and for none.

    >>> import autodiff
    >>> autodiff.meshgrid(autodiff.tensor([1, 2]), autodiff.tensor([3, 4]))
    (tensor([[1, 1],
            [2, 2]]), tensor([[3, 4],
            [3, 4]]))
    """
    xs = tensors_of(tensors, "meshgrid")
    if not xs:
        raise located.RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in ("ij", "xy"):
        raise located.RuntimeError(
            f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if len({x.array.dtype for x in xs}) > 1:
        raise located.RuntimeError("meshgrid expects all tensors to have the same dtype")
    for x in xs:
        if x.array.ndim > 1:
            raise located.RuntimeError(
                f"meshgrid: Expected 0D or 1D tensor in the tensor list but got: {describe(x)}"
            )
    place = [1, 0, *range(2, len(xs))] if indexing == "xy" and len(xs) > 1 else list(range(len(xs)))
    shape = tuple(xs[k].array.size for k in place)
    lines = (regroup(x, (-1, *(1,) * (len(xs) - 1 - i))) for i, x in zip(place, xs, strict=True))
    return tuple(stretch(line, shape) for line in lines)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of what a window of `size` entries meets along one dimension, moved on by `step` each time.

    The windows are the new last dimension. Where they overlap, clone() them before writing. RuntimeError for
    a window that is longer than the dimension.

    >>> import autodiff
    >>> autodiff.tensor([1, 2, 3, 4]).unfold(0, 2, 1)
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """
    refuse_plain(input, "unfold")
    i = one_dim(dimension, input.array.ndim, "unfold")
    n = input.array.shape[i] if input.array.ndim else 1
    if size < 0:
        raise located.RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise located.RuntimeError(f"maximum size for tensor at dimension {i} is {n} but size is {size}")
    if step < 1:
        raise located.RuntimeError(f"step is {step} but must be > 0")
    return slide(input, i, size, step) if input.array.ndim else regroup(input, (1,))


# copied -----------------------------------------------------------------------------------------------------


@spread
def repeat(input: Tensor, repeats: Shape) -> Tensor:
    """Copies of the tensor side by side, so many along each dimension; more numbers make new dimensions.

    >>> import autodiff
    >>> autodiff.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    refuse_plain(input, "repeat")
    new = len(repeats) - input.array.ndim
    if new < 0:
        raise located.RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{len(repeats)} numbers for the shape {input.array.shape}"
        )
    if min(repeats, default=0) < 0:
        raise located.RuntimeError(f"Trying to create tensor with negative dimension, in repeat{repeats}")
    shape = (1,) * new + input.array.shape
    apart = regroup(input, tuple(m for n in shape for m in (1, n)))
    side_by_side = stretch(
        apart, tuple(m for times, n in zip(repeats, shape, strict=True) for m in (times, n))
    )
    z = regroup(side_by_side, tuple(times * n for times, n in zip(repeats, shape, strict=True)))
    return z if owner(z.array) is not owner(input.array) else z.clone()


@spread
def tile(input: Tensor, dims: Shape) -> Tensor:
    """As `repeat`; if there are fewer numbers than dimensions, they are for the last ones.

    >>> import autodiff
    >>> autodiff.tensor([[1], [2]]).tile(2)
    tensor([[1, 1],
            [2, 2]])
    """
    refuse_plain(input, "tile")
    return repeat(input, (1,) * (input.array.ndim - len(dims)) + dims)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry along `dim` (None: of the flattened tensor) repeated `repeats` times, one after the other.

    `repeats` is a number, or an int64 tensor with one for each entry. Alone it gives the index of each
    repeated entry. Raises RuntimeError for numbers below 0 and for as many as do not fit.

    >>> import autodiff
    >>> autodiff.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    >>> autodiff.tensor([[1, 2], [3, 4]]).repeat_interleave(autodiff.tensor([1, 2]), dim=0)
    tensor([[1, 2],
            [3, 4],
            [3, 4]])
    """
    refuse_plain(input, "repeat_interleave")
    if repeats is None:
        return Tensor(np.repeat(np.arange(input.array.size), times_of(input).reshape(-1)))
    times = times_of(repeats)
    x = ravel(input) if dim is None else atleast_1d(input)
    i = 0 if dim is None else one_dim(dim, input.array.ndim, "repeat_interleave")
    n = x.array.shape[i]
    if times.size not in (1, n):
        raise located.RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {times.size} and "
            f"input.size({i}) = {n}"
        )
    index: Array = np.repeat(np.arange(n), times)
    if output_size is not None and output_size != index.size:
        raise located.RuntimeError(
            f"allocated size does not match required size: {output_size} and {index.size}"
        )
    return getitem(x, (ALL,) * i + (index,))


def times_of(repeats: Any) -> Array:
    """How often to repeat, as an array of int64."""
    if isinstance(repeats, Tensor):
        if repeats.array.ndim > 1:
            raise located.RuntimeError("repeats must be 0-dim or 1-dim tensor")
        if repeats.array.dtype != int64:
            raise located.NotImplementedError(
                f"repeat_interleave() is not implemented for repeats {repeats.dtype}"
            )
        times = repeats.array
    elif isinstance(repeats, int):
        times = np.array(repeats)
    else:
        raise located.TypeError(
            f"repeat_interleave(): repeats must be an int or a Tensor of int64, not {type(repeats).__name__}"
        )
    if (times < 0).any():
        word = "repeats can not be negative" if times.ndim else "Repeats must be non-negative"
        raise located.RuntimeError(f"{word}, in repeat_interleave()")
    return times
