"""What `check_backprop` returns: a verdict, the mistakes found, and the table they are read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from . import matching
from .matching import Scale, Slip
from .mistakes import TRANSPOSED, Mistake

ORDER = "layer order"
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Finding:
    """One mistake: its cause (in `causes` all that give the same numbers), what happened, proof, and fix."""

    cause: str
    what: str
    evidence: str
    fix: str
    causes: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{capital(self.what)}. {capital(self.evidence)}. Fix: {self.fix}."


@dataclass(frozen=True)
class Row:
    """One parameter: the shapes of its gradients, the engine's largest entry, the largest difference."""

    name: str
    shape: tuple[int, ...]
    given: tuple[int, ...]
    size: float
    apart: float | None
    agrees: bool

    def cells(self) -> tuple[str, ...]:
        """The columns, as text."""
        apart = f"shape {self.given}" if self.apart is None else f"{self.apart:.3g}"
        return self.name, str(self.shape), f"{self.size:.3g}", apart, "✓" if self.agrees else "✗"


HEADINGS = ("Parameter", "Shape", "Largest entry", "Largest difference", "")


@dataclass(repr=False)
class BackpropCheck:
    """`ok` if all gradients agree; else `findings`. Prints as a table with the findings below."""

    ok: bool
    findings: list[Finding]
    rows: list[Row] = field(default_factory=list)
    remark: str = ""

    def title(self) -> str:
        """The verdict in one line."""
        if self.ok:
            return f"Your gradients are right: all {len(self.rows)} agree with the engine's."
        wrong = sum(not row.agrees for row in self.rows)
        return f"{wrong} of {len(self.rows)} gradients differ from the engine's."

    def __str__(self) -> str:
        cells = [HEADINGS, *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        told = [
            f"{number}. {capital(f.what)}.\n   {capital(f.evidence)}.\n   Fix: {f.fix}."
            for number, f in enumerate(self.findings, 1)
        ]
        parts = [self.title(), "\n".join(lines), *told, self.remark]
        return "\n\n".join(part for part in parts if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        def line(cells: Sequence[str], tag: str) -> str:
            return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

        body = "".join(line(row.cells(), "td") for row in self.rows)
        found = "".join(f"<li><b>{escape(f.cause)}</b>: {escape(str(f))}</li>" for f in self.findings)
        return (
            f"<p>{escape(self.title())}</p><table><thead>{line(HEADINGS, 'th')}</thead><tbody>{body}</tbody>"
            f"</table><ol>{found}</ol><p>{escape(self.remark)}</p>"
        )


# the sentences ----------------------------------------------------------------------------------------------


def mistaken(mistake: Mistake, evidence: str) -> Finding:
    """A wrong rule."""
    return Finding(mistake.cause, mistake.what, evidence, mistake.fix, (mistake.cause,))


def misordered(names: Sequence[str], order: Sequence[int], evidence: str) -> Finding:
    """Gradients given for the wrong parameters."""
    moved = [(names[i], names[place]) for place, i in enumerate(order) if place != i]
    moved.sort(key=lambda pair: names.index(pair[0]))
    what = ", ".join(f"{given} gets that of {really}" for given, really in moved)
    fix = "backward runs from the last layer to the first: put each gradient where its parameter is"
    return Finding(
        ORDER,
        f"the gradients are in another order: {what}",
        evidence,
        fix,
        (ORDER,),
        tuple(a for a, _ in moved),
    )


def slipped(
    slip: Slip,
    names: Sequence[str],
    everywhere: bool,
    given: tuple[int, ...],
    scale: Scale,
    evidence: str,
) -> Finding:
    """A gradient that is right, but transposed, not summed, or too large."""
    who = "all gradients" if everywhere else ", ".join(names)
    cause = slip.causes[0]
    if slip.form == TRANSPOSED:
        what = f"{who}: the gradient is transposed, {given} where the parameter has {given[::-1]}"
        fix = "transpose it: a gradient has the shape of its parameter, and dW = aᵀ · dz for z = a · W"
    elif slip.form == matching.UNSUMMED:
        what = f"{who}: the gradient of a bias is not summed over the batch, shape {given}"
        fix = f"sum it, db = dz.sum(axis={slip.axis}): one bias is added to every sample"
    elif slip.form == matching.OVERSUMMED:
        what = f"{who}: summed over everything to one number"
        fix = "sum over the samples only: dz.sum(axis=0), or axis=1 where samples are columns"
    else:
        what, fix = factor_told(who, slip, scale)
    return Finding(cause, what, evidence, fix, slip.causes, tuple(names))


FACTORS = {
    matching.NO_MEAN: ("1/n is missing: a sum was taken for the mean", "divide by n once, in dL/dŷ"),
    matching.SUM_FOR_MEAN: ("a sum was taken for a mean: 1/n is missing there", "divide by n once, in dL/dŷ"),
    matching.NO_TWO_MEAN: ("2/n is missing", "the derivative of the mean of (ŷ − y)² is 2/n · (ŷ − y)"),
    matching.NO_TWO: ("the 2 is missing", "the derivative of (ŷ − y)² is 2 · (ŷ − y)"),
    matching.MEAN_TWICE: ("it is divided by n once too often", "divide by n once, in dL/dŷ"),
    matching.TWO: ("it has a 2 too many", "leave it out: only a square has one"),
    matching.RATE: (
        "the learning rate, or another constant, is in it",
        "the gradient is without it: it belongs to the update, w ← w − η · dL/dw",
    ),
}


def factor_told(who: str, slip: Slip, scale: Scale) -> tuple[str, str]:
    """Words for a gradient that is a multiple of the right one."""
    causes = [cause for cause in slip.causes if cause != matching.SIGN]
    sign = len(causes) < len(slip.causes)
    reasons, fixes = [], []
    if sign:
        reasons.append("the sign is wrong")
        fixes.append("dL/dŷ is ŷ − y times a positive number, not y − ŷ")
    if causes:
        reasons.append(" (or: ".join(FACTORS[cause][0] for cause in causes) + ")" * (len(causes) - 1))
        fixes.append(FACTORS[causes[0]][1])
    n = f" (n = {scale.entries})" if any("n" in cause.split("/") for cause in causes) else ""
    return f"{who}: {slip.factor:.6g} times what it should be, {' and '.join(reasons)}{n}", "; ".join(fixes)


def remaining(
    name: str,
    entry: tuple[int, ...] | None,
    given: tuple[int, ...],
    shape: tuple[int, ...],
    yours: float | None,
    ours: float | None,
    difference: float | None,
) -> Finding:
    """A gradient that no mistake we know explains."""
    if entry is None:
        evidence = f"yours has shape {given}, the parameter {shape}"
        fix = "a gradient has the shape of its parameter: sum over the samples, and over nothing else"
    else:
        at = f"[{', '.join(map(str, entry))}]" if entry else ""
        beside = "" if difference is None else f", a finite difference {difference:.8g}"
        evidence = (
            f"the first entry that differs is {name}{at}: yours {yours:.8g}, the engine's {ours:.8g}{beside}"
        )
        fix = "compare the steps of backward one by one, from the loss to this parameter"
    return Finding(
        UNEXPLAINED,
        f"{name}: no mistake that is known here explains it",
        evidence,
        fix,
        (UNEXPLAINED,),
        (name,),
    )


def capital(text: str) -> str:
    """A sentence with its first letter; but names and formulas stay as they are."""
    first = text.split()[0]
    return text[0].upper() + text[1:] if first in ("all", "at", "on", "the", "your") else text
