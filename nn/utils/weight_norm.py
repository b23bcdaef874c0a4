"""Weight normalization: a weight w = g v / ‖v‖ is learned as its length g and its direction v.

Source: Salimans and Kingma, "Weight normalization" (2016); PyTorch, `torch.nn.utils.weight_norm`.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

from autodiff import Tensor
from autodiff.errors import located

from ..hooks import pre_hooks
from ..module import Module
from ..parameter import Parameter

T = TypeVar("T", bound=Module)


def length(v: Tensor, dim: int | None) -> Tensor:
    """‖v‖ over all dimensions but `dim`, which are kept; of None over all, a number."""
    squares = v * v
    if dim is None or dim == -1:  # to PyTorch -1 says what None says
        return squares.sum().sqrt()
    others = [d for d in range(v.ndim) if d != dim % v.ndim]
    norm: Tensor = (squares.sum(others, keepdim=True) if others else squares).sqrt()
    return norm


class WeightNorm:
    """The pre-hook that computes the weight from its length and its direction before each forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def weight(self, module: Module) -> Tensor:
        """g v / ‖v‖."""
        g, v = (getattr(module, f"{self.name}_{part}") for part in "gv")
        weight: Tensor = v * (g / length(v, self.dim))
        return weight

    def __call__(self, module: Module, args: Any) -> None:
        module.__dict__[self.name] = self.weight(module)


def weight_norm(module: T, name: str = "weight", dim: int | None = 0) -> T:
    """Replace the parameter `name` by `name_g`, its lengths along `dim`, and `name_v`; returns the module.

    The weight is computed before each forward. Raises RuntimeError if it is normalized already. PyTorch calls
    this deprecated: the new one is `nn.utils.parametrizations.weight_norm`.

    >>> import nn, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     layer = weight_norm(nn.Linear(3, 2))
    >>> list(layer.state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    warnings.warn(
        "`nn.utils.weight_norm` is deprecated in favor of `nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    if any(hook.name == name for _, hook in pre_hooks(module, WeightNorm)):
        raise located.RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(length(weight.detach(), dim)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: T, name: str = "weight") -> T:
    """Make the weight an ordinary parameter again; returns the module. ValueError if it is not normalized."""
    for key, hook in pre_hooks(module, WeightNorm):
        if hook.name == name:
            weight = hook.weight(module).detach()
            for part in (name, f"{name}_g", f"{name}_v"):
                delattr(module, part)
            setattr(module, name, Parameter(weight))
            del module._hooks().before[key]
            return module
    raise located.ValueError(f"weight_norm of '{name}' not found in {module}")
