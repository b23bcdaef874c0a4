"""Every registered primitive, found by itself, against PyTorch: values, dtypes, rules to second order, what the rules read.

The table says for each primitive which function of torch it is and which arguments it takes. A primitive without an entry
fails, and so does an entry without a primitive.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
from autodiff.primitive import Binary, Predicate, Primitive, Unary, registry
from autodiff.symbol import formula_latex, formula_text, rule_latex, rule_text

from . import strategies as draw
from .against_torch import TORCH_DTYPES, assert_float32_like_torch, assert_like_torch
from .strategies import (
    above_minus_one,
    arrays,
    at_kinks,
    large,
    nonzero,
    operands,
    positive,
    real,
)

PRIMITIVES = dict(registry)


class Entry(NamedTuple):
    """A primitive's function in torch, the arguments to try (a strategy of tuples), and how well float32 can agree."""

    torch: Callable[..., Any]
    args: st.SearchStrategy[tuple[Any, ...]]
    ulps: float = 4


def one(function: Callable[..., Any], *domains: Any, ulps: float = 4) -> Entry:
    """A function of one array, each entry by itself."""
    return Entry(function, st.tuples(arrays(domain=list(domains))), ulps)


def two(function: Callable[..., Any], first: Any = real, second: Any = None, ulps: float = 4) -> Entry:
    """A function of two arrays that broadcast."""
    return Entry(function, operands(first, second or first), ulps)


def with_constants(array: st.SearchStrategy[Any], *constants: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """One array and one of these tuples of constants."""
    return st.tuples(array, st.sampled_from(constants)).map(lambda drawn: (drawn[0], *drawn[1]))


@st.composite
def positions(draw_: st.DrawFn, unique: bool = False) -> tuple[Any, ...]:
    """An array that is not empty, and positions in it when flattened."""
    x = draw_(arrays(draw.shapes(min_side=1)))
    rng = np.random.default_rng(draw_(st.integers(0, 99)))
    shape = draw_(draw.shapes(max_dims=2).filter(lambda s: not unique or np.prod(s) <= x.size))
    return x, rng.permutation(x.size)[: np.prod(shape, dtype=int)].reshape(shape) if unique else rng.integers(0, x.size, shape)


TABLE = {
    # arithmetic
    "add": two(torch.add, [real, at_kinks]),
    "sub": two(torch.sub, [real, at_kinks]),
    "mul": two(torch.mul, [real, at_kinks]),
    "div": two(torch.div, [real, at_kinks], nonzero),
    "neg": one(torch.neg, real),
    "pow": two(torch.pow, positive, real, ulps=8),
    "pow_constant": Entry(
        lambda x, p: x**p,
        st.one_of(
            with_constants(arrays(domain=positive), (0.5,), (-0.5,), (2.7,), (-1,), (1.0,)),
            with_constants(arrays(domain=[real, at_kinks]), (0,), (1,), (2,), (3,), (4.0,)),
        ),
    ),
    # exponentials, roots, trigonometry
    "exp": one(torch.exp, real),
    "expm1": one(torch.expm1, real),
    "log": one(torch.log, positive),
    "log1p": one(torch.log1p, above_minus_one),
    "sqrt": one(torch.sqrt, positive),
    "sin": one(torch.sin, real),
    "cos": one(torch.cos, real),
    "tan": one(torch.tan, real, ulps=8),
    # activations
    "tanh": one(torch.tanh, real, large),
    "sigmoid": one(torch.sigmoid, real, large),
    "relu": one(torch.relu, real, at_kinks),
    # kinks
    "abs": one(torch.abs, real, at_kinks),
    "sign": one(torch.sign, real, at_kinks),
    "maximum": two(torch.maximum, [real, at_kinks]),
    "minimum": two(torch.minimum, [real, at_kinks]),
    # comparisons
    "eq": two(torch.eq, [real, at_kinks]),
    "ne": two(torch.ne, [real, at_kinks]),
    "lt": two(torch.lt, [real, at_kinks]),
    "le": two(torch.le, [real, at_kinks]),
    "gt": two(torch.gt, [real, at_kinks]),
    "ge": two(torch.ge, [real, at_kinks]),
    # the engine's own
    "to": Entry(lambda x, dtype: x.to(TORCH_DTYPES[dtype]), with_constants(arrays(), (np.dtype(np.float32),), (np.dtype(np.float64),))),
    "clone": one(torch.clone, real),
    "copy": Entry(lambda x, value: x.clone().copy_(value), arrays().flatmap(lambda x: st.tuples(st.just(x), arrays(x.shape)))),
    "take": Entry(torch.take, positions(unique=True)),
    "put": Entry(
        lambda x, values, at: torch.put(x, at, values),
        positions(unique=True).flatmap(lambda drawn: st.tuples(st.just(drawn[0]), arrays(drawn[1].shape), st.just(drawn[1]))),
    ),
}


def test_every_primitive_has_an_entry_and_every_entry_a_primitive():
    assert PRIMITIVES.keys() == TABLE.keys()


def known(kind: type = Primitive) -> Any:
    """Run a test for each primitive of a kind that the table has."""
    names = [name for name, primitive in PRIMITIVES.items() if isinstance(primitive, kind) and name in TABLE]
    return pytest.mark.parametrize("name", names)


@known()
@given(data=st.data())
def test_values_and_derivatives_are_torchs(name, data):
    assert_like_torch(PRIMITIVES[name], TABLE[name].torch, data.draw(TABLE[name].args))


@known()
@given(data=st.data())
def test_float32_stays_float32_and_agrees_within_a_few_ulp(name, data):
    entry = TABLE[name]
    assert_float32_like_torch(PRIMITIVES[name], entry.torch, data.draw(entry.args), entry.ulps)


@known()
@given(data=st.data())
def test_arguments_stay_as_they_were(name, data):
    args = data.draw(TABLE[name].args)
    before = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]
    assert_like_torch(PRIMITIVES[name], TABLE[name].torch, args, second=False)
    for arg, old in zip(args, before, strict=True):
        np.testing.assert_array_equal(arg, old) if isinstance(arg, np.ndarray) else None


