"""Run a step once, eagerly, and write down what it does.

While a step is traced, the engine computes as always; the places through which all of its values pass are
watched, in this thread only: `forward` of every primitive, `Tensor.array` and `.grad`, the pullback, changes
in place, random draws, `step` of the optimizers. A forward or a rule is read a second time on Lifted arrays,
which writes it down as NumPy's own operations; where that does not give the same bits, it stays one call.

Values are known by their arrays. An array that nothing watched has made is a constant; that it truly is one
is checked by tracing a second step (`program.same_programs`). What cannot be written down ends the trace,
not the step: it goes on eagerly, and the reason is kept.
"""

from __future__ import annotations

import itertools
import operator
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .. import backward, functional, inplace, memory
from ..arrays import column_sums
from ..dtypes import Array
from ..ops import indexing
from ..primitive import registry
from ..protocols import Protocols
from ..random.generator import Generator
from ..record import Record, clock
from ..suspicions import doubt_sum
from ..tensor import Tensor
from .lifted import Lifted, Unliftable, lifted_in, unlifted
from .program import (
    Instruction,
    Note,
    Program,
    Returned,
    Update,
    Value,
    layout,
    looks_at,
    replaced,
    same_bits,
)
from .twins import TWINS

ENGINE = Path(__file__).parents[1]
PLACES = (str(ENGINE) + "/", str(ENGINE.parent / "nn") + "/")
"""Where the code lies that is not the user's."""

NUMPY = str(Path(np.__file__).parent)

PLAIN = frozenset(
    str(ENGINE / name)
    for name in ("primitive.py", "functional.py", "backward.py", "ops/linear.py", "ops/losses.py")
)
"""Code that hands the arrays of tensors to primitives and to nothing else."""

READS = (
    "numpy",
    "tolist",
    "__array__",
    "__int__",
    "__float__",
    "__index__",
    "__contains__",
    "__repr__",
    "__reduce__",
)
DRAWS = (
    "uniform", "normal", "normal_by_pairs", "bernoulli", "mask_like", "exponential", "integers", "permutation"
)  # fmt: skip
SEEDS = ("manual_seed", "seed", "set_state")

SHAPED_BY_VALUES = frozenset([
    np.repeat, np.compress, np.unique, np.bincount, np.extract, np.nonzero, np.flatnonzero, np.argwhere,
    np.ndarray.repeat, np.ndarray.compress, np.ndarray.nonzero,
])  # fmt: skip

array_of: Any = vars(Tensor)["array"]
grad_of: Any = vars(Tensor)["_grad"]

lock = threading.RLock()
"""One trace at a time: what it watches belongs to all threads."""


class NotTraced(RuntimeError):
    """With `strict=True`: the step does something that cannot be compiled."""


