"""A program as one function of loops over numbers, which numba can compile: what `backend="numba"` runs.

Every line becomes a loop over the entries of its result, see `entries`, `folds` and `picks`; views cost
nothing, see `memories`. The text depends on shapes, dtypes and layouts alone: addresses come in a table, see
`native`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..ops import convolution, diagonals, indexing, pooling, repeating, windows
from .folds import RUNNING, STACKED, reduction
from .memories import NoLoop, Place, TooLong, contiguous, coordinates, nested, stack_name
from .patches import Patches
from .program import COPIES, Instruction, Program, Value, update_of, values_in
from .scalars import converted

Form = Callable[["Loops", Instruction], None]

STACK = 1 << 17  # bytes of all values on the stack
LONG = 3000  # lines of loops: about a minute of compiling, and for more it grows faster than the lines


class Loops(Patches):
    """The text of a function that does what a program does, `steps` times: `texts`, line by line."""

    def __init__(self, program: Program, updates: Callable[..., Any], only_checks: bool = False) -> None:
        super().__init__(program, lambda line: form_of(line) is not None)
        self.updates = updates
        self.draws: list[Instruction] = []
        self.groups = 0  # of parameters that are moved
        self.remembered: dict[Any, Any] = {}  # by slot: what an optimizer remembers of a parameter
        self.results: list[Value] = list(dict.fromkeys(values_in(program.result)))
        self.kept = {g for _, g in program.gradients if g is not None}
        lines = self.lines
        if only_checks:
            last = max((i for i, line in enumerate(lines) if line.function is bool), default=-1)
            lines, self.results, self.kept = lines[: last + 1], [], set()
        for value in self.values:
            if value.kind != "made":
                self.image_of(
                    value, np.array(value.array, order="C") if value.kind == "argument" else value.array
                )
        self.chosen = self.masks(lines)
        for line in lines:
            self.line = line
            self.place_out(line)
        for line in lines:
            self.line = line
            if line.out is None or line.out.root is line.out or self.is_reshaped(line):
                self.write_line(line)
        self.names_of_memory()
        self.texts = self.function()
        if len(self.texts) > LONG:
            raise TooLong(self.line, len(self.texts))

    # where values are

    def is_reshaped(self, line: Instruction) -> bool:
        return line.out is not None and self.roots.get(line.out) is line.out

    def place_out(self, line: Instruction) -> None:
        """Find out where the result of a line is."""
        out = line.out
        if out is None:
            return
        if out.root is out:
            dtype = self.chosen[out].dtype if out in self.chosen else out.array.dtype
            self.image_of(out, np.empty_like(out.array, dtype))
            return
        array = line.function(*self.concrete(line.args), **self.concrete(line.options))
        source = next(v for v in line.values() if v.root is out.root)
        base = self.roots[source]
        if array.size and not np.may_share_memory(array, self.images[base]):
            self.image_of(out, np.array(array, order="C"))  # here, this view is a copy
            return
        self.images[out], self.roots[out] = array, base

    def masks(self, lines: Iterable[Instruction]) -> dict[Value, Chosen]:
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

    # lines

    def write_line(self, line: Instruction) -> None:
        """Add one line to the loops."""
        f, out = line.function, line.out
        if f is bool:
            self.write_check(line)
        elif f is update_of:
            self.write_update(line)
        elif not line.pure and line.writes is None:
            self.write_draw(line)
        elif line.writes is not None:
            self.write_change(line)
        elif out is None:
            raise NoLoop(line)
        elif out in self.chosen:
            chosen = self.chosen[out]
            self.entrywise(line, np.where, (chosen.mask, chosen.values, 0), self.place(out))
        elif out.root is not out:  # a view that is a copy here
            if out.root in self.changed:
                raise NoLoop(line, "it looks at memory that is changed in place, in another layout")
            (source,) = [v for v in line.values() if v.root is out.root]
            self.write_reshaped(line, source)
        elif (form := form_of(line)) is not None:
            form(self, line)
        else:
            raise NoLoop(line)

    def write_check(self, line: Instruction) -> None:
        """What must hold, or eager code runs the step."""
        place = self.place(line.args[0])
        text = converted(self.load(place, place.along([])), place.dtype, np.dtype(bool))
        self.alone([f"if ({text}) != {line.expected}:", "    return step"], [place], [])

    def write_draw(self, line: Instruction) -> None:
        """Random numbers are drawn before the loops, into memory that these read."""
        if line.out is None or any(v.kind == "made" for v in values_drawn_from(line)):
            raise NoLoop(line)
        self.draws.append(line)

    def write_update(self, line: Instruction) -> None:
        """A step of an optimizer."""
        body, read, written = self.updates(self, line)
        self.alone(body, read, written)

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

    def function(self) -> list[str]:
        """All lines."""
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


class Chosen(NamedTuple):
    """Values where a mask is true, else zero."""

    values: Value
    mask: Value
    dtype: np.dtype[Any]


def values_drawn_from(line: Instruction) -> Iterator[Value]:
    """The values on which a draw depends; of what dropout falls on, it is the shape alone."""
    return values_in(line.args[2:] if line.function.__name__ == "mask_like" else [*line.values()])


# which form a function has ----------------------------------------------------------------------------------


def entries_of(loops: Loops, line: Instruction) -> None:
    """A function of entries."""
    assert line.out is not None
    loops.entrywise(line, line.function, line.args, loops.place(line.out))


def copy(loops: Loops, line: Instruction) -> None:
    """The entries of the first argument."""
    assert line.out is not None
    loops.entrywise(line, np.copyto, line.args[:1], loops.place(line.out))


def same_number(number: int) -> Form:
    """An array of one number."""

    def form(loops: Loops, line: Instruction) -> None:
        assert line.out is not None
        loops.entrywise(line, np.copyto, (number,), loops.place(line.out))

    return form


def form_of(line: Instruction) -> Form | None:
    """How the loops of a line's function are written."""
    f = line.function
    if isinstance(f, np.ufunc) and f.signature is None:
        return entries_of
    return FORMS.get(f) or (Loops.write_reduction if reduction(f) is not None else None)


