"""Derivatives of functions of nested tuples, lists and dicts of Tensors: gradients, products, Jacobians.

A function is run on new variables in the place of its arguments, so that its derivative is that of the
function alone, whatever else is recorded; a result keeps its history only where it depends on what was there
before. So transformations nest, and close over tensors with gradients of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from ..errors import describe, located
from ..gradients import grad_if_any
from ..ops.joining import stack
from ..recompute import outside, record_of
from ..record import clock, enable_grad, mode
from ..tensor import Tensor
from ..tree import Tree, flatten

Argnums = int | tuple[int, ...]


class Trace(NamedTuple):
    """One run of a function: its variables, its outputs, and when it began."""

    start: int
    variables: list[Tensor]  # of all arguments asked for, leaf by leaf
    inputs: Tree  # the form of those arguments
    outputs: list[Tensor]
    form: Tree
    aux: Any

    def depends(self, tensors: Sequence[Tensor]) -> bool:
        """Whether any of these depends on what was there before the run."""
        return bool(outside([record_of(x) for x in tensors if x.requires_grad], self.start))

    def pull(self, cotangents: Sequence[Tensor], results: Sequence[Tensor] | None = None) -> list[Tensor]:
        """The gradient in each variable for these cotangents of the outputs."""
        used = list(self.outputs if results is None else results)
        moved = any(g.requires_grad for g in cotangents)
        higher = mode.enabled and (moved or self.depends(used))
        found = sweep(used, self.variables, cotangents, higher)
        return [x if moved else self.release(x) for x in found]

    def push(self, tangents: Sequence[Tensor]) -> list[Tensor]:
        """The derivative of each output along these tangents of the variables.

        The gradient is linear in its cotangent v: its own derivative in v, applied to the tangent, is what is
        sought (Townsend, "A new trick for calculating Jacobian vector products", 2017).
        """
        v = [Tensor(np.zeros(z.shape, z.dtype)).requires_grad_() for z in self.outputs]
        moved = any(t.requires_grad for t in tangents)
        higher = mode.enabled and (moved or self.depends(self.outputs))
        with enable_grad():
            first = sweep(self.outputs, self.variables, v, True)
        found = sweep(first, v, tangents, higher)
        return [x if moved else self.release(x) for x in found]

    def release(self, x: Any) -> Any:
        """A result without the history of this run, unless it leads to what was there before."""
        if not isinstance(x, Tensor) or not x.requires_grad:
            return x
        return x if mode.enabled and self.depends([x]) else x.detach()

    def value(self) -> Any:
        """The outputs in their form, to be handed to the caller."""
        return self.form.build([self.release(z) for z in self.outputs])

    def extra(self) -> Any:
        """The second result of a function with `has_aux`."""
        leaves, tree = flatten(self.aux)
        return tree.build([self.release(x) for x in leaves])


def sweep(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor], higher: bool
) -> list[Tensor]:
    """The gradients of outputs with these cotangents in the inputs; zeros where nothing depends."""
    found = grad_if_any(outputs, inputs, cotangents, higher) if inputs else []
    return [
        Tensor(np.zeros(x.shape, x.dtype)) if d is None else d for x, d in zip(inputs, found, strict=True)
    ]


def run(
    name: str,
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    has_aux: bool,
) -> Trace:
    """Run `func` with new variables in the place of the arguments `argnums`."""
    places = positions(argnums, len(args))
    start = clock()
    leaves, tree = flatten(tuple(args[i] for i in places))
    variables = [variable(x) for x in leaves]
    given = list(args)
    for i, value in zip(places, tree.build(variables), strict=True):
        given[i] = value
    with enable_grad():
        result = func(*given, **kwargs)
    aux: Any = None
    if has_aux:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise located.RuntimeError(
                f"{name}(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is True"
            )
        result, aux = result
    if name == "grad_and_value":
        refuse_nonscalar(result)
    outputs, form = flatten(result)
    for z in outputs:
        if not isinstance(z, Tensor):
            raise located.RuntimeError(
                f"{name}(f, *primals): expected f(*primals) to return only tensors, got unsupported type "
                f"{type(z)}"
            )
    return Trace(start, variables, tree, outputs, form, aux)


def refuse_nonscalar(result: Any) -> None:
    """Raise RuntimeError unless a function returned one Tensor without dimensions."""
    if not isinstance(result, Tensor):
        raise located.RuntimeError(
            f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(result)}"
        )
    if result.ndim:
        raise located.RuntimeError(
            "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{result.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


def variable(x: Any) -> Tensor:
    """A new variable with the value of x, through which the history of x goes on."""
    if not isinstance(x, Tensor):
        raise located.ValueError(f"Thing passed to transform API must be Tensor, got {type(x).__name__}")
    if x.requires_grad:
        with enable_grad():
            return x.clone()
    return Tensor(x.array).requires_grad_()


def positions(argnums: Argnums, count: int) -> list[int]:
    """The positions of arguments, from 0; RuntimeError, in PyTorch's words, for what are none."""
    if not isinstance(argnums, int | tuple) or isinstance(argnums, bool):
        raise located.RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    given = (argnums,) if isinstance(argnums, int) else argnums
    if not given:
        raise located.RuntimeError("argnums must be non-empty")
    if not all(isinstance(i, int) for i in given):
        raise located.RuntimeError(f"argnums must be int or Tuple[int, ...], got: {given}")
    if len({i % count if count else i for i in given}) < len(given):
        raise located.RuntimeError(f"argnums elements must be unique, got {given}")
    for i in given:
        if not -count <= i < count:
            raise located.RuntimeError(f"Got argnum={i}, but only {count} positional inputs")
    return [i % count for i in given]


