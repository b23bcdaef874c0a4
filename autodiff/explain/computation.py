"""The chain rule of one computation, step by step: what was computed, what was added to whose gradient."""

from __future__ import annotations

from typing import Any

from ..draw.build import build
from ..draw.dot import quantity
from ..draw.model import Graph, TensorNode
from ..draw.names import Names
from ..draw.steps import Step, steps
from ..tensor import Tensor
from .document import Block, Explanation, Heading, Item, Math, Sentence, gradient_of, named, shaped, words

MOST = 400  # steps that are written down


def explain_computation(root: Tensor, names: Any = None) -> Explanation:
    """`explain` of a tensor."""
    graph = build(root, Names(names, "explain"))
    tensors = {tensor.id: tensor for tensor in graph.tensors}
    last = tensors[graph.result]
    blocks: list[Block] = [Heading(1, ["How ", named(last.symbol), " was computed"])]
    count = quantity(len(graph.operations), "operation")
    x, result = gradient_of("x"), named(last.symbol)
    if graph.operations:
        what: list[str | Math] = [
            x,
            " is the gradient of ",
            result,
            " with respect to x, to which each rule adds (+=).",
        ]
        blocks.append(Sentence([f"{count}. ", *what]))
    else:
        blocks.append(Sentence([result, " was not computed from tensors that require a gradient."]))
    blocks += [Sentence([words(remark)]) for remark in graph.remarks]
    leaves = [tensor for tensor in graph.tensors if tensor.kind in ("parameter", "data")]
    if leaves:
        blocks.append(Heading(2, ["Given"]))
        blocks += [given(n, tensor) for n, tensor in enumerate(leaves[:MOST], 1)]
    story = steps(graph, MOST)
    told = {"forward": "Forward: the values", "backward": "Backward: the gradients"}
    for direction, title in told.items():
        part = [step for step in story if (step.direction == "forward") == (direction == "forward")]
        if part:
            blocks.append(Heading(2, [title]))
            blocks += [item(step, tensors) for step in part]
    left = len(graph.operations) + len(graph.backward) + (last.gradient is not None) - len(story)
    if left > 0:
        blocks.append(Sentence([f"{quantity(left, 'further step')} left out: the computation is too long."]))
    blocks += outcome(graph, last)
    return Explanation(f"{last.symbol}, {count}", blocks)


def given(number: int, tensor: TensorNode) -> Item:
    """A parameter, or data."""
    values = [] if tensor.value is None else [(tensor.value.title, tensor.value.text())]
    return Item(
        number,
        [named(tensor.symbol), f": {tensor.kind}, ", shaped(tensor.shape), f" {tensor.dtype}"],
        (),
        values,
    )


def item(step: Step, tensors: dict[str, TensorNode]) -> Item:
    """A step with its formulas and numbers."""
    x = tensors[step.tensor]
    notes = "".join(f"; {note}" for note in step.notes)
    formulas = [Math(step.equation, step.equation_latex)]
    if step.derivative:
        formulas.append(Math(step.derivative, step.derivative_latex))
    if step.filled:
        formulas.append(Math(step.filled, step.filled_latex))
    values = []
    if step.result is not None:
        values.append(("value" if step.direction == "forward" else "added", step.result.text()))
    if step.total is not None and step.result is not None and step.total.text() != step.result.text():
        values.append(("gradient so far", step.total.text()))
    if step.direction == "forward" and step.result is None:
        notes += "; its value is gone"
    to: list[str | Math] = [" to ", named(x.symbol)] if step.direction == "backward" else []
    return Item(step.number, [words(step.name), *to, words(notes)], formulas, values)


def outcome(graph: Graph, last: TensorNode) -> list[Block]:
    """The gradients that it all led to."""
    weights = [tensor for tensor in graph.tensors if tensor.kind == "parameter" and tensor is not last]
    shown = [tensor for tensor in weights if tensor.gradient is not None or tensor.stored is not None][:MOST]
    if not shown:
        return []
    blocks: list[Block] = [Heading(2, ["The gradients of the parameters"])]
    for n, tensor in enumerate(shown, 1):
        values = [(numbers.title, numbers.text()) for numbers in tensor.grids if "grad" in numbers.title]
        blocks.append(Item(n, [gradient_of(tensor.symbol)], (), values))
    return blocks
