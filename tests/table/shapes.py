"""Reshaping, reordering, repeating, joining, taking apart, diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import strategies as draw
from ..strategies import arrays, shapes
from . import Row, Wrong, with_each


@st.composite
def with_dims(draw_: st.DrawFn, *, min_dims: int = 1, count: int = 1, rest: Any = None) -> Any:
    """An array, `count` different dimensions of it counted from either end, and other arguments."""
    x = draw_(arrays(shapes(min_dims=max(min_dims, count))))
    chosen = draw_(st.permutations(range(x.ndim)))[:count]
    signed = [d - x.ndim if draw_(st.booleans()) else d for d in chosen]
    return x, *signed, *(() if rest is None else draw_(rest))


def any_array(min_dims: int = 0, max_dims: int = 3) -> Any:
    return st.tuples(arrays(shapes(min_dims, max_dims)))


@st.composite
def with_order(draw_: st.DrawFn) -> Any:
    x = draw_(arrays())
    order = draw_(st.permutations(range(x.ndim)))
    return x, tuple(d - x.ndim if draw_(st.booleans()) else d for d in order)


@st.composite
def with_moves(draw_: st.DrawFn) -> Any:
    """An array, dimensions of it, and where they are moved to."""
    x = draw_(arrays(shapes(min_dims=1)))
    count = draw_(st.integers(1, x.ndim))
    return x, *(tuple(draw_(st.permutations(range(x.ndim)))[:count]) for _ in range(2))


@st.composite
def with_new_shape(draw_: st.DrawFn) -> Any:
    """An array, and a shape for as many values, one length perhaps -1."""
    x = draw_(arrays(shapes(min_side=1)))
    shape = list(draw_(st.permutations(draw_(st.sampled_from([(x.size,), x.shape, (1, *x.shape)])))))
    if draw_(st.booleans()) and shape:
        shape[draw_(st.integers(0, len(shape) - 1))] = -1
    return x, tuple(shape)


@st.composite
def stretched(draw_: st.DrawFn) -> Any:
    """An array and a shape that it expands to."""
    first, second = draw_(draw.broadcastable(2))
    return draw_(arrays(first)), np.broadcast_shapes(first, second)


@st.composite
def side_by_side(draw_: st.DrawFn, min_dims: int = 1, equal: bool = False, axis: int | None = None) -> Any:
    """Up to three arrays that can be joined along the dimension that comes last."""
    shape = draw_(shapes(min_dims=min_dims))
    dim = draw_(draw.dims(len(shape) + equal)) if axis is None else axis
    xs = []
    for _ in range(draw_(st.integers(1, 3))):
        lengths = list(shape)
        if not equal and dim < len(shape):
            lengths[dim] = draw_(draw.SIDES)
        xs.append(draw_(arrays(tuple(lengths))))
    return *xs, dim


def listed(function: Any, *args: Any, **options: Any) -> Any:
    """`function` of a list of tensors, then one other argument."""
    return function(list(args[:-1]), args[-1], **options)


def all_listed(function: Any, *args: Any, **options: Any) -> Any:
    """`function` of a list of tensors."""
    return function(list(args), **options)


@st.composite
def with_repeats(draw_: st.DrawFn) -> Any:
    """An array, how often each entry along a dimension comes, and the dimension."""
    x, dim = draw_(with_dims())
    many = arrays((x.shape[dim],), draw.whole(0, 4)) if x.shape[dim] else st.just(2)
    return x, draw_(st.one_of(st.integers(0, 3), many)), dim


@st.composite
def windowed(draw_: st.DrawFn) -> Any:
    x, dim = draw_(with_dims())
    return x, dim, draw_(st.integers(0, x.shape[dim])), draw_(st.integers(1, 3))


@st.composite
def cut(draw_: st.DrawFn) -> Any:
    """An array, the lengths of its pieces along a dimension, and the dimension."""
    x, dim = draw_(with_dims())
    n = x.shape[dim]
    ends = sorted(draw_(st.lists(st.integers(0, n), max_size=3)))
    return x, np.diff([0, *ends, n]).tolist(), dim


LINES = st.lists(arrays(shapes(0, 1)), min_size=1, max_size=3).map(tuple)
PLANES = st.lists(arrays(shapes(0, 2, min_side=1)), min_size=1, max_size=3).map(tuple)
SIZES = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-3, 3))
DIAGONALS = [(0,), (1,), (-1,), (2,), (-5,)]


ROWS = [
    # regrouped
    Row("reshape", with_new_shape(), "input shape"),
    Row("Tensor.view", with_new_shape().map(lambda drawn: (np.ascontiguousarray(drawn[0]), drawn[1]))),
    Row("Tensor.view_as", st.tuples(st.just(np.ones((2, 3))), st.just(np.zeros((3, 2)))), wanted=[0]),
    Row("Tensor.reshape_as", st.tuples(arrays((2, 3)), arrays((3, 2))), wanted=[0]),
    Row("flatten", with_dims(count=2).map(lambda d: (d[0], *sorted(d[1:], key=lambda i: i % d[0].ndim))),
        "input start_dim end_dim"),
    Row("ravel", any_array(), "input"),
    Row("unflatten", with_each(arrays((2, 12, 3)), [(1, (3, -1)), (-2, (2, 2, 3))]),
        "input dim sizes"),
    Row("squeeze", any_array(), "input"),
    Row("squeeze", with_dims(), "input dim"),
    Row("squeeze", with_dims(count=2).map(lambda d: (d[0], d[1:]))),
    Row("unsqueeze", with_dims(), "input dim"),
    Row("atleast_1d", any_array()),
    Row("atleast_2d", any_array()),
    Row("atleast_3d", any_array()),
    Row("atleast_2d", LINES, call=all_listed),
    # reordered
    Row("transpose", with_dims(count=2), "input dim0 dim1"),
    Row("swapaxes", with_dims(count=2), "input axis0 axis1"),
    Row("swapdims", with_dims(count=2), "input dim0 dim1"),
    Row("t", any_array(max_dims=2), "input"),
    Row("adjoint", any_array(min_dims=2)),
    Row("permute", with_order(), "input dims"),
    Row("movedim", with_dims(count=2), "input source destination"),
    Row("moveaxis", with_moves(), "input source destination"),
    # repeated
    Row("Tensor.expand", stretched()),
    Row("broadcast_to", stretched(), "input size"),
    Row("Tensor.expand_as", stretched().map(lambda drawn: (drawn[0], np.zeros(drawn[1]))), wanted=[0]),
    Row("broadcast_tensors", draw.operands(draw.real, draw.real, draw.real)),
    Row("Tensor.repeat", with_each(arrays(shapes(max_dims=2)), [((2, 3),), ((1, 1),), ((2, 0, 1),)])),
    Row("tile", with_each(arrays(), [((2,),), ((1, 3, 2),), ((),)]), "input dims"),
    Row("repeat_interleave", with_repeats(), "input repeats dim"),
    Row("repeat_interleave", with_each(arrays(), [(2,), (0,)]), "input repeats"),
    Row("repeat_interleave", st.tuples(arrays(shapes(1, 1), draw.whole(0, 4)))),
    Row("cartesian_prod", st.lists(arrays(shapes(1, 1)), min_size=1, max_size=3).map(tuple)),
    Row("combinations", with_each(arrays(shapes(1, 1)), [(0,), (1,), (2,), (3,)]), "input r"),
    Row("combinations", with_each(arrays(shapes(1, 1)), [(1,), (2,), (3,)]), "input r",
        options={"with_replacement": True}),
    Row("meshgrid", LINES, options={"indexing": "ij"}),
    Row("meshgrid", LINES, options={"indexing": "xy"}, call=all_listed),
    Row("Tensor.unfold", windowed()),
    # moved about
    Row("flip", with_dims(count=2).map(lambda d: (d[0], d[1:])), "input dims"),
    Row("fliplr", any_array(min_dims=2), "input"),
    Row("flipud", any_array(min_dims=1), "input"),
    Row("roll", with_dims().map(lambda d: (d[0], 2, d[1])), "input shifts dims"),
    Row("roll", with_dims(count=2).map(lambda d: (d[0], (1, -2), d[1:])), "input shifts dims"),
    Row("roll", with_each(arrays(), [(1,), (-2,)]), "input shifts"),
    Row("rot90", with_dims(count=2).flatmap(
        lambda d: st.integers(-2, 5).map(lambda k: (d[0], k, d[1:]))), "input k dims"),
    # joined
    Row("cat", side_by_side(), call=listed),
    Row("concat", side_by_side(), call=listed),
    Row("concatenate", side_by_side(), call=listed),
    Row("stack", side_by_side(0, equal=True), call=listed),
    Row("hstack", side_by_side(axis=1).map(lambda drawn: drawn[:-1]), call=all_listed),
    Row("vstack", side_by_side(0, equal=True).map(lambda drawn: drawn[:-1]), call=all_listed),
    Row("row_stack", side_by_side(0, equal=True).map(lambda drawn: drawn[:-1]), call=all_listed),
    Row("dstack", side_by_side(0, equal=True).map(lambda drawn: drawn[:-1]), call=all_listed),
    Row("column_stack", side_by_side(axis=1).map(lambda drawn: drawn[:-1]), call=all_listed),
    Row("block_diag", PLANES),
    # taken apart
    Row("split", with_dims(rest=st.tuples(st.integers(1, 3))).map(lambda d: (d[0], d[2], d[1])),
        "tensor split_size_or_sections dim"),
    Row("Tensor.split", cut(), "self split_size dim"),
    Row("split_with_sizes", cut(), "input split_sizes dim"),
    Row("chunk", with_dims(rest=st.tuples(st.integers(1, 4))).map(lambda d: (d[0], d[2], d[1])),
        "input chunks dim"),
    Row("tensor_split", with_dims(rest=st.tuples(st.integers(1, 5))).map(lambda d: (d[0], d[2], d[1])),
        ),
    Row("tensor_split", with_dims(rest=st.sampled_from([((1, 2),), ((-1,),), ((2, 1, 9),), ((),)])).map(
        lambda d: (d[0], d[2], d[1]))),
    Row("hsplit", st.tuples(arrays((2, 4)), st.sampled_from([2, (1, 3)]))),
    Row("hsplit", st.tuples(arrays((4,)), st.sampled_from([2, (1, 3)]))),
    Row("vsplit", st.tuples(arrays((4, 2)), st.sampled_from([2, (1, 3)]))),
    Row("dsplit", st.tuples(arrays((1, 2, 4)), st.sampled_from([2, (1, 3)]))),
    Row("unbind", with_dims(), "input dim", see=tuple),
    # diagonals
    Row("diag", with_each(arrays(shapes(1, 2)), DIAGONALS), "input diagonal"),
    Row("diagonal", with_dims(count=2).flatmap(
        lambda d: st.sampled_from(DIAGONALS).map(lambda k: (d[0], *k, *d[1:]))), "input offset dim1 dim2"),
    Row("diag_embed", with_each(arrays(shapes(1, 2)), [(0,), (1,), (-2,), (0, 0, -1), (1, -1, 0)])),
    Row("diag_embed", with_each(arrays(shapes(1, 2)), [(1, 0, -1)]), "input offset dim1 dim2"),
    Row("diagflat", with_each(arrays(shapes(max_dims=2)), DIAGONALS), "input offset"),
    Row("tril", with_each(arrays(shapes(2, 3)), DIAGONALS), "input diagonal"),
    Row("triu", with_each(arrays(shapes(2, 3)), DIAGONALS), "input diagonal"),
    Row("tril_indices", SIZES, "row col offset"),
    Row("triu_indices", SIZES, "row col offset"),
]  # fmt: skip

X, V, S = np.ones((2, 3)), np.ones(3), np.ones(())
RANGE = "Dimension out of range (expected to be in range of [-2, 1], but got 5)"

ERRORS = [
    Wrong("reshape", (X, (4, -1)), words="shape '[4, -1]' is invalid for input of size 6"),
    Wrong("Tensor.reshape_as", (X, np.ones(4)), words="shape '[4]' is invalid for input of size 6"),
    Wrong("transpose", (X, 0, 5), words=RANGE),
    Wrong("adjoint", (V,), words="is only supported on matrices or batches of matrices. Got 1-D"),
    Wrong("broadcast_tensors", (X, np.ones(2)), words="The size of tensor a (3) must match the size of"),
    Wrong("broadcast_shapes", ((2,), (3,))),
    Wrong("cartesian_prod", (V, X), words="Expect a 1D vector, but got shape"),
    Wrong("cartesian_prod", (V, V.astype(int)), words="meshgrid expects all tensors to have the same dtype"),
    Wrong("cartesian_prod", (), words="meshgrid expects a non-empty TensorList"),
    Wrong("combinations", (X,), words="Expect a 1D vector, but got shape"),
    Wrong("combinations", (V, -1), words="Expect a non-negative number, but got -1"),
    Wrong("combinations", (V, 1.5), words="argument 'r' (position 2) must be int, not float"),
    Wrong("meshgrid", (V, X)),
    Wrong("meshgrid", (V, V.astype(int)), words="meshgrid expects all tensors to have the same dtype"),
    Wrong("meshgrid", (V,), {"indexing": "ab"}, words='must be one of "xy" or "ij", but received: ab'),
    Wrong("atleast_1d", (3,), words="atleast_1d()"),
    Wrong("Tensor.unfold", (X, 0, 3, 1), words="maximum size for tensor at dimension 0 is 2 but size is 3"),
    Wrong("Tensor.unfold", (X, 0, 1, 0), words="step is 0 but must be > 0"),
    Wrong("Tensor.unfold", (X, 0, -1, 1), words="size is -1 but must be >= 0"),
    Wrong("Tensor.unfold", (S, 0, 2, 1), words="maximum size for tensor at dimension 0 is 1 but size is 2"),
    Wrong("repeat_interleave", (X, np.array([1, 2, 3]), 0), words="repeats must have the same size as input"),
    Wrong("repeat_interleave", (X, np.array([1, -2]), 0), words="repeats can not be negative"),
    Wrong("repeat_interleave", (X, -1, 0), words="Repeats must be non-negative"),
    Wrong("repeat_interleave", (X, np.array([1.0, 2.0]), 0), words="not implemented for"),
    Wrong("repeat_interleave", (X, 1.5, 0), words="repeat_interleave()"),
    Wrong("repeat_interleave", (X, np.array([[1, 2]]), 0), words="repeats must be 0-dim or 1-dim tensor"),
    Wrong("repeat_interleave", (X, np.array([1, 2]), 0), {"output_size": 9}, "allocated size does not match"),
    Wrong("repeat_interleave", (S, 3, 1), words="Dimension out of range"),
    Wrong("rot90", (X, 1, (0,)), words="expected total rotation dims == 2, but got dims = 1"),
    Wrong("rot90", (X, 1, (0, -2)), words="dims to be different, but got dim0 = 0 and dim1 = -2"),
    Wrong("rot90", (V,), words="expected total dims >= 2, but got total dims = 1"),
    Wrong("rot90", (X, 1, (0, 5)), words=RANGE),
    Wrong("fliplr", (V,), words="Input must be >= 2-d."[:-1]),
    Wrong("flipud", (S,), words="Input must be >= 1-d."[:-1]),
    Wrong("hstack", ([],), words="hstack expects a non-empty TensorList"),
    Wrong("block_diag", (np.ones((1, 1, 1)),), words="Input 0 has 3 dimensions"),
    Wrong("tensor_split", (X, 0), words="number of sections must be larger than 0, got 0"),
    Wrong("tensor_split", (S, 1), words="expected at least a 1-dimensional tensor, but got a tensor"),
    Wrong("hsplit", (X, 2), words="along dimension 1, but the size of the dimension 3 is not divisible by"),
    Wrong("vsplit", (V, 1), words="vsplit requires a tensor with at least 2 dimension, but got a"),
    Wrong("vsplit", (X, 0), words="is not divisible by the split_size 0!"),
    Wrong("dsplit", (X, 1), words="dsplit requires a tensor with at least 3 dimension"),
    Wrong("diag", (np.ones((1, 1, 1)),), words="Supports 1D or 2D tensors. Got 3D"),
    Wrong("diagonal", (V,), words="Dimension out of range (expected to be in range of [-1, 0], but got 1)"),
    Wrong("diagonal", (X, 0, 0, -2), words="diagonal dimensions cannot be identical 0, -2"),
    Wrong("diag_embed", (X, 0, 0, 0), words="diagonal dimensions cannot be identical 0, 0"),
    Wrong("diag_embed", (S,)),
    Wrong("tril_indices", (-1, 3), words="row must be non-negative, got-1"),
    Wrong("triu_indices", (1, -3), words="col must be non-negative, got-3"),
]  # fmt: skip
