"""Products of matrices and vectors.

The rule is that of matrices: z = x @ y has x̄ = z̄ yᵀ and ȳ = xᵀ z̄, over any batch of them. Vectors are made
matrices, and back, by reshaping, so that one rule covers every case but the inner product of two vectors.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..arrays import as_array
from ..errors import describe, located, matmul_conflict
from ..primitive import Primitive
from ..tensor import Tensor
from . import elementwise
from .arguments import listed, refuse_plain, tensors_of
from .diagonals import diagonal
from .dims import one_dim
from .reductions import sum
from .reordering import roll
from .repeating import expand
from .shapes import on_its_own, regroup

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "cross", "dot", "ger", "inner",
    "kron", "matmul", "mm", "mv", "outer", "trace", "vdot",
]  # fmt: skip

# fmt: off
product = Primitive("matmul", np.matmul, lambda g, z, x, y: g @ y.mT, lambda g, z, x, y: x.mT @ g,
                    doc="x @ y, matrices or batches of them")
scalar  = Primitive("dot", np.dot, lambda g, z, x, y: g * y, lambda g, z, x, y: g * x,
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
        raise located.RuntimeError(matmul_conflict(a.shape, b.shape))
    if a.ndim == 1 and b.ndim == 1:
        return scalar(x, y)
    if a.ndim == 1:
        return on_its_own(regroup(product(regroup(x, (1, *a.shape)), y), (*b.shape[:-2], b.shape[-1])))
    if b.ndim > 2:
        return product(x, y)
    rows = regroup(
        x, (math.prod(a.shape[:-1]), a.shape[-1])
    )  # one matrix or vector for the whole batch: one tall matrix
    columns = y if b.ndim == 2 else regroup(y, (*b.shape, 1))
    return on_its_own(regroup(product(rows, columns), (*a.shape[:-1], *b.shape[1:])))


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
        raise located.RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {a} != {b}, in {op}({describe(x)}, "
            f"{describe(y)}): convert one of them, y.to(x.dtype)"
        )
    if a.kind == "b":
        raise located.NotImplementedError(f"{op}() is not implemented for 'Bool': use x.float() or x.long()")


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
        raise located.RuntimeError(f"bmm(): {matmul_conflict(input.array.shape, mat2.array.shape)}")
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


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """As `dot`."""
    return dot(input, other)


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Σ x y over the last dimension of both, for all the others of x, then all those of y.

    >>> import autodiff
    >>> x = autodiff.tensor([[1, 2], [3, 4]])
    >>> autodiff.inner(x, autodiff.tensor([1, 10]))
    tensor([21, 43])
    """
    refuse_plain(input, "inner")
    refuse_plain(other, "inner", "other", 2)
    a, b = input.array.shape, other.array.shape
    if not (a and b):
        return elementwise.mul(input, other)
    if a[-1] != b[-1]:
        raise located.RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(a)} and {list(b)}"
        )
    if input.array.dtype != other.array.dtype:
        raise located.RuntimeError(
            f"both inputs should have same dtype, in inner(): {describe(input)}, {describe(other)}"
        )
    rows, columns = (regroup(x, (math.prod(x.array.shape[:-1]), a[-1])) for x in (input, other))
    return regroup(matmul(rows, columns.mT), a[:-1] + b[:-1])


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


ger = outer


