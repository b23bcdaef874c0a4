"""Some of the values: `x[index]` of every kind, `x[index] = v`, and what is made of these.

There is one pair of rules: `getitem` takes the values at an index, `scatter` adds values up at an index of
zeros, and each is the other's transpose, so they differentiate each other to any order. gather, index_select,
take_along_dim ... are `getitem` with the index written out.

An index is understood as PyTorch does it, in two steps: numbers, slices, None and the ellipsis first, which
make a view; then the integer arrays and masks together, which copy.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from .. import inplace, memory
from ..arrays import as_array
from ..dtypes import Array, bool_, int64
from ..errors import broadcast_conflict, describe, expand_conflict, located
from ..primitive import Primitive, View, cast
from ..record import mode
from ..tensor import Tensor
from .arguments import refuse_plain, whole
from .dims import one_dim

__all__ = [
    "argwhere", "gather", "index_select", "masked_fill", "masked_select", "narrow", "nonzero", "one_hot",
    "select", "take", "take_along_dim",
]  # fmt: skip

ALL = slice(None)
Index = tuple[Any, ...]


# what the table is made of ----------------------------------------------------------------------------------


def added_at(g: Array, shape: tuple[int, ...], index: Index) -> Array:
    """Zeros of this shape, with g added at `index`; where the index meets an entry twice, both are added."""
    z = np.zeros(shape, g.dtype)
    arrays = [i for i in index if isinstance(i, np.ndarray)]
    if not any(i.dtype.kind == "i" for i in arrays):
        z[index] = g  # numbers, slices and masks meet no entry twice
    elif any(i.dtype.kind != "i" for i in arrays) or any(isinstance(i, slice) for i in index[: len(arrays)]):
        np.add.at(z, index, g)
    else:  # the first dimensions have arrays: add rows at flat positions, 3 times as fast
        rows = np.ravel_multi_index(tuple(arrays), shape[: len(arrays)], mode="wrap").reshape(-1, 1)
        width = math.prod(shape[len(arrays) :])
        np.add.at(z.reshape(-1), (rows * width + np.arange(width)).reshape(-1), g.reshape(-1))
    return z


def add_into(total: Array, g: Array, index: Index) -> bool:
    """Add g to a total at `index`, in place, if it is one that makes a view."""
    if any(isinstance(i, np.ndarray) for i in index):
        return False
    part = total[index]
    np.add(part, g, part)
    return True


def written(x: Array, v: Any, index: Index) -> Array:
    """x with v written at `index`."""
    z = np.array(x)
    write(z, v, index)
    return z


def write(x: Array, v: Any, index: Index) -> None:
    """`x[index] = v`, with PyTorch's words for shapes that do not fit."""
    try:
        x[index] = v
    except ValueError:
        room, given = x[index].shape, np.shape(v)
        conflict = expand_conflict(given, room)
        if conflict is None:
            raise
        if any(isinstance(i, np.ndarray) for i in index):
            conflict = (
                f"shape mismatch: value tensor of shape {list(given)} cannot be broadcast to indexing result "
                f"of shape {list(room)}"
            )
        raise located.RuntimeError(
            f"{conflict}: in x[index] = v, v must have the shape of x[index], or broadcast to it"
        ) from None


# fmt: off
getitem = View("getitem", lambda x, index: x[index],
               lambda g, z, x, index: scatter(g, x.shape, index),
               doc="the values of x at an index")
getitem.into = add_into
scatter: Primitive = Primitive("scatter", added_at,
               lambda g, z, x, shape, index: getitem(g, index),
               doc="zeros of a shape, with x added at an index")
setitem: Primitive = Primitive("setitem", written,
               lambda g, z, x, v, index: setitem(g, 0.0, index),
               lambda g, z, x, v, index: getitem(g, index),
               doc="x with v at an index")
fill    = Primitive("masked_fill", lambda x, mask, v: np.where(mask, v, x),
               lambda g, z, x, mask, v: np.where(mask, 0, g),
               None,
               lambda g, z, x, mask, v: np.where(mask, g, 0),
               doc="v where the mask is true, else x")
# fmt: on


# what an index means ----------------------------------------------------------------------------------------


class Parsed(NamedTuple):
    """An index in two steps: `basic` makes a view, `advanced` (arrays and full slices) then picks from it.

    None where a step is not needed.
    """

    basic: Index | None
    advanced: Index | None


