"""The readable form: the step as the NumPy program that one would write by hand, a line for each rule.

It is printed from a copy of the traced program in a teacher's words (see `page`, `words`): what one call of
a forward or a rule computed is one expression or a few, named after parameters, modules and variables,
with the rule in mathematics beside it. What is no expression in NumPy is a call of a function that the script
carries with it (`by_hand`); what is not found there either is imported from autodiff.
"""

from __future__ import annotations

import inspect
import keyword
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import backward
from ..primitive import Primitive
from ..random.generator import Generator
from ..symbol import formula_text, rule_text
from ..tensor import Tensor
from . import by_hand, literals
from .literals import defined, number, shortest
from .page import changed, spelled
from .program import COPIES, Instruction, Program, Update, Value, update_of, values_in
from .recognized import (
    alone,
    cheap,
    free,
    is_one,
    is_ones,
    is_plain,
    masked,
    returned,
    said,
    same_kind,
    sliced,
)
from .updates import RULES, SEVERAL, Rule
from .words import MATHEMATICS

ATOM, POWER, PRODUCT, SUM, COMPARISON = 4, 3, 2, 1, 0
SIGNS: dict[Any, tuple[str, int]] = {
    np.add: ("+", SUM), np.subtract: ("-", SUM), np.multiply: ("*", PRODUCT), np.divide: ("/", PRODUCT),
    np.matmul: ("@", PRODUCT), np.ndarray.dot: ("@", PRODUCT), np.greater: (">", COMPARISON),
    np.greater_equal: (">=", COMPARISON), np.less: ("<", COMPARISON), np.less_equal: ("<=", COMPARISON),
    np.equal: ("==", COMPARISON), np.not_equal: ("!=", COMPARISON),
}  # fmt: skip
SYNONYMS = {"absolute": "abs"}
WIDTH, WIDEST = 76, 120  # where the comments begin, at most, and end
LONG = 60  # characters: a longer part of an expression is a line of its own