class Tracer:
    """The program of a step while it is written."""

    def __init__(self, strict: bool = False) -> None:
        self.thread = threading.get_ident()
        self.strict = strict
        self.program = Program()
        self.reason = ""  # why the trace was given up
        self.place = ""  # and where in the user's code
        self.busy = False  # inside something that is written down as a whole
        self.lowering: int | None = None  # the number of values when a function began to be read on Lifteds
        self.known: dict[int, tuple[Any, Value]] = {}  # by id; the arrays are kept, so that ids stay theirs
        self.seen: dict[int, tuple[Tensor, Array, Any]] = {}  # tensors made before: array and record
        self.given: dict[int, tuple[Tensor, Array, Any]] = {}  # the same of the arguments
        self.born: dict[int, weakref.ref[Tensor]] = {}
        self.start = clock()
        self.grads_set: dict[int, Tensor] = {}
        self.grads_read: dict[int, tuple[Tensor, bool]] = {}  # and whether there was one
        self.viewed: set[int] = set()
        self.effects = 0
        self.note = self.ruled = Note("forward")
        self.calls = itertools.count(1).__next__

    # the trace ends, the step goes on

    def give_up(self, reason: str) -> None:
        """Note why this step cannot be compiled; RuntimeError if it must."""
        if self.reason:
            return
        self.reason, self.place = reason, user_line()
        if self.strict:
            raise NotTraced(f"compile: {reason}, at {self.place}")

    @property
    def watching(self) -> bool:
        """Whether what happens now, in this thread, is to be written down."""
        return not (self.reason or self.busy) and self.thread == threading.get_ident()

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
            value = self.value("constant", array.copy(order="K"))
            self.know(array, value)
            return value
        return found[1]

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

    def read(self, tensor: Tensor, array: Array) -> None:
        """A tensor's array is asked for: if the tensor is older than the step, its value comes from there."""
        if self.is_born(tensor) or id(tensor) in self.given:
            return
        if id(tensor) not in self.seen:
            self.seen[id(tensor)] = (tensor, array, tensor.record)
        if id(array) not in self.known:
            self.know(array, self.value("tensor", array, tensor))

    def is_born(self, tensor: Tensor) -> bool:
        """Whether this tensor was made in the step."""
        found = self.born.get(id(tensor))
        return found is not None and found() is tensor

    # instructions

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
        made = Instruction(function, args, options, None, note, pure)
        root = next((v.root for v in made.values() if looks_at(result, v.array)), None)
        if root is not None:
            self.viewed.add(root.number)
        made.out = self.value("made", result, made, root)
        self.program.lines.append(made)
        return made.out

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
        note = self.note._replace(call=self.calls())
        self.program.lines.append(Instruction(function, args, options, None, note, False, target))
        self.effects += 1

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
            if x.root in changed or x.kind == "gradient":
                return False
            if x.kind == "made":
                if not x.source.pure:
                    return False
                waiting += [v for v in {*x.source.values(), x.root} if v not in met]
                met.update(waiting)
        return True

    # the engine

    def forward(self, op: Any, original: Callable[..., Any], raw: tuple[Any, ...]) -> Array:
        """A primitive is applied."""
        with self.unwatched():
            z = original(*unlifted(raw))
        z = z if type(z) is np.ndarray else np.asarray(z)
        if id(z) in self.known:
            return z
        if op.name in INDEXING and masks(raw):
            self.give_up(f"{op.name} by a mask has a shape that depends on the values")
            return z
        args = self.tree(raw)
        note = Note(self.note.paragraph, op.name, None, self.calls(), args, None, op)
        twin = TWINS.get((op.name, None), original)
        self.know(z, self.lowered(twin, raw, args, z, note, original))
        return z

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
        try:
            if not isinstance(function, np.ufunc):
                lifted = function(*self.lift(raw))
                if type(lifted) is Lifted and same_bits(lifted.value, z):
                    if lifted.named.number >= marks[1] and lifted.named.kind == "made":
                        lifted.named.array = z  # which is what the engine goes on with
                    return lifted.named
            else:
                return self.line(function, args, {}, z, note)
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

    def pullback(
        self,
        seeds: Sequence[tuple[Record, Any]],
        wanted: frozenset[Record] | None = None,
        retain_graph: bool = False,
    ) -> dict[Record, Any]:
        """`backward.pullback` on arrays, rule by rule, in the same order; its answers are compared."""
        with self.unwatched():
            truth = backward.pullback(seeds, wanted, retain_graph=True)
        outer, self.note = self.note, Note("backward")
        found: dict[Record, Lifted] = {}
        total: dict[Record, Lifted] = {}
        useful = None if wanted is None else backward.leading_to(wanted, [root for root, _ in seeds])
        for root, g in seeds:
            at = found if root.op is None else total
            d = self.lifted(np.asarray(g))
            at[root] = self.emit(np.add, (at[root], d), {}) if root in at else d
        for z in newest_first([root for root, _ in seeds]):
            if z not in total:
                continue
            g = total.pop(z)
            if z.hooks is not None and z.tensor is not None:
                found[z] = g
            if wanted is not None and z in wanted:
                found[z] = g
            inputs = [x if useful is None or x in useful else None for x in z.inputs]
            if not any(x is not None for x in inputs):
                continue
            if z.spent or memory.latest > z.birth:
                backward.refuse_gone(z)
            assert z.op is not None
            for i, (x, rule) in enumerate(zip(inputs, z.op.vjps, strict=False)):
                if x is None:
                    continue
                found_d = self.rule(z, i, rule, g)
                if found_d is None:
                    continue
                d = found_d
                if d.shape != x.value.shape:
                    d = self.unbroadcast(z, i, d, x.value.shape)
                at = found if x.op is None else total
                if x in at:
                    self.note = Note("backward", "add", None, self.calls(), primitive=x)
                    d = self.emit(np.add, (at[x], d), {})
                elif x.op is None and d.named.root is g.named.root:
                    self.note = self.ruled
                    d = self.emit(np.ndarray.copy, (d,), {})
                at[x] = d
            if not retain_graph:
                z.spent = True
                backward.free(z)
        self.note = outer
        if set(truth) != set(found) or not all(same_bits(truth[z], d.value) for z, d in found.items()):
            self.give_up("the backward pass is done in a way that was not followed")
            return truth
        return {record: d.value for record, d in found.items()}

    def rule(self, z: Record, i: int, rule: Any, g: Lifted) -> Lifted | None:
        """The cotangent of the i-th argument of a record."""
        with self.unwatched():
            d = rule(g.value, z.value, *z.args)
        if d is None:
            return None
        d = np.asarray(d)
        raw = (g, z.value, *z.args)
        args = self.tree(raw)
        note = Note("backward", z.op.name, i, self.calls(), args[2:], args[1], z.op)  # type: ignore[union-attr]
        if id(d) in self.known:
            return self.lifted(d)
        twin = TWINS.get((note.name, i), rule)
        value = self.lowered(twin, raw, args, d, note, rule)
        self.ruled = note
        self.know(d, value)
        return Lifted(d, value, self)

    def unbroadcast(self, z: Record, i: int, d: Lifted, shape: tuple[int, ...]) -> Lifted:
        """`backward.unbroadcast`, written down."""
        result = backward.unbroadcast(d.value, shape)
        note = self.ruled  # it belongs to the rule
        value = self.lowered(summed, (d, shape), (d.named, shape), result, note, backward.unbroadcast)
        self.know(result, value)
        return Lifted(result, value, self)

    def accumulate(self, x: Tensor, g: Array) -> None:
        """`functional.accumulate` of an array."""
        outer, self.note = self.note, Note("backward", "add")
        grad = x.grad
        if grad is None:
            x._grad = self.emit(np.ndarray.copy, (self.lifted(g),), {}).value
        elif grad.record is not None:
            x._grad = self.emit(np.add, (self.lifted(array_of.__get__(grad)), self.lifted(g)), {}).value
        else:
            with self.unwatched():
                doubt_sum(x, grad)
            target = self.lifted(array_of.__get__(grad))
            self.change(np.add, target, (self.lifted(g),), out=target)
        self.note = outer

    def own(self, g: Any, taken: set[int]) -> Tensor:
        """`functional.own` of an array."""
        if type(g) is np.ndarray and (g.base is not None or id(g) in taken):
            g = self.emit(np.ndarray.copy, (self.lifted(g),), {}).value
        taken.add(id(g))
        return Tensor(g)

    def update(self, optimizer: Any, step: Callable[..., Any]) -> None:
        """`optimizer.step()`."""
        if step.__qualname__ not in ("Optimizer.step", "SGD.step"):
            self.give_up(f"{type(optimizer).__name__} calls the step from within its own")
        groups = []
        with self.unwatched():
            for group in optimizer.param_groups:
                work = []
                for p in group["params"]:
                    if p._grad is not None and not self.reason:
                        grad = p._grad if type(p._grad) is np.ndarray else p._grad.array
                        self.grad_is_read(p, p._grad)
                        if self.is_born(p):
                            self.give_up("an optimizer of tensors that the step makes")
                        self.read(p, p.array)
                        work.append((p, self.named(p.array), self.named(grad)))
                    elif p._grad is None:
                        self.grad_is_read(p, None)
                groups.append((group, work))
            step(optimizer)
        if not self.reason:
            made = Update(optimizer, groups)
            values = [v for _, work in groups for _, w, g in work for v in (w, g)]
            self.program.lines.append(Instruction(update_of, (made, values), {}, None, Note("update"), False))
            self.effects += 1

    def draw(self, method: Callable[..., Any], generator: Any, args: Any, options: Any) -> Any:
        """A random draw."""
        with self.unwatched():
            drawn = method(generator, *unlifted(args), **unlifted(options))
        self.effects += 1
        note = Note(self.note.paragraph, method.__name__, None, self.calls())
        value = self.line(method, (generator, *self.tree(args)), self.tree(options), drawn, note, pure=False)
        self.know(drawn, value)
        return Lifted(drawn, value, self)

    def become(self, original: Callable[..., Any], x: Tensor, new: Tensor, name: str) -> Tensor:
        """The last step of every change in place."""
        with self.unwatched():
            for t in (x, new):
                self.read(t, t.array)
            target, values = self.lifted(x.array), self.lifted(new.array)
            same = new.dtype == x.dtype
            original(x, new, name)
        self.program.lines.append(
            Instruction(
                np.copyto, (target.named, values.named), {} if same else {"casting": "unsafe"}, None,
                Note(self.note.paragraph, name, None, self.calls()), False, target.named,
            )
        )  # fmt: skip
        self.effects += 1
        return x

    # gradients

    def grad_is_read(self, tensor: Tensor, grad: Any) -> None:
        """`tensor._grad` is asked for: as it was when the step began?"""
        if self.is_born(tensor) or id(tensor) in self.grads_set or id(tensor) in self.grads_read:
            return
        self.grads_read[id(tensor)] = (tensor, grad is not None)
        if grad is not None:
            array = grad if type(grad) is np.ndarray else array_of.__get__(grad)
            if type(grad) is not np.ndarray:
                self.born[id(grad)] = weakref.ref(grad)  # what is known of its array is that it is a gradient
                if grad.record is not None:
                    self.give_up("a gradient that has a graph is used")
            if id(array) not in self.known:
                self.know(array, self.value("gradient", array, tensor))

    def grad_is_set(self, tensor: Tensor, grad: Any) -> None:
        """`tensor._grad` is set."""
        if self.is_born(tensor):
            return
        before = grad_of.__get__(tensor)
        if type(before) is np.ndarray and isinstance(grad, Tensor) and array_of.__get__(grad) is before:
            self.grad_is_read(tensor, before)
            self.born[id(grad)] = weakref.ref(grad)
            return  # it is looked at: an array becomes a Tensor
        self.grads_set[id(tensor)] = tensor

    # the end

    def finish(self, result: Any) -> None:
        """Note what the step returned, and which gradients it left."""
        if self.reason:
            return
        allowed: set[int] = set()
        self.program.result = self.returned(result, allowed)
        for tensor in self.grads_set.values():
            grad = grad_of.__get__(tensor)
            if grad is None:
                self.program.gradients.append((tensor, None))
                continue
            array = grad if type(grad) is np.ndarray else array_of.__get__(grad)
            if isinstance(grad, Tensor):
                allowed.add(id(grad))
                if grad.record is not None:
                    self.give_up("a gradient is left with a graph (create_graph)")
                    return
            if id(array) not in self.known:
                self.give_up("a gradient is set that the step did not compute")
                return
            self.program.gradients.append((tensor, self.known[id(array)][1]))
        if any(id(t) in self.given for t, _ in self.program.gradients):
            self.give_up(
                "an argument requires grad and would get a .grad: return its gradient (autodiff.grad)"
            )
            return
        for tensor, array, record in (*self.seen.values(), *self.given.values()):
            if array_of.__get__(tensor) is not array or tensor.record is not record:
                self.give_up(f"a tensor that is older than the step, of shape {array.shape}, becomes another")
                return
        self.program.seen = [(t, self.known[id(array)][1], record) for t, array, record in self.seen.values()]
        self.program.grads_read = list(self.grads_read.values())
        for tensor, _ in self.grads_read.values():
            allowed.add(id(grad_of.__get__(tensor)))
        self.escaped = [ref for key, ref in self.born.items() if key not in allowed]

    def returned(self, result: Any, allowed: set[int]) -> Any:
        """The result with Values for tensors."""
        if isinstance(result, Tensor):
            view = result._view
            allowed.update((id(result), id(view[0])) if view is not None else (id(result),))
            if not self.is_born(result):
                return result
            array = array_of.__get__(result)
            record = result.record
            if record is not None and not record.spent and result._grad is None:
                self.give_up(
                    "a tensor is returned whose gradient was not taken: call backward() in the step, or "
                    "return it detached"
                )
            return Returned(self.named(array))
        if type(result) in (tuple, list):
            return type(result)(self.returned(part, allowed) for part in result)
        if type(result) is dict:
            return {name: self.returned(part, allowed) for name, part in result.items()}
        if isinstance(result, Number):
            allowed.add(id(result))
            return Returned(result.value, item=True)
        if result is None or type(result) in (bool, int, float, str):
            return result
        self.give_up(f"the step returns a {type(result).__name__}: tensors and numbers can be returned")
        return None

    def escapes(self) -> None:
        """Give up if something that was made in the step is still held, and was not returned."""
        import gc

        for attempt in range(2):
            alive = [t for ref in self.escaped if (t := ref()) is not None]
            if not alive:
                return
            if attempt == 0:
                del alive
                gc.collect()
        kind = "number" if isinstance(alive[0], Number) else f"tensor of shape {alive[0].shape}"
        self.give_up(
            f"a {kind} made in the step is kept somewhere, where replays would not renew it: return it"
        )

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """A block whose parts are not written down."""
        outer, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = outer


