"""Many values made one: sums, means, products, truth, along some dimensions or all.

Each primitive keeps the dimensions that it reduces, with length 1 (`axis` a tuple), or makes one number of
everything (`axis` None). Either way the cotangent g fits the input by broadcasting, which the engine does.
The functions around the primitives check `dim`, and drop the kept dimensions unless `keepdim`; NumPy's
`axis=` and `keepdims=` mean the same. `extremes`, `norms` and `statistics` are made in the same way.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Array, as_dtype, get_default_dtype
from ..errors import located
from ..primitive import Primitive, cast
from ..tensor import Tensor
from . import elementwise
from .arguments import refuse_plain
from .dims import many_dims, numpy_names, one_dim
from .reordering import movedim
from .shapes import on_its_own, regroup

__all__ = ["all", "any", "count_nonzero", "logsumexp", "mean", "nanmean", "nansum", "prod", "sum"]

Axis = tuple[int, ...] | None


# what the table is made of ----------------------------------------------------------------------------------


def reducing(ufunc: np.ufunc) -> Callable[[Array, Axis], Array]:
    """`ufunc` between all values along `axis`, which is kept; between all there are if `axis` is None."""
    reduce: Any = ufunc.reduce
    return lambda x, axis: reduce(x, axis, None, None, axis is not None)


add_up = reducing(np.add)


def product_of_others(x: Any) -> Any:
    """For each entry along the first dimension the product of all the others: nothing to divide by.

    Multiply the first half by the second, find the products of the others among these pairs, then give each
    entry its partner back: log2(n) levels, each of them differentiable.
    """
    half = x.shape[0] // 2
    if half == 0:
        return np.ones_like(x)
    first, second, odd = x[:half], x[half : 2 * half], x[2 * half :]
    others = product_of_others(np.concatenate([first * second, odd]))
    return np.concatenate([others[:half] * second, others[:half] * first, others[half:]])


def log_sum_exp(x: Array, axis: Axis) -> Array:
    """log Σ eˣ, with the largest x taken out first, so that nothing overflows."""
    top = x.max(axis, keepdims=axis is not None, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(all="ignore"):  # log 0 = -inf
        return np.log(add_up(np.exp(x - top), axis)) + top


# fmt: off
sum_of     = Primitive("sum", add_up, lambda g, z, x, axis: g, doc="Σ x")
mean_of    = Primitive("mean", lambda x, axis, n: add_up(x, axis) / n, lambda g, z, x, axis, n: g / n,
                       doc="Σ x / n")
product    = Primitive("prod", lambda x: np.multiply.reduce(x, 0),
                       lambda g, z, x: g * product_of_others(x),
                       doc="Π x along the first dimension")
log_sum    = Primitive("logsumexp", log_sum_exp, lambda g, z, x, axis: g * np.exp(x - z), doc="log Σ eˣ")

all_true   = Primitive("all", reducing(np.logical_and), None, doc="whether every x is true")
any_true   = Primitive("any", reducing(np.logical_or), None, doc="whether any x is true")
# fmt: on


# how the functions use the table ----------------------------------------------------------------------------


def axes(x: Any, dim: Any, op: str) -> Axis:
    """`dim` as a tuple counted from the front; None for all dimensions, which an empty tuple means too."""
    refuse_plain(x, op)
    if dim is None:
        return None
    found = many_dims(dim, x.array.ndim, op)
    return found if found and x.array.ndim else None


def count(x: Tensor, axis: Axis) -> int:
    """How many values are made one."""
    return x.array.size if axis is None else math.prod(x.array.shape[i] for i in axis)


def reduced(op: Primitive, x: Tensor, axis: Axis, keepdim: bool, *constants: Any) -> Tensor:
    """`op(x, axis, *constants)`, without the dimensions it kept unless `keepdim`."""
    if not keepdim:
        return op(x, None, *constants) if axis is None else drop(op(x, axis, *constants), axis)
    return op(x, tuple(range(x.array.ndim)) if axis is None else axis, *constants)


def drop(z: Tensor, axis: tuple[int, ...]) -> Tensor:
    """z without the dimensions `axis`, whose length is 1."""
    return on_its_own(regroup(z, tuple(n for i, n in enumerate(z.array.shape) if i not in axis)))


# the functions ----------------------------------------------------------------------------------------------


@numpy_names
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ x over all entries, or along `dim` (one or several); of bools and ints in int64, of nothing 0.

    Raises IndexError for a dimension that is not there.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(0)
    tensor([4., 6.])
    """
    axis = axes(input, dim, "sum")
    return reduced(sum_of, input if dtype is None else cast(input, as_dtype(dtype)), axis, keepdim)


