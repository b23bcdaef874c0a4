"""Losses of real numbers: how far the prediction is from the target."""

from __future__ import annotations

from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops import losses as primitive
from autodiff.ops.arguments import refuse_no_number

from .checks import pair, reduced, reduction_of, times, weighted

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Mean squared error: the mean (sum, or each) of (x - y)².

    input and target of one shape; a scalar unless reduction is "none". With `weight`, of the same shape, the
    mean divides by its sum. Raises ValueError for different shapes. Source: PyTorch,
    `torch.nn.functional.mse_loss`.

    >>> import autodiff
    >>> mse_loss(autodiff.tensor([1.0, 2.0]), autodiff.tensor([1.0, 4.0]))
    tensor(2.)
    """
    if reduction == "mean" and weight is None and size_average is reduce is None:
        loss = primitive.mse.of(input, target)
        if loss is not None:
            return loss
    reduction = reduction_of(size_average, reduce, reduction)
    input, target = pair("mse_loss", input, target)
    difference = input - target
    return weighted("mse_loss", difference * difference, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Mean absolute error: the mean (sum, or each) of |x - y|, with gradient 0 where they are equal.

    For shapes, `weight` and errors see `mse_loss`. Source: PyTorch, `torch.nn.functional.l1_loss`.

    >>> import autodiff
    >>> l1_loss(autodiff.tensor([1.0, 2.0]), autodiff.tensor([1.0, 4.0]))
    tensor(1.)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    input, target = pair("l1_loss", input, target)
    return weighted("l1_loss", (input - target).abs(), weight, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """With d = x - y: d² / (2 beta) where |d| < beta, else |d| - beta / 2; `l1_loss` for beta = 0.

    For shapes and errors see `mse_loss`; RuntimeError if beta < 0. Source: PyTorch,
    `torch.nn.functional.smooth_l1_loss`.

    >>> import autodiff
    >>> smooth_l1_loss(autodiff.tensor([0.5, 3.0]), autodiff.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = reduction_of(size_average, reduce, reduction)
    refuse_no_number(beta, "smooth_l1_loss", "beta")
    if beta < 0:
        raise located.RuntimeError(
            f"smooth_l1_loss does not support negative values for beta., and beta is {beta}"
        )
    input, target = pair("smooth_l1_loss", input, target)
    if beta == 0:
        return reduced((input - target).abs(), reduction)
    return reduced(primitive.huber(input - target, beta) / beta, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """With d = x - y: d² / 2 where |d| <= delta, else delta (|d| - delta / 2).

    For shapes and errors see `mse_loss`; RuntimeError unless delta > 0. With `weight` the mean still
    divides by the number of entries. Source: Huber (1964);
    PyTorch, `torch.nn.functional.huber_loss`.

    >>> import autodiff
    >>> huber_loss(autodiff.tensor([0.5, 3.0]), autodiff.tensor([0.0, 0.0]), reduction="none", delta=2.0)
    tensor([0.1250, 4.0000])
    """
    reduction = reduction_of(None, None, reduction)
    if not delta > 0:
        raise located.RuntimeError(
            f"huber_loss does not support non-positive values for delta., and delta is {delta}"
        )
    input, target = pair("huber_loss", input, target)
    return reduced(times("huber_loss", primitive.huber(input - target, delta), weight), reduction)
