"""The ways to choose: one entry of each of several vectors, or several entries of one."""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import itertools
import operator

import numpy as np

from ..dtypes import int64
from ..errors import located
from ..tensor import Tensor
from .arguments import refuse_plain
from .indexing import getitem
from .joining import stack
from .repeating import meshgrid
from .shapes import ravel

__all__ = ["cartesian_prod", "combinations"]


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All ways to take one entry of each vector, a row each, the last entry changing fastest.

    One vector alone is returned as it is. Raises RuntimeError for what is no vector, for different dtypes,
    and for none.

    >>> import autodiff
    >>> autodiff.cartesian_prod(autodiff.tensor([1, 2]), autodiff.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    for k, x in enumerate(tensors):
        refuse_plain(x, "cartesian_prod", "tensors", k + 1)
        refuse_no_vector(x, "cartesian_prod")
    if len(tensors) == 1:
        return tensors[0]
    return stack([ravel(x) for x in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All ways to take `r` entries of a vector, in their order, a row each: itertools' combinations.

    With `with_replacement` an entry may be taken again. Raises RuntimeError for what is no vector and for
    r < 0, TypeError for an `r` that is no whole number.

    >>> import autodiff
    >>> autodiff.combinations(autodiff.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    refuse_plain(input, "combinations")
    refuse_no_vector(input, "combinations")
    try:
        r = operator.index(r)
    except TypeError:
        raise located.TypeError(
            f"combinations(): argument 'r' (position 2) must be int, not {type(r).__name__}"
        ) from None
    if r < 0:
        raise located.RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return Tensor(np.empty(0, input.array.dtype))
    chosen = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(chosen(range(input.array.size), r)), int64).reshape(-1, r)
    return getitem(input, (rows,))


def refuse_no_vector(x: Tensor, op: str) -> None:
    """Raise RuntimeError for a tensor that has not one dimension."""
    if x.array.ndim != 1:
        raise located.RuntimeError(f"Expect a 1D vector, but got shape {list(x.array.shape)}, in {op}()")