def parse(index: Any, shape: tuple[int, ...]) -> Parsed:
    """What `index` means for a tensor of this shape. Raises IndexError, TypeError or ValueError."""
    entries = tuple(as_entry(entry) for entry in (index if isinstance(index, tuple) else (index,)))
    used = sum(dims_used(entry) for entry in entries)
    if used > len(shape):
        words = f"too many indices for tensor of dimension {len(shape)}"
        if not shape:
            words = (
                "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
            )
        raise located.IndexError(f"{words}: {used} dimensions are indexed, and the shape is {shape}")
    basic: list[Any] = []
    advanced: list[Any] = []
    dim = 0
    for entry in entries:
        n = dims_used(entry)
        if entry is Ellipsis:
            n, used = len(shape) - used, len(shape)  # a second one stands for no dimension
            basic += [ALL] * n
            advanced += [ALL] * n
        elif isinstance(entry, np.ndarray):
            wrong = [k for k in range(n) if entry.dtype == bool_ and entry.shape[k] != shape[dim + k]]
            if wrong:
                raise located.IndexError(
                    f"The shape of the mask {list(entry.shape)} at index {wrong[0]} does not match the shape "
                    f"of the indexed tensor {list(shape)} at index {dim + wrong[0]}: a mask has the lengths "
                    "of the dimensions that it selects from"
                )
            basic += [ALL] * n
            advanced.append(entry)
        elif isinstance(entry, bool):  # a new dimension, of length 1 or 0
            basic.append(None)
            advanced.append(np.zeros(int(entry), int64))
        elif isinstance(entry, int):
            if not -shape[dim] <= entry < shape[dim]:
                raise located.IndexError(
                    f"index {entry} is out of bounds for dimension {dim} with size {shape[dim]}: the shape "
                    f"is {shape}"
                )
            basic.append(entry)
        else:  # a slice, or None for a new dimension
            basic.append(entry)
            advanced.append(ALL)
        dim += n
    if len(basic) == len(shape) and all(isinstance(entry, int) for entry in basic):
        basic.append(...)  # so that NumPy gives a view, not a number
    picks = any(isinstance(entry, np.ndarray) for entry in advanced)
    moves = not picks or any(entry != ALL for entry in basic)
    return Parsed(tuple(basic) if moves else None, tuple(advanced) if picks else None)


def as_it_is(index: Any, shape: tuple[int, ...]) -> Index | None:
    """The index that `parse` would find, if it is numbers and whole dimensions, with a dimension left."""
    entries = index if type(index) is tuple else (index,)
    numbers = 0
    for entry, n in zip(entries, shape, strict=False):
        if type(entry) is int:
            if not -n <= entry < n:
                return None
            numbers += 1
        elif entry is not ALL and (type(entry) is not slice or entry != ALL):
            return None
    return entries if numbers < len(shape) and len(entries) <= len(shape) else None


def as_entry(entry: Any) -> Any:
    """One entry of an index as an int, a bool, a slice, None, the ellipsis, or an array of int64 or bool."""
    if entry is None or entry is Ellipsis or isinstance(entry, int):
        return entry
    if isinstance(entry, slice):
        start, stop, step = (
            None if i is None else operator.index(i) for i in (entry.start, entry.stop, entry.step)
        )
        if step is not None and step < 0:
            raise located.ValueError("step must be greater than zero: use x.flip(dim) to go backwards")
        return slice(start, stop, step)
    if not isinstance(entry, (Tensor, np.ndarray, np.generic, list, tuple, range)):
        kind = located.TypeError if isinstance(entry, str) else located.IndexError
        raise kind(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
            f"indices (got {type(entry).__name__})"
        )
    if isinstance(entry, (list, tuple)) and not all(
        isinstance(i, (int, np.integer, np.bool_)) for i in entry
    ):
        raise located.IndexError(
            "a list in an index may hold numbers only: of lists, slices or tensors it would be ambiguous. "
            "Write x[i, j] for one index a dimension, x[autodiff.tensor(i)] for one index of more dimensions"
        )
    # a copy, because backward reads it again, and the user may change an index in place meanwhile
    array = as_array(list(entry) if isinstance(entry, (tuple, range)) else entry, copy=True)
    if isinstance(entry, (list, tuple, range)) and not array.size:
        array = array.astype(int64)  # [] picks nothing
    if array.dtype.kind == "f":
        raise located.IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, not {describe(array)}: use "
            "index.long()"
        )
    return array if array.ndim else array.item()


