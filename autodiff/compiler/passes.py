"""The same program in fewer lines: without what nobody needs, constants folded, nothing done twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import COPIES, Instruction, Program, Value, changed_memories, layout, replaced, values_in

LONG = 1 << 17  # entries: longer arrays are worked on in pieces
FOLDED = 1 << 12  # entries: a larger constant is computed each time rather than kept


def simplified(program: Program) -> Program:
    """The program after all passes; Values are changed in place where they become constants."""
    program.lines = useful(folded(program.lines, changed_memories(program.lines)), program)
    program.lines = once(program)
    unrepeated(program)
    uncopied(program)
    program.lines = gathered(checks_first(useful(program.lines, program)))
    return program


def checks_first(lines: list[Instruction]) -> list[Instruction]:
    """Checks, and what they need, before anything is drawn or changed: a replay that fails has done nothing.

    The tracer has made sure that nothing they need is changed before them.
    """
    needed: set[Value] = set()
    first = set()
    for line in reversed(lines):
        if line.function is bool or line.out in needed:
            first.add(line)
            needed.update(line.values())
            needed.update(value.root for value in line.values())
    return [line for line in lines if line in first] + [line for line in lines if line not in first]


def gathered(lines: list[Instruction]) -> list[Instruction]:
    """Functions of each entry of long arrays, right after others that work on the same arrays.

    The fast form then takes them piece by piece, and each piece comes from memory once: what the backward
    pass needs of the forward pass alone is found while it is there.
    """
    groups: list[list[Instruction]] = []
    for line in lines:
        group = None
        if of_long_entries(line):
            needed = set(line.values())
            for before in reversed(groups):
                made = {x.out for x in before}
                same = of_long_entries(before[-1]) and shape_of(before[-1]) == shape_of(line)
                if same and not needed.isdisjoint(made.union(*(x.values() for x in before))):
                    group = before
                if group is not None or not needed.isdisjoint(made) or not all(x.pure for x in before):
                    break
        if group is None:
            groups.append([line])
        else:
            group.append(line)
    return [line for group in groups for line in group]


def of_long_entries(line: Instruction) -> bool:
    """Whether this computes each entry of a long array from the same entries of others, and from numbers."""
    f, out = line.function, line.out
    return (
        isinstance(f, np.ufunc)
        and f.signature is None
        and f.nout == 1
        and not line.options
        and line.pure
        and out is not None
        and out.root is out
        and out.array.size >= LONG
        and out.array.flags.c_contiguous
        and all(
            not v.array.ndim or (v.array.shape == out.array.shape and v.array.flags.c_contiguous)
            for v in line.values()
        )
    )


def shape_of(line: Instruction) -> Any:
    """The shape of what is made."""
    return None if line.out is None else line.out.array.shape


def useful(lines: list[Instruction], program: Program) -> list[Instruction]:
    """Without the lines whose results reach nothing: no result, no gradient, no change."""
    needed = set(values_in(program.result)) | {g for _, g in program.gradients if g is not None}
    kept = []
    for line in reversed(lines):
        if not line.pure or line.out in needed:
            kept.append(line)
            needed.update(line.values())
            if line.out is not None:
                needed.add(line.out.root)
    return kept[::-1]


def folded(lines: list[Instruction], changed: set[Value]) -> list[Instruction]:
    """Without the lines that compute with constants alone."""
    kept = []
    for line in lines:
        out = line.out
        if (
            line.pure
            and out is not None
            and out.root not in changed
            and out.array.size <= FOLDED
            and all(value.kind == "constant" for value in line.values())
        ):
            out.kind, out.source, out.root = "constant", None, out
        else:
            kept.append(line)
    return kept


def once(program: Program) -> list[Instruction]:
    """Each operation on the same values once, as long as nothing is changed in between."""
    changed = changed_memories(program.lines)
    own = {g for _, g in program.gradients if g is not None} | set(values_in(program.result))
    versions: dict[Any, int] = {}  # of each memory; of all that comes from outside together: it may overlap
    first: dict[Any, Value] = {}
    same: dict[Value, Value] = {}
    kept = []

    def current(value: Value) -> Value:
        return same.get(value, value)

    for line in program.lines:
        line.args, line.options = replaced(line.args, current), replaced(line.options, current)
        out = line.out
        if line.writes is not None:
            line.writes = current(line.writes)
        if not line.pure:
            for memory in {memory_of(value) for value in line.values()}:
                versions[memory] = versions.get(memory, 0) + 1
        elif out is not None and out.root not in changed and out not in own:
            seen = [(v.number, versions.get(memory_of(v), 0)) for v in line.values()]
            key = (id(line.function), repr(replaced((line.args, line.options), number_of)), repr(seen))
            if key in first:
                same[out] = first[key]
                continue
            first[key] = out
        kept.append(line)
    for value in program.values:  # a view of what is gone is a view of what took its place
        if value.root in same:
            value.root = same[value.root].root
    program.result = replaced(program.result, current)
    program.gradients = [(t, None if g is None else current(g)) for t, g in program.gradients]
    return kept


def memory_of(value: Value) -> Any:
    """What a change of this value may change, too."""
    return value.root.number if value.root.kind in ("made", "constant") else "outside"


def unrepeated(program: Program) -> None:
    """A number that was repeated to a whole array is used as it is, where NumPy repeats it anyway."""
    own = {g for _, g in program.gradients if g is not None} | set(values_in(program.result))
    number: dict[Value, Value] = {}
    for line in program.lines:
        if line.function in COPIES and line.out is not None and line.out not in own:
            view = line.args[0].source if isinstance(line.args[0], Value) else None
            repeats = isinstance(view, Instruction) and view.function is np.broadcast_to
            if repeats and isinstance(view.args[0], Value) and view.args[0].array.ndim == 0:  # type: ignore[union-attr]
                number[line.out] = view.args[0]  # type: ignore[union-attr]
    for value in number:  # only if whatever reads it has another array of that shape beside it
        for line in program.lines:
            if value in line.values() and not (
                isinstance(line.function, np.ufunc)
                and line.function.signature is None
                and line.pure
                and not line.options
                and any(v not in number and v.array.shape == value.array.shape for v in line.values())
                and line.out is not None
                and line.out.array.dtype == value.array.dtype
            ):
                break
        else:
            for line in program.lines:
                line.args = replaced(line.args, lambda v, value=value: number[v] if v is value else v)  # type: ignore[misc]


def uncopied(program: Program) -> None:
    """A copy that nobody changes is what it was made of, which nobody changes either.

    Where that is stored in another way, only if all that reads the copy is one function of each entry.
    """
    changed = changed_memories(program.lines)
    own = {g for _, g in program.gradients if g is not None} | set(values_in(program.result))
    readers: dict[Value, list[Instruction]] = {}
    for line in program.lines:
        for value in set(line.values()):
            readers.setdefault(value, []).append(line)
    for line in program.lines:
        copy = line.out
        if copy is None or line.function not in COPIES or not line.pure:
            continue
        original = line.args[0]
        if copy in own or copy in changed or original.root in changed or original.root.kind != "made":
            continue
        if layout(original.array) == layout(copy.array):
            for value in program.values:
                if value.root is copy and value is not copy:
                    value.root = original.root
        elif [of_entries(reader) for reader in readers.get(copy, [])] != [True]:
            continue
        for reader in readers.get(copy, []):
            put = {copy: original}
            reader.args, reader.options = (
                replaced(tree, lambda v, put=put: put.get(v, v))  # type: ignore[misc]
                for tree in (reader.args, reader.options)
            )
            readers.setdefault(original, []).append(reader)


def of_entries(line: Instruction) -> bool:
    """Whether this computes each entry of a new array from single entries of others."""
    f = line.function
    return isinstance(f, np.ufunc) and f.signature is None and f.nout == 1 and line.pure and not line.options


def number_of(value: Value) -> Any:
    """What stands for a value in a key."""
    return ("value", value.number)


def is_number(x: Any) -> bool:
    """Whether this is a Python number, which NumPy is slow to start with."""
    return type(x) in (int, float) and bool(np.isfinite(x))
