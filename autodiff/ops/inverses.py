"""What undoes a matrix: inverses, solutions of linear equations; and determinants.

Formulas: Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", 2008; Golub and Pereyra, "The differentiation of pseudo-inverses", 1973.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array, int64
from ..errors import describe, located
from ..primitive import Primitive
from ..tensor import Tensor
from . import elementwise
from .arguments import refuse_no_number, refuse_plain
from .products import matmul
from .reductions import product_of_others, sum
from .reordering import swap
from .repeating import expand
from .shapes import squeeze, unsqueeze

__all__ = ["det", "inverse", "logdet", "matrix_power", "pinverse", "slogdet"]


class LinAlgError(RuntimeError):
    """A matrix has no such inverse, solution or decomposition."""


# what the table is made of ----------------------------------------------------------------------------------


def inverted(x: Array) -> Array:
    """x⁻¹."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.inv: the inversion could not be completed because the input matrix is singular."
        ) from None


def solved(a: Array, b: Array) -> Array:
    """a⁻¹ b."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.solve: The solver failed because the input matrix is singular.") from None


def minors(x: Array) -> Array:
    """The cofactors of x, det(x) x⁻ᵀ, also where x is singular: det(U V) U diag(Π of the other s) Vᵀ."""
    u, s, vt = np.linalg.svd(x)
    others = np.moveaxis(product_of_others(np.moveaxis(s, -1, 0)), 0, -1) if s.size else s
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return sign[..., None, None] * (u * others[..., None, :]) @ vt


def pseudo_inverted(x: Array, atol: float, rtol: float) -> Array:
    """V diag(1 / s) Uᵀ of x = U diag(s) Vᵀ, without the s that count as 0."""
    u, s, vt = np.linalg.svd(x, False)
    large = s > np.maximum(atol, rtol * s.max(-1, keepdims=True, initial=0))
    return (vt.mT * (large / np.where(large, s, 1))[..., None, :]) @ u.mT


def cofactors_rule(g: Any, x: Any) -> Any:
    """det(x) (tr(ḡᵀB) B - B ḡᵀ B), where B = x⁻ᵀ."""
    b = invert(x).mT
    return determinant(x)[..., None, None] * ((g * b).sum((-2, -1), keepdims=True) * b - b @ g.mT @ b)


def pinv_rule(g: Any, z: Any, x: Any) -> Any:
    """-zᵀ ḡ zᵀ + (1 - x z) ḡᵀ z zᵀ + zᵀ z ḡᵀ (1 - z x): Golub and Pereyra's formula, for constant rank."""
    t, h = z.mT, g.mT
    first = h @ z @ t
    last = t @ z @ h
    return first - x @ (z @ first) + last - last @ z @ x - t @ g @ t


# fmt: off
invert      = Primitive("inv", inverted, lambda g, z, x: -(z.mT @ g @ z.mT),
                        doc="x⁻¹")
solution: Primitive = Primitive("solve", solved,
                        lambda g, z, a, b: -(solution(a.mT, g) @ z.mT),
                        lambda g, z, a, b: solution(a.mT, g),
                        doc="a⁻¹ b")
determinant = Primitive("det", np.linalg.det, lambda g, z, x: g[..., None, None] * cofactors(x),
                        doc="the determinant of x")
cofactors: Primitive = Primitive("cofactors", minors, lambda g, z, x: cofactors_rule(g, x),
                        doc="the cofactors of x: det(x) x⁻ᵀ")
log_det     = Primitive("slogdet", lambda x: np.linalg.slogdet(x)[1],
                        lambda g, z, x: g[..., None, None] * invert(x).mT,
                        doc="log |det x|")
pseudo      = Primitive("pinv", pseudo_inverted, lambda g, z, x, atol, rtol: pinv_rule(g, z, x),
                        doc="the pseudo-inverse of x")
# fmt: on


# the functions ----------------------------------------------------------------------------------------------