def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: each entry of `input` times all of `other`, as blocks.

    >>> import autodiff
    >>> autodiff.kron(autodiff.tensor([[1, 2]]), autodiff.tensor([[1], [3]]))
    tensor([[1, 2],
            [3, 6]])
    """
    refuse_plain(input, "kron")
    refuse_plain(other, "kron", "other", 2)
    ndim = max(input.array.ndim, other.array.ndim)
    a, b = ((1,) * (ndim - x.array.ndim) + x.array.shape for x in (input, other))
    x = regroup(input, tuple(k for n in a for k in (n, 1)))
    y = regroup(other, tuple(k for n in b for k in (1, n)))
    return on_its_own(regroup(elementwise.mul(x, y), tuple(n * m for n, m in zip(a, b, strict=True))))


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product x × y of vectors along `dim`, of length 3 (None: the first such); others broadcast.

    >>> import autodiff
    >>> autodiff.cross(autodiff.tensor([1, 0, 0]), autodiff.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    refuse_plain(input, "cross")
    refuse_plain(other, "cross", "other", 2)
    a, b = input.array.shape, other.array.shape
    if len(a) != len(b):
        raise located.RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is None:
        if 3 not in a:
            raise located.RuntimeError(f"no dimension of size 3 in input, in cross(): the shape is {a}")
        dim = a.index(3)
    i = one_dim(dim, len(a), "cross")
    if not (a and a[i] == b[i] == 3):
        raise located.RuntimeError(
            f"linalg.cross: inputs dimension {i} must have length 3. Got {a[i] if a else 1} and "
            f"{b[i] if b else 1}"
        )
    x, x2, y, y2 = (roll(v, by, i) for v in (input, other) for by in (-1, -2))
    return elementwise.sub(elementwise.mul(x, y2), elementwise.mul(x2, y))


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2); `input` is expanded, and not read if beta is 0.

    >>> import autodiff
    >>> autodiff.addmm(autodiff.tensor([1.0, 2.0]), autodiff.ones(1, 3), autodiff.ones(3, 2))
    tensor([[4., 5.]])
    """
    refuse_dims(mat1, "mat1", 2, "addmm", "mat1 must be a matrix")
    refuse_dims(mat2, "mat2", 2, "addmm", "mat2 must be a matrix")
    return scaled_sum(input, matmul(mat1, mat2), beta, alpha, "addmm")


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec); `input` is expanded, and not read if beta is 0."""
    words = "vector + matrix @ vector expected"
    refuse_dims(mat, "mat", 2, "addmv", words)
    refuse_dims(vec, "vec", 1, "addmv", words)
    if isinstance(input, Tensor) and (input.array.ndim > 1 or input.array.size not in (1, len(mat.array))):
        raise located.RuntimeError(
            f"{words} and size mismatch, got input ({input.array.size}), mat "
            f"({mat.array.shape[0]}x{mat.array.shape[1]}), vec ({vec.array.size})"
        )
    return scaled_sum(input, matmul(mat, vec), beta, alpha, "addmv")


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (vec1 ⊗ vec2), the outer product; `input` is expanded."""
    return scaled_sum(input, outer(vec1, vec2), beta, alpha, "addr")


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), batches of matrices; `input` is expanded.

    >>> import autodiff
    >>> x = autodiff.ones(5, 2, 2)
    >>> autodiff.baddbmm(autodiff.zeros(1), x, x, alpha=0.5)[0]
    tensor([[1., 1.],
            [1., 1.]])
    """
    return scaled_sum(input, bmm(batch1, batch2), beta, alpha, "baddbmm")


def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * Σ (batch1 @ batch2), summed over the batch; `input` is expanded."""
    return scaled_sum(input, sum(bmm(batch1, batch2), 0), beta, alpha, "addbmm")


def scaled_sum(x: Tensor, product: Tensor, beta: float, alpha: float, op: str) -> Tensor:
    """beta * x + alpha * product, in the shape of the product."""
    refuse_plain(x, op)
    if x.array.dtype != product.array.dtype:
        raise located.RuntimeError(
            f"self and mat2 must have the same dtype, but got {x.array.dtype} and {product.array.dtype}, in "
            f"{op}()"
        )
    if product.array.dtype.kind == "i":
        beta, alpha = int(beta), int(alpha)
    x = expand(x, product.array.shape)
    product = product if alpha == 1 else elementwise.mul(product, alpha)
    if beta == 0:
        return product
    return elementwise.add(x if beta == 1 else elementwise.mul(x, beta), product)


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of several matrices, multiplied in the order that costs least."""
    return multi_dot(matrices)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two and more matrices, multiplied in the order that costs least.

    The first may be a row, and the last a column. Raises RuntimeError for what cannot be multiplied.
    Source: PyTorch, `torch.linalg.multi_dot`.

    >>> import autodiff
    >>> autodiff.linalg.multi_dot([autodiff.ones(2, 3), autodiff.ones(3, 4), autodiff.ones(4)])
    tensor([12., 12.])
    """
    xs = tensors_of(tuple(listed(tensors, "multi_dot", "tensors")), "multi_dot")
    n = len(xs)
    if n < 2:
        raise located.RuntimeError(f"multi_dot(): expected at least 2 tensors but got {n}")
    for k, x in enumerate(xs):
        if x.array.ndim != 2 and not (x.array.ndim == 1 and k in (0, n - 1)):
            raise located.RuntimeError(f"multi_dot(): tensor {k} must be 2D but got {x.array.ndim}D")
        if x.array.dtype != xs[0].array.dtype:
            raise located.RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {xs[0].array.dtype} "
                f"and tensor {k} {x.array.dtype}"
            )
        if k and x.array.shape[0] != xs[k - 1].array.shape[-1]:
            raise located.RuntimeError(
                f"multi_dot(): tensors {k - 1} and {k} with shapes {list(xs[k - 1].array.shape)} and "
                f"{list(x.array.shape)} cannot be multiplied"
            )
    length = [x.array.shape[0] for x in xs] + [xs[-1].array.shape[-1] if xs[-1].array.ndim == 2 else 1]
    if xs[0].array.ndim == 1:
        length[0] = 1

    @cache
    def best(i: int, j: int) -> tuple[int, int]:
        """The cost of the product of the matrices from i to j, and after which one to part it."""
        if i == j:
            return 0, i
        return min(
            (best(i, k)[0] + best(k + 1, j)[0] + length[i] * length[k + 1] * length[j + 1], k)
            for k in range(i, j)
        )

    def product_of(i: int, j: int) -> Tensor:
        if i == j:
            return xs[i]
        k = best(i, j)[1]
        return matmul(product_of(i, k), product_of(k + 1, j))

    return product_of(0, n - 1)


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
        raise located.RuntimeError(
            f"{words}, but got {x.array.ndim}-D: {op}() takes {name} of {ndim} dimensions, not {describe(x)}"
        )
