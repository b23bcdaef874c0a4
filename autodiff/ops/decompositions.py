"""Matrices as products of simpler ones: Cholesky, QR, eigenvalues and singular values.

A decomposition has several results, a primitive one. So what belongs together is stacked: each column of
the primitive's result is one eigenvector over its eigenvalue; one singular value between its two vectors;
one column of Q over one row of R. The functions take these apart.

Vectors are defined up to sign, and where eigenvalues meet up to more: a cotangent that asks for what is
undefined becomes inf or nan; one that does not (0 / 0 in `over_gaps`) is 0. Formulas: Giles, "An extended
collection of matrix derivative results for forward and reverse mode algorithmic differentiation", 2008, and
Walter and Lehmann, "Algorithmic differentiation of linear algebra functions", 2010 (QR).
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive
from ..tensor import Tensor
from .indexing import getitem
from .inverses import LinAlgError, invert, refuse_no_floats, refuse_no_matrix, refuse_no_square
from .joining import cat
from .reordering import swap

__all__: list[str] = []

Index = Any


# what the table is made of ----------------------------------------------------------------------------------


def converging(op: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function, with PyTorch's words where it fails or its input is not finite."""

    @wraps(function)
    def decompose(x: Array, *options: Any) -> Any:
        if not np.isfinite(x).all():
            raise LinAlgError(
                f"linalg.{op}: The algorithm failed to converge because the input matrix contained "
                "non-finite values."
            )
        try:
            return function(x, *options)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"linalg.{op}: The algorithm failed to converge ({error})") from None

    return decompose


eigh_of, svd_of = converging("eigh", np.linalg.eigh), converging("svd", np.linalg.svd)


def rows(first: int, last: int | None) -> Index:
    """The index of these rows of a matrix."""
    return (..., slice(first, last), slice(None))


def symmetric_pairs(x: Array, lower: bool) -> Array:
    """Eigenvectors V of a symmetric matrix, and below each its eigenvalue."""
    values, vectors = eigh_of(x, "L" if lower else "U")
    return np.concatenate([vectors, values[..., None, :]], -2)


def singular_triples(x: Array) -> Array:
    """Singular vectors U, below each its singular value, below that the vector in V: x = U diag(s) Vᵀ."""
    u, s, vt = svd_of(x, False)
    return np.concatenate([u, s[..., None, :], vt.mT], -2)


def orthogonal_pairs(x: Array) -> Array:
    """The columns of Q over those of Rᵀ, for x = Q R."""
    q, r = np.linalg.qr(x)
    return np.concatenate([q, r.mT], -2)


def lower_factor(x: Array) -> Array:
    """The lower triangular L with L Lᵀ = x."""
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.cholesky: The factorization could not be completed because the input is not "
            "positive-definite"
        ) from None


def divided(x: Array, gap: Array) -> Array:
    """x / gap, and 0 for 0 / 0."""
    with np.errstate(all="ignore"):
        return np.where((x == 0) & (gap == 0), x, x / gap)


def gaps(x: Any) -> Any:
    """xⱼ - xᵢ in row i and column j, and 1 on the diagonal; x is one row of a matrix."""
    return x - x.mT + np.eye(x.shape[-1], dtype=x.dtype)


def skew(x: Any) -> Any:
    """x - xᵀ."""
    return x - x.mT


def on_diagonal(x: Any) -> Any:
    """The diagonal matrix of one row of a matrix."""
    return x * np.eye(x.shape[-1], dtype=x.dtype)


def lower_half(x: Any) -> Any:
    """The lower triangle of x with half of its diagonal."""
    return (np.tril(x) + np.tril(x, -1)) / 2


def eigh_rule(g: Any, z: Any) -> Any:
    """V (diag(w̄) + skew(VᵀV̄) / 2 / gaps) Vᵀ, which is symmetric."""
    n = z.shape[-1]
    v, w, gv, gw = z[rows(0, n)], z[rows(n, None)], g[rows(0, n)], g[rows(n, None)]
    return v @ (on_diagonal(gw) + over_gaps(skew(v.mT @ gv) / 2, gaps(w))) @ v.mT


