"""Windows that slide over the last dimensions: what convolution and pooling share; also unfold, fold and pad.

Arrays have the shape (..., *size), with one spatial dimension for each entry of the window's kernel. What a
window meets outside the array is its border.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..errors import describe, located
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import integers, refuse_plain
from .indexing import getitem, setitem
from .shapes import regroup

__all__ = ["fold", "pad", "unfold"]

ALL = slice(None)
Index = tuple[Any, ...]
Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


class Window(NamedTuple):
    """How a window slides: its side in each dimension, the step, (before, after) of the border, the spacing.

    A negative border crops.
    """

    kernel: Sizes
    stride: Sizes
    border: Pairs
    dilation: Sizes

    @property
    def reach(self) -> Sizes:
        """How many entries the window spans in each dimension."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def bordered(self, size: Sizes) -> Sizes:
        """The size with the border."""
        return tuple(n + a + b for n, (a, b) in zip(size, self.border, strict=True))

    def places(self, size: Sizes) -> Sizes:
        """How many places the window has in an array of this size: ⌊(size + border - reach) / stride⌋ + 1."""
        room = zip(self.bordered(size), self.reach, self.stride, strict=True)
        return tuple((n - reach) // s + 1 for n, reach, s in room)

    def offsets(self) -> Iterator[Sizes]:
        """The positions within the window, row by row."""
        return product(*map(range, self.kernel))

    def seen(self, offset: Sizes, places: Sizes) -> Index:
        """The index, in the bordered array, of what this position of the window meets at all its places."""
        parts = zip(offset, places, self.stride, self.dilation, strict=True)
        return (..., *(slice(k * d, k * d + (n - 1) * s + 1, s) for k, n, s, d in parts))


def with_border(x: Array, window: Window, value: float = 0) -> Array:
    """x with the window's border, filled with `value`; x itself if that has no width."""
    if not any(map(any, window.border)):
        return x
    size = x.shape[-len(window.border) :]
    z = np.full(x.shape[: -len(size)] + window.bordered(size), value, x.dtype)
    z[inside(window, z.shape)] = x[inside(window, x.shape, -1)]
    return z


def without_border(z: Array, window: Window, shape: Sizes) -> Array:
    """The transpose of `with_border`: what lies on an array of this shape."""
    if not any(map(any, window.border)):
        return z
    x = np.zeros(shape, z.dtype)
    x[inside(window, x.shape, -1)] = z[inside(window, z.shape)]
    return x


def inside(window: Window, shape: Sizes, sign: int = 1) -> Index:
    """The index of what has a counterpart: `sign` 1 in the bordered array, -1 in the other."""
    parts = zip(shape[-len(window.border) :], window.border, strict=True)
    return (..., *(slice(max(sign * a, 0), max(n - max(sign * b, 0), 0)) for n, (a, b) in parts))


def unfolded(x: Array, window: Window) -> Array:
    """What the window meets: (..., *size) to (..., *kernel, *places)."""
    rank = len(window.kernel)
    places = window.places(x.shape[-rank:])
    x = with_border(x, window)
    z = np.empty((*x.shape[:-rank], *window.kernel, *places), x.dtype)
    everywhere: Index = (ALL,) * rank
    for offset in window.offsets():
        positions: Index = (..., *offset, *everywhere)
        z[positions] = x[window.seen(offset, places)]
    return z


def folded(x: Array, window: Window, size: Sizes) -> Array:
    """What was met, added up where it was: (..., *kernel, *places) to (..., *size)."""
    rank = len(window.kernel)
    places, lead = x.shape[-rank:], x.shape[: -2 * rank]
    z = np.zeros((*lead, *window.bordered(size)), x.dtype)
    everywhere: Index = (ALL,) * rank
    for offset in window.offsets():
        positions: Index = (..., *offset, *everywhere)
        z[window.seen(offset, places)] += x[positions]
    return without_border(z, window, (*lead, *size))


# fmt: off
unfolding: Primitive = Primitive("unfold", unfolded,
                       lambda g, z, x, window: folding(g, window, x.shape[-len(window.kernel):]),
                       doc="what a sliding window meets at each place")
folding: Primitive = Primitive("fold", folded,
                       lambda g, z, x, window, size: unfolding(g, window),
                       doc="the values at each place of a sliding window, added up where they lie")
# fmt: on


# arguments --------------------------------------------------------------------------------------------------


def per_dim(value: Any, rank: int, name: str, op: str, least: int) -> Sizes:
    """A number for all dimensions, or one for each. RuntimeError below `least`, or for another count."""
    try:
        values = tuple(map(operator.index, value if isinstance(value, Sequence) else (value,)))
    except TypeError:
        raise located.TypeError(
            f"{op}(): argument '{name}' must be tuple of ints, not {describe(value)}"
        ) from None
    if len(values) not in (1, rank):
        raise located.RuntimeError(
            f"expected {name} to be a single integer value or a list of {rank} values to match the "
            f"dimensions of {op}(), but got {name}={list(values)}"
        )
    if min(values) < least:
        bound = "non-positive" if least else "negative"
        raise located.RuntimeError(f"{bound} {name} is not supported, in {op}(): {name}={list(values)}")
    return values if len(values) == rank else values * rank


def spatial(x: Any, rank: int, op: str) -> Sizes:
    """The last `rank` sizes of an input (N, C, *size) or (C, *size); RuntimeError for another one."""
    refuse_plain(x, op)
    if x.ndim not in (rank + 1, rank + 2):
        raise located.RuntimeError(
            f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {op}, but got input of "
            f"size: {list(x.shape)}. An input is (channels, {'height, width' if rank == 2 else 'length'}), "
            "perhaps with a batch dimension in front: x.unsqueeze(0) makes one"
        )
    return x.shape[-rank:]


# public -----------------------------------------------------------------------------------------------------


def _patches(op: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Window:
    kernel = per_dim(kernel_size, 2, "kernel_size", op, 1)
    borders = tuple((p, p) for p in per_dim(padding, 2, "padding", op, 0))
    return Window(
        kernel, per_dim(stride, 2, "stride", op, 1), borders, per_dim(dilation, 2, "dilation", op, 1)
    )


def _sliding_places(window: Window, size: Sizes, op: str) -> Sizes:
    places = window.places(size)
    if min(places) < 1:
        raise located.RuntimeError(
            f"Given input with spatial size {size}, {window}, calculated shape of the array of sliding "
            f"blocks as {places}, but its components must be at least one, in {op}(): a smaller kernel, or "
            "padding"
        )
    return places


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The patches under a sliding window as columns: (N, C, H, W) to (N, C · kernel, places).

    Without N too. Raises RuntimeError where no window fits. Source: PyTorch, `torch.nn.functional.unfold`.

    >>> import autodiff
    >>> from autodiff.ops.windows import unfold
    >>> unfold(autodiff.tensor([[[1.0, 2.0, 3.0]]]), (1, 2))
    tensor([[1., 2.],
            [2., 3.]])
    """
    size = spatial(input, 2, "unfold")
    window = _patches("unfold", kernel_size, dilation, padding, stride)
    places = _sliding_places(window, size, "unfold")
    *batch, channels = input.shape[:-2]
    columns = (*batch, channels * math.prod(window.kernel), math.prod(places))
    return regroup(unfolding(input, window), columns)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns of patches, added up where `unfold` took them: (N, C · kernel, places) to (N, C, H, W).

    Without N too. Raises RuntimeError for columns that do not fit. Source: PyTorch,
    `torch.nn.functional.fold`.

    >>> import autodiff
    >>> from autodiff.ops.windows import fold
    >>> fold(autodiff.tensor([[1.0, 2.0], [2.0, 3.0]]), (1, 3), (1, 2))
    tensor([[[1., 4., 3.]]])
    """
    refuse_plain(input, "fold")
    if input.ndim not in (2, 3):
        raise located.RuntimeError(f"Expected 2D or 3D input to fold (columns), got {describe(input)}")
    size = per_dim(output_size, 2, "output_size", "fold", 1)
    window = _patches("fold", kernel_size, dilation, padding, stride)
    places = _sliding_places(window, size, "fold")
    *batch, rows, columns = input.shape
    entries = math.prod(window.kernel)
    if rows % entries or columns != math.prod(places):
        raise located.RuntimeError(
            f"fold(): an input of shape {input.shape} does not fit to output_size {size} and kernel_size "
            f"{window.kernel}: expected size of input's dimension 1 to be divisible by the product of "
            f"kernel_size, {entries}, and dimension 2 to be the number of sliding blocks, {math.prod(places)}"
        )
    return folding(regroup(input, (*batch, rows // entries, *window.kernel, *places)), window, size)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The tensor with a border: `pad` is (before, after) for the last dimension, then the one before it, ...

    mode "constant" fills with `value`, and negative widths crop; "reflect" mirrors at the outermost entries,
    "replicate" repeats them, "circular" goes on from the other side. Raises RuntimeError for a width that
    does not fit, NotImplementedError for an unknown mode. Source: PyTorch, `torch.nn.functional.pad`.

    >>> import autodiff
    >>> from autodiff.ops.windows import pad
    >>> pad(autodiff.tensor([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
    tensor([3., 2., 1., 2., 3., 2.])
    """
    refuse_plain(input, "pad")
    widths = integers(pad, "pad")
    if len(widths) % 2:
        raise located.RuntimeError(
            f"Padding length must be divisible by 2: (before, after) pairs, not {widths}"
        )
    rank = len(widths) // 2
    if rank > input.ndim:
        raise located.RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got padding "
            f"length {len(widths)} and input of dimension {input.ndim}"
        )
    pairs = tuple(zip(widths[::2], widths[1::2], strict=True))[::-1]
    lead, size = input.shape[: input.ndim - rank], input.shape[input.ndim - rank :]
    if mode == "constant":
        return _padded(input, lead, size, pairs, 0.0 if value is None else value)
    if not isinstance(mode, str) or mode not in CONTINUED:
        raise located.NotImplementedError(
            f"Unrecognised padding mode {mode}: constant, {', '.join(CONTINUED)}"
        )
    if value is not None and value != 0:
        raise located.ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    for i, (n, (a, b)) in enumerate(zip(size, pairs, strict=True)):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(a, b) if n else 0)
        if max(a, b) > max(most, 0) or n + a + b < 1 or (mode == "circular" and min(a, b) < 0):
            raise located.RuntimeError(
                f"Padding size should be less than the corresponding input dimension, but got: padding "
                f"({a}, {b}) at dimension {len(lead) + i} of input {list(input.shape)}, in "
                f"pad(mode={mode!r}), which has at most {max(most, 0)} entries to continue with; only "
                "'constant' crops by any width"
            )
        if a or b:
            positions = CONTINUED[mode](np.arange(-a, n + b), n)
            input = getitem(input, (ALL,) * (len(lead) + i) + (positions,))
    return input


CONTINUED = {
    "reflect": lambda i, n: n - 1 - abs(n - 1 - abs(i)),
    "replicate": lambda i, n: np.clip(i, 0, n - 1),
    "circular": lambda i, n: i % n,
}
"""Which entry of n stands at position i, for i before the first and after the last, too."""


def _padded(input: Tensor, lead: Sizes, size: Sizes, pairs: Pairs, value: float) -> Tensor:
    """Pad with a constant: the tensor written into one that is full of it."""
    ones = (1,) * len(size)
    window = Window(ones, ones, pairs, ones)
    shape = (*lead, *window.bordered(size))
    cropped = [n + min(a, 0) + min(b, 0) for n, (a, b) in zip(size, pairs, strict=True)]
    if min(*shape, *cropped, 0) < 0:
        raise located.RuntimeError(
            f"The input size {list(input.shape)}, plus negative padding {pairs}, resulted in a negative "
            f"output size {list(shape)}, in pad()"
        )
    if not size:
        return input.clone()
    kept = getitem(input, inside(window, input.shape, -1))
    full = Tensor(np.full(shape, value, input.dtype))
    return setitem(full, kept, inside(window, shape))
