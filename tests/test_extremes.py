"""Zeros, infinities, nan, huge and tiny numbers: values and gradients as in PyTorch, and no warnings."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
from autodiff.ops import special

from .against_torch import TORCH_DTYPES

NUMBERS = """0 -0 1 -1 0.5 -0.5 2.5 -2.5 3 -3 4 -4 6 -6 10 -10 20 20.1 -20 30 -30 88 89 -88 -89 -104
1000 -1000 1e-30 -1e-30 1e30 -1e30 inf -inf nan""".split()

NAMES = """exp log log1p expm1 exp2 log2 log10 sqrt rsqrt square reciprocal abs neg sign sin cos tan tanh
sigmoid relu erf floor ceil round trunc asin acos atan sinh cosh asinh acosh atanh erfc erfinv sinc logit
nan_to_num frac""".split()
ACTIVATIONS = "softplus gelu silu leaky_relu elu hardtanh".split()
POWERS = [0, 1, 2, 3, -1, -2, 0.5, 2.5, -1.5]
BASES = [0, 1, 2, -2, 0.5]

Pair = tuple[Callable[..., Any], Callable[..., Any]]  # ours and torch's
FUNCTIONS: dict[str, Pair] = {
    **{name: (getattr(autodiff, name), getattr(torch, name)) for name in NAMES},
    **{name: (getattr(autodiff, name), getattr(torch.nn.functional, name)) for name in ACTIVATIONS},
    "gelu, tanh": (
        partial(autodiff.gelu, approximate="tanh"),
        partial(torch.nn.functional.gelu, approximate="tanh"),
    ),
    "softplus, steep": (
        partial(autodiff.softplus, beta=2, threshold=5),
        partial(torch.nn.functional.softplus, beta=2, threshold=5),
    ),
    "clamp": (partial(autodiff.clamp, min=-1, max=1), partial(torch.clamp, min=-1, max=1)),
    "clamp, crossed": (partial(autodiff.clamp, min=2, max=1), partial(torch.clamp, min=2, max=1)),
    **{f"x ** {p}": (lambda x, p=p: x**p,) * 2 for p in POWERS},
    **{f"{b} ** x": (lambda x, b=b: b**x,) * 2 for b in BASES},
}

DIFFERENT_AT = {  # where torch is odd: (function, numbers)
    "gelu": "inf",  # torch: nan in float32
    "sinh": "89 -89",  # torch: infinite in float32
    "cosh": "89 -89",
    "x ** 0.5": "-0 -inf",  # torch: the gradient is -inf and nan; sqrt agrees
}


@pytest.mark.parametrize("dtype", [autodiff.float32, autodiff.float64], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_at_the_edges(name, dtype):
    chosen = [n for n in NUMBERS if n not in DIFFERENT_AT.get(name, "").split()]
    function, reference = FUNCTIONS[name]
    x = autodiff.tensor([float(n) for n in chosen], dtype=dtype, requires_grad=True)
    y = torch.tensor([float(n) for n in chosen], dtype=TORCH_DTYPES[dtype], requires_grad=True)
    ours, theirs = function(x), reference(y)
    ours.backward(autodiff.ones_like(ours))
    theirs.backward(torch.ones_like(theirs))
    tolerance = {"rtol": 2e-6, "atol": 1e-6} if dtype == autodiff.float32 else {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), **tolerance, err_msg=str(chosen)
    )
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), **tolerance, err_msg=str(chosen))


BINARY = """add sub mul div remainder fmod pow maximum minimum fmax fmin atan2 hypot logaddexp logaddexp2
xlogy""".split()


@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_at_the_edges(name):
    numbers = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 2.5, math.inf, -math.inf, math.nan, 1e30, 1e-30]
    grid = np.array(np.meshgrid(numbers, numbers)).reshape(2, -1)
    ours = [autodiff.tensor(row, requires_grad=True) for row in grid]
    theirs = [torch.tensor(row, requires_grad=True) for row in grid]
    z, expected = getattr(autodiff, name)(*ours), getattr(torch, name)(*theirs)
    z.backward(autodiff.ones_like(z))
    expected.backward(torch.ones_like(expected))
    np.testing.assert_allclose(z.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-15)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12)


def test_an_infinite_cotangent_ends_at_a_mask():
    for mask in (lambda x: x.relu(), lambda x: x.clamp(min=0), lambda x: autodiff.where(x > 0, x, 0)):
        for size in (3, 10000):  # large arrays are masked in another way
            x = autodiff.full((size,), -1.0, requires_grad=True)
            mask(x).sqrt().sum().backward()
            assert (x.grad == 0).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_erf(kind):
    x = np.concatenate([np.linspace(-7, 7, 20001), np.geomspace(1e-30, 1, 500), [np.inf, -np.inf]]).astype(
        kind
    )
    exact = np.array([math.erf(v) for v in x])
    eps = np.finfo(kind).eps
    np.testing.assert_allclose(autodiff.erf(autodiff.from_numpy(x)).numpy(), exact, rtol=3.5 * eps)
    far = np.linspace(4, 1000, 999).astype(kind)  # gelu needs it to be 1 there, not nearly 1
    assert (autodiff.erf(autodiff.from_numpy(far[far > 6])) == 1).all()
    assert (autodiff.erf(autodiff.from_numpy(-far[far > 6])) == -1).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_erfc_and_erfinv(kind):
    """Exact far out too, where 1 - erf(x) has no digits left, and at the smallest numbers."""
    eps = np.finfo(kind).eps
    x = np.concatenate([np.linspace(-9, 9, 20001), [np.inf, -np.inf]]).astype(kind)
    exact = np.array([math.erfc(v) for v in x])
    np.testing.assert_allclose(autodiff.erfc(autodiff.from_numpy(x)).numpy(), exact, rtol=4 * eps)
    y = np.concatenate(
        [np.linspace(-1, 1, 20001), 1 - np.geomspace(eps, 0.1, 500), np.geomspace(1e-30, 1e-3, 500)]
    )
    exact = torch.erfinv(torch.from_numpy(y.astype(kind)).double()).numpy()
    got = autodiff.erfinv(autodiff.from_numpy(y.astype(kind))).numpy()
    np.testing.assert_allclose(got, exact, rtol=4 * eps)


def test_nothing_is_said_about_infinities():
    program = """
