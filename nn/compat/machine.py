"""What PyTorch says of the machine and of how it computes: one CPU, no accelerator, nothing compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from autodiff import device
from autodiff.tensor import refuse_device

__all__ = [
    "GradScaler", "autocast", "compile", "get_default_device", "get_num_interop_threads", "get_num_threads", "is_available",
    "is_built", "set_default_device", "set_float32_matmul_precision", "set_num_interop_threads",
    "set_num_threads", "use_deterministic_algorithms",
]  # fmt: skip

threads = 1


def is_available() -> bool:
    """False: there is no such device."""
    return False


is_built = is_available


def set_num_threads(num: int) -> None:
    """Noted for `get_num_threads`. NumPy's threads are chosen when it is imported: OPENBLAS_NUM_THREADS."""
    global threads
    if not isinstance(num, int):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    threads = num


def get_num_threads() -> int:
    """What `set_num_threads` was told; 1 before."""
    return threads


set_num_interop_threads, get_num_interop_threads = set_num_threads, get_num_threads


def set_default_device(name: Any) -> None:
    """Accept "cpu"; raise RuntimeError for every other device."""
    refuse_device(name)


def get_default_device() -> device:
    """The CPU."""
    return device("cpu")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing to do: all is deterministic."""


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing to do: products of float32 are in float32."""


def compile(model: Any = None, **options: Any) -> Any:
    """The model or function itself; as `@compile(...)`, a decorator that changes nothing."""
    return model if model is not None else (lambda function: function)


class autocast(nullcontext[None]):
    """A `with` block that computes as ever: there is no lower precision to change to.

    Off, or for a device that is not there, it is accepted (with PyTorch's warning). Raises RuntimeError for
    the CPU, where PyTorch would compute in bfloat16.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        super().__init__()
        if enabled and device_type == "cpu":
            raise RuntimeError(
                "autocast to bfloat16 is not in nn.compat: pass enabled=False to stay in float32"
            )
        if enabled:
            warnings.warn(f"autocast: {device_type} is not available. Disabling", stacklevel=2)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function


class GradScaler:
    """What scales losses for half precision; there is none, so it scales nothing."""

    def __init__(self, device: str = "cuda", *, enabled: bool = True, **options: Any) -> None:
        if enabled:
            warnings.warn(f"GradScaler: {device} is not available. Disabling", stacklevel=2)

    def scale(self, outputs: Any) -> Any:
        """The loss itself."""
        return outputs

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """A step of the optimizer."""
        return optimizer.step(*args, **kwargs)

    def unscale_(self, optimizer: Any) -> None:
        """Nothing to do."""

    def update(self, new_scale: Any = None) -> None:
        """Nothing to do."""

    def get_scale(self) -> float:
        """1: nothing is scaled."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to do."""
