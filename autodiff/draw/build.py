"""Records made a graph: one walk over the computation, oldest first, writes down what each record shows.

Everything is numbered in the order of the computation, so the same program gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from ..backward import SMALL, ghost
from ..dtypes import Array
from ..formulas import formula_text, rule_text
from ..graph import behind
from ..memory import changed_since
from ..primitive import Binary, Primitive
from ..record import Record
from ..symbol import argument_names
from ..tensor import Tensor, history
from .cotangents import cotangents
from .model import Arrow, Graph, OperationNode, Path, TensorNode
from .names import Names
from .numbers import Numbers, describe
from .reading import Reading


def build(root: Tensor, names: Any = None, title: str | None = None) -> Graph:
    """The graph of how `root` was computed."""
    return _Builder(root, names if isinstance(names, Names) else Names(names), title).graph


class _Builder:
    """Goes through the records once, oldest first, and writes down what each shows."""

    def __init__(self, root: Tensor, names: Names, title: str | None) -> None:
        self.names = names
        self.number = count()
        self.letters = {letter: count(1) for letter in "txw"}
        self.taken = {*names.of_record.values(), *names.of_array.values()}
        self.node_of: dict[Record, TensorNode] = {}
        self.data_of: dict[int, TensorNode] = {}
        self.weights: dict[Record, Path] = {}  # values made of nothing but the parameters of one frame
        self.rules: dict[tuple[object, ...], str] = {}
        self.root = history(root)
        name = names.array(root.array) if self.root is None else names.record(self.root)
        self.graph = Graph(
            title if title is not None else f"Computation of {name}" if name else "Computation graph"
        )
        self.graph.modules = names.modules
        if self.root is None:
            self.graph.result = self.data(root.array, changed=False).id
            return
        order = behind(self.root)
        self.used_at = first_use(order)
        self.flow = cotangents(self.root, order)
        for record in order:
            if record.op is None:
                self.leaf(record)
            else:
                self.operation(record)
        self.graph.result = self.node_of[self.root].id
        self.graph.remarks = self.flow.missing
        place_between(self.graph)

    def new_id(self) -> str:
        return f"n{next(self.number)}"

    def called(self, name: str, letter: str) -> str:
        """What formulas call a tensor: its name, or else a letter and a number that nothing else has."""
        while not name.strip():
            candidate = f"{letter}{next(self.letters[letter])}"
            name = "" if candidate in self.taken else candidate
        return name

    def leaf(self, record: Record) -> None:
        """A tensor that the user made and asked gradients of: a parameter."""
        name = self.names.record(record)
        value, frame = record.value, frame_of(name)
        node = TensorNode(
            self.new_id(),
            "parameter",
            name,
            self.called(name, "w"),
            value.shape,
            str(value.dtype),
            frame=frame,
        )
        changed = record in self.used_at and not still(record, *self.used_at[record])
        node.value = describe(value, "value now" if changed else "value")
        self.gradient(node, record)
        self.weights[record] = frame
        self.add(node, record)

    def data(self, array: Array, changed: bool, gone: bool = False) -> TensorNode:
        """Values to which no gradient flows."""
        name = "" if gone else self.names.array(array)
        node = TensorNode(
            self.new_id(),
            "data",
            name,
            self.called(name, "x"),
            array.shape,
            str(array.dtype),
            frame=frame_of(name),
        )
        if not gone:
            node.value = describe(array, "value now" if changed else "value")
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
                sources.append(known or self.data(arg, changed_since(arg, record.birth), gone))
            else:
                sources.append(None)  # a number, an axis, a mask: it stands in the formula
        frame = self.frame_of_operation(record)
        node = OperationNode(self.new_id(), op.name.removesuffix("_constant"), "", None, frame=frame)  # type: ignore[arg-type]  # below
        node.formula = self.read(record, "formula", lambda: formula_text(op, record.args))
        node.inputs = [None if source is None else source.id for source in sources]
        self.graph.operations.append(node)
        name = self.names.record(record)
        value = record.value
        kind = "result" if record is self.root else "intermediate"
        called = self.called(
            name or ("result" if kind == "result" and "result" not in self.taken else ""), "t"
        )
        out = TensorNode(self.new_id(), kind, name, called, value.shape, str(value.dtype), frame=frame)  # type: ignore[arg-type]
        if changed_since(value, record.birth):
            out.remark = "overwritten in place"
        elif not (record.spent and value.size > SMALL):
            out.value = describe(value, "value")
        self.gradient(out, record)
        node.output = out.id
        node.reading = self.reading(op, record, sources, out)
        node.notes = self.notes(op, record)
        self.arrows(op, record, sources, node)
        self.add(out, record)
        self.graph.arrows.append(Arrow(f"{node.id}-{out.id}", node.id, out.id))

    def arrows(
        self, op: Primitive, record: Record, sources: list[TensorNode | None], node: OperationNode
    ) -> None:
        """One arrow from each tensor argument."""
        letters = argument_names(op, len(record.args))
        seen: dict[str, int] = {}
        for i, source in enumerate(sources):
            if source is None:
                continue
            place = record, i
            carries = i < len(record.inputs) and record.inputs[i] is not None
            summed = self.flow.summed.get(place, ())
            label = (
                self.read(record, (i, summed), lambda i=i, s=summed: rule_text(op, i, record.args, s))  # type: ignore[misc]
                if carries
                else letters[i]
                if i < len(letters)
                else ""
            )
            n = seen[source.id] = seen.get(source.id, -1) + 1
            arrow = Arrow(
                f"{source.id}-{node.id}" + f"-{n}" * (n > 0), source.id, node.id, label, carries,
                argument=i, reading=node.reading, summed=summed,
            )  # fmt: skip
            if place in self.flow.sent:
                arrow.sent = describe(self.flow.sent[place], "added")
            arrow.note = self.axes_note(record, i, summed)
            self.graph.arrows.append(arrow)

    def axes_note(self, record: Record, i: int, summed: tuple[int, ...]) -> str:
        """Along which axes an argument is repeated on its way in, or its gradient on its way back."""
        if not summed and isinstance(record.op, Binary):  # of data no gradient says so, but shapes do
            summed = stretched(np.shape(record.args[i]), record.value.shape)
        if summed:
            return f"repeated along {axes(summed)}"
        if back := self.flow.repeated.get((record, i), ()):
            return f"gradient repeated along {axes(back)}"
        return ""

    def reading(
        self, op: Primitive, record: Record, sources: list[TensorNode | None], out: TensorNode
    ) -> Reading:
        """The operation as mathematics, to be written when it is asked for."""
        return Reading(
            op,
            tuple(ghost(arg) if isinstance(arg, np.ndarray) else arg for arg in record.args),
            out.symbol,
            ["" if source is None else source.symbol for source in sources],
            [
                single(None if source is None else source.value) if isinstance(arg, np.ndarray) else 0.0
                for arg, source in zip(record.args, sources, strict=True)
            ],
            single(out.value),
            single(out.gradient),
        )

    def notes(self, op: Primitive, record: Record) -> list[str]:
        """What a reduction reduces."""
        args = record.args
        letters = argument_names(op, len(args))
        if "axis" not in letters[: len(args)] or not isinstance(args[0], np.ndarray):
            return []
        axis, shape = args[letters.index("axis")], args[0].shape
        written = " × ".join(map(str, shape)) or "scalar"
        if record.value.size == args[0].size and axis is not None:
            return [f"along {axes(axis)} of {written}"] if axis != () else []
        return [f"over all of {written}" if axis is None else f"{axes(axis)} of {written} made one"]

    def add(self, node: TensorNode, record: Record) -> None:
        self.node_of[record] = node
        self.graph.tensors.append(node)

    def gradient(self, node: TensorNode, record: Record) -> None:
        """The gradient of the result, worked out for the picture, and what the tensor holds in `.grad`."""
        tensor = record.tensor() if record.tensor is not None else None
        if (flowing := self.flow.of.get(record)) is not None:
            node.gradient = describe(flowing, "grad")
        if tensor is not None and tensor._grad is not None:
            node.stored = describe(tensor.grad.array, ".grad")

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

    def read(self, record: Record, what: object, reader: Callable[[], str]) -> str:
        """A reading of the record's primitive, done once for all records that would read the same."""
        constants = tuple("array" if isinstance(arg, np.ndarray) else repr(arg) for arg in record.args)
        key = (record.op, what, constants)
        if key not in self.rules:
            self.rules[key] = reader()
        return self.rules[key]


