"""Every function of the table in a compiled step, and its source: what it gives, and its derivatives.

The data change after two calls, which are traced: what is wrongly taken for a constant then shows.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff

from .table import Row
from .test_table import ROWS, by_name, called, ours

EXAMPLES = settings(max_examples=max(2, settings().max_examples // 30))  # of each row: there are many


def is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def changed(args: tuple[Any, ...], call: int) -> list[Any]:
    """The arguments of a call: floats that are smaller, in another order."""
    if call < 2:
        return list(args)
    return [np.flip(x) * x.dtype.type(0.9) if is_float(x) else x for x in args]


def step_of(row: Row, args: tuple[Any, ...]) -> Any:
    """A step that is given the arrays among the arguments; what it gives, and its gradients."""
    function = called(row, ours(row.name))

    def step(*tensors: Any) -> Any:
        given = iter(tensors)
        full = [next(given) if isinstance(x, np.ndarray) else x for x in args]
        full = [t.detach().requires_grad_() if is_float(x) else t for t, x in zip(full, args, strict=True)]
        results = function(*full)
        results = list(results) if isinstance(results, (tuple, list)) else [results]
        leaves = [t for t, x in zip(full, args, strict=True) if is_float(x)]
        roots = [z for z in results if isinstance(z, autodiff.Tensor) and z.requires_grad]
        if roots and leaves:
            results += autodiff.grad(sum((z * z).sum() for z in roots), leaves, allow_unused=True)
        return [z.detach() for z in results if isinstance(z, autodiff.Tensor)]

    return step


def outcome(step: Any, args: tuple[Any, ...]) -> list[Any]:
    """What four calls give; errors by their kind."""
    autodiff.manual_seed(0)
    found: list[Any] = []
    for call in range(4):
        arrays = [x for x in changed(args, call) if isinstance(x, np.ndarray)]
        try:
            found.append(step(*map(autodiff.tensor, arrays)))
        except Exception as error:
            found.append(type(error))
    return found


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without remarks about infinities, and about what cannot be compiled."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@by_name(ROWS)
@EXAMPLES
@given(data=st.data())
def test_a_compiled_function_is_the_function(row, data):
    args = data.draw(row.arguments)
    step = step_of(row, args)
    with quietly():
        found, expected = outcome(autodiff.compile(step), args), outcome(step, args)
    for got, right in zip(found, expected, strict=True):
        if isinstance(right, type):
            assert got is right
            continue
        for a, b in zip(got, right, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


@by_name(ROWS)
@EXAMPLES
@given(data=st.data())
def test_the_source_of_a_function_is_the_function(row, data):
    args = data.draw(row.arguments)
    step = step_of(row, args)
    compiled = autodiff.compile(lambda *tensors: [x.double().sum() for x in step(*tensors)])
    arrays = [x for x in args if isinstance(x, np.ndarray)]
    with quietly():
        try:
            expected = [compiled(*map(autodiff.tensor, arrays)) for _ in range(3)][-1]
        except Exception:
            return  # the other test sees to errors
        if not any(compiled.programs.values()) or any(x.size == 0 for x in arrays):
            return
        text = compiled._readable().script(1)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(text, row.name, "exec"), {})
    if "rng." not in text:  # NumPy draws other numbers
        found = list(map(float, printed.getvalue().split()))
        np.testing.assert_allclose(found, [float(x) for x in expected], rtol=1e-6, atol=1e-9)
