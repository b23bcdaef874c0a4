"""Headings, sentences, formulas and values, written as plain text, as Markdown and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..notation import LATEX, TEXT, VISIBLE
from ..symbol import Symbol


@dataclass(frozen=True)
class Math:
    """A formula in both notations."""

    text: str
    latex: str


Part = str | Math
"""Of a sentence: plain words (of ours: letters, digits, simple punctuation) or a formula."""


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the document's."""

    level: int
    words: Sequence[Part]


@dataclass(frozen=True)
class Sentence:
    """A paragraph."""

    parts: Sequence[Part]


@dataclass(frozen=True)
class Item:
    """A numbered step, with its formulas and values below."""

    number: int
    parts: Sequence[Part]
    formulas: Sequence[Math] = ()
    values: Sequence[tuple[str, str]] = ()  # what it is, and its numbers


@dataclass(frozen=True)
class Formulas:
    """Formulas on lines of their own."""

    formulas: Sequence[Math]


Block = Heading | Sentence | Item | Formulas


@dataclass(repr=False)
class Explanation:
    """What `explain` found: `.text`, `.markdown`, `.latex`; `formulas` are all its formulas in LaTeX."""

    subject: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def text(self) -> str:
        """As plain text."""
        return "\n\n".join(map(as_text, self.blocks)) + "\n"

    @property
    def markdown(self) -> str:
        """As Markdown, its formulas between dollar signs."""
        return "\n\n".join(map(as_markdown, self.blocks)) + "\n"

    @property
    def latex(self) -> str:
        r"""As LaTeX, to be put between \begin{document} and \end{document}."""
        return "\n\n".join(map(as_latex, self.blocks)) + "\n"

    @property
    def formulas(self) -> list[str]:
        """Every formula in it, as LaTeX without dollar signs."""
        found: list[Math] = []
        for block in self.blocks:
            parts = block.words if isinstance(block, Heading) else getattr(block, "parts", ())
            found += [part for part in parts if isinstance(part, Math)]
            found += getattr(block, "formulas", ())
        return [formula.latex for formula in found]

    def __str__(self) -> str:
        return self.text.rstrip("\n")

    def __repr__(self) -> str:
        return f"<Explanation of {self.subject}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        return {"text/markdown": self.markdown, "text/plain": self.text}


def named(name: str) -> Math:
    """A tensor's name."""
    return Math(TEXT.write(Symbol(name)).text, LATEX.write(Symbol(name)).text)


def gradient_of(name: str) -> Math:
    """What the gradient of a tensor is called."""
    x = Symbol("bar", Symbol(name))
    return Math(TEXT.write(x).text, LATEX.write(x).text)


def shaped(shape: tuple[int, ...]) -> Math:
    """4 × 2; a single number is a scalar."""
    sizes = list(map(str, shape))
    return Math(" × ".join(sizes) or "scalar", r" \times ".join(sizes) or r"\mathrm{scalar}")


# plain text ---------------------------------------------------------------------------------------


def as_text(block: Block) -> str:
    """A block as plain text, without an empty line at its end."""
    if isinstance(block, Heading):
        title = joined_text(block.words)
        return f"{title}\n{'=-'[block.level - 1] * len(title)}"
    if isinstance(block, Sentence):
        return joined_text(block.parts)
    if isinstance(block, Formulas):
        return "\n".join(f"    {formula.text}" for formula in block.formulas)
    lines = [f"{block.number:3}. {joined_text(block.parts)}"]
    lines += [f"       {formula.text}" for formula in block.formulas]
    lines += [f"       {what}: {numbers}" for what, numbers in block.values]
    return "\n".join(lines)


def joined_text(parts: Sequence[Part]) -> str:
    """Words and formulas as plain text."""
    return "".join(part if isinstance(part, str) else part.text for part in parts)


# Markdown -----------------------------------------------------------------------------------------


def as_markdown(block: Block) -> str:
    """A block as Markdown."""
    if isinstance(block, Heading):
        return f"{'#' * (block.level + 1)} {joined(block.words)}"
    if isinstance(block, Sentence):
        return joined(block.parts)
    if isinstance(block, Formulas):
        return "\n\n".join(f"$${formula.latex}$$" for formula in block.formulas)
    lines = [f"{block.number}. {joined(block.parts)}"]
    lines += [f"    $${formula.latex}$$" for formula in block.formulas]
    lines += [f"    {what}: `{numbers}`" for what, numbers in block.values]
    return "\n\n".join(lines)


def joined(parts: Sequence[Part]) -> str:
    """Words and formulas as Markdown."""
    return "".join(
        MARKED.sub(r"\\\g<0>", part) if isinstance(part, str) else f"${part.latex}$" for part in parts
    )


MARKED = re.compile(r"[\\`*<>\[\]#|$]|\b_|_\b")
"""What Markdown would read as its own."""


# LaTeX --------------------------------------------------------------------------------------------


def as_latex(block: Block) -> str:
    """A block as LaTeX."""
    if isinstance(block, Heading):
        return rf"\{'sub' * (block.level - 1)}section*{{{joined_latex(block.words)}}}"
    if isinstance(block, Sentence):
        return joined_latex(block.parts)
    if isinstance(block, Formulas):
        return "\n".join(rf"\[ {formula.latex} \]" for formula in block.formulas)
    lines = [rf"\paragraph{{{block.number}.}} {joined_latex(block.parts)}"]
    lines += [rf"\[ {formula.latex} \]" for formula in block.formulas]
    lines += [rf"{what}: \texttt{{{numbers}}}\par" for what, numbers in block.values]
    return "\n".join(lines)


def joined_latex(parts: Sequence[Part]) -> str:
    """Words and formulas as LaTeX."""
    return "".join(
        "".join(LATEX_WORDS.get(c, c) for c in part) if isinstance(part, str) else f"${part.latex}$"
        for part in parts
    )


LATEX_WORDS = {c: "\\" + c for c in "_{}%&#$"} | {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}


def words(text: str) -> str:
    """Words that are not ours, in one line: control characters are shown."""
    return text.translate(VISIBLE)
