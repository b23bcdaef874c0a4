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
from collections.abc import Sequence
from functools import lru_cache, partial
from numbers import Real
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from .arrays import one
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


class Said(NamedTuple):
    """What a formula calls its result, the cotangent of that, and its arguments (None: by their letters)."""

    z: Symbol = Symbol("z")
    g: Symbol = Symbol("bar", Symbol("z"))
    args: Sequence[Symbol | None] = ()


LETTERS = Said()


def read_rule(
    primitive: Primitive,
    argnum: int,
    args: tuple[Any, ...] = (),
    summed: tuple[int, ...] = (),
    said: Said = LETTERS,
) -> Any:
    """The rule for argument `argnum` as an expression; None where it is none, or too long to explain.

    `args` are the raw arguments of one application, if there is one: its numbers, axes and shapes are put
    in. `summed` are the axes along which the forward repeated (broadcast) the argument: the engine sums over
    them. `said` are the names or the numbers to write for the letters.
    """
    if said is not LETTERS and read_rule(primitive, argnum, args, summed) is None:
        return None
    longest = LONGEST if said is LETTERS else 20 * LONGEST  # names may be long, numbers many
    for opened in (True, False):
        try:
            rule = readable(primitive.vjps[argnum], opened)
            x = rule(said.g, said.z, *symbols(primitive, args, said.args))
            if summed:
                x = build("sum", x, axis=summed)
            if len(str(x)) <= longest:
                return x
        except Exception:  # whatever a rule does with Symbols, there are words for it
            pass
    return None


def read_derivative(
    primitive: Primitive, argnum: int, args: tuple[Any, ...] = (), said: Said = LETTERS
) -> Any:
    """∂z/∂x of each entry: the rule with z̄ = 1. None where an entry of z̄ reaches other entries of x, too."""
    rule = read_rule(primitive, argnum, args, said=said)
    if rule is None or not stays_in_place(rule, said.g):
        return None
    return read_rule(primitive, argnum, args, said=said._replace(g=1))  # type: ignore[arg-type]  # ∂z/∂z


def stays_in_place(x: Any, g: Symbol) -> bool:
    """Whether each entry of the expression depends on no entry of `g` but the one in its place, linearly."""
    if not isinstance(x, Symbol) or x is g or not mentions(x, g):
        return True
    return x.head in LOCAL and all(
        stays_in_place(arg, g) if i in LOCAL[x.head] else not mentions(arg, g) for i, arg in enumerate(x.args)
    )


LOCAL = {
    "add": (0, 1), "subtract": (0, 1), "multiply": (0, 1), "divide": (0,), "negative": (0,), "where": (1, 2),
}  # fmt: skip
"""What works entry by entry, and the arguments in which it is linear."""


def mentions(x: Any, part: Symbol) -> bool:
    """Whether `part` occurs in the expression `x`."""
    return x is part or (isinstance(x, Symbol) and any(mentions(arg, part) for arg in x.args))


def read_formula(primitive: Primitive, args: tuple[Any, ...] = (), said: Said = LETTERS) -> Any:
    """What `forward` computes as an expression; its name and arguments where its code is none, or long."""
    arguments = symbols(primitive, args, said.args)
    try:
        x = primitive.forward(*symbols(primitive, args))
        if isinstance(x, Symbol) and len(str(x)) <= LONGEST // 2:
            return x if said is LETTERS else primitive.forward(*arguments)
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


def symbols(
    primitive: Primitive, args: tuple[Any, ...] = (), said: Sequence[Symbol | None] = ()
) -> list[Any]:
    """A Symbol for each tensor or array among the arguments; numbers, axes, shapes as they are in `args`.

    Where `said` has one, it is that.
    """
    names = argument_names(primitive, len(args))
    arity = primitive.arity_of(args) if args else 0
    found: list[Any] = []
    for i, name in enumerate(names[: len(args)] if args else names):
        arg = args[i] if args else None
        if args and not isinstance(arg, np.ndarray) and (i >= arity or isinstance(arg, int | float)):
            found.append(arg)
        else:
            given = said[i] if i < len(said) else None
            found.append(Symbol(name) if given is None else given)
    return found


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


