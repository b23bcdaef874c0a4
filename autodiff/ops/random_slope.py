"""The randomized leaky ReLU: its slope below 0 is noise while a network trains."""

from __future__ import annotations

import numpy as np

from ..errors import located
from ..inplace import become
from ..random import default_generator
from ..tensor import Tensor
from .arguments import refuse_integers, refuse_no_number
from .elementwise import leaky_relu

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["rrelu"]


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """x where x > 0, else a · x: a is drawn for each entry between lower and upper, or is their mean.

    It is drawn, with PyTorch's digits, if `training`. Raises RuntimeError for lower > upper,
    NotImplementedError for integers. Source: Xu et al., "Empirical evaluation of rectified activations"
    (2015); PyTorch, `torch.nn.functional.rrelu`.

    >>> import autodiff
    >>> rrelu(autodiff.tensor([-1.0, 2.0]))
    tensor([-0.2292,  2.0000])
    """
    refuse_integers(input, "rrelu")
    for name, bound in (("lower", lower), ("upper", upper)):
        refuse_no_number(bound, "rrelu", name)
    if lower > upper:
        raise located.RuntimeError("Lower bound should be less than or equal to the upper bound, in rrelu()")
    if not training:
        z = leaky_relu(input, (lower + upper) / 2)
    else:
        low = input.array <= 0
        slopes = np.ones(input.shape, input.dtype)
        slopes[low] = default_generator.uniform((int(low.sum()),), lower, upper, np.dtype(np.float64))
        z = input * Tensor(slopes)
    return become(input, z, "rrelu_") if inplace else z
