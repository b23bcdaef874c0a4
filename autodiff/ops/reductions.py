"""Many values made one: sums, means, extremes, products, lengths, along some dimensions or all.

Each primitive keeps the dimensions that it reduces, with length 1 (`axis` a tuple), or makes one number of
everything (`axis` None). Either way the cotangent g fits the input by broadcasting, which the engine does.
The functions around the primitives check `dim`, and drop the kept dimensions unless `keepdim`; NumPy's
`axis=` and `keepdims=` mean the same. Ties: `max()`, `amax` and the infinity norm share the gradient evenly;
`max(dim)` gives it to the first index.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array, as_dtype, get_default_dtype
from ..errors import located
from ..primitive import Primitive, cast
from ..tensor import Tensor
from . import elementwise
from .dims import many_dims, numpy_names, one_dim, refuse_plain
from .indexing import along
from .reordering import movedim
from .shapes import on_its_own, regroup

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "dist", "logsumexp", "max",
    "mean", "min", "nanmean", "nansum", "norm", "prod", "std", "std_mean", "sum", "var", "var_mean",
]  # fmt: skip

Axis = tuple[int, ...] | None


# what the table is made of ----------------------------------------------------------------------------------


def reducing(ufunc: np.ufunc) -> Callable[[Array, Axis], Array]:
    """`ufunc` between all values along `axis`, which is kept; between all there are if `axis` is None."""
    reduce: Any = ufunc.reduce
    return lambda x, axis: reduce(x, axis, None, None, axis is not None)


def finding(argument: Callable[..., Array]) -> Callable[[Array, Axis], Array]:
    """Where the extreme is along the one dimension in `axis`, which is kept; else in the flattened array."""

    def forward(x: Array, axis: Axis) -> Array:
        dim = axis[0] if axis and len(axis) == 1 else None
        return argument(x, dim, keepdims=axis is not None)

    return forward


add_up = reducing(np.add)


def equal_shares(x: Array, z: Array, axis: Axis) -> Array:
    """1/k where x is one of k values along `axis` that equal the extreme z (or are nan, if z is); else 0."""
    chosen = ((x == z) | (x != x)).astype(x.dtype)
    return chosen / add_up(chosen, axis)


def inverse(z: Any) -> Any:
    """1 / z for z > 0, and 0 at 0: the convention for the gradient of a length of 0."""
    return (z > 0) / (z + (z == 0))


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


def variance(x: Array, axis: Axis, n: float, d: float) -> Array:
    """The sum of the squared deviations from the mean, divided by d."""
    with np.errstate(all="ignore"):  # one value alone has variance 0 / 0 = nan, as in PyTorch
        deviation = x - add_up(x, axis if axis is not None else tuple(range(x.ndim))) / n
        return add_up(deviation * deviation, axis) / d


def log_sum_exp(x: Array, axis: Axis) -> Array:
    """log Σ eˣ, with the largest x taken out first, so that nothing overflows."""
    top = x.max(axis, keepdims=axis is not None, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(all="ignore"):  # log 0 = -inf
        return np.log(add_up(np.exp(x - top), axis)) + top


def ratio(x: Any, z: Any) -> Any:
    """|x| / z for the length z of x, and 1 wherever the gradient is 0: a power of it is finite there."""
    return elementwise.where((x != 0) & (z > 0), np.abs(x) * inverse(z), 1.0)


def p_norm(x: Array, axis: Axis, p: float) -> Array:
    """(Σ |x|ᵖ)^(1/p)."""
    return add_up(np.abs(x) ** p, axis) ** (1 / p)


# fmt: off
# sums -------------------------------------------------------------------------------------------------------
sum_of     = Primitive("sum", add_up, lambda g, z, x, axis: g, doc="Σ x")
mean_of    = Primitive("mean", lambda x, axis, n: add_up(x, axis) / n, lambda g, z, x, axis, n: g / n,
                       doc="Σ x / n")
var_of     = Primitive("var", variance, lambda g, z, x, axis, n, d: g * 2 * (x - mean_of(x, axis, n)) / d,
                       doc="Σ (x - x̄)² / d, where x̄ is the mean Σ x / n")
sums       = Primitive("cumsum", np.cumsum,
                       lambda g, z, x, axis: np.flip(np.cumsum(np.flip(g, axis), axis), axis),
                       doc="Σ x up to and with each entry")
product    = Primitive("prod", lambda x: np.multiply.reduce(x, 0),
                       lambda g, z, x: g * product_of_others(x),
                       doc="Π x along the first dimension")
log_sum    = Primitive("logsumexp", log_sum_exp, lambda g, z, x, axis: g * np.exp(x - z), doc="log Σ eˣ")

# lengths: where the length is 0 the gradient is 0 -----------------------------------------------------------
length     = Primitive("norm", lambda x, axis: np.sqrt(add_up(x * x, axis)),
                       lambda g, z, x, axis: g * x * inverse(z),
                       doc="√ Σ x²")
length_p   = Primitive("norm_p", p_norm,
                       lambda g, z, x, axis, p: g * (np.sign(x) * (z > 0)) * ratio(x, z) ** (p - 1),
                       doc="(Σ |x|ᵖ)^(1/p)")
std_of     = Primitive("std", lambda x, axis, n, d: np.sqrt(variance(x, axis, n, d)),
                       lambda g, z, x, axis, n, d: g * (x - mean_of(x, axis, n)) * inverse(z) / d,
                       doc="√ (Σ (x - x̄)² / d), where x̄ is the mean Σ x / n")

# extremes: whatever equals the extreme has an equal share of the gradient -----------------------------------
share      = Primitive("share", equal_shares, None, None, doc="1/k for each of the k values x that equal z")
largest    = Primitive("amax", reducing(np.maximum), lambda g, z, x, axis: g * share(x, z, axis),
                       doc="the largest x")
smallest   = Primitive("amin", reducing(np.minimum), lambda g, z, x, axis: g * share(x, z, axis),
                       doc="the smallest x")
largest_at  = Primitive("argmax", finding(np.argmax), None, doc="the index of the largest x")
smallest_at = Primitive("argmin", finding(np.argmin), None, doc="the index of the smallest x")

# truth ------------------------------------------------------------------------------------------------------
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


def extreme(op: Primitive, x: Tensor, axis: Axis, keepdim: bool, name: str) -> Tensor:
    """`reduced`, refusing to look for an extreme where there are no values."""
    refuse_nothing(x, axis, name)
    return reduced(op, x, axis, keepdim)


def refuse_nothing(x: Tensor, axis: Axis, name: str) -> None:
    """Raise RuntimeError or IndexError if there are no values to choose from."""
    shape = x.array.shape
    if not x.array.size and axis is None:
        raise (IndexError if name.startswith("arg") else RuntimeError)(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
            f"dim with the 'dim' argument. A tensor of shape {shape} has no values to choose from"
        )
    for i in axis or ():
        if not shape[i]:
            raise located.IndexError(
                f"{name}(): Expected reduction dim {i} to have non-zero size. The shape is {shape}"
            )


def moment(
    op: Primitive, x: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None
) -> Tensor:
    """`var` and `std`, which take the same arguments."""
    if isinstance(dim, bool):  # x.var(False): the first argument may be `unbiased`
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise located.TypeError(
            f"{op.name}(): unbiased= and correction= say the same thing; give correction= alone"
        )
    axis = axes(x, dim, op.name)
    if x.array.dtype.kind != "f":
        raise located.RuntimeError(
            f"std and var only support floating point and complex dtypes, not {x.array.dtype}: use x.float()"
        )
    correction = correction if correction is not None else 0 if unbiased is False else 1
    n = count(x, axis)
    return reduced(op, x, axis, keepdim, n, builtins.max(n - correction, 0))


# the functions ----------------------------------------------------------------------------------------------


class Selected(NamedTuple):
    """Values, and where along the dimension they were found: what `max(dim)` returns."""

    values: Tensor
    indices: Tensor


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
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance Σ (x - x̄)² / (n - correction) of all entries, or along `dim` (one or several).

    `correction` is 1 unless given; `unbiased=False` makes it 0. One entry alone has none: nan. Raises
    RuntimeError for ints.

    >>> import autodiff
    >>> autodiff.tensor([1.0, 2.0, 3.0]).var()
    tensor(1.)
    """
    return moment(var_of, input, dim, unbiased, keepdim, correction)


