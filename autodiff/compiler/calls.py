"""How each line of a program is written as a call of NumPy that is given the memory for its result.

On small arrays the call itself is what takes time: twice as long with a Python number as with an array, with
a number and a matrix as with a number and a vector, three times as long with a row and a matrix. On long
arrays it is memory: they are worked on piece by piece, where their entries are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate
from types import MethodDescriptorType
from typing import Any

import numpy as np

from .. import fast_arithmetic
from ..dtypes import Array
from ..tensor import Tensor
from .passes import LONG, is_number, of_long_entries
from .program import COPIES, Instruction, Program, Value, layout, replaced, values_in

PIECE = 1 << 15  # entries: of arrays that are worked on in pieces

PICKS = (np.maximum, np.minimum)
"""What NumPy will not take `out` for by position."""

REDUCTIONS = {
    np.ndarray.sum: np.add,
    np.ndarray.prod: np.multiply,
    np.ndarray.max: np.maximum,
    np.ndarray.min: np.minimum,
}
"""What these methods reduce by."""

SIGNS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/", np.negative: "-"}

WITH_OUT = frozenset((np.ndarray.sum, np.ndarray.max, np.ndarray.min, np.ndarray.mean, np.ndarray.prod))


class Calls:
    """The lines of a function, and the names that they use."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names: dict[str, Any] = {}  # the globals of the function
        self.prologue: list[str] = []
        self.body: list[str] = []
        self.epilogue: list[str] = []
        self.bindings: list[Callable[[], None]] = []  # run in order at each binding
        self.numbers: dict[Any, str] = {}
        self.functions: dict[Any, str] = {}
        self.fresh: set[Value] = set()  # what is returned, in memory of its own
        self.scalars: set[Value] = set()
        self.last: dict[Value, float] = {}
        self.pool: dict[Any, list[Array]] = {}
        self.static: dict[Value, bool] = {}
        self.released: set[Value] = set()
        self.kept: list[tuple[str, Tensor, Value]] = []  # gradients that stay in their memory
        self.kept_values: set[Value] = set()
        self.neighbours: dict[Value, list[Value]] = {}  # gradients that lie side by side
        self.written: list[Value] = []

    # names

    def bound(self, x: Any, prefix: str = "k") -> str:
        """A name for an object that does not change."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = x
        return name

    def name(self, value: Value) -> str:
        return f"v{value.number}"

    def text(self, x: Any, like: Any = None) -> str:
        """An argument as it is written."""
        if isinstance(x, Value):
            return self.name(x)
        if like is not None and is_number(x):
            key = (x, like, type(x))
            found = self.numbers.get(key)
            if found is None:
                found = self.numbers[key] = self.bound(np.array(x, like), "c")
            return found
        if x is None or type(x) in (bool, int):
            return repr(x)
        if type(x) in (tuple, list) and any(True for _ in values_in(x)):
            inner = "".join(self.text(part) + ", " for part in x)
            return f"({inner})" if type(x) is tuple else f"[{inner}]"
        if type(x) is slice and any(True for _ in values_in(x)):
            return f"slice({self.text(x.start)}, {self.text(x.stop)}, {self.text(x.step)})"
        return self.bound(x)

    def arguments(self, line: Instruction) -> str:
        parts = [self.text(arg) for arg in line.args]
        parts += [f"{name}={self.text(value)}" for name, value in line.options.items()]
        return ", ".join(parts)

    def function(self, f: Any) -> str:
        found = self.functions.get(f)
        if found is None:
            found = self.functions[f] = self.bound(f, "f")
        return found

    def is_static(self, x: Any) -> bool:
        """Whether these arguments stay where they are in memory."""
        return all(self.static.get(value, False) for value in values_in(x))

    # memory

    def last_use(self) -> None:
        """The last line that reads the memory of each root; never for what outlives the step."""
        for i, line in enumerate(self.program.lines):
            for value in line.values():
                self.last[value.root] = i
            if line.out is not None:
                self.last.setdefault(line.out.root, i)
                self.last[line.out.root] = max(self.last[line.out.root], i)
        for value in values_in(self.program.result):
            self.last[value.root] = float("inf")
        for _, g in self.program.gradients:
            if g is not None:
                self.last[g.root] = float("inf")

    def memory(self, value: Value) -> str:
        """The name of the memory into which a value is written."""
        name = self.name(value)
        self.static[value] = True
        if value in self.kept_values:
            if name not in self.names:  # bound anew when somebody looks at the gradient
                members = self.neighbours.get(value, [value])
                self.names |= dict.fromkeys(map(self.name, members))
                self.bindings.append(lambda: self.bind_gradients(members))
            return name
        key = (value.array.shape, value.array.dtype, layout(value.array))
        free = self.pool.get(key)
        self.names[name] = free.pop() if free else np.empty_like(value.array)
        return name

    def bind_gradients(self, values: list[Value]) -> None:
        """Memory for gradients: what they had, if nobody has looked at it; `.grad` is that memory."""
        tensor_of = {g: t for _, t, g in self.kept}
        now = [self.names[self.name(g)] for g in values]
        if any(x is None or tensor_of[g]._grad is not x for g, x in zip(values, now, strict=True)):
            parts, joint = side_by_side([g.array for g in values])
            self.names.update(zip(map(self.name, values), parts, strict=True))
            self.names[self.name(values[0]) + "_joint"] = joint

    def release(self, i: int, line: Instruction) -> None:
        """Memory that is read here for the last time may be written again."""
        for root in {value.root for value in (*line.values(), *((line.out,) if line.out else ()))}:
            if self.last[root] == i and self.name(root) in self.names and root.kind == "made":
                if root in self.released or root in self.kept_values or not self.static.get(root):
                    continue
                self.released.add(root)
                key = (root.array.shape, root.array.dtype, layout(root.array))
                self.pool.setdefault(key, []).append(self.names[self.name(root)])

    def viewed(self) -> set[Value]:
        """What views look at."""
        made = [line.out for line in self.program.lines if line.out is not None]
        return {v.root for v in made if v.root is not v}

    @cached_property
    def asked(self) -> set[Value]:
        """What is asked for by methods of arrays."""
        asking = (line for line in self.program.lines if isinstance(line.function, MethodDescriptorType))
        return {value for line in asking for value in line.values()}

    # a line

    def write_line(self, i: int, line: Instruction) -> None:
        """One instruction."""
        out, f = line.out, line.function
        if line.expected is not None and f is bool:
            self.body.append(f"if bool({self.text(line.args[0])}) is not {line.expected}: return FAILED")
        elif line.writes is not None:
            if line.writes.root.kind == "tensor" and line.writes.root not in self.written:
                self.written.append(line.writes.root)
            self.body.append(f"{self.function(f)}({self.arguments(line)})")
        elif out is not None and out.root is not out:
            self.write_view(line, out)
        elif out in self.scalars:
            self.body.append(f"{self.name(out)} = {self.scalar(line)}")
        elif out is not None and out not in self.fresh and writes_out(line, out):
            row = repeated_row(line, out)
            if row is not None and self.is_static(line.args):
                self.write_with_row(line, out, row)
            else:
                if isinstance(f, np.ufunc) and f.signature is None:
                    self.release(i, line)
                self.write_into(line, out)
        elif out is not None and out not in self.fresh and is_copy(line):
            source, unsafe = self.text(line.args[0]), "" if f in COPIES else ", 'unsafe'"
            self.body.append(f"{self.function(np.copyto)}({self.memory(out)}, {source}{unsafe})")
        elif out is not None:
            text = self.call(line)
            if not out.array.ndim and out in self.asked:  # it may be a number, which has no such methods
                text = f"{self.function(np.asarray)}({text})"
            self.body.append(f"{self.name(out)} = {text}")
        self.release(i, line)

    def call(self, line: Instruction) -> str:
        return f"{self.function(line.function)}({self.arguments(line)})"

    def write_view(self, line: Instruction, out: Value) -> None:
        """A view: taken once if what it looks at stays where it is."""
        name = self.name(out)
        if self.is_static((line.args, line.options)) and self.static.get(out.root, False) and line.pure:
            self.static[out] = True

            def bind() -> None:
                self.names[name] = line.function(*self.concrete(line.args), **self.concrete(line.options))

            self.names[name] = None
            self.bindings.append(bind)
        else:
            self.body.append(f"{name} = {self.call(line)}")

    def concrete(self, x: Any) -> Any:
        """Arguments with the arrays that are bound."""
        return replaced(x, lambda value: self.names[self.name(value)])

    def write_into(self, line: Instruction, out: Value) -> None:
        """An operation with `out=`."""
        f = line.function
        if f is np.ndarray.dot:
            a, b = (self.text(arg) for arg in line.args)
            if out.array.ndim == 2 and line.args[0].array.size > fast_arithmetic.SMALL:
                self.body.append(f"{self.function(np.matmul)}({a}, {b}, {self.memory(out)})")
            else:
                self.body.append(f"{a}.dot({b}, {self.memory(out)})")
        elif isinstance(f, np.ufunc):
            self.write_ufunc(f, line.args, out)
        elif reduces(line):
            self.body.append(self.reduction(line, out, self.memory(out)))
        else:
            self.body.append(f"{self.function(f)}({self.arguments(line)}, out={self.memory(out)})")

    def write_ufunc(self, f: Any, args: Any, out: Value) -> None:
        """A function of each entry: on vectors, where numbers are among the arguments.

        NumPy takes twice as long to start with a number and a matrix, or with a Python number.
        """
        like = common_dtype(args)
        flat = out.array.size > 1 and out.array.flags.c_contiguous and f.signature is None
        flat = flat and any(size_of(arg) == 1 for arg in args) and all(map(self.flattens, args))
        flat = flat and all(size_of(x) == 1 or x.array.shape == out.array.shape for x in args)
        name = self.memory(out)
        texts = []
        for arg in args:
            if f in PICKS and is_number(arg) and like is not None and out.array.size <= LONG:
                shape = (out.array.size,) if flat else out.array.shape
                texts.append(self.whole(arg, like, shape))  # with an array, NumPy uses the vector unit
            else:
                texts.append(self.flat(arg) if flat and isinstance(arg, Value) else self.text(arg, like))
        texts.append("out=" * (f in PICKS) + (self.flat(out) if flat else name))
        self.body.append(f"{self.function(f)}({', '.join(texts)})")

    def flattens(self, x: Any) -> bool:
        """Whether this argument is a number, or an array that stays where it is and is stored row by row."""
        return not isinstance(x, Value) or (
            x.array.ndim == 0 or (x.array.flags.c_contiguous and self.static.get(x, False))
        )

    def flat(self, value: Value) -> str:
        """The name of the same memory as a vector; as a number, if it is one."""
        array, name = value.array, self.name(value)
        if array.ndim == (array.size > 1):
            return name
        view = f"{name}_flat"
        if view not in self.names:
            self.names[view] = None
            shape = (-1,) if array.size > 1 else ()
            self.bindings.append(lambda: self.names.__setitem__(view, self.names[name].reshape(shape)))
        return view

    def whole(self, x: Any, dtype: Any, shape: tuple[int, ...]) -> str:
        """A number as an array of this shape."""
        key = (x, dtype, type(x), shape)
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = self.bound(np.full(shape, x, dtype), "c")
        return found

    def write_with_row(self, line: Instruction, out: Value, row: Value) -> None:
        """A matrix and a row: repeating the row first takes half the time of what NumPy does with both."""
        name = self.memory(out)
        self.body.append(f"{self.function(np.copyto)}({name}, {self.name(row)})")
        texts = [name if arg is row else self.name(arg) for arg in line.args]
        place = "out=" * (line.function in PICKS)
        self.body.append(f"{self.function(line.function)}({', '.join(texts)}, {place}{name})")

    def reduction(self, line: Instruction, out: Value, name: str | None) -> str:
        """A sum, maximum, ... by the ufunc that NumPy's method calls."""
        x, axis = line.args[0], line.options.get("axis", line.args[1] if len(line.args) > 1 else None)
        array = self.name(x)
        if axis is None and not out.array.ndim and self.flattens(x) and self.static.get(x, False):
            array, axis = self.flat(x), 0
        arguments = [array, self.text(axis), "None", name or "None"]
        arguments.append(self.text(line.options.get("keepdims", False)))
        arguments += [self.text(line.options["initial"])] if "initial" in line.options else []
        return f"{self.function(REDUCTIONS[line.function].reduce)}({', '.join(arguments)})"

    # long arrays, piece by piece

    def elementwise_run(self, start: int) -> list[Instruction]:
        """The lines from here on that work entry by entry on long arrays of one shape."""
        lines = self.program.lines
        run: list[Instruction] = []
        inside: set[Value] = set()
        for line in lines[start:]:
            out = line.out
            if out is None or out in self.fresh or not of_long_entries(line):
                break
            if run and run[0].out is not None and out.array.shape != run[0].out.array.shape:
                break
            if not all(v in inside or self.static.get(v, False) for v in line.values() if v.array.ndim):
                break
            run.append(line)
            inside.add(out)
        return run

    def write_run(self, start: int, run: list[Instruction]) -> None:
        """A loop over pieces that stay in the cache; what only the loop needs is never whole."""
        end = start + len(run) - 1
        made = {line.out for line in run if line.out is not None}
        viewed = self.viewed()
        temporary = {v for v in made if self.last[v] <= end and v not in viewed and v not in self.kept_values}
        whole = [v for line in run for v in line.values() if v.array.ndim and v not in made]
        whole = list(dict.fromkeys(whole + [line.out for line in run if line.out in made - temporary]))
        body, slots, free, slot_of = [], [], {}, {}  # type: ignore[var-annotated]

        def piece(x: Any, like: Any) -> str:
            if isinstance(x, Value) and x.array.ndim:
                return f"s{slot_of[x]}" if x in slot_of else f"p{x.number}"
            return self.text(x, like)

        for i, line in enumerate(run, start):
            assert line.out is not None
            like = common_dtype(line.args)
            args = [piece(arg, like) for arg in line.args]
            for value in set(line.values()) & temporary:
                if self.last[value] == i:
                    free.setdefault(value.array.dtype, []).append(slot_of[value])
            if line.out in temporary:
                again = free.get(line.out.array.dtype)
                if again:
                    slot_of[line.out] = again.pop()
                else:
                    slot_of[line.out] = len(slots)
                    slots.append(np.empty(PIECE, line.out.array.dtype))
            place = "out=" * (line.function in PICKS)
            args.append(place + piece(line.out, None))
            body.append(f"    {self.function(line.function)}({', '.join(args)})")
        for value in whole:
            if value in made:
                self.memory(value)
        size, rows = run[0].out.array.size, self.bound(None, "l")  # type: ignore[union-attr]

        def bind() -> None:
            arrays = [self.names[self.name(v)].reshape(-1) for v in whole]
            self.names[rows] = [
                (*(a[i : i + PIECE] for a in arrays), *(s[: min(PIECE, size - i)] for s in slots))
                for i in range(0, size, PIECE)
            ]

        self.bindings.append(bind)
        names = [f"p{v.number}" for v in whole] + [f"s{i}" for i in range(len(slots))]
        self.body.append(f"for {', '.join(names)}, in {rows}:")
        self.body += body
        for i, line in enumerate(run, start):
            self.release(i, line)

    # numbers

    def find_scalars(self) -> None:
        """The numbers that NumPy's scalars are faster for: sums, and what is computed from them alone."""
        readers: dict[Value, list[Instruction]] = {}
        for line in self.program.lines:
            for value in set(line.values()):
                readers.setdefault(value, []).append(line)
        left = {g for _, g in self.program.gradients}
        viewed = self.viewed()
        for line in self.program.lines:
            out = line.out
            if out is None or out.array.ndim or out.array.dtype.kind != "f" or out in left or out in viewed:
                continue
            made = line.function is np.ndarray.dot and not line.options and len(line.args) == 2
            made = made or (reduces(line) and "keepdims" not in line.options)
            if made or self.on_scalars(line):
                self.scalars.add(out)
        for line in reversed(self.program.lines):  # only where nobody needs an array
            if line.out in self.scalars and not all(
                reader.out in self.scalars and self.on_scalars(reader) for reader in readers.get(line.out, ())
            ):
                self.scalars.discard(line.out)
        for line in self.program.lines:
            if line.out in self.scalars and line.function in SIGNS and not self.on_scalars(line):
                self.scalars.discard(line.out)

    def on_scalars(self, line: Instruction) -> bool:
        """Whether this is arithmetic of scalars and Python numbers."""
        return (
            line.function in SIGNS
            and not line.options
            and any(isinstance(arg, Value) for arg in line.args)
            and all(arg in self.scalars if isinstance(arg, Value) else is_number(arg) for arg in line.args)
        )

    def scalar(self, line: Instruction) -> str:
        """An expression for a scalar."""
        if line.function in SIGNS:
            sign, texts = SIGNS[line.function], [self.text(arg) for arg in line.args]
            return f"{sign}{texts[0]}" if len(texts) == 1 else f"{texts[0]} {sign} {texts[1]}"
        if line.function is np.ndarray.dot:
            a, b = (self.text(arg) for arg in line.args)
            return f"{a}.dot({b})"
        assert line.out is not None
        return self.reduction(line, line.out, None)


