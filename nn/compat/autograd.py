"""Names around gradients that only PyTorch's programs use."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import detect_anomaly, set_detect_anomaly

from .tensors import Kind

__all__ = ["Variable", "detect_anomaly", "inference_mode", "set_detect_anomaly"]


def inference_mode(mode: Any = True) -> Any:
    """`no_grad` (with `mode=False`, `enable_grad`), as a `with` block or a decorator.

    Unlike in PyTorch, what is computed inside may be used in gradients later.
    """
    if callable(mode):
        return autodiff.no_grad(mode)
    return autodiff.no_grad() if mode else autodiff.enable_grad()


class Variable(metaclass=Kind):
    """The older name of a tensor; `Variable(x, requires_grad=True)` shares the memory of x."""

    of = None

    def __new__(cls, data: Any, requires_grad: bool = False) -> Any:
        return data.detach().requires_grad_(requires_grad)
