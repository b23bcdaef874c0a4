"""Expressions: a Symbol grows when NumPy works on it, and is simplified where no one could object.

A comparison in brackets, [x > 0], is 1 where it holds and 0 elsewhere. What branches, loops or assigns cannot
work on a Symbol. How one is written is in `notation`; how rules are read on Symbols, in `formulas`.
"""

from __future__ import annotations

import inspect
from functools import lru_cache, partial
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .fast_arithmetic import one
from .notation import TEXT

if TYPE_CHECKING:
    from .primitive import Primitive

LONGEST = 120  # characters: a longer formula explains less than its name


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """An expression: a name, or `head` applied to `args` and `options`. NumPy's functions build larger ones.

    >>> x = Symbol("x")
    >>> print(np.exp(-x) * (1 - x * x))
    exp(−x) · (1 − x²)
    """

    __slots__ = ("args", "head", "options", "parts")

    def __init__(self, head: str, *args: Any, **options: Any) -> None:
        self.head = head
        self.args = args
        self.options = options
        self.parts: int = 1 + sum(arg.parts for arg in args if isinstance(arg, Symbol))
        if self.parts > LONGEST:  # a part used twice counts twice, so that short code can grow without end
            raise TypeError(f"{head} of so much is too long for a formula")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        head = {"__call__": ufunc.__name__, "reduce": REDUCTIONS.get(ufunc.__name__, "")}.get(method, "")
        return build(head, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return build(function.__name__, *args, **kwargs)

    def __autodiff_apply__(self, primitive: Primitive, args: tuple[Any, ...]) -> Any:
        """What a primitive does when it is called on a Symbol."""
        return apply(primitive, args)

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return build(name, self)
        if name in METHODS:
            return partial(build, name, self)
        raise AttributeError(f"a Symbol has no {name!r}")

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol("getitem", self, index)

    def __bool__(self) -> NoReturn:
        raise TypeError("a Symbol is neither true nor false: a rule that branches has no single formula")

    __iter__ = None  # or Python would index a Symbol for ever

    def __str__(self) -> str:
        return TEXT.write(self).text

    def __repr__(self) -> str:
        return f"<Symbol {self}>"


def bar(name: str) -> Symbol:
    """The cotangent of the variable `name`."""
    return Symbol("bar", Symbol(name))


def number(x: float) -> Symbol:
    """A number that flowed, as part of a formula that is not worked out: 2 · 3, not 6."""
    return Symbol("number", x)


ATTRIBUTES = frozenset("T mT shape dtype ndim size".split())
METHODS = frozenset(
    "sum mean prod max min reshape ravel swapaxes transpose astype copy clip cumsum dot".split()
)
FUNCTIONS = frozenset(
    """add subtract multiply divide floor_divide remainder fmod power negative absolute sign
    reciprocal square sqrt exp exp2 expm1 log log2 log10 log1p logaddexp sin cos tan asin acos atan
    atan2 sinh cosh tanh asinh acosh atanh floor ceil trunc rint hypot greater greater_equal less
    less_equal equal not_equal logical_and logical_or logical_not invert isnan isinf where max min
    clamp sum mean prod cumsum var std matmul dot vdot outer trace tensordot einsum transpose
    matrix_transpose swapaxes moveaxis expand_dims squeeze reshape ravel broadcast_to cat stack split flip
    roll tril triu diagonal take_along_axis zeros_like ones_like positive conjugate astype copy
    asarray ascontiguousarray shape dtype ndim size""".split()
)
"""What a Symbol may be given to: functions whose only effect is their result."""

SYNONYMS = {
    "mul": "multiply", "sub": "subtract", "div": "divide", "true_divide": "divide", "pow": "power",
    "pow_constant": "power", "neg": "negative", "abs": "absolute", "fabs": "absolute",
    "T": "transpose", "t": "transpose", "mT": "matrix_transpose", "gt": "greater",
    "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal",
    "bitwise_or": "logical_or", "bitwise_and": "logical_and", "arccos": "acos", "arcsin": "asin",
    "arctan": "atan", "arctan2": "atan2", "arccosh": "acosh", "arcsinh": "asinh",
    "arctanh": "atanh", "maximum": "max", "minimum": "min", "amax": "max", "amin": "min",
    "clip": "clamp", "concatenate": "cat", "invert": "logical_not", "bitwise_not": "logical_not",
}  # fmt: skip

OPPOSITES = {
    "equal": "not_equal", "not_equal": "equal", "greater": "less_equal", "less_equal": "greater",
    "less": "greater_equal", "greater_equal": "less",
}  # fmt: skip
"""A comparison that does not hold; of numbers: which side of it nan takes is left to the code."""

REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}

