"""Pictures of a computation: records → plain graph → DOT text → SVG.

Each stage is one file and knows only those before it: `names` (what tensors are called), `cotangents` (the
gradients that flow through this graph), `numbers` and `reading` (an array, an operation, as they are
written), `model` (nodes and arrows, plain data), `build` (records made a model), `fold` (many nodes made
one), `dot` (their text, in the colours of `themes`), `layout` (a process that places them), `svg` (what is
left to do), `drawing` (what the user holds). `steps` tells the same model as a story, `scalars` opens
matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .drawing import Drawing

__all__ = ["draw"]


def draw(
    root: Any,
    names: Any = None,
    *,
    title: str | None = None,
    direction: str = "TB",
    theme: str = "light",
    depth: int | None = None,
    fold: bool | None = None,
    scalars: bool = False,
) -> Drawing:
    """Draw how `root` was computed, with its values, its gradients and the rule on each edge.

    `names` says what tensors are called: a module (anything with `named_parameters()`; each submodule
    becomes a frame) or a dict from name to tensor. Tensors of up to 16 entries show their values and
    gradients, larger ones the least, the mean and the largest. `grad` is the gradient of a scalar root,
    worked out for the picture without touching the graph, before or after `backward()`; `.grad` is what a
    tensor holds. `direction` is "TB" (top to bottom) or "LR" (left to right), `theme` "light", "dark" or
    "auto" (an SVG that follows its reader's).

    `depth` is how many levels of modules are open: 0 shows each module as one node. `fold=True` makes one
    node of each loop; None does so only for graphs of more than 500 nodes, and goes on (modules, then
    stretches of the computation) until they fit, which the picture says; False folds nothing. `scalars=True`
    opens tensors to their entries, matrix products to products and sums, for tiny networks.

    Nothing is laid out before the drawing's `.svg` is asked for. Raises TypeError if `root` is no Tensor, or
    `names` neither module nor dict; ValueError for options that cannot be, or for operations without a scalar
    form.

    >>> import autodiff
    >>> w = autodiff.tensor(3.0, requires_grad=True)
    >>> autodiff.draw(w * w, names={"w": w})
    <Drawing of 2 tensors, 1 operation>
    """
    from ..tensor import Tensor
    from .build import build
    from .drawing import Drawing
    from .fold import fold_up
    from .names import Names
    from .themes import THEMES

    if not isinstance(root, Tensor):
        raise TypeError(
            f"draw(): root must be a Tensor, not {type(root).__name__}: give it the tensor whose computation "
            "is to be drawn, such as the loss"
        )
    if direction not in ("TB", "LR"):
        raise ValueError(
            f'draw(): direction must be "TB" (top to bottom) or "LR" (left to right), not {direction!r}'
        )
    if theme not in THEMES:
        raise ValueError(f'draw(): theme must be "light", "dark" or "auto", not {theme!r}')
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(f"draw(): depth must be a whole number of levels, 0 or more, or None, not {depth!r}")
    given = Names(names)
    if scalars:
        from .scalars import opened

        root, given = opened(root, given)
    return Drawing(fold_up(build(root, given, title), depth, fold), direction, theme)
