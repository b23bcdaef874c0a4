"""Functions of each entry that are made of those in `elementwise`, and so need no rules of their own."""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import float64
from ..errors import located
from ..primitive import cast
from ..tensor import Tensor
from .arguments import refuse_integers, refuse_no_number, refuse_plain
from .elementwise import (
    add,
    blend,
    clamp,
    div,
    eq,
    gt,
    isnan,
    isneginf,
    isposinf,
    log_odds,
    minus,
    mul,
    pow,
    sub,
    trunc,
    where,
)

__all__ = [
    "addcdiv", "addcmul", "deg2rad", "float_power", "frac", "heaviside", "lerp", "logit", "nan_to_num",
    "rad2deg", "rsub",
]  # fmt: skip


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input): from `input` (weight 0) to `end` (weight 1) along a line.

    The weight is a number or a tensor. Raises RuntimeError for unlike dtypes.

    >>> import autodiff
    >>> autodiff.lerp(autodiff.tensor([0.0, 10.0]), autodiff.tensor([1.0, 20.0]), 0.5)
    tensor([ 0.5000, 15.0000])
    """
    refuse_integers(input, "lerp")
    refuse_plain(end, "lerp", "end", 2)
    refuse_no_number(weight, "lerp", "weight")
    for name, x in (("end", end), ("weight", weight)):
        if isinstance(x, Tensor) and x.array.dtype != input.array.dtype:
            raise located.RuntimeError(
                f"expected dtype {input.array.dtype} for `{name}` but got dtype {x.array.dtype}, in lerp()"
            )
    return blend(input, end, weight)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2; RuntimeError for a division of integers."""
    for k, x in enumerate((input, tensor1, tensor2)):
        refuse_plain(x, "addcdiv", f"tensor{k}" if k else "input", k + 1)
    if not any(x.dtype.kind == "f" for x in (tensor1, tensor2)):
        raise located.RuntimeError(
            "Integer division with addcdiv is no longer supported: convert tensor1 or tensor2, x.float()"
        )
    return add(input, div(tensor1, tensor2), alpha=value)


def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha * input."""
    return sub(other, input, alpha=alpha)


def frac(input: Tensor) -> Tensor:
    """The digits after the point, with the sign of x: x - trunc(x)."""
    refuse_integers(input, "frac")
    return minus(input, trunc(input))


def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """x, with numbers for nan (0 unless given), inf and -inf (the largest and lowest number of the dtype).

    >>> import autodiff
    >>> autodiff.nan_to_num(autodiff.tensor([autodiff.nan, autodiff.inf, 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    refuse_plain(input, "nan_to_num")
    if input.array.dtype.kind != "f":
        return input.clone()
    largest = float(np.finfo(input.array.dtype).max)
    x = where(isnan(input), 0.0 if nan is None else nan, input)
    x = where(isposinf(input), largest if posinf is None else posinf, x)
    return where(isneginf(input), -largest if neginf is None else neginf, x)


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 where x < 0, `values` where x is 0, 1 where x > 0; RuntimeError for unlike dtypes."""
    refuse_plain(input, "heaviside")
    refuse_plain(values, "heaviside", "values", 2)
    if input.array.dtype != values.array.dtype:
        raise located.RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes: "
            f"{input.array.dtype} and {values.array.dtype}"
        )
    return where(eq(input, 0), values, cast(gt(input, 0), input.array.dtype))


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; x is first brought between eps and 1 - eps if eps is given.

    Without eps it is nan outside of [0, 1].
    """
    if eps is not None:
        refuse_no_number(eps, "logit", "eps")
    return log_odds(input if eps is None else clamp(input, eps, 1 - eps))


def float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, computed in float64."""
    base, power = (cast(x, float64) if isinstance(x, Tensor) else x for x in (input, exponent))
    return pow(base, power)


def rad2deg(input: Tensor) -> Tensor:
    """Angles in degrees, of angles in radians."""
    return mul(input, 180 / math.pi)


def deg2rad(input: Tensor) -> Tensor:
    """Angles in radians, of angles in degrees."""
    return mul(input, math.pi / 180)