@numpy_names
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation √(Σ (x - x̄)² / (n - correction)); arguments as in `var`.

    Where all entries are equal its gradient is 0.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 3.0], [2.0, 2.0]]).std(dim=1, correction=0)
    tensor([1., 0.])
    """
    return moment(std_of, input, dim, unbiased, keepdim, correction)


@numpy_names
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean; arguments as in `var`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return (
        var(input, dim, unbiased, keepdim, correction=correction),
        mean(input, dim, keepdim),
    )


@numpy_names
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean; arguments as in `var`.

    >>> import autodiff
    >>> autodiff.std_mean(autodiff.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return (
        std(input, dim, unbiased, keepdim, correction=correction),
        mean(input, dim, keepdim),
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
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The length (Σ |x|ᵖ)^(1/p) of all entries, or along `dim` (one or several).

    p is "fro" (2), inf (the largest |x|), -inf (the smallest), 0 (how many are not 0), or any other number;
    "nuc" is the sum of the singular values of matrices.
    The gradient of a length of 0, and to an entry of 0, is 0. Raises RuntimeError for ints, ValueError for
    any other p.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """
    axis = axes(input, dim, "norm")
    x = input if dtype is None else cast(input, as_dtype(dtype))
    if x.array.dtype.kind != "f":
        raise located.RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {x.array.dtype}: "
            "use x.float().norm()"
        )
    if p == "fro" or p == 2:
        return reduced(length, x, axis, keepdim)
    if p == "nuc":
        from .norms import matrix_norm  # which reads this module

        return matrix_norm(x, "nuc", axis, keepdim)
    if p == 1:
        return reduced(sum_of, elementwise.abs(x), axis, keepdim)
    if p == 0:
        return reduced(sum_of, cast(elementwise.ne(x, 0), x.array.dtype), axis, keepdim)
    if p == math.inf or p == -math.inf:
        return extreme(largest if p > 0 else smallest, elementwise.abs(x), axis, keepdim, "norm")
    if not isinstance(p, (int, float)):
        raise located.ValueError(
            f"norm(): p may be 'fro', 'nuc' or a number, inf and -inf too, but not {p!r}"
        )
    if p < 0:
        refuse_nothing(x, axis, "norm")
    return reduced(length_p, x, axis, keepdim, p)


