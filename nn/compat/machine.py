"""What PyTorch says of the machine and of how it computes: one CPU, no accelerator, nothing compiled."""

from __future__ import annotations

from typing import Any

from autodiff import device
from autodiff.tensor import refuse_device

__all__ = [
    "compile", "get_default_device", "get_num_interop_threads", "get_num_threads", "set_default_device",
    "set_float32_matmul_precision", "set_num_interop_threads", "set_num_threads",
    "use_deterministic_algorithms",
]  # fmt: skip

threads = 1


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
