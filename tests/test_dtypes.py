"""Type promotion: every function on every pair of dtypes, 0-dim tensors and Python numbers, against PyTorch.

Values and dtypes must agree; where PyTorch refuses, we refuse. The exceptions are listed.
"""

from __future__ import annotations

import enum
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn
from autodiff.dtypes import SUPPORTED

from .against_torch import TORCH_DTYPES

NUMBERS = {
    "f": [0.5, 2.0, -1.5, 0.0, 3.0],
    "i": [1, 2, -3, 0, 3],
    "b": [True, False, True, True, False],
}  # 0 in some places, so divisions by it are met too

UNARY = """exp log log1p expm1 exp2 log2 log10 sqrt rsqrt square reciprocal abs neg positive sign sin cos tan
tanh sigmoid relu erf floor ceil round trunc isnan isinf isfinite logical_not bitwise_not clone
zeros_like ones_like""".split()
ACTIVATIONS = "softplus gelu silu leaky_relu elu hardtanh".split()
BINARY = """add sub mul div floor_divide remainder fmod pow maximum minimum fmax fmin eq ne lt le gt ge
logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor""".split()
OPERATORS = "add sub mul truediv floordiv mod pow eq ne lt le gt ge and_ or_ xor".split()

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
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=rtol, atol=rtol, err_msg=name)


def operands() -> list[Any]:
    """A vector and a 0-dim array of each dtype, and Python's numbers."""
    vectors = [np.array(NUMBERS[dtype.kind], dtype) for dtype in SUPPORTED]
    zeros = [np.array(NUMBERS[dtype.kind][1], dtype) for dtype in SUPPORTED]
    return [*vectors, *zeros, 2.5, -1.0, 3, -2, True]


def is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


PAIRS = [(x, y) for x in operands() for y in operands() if is_array(x) or is_array(y)]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(name):
    for x in filter(is_array, operands()):
        ours, theirs = both(x)
        assert_same(name, result(getattr(autodiff, name), ours), result(getattr(torch, name), theirs))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    for x in filter(is_array, operands()):
        ours, theirs = both(x)
        reference = getattr(torch.nn.functional, name)
        assert_same(name, result(getattr(autodiff, name), ours), result(reference, theirs))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two(name):
    for pair in PAIRS:
        (x, a), (y, b) = map(both, pair)
        assert_same(name, result(getattr(autodiff, name), x, y), result(getattr(torch, name), a, b))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name):
    function = getattr(operator, name)
    for pair in PAIRS:
        (x, a), (y, b) = map(both, pair)
        assert_same(name, result(function, x, y), result(function, a, b))


@pytest.mark.parametrize("name", [name for name in OPERATORS if hasattr(operator, "i" + name.rstrip("_"))])
def test_operators_in_place(name):
    function = getattr(operator, "i" + name.rstrip("_"))
    for pair in PAIRS:
        if is_array(pair[0]):
            (x, a), (y, b) = map(both, pair)
            ours, theirs = result(function, x, y), result(function, a, b)
            assert_same(name, ours, theirs)
            assert isinstance(ours, Exception) or ours is x


@pytest.mark.parametrize("name", ["half", "bfloat16", "byte", "char", "short"])
def test_dtypes_that_are_not_here_are_refused_by_name(name: str) -> None:
    refused = [autodiff.ones(2)] + [nn.Linear(1, 1)] * (name in ("half", "bfloat16"))
    for x in refused:
        with pytest.raises(TypeError, match="is not supported: use one of float32, float64, int64, bool"):
            getattr(x, name)()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_bytes(dtype: str) -> None:
    ours, theirs = (lib.zeros(2, 3, dtype=getattr(lib, dtype)) for lib in (autodiff, torch))
    assert (ours.itemsize, ours.nbytes) == (theirs.itemsize, theirs.nbytes)
    assert ours[:, ::2].nbytes == theirs[:, ::2].nbytes


class Degrees(float):
    """A number of a class of its own."""


class Level(enum.IntEnum):
    """Numbers with names."""

    TWO = 2


@pytest.mark.parametrize("number", [Degrees(2.0), Level.TWO])
@pytest.mark.parametrize("kind", ["f", "i"])
def test_a_number_of_another_class_is_as_weak_as_any(number: Any, kind: str) -> None:
    def found(library: Any) -> list[str]:
        x = library.tensor(NUMBERS[kind])
        made = [x + number, number - x, x * number, x / number, library.add(x, x, alpha=int(number))]
        made += [x.maximum(library.full_like(x, number)), library.tensor(number), library.tensor([number])]
        made += [x.clamp(number), x > number]
        return [str(t.dtype).replace("torch.", "") for t in made]

    assert found(autodiff) == found(torch)
