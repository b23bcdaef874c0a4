"""What the tests draw: shapes, dtypes, arrays from a domain in any memory layout, dims and indices.

Hypothesis draws what a bug depends on (shape, layout, domain, index) and shrinks it; the numbers themselves
come from NumPy's generator with a drawn seed, which is faster than drawing them one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Array = np.ndarray[Any, Any]
Domain = Callable[[np.random.Generator, tuple[int, ...]], Array]

# domains: where a function is defined and smooth, or where it is not ----------------------------------------


def real(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Ordinary numbers of either sign."""
    return rng.uniform(-3, 3, shape)


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers above 0, away from it."""
    return rng.uniform(0.1, 3, shape)


def nonzero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of either sign, away from 0."""
    return rng.uniform(0.1, 3, shape) * rng.choice([-1.0, 1.0], shape)


def unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Probabilities, away from 0 and 1."""
    return rng.uniform(0.05, 0.95, shape)


def signed_unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers between -1 and 1, away from both."""
    return rng.uniform(-0.95, 0.95, shape)


def above_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers above 1, away from it."""
    return rng.uniform(1.1, 4, shape)


def above_minus_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers above -1, away from it."""
    return rng.uniform(-0.9, 3, shape)


def large(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers that overflow a careless exponential."""
    return rng.uniform(-900, 900, shape)


def apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers that all differ by 0.1 at least: no ties, and no kinks at 0."""
    size = math.prod(shape)
    return ((rng.permutation(size) - size // 2) * 0.3 + rng.uniform(0.05, 0.15, size)).reshape(shape)


def at_kinks(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Small whole numbers and halves: exactly at the kinks of relu, clamp ..., and full of ties and zeros."""
    return rng.choice([-3.0, -1.0, -0.5, -0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 3.0], shape)


def with_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Ordinary numbers, every third of them 0."""
    return rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 0.0, 1.0], shape)


def unusual(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers, infinities and nan."""
    return rng.choice([1.5, -2.0, 0.0, np.nan, np.inf, -np.inf], shape)


def booleans(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A mask."""
    return rng.random(shape) < 0.5


def whole(low: int, high: int) -> Domain:
    """int64 numbers from low to high - 1: class indices, for example."""
    return lambda rng, shape: rng.integers(low, high, shape)


# shapes -----------------------------------------------------------------------------------------------------

SIDES = st.sampled_from([2, 3, 1, 4, 0])


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with dimensions of length 0 and 1 among them."""
    return st.lists(SIDES.filter(lambda n: n >= min_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw: st.DrawFn, count: int = 2, max_dims: int = 3) -> tuple[tuple[int, ...], ...]:
    """Shapes that broadcast together: the common one, with leading dimensions left out and others made 1."""
    common = draw(shapes(max_dims=max_dims))
    found = []
    for _ in range(count):
        ones = draw(st.lists(st.booleans(), min_size=len(common), max_size=len(common)))
        shape = [1 if one else n for n, one in zip(common, ones, strict=True)]
        found.append(tuple(shape[draw(st.sampled_from([0, 0, *range(len(common) + 1)])) :]))
    return tuple(found)


# arrays -----------------------------------------------------------------------------------------------------

DTYPES = st.sampled_from([np.dtype(kind) for kind in (np.float32, np.float64, np.int64, np.bool_)])


def transposed(x: Array) -> Array:
    """The same values laid out by columns."""
    return x.copy(order="F")


def strided(x: Array) -> Array:
    """The same values with other numbers between them."""
    if x.ndim == 0:
        return x
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1] + 1), 7, x.dtype)
    wide[..., 1::2] = x
    return wide[..., 1::2]


def reverse_strided(x: Array) -> Array:
    """The same values, stored backwards."""
    return x[::-1].copy()[::-1] if x.ndim else x


LAYOUTS = st.sampled_from([np.ascontiguousarray, np.ascontiguousarray, transposed, strided, reverse_strided])


@st.composite
def arrays(draw: st.DrawFn, shape: Any = None, domain: Any = real) -> Array:
    """An array of a shape (given or drawn) from a domain (or one of several), in any layout."""
    shape = draw(
        shape if isinstance(shape, st.SearchStrategy) else shapes() if shape is None else st.just(shape)
    )
    domain = draw(st.sampled_from(domain)) if isinstance(domain, list) else domain
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    x = np.asarray(domain(rng, shape))
    return draw(LAYOUTS)(x) if x.ndim else x


@st.composite
def operands(draw: st.DrawFn, *domains: Any) -> tuple[Array, ...]:
    """Arrays of shapes that broadcast together, one from each domain."""
    together = draw(broadcastable(len(domains)))
    return tuple(draw(arrays(shape, domain)) for shape, domain in zip(together, domains, strict=True))


# dims and indices -------------------------------------------------------------------------------------------


def dims(ndim: int) -> st.SearchStrategy[int]:
    """One dimension, counted from the front or from the back."""
    return st.integers(-ndim, ndim - 1)


def some_dims(ndim: int) -> st.SearchStrategy[Any]:
    """What the `dim` of a reduction may be: None, a number, or several different ones (possibly none)."""
    signed = st.lists(st.booleans(), min_size=ndim, max_size=ndim)
    several = st.builds(
        lambda chosen, signs: tuple(d - ndim if signs[d] else d for d in chosen),
        st.lists(st.integers(0, max(ndim - 1, 0)), min_size=1, max_size=ndim, unique=True)
        if ndim
        else st.just([]),
        signed,
    )
    return st.one_of(st.none(), dims(ndim), several) if ndim else st.none()


def basic_indices(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Numbers, slices with forward steps (PyTorch has no others), None and the ellipsis."""
    found = hnp.basic_indices(shape, allow_newaxis=True, max_dims=len(shape) + 2)
    return found.filter(
        lambda index: all(
            not isinstance(part, slice) or part.step is None or part.step > 0
            for part in (index if isinstance(index, tuple) else (index,))
        )
    )


@st.composite
def integer_indices(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """Integer arrays, with repeats and negative numbers, for one to all dimensions; between them slices."""
    if not shape or 0 in shape:
        return ...
    chosen = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    together = draw(broadcastable(len(chosen), max_dims=2))
    index: list[Any] = [slice(None)] * len(shape)
    for d, index_shape in zip(chosen, together, strict=True):
        index[d] = draw(arrays(index_shape, whole(-shape[d], shape[d])))
    return tuple(index)


@st.composite
def different_indices(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """An integer array for one dimension, without repeats: what an assignment needs to be well defined."""
    if not shape:
        return ...
    d = draw(st.integers(0, len(shape) - 1))
    picked = np.random.default_rng(draw(st.integers(0, 99))).permutation(shape[d])
    return (slice(None),) * d + (picked[: draw(st.integers(0, shape[d]))],)


@st.composite
def boolean_indices(draw: st.DrawFn, shape: tuple[int, ...]) -> Array:
    """A mask of the first dimensions of `shape`, or of all."""
    return draw(arrays(shape[: draw(st.integers(min(1, len(shape)), len(shape)))], booleans))


def indices(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Any index into an array of this shape."""
    return st.one_of(basic_indices(shape), integer_indices(shape), boolean_indices(shape))