def update_of(update: Update, values: Sequence[Any]) -> None:
    """Stands for the step of an optimizer, of which the fast and the readable form write their own."""


class Number(float):
    """The number that `.item()` gave: it may be returned, not computed with."""

    tracer: Tracer
    value: Value


NO_NUMBERS = "a number that .item() gave is used in the step: return it instead"


def refusing(name: str) -> Callable[..., Any]:
    """A float's method that ends the trace."""
    method = getattr(float, name)

    def refuse(self: Number, *args: Any) -> Any:
        if self.tracer.watching:
            self.tracer.give_up(NO_NUMBERS)
        return method(self, *args)

    return refuse


ASKED_OF_NUMBERS = """add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow divmod
    neg pos abs bool int float round lt le gt ge eq ne format repr str trunc floor ceil hash""".split()
for _name in ASKED_OF_NUMBERS:
    setattr(Number, f"__{_name}__", refusing(f"__{_name}__"))

WORDS = {"asarray": "NumPy", "tolist": ".tolist()", "item": ".item()"}
INDEXING = frozenset(("getitem", "setitem", "masked_select"))
GET = frozenset((operator.getitem,))


def masks(index: Any) -> bool:
    """Whether a mask is among these indices: then the shape of the result depends on its values."""
    if isinstance(index, (tuple, list)):
        return any(map(masks, index))
    return isinstance(index, np.ndarray) and index.dtype == bool


