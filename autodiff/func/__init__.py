"""PyTorch's `torch.func`: functions that make functions, for derivatives and batches of functions.

`derivatives` has gradients, products and Jacobians, `batch` has `vmap`, `stateless` a module as a function of
its parameters.

>>> import autodiff
>>> from autodiff.func import grad, vmap
>>> x = autodiff.tensor([0.0, 1.0, 2.0])
>>> vmap(grad(grad(lambda x: x**3)))(x)
tensor([ 0.,  6., 12.])
"""

from ..autograd.functional import hvp
from .batch import vmap
from .derivatives import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, value_and_grad, vjp
from .stateless import functional_call, stack_module_state

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]