def reduces(line: Instruction) -> bool:
    """Whether this is a sum, maximum, ... that a ufunc finds."""
    given = len(line.args) <= 2 and isinstance(line.args[0], Value)
    return line.function in REDUCTIONS and given and set(line.options) <= {"axis", "keepdims", "initial"}


def size_of(x: Any) -> int:
    """How many entries an argument has."""
    return x.array.size if isinstance(x, Value) else 1


def common_dtype(args: Any) -> Any:
    """The floating-point dtype of all arrays among these arguments, as which numbers may be written."""
    found = {arg.array.dtype for arg in args if isinstance(arg, Value)}
    dtype = found.pop() if len(found) == 1 else None
    return dtype if dtype is not None and dtype.kind == "f" else None


def repeated_row(line: Instruction, out: Value) -> Value | None:
    """The row, where the function is one of a matrix and a row."""
    f, args, shape = line.function, line.args, out.array.shape
    if not isinstance(f, np.ufunc) or f.nin != 2 or f.signature is not None or out.array.size > LONG:
        return None
    if len(shape) < 2 or shape[-1] == 1 or math.prod(shape[:-1]) == 1 or not out.array.flags.c_contiguous:
        return None
    if not all(isinstance(x, Value) and x.array.dtype == out.array.dtype for x in args):
        return None
    rows = [x for x in args if x.array.size == shape[-1] == x.array.shape[-1]]
    others = [x for x in args if x.array.shape == shape and x.array.flags.c_contiguous]
    return rows[0] if len(rows) == len(others) == 1 else None


