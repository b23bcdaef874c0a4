"""Write a program down while it computes: every operation on Lifted arrays becomes a line.

Values are known by their arrays. An array that nothing watched has made is a constant; that it truly is one
is checked by tracing a second step (`program.same_programs`). What cannot be written down ends the trace,
not the step: it goes on eagerly, and the reason is kept.
"""

from __future__ import annotations

import itertools
import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import memory
from ..dtypes import Array
from .asking import asked_by_us, user_line
from .lifted import Lifted, Unliftable, lifted_in, unlifted
from .number import NO_NUMBERS, Number
from .program import Instruction, Note, Program, Value, layout, looks_at, same_bits, update_of

SHAPED_BY_VALUES = frozenset([
    np.repeat, np.compress, np.unique, np.bincount, np.extract, np.nonzero, np.flatnonzero, np.argwhere,
    np.ndarray.repeat, np.ndarray.compress, np.ndarray.nonzero,
])  # fmt: skip
UNLIKE: set[Any] = set()
"""Forwards and rules whose operations have once given other bits: each trace shall keep them as one call."""

GET = frozenset((operator.getitem,))
WORDS = {
    "asarray": "NumPy", "tolist": ".tolist()", "item": ".item()", "float": "float()", "int": "int()",
}  # fmt: skip


class NotTraced(RuntimeError):
    """With `strict=True`: the step does something that cannot be compiled."""


