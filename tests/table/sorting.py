"""Order and bins: sorting, ranks, medians, quantiles, different values; counts in bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import strategies as draw
from ..strategies import Array, apart, arrays, at_kinks, booleans, real, shapes, unusual, whole
from . import Row, Wrong

FEW = [at_kinks, whole(-2, 3), booleans, unusual]  # domains with many equal values


@st.composite
def along(draw_: st.DrawFn, *domains: Any, more: Any = None, min_side: int = 0) -> tuple[Any, ...]:
    """An array, what `more` says of the length of a dimension (k, for example), and that dimension."""
    x = draw_(arrays(shapes(min_side=min_side), list(domains)))
    dim = draw_(draw.dims(x.ndim or 1))
    extra = [] if more is None else [draw_(more(x.shape[dim] if x.ndim else 1))]
    return (x, *extra, dim, *draw_(st.sampled_from([[False], [True]])))


def with_nan(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers, some of them nan."""
    return rng.choice([1.5, -2.0, 0.0, 4.0, np.nan], shape)


def values(result: Any) -> Any:
    """Of (values, indices) the values: where several are equal, PyTorch leaves open which it names."""
    return result[0]


def whole_of(*domains: Any, **options: Any) -> Any:
    """One array."""
    return st.tuples(arrays(shapes(**options), list(domains)))


def stable(function: Any, x: Any, dim: Any, descending: bool) -> Any:
    """A sort that keeps the order of equal values, which PyTorch does when it is asked to."""
    return function(x, dim=dim, descending=descending, stable=True)


@st.composite
def several(draw_: st.DrawFn, *domains: Any, dim: bool = True) -> tuple[Any, ...]:
    """An array that is not empty, one or several shares q, a dimension or None, and whether to keep it."""
    x = draw_(arrays(shapes(min_side=1), list(domains)))
    q = draw_(
        st.sampled_from([0.0, 0.3, 0.5, 1.0]) | shapes(0, 1).flatmap(lambda shape: arrays(shape, draw.unit))
    )
    chosen = draw_(draw.dims(x.ndim) if x.ndim and dim else st.none())
    return x, q, chosen, draw_(st.booleans())


RANKS = "input k dim"
QUANTILES = [
    row
    for name in ("quantile", "nanquantile")
    for way in ("linear", "lower", "higher", "midpoint", "nearest")
    for row in (
        Row(name, several(apart), "input q dim keepdim", {"interpolation": way}, near=9.0),
        Row(name, several(at_kinks, with_nan), "input q dim keepdim", {"interpolation": way}, wanted=[]),
    )
]

# sorted sequences, and what to insert -----------------------------------------------------------------------


@st.composite
def sequences(draw_: st.DrawFn, rows: bool = False, values_first: bool = False) -> tuple[Any, ...]:
    """A sorted vector, or sorted rows, and values; some of them equal."""
    lead = draw_(shapes(0, 2)) if rows else ()
    edges = np.sort(draw_(arrays((*lead, draw_(draw.SIDES)), at_kinks)), -1)
    found = draw_(arrays((*lead, draw_(draw.SIDES)) if rows else shapes(), at_kinks))
    return (found, edges) if values_first else (edges, found)


def with_sorter(function: Any, x: Any, found: Any, **options: Any) -> Any:
    """The call with a sequence out of order, and what sorts it."""
    return function(x, found, sorter=x.argsort(-1), **options)


