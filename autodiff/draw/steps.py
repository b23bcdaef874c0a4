"""The graph told as a story: each operation forward, then each gradient back, in text and LaTeX.

What a page steps through and an explanation writes down; every number and formula comes from the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..notation import LATEX, TEXT
from ..symbol import Symbol
from .model import Arrow, Graph, OperationNode, TensorNode
from .numbers import Numbers, describe


@dataclass
class Step:
    """One operation ("forward"), the gradient that all starts with ("start"), or one rule ("backward").

    `operation`, `tensor` and `arrow` are ids in the whole graph, "" where there is none: `tensor` is what was
    computed, or whose gradient was added to. `formula` is in letters, `equation` in names, `filled` in
    numbers where these are single ones, `derivative` the local derivative; each has its LaTeX beside it.
    `result` is the value computed, or what was added; `total` the gradient so far.
    """

    number: int
    direction: Literal["forward", "start", "backward"]
    name: str
    tensor: str
    operation: str = ""
    arrow: str = ""
    formula: str = ""
    equation: str = ""
    equation_latex: str = ""
    derivative: str = ""
    derivative_latex: str = ""
    filled: str = ""
    filled_latex: str = ""
    notes: tuple[str, ...] = ()
    result: Numbers | None = None
    total: Numbers | None = None


def steps(graph: Graph, most: int | None = None) -> list[Step]:
    """The whole graph: forward in the order of the computation, then backward; `most` of each."""
    graph = graph.whole
    tensors = {tensor.id: tensor for tensor in graph.tensors}
    arrows = {arrow.id: arrow for arrow in graph.arrows}
    found = [forward(n, op, tensors[op.output]) for n, op in enumerate(graph.operations[:most], 1)]
    last = tensors[graph.result]
    if last.gradient is None:
        return found
    found.append(
        Step(
            len(found) + 1, "start", "gradient of the result", last.id, equation=f"{bar(last)} = 1",
            equation_latex=f"{bar(last, latex=True)} = 1", result=last.gradient, total=last.gradient,
        )
    )  # fmt: skip
    names = {op.id: op.name for op in graph.operations}
    totals: dict[str, np.ndarray | None] = {}
    for id in graph.backward[:most]:
        arrow = arrows[id]
        found.append(backward(len(found) + 1, arrow, names[arrow.head], tensors[arrow.tail], totals))
    return found


def forward(number: int, op: OperationNode, z: TensorNode) -> Step:
    """An operation is computed."""
    return Step(
        number, "forward", op.name, z.id, op.id, formula=op.formula, equation=op.equation(),
        equation_latex=op.equation(LATEX), filled=op.numbers(), filled_latex=op.numbers(LATEX),
        notes=tuple(op.notes) + (z.remark,) * bool(z.remark), result=z.value,
    )  # fmt: skip


def backward(
    number: int, arrow: Arrow, name: str, x: TensorNode, totals: dict[str, np.ndarray | None]
) -> Step:
    """A gradient returns along an arrow, and is added to what has arrived at its tail."""
    assert arrow.sent is not None
    sent, before = arrow.sent.entries, totals.get(x.id, 0)
    totals[x.id] = None if sent is None or before is None else sent + before
    total = totals[x.id]
    return Step(
        number, "backward", name, x.id, arrow.head, arrow.id, formula=arrow.label, equation=arrow.equation(),
        equation_latex=arrow.equation(LATEX), derivative=arrow.derivative(),
        derivative_latex=arrow.derivative(LATEX), filled=arrow.numbers(), filled_latex=arrow.numbers(LATEX),
        notes=(arrow.note,) * bool(arrow.note), result=arrow.sent,
        total=None if total is None else describe(np.asarray(total), "grad"),
    )  # fmt: skip


def bar(x: TensorNode, latex: bool = False) -> str:
    """What the gradient of a tensor is called."""
    return (LATEX if latex else TEXT).write(Symbol("bar", Symbol(x.symbol))).text
