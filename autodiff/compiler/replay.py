"""The fast form: a program as one Python function of NumPy calls that write into memory they were given once.

The names that the function uses are its globals, `Replay.names`: what is bound anew is there at once.
What stays the same from step to step is prepared when the function is bound: the arrays of parameters, the
transposes and other views of what stays where it is, Python numbers as arrays (NumPy takes twice as long to
start with a number), the memory of results. Memory is used again as soon as nobody reads what is in it. A
gradient stays in its memory for the next step unless somebody has looked at it: then it is theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import accumulate
from typing import Any

import numpy as np

from .. import dtypes, memory
from ..dtypes import Array, get_default_dtype
from ..record import clock, mode
from ..tensor import Tensor
from .keys import FAILED, MISS
from .moves import Form, form_of, pieces
from .passes import LONG, is_number, of_long_entries
from .program import COPIES, Instruction, Program, Returned, Update, Value, layout, replaced, values_in
from .stages import joined, staged
from .trace import update_of

PIECE = 1 << 14  # entries: of arrays that are worked on in pieces
SMALL = 1 << 13  # entries of a parameter: below, its plain descent is written out

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


class Replay:
    """A compiled program: `run(arrays)` gives the result, or MISS."""

    def __init__(self, program: Program, environment: Any) -> None:
        self.program = program
        self.environment = environment
        self.names: dict[str, Any] = {}  # what the function is bound to, by the name of its argument
        self.prologue: list[str] = []
        self.body: list[str] = []
        self.epilogue: list[str] = []
        self.bindings: list[Callable[[], None]] = []  # run in order at each binding
        self.heeding: list[Callable[[], bool]] = []  # before these: what depends on options of optimizers
        self.pool: dict[Any, list[Array]] = {}
        self.static: dict[Value, bool] = {}
        self.released: set[Value] = set()
        self.kept: list[tuple[str, Tensor, Value]] = []  # gradients that stay in their memory
        self.written: list[Value] = []
        self.layouts = {v: v.array for v in program.of_kind("tensor")}
        self.enabled = mode.enabled
        self.write()
        self.run = self.compiled()
        self.ready = False  # once it is bound

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

    # what is written

    def write(self) -> None:
        """All lines of the function."""
        self.numbers: dict[Any, str] = {}
        self.functions: dict[Any, str] = {}
        program = self.program
        program.lines = staged(program)
        lines = program.lines = joined(program)
        self.fresh = set(values_in(program.result))
        self.scalars: set[Value] = set()
        self.find_scalars()
        self.last_use()
        self.write_inputs()
        read = {id(v.source) for v in program.of_kind("gradient")}
        for tensor, g in program.gradients:
            if g is None:
                self.epilogue.append(f"{self.bound(tensor, 't')}._grad = None")
            elif id(tensor) not in read and self.can_be_kept(g):
                self.kept.append((self.bound(tensor, "t"), tensor, g))
        self.kept_values = {g for _, _, g in self.kept}
        self.find_neighbours()
        i = 0
        while i < len(lines):
            run = self.elementwise_run(i)
            if len(run) > 1:
                self.write_run(i, run)
            else:
                self.write_line(i, lines[i])
            i += max(1, len(run))
        for tensor, g in program.gradients:
            if g is not None and g not in self.kept_values:
                self.epilogue.append(f"{self.bound(tensor, 't')}._grad = {self.name(g)}")
        if self.kept:
            self.epilogue.append("if not again:")
            self.epilogue += [f"    {tensor}._grad = {self.name(g)}" for tensor, _, g in self.kept]
        if self.written:
            self.write_stamps()
        self.epilogue.append("return " + self.result(program.result))

    def can_be_kept(self, g: Value) -> bool:
        """Whether a gradient is written into memory of its own."""
        made = g.source
        return (
            g.kind == "made"
            and g.root is g
            and g not in self.fresh
            and isinstance(made, Instruction)
            and (writes_out(made, g) or is_copy(made))
            and sum(other is g for _, other in self.program.gradients) == 1
        )

    def last_use(self) -> None:
        """The last line that reads the memory of each root; never for what outlives the step."""
        self.last: dict[Value, float] = {}
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

    def write_inputs(self) -> None:
        """Where values come from, and what must hold."""
        self.names |= {"MISS": MISS, "FAILED": FAILED, "ndarray": np.ndarray, "mode": mode}
        self.names |= {"dtypes": dtypes, "default": get_default_dtype()}
        checks = [f"mode.enabled is not {self.enabled}", "dtypes._default is not default"]
        if self.environment is not None:
            conditions, was = self.environment.conditions(self.bound)
            self.names["changed"] = self.environment.changed
            if conditions:
                checks.append(f"({' or '.join(conditions)}) and changed()")
            self.bindings.append(lambda: self.names.update(zip(was, self.environment.values, strict=True)))
        used = {v for line in self.program.lines for v in line.values()} | set(values_in(self.program.result))
        for value in self.program.values:
            if value.kind == "constant":
                self.names[self.name(value)] = value.array
                self.static[value] = True
            elif value.kind == "tensor":
                self.static[value] = True
                self.names[self.name(value)] = value.array
                self.bindings.append(lambda v=value: self.bind_tensor(v))  # type: ignore[misc]
            elif value.kind == "gradient" and value in used:
                tensor = self.bound(value.source, "t")
                self.prologue.append(f"{self.name(value)} = {tensor}._grad")
                self.prologue.append(f"if {self.name(value)} is None: return MISS")
                v = self.name(value)
                self.prologue.append(f"if type({v}) is not ndarray: {v} = {v}.array")
        self.checks = checks
        for tensor, value, record in self.program.seen:
            t = self.bound(tensor, "t")
            r = self.bound(record, "r")
            checks.append(f"{t}.record is not {r}")
            if record is not None:
                checks.append(f"{r}.hooks")
            if value.kind == "tensor":
                self.names[self.name(value)] = value.array
                checks.append(f"{t}.array is not {self.name(value)}")
        for tensor, there in self.program.grads_read:
            checks.append(f"{self.bound(tensor, 't')}._grad is {'None' if there else 'not None'}")

    def bind_tensor(self, value: Value) -> None:
        self.names[self.name(value)] = value.source.array

    def write_stamps(self) -> None:
        """Note when the memory that is changed here was changed: what `memory.renew` does."""
        stamps = [self.bound(None, "s") for _ in self.written]
        self.epilogue.append("memory.latest = now = clock()")
        self.epilogue.append(" = ".join(f"{s}.time" for s in stamps) + " = now")
        self.names |= {"memory": memory, "clock": clock}

        def bind() -> None:
            self.names.update(
                (s, memory.stamp(self.names[self.name(v)])) for s, v in zip(stamps, self.written, strict=True)
            )

        self.bindings.append(bind)

    def is_static(self, x: Any) -> bool:
        """Whether these arguments stay where they are in memory."""
        return all(self.static.get(value, False) for value in values_in(x))

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

    def find_neighbours(self) -> None:
        """The gradients of small parameters that descend plainly lie side by side: one product serves all."""
        self.neighbours: dict[Value, list[Value]] = {}
        for update in self.updates():
            for group, work in update.groups:
                if not plain_and_small(update.optimizer, group, work):
                    continue
                for dtype in {w.array.dtype for _, w, _ in work}:
                    found = [d for _, w, d in work if w.array.dtype == d.array.dtype == dtype]
                    found = [d for d in found if d in self.kept_values and d.array.flags.c_contiguous]
                    if len(found) > 1 and not any(d in self.neighbours for d in found):
                        self.neighbours |= dict.fromkeys(found, found)

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

    def write_line(self, i: int, line: Instruction) -> None:
        """One instruction."""
        out, f = line.out, line.function
        if f is update_of:
            self.write_update(line)
        elif line.expected is not None and f is bool:
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
            self.body.append(f"{self.name(out)} = {self.call(line)}")
        self.release(i, line)

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
            self.body.append(f"{a}.dot({b}, {self.memory(out)})")
        elif isinstance(f, np.ufunc):
            self.write_ufunc(f, line.args, out)
        elif f in REDUCTIONS and set(line.options) <= {"axis", "keepdims", "initial"}:
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
            made = made or (line.function in REDUCTIONS and set(line.options) <= {"axis", "initial"})
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

    def viewed(self) -> set[Value]:
        """What views look at."""
        made = [line.out for line in self.program.lines if line.out is not None]
        return {v.root for v in made if v.root is not v}

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

    # optimizers

    def write_update(self, line: Instruction) -> None:
        """A step of an optimizer: plain descent of small parameters written out, else its rule is called."""
        update: Update = line.args[0]
        optimizer = update.optimizer
        params: list[Value] = []
        self.names.setdefault("nullcontext", nullcontext)
        o = self.bound(optimizer, "o")
        groups, state = self.bound(optimizer.param_groups, "o"), self.bound(optimizer.state, "o")
        self.checks += [f"{o}.param_groups is not {groups}", f"{o}.state is not {state}"]
        self.checks.append(f"len({groups}) != {len(optimizer.param_groups)}")
        self.bindings.append(
            lambda: self.names.update({groups: optimizer.param_groups, state: optimizer.state})
        )
        held = self.bound(held_back(optimizer), "h")
        calls: list[str] = []
        for number, (group, work) in enumerate(update.groups):
            g, was = self.bound(group, "o"), self.bound(None, "o")
            options: dict[str, Callable[[], Any]] = {was: lambda group=group: list(group.values())}  # type: ignore[misc]
            form = form_of(optimizer, group)
            if work and plain_and_small(optimizer, group, work):
                self.write_descent(work, group, options)
            elif work and form is not None and self.is_static([d for _, _, d in work]):
                calls += self.write_form(form, optimizer, group, work, options, state)
            else:
                rule = self.bound(None, "u")
                options[rule] = lambda group=group: optimizer.update_rule(group)  # type: ignore[misc]
                calls += self.call_rule(optimizer, number, rule, work)
            heeded = self.bound(self.heeds(optimizer, group, options), "u")
            self.checks.append(f"{groups}[{number}] is not {g}")
            self.checks.append(f"[*{g}.values()] != {was} and not {heeded}()")
            self.heeding.append(self.names[heeded])
            params += [w for _, w, _ in work]
        if calls:
            self.body.append(f"with {held}():")
            self.body += ["    " + call for call in calls]
        self.written += [w for w in params if w not in self.written and w.kind == "tensor"]

    def call_rule(self, optimizer: Any, number: int, rule: str, work: list[Any]) -> list[str]:
        """An optimizer's rule for each parameter; or for small ones jointly, as it does itself."""
        parts = [f"({self.bound(p, 't')}, {self.name(w)}, {self.name(d)})" for p, w, d in work]
        if not getattr(optimizer, "entrywise", False):
            return [rule + part for part in parts]
        joint = self.bound(optimizer._jointly, "j")
        return [f"for move in {joint}({number}, {rule}, [{', '.join(parts)}]): {rule}(*move)"]

    def heeds(
        self, optimizer: Any, group: dict[str, Any], options: dict[str, Callable[[], Any]]
    ) -> Callable[[], bool]:
        """A function that prepares what depends on the options of a group, if the program fits these."""
        plain, form = plain_descent(optimizer, group), form_of(optimizer, group)

        def heeded() -> bool:
            if plain_descent(optimizer, group) is not plain or form_of(optimizer, group) is not form:
                return False
            if holds_tensors(group):
                return False
            self.names.update((name, of()) for name, of in options.items())
            return True

        return heeded

    def write_form(
        self,
        form: Form,
        optimizer: Any,
        group: dict[str, Any],
        work: list[tuple[Any, Value, Value]],
        options: dict[str, Callable[[], Any]],
        state: str,
    ) -> list[str]:
        """A rule written out, over pieces of all parameters; what it remembers is bound with it."""
        dtypes = sorted({w.array.dtype for _, w, _ in work}, key=str)
        written = []
        for dtype in dtypes:
            part = [(p, w, d) for p, w, d in work if w.array.dtype == dtype]
            names = {name: self.bound(None, "c") for name in form.numbers(group)}
            for name, number in names.items():
                options[number] = lambda name=name, dtype=dtype: np.array(form.numbers(group)[name], dtype)  # type: ignore[misc]
            entries = [self.bound(None, "e") for _ in part]
            arrays = [[self.bound(None, "a") for _ in form.state] for _ in part]
            for (p, _, _), entry, mine in zip(part, entries, arrays, strict=True):
                self.checks.append(f"{state}[{self.bound(p, 't')}] is not {entry}")
                self.checks += [
                    f"{entry}[{name!r}].array is not {a}" for name, a in zip(form.state, mine, strict=True)
                ]
            rows = self.bound(None, "l")

            def bind(part=part, entries=entries, arrays=arrays, rows=rows) -> None:  # type: ignore[no-untyped-def]
                found = []
                for (p, w, d), entry, mine in zip(part, entries, arrays, strict=True):
                    if form.by_step is not None:
                        optimizer.scalar(p, "step")
                    buffers = [optimizer.buffer(p, name) for name in form.state]
                    self.names.update(zip(mine, buffers, strict=True))
                    self.names[entry] = optimizer.state[p]
                    cut = pieces([self.names[self.name(w)], self.names[self.name(d)], *buffers])
                    found.append((p, cut) if form.by_step else cut)
                self.names[rows] = found if form.by_step else [piece for cut in found for piece in cut]

            self.bindings.append(bind)
            loop = f"for {form.variables} in {rows}:"
            if form.by_step is not None:
                names |= {name: self.bound(np.empty((), dtype), "c") for name in ("rate", "epsilon")}
                step, count = self.bound(None, "u"), self.bound(optimizer.count, "u")
                options[step] = lambda: form.by_step(group)  # type: ignore[misc]
                written.append(f"for p, cut in {rows}:")
                written.append(f"    {names['rate']}[()], {names['epsilon']}[()] = {step}({count}(p))")
                loop = f"    for {form.variables} in cut:"
            written.append(loop)
            indent = " " * (len(loop) - len(loop.lstrip()) + 4)
            for function, arguments in form.calls:
                given = ", ".join(names.get(x, x) for x in arguments.split(", "))
                written.append(f"{indent}{self.function(function)}({given})")
        return written

    def updates(self) -> list[Update]:
        """The steps of optimizers."""
        return [line.args[0] for line in self.program.lines if line.function is update_of]

    def write_descent(
        self,
        work: list[tuple[Any, Value, Value]],
        group: dict[str, Any],
        options: dict[str, Callable[[], Any]],
    ) -> None:
        """w ← w − γ·g, all differences first; what moves the parameters is one loop in C."""
        rates: dict[Any, str] = {}
        moves: dict[Value, Array] = {}
        multiply = self.function(np.multiply)
        for _, _, d in work:
            if d in moves:
                continue
            dtype = d.array.dtype
            if dtype not in rates:
                rate = rates[dtype] = self.bound(None, "c")
                options[rate] = lambda dtype=dtype: np.array(float(group["lr"]), dtype)  # type: ignore[misc]
            members = self.neighbours.get(d, [d])
            parts, joint = side_by_side([member.array for member in members])
            gradient = self.name(d) + "_joint" if len(members) > 1 else self.name(d)
            if len(members) == 1:
                joint = parts[0]
            moves |= zip(members, parts, strict=True)
            self.body.append(f"{multiply}({gradient}, {rates[dtype]}, {self.bound(joint, 'd')})")
        many, ones = (
            [(w, moves[d]) for _, w, d in work if (w.array.size == 1) is one] for one in (False, True)
        )
        if many:
            values, differences = self.bound(None, "w"), self.bound([move for _, move in many], "d")
            self.bindings.append(
                lambda: self.names.__setitem__(values, [self.names[self.name(w)] for w, _ in many])
            )
            self.body.append(f"[*map({self.function(np.subtract)}, {values}, {differences}, {values})]")
        for (
            w,
            move,
        ) in ones:  # NumPy takes three times as long in place; no call, so Ctrl-C cannot come between
            value, difference = self.bound(None, "w"), self.bound(move.reshape(-1), "d")
            self.bindings.append(
                lambda w=w, value=value: self.names.__setitem__(  # type: ignore[misc]
                    value, self.names[self.name(w)].reshape(-1)
                )
            )
            self.body.append(f"{value}[0] = {value}[0] - {difference}[0]")

    # the result

    def result(self, tree: Any) -> str:
        """What is returned, as it is written: tensors in memory of their own."""
        if isinstance(tree, Returned):
            name = self.name(tree.value)
            if tree.item:
                return f"{name}.item()"
            self.names["Tensor"], self.names["asarray"], self.names["array"] = Tensor, np.asarray, np.array
            value = tree.value
            if value in self.scalars:
                return f"Tensor(asarray({name}))"
            own = value.kind == "made" and value.root is value and not self.static.get(value)
            own = own and sum(v is value for v in values_in(self.program.result)) == 1
            own = own and all(g is None or g.root is not value for _, g in self.program.gradients)
            own = own and all(
                line.function is not update_of or value not in set(line.values())
                for line in self.program.lines
            )
            if not own:
                return f"Tensor(array({name}))"
            return f"Tensor(asarray({name}))" if value.array.ndim == 0 else f"Tensor({name})"
        if type(tree) in (tuple, list):
            inner = "".join(self.result(part) + ", " for part in tree)
            return f"({inner})" if type(tree) is tuple else f"[{inner}]"
        if type(tree) is dict:
            return "{" + ", ".join(f"{self.bound(k)}: {self.result(part)}" for k, part in tree.items()) + "}"
        return self.bound(tree)

    # the function

    def compiled(self) -> Callable[..., Any]:
        """The function, not yet bound."""
        if self.kept:  # again: this is not the first time since the memory is theirs
            looked = " or ".join(f"{tensor}._grad is not {self.name(g)}" for tensor, _, g in self.kept)
            self.checks.append(f"again and ({looked})")
            self.names["again"] = False
        arguments = ", ".join(self.name(v) for v in self.program.of_kind("argument"))
        written = [
            f"def replay({arguments}):",
            "    try:",
            f"        if {' or '.join(self.checks)}:",
            "            return MISS",
            "    except Exception:  # something is not there any more",
            "        return MISS",
            *("    " + line for line in (*self.prologue, *self.body, *self.epilogue)),
        ]
        self.text_of_function = "\n".join(written)
        self.names["__name__"] = "autodiff.compiled"
        exec(compile(self.text_of_function, "<compiled step>", "exec"), self.names)
        function: Callable[..., Any] = self.names["replay"]
        return function

    def bind(self) -> bool:
        """Prepare what stays the same; False if the program does not fit what is there now."""
        for value, array in self.layouts.items():
            now = value.source.array
            if now.shape != array.shape or now.dtype != array.dtype or layout(now) != layout(array):
                return False
        for tensor, value, record in self.program.seen:
            if record is not None and record.hooks:
                return False
            if tensor.record is not record or (
                value.kind == "tensor" and value.source.array is not tensor.array
            ):
                return False
        for tensor, there in self.program.grads_read:
            if (tensor._grad is not None) is not there:
                return False
        if get_default_dtype() is not self.names["default"]:
            return False
        if mode.enabled is not self.enabled or (self.environment is not None and self.environment.changed()):
            return False
        for update in self.updates():
            now = update.optimizer.param_groups
            if [id(group) for group in now] != [id(group) for group, _ in update.groups]:
                return False
        if not all(heeded() for heeded in self.heeding):
            return False
        for binding in self.bindings:
            binding()
        return True

    def run_anew(self, arrays: Sequence[Array]) -> Any:
        """Bind, then run; MISS if the program does not fit any more."""
        if not self.bind():
            return MISS
        self.names["again"] = False
        result = self.run(*arrays)
        if result is not MISS and result is not FAILED:
            self.names["again"] = self.ready = True
        return result


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


def plain_descent(optimizer: Any, group: dict[str, Any]) -> bool:
    """Whether the optimizer's rule is w ← w − γ·g under these options."""
    rule = getattr(type(optimizer), "update_rule", None)
    return getattr(rule, "__qualname__", "") == "SGD.update_rule" and not (
        group["momentum"] or group["weight_decay"] or group["maximize"]
    )


def plain_and_small(optimizer: Any, group: dict[str, Any], work: list[tuple[Any, Value, Value]]) -> bool:
    """Whether all parameters of this group are small, and descend plainly."""
    return plain_descent(optimizer, group) and all(w.array.size <= SMALL for _, w, _ in work)


def holds_tensors(group: dict[str, Any]) -> bool:
    """Whether an option is a tensor, whose value may change without notice."""
    return any(isinstance(option, Tensor) for option in group.values())


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


def held_back(optimizer: Any) -> Any:
    """What keeps Ctrl-C from leaving a step halfway: the optimizer's own, if it has one."""
    for cls in type(optimizer).__mro__:
        if "step" in vars(cls) and "uninterrupted" in vars(cls)["step"].__globals__:
            return vars(cls)["step"].__globals__["uninterrupted"]
    return nullcontext