def place_between(graph: Graph) -> None:
    """An operation without parameters that lies between parts of one module lies in it, its result, too.

    Between a.0 and a.2 means in a: the last value that it reads comes, perhaps through others such, from
    inside a, and what reads it first is there, too.
    """
    made_by = {node.output: i for i, node in enumerate(graph.operations)}
    before: list[Path] = []  # of each operation: the frame that its values come from
    readers: dict[str, int] = {}
    for i, node in enumerate(graph.operations):
        made = [made_by[x] for x in node.inputs if x in made_by]
        before.append(node.frame or (before[max(made)] if made else ()))
        for x in node.inputs:
            if x is not None:
                readers.setdefault(x, i)
    after: dict[int, Path] = {}
    tensors = {tensor.id: tensor for tensor in graph.tensors}
    for i, node in reversed(list(enumerate(graph.operations))):
        reader = readers.get(node.output)
        after[i] = node.frame or (() if reader is None else after[reader])
        if not node.frame:
            node.frame = tensors[node.output].frame = common([before[i], after[i]])


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


def stretched(shape: tuple[int, ...], result: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of the result along which an argument of this shape is broadcast; of a number none."""
    extra = len(result) - len(shape)
    if not shape:
        return ()
    ones = tuple(extra + k for k, n in enumerate(shape) if n == 1 != result[extra + k])
    return tuple(range(extra)) + ones


def axes(numbers: Any) -> str:
    """`axis 0`, `axes 0 and 2`."""
    each = [str(n) for n in numbers] if isinstance(numbers, tuple | list) else [str(numbers)]
    return ("axis " if len(each) == 1 else "axes ") + " and ".join(
        [", ".join(each[:-1])] * (len(each) > 1) + each[-1:]
    )


def single(numbers: Numbers | None) -> float | None:
    """The number, if there is one and it is known."""
    if numbers is None or numbers.entries is None or numbers.entries.size != 1:
        return None
    return float(numbers.entries.item())
