"""Curves as SVG: axes, ticks, a legend. Series differ in colour and in dashes; colours follow the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autodiff.page.mathml import escape

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 26, 12, 34
SHOWN = 600  # points of a curve; of more, each stretch is shown by its least and its largest
COLOURS = 6  # of the style: `series-0` …, each then again with other dashes
Points = Sequence[tuple[float, float]]


@dataclass
class Chart:
    """Series of (step, value) under a title. `log`: the values in powers of ten; `share`: from 0 to 100 %."""

    title: str
    series: Mapping[str, Points]
    log: bool = False
    share: bool = False
    steps: int = 1
    lines: list[tuple[float, str]] = field(default_factory=list)  # values to compare with, and what they are

    def svg(self) -> str:
        """The picture. What is not finite, or not positive where powers of ten are shown, is left open."""
        shown = {
            name: [point for point in points if self.has_place(point[1])]
            for name, points in self.series.items()
        }
        values = [y for points in shown.values() for _, y in points]
        if not values:
            return ""
        self.low, self.high = self.span(values)
        parts = [
            self.grid(),
            *(self.guide(y, words) for y, words in self.lines if self.low <= self.at(y) <= self.high),
        ]
        parts += [self.curve(i, points) for i, points in enumerate(self.series.values())]
        words = "; ".join(
            f"{name}: {short(points[0][1])} at first, {short(points[-1][1])} at last"
            for name, points in shown.items()
            if points
        )
        label = escape(f"{self.title}. {words}")
        return (
            f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{label}" '
            f'data-steps="{self.steps}" data-left="{LEFT}" data-width="{WIDTH - LEFT - RIGHT}">'
            f'{"".join(parts)}<line class="cursor" y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="-9" x2="-9"/></svg>'
        )

    def html(self) -> str:
        """The picture with its title and its legend; "" if there is nothing to see."""
        svg = self.svg()
        if not svg:
            return ""
        entries = "".join(
            f'<li><svg viewBox="0 0 28 8" aria-hidden="true"><path class="{style(i)}" d="M0,4H28"/></svg> '
            f"{escape(name)}</li>"
            for i, name in enumerate(self.series)
        )
        legend = f'<ul class="legend">{entries}</ul>' if len(self.series) > 1 else ""
        return f"<figure><figcaption>{escape(self.title)}</figcaption>{svg}{legend}</figure>"

    # places ---------------------------------------------------------------------------------------------

    def has_place(self, y: float) -> bool:
        return math.isfinite(y) and (y > 0 or not self.log)

    def at(self, y: float) -> float:
        return math.log10(y) if self.log else y

    def span(self, values: list[float]) -> tuple[float, float]:
        """From where to where the axis goes."""
        if self.share:
            return 0.0, 1.0
        low, high = self.at(min(values)), self.at(max(values))
        if not self.log:
            low = min(low, 0.0) if low > -abs(high) else low
        if high - low < 1e-12 * max(1.0, abs(high)):
            low, high = low - 0.5, high + 0.5
        return low, high + 0.04 * (high - low)

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, self.steps)

    def y(self, value: float) -> float:
        part = (self.at(value) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part

    # parts ----------------------------------------------------------------------------------------------

    def grid(self) -> str:
        """Both axes with their ticks."""
        parts = []
        for value in self.ticks():
            y = self.y(value)
            label = f"{100 * value:g} %" if self.share else short(value)
            parts.append(f'<path class="tick" d="M{LEFT},{y:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for step in round_numbers(0, self.steps, 5):
            x = self.x(step)
            parts.append(f'<path class="tick" d="M{x:.1f},{TOP}V{HEIGHT - BOTTOM}"/>')
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{step:,.0f}</text>'
            )
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 3}" text-anchor="end">step</text>')
        return "".join(parts)

    def ticks(self) -> list[float]:
        if not self.log:
            return [v for v in round_numbers(self.low, self.high, 5) if v <= self.high]
        first, last = math.ceil(self.low), math.floor(self.high)
        if last - first < 1:  # within a power of ten
            return round_numbers(10**self.low, 10**self.high, 4)[0 if 10**self.low > 0 else 1 :]
        by = 1 + (last - first) // 6
        return [10.0**k for k in range(first, last + 1, by)]

    def guide(self, value: float, words: str) -> str:
        """A line to compare with."""
        y = self.y(value)
        return (
            f'<path class="guide" d="M{LEFT},{y:.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT + 6}" y="{y - 4:.1f}">{escape(words)}</text>'
        )

    def curve(self, i: int, points: Points) -> str:
        """One series, broken where it has no place."""
        path, drawing = [], False
        for step, value in thinned(points):
            if self.has_place(value):
                path.append(f"{'L' if drawing else 'M'}{self.x(step):.1f},{self.y(value):.1f}")
            drawing = self.has_place(value)
        return f'<path class="{style(i)}" d="{"".join(path)}"/>'


def style(i: int) -> str:
    """The classes of a series: a colour, and dashes that tell it apart without one."""
    return f"series series-{i % COLOURS} dash-{i % COLOURS if i < COLOURS else i // COLOURS % COLOURS}"


def thinned(points: Points) -> list[tuple[float, float]]:
    """At most about `SHOWN` points: of each stretch the least and the largest, so that no peak is lost."""
    if len(points) <= SHOWN:
        return list(points)
    found = []
    length = math.ceil(2 * len(points) / SHOWN)
    for i in range(0, len(points), length):
        part = points[i : i + length]
        ends = {min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}
        found += sorted(ends | {p for p in part if not math.isfinite(p[1])})
    return found


def round_numbers(low: float, high: float, about: int) -> list[float]:
    """Some `about` round numbers from low to high.

    >>> round_numbers(0, 20_000, 5)
    [0, 5000, 10000, 15000, 20000]
    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    by = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.8)
    by = int(by) if by >= 1 and float(by).is_integer() else by
    return [k * by for k in range(math.ceil(low / by), math.floor(high / by) + 1)]


def short(value: float) -> str:
    """A number at an axis."""
    return f"{value:.3g}"
