"""NumPy's functions of entries, as expressions of numbers: what the loops of the numba form are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Value

SCALARS = frozenset("float32 float64 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool".split())
"""The dtypes that loops know."""

EXPRESSIONS: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.reciprocal: "{1} / {0}",
    np.square: "{0} * {0}",
    np.absolute: "abs({})",
    np.fabs: "abs({})",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.logical_not: "{} == 0",
    np.isnan: "{0} != {0}",
    np.floor_divide: "{} // {}",
    np.bitwise_and: "{} & {}",
    np.bitwise_or: "{} | {}",
    np.bitwise_xor: "{} ^ {}",
    np.invert: "~{}",
}

OF_TRUTHS: dict[Any, str] = {  # what these do with bools
    np.add: "{} or {}",
    np.multiply: "{} and {}",
    np.maximum: "{} or {}",
    np.minimum: "{} and {}",
    np.bitwise_and: "{} and {}",
    np.bitwise_or: "{} or {}",
    np.bitwise_xor: "{} != {}",
    np.logical_and: "{} and {}",
    np.logical_or: "{} or {}",
    np.logical_xor: "{} != {}",
    np.invert: "not {}",
    np.logical_not: "not {}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
}

CALLED = frozenset(
    getattr(np, name)
    for name in """exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh
    arcsinh arccosh arctanh arctan2 hypot power floor ceil trunc rint sign logaddexp copysign isfinite isinf
    signbit remainder fmod""".split()
)
"""Functions that numba has under the same name, for floats."""


def applied(function: np.ufunc, arguments: list[str], kind: np.dtype[Any]) -> str | None:
    """The expression of a function whose arguments have been converted to this dtype, if there is one."""
    if kind.kind == "b":
        form = OF_TRUTHS.get(function)
    elif function in CALLED and (kind.kind == "f" or function is np.remainder):
        own = kind.name == "float32" and function in (np.exp, np.log, np.log1p, np.tanh)
        return f"{function.__name__}{'32' * own}({', '.join(arguments)})"
    else:
        form = EXPRESSIONS.get(function)
    # of floats //, and of integers 1 / x, have rules of their own
    if form is None or function is {"f": np.floor_divide}.get(kind.kind, np.reciprocal):
        return None
    return form.format(*arguments, f"{kind.name}(1)")


def literal(x: Any, kind: np.dtype[Any]) -> str:
    """A number of this dtype."""
    value = kind.type(x).item()
    if kind.kind == "b":
        return str(bool(value))
    if kind.kind == "f" and not np.isfinite(value):
        return f"{kind.name}({'nan' if value != value else 'inf' if value > 0 else '-inf'})"
    return f"{kind.name}({value!r})"


def converted(text: str, has: np.dtype[Any], wants: np.dtype[Any]) -> str:
    """A number of one dtype as one of another."""
    if has == wants:
        return text
    return f"({text}) != 0" if wants.kind == "b" else f"{wants.name}({text})"


def kinds_of(
    function: np.ufunc, arguments: tuple[Any, ...], dtype: Any = None
) -> tuple[np.dtype[Any], np.dtype[Any]] | None:
    """The dtype in which NumPy computes, and that of the result; None if it computes in several."""
    kinds: list[Any] = []
    for x in arguments:
        if isinstance(x, Value):
            kinds.append(x.array.dtype)
        elif isinstance(x, (np.ndarray, np.generic)):
            kinds.append(x.dtype)
        elif type(x) in (bool, int, float):
            kinds.append(np.dtype(bool) if type(x) is bool else type(x))
        else:
            return None
    try:
        if dtype is None:
            *inside, out = function.resolve_dtypes((*kinds, None))
        else:
            signature = (*[None] * len(kinds), np.dtype(dtype))
            *inside, out = function.resolve_dtypes((*kinds, None), signature=signature)
    except TypeError:
        return None
    if len(set(inside)) > 1:
        return None
    return inside[0], out
