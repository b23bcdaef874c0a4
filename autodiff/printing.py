"""How a tensor prints: PyTorch's text, digit for digit.

Three questions, a function each: which entries are shown (`_visible`), in which number format
(`_number_format`), and where the lines break (`_rows`, `_append`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .dtypes import Array, get_default_dtype


class PrintOptions(NamedTuple):
    """The settings of `set_printoptions`; the defaults are PyTorch's."""

    precision: int = 4  # digits after the point
    threshold: float = 1000  # more entries than this, and the middle of each long axis becomes "..."
    edgeitems: int = 3  # entries kept at either end of such an axis
    linewidth: int = 80
    sci_mode: bool | None = None  # None: chosen from the magnitudes


_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
_options = _PROFILES["default"]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print, for the whole process (as `torch.set_printoptions`).

    `profile` ("default", "short" or "full") is applied first, then the others. What is left out stays as it
    was, except `sci_mode`, which returns to None: chosen from the magnitudes. An unknown profile or a number
    that makes no sense raises ValueError, and nothing is changed.

    >>> pi = np.array(3.14159, np.float32)
    >>> set_printoptions(precision=2)
    >>> print(tensor_repr(pi))
    tensor(3.14)
    >>> set_printoptions(profile="default")
    >>> print(tensor_repr(pi))
    tensor(3.1416)
    """
    global _options
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"set_printoptions: no profile {profile!r}, there are: {', '.join(_PROFILES)}")
    numbers = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    for name, value in given.items():
        whole = isinstance(value, (int, np.integer)) or name == "threshold"
        if not (whole and value >= 0):
            raise ValueError(f"set_printoptions: {name} must be a whole number, 0 or more, got {value!r}")
    start = _options if profile is None else _PROFILES[profile]
    _options = start._replace(sci_mode=sci_mode, **given)


def tensor_repr(array: Array, *, requires_grad: bool = False, grad_fn: str | None = None) -> str:
    """The `repr` of a tensor that holds `array`: PyTorch's text, with dtypes named without `torch.`.

    Any shape; floats, integers or bools. `grad_fn` is the name of the operation that made the tensor
    ("MulBackward0"), and is shown in place of `requires_grad`.

    >>> print(tensor_repr(np.array([[1.0, -20.0], [np.inf, 4.0]], np.float32), requires_grad=True))
    tensor([[  1., -20.],
            [ inf,   4.]], requires_grad=True)
    >>> print(tensor_repr(np.linspace(0, 1, 2001), grad_fn="DivBackward0"))
    tensor([0.0000e+00, 5.0000e-04, 1.0000e-03,  ..., 9.9900e-01, 9.9950e-01,
            1.0000e+00], dtype=float64, grad_fn=<DivBackward0>)
    >>> print(tensor_repr(np.zeros((0, 3), np.int64)))
    tensor([], size=(0, 3), dtype=int64)
    """
    head = "tensor("
    shortened = array.size > _options.threshold
    if array.size == 0:
        body = "[]"
    elif array.ndim > 0 and shortened and _options.edgeitems == 0:
        body = "[...]"
    else:
        cuts = [shortened and size > 2 * _options.edgeitems for size in array.shape]
        shown = _visible(array, cuts)
        body = _rows(shown.tolist(), cuts, len(head), *_number_format(shown))

    # The shape and the dtype are shown where the entries do not tell them.
    telling = array.size > 0 and array.dtype in (np.int64, np.bool_)
    suffixes = []
    if (array.size == 0 and array.ndim != 1) or (array.size > 0 and _options.edgeitems == 0):
        suffixes.append(f"size={array.shape}")
    if not telling and array.dtype != get_default_dtype():
        suffixes.append(f"dtype=torch.{array.dtype.name}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    # "torch." goes only now, so that lines break where PyTorch breaks them.
    return _append(head + body, suffixes, len(head)).replace("torch.", "") + ")"


def tensor_format(array: Array, spec: str) -> str:
    """`format(tensor, spec)`: a 0-dim tensor is formatted as the Python number it holds.

    Any other shape takes no spec (TypeError), and without one gives its `repr`.

    >>> tensor_format(np.array(0.25, np.float32), ".3f")
    '0.250'
    """
    if array.ndim == 0:
        return format(array.item(), spec)
    if spec:
        raise TypeError(
            f"unsupported format string passed to Tensor.__format__: {spec!r} formats one number, but this "
            f"tensor has shape {array.shape}: format a single entry, or reduce it first, as with .mean()"
        )
    return tensor_repr(array)


def _visible(array: Array, cuts: Sequence[bool]) -> Array:
    """The entries that are shown: of each axis that is cut, its two ends."""
    edge = _options.edgeitems
    for axis, cut in enumerate(cuts):
        if cut:
            array = array.take([*range(edge), *range(-edge, 0)], axis)
    return array


def _number_format(shown: Array) -> tuple[Callable[[Any], str], int]:
    """How to write an entry, and the width of its column: one choice for the whole tensor."""
    if shown.dtype.kind != "f":
        return str, max(len(str(x)) for x in shown.ravel().tolist())

    digits = _options.precision
    finite = [x for x in shown.ravel().tolist() if x != 0 and math.isfinite(x)]
    whole = all(x.is_integer() for x in finite)
    scientific = bool(finite) and _options.sci_mode
    if finite and _options.sci_mode is None:
        smallest, *_, largest = sorted(map(abs, [*finite, finite[0]]))
        scientific = largest > 1e8 or largest / smallest > 1000 or smallest < 1e-4

    def write(x: float) -> str:
        if scientific:
            return f"{x:.{digits}e}"
        if whole:
            return f"{x:.0f}." if math.isfinite(x) else str(x)
        return f"{x:.{digits}f}"

    return write, max((len(write(x)) for x in finite), default=1)


def _rows(entries: Any, cuts: Sequence[bool], indent: int, write: Callable[[Any], str], width: int) -> str:
    """Nested lists in brackets: the last axis wrapped at the line width, a blank line more per outer axis."""
    if not cuts:
        return write(entries)
    cut, *inner = cuts
    if inner:
        items, dots, per_line = [_rows(entry, inner, indent + 1, write, width) for entry in entries], "...", 1
    else:
        items, dots = [write(entry).rjust(width) for entry in entries], " ..."
        per_line = max(1, (_options.linewidth - indent) // (width + len(", ")))
    if cut:
        items.insert(_options.edgeitems, dots)
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    line_break = "\n" * max(1, len(inner)) + " " * (indent + 1)
    return "[" + ("," + line_break).join(lines) + "]"


def _append(text: str, suffixes: Sequence[str], indent: int) -> str:
    """`text` and its suffixes, each on a new line where the last line has no room for it."""
    column = len(text) - text.rfind("\n") + 1  # PyTorch keeps two columns free here
    for suffix in suffixes:
        if column + len(", ") + len(suffix) > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(", ") + len(suffix)
    return text