def summed(d: Any, shape: tuple[int, ...]) -> Any:
    """`backward.unbroadcast` as it is of arrays, in words that a Lifted understands."""
    extra = d.ndim - len(shape)
    if extra > 0:
        rows = d.reshape(-1, d.shape[-1]) if len(shape) == 1 else None
        d = column_sums(rows) if rows is not None else d.sum(axis=tuple(range(extra)))
        if d.shape == shape:
            return d
    axes = tuple(i for i, (n, m) in enumerate(zip(shape, d.shape, strict=False)) if n == 1 != m)
    if axes and extra >= 0:
        d = d.sum(axis=axes, keepdims=True)
    return d if d.shape == shape else np.broadcast_to(d, shape).copy()


def newest_first(roots: Sequence[Record]) -> list[Record]:
    """All records of operations behind the roots."""
    behind: set[Record] = set()
    stack = [root for root in roots if root.op is not None]
    while stack:
        z = stack.pop()
        if z not in behind:
            behind.add(z)
            stack.extend(x for x in z.inputs if x is not None and x.op is not None)
    return sorted(behind, key=lambda record: -record.birth)


# who is asking ----------------------------------------------------------------------------------------------


def user_line() -> str:
    """Where in the user's code we are: "file.py:12"."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((*PLACES, NUMPY)):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


ASKING = tuple(
    str(ENGINE / name) for name in ("compiler/", "tensor.py", "protocols.py", "methods.py", "conversion.py")
)


def asked_by_us() -> bool:
    """Whether it is code of ours that looks at a value, not the user's."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((*ASKING, NUMPY)):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(PLACES)


