"""Patches for convolution, and pooling, as loops: what a window meets is a view.

At place p the position k of a window meets the entry s p + d k of the bordered array: as an array, of strides
s and d times those of the array that is met.
"""

from __future__ import annotations

import math
from typing import Any

from ..ops import convolution
from ..ops.windows import Window, inside
from .memories import NoLoop, Place, contiguous, coordinates, nested, ranges_of, unseen
from .picks import Picks
from .program import Instruction, Value


class Patches(Picks):
    """Windows that slide over the last dimensions."""

    def bordered(self, x: Any, window: Window, fill: float) -> Place:
        """Where x is with the window's border: a copy, if that has a width."""
        place = self.place(self.array(x))
        if not any(map(any, window.border)):
            return place
        wide = self.memory(
            (*place.shape[: -len(window.border)], *window.bordered(size_of(place, window))), place.dtype
        )
        target = self.place(wide)
        inner = self.part(wide, inside(window, target.shape))
        outer = self.part(x, inside(window, place.shape, -1))
        self.alone([*self.filled(target, str(fill)), *self.copied(outer, inner)], [place], [target])
        return target

    def write_without_border(self, wide: Place, out: Value, window: Window) -> None:
        """Copy what lies inside of a border."""
        target = self.place(out)
        if wide.root is target.root:
            return
        inner = self.part(wide.root, inside(window, wide.shape))
        outer = self.part(out, inside(window, target.shape, -1))
        self.alone([*self.filled(target, "0"), *self.copied(inner, outer)], [wide], [target])

    def room(self, out: Value, window: Window) -> Place:
        """Memory for a result with its border: that of the result, if there is none."""
        place = self.place(out)
        if not any(map(any, window.border)):
            return place
        size = window.bordered(size_of(place, window))
        return self.place(self.memory((*place.shape[: -len(size)], *size), place.dtype))

    def array(self, x: Any) -> Value:
        """An argument that must be an array."""
        if not isinstance(x, Value):
            raise NoLoop(self.line)
        return x

    # patches as columns

    def write_columns(self, line: Instruction) -> None:
        """The patches of x, or its runs: `columns`."""
        x, window, _ = line.args
        assert line.out is not None
        place = self.bordered(x, window, 0)
        lead, size = place.shape[:2], size_of(place, window)
        if max(window.stride) > 1:
            target = self.own_place(line.out, (*lead, *window.kernel, *places_in(size, window)))
            met = kernel_first(met_by(place, window, places_in(size, window)), window)
        else:
            target = self.own_place(line.out, (*lead, *window.kernel, line.out.array.shape[-1]))
            apart = (d * step for d, step in zip(window.dilation, self.flat(place), strict=True))
            met = place._replace(shape=target.shape, strides=(*place.strides[:2], *apart, 1))
        self.alone(self.copied(met, target), [place], [target])

    def write_runs(self, line: Instruction) -> None:
        """z with zeros between its rows, and around: `in_runs`."""
        z, window, size, _, *rest = line.args
        (before, _) = rest[0] if rest else (0, 0)
        assert line.out is not None
        place, target = self.place(self.array(z)), self.place(line.out)
        image = self.images[line.out].reshape(*place.shape[:2], -1)[:, :, before:]
        within = self.place(line.out, convolution.at_places(image, window, size))
        self.alone([*self.filled(target, "0"), *self.copied(place, within)], [place], [target])

    def write_places(self, line: Instruction) -> None:
        """The entries of runs that are places: `at_places`."""
        runs, window, size = line.args
        assert line.out is not None
        runs = self.array(runs)
        source = self.place(runs, convolution.at_places(self.images[runs], window, size))
        self.alone(self.copied(source, self.place(line.out)), [source], [self.place(line.out)])

    def write_added_patches(self, line: Instruction) -> None:
        """Patches, or runs, added up where they lie: `added`."""
        patches, window, shape = line.args
        assert line.out is not None
        z = self.room(line.out, window)
        places = places_in(size_of(z, window), window)
        lead = (*shape[:2], *window.kernel)
        if max(window.stride) > 1:
            source = self.own_place(self.array(patches), (*lead, *places))
        else:
            source = self.own_place(self.array(patches), (*lead, patches.array.shape[-1]))
            left, _ = convolution.margins(window, size_of(z, window))
            source = source._replace(
                shape=(*lead, *places),
                strides=(*source.strides[:-1], *convolution.pitch(size_of(z, window))),
                offset=source.offset + left,
            )
        names = coordinates(source.shape)
        met = kernel_first(met_by(z, window, places), window)
        self.add_into(z, met, names, source, names, ranges_of(names, source.shape))
        self.write_without_border(z, line.out, window)

    def flat(self, place: Place) -> tuple[int, ...]:
        """The steps of the last dimensions of an array that lies row by row."""
        if place.strides != contiguous(place.shape):
            raise NoLoop(self.line, "its input does not lie row by row")
        return place.strides[2:]

    # pooling

    def write_pool(self, line: Instruction, how: str) -> None:
        """The largest entry that each window meets, or the sum."""
        x, window = line.args
        out = line.out
        assert out is not None
        fill = 0.0 if how == "+" else -math.inf
        if out.array.dtype.kind != "f":
            raise NoLoop(line)
        place, target = self.bordered(x, window, fill), self.place(out)
        rank = len(window.kernel)
        outer = coordinates(target.shape)
        inner = [f"k{i}" if m != 1 else "0" for i, m in enumerate(window.kernel)]
        met = met_by(place, window, target.shape[-rank:])
        ranges = ranges_of(inner, window.kernel)
        self.folded(line, how, [(met, [*outer, *inner])], outer, ranges, target, target.dtype)

    def write_pool_rule(self, line: Instruction) -> None:
        """The rule of max_pool: each cotangent goes to the first of the largest entries."""
        g, z, x, window = line.args
        assert line.out is not None
        places = [self.place(self.array(v)) for v in (g, z, x)]
        rank = len(window.kernel)
        target = self.place(line.out)
        size, at = size_of(target, window), places[1].shape[-rank:]
        outer = coordinates(places[0].shape)
        counts = [f"k{i}" if m != 1 else "0" for i, m in enumerate(window.kernel)]
        inner = [
            f"({m - 1} - {k})" for k, m in zip(counts, window.kernel, strict=True)
        ]  # the first comes last
        before = [a for a, _ in window.border]
        seen, into = (met_by(place, window, at, before) for place in (places[2], target))
        y, total, spot = (f"{name}{self.fresh()}" for name in ("y", "t", "n"))
        body = [
            f"{y} = {self.load(seen, seen.along([*outer, *inner]))}",
            f"{spot} = {into.along([*outer, *inner])} if {y} == {total} or {y} != {y} else {spot}",
        ]
        if any(map(any, window.border)):
            coordinate = [
                f"{s} * {p} + {d} * {k} - {a}"
                for s, p, d, k, a in zip(
                    window.stride, outer[-rank:], window.dilation, inner, before, strict=True
                )
            ]
            within = " and ".join(f"0 <= {x} < {n}" for x, n in zip(coordinate, size, strict=True))
            body = [f"if {within}:", *("    " + text for text in body)]
        here = f"{self.pointer(target)}[{spot}]"
        body = [
            *(f"{total} = {self.load(places[1], places[1].along(outer))}", f"{spot} = 0"),
            *nested(unseen(ranges_of(counts, window.kernel)), body),
            f"{here} = {here} + {self.load(places[0], places[0].along(outer))}",
        ]
        loops = nested(ranges_of(outer, places[0].shape), body)
        self.alone([*self.filled(target, "0"), *loops], places, [target])

    def write_shares(self, line: Instruction) -> None:
        """The transpose of sums over windows: `shared`."""
        g, window, _ = line.args
        assert line.out is not None
        place, x = self.place(self.array(g)), self.room(line.out, window)
        rank = len(window.kernel)
        outer = coordinates(place.shape)
        inner = [f"k{i}" if m != 1 else "0" for i, m in enumerate(window.kernel)]
        met = met_by(x, window, place.shape[-rank:])
        self.add_into(
            x,
            met,
            [*outer, *inner],
            place,
            outer,
            ranges_of(outer, place.shape) + ranges_of(inner, window.kernel),
        )
        self.write_without_border(x, line.out, window)

    # the two together

    def write_unfolded(self, line: Instruction) -> None:
        """(..., *size) to what is met, (..., *kernel, *places): `unfolded`."""
        x, window = line.args
        assert line.out is not None
        place, target = self.bordered(x, window, 0), self.place(line.out)
        met = kernel_first(met_by(place, window, target.shape[-len(window.kernel) :]), window)
        self.alone(self.copied(met, target), [place], [target])

    def write_folded(self, line: Instruction) -> None:
        """What was met, added up where it was: `windows.folded`."""
        x, window, _ = line.args
        assert line.out is not None
        place, z = self.place(self.array(x)), self.room(line.out, window)
        names = coordinates(place.shape)
        met = kernel_first(met_by(z, window, place.shape[-len(window.kernel) :]), window)
        self.add_into(z, met, names, place, names, ranges_of(names, place.shape))
        self.write_without_border(z, line.out, window)

    def write_added_through(self, line: Instruction, look: Any) -> None:
        """Zeros, to which the first argument is added through a view of them: look(zeros, ...)."""
        g, _, *rest = line.args
        assert line.out is not None
        place, whole = self.place(self.array(g)), self.place(line.out)
        view = self.place(line.out, look(self.images[line.out], *rest))
        names = coordinates(place.shape)
        self.add_into(whole, view, names, place, names, ranges_of(names, place.shape))

    def add_into(
        self,
        whole: Place,
        view: Place,
        at: list[str],
        source: Place,
        of: list[str],
        ranges: list[tuple[str, int]],
    ) -> None:
        """Zeros, to which a source is added through a view."""
        here = f"{self.pointer(view)}[{view.along(at)}]"
        body = nested(ranges, [f"{here} = {here} + {self.load(source, source.along(of))}"])
        self.alone([*self.filled(whole, "0"), *body], [source], [whole])


