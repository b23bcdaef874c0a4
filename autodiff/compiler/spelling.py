"""A program in a teacher's words: each call of an operation is read a second time, as `words` say it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np

from . import literals
from .lifted import Lifted
from .passes import folded, of_entries, once, unrepeated, useful
from .program import (
    COPIES,
    Instruction,
    Program,
    Update,
    Value,
    changed_memories,
    replaced,
    update_of,
    values_in,
)
from .recognized import same_kind, whole
from .words import WORDS
from .writer import Writer


def copied(program: Program) -> Program:
    """The same lines and values, which passes may change."""
    new: dict[Value, Value] = {}

    def put(value: Value) -> Value:
        if value not in new:
            made = new[value] = copy.copy(value)
            made.root = made if value.root is value else put(value.root)
        return new[value]

    def of(line: Instruction) -> Instruction:
        args = line.args
        if line.function is update_of:
            (update, values) = args
            args = (Update(update.optimizer, regrouped(update.groups, put)), replaced(values, put))
        else:
            args = replaced(args, put)
        note = line.note._replace(
            args=replaced(line.note.args, put), out=replaced(line.note.out, put),
            given=replaced(line.note.given, put),
        )  # fmt: skip
        made = copy.copy(line)
        made.args, made.options, made.note = args, replaced(line.options, put), note
        made.out, made.writes = line.out and put(line.out), line.writes and put(line.writes)
        if made.out is not None:
            made.out.source = made
        return made

    lines = [of(line) for line in program.lines]
    gradients = [(t, g and put(g)) for t, g in program.gradients]
    return Program(
        lines, [put(v) for v in program.values], replaced(program.result, put), gradients,
        program.arguments, list(program.seen), list(program.grads_read),
        {put(v): name for v, name in program.names.items()},
    )  # fmt: skip


def regrouped(groups: Any, put: Callable[[Value], Value]) -> Any:
    """The groups of an update with `put(value)` for each Value; options are those of the optimizer itself."""
    return [(group, [(p, put(w), put(g)) for p, w, g in work]) for group, work in groups]


def spelled(program: Program) -> Program:
    """A program (a copy: its parts are changed) in a teacher's words."""
    t = Speller(program)
    for lines in calls(program.lines):
        t.spell(lines)
    program.lines, program.names = t.program.lines, {**program.names, **t.names}
    program.values = t.program.values
    for line in program.lines:  # a view of what was rewritten
        if line.out is not None and line.out.root is not line.out and isinstance(line.args[0], Value):
            line.out.root = line.args[0].root
    unrepeated(program)
    uncopied(program)
    outs = [line.out for line in program.lines if line.out is not None]
    data = {v.root for v in outs if v.array.size > 1 and not literals.made(v.array)}
    named = {v.root for v in program.names}  # of these a formula says more than numbers
    kept = changed_memories(program.lines) | data | named
    program.lines = useful(folded(program.lines, kept), program)
    numbered(program)
    program.lines = once(program)
    program.lines = useful(program.lines, program)
    return program


def numbered(program: Program) -> None:
    """A constant array of one number, beside another array of its shape, is that number."""
    numbers: dict[Value, Value] = {}
    for line in program.lines:
        repeated = [v for v in line.values() if v.kind == "constant" and v.array.size > 1 and is_uniform(v)]
        others = [v for v in line.values() if v not in repeated and same_kind(v.array, line.out)]
        if of_entries(line) and others:
            for v in repeated:
                if v not in numbers:
                    numbers[v] = Value("constant", v.array.ravel()[0].reshape(()), number=len(program.values))
                    program.values.append(numbers[v])
            line.args = replaced(line.args, lambda v: numbers.get(v, v) if v in repeated else v)  # noqa: B023


def is_uniform(value: Value) -> bool:
    """Whether all entries are one number."""
    return value.array.dtype.kind == "f" and bool((value.array == value.array.ravel()[0]).all())