def from_outside(depth: int = 2) -> bool:
    """Whether the data of a new tensor is the user's own."""
    frame: Any = sys._getframe(depth)
    name, code = frame.f_code.co_name, frame.f_code.co_filename
    if not code.startswith(PLACES):
        return True
    if name == "operand" or code.endswith("ops/elementwise.py"):
        return True
    if code.endswith("autodiff/creation.py") and name in ("tensor", "as_tensor", "asarray", "from_numpy"):
        return not frame.f_back.f_code.co_filename.startswith(PLACES)
    return False


# watching ---------------------------------------------------------------------------------------------------


active: list[Tracer] = []


def tracing() -> bool:
    """Whether a step is being traced."""
    return bool(active)


@contextmanager
def watched(t: Tracer, optimizers: Sequence[Any]) -> Iterator[None]:
    """Write down what happens in this block."""
    with lock, ExitStack() as stack:
        active.append(t)
        stack.callback(active.pop)

        def put(owner: Any, name: str, new: Any) -> None:
            before = vars(owner)[name]
            stack.callback(setattr, owner, name, before)
            setattr(owner, name, new)

        for op in registry.values():
            put(op, "forward", watched_forward(t, op, op.forward))
        watch_tensors(t, put)
        watch_engine(t, put)
        for name in DRAWS:
            put(Generator, name, watched_draw(t, vars(Generator)[name]))
        for name in SEEDS:
            put(Generator, name, refused(t, vars(Generator)[name], "the generator is seeded in the step"))
        for cls in {cls for o in optimizers for cls in type(o).__mro__ if "step" in vars(cls)}:
            put(cls, "step", watched_step(t, vars(cls)["step"]))
        yield


