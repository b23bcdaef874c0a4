"""Run a step once, eagerly, and write down what it does.

While a step is traced, the engine computes as always, and is watched (see `watch`). A forward or a rule is
read a second time on Lifted arrays, which writes it down as NumPy's own operations (see `writer`); where that
does not give the same bits, it stays one call.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Container, Sequence
from typing import Any

import numpy as np

from .. import backward, memory
from ..dtypes import Array
from ..fast_arithmetic import column_sums
from ..primitive import Binary, Unary, View
from ..record import Record, clock
from ..suspicions import doubt_sum
from ..tensor import Tensor
from .asking import is_ours, user_line
from .lifted import Lifted, Unliftable, unlifted
from .number import Number
from .program import Instruction, Note, Returned, Update, Value, same_bits, update_of
from .twins import TWINS
from .writer import Writer, masks

ONCE = ("Optimizer.step", "SGD.step")
"""Steps that call a closure once, and then do what they do without one."""

FAILING = frozenset((np.linalg.inv, np.linalg.solve, np.linalg.cholesky))

INDEXING = frozenset(("getitem", "setitem", "masked_select"))

array_of: Any = vars(Tensor)["array"]
grad_of: Any = vars(Tensor)["_grad"]


class Tracer(Writer):
    """Follows the engine through a step, and writes down what it does."""

    def __init__(self, strict: bool = False, at_hand: Container[int] = (), home: str = "") -> None:
        super().__init__(strict)
        self.home = home  # where the step is defined
        self.at_hand = at_hand  # the ids of tensors that the step finds by itself
        self.seen: dict[int, tuple[Tensor, Array, Any]] = {}  # tensors made before: array and record
        self.given: dict[int, tuple[Tensor, Array, Any]] = {}  # the same of the arguments
        self.born: dict[int, weakref.ref[Tensor]] = {}
        self.start = clock()
        self.grads_set: dict[int, Tensor] = {}
        self.grads_read: dict[int, tuple[Tensor, bool]] = {}  # and whether there was one
        self.gradients_set_at: dict[int, str] = {}  # the user's lines
        self.ruled = self.note

    # tensors

    def read(self, tensor: Tensor, array: Array) -> None:
        """A tensor's array is asked for: if the tensor is older than the step, its value comes from there.

        Of one that is given, and that the step may also find by itself, this is the value that is given.
        """
        if self.is_born(tensor) or (id(tensor) in self.given and id(tensor) not in self.at_hand):
            return
        if id(tensor) not in self.seen:
            self.seen[id(tensor)] = (tensor, array, tensor.record)
        if id(array) not in self.known:
            self.know(array, self.value("tensor", array, tensor))

    def is_born(self, tensor: Tensor) -> bool:
        """Whether this tensor was made in the step."""
        found = self.born.get(id(tensor))
        return found is not None and found() is tensor

    # the engine

    def emit(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Write down what NumPy is asked to do; what may fail stays in a call that says so in our words."""
        if self.lowering is not None and function in FAILING:
            raise Unliftable(function.__name__)
        return super().emit(function, args, options)

    def forward(self, op: Any, original: Callable[..., Any], raw: tuple[Any, ...]) -> Array:
        """A primitive is applied."""
        try:
            with self.unwatched():
                z = original(*unlifted(raw))
        except Exception:
            if not self.reason:  # if the step catches it, what it does depends on values
                self.reason, self.place = f"{op.name} raises an error in the step", user_line()
            raise
        z = z if type(z) is np.ndarray else np.asarray(z)
        if id(z) in self.known:
            return z
        viewed = isinstance(op, View) and np.may_share_memory(z, raw[0])
        by_rows = z.flags.c_contiguous or viewed or isinstance(op, Unary | Binary) or not op.by_rows
        if op.name in INDEXING and masks(raw[1:]):
            self.give_up(f"{op.name} by a mask has a shape that depends on the values")
            return z
        if op.name == "getitem":
            self.check_range(raw[0], raw[1])
        args = self.tree(raw)
        note = Note(self.note.paragraph, op.name, None, self.calls(), args, None, op)
        twin = TWINS.get((op.name, None), original)
        self.know(z, self.lowered(twin, raw, args, z, note, original))
        if not by_rows:  # as the engine lays out what it computes
            laid_out, z = self.named(z), z.copy()
            self.know(z, self.line(np.ndarray.copy, (laid_out,), {}, z, note))
        return z

    def check_range(self, x: Any, index: Any) -> None:
        """Whether an index lies in x is asked before a replay changes anything: then eager code runs."""
        parts = index if type(index) is tuple else (index,)
        axis = 0
        for i, part in enumerate(parts):
            if part is Ellipsis:
                axis = x.ndim - sum(after is not None for after in parts[i + 1 :])
                continue
            array = part.value if type(part) is Lifted else part
            if isinstance(array, np.ndarray) and array.dtype.kind == "i":
                at, n = self.lifted(array), x.shape[axis]
                bad = ((at < -n) | (at >= n)).any() if at.named.kind != "constant" else None
                if type(bad) is Lifted and (not self.effects or self.untouched(bad.named)):
                    self.branch(bad)
            axis += part is not None

    def pullback(
        self,
        seeds: Sequence[tuple[Record, Any]],
        wanted: frozenset[Record] | None = None,
        retain_graph: bool = False,
    ) -> dict[Record, Any]:
        """`backward.pullback` on arrays, rule by rule, in the same order; its answers are compared."""
        with self.unwatched():
            truth = backward.pullback(seeds, wanted, retain_graph=True)
        self.look_at_names()
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
                    sum_of = (self.known[id(x.value)][1],) if id(x.value) in self.known else ()
                    self.note = Note("backward", "add", None, self.calls(), sum_of)
                    d = self.emit(np.add, (at[x], d), {})
                elif x.op is None and (d.value is g.value or d.value.base is not None):
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

    def look_at_names(self) -> None:
        """Note what the user's functions, which are running, call what they have computed."""
        frame: Any = sys._getframe(1)
        while frame is not None:
            if not is_ours(frame.f_code.co_filename):
                for name, x in frame.f_locals.items():
                    if isinstance(x, Tensor) and not name.startswith("_"):
                        found = self.known.get(id(array_of.__get__(x)))
                        if found is not None and found[1].kind in ("made", "constant"):
                            self.program.names.setdefault(found[1], name)
            frame = frame.f_back

    def rule(self, z: Record, i: int, rule: Any, g: Lifted) -> Lifted | None:
        """The cotangent of the i-th argument of a record."""
        with self.unwatched():
            d = rule(g.value, z.value, *z.args)
        if d is None:
            return None
        d = np.asarray(d)
        raw = (g, z.value, *z.args)
        args = self.tree(raw)
        note = Note("backward", z.op.name, i, self.calls(), args[2:], args[1], z.op, args[0])  # type: ignore[union-attr]
        self.ruled = note
        if id(d) in self.known:
            return self.lifted(d)
        twin = TWINS.get((note.name, i), rule)
        value = self.lowered(twin, raw, args, d, note, rule)
        self.know(d, value)
        return Lifted(d, value, self)

    def unbroadcast(self, z: Record, i: int, d: Lifted, shape: tuple[int, ...]) -> Lifted:
        """`backward.unbroadcast`, written down."""
        result = np.asarray(backward.unbroadcast(d.value, shape))  # a sum of all may be a number
        args = (d.named, shape)
        of = self.known.get(id(z.args[i]), (None, None))[1]
        note = Note("backward", "unbroadcast", None, self.calls(), args, of)
        value = self.lowered(summed, (d, shape), args, result, note, backward.unbroadcast)
        self.know(result, value)
        return Lifted(result, value, self)

    def accumulate(self, x: Tensor, g: Array) -> None:
        """`gradients.accumulate` of an array."""
        outer, self.note = self.note, Note("backward", "add")
        grad = x.grad
        if grad is None:
            x._grad = self.emit(np.copy, (self.lifted(g),), {}).value
        elif grad.record is not None:
            x._grad = self.emit(np.add, (self.lifted(array_of.__get__(grad)), self.lifted(g)), {}).value
        else:
            with self.unwatched():
                doubt_sum(x, grad)
            target = self.lifted(array_of.__get__(grad))
            self.change(np.add, target, (self.lifted(g),), out=target)
        self.note = outer

    def own(self, g: Any, taken: set[int]) -> Tensor:
        """`gradients.own` of an array."""
        if type(g) is np.ndarray and (g.base is not None or id(g) in taken):
            g = self.emit(np.copy, (self.lifted(g),), {}).value
        taken.add(id(g))
        return Tensor(g)

    def update(self, optimizer: Any, step: Callable[..., Any]) -> None:
        """`optimizer.step()`."""
        if step.__qualname__ not in ONCE:
            self.give_up(f"{type(optimizer).__name__} has a step() of its own: give it an update_rule")
        groups = []
        with self.unwatched():
            for group in optimizer.param_groups:
                if any(isinstance(option, Tensor) for option in group.values()):
                    self.give_up("an option of an optimizer is a tensor: give it as a number")
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
            made = Update(optimizer, groups, params=[[*group["params"]] for group, _ in groups])
            values = [v for _, work in groups for _, w, g in work for v in (w, g)]
            line = Instruction(update_of, (made, values), {}, None, Note("update"), False, place=user_line())
            self.program.lines.append(line)
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
        self.renew(target.named.root)
        self.program.lines.append(
            Instruction(
                np.copyto, (target.named, values.named), {} if same else {"casting": "unsafe"}, None,
                Note(self.note.paragraph, name, None, self.calls()), False, target.named, place=user_line(),
            )
        )  # fmt: skip
        self.effects += 1
        return x

    # gradients

    def grad_is_read(self, tensor: Tensor, grad: Any) -> None:
        """`tensor._grad` is asked for: as it was when the step began?"""
        if self.is_born(tensor) or id(tensor) in self.grads_set or id(tensor) in self.grads_read:
            return
        if grad is not None and id(tensor) in self.given:
            self.give_up("the .grad of an argument is used: give it, too")
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
        self.gradients_set_at[id(tensor)] = user_line()

    # the end

    def finish(self, result: Any) -> None:
        """Note what the step returned, and which gradients it left."""
        if self.reason:
            return
        for value, array in self.originals.items():
            value.array = array
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
                    reason = "a gradient is left with a graph (create_graph)"
                    self.give_up(reason, self.gradients_set_at[id(tensor)])
                    return
            if id(array) not in self.known:
                reason = "a gradient is set that the step did not compute"
                self.give_up(reason, self.gradients_set_at[id(tensor)])
                return
            self.program.gradients.append((tensor, self.known[id(array)][1]))
        given = next((t for t, _ in self.program.gradients if id(t) in self.given), None)
        if given is not None:
            reason = "an argument requires grad and would get a .grad: return its gradient (autodiff.grad)"
            self.give_up(reason, self.gradients_set_at[id(given)])
            return
        for tensor, array, record in (*self.seen.values(), *self.given.values()):
            if array_of.__get__(tensor) is not array or tensor.record is not record:
                reason = f"a tensor that is older than the step, of shape {array.shape}, becomes another"
                self.give_up(reason, self.made_at(array_of.__get__(tensor)))
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
            array = array_of.__get__(result)
            if id(result) in self.given:
                return Returned(self.named(array))
            if not self.is_born(result):
                grads = [*self.grads_set.values(), *(t for t, _ in self.grads_read.values())]
                if any(grad_of.__get__(t) is result for t in grads) and id(array) in self.known:
                    return Returned(self.named(array))
                return result
            record = result.record
            if record is not None and not record.spent and result._grad is None:
                self.give_up(
                    "a tensor is returned whose gradient was not taken: call backward() in the step, or "
                    "return it detached",
                    self.made_at(array),
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
        reason = f"the step returns a {type(result).__name__}: tensors and numbers can be returned"
        self.give_up(reason, self.home)
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
        kept: Any = alive[0]
        number = isinstance(kept, Number)
        kind = "number" if number else f"tensor of shape {kept.shape}"
        self.give_up(
            f"a {kind} made in the step is kept somewhere, where replays would not renew it: return it",
            line_of(kept.value) if number else self.made_at(array_of.__get__(kept)),
        )

    def forget(self) -> None:
        """Let go of what the numbers that `.item()` gave, and that may be kept, refer to."""
        for ref in self.born.values():
            number: Any = ref()
            if isinstance(number, Number):
                number.writer = number.value = None  # type: ignore[assignment]

    def made_at(self, array: Array) -> str:
        """The user's line that made this array, as far as is known."""
        found = self.known.get(id(array))
        return line_of(found[1]) if found is not None else ""


def line_of(value: Value) -> str:
    """The user's line that made a value; "" for what is older than the step."""
    return value.source.place if isinstance(value.source, Instruction) else ""


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