def chosen(argnums: Argnums, values: tuple[Any, ...]) -> Any:
    """What belongs to each argument: alone if `argnums` is one number."""
    return values[0] if isinstance(argnums, int) else values


# Gradients ------------------------------------------------------------------------------------------------


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a function with a scalar result, as a function.

    It is in the form of the argument `argnums`, or a tuple for several. With `has_aux`, `func` returns
    (output, aux), and its gradient (gradient, aux). Raises RuntimeError unless the output is a scalar.
    Source: PyTorch, `torch.func.grad`.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0])
    >>> grad(lambda x: (x**3).sum())(x)
    tensor([ 3., 12.])
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns (gradient, value), as `grad` does; with `has_aux` (gradient, (value, aux)).

    >>> import autodiff
    >>> grad_and_value(lambda x: (x**3).sum())(autodiff.tensor([1.0, 2.0]))
    (tensor([ 3., 12.]), tensor(9.))
    """

    @wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        trace = run("grad_and_value", func, args, kwargs, argnums, has_aux)
        found = trace.pull([Tensor(np.ones((), trace.outputs[0].dtype))])
        gradient = chosen(argnums, trace.inputs.build(found))
        return gradient, (trace.value(), trace.extra()) if has_aux else trace.value()

    return gradient_and_value


def value_and_grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As `grad_and_value`, in the other order: (value, gradient); with `has_aux` ((value, aux), gradient).

    >>> import autodiff
    >>> value_and_grad(lambda x: (x**3).sum())(autodiff.tensor([1.0, 2.0]))
    (tensor(9.), tensor([ 3., 12.]))
    """
    both = grad_and_value(func, argnums, has_aux)
    return wraps(func)(lambda *args, **kwargs: both(*args, **kwargs)[::-1])


