"""How far apart two vectors are, in length or in direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import result_dtype
from ..errors import broadcast_conflict, describe, located
from ..primitive import cast
from ..tensor import Tensor
from .arguments import refuse_plain
from .elementwise import clamp_min, minus
from .indexing import getitem
from .norms import norm
from .shapes import unsqueeze

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["cdist", "cosine_similarity", "dist", "pairwise_distance", "pdist"]


def dist(input: Tensor, other: Tensor, p: Any = 2) -> Tensor:
    """The length of input - other, which broadcast, as `norm` measures it.

    >>> import autodiff
    >>> autodiff.dist(autodiff.tensor([3.0, 5.0]), autodiff.tensor([0.0, 1.0]))
    tensor(5.)
    """
    refuse_plain(input, "dist")
    refuse_plain(other, "dist", "other", 2)
    return norm(minus(input, other), p)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension: (N, D) and (N, D) or (D,) to (N,).

    Raises RuntimeError for shapes that do not broadcast, and for integers. Source: PyTorch,
    `torch.nn.functional.pairwise_distance`.

    >>> import autodiff
    >>> autodiff.pairwise_distance(autodiff.tensor([[3.0, 4.0]]), autodiff.zeros(2))
    tensor([5.0000])
    """
    refuse_plain(x1, "pairwise_distance", "x1")
    refuse_plain(x2, "pairwise_distance", "x2", 2)
    return norm(x1 - x2 + eps, p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`: x1 · x2 / (max(|x1|, eps) max(|x2|, eps)).

    Raises RuntimeError for shapes that do not broadcast, and for integers. Source: PyTorch,
    `torch.nn.functional.cosine_similarity`.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 0.0]])
    >>> autodiff.cosine_similarity(x, autodiff.tensor([[1.0, 1.0], [-2.0, 0.0]]))
    tensor([ 0.7071, -1.0000])
    """
    refuse_plain(x1, "cosine_similarity", "x1")
    refuse_plain(x2, "cosine_similarity", "x2", 2)
    dtype = result_dtype(x1.array, x2.array)
    if dtype.kind != "f":
        raise located.RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {dtype}, in cosine_similarity: "
            "x.float()"
        )
    try:
        together = np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        raise located.RuntimeError(
            f"{broadcast_conflict([x1.shape, x2.shape])}, in cosine_similarity"
        ) from None
    x1, x2 = (cast(x, dtype) if x.dtype != dtype else x for x in (x1, x2))
    x1, x2 = (x if x.shape == together else x.expand(together) for x in (x1, x2))
    return (x1 / floored_length(x1, dim, eps) * (x2 / floored_length(x2, dim, eps))).sum(dim)


def floored_length(x: Tensor, dim: int, eps: float) -> Tensor:
    """|x| along `dim`, at least eps; its gradient is that of |x| even below eps, as in PyTorch."""
    found = norm(x, 2, dim, True)
    short = np.maximum(eps - found.array, 0)
    return found + Tensor(short) if short.any() else found


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: None = None) -> Tensor:
    """x / max(|x|, eps), with the p-norm along `dim`: vectors of length 1.

    Raises IndexError for a `dim` out of range, RuntimeError for integers. Source: PyTorch,
    `torch.nn.functional.normalize`.

    >>> import autodiff
    >>> normalize(autodiff.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    refuse_plain(input, "normalize")
    if out is not None:
        raise located.TypeError("normalize(): there is no out=: assign the result")
    return input / clamp_min(norm(input, p, dim, True), eps)


def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm between each row of x1 (…, n, d) and each of x2 (…, m, d): (…, n, m); batches broadcast.

    Where two rows are equal the gradient is 0. `compute_mode` is accepted; distances are always computed from
    differences. Raises RuntimeError for fewer than 2 dimensions, unequal d, integers, p < 0.

    >>> import autodiff
    >>> autodiff.cdist(autodiff.tensor([[3.0, 4.0]]), autodiff.tensor([[0.0, 0.0], [3.0, 3.0]]))
    tensor([[5., 1.]])
    """
    for name, x in (("X1", x1), ("X2", x2)):
        refuse_plain(x, "cdist", name.lower(), int(name[1]))
        if x.array.dtype.kind != "f":
            raise located.RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: {x.array.dtype}"
            )
        if x.array.ndim < 2:
            raise located.RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {x.array.ndim}D, {describe(x)}"
            )
    if x1.array.shape[-1] != x2.array.shape[-1]:
        raise located.RuntimeError(
            "X1 and X2 must have the same number of columns. "
            f"X1: {x1.array.shape[-1]} X2: {x2.array.shape[-1]}"
        )
    if p < 0:
        raise located.RuntimeError(f"cdist only supports non-negative p values, not {p}")
    return norm(minus(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm between each two rows of (n, d): (n · (n - 1) / 2,), in the order 01, 02, …, 12, …

    It is `cdist(input, input, p)` above the diagonal; where two rows are equal the gradient is 0. Raises
    RuntimeError for what is not 2-dimensional, integers, p < 0.

    >>> import autodiff
    >>> autodiff.pdist(autodiff.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    refuse_plain(input, "pdist")
    x = input.array
    if x.ndim != 2:
        raise located.RuntimeError(f"pdist only supports 2D tensors, got: {x.ndim}D, {describe(input)}")
    if x.dtype.kind != "f":
        raise located.RuntimeError(f"pdist only supports floating-point dtypes, not {x.dtype}")
    if p < 0:
        raise located.RuntimeError(f"pdist only supports non-negative p values, not {p}")
    first, second = np.triu_indices(x.shape[0], 1)
    return norm(minus(getitem(input, (first,)), getitem(input, (second,))), p, -1)
