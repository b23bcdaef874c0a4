"""The same values in another shape or order. Where memory can be shared it is: most of these are views.

What only regroups the values is `reshape`, what only reorders dimensions is `permute` (or `transpose`, for
two of them), what repeats without copying is `expand`; the functions check and work out the shape.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Array, int64
from ..errors import broadcast_conflict, describe, expand_conflict, located
from ..memory import owner
from ..primitive import Entrywise, Primitive, View
from ..tensor import Tensor
from .dims import integers, many_dims, one_dim, refuse_plain, spread, tensors_of, whole
from .indexing import getitem
from .special import copy

__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors",
    "broadcast_to", "flatten", "flip", "fliplr", "flipud", "meshgrid", "moveaxis", "movedim", "permute",
    "ravel", "repeat_interleave", "reshape", "roll", "rot90", "squeeze", "swapaxes", "swapdims", "t", "tile",
    "transpose", "unflatten", "unsqueeze",
]  # fmt: skip

ALL = slice(None)
Shape = tuple[int, ...]


# what the table is made of ----------------------------------------------------------------------------------


def undoing(order: Shape) -> Shape:
    """The order of dimensions that puts those reordered by `order` back."""
    return tuple(order.index(i) for i in range(len(order)))


def opposite(shifts: Shape) -> Shape:
    """The shifts that undo `shifts`."""
    return tuple(-shift for shift in shifts)


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
# views ------------------------------------------------------------------------------------------------------
regroup = View("reshape", lambda x, shape: x.reshape(shape), lambda g, z, x, shape: g.reshape(x.shape),
               doc="the same values in another shape")
reorder = View("permute", np.transpose, lambda g, z, x, order: np.transpose(g, undoing(order)),
               doc="x with its dimensions in another order")
swap    = View("transpose", np.swapaxes, lambda g, z, x, i, j: g.swapaxes(i, j),
               doc="x with two dimensions swapped")
stretch = View("expand", np.broadcast_to, lambda g, z, x, shape: g,
               doc="x repeated without copying")
slide   = View("windows", windows, lambda g, z, x, i, size, step: add_windows(g, x.shape, i, size, step),
               doc="what a window over one dimension of x meets as it moves on")
add_windows: Primitive = Primitive("add_windows", windows_added,
               lambda g, z, x, shape, i, size, step: slide(g, i, size, step),
               doc="zeros of a shape, with each window of x added where it was taken")

# copies -----------------------------------------------------------------------------------------------------
mirror: Primitive = Entrywise("flip", lambda x, axis: copy(np.flip(x, axis)),
                              lambda g, z, x, axis: mirror(g, axis), doc="x backwards")
rotate: Primitive = Primitive("roll", np.roll,
                              lambda g, z, x, by, axis: rotate(g, opposite(by), axis), doc="x moved round")
# fmt: on


def on_its_own(z: Tensor) -> Tensor:
    """`z`, a result in several steps: no view of the step before the last, which nobody else can see."""
    z._view = None
    return z


# regrouped --------------------------------------------------------------------------------------------------


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


# reordered --------------------------------------------------------------------------------------------------


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


# repeated ---------------------------------------------------------------------------------------------------


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


# moved about ------------------------------------------------------------------------------------------------


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
