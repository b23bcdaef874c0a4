"""Type promotion: every function on every pair of dtypes, 0-dim tensors and Python numbers, against PyTorch.

Values and dtypes must agree; where PyTorch refuses, we refuse. The exceptions are listed.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
import nn.functional
from autodiff.dtypes import SUPPORTED

from .against_torch import TORCH_DTYPES

NUMBERS = {
    "f": [0.5, 2.0, -1.5, 0.0, 3.0],
    "i": [1, 2, -3, 0, 3],
    "b": [True, False, True, True, False],
}  # 0 in some places, so divisions by it are met too

UNARY = """exp log log1p expm1 exp2 log2 log10 sqrt rsqrt square reciprocal abs neg positive sign sin cos tan tanh
sigmoid relu erf floor ceil round trunc isnan isinf isfinite logical_not bitwise_not clone zeros_like ones_like""".split()
ACTIVATIONS = "softplus gelu silu leaky_relu elu hardtanh".split()
BINARY = """add sub mul div floor_divide remainder fmod pow maximum minimum fmax fmin eq ne lt le gt ge
logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor""".split()
OPERATORS = [getattr(operator, name) for name in "add sub mul truediv floordiv mod pow eq ne lt le gt ge and_ or_ xor".split()]

RIGHT_WHERE_TORCH_REFUSES = {"abs": "a bool is its own absolute value"}
REFUSED_WHERE_TORCH_IS_RIGHT = {
    "sign": "of bools",
    "pow": "an integer to a negative integer power: torch refuses it for a number, and gives 0 for a tensor",
    "hardtanh": "of integers",
}


def result(function: Callable[..., Any], *args: Any) -> Any:
    """What a call gives, as an array; the exception if it raises one."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*args)
        except Exception as error:
            return error


def both(x: Any) -> tuple[Any, Any]:
    """An array as our tensor and as torch's; a number as it is."""
    return (autodiff.tensor(x), torch.tensor(x)) if isinstance(x, np.ndarray) else (x, x)


def assert_same(name: str, ours: Any, theirs: Any) -> None:
    if isinstance(theirs, TypeError):
        return  # a signature that has no number in this place; we treat it as a 0-dim tensor
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception) or name in RIGHT_WHERE_TORCH_REFUSES, (name, ours, theirs)
        if isinstance(ours, Exception):
            assert isinstance(ours, (RuntimeError, TypeError)), (name, ours, theirs)
        return
    if isinstance(ours, Exception):
        assert name in REFUSED_WHERE_TORCH_IS_RIGHT, (name, ours, theirs)
        return
    assert TORCH_DTYPES[ours.dtype] == theirs.dtype, (name, ours, theirs)
    rtol = 4e-7 if ours.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=rtol, atol=rtol / 10, err_msg=name)


def operands() -> list[Any]:
    """A vector and a 0-dim array of each dtype, and Python's numbers."""
    vectors = [np.array(NUMBERS[dtype.kind], dtype) for dtype in SUPPORTED]
    zeros = [np.array(NUMBERS[dtype.kind][1], dtype) for dtype in SUPPORTED]
    return [*vectors, *zeros, 2.5, -1.0, 3, -2, True]


PAIRS = [(x, y) for x in operands() for y in operands() if isinstance(x, np.ndarray) or isinstance(y, np.ndarray)]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(name):
    for x in operands():
        if isinstance(x, np.ndarray):
            ours, theirs = both(x)
            assert_same(name, result(getattr(autodiff, name), ours), result(getattr(torch, name), theirs))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    for x in operands():
        if isinstance(x, np.ndarray):
            ours, theirs = both(x)
            reference = getattr(torch.nn.functional, name)
            assert_same(name, result(getattr(autodiff, name), ours), result(reference, theirs))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two(name):
    for pair in PAIRS:
        (x, a), (y, b) = map(both, pair)
        assert_same(name, result(getattr(autodiff, name), x, y), result(getattr(torch, name), a, b))


@pytest.mark.parametrize("function", OPERATORS, ids=lambda f: f.__name__)
def test_operators(function):
    for pair in PAIRS:
        (x, a), (y, b) = map(both, pair)
        assert_same(function.__name__.rstrip("_"), result(function, x, y), result(function, a, b))
