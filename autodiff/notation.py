"""How a formula is written: one grammar of signs and parentheses, in plain text and in LaTeX.

A formula is a tree of `symbol.Symbol`s. Each part is written together with how tightly it holds, so that
parentheses stand where they are needed and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np

SUM, MINUS, PRODUCT, POWER, ATOM = range(5)
"""How tightly a part holds together; one that holds less than its place asks for is put in parentheses."""

SIGNS = {"greater": ">", "greater_equal": "≥", "less": "<", "less_equal": "≤", "equal": "=", "not_equal": "≠"}
LOGIC = {"logical_and": "∧", "logical_or": "∨", "logical_not": "¬"}
BOOKKEEPING = frozenset(("keepdims", "keepdim", "dtype"))  # options that say nothing about the mathematics

SUPERSCRIPTS = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
CONSTANTS = {
    math.pi: ("π", r"\pi"),
    math.sqrt(2): ("√2", r"\sqrt{2}"),
    math.log(2): ("log(2)", r"\log\left(2\right)"),
    math.log(10): ("log(10)", r"\log\left(10\right)"),
    math.sqrt(2 / math.pi): ("√(2/π)", r"\sqrt{2/\pi}"),
    2 / math.sqrt(math.pi): ("(2/√π)", r"\frac{2}{\sqrt{\pi}}"),
    1 / math.sqrt(2 * math.pi): ("(1/√(2π))", r"\frac{1}{\sqrt{2\pi}}"),
    1 / math.sqrt(2): ("(1/√2)", r"\frac{1}{\sqrt{2}}"),
}


VISIBLE = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
"""The pictures that Unicode has of control characters, which a name may hold."""

LATEX_CHARACTERS = {c: "\\" + c for c in "_{}%#$ "} | {
    "&": r"\text{\&}", "\\": r"\backslash{}", "^": r"{\wedge}", "~": r"{\sim}", "<": "{<}", ">": "{>}",
    "'": r"{\prime}", "`": r"{\prime}", '"': r"{\prime\prime}",
}  # fmt: skip
"""How LaTeX and mathtext alike write what has a meaning to them."""


class Written(NamedTuple):
    """A part of a formula as it is written, and how tightly it holds."""

    text: str
    level: int = ATOM


class Notation:
    """Plain text: `x̄ += z̄ · (1 − z²)`."""

    dot, at, minus, dots = " · ", " @ ", "−", "…"

    def write(self, x: Any) -> Written:
        """Any part: a Symbol, a number, a shape."""
        head = getattr(x, "head", None)
        if head is None:
            return self.constant(x)
        if not x.args and not x.options:
            return Written(self.name(head))
        if head in SIGNS or head in LOGIC:
            return Written(f"[{self.condition(x)}]")
        writer: Callable[..., Written] | None = getattr(self, "write_" + head, None)
        return self.call(x) if writer is None or x.options else writer(*x.args)

    def at_least(self, level: int, x: Any) -> str:
        """`x`, in parentheses if it holds less tightly than `level`."""
        text, held = self.write(x)
        return text if held >= level else self.parenthesised(text)

    def after_sign(self, level: int, x: Any) -> str:
        """`x` behind an operator, where a bare minus must not follow."""
        text = self.at_least(level, x)
        return self.parenthesised(text) if text.startswith(self.minus) else text

    def condition(self, x: Any, inside: str = "") -> str:
        """What is true or false, without brackets: x > 0 ∧ y < 1; `inside` is the condition around it."""
        head = getattr(x, "head", "")
        if head in SIGNS:
            left, right = (self.at_least(SUM, part) for part in x.args)
            text = f"{left} {self.sign(SIGNS[head])} {right}"
            return self.parenthesised(text) if inside == "logical_not" else text
        if head not in LOGIC:
            return self.at_least(ATOM, x) if inside else self.write(x).text
        sign = self.sign(LOGIC[head])
        parts = [self.condition(part, head) for part in x.args]
        text = f" {sign} ".join(parts) if len(parts) > 1 else f"{sign}{parts[0]}"
        return self.parenthesised(text) if inside not in ("", head) else text

    # operators ---------------------------------------------------------------------------------

    def write_add(self, x: Any, y: Any) -> Written:
        return Written(f"{self.at_least(SUM, x)} + {self.after_sign(SUM, y)}", SUM)

    def write_subtract(self, x: Any, y: Any) -> Written:
        return Written(f"{self.at_least(SUM, x)} {self.minus} {self.after_sign(PRODUCT, y)}", SUM)

    def write_negative(self, x: Any) -> Written:
        return Written(self.minus + self.after_sign(PRODUCT, x), MINUS)

    def write_multiply(self, x: Any, y: Any) -> Written:
        return self.product(x, self.dot, y, apart=("matmul", "divide"))

    def write_matmul(self, x: Any, y: Any) -> Written:
        return self.product(x, self.at, y, apart=("multiply", "divide"))

    def write_divide(self, x: Any, y: Any) -> Written:
        left = self.at_least(POWER if _made_by(x, "matmul", "divide") else MINUS, x)
        return self._product(f"{left} / {self.after_sign(POWER, y)}")

    def product(self, x: Any, sign: str, y: Any, apart: tuple[str, ...]) -> Written:
        """x sign y; a factor made by a sign in `apart` has parentheses, lest one ask which comes first."""
        left = self.at_least(POWER if _made_by(x, *apart) else MINUS, x)
        right = self.after_sign(POWER if _made_by(y, *apart) else PRODUCT, y)
        return self._product(left + sign + right)

    def _product(self, text: str) -> Written:
        return Written(text, MINUS if text.startswith(self.minus) else PRODUCT)

    def write_power(self, x: Any, y: Any) -> Written:
        return Written(self.at_least(ATOM, x) + self.exponent(y), POWER)

    def write_matrix_transpose(self, x: Any) -> Written:
        return self.write_transpose(x)

    def write_number(self, x: Any) -> Written:
        """A number that flowed, in few digits."""
        text = f"{x:.0f}" if x == x and abs(x) < 1e5 and x == int(x) else brief(x)
        digits = self.digits(text.removeprefix("-"))
        return Written(self.minus + digits, MINUS) if text.startswith("-") else Written(digits)

    # what plain text and LaTeX write differently -----------------------------------------------

    def exponent(self, y: Any) -> str:
        if isinstance(y, Real) and float(y).is_integer():
            return self.write(y).text.translate(SUPERSCRIPTS)
        return "^" + self.at_least(ATOM, y)

    def write_transpose(self, x: Any) -> Written:
        return Written(self.at_least(ATOM, x) + "ᵀ", POWER)

    def write_sqrt(self, x: Any) -> Written:
        return Written("√" + self.at_least(ATOM, x), POWER)

    def write_bar(self, x: Any) -> Written:
        """The cotangent of a variable: x̄; a long name keeps its letters: grad_weight."""
        name = self.name(x.head)
        letter = name.rstrip("₀₁₂₃₄₅₆₇₈₉")
        return Written(letter + "\u0304" + name[len(letter) :] if len(letter) == 1 else "grad_" + name)

    def write_partial(self, z: Any, x: Any) -> Written:
        """The derivative of z with respect to x."""
        return Written(f"∂{self.write(z).text}/∂{self.write(x).text}", PRODUCT)

    def name(self, name: str) -> str:
        """A variable: x, weight; x1 with its number below."""
        if len(name) > 1 and name[1:].isdecimal() and name.isascii():
            return name[0] + name[1:].translate(SUBSCRIPTS)
        return name.translate(VISIBLE)

    def function(self, name: str) -> str:
        return name

    def sign(self, sign: str) -> str:
        return sign

    def parenthesised(self, text: str) -> str:
        return f"({text})"

    def power_of_ten(self, exponent: str) -> str:
        return "e" + exponent

    def digits(self, text: str) -> str:
        return text

    def known(self, constant: tuple[str, str]) -> str:
        return constant[0]

    def words(self, text: str) -> str:
        return text

    # the rest ----------------------------------------------------------------------------------

    def write_absolute(self, x: Any) -> Written:
        return Written(f"|{self.write(x).text}|")

    def write_indicator(self, x: Any) -> Written:
        return Written(f"[{self.condition(x)}]")

    def write_where(self, c: Any, x: Any, y: Any) -> Written:
        parts = ", ".join((self.condition(c), self.write(x).text, self.write(y).text))
        return Written(self.function("where") + self.parenthesised(parts))

    def write_normal_cdf(self, x: Any) -> Written:
        return Written(self.name("Φ") + self.parenthesised(self.write(x).text))

    def write_normal_pdf(self, x: Any) -> Written:
        return Written(self.name("φ") + self.parenthesised(self.write(x).text))

    def write_shape(self, x: Any) -> Written:
        return Written(self.at_least(ATOM, x) + "." + self.name("shape"))

    def write_size(self, x: Any) -> Written:
        return Written(self.at_least(ATOM, x) + "." + self.name("size"))

    def write_ndim(self, x: Any) -> Written:
        return Written(self.at_least(ATOM, x) + "." + self.name("ndim"))

    def write_getitem(self, x: Any, index: Any) -> Written:
        return Written(f"{self.at_least(ATOM, x)}[{self.index(index)}]")

    def call(self, x: Any) -> Written:
        """`name(arguments, axis=1)`; options that only keep the books are left out."""
        parts = [self.write(arg).text for arg in x.args]
        for name, value in x.options.items():
            if name not in BOOKKEEPING and value is not None and value is not False:
                if isinstance(value, tuple) and len(value) == 1:
                    value = value[0]  # one axis in a tuple is one axis
                text = self.write(value).text
                parts.append(text if text == self.name(name) else f"{self.name(name)}={text}")
        return Written(self.function(x.head) + self.parenthesised(", ".join(parts)))

    def index(self, index: Any) -> str:
        """What stands between brackets: `1:3, 0`."""
        if isinstance(index, tuple):
            return ", ".join(map(self.index, index))
        if isinstance(index, slice):
            parts = [index.start, index.stop] + ([index.step] if index.step is not None else [])
            return ":".join("" if part is None else self.index(part) for part in parts)
        return self.write(index).text

    def constant(self, x: Any) -> Written:
        """A number, or a small tuple of them; of anything larger, dots."""
        if isinstance(x, np.ndarray | np.generic) and x.ndim == 0:
            x = x.item()
        if isinstance(x, bool) or x is None:
            return Written(str(x))
        if isinstance(x, slice):
            return Written(self.index(x))
        if isinstance(x, Real):
            text = self.number(abs(float(x)))
            return Written(self.minus + text, MINUS) if x < 0 else Written(text)
        if isinstance(x, tuple) and len(x) <= 6:
            comma = "," if len(x) == 1 else ""
            return Written("(" + ", ".join(self.write(part).text for part in x) + comma + ")")
        return Written(self.words(x) if isinstance(x, str) else self.dots)

    def number(self, x: float) -> str:
        """A number without its sign: exact, or a known constant, or its first digits and dots."""
        for value, constant in CONSTANTS.items():
            if abs(x - value) < 1e-9:
                return self.known(constant)
        exact = repr(x).removesuffix(".0")
        digits, e, exponent = exact.partition("e")
        digits = digits if len(digits) <= 8 else digits[:6] + self.dots
        return digits + self.power_of_ten(exponent) if e else digits

    def equation(self, left: Any, sign: str, right: Any) -> str:
        """`left = right`, or `left += right`; a right side in words is given as the string to write."""
        right = right if isinstance(right, str) else self.write(right).text
        return f"{self.write(left).text} {self.sign(sign)} {right}"


class Latex(Notation):
    r"""LaTeX, as far as matplotlib's mathtext reads it: `\bar{x} {+}{=} \bar{z} \cdot \left(1 - z\right)`."""

    dot, at, minus, dots = r" \cdot ", r" \, ", "-", r"\ldots"
    commands: ClassVar = frozenset("exp log sin cos tan sinh cosh tanh max min".split())
    greek: ClassVar = {"Φ": r"\Phi", "φ": r"\varphi"}
    signs: ClassVar = {
        "≥": r"\geq",
        "≤": r"\leq",
        "≠": r"\neq",
        "∧": r"\wedge",
        "∨": r"\vee",
        "¬": r"\neg ",
        "+=": "{+}{=}",
    }

    def write_multiply(self, x: Any, y: Any) -> Written:
        return self.product(x, self.dot, y, apart=("matmul",))

    def write_divide(self, x: Any, y: Any) -> Written:
        return Written(rf"\frac{{{self.write(x).text}}}{{{self.write(y).text}}}", PRODUCT)

    def exponent(self, y: Any) -> str:
        return f"^{{{self.write(y).text}}}"

    def write_transpose(self, x: Any) -> Written:
        return Written(self.at_least(ATOM, x) + r"^{\top}", POWER)

    def write_sqrt(self, x: Any) -> Written:
        return Written(rf"\sqrt{{{self.write(x).text}}}")

    def write_bar(self, x: Any) -> Written:
        return Written(rf"\{'bar' if len(x.head) == 1 else 'overline'}{{{self.name(x.head)}}}")

    def write_partial(self, z: Any, x: Any) -> Written:
        return Written(rf"\frac{{\partial {self.write(z).text}}}{{\partial {self.write(x).text}}}")

    def name(self, name: str) -> str:
        if len(name) == 1 and name.isalpha():
            return self.greek.get(name, name)
        if name[1:].isdecimal() and name.isascii() and name[0].isalpha():
            return f"{name[0]}_{{{name[1:]}}}"
        return rf"\mathrm{{{_escaped(name)}}}"

    def function(self, name: str) -> str:
        return "\\" + name if name in self.commands else self.name(name)

    def sign(self, sign: str) -> str:
        return self.signs.get(sign, sign)

    def parenthesised(self, text: str) -> str:
        return rf"\left({text}\right)"

    def power_of_ten(self, exponent: str) -> str:
        return rf" \times 10^{{{int(exponent)}}}"

    def digits(self, text: str) -> str:
        mantissa, e, exponent = text.partition("e")
        if not e:
            return {"inf": r"\infty", "nan": r"\mathrm{nan}"}.get(text, text)
        return rf"\left({mantissa}{self.power_of_ten(exponent)}\right)"

    def known(self, constant: tuple[str, str]) -> str:
        return constant[1]

    def words(self, text: str) -> str:
        return rf"\text{{{_plain(text)}}}"


TEXT, LATEX = Notation(), Latex()


def _made_by(x: Any, *heads: str) -> bool:
    return getattr(x, "head", None) in heads and bool(x.args)


def brief(x: Any) -> str:
    """A number in few digits: four places, or scientific where they would hide it."""
    if not isinstance(x, float):
        return str(x)
    if x == 0:
        return "0"
    if x != x or abs(x) == math.inf:
        return str(x)
    return f"{x:.4f}" if 1e-3 <= abs(x) < 1e5 else f"{x:.2e}"


def _plain(text: str) -> str:
    r"""Our own words inside \text{}; what has a meaning there is escaped or, where it cannot be, left out."""
    return "".join("\\" + c if c in "_{}%&#$" else c for c in text if c not in "\\^~" and c.isprintable())


def _escaped(text: str) -> str:
    r"""Any name inside \mathrm{}, for LaTeX and for matplotlib's mathtext alike."""
    return "".join(LATEX_CHARACTERS.get(c, c if c.isprintable() else r"\ ") for c in text)
