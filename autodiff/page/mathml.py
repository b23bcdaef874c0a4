"""Formulas in MathML, the mathematics that browsers write themselves; the same with the numbers put in."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from ..draw.numbers import SHOWN, Numbers, texts
from ..notation import ATOM, BOOKKEEPING, LOGIC, POWER, PRODUCT, SIGNS, SUM, TEXT, VISIBLE, Notation, Written
from ..symbol import Symbol

MINUS_SIGN = "−"
PICTURES = {code: sign for code, sign in VISIBLE.items() if code != 0x0A}


def escape(text: str) -> str:
    """Any text, so that HTML shows it as it is; for control characters Unicode has pictures."""
    shown = text.translate(PICTURES).encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    return html.escape(shown)


def sign(text: str) -> str:
    """What stands between or around parts."""
    return f"<mo>{escape(text)}</mo>"


def row(*parts: str) -> str:
    """Parts as one."""
    return f"<mrow>{''.join(parts)}</mrow>"


def block(formula: str) -> str:
    """A formula on a line of its own."""
    return f'<div class="line"><math display="block">{formula}</math></div>' if formula else ""


class MathML(Notation):
    """What stands between `<math>` and `</math>`, in the grammar of the plain text.

    >>> print(MATHML.write(Symbol("t1") / 2).text)
    <mfrac><mrow><msub><mi>t</mi><mn>1</mn></msub></mrow><mrow><mn>2</mn></mrow></mfrac>
    """

    dot, at, minus, dots = sign("·"), sign("@"), sign("−"), "<mi>…</mi>"

    def write(self, x: Any) -> Written:
        if getattr(x, "head", None) in (*SIGNS, *LOGIC):
            return Written(row(sign("["), self.condition(x), sign("]")))
        return super().write(x)

    def write_add(self, x: Any, y: Any) -> Written:
        return Written(self.at_least(SUM, x) + sign("+") + self.after_sign(SUM, y), SUM)

    def write_divide(self, x: Any, y: Any) -> Written:
        return Written(f"<mfrac>{row(self.write(x).text)}{row(self.write(y).text)}</mfrac>", PRODUCT)

    def write_power(self, x: Any, y: Any) -> Written:
        return self.raised(x, self.write(y).text)

    def write_transpose(self, x: Any) -> Written:
        return self.raised(x, '<mi mathvariant="normal">T</mi>')

    def raised(self, x: Any, above: str) -> Written:
        """`x` with something at its upper right."""
        return Written(f"<msup>{row(self.at_least(ATOM, x))}{row(above)}</msup>", POWER)

    def write_sqrt(self, x: Any) -> Written:
        return Written(f"<msqrt>{self.write(x).text}</msqrt>")

    def write_bar(self, x: Any) -> Written:
        return Written(f'<mrow class="bar">{self.name(x.head)}</mrow>')  # the line is drawn by the style

    def write_partial(self, z: Any, x: Any) -> Written:
        above, below = (row("<mi>∂</mi>", self.write(part).text) for part in (z, x))
        return Written(f"<mfrac>{above}{below}</mfrac>")

    def write_absolute(self, x: Any) -> Written:
        return Written(row(sign("|"), self.write(x).text, sign("|")))

    def write_indicator(self, x: Any) -> Written:
        return Written(row(sign("["), self.condition(x), sign("]")))

    def write_where(self, c: Any, x: Any, y: Any) -> Written:
        return self.applied("where", [self.condition(c), self.write(x).text, self.write(y).text])

    def write_shape(self, x: Any) -> Written:
        return Written(row(self.at_least(ATOM, x), sign("."), self.name("shape")))

    def write_size(self, x: Any) -> Written:
        return Written(row(self.at_least(ATOM, x), sign("."), self.name("size")))

    def write_ndim(self, x: Any) -> Written:
        return Written(row(self.at_least(ATOM, x), sign("."), self.name("ndim")))

    def write_getitem(self, x: Any, index: Any) -> Written:
        place = f"<mtext>{escape(TEXT.index(index))}</mtext>"
        return Written(row(self.at_least(ATOM, x), sign("["), place, sign("]")))

    def call(self, x: Any) -> Written:
        parts = [self.write(arg).text for arg in x.args]
        for name, value in x.options.items():
            if name not in BOOKKEEPING and value is not None and value is not False:
                value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
                text = self.write(value).text
                parts.append(text if text == self.name(name) else row(self.name(name), sign("="), text))
        return self.applied(x.head, parts)

    def applied(self, name: str, parts: Iterable[str]) -> Written:
        """A function of several parts."""
        return Written(self.function(name) + self.parenthesised(sign(",").join(parts)))

    def constant(self, x: Any) -> Written:
        if isinstance(x, np.ndarray | np.generic) and x.ndim == 0:
            x = x.item()
        if isinstance(x, str) or (isinstance(x, Real) and not isinstance(x, bool)):
            return super().constant(x)
        return Written(f"<mtext>{escape(TEXT.constant(x).text)}</mtext>")

    def number(self, x: float) -> str:
        return f"<mn>{TEXT.number(x)}</mn>"

    def digits(self, text: str) -> str:
        return f"<mn>{text.replace('-', MINUS_SIGN)}</mn>"

    def name(self, name: str) -> str:
        if len(name) > 1 and name[1:].isdecimal() and name.isascii():
            return f"<msub><mi>{escape(name[0])}</mi><mn>{name[1:]}</mn></msub>"
        return f"<mi>{escape(name.translate(VISIBLE))}</mi>"

    def function(self, name: str) -> str:
        return f"<mi>{escape(name)}</mi>"

    def sign(self, sign_: str) -> str:
        return sign(sign_)

    def parenthesised(self, text: str) -> str:
        return row(sign("("), text, sign(")"))

    def words(self, text: str) -> str:
        return f"<mtext>{escape(text)}</mtext>"


class Filled(MathML):
    """The right side of an equation with arrays where it has names: what `values` and `gradients` know.

    A name that is not among them stays; `filled` says whether one was replaced.
    """

    def __init__(self, values: Mapping[str, Numbers | None], gradients: Mapping[str, Numbers | None]) -> None:
        self.values = values
        self.gradients = gradients
        self.filled = False

    def write(self, x: Any) -> Written:
        if isinstance(x, Symbol) and not x.args and not x.options:
            return self.put(self.values.get(x.head)) or super().write(x)
        return super().write(x)

    def write_bar(self, x: Any) -> Written:
        return self.put(self.gradients.get(x.head)) or super().write_bar(x)

    def put(self, numbers: Numbers | None) -> Written | None:
        """The array, if it is one that can stand in a line."""
        if numbers is None or not in_line(numbers):
            return None
        self.filled = True
        if not numbers.shape:
            assert numbers.entries is not None
            return super().write(Symbol("number", numbers.entries.item()))
        return Written(array(numbers))

    def equation(self, left: Any, sign: str, right: Any) -> str:
        return right if isinstance(right, str) else self.write(right).text


def in_line(numbers: Numbers) -> bool:
    """Whether all entries are known, few, and those of a number, a row or a matrix, as they were then."""
    known = numbers.entries is not None and 0 < numbers.entries.size <= SHOWN and len(numbers.shape) <= 2
    return known and "now" not in numbers.title


def array(numbers: Numbers) -> str:
    """A number, a vector as a row, a matrix: what can stand `in_line`."""
    assert numbers.entries is not None
    if not numbers.shape:
        return MATHML.write(Symbol("number", numbers.entries.item())).text
    entries = [MATHML.digits(text) for text in texts(numbers.entries)]
    width = numbers.shape[-1]
    rows = (entries[i : i + width] for i in range(0, len(entries), width))
    cells = ("".join(f"<mtd>{entry}</mtd>" for entry in each) for each in rows)
    return f'<mtable class="matrix">{"".join(f"<mtr>{each}</mtr>" for each in cells)}</mtable>'


MATHML = MathML()
