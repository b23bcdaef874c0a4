"""Gradients that grow too large, as those of recurrent networks do, are made smaller before the step.

Source: Pascanu et al., "On the difficulty of training recurrent neural networks" (2013); PyTorch,
`torch.nn.utils`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import GeneratorType
from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.errors import located

Tensors = Iterable[Tensor] | Tensor


def listed(tensors: Tensors) -> list[Tensor]:
    """One tensor or several as a list."""
    if isinstance(tensors, Tensor):
        return [tensors]
    if not hasattr(tensors, "__iter__"):
        raise located.TypeError(
            f"expected parameters, a Tensor or several, not {type(tensors).__name__}: model.parameters()"
        )
    return list(tensors)


@autodiff.no_grad()
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all these tensors as one vector: (Σ |x|^p)^(1/p) for p = `norm_type`, max |x| for inf.

    Raises RuntimeError if it is not finite and `error_if_nonfinite`. `foreach` changes nothing.

    >>> import autodiff
    >>> get_total_norm([autodiff.tensor([3.0]), autodiff.tensor([[4.0]])])
    tensor(5.)
    """
    p = float(norm_type)
    norms = [np.linalg.norm(x.array.reshape(-1), p) for x in listed(tensors)]
    if not norms:
        return autodiff.tensor(0.0)
    total: Any = np.linalg.norm(np.stack(norms), p)
    if error_if_nonfinite and not np.isfinite(total):
        raise located.RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return Tensor(total)


@autodiff.no_grad()
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply all gradients by max_norm / (total_norm + 1e-6) where that is below 1, in place."""
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for parameter in listed(parameters):
        if parameter.grad is not None:
            parameter.grad.mul_(factor)


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients down together so that their norm is at most `max_norm`; returns what it was.

    For the norm, and the error, see `get_total_norm`.

    >>> import autodiff, nn
    >>> weight = nn.Parameter(autodiff.zeros(2))
    >>> weight.grad = autodiff.tensor([6.0, 8.0])
    >>> nn.utils.clip_grad_norm_(weight, max_norm=5.0), weight.grad
    (tensor(10.), tensor([3.0000, 4.0000]))
    """
    found = listed(parameters)
    if not found and isinstance(parameters, GeneratorType):
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    gradients = [parameter.grad for parameter in found if parameter.grad is not None]
    total_norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(found, max_norm, total_norm)
    return total_norm


@autodiff.no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Cut every entry of the gradients to [-clip_value, clip_value], in place.

    >>> import autodiff, nn
    >>> weight = nn.Parameter(autodiff.zeros(2))
    >>> weight.grad = autodiff.tensor([6.0, -0.5])
    >>> nn.utils.clip_grad_value_(weight, 1.0)
    >>> weight.grad
    tensor([ 1.0000, -0.5000])
    """
    bound = float(clip_value)
    for parameter in listed(parameters):
        if parameter.grad is not None:
            parameter.grad.clamp_(-bound, bound)
