"""A program as one function of loops over numbers, which numba can compile: what `backend="numba"` runs.

Every line becomes a loop over the entries of its result; views cost nothing, they are other indices into
the same memory. Lines over the same entries share one loop, inside which a value that nobody else needs is a
local variable. The text depends on shapes, dtypes and layouts alone: addresses come in a table, see `native`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..dtypes import Array
from .passes import changed_memories, memory_of
from .program import COPIES, Instruction, Program, Value, replaced, values_in
from .scalars import SCALARS, applied, converted, kinds_of, literal

PRODUCT = 1 << 15  # multiplications: a larger product of matrices is left to BLAS
SHORT = 8  # terms of a sum: up to so many are added up for each entry in turn
STACK, STACKED = 1 << 17, 1 << 15  # bytes: of all values on the stack, and of one

REDUCTIONS = {"sum": "+", "prod": "*", "max": "max", "min": "min", "any": "or", "all": "and", "mean": "+"}
UFUNC_REDUCTIONS: dict[Any, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.logical_and: "all",
    np.logical_or: "any",
}


class NoLoop(Exception):
    """A line that has no form here."""

    def __init__(self, line: Instruction, why: str = "") -> None:
        name = line.note.name or getattr(line.function, "__name__", "an operation")
        which = f"the gradient of {name}" if line.note.argnum is not None else name
        super().__init__(f"{which} has no form in numba{f': {why}' if why else ''}")
        self.line = line


class Place(NamedTuple):
    """Where the entries of an array are: in the memory of `root`, in entries, from its lowest address."""

    root: Value
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def along(self, names: Sequence[str]) -> str:
        """The index of the entry at these coordinates, as text; the last ones count, as in broadcasting."""
        return self.at({}, names)

    def at(self, special: dict[int, str], names: Sequence[str]) -> str:
        """The same, with other coordinates for some dimensions."""
        names = names[len(names) - len(self.shape) :]
        terms = []
        for i, (n, step, name) in enumerate(zip(self.shape, self.strides, names, strict=True)):
            name = special.get(i, name)
            if n != 1 and step != 0 and name != "0":
                terms.append(name if step == 1 else f"{step} * {name}")
        if self.offset or not terms:
            terms.append(str(self.offset))
        return " + ".join(terms)


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


class Loops:
    """The text of a function that does what a program does, `steps` times.

    `slots` says what the table of addresses holds: (root, dtype) of values, ("result", i), and what `updates`
    asks for. `texts` is the function, line by line.
    """

    def __init__(self, program: Program, updates: Callable[..., Any], only_checks: bool = False) -> None:
        self.program, self.updates = program, updates
        self.slots: dict[Any, str] = {}
        self.pointers: dict[str, str] = {}  # what is made of a slot
        self.images: dict[Value, Array] = {}
        self.roots: dict[Value, Value] = {}
        self.loops: list[Loop] = []
        self.stacked: dict[Value, str] = {}
        self.once: list[str] = []  # before the first step
        self.shared: dict[np.dtype[Any], int] = {}  # scratch memory: how many numbers
        self.fresh = count().__next__
        self.changed = changed_memories(program.lines)
        self.asked = asked_about(program.lines)
        self.draws: list[Instruction] = []
        self.remembered: dict[Any, Any] = {}  # by slot: what an optimizer remembers of a parameter
        self.results: list[Value] = list(dict.fromkeys(values_in(program.result)))
        self.kept = {g for _, g in program.gradients if g is not None}
        lines = program.lines
        if only_checks:
            last = max((i for i, line in enumerate(lines) if line.function is bool), default=-1)
            lines, self.results, self.kept = lines[: last + 1], [], set()
        for value in program.values:
            if value.kind != "made":
                self.image_of(
                    value, np.array(value.array, order="C") if value.kind == "argument" else value.array
                )
        masks = self.masks(lines)
        for line in lines:
            self.line = line
            self.place_out(line, masks)
        for line in lines:
            self.line = line
            if line.out is None or line.out.root is line.out or self.is_reshaped(line):
                self.write_line(line, masks)
        self.names_of_memory()
        self.texts = self.function()

    # where values are

    def image_of(self, value: Value, array: Array) -> None:
        """An array of the layout that the value has in the loops."""
        self.images[value] = array
        self.roots[value] = value

    def is_reshaped(self, line: Instruction) -> bool:
        return line.out is not None and self.roots.get(line.out) is line.out

    def place_out(self, line: Instruction, masks: dict[Value, Any]) -> None:
        """Find out where the result of a line is."""
        out = line.out
        if out is None:
            return
        if out.root is out:
            dtype = masks[out].dtype if out in masks else out.array.dtype
            self.image_of(out, np.empty_like(out.array, dtype))
            return
        array = line.function(*self.concrete(line.args), **self.concrete(line.options))
        source = next(v for v in line.values() if v.root is out.root)
        base = self.roots[source]
        if array.size and not np.may_share_memory(array, self.images[base]):
            self.image_of(out, np.array(array, order="C"))  # here, this view is a copy
            return
        self.images[out], self.roots[out] = array, base

    def concrete(self, x: Any) -> Any:
        return replaced(x, self.images.__getitem__)

    def masks(self, lines: Iterable[Instruction]) -> dict[Value, Any]:
        """Where the bits of floats are multiplied by a mask, which is how NumPy chooses fastest."""
        found = {}
        lines = list(lines)
        for line in lines:
            out = line.out
            if line.function is np.multiply and out is not None and out.array.dtype.kind == "i":
                bits, mask = line.args
                view = getattr(bits, "source", None)
                if (
                    isinstance(view, Instruction)
                    and view.function is np.ndarray.view
                    and isinstance(mask, Value)
                    and mask.array.dtype == bool
                    and view.args[0].array.dtype.kind == "f"
                    and all(
                        other.function is np.ndarray.view and other.args[1] == view.args[0].array.dtype
                        for other in lines
                        if out in other.values()
                    )
                ):
                    found[out] = Chosen(view.args[0], mask, view.args[0].array.dtype)
        return found

    def place(self, value: Value, array: Array | None = None) -> Place:
        """Where the entries of a value are, or those of a view of its image."""
        root = self.roots[value]
        image, whole = self.images[value] if array is None else array, self.images[root]
        size = image.itemsize
        offset = image.__array_interface__["data"][0] - byte_bounds(whole)[0] if image.size else 0
        if any(step % size for step in image.strides) or offset % size or size != whole.itemsize:
            raise NoLoop(self.line, "its memory is looked at in another way")
        if image.dtype.name not in SCALARS:
            raise NoLoop(self.line, f"a dtype is {image.dtype}")
        return Place(
            root, image.dtype, image.shape, tuple(step // size for step in image.strides), offset // size
        )

    def own_place(self, value: Value, shape: tuple[int, ...]) -> Place:
        """The place of a value whose entries lie row by row, in another shape of as many entries."""
        return self.place(value, self.images[value].reshape(shape))

    def pointer(self, place: Place) -> str:
        """The variable through which this place is reached; a mark until it is known where its root lives."""
        return f"<{place.root.number}:{place.dtype.name}>"

    def load(self, place: Place, index: str) -> str:
        text = f"{self.pointer(place)}[{index}]"
        return f"({text} != 0)" if place.dtype.kind == "b" else text

    def store(self, place: Place, index: str, text: str) -> str:
        return f"{self.pointer(place)}[{index}] = {f'uint8({text})' if place.dtype.kind == 'b' else text}"

    # loops

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

    def argument(self, x: Any) -> Place | str:
        """Where an argument is; or itself, if it is a number."""
        if isinstance(x, Value):
            place = self.place(x)
            return self.uniform(place) or place
        return ""

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

    # lines

    def write_line(self, line: Instruction, masks: dict[Value, Any]) -> None:
        """Add one line to the loops."""
        f, out = line.function, line.out
        if f is bool:
            self.write_check(line)
        elif getattr(f, "__name__", "") == "update_of":
            self.write_update(line)
        elif not line.pure and line.writes is None:
            self.write_draw(line)
        elif line.writes is not None:
            self.write_change(line)
        elif out is None:
            raise NoLoop(line)
        elif out in masks:
            chosen = masks[out]
            self.entrywise(line, np.where, (chosen.mask, chosen.values, 0), self.place(out))
        elif out.root is not out:  # a view that is a copy here
            (source,) = [v for v in line.values() if v.root is out.root]
            self.write_reshaped(line, source)
        elif (isinstance(f, np.ufunc) and f.signature is None) or f in (np.where, np.clip, np.ndarray.clip):
            self.entrywise(line, f, line.args, self.place(out))
        elif f in COPIES or f is np.ndarray.astype:
            self.entrywise(line, np.copyto, line.args[:1], self.place(out))
        elif f in (np.zeros_like, np.ones_like):
            self.entrywise(line, np.copyto, (0 if f is np.zeros_like else 1,), self.place(out))
        elif f in (np.ndarray.reshape, np.ndarray.ravel, np.ndarray.flatten):
            self.write_reshaped(line, line.args[0])
        elif f in (np.ndarray.dot, np.dot, np.matmul):
            self.write_product(line)
        elif f is operator.getitem:
            self.write_picked(line)
        elif (name := self.reduction(f)) is not None:
            self.write_reduction(line, name)
        elif (line.note.name, line.note.argnum) in (("getitem", 0), ("embedding", 0)) and len(line.args) >= 4:
            self.write_scattered(line)
        else:
            raise NoLoop(line)

    def reduction(self, f: Any) -> str | None:
        """The name of a function that makes one number of many."""
        for name in REDUCTIONS:
            if f in (getattr(np.ndarray, name), getattr(np, name)):
                return name
        if getattr(f, "__name__", "") == "reduce" and isinstance(getattr(f, "__self__", None), np.ufunc):
            return UFUNC_REDUCTIONS.get(f.__self__)
        return None

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

    def write_check(self, line: Instruction) -> None:
        """What must hold, or eager code runs the step."""
        place = self.place(line.args[0])
        text = converted(self.load(place, place.along([])), place.dtype, np.dtype(bool))
        self.alone([f"if ({text}) != {line.expected}:", "    return step"], [place], [])

    def write_draw(self, line: Instruction) -> None:
        """Random numbers are drawn before the loops, into memory that these read."""
        if any(v.kind == "made" for v in line.values()) and line.function.__name__ != "mask_like":
            raise NoLoop(line)
        if line.out is None:
            raise NoLoop(line)
        self.draws.append(line)

    def write_update(self, line: Instruction) -> None:
        """A step of an optimizer."""
        body, read, written = self.updates(self, line)
        self.alone(body, read, written)

    # sums

    def write_reduction(self, line: Instruction, name: str) -> None:
        """One number of many, along some dimensions."""
        options = dict(line.options)
        axis = line.args[1] if len(line.args) > 1 else options.pop("axis", None)
        options.pop("axis", None)
        initial = options.pop("initial", None)
        options.pop("keepdims", None)
        source, out = line.args[0], line.out
        if options.get("dtype") is None or (out is not None and options["dtype"] == out.array.dtype):
            options.pop("dtype", None)
        if options or len(line.args) > 2 or not isinstance(source, Value) or out is None:
            raise NoLoop(line, f"it is given {', '.join(options)}")
        if (
            getattr(line.function, "__name__", "") == "reduce"
            and len(line.args) < 2
            and "axis" not in line.options
        ):
            axis = 0
        place = self.place(source)
        n = len(place.shape)
        axes = range(n) if axis is None else [a % n for a in (axis if isinstance(axis, tuple) else (axis,))]
        kept = [1 if i in axes else m for i, m in enumerate(place.shape)]
        target = self.own_place(out, tuple(kept)) if out.array.flags.c_contiguous else None
        if target is None or (
            initial is not None and (name not in ("max", "min") or abs(initial) != math.inf)
        ):
            raise NoLoop(line)
        if name in ("max", "min") and not math.prod(place.shape):
            raise NoLoop(line)
        outer = coordinates(tuple(kept))
        inner = [f"k{i}" if i in axes and m != 1 else outer[i] for i, m in enumerate(place.shape)]
        ranges = [(f"k{i}", m) for i, m in enumerate(place.shape) if i in axes and m != 1]
        kind = target.dtype
        if name == "mean" and kind.kind != "f":
            raise NoLoop(line)
        divisor = math.prod(m for _, m in ranges) if name == "mean" else 1
        self.folded(line, REDUCTIONS[name], [(place, inner)], outer, ranges, target, kind, divisor)

    def write_product(self, line: Instruction) -> None:
        """A product of matrices or vectors."""
        a, b = line.args[:2]
        if len(line.args) > 2 or line.options or not (isinstance(a, Value) and isinstance(b, Value)):
            raise NoLoop(line)
        out = line.out
        assert out is not None
        one, two = self.place(a), self.place(b)
        n, m = len(one.shape), len(two.shape)
        if not (n and m) or (line.function is not np.matmul and (n > 2 or m > 2)):
            raise NoLoop(line)
        whole = out.array.shape  # with the dimensions that vectors do not have
        whole = whole if m > 1 else (*whole, 1)
        whole = whole if n > 1 else (*whole[:-1], 1, whole[-1])
        if not out.array.flags.c_contiguous or not out.array.dtype == one.dtype == two.dtype != bool:
            raise NoLoop(line)
        target = self.own_place(out, whole)
        outer = coordinates(whole)
        terms = one.shape[-1]
        left = (
            [*outer[:-2], outer[-2], "k0" if terms != 1 else "0"] if n > 1 else ["k0" if terms != 1 else "0"]
        )
        right = (
            [*outer[:-2], "k0" if terms != 1 else "0", outer[-1]] if m > 1 else ["k0" if terms != 1 else "0"]
        )
        work = math.prod(whole) * terms
        if work > PRODUCT and terms > 4 and n == m == 2 and one.dtype.kind == "f" and min(whole) > 1:
            matrices = [self.matrix(place) for place in (one, two, target)]
            if None not in matrices:
                self.alone([f"dot({', '.join(map(str, matrices))})"], [one, two], [target])
                return
        factors = [(one, left), (two, right)]
        ranges = [("k0", terms)] if terms != 1 else []
        self.folded(line, "+", factors, outer, ranges, target, one.dtype)

    def matrix(self, place: Place) -> str | None:
        """A variable for a whole matrix, if it lies row by row or column by column."""
        rows, columns = place.shape
        if place.offset:
            return None
        if place.strides == (columns, 1):
            text = f"carray({self.pointer(place)}, ({rows}, {columns}))"
        elif place.strides == (1, rows):
            text = f"carray({self.pointer(place)}, ({columns}, {rows})).T"
        else:
            return None
        name = f"m{self.fresh()}"
        self.once.append(f"{name} = {text}")
        return name

    def folded(
        self, line: Instruction, how: str, factors: list[tuple[Place, list[str]]], outer: list[str],
        ranges: list[tuple[str, int]], target: Place, kind: np.dtype[Any], divisor: int = 1,
    ) -> None:  # fmt: skip
        """Products of factors, added up or otherwise combined over the ranges, for each entry."""
        many = math.prod(m for _, m in ranges)
        domain = tuple(n for n in target.shape if n != 1)
        index = target.along(outer)
        wide = np.dtype(np.float64) if many > 4096 and kind == np.float32 and how == "+" else kind
        uniform = [self.uniform(place) for place, _ in factors]
        first = literal(START[how], wide) if how in START else None
        divide = "" if divisor == 1 else f" / {literal(divisor, target.dtype)}"

        def term(load: Callable[[Place, str], str]) -> list[str]:
            texts = []
            for (place, names), number in zip(factors, uniform, strict=True):
                if number is not None:
                    texts.append(number)
                else:
                    texts.append(converted(load(place, place.along(names)), place.dtype, wide))
            return texts

        in_step = self.in_step(factors, outer, [k for k, _ in ranges])
        places = [place for (place, _), number in zip(factors, uniform, strict=True) if number is None]
        if (
            many > SHORT
            and math.prod(domain) > 1
            and in_step is not None
            and math.prod(domain) * 8 <= STACKED
        ):
            order = in_step
            sizes = dict(zip(outer, target.shape, strict=True))
            flat = " + ".join(
                f"{math.prod(sizes[o] for o in order[i + 1 :])} * {o}" for i, o in enumerate(order)
            )
            array = self.scratch(wide, math.prod(domain))
            here, again = f"{array}[{flat}]", [(o, sizes[o]) for o in order]
            if first is None:
                start_text = [f"{here} = {term(self.load)[0]}"]
                zero = [*(f"{k} = 0" for k, _ in ranges), *nested(again, start_text)]
            else:
                zero = nested(again, [f"{here} = {first}"])
            body = [
                *zero,
                *nested([*ranges, *again], combine(how, here, term(self.load), wide)),
                *nested(again, [self.store(target, index, converted(here, wide, target.dtype) + divide)]),
            ]
            self.alone(body, places, [target])
            return
        reads = [
            (place, place.along(names))
            for (place, names), n in zip(factors, uniform, strict=True)
            if n is None
        ]
        loop = self.loop(domain, reads, target)
        total = f"t{self.fresh()}"

        def load(place: Place, at: str) -> str:
            if place.root in loop.local:
                return loop.local[place.root][0]
            loop.readers.add(place.root)
            return self.load(place, at)

        if not ranges and how == "+":
            texts = term(load)
            self.define(loop, target, index, " * ".join(texts), True)
            return
        if first is None:
            loop.body += [f"{k} = 0" for k, _ in ranges]
            first = term(load)[0]
        loop.body.append(f"{total} = {first}")
        loop.body += nested(ranges, combine(how, total, term(load), wide))
        self.define(loop, target, index, converted(total, wide, target.dtype) + divide, True)
        loop.open = many <= 4  # a loop with a loop inside is not vectorized

    def scratch(self, kind: np.dtype[Any], size: int) -> str:
        """Memory on the stack for so many sums: a few, which may become registers, have their own."""
        if size <= 64:
            name = f"s{self.fresh()}"
            self.once.append(f"{name} = {stack_name(kind)}({size})")
            return name
        self.shared[kind] = max(size, self.shared.get(kind, 0))
        return f"sums_{kind.name}"

    def uniform(self, place: Place) -> str | None:
        """The number that a constant is made of, if it is the same everywhere."""
        array = self.images[place.root]
        constant = place.root.kind == "constant" and place.root.root not in self.changed
        if constant and place.dtype == array.dtype and array.size and (array == array.flat[0]).all():
            return literal(array.flat[0], array.dtype)
        return None

    def in_step(
        self, factors: list[tuple[Place, list[str]]], outer: list[str], inner: list[str]
    ) -> list[str] | None:
        """The order of the outer loops, if a sum is best taken inside them, for all entries at once."""
        steps: dict[str, set[int]] = {name: set() for name in (*outer, *inner) if name != "0"}
        sizes: dict[str, int] = {}
        for place, names in factors:
            if self.uniform(place) is None:
                for n, step, name in zip(
                    place.shape, place.strides, names[-len(place.shape) :], strict=False
                ):
                    if n != 1 and name in steps:
                        steps[name].add(step)
                        sizes[name] = n
        if any(steps[k] == {1} for k in inner):
            return None
        best = max((o for o in outer if o != "0" and 1 in steps[o]), key=sizes.__getitem__, default=None)
        return None if best is None else [*(o for o in outer if o not in ("0", best)), best]

    # indices

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
        for line in self.program.lines:
            if line is self.line:
                return False
            if line.writes is not None and line.writes.root.kind != "made":
                return True
            if getattr(line.function, "__name__", "") == "update_of":
                return True
        return False

    def write_scattered(self, line: Instruction) -> None:
        """The rule of x[index]: zeros, to which the cotangents are added at the index."""
        g, index = line.args[0], line.args[3]
        assert line.out is not None
        if not isinstance(g, Value):
            raise NoLoop(line)
        target, place = self.place(line.out), self.place(g)
        names = coordinates(place.shape)
        zeros = coordinates(target.shape)
        body = nested(
            [(o, m) for o, m in zip(zeros, target.shape, strict=True) if o != "0"],
            [self.store(target, target.along(zeros), literal(0, target.dtype))],
        )
        if not any(True for _ in values_in(index)):  # numbers and slices: no entry is met twice
            part = self.place(line.out, self.images[line.out][index])
            if part.shape != place.shape:
                raise NoLoop(line)
            copy = self.store(part, part.along(names), self.load(place, place.along(names)))
            ranges = [(o, m) for o, m in zip(names, place.shape, strict=True) if o != "0"]
            self.alone([*body, *nested(ranges, [copy])], [place], [target])
            return
        arrays, n = self.index_of(line, line.out, index)
        rows = names[: len(names) - (len(target.shape) - n)]
        inside = Loop(())
        special = self.found(inside, arrays, rows, target)
        at = f"{self.pointer(target)}[{target.at(special, ['?'] * n + names[len(rows) :])}]"
        inside.body.append(f"{at} = {at} + {self.load(place, place.along(names))}")
        ranges = [(o, m) for o, m in zip(names, place.shape, strict=True) if o != "0"]
        self.alone([*body, *nested(ranges, inside.body)], [place, *arrays], [target])

    # the function

    def names_of_memory(self) -> None:
        """Decide which values live in memory: what is read there, what outlives the step."""
        readers = {root for loop in self.loops for root in loop.readers}
        readers |= {self.roots[v] for v in (*self.results, *self.kept)}
        readers |= {self.roots[line.out] for line in self.draws if line.out is not None}
        self.in_memory = readers
        outlives = {self.roots[g] for g in self.kept} | {
            self.roots[d.out] for d in self.draws if d.out is not None
        }
        room = STACK
        for root in sorted(readers - outlives, key=lambda v: v.number):
            size = self.images[root].nbytes
            if root.kind == "made" and 0 < size <= min(STACKED, room):
                room -= size
                self.stacked[root] = f"v{root.number}"

    def slot(self, key: Any) -> str:
        """Where in the table an address is."""
        if key not in self.slots:
            self.slots[key] = str(len(self.slots))
        return self.slots[key]

    def reached(self, key: Any, dtype: np.dtype[Any], name: str) -> str:
        """A variable that points to what the table has under this key."""
        if name not in self.pointers:
            kind = "uint8" if dtype.kind == "b" else dtype.name
            self.pointers[name] = f"{name} = {kind}_at(table[{self.slot(key)}])"
        return name

    def resolved(self, line: str) -> str:
        """A line in which places have become pointers."""

        def pointer(match: Any) -> str:
            number, kind = match.groups()
            root = self.by_number[int(number)]
            if root in self.stacked and kind == self.images[root].dtype.name:
                return self.stacked[root]
            if root in self.stacked:
                name = f"v{number}_{kind}"
                self.once.insert(0, f"{name} = {kind}_of({self.stacked[root]})")
                return name
            own = kind == self.images[root].dtype.name
            return self.reached(root, np.dtype(kind), f"p{number}" if own else f"p{number}_{kind}")

        return re.sub(r"<(\d+):(\w+)>", pointer, line)

    def function(self) -> list[str]:
        """All lines."""
        self.by_number = {v.number: v for v in self.roots}
        body: list[str] = []
        for loop in self.loops:
            lines = []
            for text in loop.body:
                if text.startswith("<store"):
                    root = self.by_number[int(text[7:-1])]
                    if root in self.in_memory:
                        lines.append(loop.stores[root])
                else:
                    lines.append(text)
            body += nested([(f"i{i}", n) for i, n in enumerate(loop.domain)], lines)
        for i, value in enumerate(self.results):
            place = self.place(value)
            names = coordinates(place.shape)
            place_index = place.along(names)
            name = self.reached(("result", i), place.dtype, f"r{i}")
            flat = contiguous(place.shape)
            target = Place(place.root, place.dtype, place.shape, flat, 0).along(names)
            text = self.load(place, place_index)
            text = f"uint8({text})" if place.dtype.kind == "b" else text
            ranges = [(o, m) for o, m in zip(names, place.shape, strict=True) if o != "0"]
            body += nested(ranges, [f"{name}[{math.prod(place.shape)} * step + {target}] = {text}"])
        body = [self.resolved(line) for line in body]
        once = [self.resolved(line) for line in self.once]
        stack = [
            f"{name} = {stack_name(self.images[root].dtype)}({self.images[root].size})"
            for root, name in self.stacked.items()
        ]
        stack += [f"sums_{kind.name} = {stack_name(kind)}({size})" for kind, size in self.shared.items()]
        return [
            "def kernel(table, steps):",
            "    table = int64_at(table)",
            *("    " + line for line in (*self.pointers.values(), *stack, *once)),
            "    for step in range(steps):",
            *("        " + line for line in body or ["pass"]),
            "    return steps",
        ]


def asked_about(lines: Sequence[Instruction]) -> set[Value]:
    """The memories that are looked at by the checks, which come first."""
    found: set[Value] = set()
    for line in reversed(lines):
        if line.function is bool or line.out in found:
            found.update(line.values())
            found.update(value.root for value in line.values())
    return found


class Chosen(NamedTuple):
    """Values where a mask is true, else zero."""

    values: Value
    mask: Value
    dtype: np.dtype[Any]


START = {"+": 0, "*": 1, "or": False, "and": True}
"""What is there before the first term; the largest and the smallest start with the first."""


def combine(how: str, total: str, factors: list[str], kind: np.dtype[Any]) -> list[str]:
    """Add one more term."""
    if how == "+" and kind.kind == "f":
        one = f"{kind.name}(1)"
        factors = [x for x in factors if x != literal(1, kind)] or [one]
        if len(factors) == 1:
            return [f"{total} = add_up({total}, {factors[0]})"]
        return [f"{total} = multiply_add({total}, {', '.join(factors)})"]
    term = " * ".join(factors)
    if how in ("max", "min"):
        sign, y = ">" if how == "max" else "<", f"y_{kind.name}"
        return [f"{y} = {term}", f"{total} = {y} if {y} {sign} {total} or {y} != {y} else {total}"]
    text = f"{total} {how} {term}"
    return [f"{total} = {text}" if kind.kind in "bf" else f"{total} = {kind.name}({text})"]


def nested(ranges: Sequence[tuple[str, int]], body: list[str]) -> list[str]:
    """Loops around a body."""
    if not ranges or not body:
        return body
    (name, n), *rest = ranges
    return [f"for {name} in range({n}):", *("    " + line for line in nested(rest, body))]


def coordinates(shape: tuple[int, ...]) -> list[str]:
    """Names of the coordinates of an array: i0, i1 ...; 0 along dimensions of one entry."""
    numbers = count()
    return [f"i{next(numbers)}" if n != 1 else "0" for n in shape]


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The steps between entries that lie row by row."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def stack_name(kind: np.dtype[Any]) -> str:
    """The function that gives memory on the stack."""
    return f"{'uint8' if kind.kind == 'b' else kind.name}_stack"
