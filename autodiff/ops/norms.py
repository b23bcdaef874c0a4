"""Lengths of vectors and matrices. Where a length is 0, so is its gradient."""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import Array, as_dtype
from ..errors import located
from ..primitive import Primitive, cast
from ..tensor import Tensor
from . import elementwise
from .arguments import refuse_plain
from .decompositions import svdvals
from .dims import many_dims, numpy_names
from .extremes import amax, amin, extreme, largest, refuse_nothing, smallest
from .indexing import masked_fill
from .inverses import refuse_no_floats, refuse_no_matrix
from .reductions import Axis, add_up, axes, reduced, sum, sum_of
from .reordering import movedim
from .shapes import unsqueeze

__all__ = ["norm"]


def inverse(z: Any) -> Any:
    """1 / z for z > 0, and 0 at 0: the convention for the gradient of a length of 0."""
    return (z > 0) / (z + (z == 0))


def ratio(x: Any, z: Any) -> Any:
    """|x| / z for the length z of x, and 1 wherever the gradient is 0: a power of it is finite there."""
    return elementwise.where((x != 0) & (z > 0), np.abs(x) * inverse(z), 1.0)


def p_norm(x: Array, axis: Axis, p: float) -> Array:
    """(Σ |x|ᵖ)^(1/p)."""
    return add_up(np.abs(x) ** p, axis) ** (1 / p)


# fmt: off
length     = Primitive("norm", lambda x, axis: np.sqrt(add_up(x * x, axis)),
                       lambda g, z, x, axis: g * x * inverse(z),
                       doc="√ Σ x²")
length_p   = Primitive("norm_p", p_norm,
                       lambda g, z, x, axis, p: g * (np.sign(x) * (z > 0)) * ratio(x, z) ** (p - 1),
                       doc="(Σ |x|ᵖ)^(1/p)")
# fmt: on


@numpy_names
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The length (Σ |x|ᵖ)^(1/p) of all entries, or along `dim` (one or several).

    p is "fro" (2), inf (the largest |x|), -inf (the smallest), 0 (how many are not 0), or any other number;
    "nuc" is the sum of the singular values of matrices.
    The gradient of a length of 0, and to an entry of 0, is 0. Raises RuntimeError for ints, ValueError for
    any other p.

    >>> import autodiff
    >>> autodiff.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """
    axis = axes(input, dim, "norm")
    x = input if dtype is None else cast(input, as_dtype(dtype))
    if x.array.dtype.kind != "f":
        raise located.RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {x.array.dtype}: "
            "use x.float().norm()"
        )
    if p == "fro" or p == 2:
        return reduced(length, x, axis, keepdim)
    if p == "nuc":
        return matrix_norm(x, "nuc", axis, keepdim)
    if p == 1:
        return reduced(sum_of, elementwise.abs(x), axis, keepdim)
    if p == 0:
        nonzero = masked_fill(elementwise.sign(x), elementwise.ne(x, 0), 1)  # its gradient is 0, not none
        return reduced(sum_of, nonzero, axis, keepdim)
    if p == math.inf or p == -math.inf:
        return extreme(largest if p > 0 else smallest, elementwise.abs(x), axis, keepdim, "norm")
    if not isinstance(p, (int, float)):
        raise located.ValueError(
            f"norm(): p may be 'fro', 'nuc' or a number, inf and -inf too, but not {p!r}"
        )
    if p < 0:
        refuse_nothing(x, axis, "norm")
    return reduced(length_p, x, axis, keepdim, p)


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
    return norm(input, ord, dim, keepdim, dtype)


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
        return norm(x, 2, (i, j), keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(movedim(x, (i, j), (-2, -1)))
        z = sum(s, -1) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
        return unsqueeze(unsqueeze(z, min(i, j)), max(i, j)) if keepdim else z
    if ord not in (1, -1, math.inf, -math.inf):
        raise located.RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, last = (i, j) if ord in (1, -1) else (j, i)
    z = (amax if ord > 0 else amin)(sum(elementwise.abs(x), first, True), last, True)
    return z if keepdim else sum(z, (i, j))