class SlogDet(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


class LeastSquares(NamedTuple):
    """What `lstsq` returns."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def inv(A: Tensor) -> Tensor:
    """The inverse of a square matrix, or of a batch of them. Raises LinAlgError if there is none.

    >>> import autodiff
    >>> autodiff.linalg.inv(autodiff.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    refuse_no_square(A, "linalg.inv")
    return invert(A)


def inverse(input: Tensor) -> Tensor:
    """`linalg.inv` by its shorter name."""
    return inv(input)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The X with A X = B, or X A = B without `left`; B is a matrix, a vector, or a batch of either.

    A batch of vectors is one whose shape is that of A without its last length. Raises RuntimeError for shapes
    that do not fit, LinAlgError if A is singular. Source: PyTorch, `torch.linalg.solve`.

    >>> import autodiff
    >>> autodiff.linalg.solve(autodiff.tensor([[2.0, 0.0], [0.0, 4.0]]), autodiff.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    refuse_no_square(A, "linalg.solve")
    refuse_plain(B, "linalg_solve", "B", 2)
    a, b = A.array.shape, B.array.shape
    if A.array.dtype != B.array.dtype:
        raise located.RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.array.dtype} and "
            f"B of type {B.array.dtype} instead"
        )
    if not b:
        raise located.RuntimeError("linalg.solve: B must have at least 1 dimension, and is one number")
    vector = len(b) == 1 or (len(b) == len(a) - 1 and b == a[:-1])
    columns = unsqueeze(B, -1) if vector else B
    n, m = columns.array.shape[-2:]
    if (n if left or vector else m) != a[-1]:
        raise located.RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation "
            f"{'AX' if left else 'XA'} = B ({a[-1]}x{a[-1]} and {n}x{m})"
        )
    if left:
        z = solution(A, columns)
    else:
        turned = columns if vector else swap(columns, -2, -1)
        z = solution(swap(A, -2, -1), turned)
        z = z if vector else swap(z, -2, -1)
    return squeeze(z, -1) if vector else z


def det(input: Tensor) -> Tensor:
    """The determinant of a square matrix, or of a batch of them; its gradient is that of singular ones too.

    >>> import autodiff
    >>> autodiff.det(autodiff.tensor([[2.0, 1.0], [0.0, 4.0]]))
    tensor(8.)
    """
    refuse_no_square(input, "linalg.det")
    return determinant(input)


def slogdet(input: Tensor) -> SlogDet:
    """The sign of the determinant and log |det|, which does not overflow; 0 and -inf if it is 0.

    >>> import autodiff
    >>> autodiff.slogdet(autodiff.tensor([[0.0, 1.0], [1.0, 0.0]])).sign
    tensor(-1.)
    """
    refuse_no_square(input, "linalg.slogdet")
    return SlogDet(Tensor(np.asarray(np.linalg.slogdet(input.array)[0])), log_det(input))


def logdet(input: Tensor) -> Tensor:
    """log det, nan for a negative determinant."""
    sign, logabs = slogdet(input)
    return elementwise.where(sign == -1, float("nan"), logabs)


