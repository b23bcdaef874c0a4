"""Every public function against PyTorch's: values, derivatives, float32, keywords, methods, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
import nn

from .against_torch import OURS, TORCHS, assert_float32_like_torch, assert_like_torch
from .table import Row, Wrong, subjects

SOME = settings(max_examples=max(10, settings().max_examples // 4))  # of each row: there are many
ROWS: list[Row] = [row for subject in subjects() for row in getattr(subject, "ROWS", ())]
ERRORS: list[Wrong] = [wrong for subject in subjects() for wrong in getattr(subject, "ERRORS", ())]


def ours(name: str) -> Any:
    """What we have under this name below `torch`."""
    found: Any = autodiff
    for part in name.split("."):
        found = nn if part == "nn" and found is autodiff else getattr(found, part)
    return found


def theirs(name: str) -> Any:
    """What PyTorch has under this name."""
    found: Any = torch
    for part in name.split("."):
        found = getattr(found, part)
    return found


def called(row: Row, function: Any, by_keyword: bool = False) -> Any:
    """`function` with the row's options, of positional arguments, or of arguments by PyTorch's names."""
    if by_keyword:
        names = row.keywords.split()
        return lambda *args: row.see(function(**dict(zip(names, args, strict=True)), **row.options))
    return lambda *args: row.see(row.call(function, *args, **row.options))


def by_name(rows: list[Any]) -> Any:
    """One test a row."""
    counts: dict[str, int] = {}
    ids = []
    for row in rows:
        counts[row.name] = counts.get(row.name, 0) + 1
        ids.append(row.name + (f" {counts[row.name]}" if counts[row.name] > 1 else ""))
    return pytest.mark.parametrize("row", rows, ids=ids)


@by_name(ROWS)
@SOME
@given(data=st.data())
def test_values_and_derivatives(row, data):
    args = data.draw(row.arguments)
    assert_like_torch(
        called(row, ours(row.name)), called(row, theirs(row.name)), args, row.wanted, row.second, row.rtol
    )


@by_name(ROWS)
@SOME
@given(data=st.data())
def test_float32(row, data):
    args = data.draw(row.arguments)
    assert_float32_like_torch(
        called(row, ours(row.name)), called(row, theirs(row.name)), args, row.wanted, row.ulps, row.near
    )


def values(library: Any, function: Any, args: tuple[Any, ...]) -> Any:
    """The results of a call on arrays, as arrays."""
    result = function(*(library.tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args))
    results = result if isinstance(result, tuple | list) else [result]
    return [library.array(z) if hasattr(z, "shape") else z for z in results]


@by_name([row for row in ROWS if row.keywords])
@SOME
@given(data=st.data())
def test_keywords_are_torchs(row, data):
    args = data.draw(row.arguments)
    assert len(args) == len(row.keywords.split())
    with np.errstate(all="ignore"):
        expected = values(TORCHS, called(row, theirs(row.name), by_keyword=True), args)
        got = values(OURS, called(row, ours(row.name), by_keyword=True), args)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def method(name: str) -> Any:
    """`x.name(...)` as a function of x."""
    return lambda x, *rest, **options: getattr(x, name)(*rest, **options)


@by_name([row for row in ROWS if "." not in row.name and hasattr(torch.Tensor, row.name)])
@SOME
@given(data=st.data())
def test_the_method_is_the_function(row, data):
    args = data.draw(row.arguments)
    with np.errstate(all="ignore"):
        expected = values(OURS, called(row, ours(row.name)), args)
        got = values(
            OURS, called(row, lambda x, *rest, **options: getattr(x, row.name)(*rest, **options)), args
        )
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@by_name(ERRORS)
def test_both_refuse(row):
    def call(library: Any, function: Any) -> None:
        function(
            *(library.tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in row.arguments),
            **{k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in row.options.items()},
        )

    with pytest.raises(Exception) as expected:
        call(TORCHS, theirs(row.name))
    with pytest.raises(expected.type) as got:
        call(OURS, ours(row.name))
    for message in (str(expected.value), str(got.value)):
        assert row.words in message