INVISIBLE = frozenset("positive conjugate astype copy asarray ascontiguousarray".split())
"""What leaves the mathematics as it is."""


def build(function: str, *args: Any, **options: Any) -> Any:
    """The expression `function(*args)`; TypeError if that is no pure function that we can write."""
    head = SYNONYMS.get(function, function)
    args = tuple(1 if arg is one else arg for arg in args)
    if head not in FUNCTIONS or any(options.get(name) is not None for name in ("out", "where", "initial")):
        raise TypeError(f"{head} cannot be written as a formula")
    return args[0] if head in INVISIBLE else simplest(Symbol(head, *args, **options))


def apply(primitive: Primitive, args: tuple[Any, ...]) -> Any:
    """The expression `primitive(*args)`; constants are named as the primitive does: `sum(x, axis=1)`."""
    name = primitive.forward.__name__ if isinstance(primitive.forward, np.ufunc) else primitive.name
    head = SYNONYMS.get(name, name)
    if head in ("to", "clone", "contiguous"):
        return args[0]
    if head in ("power", "getitem"):
        return simplest(Symbol(head, *args))
    arity = primitive.arity_of(args)
    constants = zip(argument_names(primitive, len(args))[arity:], args[arity:], strict=False)
    return simplest(Symbol(head, *args[:arity], **dict(constants)))


def simplest(s: Symbol) -> Any:
    """The same value in fewer signs, where no one could object: 1 · x is x, x · x is x²."""
    x, y, z, *_ = (*s.args, None, None, None)
    match s.head:
        case "multiply" if _is(x, 1):
            return y
        case "multiply" if _is(x, -1):
            return Symbol("negative", y)
        case "multiply" | "divide" | "power" if _is(y, 1):
            return x
        case "multiply" if isinstance(x, Symbol) and isinstance(y, Symbol) and str(x) == str(y):
            return Symbol("power", x, 2)
        case "multiply" if (
            isinstance(x, Symbol)
            and x.head == "power"
            and str(x.args[0]) == str(y)
            and type(x.args[1]) is int
        ):
            return Symbol("power", y, x.args[1] + 1)
        case "add" if isinstance(y, Symbol) and y.head == "negative":
            return Symbol("subtract", x, *y.args)
        case "square":
            return Symbol("power", x, 2)
        case "power" if _is(y, 0.5):
            return Symbol("sqrt", x)
        case "reciprocal":
            return Symbol("divide", 1, x)
        case "log1p":
            return Symbol("log", 1 + x)
        case "expm1":
            return np.exp(x) - 1
        case "vdot":
            return build("sum", x * y)
        case "dot" if isinstance(x, Symbol) and isinstance(y, Symbol) and x.head == y.head == "ravel":
            return build("sum", x.args[0] * y.args[0])
        case "zeros_like":
            return 0
        case "ones_like":
            return 1
        case "transpose" if y is not None:
            return Symbol("permute", x, y)
        case "logical_not" if isinstance(x, Symbol) and x.head in OPPOSITES:
            return Symbol(OPPOSITES[x.head], *x.args)
        case "where" if isinstance(x, Symbol) and _is(z, 0):
            return simplest(Symbol("multiply", y, Symbol("indicator", x)))
        case "where" if isinstance(x, Symbol) and _is(y, 0):
            return simplest(Symbol("multiply", z, Symbol("indicator", build("logical_not", x))))
    return s


def _is(x: Any, number: float) -> bool:
    return isinstance(x, Real | np.generic) and not isinstance(x, bool | np.bool_) and bool(x == number)


@lru_cache(maxsize=1024)
def argument_names(primitive: Primitive, count: int = 0) -> tuple[str, ...]:
    """What the primitive's own rules, or else its forward, call its arguments; `x`, `y` for a NumPy ufunc."""
    rules = [(primitive.vjps[i], 2) for i in range(primitive.arity)]  # 2: without g and z
    for function, skip in [*rules, (primitive.forward, 0)]:
        if function is None:
            continue
        try:
            parameters = list(inspect.signature(function).parameters.values())[skip:]
        except (TypeError, ValueError):  # a ufunc has no signature
            continue
        if len(parameters) >= count and all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters):
            return tuple(p.name for p in parameters)
    wanted = max(primitive.arity, count)
    return ("x", "y")[:wanted] if wanted <= 2 else tuple(f"x{i}" for i in range(1, wanted + 1))