@numpy_names
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ x / n over all entries, or along `dim` (one or several); of nothing it is nan.

    Raises RuntimeError for ints and bools: say in which `dtype` to compute.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=1, keepdim=True)
    tensor([[1.5000],
            [3.5000]])
    """
    axis = axes(input, dim, "mean")
    x = input if dtype is None else cast(input, as_dtype(dtype))
    if x.array.dtype.kind != "f":
        raise located.RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
            f"dtype. Got: {x.array.dtype}; use x.float().mean(), or x.mean(dtype=autodiff.float32)"
        )
    return reduced(mean_of, x, axis, keepdim, count(x, axis) or math.nan)


@numpy_names
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Π x over all entries, or along one `dim`; of bools and ints it is int64, and of nothing 1.

    Its derivative multiplies the other entries, and never divides: right with zeros, to any order.

    >>> import autodiff
    >>> x = autodiff.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> x.prod().backward()
    >>> x.grad
    tensor([0., 6., 0.])
    """
    refuse_plain(input, "prod")
    x = input if dtype is None else cast(input, as_dtype(dtype))
    shape = x.array.shape
    if dim is None or not shape:
        axis = axes(x, dim, "prod")
        z = product(regroup(x, (x.array.size,)))
    else:
        axis = (one_dim(dim, len(shape), "prod"),)
        z = product(movedim(x, axis[0], 0))
    return (
        on_its_own(regroup(z, tuple(1 if axis is None or i in axis else n for i, n in enumerate(shape))))
        if keepdim
        else z
    )


@numpy_names
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ x over all entries but nan, or along `dim` (one or several).

    >>> import autodiff
    >>> autodiff.tensor([1.0, autodiff.nan, 2.0]).nansum()
    tensor(3.)
    """
    refuse_plain(input, "nansum")
    return sum(elementwise.where(elementwise.isnan(input), 0, input), dim, keepdim, dtype=dtype)


@numpy_names
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of all entries but nan, or along `dim` (one or several); RuntimeError for ints."""
    refuse_plain(input, "nanmean")
    if input.array.dtype.kind != "f":
        raise located.RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{input.array.dtype}: use x.float()"
        )
    known = elementwise.logical_not(elementwise.isnan(input))
    return nansum(input, dim, keepdim, dtype=dtype) / sum(known, dim, keepdim)


@numpy_names
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many entries are not 0, in all or along `dim` (one or several), in int64.

    >>> import autodiff
    >>> autodiff.tensor([[0.0, 1.0], [2.0, 3.0]]).count_nonzero(dim=0)
    tensor([1, 2])
    """
    refuse_plain(input, "count_nonzero")
    return sum(elementwise.ne(input, 0), dim)


@numpy_names
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log Σ eˣ along `dim` (one or several), without overflow; of ints in the default dtype, of nothing -inf.

    >>> import autodiff
    >>> autodiff.tensor([1000.0, 1000.0]).logsumexp(0)
    tensor(1000.6932)
    """
    axis = axes(input, dim, "logsumexp")
    return reduced(
        log_sum, input if input.array.dtype.kind == "f" else cast(input, get_default_dtype()), axis, keepdim
    )


@numpy_names
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all entries are true (not 0), or all along `dim`; of nothing it is True.

    >>> import autodiff
    >>> (autodiff.tensor([1.0, 2.0]) > 0).all()
    tensor(True)
    """
    return truth(all_true, input, dim, keepdim)


@numpy_names
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any entry is true (not 0), or any along `dim`; of nothing it is False.

    >>> import autodiff
    >>> (autodiff.tensor([1.0, 2.0]) > 2).any()
    tensor(False)
    """
    return truth(any_true, input, dim, keepdim)


def truth(op: Primitive, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """`all` and `any`, which take no dimensions, dim=(), at their word: each entry for itself."""
    axis = axes(x, dim, op.name)
    return x != 0 if dim == () else reduced(op, x, axis, keepdim)