class Readable:
    """The text of a program (a copy: its parts are changed), with these names for what is older than it."""

    def __init__(self, program: Program, names: Mapping[Any, str], title: str = "") -> None:
        self.given, self.title = dict(names), title
        program.lines = [line for line in program.lines if line.function is not bool]
        self.program = spelled(program)
        lines = self.program.lines
        self.names: dict[Value, str] = {}
        self.taken: Counter[str] = Counter([*keyword.kwlist, *RESERVED])
        self.sections: list[tuple[str, list[str]]] = []
        self.header: list[str] = []  # the arrays that the program uses
        self.constants: dict[str, str] = {}  # their names, by what they are
        self.options: dict[str, str] = {}  # of the optimizers, by their names
        self.functions: dict[str, Callable[..., Any]] = {}  # that the script carries with it
        self.imports: dict[str, str] = {}
        self.uses = Counter(v for line in lines for v in line.values())
        self.uses.update(values_in(self.program.result))
        self.gradient_of = {g: t for t, g in self.program.gradients if g is not None}
        self.written = {line.writes.root for line in lines if line.writes is not None}
        self.memory = changed(self.program)
        self.results = {r.value for r in returned(self.program.result)}
        self.parts = {  # of sums over paths: written where they are added
            line.args[1]
            for line in lines
            if line.note.name == "add" and line.function is np.add and isinstance(line.args[1], Value)
        }
        self.carried = {  # what is only brought into the shape of what it belongs to
            line.args[0]
            for line in lines
            if line.note.name == "unbroadcast"
            or (free(line) and line.out in {*self.gradient_of, *self.parts})
        }
        self.asked_by: dict[Value, Any] = {}  # the note of the first operation that a value is given to
        self.sizes: set[int] = set()
        for line in lines:
            for arg in line.note.args:
                if isinstance(arg, Value):
                    self.asked_by.setdefault(arg, line.note)
                    self.sizes |= {arg.array.size, *arg.array.shape}
        self.from_gradients = set(self.program.of_kind("gradient"))
        self.inline: dict[Value, tuple[str, int]] = {}
        self.comments: dict[Value, str] = {}  # of what is inline
        self.reads: dict[Value, set[Value]] = {}  # the memory that what is inline looks at
        self.whole = True  # whether whole numbers are written without a point
        self.missing = ""
        self.done: int | None = None  # the steps that the optimizer has taken, which Adam counts
        self.name_inputs()
        self.write()

    # names

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

    # statements

    def section(self, line: Instruction) -> list[str]:
        """Where this line is written: in the paragraph that is open, or a new one."""
        name = line.note.paragraph
        if name == "forward" and any(value in self.from_gradients for value in line.values()):
            older = line.writes is not None and line.writes.root.kind == "tensor"
            moving = older or (self.sections and self.sections[-1][0] == "update")
            name = "update" if moving else "gradients"  # which are clipped, for example
        if not self.sections or self.sections[-1][0] != name:
            self.sections.append((name, []))
        return self.sections[-1][1]

    def write(self) -> None:
        """All statements."""
        lines = self.program.lines
        ends = {line.note.call: line for line in lines if line.out is not None}
        for number_of_line, line in enumerate(lines):
            after_gradients = line.note.paragraph == "backward" or any(
                value in self.from_gradients for value in line.values()
            )
            if after_gradients and line.out is not None:
                self.from_gradients.add(line.out)
            if line.function is update_of:
                self.write_update(line.args[0], self.section(line))
            elif line.writes is not None:
                self.keep_what_changes(line.writes.root, lines[number_of_line + 1 :])
                self.section(line).append(self.change(line))
            elif line.out is not None:
                self.write_value(line, bool(line.note.call) and ends[line.note.call] is line)
        self.carry_gradients()

    def change(self, line: Instruction) -> str:
        """A change in place."""
        assert line.writes is not None
        if line.function is np.copyto:
            new = line.args[1]
            full = isinstance(new.source, Instruction) and new.source.function is np.full_like
            value = new.source.args[1] if full and new in self.inline else new
            return f"{self.text(line.args[0])}[...] = {self.text(value)}"
        if line.function is np.ndarray.fill:
            return f"{self.text(line.args[0])}[...] = {self.text(line.args[1])}"
        if "out" in line.options:
            del line.options["out"]
            return f"{self.text(line.writes)}[...] = {self.expression(line)[0]}"
        return self.expression(line)[0]

    def keep_what_changes(self, memory: Value, later: Sequence[Instruction]) -> None:
        """Expressions of what is about to change, and that are asked for later, are worked out before."""
        asked = {value for line in later for value in line.values()} | self.results
        for value in [v for v, read in self.reads.items() if memory in read and v in asked]:
            if value.root is value:
                line = value.source
                text, _ = self.inline.pop(value)
                del self.reads[value]
                self.names[value] = self.fresh(self.base(line, True))
                self.section(line).append(f"{self.names[value]} = {text}")

    def write_value(self, line: Instruction, last: bool) -> None:
        """The value of a line: part of a later expression if one asks for it once, else a statement."""
        out, note = line.out, line.note
        assert out is not None
        text, level = self.expression(line)
        own = out in self.gradient_of or out in self.results or out.root in self.written or not line.pure
        if not own and self.joins(line, text, last):
            self.inline[out] = text, level
            self.reads[out] = {v.root for v in line.values()}.union(
                *(self.reads.get(v, set()) for v in line.values())
            )
            if out in self.parts or out in self.carried:
                self.comments[out] = self.comment(line)
            return
        if text in self.names.values() and out not in self.gradient_of:
            self.names[out] = text
            return
        section = self.section(line)
        before = line.args[0] if note.name == "add" and line.function is np.add else None
        if isinstance(before, Value) and before in self.names and self.uses[before] == 1 and before.source:
            name = self.names[out] = self.names[before]  # d = d + what comes by another path
        else:
            name = self.names[out] = self.fresh(self.base(line, last))
        comment = self.comments.get(line.args[1], "") if note.name == "add" and len(line.args) > 1 else ""
        comment = comment or (self.comment(line) if last else "")
        section.append(f"{name} = {text}" + (f"  # {comment}" if comment else ""))

    def joins(self, line: Instruction, text: str, last: bool) -> bool:
        """Whether the value of a line is written where it is asked for."""
        out, note = line.out, line.note
        assert out is not None
        once = self.uses[out] == 1
        if once and len(text) <= LONG and (out in self.parts or out in self.carried):
            return True
        if out in self.program.names:
            return False
        if free(line):
            return once or len(text) <= 45
        if (cheap(line) and not last) or (line.function is np.full_like and once):
            return True
        if not last:
            return once and len(text) <= LONG
        return note.paragraph == "forward" and note.name in ARITHMETIC and once and len(text) <= LONG

    def comment(self, line: Instruction) -> str:
        """The rule, in mathematics."""
        note = line.note
        op = note.primitive
        carried = self.comments.get(line.args[0]) if line.args and isinstance(line.args[0], Value) else None
        if note.name == "unbroadcast" and ".sum" in self.expression(line)[0]:
            said_already = carried is not None and SUMMED in carried
            return carried if carried and said_already else (f"{carried}, " if carried else "") + SUMMED
        if carried:
            return carried
        if not isinstance(op, Primitive):
            return "the sum over all paths" if note.name == "add" and note.paragraph == "backward" else ""
        if note.name in ARITHMETIC and note.argnum is None and any(v in self.inline for v in line.values()):
            return ""  # it is as long as the expression, and says the same
        if note.name in SHAPES:
            return ""
        if (note.name, note.argnum) in MATHEMATICS:
            return MATHEMATICS[note.name, note.argnum]
        raw = tuple(a.array if isinstance(a, Value) else a for a in note.args)
        try:
            if note.argnum is not None:
                return rule_text(op, note.argnum, raw)
            text = formula_text(op, raw)
            return said(op) if f"= {op.name}(" in text else text
        except Exception:  # there are no words for it
            return op.name

    def carry_gradients(self) -> None:
        """A gradient that the next step begins with is the one that this step leaves."""
        left = {id(t): g for t, g in self.program.gradients}
        for value in self.program.values:
            if value.kind == "gradient" and self.uses[value]:
                g = left.get(id(value.source))
                if g is not None and g is not value and self.names.get(g) != self.names[value]:
                    self.sections[-1][1].append(f"{self.names[value]} = {self.text(g)}  # for the next step")

    # expressions

    def text(self, x: Any, level: int = COMPARISON) -> str:
        """An argument as it is written, in parentheses if it holds less tightly than `level`."""
        if isinstance(x, Value):
            if x in self.names:
                return self.names[x]
            if x in self.inline:
                text, held = self.inline[x]
                return text if held >= level else f"({text})"
            return self.constant(x, level)
        if sliced(x):
            return f"np.s_[{self.index(x)}]"
        if type(x) in (tuple, list):
            inner = ", ".join(self.text(part) for part in x)
            return f"[{inner}]" if type(x) is list else f"({inner},)" if len(x) == 1 else f"({inner})"
        if isinstance(x, (np.dtype, type)) and np.dtype(x).name:
            return "np." + np.dtype(x).name
        if callable(x):
            return self.function(x)
        text = number(x) if self.whole and isinstance(x, (float, np.floating)) else repr(x)
        return f"({text})" if text.startswith("-") and level > SUM else text

    def index(self, x: Any) -> str:
        """What stands in the brackets of an index."""
        if type(x) is tuple:
            return ", ".join(map(self.index, x))
        if type(x) is slice:
            parts = [x.start, x.stop] + ([x.step] if x.step is not None else [])
            return ":".join("" if part is None else self.text(part) for part in parts)
        return "..." if x is Ellipsis else self.text(x)

    def constant(self, value: Value, level: int = COMPARISON) -> str:
        """A number, or an array that is defined at the top."""
        array, name = value.array, self.program.names.get(value, "")
        if array.ndim == 0 and array.dtype.kind in "fib" and not name and value not in self.memory:
            n = self.one_of(array)
            if n:
                return f"(1 / {n})" if level > PRODUCT else f"1 / {n}"
            return self.text(shortest(array), level)
        made = literals.made(array)
        if made and not name and len(made) <= 40 and value not in self.memory:
            return made
        text = literals.literal(array)
        if text not in self.constants or value in self.memory:
            own = name or self.role(value).replace("data", "constant")
            self.constants[text] = self.fresh(own)
            self.header.append(defined(self.constants[text], array))
        self.names[value] = self.constants[text]
        return self.names[value]

    def expression(self, line: Instruction) -> tuple[str, int]:
        """The right side of a line, and how tightly it holds together."""
        f, args = line.function, line.args
        self.whole = any(value.array.dtype.kind == "f" for value in line.values())
        if (
            f is np.ndarray.dot
            and isinstance(args[0], Value)
            and is_ones(args[0])
            and args[0].array.ndim == 1
        ):
            return f"{self.text(args[1], ATOM)}.sum(axis=0)", ATOM
        if f is np.multiply and not line.options:
            for one, other in (args, args[::-1]):
                if is_one(one) and isinstance(other, Value) and same_kind(other.array, line.out):
                    return self.inline.get(other) or (self.text(other, ATOM), ATOM)
            fraction = self.divided(*args) or self.divided(*args[::-1])
            if fraction:
                return fraction, PRODUCT
            if (
                isinstance(args[0], Value)
                and args[0].array.dtype == bool
                and isinstance(args[1], np.floating)
            ):
                return f"{self.text(args[0], ATOM)}.astype(np.{args[1].dtype}) * {number(args[1])}", PRODUCT
        mask = masked(line)
        if mask is not None:
            condition, kept, zero_first = mask
            parts = ("0", self.text(kept)) if zero_first else (self.text(kept), "0")
            return f"np.where({self.text(condition)}, {', '.join(parts)})", ATOM
        if f in SIGNS and not line.options and len(args) == 2:
            sign, level = SIGNS[f]
            right = level if sign in "+*" and sign != "@" else level + 1
            return f"{self.text(args[0], level)} {sign} {self.text(args[1], right)}", level
        if f is np.negative:
            return f"-{self.text(args[0], POWER)}", PRODUCT
        if f is np.reciprocal:
            return f"1 / {self.text(args[0], POWER)}", PRODUCT
        if f is np.square:
            return f"{self.text(args[0], ATOM)}**2", POWER
        if f is np.power:
            return f"{self.text(args[0], ATOM)} ** {self.text(args[1], POWER)}", POWER
        if f is operator.getitem:
            return f"{self.text(args[0], ATOM)}[{self.index(args[1])}]", ATOM
        return self.shaped(line) or (self.call(line), ATOM)

    def divided(self, x: Any, by: Any) -> str:
        """x times a number 1 / n, as x / n; "" if the second is none."""
        if not (isinstance(by, Value) and by.kind == "constant" and by.array.ndim == 0):
            return ""
        n = self.one_of(by.array)
        return f"{self.text(x, PRODUCT)} / {n}" if n and isinstance(x, Value) and x.kind != "constant" else ""

    def one_of(self, array: Any) -> int:
        """The n of a number 1 / n, if so many are summed somewhere; else 0."""
        x = shortest(array)
        if isinstance(x, float) and 0 < x < 1 and round(1 / x) in self.sizes:
            return round(1 / x) if abs(round(1 / x) * x - 1) < 1e-6 else 0
        return 0

    def shaped(self, line: Instruction) -> tuple[str, int] | None:
        """What only brings values into another shape, order or memory."""
        f, args = line.function, line.args
        x = args[0] if args else None
        if not isinstance(x, Value) or line.out is None or line.options:
            return None
        if f in COPIES or (f is np.ndarray.astype and np.dtype(args[1]) == x.array.dtype):
            if x.kind == "constant" and not x.array.ndim:
                return f"np.array({self.text(x)}, np.{x.array.dtype.name})", ATOM
            if {x.root, line.out.root} & self.memory:
                return f"{self.text(x, ATOM)}.copy()", ATOM
            return self.inline.get(x) or (self.text(x, ATOM), ATOM)
        if f is np.ndarray.reshape:
            while isinstance(x.source, Instruction) and x.source.function is np.ndarray.reshape:
                if x not in self.inline or not isinstance(x.source.args[0], Value):
                    break
                x = x.source.args[0]
            if x.array.shape == line.out.array.shape:
                return self.inline.get(x) or (self.text(x, ATOM), ATOM)
            inner = args[1] if len(args) == 2 and type(args[1]) is tuple else args[1:]
            return f"{self.text(x, ATOM)}.reshape({', '.join(map(self.text, inner))})", ATOM
        if f is np.transpose or f is np.ndarray.transpose:
            order = args[1] if len(args) > 1 else tuple(reversed(range(x.array.ndim)))
            if tuple(order) == tuple(range(x.array.ndim)):
                return self.inline.get(x) or (self.text(x, ATOM), ATOM)
            end = ".T" if tuple(order) == (1, 0) else f".transpose{self.text(tuple(order))}"
            return self.text(x, ATOM) + end, ATOM
        if f is np.ndarray.swapaxes or f is np.swapaxes:
            end = ".T" if x.array.ndim == 2 else f".swapaxes({args[1]}, {args[2]})"
            return self.text(x, ATOM) + end, ATOM
        return None

    def call(self, line: Instruction) -> str:
        """A function of NumPy's, or one of ours."""
        f: Any = line.function
        args, name = line.args, getattr(f, "__name__", "")
        options = {k: v for k, v in line.options.items() if not (v is None or v is False or is_plain(k, v))}
        rest = [f"{k}={self.text(alone(v) if k == 'axis' else v)}" for k, v in options.items()]
        if getattr(np.ndarray, name, None) is f:
            inner = ", ".join([self.text(arg) for arg in args[1:]] + rest)
            return f"{self.text(args[0], ATOM)}.{name}({inner})"
        if isinstance(getattr(f, "__self__", None), np.ufunc):
            if f.__self__ in REDUCED and name == "reduce":
                axis = [f"axis={self.text(alone(a))}" for a in args[1:2] if a is not None]
                return f"{self.text(args[0], ATOM)}.{REDUCED[f.__self__]}({', '.join([*axis, *rest])})"
            name = f"{f.__self__.__name__}.{name}"
        elif getattr(Generator, name, None) is not None and isinstance(args[0], Generator):
            return self.draw(name, args[1:], line)
        elif vars(by_hand).get(name) is f:
            return f"{self.function(f)}({', '.join([self.text(arg) for arg in args] + rest)})"
        elif getattr(np.linalg, name, None) is f:
            name = f"linalg.{name}"
        elif getattr(np, name, None) is not f:
            return self.ours(line)
        return f"np.{SYNONYMS.get(name, name)}({', '.join([self.text(arg) for arg in args] + rest)})"

    def function(self, f: Any) -> str:
        """The name of a function, which the script then has."""
        name: str = f.__name__
        if vars(by_hand).get(name) is not f:
            return f"np.{name}"
        if name not in self.functions:
            for used in BY_HAND[name].__code__.co_names:
                if used in BY_HAND:
                    self.function(BY_HAND[used])
            self.functions[name] = BY_HAND[name]
            self.taken[name] += 1
        return name

    def draw(self, name: str, args: Sequence[Any], line: Instruction) -> str:
        """A random draw; NumPy's numbers are others than PyTorch's."""
        assert line.out is not None
        self.options.setdefault("rng", "rng = np.random.default_rng(0)  # draws other numbers than autodiff")
        shape, dtype = self.text(tuple(line.out.array.shape)), self.text(line.out.array.dtype)
        if name in ("mask_like", "bernoulli"):
            p = args[1] if name == "mask_like" else args[0]
            kind = "" if line.out.array.dtype == bool else f".astype({dtype})"
            return f"(rng.random({shape}) < {self.text(p)}){kind}" if kind else f"rng.random({shape}) < {p}"
        if name in ("normal", "normal_by_pairs"):
            return f"rng.standard_normal({shape}).astype({dtype})"
        if name == "uniform":
            return f"rng.random({shape}).astype({dtype})"
        if name == "exponential":
            return f"rng.exponential(size={shape}).astype({dtype})"
        if name == "integers":
            return f"rng.integers({self.text(args[0])}, {self.text(args[1])}, {shape})"
        return f"rng.{name}({', '.join(map(self.text, args))})"

    def ours(self, line: Instruction) -> str:
        """A function that is no expression: autodiff's own."""
        inner = ", ".join(self.text(arg) for arg in line.args)
        if line.function is backward.unbroadcast:
            self.imports["unbroadcast"] = "from autodiff.backward import unbroadcast"
            return f"unbroadcast({inner})"
        note = line.note
        if note.primitive is None:
            raise NotImplementedError(
                f"{getattr(line.function, '__qualname__', line.function)}, called at {line.place}, cannot be "
                "written as NumPy"
            )
        self.imports["registry"] = "import autodiff\nfrom autodiff.primitive import registry"
        part = "forward" if note.argnum is None else f"vjps[{note.argnum}]"
        return f"registry[{note.name!r}].{part}({inner})"

    # the update

    def write_update(self, update: Update, lines: list[str]) -> None:
        """The optimizer's formula: a line for each parameter, or several in a loop over the parameters."""
        kind = type(update.optimizer).__name__
        for group, work in update.groups:
            if kind not in RULES:
                self.missing = kind
                names = ", ".join(self.text(w) for _, w, _ in work)
                lines.append(f"# {kind} moves {names}: see its docstring")
                continue
            for steps, moved in by_steps(update.optimizer, work).items():
                self.write_rule(RULES[kind](group), group, steps, moved, update.optimizer.state, lines)

    def write_rule(
        self, rule: Rule, group: Mapping[str, Any], steps: int, work: Any, states: Any, lines: list[str]
    ) -> None:
        """The lines for parameters that have been moved so often."""
        if self.done is None:
            self.done = steps
        words = {option: name for key in rule.options for option, name in self.option(key, group)}
        count = "step" if steps == self.done else f"(step {'+' if steps > self.done else '-'} "
        words["t"] = count if steps == self.done else f"{count}{abs(steps - self.done)})"
        for name, key in rule.scalars.items():
            words[name] = self.fresh(name)
            self.options[words[name]] = f"{words[name]} = {states[work[0][0]][key].item()!r}"
        lines += [worded(line, words) for line in rule.before]
        memories = []
        for p, w, _ in work:
            memory = [f"{name}_{self.text(w)}" for name in rule.state]
            for name, key in zip(memory, rule.state.values(), strict=True):
                kept = states.get(p, {}).get(key)
                array = np.zeros_like(p.array) if kept is None else kept.array
                self.header.append(defined(name, array, literals.FEWER))
            memories.append(memory)
        if len(rule.lines) == 1:
            for _, w, g in work:
                lines.append(worded(rule.lines[0], {**words, "w": self.text(w), "g": self.text(g)}))
            return
        letters = {name: name for name in ("w", "g", *rule.state)}
        for name in letters:
            while letters[name] in self.taken:
                letters[name] += "_"
        lines.append(f"for {', '.join(letters.values())} in (")
        for (_, w, g), memory in zip(work, memories, strict=True):
            lines.append(f"    ({', '.join([self.text(w), self.text(g), *memory])}),")
        lines.append("):")
        lines += ["    " + worded(line, {**words, **letters}) for line in rule.lines]

    def option(self, key: str, group: Mapping[str, Any]) -> list[tuple[str, str]]:
        """An option of an optimizer as a number, or two, with a name."""
        names = SEVERAL.get(key, (key,))
        numbers = group[key] if key in SEVERAL else (group[key],)
        found = []
        for name, x in zip(names, numbers, strict=True):
            own, changing = name, key == "lr" and "initial_lr" in group
            text = repr(float(x)) + ("  # which a scheduler changes" if changing else "")
            while self.options.get(own, f"{own} = {text}") != f"{own} = {text}":
                own += "_"
            self.options[own] = f"{own} = {text}"
            found.append((name, own))
        return found

    # the whole

    def paragraphs(self, indent: str = "") -> str:
        """Forward, backward, update."""
        found = []
        for name, lines in self.sections:
            if lines:
                text = "\n".join([f"# {name}", *aligned(lines)])
                found.append("\n".join(indent + line for line in text.split("\n")))
        return "\n\n".join(found) + "\n"

    def script(self, steps: int = 10) -> str:
        """A program that runs by itself, and prints the losses."""
        if self.missing:
            raise NotImplementedError(
                f"the update of {self.missing} has no form by hand, so that no script can take its steps; "
                f".source shows the rest. There are those of {', '.join(RULES)}"
            )
        values = [v for v in self.names if v.kind in ("tensor", "argument", "gradient")]
        data = [defined(self.names[value], value.array) for value in values] + self.header
        functions = [text_of(f) for f in self.functions.values()]
        modules = []
        if any(" = unpacked(" in line for line in data):
            functions.append(text_of(literals.unpacked))
            modules = ["import base64", "import zlib", ""]
        if any("math." in text for text in functions):
            modules = ["import math", *modules]
        done = self.done or 0
        shown = [self.text(r.value) for r in returned(self.program.result) if r.value.array.size == 1]
        show = [f"    print({', '.join(f'float({name})' for name in shown)})"] if shown else []
        return "\n".join(
            [
                f'"""{self.title or "A training step"}, as plain NumPy: written by autodiff.compile.',
                "",
                NOTATION,
                '"""',
                "",
                *modules,
                "import numpy as np",
                *([] if not self.imports else ["", *self.imports.values()]),
                *(f"\n\n{text}" for text in functions),
                *([""] if functions else []),
                "",
                "# data, parameters",
                *data,
                "",
                *([*self.options.values(), ""] if self.options else []),
                f"for step in range({done + 1}, {done + steps + 1}):",
                self.paragraphs("    "),
                *show,
                "",
            ]
        )