BINS = [
    *(
        Row("searchsorted", sequences(rows), "sorted_sequence input", options, wanted=[])
        for rows in (False, True)
        for options in ({}, {"right": True}, {"side": "right"})
    ),
    Row(
        "searchsorted",
        st.tuples(whole_of(apart, min_dims=1, max_dims=1).map(lambda x: np.sort(x[0])), st.just(0.5)),
        wanted=[],
    ),
    Row("searchsorted", sequences(), wanted=[], call=with_sorter),
    *(
        Row("bucketize", sequences(values_first=True), "input boundaries", {"right": right}, wanted=[])
        for right in (False, True)
    ),
    Row("bincount", st.tuples(arrays(shapes(1, 1), whole(0, 5))), "input"),
    Row("bincount", st.tuples(arrays(shapes(1, 1), whole(0, 5))), "input", {"minlength": 7}),
    Row(
        "bincount",
        shapes(1, 1, 1).flatmap(lambda n: st.tuples(arrays(n, whole(0, 5)), arrays(n))),
        "input weights",
        wanted=[],
        near=3.0,
    ),
    Row("histc", whole_of(real, at_kinks), "input", {"bins": 4, "min": -1, "max": 2}, wanted=[]),
    Row("histc", whole_of(real, at_kinks), "input", {"bins": 3}, wanted=[]),
    Row("histogram", whole_of(real, at_kinks), "input", {"bins": 3}, wanted=[]),
    Row("histogram", whole_of(real, unusual), "input", {"bins": 4, "range": (-2.0, 2.0)}, wanted=[]),
    Row(
        "histogram",
        shapes(min_side=1).flatmap(lambda s: st.tuples(arrays(s, at_kinks), arrays(s, draw.positive))),
        options={"bins": 4, "range": (-4.0, 4.0), "density": True},
        wanted=[],
        call=lambda f, x, w, **options: f(x, weight=w, **options),
    ),
    Row("histogram", st.tuples(arrays(), st.just(np.array([-2.0, 0.0, 0.5, 3.0]))), "input bins", wanted=[]),
]


def distinct(x: Array) -> st.SearchStrategy[tuple[Any, ...]]:
    """The array and one of its dimensions, or None."""
    return st.tuples(st.just(x), draw.dims(x.ndim) if x.ndim else st.none())


DISTINCT = [
    *(
        Row(name, whole_of(*FEW), "input", {"return_inverse": inverse, "return_counts": counts}, wanted=[])
        for name in ("unique", "unique_consecutive")
        for inverse in (False, True)
        for counts in (False, True)
    ),
    *(
        Row(
            name,
            arrays(shapes(1, min_side=1), [at_kinks, whole(-1, 2)]).flatmap(distinct),
            "input dim",
            {"return_inverse": True, "return_counts": True},
            wanted=[],
            call=lambda f, x, dim, **options: f(x, dim=dim, **options),
        )
        for name in ("unique", "unique_consecutive")
    ),
    Row(
        "isin",
        st.tuples(arrays(domain=at_kinks), arrays(domain=at_kinks)),
        "elements test_elements",
        wanted=[],
    ),
    Row(
        "isin", st.tuples(arrays(domain=whole(-2, 3)), arrays(domain=whole(-2, 3))), options={"invert": True}
    ),
]

ROWS = [
    Row("sort", along(apart), "input dim descending"),
    Row("sort", along(*FEW), "input dim descending", second=False, call=stable),
    Row("argsort", along(apart), "input dim descending"),
    Row("argsort", along(*FEW), "input dim descending", call=stable),
    Row("msort", whole_of(real, at_kinks, whole(-3, 3), min_dims=1), "input", second=False),
    Row("topk", along(apart, more=lambda n: st.integers(0, n)), "input k dim largest"),
    Row(
        "topk",
        along(*FEW[:2], unusual, more=lambda n: st.integers(0, n)),
        "input k dim largest",
        wanted=[],
        see=values,
    ),
    Row("kthvalue", along(apart, more=lambda n: st.integers(1, n), min_side=1), f"{RANKS} keepdim"),
    Row(
        "kthvalue",
        along(*FEW[:2], more=lambda n: st.integers(1, n), min_side=1),
        f"{RANKS} keepdim",
        wanted=[],
        see=values,
    ),
    *(
        row
        for name in ("median", "nanmedian")
        for row in (
            Row(name, along(apart, min_side=1), "input dim keepdim"),
            Row(name, along(unusual, whole(-3, 3), min_side=1), "input dim keepdim", wanted=[], see=values),
            Row(name, whole_of(apart, at_kinks, whole(-3, 3), min_side=1), "input"),
            Row(name, whole_of(unusual, min_side=1), "input", second=False),
        )
    ),
    Row("mode", along(*FEW[:3], apart, min_side=1), "input dim keepdim", second=False),
    *QUANTILES,
    *DISTINCT,
    *BINS,
]

