"""Entries that are found by an index, as loops; arrays that are written into parts of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .entries import Loop
from .folds import Folds
from .memories import NoLoop, Place, coordinates, nested, ranges_of
from .program import Instruction, Program, Value, update_of, values_in


class Picks(Folds):
    """Reading and adding at indices that are known when the loops run."""

    def __init__(self, program: Program, known: Callable[[Instruction], bool]) -> None:
        super().__init__(program, known)
        self.asked = asked_about(self.lines)

    def index_of(self, line: Instruction, x: Any, index: Any) -> tuple[list[Place], int]:
        """The arrays of an index, which are for the first dimensions."""
        entries = index if isinstance(index, tuple) else (index,)
        arrays = [i for i in entries if isinstance(i, Value)]
        rest = entries[len(arrays) :]
        if any(not isinstance(i, Value) for i in entries[: len(arrays)]) or any(
            not (type(i) is slice and i == slice(None)) for i in rest
        ):
            raise NoLoop(line, "its index is of a kind that has no loop")
        if any(self.images[i].dtype.kind != "i" for i in arrays) or not arrays:
            raise NoLoop(line, "its index is a mask")
        return [self.place(i) for i in arrays], len(arrays)

    def write_picked(self, line: Instruction) -> None:
        """x[index], by arrays of integers."""
        source, index = line.args
        assert line.out is not None
        if not isinstance(source, Value):
            raise NoLoop(line)
        arrays, n = self.index_of(line, source, index)
        place, target = self.place(source), self.place(line.out)
        names = coordinates(target.shape)
        rows = names[: len(names) - (len(place.shape) - n)]
        domain = tuple(m for m in target.shape if m != 1)
        at = target.along(names)
        reads = [(p, p.along(rows)) for p in arrays]
        loop = self.loop(domain, [*reads, (place, "by an index")], target)
        special = self.found(loop, arrays, rows, place)
        text = self.load(place, place.at(special, ["?"] * n + names[len(rows) :]))
        loop.readers.add(place.root)
        self.define(loop, target, at, text, True)

    def found(self, loop: Loop, arrays: list[Place], rows: list[str], place: Place) -> dict[int, str]:
        """Coordinates that are read from arrays; what is out of range ends the step."""
        special = {}
        for i, p in enumerate(arrays):
            if p.root.kind != "constant" and p.root not in self.asked and self.has_changed():
                raise NoLoop(self.line, "an index is not known before something is changed in place")
            name = f"j{self.fresh()}"
            n = place.shape[i]
            loop.body.append(f"{name} = int64({self.operand(loop, p, p.along(rows))})")
            loop.body += [f"if {name} < 0:", f"    {name} += {n}"]
            loop.body += [f"if {name} < 0 or {name} >= {n}:", "    return step"]
            special[i] = name
        return special

    def has_changed(self) -> bool:
        """Whether this line comes after a change that would be done twice if the step failed here."""
        for line in self.lines:
            if line is self.line:
                return False
            if line.writes is not None and line.writes.root.kind != "made":
                return True
            if line.function is update_of:
                return True
        return False

    def write_added(self, line: Instruction) -> None:
        """Zeros, to which values are added at an index: `added_at`."""
        g, _, index = line.args
        assert line.out is not None
        if not isinstance(g, Value):
            raise NoLoop(line)
        target, place = self.place(line.out), self.place(g)
        body = self.filled(target, "0")
        if not any(True for _ in values_in(index)):  # numbers and slices: no entry is met twice
            self.alone([*body, *self.copied(place, self.part(line.out, index))], [place], [target])
            return
        arrays, n = self.index_of(line, line.out, index)
        names = coordinates(place.shape)
        rows = names[: len(names) - (len(target.shape) - n)]
        inside = Loop(())
        special = self.found(inside, arrays, rows, target)
        at = f"{self.pointer(target)}[{target.at(special, ['?'] * n + names[len(rows) :])}]"
        inside.body.append(f"{at} = {at} + {self.load(place, place.along(names))}")
        body += nested(ranges_of(names, place.shape), inside.body)
        self.alone(body, [place, *arrays], [target])

    def write_written(self, line: Instruction) -> None:
        """A copy of x in which v is written at an index: `written`."""
        x, v, index = line.args
        assert line.out is not None
        if not isinstance(x, Value) or any(True for _ in values_in(index)):
            raise NoLoop(line, "its index is of a kind that has no loop")
        part = self.part(line.out, index)
        self.entrywise(line, np.copyto, (x,), self.place(line.out), own=False)
        self.entrywise(line, np.copyto, (v,), part, own=False)

    def write_joined(self, line: Instruction) -> None:
        """Arrays one after the other, or along a new dimension: `concatenate`, `stack`."""
        (parts, *rest), options = line.args, dict(line.options)
        axis = rest[0] if rest else options.pop("axis", 0)
        assert line.out is not None
        if options or len(rest) > 1 or axis is None or not all(isinstance(x, Value) for x in parts):
            raise NoLoop(line)
        image = self.images[line.out]
        ends = [*accumulate(x.array.shape[axis] for x in parts)] if line.function is np.concatenate else []
        before = (slice(None),) * (axis % image.ndim)
        for i, x in enumerate(parts):
            index = (*before, slice(ends[i] - x.array.shape[axis], ends[i]) if ends else i)
            if x.array.size:
                self.entrywise(line, np.copyto, (x,), self.part(line.out, index), own=False)

    def part(self, value: Value, index: Any) -> Place:
        """The place of value[index], a view."""
        index = index if type(index) is tuple else (index,)
        index = index if Ellipsis in index else (*index, ...)  # else one entry would be no view
        return self.place(value, self.images[value][index])


def asked_about(lines: Sequence[Instruction]) -> set[Value]:
    """The memories that are looked at by the checks, which come first."""
    found: set[Value] = set()
    for line in reversed(lines):
        if line.function is bool or line.out in found:
            found.update(line.values())
            found.update(value.root for value in line.values())
    return found
