"""The largest and the smallest of many values, and where they are: along some dimensions or all.

Ties: `max()`, `amax` and the infinity norm share the gradient evenly; `max(dim)` gives it to the first index.
The primitives keep the dimensions that they reduce, as in `reductions`.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive
from ..tensor import Tensor
from . import elementwise
from .arguments import refuse_plain
from .dims import numpy_names, one_dim
from .indexing import along
from .reductions import Axis, add_up, axes, drop, reduced, reducing

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]


def finding(argument: Callable[..., Array]) -> Callable[[Array, Axis], Array]:
    """Where the extreme is along the one dimension in `axis`, which is kept; else in the flattened array."""

    def forward(x: Array, axis: Axis) -> Array:
        dim = axis[0] if axis and len(axis) == 1 else None
        return argument(x, dim, keepdims=axis is not None)

    return forward


def equal_shares(x: Array, z: Array, axis: Axis) -> Array:
    """1/k where x is one of k values along `axis` that equal the extreme z (or are nan, if z is); else 0."""
    chosen = ((x == z) | (x != x)).astype(x.dtype)
    return chosen / add_up(chosen, axis)


# fmt: off
# whatever equals the extreme has an equal share of the gradient
share      = Primitive("share", equal_shares, None, None, doc="1/k for each of the k values x that equal z")
largest    = Primitive("amax", reducing(np.maximum), lambda g, z, x, axis: g * share(x, z, axis),
                       doc="the largest x")
smallest   = Primitive("amin", reducing(np.minimum), lambda g, z, x, axis: g * share(x, z, axis),
                       doc="the smallest x")
largest_at  = Primitive("argmax", finding(np.argmax), None, doc="the index of the largest x")
smallest_at = Primitive("argmin", finding(np.argmin), None, doc="the index of the smallest x")
# fmt: on


class Selected(NamedTuple):
    """Values, and where along the dimension they were found: what `max(dim)` returns."""

    values: Tensor
    indices: Tensor


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
