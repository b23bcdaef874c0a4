"""The fast form: a program as one Python function of NumPy calls that write into memory they were given once.

The names that the function uses are its globals, `Replay.names`: what is bound anew is there at once.
What stays the same from step to step is prepared when the function is bound: the arrays of parameters, the
transposes and other views of what stays where it is, Python numbers as arrays (NumPy takes twice as long to
start with a number), the memory of results. Memory is used again as soon as nobody reads what is in it. A
gradient stays in its memory for the next step unless somebody has looked at it: then it is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dtypes, memory
from ..dtypes import Array, get_default_dtype
from ..record import clock, mode
from ..tensor import Tensor
from .calls import is_copy, writes_out
from .keys import FAILED, MISS
from .moves import Moves
from .places import joined
from .program import Instruction, Program, Returned, Value, layout, update_of, values_in


class Replay(Moves):
    """A compiled program: `run(arrays)` gives the result, or MISS."""

    def __init__(self, program: Program, environment: Any) -> None:
        super().__init__(program)
        self.environment = environment
        self.layouts = {v: v.array for v in program.of_kind("tensor")}
        self.enabled = mode.enabled
        self.write()
        self.run = self.compiled()
        self.ready = False  # once it is bound

    # what is written

    def write(self) -> None:
        """All lines of the function."""
        program = self.program
        lines = program.lines = joined(program)
        self.fresh = set(values_in(program.result))
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
            if lines[i].function is update_of:
                self.write_update(lines[i])
                self.release(i, lines[i])
            elif len(run) > 1:
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

    def write_inputs(self) -> None:
        """Where values come from, and what must hold."""
        self.names |= {"MISS": MISS, "FAILED": FAILED, "ndarray": np.ndarray, "mode": mode}
        self.names |= {"dtypes": dtypes, "default": get_default_dtype()}
        checks = self.checks
        checks += [f"mode.enabled is not {self.enabled}", "dtypes._default is not default"]
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
        for tensor, value, record in self.program.seen:
            t = self.bound(tensor, "t")
            r = self.bound(record, "r")
            checks.append(f"{t}.record is not {r}")
            if record is not None:
                checks.append(f"{r}.hooks")
            if value.kind == "tensor":
                self.names[self.name(value)] = value.array
            if value.kind in ("tensor", "argument"):  # the latter is given, and found by another name, too
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
            if not update.fits():
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
