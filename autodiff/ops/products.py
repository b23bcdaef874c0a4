"""Products of matrices and vectors.

The rule is that of matrices: z = x @ y has x̄ = z̄ yᵀ and ȳ = xᵀ z̄, over any batch of them. Vectors are made
matrices, and back, by reshaping, so that one rule covers every case but the inner product of two vectors.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import as_array
from ..errors import describe, matmul_conflict
from ..primitive import Primitive
from ..tensor import Tensor
from . import elementwise
from .diagonals import diagonal
from .dims import refuse_plain
from .reductions import sum
from .shapes import regroup

__all__ = ["bmm", "dot", "matmul", "mm", "mv", "outer", "trace"]

# fmt: off
product = Primitive("matmul", np.matmul, lambda g, z, x, y: g @ y.mT, lambda g, z, x, y: x.mT @ g,
                    doc="x @ y, matrices or batches of them")
inner   = Primitive("dot", np.dot, lambda g, z, x, y: g * y, lambda g, z, x, y: g * x,
                    doc="Σ x y, vectors")
# fmt: on


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product `input @ other`; of two vectors the inner product; batches of matrices broadcast.

    Shapes (…, n, k) and (…, k, p) give (…, n, p). A vector is a row on the left, a column on the right, and
    its 1 is dropped. Raises RuntimeError for shapes that do not fit, for 0-dim tensors and unequal dtypes,
    NotImplementedError for bools.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x @ autodiff.tensor([1.0, 10.0])
    tensor([21., 43.])
    """
    x, y = operand(input, "input", 1), operand(other, "other", 2)
    a, b = x.array, y.array
    if a.dtype is not b.dtype or a.dtype.kind == "b":
        refuse_dtypes(x, y, "matmul")
    if a.ndim == 2 and b.ndim == 2:
        return product(x, y)
    if not (a.ndim and b.ndim) or a.shape[-1] != b.shape[-2 if b.ndim > 1 else -1]:
        raise RuntimeError(matmul_conflict(a.shape, b.shape))
    if a.ndim == 1 and b.ndim == 1:
        return inner(x, y)
    if a.ndim == 1:
        return regroup(product(regroup(x, (1, *a.shape)), y), (*b.shape[:-2], b.shape[-1]))
    if b.ndim > 2:
        return product(x, y)
    rows = regroup(
        x, (math.prod(a.shape[:-1]), a.shape[-1])
    )  # one matrix or vector for the whole batch: one tall matrix
    columns = y if b.ndim == 2 else regroup(y, (*b.shape, 1))
    return regroup(product(rows, columns), (*a.shape[:-1], *b.shape[1:]))


def operand(x: Any, name: str, position: int) -> Tensor:
    """A factor as a Tensor, which a NumPy array is made too."""
    if isinstance(x, np.ndarray):
        return Tensor(as_array(x, copy=True))
    refuse_plain(x, "matmul", name, position)
    return x


def refuse_dtypes(x: Tensor, y: Tensor, op: str) -> None:
    """Raise if two factors differ in dtype, or are bools."""
    a, b = x.array.dtype, y.array.dtype
    if a != b:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {a} != {b}, in {op}({describe(x)}, "
            f"{describe(y)}): convert one of them, y.to(x.dtype)"
        )
    if a.kind == "b":
        raise NotImplementedError(f"{op}() is not implemented for 'Bool': use x.float() or x.long()")


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, (n, k) and (k, p); nothing broadcasts.

    >>> import autodiff
    >>> autodiff.mm(autodiff.ones(2, 3), autodiff.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    refuse_dims(input, "input", 2, "mm", "self must be a matrix")
    refuse_dims(mat2, "mat2", 2, "mm", "mat2 must be a matrix")
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (b, n, k) and (b, k, p); nothing broadcasts.

    >>> import autodiff
    >>> autodiff.bmm(autodiff.ones(5, 2, 3), autodiff.ones(5, 3, 4)).shape
    (5, 2, 4)
    """
    refuse_dims(input, "input", 3, "bmm", "batch1 must be a 3D tensor")
    refuse_dims(mat2, "mat2", 3, "bmm", "batch2 must be a 3D tensor")
    if input.array.shape[0] != mat2.array.shape[0]:
        raise RuntimeError(f"bmm(): {matmul_conflict(input.array.shape, mat2.array.shape)}")
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,).

    >>> import autodiff
    >>> autodiff.mv(autodiff.ones(2, 3), autodiff.ones(3))
    tensor([3., 3.])
    """
    words = "vector + matrix @ vector expected"
    refuse_dims(input, "input", 2, "mv", words)
    refuse_dims(vec, "vec", 1, "mv", words)
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product Σ x y of two vectors.

    >>> import autodiff
    >>> autodiff.dot(autodiff.tensor([1, 2]), autodiff.tensor([3, 4]))
    tensor(11)
    """
    refuse_dims(input, "input", 1, "dot", "1D tensors expected")
    refuse_dims(tensor, "tensor", 1, "dot", "1D tensors expected")
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors: z[i, j] = x[i] y[j].

    >>> import autodiff
    >>> autodiff.outer(autodiff.tensor([1, 2]), autodiff.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    refuse_dims(input, "input", 1, "outer", "outer: Expected 1-D argument self")
    refuse_dims(vec2, "vec2", 1, "outer", "outer: Expected 1-D argument vec2")
    return elementwise.mul(regroup(input, (*input.array.shape, 1)), vec2)


def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix.

    >>> import autodiff
    >>> autodiff.trace(autodiff.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    refuse_dims(input, "input", 2, "trace", "trace: expected a matrix")
    return sum(diagonal(input))


def refuse_dims(x: Any, name: str, ndim: int, op: str, words: str) -> None:
    """Raise RuntimeError unless `x` is a tensor of `ndim` dimensions."""
    refuse_plain(x, op, name, 1 if name == "input" else 2)
    if x.array.ndim != ndim:
        raise RuntimeError(
            f"{words}, but got {x.array.ndim}-D: {op}() takes {name} of {ndim} dimensions, not {describe(x)}"
        )