NOTATION = """d_x is how the loss changes with x, its gradient. Beside a line stands the rule that it follows:
x̄ += z̄ · y says what the gradient of x gets from that of z, if z was made of x and y."""

RESERVED = """np step registry autodiff math base64 zlib unpacked print float range rng
    lr momentum dampening weight_decay beta1 beta2 eps alpha""".split()
LOSSES = frozenset(["mse_loss", "bce_loss", "bce_with_logits", "cross_entropy", "bce"])
ARITHMETIC = frozenset(["add", "sub", "mul", "div", "neg", "matmul", "pow_constant", "sum", "mean"])
SUMMED = "summed over what the forward repeated"
SHAPES = frozenset(["reshape", "permute", "transpose", "expand", "clone", "contiguous", "unbroadcast"])
REDUCED = {np.add: "sum", np.maximum: "max", np.minimum: "min", np.multiply: "prod"}
BY_HAND: dict[str, Any] = {name: f for name, f in vars(by_hand).items() if inspect.isfunction(f)}


def clean(name: str) -> str:
    """A name that Python takes: layer0_weight for 0.weight."""
    name = "".join(c if c.isalnum() else "_" for c in name)
    return name if name and not name[0].isdigit() else "layer" + name


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


def worded(line: str, words: Mapping[str, str]) -> str:
    """A line of a rule with these words for its names; its comment stays as it is."""
    code, mark, comment = line.partition("  # ")
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda found: words.get(found[0], found[0]), code) + mark + comment


def by_steps(optimizer: Any, work: Any) -> dict[int, Any]:
    """The parameters by how often they have been moved; SGD does not count."""
    found: dict[int, Any] = {}
    for p, w, g in work:
        step = optimizer.state.get(p, {}).get("step")
        found.setdefault(0 if step is None else int(step.item()), []).append((p, w, g))
    return found


def text_of(f: Callable[..., Any]) -> str:
    """The text of a function."""
    return inspect.getsource(f).replace("  # type: ignore[no-untyped-def]", "").rstrip()


def aligned(lines: list[str]) -> list[str]:
    """The comments of a paragraph below each other; that of a long line above it."""
    parts = [line.split("  # ", 1) for line in lines]
    at = max((len(part[0]) for part in parts if len(part) > 1 and len(part[0]) <= WIDTH), default=0)
    found = []
    for code, *comment in parts:
        if comment and (len(code) > WIDTH or at + len(comment[0]) > WIDEST):
            indent = code[: len(code) - len(code.lstrip())]
            found += [f"{indent}# {comment[0]}", code]
        else:
            found.append(f"{code:<{at}}  # {comment[0]}" if comment else code)
    return found
