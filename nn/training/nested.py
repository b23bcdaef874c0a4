"""A nested state as the flat one that `nn.save` writes: tensors by name, and the rest as one JSON text.

The text says where each tensor belongs; it is kept as a tensor of its bytes. JSON holds Python's floats with
all their digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor

OUTLINE = "outline"  # the name of the text


def flattened(state: Any) -> dict[str, Tensor]:
    """The tensors of dicts, lists and tuples by name, and the outline of the rest.

    Keys are texts or integers; other values are numbers, texts, bools and None, else TypeError is raised.

    >>> import autodiff
    >>> state = {"epoch": 3, "weights": [autodiff.ones(2), (0.5, None)], 7: {}}
    >>> nested(flattened(state))
    {'epoch': 3, 'weights': [tensor([1., 1.]), (0.5, None)], 7: {}}
    """
    import json

    tensors: dict[str, Tensor] = {}
    text = json.dumps(_outline(state, "", tensors))
    tensors[OUTLINE] = autodiff.tensor(np.frombuffer(text.encode(), np.uint8).astype(np.int64))
    return tensors


def nested(tensors: Mapping[str, Tensor]) -> Any:
    """What was flattened. Raises ValueError for tensors that do not come from there."""
    import json

    try:
        text = tensors[OUTLINE].numpy().astype(np.uint8).tobytes().decode()
        return _filled(json.loads(text), tensors)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"there is no nested state in these tensors: {error!r}") from error


def _outline(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if isinstance(value, Tensor | np.ndarray):
        tensors[path] = value if isinstance(value, Tensor) else autodiff.tensor(value)
        return {"tensor": path}
    if isinstance(value, list | tuple):
        items = [_outline(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str | int):
                raise TypeError(f"a saved state has texts and integers as keys, not {key!r} ({path})")
        items = [[key, _outline(item, f"{path}/{key}", tensors)] for key, item in value.items()]
        return {"counter" if isinstance(value, Counter) else "dict": items}
    raise TypeError(f"a saved state cannot hold {type(value).__name__}, at {path}")


def _filled(outline: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(outline, list):
        return [_filled(item, tensors) for item in outline]
    if not isinstance(outline, dict):
        return outline
    ((what, content),) = outline.items()
    if what == "tensor":
        return tensors[content]
    if what == "tuple":
        return tuple(_filled(item, tensors) for item in content)
    filled = {key: _filled(item, tensors) for key, item in content}
    return Counter(filled) if what == "counter" else filled