def dist(input: Tensor, other: Tensor, p: Any = 2) -> Tensor:
    """The length of input - other, as `norm` measures it."""
    refuse_plain(input, "dist")
    refuse_plain(other, "dist", "other", 2)
    return norm(elementwise.minus(input, other), p)


@numpy_names
def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest of all entries, or along `dim` (one or several); equal ones share the gradient evenly.

    Raises RuntimeError or IndexError where there is nothing to choose from.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 5.0], [7.0, 3.0]]).amax(dim=1)
    tensor([5., 7.])
    """
    return extreme(largest, input, axes(input, dim, "amax"), keepdim, "amax")


@numpy_names
def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest of all entries, or along `dim` (one or several); equal ones share the gradient evenly.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 5.0], [7.0, 3.0]]).amin(dim=1)
    tensor([1., 3.])
    """
    return extreme(smallest, input, axes(input, dim, "amin"), keepdim, "amin")


class Range(NamedTuple):
    """What `aminmax` returns."""

    min: Tensor
    max: Tensor


@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Range:
    """The smallest and the largest of all entries, or along one `dim`: (min, max); ties as in `amax`.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 1.0, 2.0]).aminmax()
    Range(min=tensor(1.), max=tensor(3.))
    """
    axis = axes(input, dim if dim is None else one_dim(dim, input.array.ndim, "aminmax"), "aminmax")
    return Range(*(extreme(op, input, axis, keepdim, "aminmax") for op in (smallest, largest)))


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest entry along `dim`, or in the flattened tensor; of equal ones the first.

    It is int64 and has no gradient.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 5.0], [7.0, 3.0]]).argmax(dim=1)
    tensor([1, 0])
    """
    return place(largest_at, input, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest entry along `dim`, or in the flattened tensor; of equal ones the first.

    It is int64 and has no gradient.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 5.0], [7.0, 3.0]]).argmin()
    tensor(0)
    """
    return place(smallest_at, input, dim, keepdim)


def place(op: Primitive, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """`argmax` and `argmin`."""
    refuse_plain(x, op.name)
    axis = axes(x, dim if dim is None else one_dim(dim, x.array.ndim, op.name), op.name)
    if x.array.dtype.kind == "b":
        raise located.RuntimeError(f"{op.name}(): does not support bool input; use x.long(), or x.nonzero()")
    return extreme(op, x, axis, keepdim, op.name)


@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The largest entry; along `dim` a tuple (values, indices); with another tensor the larger of both.

    Equal entries: max() shares the gradient evenly, max(dim) gives it to the first, max(other) halves it.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 5.0], [7.0, 3.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=0).indices
    tensor([1, 0])
    """
    return best(
        elementwise.maximum, largest, largest_at, input, dim if other is None else other, keepdim, "max"
    )


@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The smallest entry; along `dim` a tuple (values, indices); with another tensor the smaller of both.

    >>> import autodiff
    >>> autodiff.tensor([[1.0, 5.0], [7.0, 3.0]]).min(dim=0).values
    tensor([1., 3.])
    """
    return best(
        elementwise.minimum, smallest, smallest_at, input, dim if other is None else other, keepdim, "min"
    )


def best(
    pairwise: Primitive, overall: Primitive, at: Primitive, x: Tensor, dim: Any, keepdim: bool, name: str
) -> Tensor | Selected:
    """`max` and `min` in their three forms."""
    if isinstance(dim, Tensor):
        return pairwise(x, dim)
    axis = axes(x, dim, name)
    if dim is None:
        return extreme(overall, x, axis, keepdim, name)
    i = one_dim(dim, x.array.ndim, name)
    indices = extreme(at, x, axis, True, name)
    values = along(x, i, indices)
    return (
        Selected(values, indices)
        if keepdim or axis is None
        else Selected(drop(values, axis), drop(indices, axis))
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