def pinv(input: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """The pseudo-inverse: the A⁺ whose A⁺ B is the shortest X with the least |A X - B|.

    Singular values count as 0 below max(atol, rtol times the largest); rtol is max(m, n) times the precision
    of the dtype unless atol is given. The gradient is right where the rank stays the same.

    >>> import autodiff
    >>> autodiff.linalg.pinv(autodiff.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    if not isinstance(input, Tensor) or input.array.ndim < 2 or input.array.dtype.kind != "f":
        refuse_plain(input, "linalg_pinv", "input")
        raise located.RuntimeError(
            f"linalg.pinv({describe(input)}): expected a tensor with 2 or more dimensions of float, double, "
            "cfloat or cdouble types"
        )
    if rtol is None:
        rtol = 0.0 if atol else max(input.array.shape[-2:]) * float(np.finfo(input.array.dtype).eps)
    for name, bound in (("atol", atol), ("rtol", rtol)):
        if bound is not None:
            refuse_no_number(bound, "linalg.pinv", name)
    return pseudo(input, 0.0 if atol is None else float(atol), float(rtol))


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """`linalg.pinv` by its older name."""
    return pinv(input, rtol=rcond)


def lstsq(input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """The X with the least |A X - B|, of several the shortest; B is a matrix, or a vector.

    By the pseudo-inverse, whatever the driver; as in PyTorch there are residuals with the drivers "gels",
    "gelsd" and "gelss" only, for an A that is high and of full rank. Source: PyTorch, `torch.linalg.lstsq`.

    >>> import autodiff
    >>> autodiff.linalg.lstsq(autodiff.tensor([[1.0], [1.0]]), autodiff.tensor([[1.0], [3.0]])).solution
    tensor([[2.0000]])
    """
    refuse_plain(input, "linalg_lstsq", "input")
    refuse_plain(b, "linalg_lstsq", "b", 2)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise located.RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), not "
            f"{driver}"
        )
    if input.array.ndim < 2:
        raise located.RuntimeError("torch.linalg.lstsq: input must have at least 2 dimensions.")
    m, n = input.array.shape[-2:]
    vector = b.array.ndim == input.array.ndim - 1
    columns = unsqueeze(b, -1) if vector else b
    if columns.array.shape[-2:-1] != (m,):
        words = "size(-1)" if vector else "size(-2)"
        raise located.RuntimeError(f"torch.linalg.lstsq: input.size(-2) should match other.{words}")
    x = matmul(pinv(input, rtol=rcond), columns)
    s = np.linalg.svd(input.array, compute_uv=False)
    least = max(m, n) * np.finfo(s.dtype).eps if rcond is None else rcond
    rank = (s > least * s.max(-1, keepdims=True, initial=0)).sum(-1)
    nothing = Tensor(np.zeros(0, input.array.dtype))
    residuals = nothing
    if driver in ("gels", "gelsd", "gelss") and m > n and (rank == n).all():
        difference = elementwise.sub(matmul(input, x), columns)
        residuals = sum(elementwise.square(difference), -2)
    return LeastSquares(
        squeeze(x, -1) if vector else x,
        residuals,
        Tensor(np.asarray(rank if driver != "gels" else np.zeros(0), int64)),
        Tensor(s) if driver in ("gelsd", "gelss") else nothing,
    )


def matrix_power(input: Tensor, n: int) -> Tensor:
    """The matrix multiplied by itself n times, by repeated squaring; of its inverse for a negative n.

    >>> import autodiff
    >>> autodiff.matrix_power(autodiff.tensor([[1, 1], [0, 1]]), 5)
    tensor([[1, 5],
            [0, 1]])
    """
    refuse_no_square(input, "linalg.matrix_power", floats=False)
    if not isinstance(n, int):
        raise located.TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    x = inv(input) if n < 0 else input
    left = abs(n)
    z: Tensor | None = None
    while left:
        if left % 2:
            z = x if z is None else matmul(z, x)
        left //= 2
        x = matmul(x, x) if left else x
    if z is None:
        one = Tensor(np.eye(input.array.shape[-1], dtype=input.array.dtype))
        return elementwise.clone(expand(one, input.array.shape))
    return elementwise.clone(z) if z is input else z


# what is no matrix ------------------------------------------------------------------------------------------


def refuse_no_matrix(A: Any, op: str) -> None:
    """Raise unless A is a tensor of two dimensions at least."""
    refuse_plain(A, op.replace(".", "_"), "A")
    if A.array.ndim < 2:
        raise located.RuntimeError(
            f"{op}: The input tensor A must have at least 2 dimensions. It is {describe(A)}"
        )


def refuse_no_floats(A: Tensor, op: str) -> None:
    """Raise unless the values are floating-point."""
    if A.array.dtype.kind != "f":
        raise located.RuntimeError(
            f"{op}: Expected a floating point or complex tensor as input. Got {A.array.dtype}: use x.float()"
        )


def refuse_no_square(A: Any, op: str, floats: bool = True) -> None:
    """Raise unless A is a square matrix of floats, or a batch of them."""
    refuse_no_matrix(A, op)
    if A.array.shape[-1] != A.array.shape[-2]:
        raise located.RuntimeError(
            f"{op}: A must be batches of square matrices, but they are {A.array.shape[-2]} by "
            f"{A.array.shape[-1]} matrices"
        )
    if floats:
        refuse_no_floats(A, op)
