"""Dropout: noise on which entries, or whole channels, take part while a network trains.

The same `manual_seed` drops the same entries as in PyTorch: it draws one number for each of them, in the
order of memory.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..inplace import become
from ..primitive import Primitive
from ..random import default_generator
from ..tensor import Tensor
from .arguments import refuse_no_number, refuse_plain

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["alpha_dropout", "dropout", "feature_alpha_dropout"]

# fmt: off
mask = Primitive("dropout", lambda x, kept: x * kept,
                 lambda g, z, x, kept: g * kept,
                 doc="x with some entries 0 and the others scaled up: `kept` is 0 or 1 / (1 - p).")
# fmt: on

SATURATION = 1.7580993408473766  # selu at -inf is minus this


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each entry 0 with probability `p`, the others divided by 1 - p; unchanged if not `training`.

    The entries are those that PyTorch drops after the same `manual_seed`. Raises ValueError unless 0 <= p <=
    1, RuntimeError for integers. Source: Srivastava et al., "Dropout" (2014); PyTorch,
    `torch.nn.functional.dropout`.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.dropout(autodiff.ones(4), p=0.5)
    tensor([0., 0., 2., 0.])
    """
    if not active("dropout", input, p, training):
        return input
    return finished(input, mask(input, noise(input.array, p)), inplace, "dropout_")


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) dropped with probability `p`; see `dropout2d`."""
    refuse_plain(input, "dropout1d")
    if input.ndim not in (2, 3):
        raise located.RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input: (N, C, L) or (C, L)"
        )
    return drop_channels("dropout1d", input, input.ndim - 1, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, H, W) dropped with probability `p`, the others divided by 1 - p.

    A 3D input is taken for (N, C, L), with a warning, as PyTorch does. Raises ValueError unless 0 <= p <= 1.
    Source: Tompson et al. (2015); PyTorch, `torch.nn.functional.dropout2d`.
    """
    refuse_features(input)
    if input.ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d: use dropout instead", stacklevel=2
        )
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is desired: (N, C, L). To silence this, use dropout1d",
            stacklevel=2,
        )
    return drop_channels("dropout2d", input, 2, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for `selu`: an entry is -1.7581 with probability `p`, and then all are shifted and scaled.

    With a = ((1 - p)(1 + p s²))^(-1/2) and s = 1.7581 the result is a x + a s p where x is kept, and
    a s (p - 1) where it is not: mean 0 and variance 1 stay. Raises ValueError unless 0 <= p <= 1,
    RuntimeError for integers. Source: Klambauer et al., "Self-Normalizing Neural Networks" (2017); PyTorch,
    `torch.nn.functional.alpha_dropout`.
    """
    if not active("alpha_dropout", input, p, training):
        return input
    return finished(input, saturated(input, input.array, p), inplace, "alpha_dropout_")


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...). Source: PyTorch, `feature_alpha_dropout`."""
    refuse_features(input)
    if not active("feature_alpha_dropout", input, p, training):
        return input
    dropped = saturated(input, one_each(input, 2), p)
    return finished(input, dropped, inplace, "feature_alpha_dropout_")


def active(name: str, input: Tensor, p: float, training: bool) -> bool:
    """Whether anything is to be dropped; the arguments are checked."""
    if type(p) is not float:
        refuse_no_number(p, name, "p")
    if not 0 <= p <= 1:
        raise located.ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    refuse_plain(input, name)
    if not training or p == 0 or not input.array.size:
        return False
    if input.dtype.kind != "f":
        raise located.RuntimeError(
            f"result type float32 can't be cast to the desired output type {input.dtype}, in {name}(): "
            "convert first, x.float()"
        )
    return True


def refuse_features(input: Tensor) -> None:
    """Raise RuntimeError unless there are channels to drop."""
    refuse_plain(input, "feature_dropout")
    if input.ndim < 2:
        raise located.RuntimeError(
            f"Feature dropout requires at least 2 dimensions in the input, got {input.ndim}"
        )


def drop_channels(name: str, input: Tensor, dims: int, p: float, training: bool, inplace: bool) -> Tensor:
    """Draw one number for each entry of the first `dims` dimensions."""
    if not active(name, input, p, training):
        return input
    return finished(input, mask(input, noise(one_each(input, dims), p)), inplace, f"{name}_")


def one_each(input: Tensor, dims: int) -> Array:
    """An array like `input` with one entry for all that follows the first `dims` dimensions."""
    return np.zeros((*input.shape[:dims], *(1,) * (input.ndim - dims)), input.dtype)


def noise(x: Array, p: float) -> Array:
    """What dropout multiplies `x` by: 0 with probability `p`, else 1 / (1 - p)."""
    if p == 1:
        return np.zeros_like(x)
    kind = x.dtype.type
    return default_generator.mask_like(x, 1 - p) * (kind(1) / kind(1 - p))


def saturated(input: Tensor, like: Array, p: float) -> Tensor:
    """What `alpha_dropout` makes of `input`, with the noise of an array like this."""
    if p == 1:
        return mask(input, np.zeros_like(like))
    kept = default_generator.mask_like(like, 1 - p).astype(like.dtype)
    a = 1 / math.sqrt((SATURATION * SATURATION * p + 1) * (1 - p))
    return mask(input, kept * a) + Tensor((kept - 1) * (SATURATION * a) + SATURATION * a * p)


def finished(input: Tensor, dropped: Tensor, inplace: bool, name: str) -> Tensor:
    """The result, written over the input if `inplace`."""
    return become(input, dropped, name) if inplace else dropped
