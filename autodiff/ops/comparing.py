"""Whether two tensors are the same, or nearly: without gradients."""

from __future__ import annotations

import numpy as np

from ..errors import broadcast_conflict, located
from ..tensor import Tensor
from .arguments import refuse_no_number, refuse_plain

__all__ = ["allclose", "equal", "isclose"]


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether |x - y| <= atol + rtol |y| for each entry; equal infinities are close.

    Raises RuntimeError for unlike dtypes, and shapes that do not broadcast.

    >>> import autodiff
    >>> autodiff.isclose(autodiff.tensor([1.0, 2.0]), autodiff.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    refuse_plain(input, "isclose")
    refuse_plain(other, "isclose", "other", 2)
    for name, bound in (("rtol", rtol), ("atol", atol)):
        refuse_no_number(bound, "isclose", name)
        if bound < 0:
            raise located.RuntimeError(
                f"{name} must be greater than or equal to zero, but got {bound}, in isclose()"
            )
    if input.dtype != other.dtype:
        raise located.RuntimeError(
            f"isclose: {input.dtype} did not match {other.dtype}; convert one of them, x.to(y.dtype)"
        )
    try:
        return Tensor(np.asarray(np.isclose(input.array, other.array, rtol, atol, equal_nan)))
    except ValueError:
        raise located.RuntimeError(f"{broadcast_conflict([input.shape, other.shape])}, in isclose") from None


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all entries of two tensors are close; see `isclose`.

    >>> import autodiff
    >>> autodiff.allclose(autodiff.tensor([0.1]) + 0.2, autodiff.tensor([0.3]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and values.

    >>> import autodiff
    >>> autodiff.equal(autodiff.ones(2), autodiff.ones(2)), autodiff.equal(autodiff.ones(2), autodiff.ones(1))
    (True, False)
    """
    refuse_plain(input, "equal")
    refuse_plain(other, "equal", "other", 2)
    return np.array_equal(input.array, other.array)
