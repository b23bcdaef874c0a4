"""Reductions against PyTorch: values, dtypes, first and second derivatives, ties, zeros, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import autodiff

from . import strategies as draw
from .against_torch import assert_float32_like_torch, assert_like_torch
from .both import assert_same_error, both, grad

pytestmark = pytest.mark.filterwarnings("ignore:.*degrees of freedom:UserWarning")  # torch's, of one value

INF = math.inf

# Each is run under both libraries: `x` is ours or torch's.
ALONG_DIMS = {
    "sum": lambda x, dim, keepdim: x.sum(dim, keepdim),
    "mean": lambda x, dim, keepdim: x.mean(dim, keepdim),
    "var": lambda x, dim, keepdim: x.var(dim, keepdim=keepdim),
    "var, biased": lambda x, dim, keepdim: x.var(dim, unbiased=False, keepdim=keepdim),
    "var, correction 2": lambda x, dim, keepdim: x.var(dim, correction=2, keepdim=keepdim),
    "std": lambda x, dim, keepdim: x.std(dim, keepdim=keepdim),
    "std, correction 0": lambda x, dim, keepdim: x.std(dim, correction=0, keepdim=keepdim),
    "logsumexp": lambda x, dim, keepdim: x.logsumexp(dim, keepdim),
    "norm": lambda x, dim, keepdim: x.norm(2, dim, keepdim=keepdim),
    "norm 1": lambda x, dim, keepdim: x.norm(1, dim, keepdim),
    "norm 3": lambda x, dim, keepdim: x.norm(3, dim, keepdim),
    "norm 1.5": lambda x, dim, keepdim: x.norm(1.5, dim, keepdim),
}
EXTREMES = {
    "amax": lambda x, dim, keepdim: x.amax(() if dim is None else dim, keepdim),
    "amin": lambda x, dim, keepdim: x.amin(() if dim is None else dim, keepdim),
    "norm inf": lambda x, dim, keepdim: x.norm(INF, dim, keepdim),
    "norm -inf": lambda x, dim, keepdim: x.norm(-INF, dim, keepdim),
}
ALONG_ONE = {
    "max": lambda x, dim, keepdim: x.max() if dim is None else x.max(dim, keepdim),
    "min": lambda x, dim, keepdim: x.min() if dim is None else x.min(dim, keepdim),
    "argmax": lambda x, dim, keepdim: x.argmax(dim, keepdim),
    "argmin": lambda x, dim, keepdim: x.argmin(dim, keepdim),
    "prod": lambda x, dim, keepdim: x.prod() if dim is None else x.prod(dim, keepdim),
    "all": lambda x, dim, keepdim: x.all() if dim is None else x.all(dim, keepdim),
    "any": lambda x, dim, keepdim: x.any() if dim is None else x.any(dim, keepdim),
    "cumsum": lambda x, dim, keepdim: x.cumsum(dim or 0),
    "cumprod": lambda x, dim, keepdim: x.cumprod(dim or 0),
}


def named(table):
    return pytest.mark.parametrize("function", table.values(), ids=table.keys())


@st.composite
def array_and_dim(draw_, domain, dim=draw.some_dims, min_side=1):
    x = draw_(draw.arrays(draw.shapes(min_side=min_side), domain))
    return x, draw_(dim(x.ndim)), draw_(st.booleans())


def one_dim(ndim):
    return st.none() | draw.dims(ndim) if ndim else st.none()


def values_made_one(x, dim):
    return x.size // math.prod(x.sum(dim).shape)


def enough_for(function, x, dim):
    """With fewer values than a variance needs the results are inf and nan: those have their own test."""
    return values_made_one(x, dim) > 2 or function not in [
        ALONG_DIMS[name] for name in ALONG_DIMS if name[:3] in ("var", "std")
    ]


@named(ALONG_DIMS)
@given(drawn=array_and_dim(draw.nonzero))
def test_along_some_dims(function, drawn):
    x, dim, keepdim = drawn
    assume(enough_for(function, x, dim))
    if dim is None and function is ALONG_DIMS["logsumexp"]:
        dim = tuple(range(x.ndim)) or 0  # PyTorch wants to be told
    assert_like_torch(lambda x: function(x, dim, keepdim), lambda x: function(x, dim, keepdim), [x])


@named(EXTREMES)
@given(drawn=array_and_dim([draw.real, draw.at_kinks]))
def test_extremes_share_ties_evenly(function, drawn):
    x, dim, keepdim = drawn
    assert_like_torch(lambda x: function(x, dim, keepdim), lambda x: function(x, dim, keepdim), [x])


@named(ALONG_ONE)
@given(drawn=array_and_dim([draw.real, draw.with_zeros, draw.at_kinks], one_dim))
def test_along_one_dim(function, drawn):
    x, dim, keepdim = drawn
    assert_like_torch(lambda x: function(x, dim, keepdim), lambda x: function(x, dim, keepdim), [x])


@named(ALONG_DIMS | EXTREMES | ALONG_ONE)
@given(drawn=array_and_dim([draw.real], one_dim))
def test_float32(function, drawn):
    x, dim, keepdim = drawn
    dim = 0 if dim is None else dim  # PyTorch's logsumexp wants to be told
    assume(enough_for(function, np.atleast_1d(x), dim))  # `near`: terms of this size may cancel
    assert_float32_like_torch(
        lambda x: function(x, dim, keepdim), lambda x: function(x, dim, keepdim), [x], ulps=16, near=3
    )


@named({name: ALONG_DIMS[name] for name in ("sum", "mean", "var", "logsumexp", "norm", "norm 1")})
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)], ids=str)
@pytest.mark.parametrize("dim", [0, -1, (0,)], ids=str)
def test_of_nothing(function, shape, dim):
    x = np.zeros(shape)
    assert_like_torch(lambda x: function(x, dim, False), lambda x: function(x, dim, False), [x], second=False)


@named({name: ALONG_ONE[name] for name in ("prod", "all", "any", "cumsum", "cumprod")})
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)], ids=str)
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_along_one_dim_of_nothing(function, shape, dim):
    x = np.zeros(shape)
    assert_like_torch(lambda x: function(x, dim, False), lambda x: function(x, dim, False), [x])


@pytest.mark.parametrize("shape", [(2,), (2, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@named(
    {name: ALONG_DIMS[name] for name in ("sum", "mean", "var", "std", "logsumexp", "norm")}
    | {"amax": EXTREMES["amax"]}
    | ALONG_ONE
)
def test_dtypes(function, shape, dtype):
    """The dtype is PyTorch's, or both refuse."""
    x = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    try:
        function(torch.from_numpy(x), 0, False)
    except (RuntimeError, NotImplementedError):
        with pytest.raises(RuntimeError):
            function(autodiff.Tensor(x), 0, False)
    else:
        assert_like_torch(
            lambda x: function(x, 0, False), lambda x: function(x, 0, False), [x], second=False, rtol=1e-5
        )


