"""What random functions are given, checked: dtypes, bounds, deviations, probabilities, weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..creation import integer, number
from ..dtypes import Array, DType, bool_, float32, float64, int64
from ..errors import located
from ..tensor import Tensor
from .generator import EXACT

TORCH_NAME = {bool_: "Bool", int64: "Long", float32: "Float", float64: "Double"}


def real_dtype(name: str, dtype: DType) -> DType:
    """The dtype, if it is one of real numbers."""
    if dtype.kind != "f":
        raise located.NotImplementedError(
            f'"{name}" not implemented for {TORCH_NAME[dtype]!r}: it draws real numbers, float32 or float64'
        )
    return dtype


def bounds_of(name: str, given: tuple[Any, ...], low: Any, high: Any, dtype: DType) -> tuple[int, int]:
    """low and high from `f(high)`, `f(low, high)` or keywords."""
    values = list(given)
    if values and high is None:
        high = values.pop()
    if values and low is None:
        low = values.pop()
    if values or high is None:
        raise located.TypeError(
            f"{name}() received an invalid combination of arguments: pass (high) or (low, high)"
        )
    low, high = integer(name, "low", 0 if low is None else low), integer(name, "high", high)
    if not -(2**63) <= min(low, high) <= max(low, high) < 2**63:
        raise located.ValueError(
            f"Overflow when unpacking long long: {name}() from {low} to {high} is beyond int64"
        )
    refuse_range(low, high, dtype)
    return low, high


def refuse_range(low: int, high: int, dtype: DType) -> None:
    """Refuse a range that is empty, or not all exact in the dtype."""
    if not low < high:
        raise located.RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    smallest = {"b": 0, "i": -(2**63), "f": 1 - EXACT[dtype]}[dtype.kind]
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not smallest <= bound < EXACT[dtype]:
            raise located.RuntimeError(
                f"{name} is out of bounds for {dtype}: {bound} is not in [{smallest}, {EXACT[dtype] - 1}], "
                "where every integer is exact"
            )


def deviation(std: Any) -> float:
    """A standard deviation, which is not negative."""
    std = number("normal", "std", std)
    if not std >= 0:
        raise located.RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return float(std)


def probability(name: str, p: Any) -> float | Array:
    """A probability, or an array of them."""
    if isinstance(p, Tensor):
        real_dtype(name, p.dtype)
        if not ((p.array >= 0) & (p.array <= 1)).all():
            raise located.RuntimeError(f"Expected p_in >= 0 && p_in <= 1: {name} takes probabilities only")
        return p.array
    p = number(name, "p", p)
    if not 0 <= p <= 1:
        raise located.RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")
    return float(p)


def refuse_weights(weights: Array, n: int, replacement: bool) -> None:
    """Refuse what `multinomial` cannot draw from."""
    if weights.ndim not in (1, 2):
        raise located.RuntimeError(f"prob_dist must be 1 or 2 dim: the weights have shape {weights.shape}")
    if weights.dtype.kind != "f":
        raise located.RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {TORCH_NAME[weights.dtype]}"
        )
    if n <= 0:
        raise located.RuntimeError(f"cannot sample n_sample <= 0 samples: num_samples is {n}")
    if n > weights.shape[-1] and not replacement:
        raise located.RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{n} samples from {weights.shape[-1]} categories; pass replacement=True to draw some again"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise located.RuntimeError(
            "invalid multinomial distribution: probability tensor contains either `inf`, `nan` or element < 0"
        )
    total = weights.sum(-1)
    if not ((total > 0) & np.isfinite(total)).all():
        raise located.RuntimeError(
            "invalid multinomial distribution (sum of probabilities <= 0): "
            "each row of weights needs one above 0, and a finite sum"
        )
    positive = np.count_nonzero(weights, axis=-1)
    if not replacement and (positive < n).any():
        raise located.RuntimeError(
            "invalid multinomial distribution (with replacement=False, not enough non-negative category to "
            f"sample): {n} samples, but only {np.min(positive)} weights above 0"
        )
