"""Numbers and arrays, as a program writes them down."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

FEW = 100  # entries: a longer array is packed into one line, which no page could show anyway
FEWER = 16  # of what nobody reads: the memory of optimizers, arrays of many dimensions


def shortest(array: Any) -> Any:
    """A 0-dim array as the shortest number that rounds to it."""
    x = array.item()
    return float(str(array)) if array.dtype == np.float32 and np.isfinite(x) else x


def number(x: Any) -> str:
    """A number as Python writes it; whole floats as integers, which do the same to an array of floats."""
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, float) and x != x:
        return "np.nan"
    if isinstance(x, float) and x in (np.inf, -np.inf):
        return "np.inf" if x > 0 else "-np.inf"
    if isinstance(x, float) and x == int(x) and abs(x) < 1e6:
        return str(int(x))
    return repr(x)


def made(array: Any) -> str:
    """How to make an array that is regular; "" if it is not."""
    shape = array.shape if array.ndim != 1 else array.shape[0]
    dtype = f"np.{array.dtype.name}"
    if not array.size:
        return f"np.zeros({shape}, {dtype})"
    if array.size == 1:
        return ""
    first = array.reshape(-1)[0]
    if (array == first).all():
        if first in (0, 1):
            return f"np.{'ones' if first else 'zeros'}({shape}, {dtype})"
        return f"np.full({shape}, {number(shortest(np.asarray(first)))}, {dtype})"
    if array.ndim == 1 and array.dtype == np.int64 and (array == np.arange(len(array))).all():
        return f"np.arange({len(array)})"
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    if square and (array == np.eye(len(array))).all():
        return f"np.eye({len(array)}, dtype={dtype})"
    return ""


def literal(array: Any, indent: int = 0, few: int = FEW) -> str:
    """An array as it is written: how to make it, or its entries, or what they are packed into."""
    dtype = f"np.{array.dtype.name}"
    if text := made(array):
        return text
    if array.size > (few if array.ndim <= 2 else FEWER):
        packed = base64.b85encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()
        return f"unpacked({packed!r}, {array.shape}, {dtype})"
    with np.printoptions(threshold=10**9, linewidth=100, floatmode="unique"):
        text = np.array2string(array, separator=", ", prefix=" " * indent)
    return f"np.array({text}, {dtype})".replace("nan", "np.nan").replace("inf", "np.inf")


def defined(name: str, array: Any, few: int = FEW) -> str:
    """The line that makes an array."""
    return f"{name} = {literal(array, len(f'{name} = np.array('), few)}"


def unpacked(text, shape, dtype):  # type: ignore[no-untyped-def]
    """An array of many numbers, packed into one line."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape).copy()
