"""`Function`: an operation whose forward and backward the user writes. For the engine see `application`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..errors import located
from ..record import no_grad
from ..tensor import Tensor, history
from . import application

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What `forward` hands on to `backward`: saved tensors, and whatever attributes the user sets."""

    needs_input_grad: tuple[bool, ...] = ()
    """For each argument of `apply`, whether it requires a gradient."""

    _saving: tuple[Tensor | None, ...] = ()
    _constant: tuple[Tensor, ...] = ()
    _materialize = True
    _read: Callable[[], tuple[Tensor | None, ...]] | None = None  # during backward

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors (inputs, outputs, or others) for `backward`, which finds them in `saved_tensors`.

        They may have derivatives of their own there, and a change in place is refused. As attributes
        (`ctx.x = x`) they would be neither, and an output kept so would keep itself in memory.
        """
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise located.TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(x).__name__}: "
                    "set an attribute instead, ctx.n = n"
                )
        self._saving = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors that `save_for_backward` was given. RuntimeError if one was changed in place since."""
        return self._saving if self._read is None else self._read()

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declare outputs that have no gradient."""
        self._constant = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Not supported: raises NotImplementedError."""
        raise located.NotImplementedError(
            "mark_dirty: a Function that changes its inputs in place is not supported"
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` is handed zeros (True, the default) or None for outputs that nothing used."""
        self._materialize = bool(value)


class Function:
    """An operation of your own: subclass it, and call `MyFunction.apply(*args)`.

    `forward(ctx, *args)` computes the output, a Tensor or a tuple, from Tensors and other values; nothing is
    recorded in it. `backward(ctx, *grad_outputs)` returns the gradient of each argument, given those of the
    outputs: one, or a tuple, None for what is no Tensor. It may be differentiated again if it computes with
    Tensors. Both are static methods. In the other style `forward(*args)` has no ctx, and
    `setup_context(ctx, inputs, output)` saves what is needed.

    Raises RuntimeError if `backward` returns a wrong number of gradients, or one of a wrong shape. Source:
    PyTorch, "Extending torch.autograd".

    >>> import autodiff
    >>> class Cube(autodiff.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * grad_output
    >>> x = autodiff.tensor(2.0, requires_grad=True)
    >>> y = Cube.apply(x)
    >>> y
    tensor(8., grad_fn=<CubeBackward>)
    >>> autodiff.grad(y, x)
    (tensor(12.),)
    """

    def __init__(self) -> None:
        raise located.RuntimeError(
            f"{type(self).__name__} is not instantiated: forward and backward are static methods, and it is "
            f"called as {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        raise located.NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what `backward` needs, if `forward` has no ctx."""
        raise located.NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments, given those of the outputs."""
        raise located.NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute `forward`, and record it."""
        records = tuple(history(x) if isinstance(x, Tensor) else None for x in args)
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(record is not None for record in records)
        with no_grad():
            if cls._takes_ctx():
                output = cls.forward(ctx, *args)
            else:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
        return application.finished(cls, ctx, args, records, output)

    @classmethod
    def _takes_ctx(cls) -> bool:
        """Whether `forward` has the ctx, in the style without `setup_context`."""
        return cls.setup_context is Function.setup_context


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot be differentiated: doing so is then refused, RuntimeError.

    Nothing is recorded in it, so that it may compute with `.numpy()` and the like. Write it below
    `@staticmethod`.
    """

    @wraps(fn)
    def once(ctx: Any, *grad_outputs: Any) -> Any:
        with no_grad():
            return fn(ctx, *(None if g is None else g.detach() for g in grad_outputs))

    once.once_differentiable = True  # type: ignore[attr-defined]
    return once
