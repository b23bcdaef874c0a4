"""Functions of entries, as loops: lines over the same entries share one loop.

Inside it, a value that nobody else needs is a local variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .memories import Memories, NoLoop, Place, coordinates
from .passes import memory_of
from .program import Instruction, Program, Value
from .scalars import SCALARS, applied, converted, kinds_of, literal


@dataclass(eq=False, slots=True)
class Loop:
    """Some lines over the same entries."""

    domain: tuple[int, ...]
    open: bool = True  # to more lines
    body: list[str] = field(default_factory=list)
    reads: set[Any] = field(default_factory=set)  # memories
    writes: set[Any] = field(default_factory=set)
    local: dict[Value, tuple[str, str]] = field(default_factory=dict)  # root: the variable, and its index
    stores: dict[Value, str] = field(default_factory=dict)
    readers: set[Value] = field(default_factory=set)  # roots that are read from memory
    loaded: dict[str, str] = field(default_factory=dict)  # what was read already


class Entries(Memories):
    """The loops so far, and how a function of entries is added to them."""

    def __init__(self, program: Program, known: Callable[[Instruction], bool]) -> None:
        super().__init__(program, known)
        self.loops: list[Loop] = []

    def loop(self, domain: tuple[int, ...], reads: Iterable[tuple[Place, str]], target: Place | None) -> Loop:
        """A loop to which a line may be added that reads entries at these indices and writes this memory.

        An earlier one over the same entries, if nothing between stands against it.
        """
        reads = list(reads)
        memories = {memory_of(place.root) for place, _ in reads}
        writes = {memory_of(target.root)} if target is not None else set()
        for loop in reversed(self.loops):
            if loop.open and loop.domain == domain:
                known = all(
                    index == loop.local[place.root][1] and place.dtype == self.images[place.root].dtype
                    if place.root in loop.local
                    else memory_of(place.root) not in loop.writes
                    for place, index in reads
                )
                if known and not (writes & (loop.reads | loop.writes)):
                    loop.reads |= memories
                    loop.writes |= writes
                    return loop
            if memories & loop.writes or writes & (loop.reads | loop.writes):
                break
        self.loops.append(Loop(domain, True, [], memories, writes))
        return self.loops[-1]

    def alone(self, body: list[str], reads: Iterable[Place], writes: Iterable[Place]) -> None:
        """Text that is a loop of its own."""
        reads, writes = list(reads), list(writes)
        self.loops.append(
            Loop(
                (), False, body, {memory_of(p.root) for p in reads}, {memory_of(p.root) for p in writes},
                {}, {}, {p.root for p in (*reads, *writes)},
            )
        )  # fmt: skip

    def operand(self, loop: Loop, place: Place, index: str) -> str:
        """A number of an array, inside a loop."""
        if place.root in loop.local:
            return loop.local[place.root][0]
        loop.readers.add(place.root)
        text = self.load(place, index)
        if text not in loop.loaded:
            loop.loaded[text] = f"a{self.fresh()}"
            loop.body.append(f"{loop.loaded[text]} = {text}")
        return loop.loaded[text]

    def define(self, loop: Loop, target: Place, index: str, text: str, own: bool) -> None:
        """The entry of the result; stored only if somebody reads it from memory."""
        name = f"x{self.fresh()}"
        loop.body.append(f"{name} = {text}")
        if own:
            loop.local[target.root] = (name, index)
            loop.stores[target.root] = self.store(target, index, name)
            loop.body.append(f"<store {target.root.number}>")
        else:
            loop.body.append(self.store(target, index, name))

    def entrywise(
        self, line: Instruction, f: Any, args: tuple[Any, ...], target: Place, own: bool = True
    ) -> None:
        """A function of entries."""
        domain = tuple(n for n in target.shape if n != 1)
        names = coordinates(target.shape)
        if not all(isinstance(x, (Value, bool, int, float, np.generic)) or (x is None) for x in args):
            raise NoLoop(line)
        if set(line.options) - {"out", "dtype"} and f is not np.copyto:
            raise NoLoop(line, f"it is given {', '.join(line.options)}")
        places = [self.argument(x) for x in args]
        reads = [(p, p.along(names)) for p in places if isinstance(p, Place)]
        index = target.along(names)
        loop = self.loop(domain, reads, target) if own else self.solitary(line, domain, reads, target, index)
        texts: list[str] = []
        kinds: list[Any] = []
        for x, place in zip(args, places, strict=True):
            if isinstance(place, Place):
                texts.append(self.operand(loop, place, place.along(names)))
                kinds.append(place.dtype)
            elif isinstance(x, Value):
                texts.append(place)
                kinds.append(self.images[x].dtype)
            else:
                texts.append("")
                kinds.append(x.dtype if isinstance(x, np.generic) else None)
        text = self.expression(line, f, args, texts, kinds, target.dtype)
        self.define(loop, target, index, text, own)

    def solitary(
        self, line: Instruction, domain: Any, reads: list[tuple[Place, str]], target: Place, index: str
    ) -> Loop:
        """A loop of its own, which changes memory that it may read: only where that is in step."""
        if target.root.kind == "argument":
            raise NoLoop(line, "it changes an argument in place")
        for place, at in reads:
            one, two = self.images[place.root], self.images[target.root]
            if (place.root is target.root and at != index) or (
                place.root is not target.root and np.may_share_memory(one, two)
            ):
                raise NoLoop(line, "it changes memory that it reads in another order")
        loop = Loop(domain, False, [], {memory_of(p.root) for p, _ in reads}, {memory_of(target.root)})
        loop.readers.add(target.root)
        self.loops.append(loop)
        return loop

    def expression(
        self, line: Instruction, f: Any, args: Any, texts: list[str], kinds: list[Any], out: np.dtype[Any]
    ) -> str:
        """What an entry of the result is, given those of the arguments."""

        def number(i: int, kind: np.dtype[Any]) -> str:
            x = args[i]
            if texts[i]:
                return converted(texts[i], kinds[i], kind)
            return literal(x, kind)

        if f is np.copyto:
            return number(0, out)
        if f is np.where:
            return f"{number(1, out)} if {number(0, np.dtype(bool))} else {number(2, out)}"
        if f in (np.clip, np.ndarray.clip):
            low, high = (None if x is None else number(i, out) for i, x in enumerate(args[1:], 1))
            x = number(0, out)
            x = x if low is None else f"({low} if {x} < {low} else {x})"
            return x if high is None else f"({high} if {x} > {high} else {x})"
        found = kinds_of(f, args, line.options.get("dtype"))
        if found is None:
            raise NoLoop(line)
        inside, result = found
        if {inside.name, result.name} - SCALARS:
            raise NoLoop(line, f"it is computed in {inside}")
        numbers = [number(i, inside) for i in range(len(args))]
        if f in (np.maximum, np.minimum) and inside.kind == "f" and not texts[1] and args[1] == args[1]:
            sign = "<" if f is np.maximum else ">"
            return f"{numbers[1]} if {numbers[0]} {sign} {numbers[1]} else {numbers[0]}"
        text = applied(f, numbers, inside)
        if text is None:
            raise NoLoop(line)
        if result.kind != "b" and (out != result or result.name not in ("float32", "float64", "int64")):
            text = f"{out.name}({text})"
        return text

    def write_reshaped(self, line: Instruction, source: Value) -> None:
        """The entries of an array, row by row: its shape is another."""
        assert line.out is not None
        target = self.own_place(line.out, self.images[source].shape)
        if not self.images[line.out].flags.c_contiguous:
            raise NoLoop(line)
        self.entrywise(line, np.copyto, (source,), target)

    def write_change(self, line: Instruction) -> None:
        """A change in place."""
        f, args = line.function, line.args
        assert line.writes is not None
        if f is np.copyto:
            self.entrywise(line, f, args[1:2], self.place(args[0]), own=False)
        elif f is np.ndarray.fill:
            self.entrywise(line, np.copyto, args[1:], self.place(args[0]), own=False)
        elif isinstance(f, np.ufunc) and f.signature is None and set(line.options) == {"out"}:
            into = args[0] if f is np.add and len(args) > 2 else line.options["out"]
            self.entrywise(line, f, args, self.place(into), own=False)
        else:
            raise NoLoop(line)
