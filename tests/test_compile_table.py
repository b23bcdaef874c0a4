"""Every function of the table in a compiled step: what it gives, and its derivatives, on data that change.

The first two calls, which are traced, have the same data: what is taken for a constant then shows.
"""

from __future__ import annotations

import warnings
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


def outcome(row: Row, args: tuple[Any, ...], keep: Any) -> list[Any]:
    """What four calls give, and the gradients; errors by their kind."""
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

    autodiff.manual_seed(0)
    step, found = keep(step), []
    for call in range(4):
        arrays = [x for x in changed(args, call) if isinstance(x, np.ndarray)]
        try:
            found.append(step(*map(autodiff.tensor, arrays)))
        except Exception as error:
            found.append(type(error))
    return found


@by_name(ROWS)
@EXAMPLES
@given(data=st.data())
def test_a_compiled_function_is_the_function(row, data):
    args = data.draw(row.arguments)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # some cannot be compiled
        found, expected = (outcome(row, args, keep) for keep in (autodiff.compile, lambda step: step))
    for got, right in zip(found, expected, strict=True):
        if isinstance(right, type):
            assert got is right
            continue
        for a, b in zip(got, right, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
