"""PyTorch's `torch.autograd`: gradients, functions with rules of their own, and whole derivatives.

`function` is what users subclass, `application` what the engine makes of it: an `opaque` operation, with
`pack` for several results of one record. `functional` has Jacobians and Hessians at a point, `several` the
`backward` of several tensors.

>>> import autodiff
>>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
>>> autodiff.autograd.grad((x**2).sum(), x)
(tensor([2., 4.]),)
"""

from typing import TYPE_CHECKING

from ..gradients import grad
from ..later import later
from ..record import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from . import function, functional
from .function import Function, once_differentiable
from .several import backward

if TYPE_CHECKING:
    from ..check import GradcheckError, gradcheck, gradgradcheck
else:
    CHECKS = ("GradcheckError", "gradcheck", "gradgradcheck")
    __getattr__, __dir__ = later(__name__, dict.fromkeys(CHECKS, "..check"))

__all__ = [
    "Function",
    "GradcheckError",
    "backward",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "is_grad_enabled",
    "no_grad",
    "once_differentiable",
    "set_grad_enabled",
]
