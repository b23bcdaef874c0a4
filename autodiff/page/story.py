"""What happens in the picture, step by step, and from which step on each value and each gradient is there.

A node that stands for many operations is gone through in one step, forward and backward.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..draw import steps
from ..draw.model import Arrow, FoldNode, Graph, TensorNode
from ..draw.steps import Step


@dataclass
class Scene:
    """One step: what it is called, and the ids of the nodes and arrows of the picture that take part.

    `step` tells it where it is a single operation, `fold` is the node where it is many; `complete` are the
    tensors of the picture whose gradient is whole from now on.
    """

    number: int
    direction: str
    name: str
    step: Step | None = None
    fold: FoldNode | None = None
    nodes: list[str] = field(default_factory=list)
    arrows: list[str] = field(default_factory=list)
    complete: list[TensorNode] = field(default_factory=list)


class Story:
    """All steps of a picture: `scenes`; `appears` and `arrives` are numbers of scenes by the ids of nodes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.scenes: list[Scene] = []
        self.appears: dict[str, int] = {}
        self.arrives: dict[str, int] = {}
        self.shown = {arrow.id: arrow for arrow in graph.arrows}
        self.between = {(arrow.tail, arrow.head): arrow for arrow in graph.arrows}
        whole = graph.whole
        self.tensors = {tensor.id: tensor for tensor in whole.tensors}
        self.arrows = {arrow.id: arrow for arrow in whole.arrows}
        self.forward()
        if whole.operations and self.tensors[whole.result].gradient is not None:
            self.start()
            self.backward()
            self.complete()

    def forward(self) -> None:
        """Each operation of the picture, in the order of the computation."""
        for op in self.graph.whole.operations:
            output = self.tensors[op.output]
            fold = self.fold_of(op.id)
            if fold is None:
                scene = self.scene("forward", op.name)
                scene.step = steps.forward(scene.number, op, output)
            else:
                scene = self.of_fold("forward", fold)
            incoming = [arrow for arrow in self.into(op.inputs, op.id) if arrow is not None]
            leaving = self.arrow("", op.id, output.id)
            for id in (self.at(op.id), self.at(output.id)):
                self.appears.setdefault(id, scene.number)
                note(scene.nodes, id)
            for arrow in incoming + [leaving] * (leaving is not None):
                assert arrow is not None
                self.appears.setdefault(arrow.id, scene.number)
                note(scene.arrows, arrow.id)

    def start(self) -> None:
        """The gradient of the result by itself."""
        graph = self.graph.whole
        last = self.tensors[graph.result]
        assert last.gradient is not None
        scene = self.scene("start", "the gradient of the result by itself is 1")
        scene.step = Step(
            scene.number, "start", scene.name, last.id, equation=f"{steps.bar(last)} = 1",
            result=last.gradient, total=last.gradient,
        )  # fmt: skip
        scene.nodes.append(self.at(last.id))
        self.arrives[self.at(last.id)] = scene.number

    def backward(self) -> None:
        """Each arrow of the picture along which the gradient returns."""
        whole = self.graph.whole
        names = {op.id: op.name for op in whole.operations}
        totals: dict[str, np.ndarray | None] = {}
        for id in whole.backward:
            arrow = self.arrows[id]
            tail = self.tensors[arrow.tail]
            fold = self.fold_of(arrow.head)
            if fold is None:
                scene = self.scene("backward", names[arrow.head])
                scene.step = steps.backward(scene.number, arrow, names[arrow.head], tail, totals)
            else:
                scene = self.of_fold("backward", fold)
                assert arrow.sent is not None
                sent, before = arrow.sent.entries, totals.get(tail.id, 0)
                totals[tail.id] = None if sent is None or before is None else sent + before
            shown = self.arrow(id, arrow.tail, arrow.head)
            if shown is not None:
                note(scene.arrows, shown.id)
                self.arrives[shown.id] = scene.number
            for node in (self.at(arrow.head), self.at(arrow.tail)):
                note(scene.nodes, node)
            self.arrives[self.at(tail.id)] = scene.number  # the last one that arrives makes it whole
            if fold is not None:
                self.arrives[fold.id] = scene.number

    def complete(self) -> None:
        """Say in each scene which gradients it completes."""
        for tensor in self.graph.tensors:
            if tensor.id in self.arrives:
                self.scenes[self.arrives[tensor.id] - 1].complete.append(tensor)

    def scene(self, direction: str, name: str) -> Scene:
        self.scenes.append(Scene(len(self.scenes) + 1, direction, name))
        return self.scenes[-1]

    def of_fold(self, direction: str, fold: FoldNode) -> Scene:
        """The scene of this fold: the last one, if it is that."""
        last = self.scenes[-1] if self.scenes else None
        if last is not None and last.fold is fold and last.direction == direction:
            return last
        scene = self.scene(direction, fold.name)
        scene.fold = fold
        return scene

    def at(self, id: str) -> str:
        """The node of the picture that stands for a node."""
        return self.graph.shown_as(id)

    def fold_of(self, id: str) -> FoldNode | None:
        """The fold in which an operation is."""
        node = self.graph.by_id[self.at(id)]
        return node if isinstance(node, FoldNode) else None

    def arrow(self, id: str, tail: str, head: str) -> Arrow | None:
        """The arrow of the picture that stands for an arrow; None if it is inside of a fold."""
        return self.shown.get(id) or self.between.get((self.at(tail), self.at(head)))

    def into(self, inputs: list[str | None], head: str) -> Iterator[Arrow | None]:
        """The arrows from the inputs of an operation."""
        uses: dict[str, int] = {}
        for x in inputs:
            if x is not None:
                n = uses[x] = uses.get(x, -1) + 1
                yield self.arrow(f"{x}-{head}" + f"-{n}" * (n > 0), x, head)


def note(ids: list[str], id: str) -> None:
    """Add an id once."""
    if id not in ids:
        ids.append(id)
