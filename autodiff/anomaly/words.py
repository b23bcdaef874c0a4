"""What is said of a nan or an infinity: where it is, what it was made from, and what usually helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import describe
from ..primitive import Binary, Unary
from ..tensor import Tensor


class Advice(NamedTuple):
    """What to say of an operation whose result, or whose gradient, is not finite."""

    forward: str = ""
    backward: str = ""


CHOOSE = (
    "If where(...) was to avoid it, choose before the operation: f(where(ok, x, 1)), not where(ok, f(x), 0)"
)
LOG = Advice(
    "The logarithm of 0 is -inf, of a negative number nan: x.clamp(min=1e-12) first; for probabilities, take "
    "log_softmax, logsigmoid, or a loss of logits",
    f"The slope of the logarithm is infinite at 0. {CHOOSE}",
)
EXP = Advice(
    "e^x overflows float32 above 88.7 and float64 above 709.8: subtract the maximum first, as softmax and "
    "logsumexp do"
)
DIVIDE = Advice("Division by 0: add a small number, or clamp", f"The slope is infinite at 0. {CHOOSE}")
SQRT = Advice(
    "The root of a negative number is nan",
    f"The slope of the root is infinite at 0: (x + 1e-12).sqrt(). {CHOOSE}",
)
TIMES = Advice(
    "0 · inf is nan: mask with where(...), not by a product", "0 · inf is nan: find the infinity first"
)
POWER = Advice(
    "It is 0 to a negative power, a root of a negative number, or too large",
    f"x^p has an infinite slope at 0 for p < 1. {CHOOSE}",
)
ADVICE = {
    **dict.fromkeys(("log", "log2", "log10", "log1p", "xlogy", "logit"), LOG),
    **dict.fromkeys(("exp", "exp2", "expm1", "sinh", "cosh"), EXP),
    **dict.fromkeys(("div", "reciprocal", "rsqrt"), DIVIDE),
    **dict.fromkeys(("sqrt", "norm", "norm_p", "std", "hypot"), SQRT),
    **dict.fromkeys(("mul", "matmul", "dot", "linear", "einsum"), TIMES),
    **dict.fromkeys(("pow", "pow_constant"), POWER),
}  # fmt: skip
"""What helps, by the operation."""


def advice(name: str, bad: str, backward: bool) -> str:
    """What usually helps, or nothing."""
    found = ADVICE.get(name, Advice())[backward]
    if found is TIMES.forward and bad != "nan":
        return ""
    return f"{found}. " if found else ""


def where(op: Any, at: tuple[int, ...], shape: tuple[int, ...], args: Sequence[Any], beside: Any = ()) -> str:
    """The place of the first entry that is not finite, and what there is in that place of all else."""
    said = place(at)
    if not isinstance(op, (Unary, Binary)):
        ranges = [(describe(arg), values(arg)) for arg in args if isinstance(arg, (Tensor, np.ndarray))]
        said += "".join(
            f"; {name} lies between {x.min():.4g} and {x.max():.4g}"
            for name, x in ranges
            if x is not None and x.size
        )
        return said
    known = [("its input" if op.arity == 1 else f"its argument {i}", arg) for i, arg in enumerate(args)]
    found = [
        f"{name} is {entry(raw(x), shape, at):.4g}" for name, x in (*known, *beside) if fits(raw(x), shape)
    ]
    return said + (f", where {', '.join(found)}" if found else "")


def fits(x: Any, shape: tuple[int, ...]) -> bool:
    """Whether an argument has, or broadcasts to, an entry for each of this shape."""
    try:
        return values(x) is not None and np.broadcast_shapes(np.shape(x), shape) == shape
    except ValueError:
        return False


def entry(x: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> float:
    """The entry of `x`, broadcast to this shape, in this place."""
    return float(np.broadcast_to(x, shape)[at])


def raw(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x.array if isinstance(x, Tensor) else x


def values(x: Any) -> Any:
    """The numbers of an argument as a floating-point array; None for what has none."""
    x = raw(x)
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fiub":
        return np.asarray(x)
    return np.asarray(x, float) if isinstance(x, (int, float)) else None


def finite(x: Any) -> bool:
    """Whether all entries are numbers; what has no entries (integers, Symbols) passes."""
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    return kind != "f" or bool(np.isfinite(x).all())


def strange(x: Any) -> str:
    """What the first entry that is not finite is: nan (wherever there is one), inf or -inf."""
    bad = np.asarray(x)[~np.isfinite(x)]
    return "nan" if np.isnan(bad).any() else f"{bad.flat[0]}"


def place(at: tuple[int, ...]) -> str:
    """A place in an array: `, at [0, 2]`; nothing where there is only one."""
    return f", at {list(at)}" if at else ""
