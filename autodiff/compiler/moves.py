"""The step of an optimizer, in a compiled program.

Plain descent of small parameters is a few calls for all of them; momentum and Adam are written out as their
`forms` say; of all others the rule is called. Options are read anew when one of them has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..dtypes import Array
from ..tensor import Tensor
from .calls import Calls, side_by_side
from .forms import Form, form_of, pieces
from .program import Instruction, Program, Update, Value, update_of

SMALL = 1 << 13  # entries of a parameter: below, its plain descent is written out


class Moves(Calls):
    """How the parameters are moved."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.checks: list[str] = []  # what is true if the program does not fit any more
        self.heeding: list[Callable[[], bool]] = []  # run before all bindings: what depends on options

    def updates(self) -> list[Update]:
        """The steps of optimizers."""
        return [line.args[0] for line in self.program.lines if line.function is update_of]

    def find_neighbours(self) -> None:
        """The gradients of small parameters that descend plainly lie side by side: one product serves all."""
        for update in self.updates():
            for group, work in update.groups:
                if not plain_and_small(update.optimizer, group, work):
                    continue
                for dtype in {w.array.dtype for _, w, _ in work}:
                    found = [d for _, w, d in work if w.array.dtype == d.array.dtype == dtype]
                    found = [d for d in found if d in self.kept_values and d.array.flags.c_contiguous]
                    if len(found) > 1 and not any(d in self.neighbours for d in found):
                        self.neighbours |= dict.fromkeys(found, found)

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
            self.checks.append(f"{g}['params'] != {self.bound([*group['params']], 'p')}")
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


def held_back(optimizer: Any) -> Any:
    """What keeps Ctrl-C from leaving a step halfway: the optimizer's own, if it has one."""
    for cls in type(optimizer).__mro__:
        if "step" in vars(cls) and "uninterrupted" in vars(cls)["step"].__globals__:
            return vars(cls)["step"].__globals__["uninterrupted"]
    return nullcontext
