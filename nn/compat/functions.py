"""Functions right below `torch` that are methods here, or lie elsewhere, or say what is always so."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.func import vmap

__all__ = [
    "abs_", "are_deterministic_algorithms_enabled", "ceil_", "channels_last", "clamp_", "conj",
    "contiguous_format", "cos_", "detach", "dropout", "dropout_", "e", "exp_", "floor_",
    "is_inference_mode_enabled", "is_same_size", "isreal", "log_", "memory_format", "neg_", "newaxis",
    "preserve_format", "real", "relu_", "resolve_conj", "round_", "scalar_tensor", "sigmoid_", "sin_",
    "sqrt_", "strided", "tanh_", "typename", "vmap", "zero_",
]  # fmt: skip

# in place ---------------------------------------------------------------------------------------------------

abs_, ceil_, clamp_, cos_, exp_, floor_ = (
    getattr(Tensor, name) for name in "abs_ ceil_ clamp_ cos_ exp_ floor_".split()
)
log_, neg_, relu_, round_, sigmoid_, sin_, sqrt_, tanh_, zero_ = (
    getattr(Tensor, name) for name in "log_ neg_ relu_ round_ sigmoid_ sin_ sqrt_ tanh_ zero_".split()
)


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout`, whose `training` is called `train` here and must be given."""
    return autodiff.dropout(input, p, train)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout, in place."""
    return autodiff.dropout(input, p, train, inplace=True)


# all numbers are real, all memory is dense ------------------------------------------------------------------

e, newaxis = 2.718281828459045, None
memory_format = strided = contiguous_format = preserve_format = channels_last = "contiguous"


def detach(input: Tensor) -> Tensor:
    """The values without their history."""
    return input.detach()


def real(input: Tensor) -> Tensor:
    """The tensor itself: there are no complex numbers."""
    return input


conj = resolve_conj = real


def isreal(input: Tensor) -> Tensor:
    """True for each entry."""
    return autodiff.ones_like(input, dtype=bool)


def scalar_tensor(s: Any, **options: Any) -> Tensor:
    """A number as a tensor without dimensions, of the default dtype."""
    return autodiff.full((), s, dtype=options.pop("dtype", None) or autodiff.get_default_dtype(), **options)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape."""
    return input.shape == other.shape


def typename(obj: Any) -> str:
    """What kind of thing this is: "torch.FloatTensor", or the name of its class."""
    if isinstance(obj, Tensor):
        return str(obj.type()).replace("autodiff", "torch")
    kind = type(obj)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def are_deterministic_algorithms_enabled() -> bool:
    """True: all is deterministic."""
    return True


def is_inference_mode_enabled() -> bool:
    """Whether gradients are off, as they are in `inference_mode`."""
    return not autodiff.is_grad_enabled()
