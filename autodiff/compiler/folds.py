"""Many numbers made into one, as loops: sums, largest entries, products of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .entries import Entries
from .memories import NoLoop, Place, contiguous, coordinates, nested, ranges_of, stack_name, unseen
from .program import Instruction, Program, Value
from .scalars import converted, literal

PRODUCT = 1 << 15  # multiplications: a larger product of matrices is left to BLAS
PRODUCTS = 1 << 22  # multiplications: with more in products of many matrices, the step is left to NumPy
SHORT = 8  # terms of a sum: up to so many are added up for each entry in turn
STACKED = 1 << 15  # bytes of one value on the stack

REDUCTIONS = {"sum": "+", "prod": "*", "max": "max", "min": "min", "any": "or", "all": "and", "mean": "+"}
UFUNC_REDUCTIONS: dict[Any, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.logical_and: "all",
    np.logical_or: "any",
}

RUNNING: dict[Any, str] = {
    np.add.accumulate: "+",
    np.multiply.accumulate: "*",
    np.maximum.accumulate: "max",
    np.minimum.accumulate: "min",
}
START = {"+": 0, "*": 1, "or": False, "and": True}
"""What is there before the first term; the largest and the smallest start with the first."""


class Folds(Entries):
    """Reductions and products."""

    def __init__(self, program: Program, known: Callable[[Instruction], bool]) -> None:
        super().__init__(program, known)
        self.shared: dict[np.dtype[Any], int] = {}  # scratch memory: how many numbers

    def write_reduction(self, line: Instruction) -> None:
        """One number of many, along some dimensions."""
        name = reduction(line.function) or ""
        options = dict(line.options)
        axis = line.args[1] if len(line.args) > 1 else options.pop("axis", None)
        options.pop("axis", None)
        initial = options.pop("initial", None)
        options.pop("keepdims", None)
        source, out = line.args[0], line.out
        if options.get("dtype") is None or (out is not None and options["dtype"] == out.array.dtype):
            options.pop("dtype", None)
        if options or len(line.args) > 2 or not isinstance(source, Value) or out is None:
            raise NoLoop(line, f"it is given {', '.join(options)}")
        if (
            getattr(line.function, "__name__", "") == "reduce"
            and len(line.args) < 2
            and "axis" not in line.options
        ):
            axis = 0
        place = self.place(source)
        n = len(place.shape)
        axes = range(n) if axis is None else [a % n for a in (axis if isinstance(axis, tuple) else (axis,))]
        kept = [1 if i in axes else m for i, m in enumerate(place.shape)]
        target = self.own_place(out, tuple(kept)) if out.array.flags.c_contiguous else None
        if target is None or (
            initial is not None and (name not in ("max", "min") or abs(initial) != math.inf)
        ):
            raise NoLoop(line)
        if name in ("max", "min") and not math.prod(place.shape):
            raise NoLoop(line)
        outer = coordinates(tuple(kept))
        inner = [f"k{i}" if i in axes and m != 1 else outer[i] for i, m in enumerate(place.shape)]
        ranges = [(f"k{i}", m) for i, m in enumerate(place.shape) if i in axes and m != 1]
        kind = target.dtype
        if name == "mean" and kind.kind != "f":
            raise NoLoop(line)
        divisor = math.prod(m for _, m in ranges) if name == "mean" else 1
        self.folded(line, REDUCTIONS[name], [(place, inner)], outer, ranges, target, kind, divisor)

    def write_position(self, line: Instruction) -> None:
        """Where the largest or smallest entry is, the first of equals: `argmax`, `argmin`."""
        source, *rest = line.args
        options = dict(line.options)
        axis = rest[0] if rest else options.pop("axis", None)
        options.pop("keepdims", None)
        out = line.out
        if options or len(rest) > 1 or not isinstance(source, Value) or out is None or not source.array.size:
            raise NoLoop(line)
        place = self.place(source)
        axes = range(len(place.shape)) if axis is None else [axis % len(place.shape)]
        kept = tuple(1 if i in axes else m for i, m in enumerate(place.shape))
        target = self.own_place(out, kept)
        outer = coordinates(kept)
        inner = [f"k{i}" if i in axes and m != 1 else outer[i] for i, m in enumerate(place.shape)]
        ranges = [(f"k{i}", m) for i, m in enumerate(place.shape) if i in axes and m != 1]
        best, at, y = (f"{name}{self.fresh()}" for name in ("b", "n", "y"))
        how = "max" if line.function in (np.argmax, np.ndarray.argmax) else "min"
        entry = self.load(place, place.along(inner))
        from_last = {k: f"({m - 1} - {k})" for k, m in ranges}  # so the first of equals is the last found
        backwards = [from_last.get(k, k) for k in inner]
        steps = contiguous(tuple(m for _, m in ranges))
        here = " + ".join(f"{step} * {k}" for k, step in zip(from_last.values(), steps, strict=True)) or "0"
        body = [
            *(*(f"{k} = 0" for k, _ in ranges), f"{best} = {entry}", f"{at} = 0"),
            *nested(unseen(ranges), combine(how, best, [entry], place.dtype)),
            *nested(unseen(ranges), [
                f"{y} = {self.load(place, place.along(backwards))}",
                f"{at} = {here} if {y} == {best} or {y} != {y} else {at}",
            ]),
            self.store(target, target.along(outer), at),
        ]  # fmt: skip
        self.alone(nested(ranges_of(outer, kept), body), [place], [target])

    def write_running(self, line: Instruction) -> None:
        """Sums, products, extremes of the entries up to each: `cumsum`, `maximum.accumulate`."""
        source, *rest = line.args
        options = dict(line.options)
        axis = rest[0] if rest else options.pop("axis", 0 if line.function in RUNNING else None)
        how = "+" if line.function in (np.cumsum, np.ndarray.cumsum) else RUNNING.get(line.function)
        out = line.out
        if options or len(rest) > 1 or not isinstance(source, Value) or out is None or how is None:
            raise NoLoop(line)
        axis = 0 if axis is None and source.array.ndim == 1 else axis
        place, target = self.place(source), self.place(out)
        if axis is None or place.shape != target.shape or not source.array.size:
            raise NoLoop(line)
        axis %= len(place.shape)
        names = coordinates(place.shape)
        k, kind, total = names[axis], target.dtype, f"t{self.fresh()}"
        term = f"y{self.fresh()}"
        further = {"+": f"{total} + {term}", "*": f"{total} * {term}"}
        sign = ">" if how == "max" else "<"
        if how in ("max", "min"):
            further[how] = f"({term} if {term} {sign} {total} or {term} != {term} else {total})"
        body = [
            f"{term} = {converted(self.load(place, place.along(names)), place.dtype, kind)}",
            f"{total} = {kind.name}({term} if {k} == 0 else {further[how]})",
            self.store(target, target.along(names), total),
        ]
        ranges = ranges_of(names, place.shape)
        others = [(name, n) for name, n in ranges if name != k]
        start = [
            f"{total} = {literal(0, kind)}",
            *nested(unseen([(k, n) for name, n in ranges if name == k]), body),
        ]
        self.alone(nested(others, start), [place], [target])

    def write_product(self, line: Instruction) -> None:
        """A product of matrices or vectors."""
        a, b = line.args[:2]
        if len(line.args) > 2 or line.options or not (isinstance(a, Value) and isinstance(b, Value)):
            raise NoLoop(line)
        out = line.out
        assert out is not None
        one, two = self.place(a), self.place(b)
        n, m = len(one.shape), len(two.shape)
        if not (n and m) or (line.function is not np.matmul and (n > 2 or m > 2)):
            raise NoLoop(line)
        whole = out.array.shape  # with the dimensions that vectors do not have
        whole = whole if m > 1 else (*whole, 1)
        whole = whole if n > 1 else (*whole[:-1], 1, whole[-1])
        if not out.array.flags.c_contiguous or not out.array.dtype == one.dtype == two.dtype != bool:
            raise NoLoop(line)
        target = self.own_place(out, whole)
        outer = coordinates(whole)
        terms = one.shape[-1]
        left = (
            [*outer[:-2], outer[-2], "k0" if terms != 1 else "0"] if n > 1 else ["k0" if terms != 1 else "0"]
        )
        right = (
            [*outer[:-2], "k0" if terms != 1 else "0", outer[-1]] if m > 1 else ["k0" if terms != 1 else "0"]
        )
        work = math.prod(whole) * terms
        if work > PRODUCT and terms > 4 and n == m == 2 and one.dtype.kind == "f" and min(whole) > 1:
            matrices = [self.matrix(place) for place in (one, two, target)]
            if None not in matrices:
                self.alone([f"dot({', '.join(map(str, matrices))})"], [one, two], [target])
                return
        if work > PRODUCTS and max(n, m) > 2:
            raise NoLoop(line, "so many products of matrices are faster in NumPy")
        factors = [(one, left), (two, right)]
        ranges = [("k0", terms)] if terms != 1 else []
        self.folded(line, "+", factors, outer, ranges, target, one.dtype)

    def matrix(self, place: Place) -> str | None:
        """A variable for a whole matrix, if it lies row by row or column by column."""
        rows, columns = place.shape
        if place.offset:
            return None
        if place.strides == (columns, 1):
            text = f"carray({self.pointer(place)}, ({rows}, {columns}))"
        elif place.strides == (1, rows):
            text = f"carray({self.pointer(place)}, ({columns}, {rows})).T"
        else:
            return None
        name = f"m{self.fresh()}"
        self.once.append(f"{name} = {text}")
        return name

    def folded(
        self, line: Instruction, how: str, factors: list[tuple[Place, list[str]]], outer: list[str],
        ranges: list[tuple[str, int]], target: Place, kind: np.dtype[Any], divisor: int = 1,
    ) -> None:  # fmt: skip
        """Products of factors, added up or otherwise combined over the ranges, for each entry."""
        many = math.prod(m for _, m in ranges)
        domain = tuple(n for n in target.shape if n != 1)
        index = target.along(outer)
        wide = np.dtype(np.float64) if many > 4096 and kind == np.float32 and how == "+" else kind
        uniform = [self.uniform(place) for place, _ in factors]
        first = literal(START[how], wide) if how in START else None
        divide = "" if divisor == 1 else f" / {literal(divisor, target.dtype)}"

        def term(load: Callable[[Place, str], str]) -> list[str]:
            texts = []
            for (place, names), number in zip(factors, uniform, strict=True):
                if number is not None:
                    texts.append(number)
                else:
                    texts.append(converted(load(place, place.along(names)), place.dtype, wide))
            return texts

        in_step = self.in_step(factors, outer, [k for k, _ in ranges])
        places = [place for (place, _), number in zip(factors, uniform, strict=True) if number is None]
        if (
            many > SHORT
            and math.prod(domain) > 1
            and in_step is not None
            and math.prod(domain) * 8 <= STACKED
        ):
            order = in_step
            sizes = dict(zip(outer, target.shape, strict=True))
            flat = " + ".join(
                f"{math.prod(sizes[o] for o in order[i + 1 :])} * {o}" for i, o in enumerate(order)
            )
            array = self.scratch(wide, math.prod(domain))
            here, again = f"{array}[{flat}]", [(o, sizes[o]) for o in order]
            if first is None:
                start_text = [f"{here} = {term(self.load)[0]}"]
                zero = [*(f"{k} = 0" for k, _ in ranges), *nested(again, start_text)]
            else:
                zero = nested(again, [f"{here} = {first}"])
            body = [
                *zero,
                *nested([*ranges, *again], combine(how, here, term(self.load), wide)),
                *nested(again, [self.store(target, index, converted(here, wide, target.dtype) + divide)]),
            ]
            self.alone(body, places, [target])
            return
        reads = [
            (place, place.along(names))
            for (place, names), n in zip(factors, uniform, strict=True)
            if n is None
        ]
        loop = self.loop(domain, reads, target)
        total = f"t{self.fresh()}"

        def load(place: Place, at: str) -> str:
            if place.root in loop.local:
                return loop.local[place.root][0]
            loop.readers.add(place.root)
            return self.load(place, at)

        if not ranges and how == "+":
            texts = term(load)
            self.define(loop, target, index, " * ".join(texts), True)
            return
        if first is None:
            loop.body += [f"{k} = 0" for k, _ in ranges]
            first = term(load)[0]
        loop.body.append(f"{total} = {first}")
        loop.body += nested(ranges, combine(how, total, term(load), wide))
        self.define(loop, target, index, converted(total, wide, target.dtype) + divide, True)
        loop.open = many <= 4  # a loop with a loop inside is not vectorized

    def scratch(self, kind: np.dtype[Any], size: int) -> str:
        """Memory on the stack for so many sums: a few, which may become registers, have their own."""
        if size <= 64:
            name = f"s{self.fresh()}"
            self.once.append(f"{name} = {stack_name(kind)}({size})")
            return name
        self.shared[kind] = max(size, self.shared.get(kind, 0))
        return f"sums_{kind.name}"

    def in_step(
        self, factors: list[tuple[Place, list[str]]], outer: list[str], inner: list[str]
    ) -> list[str] | None:
        """The order of the outer loops, if a sum is best taken inside them, for all entries at once."""
        steps: dict[str, set[int]] = {name: set() for name in (*outer, *inner) if name != "0"}
        sizes: dict[str, int] = {}
        for place, names in factors:
            if self.uniform(place) is None:
                for n, step, name in zip(
                    place.shape, place.strides, names[-len(place.shape) :], strict=False
                ):
                    if n != 1 and name in steps:
                        steps[name].add(step)
                        sizes[name] = n
        if any(steps[k] == {1} for k in inner):
            return None
        best = max((o for o in outer if o != "0" and 1 in steps[o]), key=sizes.__getitem__, default=None)
        return None if best is None else [*(o for o in outer if o not in ("0", best)), best]


def reduction(f: Any) -> str | None:
    """The name of a function that makes one number of many."""
    for name in REDUCTIONS:
        if f in (getattr(np.ndarray, name), getattr(np, name)):
            return name
    if getattr(f, "__name__", "") == "reduce" and isinstance(getattr(f, "__self__", None), np.ufunc):
        return UFUNC_REDUCTIONS.get(f.__self__)
    return None


def combine(how: str, total: str, factors: list[str], kind: np.dtype[Any]) -> list[str]:
    """Add one more term."""
    if how == "+" and kind.kind == "f":
        one = f"{kind.name}(1)"
        factors = [x for x in factors if x != literal(1, kind)] or [one]
        if len(factors) == 1:
            return [f"{total} = add_up({total}, {factors[0]})"]
        return [f"{total} = multiply_add({total}, {', '.join(factors)})"]
    term = " * ".join(factors)
    if how in ("max", "min"):
        sign, y = ">" if how == "max" else "<", f"y_{kind.name}"
        return [f"{y} = {term}", f"{total} = {y} if {y} {sign} {total} or {y} != {y} else {total}"]
    text = f"{total} {how} {term}"
    return [f"{total} = {text}" if kind.kind in "bf" else f"{total} = {kind.name}({text})"]