@known()
@given(data=st.data())
def test_a_rule_reads_no_more_than_it_says(name, data):
    """`reads` decides what may be freed or changed in place: what is not in it is replaced by nonsense, to no effect."""
    primitive, args = PRIMITIVES[name], list(data.draw(TABLE[name].args))
    with np.errstate(all="ignore"):
        z = primitive.run(*args)
        for i in range(primitive.arity_of(tuple(args))):
            rule = primitive.vjps[i]
            if rule is None or not isinstance(args[i], np.ndarray) or z.dtype.kind != "f":
                continue
            reads = primitive.reads[min(i, len(primitive.reads) - 1)]
            g = np.random.default_rng(0).normal(size=z.shape)
            expected = rule(g, z, *args)
            for nonsense in (spoilt, shuffled):
                given = [x if j in reads or not isinstance(x, np.ndarray) else nonsense(x) for j, x in enumerate([z, *args], -1)]
                np.testing.assert_array_equal(rule(g, *given), expected)


def spoilt(x):
    return np.full_like(x, np.nan if x.dtype.kind == "f" else 1)


def shuffled(x):
    return np.random.default_rng(1).normal(size=x.shape).astype(x.dtype)


@known()
@given(data=st.data())
def test_every_rule_can_be_written_as_a_formula_or_in_words(name, data):
    primitive, args = PRIMITIVES[name], data.draw(TABLE[name].args)
    assert formula_text(primitive, args) and formula_latex(primitive, args)
    for i in range(primitive.arity_of(args)):
        for of in (args, ()):
            text = rule_text(primitive, i, of)
            assert rule_latex(primitive, i, of)
            assert ("z̄" in text) == (primitive.vjps[i] is not None) or primitive.vjps[i] is not None and "0" in text


EVERY_DTYPE = list(TORCH_DTYPES)
EXAMPLES = {"f": [0.5, 0.25], "i": [2, 1], "b": [True, False]}


def example(dtype, ndim):
    values = np.array(EXAMPLES[dtype.kind], dtype)
    return values if ndim else np.array(values[0])


@known(Unary)
@pytest.mark.parametrize("dtype", EVERY_DTYPE, ids=str)
@pytest.mark.parametrize("ndim", [0, 1])
def test_dtype_of_functions_of_one_tensor(name, dtype, ndim):
    agree_on_dtype(name, [example(dtype, ndim)])


@known(Binary)
@pytest.mark.parametrize("first", EVERY_DTYPE, ids=str)
@pytest.mark.parametrize("second", [*EVERY_DTYPE, float, int, bool], ids=str)
def test_dtype_of_functions_of_two_operands(name, first, second):
    """PyTorch's promotion: categories first, then tensors with dimensions, then 0-dim ones, then Python numbers."""
    for ndim in (0, 1):
        if isinstance(second, type):
            agree_on_dtype(name, [example(first, ndim), second(1)])
            agree_on_dtype(name, [second(1), example(first, ndim)])
        else:
            for other in (0, 1):
                agree_on_dtype(name, [example(first, ndim), example(second, other)])


def agree_on_dtype(name, args):
    primitive, reference = PRIMITIVES[name], TABLE[name].torch
    ours = [autodiff.Tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    try:
        expected = reference(*(torch.from_numpy(arg) if isinstance(arg, np.ndarray) else arg for arg in args)).numpy()
    except (RuntimeError, TypeError):  # NotImplementedError is a RuntimeError
        with suppress(RuntimeError, TypeError):  # we refuse too, or do what torch has no code for
            primitive(*ours)
        return
    got = primitive(*ours).numpy()
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape), [getattr(a, "dtype", a) for a in args]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_comparisons_record_nothing():
    x = autodiff.Tensor(np.ones(2)).requires_grad_()
    for primitive in PRIMITIVES.values():
        if isinstance(primitive, Predicate):
            assert not primitive(x, x).requires_grad
