"""How a line is written: with operators, NumPy's functions, or those that the script carries with it.

What is no expression in NumPy is a call of a function that the script has with it (`by_hand`); what is not
found there either is imported from autodiff.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import backward
from ..ops.windows import Window
from ..random.generator import Generator
from . import by_hand, literals
from .literals import defined, number, shortest
from .naming import BY_HAND, Naming
from .program import COPIES, Instruction, Program, Value, changed_memories
from .recognized import alone, is_one, is_ones, is_plain, is_zero, masked, same_kind, sliced, whole

ATOM, POWER, PRODUCT, SUM, COMPARISON = 4, 3, 2, 1, 0
SIGNS: dict[Any, tuple[str, int]] = {
    np.add: ("+", SUM), np.subtract: ("-", SUM), np.multiply: ("*", PRODUCT), np.divide: ("/", PRODUCT),
    np.matmul: ("@", PRODUCT), np.ndarray.dot: ("@", PRODUCT), np.greater: (">", COMPARISON),
    np.greater_equal: (">=", COMPARISON), np.less: ("<", COMPARISON), np.less_equal: ("<=", COMPARISON),
    np.equal: ("==", COMPARISON), np.not_equal: ("!=", COMPARISON),
}  # fmt: skip
SYNONYMS = {"absolute": "abs"}
REDUCED = {
    np.add: "sum", np.maximum: "max", np.minimum: "min", np.multiply: "prod", np.logical_and: "all",
    np.logical_or: "any",
}  # fmt: skip


class Expressions(Naming):
    """The right sides of a program's lines; and what the script needs beside them."""

    def __init__(self, program: Program, names: Mapping[Any, str]) -> None:
        super().__init__(program, names)
        self.header: list[str] = []  # the arrays that the program uses
        self.constants: dict[str, str] = {}  # their names, by what they are
        self.options: dict[str, str] = {}  # of the optimizers, by their names; and what draws
        self.functions: dict[str, Callable[..., Any]] = {}  # that the script carries with it
        self.imports: dict[str, str] = {}
        self.memory = changed_memories(program.lines)
        self.whole = True  # whether whole numbers are written without a point
        notes = [arg for line in program.lines for arg in line.note.args if isinstance(arg, Value)]
        self.sizes = {n for value in notes for n in (value.array.size, *value.array.shape)}

    def text(self, x: Any, level: int = COMPARISON) -> str:
        """An argument as it is written, in parentheses if it holds less tightly than `level`."""
        if isinstance(x, Value):
            if x in self.names:
                return self.names[x]
            if x in self.inline:
                text, held = self.inline[x]
                return text if held >= level else f"({text})"
            return self.constant(x, level)
        if isinstance(x, Window):
            self.imports["Window"] = "from autodiff.ops.windows import Window"
            return repr(x)
        if sliced(x):
            return f"np.s_[{self.index(x)}]"
        if type(x) in (tuple, list):
            inner = ", ".join(self.text(part) for part in x)
            return f"[{inner}]" if type(x) is list else f"({inner},)" if len(x) == 1 else f"({inner})"
        if isinstance(x, (np.dtype, type)) and np.dtype(x).name:
            return "np." + np.dtype(x).name
        if callable(x):
            return self.function(x)
        real = isinstance(x, (float, np.floating))
        text = number(x) if real and (self.whole or not np.isfinite(x)) else repr(x)
        return f"({text})" if text.startswith("-") and level > SUM else text

    def index(self, x: Any) -> str:
        """What stands in the brackets of an index."""
        if type(x) is tuple:
            return ", ".join(map(self.index, x)) or "()"
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
        ones = args[1] if f in (np.ndarray.dot, np.matmul) else None
        if isinstance(ones, Value) and is_ones(ones) and ones.array.ndim == 1:
            return f"{self.text(args[0], ATOM)}.sum(axis=-1)", ATOM
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
        whole = isinstance(args[0], Value) and same_kind(args[0].array, line.out) if args else False
        if f in (np.add, np.subtract) and whole and is_zero(args[1]):
            return self.inline.get(args[0]) or (self.text(args[0], ATOM), ATOM)
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
            return f"{self.text(x, ATOM)}.reshape({', '.join(map(self.text, inner)) or '()'})", ATOM
        if f is np.transpose or f is np.ndarray.transpose:
            order = args[1] if len(args) > 1 else tuple(reversed(range(x.array.ndim)))
            if tuple(order) == tuple(range(x.array.ndim)):
                return self.inline.get(x) or (self.text(x, ATOM), ATOM)
            if tuple(order) == (1, 0):
                return self.transposed(x), ATOM
            return self.text(x, ATOM) + f".transpose{self.text(tuple(order))}", ATOM
        if f is np.ndarray.swapaxes or f is np.swapaxes:
            if x.array.ndim == 2:
                return self.transposed(x), ATOM
            return self.text(x, ATOM) + f".swapaxes({args[1]}, {args[2]})", ATOM
        return None

    def transposed(self, x: Value) -> str:
        """The transpose of a matrix; of one, the matrix itself."""
        text = self.text(x, ATOM)
        return text.removesuffix(".T") if text.endswith(".T") else text + ".T"

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
            return (
                f"(rng.random({shape}) < {self.text(p)}){kind}"
                if kind
                else f"rng.random({shape}) < {self.text(p)}"
            )
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
        f: Any = line.function
        module, name = getattr(f, "__module__", ""), getattr(f, "__name__", "")
        if f is not whole(note) and getattr(sys.modules.get(module), name, None) is f:
            self.imports[name] = f"from {module} import {name}"
            return f"{name}({inner})"
        if f is not whole(note):
            raise NotImplementedError(
                f"{getattr(line.function, '__qualname__', line.function)}, called at {line.place}, cannot be "
                "written as NumPy"
            )
        self.imports["registry"] = "import autodiff\nfrom autodiff.primitive import registry"
        part = "forward" if note.argnum is None else f"vjps[{note.argnum}]"
        return f"registry[{note.name!r}].{part}({inner})"