import autodiff
x = autodiff.tensor([0.0, -1.0, 1000.0, -1000.0, 1e30], requires_grad=True)
for z in (x.exp(), x.log(), x.sqrt(), x / 0, x.sigmoid(), autodiff.softplus(x), x**-1, x % 0, x * 1e38):
    z.sum().backward()
    with autodiff.no_grad():
        z.div_(0)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_gelu_of_many() -> None:
    """Large arrays go in pieces, whatever their layout; in float32 Φ is right to 2e-7."""
    x = np.linspace(-8, 8, 300_000, dtype=np.float32).reshape(500, 600).T  # in memory, the other way round
    ours = autodiff.from_numpy(x).requires_grad_()
    theirs = torch.from_numpy(x.astype(np.float64)).requires_grad_()
    z, expected = autodiff.gelu(ours), torch.nn.functional.gelu(theirs)
    z.sum().backward()
    expected.sum().backward()
    bound = 2e-7 * np.abs(x) + 1e-7
    assert (np.abs(z.detach().numpy() - expected.detach().numpy()) <= bound).all()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=4e-7)


@pytest.mark.parametrize("far", [1, 39.9, 40.1, 88, 1000, np.inf])
def test_softmax_of_many(far: float) -> None:
    """The largest need not be taken out of each row where no entry is far from 0; elsewhere it must be."""
    x = np.random.default_rng(0).uniform(-1, 1, (100, 64)).astype(np.float32)
    x[::3] += far
    x[1, 2], x[5] = -far, -far
    x = np.where(x == np.inf, 0, x) if far == np.inf else x  # -inf are masks
    x[5, 0] = 0
    ours, theirs = autodiff.softmax(autodiff.from_numpy(x), 1), torch.softmax(torch.from_numpy(x).double(), 1)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
@pytest.mark.parametrize("stored", [np.ascontiguousarray, np.asfortranarray, lambda x: x[::2, ::3]])
def test_a_choice_without_branches_has_the_bits_of_the_one_with_them(dtype: Any, stored: Any) -> None:
    random = np.random.default_rng(0)
    special_values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -2.5, 1e-40])
    with np.errstate(invalid="ignore"):
        x, y = (stored(random.choice(special_values, (200, 300)).astype(dtype)) for _ in range(2))
    mask = stored(random.random((200, 300)) < 0.5)
    assert x.size >= special.LARGER
    for a, b in ((x, y), (x, y[:1]), *([] if dtype is np.bool_ else [(x, 0), (0, y)])):
        found, expected = special.where(mask, a, b), np.where(mask, a, b)
        assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes()
