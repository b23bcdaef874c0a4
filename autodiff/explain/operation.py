"""One operation explained: its formula, where it is defined, and how its gradient returns."""

from __future__ import annotations

import difflib
from typing import Any

from ..formulas import letter, write_derivative, write_formula, write_rule
from ..notation import LATEX, TEXT
from ..primitive import Primitive, Variadic, registry
from .document import Explanation, Formulas, Heading, Math, Sentence, named, words
from .domain import domain, smooth


def explain_operation(what: Any) -> Explanation:
    """`explain` of an operation, given by name or as a function."""
    op = find(what)
    blocks = Explanation(op.name)
    add = blocks.blocks.append
    add(Heading(1, [op.name]))
    if doc := " ".join((op.__doc__ or "").split()) if len(op.__doc__ or "") < 300 else "":
        add(Sentence([words(doc)]))
    formula = Math(write_formula(TEXT, op), write_formula(LATEX, op))
    if isinstance(op, Variadic):
        formula = Math(f"z = {op.name}(x₁, x₂, …)", rf"{formula.latex}\left(x_1, x_2, \ldots\right)")
    add(Formulas([formula]))
    where = domain(op)
    if where is not None:
        add(Sentence(["It is defined for ", where, "."]))
    if not flows(op):
        add(Sentence(["It has no derivative: it is part of a computation, but no gradient passes it."]))
        return blocks
    if isinstance(op, Variadic):
        add(Sentence(["Each of its tensors gets back the part of the gradient that belongs to it."]))
    for i in range(op.arity):
        name = named(letter(op, i))
        if op.vjps[i] is None:
            add(Sentence(["No gradient flows to ", name, "."]))
            continue
        add(Sentence(["How the gradient returns to ", name, ":"]))
        formulas = [Math(write_rule(TEXT, op, i), write_rule(LATEX, op, i))]
        if derivative := write_derivative(TEXT, op, i):
            formulas.append(Math(derivative, write_derivative(LATEX, op, i)))
        add(Formulas(formulas))
        there = smooth(op, i)
        if there is not None and there != where:
            add(Sentence(["The derivative is finite for ", there, "."]))
    add(Sentence(needs(op)))
    return blocks


def needs(op: Primitive) -> list[str | Math]:
    """Which values must still be there when the gradient returns."""
    read = {-1: "z"} | {i: letter(op, i) for i in range(op.arity)}
    used = sorted({i for reads in op.reads for i in reads if i in read}, key=lambda i: i % 99)
    if not used:
        return ["For that, backward needs no values, only shapes."]
    parts: list[str | Math] = [f"For that, backward needs the value{'s' * (len(used) > 1)} of "]
    for k, i in enumerate(used):
        parts += [", " if 0 < k < len(used) - 1 else " and " if k else "", named(read[i])]
    return [*parts, "."]


def flows(op: Primitive) -> bool:
    """Whether a gradient returns to any of its tensors."""
    return isinstance(op, Variadic) or any(op.vjps[i] is not None for i in range(op.arity))


def find(what: Any) -> Primitive:
    """The primitive that a name or a function means."""
    if isinstance(what, Primitive):
        return what
    name = what if isinstance(what, str) else getattr(what, "__name__", "") if callable(what) else ""
    if not name:
        raise TypeError(
            "explain(): give it a tensor, such as the loss, or an operation, as a function or by name "
            f'(explain("tanh"), explain(autodiff.matmul)), not {type(what).__name__}'
        )
    for candidate in (name, ALSO_CALLED.get(name, ""), name.lower()):
        if candidate in registry:
            return registry[candidate]
    if not isinstance(what, str):
        raise ValueError(
            f"explain(): {name} is no single operation, but composed of others: compute something with "
            "it, and explain the result"
        )
    close = difflib.get_close_matches(name, registry, 3)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are {', '.join(registry)}"
    raise ValueError(f"explain(): no operation is called {name!r}; {hint}")


ALSO_CALLED = {
    "mm": "matmul", "bmm": "matmul", "mv": "matmul", "t": "transpose", "view": "reshape",
    "broadcast_to": "expand", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "absolute": "abs", "negative": "neg", "binary_cross_entropy": "bce_loss",
    "binary_cross_entropy_with_logits": "bce_with_logits",
}  # fmt: skip
"""Functions that are one primitive under another name."""
