"""Where the values of a program are in memory, as the loops of the numba form see it.

Views cost nothing: they are other indices into the same memory. Addresses are not known while the text is
written; they come in a table, whose slots are handed out here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..dtypes import Array
from .program import Instruction, Program, Value, changed_memories, replaced
from .reread import Reader
from .scalars import SCALARS, literal


class NoLoop(Exception):
    """A line that has no form here."""

    def __init__(self, line: Instruction, why: str = "") -> None:
        name = line.note.name or getattr(line.function, "__name__", "an operation")
        which = f"the gradient of {name}" if line.note.argnum is not None else name
        super().__init__(f"{which} has no form in numba{f': {why}' if why else ''}")
        self.line = line


class TooLong(NoLoop):
    """A program of so many lines of loops that it is not worth compiling."""

    def __init__(self, line: Instruction, count: int) -> None:
        Exception.__init__(self, f"its {count} lines of loops would take numba minutes to compile")
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


class Memories:
    """The memory of each value, and the variables through which loops reach it.

    `slots` says what the table of addresses holds: values, ("result", i), and what an optimizer asks for.
    """

    def __init__(self, program: Program, known: Callable[[Instruction], bool]) -> None:
        self.program = program
        reader = Reader(program.values, known)
        self.lines = [part for line in program.lines for part in reader.reread(line)]
        self.values = reader.program.values
        self.numbers = count(len(self.values)).__next__
        self.line: Instruction  # the one that is being written
        self.slots: dict[Any, str] = {}
        self.pointers: dict[str, str] = {}  # what is made of a slot
        self.images: dict[Value, Array] = {}  # an array of the layout that each value has in the loops
        self.roots: dict[Value, Value] = {}
        self.by_number: dict[int, Value] = {}
        self.stacked: dict[Value, str] = {}
        self.once: list[str] = []  # lines before the first step
        self.changed = changed_memories(self.lines)
        self.fresh = count().__next__

    def image_of(self, value: Value, array: Array) -> None:
        """Give a value memory of its own, of the layout of this array."""
        self.images[value] = array
        self.roots[value] = value
        self.by_number[value.number] = value

    def memory(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Value:
        """Memory for an intermediate result that the program does not name."""
        value = Value("made", np.empty(shape, dtype), number=self.numbers())
        self.image_of(value, value.array)
        return value

    def concrete(self, x: Any) -> Any:
        return replaced(x, self.images.__getitem__)

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

    def uniform(self, place: Place) -> str | None:
        """The number that a constant is made of, if it is the same everywhere."""
        array = self.images[place.root]
        constant = place.root.kind == "constant" and place.root.root not in self.changed
        if constant and place.dtype == array.dtype and array.size and (array == array.flat[0]).all():
            return literal(array.flat[0], array.dtype)
        return None

    def argument(self, x: Any) -> Place | str:
        """Where an argument is; or itself, if it is a number."""
        if isinstance(x, Value):
            place = self.place(x)
            return self.uniform(place) or place
        return ""

    def filled(self, target: Place, value: str) -> list[str]:
        """The lines that write one number everywhere."""
        names = coordinates(target.shape)
        number = literal(float(value) if target.dtype.kind == "f" else int(value), target.dtype)
        return nested(ranges_of(names, target.shape), [self.store(target, target.along(names), number)])

    def copied(self, source: Place, target: Place) -> list[str]:
        """The lines that write an array into one of the same shape and dtype."""
        if (source.shape, source.dtype) != (target.shape, target.dtype):
            raise NoLoop(self.line)
        names = coordinates(target.shape)
        body = [self.store(target, target.along(names), self.load(source, source.along(names)))]
        return nested(ranges_of(names, target.shape), body)

    # variables

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


def coordinates(shape: tuple[int, ...]) -> list[str]:
    """Names of the coordinates of an array: i0, i1 ...; 0 along dimensions of one entry."""
    numbers = count()
    return [f"i{next(numbers)}" if n != 1 else "0" for n in shape]


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The steps between entries that lie row by row."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def ranges_of(names: Sequence[str], shape: tuple[int, ...]) -> list[tuple[str, int]]:
    """The coordinates that vary, and how far."""
    return [(name, n) for name, n in zip(names, shape, strict=True) if name != "0"]


def unseen(ranges: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """The same for loops that choose, which must not be unrolled: the compiler would follow every path."""
    return [(name, f"hidden({n})") for name, n in ranges]


def nested(ranges: Sequence[tuple[str, int | str]], body: list[str]) -> list[str]:
    """Loops around a body."""
    if not ranges or not body:
        return body
    (name, n), *rest = ranges
    return [f"for {name} in range({n}):", *("    " + line for line in nested(rest, body))]


def stack_name(kind: np.dtype[Any]) -> str:
    """The function that gives memory on the stack."""
    return f"{'uint8' if kind.kind == 'b' else kind.name}_stack"
