"""The rule as mathematics: a primitive's vjp rule, run on Symbols, gives its own formula.

A rule is a plain NumPy expression, so calling it with Symbols instead of arrays gives its formula, which
cannot drift from the code because it is the code:

    tanh = Unary("tanh", np.tanh, lambda g, z, x: g * (1 - z * z))      x̄ += z̄ · (1 − z²)

z̄ (z bar) is the cotangent of z: how the loss changes with z. A rule that branches, loops or assigns is no
expression; it is described in words instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .notation import LATEX, TEXT, Notation
from .symbol import LONGEST, Symbol, apply, argument_names, build

if TYPE_CHECKING:
    from .primitive import Primitive


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
