"""Running sums, products and extremes: along a dimension, of the entries up to and with each; differences.

`cumprod` and `logcumsumexp` join the results of 1, 2, 4 ... entries, each made of two shorter ones: log2(n)
steps, each of them differentiable, with nothing to divide by and nothing to overflow.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import as_dtype, int64
from ..errors import located
from ..primitive import Primitive, cast
from ..tensor import Tensor
from . import elementwise
from .arguments import refuse_integers, refuse_plain, whole
from .dims import numpy_names, one_dim
from .extremes import Selected
from .indexing import along, narrow
from .joining import cat
from .reductions import reduced, sum_of

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "logcumsumexp"]

# fmt: off
sums = Primitive("cumsum", np.cumsum, lambda g, z, x, axis: np.flip(np.cumsum(np.flip(g, axis), axis), axis),
                 doc="Σ x up to and with each entry")
# fmt: on


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum of the entries up to and with each, along `dim`; of bools and ints it is int64.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 2.0, 3.0]).cumsum(0)
    tensor([1., 3., 6.])
    """
    refuse_plain(input, "cumsum")
    i = one_dim(dim, input.array.ndim, "cumsum")
    x = input if dtype is None else cast(input, as_dtype(dtype))
    return sums(x, i) if x.array.ndim else reduced(sum_of, x, None, False)


@numpy_names
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Each entry along `dim` minus the one before it, n times over; `prepend` and `append` come to the ends.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 4.0, 9.0]).diff()
    tensor([3., 5.])
    """
    refuse_plain(input, "diff")
    if not input.array.ndim:
        raise located.RuntimeError("diff expects input to be at least one-dimensional")
    n = whole(n, "diff", "n")
    if n < 0:
        raise located.RuntimeError(f"order must be non-negative but got {n}, in diff()")
    i = one_dim(dim, input.array.ndim, "diff")
    ends = (prepend, input, append)
    given = [end for end in ends if end is not None]
    x = cat(given, i) if n and len(given) > 1 else input
    minus = elementwise.logical_xor if x.array.dtype.kind == "b" else elementwise.minus
    for _ in range(min(n, x.array.shape[i])):
        length = x.array.shape[i] - 1
        x = minus(narrow(x, i, 1, length), narrow(x, i, 0, length))
    return x


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The product of the entries up to and with each, along `dim`; of bools and ints it is int64.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 2.0, 3.0]).cumprod(0)
    tensor([1., 2., 6.])
    """
    refuse_plain(input, "cumprod")
    i = one_dim(dim, input.array.ndim, "cumprod")
    wanted = as_dtype(dtype or (input.array.dtype if input.array.dtype.kind == "f" else int64))
    x = elementwise.clone(input) if input.array.dtype == wanted else cast(input, wanted)
    return doubling(elementwise.mul, x, i)


@numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log Σ eˣ of the entries up to and with each, along `dim`, without overflow.

    Where all of them are -inf so is the result, and the gradient is finite; in PyTorch it is nan. Raises
    NotImplementedError for ints.

    >>> import autodiff
    >>> autodiff.tensor([1000.0, 1000.0]).logcumsumexp(0)
    tensor([1000.0000, 1000.6932])
    """
    refuse_integers(input, "logcumsumexp")
    return doubling(joined, elementwise.clone(input), one_dim(dim, input.array.ndim, "logcumsumexp"))


def joined(x: Tensor, y: Tensor) -> Tensor:
    """log(eˣ + eʸ) that knows e^-inf = 0: y where x is -inf, even if y is too."""
    nothing = elementwise.eq(x, -math.inf)
    return elementwise.where(nothing, y, elementwise.logaddexp(elementwise.where(nothing, 0.0, x), y))


def doubling(op: Callable[[Tensor, Tensor], Tensor], x: Tensor, i: int) -> Tensor:
    """The results of the associative `op` on the entries up to and with each, along dimension i."""
    n, step = x.array.shape[i] if x.array.ndim else 0, 1
    while step < n:
        x = cat([narrow(x, i, 0, step), op(narrow(x, i, step, n - step), narrow(x, i, 0, n - step))], i)
        step *= 2
    return x


@numpy_names
def cummax(input: Tensor, dim: int) -> Selected:
    """The largest of the entries up to and with each, along `dim`, and its index; of equal ones the last.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 3.0, 2.0]).cummax(0)
    Selected(values=tensor([1., 3., 3.]), indices=tensor([0, 1, 1]))
    """
    return running(np.maximum, input, dim, "cummax")


@numpy_names
def cummin(input: Tensor, dim: int) -> Selected:
    """The smallest of the entries up to and with each, along `dim`, and its index; of equal ones the last.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0]).cummin(0).values
    tensor([3., 1., 1.])
    """
    return running(np.minimum, input, dim, "cummin")


def running(extreme: np.ufunc, x: Tensor, dim: int, name: str) -> Selected:
    """`cummax` and `cummin`: where each new extreme is, and then the values there."""
    refuse_plain(x, name)
    i = one_dim(dim, x.array.ndim, name)
    a = np.atleast_1d(x.array)
    places = np.arange(a.shape[i]).reshape([-1 if d == i else 1 for d in range(a.ndim)])
    new = (a == extreme.accumulate(a, i)) | (a != a)  # nan, once met, remains
    found = np.maximum.accumulate(np.where(new, places, 0), i)
    indices = Tensor(found.reshape(x.array.shape))
    return Selected(along(x, i, indices), indices)
