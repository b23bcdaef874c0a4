"""Dicts and lists of tensors as named arrays, and the plain text (JSON) of how they belong together.

{"model": {"weight": w}, "epoch": 3} is the array "model/weight" and a text that says where it goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array, as_dtype

SCALARS = (str, int, float, type(None))  # bool is an int


def taken_apart(value: Any) -> tuple[dict[str, Array], str]:
    """The arrays in `value` by name, and the text that `put_together` reads.

    `value` is made of dicts, lists, tuples, tensors, arrays, numbers, strings, bools and None. Raises
    TypeError, saying where, for anything else.
    """
    import json

    arrays: dict[str, Array] = {}
    return arrays, json.dumps(_described(value, (), arrays))


def _described(value: Any, path: tuple[Any, ...], arrays: dict[str, Array]) -> Any:
    """`value` in JSON's terms, its arrays added to `arrays`."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, (Tensor, np.ndarray)):
        name = "/".join(map(str, path)).replace("\0", "?").encode(errors="replace").decode() or "tensor"
        while name in arrays:  # {"a/b": x, "a": {"b": y}}
            name += "'"
        arrays[name] = checked(place(path), value)
        if isinstance(value, np.ndarray):
            return {"array": name}
        return {"tensor": name, "requires_grad": value.requires_grad}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, SCALARS):
                raise TypeError(f"save(): a key of {place(path)} is {key!r}: keys are strings or numbers")
        pairs = [[key, _described(item, (*path, key), arrays)] for key, item in value.items()]
        return {"Counter" if isinstance(value, Counter) else "dict": pairs}
    if isinstance(value, (list, tuple)):
        items = [_described(item, (*path, i), arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    hint = ": save its state_dict()" if hasattr(value, "state_dict") else ""
    raise TypeError(
        f"save(): {place(path)} is {type(value).__name__}{hint}; a file holds tensors, numbers, strings, "
        "bools and None, in dicts and lists: nothing that would need code to be read back"
    )


def put_together(arrays: Mapping[str, Array], text: str) -> Any:
    """What `taken_apart` was given. Raises ValueError or KeyError for a text that it did not write."""
    import json

    def restored(value: Any) -> Any:
        match value:
            case {"tensor": name, **rest}:
                return Tensor(arrays[name]).requires_grad_(rest.get("requires_grad") is True)
            case {"array": name}:
                return arrays[name]
            case {"dict": pairs}:
                return {key: restored(item) for key, item in pairs}
            case {"Counter": pairs}:  # where MultiStepLR keeps its milestones
                return Counter({key: restored(item) for key, item in pairs})
            case {"tuple": items}:
                return tuple(map(restored, items))
            case dict():
                raise ValueError(f"its structure has an entry of an unknown kind, {list(value)}")
            case list():
                return list(map(restored, value))
        return value

    return restored(json.loads(text))


def checked(where: str, value: Any) -> Array:
    """The values of a tensor or array, stored row by row; TypeError unless in one of the four dtypes."""
    array = value.array if isinstance(value, Tensor) else value
    try:
        return np.asarray(array, as_dtype(array.dtype), order="C")
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from None


def place(path: tuple[Any, ...]) -> str:
    """How an error message calls an entry: `checkpoint['model']['weight']`."""
    return "checkpoint" + "".join(f"[{key!r}]" for key in path)
