"""The numba form of a program: one call of machine code, which does a step or many.

Around the call all is as in `replay`: what must hold is checked, gradients stay in memory of their own, what
is returned is new. The machine code reads addresses from a table, which is filled when the program is bound:
so parameters, state and data stay the user's own arrays, and a change of theirs is seen. Random numbers are
drawn before the call, by the generator that draws them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from operator import attrgetter, is_not
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.lib.stride_tricks import as_strided

from ..dtypes import Array, get_default_dtype
from ..tensor import Tensor
from .loops import Loops, values_drawn_from
from .machine_code import compiled
from .memories import NoLoop
from .moves import plain_descent
from .program import Instruction, Program, Returned, Update, Value, layout, replaced, update_of
from .replay import Replay
from .steps import flags_of, numbers_of, rule_of, state_names, write_update
from .watch import leaves

array_of = attrgetter("array")


class Table:
    """The addresses that a kernel reads, and what they are of."""

    def __init__(self, loops: Loops) -> None:
        self.loops = loops
        self.addresses = np.zeros(max(1, len(loops.slots)), np.int64)
        self.address = self.addresses.ctypes.data
        self.arrays: list[Array] = []  # kept alive

    def fill(self, array_of_key: Any) -> None:
        """Look up where everything is now."""
        self.arrays = [array_of_key(key) for key in self.loops.slots]
        self.addresses[: len(self.arrays)] = [byte_bounds(array)[0] for array in self.arrays]


class Native(Replay):
    """A compiled program whose steps are machine code. Raises NoLoop for a line that has no form there."""

    def __init__(self, program: Program, environment: Any) -> None:
        self.loops = Loops(program, write_update)
        self.table = Table(self.loops)
        self.kernel = compiled("\n".join(self.loops.texts))
        self.checked: Loops | None = None
        if self.loops.draws and any(line.function is bool for line in program.lines):
            self.checked = Loops(program, write_update, only_checks=True)  # nothing is drawn if they fail
        self.options: list[Options] = []
        self.memories: dict[Value, Array] = {}
        super().__init__(program, environment)

    # what is written

    def write(self) -> None:
        """All lines of the function: checks, what is drawn, the call, gradients, the result."""
        self.numbers, self.functions = {}, {}
        program, loops = self.program, self.loops
        self.fresh = set(loops.results)
        self.write_inputs()
        self.names |= {"copyto": np.copyto, "array": np.array, "Tensor": Tensor, "kernel": self.kernel.run}
        read = {id(v.source) for v in program.of_kind("gradient")}
        gradients = [(tensor, g) for tensor, g in program.gradients if g is not None]
        for tensor, g in gradients:
            own = g.kind == "made" and loops.roots[g] is g and g not in self.fresh
            if own and id(tensor) not in read and sum(other is g for _, other in gradients) == 1:
                self.kept.append((self.bound(tensor, "t"), tensor, g))
        self.kept_values = {g for _, _, g in self.kept}
        self.write_memories()
        self.write_overlaps()
        if self.checked is not None:
            self.checks_table = Table(self.checked)
            self.first = compiled("\n".join(self.checked.texts))
            self.names["first"] = self.first.run
            self.body.append(f"if first({self.checks_table.address}, 1) != 1: return FAILED")
        for line in loops.draws:
            self.body.append(f"copyto({self.name(line.out)}, {self.draw(line)})")  # type: ignore[arg-type]
        self.body.append(f"if kernel({self.table.address}, 1) != 1: return FAILED")
        for line in program.lines:
            if line.function is update_of:
                self.write_optimizer(line)
            if line.writes is not None and line.writes.root.kind == "tensor":
                self.written.append(line.writes.root)
        self.written = list(dict.fromkeys(self.written))
        self.write_gradients()
        if self.written:
            self.write_stamps()
        self.outs = [np.empty(v.array.shape, v.array.dtype) for v in loops.results]
        self.names |= {f"result{i}": out for i, out in enumerate(self.outs)}
        self.epilogue.append("return " + self.result(program.result))

    def write_memories(self) -> None:
        """Memory for what is read, made and drawn."""
        keys = [*self.loops.slots, *(self.checked.slots if self.checked is not None else ())]
        for root in dict.fromkeys(key for key in keys if isinstance(key, Value)):
            image, name = self.loops.images[root], self.name(root)
            if root.kind == "argument":
                self.memories[root] = image
                self.prologue.append(f"copyto({self.bound(image, 'b')}, {name})")
            elif root.kind == "gradient":
                was = self.bound(None, "w")
                self.prologue.append(f"if {name} is not {was}: return MISS")
                self.bindings.append(lambda root=root, was=was: self.bind_old_gradient(root, was))  # type: ignore[misc]
            elif root in self.kept_values:
                self.names[name] = None
                self.bindings.append(lambda root=root: self.new_gradient(root))  # type: ignore[misc]
            elif root.kind == "constant":
                self.memories[root] = image
            elif root.kind == "made":
                self.memories[root] = self.names[name] = np.empty_like(image)

    def write_overlaps(self) -> None:
        """Arguments are copied: one that is read when its memory has changed by another name is refused."""
        changed: dict[Value, None] = {}
        pairs: dict[tuple[Value, Value], None] = {}
        reads = [(line, set(line.values())) for line in self.program.lines]
        for line, values in (*reads, (None, set(self.loops.results))):
            arguments = {value.root for value in values if value.root.kind == "argument"}
            pairs |= dict.fromkeys((x, w) for x in arguments for w in changed)
            if line is not None and line.function is update_of:
                changed |= dict.fromkeys(w.root for _, work in line.args[0].groups for _, w, _ in work)
            elif line is not None and line.writes is not None:
                changed[line.writes.root] = None
        self.names["overlap"] = np.may_share_memory
        for x, w in pairs:
            if w.kind == "tensor":
                self.prologue.append(f"if overlap({self.name(x)}, {self.name(w)}): return FAILED")

    def new_gradient(self, root: Value) -> None:
        """Memory for a gradient: what it had, if nobody has looked at it."""
        tensor, now = next(t for _, t, g in self.kept if g is root), self.names[self.name(root)]
        if now is None or tensor._grad is not now:
            self.names[self.name(root)] = np.empty_like(self.loops.images[root])

    def bind_old_gradient(self, root: Value, was: str) -> None:
        grad = root.source._grad
        self.names[was] = grad if grad is None or type(grad) is np.ndarray else grad.array

    def draw(self, line: Instruction) -> str:
        """The call that draws."""
        changed = {value for value in self.loops.changed if value.kind != "made"}
        if any(value.root in changed for value in values_drawn_from(line)):
            raise NoLoop(line, "it depends on what the step has changed")

        def put(value: Value) -> Any:
            return self.loops.images[value] if value.kind in ("made", "constant") else value

        args, options = replaced(line.args, put), replaced(line.options, put)
        texts = [self.text(x) for x in args] + [f"{name}={self.text(x)}" for name, x in options.items()]
        return f"{self.function(line.function)}({', '.join(texts)})"

    def write_gradients(self) -> None:
        """What `.grad` is afterwards."""
        for tensor, g in self.program.gradients:
            t = self.bound(tensor, "t")
            if g is None:
                self.epilogue.append(f"{t}._grad = None")
            elif g not in self.kept_values:
                name = self.name(g)
                if g.kind == "made":
                    place = self.loops.place(g)
                    flat = self.memories[place.root].ravel(order="K")[place.offset :]
                    steps = tuple(step * flat.itemsize for step in place.strides)
                    name = self.bound(as_strided(flat, place.shape, steps), "g")
                self.epilogue.append(f"{t}._grad = array({name})")
        if self.kept:
            self.epilogue.append("if not again:")
            self.epilogue += [f"    {tensor}._grad = {self.name(g)}" for tensor, _, g in self.kept]

    def result(self, tree: Any) -> str:
        """What is returned, as it is written: copies."""
        if isinstance(tree, Returned):
            name = f"result{self.loops.results.index(tree.value)}"
            return f"{name}.item()" if tree.item else f"Tensor(array({name}))"
        return super().result(tree)

    # optimizers

    def write_optimizer(self, line: Instruction) -> None:
        """What must hold of an optimizer; its numbers are read anew when one of them has changed."""
        update: Update = line.args[0]
        optimizer = update.optimizer
        o, groups, state = (self.bound(x, "o") for x in (optimizer, optimizer.param_groups, optimizer.state))
        self.checks += [f"{o}.param_groups is not {groups}", f"{o}.state is not {state}"]
        self.checks.append(f"len({groups}) != {len(optimizer.param_groups)}")
        self.bindings.append(
            lambda: self.names.update({groups: optimizer.param_groups, state: optimizer.state})
        )
        rule = rule_of(optimizer)
        assert rule is not None
        for group, work in update.groups:
            update.plain.append(plain_descent(optimizer, group))
            options = Options(rule, group)
            g, was, refreshed = (self.bound(x, "o") for x in (group, options.was, options.refreshed))
            self.checks.append(f"{g}['params'] != {self.bound([*group['params']], 'p')}")
            self.checks.append(f"([*{g}.values()] != {was} and not {refreshed}())")
            self.bindings.append(options.refresh)
            self.options.append(options)
            self.written += [w for _, w, _ in work if w.kind == "tensor"]
        params = [p for group, work in update.groups if state_names(rule, group) for p, _, _ in work]
        if params:
            self.names |= {"any": any, "map": map, "is_not": is_not, "chain": chain.from_iterable}
            entries = f"chain(map({self.bound(dict.values)}, map({state}.get, {self.bound(params, 'p')})))"
            arrays = self.bound([], "s")
            self.names["array_of"] = array_of
            self.checks.append(f"any(map(is_not, map(array_of, {entries}), {arrays}))")
            self.bindings.append(lambda: self.names.update({arrays: [*arrays_of(optimizer.state, params)]}))

    # binding

    def bind(self) -> bool:
        if not self.state_fits() or not super().bind():
            return False
        if not all(options.same_flags() for options in self.options):
            return False
        for root in self.loops.images:
            if root.kind == "gradient" and root in self.loops.slots:
                grad = root.source._grad
                now = None if grad is None else grad if type(grad) is np.ndarray else grad.array
                if now is None or now.dtype != root.array.dtype or layout(now) != layout(root.array):
                    return False
        self.table.fill(self.array_at)
        if self.checked is not None:
            self.checks_table.fill(self.array_at)
        return True

    def state_fits(self) -> bool:
        """Whether the optimizers remember what the loops expect, in the layout that they expect."""
        for p, name, strides, shape, dtype, optimizer in self.loops.remembered.values():
            entry = optimizer.state.get(p, {})
            array = entry[name].array if name in entry else None
            if array is None or (array.strides, array.shape, array.dtype) != (strides, shape, dtype):
                return False
        return True

    def array_at(self, key: Any) -> Array:
        """What a slot of the table is the address of."""
        if isinstance(key, Value):
            if key.kind == "gradient":
                grad = key.source._grad
                array: Array = grad if type(grad) is np.ndarray else grad.array
            else:
                array = self.memories[key] if key in self.memories else self.names[self.name(key)]
            return array
        what, number = key[:2]
        if what != "state":
            numbers: Array = self.outs[number] if what == "result" else self.options[number].numbers
            return numbers
        p, name, *_, optimizer = self.loops.remembered[key]
        of_state: Array = optimizer.state[p][name].array
        return of_state

    # many steps

    def repeat(self, n: int) -> tuple[int, Any] | None:
        """Up to n more steps, right after one that `run` has done: how many, and their results, stacked.

        None where each step needs Python: for random numbers, gradients that are new at each step, tensors
        that are returned as they are.
        """
        program = self.program
        gradients = [g for _, g in program.gradients if g is not None]
        varied = self.loops.draws or not self.kept_values.issuperset(gradients)
        if varied or any(isinstance(x, Tensor) for x in leaves(program.result)):
            return None
        stacks = [np.empty((n, *out.shape), out.dtype) for out in self.outs]
        for i, stack in enumerate(stacks):
            if ("result", i) in self.loops.slots:
                self.table.addresses[int(self.loops.slots["result", i])] = stack.ctypes.data
        try:
            done = self.kernel.run(self.table.address, n)
        finally:
            self.table.fill(self.array_at)
        found = {v: stack[:done] for v, stack in zip(self.loops.results, stacks, strict=True)}

        def stacked(tree: Any) -> Any:
            if isinstance(tree, Returned):
                stack = found[tree.value]
                return stack.astype(get_default_dtype()) if tree.item else stack
            if type(tree) in (tuple, list):
                return type(tree)(map(stacked, tree))
            return {name: stacked(part) for name, part in tree.items()} if type(tree) is dict else tree

        return done, stacked(program.result)


def arrays_of(state: Any, params: list[Any]) -> Iterator[Array]:
    """What an optimizer remembers, in the order in which it is checked."""
    for p in params:
        yield from map(array_of, state.get(p, {}).values())


class Options:
    """The options of a parameter group, and its numbers as the loops read them."""

    def __init__(self, rule: str, group: dict[str, Any]) -> None:
        self.rule, self.group = rule, group
        self.flags = flags_of(rule, group)
        self.was = [*group.values()]
        self.numbers = np.array(numbers_of(rule, group))

    def same_flags(self) -> bool:
        """Whether the loops are those of these options."""
        tensors = any(isinstance(option, Tensor) for option in self.group.values())
        return not tensors and flags_of(self.rule, self.group) == self.flags

    def refreshed(self) -> bool:
        """Read the numbers anew; False if other loops are needed."""
        if not self.same_flags():
            return False
        self.refresh()
        return True

    def refresh(self) -> None:
        """Read the numbers anew."""
        self.was[:] = self.group.values()
        self.numbers[:] = numbers_of(self.rule, self.group)
