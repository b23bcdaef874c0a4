"""The graph of a picture as plain data: tensors, operations, arrows, frames; no record, no markup.

Everything is in the order of the computation and numbered in it, so the same program gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import numpy as np

from .. import symbol
from ..backward import SMALL
from ..dtypes import Array
from ..memory import changed_since
from ..primitive import Primitive
from ..record import Record
from ..tensor import Tensor, history
from .cotangents import Cotangents, cotangents
from .names import Names

SHOWN = 16  # a tensor of up to this many entries shows them

Kind = Literal["parameter", "data", "intermediate", "result"]
Path = tuple[str, ...]


@dataclass
class Numbers:
    """The entries of a small tensor: what they are (`value`, `grad`, ...), and rows of text."""

    title: str
    rows: list[list[str]]


@dataclass
class TensorNode:
    """A value that was given or computed; `grids` hold what is shown of it, `remark` what is not, and why."""

    id: str
    kind: Kind
    name: str
    shape: tuple[int, ...]
    dtype: str
    grids: list[Numbers] = field(default_factory=list)
    remark: str = ""
    frame: Path = ()


@dataclass
class OperationNode:
    """An application of a primitive, with its formula: `z = x · y`."""

    id: str
    name: str
    formula: str
    frame: Path = ()


@dataclass
class Arrow:
    """From an input to an operation, with the rule by which the gradient returns; or on to its result.

    `carries` is False where no gradient flows; the label is then the argument's name.
    """

    tail: str
    head: str
    label: str = ""
    carries: bool = True


@dataclass
class Graph:
    """All of a picture."""

    title: str
    tensors: list[TensorNode] = field(default_factory=list)
    operations: list[OperationNode] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def nodes(self) -> list[TensorNode | OperationNode]:
        """Tensors and operations together, in the order of the computation."""
        return sorted([*self.tensors, *self.operations], key=lambda node: int(node.id[1:]))


def build(root: Tensor, names: Any = None, title: str | None = None) -> Graph:
    """The picture of how `root` was computed."""
    return _Builder(root, Names(names), title).graph


class _Builder:
    """Goes through the records once, oldest first, and writes down what each shows."""

    def __init__(self, root: Tensor, names: Names, title: str | None) -> None:
        self.names = names
        self.number = count()
        self.node_of: dict[Record, TensorNode] = {}
        self.data_of: dict[int, TensorNode] = {}
        self.weights: dict[Record, Path] = {}  # values made of nothing but the parameters of one frame
        self.rules: dict[tuple[object, ...], str] = {}
        self.root = history(root)
        name = names.array(root.array) if self.root is None else names.record(self.root)
        self.graph = Graph(
            title if title is not None else f"Computation of {name}" if name else "Computation graph"
        )
        if self.root is None:
            self.data(root.array, changed=False)
            return
        order = reachable(self.root)
        self.used_at = first_use(order)
        self.flow = cotangents(self.root, order)
        for record in order:
            if record.op is None:
                self.leaf(record)
            else:
                self.operation(record)
        self.graph.remarks = self.flow.missing

    def new_id(self) -> str:
        return f"n{next(self.number)}"

    def leaf(self, record: Record) -> None:
        """A tensor that the user made and asked gradients of: a parameter."""
        name = self.names.record(record)
        node = TensorNode(self.new_id(), "parameter", name, record.value.shape, str(record.value.dtype))
        node.frame = frame_of(name)
        changed = record in self.used_at and not still(record, *self.used_at[record])
        self.show(node, record.value, "value now" if changed else "value")
        self.show_gradient(node, record)
        self.weights[record] = node.frame
        self.add(node, record)

    def data(self, array: Array, changed: bool) -> TensorNode:
        """Values to which no gradient flows."""
        name = self.names.array(array)
        node = TensorNode(self.new_id(), "data", name, array.shape, str(array.dtype), frame=frame_of(name))
        self.show(node, array, "value now" if changed else "value")
        self.data_of[id(array)] = node
        self.graph.tensors.append(node)
        return node

    def operation(self, record: Record) -> None:
        """An operation: arrows from its inputs, itself, an arrow to its result."""
        op = record.op
        assert op is not None
        sources: list[TensorNode | None] = []
        for i, arg in enumerate(record.args):
            x = record.inputs[i] if i < len(record.inputs) else None
            if x is not None:
                sources.append(self.node_of[x])
            elif isinstance(arg, np.ndarray) and (i < len(record.inputs) or self.names.array(arg)):
                gone = record.spent and arg.size > SMALL  # its name and values went when backward freed it
                known = None if gone else self.data_of.get(id(arg))
                sources.append(known or self.data(arg, changed=changed_since(arg, record.birth)))
            else:
                sources.append(None)  # a number, an axis, a mask: it stands in the formula
        frame = self.frame_of_operation(record)
        node = OperationNode(
            self.new_id(), op.name.removesuffix("_constant"), self.formula(op, record), frame
        )
        self.graph.operations.append(node)
        labels = symbol.argument_names(op, len(record.args))
        for i, source in enumerate(sources):
            if source is None:
                continue
            carries = i < len(record.inputs) and record.inputs[i] is not None
            self.graph.arrows.append(
                Arrow(source.id, node.id, self.rule(op, record, i) if carries else labels[i], carries)
            )
        out = TensorNode(
            self.new_id(),
            "intermediate",
            self.names.record(record),
            record.value.shape,
            str(record.value.dtype),
        )
        out.frame = frame
        if record is self.root:
            out.kind = "result"
        if changed_since(record.value, record.birth):
            out.remark = "overwritten in place"
        elif not (record.spent and record.value.size > SMALL):
            self.show(out, record.value, "value")
        self.show_gradient(out, record)
        self.add(out, record)
        self.graph.arrows.append(Arrow(node.id, out.id))

    def add(self, node: TensorNode, record: Record) -> None:
        self.node_of[record] = node
        self.graph.tensors.append(node)

    def show(self, node: TensorNode, array: Array, title: str) -> None:
        """Put the entries of a small array on its node."""
        if array.size <= SHOWN:
            node.grids.append(Numbers(title, rows_of(array)))

    def show_gradient(self, node: TensorNode, record: Record) -> None:
        """`.grad` where the tensor has one; `grad`, worked out for the picture, where it has not that."""
        tensor = record.tensor() if record.tensor is not None else None
        stored = None if tensor is None or tensor.grad is None else tensor.grad.array
        flowing = self.flow.of.get(record)
        if flowing is not None and not (
            stored is not None and np.array_equal(stored, flowing, equal_nan=True)
        ):
            self.show(node, flowing, "grad")
        if stored is not None:
            self.show(node, stored, ".grad")

    def frame_of_operation(self, record: Record) -> Path:
        """The frame of the parameters that the operation uses, or of values made of them alone (W.T)."""
        used = [self.weights[x] for x in record.inputs if x is not None and x in self.weights]
        if not used:
            return ()
        frame = common(used)
        if all(x is None or x in self.weights for x in record.inputs) and not self.uses_data(record):
            self.weights[record] = frame
        return frame

    def uses_data(self, record: Record) -> bool:
        return any(
            x is None and isinstance(a, np.ndarray) for x, a in zip(record.inputs, record.args, strict=False)
        )

    def formula(self, op: Primitive, record: Record) -> str:
        """The forward formula, with the record's numbers in it."""
        return self.read(record, "formula", lambda: symbol.formula_text(op, record.args))

    def rule(self, op: Primitive, record: Record, i: int) -> str:
        """The rule for argument `i`, with the record's numbers in it."""
        summed = self.flow.summed.get((record, i), ())
        return self.read(record, (i, summed), lambda: symbol.rule_text(op, i, record.args, summed))

    def read(self, record: Record, what: object, reader: Callable[[], str]) -> str:
        """A reading of the record's primitive, done once for all records that would read the same."""
        constants = tuple("array" if isinstance(arg, np.ndarray) else repr(arg) for arg in record.args)
        key = (record.op, what, constants)
        if key not in self.rules:
            self.rules[key] = reader()
        return self.rules[key]


