"""The same values in another shape or order. Where memory can be shared it is: most of these are views.

What only regroups the values is `reshape`, what only reorders dimensions is `permute` (or `transpose`, for
two of them), what repeats without copying is `expand`; the functions check and work out the shape.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import result_dtype
from ..errors import describe, expand_conflict
from ..memory import owner
from ..primitive import Primitive, Variadic, View, cast
from ..tensor import Tensor
from .dims import many_dims, numpy_names, one_dim, refuse_plain, spread
from .indexing import get, getitem, narrow, scatter

__all__ = [
    "broadcast_to", "cat", "chunk", "concat", "diag", "flatten", "flip", "movedim", "permute", "reshape",
    "roll", "split", "squeeze", "stack", "swapaxes", "t", "tile", "transpose", "tril", "triu", "unbind",
    "unflatten", "unsqueeze",
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


def part(i: int) -> Callable[..., Any]:
    """The rule of the i-th tensor that was joined: its own stretch of the cotangent."""
    return lambda g, z, *args: g[args[-1][i]]


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

# copies -----------------------------------------------------------------------------------------------------
join    = Variadic("cat", lambda *args: np.ascontiguousarray(np.concatenate(args[:-2], args[-2])), part,
                   constants=2, doc="tensors one after the other")
mirror: Primitive = Primitive("flip", lambda x, axis: np.flip(x, axis).copy(),
                              lambda g, z, x, axis: mirror(g, axis), doc="x backwards")
rotate: Primitive = Primitive("roll", np.roll,
                              lambda g, z, x, by, axis: rotate(g, opposite(by), axis), doc="x moved round")
lower: Primitive  = Primitive("tril", np.tril,
                              lambda g, z, x, k: lower(g, k), doc="x, but 0 above the k-th diagonal")
upper: Primitive  = Primitive("triu", np.triu,
                              lambda g, z, x, k: upper(g, k), doc="x, but 0 below the k-th diagonal")
# fmt: on


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
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous subspaces). Use .reshape(...) instead. The tensor of shape "
            f"{input.array.shape} is not stored row by row"
        )
    return z


def worked_out(shape: Shape, size: int, old: Shape) -> Shape:
    """`shape` with its -1, if it has one, replaced by the length that makes `size` values."""
    for i, n in enumerate(shape):
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    known = math.prod(n for n in shape if n != -1)
    if shape.count(-1) > 1:
        raise RuntimeError(
            f"only one dimension can be inferred, but the shape {list(shape)} has {shape.count(-1)} lengths "
            "of -1"
        )
    if -1 in shape and known == 0 == size:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
            "size -1 can be any value and is ambiguous"
        )
    if (size != known) if -1 not in shape else (known == 0 or size % known):
        raise RuntimeError(
            f"shape '{list(shape)}' is invalid for input of size {size}: the tensor has the shape {old}"
        )
    return tuple(size // known if n == -1 else n for n in shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` made one; a 0-dim tensor becomes 1-dim.

    >>> import autodiff
    >>> autodiff.zeros(2, 3, 4).flatten(1).shape
    (2, 12)
    """
    refuse_plain(input, "flatten")
    shape = input.array.shape or (1,)
    first, last = one_dim(start_dim, len(shape), "flatten"), one_dim(end_dim, len(shape), "flatten")
    if first > last:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim cannot come after end_dim, but {start_dim} and {end_dim} "
            "do"
        )
    return regroup(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension made several, of these `sizes` (one of which may be -1); the opposite of `flatten`.

    >>> import autodiff
    >>> autodiff.zeros(2, 12).unflatten(1, (3, -1)).shape
    (2, 3, 4)
    """
    refuse_plain(input, "unflatten")
    i, shape = one_dim(dim, input.array.ndim, "unflatten"), input.array.shape
    try:
        inner = worked_out(tuple(sizes), shape[i], shape)
    except RuntimeError:
        raise RuntimeError(
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


swapaxes = transpose


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector or a number as it is. RuntimeError for more than two dimensions.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).t()
    tensor([[1, 3],
            [2, 4]])
    """
    refuse_plain(input, "t")
    if input.array.ndim > 2:
        raise RuntimeError(
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
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input.array.ndim}-D "
            "tensor: use x.unsqueeze(0) for a row, x.unsqueeze(1) for a column"
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
        raise RuntimeError(
            "permute(): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple(one_dim(d, ndim, "permute") for d in dims)
    if len(set(order)) < ndim:
        raise RuntimeError(f"permute(): duplicate dims are not allowed. They are {dims}")
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
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source {source} and destination {destination} "
            "differ in number"
        )
    order = [i for i in range(ndim) if i not in start]
    for j, i in sorted(zip(end, start, strict=True)):
        order.insert(j, i)
    return reorder(input, tuple(order[:ndim]))


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
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension "
                f"{i}"
            )
    if new < 0:
        raise RuntimeError(
            f"expand({describe(input)}, {list(size)}): the number of sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    target = tuple(shape[i - new] if n == -1 else n for i, n in enumerate(size))
    conflict = expand_conflict(shape, target)
    if conflict:
        raise RuntimeError(f"{conflict}, in expand(): only dimensions of length 1 can be repeated")
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
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{len(repeats)} numbers for the shape {input.array.shape}"
        )
    if min(repeats, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension, in repeat{repeats}")
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


# joined and taken apart -------------------------------------------------------------------------------------


@numpy_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after the other along `dim`; all other lengths are equal.

    The dtype is the one they promote to. A tensor of shape (0,) fits to all. Raises RuntimeError for
    shapes that do not fit, ValueError for no tensors.

    >>> import autodiff
    >>> autodiff.cat([autodiff.tensor([1, 2]), autodiff.tensor([3])])
    tensor([1, 2, 3])
    """
    refuse_no_tensors(tensors, "cat", ValueError)
    for k, x in enumerate(tensors):
        if not x.array.ndim:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {k}) cannot be concatenated: use stack()"
            )
    shapes = [x.array.shape for x in tensors]
    first = next((shape for shape in shapes if shape != (0,)), (0,))
    i = one_dim(dim, len(first), "cat")
    nothing = (*first[:i], 0, *first[i + 1 :])
    for shape in shapes:
        if shape == (0,):
            continue
        if len(shape) != len(first):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}, in cat()"
            )
        if shape[:i] + shape[i + 1 :] != first[:i] + first[i + 1 :]:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {i}. In cat() they are {first} and {shape}"
            )
    xs = [x if x.array.shape != (0,) else regroup(x, nothing) for x in tensors]
    dtype = result_dtype(*(x.array for x in xs))
    ends = np.cumsum([0, *(x.array.shape[i] for x in xs)]).tolist()
    places = tuple((ALL,) * i + (slice(start, end),) for start, end in itertools.pairwise(ends))
    return join(*(x if x.array.dtype == dtype else cast(x, dtype) for x in xs), i, places)


concat = cat


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension `dim`. RuntimeError for unequal shapes, or no tensors.

    >>> import autodiff
    >>> autodiff.stack([autodiff.tensor([1, 2]), autodiff.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    refuse_no_tensors(tensors, "stack", RuntimeError)
    first = tensors[0].array.shape
    for k, x in enumerate(tensors):
        if x.array.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(x.array.shape)} at entry {k}"
            )
    i = one_dim(dim, len(first) + 1, "stack")
    return cat([unsqueeze(x, i) for x in tensors], i)


def refuse_no_tensors(tensors: Any, op: str, if_empty: type[Exception]) -> None:
    """Raise TypeError for anything but a list or tuple of Tensors, and `if_empty` if it is empty."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{op}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    if not tensors:
        raise if_empty(f"{op}(): expected a non-empty list of Tensors")
    for k, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"expected Tensor as element {k} in argument 0, but got {type(x).__name__}, in {op}()"
            )


