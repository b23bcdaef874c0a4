"""Equations of triangular matrices, and of A = L Lᵀ when L is known."""

from __future__ import annotations

import numpy as np

from ..errors import describe, located
from ..tensor import Tensor
from .arguments import refuse_plain
from .diagonals import tril, triu
from .inverses import refuse_no_matrix, refuse_no_square, solve

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["cholesky_inverse", "cholesky_solve"]


def solve_triangular(
    input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """The X with T X = B, or X T = B without `left`, where T is the upper or lower triangle of `input`.

    With `unitriangular` its diagonal is taken to be 1. Raises RuntimeError for shapes that do not fit,
    LinAlgError for a 0 on the diagonal, where PyTorch gives inf and nan. Source: PyTorch,
    `torch.linalg.solve_triangular`.

    >>> import autodiff
    >>> L = autodiff.tensor([[2.0, 0.0], [1.0, 3.0]])
    >>> autodiff.linalg.solve_triangular(L, autodiff.tensor([[4.0], [5.0]]), upper=False)
    tensor([[2.],
            [1.]])
    """
    refuse_no_square(input, "linalg.solve_triangular")
    refuse_no_matrix(B, "linalg.solve_triangular")
    n, (rows, columns) = input.shape[-1], B.shape[-2:]
    if n != (rows if left else columns):
        raise located.RuntimeError(
            f"linalg.solve_triangular: Incompatible shapes of A and B for the equation "
            f"{'AX' if left else 'XA'} = B ({n}x{n} and {rows}x{columns})"
        )
    triangle = (triu if upper else tril)(input, (1 if upper else -1) if unitriangular else 0)
    if unitriangular:
        triangle = triangle + Tensor(np.eye(n, dtype=input.dtype))
    return solve(triangle, B, left=left)


def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """The X with A X = `input`, where A = L Lᵀ of L = `input2`, or Lᵀ L if it is `upper`.

    Raises RuntimeError for shapes that do not fit. Source: PyTorch, `torch.cholesky_solve`.

    >>> import autodiff
    >>> L = autodiff.tensor([[2.0, 0.0], [0.0, 3.0]])
    >>> autodiff.cholesky_solve(autodiff.tensor([[4.0], [18.0]]), L)
    tensor([[1.],
            [2.]])
    """
    refuse_plain(input, "cholesky_solve")
    refuse_plain(input2, "cholesky_solve", "input2", 2)
    B, L = input, input2
    for name, x in (("b", B), ("u", L)):
        if x.ndim < 2:
            raise located.RuntimeError(
                f"{name} should have at least 2 dimensions, but has {x.ndim} dimensions instead, in "
                f"cholesky_solve(): {describe(x)}"
            )
    n, rows = L.shape[-1], B.shape[-2]
    if n != rows:
        raise located.RuntimeError(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {n} by {n} but each b matrix is "
            f"{rows} by {B.shape[-1]}"
        )
    first, last = (L.mT, L) if upper else (L, L.mT)
    return solve_triangular(last, solve_triangular(first, B, upper=False), upper=True)


def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """A⁻¹, where A = L Lᵀ of L = `input`, or Lᵀ L if it is `upper`.

    >>> import autodiff
    >>> autodiff.cholesky_inverse(autodiff.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.2500, 0.0000],
            [0.0000, 0.0625]])
    """
    refuse_no_square(input, "cholesky_inverse")
    one = Tensor(np.eye(input.shape[-1], dtype=input.dtype))
    return cholesky_solve(one.expand(input.shape), input, upper)
