"""What every backend of PyTorch's beside the CPU answers: it is not there."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """False."""
    return False


is_built = is_available