def watched_forward(t: Tracer, op: Any, original: Any) -> Any:
    def forward(*raw: Any) -> Any:
        if not t.watching or t.lowering is not None:
            return original(*(unlifted(raw) if t.reason else raw))
        return t.forward(op, original, raw)

    return forward


def watched_draw(t: Tracer, original: Any) -> Any:
    def draw(self: Any, *args: Any, **options: Any) -> Any:
        if not t.watching:
            return original(self, *unlifted(args), **unlifted(options))
        return t.draw(original, self, args, options)

    return draw


def watched_step(t: Tracer, original: Any) -> Any:
    def step(self: Any, closure: Any = None) -> Any:
        if not t.watching:
            return original(self, closure)
        if closure is not None:
            t.give_up("an optimizer is given a closure")
            return original(self, closure)
        return t.update(self, original)

    step.__qualname__ = original.__qualname__
    return step


def refused(t: Tracer, original: Any, reason: str) -> Any:
    def refuse(self: Any, *args: Any, **options: Any) -> Any:
        if t.watching and t.lowering is None:
            t.give_up(reason)
        return original(self, *args, **options)

    return refuse


def watch_tensors(t: Tracer, put: Callable[[Any, str, Any], None]) -> None:
    """What goes in and out of Tensors."""
    init, make_record = Tensor.__init__, Record.__init__

    def get_array(self: Any) -> Any:
        array = array_of.__get__(self)
        if not t.watching or t.lowering is not None:
            return array
        t.read(self, array)
        if sys._getframe(1).f_code.co_filename in PLAIN:
            return array
        return t.lifted(array) if id(array) in t.known else Lifted(array, t.named(array), t)

    def get_grad(self: Any) -> Any:
        grad = grad_of.__get__(self)
        if t.watching:
            t.grad_is_read(self, grad)
        return grad

    def set_grad(self: Any, grad: Any) -> None:
        if type(grad) is Lifted:
            grad = grad.value
        if t.watching:
            t.grad_is_set(self, grad)
        grad_of.__set__(self, grad)

    def new(self: Any, data: Any = (), record: Any = None) -> None:
        if t.watching:
            if type(data) is Lifted:
                data = data.value
            elif not (type(data) is np.ndarray and id(data) in t.known) and from_outside():
                t.give_up("data is made a tensor in the step: make it before, or pass it as an argument")
            t.born[id(self)] = weakref.ref(self)
        init(self, unlifted(data), record)

    def recorded(self: Any, op: Any, inputs: Any, args: Any, value: Any) -> None:
        make_record(self, op, inputs, unlifted(args), unlifted(value))

    put(Tensor, "array", property(get_array, lambda self, array: array_of.__set__(self, unlifted(array))))
    put(Tensor, "_grad", property(get_grad, set_grad))
    put(Tensor, "__init__", new)
    put(Record, "__init__", recorded)
    item = Tensor.item

    def one_number(self: Any) -> Any:
        if not t.watching or t.lowering is not None:
            return item(self)
        array = array_of.__get__(self)
        t.read(self, array)
        with t.unwatched():
            found = item(self)
        if type(found) is not float or asked_by_us():
            t.give_up(".item() needs the value of a tensor while the program runs")
            return found
        number = Number(found)
        number.tracer, number.value = t, t.named(array)
        t.born[id(number)] = weakref.ref(number)  # type: ignore[arg-type]
        return number

    put(Tensor, "item", one_number)
    truth = Protocols.__bool__

    def branching(self: Any) -> bool:
        array = array_of.__get__(self)
        if not t.watching or t.lowering is not None or array.size != 1:
            return truth(self)
        t.read(self, array)
        return t.branch(t.lifted(array))

    put(Protocols, "__bool__", branching)
    for name in READS:
        for cls in Tensor.__mro__:
            if name in vars(cls) and cls is not object:
                put(cls, name, refused_read(t, name, vars(cls)[name]))
                break
    as_array = vars(indexing)["as_array"]

    def index_array(data: Any, dtype: Any = None, copy: bool = False) -> Any:
        """A copy of an index, written down."""
        if t.watching and t.lowering is None and dtype is None and isinstance(data, (Tensor, np.ndarray)):
            array: Any = data.array if isinstance(data, Tensor) else data
            if type(array) is Lifted and array.dtype == np.int64:
                return array.astype(np.int64)
        return as_array(data, dtype, copy)

    put(indexing, "as_array", index_array)
    for name in ("__getitem__", "__setitem__"):
        put(Tensor, name, watched_index(t, vars(Tensor)[name]))


