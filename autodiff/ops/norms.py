"""Lengths of vectors and matrices, and distances between points, as `torch.linalg` has them."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype
from ..errors import describe, located
from ..primitive import cast
from ..tensor import Tensor
from . import elementwise
from .decompositions import svdvals
from .dims import many_dims, refuse_plain
from .inverses import refuse_no_floats, refuse_no_matrix
from .reductions import amax, amin, sum
from .reductions import norm as length
from .reordering import movedim
from .shapes import unsqueeze

__all__ = ["cdist", "dist"]


def vector_norm(
    input: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) for p = `ord` of all entries, or along `dim`.

    inf is the largest |x|, -inf the smallest, 0 counts those that are not 0. Raises RuntimeError for
    integers and for an extreme of nothing. Source: PyTorch, `torch.linalg.vector_norm`.

    >>> import autodiff
    >>> autodiff.linalg.vector_norm(autodiff.tensor([3.0, 4.0]))
    tensor(5.)
    """
    refuse_plain(input, "linalg_vector_norm", "input")
    if not isinstance(ord, (int, float)):
        raise located.TypeError(
            f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}"
        )
    if dim is None and not input.array.size and (ord < 0 or ord == math.inf):
        raise located.RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does "
            "not have an identity"
        )
    return length(input, ord, dim, keepdim, dtype)


def matrix_norm(
    input: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of the matrices that two dimensions make.

    "fro" is √ Σ x², "nuc" the sum of the singular values, 2 and -2 the largest and the smallest of them;
    1 and -1 the largest and the smallest sum of a column's |x|, inf and -inf of a row's. Raises RuntimeError
    for other orders. Source: PyTorch, `torch.linalg.matrix_norm`.

    >>> import autodiff
    >>> autodiff.linalg.matrix_norm(autodiff.tensor([[3.0, 0.0], [4.0, 0.0]]), 1)
    tensor(7.)
    """
    refuse_no_matrix(input, "linalg.matrix_norm")
    x = input if dtype is None else cast(input, as_dtype(dtype))
    refuse_no_floats(x, "linalg.matrix_norm")
    if not isinstance(dim, (tuple, list)):
        raise located.TypeError(
            f"linalg_matrix_norm(): dim must be a tuple of two ints, not {type(dim).__name__}"
        )
    if len(dim) != 2 or dim[0] % x.array.ndim == dim[1] % x.array.ndim:
        raise located.RuntimeError(f"linalg.matrix_norm: dims must be different. Got {tuple(dim)}")
    i, j = many_dims(tuple(dim), x.array.ndim, "matrix_norm")
    if ord == "fro":
        return length(x, 2, (i, j), keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(movedim(x, (i, j), (-2, -1)))
        z = sum(s, -1) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
        return unsqueeze(unsqueeze(z, min(i, j)), max(i, j)) if keepdim else z
    if ord not in (1, -1, math.inf, -math.inf):
        raise located.RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, last = (i, j) if ord in (1, -1) else (j, i)
    z = (amax if ord > 0 else amin)(sum(elementwise.abs(x), first, True), last, True)
    return z if keepdim else sum(z, (i, j))


def norm(
    input: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """`matrix_norm` along two dimensions, or of a matrix if there is an `ord`; else `vector_norm`.

    Source: PyTorch, `torch.linalg.norm`.

    >>> import autodiff
    >>> autodiff.linalg.norm(autodiff.tensor([[3.0, 0.0], [4.0, 0.0]]), ord="nuc")
    tensor(5.)
    """
    refuse_plain(input, "linalg_norm", "input")
    ndim = input.array.ndim
    if ord is None:
        return vector_norm(input, 2, dim, keepdim, dtype=dtype)
    if dim is None and ndim not in (1, 2):
        raise located.RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {ndim}D."
        )
    several = dim if isinstance(dim, (tuple, list)) else (dim,)
    if isinstance(ord, str) or (dim is None and ndim == 2) or len(several) == 2:
        return matrix_norm(input, ord, (-2, -1) if dim is None else several, keepdim, dtype=dtype)
    return vector_norm(input, ord, dim, keepdim, dtype=dtype)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of `input - other`, which broadcast.

    >>> import autodiff
    >>> autodiff.dist(autodiff.tensor([3.0, 5.0]), autodiff.tensor([0.0, 1.0]))
    tensor(5.)
    """
    return length(elementwise.sub(input, other), p)


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
    return length(elementwise.sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)
