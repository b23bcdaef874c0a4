"""Gradients derived by hand, beside the engine's: which mistake turns the one into the other.

`replay` computes a graph again, with some rules altered; `mistakes` are the alterations, one for each error
that people make in a graph's backward pass; `matching` compares one gradient with another: transposed, not
summed, a factor too large; `search` finds the fewest mistakes that explain all numbers; `diagnosis` is the
verdict, `report` how it reads. `given` is what the user hands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..tensor import Tensor

if TYPE_CHECKING:
    from .report import BackpropCheck

__all__ = ["check_backprop"]


def check_backprop(
    student_grads: Mapping[str, Any] | Sequence[Any],
    loss: Tensor,
    params: Mapping[str, Tensor] | Sequence[Tensor] | Any,
) -> BackpropCheck:
    """Compare gradients derived by hand with the engine's; where they differ, say which mistake explains it.

    `params` are the parameters behind the scalar `loss`: a dict by name, a list, or a module; `student_grads`
    are arrays by the same names, or in the same order. The engine's graph is differentiated again with wrong
    rules (σ′ left out, weights that are updated already, ...), one or two at a time, until its numbers are
    those given; what no mistake explains is shown beside a finite difference. The result has `.ok` and
    `.findings`, and prints as a report. Parameters, graph and `.grad` are left as they are, and no hook is
    called.

    Ask before `loss.backward()`, or after `loss.backward(retain_graph=True)`: where backward has freed data
    that cannot be computed again, gradients are compared with `.grad`, which must be of this backward alone,
    and fewer mistakes can be told apart.
    Raises TypeError or ValueError for what is no gradient or does not belong to a parameter, RuntimeError for
    a loss that is no scalar or has no graph.

    >>> import autodiff, numpy as np
    >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([[0.0], [1.0], [0.0]])
    >>> w = autodiff.tensor([[0.5]], dtype=autodiff.float64, requires_grad=True)
    >>> a = (autodiff.tensor(x) @ w).sigmoid()
    >>> loss = ((a - autodiff.tensor(y)) ** 2).mean()
    >>> by_hand = 1 / (1 + np.exp(-x * 0.5))
    >>> print(autodiff.check_backprop({"w": x.T @ (by_hand - y) * 2 / 3}, loss, {"w": w}).findings[0].cause)
    missing σ′
    """
    from .diagnosis import check

    return check(student_grads, loss, params)
