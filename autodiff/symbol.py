"""The rule as mathematics: a primitive's vjp rule, run on Symbols, gives its own formula.

A Symbol is an expression that grows when NumPy works on it. A rule is a plain NumPy expression, so calling
it with Symbols instead of arrays gives its formula, which cannot drift from the code because it is the code:

    tanh = Unary("tanh", np.tanh, lambda g, z, x: g * (1 - z * z))      x̄ += z̄ · (1 − z²)

z̄ (z bar) is the cotangent of z: how the loss changes with z. A comparison in brackets, [x > 0], is 1 where
it holds and 0 elsewhere. A rule that branches, loops or assigns is no expression; it is described in words
instead.
"""

from __future__ import annotations

import inspect
from functools import partial
from numbers import Real
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .notation import LATEX, TEXT, Notation

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


ATTRIBUTES = frozenset("T mT shape dtype ndim size".split())
METHODS = frozenset("sum mean prod max min reshape swapaxes transpose astype copy clip cumsum".split())
FUNCTIONS = frozenset(
    """add subtract multiply divide floor_divide remainder fmod power negative absolute sign
    reciprocal square sqrt exp exp2 expm1 log log2 log10 log1p logaddexp sin cos tan asin acos atan
    atan2 sinh cosh tanh asinh acosh atanh floor ceil trunc rint hypot greater greater_equal less
    less_equal equal not_equal logical_and logical_or logical_not invert isnan isinf where max min
    clamp sum mean prod cumsum var std matmul dot vdot outer trace tensordot einsum transpose
    matrix_transpose swapaxes moveaxis expand_dims squeeze reshape broadcast_to cat stack split flip
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

REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}

OPPOSITE = {
    "equal": "not_equal", "less": "greater_equal", "less_equal": "greater",
    "greater": "less_equal", "greater_equal": "less",
}  # fmt: skip
"""What holds where a comparison does not: of numbers, in a formula nothing is nan."""

INVISIBLE = frozenset("positive conjugate astype copy asarray ascontiguousarray".split())
"""What leaves the mathematics as it is."""


def build(function: str, *args: Any, **options: Any) -> Any:
    """The expression `function(*args)`; TypeError if that is no pure function that we can write."""
    head = SYNONYMS.get(function, function)
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
        case "zeros_like":
            return 0
        case "ones_like":
            return 1
        case "transpose" if y is not None:
            return Symbol("permute", x, y)
        case "logical_not" if isinstance(x, Symbol) and x.head in OPPOSITE:
            return Symbol(OPPOSITE[x.head], *x.args)
        case "where" if isinstance(x, Symbol) and _is(z, 0):
            return simplest(Symbol("multiply", y, Symbol("indicator", x)))
        case "where" if isinstance(x, Symbol) and _is(y, 0):
            return simplest(Symbol("multiply", z, Symbol("indicator", build("logical_not", x))))
    return s


def _is(x: Any, number: float) -> bool:
    return isinstance(x, Real | np.generic) and not isinstance(x, bool | np.bool_) and bool(x == number)


def read_rule(
    primitive: Primitive, argnum: int, args: tuple[Any, ...] = (), summed: tuple[int, ...] = ()
) -> Any:
    """The rule for argument `argnum` as an expression; None where it is none, or too long to explain.

    `args` are the raw arguments of one application, if there is one: its numbers, axes and shapes are put
    in. `summed` are the axes along which the forward repeated (broadcast) the argument: the engine sums over
    them.
    """
    for opened in (True, False):
        try:
            rule = readable(primitive.vjps[argnum], opened)
            x = rule(bar("z"), Symbol("z"), *symbols(primitive, args))
            if summed:
                x = build("sum", x, axis=summed)
            if len(str(x)) <= LONGEST:
                return x
        except Exception:  # whatever a rule does with Symbols, there are words for it
            pass
    return None


def read_formula(primitive: Primitive, args: tuple[Any, ...] = ()) -> Any:
    """What `forward` computes as an expression; its name and arguments where its code is none, or long."""
    arguments = symbols(primitive, args)
    try:
        x = primitive.forward(*arguments)
        if isinstance(x, Symbol) and len(str(x)) <= LONGEST // 2:
            return x
    except Exception:  # no expression: then its name will do
        pass
    return apply(primitive, tuple(arguments))


def readable(rule: Any, opened: bool) -> Any:
    """The rule, its helper functions opened where they can be read; else they stand for themselves."""

    def standing_for_itself(helper: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            try:
                if opened or not any(isinstance(arg, Symbol) for arg in args):
                    return helper(*args, **options)
            except Exception:  # it loops, branches or assigns
                pass
            return Symbol(helper.__name__.lstrip("_"), *args, **options)

        return call

    helpers = {name: rule.__globals__.get(name) for name in rule.__code__.co_names}
    scope = {
        name: standing_for_itself(value) for name, value in helpers.items() if isinstance(value, FunctionType)
    }
    return FunctionType(
        rule.__code__, rule.__globals__ | scope, rule.__name__, rule.__defaults__, rule.__closure__
    )


def symbols(primitive: Primitive, args: tuple[Any, ...] = ()) -> list[Any]:
    """A Symbol for each tensor or array among the arguments; numbers, axes, shapes as they are in `args`."""
    names = argument_names(primitive, len(args))
    if not args:
        return [Symbol(name) for name in names]
    arity = primitive.arity_of(args)
    return [
        Symbol(name)
        if isinstance(arg, np.ndarray) or (i < arity and not isinstance(arg, int | float))
        else arg
        for i, (name, arg) in enumerate(zip(names, args, strict=False))
    ]


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


def rule_text(
    primitive: Primitive, argnum: int, args: tuple[Any, ...] = (), summed: tuple[int, ...] = ()
) -> str:
    """The rule for argument `argnum` in a line of text, or words; for the arguments see `read_rule`.

    >>> from autodiff.primitive import registry
    >>> rule_text(registry["tanh"], 0)
    'x̄ += z̄ · (1 − z²)'
    """
    return _rule(TEXT, primitive, argnum, args, summed)


def rule_latex(
    primitive: Primitive, argnum: int, args: tuple[Any, ...] = (), summed: tuple[int, ...] = ()
) -> str:
    r"""As `rule_text`, in LaTeX (without dollar signs).

    >>> from autodiff.primitive import registry
    >>> print(rule_latex(registry["tanh"], 0))
    \bar{x} {+}{=} \bar{z} \cdot \left(1 - z^{2}\right)
    """
    return _rule(LATEX, primitive, argnum, args, summed)


def formula_text(primitive: Primitive, args: tuple[Any, ...] = ()) -> str:
    """What the primitive computes, in a line of text: its code if that is an expression, else its name.

    >>> from autodiff.primitive import registry
    >>> formula_text(registry["mul"])
    'z = x · y'
    """
    return TEXT.equation(Symbol("z"), "=", read_formula(primitive, args))


def formula_latex(primitive: Primitive, args: tuple[Any, ...] = ()) -> str:
    r"""As `formula_text`, in LaTeX (without dollar signs).

    >>> from autodiff.primitive import registry
    >>> print(formula_latex(registry["div"]))
    z = \frac{x}{y}
    """
    return LATEX.equation(Symbol("z"), "=", read_formula(primitive, args))


def _rule(
    notation: Notation, primitive: Primitive, argnum: int, args: tuple[Any, ...], summed: tuple[int, ...]
) -> str:
    names = argument_names(primitive, max(len(args), argnum + 1))
    name = names[argnum] if argnum < len(names) else f"x{argnum + 1}"
    try:
        flows = primitive.vjps[argnum] is not None
    except IndexError:
        flows = False
    if not flows:
        return notation.words(f"no gradient flows to {name}")
    right = read_rule(primitive, argnum, args, summed)
    if right is None:
        right = (
            notation.words(f"the rule of {primitive.name} for {name}, applied to ")
            + notation.write(bar("z")).text
        )
    return notation.equation(bar(name), "+=", right)