@both
def test_dtype_of_the_sum(lib):
    x = lib.tensor([[True, False], [True, True]])
    found = [
        x.sum(dtype=lib.float32),
        lib.tensor([1, 2]).mean(dtype=lib.float64),
        x.prod(dtype=lib.float32),
        x.cumsum(0, dtype=lib.float64),
    ]
    return [(str(z.dtype).removeprefix("torch."), z.tolist()) for z in found]


@both
def test_names_of_numpy_mean_the_same(lib):
    x = lib.tensor([[1.0, 5.0], [7.0, 3.0]])
    found = [
        x.sum(axis=0, keepdims=True),
        lib.mean(x, axis=1),
        lib.amax(x, axis=(0, 1)),
        x.max(axis=1)[1],
        lib.std(x, axis=-1),
    ]
    return [z.tolist() for z in found]


@both
def test_two_tensors(lib):
    x, y = lib.tensor([1.0, 5.0, 2.0]), lib.tensor([4.0, 5.0, 1.0])
    return [lib.max(x, y).tolist(), x.min(y).tolist()]


@both
def test_named_tuple(lib):
    found = lib.max(lib.tensor([[1.0, 5.0], [5.0, 3.0]]), dim=1)
    values, indices = found
    return values.tolist(), indices.tolist(), found.values.tolist(), found.indices.tolist()


@both
def test_nan_wins(lib):
    x = lib.tensor([1.0, math.nan, 3.0])
    values = [
        x.max(),
        x.min(),
        x.amax(),
        x.amin(),
        x.max(0)[0],
        x.argmax(),
        x.max(0)[1],
        x.sum(),
        x.norm(INF),
    ]
    return [str(z.item()) for z in values]


@both
def test_singular_points(lib):
    """The gradient of a length of 0 is 0; with all -inf, logsumexp is -inf; one entry has no variance."""
    found = []
    for values, function in [
        ([0.0, 0.0], lambda x: x.norm()),
        ([0.0, 0.0], lambda x: x.norm(1)),
        ([0.0, 0.0], lambda x: x.norm(3)),
        ([0.0, 0.0], lambda x: x.norm(INF)),
        ([0.0, 4.0], lambda x: x.norm(3)),
        ([2.0, 2.0], lambda x: x.std()),
        ([2.0, 2.0], lambda x: x.var()),
        ([2.0], lambda x: x.std()),
        ([2.0], lambda x: x.var()),
        ([2.0], lambda x: x.var(correction=0)),
        ([-INF, -INF], lambda x: x.logsumexp(0)),
        ([-INF, 0.0], lambda x: x.logsumexp(0)),
        ([1000.0, 1000.0], lambda x: x.logsumexp(0)),
        ([0.0, 3.0], lambda x: x.norm(0) + x.sum() * 0),
    ]:
        x = lib.tensor(values, requires_grad=True)
        z = function(x)
        z.backward()
        found.append(f"{z.item():.5f} {x.grad.tolist()}")
    return found