class Writer:
    """The program of a step while it is written."""

    def __init__(self, strict: bool = False) -> None:
        self.thread = threading.get_ident()
        self.strict = strict
        self.program = Program()
        self.reason = ""  # why the trace was given up
        self.place = ""  # and where in the user's code
        self.busy = False  # inside something that is written down as a whole
        self.lowering: int | None = None  # the number of values when a function began to be read on Lifteds
        self.originals: dict[Value, Array] = {}  # copies of constants
        self.known: dict[int, tuple[Any, Value]] = {}  # by id; the arrays are kept, so that ids stay theirs
        self.viewed: set[int] = set()
        self.effects = 0
        self.note = Note("forward")
        self.calls = itertools.count(1).__next__

    # the trace ends, the step goes on

    def give_up(self, reason: str, place: str = "") -> None:
        """Note why this step cannot be compiled, and where (here, if not said); RuntimeError if it must."""
        if self.reason:
            return
        self.reason, self.place = reason, place or user_line()
        if self.strict:
            raise NotTraced(f"compile: {reason}, at {self.place}")

    @property
    def watching(self) -> bool:
        """Whether what happens now, in this thread, is to be written down."""
        return not (self.reason or self.busy) and self.thread == threading.get_ident()

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """A block whose parts are not written down."""
        outer, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = outer

    @contextmanager
    def noted(self, name: str, args: Any) -> Iterator[None]:
        """A block whose lines are one call of an operation, which is no primitive."""
        outer = self.note
        if self.watching:
            self.note = Note(outer.paragraph, name, None, self.calls(), tuple(self.tree(args)))
        try:
            yield
        finally:
            self.note = outer

    # values

    def value(self, kind: str, array: Array, source: Any = None, root: Value | None = None) -> Value:
        """A new value of the program."""
        made = Value(kind, array, source, root, len(self.program.values))
        self.program.values.append(made)
        return made

    def know(self, array: Array, value: Value) -> None:
        self.known[id(array)] = (array, value)

    def named(self, array: Array) -> Value:
        """The value that an array is; a constant if nothing is known of it."""
        found = self.known.get(id(array))
        if found is None:
            value = self.value("constant", array)
            self.originals[value] = array.copy(order="K")
            self.know(array, value)
            return value
        return found[1]

    def renew(self, root: Value) -> None:
        """A constant whose memory is changed is made anew at each call."""
        if root.kind == "constant":
            others = [v for v in self.originals if v.kind == "constant" and v is not root]
            if any(looks_at(root.array, v.array) for v in others):
                self.give_up("memory is changed that two tensors share")
            original = self.value("constant", root.array)
            self.originals[original] = self.originals.pop(root)
            root.kind = "made"
            root.source = Instruction(np.copy, (original,), {}, root, Note("forward"), place=user_line())
            self.program.lines.insert(0, root.source)

    def lifted(self, array: Array) -> Lifted:
        return Lifted(array, self.named(array), self)

    def tree(self, args: Any) -> Any:
        """Arguments with Values for arrays."""
        if type(args) is Lifted:
            return args.named
        if isinstance(args, np.ndarray):
            return self.named(args)
        if type(args) in (tuple, list):
            return type(args)(map(self.tree, args))
        if isinstance(args, dict):
            return {name: self.tree(arg) for name, arg in args.items()}
        if isinstance(args, Number):
            self.give_up(NO_NUMBERS)
            return float.__pos__(args)
        if isinstance(args, slice):
            return slice(self.tree(args.start), self.tree(args.stop), self.tree(args.step))
        return args

    def lift(self, args: Any) -> Any:
        """Arguments with Lifteds for arrays."""
        if type(args) is Lifted:
            return args
        if isinstance(args, np.ndarray):
            return self.lifted(args)
        if type(args) in (tuple, list):
            return type(args)(map(self.lift, args))
        if isinstance(args, dict):
            return {name: self.lift(arg) for name, arg in args.items()}
        return args

    # lines

    def emit(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Compute, and write it down; what NumPy is asked to do with a Lifted."""
        if self.reason or not lifted_in((args, options)):
            return function(*unlifted(args), **unlifted(options))
        if self.selects_nothing(function, args):
            return function(*unlifted(args))
        if function in SHAPED_BY_VALUES or (function in GET and masks(args[1])):
            return self.escape(function, args, options)
        result = function(*unlifted(args), **unlifted(options))
        if not isinstance(result, (np.ndarray, np.generic)):
            return self.escape(function, args, options)
        result = np.asarray(result)
        if id(result) in self.known:
            return self.lifted(result)
        out = self.line(function, self.tree(args), self.tree(options), result, self.note)
        self.know(result, out)
        return Lifted(result, out, self)

    def applied(self, primitive: Any, args: tuple[Any, ...]) -> Any:
        """A primitive that a rule calls is part of the rule."""
        return primitive.forward(*args)

    def selects_nothing(self, function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """Whether our own code looks for what is wrong with its arguments, x[bad], and finds nothing."""
        if function is not operator.getitem or self.lowering is not None or not masks(args[1]):
            return False
        bad = args[1]
        return type(bad) is Lifted and asked_by_us() and not bad.value.any() and not self.branch(bad.any())

    def line(
        self, function: Any, args: Any, options: dict[str, Any], result: Array, note: Note, pure: bool = True
    ) -> Value:
        """Write one line, and name its result."""
        made = Instruction(function, args, options, None, note, pure, place=user_line())
        root = next((v.root for v in made.values() if looks_at(result, v.array)), None)
        if root is not None:
            self.viewed.add(root.number)
        made.out = self.value("made", result, made, root)
        self.program.lines.append(made)
        return made.out

    def lowered(
        self,
        function: Any,
        raw: Any,
        args: Any,
        z: Array,
        note: Note,
        whole: Callable[..., Any] | None = None,
    ) -> Value:
        """The value of `function(*raw)`: in NumPy's operations if it can be read so, else as one call.

        The call is of `whole`, if `function` is only another way to write it.
        """
        lines, values = self.program.lines, self.program.values
        marks = len(lines), len(values)
        outer, self.note, self.lowering = self.note, note, len(values)
        kind = note.name, note.argnum, z.shape, z.dtype.str
        try:
            if isinstance(function, np.ufunc):
                return self.line(function, args, {}, z, note)
            if kind not in UNLIKE:
                lifted = function(*self.lift(raw))
                if type(lifted) is Lifted and same_bits(lifted.value, z):
                    if lifted.named.number >= marks[1] and lifted.named.kind == "made":
                        lifted.named.array = z  # which is what the engine goes on with
                    return lifted.named
                if type(lifted) is Lifted:
                    UNLIKE.add(kind)
        except Exception:  # it branches, writes, calls C code: then it stays a call
            pass
        finally:
            self.note, self.lowering = outer, None
        del lines[marks[0] :]
        for value in values[marks[1] :]:
            if value.kind != "constant":
                self.known.pop(id(value.array), None)
        kept = [v for v in values[marks[1] :] if v.kind == "constant"]
        del values[marks[1] :]
        for value in kept:
            value.number = len(values)
            values.append(value)
        return self.line(whole or function, args, {}, z, note)

    # changes in place

    def emit_into(self, out: Any, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """`function(..., out=out)`: a new value, if nobody else looks at that memory."""
        if type(out) is Lifted and self.lowering is None:
            function(*unlifted(inputs), **unlifted(options), out=out.value)
            memory.touch(out.value)
            if not self.reason:
                self.effect(function, self.tree(inputs), {**self.tree(options), "out": out.named}, out.named)
            return out
        if self.lowering is None or self.reason:
            return self.escape(function, (*inputs, *((out,) if type(out) is not tuple else out)), options)
        if type(out) is not Lifted:
            raise Unliftable("out=")
        old = out.named
        if (
            old.kind != "made"
            or old.number < self.lowering
            or old.root is not old
            or old.number in self.viewed
        ):
            raise Unliftable("out= of memory that others look at")
        new = self.emit(function, inputs, options)
        if new.value.dtype != out.value.dtype or layout(new.value) != layout(out.value):
            raise Unliftable("out= of another kind")
        out.value, out.named = new.value, new.named
        return out

    def change(self, function: Any, target: Lifted, args: tuple[Any, ...], **options: Any) -> None:
        """`function(target, *args)`, which changes the memory of the target."""
        if self.lowering is not None:
            raise Unliftable("a change in place")
        function(target.value, *unlifted(args), **unlifted(options))
        memory.touch(target.value)
        if not self.reason:
            self.effect(function, (target.named, *self.tree(args)), self.tree(options), target.named)

    def effect(self, function: Any, args: Any, options: Any, target: Value) -> None:
        """Write a line that changes the memory of `target`."""
        note = self.note if self.note.call else self.note._replace(call=self.calls())
        self.renew(target.root)
        made = Instruction(function, args, options, None, note, False, target, place=user_line())
        self.program.lines.append(made)
        self.effects += 1

    # values that are asked for

    def escape(self, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """A value leaves the program: nothing that is done with it can be written down."""
        if self.lowering is not None:
            raise Unliftable(getattr(function, "__name__", str(function)))
        if not self.reason:
            name = getattr(function, "__name__", str(function))
            if function is getattr:
                name = f"its array's {args[1]}"
            self.give_up(f"{WORDS.get(name, name)} needs the values of a tensor while the program runs")
        return function(*unlifted(args), **unlifted(options))

    def branch(self, x: Lifted) -> bool:
        """The program branches: where our own code checks its arguments, each replay checks them first."""
        answer = bool(x.value)
        if self.lowering is not None:
            raise Unliftable("a branch")
        if self.reason:
            return answer
        if not asked_by_us():
            self.give_up("which way a branch goes depends on the values of a tensor (`if`, `while`, `and`)")
        elif self.effects and not self.untouched(x.named):
            self.give_up("a check of values comes after something was drawn or changed in place")
        else:
            check = Instruction(bool, (x.named,), {}, None, self.note, False, None, answer)
            self.program.lines.append(check)
        return answer

    def untouched(self, value: Value) -> bool:
        """Whether a value follows from what has not been drawn or changed so far: it could be asked first."""
        changed = {line.writes.root for line in self.program.lines if line.writes is not None}
        changed |= {
            v.root for line in self.program.lines if line.function is update_of for v in line.values()
        }
        waiting, met = [value], {value}
        while waiting:
            x = waiting.pop()
            if x.kind == "gradient" or any(looks_at(x.root.array, y.array) for y in changed):
                return False
            if x.kind == "made":
                if not x.source.pure:
                    return False
                waiting += [v for v in {*x.source.values(), x.root} if v not in met]
                met.update(waiting)
        return True


def masks(index: Any) -> bool:
    """Whether a mask is among these indices: then the shape of the result depends on its values."""
    if isinstance(index, (tuple, list)):
        return any(map(masks, index))
    return isinstance(index, np.ndarray) and index.dtype == bool
