"""The numbers of a tensor as a picture shows them: its entries if they are few, else what they amount to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backward import SMALL
from ..dtypes import Array
from ..notation import brief

SHOWN = 16  # a tensor of up to this many entries shows them


@dataclass
class Numbers:
    """What is known of one array, at the time of the drawing.

    `rows` is what is shown, as text: the entries of up to 16, else the least, the mean and the largest, which
    `labels` say. `entries` is a copy of up to 64, None of more. `size` is the root of the mean of the
    squares: how large the entries are; 0 of nothing, nan or inf if an entry is.
    """

    title: str
    rows: list[list[str]]
    shape: tuple[int, ...]
    size: float
    entries: Array | None = field(default=None, repr=False)
    labels: tuple[str, ...] = ()

    def text(self) -> str:
        """In one line: `0.2500`, `[0.1000, 0.2000]`, `min -1, mean 0.5000, max 2`."""
        if self.labels:
            return ", ".join(f"{label} {row[0]}" for label, row in zip(self.labels, self.rows, strict=True))
        if self.entries is None or not self.shape:
            return self.rows[0][0] if self.rows else "[]"
        return listed(np.array(texts(self.entries), object).reshape(self.shape))


def describe(array: Array, title: str) -> Numbers:
    """The numbers of an array, under a title such as "value" or "grad"."""
    flat = array.ravel()
    kind = array.dtype.kind
    size = 0.0
    if kind == "f" and flat.size:
        with np.errstate(all="ignore"):
            wide = flat if flat.dtype == np.float64 else flat.astype(np.float64)
            largest = float(np.abs(wide).max())
            scale = largest if 0 < largest < np.inf else 1.0
            size = scale * float(np.sqrt(np.mean((wide / scale) ** 2)))
    if flat.size <= SHOWN:
        return Numbers(title, rows_of(array), array.shape, size, array.copy())
    copy = array.copy() if flat.size <= SMALL else None
    if kind == "b":
        return Numbers(title, [[str(int(flat.sum()))]], array.shape, size, copy, ("true",))
    with np.errstate(all="ignore"):
        ends = [flat.min().item(), float(flat.mean(dtype=np.float64)), flat.max().item()]
    return Numbers(title, [[brief(x)] for x in ends], array.shape, size, copy, ("min", "mean", "max"))


def rows_of(array: Array) -> list[list[str]]:
    """The entries as rows of text: a matrix by its rows, a vector in rows of four."""
    entries = texts(array)
    width = array.shape[-1] if array.ndim > 1 and 0 < array.shape[-1] <= 8 else 4
    return [entries[i : i + width] for i in range(0, len(entries), width)]


def texts(array: Array) -> list[str]:
    """Each entry as text; whole numbers without places if all are whole."""
    values = array.ravel().tolist()
    if array.dtype.kind == "f" and all(x.is_integer() and abs(x) < 1e5 for x in values):
        return [f"{x:.0f}" if x else "0" for x in values]
    return [brief(x) for x in values]


def listed(entries: Any) -> str:
    """Nested rows of text between brackets."""
    if isinstance(entries, str):
        return entries
    return "[" + ", ".join(listed(part) for part in entries) + "]"
