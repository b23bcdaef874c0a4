"""The table of public functions: a row is a name that both libraries know, and what to call it with.

One file a subject (`pointwise`, `reductions` ...) holds `ROWS` and `ERRORS`; `tests/test_table.py` runs all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hypothesis import strategies as st


class Row(NamedTuple):
    """A function by its dotted name below `torch`, and a strategy of its positional arguments.

    Arrays among the arguments become tensors. `keywords` are PyTorch's names of the arguments: the call is
    repeated with all of them named. The result is a tensor, or a tuple or list of tensors. `second=False`
    where PyTorch has no second derivative; `wanted` are the positions that are differentiated (by default
    all arrays of floats). `call` says how to call, if not plainly: `lambda f, *xs: f(xs)` for `cat`.
    """

    name: str
    arguments: st.SearchStrategy[tuple[Any, ...]]
    keywords: str = ""
    options: Mapping[str, Any] = MappingProxyType({})
    second: bool = True
    wanted: list[int] | None = None
    ulps: float = 4  # of float32 values, relative to the largest value beside them
    near: float = 0.0  # or to this, if the function goes through numbers of this size
    rtol: float = 1e-9  # of float64 values and derivatives
    see: Callable[[Any], Any] = lambda result: result  # what of the result is compared
    call: Callable[..., Any] = lambda function, *args, **options: function(*args, **options)


class Wrong(NamedTuple):
    """A call that both libraries refuse with the same kind of exception; `words` are in both messages."""

    name: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = MappingProxyType({})
    words: str = ""


def wrong(name: str, *arguments: Any, words: str = "", **options: Any) -> Wrong:
    """A refusal of a function of `nn.functional`."""
    return Wrong(f"nn.functional.{name}", arguments, options, words)


def with_each(array: Any, constants: list[tuple[Any, ...]]) -> Any:
    """One array and one of these tuples of constants."""
    return st.tuples(array, st.sampled_from(constants)).map(lambda drawn: (drawn[0], *drawn[1]))


def subjects() -> Iterator[Any]:
    """The modules of this package."""
    for module in pkgutil.iter_modules(__path__):
        yield importlib.import_module(f"{__name__}.{module.name}")