FORMS: dict[Any, Form] = {
    **dict.fromkeys((np.where, np.clip, np.ndarray.clip), entries_of),
    **dict.fromkeys((*COPIES, np.ndarray.astype), copy),
    np.zeros_like: same_number(0),
    np.ones_like: same_number(1),
    **dict.fromkeys(
        (np.ndarray.reshape, np.ndarray.ravel, np.ndarray.flatten),
        lambda loops, line: loops.write_reshaped(line, line.args[0]),
    ),
    **dict.fromkeys((np.ndarray.dot, np.dot, np.matmul), Loops.write_product),
    **dict.fromkeys((np.argmax, np.argmin, np.ndarray.argmax, np.ndarray.argmin), Loops.write_position),
    **dict.fromkeys((np.cumsum, np.ndarray.cumsum, *RUNNING), Loops.write_running),
    **dict.fromkeys((np.concatenate, np.stack), Loops.write_joined),
    operator.getitem: Loops.write_picked,
    indexing.added_at: Loops.write_added,
    indexing.written: Loops.write_written,
    convolution.columns: Loops.write_columns,
    convolution.in_runs: Loops.write_runs,
    convolution.at_places: Loops.write_places,
    convolution.added: Loops.write_added_patches,
    pooling.maxima: lambda loops, line: loops.write_pool(line, "max"),
    pooling.sums: lambda loops, line: loops.write_pool(line, "+"),
    pooling.largest.vjps[0]: Loops.write_pool_rule,
    pooling.shared: Loops.write_shares,
    windows.unfolded: Loops.write_unfolded,
    windows.folded: Loops.write_folded,
    repeating.windows_added: lambda loops, line: loops.write_added_through(line, repeating.windows),
    diagonals.placed: lambda loops, line: loops.write_added_through(line, diagonals.looked_at),
}
"""By function; all functions of entries and all reductions have one, too."""