def rule_text(
    primitive: Primitive, argnum: int, args: tuple[Any, ...] = (), summed: tuple[int, ...] = ()
) -> str:
    """The rule for argument `argnum` in a line of text, or words; for the arguments see `read_rule`.

    >>> from autodiff.primitive import registry
    >>> rule_text(registry["tanh"], 0)
    'x̄ += z̄ · (1 − z²)'
    """
    return write_rule(TEXT, primitive, argnum, args, summed)


def rule_latex(
    primitive: Primitive, argnum: int, args: tuple[Any, ...] = (), summed: tuple[int, ...] = ()
) -> str:
    r"""As `rule_text`, in LaTeX (without dollar signs).

    >>> from autodiff.primitive import registry
    >>> print(rule_latex(registry["tanh"], 0))
    \bar{x} {+}{=} \bar{z} \cdot \left(1 - z^{2}\right)
    """
    return write_rule(LATEX, primitive, argnum, args, summed)


def formula_text(primitive: Primitive, args: tuple[Any, ...] = ()) -> str:
    """What the primitive computes, in a line of text: its code if that is an expression, else its name.

    >>> from autodiff.primitive import registry
    >>> formula_text(registry["mul"])
    'z = x · y'
    """
    return write_formula(TEXT, primitive, args)


def formula_latex(primitive: Primitive, args: tuple[Any, ...] = ()) -> str:
    r"""As `formula_text`, in LaTeX (without dollar signs).

    >>> from autodiff.primitive import registry
    >>> print(formula_latex(registry["div"]))
    z = \frac{x}{y}
    """
    return write_formula(LATEX, primitive, args)


def write_formula(
    notation: Notation, primitive: Primitive, args: tuple[Any, ...] = (), said: Said = LETTERS
) -> str:
    """`z = x · y`, in a notation, and in letters or names."""
    return notation.equation(said.z, "=", read_formula(primitive, args, said))


def write_rule(
    notation: Notation,
    primitive: Primitive,
    argnum: int,
    args: tuple[Any, ...] = (),
    summed: tuple[int, ...] = (),
    said: Said = LETTERS,
) -> str:
    """`x̄ += z̄ · y`, in a notation, and in letters or names; words where the rule is no formula."""
    name = letter(primitive, argnum, args)
    x = said.args[argnum] if argnum < len(said.args) else None
    x = Symbol(name) if x is None else x
    try:
        flows = primitive.vjps[argnum] is not None
    except IndexError:
        flows = False
    if not flows:
        return notation.words("no gradient flows to ") + notation.write(x).text
    right = read_rule(primitive, argnum, args, summed, said)
    if right is None:
        right = (
            notation.words(f"the rule of {primitive.name} for {name}, applied to ")
            + notation.write(said.g).text
        )
    return notation.equation(Symbol("bar", x), "+=", right)


def write_derivative(
    notation: Notation,
    primitive: Primitive,
    argnum: int,
    args: tuple[Any, ...] = (),
    said: Said = LETTERS,
) -> str:
    """`∂z/∂x = 1 − z²`; "" where the rule is more than one number for each entry."""
    right = read_derivative(primitive, argnum, args, said)
    if right is None:
        return ""
    x = said.args[argnum] if argnum < len(said.args) else None
    x = Symbol(letter(primitive, argnum, args)) if x is None else x
    return notation.equation(Symbol("partial", said.z, x), "=", right)


def letter(primitive: Primitive, argnum: int, args: tuple[Any, ...] = ()) -> str:
    """What the rules of a primitive call an argument."""
    names = argument_names(primitive, max(len(args), argnum + 1))
    return names[argnum] if argnum < len(names) else f"x{argnum + 1}"