def refused_read(t: Tracer, name: str, original: Any) -> Any:
    def read(self: Any, *args: Any, **options: Any) -> Any:
        if t.watching and t.lowering is None:
            shown = {"__array__": "NumPy", "__repr__": "print", "__float__": "float()", "__int__": "int()"}
            t.give_up(f"{shown.get(name, name)} needs the values of a tensor while the program runs")
        return original(self, *args, **options)

    return read


def watched_index(t: Tracer, original: Any) -> Any:
    def index(self: Any, index: Any, *value: Any) -> Any:
        if t.watching and outsiders(index) and not sys._getframe(1).f_code.co_filename.startswith(PLACES):
            t.give_up("a tensor is indexed by an array, a list or a mask, not by a tensor of integers")
        return original(self, index, *value)

    return index


def outsiders(index: Any) -> bool:
    """Whether an index holds arrays or lists, which may be others at the next call."""
    if isinstance(index, tuple):
        return any(map(outsiders, index))
    return type(index) in (np.ndarray, list) or (
        isinstance(index, Tensor) and array_of.__get__(index).dtype == bool
    )


def watch_engine(t: Tracer, put: Callable[[Any, str, Any], None]) -> None:
    """The pullback, and changes in place."""
    pullback, accumulate, own = backward.pullback, functional.accumulate, functional.own
    become, follow_base = inplace.become, inplace.follow_base

    def pulled(seeds: Any, wanted: Any = None, retain_graph: bool = False, create_graph: bool = False) -> Any:
        if t.watching and not create_graph:
            for z in newest_first([root for root, _ in seeds]):
                if z.hooks or any(x is not None and x.hooks for x in z.inputs):
                    t.give_up("a hook is called with a gradient")
                elif z.birth < t.start:
                    t.give_up("the gradient flows back through what was computed before the step")
                elif z.op is not None and registry.get(z.op.name) is not z.op:
                    t.give_up(f"{z.op.name} is a function of your own, which is no primitive")
            if t.watching:
                return t.pullback(seeds, wanted, retain_graph)
        return pullback(seeds, wanted, retain_graph, create_graph)

    def accumulated(x: Tensor, g: Any) -> None:
        if t.watching and not isinstance(g, Tensor):
            t.accumulate(x, g)
        else:
            accumulate(x, g)

    def owned(g: Any, taken: set[int]) -> Tensor:
        return t.own(g, taken) if t.watching and not isinstance(g, Tensor) else own(g, taken)

    def became(x: Tensor, new: Tensor, name: str) -> Tensor:
        return t.become(become, x, new, name) if t.watching else become(x, new, name)

    def followed(x: Tensor) -> None:
        with t.unwatched():
            follow_base(x)

    put(functional, "pullback", pulled)
    put(functional, "accumulate", accumulated)
    put(functional, "own", owned)
    put(inplace, "follow_base", followed)
    for name, module in list(sys.modules.items()):
        if name.startswith(("autodiff.", "nn.")) and vars(module).get("become") is become:
            put(module, "become", became)


