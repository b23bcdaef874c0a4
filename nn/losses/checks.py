"""What every loss asks of its arguments, and how a loss of each entry becomes one number."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import result_dtype
from autodiff.errors import located
from autodiff.ops.arguments import refuse_plain

Reduction = Literal["mean", "sum", "none"]


def alike(input: Any, target: Any) -> bool:
    """The common case: two tensors of floats that need neither a check nor a conversion."""
    try:
        x, y = input.array, target.array
    except AttributeError:
        return False
    return x.shape == y.shape and x.dtype is y.dtype and x.dtype.kind == "f" and x.size > 0


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that is meant; the two flags are PyTorch's old spelling of it. ValueError for another."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            stacklevel=3,
        )
    if reduction not in ("mean", "sum", "none"):
        raise located.ValueError(
            f"{reduction} is not a valid value for reduction: use 'mean', 'sum' or 'none'"
        )
    return reduction


def refuse_others(name: str, input: Any, target: Any) -> None:
    """Raise TypeError unless both are Tensors."""
    refuse_plain(input, name)
    refuse_plain(target, name, "target", 2)


def refuse_shapes(name: str, input: Tensor, target: Tensor) -> None:
    """Raise ValueError unless target and input have one shape: broadcasting would train on wrong pairs."""
    x, y = input.shape, target.shape
    if x == y:
        return
    message = f"{name}: Target size {y} must be the same as input size {x}. "
    try:
        made = np.broadcast_shapes(x, y)
    except ValueError:
        message += "They do not even broadcast. "
    else:
        message += (
            f"Broadcasting would repeat the {'targets' if made == x else 'predictions'} to fill {made}. "
            if made in (x, y)
            else f"Broadcasting would make {made} of them, every prediction against every target: the loss "
            "would then be smallest where all predictions are the mean target. "
        )
    if input.numel() == target.numel():
        column = ", or target.unsqueeze(1)" if x == (*y, 1) and len(y) == 1 else ""
        sizes = ", ".join(map(str, x))
        message += f"Write target.reshape({sizes}){column}: the same targets, shaped as the predictions"
    else:
        message += (
            f"There are {input.numel()} predictions and {target.numel()} targets: one of each is needed"
        )
    raise located.ValueError(message)


def pair(name: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Predictions and targets, checked, in the dtype that they promote to."""
    refuse_others(name, input, target)
    refuse_shapes(name, input, target)
    dtype = result_dtype(input.array, target.array)
    refuse_integers(name, dtype)
    return input.to(dtype), target.to(dtype)


def refuse_integers(name: str, dtype: Any) -> None:
    """Raise NotImplementedError unless the dtype is floating-point."""
    if dtype.kind != "f":
        raise located.NotImplementedError(
            f'"{name}" not implemented for {dtype}: predictions are real numbers, x.float()'
        )


def reduced(each: Tensor, reduction: str) -> Tensor:
    """The loss of each entry, or their sum, or their mean."""
    return each.mean() if reduction == "mean" else each.sum() if reduction == "sum" else each


def times(name: str, each: Tensor, weight: Tensor | None) -> Tensor:
    """The loss of each entry times its weight. Raises ValueError unless there is one for each."""
    if weight is None:
        return each
    refuse_plain(weight, name, "weight", 3)
    if weight.shape != each.shape:
        raise located.ValueError(
            f"Weights and input must have the same size., in {name}: {weight.shape} and {each.shape}"
        )
    return each * weight


def weighted(name: str, each: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """As `reduced`, each entry counted `weight` times: the mean divides by the sum of the weights."""
    each = times(name, each, weight)
    return (
        each.sum() / weight.sum() if weight is not None and reduction == "mean" else reduced(each, reduction)
    )
