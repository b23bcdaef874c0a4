"""Tensors joined to one, and one taken apart.

`cat` is the one primitive: what joins brings its tensors into shape for it. What takes apart makes views, so
that writing into a piece writes into the whole.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import get_default_dtype, result_dtype
from ..errors import located
from ..primitive import Variadic, cast
from ..tensor import Tensor
from .arguments import integers, refuse_plain, tensors_of, whole
from .dims import numpy_names, one_dim
from .indexing import narrow, select
from .shapes import atleast_1d, atleast_2d, atleast_3d, regroup, unsqueeze

__all__ = [
    "block_diag", "cat", "chunk", "column_stack", "concat", "concatenate", "dsplit", "dstack", "hsplit",
    "hstack", "row_stack", "split", "split_with_sizes", "stack", "tensor_split", "unbind", "vsplit", "vstack",
]  # fmt: skip

ALL = slice(None)
Sizes = tuple[int, ...]


def part(i: int) -> Callable[..., Any]:
    """The rule of the i-th tensor that was joined: its own stretch of the cotangent."""
    return lambda g, z, *args: g[args[-1][i]]


join = Variadic("cat", lambda *args: np.ascontiguousarray(np.concatenate(args[:-2], args[-2])), part,
                constants=2, doc="tensors one after the other")  # fmt: skip


# joined -----------------------------------------------------------------------------------------------------


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
    arrays = [x.array for x in tensors]
    shapes = [a.shape for a in arrays]
    if () in shapes:
        raise located.RuntimeError(
            f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated: use stack()"
        )
    first = next((shape for shape in shapes if shape != (0,)), (0,))
    i = one_dim(dim, len(first), "cat")
    if shapes.count(first) < len(shapes):
        refuse_shapes(shapes, first, i)
        nothing = (*first[:i], 0, *first[i + 1 :])
        tensors = [
            x if shape != (0,) else regroup(x, nothing) for x, shape in zip(tensors, shapes, strict=True)
        ]
    if any(a.dtype is not arrays[0].dtype for a in arrays):
        dtype = result_dtype(*arrays)
        tensors = [x if a.dtype == dtype else cast(x, dtype) for x, a in zip(tensors, arrays, strict=True)]
    ends = itertools.accumulate((x.array.shape[i] for x in tensors), initial=0)
    places = tuple([(ALL,) * i + (slice(start, end),) for start, end in itertools.pairwise(ends)])
    return join(*tensors, i, places)


def refuse_shapes(shapes: Sequence[Sizes], first: Sizes, i: int) -> None:
    """Raise RuntimeError unless all shapes are alike but for dimension `i`, or (0,)."""
    for shape in shapes:
        if shape == (0,):
            continue
        if len(shape) != len(first):
            raise located.RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}, in cat()"
            )
        if shape[:i] + shape[i + 1 :] != first[:i] + first[i + 1 :]:
            raise located.RuntimeError(
                f"Sizes of tensors must match except in dimension {i}. In cat() they are {first} and {shape}"
            )


concat = concatenate = cat


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
            raise located.RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(x.array.shape)} at entry {k}"
            )
    i = one_dim(dim, len(first) + 1, "stack")
    if i == len(first):
        return cat([unsqueeze(x, i) for x in tensors], i)
    return regroup(cat(tensors, i), (*first[:i], len(tensors), *first[i:]))


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one below the other; a vector is a row.

    >>> import autodiff
    >>> autodiff.vstack([autodiff.tensor([1, 2]), autodiff.tensor([[3, 4], [5, 6]])])
    tensor([[1, 2],
            [3, 4],
            [5, 6]])
    """
    refuse_no_tensors(tensors, "vstack", RuntimeError)
    return cat(atleast_2d(tensors))


