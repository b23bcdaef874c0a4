"""How far values lie from their mean, and how variables vary together."""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array
from ..errors import describe, located
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import refuse_plain
from .dims import numpy_names
from .elementwise import clamp, sqrt
from .norms import inverse
from .reductions import Axis, add_up, axes, count, mean, mean_of, reduced, sum
from .shapes import unsqueeze

__all__ = ["corrcoef", "cov", "std", "std_mean", "var", "var_mean"]


def variance(x: Array, axis: Axis, n: float, d: float) -> Array:
    """The sum of the squared deviations from the mean, divided by d."""
    with np.errstate(all="ignore"):  # one value alone has variance 0 / 0 = nan, as in PyTorch
        deviation = x - add_up(x, axis if axis is not None else tuple(range(x.ndim))) / n
        return add_up(deviation * deviation, axis) / d


# fmt: off
var_of     = Primitive("var", variance, lambda g, z, x, axis, n, d: g * 2 * (x - mean_of(x, axis, n)) / d,
                       doc="Σ (x - x̄)² / d, where x̄ is the mean Σ x / n")
std_of     = Primitive("std", lambda x, axis, n, d: np.sqrt(variance(x, axis, n, d)),
                       lambda g, z, x, axis, n, d: g * (x - mean_of(x, axis, n)) * inverse(z) / d,
                       doc="√ (Σ (x - x̄)² / d), where x̄ is the mean Σ x / n")
# fmt: on


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
    return reduced(op, x, axis, keepdim, n, max(n - correction, 0))


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
