"""The graph of a picture as plain data: what a renderer, a page or an explanation reads; no markup.

A `Graph` has three kinds of node, and arrows between them:

- `TensorNode`: a value that was given or computed, with its numbers and its gradient's;
- `OperationNode`: an application of a primitive, with its formula;
- `FoldNode`: a module, a loop or a stretch of the computation that is shown as one node;
- `Arrow`: from an input to an operation, carrying the rule by which the gradient returns, or on to the
result.

Every node and arrow has an `id` that depends on the program alone: numbered in the order of the computation,
`n0 n1 …` for nodes, `n0-n2` for arrows (`n0-n2-1` for a second one between the same two), `f7` for a fold.
They are the `id`s in the SVG, too. So a page finds the shape of a node with `getElementById(node.id)`.

In what order: `graph.forward` are the ids of the operations as they were computed; `graph.backward` the ids
of the arrows, in the order in which the gradient returns along them. `autodiff.draw.steps.steps(graph)` goes
through both and says in words, text and LaTeX what happens at each.

What each says, as text: `operation.formula` in letters, `operation.equation()` in the names of this graph,
`arrow.label` (the rule, in letters), `arrow.equation()`, `arrow.derivative()`; with the argument `LATEX`
(from `autodiff.notation`) in LaTeX, for mathtext, KaTeX or MathJax. `arrow.sent` are the numbers that were
added to the gradient of the arrow's tail.

In a folded graph `graph.whole` is the graph as it was computed, and `graph.shown_as(id)` the node of the
picture that stands for a node of `whole`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ..notation import TEXT, Notation
from .numbers import Numbers
from .reading import Reading

Kind = Literal["parameter", "data", "intermediate", "result"]
Path = tuple[str, ...]


@dataclass
class TensorNode:
    """A value that was given or computed.

    `symbol` is what formulas call it: its name, or `t1` if it has none. `value` is None where it is gone;
    `gradient` is that of the result; `stored` what the tensor holds in `.grad`. `remark` says what is not
    shown, and why.
    """

    id: str
    kind: Kind
    name: str
    symbol: str
    shape: tuple[int, ...]
    dtype: str
    value: Numbers | None = None
    gradient: Numbers | None = None
    stored: Numbers | None = None
    remark: str = ""
    frame: Path = ()

    @property
    def grids(self) -> list[Numbers]:
        """What is shown: the value, and the gradient once if `.grad` is that of this result."""
        shown = [self.value, self.gradient, self.stored]
        if self.gradient is not None and self.stored is not None and same(self.gradient, self.stored):
            shown[1] = None
        return [numbers for numbers in shown if numbers is not None]


@dataclass
class OperationNode:
    """An application of a primitive: `formula` in letters, `notes` on its axes; ids of its tensors.

    `inputs` has None for an argument that is no tensor.
    """

    id: str
    name: str
    formula: str
    reading: Reading = field(repr=False)
    inputs: list[str | None] = field(default_factory=list)
    output: str = ""
    notes: list[str] = field(default_factory=list)
    frame: Path = ()

    def equation(self, notation: Notation = TEXT) -> str:
        """The formula in the names of this graph: `t₁ = x @ hidden.weightᵀ + hidden.bias`."""
        return self.reading.equation(notation)

    def numbers(self, notation: Notation = TEXT) -> str:
        """The formula in numbers, where they are single ones: `2.0000 · 3.0000 = 6.0000`; else ""."""
        return self.reading.numbers(notation)


@dataclass
class FoldNode:
    """Several operations as one node: a module, a loop of `count` rounds, or a stretch of the computation.

    `body` says what is inside, `members` their ids in the whole graph; `parameters` and `entries` count the
    parameters and their numbers; `size` is the largest of their gradients' sizes. A module's path is `frame`
    and then `last`.
    """

    id: str
    kind: Literal["module", "loop", "stretch", "leaves"]
    name: str
    count: int
    body: str
    members: list[str] = field(repr=False)
    operations: int = 0
    parameters: int = 0
    entries: int = 0
    size: float | None = None
    frame: Path = ()
    last: str = ""


@dataclass
class Arrow:
    """From an input (`tail`) to an operation (`head`), or from an operation to its result.

    `label` is the rule by which the gradient returns, in letters; `carries` is False where none does, and the
    label is then the argument's name. `note` says along which axes values are repeated or summed. `sent` is
    what the rule added to the tail's gradient. `uses` counts the arrows that a fold made one.
    """

    id: str
    tail: str
    head: str
    label: str = ""
    carries: bool = True
    note: str = ""
    sent: Numbers | None = None
    argument: int = -1
    uses: int = 1
    reading: Reading | None = field(default=None, repr=False)
    summed: tuple[int, ...] = ()

    def rule(self, notation: Notation = TEXT) -> str:
        """The rule in letters: `w̄ += z̄ᵀ @ x`; "" on the way to a result."""
        if self.reading is None or not self.carries:
            return ""
        return self.reading.rule(self.argument, notation, self.summed)

    def equation(self, notation: Notation = TEXT) -> str:
        """The rule in the names of this graph: `grad_hidden.weight += t̄₁ᵀ @ x`."""
        if self.reading is None or not self.carries:
            return ""
        return self.reading.rule_equation(self.argument, notation, self.summed)

    def derivative(self, notation: Notation = TEXT) -> str:
        """The local derivative: `∂t₁/∂x = 1 − t₁²`; "" where the rule is more than one number."""
        if self.reading is None or not self.carries:
            return ""
        return self.reading.derivative(self.argument, notation)

    def numbers(self, notation: Notation = TEXT) -> str:
        """The rule in numbers, where they are single ones: `0.5000 · 3.0000 = 1.5000`; else ""."""
        if self.reading is None or self.sent is None or self.sent.entries is None:
            return ""
        sent = self.sent.entries
        return self.reading.rule_numbers(
            self.argument, float(sent.item()) if sent.size == 1 else None, notation
        )


Node = TensorNode | OperationNode | FoldNode


@dataclass(repr=False)
class Graph:
    """All of a picture; see the module."""

    title: str
    tensors: list[TensorNode] = field(default_factory=list)
    operations: list[OperationNode] = field(default_factory=list)
    folds: list[FoldNode] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)  # the class of each that is known, by its path
    result: str = ""  # the id of the tensor that all this computes
    whole_or_none: Graph | None = field(default=None, repr=False)
    hidden: dict[str, str] = field(default_factory=dict, repr=False)

    def nodes(self) -> list[Node]:
        """All nodes, in the order of the computation."""
        return sorted([*self.tensors, *self.operations, *self.folds], key=number_of)

    def __repr__(self) -> str:
        counts = f"{len(self.tensors)} tensors, {len(self.operations)} operations, {len(self.folds)} folds"
        return f"<Graph of {counts}>"

    def __len__(self) -> int:
        return len(self.tensors) + len(self.operations) + len(self.folds)

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """Every node by its id."""
        return {node.id: node for node in self.nodes()}

    @cached_property
    def forward(self) -> list[str]:
        """The ids of the operations, in the order of the computation."""
        return [node.id for node in self.operations]

    @cached_property
    def backward(self) -> list[str]:
        """The ids of the arrows along which the gradient returns, in that order."""
        into: dict[str, list[Arrow]] = {}
        for arrow in self.arrows:
            if arrow.sent is not None:
                into.setdefault(arrow.head, []).append(arrow)
        return [arrow.id for node in reversed(self.operations) for arrow in into.get(node.id, ())]

    @property
    def whole(self) -> Graph:
        """The graph before anything was folded."""
        return self if self.whole_or_none is None else self.whole_or_none

    def shown_as(self, id: str) -> str:
        """The id, in this picture, of the node that stands for a node of `whole`."""
        return self.hidden.get(id, id)

    def sizes(self) -> Iterator[float]:
        """How large each gradient is that is shown."""
        for tensor in self.tensors:
            for numbers in (tensor.gradient, tensor.stored):
                if numbers is not None:
                    yield numbers.size
        yield from (fold.size for fold in self.folds if fold.size is not None)


def number_of(node: Node) -> int:
    """The place of a node in the order of the computation."""
    return int(node.id[1:])


def same(a: Numbers, b: Numbers) -> bool:
    """Whether two gradients are shown alike."""
    return a.rows == b.rows and a.size == b.size
