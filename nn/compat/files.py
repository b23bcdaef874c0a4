"""`torch.save` and `torch.load`, in the format of `nn.save`: PyTorch's own could run code."""

from __future__ import annotations

from typing import Any

import nn
from autodiff.tensor import refuse_device

__all__ = ["load", "save"]


def save(obj: Any, f: Any, **options: Any) -> None:
    """Write tensors, numbers and strings, in dicts and lists, to a file; see `nn.save`.

    Raises TypeError for anything else, a whole module too: save its state_dict().
    """
    if isinstance(obj, nn.Module):
        raise TypeError("torch.save of a whole module would pickle its code: save model.state_dict() instead")
    nn.save(obj, f)


def load(f: Any, map_location: Any = None, **options: Any) -> Any:
    """What `save` wrote; see `nn.load`. `map_location` may only lead to the CPU."""
    if not callable(map_location) and not isinstance(map_location, dict):
        refuse_device(map_location)
    return nn.load(f)