def svd_rule(g: Any, z: Any, x: Any) -> Any:
    """U (diag(s̄) + (skew(UᵀŪ) s + s skew(VᵀV̄)) / gaps of s²) Vᵀ, and what leaves the span of U and of V."""
    m, n = x.shape[-2], x.shape[-1]
    u, s, v = z[rows(0, m)], z[rows(m, m + 1)], z[rows(m + 1, None)]
    gu, gs, gv = g[rows(0, m)], g[rows(m, m + 1)], g[rows(m + 1, None)]
    turned = skew(u.mT @ gu) * s + s.mT * skew(v.mT @ gv)
    d = u @ (on_diagonal(gs) + over_gaps(turned, gaps(s * s))) @ v.mT
    if m > n:
        d = d + over_gaps(gu - u @ (u.mT @ gu), s) @ v.mT
    if n > m:
        d = d + u @ over_gaps(gv - v @ (v.mT @ gv), s).mT
    return d


def svdvals_rule(g: Any, x: Any) -> Any:
    """U diag(s̄) Vᵀ."""
    z, m = triples(x), x.shape[-2]
    return z[rows(0, m)] * g[..., None, :] @ z[rows(m + 1, None)].mT


def eigvalsh_rule(g: Any, x: Any, lower: bool) -> Any:
    """V diag(w̄) Vᵀ."""
    v = pairs(x, lower)[rows(0, x.shape[-1])]
    return v * g[..., None, :] @ v.mT


def qr_rule(g: Any, z: Any, x: Any) -> Any:
    """(Q̄ + Q copyltu(R R̄ᵀ - Q̄ᵀ Q)) R⁻ᵀ, where copyltu repeats the lower triangle above.

    If x is wider than high, that is for its square left part, and what follows it is Q times the rest of R.
    """
    m, n = x.shape[-2], x.shape[-1]
    q, r, gq, gr = z[rows(0, m)], z[rows(m, None)].mT, g[rows(0, m)], g[rows(m, None)].mT
    rest = None
    if n > m:
        rest = q @ gr[..., m:]
        gq = gq + x[..., m:] @ gr[..., m:].mT
        r, gr = r[..., :m], gr[..., :m]
    a = r @ gr.mT - gq.mT @ q
    d = (gq + q @ (np.tril(a) + np.tril(a, -1).mT)) @ invert(r).mT
    return d if rest is None else np.concatenate([d, rest], -1)


def cholesky_rule(g: Any, z: Any) -> Any:
    """The symmetric part of L⁻ᵀ Φ(LᵀL̄) L⁻¹, where Φ takes the lower triangle and half of the diagonal."""
    i = invert(z)
    d = i.mT @ lower_half(z.mT @ g) @ i
    return (d + d.mT) / 2


# fmt: off
over_gaps: Primitive = Primitive("over_gaps", divided,
                lambda g, z, x, gap: over_gaps(g, gap),
                lambda g, z, x, gap: -over_gaps(g * z, gap),
                doc="x / gap, and 0 for 0 / 0")
factor    = Primitive("cholesky", lower_factor, lambda g, z, x: cholesky_rule(g, z),
                doc="the lower triangular L with L Lᵀ = x")
qr_pairs  = Primitive("qr", orthogonal_pairs, lambda g, z, x: qr_rule(g, z, x),
                doc="orthogonal Q over Rᵀ, with x = Q R")
pairs     = Primitive("eigh", symmetric_pairs, lambda g, z, x, lower: eigh_rule(g, z),
                doc="eigenvectors of a symmetric x over their eigenvalues")
values    = Primitive("eigvalsh", lambda x, lower: symmetric_pairs(x, lower)[..., -1, :],
                lambda g, z, x, lower: eigvalsh_rule(g, x, lower),
                doc="eigenvalues of a symmetric x")
triples   = Primitive("svd", singular_triples, lambda g, z, x: svd_rule(g, z, x),
                doc="U over s over V, with x = U diag(s) Vᵀ")
singular  = Primitive("svdvals", lambda x: svd_of(x, False, False), lambda g, z, x: svdvals_rule(g, x),
                doc="singular values of x")
# fmt: on


# the functions ----------------------------------------------------------------------------------------------