@both
def test_second_derivative_of_a_length_beside_zeros(lib):
    x = lib.tensor([0.0, 3.0, 4.0], dtype=lib.float64, requires_grad=True)
    (first,) = grad(lib, x.norm(), x, create_graph=True)
    first[0].backward()
    return np.round(x.grad.tolist(), 12).tolist()


@both
def test_a_product_with_zeros_never_divides(lib):
    x = lib.tensor([2.0, 0.0, 3.0, 0.0, 5.0], requires_grad=True)
    (first,) = grad(lib, x.prod(), x, create_graph=True)
    (second,) = grad(lib, first[1], x)
    return first.tolist(), second.tolist()


ERRORS = [
    (lambda lib, x: x.sum(2), "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (lambda lib, x: x.mean(-3), "Dimension out of range (expected to be in range of [-2, 1], but got -3)"),
    (lambda lib, x: x[0, 0].sum(1), "Dimension out of range (expected to be in range of [-1, 0], but got 1)"),
    (lambda lib, x: x.argmin(5), "Dimension out of range (expected to be in range of [-2, 1], but got 5)"),
    (lambda lib, x: x.cumsum(5), "Dimension out of range (expected to be in range of [-2, 1], but got 5)"),
    (lambda lib, x: x.sum((0, 0)), "dim 0 appears multiple times in the list of dims"),
    (lambda lib, x: x.sum((1, -1)), "dim 1 appears multiple times in the list of dims"),
    (lambda lib, x: x.sum("rows"), ""),
    (lambda lib, x: x.sum(1.5), ""),
    (lambda lib, x: x.prod((0, 1)), ""),
    (lambda lib, x: x.max(dim=(0, 1)), ""),
    (lambda lib, x: x.cumsum(), ""),
    (lambda lib, x: x.logsumexp(), ""),
    (lambda lib, x: x.var(0, unbiased=False, correction=1), ""),
    (lambda lib, x: lib.tensor([1, 2]).mean(), "could not infer output dtype"),
    (lambda lib, x: lib.tensor([1, 2]).var(), "std and var only support floating point and complex dtypes"),
    (lambda lib, x: lib.tensor([1, 2]).norm(), "Expected a floating point or complex tensor as input"),
    (lambda lib, x: lib.tensor([True]).argmax(), "argmax(): does not support bool input"),
    (lambda lib, x: x[:0].max(), "max(): Expected reduction dim to be specified for input.numel() == 0"),
    (lambda lib, x: x[:0].amax(), "amax(): Expected reduction dim to be specified for input.numel() == 0"),
    (
        lambda lib, x: x[:0].argmax(),
        "argmax(): Expected reduction dim to be specified for input.numel() == 0",
    ),
    (lambda lib, x: x[:0].amin(0), "amin(): Expected reduction dim 0 to have non-zero size."),
    (lambda lib, x: x[:0].max(0), "max(): Expected reduction dim 0 to have non-zero size."),
    (lambda lib, x: x[:0].argmin(0), "argmin(): Expected reduction dim 0 to have non-zero size."),
    (lambda lib, x: lib.sum([1.0]), "sum(): argument 'input' (position 1) must be Tensor, not list"),
    (
        lambda lib, x: lib.mean(np.ones(2)),
        "mean(): argument 'input' (position 1) must be Tensor, not numpy.ndarray",
    ),
]


@pytest.mark.parametrize("name", ["all", "any", "sum"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)], ids=str)
def test_an_empty_list_of_dimensions(name, shape):
    ours, theirs = (getattr(lib.ones(shape), name)(dim=()) for lib in (autodiff, torch))
    assert ours.shape == tuple(theirs.shape) and ours.tolist() == theirs.tolist()


@pytest.mark.parametrize(("function", "words"), ERRORS)
def test_errors(function, words):
    assert_same_error(lambda lib: function(lib, lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])), words)


def test_a_p_that_is_no_norm_is_refused():
    with pytest.raises(ValueError, match=r"p may be 'fro', 'nuc' or a number, .* but not 'nuclear'"):
        autodiff.tensor([1.0]).norm("nuclear")


@both
def test_all_names_of_arguments(lib):
    x = lib.tensor([[1.0, 5.0], [7.0, 3.0]])
    found = [
        x.sum(dim=0, keepdim=True),
        lib.mean(input=x, dim=[0, 1], keepdim=False, dtype=lib.float64),
        x.prod(dim=1, keepdim=True),
        lib.var(input=x, dim=1, correction=0, keepdim=True),
        x.std(dim=0, unbiased=False),
        lib.max(input=x, dim=1, keepdim=True).values,
        x.argmax(dim=1, keepdim=True),
        lib.logsumexp(input=x * 0, dim=(0, 1)),
        x.norm(p=1, dim=0, keepdim=True, dtype=lib.float64),
        (x > 2).all(dim=0, keepdim=True),
        x.cumsum(dim=1, dtype=lib.float64),
    ]
    return [np.round(np.array(z.tolist(), float), 5).tolist() for z in found]