# Products with the Jacobian ---------------------------------------------------------------------------------


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(output, function), where function(v) is vᵀ·J, for a v in the form of the output.

    It returns one gradient, or a tuple for several primals. With `has_aux`: (output, function, aux). Raises
    RuntimeError for a v of another form. Source: PyTorch, `torch.func.vjp`.

    >>> import autodiff
    >>> y, pull = vjp(lambda x: x.sin(), autodiff.tensor([0.0, 0.0]))
    >>> y, pull(autodiff.tensor([1.0, 2.0]))
    (tensor([0., 0.]), (tensor([1., 2.]),))
    """
    trace = run("vjp", func, primals, {}, tuple(range(len(primals))), has_aux)

    def pull(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given, form = flatten(cotangents)
        if form != trace.form:
            raise located.RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to "
                f"the function. cotangents: {form}, primal output: {trace.form}"
            )
        fitting("vjp: cotangent", given, trace.outputs)
        found: tuple[Any, ...] = trace.inputs.build(trace.pull(given))
        return found

    return (trace.value(), pull, trace.extra()) if has_aux else (trace.value(), pull)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """(output, J·t): the derivative along the tangents, which have the form of the tuple `primals`.

    With `has_aux`: (output, J·t, aux). Raises RuntimeError for tangents of another form, and if `strict` and
    an output does not depend on the primals. Source: PyTorch, `torch.func.jvp`.

    >>> import autodiff
    >>> jvp(lambda x: x**2, (autodiff.tensor([1.0, 2.0]),), (autodiff.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple) or not primals:
        raise located.RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call "
            "f(*primals)."
        )
    given, form = flatten(tangents)
    if form != flatten(primals)[1]:
        raise located.RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be."
        )
    trace = run("jvp", func, primals, {}, tuple(range(len(primals))), has_aux)
    fitting("jvp(f, primals, tangents): tangent", given, trace.variables)
    if strict and not all(z.requires_grad for z in trace.outputs):
        raise located.RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is "
            "not allowed with strict=True."
        )
    product = trace.form.build(trace.push(given))
    return (trace.value(), product, trace.extra()) if has_aux else (trace.value(), product)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(output, jvp): the value at `primals`, and the function of tangents that is the derivative there.

    It may be called often; `func` runs once. Raises RuntimeError for tangents of another form. Source:
    PyTorch, `torch.func.linearize`.

    >>> import autodiff
    >>> output, push = linearize(lambda x: x**2, autodiff.tensor([1.0, 2.0]))
    >>> push(autodiff.tensor([1.0, 10.0]))
    tensor([ 2., 40.])
    """
    trace = run("linearize", func, primals, {}, tuple(range(len(primals))), False)
    form = flatten(primals)[1]

    def push(*tangents: Any) -> Any:
        given, own = flatten(tangents)
        if own != form:
            raise located.RuntimeError("Expected the tangents to have the same argspec as the primals")
        fitting("tangent", given, trace.variables)
        return trace.form.build(trace.push(given))

    return trace.value(), push


def fitting(what: str, given: Sequence[Any], tensors: Sequence[Tensor]) -> None:
    """Raise RuntimeError unless these are Tensors of the same shapes as those."""
    for i, (v, x) in enumerate(zip(given, tensors, strict=True)):
        if not isinstance(v, Tensor) or v.shape != x.shape:
            raise located.RuntimeError(
                f"{what} {i} is {describe(v)}, and what it belongs to is {describe(x)}"
            )


# Jacobians ------------------------------------------------------------------------------------------------


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The Jacobian, of shape output.shape + input.shape, as a function: row by row, by vector products.

    In the form of the outputs, each in the form of the argument `argnums` (a tuple for several). Fastest for
    few outputs of many inputs. `chunk_size` is how many rows PyTorch computes at a time; here it is one.
    Source: PyTorch, `torch.func.jacrev`.

    >>> import autodiff
    >>> jacrev(lambda x: x[1:] * x[0])(autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([[2., 1., 0.],
            [3., 0., 1.]])
    """
    if chunk_size is not None and not chunk_size > 0:
        raise located.ValueError("jacrev: `chunk_size` should be greater than 0.")

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = run("jacrev", func, args, kwargs, argnums, has_aux)
        blocks = []
        for z in trace.outputs:
            rows = [trace.pull([g], [z]) for g in units(z)]
            found = [
                stacked([row[i] for row in rows], z.shape + x.shape, x, first=True)
                for i, x in enumerate(trace.variables)
            ]
            blocks.append(chosen(argnums, trace.inputs.build(found)))
        return (trace.form.build(blocks), trace.extra()) if has_aux else trace.form.build(blocks)

    return jacobian


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The Jacobian as `jacrev` gives it, column by column, by derivatives along each entry of the input.

    Fastest for few inputs of many outputs. `randomness` is about how PyTorch runs `func` in a batch; here it
    is run once. Source: PyTorch, `torch.func.jacfwd`.

    >>> import autodiff
    >>> jacfwd(lambda x: x[1:] * x[0])(autodiff.tensor([1.0, 2.0, 3.0]))
    tensor([[2., 1., 0.],
            [3., 0., 1.]])
    """

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = run("jacfwd", func, args, kwargs, argnums, has_aux)
        zeros = [Tensor(np.zeros(x.shape, x.dtype)) for x in trace.variables]
        columns = [
            [trace.push([*zeros[:i], t, *zeros[i + 1 :]]) for t in units(x)]
            for i, x in enumerate(trace.variables)
        ]
        blocks = [
            chosen(
                argnums,
                trace.inputs.build(
                    [
                        stacked([column[j] for column in columns[i]], z.shape + x.shape, z, first=False)
                        for i, x in enumerate(trace.variables)
                    ]
                ),
            )
            for j, z in enumerate(trace.outputs)
        ]
        return (trace.form.build(blocks), trace.extra()) if has_aux else trace.form.build(blocks)

    return jacobian


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The matrix of second derivatives, as a function: `jacfwd` of `jacrev`.

    >>> import autodiff
    >>> hessian(lambda x: (x**3).sum())(autodiff.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def units(x: Tensor) -> list[Tensor]:
    """For each entry of x, a tensor like x that is 1 there and 0 elsewhere."""
    found = np.eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape)
    return [Tensor(unit) for unit in found]


def stacked(parts: list[Tensor], shape: tuple[int, ...], like: Tensor, first: bool) -> Tensor:
    """Parts along a new first (or last) dimension, in this shape; zeros if there are none."""
    if not parts:
        return Tensor(np.zeros(shape, like.dtype))
    whole: Tensor = stack(parts, 0 if first else -1).reshape(shape)
    return whole