def size_of(place: Place, window: Window) -> tuple[int, ...]:
    """The size of an array over which a window slides."""
    return place.shape[-len(window.border) :]


def places_in(size: tuple[int, ...], window: Window) -> tuple[int, ...]:
    """How many places a window has in a bordered array of this size."""
    return window._replace(border=((0, 0),) * len(size)).places(size)


def met_by(x: Place, window: Window, places: tuple[int, ...], before: Any = ()) -> Place:
    """What a window meets: (..., *places, *kernel). `before` is the border that x does not have."""
    rank = len(window.kernel)
    steps = x.strides[-rank:]
    by_place = tuple(s * step for s, step in zip(window.stride, steps, strict=True))
    by_position = tuple(d * step for d, step in zip(window.dilation, steps, strict=True))
    offset = x.offset - sum(a * step for a, step in zip(before, steps, strict=False))
    shape = (*x.shape[:-rank], *places, *window.kernel)
    return Place(x.root, x.dtype, shape, (*x.strides[:-rank], *by_place, *by_position), offset)


def kernel_first(met: Place, window: Window) -> Place:
    """(..., *places, *kernel) as (..., *kernel, *places)."""
    rank = len(window.kernel)

    def turned(x: tuple[int, ...]) -> tuple[int, ...]:
        return (*x[: -2 * rank], *x[-rank:], *x[-2 * rank : -rank])

    return met._replace(shape=turned(met.shape), strides=turned(met.strides))
