"""Losses of distributions: how improbable the data are under the one that the model predicts."""

from __future__ import annotations

import math
import warnings

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.arguments import refuse_plain

from .checks import pair, reduced, reduction_of, refuse_others

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """y (log y - x) for log-probabilities x and probabilities y: the Kullback-Leibler divergence of y from x.

    input and target of one shape; with `log_target` the target is log y. Reduction "batchmean", the sum
    divided by the number of rows, is the divergence itself. Raises ValueError for different shapes,
    RuntimeError for integers. Source: PyTorch, `torch.nn.functional.kl_div`.

    >>> import autodiff
    >>> y = autodiff.tensor([[0.25, 0.75]])
    >>> kl_div(autodiff.tensor([[0.5, 0.5]]).log(), y, reduction="batchmean")
    tensor(0.1308)
    """
    if reduction == "mean" and size_average is reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. "
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition.",
            stacklevel=2,
        )
    by_rows = reduction == "batchmean" and size_average is reduce is None
    reduction = reduction_of(size_average, reduce, "sum" if reduction == "batchmean" else reduction)
    refuse_others("kl_div", input, target)
    if input.dtype.kind != "f" or target.dtype.kind != "f":
        raise located.RuntimeError("kl_div: Integral inputs not supported: x.float()")
    input, target = pair("kl_div", input, target)
    each = target.exp() * (target - input) if log_target else autodiff.xlogy(target, target) - target * input
    loss = reduced(each, reduction)
    return loss / input.shape[0] if by_rows and input.ndim else loss


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """e^x - y x for counts y and the logarithm x of the rate; x - y log(x + eps) for the rate itself.

    With `full` Stirling's approximation of log y!, y log y - y + log(2πy) / 2, is added where y > 1. input
    and target of one shape. Raises ValueError for different shapes. Source: PyTorch,
    `torch.nn.functional.poisson_nll_loss`.

    >>> import autodiff
    >>> poisson_nll_loss(autodiff.zeros(2), autodiff.tensor([1.0, 5.0]))
    tensor(1.)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    input, target = pair("poisson_nll_loss", input, target)
    each = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        several = target > 1
        y = autodiff.where(several, target, 1.0)
        each = each + autodiff.where(several, y * y.log() - y + 0.5 * (2 * math.pi * y).log(), 0.0)
    return reduced(each, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log v + (x - y)² / v) / 2 for a predicted mean x and variance v, which counts as eps if it is less.

    input and target of one shape; `var` of that shape, or without its last dimension, or with one dimension
    of length 1, or a number. With `full` log(2π) / 2 is added. Raises ValueError for other shapes, and for a
    negative variance. Source: PyTorch, `torch.nn.functional.gaussian_nll_loss`.

    >>> import autodiff
    >>> gaussian_nll_loss(autodiff.zeros(1), autodiff.tensor([2.0]), autodiff.tensor([4.0]))
    tensor(1.1931)
    """
    reduction = reduction_of(None, None, reduction)
    input, target = pair("gaussian_nll_loss", input, target)
    if isinstance(var, float | int):
        var = autodiff.full(input.shape, float(var), dtype=input.dtype)
    refuse_plain(var, "gaussian_nll_loss", "var", 3)
    if (var.array < 0).any():
        raise located.ValueError("var has negative entry/entries, in gaussian_nll_loss")
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif (
            var.ndim != input.ndim
            or sum(n for n, m in zip(var.shape, input.shape, strict=True) if n != m) != 1
        ):
            raise located.ValueError(
                f"var is of incorrect size, in gaussian_nll_loss: {var.shape}, but the input is {input.shape}"
            )
    missing = np.maximum(eps - var.array, 0)
    if missing.any():
        var = var + Tensor(missing)  # the gradient goes on to var, as in PyTorch
    each = 0.5 * (var.log() + (input - target) ** 2 / var)
    return reduced(each + 0.5 * math.log(2 * math.pi) if full else each, reduction)
