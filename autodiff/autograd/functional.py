"""PyTorch's `torch.autograd.functional`: the derivatives of a function at a point.

`inputs` is a Tensor or a tuple of them, and `func` returns a Tensor or a tuple; results are in the same
form. With `create_graph` they can be differentiated; with `strict` an output that does not depend on an
input, whose derivative would be zeros, is refused with RuntimeError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import located
from ..gradients import grad_if_any
from ..ops.joining import stack
from ..record import enable_grad
from ..tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Func = Callable[..., Any]
Tensors = Tensor | tuple[Tensor, ...]


def vjp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(output, vᵀ·J), the gradient of v·output; v may be left out for a scalar.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0])
    >>> vjp(lambda x: x**2, x, autodiff.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    point = Point("vjp", func, inputs, create_graph, strict)
    with enable_grad():
        vector = point.vector(v, point.outputs, "the user-provided function returns")
        found = point.pull(point.outputs, point.variables, vector, create_graph)
    return point.value(), point.like_inputs(found)


def jvp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(output, J·v), the derivative of the output along v; v may be left out for a scalar input.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0])
    >>> jvp(lambda x: x**2, x, autodiff.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    point = Point("jvp", func, inputs, create_graph, strict)
    with enable_grad():
        vector = point.vector(v, point.variables, "the input to the user-provided function is")
        dummies = [Tensor(np.zeros(z.shape, z.dtype)).requires_grad_() for z in point.outputs]
        first = point.pull(point.outputs, point.variables, dummies, True)
        found = point.pull(first, dummies, vector, create_graph, strict=False)
    return point.value(), point.like_outputs(found)


def jacobian(
    func: Func,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian, of shape output.shape + input.shape, for each output and each input.

    `vectorize` and `strategy` are how PyTorch computes it; here it is row by row.

    >>> import autodiff
    >>> jacobian(lambda x: x[1:] * x[0], autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([[2., 1., 0.],
            [3., 0., 1.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise located.AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has '
            'more outputs than inputs, "forward-mode" tends to be more performant.'
        )
    point = Point("jacobian", func, inputs, create_graph, strict)
    return point.like_outputs([point.like_inputs(point.rows(z)) for z in point.outputs])


def hessian(
    func: Func,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a scalar: for each pair of inputs, of shape first.shape + second.shape.

    >>> import autodiff
    >>> hessian(lambda x: (x**3).sum(), autodiff.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    alone = isinstance(inputs, Tensor)

    def gradient(*xs: Tensor) -> Any:
        scalar(func(*xs), "hessian")
        found = jacobian(func, xs[0] if alone else xs, create_graph=True, strict=strict)
        return tuple(d.reshape(x.shape) for d, x in zip((found,) if alone else found, xs, strict=True))

    found = jacobian(gradient, inputs, create_graph, strict)
    return found[0] if alone else found


def vhp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(output, vᵀ·H) of a scalar: the gradient of v·gradient.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0])
    >>> vhp(lambda x: (x**3).sum(), x, autodiff.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    point = Point("vhp", func, inputs, create_graph, strict)
    with enable_grad():
        vector = point.vector(v, point.variables, "the input to the user-provided function is")
        first = point.gradient()
        found = point.pull(first, point.variables, vector, create_graph)
    return point.value(), point.like_inputs(found)


def hvp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(output, H·v) of a scalar: the derivative of its gradient along v. `vhp` is the same, and faster.

    Where the second derivatives are continuous H is symmetric; this does not rely on it.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0])
    >>> hvp(lambda x: (x**3).sum(), x, autodiff.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    point = Point("hvp", func, inputs, create_graph, strict)
    with enable_grad():
        vector = point.vector(v, point.variables, "the input to the user-provided function is")
        first = point.gradient()
        dummies = [Tensor(np.zeros(x.shape, x.dtype)).requires_grad_() for x in point.variables]
        second = point.pull(first, point.variables, dummies, True)
        found = point.pull(second, dummies, vector, create_graph, strict=False)
    return point.value(), point.like_inputs(found)


class Point:
    """A function at a point: its variables and outputs there, and the walk from these to those."""

    def __init__(self, name: str, func: Func, inputs: Any, create_graph: bool, strict: bool) -> None:
        self.name, self.create_graph, self.strict = name, create_graph, strict
        self.alone = not isinstance(inputs, tuple)
        given = self.tensors(inputs, "inputs given to")
        with enable_grad():
            if create_graph:
                self.variables = [x.clone() if x.requires_grad else leaf(x) for x in given]
            else:
                self.variables = [leaf(x) for x in given]
            result = func(*self.variables)
        self.one_output = not isinstance(result, tuple)
        self.outputs = self.tensors(result, "outputs of the user-provided function given to")
        if strict:
            self.refuse_constant(self.outputs, "Output")

    def tensors(self, given: Any, what: str) -> list[Tensor]:
        """One Tensor or a tuple of them as a list; TypeError for anything else."""
        if not isinstance(given, Tensor | tuple):
            raise located.TypeError(
                f"The {what} {self.name} must be either a Tensor or a tuple of Tensors but the given "
                f"{what.removesuffix(' given to')} has type {type(given)}."
            )
        found = given if isinstance(given, tuple) else (given,)
        for i, x in enumerate(found):
            if not isinstance(x, Tensor):
                raise located.TypeError(
                    f"The {what} {self.name} must be either a Tensor or a tuple of Tensors but the value at "
                    f"index {i} has type {type(x)}."
                )
        return list(found)

    def vector(self, v: Any, like: Sequence[Tensor], whose: str) -> list[Tensor]:
        """The vector of a product: one Tensor for each of `like`; ones for a single element if None."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                raise located.RuntimeError(
                    f"The vector v can only be None if {whose} a single Tensor with a single element."
                )
            return [Tensor(np.ones(like[0].shape, like[0].dtype))]
        found = self.tensors(v, "v given to")
        if len(found) != len(like):
            if len(like) == 1:
                raise located.RuntimeError("The given v should contain a single Tensor.")
            raise located.RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(found)}."
            )
        for i, (x, y) in enumerate(zip(found, like, strict=True)):
            if x.shape != y.shape:
                entry = f"Entry {i} in " if len(like) > 1 else ""
                raise located.RuntimeError(
                    f"{entry}v has invalid size: should be {y.shape} but got {x.shape}."
                )
        return [x if self.create_graph else x.detach() for x in found]

    def gradient(self) -> list[Tensor]:
        """The gradient of the single scalar output, with its history."""
        scalar(self.outputs[0] if self.one_output else tuple(self.outputs), self.name)
        return self.pull(self.outputs, self.variables, [Tensor(np.ones_like(self.outputs[0].array))], True)

    def pull(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        create_graph: bool,
        strict: bool | None = None,
    ) -> list[Tensor]:
        """The gradient in each of `inputs`; zeros where nothing depends, or RuntimeError if `strict`."""
        found = grad_if_any(outputs, inputs, cotangents, create_graph)
        result = []
        for i, (x, d) in enumerate(zip(inputs, found, strict=True)):
            if d is None and (self.strict if strict is None else strict):
                raise located.RuntimeError(
                    f"The output of the user-provided function is independent of input {i}. This is not "
                    "allowed in strict mode."
                )
            result.append(Tensor(np.zeros(x.shape, x.dtype)) if d is None else d)
        return result

    def rows(self, z: Tensor) -> list[Tensor]:
        """The Jacobian of one output, for each input."""
        units = np.eye(z.numel(), dtype=z.dtype).reshape(z.numel(), *z.shape)
        with enable_grad():
            rows = [self.pull([z], self.variables, [Tensor(unit)], self.create_graph) for unit in units]
            if not rows:
                return [Tensor(np.zeros(z.shape + x.shape, x.dtype)) for x in self.variables]
            return [
                stack(list(column)).reshape(z.shape + x.shape)
                for column, x in zip(zip(*rows, strict=True), self.variables, strict=True)
            ]

    def refuse_constant(self, outputs: Sequence[Tensor], what: str) -> None:
        """Raise RuntimeError for an output that depends on nothing."""
        for i, z in enumerate(outputs):
            if not z.requires_grad:
                raise located.RuntimeError(
                    f"{what} {i} of the user-provided function does not require gradients. The outputs must "
                    "be computed in a differentiable manner from the input when running in strict mode."
                )

    def value(self) -> Any:
        """The outputs in their form."""
        outputs = self.outputs if self.create_graph else [z.detach() for z in self.outputs]
        return self.like_outputs(outputs)

    def like_inputs(self, found: Sequence[Any]) -> Any:
        """One for each input, in the form of the inputs."""
        return found[0] if self.alone else tuple(found)

    def like_outputs(self, found: Sequence[Any]) -> Any:
        """One for each output, in the form of the outputs."""
        return found[0] if self.one_output else tuple(found)


def leaf(x: Tensor) -> Tensor:
    """A new variable with this value."""
    return Tensor(x.array).requires_grad_()


def scalar(result: Any, name: str) -> None:
    """Raise RuntimeError unless a function returned one Tensor with one element."""
    if not isinstance(result, Tensor):
        raise located.RuntimeError(f"The function given to {name} should return a single Tensor")
    if result.numel() != 1:
        raise located.RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
