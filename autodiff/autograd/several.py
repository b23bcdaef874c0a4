"""`backward` of several tensors at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from ..errors import located
from ..gradients import backward_of, backward_to, one_for_each
from ..ops.arguments import listed, refuse_plain
from ..tensor import Tensor

Tensors = Tensor | Sequence[Tensor]


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | Sequence[Tensor | None] | None = None,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of the sum of `tensors` to `.grad` of every leaf behind them (or of `inputs` alone).

    `grad_tensors` (`grad_variables` is their older name) are the cotangents of those that are no scalars.
    Raises what `Tensor.backward` does. Source: PyTorch, `torch.autograd.backward`.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> backward([x.sum(), x * x], [None, autodiff.tensor([1.0, 10.0])])
    >>> x.grad
    tensor([ 3., 41.])
    """
    roots = listed(tensors, "backward", "tensors")
    if grad_variables is not None:
        if grad_tensors is not None:
            raise located.RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2
        )
        grad_tensors = grad_variables
    for k, root in enumerate(roots):
        refuse_plain(root, "backward", "tensors", k + 1)
    gradients = one_for_each(roots, grad_tensors, "backward", "grad_tensors")
    if inputs is None:
        backward_of(roots, gradients, retain_graph, create_graph)
    else:
        backward_to(listed(inputs, "backward", "inputs"), roots, gradients, retain_graph, create_graph)
