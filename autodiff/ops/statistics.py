"""How variables vary together, and what lies under a curve."""

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from ..errors import describe, located
from ..tensor import Tensor
from .dims import one_dim, refuse_plain
from .elementwise import clamp, sqrt
from .reductions import sum
from .scans import cumsum
from .shapes import unsqueeze

__all__ = ["corrcoef", "cov", "cumulative_trapezoid", "trapezoid", "trapz"]


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """How the rows of a matrix vary together: Σ w (x - x̄)(y - ȳ) / (Σ w - correction), (n, N) to (n, n).

    A vector is one row, and gives a number. The weights of the columns are `fweights`, how often each was
    observed (integers), times `aweights`, how much it counts: then the divisor is Σ w - correction · Σ w a /
    Σ w. Raises RuntimeError for other shapes and for unfit weights. Source: PyTorch, `torch.cov`.

    >>> import autodiff
    >>> autodiff.cov(autodiff.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    refuse_plain(input, "cov")
    if input.ndim > 2:
        raise located.RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} "
            "dimensions"
        )
    if input.dtype == bool:
        raise located.RuntimeError("cov(): bool dtype is not supported for input: x.float()")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    x = x if x.dtype.kind == "f" else x.float()
    n = x.shape[1]
    for name, given, kind in (("fweights", fweights, "i"), ("aweights", aweights, "f")):
        if given is not None and (given.shape != (n,) or given.dtype.kind != kind):
            raise located.RuntimeError(
                f"cov(): expected {name} to have one dimension, {'integral' if kind == 'i' else 'floating'} "
                f"dtype and the same numel as there are observations in the input ({n}), but got "
                f"{describe(given)}"
            )
    weights: Any = fweights
    if aweights is not None:
        weights = aweights if fweights is None else fweights * aweights
    if weights is None:
        divisor: Any = max(n - correction, 0)
        centered = x - sum(x, 1, keepdim=True) / n
        scaled = centered
    else:
        total = weights.sum()
        loss = (weights * aweights).sum() / total if aweights is not None else 1
        divisor = clamp(total - correction * loss, min=0)
        centered = x - sum(x * weights, 1, keepdim=True) / total
        scaled = centered * weights
    z = centered @ scaled.mT / divisor
    return z.reshape(()) if input.ndim < 2 else z


def corrcoef(input: Tensor) -> Tensor:
    """The correlations of the rows of a matrix: `cov` over the standard deviations, between -1 and 1.

    Source: PyTorch, `torch.corrcoef`.

    >>> import autodiff
    >>> autodiff.corrcoef(autodiff.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    refuse_plain(input, "corrcoef")
    if input.ndim > 2:
        raise located.RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got {describe(input)}"
        )
    z = cov(input)
    if z.ndim == 0:
        return z / z
    deviation = sqrt(z.diagonal())
    return clamp(z / unsqueeze(deviation, 1) / unsqueeze(deviation, 0), -1, 1)


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