def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces along `dim`: each of a size (the last perhaps shorter), or of the sizes in a list.

    >>> import autodiff
    >>> autodiff.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    refuse_plain(tensor, "split", "tensor")
    i = one_dim(dim, tensor.array.ndim, "split")
    if not tensor.array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    n, size = tensor.array.shape[i], split_size_or_sections
    if isinstance(size, int):
        if size < 0:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        if not size and n:
            raise RuntimeError(
                f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
            )
        lengths = [min(size, n - start) for start in range(0, n, size or 1)] or [0]
    else:
        lengths = list(size)
        if sum(lengths) != n or min(lengths, default=0) < 0:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                f"dimension {i}), but got split_sizes={lengths}"
            )
    ends = itertools.accumulate(lengths, initial=0)
    return tuple(narrow(tensor, i, start, end - start) for start, end in itertools.pairwise(ends))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` pieces along `dim`, all of one size but perhaps the last.

    >>> import autodiff
    >>> autodiff.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    refuse_plain(input, "chunk")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    i = one_dim(dim, input.array.ndim, "chunk")
    n = input.array.shape[i] if input.array.ndim else 0
    return split(input, -(-n // chunks) if n else [0] * chunks, i)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the single entries along `dim`, which is gone from them.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).unbind(1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    refuse_plain(input, "unbind")
    if not input.array.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions, in unbind()")
    i = one_dim(dim, input.array.ndim, "unbind")
    return tuple(get(input, (ALL,) * i + (k,)) for k in range(input.array.shape[i]))


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
        return regroup(roll(regroup(input, (input.array.size,)), by, 0), input.array.shape)
    named = () if dims is None else dims if isinstance(dims, Sequence) else (dims,)
    if len(by) != len(named):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(named)}, in roll()"
        )
    axes = tuple(one_dim(d, input.array.ndim, "roll") for d in named)
    return rotate(input, by, axes) if input.array.ndim else input.clone()


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
        raise RuntimeError(
            f"{op.name}: input tensor must have at least 2 dimensions, but its shape is {x.array.shape}"
        )
    return op(x, diagonal)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The `diagonal`-th diagonal of a matrix; or the matrix of zeros with this vector on that diagonal.

    >>> import autodiff
    >>> autodiff.diag(autodiff.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    refuse_plain(input, "diag")
    shape = input.array.shape
    if len(shape) not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {len(shape)}D")
    down, right = max(-diagonal, 0), max(diagonal, 0)
    k = np.arange(shape[0] if len(shape) == 1 else max(min(shape[0] - down, shape[1] - right), 0))
    if len(shape) == 2:
        return getitem(input, (k + down, k + right))
    return scatter(input, (shape[0] + abs(diagonal),) * 2, (k + down, k + right))