def reachable(root: Record) -> list[Record]:
    """Every record behind `root` and itself, oldest first: inputs before outputs."""
    found, stack = {root}, [root]
    while stack:
        for x in stack.pop().inputs:
            if x is not None and x not in found:
                found.add(x)
                stack.append(x)
    return sorted(found, key=lambda record: record.birth)


def first_use(order: list[Record]) -> dict[Record, tuple[Record, int]]:
    """For each record the first operation that used it, and as which argument."""
    used: dict[Record, tuple[Record, int]] = {}
    for record in order:
        for i, x in enumerate(record.inputs):
            if x is not None:
                used.setdefault(x, (record, i))
    return used


def still(leaf: Record, user: Record, i: int) -> bool:
    """Whether a leaf holds the values that `user` saw: not changed in place, not replaced (`.data =`)."""
    seen = user.args[i]
    exchanged = (
        isinstance(seen, np.ndarray) and seen is not leaf.value and not (user.spent and seen.size > SMALL)
    )
    return not exchanged and not changed_since(leaf.value, user.birth)


def frame_of(name: str) -> Path:
    """The modules that a dotted name goes through: hidden.weight is in the frame hidden."""
    return tuple(name.split(".")[:-1])


def common(paths: list[Path]) -> Path:
    """The innermost frame that holds all of them."""
    shared: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return tuple(shared)


def rows_of(array: Array) -> list[list[str]]:
    """The entries as rows of text: a matrix by its rows, a vector in rows of four."""
    entries = [number(x) for x in array.ravel().tolist()]
    if array.dtype.kind == "f" and all(
        float(x).is_integer() and abs(x) < 1e5 for x in array.ravel().tolist()
    ):
        entries = [f"{x:.0f}" for x in array.ravel().tolist()]
    width = array.shape[-1] if array.ndim > 1 and array.shape[-1] <= 8 else 4
    return [entries[i : i + width] for i in range(0, len(entries), width)]


def number(x: Any) -> str:
    """A number in few digits: four places, or scientific where they would hide it."""
    if not isinstance(x, float):
        return str(x)
    return (
        "0"
        if x == 0
        else f"{x:.4f}"
        if 1e-3 <= abs(x) < 1e5 or x != x
        else f"{x:.3g}"
        if abs(x) == float("inf")
        else f"{x:.2e}"
    )


__all__ = ["Arrow", "Cotangents", "Graph", "Numbers", "OperationNode", "TensorNode", "build"]
