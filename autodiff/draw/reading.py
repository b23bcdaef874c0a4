"""One operation of a graph as mathematics: in the letters of its rule, in its tensors' names, in numbers.

All of it is read from the primitive itself (see `autodiff.formulas`), when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import formulas, symbol
from ..formulas import Said
from ..notation import LATEX, TEXT, Notation
from ..primitive import Primitive
from ..symbol import Symbol

__all__ = ["LATEX", "TEXT", "Reading"]


class Reading:
    """One application of a primitive, `z = op(*args)`.

    `z` and `names` are what the result and the arguments are called ("" for what has no name). `values` and
    `g` are the numbers of arguments, result and its gradient where they are single numbers, else None. Every
    method writes in a notation, `TEXT` or `LATEX`.
    """

    def __init__(
        self,
        op: Primitive,
        args: tuple[Any, ...],
        z: str,
        names: Sequence[str],
        values: Sequence[float | None],
        z_value: float | None,
        g: float | None,
    ) -> None:
        self.op = op
        self.args = args
        self.names = Said(Symbol(z), symbol.bar(z), [Symbol(name) if name else None for name in names])
        self.values = values
        self.z_value = z_value
        self.g = g

    def formula(self, notation: Notation = TEXT) -> str:
        """The operation in letters: `z = x @ wᵀ + b`."""
        return formulas.write_formula(notation, self.op, self.args)

    def equation(self, notation: Notation = TEXT) -> str:
        """The operation in names: `t₁ = x @ hidden.weightᵀ + hidden.bias`."""
        return formulas.write_formula(notation, self.op, self.args, self.names)

    def numbers(self, notation: Notation = TEXT) -> str:
        """The operation in numbers: `2.0000 · 3.0000 = 6.0000`; "" where they are not single numbers."""
        said = self.in_numbers()
        if said is None or self.z_value is None:
            return ""
        return worked_out(notation, formulas.read_formula(self.op, self.args, said), said.z)

    def rule(self, i: int, notation: Notation = TEXT, summed: tuple[int, ...] = ()) -> str:
        """How the gradient returns to argument `i`, in letters: `w̄ += z̄ᵀ @ x`; words where it is no line."""
        return formulas.write_rule(notation, self.op, i, self.args, summed)

    def rule_equation(self, i: int, notation: Notation = TEXT, summed: tuple[int, ...] = ()) -> str:
        """The same in names: `grad_hidden.weight += t̄₁ᵀ @ x`."""
        return formulas.write_rule(notation, self.op, i, self.args, summed, self.names)

    def rule_numbers(self, i: int, sent: float | None, notation: Notation = TEXT) -> str:
        """The same in numbers: `0.5000 · 3.0000 = 1.5000`; "" where they are not single numbers."""
        said = self.in_numbers()
        if said is None or sent is None or self.g is None:
            return ""
        return worked_out(notation, formulas.read_rule(self.op, i, self.args, said=said), symbol.number(sent))

    def derivative(self, i: int, notation: Notation = TEXT) -> str:
        """The local derivative by argument `i`, in names: `∂t₁/∂x = 1 − t₁²`.

        "" where an entry of the result depends on other entries, too: the rule is then more than a number.
        """
        return formulas.write_derivative(notation, self.op, i, self.args, self.names)

    def in_numbers(self) -> Said | None:
        """The numbers as symbols, None unless all arguments that are arrays are single numbers."""
        if any(value is None for value in self.values):
            return None
        args = [None if value is None else symbol.number(value) for value in self.values]
        z = symbol.number(0.0 if self.z_value is None else self.z_value)
        return Said(z, symbol.number(0.0 if self.g is None else self.g), args)


def worked_out(notation: Notation, formula: Any, value: Symbol) -> str:
    """`2 · 3 = 6`; "" where there is nothing to work out."""
    left, right = "" if formula is None else notation.write(formula).text, notation.write(value).text
    return f"{left} = {right}" if left not in ("", right) else ""
