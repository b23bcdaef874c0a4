"""What the values of a program are called: as the user calls them, or after the part that they play."""

from __future__ import annotations

import builtins
import inspect
import keyword
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from . import by_hand
from .environment import names_in
from .program import Instruction, Program, Value, values_in
from .recognized import returned

RESERVED = """np step registry autodiff math base64 zlib unpacked print float range rng
    lr momentum dampening weight_decay beta1 beta2 eps alpha""".split()
BY_HAND: dict[str, Any] = {name: f for name, f in vars(by_hand).items() if inspect.isfunction(f)}
LOSSES = frozenset(["mse_loss", "bce_loss", "bce_with_logits", "cross_entropy", "bce"])
ARITHMETIC = frozenset(["add", "sub", "mul", "div", "neg", "matmul", "pow_constant", "sum", "mean"])


class Naming:
    """The names of a program's values, with these for what is older than it."""

    def __init__(self, program: Program, names: Mapping[Any, str]) -> None:
        self.program, self.given = program, dict(names)
        self.names: dict[Value, str] = {}
        self.taken: Counter[str] = Counter([*keyword.kwlist, *RESERVED, *names_carried(program)])
        self.inline: dict[Value, tuple[str, int]] = {}  # what is written where it is asked for, not named
        self.uses = Counter(v for line in program.lines for v in line.values())
        self.uses.update(values_in(program.result))
        self.gradient_of = {g: t for t, g in program.gradients if g is not None}
        self.results = {r.value for r in returned(program.result)}
        self.asked_by: dict[Value, Any] = {}  # the note of the first operation that a value is given to
        for line in program.lines:
            for arg in line.note.args:
                if isinstance(arg, Value):
                    self.asked_by.setdefault(arg, line.note)
        self.name_inputs()

    def fresh(self, name: str) -> str:
        """This name, or with a number if it is taken."""
        name = clean(name)
        self.taken[name] += 1
        return name if self.taken[name] == 1 else self.fresh(f"{name}_{self.taken[name]}")

    def name_inputs(self) -> None:
        """Parameters and data by their names."""
        for value in self.program.values:
            if value.kind in ("tensor", "gradient", "argument") and self.uses[value]:
                name = self.given.get(id(value.source), "")
                if value.kind == "argument":
                    name = self.given.get(("argument", value.source), "")
                if value.kind == "gradient":
                    name = "d_" + (name or "x")
                self.names[value] = self.fresh(name or self.program.names.get(value) or self.role(value))

    def role(self, value: Value) -> str:
        """What a value without a name is to the operation that is given it."""
        note = self.asked_by.get(value)
        if note is None:
            return "data"
        at = next(i for i, arg in enumerate(note.args) if arg is value)
        if note.name in LOSSES and at == 1:
            return "target"
        if note.name == "dropout" and at == 1:
            return "kept"
        return "x" if at == 0 else "data"

    def name_of(self, value: Value) -> str:
        """The name of a value; of a view without a name that of what it looks at."""
        while value not in self.names and isinstance(value.source, Instruction):
            inner = value.source.args[0] if value.source.args else None
            added = value in self.inline and value.source.function is np.add
            if (value.root is value and not added) or not isinstance(inner, Value):
                break
            value = inner
        return self.names.get(value, "")

    def base(self, line: Instruction, last: bool) -> str:
        """What the result of this line is called: after the parameter, the operation, the argument."""
        note, out = line.note, line.out
        assert out is not None
        if out in self.gradient_of:
            name = self.given.get(id(self.gradient_of[out]))
            if name:
                return "d_" + clean(name)
        if out in self.program.names:
            return self.program.names[out]
        if out in self.results:
            return "loss" if out.array.ndim == 0 else "result"
        if note.paragraph == "backward":
            of: Any = note.args[0] if note.name == "add" and note.args else note.out
            if note.argnum is not None:
                of = note.args[note.argnum] if note.argnum < len(note.args) else None
            name = self.name_of(of) if isinstance(of, Value) else ""
            return f"d_{name or 'z'}" + ("" if last else "_part")
        if not line.pure:  # drawn
            return {"mask_like": "mask", "bernoulli": "mask"}.get(note.name, "noise")
        role = self.role(out)
        if role not in ("x", "data"):
            return role
        return self.after_arguments(line) + ("" if last else "_part")

    def after_arguments(self, line: Instruction) -> str:
        """A name for the result of an operation, made of those of its arguments."""
        note = line.note
        for arg in note.args:
            name = self.names.get(arg, "") if isinstance(arg, Value) else ""
            if note.name in ("linear", "conv") and name.endswith("weight"):
                return name.removesuffix("weight").rstrip("_") or note.name
        if note.name in ("rnn", "lstm", "gru"):
            return "states"
        if note.name in ARITHMETIC:
            bias = next((self.name_of(a) for a in note.args[1:2] if isinstance(a, Value)), "")
            return bias.removesuffix("bias").rstrip("_") if bias.endswith("_bias") else "z"
        values = [arg for arg in note.args if isinstance(arg, Value)]
        first = self.name_of(values[0]) if values else ""
        if len(values) == 1 and first and "_" not in first[-8:]:
            return f"{first}_{note.name}"
        return note.name or getattr(line.function, "__name__", "value")


def names_carried(program: Program) -> set[str]:
    """The functions that the script carries with it, and Python's own that these call."""
    found = {line.function.__name__ for line in program.lines if line.function in BY_HAND.values()}
    waiting = [*found]
    for name in waiting:
        for used in names_in(BY_HAND[name].__code__) if name in BY_HAND else ():
            if (used in BY_HAND or hasattr(builtins, used)) and used not in found:
                found.add(used)
                waiting.append(used)
    return found


def clean(name: str) -> str:
    """A name that Python takes: layer0_weight for 0.weight."""
    name = "".join(c if c.isalnum() else "_" for c in name)
    return name if name and not name[0].isdigit() else "layer" + name


def names_of_arguments(step: Callable[..., Any], args: Any, options: Any) -> dict[tuple[str, int], str]:
    """What a step calls the tensors that it is given, by their position; those in a batch are `batch_x`."""
    try:
        given = inspect.signature(step).bind(*args, **options).arguments
    except (TypeError, ValueError):  # a function without a signature
        return {}
    called = {id(x): name for parameter, tree in given.items() for name, x in named_leaves(parameter, tree)}
    return {("argument", i): called[id(x)] for i, (_, x) in enumerate(named_leaves("", [args, options]))}


def named_leaves(name: str, tree: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested tuples, lists and dicts, named after their places."""
    if isinstance(tree, Tensor):
        yield name, tree
    elif type(tree) is list or isinstance(tree, tuple):
        for part, x in zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True):
            yield from named_leaves(f"{name}_{part}", x)
    elif type(tree) is dict:
        for part, x in tree.items():
            yield from named_leaves(f"{name}_{part}", x)


def names_of(variables: Sequence[tuple[str, Any]]) -> dict[int, str]:
    """What tensors are called: by their variable, or by their module and their name in it; by id."""
    found: dict[int, str] = {}
    models = [
        (name, x) for name, x in variables if hasattr(x, "named_parameters") and not isinstance(x, type)
    ]
    models = [(name, x) for name, x in models if next(iter(x.named_parameters()), None) is not None]
    for variable, model in models:
        prefix = f"{variable}." if len({id(x) for _, x in models}) > 1 else ""
        for members in (model.named_parameters(), model.named_buffers()):
            for name, tensor in members:
                found.setdefault(id(tensor), (prefix + name).replace(".", "_"))
    for name, x in variables:
        if isinstance(x, Tensor):
            found.setdefault(id(x), name)
    return found
