"""Which dimensions an operation works along: PyTorch's `dim`, checked and counted from the front."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from ..errors import located
from ..errors.tracebacks import passing

NUMPYS_NAMES = {"axis": "dim", "keepdims": "keepdim"}

F = TypeVar("F", bound=Callable[..., Any])


def one_dim(dim: Any, ndim: int, op: str) -> int:
    """`dim` counted from the front: -1 is the last of `ndim` dimensions; a 0-dim tensor may be called 1-dim.

    Raises IndexError if there is no such dimension, TypeError if `dim` is no integer.
    """
    try:
        found = operator.index(dim)
    except TypeError:
        raise located.TypeError(f"{op}(): argument 'dim' must be int, not {type(dim).__name__}") from None
    ndim = ndim or 1
    if not -ndim <= found < ndim:
        raise located.IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {found}), in "
            f"{op}(): dimensions are counted from 0 to {ndim - 1}, or from the end from -1 to {-ndim}"
        )
    return found % ndim


def many_dims(dim: Any, ndim: int, op: str) -> tuple[int, ...]:
    """One or several dimensions, counted from the front; RuntimeError if one is named twice."""
    named = dim if isinstance(dim, Sequence) and not isinstance(dim, str) else (dim,)
    dims = tuple(one_dim(d, ndim, op) for d in named)
    for d in dims:
        if dims.count(d) > 1:
            raise located.RuntimeError(
                f"dim {d} appears multiple times in the list of dims, in {op}(dim={dim})"
            )
    return dims


def numpy_names(function: F) -> F:
    """Let a function of `dim` and `keepdim` take NumPy's `axis` and `keepdims` too, as PyTorch's do."""

    @functools.wraps(function)
    def renamed(*args: Any, **options: Any) -> Any:
        if options:
            options = {NUMPYS_NAMES.get(name, name): option for name, option in options.items()}
        try:
            return function(*args, **options)
        except Exception as error:
            passing(error)
            raise

    return cast(F, renamed)
