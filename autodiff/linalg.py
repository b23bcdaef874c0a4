"""PyTorch's `torch.linalg`: matrices, their inverses, decompositions and norms.

>>> import autodiff
>>> A = autodiff.tensor([[2.0, 0.0], [0.0, 3.0]], requires_grad=True)
>>> autodiff.linalg.det(A).backward()
>>> A.grad
tensor([[3., 0.],
        [0., 2.]])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import located
from .ops import diagonals, inverses, products
from .ops.arguments import refuse_no_number, refuse_plain
from .ops.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from .ops.inverses import LinAlgError, SlogDet, inv, lstsq, pinv, solve
from .ops.norms import matrix_norm, vector_norm
from .ops.products import matmul, multi_dot
from .ops.reductions import sum
from .ops.triangular import solve_triangular
from .tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "vecdot", "vector_norm",
]  # fmt: skip

# What PyTorch has under another name or with other defaults here than in its main namespace:


def det(A: Tensor) -> Tensor:
    """The determinant: `autodiff.det`."""
    return inverses.det(A)


def slogdet(A: Tensor) -> SlogDet:
    """The sign of the determinant and log |det|: `autodiff.slogdet`."""
    return inverses.slogdet(A)


def matrix_power(input: Tensor, n: int) -> Tensor:
    """The matrix multiplied by itself n times: `autodiff.matrix_power`."""
    return inverses.matrix_power(input, n)


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product along `dim`, by default the last one."""
    return products.cross(input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of a diagonal of each matrix."""
    return diagonals.diagonal(A, offset, dim1, dim2)


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


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Σ x y along `dim`; the other dimensions broadcast.

    >>> import autodiff
    >>> autodiff.linalg.vecdot(autodiff.ones(2, 3), autodiff.ones(3))
    tensor([3., 3.])
    """
    refuse_plain(x, "linalg.vecdot", "x")
    refuse_plain(y, "linalg.vecdot", "y", 2)
    return sum(x * y, dim)


def matrix_rank(
    input: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """How many singular values are above max(atol, rtol times the largest); rtol as in `pinv`.

    Those of a symmetric matrix are, if `hermitian`, found in half the time. Bounds may be tensors, one for
    each matrix; `tol` is the older name of `atol`.

    >>> import autodiff
    >>> autodiff.linalg.matrix_rank(autodiff.ones(3, 2))
    tensor(1)
    """
    s = np.abs(eigvalsh(input).array) if hermitian else svdvals(input).array
    for name, bound in (("tol", tol), ("atol", atol), ("rtol", rtol)):
        if bound is not None:
            refuse_no_number(bound, "linalg.matrix_rank", name)
    above, share = (bound.array if isinstance(bound, Tensor) else bound for bound in (atol, rtol))
    if tol is not None:
        above, share = (tol.array if isinstance(tol, Tensor) else tol), 0.0
    if share is None:
        precision = max(input.array.shape[-2:]) * np.finfo(s.dtype).eps
        share = precision if above is None else np.where(np.asarray(above) > 0, 0.0, precision)
    least = np.maximum(0.0 if above is None else above, share * s.max(-1, initial=0))
    return Tensor(np.asarray((s > least[..., None]).sum(-1)))
