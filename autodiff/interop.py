"""NumPy's functions on Tensors: `np.exp(t)` is our `exp(t)`, recorded and differentiable.

This is also how a rule, written as a NumPy expression, is read on Tensors. Ufuncs find the primitive that
wraps them; other functions are in the table. A function that is missing (np.median, `array += t`) is left to
NumPy if no tensor requires grad, and answers with NumPy's arrays; else it raises TypeError: it never computes
without the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .fast_arithmetic import one
from .ops import (
    diagonals,
    elementwise,
    extremes,
    joining,
    products,
    reductions,
    reordering,
    repeating,
    scans,
    shapes,
)
from .primitive import registry
from .tensor import Tensor

UFUNCS: dict[Any, Callable[..., Any]] = {
    p.forward: p for p in registry.values() if isinstance(p.forward, np.ufunc)
} | {
    np.maximum: elementwise.maximum,  # not clamp_min, which differs in how it treats a tie
    np.minimum: elementwise.minimum,
    np.power: elementwise.pow,
    np.matmul: products.matmul,
    np.square: elementwise.square,
    np.reciprocal: elementwise.reciprocal,
    np.positive: elementwise.positive,
    np.floor_divide: elementwise.floor_divide,
    np.remainder: elementwise.remainder,
    np.fmod: elementwise.fmod,
    np.floor: elementwise.floor,
    np.sign: elementwise.sign,
    np.ceil: elementwise.ceil,
    np.trunc: elementwise.trunc,
    np.rint: elementwise.round,
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.zeros_like: lambda x: Tensor(np.zeros_like(x.array)),
    np.ones_like: lambda x: Tensor(np.ones_like(x.array)),
    np.copy: elementwise.clone,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.sum: reductions.sum,
    np.mean: reductions.mean,
    np.prod: reductions.prod,
    np.max: extremes.amax,
    np.min: extremes.amin,
    np.amax: extremes.amax,
    np.amin: extremes.amin,
    np.argmax: extremes.argmax,
    np.argmin: extremes.argmin,
    np.all: reductions.all,
    np.any: reductions.any,
    np.cumsum: scans.cumsum,
    np.reshape: shapes.reshape,
    np.ravel: shapes.flatten,
    np.transpose: lambda x, axes=None: reordering.permute(x, axes or range(x.ndim)[::-1]),
    np.swapaxes: reordering.transpose,
    np.moveaxis: reordering.movedim,
    np.expand_dims: lambda x, axis: shapes.unsqueeze(x, axis),
    np.squeeze: lambda x, axis=None: shapes.squeeze(x, axis),
    np.broadcast_to: repeating.broadcast_to,
    np.concatenate: lambda xs, axis=0: joining.cat(xs, axis),
    np.stack: lambda xs, axis=0: joining.stack(xs, axis),
    np.flip: lambda x, axis=None: reordering.flip(x, range(x.ndim) if axis is None else axis),
    np.tril: lambda x, k=0: diagonals.tril(x, k),
    np.triu: lambda x, k=0: diagonals.triu(x, k),
    np.where: elementwise.where,
    np.clip: elementwise.clamp,
    np.sinc: elementwise.sinc,
    np.round: lambda x, decimals=0: elementwise.round(x, decimals=decimals),
}


def array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """`Tensor.__array_ufunc__`: the primitive for a NumPy ufunc."""
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*(1 if x is one else x for x in inputs))
    if not needs_gradient((inputs, options)) and not has_tensor(options.get("out")):
        return getattr(ufunc, method)(*plain(inputs), **plain(options))
    call = (
        f"np.{ufunc.__name__}"
        + ("" if method == "__call__" else f".{method}")
        + (f"({', '.join(options)}=)" if options else "")
    )
    raise TypeError(
        f"{call} is not defined on Tensors: use the Tensor's own methods, or x.detach().numpy() for "
        "no gradient"
    )


def array_function(self: Tensor, function: Any, types: Any, args: Any, options: Any) -> Any:
    """`Tensor.__array_function__`: our function for a NumPy function."""
    if function in FUNCTIONS:
        return FUNCTIONS[function](*args, **options)
    if not needs_gradient((args, options)) and not has_tensor(options.get("out")):
        return function(*plain(args), **plain(options))
    raise TypeError(
        f"np.{function.__name__} is not defined on Tensors: use the Tensor's own methods, or "
        "x.detach().numpy() for no gradient"
    )


def needs_gradient(args: Any) -> bool:
    """Whether a tensor in these arguments requires grad, or one in their lists and dicts."""
    if isinstance(args, Tensor):
        return args.requires_grad
    parts = args.values() if isinstance(args, dict) else args if isinstance(args, (list, tuple)) else ()
    return any(needs_gradient(part) for part in parts)


def has_tensor(out: Any) -> bool:
    """Whether NumPy was asked to write into a tensor, whose memory may only change where it is noted."""
    return any(isinstance(part, Tensor) for part in (out if isinstance(out, tuple) else (out,)))


def plain(args: Any) -> Any:
    """The same arguments with arrays for tensors, to read only: a write would go unseen."""
    if isinstance(args, Tensor):
        array = args.array.view()
        array.flags.writeable = False
        return array
    if isinstance(args, dict):
        return {name: plain(arg) for name, arg in args.items()}
    return type(args)(map(plain, args)) if type(args) in (list, tuple) else args


def give_protocols() -> None:
    """Complete the class: the protocols through which NumPy calls it."""
    for name, protocol in (("__array_ufunc__", array_ufunc), ("__array_function__", array_function)):
        setattr(Tensor, name, protocol)
