"""NumPy's functions on Tensors: `np.exp(t)` is our `exp(t)`, recorded and differentiable.

This is also how a rule, written as a NumPy expression, is read on Tensors. Ufuncs find the primitive that wraps them;
other functions are in the table. A function that is missing raises TypeError: it never computes without the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .ops import elementwise
from .primitive import Primitive, registry
from .tensor import Tensor, as_array

UFUNCS: dict[Any, Callable[..., Any]] = {
    p.forward: p for p in registry.values() if isinstance(p.forward, np.ufunc)
} | {np.power: elementwise.pow}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.zeros_like: lambda x: Tensor(np.zeros_like(x.array)),
    np.ones_like: lambda x: Tensor(np.ones_like(x.array)),
    np.copy: elementwise.clone,
}


def array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """`Tensor.__array_ufunc__`: the primitive for a NumPy ufunc."""
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    call = (
        f"np.{ufunc.__name__}"
        + ("" if method == "__call__" else f".{method}")
        + (f"({', '.join(options)}=)" if options else "")
    )
    raise TypeError(
        f"{call} is not defined on Tensors: use the Tensor's own methods, or x.detach().numpy() for no gradient"
    )


def array_function(self: Tensor, function: Any, types: Any, args: Any, options: Any) -> Any:
    """`Tensor.__array_function__`: our function for a NumPy function."""
    if function in FUNCTIONS:
        return FUNCTIONS[function](*args, **options)
    raise TypeError(
        f"np.{function.__name__} is not defined on Tensors: use the Tensor's own methods, or x.detach().numpy() for no gradient"
    )


def give_methods() -> None:
    """Complete the class: its methods, and the protocols through which NumPy calls them."""
    from .methods import Methods

    for name, method in vars(Methods).items():
        if callable(method) or isinstance(method, property):
            setattr(Tensor, name, method)
    for name, protocol in (("__array_ufunc__", array_ufunc), ("__array_function__", array_function)):
        setattr(Tensor, name, protocol)
