"""What `torch.cuda` answers where there is no GPU: that there is none."""

from __future__ import annotations

from typing import Any, NoReturn

from autodiff.errors import located

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "get_device_properties",
    "is_available", "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "memory_allocated", "reset_peak_memory_stats", "set_device", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: there is no such device."""
    return False


def device_count() -> int:
    """0."""
    return 0


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def manual_seed(seed: int) -> None:
    """Nothing to seed."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing to free."""


reset_peak_memory_stats = empty_cache


def memory_allocated(device: Any = None) -> int:
    """0 bytes."""
    return 0


max_memory_allocated = memory_allocated


def _refused(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise AssertionError, in PyTorch's words: ask `is_available()` first."""
    raise located.AssertionError("Torch not compiled with CUDA enabled: ask torch.cuda.is_available() first")


current_device = get_device_name = get_device_properties = set_device = synchronize = _refused