row_stack = vstack


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side: along dimension 1, vectors along their only one.

    >>> import autodiff
    >>> autodiff.hstack([autodiff.tensor([1, 2]), autodiff.tensor([3])])
    tensor([1, 2, 3])
    """
    refuse_no_tensors(tensors, "hstack", RuntimeError)
    xs = atleast_1d(tensors)
    return cat(xs, 0 if xs[0].array.ndim == 1 else 1)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one behind the other: along dimension 2, which vectors and matrices are given.

    >>> import autodiff
    >>> autodiff.dstack([autodiff.tensor([1, 2]), autodiff.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    refuse_no_tensors(tensors, "dstack", RuntimeError)
    return cat(atleast_3d(tensors), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side; a vector is a column.

    >>> import autodiff
    >>> autodiff.column_stack([autodiff.tensor([1, 2]), autodiff.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    refuse_no_tensors(tensors, "column_stack", RuntimeError)
    return hstack([x if x.array.ndim > 1 else regroup(x, (x.array.size, 1)) for x in tensors])


def block_diag(*tensors: Any) -> Tensor:
    """The matrix that has these matrices along its diagonal, zeros elsewhere; a vector is a row.

    >>> import autodiff
    >>> autodiff.block_diag(autodiff.tensor([1, 2]), autodiff.tensor([[3], [4]]))
    tensor([[1, 2, 0],
            [0, 0, 3],
            [0, 0, 4]])
    """
    xs = tensors_of(tensors, "block_diag") or (Tensor(np.zeros((1, 0), get_default_dtype())),)
    for k, x in enumerate(xs):
        if x.array.ndim > 2:
            raise located.RuntimeError(
                "block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {k} has {x.array.ndim} dimensions"
            )
    xs = atleast_2d(xs)
    dtype = result_dtype(*(x.array for x in xs))
    width, before, rows = sum(x.array.shape[1] for x in xs), 0, []
    for x in xs:
        n, m = x.array.shape
        left, right = (Tensor(np.zeros((n, k), dtype)) for k in (before, width - before - m))
        rows.append(cat([left, x, right], 1))
        before += m
    return cat(rows)


def refuse_no_tensors(tensors: Any, op: str, if_empty: type[Exception]) -> None:
    """Raise TypeError for anything but a list or tuple of Tensors, and `if_empty` if it is empty."""
    if not isinstance(tensors, (list, tuple)):
        raise located.TypeError(
            f"{op}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    if not tensors:
        words = "cat(): expected a non-empty list of Tensors"
        raise if_empty(words if op == "cat" else f"{op} expects a non-empty TensorList")
    for k, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise located.TypeError(
                f"expected Tensor as element {k} in argument 0, but got {type(x).__name__}, in {op}()"
            )


# taken apart ------------------------------------------------------------------------------------------------


def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces along `dim`: each of a size (the last perhaps shorter), or of the sizes in a list.

    >>> import autodiff
    >>> autodiff.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    refuse_plain(tensor, "split", "tensor")
    i = one_dim(dim, tensor.array.ndim, "split")
    if not tensor.array.ndim:
        raise located.RuntimeError("split expects at least a 1-dimensional tensor")
    n, size = tensor.array.shape[i], split_size_or_sections
    if isinstance(size, int):
        if size < 0:
            raise located.RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        if not size and n:
            raise located.RuntimeError(
                f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
            )
        lengths = [min(size, n - start) for start in range(0, n, size or 1)] or [0]
    else:
        lengths = list(integers(size, "split"))
        if sum(lengths) != n or min(lengths, default=0) < 0:
            raise located.RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                f"dimension {i}), but got split_sizes={lengths}"
            )
    ends = itertools.accumulate(lengths, initial=0)
    return tuple(narrow(tensor, i, start, end - start) for start, end in itertools.pairwise(ends))


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces of these sizes along `dim`."""
    return split(input, list(integers(split_sizes, "split_with_sizes")), dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` pieces along `dim`, all of one size but perhaps the last.

    >>> import autodiff
    >>> autodiff.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    refuse_plain(input, "chunk")
    chunks = whole(chunks, "chunk", "chunks")
    if chunks <= 0:
        raise located.RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    i = one_dim(dim, input.array.ndim, "chunk")
    n = input.array.shape[i] if input.array.ndim else 0
    return split(input, -(-n // chunks) if n else [0] * chunks, i)


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of so many pieces along `dim`, the first ones longer by 1 if need be; or cut at these indices.

    Raises RuntimeError for a 0-dim tensor, and for less than 1 piece.

    >>> import autodiff
    >>> autodiff.arange(5).tensor_split(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    >>> autodiff.arange(5).tensor_split((1, 4))
    (tensor([0]), tensor([1, 2, 3]), tensor([4]))
    """
    refuse_plain(input, "tensor_split")
    if not input.array.ndim:
        raise located.RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    i = one_dim(dim, input.array.ndim, "tensor_split")
    n, at = input.array.shape[i], indices_or_sections
    if isinstance(at, Tensor):
        at = at.array.tolist()
    if isinstance(at, int):
        if at < 1:
            raise located.RuntimeError(f"number of sections must be larger than 0, got {at}")
        at = [n // at * k + min(k, n % at) for k in range(1, at)]
    starts = [slice(k).indices(n)[1] for k in integers(at, "tensor_split")]
    return tuple(
        narrow(input, i, start, max(end - start, 0)) for start, end in itertools.pairwise([0, *starts, n])
    )


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 1 (of a vector 0), into pieces of one length.

    >>> import autodiff
    >>> autodiff.arange(4).hsplit(2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    refuse_plain(input, "hsplit")
    return split_evenly(input, indices_or_sections, 0 if input.array.ndim == 1 else 1, 1, "hsplit")


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 0, into pieces of one length."""
    return split_evenly(input, indices_or_sections, 0, 2, "vsplit")


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 2, into pieces of one length."""
    return split_evenly(input, indices_or_sections, 2, 3, "dsplit")


def split_evenly(x: Tensor, at: Any, dim: int, ndim: int, op: str) -> tuple[Tensor, ...]:
    """`tensor_split` of a tensor of at least `ndim` dimensions, where a number of pieces must divide."""
    refuse_plain(x, op)
    if x.array.ndim < ndim:
        raise located.RuntimeError(
            f"{op} requires a tensor with at least {ndim} dimension, but got a tensor with {x.array.ndim} "
            "dimensions!"
        )
    if isinstance(at, int) and (at < 1 or x.array.shape[dim] % at):
        raise located.RuntimeError(
            f"{op} attempted to split along dimension {dim}, but the size of the dimension "
            f"{x.array.shape[dim]} is not divisible by the split_size {at}!"
        )
    return tensor_split(x, at, dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the single entries along `dim`, which is gone from them.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).unbind(1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    refuse_plain(input, "unbind")
    if not input.array.ndim:
        raise located.IndexError("Dimension specified as 0 but tensor has no dimensions, in unbind()")
    i = one_dim(dim, input.array.ndim, "unbind")
    return tuple(select(input, i, k) for k in range(input.array.shape[i]))
