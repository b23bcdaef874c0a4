"""Is a gradient right? Compare it with differences of the function itself.

`gradcheck` perturbs each entry of each input by ±eps and compares (f(x + eps) − f(x − eps)) / 2 eps, which is wrong by some
1e-10 in float64, with what the rules give. `gradgradcheck` does the same to the function's own gradient.
Source: PyTorch, `torch.autograd.gradcheck` and its note "Gradcheck mechanics".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .functional import grad
from .dtypes import Array, float64
from .errors import describe
from .tensor import Tensor

ATOL, RTOL = 1e-7, 1e-4
"""Tighter than PyTorch's 1e-5 and 1e-3, with which a rule that is wrong by 0.1 % just passes."""


class GradcheckError(RuntimeError):
    """A gradient is wrong, or cannot be checked because the function is random or has no gradient."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = ATOL,
    rtol: float = RTOL,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Check the gradients of `func(*inputs)` by central differences; True if they are right.

    Each entry of the Jacobian must satisfy |rule − difference| <= atol + rtol · |difference|, for every float64 input that
    requires grad and every output. What could not fail is refused: inputs without grad or of lower precision (ValueError),
    functions that are random, do not use an input, or have gradients too small to tell apart from 0.
    Raises GradcheckError, a RuntimeError that names output, input, entry and probable cause, or returns False if
    `raise_exception` is False.

    >>> import autodiff
    >>> x = autodiff.tensor([0.5, 2.0], dtype=autodiff.float64, requires_grad=True)
    >>> autodiff.gradcheck(lambda x: x.exp() * x, x)
    True
    """
    given = inputs_of(inputs)
    check = Check(func, given, [f"input {i}" for i in range(len(given))], ["output {}"], eps, atol, rtol, nondet_tol)
    return check.passes(raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = ATOL,
    rtol: float = RTOL,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Check the second derivatives of `func(*inputs)`: `gradcheck` of its gradient, in the inputs and in `grad_outputs`.

    `grad_outputs` are the cotangents of the outputs; by default drawn at random, of size 0.5 to 1.5, the same in each call.

    >>> import autodiff
    >>> x = autodiff.tensor([0.5, 2.0], dtype=autodiff.float64, requires_grad=True)
    >>> autodiff.gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    given = inputs_of(inputs)
    tested = [i for i, x in enumerate(given) if requires_grad(x)]
    outputs = [z for z in outputs_of(func(*given)) if z.requires_grad]
    if not outputs:
        raise GradcheckError(NO_GRADIENT.format(name="gradgradcheck"))
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        cotangents = [Tensor(cotangent(rng, z)).requires_grad_() for z in outputs]
    else:
        cotangents = inputs_of(grad_outputs)

    def gradient(*args: Any) -> tuple[Tensor | None, ...]:
        xs, gs = args[: len(given)], args[len(given) :]
        zs = [z for z in outputs_of(func(*xs)) if z.requires_grad]
        return grad(zs, [xs[i] for i in tested], gs, create_graph=True, allow_unused=True, materialize_grads=True)

    names = [f"input {i}" for i in range(len(given))] + [f"grad_outputs {i}" for i in range(len(cotangents))]
    outs = [f"the gradient of input {i}" for i in tested]
    check = Check(gradient, [*given, *cotangents], names, outs, eps, atol, rtol, nondet_tol, second=True)
    return check.passes(raise_exception)


NO_GRADIENT = (
    "{name}: no output of the function requires grad, so there is nothing to check: is it computed under no_grad(), "
    "or from x.detach(), x.data, x.item() or x.numpy()?"
)


@dataclass
class Check:
    """One comparison of Jacobians: the function, what it is checked on, and how exactly."""

    func: Callable[..., Any]
    inputs: list[Any]
    input_names: list[str]
    output_names: list[str]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    second: bool = False  # a gradient is being checked: it need not depend on every input

    @property
    def name(self) -> str:
        return "gradgradcheck" if self.second else "gradcheck"

    def passes(self, raise_exception: bool) -> bool:
        """Whether all Jacobians agree; a disagreement is raised if `raise_exception`."""
        try:
            self.run()
        except GradcheckError:
            if raise_exception:
                raise
            return False
        return True

    def run(self) -> None:
        tested = self.tested()
        outputs = self.evaluate()
        if not self.second and not any(z.requires_grad for z in outputs):
            raise GradcheckError(NO_GRADIENT.format(name=self.name))
        if not any(z.numel() for z in outputs):
            raise ValueError(f"{self.name}: the outputs have no elements, so nothing would be compared")
        self.same(values(outputs), values(self.evaluate()), "gives")
        analytical = [self.rules(z, j, tested) for j, z in enumerate(outputs)]
        for column, i in enumerate(tested):
            numerical = self.differences(self.inputs[i].array, values(outputs))
            for j, z in enumerate(outputs):
                self.compare(analytical[j][column], numerical[j], i, j, z)
            if not self.second:
                self.refuse_blind(i, [row[column] for row in analytical], numerical, values(outputs))

    def tested(self) -> list[int]:
        """The positions of the inputs to check. Raises ValueError if there are none, or if float64 cannot resolve them."""
        tested = [i for i, x in enumerate(self.inputs) if requires_grad(x)]
        if not tested:
            raise ValueError(
                f"{self.name} expects at least one input tensor to require gradient, but none of them have requires_grad=True: "
                "nothing would be compared"
            )
        for i in tested:
            x = self.inputs[i]
            if x.dtype != float64:
                raise ValueError(
                    f"{self.name}: {self.input_names[i]} is {describe(x)}, and differences of {x.dtype} values are too coarse "
                    "to check a gradient: use float64, x.detach().double().requires_grad_()"
                )
            if 0 in x.array.strides and x.numel() > 1 or not x.array.flags.writeable:
                raise ValueError(
                    f"{self.name}: {self.input_names[i]} repeats its memory or cannot be written to, so its entries cannot be "
                    "perturbed one by one: clone() it"
                )
        if not any(self.inputs[i].numel() for i in tested):
            raise ValueError(f"{self.name}: the inputs that require grad have no elements, so nothing would be compared")
        return tested

    def evaluate(self) -> list[Tensor]:
        """The floating-point outputs at the inputs as they are now."""
        outputs = [z for z in outputs_of(self.func(*self.inputs)) if z.dtype.kind == "f"]
        for j, z in enumerate(outputs):
            if z.dtype != float64:
                raise ValueError(
                    f"{self.name}: {self.output(j)} is {describe(z)}, too coarse to take differences of: compute it in float64"
                )
        return outputs

    def output(self, j: int) -> str:
        return self.output_names[min(j, len(self.output_names) - 1)].format(j)

    def differences(self, x: Array, at: list[Array]) -> list[Array]:
        """For each output the central differences, an array of shape output.shape + x.shape; `x` is perturbed in place."""
        jacobians = [np.empty((*z.shape, *x.shape)) for z in at]
        for entry in np.ndindex(x.shape):
            above, below = self.moved(x, entry, self.eps), self.moved(x, entry, -self.eps)
            for jacobian, a, b in zip(jacobians, above, below, strict=True):
                jacobian[(..., *entry)] = (a - b) / (2 * self.eps)
        return jacobians

    def moved(self, x: Array, entry: tuple[int, ...], step: float) -> list[Array]:
        """The outputs where one entry of `x` is moved by `step`."""
        before = x[entry]
        x[entry] = before + step
        try:
            return values(self.evaluate())
        finally:
            x[entry] = before

    def rules(self, z: Tensor, j: int, tested: list[int]) -> list[Array | None]:
        """What the rules give for one output: for each input an array of shape output.shape + input.shape, or None."""
        inputs = [self.inputs[i] for i in tested]
        jacobians: list[Array | None] = [None for _ in tested]
        if not z.requires_grad:
            return jacobians

        def pull(g: Array) -> list[Array | None]:
            found = grad(z, inputs, Tensor(g), retain_graph=True, allow_unused=True)
            for i, x, d in zip(tested, inputs, found, strict=True):
                if d is not None and (d.shape != x.shape or d.dtype != x.dtype):
                    raise GradcheckError(
                        f"{self.name}: the gradient of {self.output(j)} with respect to {self.input_names[i]} is {describe(d)}, "
                        f"but the input is {describe(x)}: a gradient has the shape and dtype of its tensor"
                    )
            return [None if d is None else d.array for d in found]

        for entry in np.ndindex(z.shape):
            g = np.zeros(z.shape)
            g[entry] = 1
            for column, d in enumerate(pull(g)):
                if d is not None:
                    if jacobians[column] is None:
                        jacobians[column] = np.zeros((*z.shape, *d.shape))
                    jacobians[column][entry] = d  # type: ignore[index]  # not None since the line above
        g = cotangent(np.random.default_rng(1), z)
        twice = pull(g), pull(g)
        self.same(*([d for d in ds if d is not None] for ds in twice), "has a gradient of")
        for i, jacobian, d in zip(tested, jacobians, twice[0], strict=True):
            if jacobian is not None and d is not None:
                self.refuse_nonlinear(g, jacobian, d, i, j)
        return jacobians

    def same(self, first: list[Array], second: list[Array], does: str) -> None:
        """Raise if a function that was called twice on the same inputs gave different results."""
        for j, (a, b) in enumerate(zip(first, second, strict=True)):
            apart = ~((np.abs(a - b) <= self.nondet_tol) | (a == b) | (np.isnan(a) & np.isnan(b)))
            if apart.any():
                entry = first_index(apart)
                raise GradcheckError(
                    f"{self.name}: the function is not deterministic, it {does} {a[entry]} and then {b[entry]} for the same inputs "
                    f"({self.output(j)}, entry {list(entry)}): seed its random numbers inside the function, or switch dropout off"
                )

    def refuse_nonlinear(self, g: Array, jacobian: Array, d: Array, i: int, j: int) -> None:
        """Raise unless the pull-back of g is the sum of the pull-backs of its entries: a rule must be linear in g."""
        expected = np.tensordot(g, jacobian, g.ndim)
        allowed = 1e-9 * np.tensordot(np.abs(g), np.abs(jacobian), g.ndim)
        apart = np.abs(d - expected) > allowed
        if apart.any():
            entry = first_index(apart)
            raise GradcheckError(
                f"{self.name}: Backward is not multiplied by grad_output: the gradient of {self.output(j)} with respect to "
                f"{self.input_names[i]} is not linear in the cotangent; at entry {list(entry)} it is {d[entry]} where the sum over "
                f"single cotangents is {expected[entry]}. A rule must be g times something that does not depend on g"
            )

    def compare(self, analytical: Array | None, numerical: Array, i: int, j: int, z: Tensor) -> None:
        """Raise GradcheckError about the worst entry of one Jacobian, if any is wrong."""
        rule = np.zeros_like(numerical) if analytical is None else analytical
        error = np.abs(rule - numerical)
        allowed = self.atol + self.rtol * np.abs(numerical)
        wrong = ~(error <= allowed)  # nan is wrong
        if not wrong.any():
            return
        worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, np.where(wrong, error / allowed, 0))), error.shape)
        worst = tuple(map(int, worst))
        at, entry = worst[: z.ndim], worst[z.ndim :]
        gives = "no gradient (None)" if analytical is None else f"{rule[worst]}"
        made_by = f", the output of {z.grad_fn.name()}" if z.grad_fn is not None else ""
        cause = self.cause(rule, numerical, wrong, worst, i, j, z)
        raise GradcheckError(
            f"{self.name}: Jacobian mismatch for {self.output(j)} with respect to {self.input_names[i]}: "
            f"{np.count_nonzero(wrong)} of {wrong.size} entries are wrong. Worst: d {self.output(j)}{list(at)} / "
            f"d {self.input_names[i]}{list(entry)}: analytical: {gives}, numerical: {numerical[worst]}, "
            f"difference {rule[worst] - numerical[worst]:.3g} where {allowed[worst]:.3g} is allowed{made_by}. {cause}"
        )

    def cause(
        self, rule: Array, numerical: Array, wrong: Array, worst: tuple[int, ...], i: int, j: int, z: Tensor
    ) -> str:
        """What usually makes a Jacobian wrong in this way."""
        if not np.isfinite([rule[worst], numerical[worst]]).all():
            return "The function or its gradient is nan or infinite there: check it at another point."
        x, entry, at = self.inputs[i].array, worst[z.ndim :], worst[: z.ndim]
        here = z.array[at]
        right = (self.moved(x, entry, self.eps)[j][at] - here) / self.eps
        left = (here - self.moved(x, entry, -self.eps)[j][at]) / self.eps
        if abs(right - left) > 0.01 * max(abs(right), abs(left)) + self.atol:
            return (
                f"The function has a kink or a jump there (slope {left:.6g} to the left, {right:.6g} to the right), where a "
                "difference says nothing: check it at another point."
            )
        if not rule[wrong].any():
            return "No gradient arrives: look for detach(), .data, .item() or no_grad() in the function, or a rule that is missing."
        ratio = rule[wrong] / numerical[wrong]
        middle = float(np.median(ratio))
        if np.allclose(ratio, middle, rtol=1e-4, atol=0):
            if abs(middle + 1) < 1e-4:
                return "The sign is wrong."
            return f"Every wrong entry is {middle:.6g} times what it should be: a factor is missing, or one too many."
        return "Check the rule of each operation in the function by itself."

    def refuse_blind(self, i: int, analytical: list[Array | None], numerical: list[Array], at: list[Array]) -> None:
        """Raise where the check could not have failed: an input that is not used, or a gradient within the tolerance of 0."""
        name = self.input_names[i]
        if self.inputs[i].numel() and all(a is None for a in analytical):
            raise GradcheckError(
                f"{self.name}: {name} requires grad, but the function does not use it: its gradient is None. Leave it out, or "
                "check that the function really computes with its arguments"
            )
        largest = max((float(np.abs(n).max()) for n in numerical if n.size), default=0.0)
        rounding = 1e-15 / self.eps * max((float(np.abs(z).max()) for z in at if z.size), default=0.0)
        if rounding < largest <= self.atol:
            raise GradcheckError(
                f"{self.name}: the gradient with respect to {name} is at most {largest:.3g}, within atol={self.atol:.3g} of 0, so "
                "a wrong one would pass: multiply the function's result by a constant, or pass a smaller atol"
            )


def inputs_of(inputs: Any) -> list[Any]:
    """One tensor or a sequence of arguments, as a list."""
    return [inputs] if isinstance(inputs, Tensor) else list(inputs)


def outputs_of(result: Any) -> list[Tensor]:
    """One tensor or a sequence of them, as a list. Raises TypeError if the function returned something else."""
    outputs = [result] if isinstance(result, Tensor) else result
    if not isinstance(outputs, list | tuple) or not all(isinstance(z, Tensor) for z in outputs):
        raise TypeError(f"gradcheck: the function must return a Tensor or a tuple of Tensors, not {type(result).__name__}")
    return list(outputs)


def requires_grad(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def values(tensors: list[Tensor]) -> list[Array]:
    """Copies of the values: an output may be a view of an input that is about to be perturbed."""
    return [z.array.copy() for z in tensors]


def cotangent(rng: np.random.Generator, z: Tensor) -> Array:
    """Random numbers of the shape of `z`, of either sign and of size 0.5 to 1.5: none so small that it hides an error."""
    return rng.uniform(0.5, 1.5, z.shape) * rng.choice([-1.0, 1.0], z.shape)


def first_index(mask: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])
