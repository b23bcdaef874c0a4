"""Many calls of a step: what they return, stacked along a new first dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import get_default_dtype
from ..tensor import Tensor


def one(tree: Any) -> Any:
    """What one call returned, as a stack of one: tensors and floats become arrays."""
    if isinstance(tree, Tensor):
        return np.array(tree.array)[None]
    if type(tree) is float:
        return np.array([tree], get_default_dtype())
    if type(tree) in (tuple, list):
        return type(tree)(map(one, tree))
    return {name: one(part) for name, part in tree.items()} if type(tree) is dict else tree


def joined(stacks: list[Any]) -> Any:
    """The stacks one after the other, as tensors. Raises RuntimeError if they do not fit each other."""
    first = stacks[0]
    if isinstance(first, np.ndarray):
        if len({(type(stack), getattr(stack, "shape", (0,))[1:]) for stack in stacks}) > 1:
            raise RuntimeError(
                "repeat: the step does not return tensors of one shape: call it n times yourself"
            )
        return Tensor(np.concatenate(stacks))
    if type(first) in (tuple, list):
        return type(first)(joined(list(parts)) for parts in zip(*stacks, strict=True))
    if type(first) is dict:
        return {name: joined([stack[name] for stack in stacks]) for name in first}
    return first
