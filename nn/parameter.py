"""A tensor that a module learns: assigning it to a module's attribute registers it."""

from __future__ import annotations

from typing import Any

from autodiff import Tensor
from autodiff.errors import located


class Parameter(Tensor):
    """A leaf that requires grad and belongs to the module it is assigned to; shares the memory of `data`.

    `data` is a floating-point Tensor (an empty one if None). Raises TypeError for anything else, RuntimeError
    if gradients are asked of integers. Source: PyTorch, `torch.nn.Parameter`.

    >>> import autodiff
    >>> Parameter(autodiff.tensor([1.0, 2.0]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if data is None:
            data = Tensor([])
        if not isinstance(data, Tensor):
            raise located.TypeError(
                f"Parameter data must be a Tensor, not {type(data).__name__}: "
                "Parameter(autodiff.tensor(data)), with decimal points, so that it is float32"
            )
        super().__init__(data.array)
        self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A parameter of its own, without the gradient: as in PyTorch, a copied model starts without any."""
        twin = super().__deepcopy__(memo)
        twin.grad = None
        return twin

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