def dims_used(entry: Any) -> int:
    """How many dimensions of the tensor an entry stands for."""
    if entry is None or entry is Ellipsis or isinstance(entry, bool):
        return 0
    return entry.ndim if isinstance(entry, np.ndarray) and entry.dtype == bool_ else 1


# the functions ----------------------------------------------------------------------------------------------


def get(x: Tensor, index: Any) -> Tensor:
    """`x[index]`: numbers, slices, None and `...` make a view; integer arrays and masks make a copy."""
    plain = as_it_is(index, x.array.shape)
    if plain is not None:
        return getitem(x, plain)
    basic, advanced = parse(index, x.array.shape)
    z = x if basic is None else getitem(x, basic)
    return z if advanced is None else getitem(z, advanced)


def put(x: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`, in place: the old values at the index lose their gradient, and `value` gets it.

    `value` is a number or a tensor that broadcasts to x[index]; it is converted to the dtype of x. Raises
    RuntimeError if it does not fit, IndexError for the index, TypeError for a value of another kind.
    """
    if not isinstance(value, (Tensor, int, float, np.ndarray, np.generic)):
        raise located.TypeError(
            f"can't assign a {type(value).__name__} to a {x.array.dtype} Tensor: wrap it in autodiff.tensor()"
        )
    basic, advanced = parse(index, x.array.shape)
    if basic is not None and advanced is not None:
        x = getitem(x, basic)
    where = basic if advanced is None else advanced
    assert where is not None
    if isinstance(value, (np.ndarray, np.generic)):
        value = Tensor(as_array(value))
    if isinstance(value, Tensor) and value.array.dtype != x.array.dtype:
        if advanced is not None and value.array.size != 1:
            raise located.RuntimeError(
                f"Index put requires the source and destination dtypes match, got {x.array.dtype} for the "
                f"destination and {value.array.dtype} for the source: use value.to({x.array.dtype})"
            )
        value = cast(value, x.array.dtype)
    while isinstance(value, Tensor) and value.array.shape[:1] == (1,):
        value = getitem(value, (0,))  # leading ones may be more than x[index] has dimensions
    if mode.enabled and (x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)):
        inplace.become(x, setitem(x, value, where), "__setitem__")
    else:
        inplace.refuse_memory(x.array, "__setitem__")
        write(x.array, value.array if isinstance(value, Tensor) else value, where)
        memory.touch(x.array)


def along(x: Any, dim: int, index: Any) -> Tensor:
    """The values at `index` (an int64 tensor) along `dim`; in other dimensions x and the index broadcast."""
    return getitem(x, along_grid(x.array.shape, dim, index.array))


def along_grid(shape: tuple[int, ...], dim: int, index: Array) -> tuple[Array, ...]:
    """An index for each dimension of this shape: `index` for `dim`, all there are for the others."""
    grid = [
        np.arange(n).reshape([-1 if i == d else 1 for i in range(len(shape))]) for d, n in enumerate(shape)
    ]
    return tuple(index.copy() if d == dim else places for d, places in enumerate(grid))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The `length` entries from `start` on along `dim`: a view.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 2.0, 3.0, 4.0]).narrow(0, 1, 2)
    tensor([2., 3.])
    """
    refuse_plain(input, "narrow")
    if not input.array.ndim:
        raise located.RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    i = one_dim(dim, input.array.ndim, "narrow")
    n = input.array.shape[i]
    start, length = whole(start, "narrow", "start"), whole(length, "narrow", "length")
    if not -n <= start <= n:
        raise located.IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    first = start + n if start < 0 else start
    if not first <= first + length <= n:
        raise located.RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({n}) of dimension {i}, in narrow()"
        )
    return getitem(input, (ALL,) * i + (slice(first, first + length),))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The entry with this number along `dim`, which is gone from it: a view.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).select(1, -1)
    tensor([2, 4])
    """
    refuse_plain(input, "select")
    shape = input.array.shape
    if not shape:
        raise located.IndexError("select() cannot be applied to a 0-dim tensor.")
    i = one_dim(dim, len(shape), "select")
    index = whole(index, "select", "index")
    if not -shape[i] <= index < shape[i]:
        raise located.IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {i}"
        )
    return get(input, (ALL,) * i + (index,))


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """z[i, j] = input[index[i, j], j] for dim 0, input[i, index[i, j]] for dim 1, and so on.

    `index` is int64 and not negative, has the dimensions of `input`, and is nowhere longer, save in `dim`.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.gather(1, autodiff.tensor([[0], [1]]))
    tensor([[1.],
            [4.]])
    """
    refuse_plain(input, "gather")
    refuse_plain(index, "gather", "index", 3)
    if not (input.array.ndim and index.array.ndim):
        return gather(getitem(input, (None,) * (not input.array.ndim)), dim, index.reshape(-1)).reshape(
            index.array.shape
        )
    i = one_dim(dim, input.array.ndim, "gather")
    refuse_index(index, "gather")
    if index.array.ndim != input.array.ndim:
        raise located.RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor, in gather(): the index "
            f"is {describe(index)}, the input {describe(input)}"
        )
    for d, (n, m) in enumerate(zip(index.array.shape, input.array.shape, strict=True)):
        if d != i and n > m:
            raise located.RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.array.shape)} to be no "
                f"larger than self {list(input.array.shape)} apart from dimension {i}, in gather()"
            )
    refuse_outside(index.array, i, input.array.shape[i])
    return along(
        getitem(input, tuple(ALL if d == i else slice(n) for d, n in enumerate(index.array.shape))), i, index
    )


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The values at the indices that `argmax` or `argsort` found along `dim`, or in the flattened tensor.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 5.0], [7.0, 3.0]])
    >>> autodiff.take_along_dim(x, x.argmax(1, keepdim=True), 1)
    tensor([[5.],
            [7.]])
    """
    refuse_plain(input, "take_along_dim")
    refuse_plain(indices, "take_along_dim", "indices", 2)
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    refuse_index(indices, "take_along_dim")
    a, b = input.array.shape, indices.array.shape
    if len(a) != len(b):
        raise located.RuntimeError(
            "take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{len(a)} dimensions for input, and {len(b)} dimensions for indices"
        )
    i = one_dim(dim, len(a), "take_along_dim")
    others = [shape[:i] + shape[i + 1 :] for shape in (a, b)]
    if not all(1 in pair or pair[0] == pair[1] for pair in zip(*others, strict=True)):
        raise located.RuntimeError(
            f"{broadcast_conflict(others)}, in take_along_dim() apart from dimension {i}"
        )
    size = a[i] if a else 1
    places = np.where(indices.array < 0, indices.array + size, indices.array)  # -1 is the last
    refuse_outside(places, i, size)
    return along(input, i, Tensor(places)) if a else input


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries along `dim` whose numbers are in the vector `index`, in its order, some perhaps twice.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 2.0, 3.0]]).index_select(1, autodiff.tensor([2, 0]))
    tensor([[3., 1.]])
    """
    refuse_plain(input, "index_select")
    refuse_plain(index, "index_select", "index", 3)
    refuse_index(index, "index_select")
    if index.array.ndim > 1:
        raise located.IndexError(
            f"index_select(): Index is supposed to be a vector, but it has the shape {index.array.shape}"
        )
    x = input if input.array.ndim else input.reshape(1)
    i = one_dim(dim, x.array.ndim, "index_select")
    if i == 1:  # where PyTorch raises another kind of error
        refuse_outside(index.array, i, x.array.shape[i])
    refuse_beyond(index.array, i, x.array.shape[i], "index_select(): index out of range in self: ", 0)
    z = get(x, (*(ALL,) * i, index.array.reshape(-1)))
    return z if input.array.ndim else z.reshape(())


def refuse_index(index: Tensor, op: str) -> None:
    """Raise RuntimeError for an index that is not int64."""
    if index.array.dtype != int64:
        raise located.RuntimeError(
            f"{op}(): Expected dtype int32/int64 for index, not {index.array.dtype}: use index.long()"
        )


def refuse_outside(index: Array, dim: int, size: int) -> None:
    """Raise RuntimeError for an index that is negative, or not below `size`."""
    wrong = index[(index < 0) | (index >= size)]
    if wrong.size:
        raise located.RuntimeError(f"index {wrong[0]} is out of bounds for dimension {dim} with size {size}")


def refuse_beyond(index: Array, dim: int, size: int, words: str, lowest: int) -> None:
    """Raise IndexError for an index below `lowest`, or not below `size`."""
    wrong = index[(index < lowest) | (index >= size)]
    if wrong.size:
        raise located.IndexError(
            f"{words}index {wrong[0]} is out of bounds for dimension {dim} with size {size}"
        )


def take(input: Tensor, index: Tensor) -> Tensor:
    """The values at these places of the flattened tensor, in the shape of `index`; -1 is the last.

    Raises IndexError for places that there are not.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).take(autodiff.tensor([0, -1]))
    tensor([1, 4])
    """
    refuse_plain(input, "take")
    refuse_plain(index, "take", "index", 2)
    if index.array.dtype != int64:
        raise located.RuntimeError(f"take(): Expected a long tensor for index, but got {index.array.dtype}")
    if index.array.size and not input.array.size:
        raise located.IndexError("take(): tried to take from an empty tensor")
    refuse_places(index.array, input.array.size)
    return getitem(input.reshape(-1), (index.array.copy(),))


def refuse_places(index: Array, size: int) -> None:
    """Raise IndexError for a place that is not in the flattened tensor of this size."""
    wrong = index[(index < -size) | (index >= size)]
    if wrong.size:
        raise located.IndexError(
            f"out of range: tried to access index {wrong[0]} on a tensor of {size} elements."
        )


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The entries where `mask` is true, in one row; `input` and `mask` broadcast.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, -2.0], [-3.0, 4.0]])
    >>> x.masked_select(x > 0)
    tensor([1., 4.])
    """
    refuse_plain(input, "masked_select")
    refuse_mask(mask, "masked_select")
    shape = common_shape(input, mask, "masked_select")
    return get(input.expand(shape), np.broadcast_to(mask.array, shape))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` (a number or a 0-dim tensor) where `mask` is true, `input` elsewhere, whose dtype it has.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, -2.0])
    >>> x.masked_fill(x < 0, 0.0)
    tensor([1., 0.])
    """
    refuse_plain(input, "masked_fill")
    refuse_mask(mask, "masked_fill")
    common_shape(input, mask, "masked_fill")
    dtype = input.array.dtype
    if not isinstance(value, Tensor):
        return fill(input, mask, dtype.type(value).item())
    if value.array.ndim:
        raise located.RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.array.ndim} "
            "dimension(s): for one value per entry use where(mask, value, input)"
        )
    return fill(input, mask, value if value.array.dtype == dtype else cast(value, dtype))


def refuse_mask(mask: Any, op: str) -> None:
    """Raise unless `mask` is a tensor of bools."""
    refuse_plain(mask, op, "mask", 2)
    if mask.array.dtype != bool_:
        raise located.RuntimeError(
            f"{op} only supports boolean masks, but got mask with dtype {mask.array.dtype}: use mask.bool()"
        )


def common_shape(x: Tensor, y: Tensor, op: str) -> tuple[int, ...]:
    """The shape to which both broadcast; RuntimeError if there is none."""
    try:
        return np.broadcast_shapes(x.array.shape, y.array.shape)
    except ValueError:
        raise located.RuntimeError(
            f"{broadcast_conflict([x.array.shape, y.array.shape])}, in {op}()"
        ) from None


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Where the entries are not 0: a row of int64 indices each, or `as_tuple` a vector for each dimension.

    >>> import autodiff
    >>> autodiff.tensor([[0, 7], [8, 0]]).nonzero()
    tensor([[0, 1],
            [1, 0]])
    """
    refuse_plain(input, "nonzero")
    if as_tuple:
        return tuple(Tensor(places) for places in np.nonzero(np.atleast_1d(input.array)))
    return Tensor(np.argwhere(input.array))


def argwhere(input: Tensor) -> Tensor:
    """Where the entries are not 0: a row of int64 indices each, as `nonzero`."""
    return nonzero(input)


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """For each class index a row of `num_classes` (-1: the largest index + 1) that is 1 there, 0 elsewhere.

    >>> import autodiff
    >>> autodiff.one_hot(autodiff.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    refuse_plain(input, "one_hot")
    labels = input.array
    if labels.dtype != int64:
        raise located.RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, not {labels.dtype}: use x.long()"
        )
    if labels.size and labels.min() < 0:
        raise located.RuntimeError(
            f"Class values must be non-negative, in one_hot(): the smallest is {labels.min()}"
        )
    if whole(num_classes, "one_hot", "num_classes") == -1:
        if not labels.size:
            raise located.RuntimeError(
                "Can not infer total number of classes from empty tensor: give num_classes to one_hot()"
            )
        num_classes = int(labels.max()) + 1
    if labels.size and labels.max() >= num_classes:
        raise located.RuntimeError(
            f"Class values must be smaller than num_classes ({num_classes}), in one_hot(): the largest is "
            f"{labels.max()}"
        )
    return Tensor((labels[..., None] == np.arange(num_classes)).astype(int64))
