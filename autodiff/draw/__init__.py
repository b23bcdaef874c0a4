"""Pictures of a computation: records → plain graph → DOT text → SVG.

Each stage is one file and knows only those before it: `names` (what tensors are called), `cotangents` (the
gradients that flow through this graph), `model` (nodes and arrows, plain data), `dot` (their text), `layout`
(a process that places them), `drawing` (what the user holds).
"""

from __future__ import annotations

from typing import Any

from .drawing import Drawing
from .layout import LayoutError

__all__ = ["Drawing", "LayoutError", "draw"]


def draw(root: Any, names: Any = None, *, title: str | None = None, direction: str = "TB") -> Drawing:
    """Draw how `root` was computed, with its values, its gradients and the rule on each edge.

    `names` says what tensors are called: a module (anything with `named_parameters()`; each submodule
    becomes a frame) or a dict from name to tensor. Tensors of up to 16 entries show their values and
    gradients. `grad` is the gradient of a scalar root, worked out for the picture without touching the
    graph, before or after `backward()`; `.grad` is what a tensor holds. `direction` is "TB" (top to bottom)
    or "LR" (left to right).

    Nothing is laid out before the drawing's `.svg` is asked for. Raises TypeError if `root` is no Tensor, or
    `names` neither module nor dict.

    >>> import autodiff
    >>> w = autodiff.tensor(3.0, requires_grad=True)
    >>> autodiff.draw(w * w, names={"w": w})
    <Drawing of 2 tensors, 1 operation>
    """
    from ..tensor import Tensor
    from .model import build

    if not isinstance(root, Tensor):
        raise TypeError(
            f"draw(): root must be a Tensor, not {type(root).__name__}: give it the tensor whose computation "
            "is to be drawn, such as the loss"
        )
    if direction not in ("TB", "LR"):
        raise ValueError(
            f'draw(): direction must be "TB" (top to bottom) or "LR" (left to right), not {direction!r}'
        )
    return Drawing(build(root, names, title), direction)