def writes_out(line: Instruction, out: Value) -> bool:
    """Whether the function of this line can write its result into memory that it is given."""
    f = line.function
    if isinstance(f, np.ufunc):
        return f.nout == 1 and not line.options and out.root is out
    if f is np.ndarray.dot:
        return (
            out.array.ndim in (1, 2)
            and out.array.flags.c_contiguous
            and not line.options
            and len(line.args) == 2
        )
    if f in WITH_OUT or (
        getattr(f, "__name__", "") == "reduce" and isinstance(getattr(f, "__self__", None), np.ufunc)
    ):
        return "out" not in line.options and out.root is out and len(line.args) < 4
    return False


def is_copy(line: Instruction) -> bool:
    """Whether this line copies an array, maybe into another dtype."""
    if line.options or line.out is None or line.out.root is not line.out:
        return False
    copies = line.function in COPIES and len(line.args) == 1
    return copies or (line.function is np.ndarray.astype and len(line.args) == 2)


def side_by_side(arrays: Sequence[Array]) -> tuple[list[Array], Array]:
    """New arrays like these, row by row, and all their memory as one vector.

    That belongs to no array, so that each is known by its own (see `memory.owner`).
    """
    dtype, ends = arrays[0].dtype, list(accumulate(x.size for x in arrays))
    room = bytearray(ends[-1] * dtype.itemsize)
    starts = [end - x.size for end, x in zip(ends, arrays, strict=True)]
    parts = [
        np.ndarray(x.shape, dtype, room, i * dtype.itemsize) for i, x in zip(starts, arrays, strict=True)
    ]
    return parts, np.ndarray(ends[-1:], dtype, room)
