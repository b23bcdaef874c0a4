"""Mixed precision, which there is not: what asks for it is told so, and goes on in float32."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from autodiff.errors import located

__all__ = ["GradScaler", "autocast"]


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
            raise located.RuntimeError(
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