X, NOTHING, NUMBERS, MASK = np.ones((2, 3)), np.ones((0, 3)), np.array([1, 2]), np.array([True])
RANGE = "Dimension out of range (expected to be in range of [-2, 1], but got 2)"
NO_VALUES = "Expected reduction dim 0 to have non-zero size."
FIT = (
    "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value"
)

ERRORS = [
    *(
        Wrong(name, (X,), {"dim": 2}, RANGE)
        for name in "sort argsort median nanmedian mode unique unique_consecutive".split()
    ),
    *(Wrong(name, (X, 1), {"dim": 2}, RANGE) for name in ("topk", "kthvalue")),
    *(Wrong(name, ([1.0],)) for name in "sort median unique bincount histc".split()),
    Wrong("sort", (X, True)),
    *(Wrong(name, (NOTHING,), {"dim": 0}, NO_VALUES) for name in ("median", "nanmedian", "mode")),
    Wrong("kthvalue", (NOTHING, 1, 0), words=NO_VALUES),
    *(Wrong("topk", (X, k), words="selected index k out of range") for k in (4, -1)),
    *(Wrong("kthvalue", (X, k), words="selected number k out of range for dimension 1") for k in (4, 0)),
    Wrong("quantile", (NUMBERS, 0.5), words="quantile() input tensor must be either float or double dtype"),
    Wrong("quantile", (NOTHING, 0.5), words="quantile() input tensor must be non-empty"),
    Wrong("quantile", (X, 1.5), words="quantile() q must be in the range [0, 1] but got 1.5"),
    Wrong("quantile", (X, np.array([0.5, 2.0])), words="quantile() q values must be in the range [0, 1]"),
    Wrong("quantile", (X, np.ones((1, 1))), words="quantile() q must be a scalar or 1D tensor"),
    Wrong(
        "quantile", (X, np.ones(1, np.float32)), words="quantile() q tensor must be same dtype as the input"
    ),
    Wrong("quantile", (X, 0.5), {"interpolation": "x"}, "interpolation must be one of linear, lower, higher"),
    Wrong("quantile", (X, 0.5, 2), words=RANGE),
    Wrong(
        "unique", (NOTHING,), {"dim": 1}, "There are 0 sized dimensions, and they aren't selected, so unique"
    ),
    Wrong("searchsorted", (X, np.ones((3, 3))), words=FIT),
    Wrong("searchsorted", (X, np.ones(2)), words=FIT),
    Wrong("searchsorted", (np.ones(()), X), words="boundaries tensor should have positive dimension"),
    Wrong("searchsorted", (X[0], X), {"side": "x"}, "side can only be 'left' or 'right' but got x"),
    Wrong(
        "searchsorted", (X[0], X), {"side": "left", "right": True}, "side and right can't be set to opposites"
    ),
    Wrong("searchsorted", (X[0, :2], X), {"sorter": np.array([1, 5])}, "sorter index out of range"),
    Wrong("bucketize", (X, X), words="boundaries tensor must be 1 dimension, but got dim(2)"),
    *(
        Wrong("bincount", (x,), words="bincount only supports 1-d non-negative integral inputs")
        for x in (-NUMBERS, NUMBERS[None])
    ),
    *(Wrong("bincount", (x,)) for x in (X[0], MASK)),
    Wrong("bincount", (NUMBERS, X[0]), words="weights should be 1-d and have the same length as input"),
    Wrong("bincount", (NUMBERS,), {"minlength": -1}, "minlength should be >= 0"),
    Wrong("histc", (X, 0), words="bins must be > 0"),
    Wrong("histc", (X, 3, 2, 1), words="max must be larger than min"),
    Wrong("histc", (X * np.nan,), words="is not finite"),
    Wrong("histogram", (X * np.inf, 3), words="is not finite"),
    Wrong("histogram", (NUMBERS, 3)),
    Wrong("histogram", (X, np.ones(3, np.float32)), words="should have the same dtype"),
]
