"""The chain rule in words and formulas: of a computation, step by step, or of one operation.

`computation` and `operation` say what there is to say, as blocks; `document` writes blocks as text, Markdown
and LaTeX; `domain` finds out where a function is defined. Formulas are read from the rules themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .document import Explanation

__all__ = ["explain"]


def explain(what: Any, names: Any = None) -> Explanation:
    """How `what` was computed and how its gradient returns, step by step; or what an operation does.

    `what` is a tensor, with `names` as in `draw` (a module, or a dict from name to tensor): each operation
    with its formula, its local derivative, the numbers that flowed, and what was added to whose gradient,
    before or after `backward()`. Or it is an operation, by name or as a function: its formula, its rules,
    and where it is defined. `print` it, or take `.text`, `.markdown`, `.latex`; notebooks show it.

    Raises TypeError for anything else, ValueError for a name that no operation has.

    >>> import autodiff
    >>> print(autodiff.explain("tanh"))
    tanh
    ====
    <BLANKLINE>
    tanh: hyperbolic tangent.
    <BLANKLINE>
        z = tanh(x)
    <BLANKLINE>
    It is defined for every x.
    <BLANKLINE>
    How the gradient returns to x:
    <BLANKLINE>
        x̄ += z̄ · (1 − z²)
        ∂z/∂x = 1 − z²
    <BLANKLINE>
    For that, backward needs the value of z.
    """
    from ..tensor import Tensor
    from .computation import explain_computation
    from .operation import explain_operation

    return explain_computation(what, names) if isinstance(what, Tensor) else explain_operation(what)