def trace(
    step: Callable[..., Any], args: Any, options: Any, optimizers: Sequence[Any], strict: bool
) -> tuple[Any, Tracer]:
    """The result of one call, and what was written down."""
    t = Tracer(strict)
    tensors = [x for x in leaves((args, options)) if isinstance(x, Tensor)]
    for i, x in enumerate(tensors):
        array = array_of.__get__(x)
        if id(array) in t.known:
            t.give_up("two arguments are the same tensor")
        t.given[id(x)] = (x, array, x.record)
        t.know(array, t.value("argument", array, i))
    t.program.arguments = len(tensors)
    with watched(t, optimizers):
        result = step(*args, **options)
    t.finish(result)
    result = plain_numbers(result)
    return result, t


def plain_numbers(result: Any) -> Any:
    """The result with ordinary floats."""
    if isinstance(result, Number):
        return float.__pos__(result)
    if type(result) in (tuple, list):
        return type(result)(map(plain_numbers, result))
    if type(result) is dict:
        return {name: plain_numbers(part) for name, part in result.items()}
    return result


def leaves(tree: Any) -> list[Any]:
    """What is in nested tuples, lists and dicts."""
    if type(tree) in (tuple, list):
        return [leaf for part in tree for leaf in leaves(part)]
    if type(tree) is dict:
        return [leaf for part in tree.values() for leaf in leaves(part)]
    return [tree]


__all__ = ["NotTraced", "Tracer", "leaves", "replaced", "trace"]
