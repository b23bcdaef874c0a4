"""What lies under a curve: the trapezoid rule."""

# mypy: disable-error-code="no-any-return"
# A primitive returns Any: of tensors a tensor.

from __future__ import annotations

from typing import Any

from ..errors import describe, located
from ..tensor import Tensor
from .arguments import refuse_plain
from .dims import one_dim
from .reductions import sum
from .scans import cumsum

__all__ = ["cumulative_trapezoid", "trapezoid", "trapz"]


def but_first(x: Tensor, axis: int) -> Tensor:
    """x[1:] along an axis."""
    return x[(*(slice(None),) * axis, slice(1, None))]


def but_last(x: Tensor, axis: int) -> Tensor:
    """x[:-1] along an axis."""
    return x[(*(slice(None),) * axis, slice(None, -1))]


def areas(op: str, y: Tensor, x: Tensor | None, dx: Any, dim: int) -> tuple[Tensor, int]:
    """The area under each piece of a curve, and the axis along which they lie."""
    refuse_plain(y, op, "y")
    if x is not None:
        refuse_plain(x, op, "x", 2)
    if y.dtype == bool or (x is not None and x.dtype == bool):
        raise located.RuntimeError(f"{op}: received a bool input for `x` or `y`, but bool is not supported")
    if not y.ndim:
        raise located.IndexError(f"{op}: y is {describe(y)}, one number: there is no area under a point")
    axis = one_dim(dim, y.ndim, op)
    n = y.shape[axis]
    if x is None:
        step: Any = dx
    else:
        along = 0 if x.ndim == 1 else axis
        if along >= x.ndim or x.shape[along] != n:
            raise located.RuntimeError(
                f"{op}: There must be one `x` value for each sample point: {describe(x)} for {describe(y)}, "
                f"along dimension {axis}"
            )
        step = but_first(x, along) - but_last(x, along)
        if x.ndim == 1:
            step = step.reshape(-1, *(1,) * (y.ndim - axis - 1))
    return (but_first(y, axis) + but_last(y, axis)) * step / 2.0, axis


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1.0, dim: int = -1) -> Tensor:
    """The area under y along `dim`, where it is taken at `x`, or at steps `dx`: Σ (x₊ - x) (y + y₊) / 2.

    Raises RuntimeError for an x that does not fit, and for bools. Source: PyTorch, `torch.trapezoid`.

    >>> import autodiff
    >>> autodiff.trapezoid(autodiff.tensor([1.0, 2.0, 3.0]), autodiff.tensor([0.0, 2.0, 3.0]))
    tensor(5.5000)
    """
    if isinstance(y, Tensor) and y.ndim and not y.shape[one_dim(dim, y.ndim, "trapezoid")]:
        return sum(y.float(), dim)
    return sum(*areas("trapezoid", y, x, dx, dim))


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1.0, dim: int = -1) -> Tensor:
    """The area up to each point but the first; see `trapezoid`.

    >>> import autodiff
    >>> autodiff.cumulative_trapezoid(autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([1.5000, 4.0000])
    """
    found, axis = areas("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(found, axis)