class QR(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigen(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with L Lᵀ = A (or `upper`, Lᵀ), for a symmetric positive-definite A.

    Only the lower triangle of A is read. Raises LinAlgError if A is not positive-definite.

    >>> import autodiff
    >>> autodiff.linalg.cholesky(autodiff.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    refuse_no_square(input, "linalg.cholesky")
    z = factor(input)
    return swap(z, -2, -1) if upper else z


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Orthonormal columns Q and an upper triangular R with A = Q R.

    Q is (m, min(m, n)), with mode "complete" (m, m), with "r" empty. Raises RuntimeError for other modes, and
    for what is no matrix.

    >>> import autodiff
    >>> q, r = autodiff.linalg.qr(autodiff.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> autodiff.allclose(q @ r, autodiff.tensor([[3.0, 1.0], [4.0, 2.0]]))
    True
    """
    refuse_no_matrix(A, "linalg.qr")
    refuse_no_floats(A, "linalg.qr")
    if mode not in ("reduced", "complete", "r"):
        raise located.RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
            "'complete'"
        )
    *batch, m, n = A.array.shape
    z = qr_pairs(A)
    q, r = getitem(z, rows(0, m)), swap(getitem(z, rows(m, None)), -2, -1)
    if mode == "r":
        return QR(Tensor(np.zeros(0, A.array.dtype)), r)
    if mode == "complete" and m > n:
        if A.requires_grad:
            raise located.RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols: the last "
                "columns of Q are any that complete the basis"
            )
        q = cat([q, complement(q)], -1)
        r = cat([r, Tensor(np.zeros((*batch, m - n, n), r.array.dtype))], -2)
    return QR(q, r)


def complement(q: Tensor) -> Tensor:
    """Orthonormal columns that are orthogonal to those of q, as many as there are."""
    return Tensor(np.linalg.qr(q.array, mode="complete")[0][..., q.array.shape[-1] :])


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """A = U diag(S) Vh, with singular values from the largest to the smallest and orthonormal U and Vhᵀ.

    U is (m, m) and Vh (n, n); without `full_matrices` they have min(m, n) columns and rows. The columns that
    only complete a basis have no gradient. Raises LinAlgError for values that are not finite.

    >>> import autodiff
    >>> autodiff.linalg.svd(autodiff.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    refuse_no_matrix(A, "linalg.svd")
    refuse_no_floats(A, "linalg.svd")
    m, n = A.array.shape[-2:]
    z = triples(A)
    u, v = getitem(z, rows(0, m)), getitem(z, rows(m + 1, None))
    s = getitem(z, (..., m, slice(None)))
    if full_matrices and m > n:
        u = cat([u, complement(u)], -1)
    if full_matrices and n > m:
        v = cat([v, complement(v)], -1)
    return SVD(u, s, swap(v, -2, -1))


def svdvals(A: Tensor) -> Tensor:
    """The singular values, from the largest to the smallest; differentiable where they are equal, too.

    >>> import autodiff
    >>> autodiff.linalg.svdvals(autodiff.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    refuse_no_matrix(A, "linalg.svdvals")
    refuse_no_floats(A, "linalg.svdvals")
    return singular(A)


def eigh(input: Tensor, UPLO: str = "L") -> Eigen:
    """The eigenvalues of a symmetric matrix in ascending order, and its orthonormal eigenvectors as columns.

    Only the lower triangle of A is read, or with UPLO "U" the upper. Raises LinAlgError for values that are
    not finite.

    >>> import autodiff
    >>> autodiff.linalg.eigh(autodiff.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    tensor([1., 3.])
    """
    refuse_no_square(input, "linalg.eigh")
    n = input.array.shape[-1]
    z = pairs(input, is_lower(UPLO))
    return Eigen(getitem(z, (..., n, slice(None))), getitem(z, rows(0, n)))


def eigvalsh(input: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of a symmetric matrix; differentiable where they are equal, too.

    >>> import autodiff
    >>> autodiff.linalg.eigvalsh(autodiff.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    refuse_no_square(input, "linalg.eigvalsh")
    return values(input, is_lower(UPLO))


def is_lower(UPLO: str) -> bool:
    """Whether the lower triangle is read."""
    if UPLO not in ("L", "U"):
        raise located.RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO == "L"
