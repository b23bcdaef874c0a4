"""Values taken, written and added at indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import strategies as draw
from ..strategies import arrays, shapes, whole
from . import Row, Wrong

RNG = np.random.default_rng


@st.composite
def along_dim(draw_: st.DrawFn, min_dims: int = 1) -> Any:
    """An array that has entries along a dimension, that dimension, and how many entries there are."""
    x = draw_(arrays(shapes(min_dims=min_dims)))
    dim = draw_(draw.dims(x.ndim))
    if not x.shape[dim]:
        x = np.ones([n or 2 for n in x.shape])
    return x, dim, x.shape[dim]


@st.composite
def gathered(draw_: st.DrawFn, source: bool = False, unique: bool = False) -> Any:
    """An array, a dimension, an index of as many dimensions that is shorter in some, and perhaps a source."""
    x, dim, n = draw_(along_dim())
    d = dim % x.ndim
    shape = [draw_(st.integers(0, m)) for m in x.shape]
    if unique:
        index = RNG(draw_(st.integers(0, 99))).permuted(np.indices(x.shape)[d], axis=d)
        index = index[tuple(slice(m) for m in shape)]
    else:
        shape[d] = draw_(st.integers(0, 4))
        index = draw_(arrays(tuple(shape), whole(0, n)))
    if not source:
        return x, dim, index
    return x, dim, index, draw_(arrays(index.shape))


@st.composite
def numbered(draw_: st.DrawFn, source: bool = False, unique: bool = False, lowest: int = 0) -> Any:
    """An array, a dimension, numbers of entries along it, and perhaps a source of as many entries."""
    x, dim, n = draw_(along_dim())
    if unique:
        index = RNG(draw_(st.integers(0, 99))).permutation(n)[: draw_(st.integers(0, n))]
    else:
        index = draw_(arrays(shapes(1, 1), whole(lowest * n, n)))
    if not source:
        return x, dim, index
    shape = list(x.shape)
    shape[dim] = len(index)
    return x, dim, index, draw_(arrays(tuple(shape)))


@st.composite
def flat_places(draw_: st.DrawFn, source: bool = False, unique: bool = True) -> Any:
    """An array, places in the flattened array counted from either end, and perhaps as many values."""
    x = draw_(arrays(shapes(min_side=1)))
    shape = draw_(shapes(max_dims=2).filter(lambda s: math.prod(s) <= x.size))
    if unique:
        index = RNG(draw_(st.integers(0, 99))).permutation(x.size)[: math.prod(shape)].reshape(shape)
        index = np.asarray(index - draw_(st.sampled_from([0, x.size])))
    else:
        index = draw_(arrays(shape, whole(-x.size, x.size)))
    return (x, index, draw_(arrays(index.shape))) if source else (x, index)


@st.composite
def masked_with(draw_: st.DrawFn) -> Any:
    """An array, a mask that broadcasts with it, and values enough for the mask."""
    x, mask = draw_(draw.operands(draw.real, draw.booleans))
    count = np.broadcast_to(mask, np.broadcast_shapes(x.shape, mask.shape)).sum()
    return x, mask, draw_(arrays((int(count) + draw_(st.integers(0, 2)),)))


def with_value(value: Any) -> Any:
    return lambda drawn: (*drawn, value)


MASKED = draw.operands(draw.real, draw.booleans)

ROWS = [
    # taken
    Row("select", along_dim().map(lambda d: (*d[:2], -1)), "input dim index"),
    Row("select", along_dim().map(lambda d: (*d[:2], d[2] // 2)), "input dim index"),
    Row("narrow", along_dim().map(lambda d: (*d[:2], 0, d[2])), "input dim start length"),
    Row("narrow", along_dim().map(lambda d: (*d[:2], -1, 1)), "input dim start length"),
    Row("gather", gathered(), "input dim index"),
    Row("index_select", numbered(), "input dim index"),
    Row("take", flat_places(unique=False), "input index"),
    Row("take_along_dim", gathered().map(lambda d: (d[0], d[2][tuple(
        slice(1) if i != d[1] % d[0].ndim else slice(None) for i in range(d[0].ndim))], d[1])
        if 0 not in d[2].shape else (d[0], np.zeros_like(d[0], int), d[1])), "input indices dim"),
    Row("take_along_dim", arrays((2, 3)).map(lambda x: (x, np.array([[-1, 0, -2]]), 1)), "input indices dim"),
    Row("masked_select", MASKED, "input mask"),
    Row("nonzero", st.tuples(arrays(domain=draw.with_zeros)), "input"),
    Row("argwhere", st.tuples(arrays(domain=draw.with_zeros)), "input"),
    Row("nn.functional.one_hot", st.tuples(arrays(domain=whole(0, 4)), st.sampled_from([4, 6])),
        "input num_classes"),
    # written
    Row("masked_fill", st.tuples(MASKED, st.just(2.5)).map(lambda d: (*d[0], d[1])), "input mask value"),
    Row("masked_fill", st.tuples(MASKED, arrays(())).map(lambda d: (*d[0], d[1])), "input mask value"),
    Row("masked_scatter", masked_with(), "input mask source"),
    Row("scatter", gathered(source=True, unique=True), "input dim index src"),
    Row("scatter", gathered().map(with_value(2.5)), "input dim index value"),
    Row("index_copy", numbered(source=True, unique=True), "input dim index source"),
    Row("index_fill", numbered(lowest=-1).map(with_value(2.5)), "input dim index value"),
    Row("index_fill", st.tuples(numbered(), arrays(())).map(lambda d: (*d[0], d[1]))),
    Row("put", flat_places(source=True), "input index source"),
    Row("index_put", flat_places(source=True).map(lambda d: (d[0].reshape(-1), *d[1:])),
        call=lambda f, x, index, values: f(x, (index,), values)),
    Row("scatter", gathered().map(with_value(2.5)), options={"reduce": "multiply"}, wanted=[]),
    # added
    Row("scatter_add", gathered(source=True), "input dim index src"),
    Row("scatter_add", gathered(source=True).map(lambda d: (*d[:3], np.pad(d[3], [(0, 1)] * d[3].ndim))),
        wanted=[0]),
    *(Row("scatter_reduce", gathered(source=True).map(with_value(how)), "input dim index src reduce",
          options={"include_self": itself}, second=how in ("sum", "mean"))
      for how in ("sum", "mean", "prod", "amax", "amin") for itself in (True, False)),
    Row("scatter_reduce", st.just((np.array([2.0, 2, 0, -np.inf]), 0, np.array([0, 1, 0, 2, 0, 3]),
                                   np.array([2.0, 1, 2, 0, 1, -np.inf]), "amax"))),
    Row("scatter_reduce", st.just((np.array([2.0, 0, 3]), 0, np.array([0, 1, 0, 2, 2, 2]),
                                   np.array([0.0, 0, 5, 2, 3, 4]), "prod")), second=False),
    *(Row("scatter_reduce", st.just((np.arange(-3, 3), 0, np.array([0, 1, 0]), np.array([4, -2, 1]), how)))
      for how in ("sum", "mean", "prod", "amax", "amin")),
    Row("index_add", numbered(source=True), "input dim index source"),
    Row("index_add", numbered(source=True), "input dim index source", options={"alpha": -2}),
    Row("put", flat_places(source=True, unique=False).map(with_value(True)), "input index source accumulate"),
    Row("index_put", flat_places(source=True, unique=False).map(lambda d: (d[0].reshape(-1), *d[1:])),
        call=lambda f, x, index, values: f(x, (index,), values, accumulate=True)),
]  # fmt: skip

X, S = np.arange(6.0).reshape(2, 3), np.ones(())


def at(*numbers: Any) -> Any:
    return np.array(numbers)


FEW = "Index tensor must have the same number of dimensions as self tensor"

ERRORS = [
    Wrong("index_select", (X, 0, at(5)), words="index out of range in self"),
    Wrong("narrow", (X, 0, 3, 0), words="start out of range (expected to be in range of [-2, 2], but got 3)"),
    Wrong("select", (X, 0, 5), words="select(): index 5 out of range for tensor of size [2, 3] at"),
    Wrong("select", (S, 0, 0), words="select() cannot be applied to a 0-dim tensor."),
    Wrong("select", (X, 5, 0), words="Dimension out of range"),
    Wrong("take", (X, at(6)), words="out of range: tried to access index 6 on a tensor of 6 elements"),
    Wrong("take", (X, at(0.0)), words="take(): Expected a long tensor for index, but got"),
    Wrong("take", (np.ones(0), at(0)), words="take(): tried to take from an empty tensor"),
    Wrong("scatter", (X, 1, at([3]), 1.0), words="index 3 is out of bounds for dimension 1 with size 3"),
    Wrong("scatter", (X, 1, at([-1]), 1.0), words="index -1 is out of bounds for dimension 1 with size 3"),
    Wrong("scatter", (X, 1, at(0), 1.0), words=FEW),
    Wrong("scatter", (X, 1, at([0.0]), 1.0), words="scatter(): Expected dtype int32/int64 for index"),
    Wrong("scatter", (X, 1, at([0]), at([1])), words="Expected self.dtype to be equal to src.dtype"),
    Wrong("scatter", (X, 1, at([0, 1], [2, 2]), np.ones((2, 1))),
          words="Expected index [2, 2] to be no larger than self [2, 3] apart from dimension 1"),
    Wrong("scatter", (X, 0, at([0, 1, 0, 1]), 1.0), words="Expected index [1, 4] to be no larger than self"),
    Wrong("scatter", (X, 1, at([0]), at([1.0])), {"reduce": "foo"},
          "reduce argument must be either add or multiply."),
    Wrong("scatter_add", (X, 1, at([0]), at([1])), words="Expected self.dtype to be equal to src.dtype"),
    Wrong("scatter_add", (X, 1, at([5]), at([1.0])), words="index 5 is out of bounds for dimension 1"),
    Wrong("scatter_add", (X, 1, at(0), at(1.0)), words=FEW),
    Wrong("scatter_add", (X, 1, at([0, 0]), at([1.0]))),
    Wrong("scatter_reduce", (X, 1, at([0]), at([1.0]), "add"),
          words="reduce argument must be either sum, prod, mean, amax or amin, got add"),
    Wrong("scatter_reduce", (X, 1, at([0]), at([1]), "sum"), words="Expected self.dtype to be equal"),
    Wrong("scatter_reduce", (X, 1, at([3]), at([1.0]), "amax"), words="index 3 is out of bounds for"),
    Wrong("scatter_reduce", (X, 1, at([0, 1]), at([1.0]), "prod"), words="Expected index [1, 2] to be no"),
    Wrong("scatter_reduce", (X > 2, 1, at([0]), at([1.0]) > 0, "mean"), words="not implemented for"),
    Wrong("index_add", (X, 1, at(0, 5), np.ones((2, 2))), words="index 5 is out of bounds for dimension 1"),
    Wrong("index_add", (X, 1, at(-1, 0), np.ones((2, 2))), words="index -1 is out of bounds for dimension 1"),
    Wrong("index_add", (X, 1, at(0), np.ones((2, 2))),
          words="index_add_(): Number of indices (1) should be equal to source.size(dim): (2), for dim: 1"),
    Wrong("index_add", (X, 1, at(0, 1), np.ones((3, 2))),
          words="source tensor shape must match self tensor shape, excluding the specified dimension."),
    Wrong("index_add", (X, 1, at([0, 1]), np.ones((2, 2))),
          words="index_add_(): Index is supposed to be a vector, but got dim: 2"),
    Wrong("index_add", (X, 1, at(0.0, 1.0), np.ones((2, 2))),
          words="index_add_(): Expected dtype int32/int64 for index"),
    Wrong("index_add", (X, 1, at(0, 1), np.ones((2, 2), int)), words="must have the same scalar type"),
    Wrong("index_fill", (X, 1, at(5), 5.0), words="index 5 is out of bounds for dimension 1 with size 3"),
    Wrong("index_fill", (X, 1, at(0), at(5.0)),
          words="only supports a 0-dimensional value tensor, but got tensor with 1 dimension(s)."),
    Wrong("index_fill", (X, 1, at(0.0), 5.0), words="index_fill_(): Expected dtype int64 for index"),
    Wrong("index_fill", (X, 1, at([0]), 5.0), words="Index has to be a vector/scalar"),
    Wrong("index_copy", (X, 1, at(0, -1), np.ones((2, 2))),
          words="index_copy_(): index -1 is out of bounds for dimension 1 with size 3"),
    Wrong("index_copy", (X, 1, at(0), np.ones((2, 2))),
          words="index_copy_(): Number of indices (1) should be equal to source.size(dim) (2)"),
    Wrong("index_copy", (X, 1, at(0, 1), np.ones((3, 2))),
          words="index_copy_(): Source/destination tensor must have same slice shapes"),
    Wrong("index_copy", (X, 1, at(0, 1), np.ones((2, 2), int)), words="expected to have the same dtype, but"),
    Wrong("index_copy", (X, 1, at(0.0, 1.0), np.ones((2, 2))), words="Expected a long tensor for index"),
    Wrong("index_copy", (X, 1, at([0, 1]), np.ones((2, 2))), words="should have dimension 1 or 0 (got 2)"),
    Wrong("put", (X, at(0, 1), at(9.0)), words="Expected source and index to have the same number of"),
    Wrong("put", (X, at(0), at(9)), words="put_(): self and source expected to have the same dtype"),
    Wrong("put", (X, at(7), at(9.0)), words="tried to access index 7 on a tensor of 6 elements"),
    Wrong("index_put", (X, at(0), at(1.0)), words="argument 'indices' (position 2) must be tuple of Tensors"),
    Wrong("masked_scatter", (X, X > 2, at(9.0)), words="Number of elements of source < number of ones"),
    Wrong("masked_scatter", (X, X > 2, at(9)), words="masked_scatter: expected self and source to have same"),
    Wrong("masked_scatter", (X, at(1, 0, 1), X), words="masked_scatter_ only supports boolean masks"),
]  # fmt: skip