def calls(lines: list[Instruction]) -> Iterator[list[Instruction]]:
    """The lines of each call of a forward or a rule together."""
    for _, found in groupby(lines, lambda line: (line.note.call or id(line), line.note.name)):
        yield list(found)


class Speller(Writer):
    """Writes calls in the words of the table."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = Program(values=list(program.values))
        self.names: dict[Value, str] = {}
        for value in program.values:
            self.know(value.array, value)
        self.wanted_by: dict[Value, set[int]] = {}
        for line in program.lines:
            for value in line.values():
                self.wanted_by.setdefault(value, set()).add(line.note.call or id(line))
        self.results = {*values_in(program.result), *(g for _, g in program.gradients if g is not None)}

    def spell(self, lines: list[Instruction]) -> None:
        """The lines of a call in better words, if there are any; otherwise as they are."""
        note, out = lines[-1].note, lines[-1].out
        words = WORDS.get((note.name, note.argnum))
        if words is None and len(lines) == 1 and lines[0].function is whole(note):  # for the layout's sake
            words = lines[0].function
        lines_before = len(self.program.lines)
        alone = all(self.inside(line.out, note.call) for line in lines[:-1])
        changes = out is None and lines[-1].writes is not None
        if words is not None and (out is not None or changes) and alone and note.call:
            raw = note.args if note.argnum is None else (note.given, note.out, *note.args)
            self.note = note
            self.lowering = len(self.program.values)
            try:
                result = words(*map(self.lifted_tree, raw))
                if changes:
                    return
                if type(result) is Lifted and out is not None and same_kind(result.value, out):
                    self.rename(result, out, note)
                    return
            except Exception:  # not for this case
                pass
            finally:
                self.lowering = None
            del self.program.lines[lines_before:]
        self.program.lines += lines

    def inside(self, value: Value | None, call: int) -> bool:
        """Whether a value is used in its own call only."""
        return value is None or (value not in self.results and self.wanted_by.get(value, set()) <= {call})

    def lifted_tree(self, tree: Any) -> Any:
        """The same arguments with Lifteds for Values."""
        return replaced(tree, lambda value: Lifted(value.array, value, self))

    def rename(self, result: Lifted, out: Value, note: Any) -> None:
        """The result of the new lines takes the place of the old one."""
        lines = self.program.lines
        name = self.names.pop(result.named, None)
        if lines and lines[-1].out is result.named:
            lines[-1].out, out.source = out, lines[-1]
            out.root = out if result.named.root is result.named else result.named.root
        else:
            made = Instruction(np.copy, (result.named,), {}, out, note)
            out.source, out.root = made, out
            lines.append(made)
        self.know(out.array, out)
        if name is not None:
            self.names[out] = name


def uncopied(program: Program) -> None:
    """What is copied only lest somebody change it, and nobody does, goes by its own name."""
    memory = changed_memories(program.lines)
    own: dict[Value, Value] = {}
    taken = {g for _, g in program.gradients if g is not None}
    lines = []
    for line in program.lines:
        line.args, line.options = (
            replaced(line.args, lambda v: own.get(v, v)),
            replaced(line.options, lambda v: own.get(v, v)),
        )
        source = line.args[0] if line.function in COPIES and isinstance(line.args[0], Value) else None
        if source is not None and line.out is not None and line.pure:
            repeated = isinstance(source.source, Instruction) and source.source.function is np.broadcast_to
            if (
                not memory & {source.root, line.out.root}
                and not repeated
                and source.kind == "made"
                and not (line.out in taken and source in taken)
            ):
                own[line.out] = source
                if line.out in taken:
                    taken.add(source)
                continue
        lines.append(line)
    program.lines = lines
    program.result = replaced(program.result, lambda v: own.get(v, v))
    program.gradients = [(t, g if g is None else own.get(g, g)) for t, g in program.gradients]
    for line in lines:
        if line.function is update_of:
            update = line.args[0]
            update.groups = regrouped(update.groups, lambda v: own.get(v, v))
