"""Is a gradient right? Compare it with differences of the function itself.

`gradcheck` moves each entry of each input by ±eps and compares (f(x + eps) − f(x − eps)) / 2 eps, which in
float64 is right to some 1e-10, with what the rules give. `gradgradcheck` does the same to the function's own
gradient. Source: PyTorch, `torch.autograd.gradcheck` and the note "Gradcheck mechanics".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import first_true
from .dtypes import Array, float64
from .errors import describe, located
from .gradients import grad
from .ops.arguments import listed
from .tensor import Tensor

__all__ = ["gradcheck", "gradgradcheck"]

ATOL, RTOL = 1e-7, 1e-4
"""Tighter than PyTorch's 1e-5 and 1e-3, with which a rule that is wrong by 0.1 % passes."""


class GradcheckError(RuntimeError):
    """A gradient is wrong, or cannot be checked because the function is random or has no gradient."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    eps: float = 1e-6,
    atol: float = ATOL,
    rtol: float = RTOL,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Check the gradients of `func(*inputs)` by central differences; True if they are right.

    Each entry of the Jacobian must satisfy |rule − difference| <= atol + rtol · |difference|, for every input
    that requires grad and every floating-point output. What could not fail is refused: no input that requires
    grad, or one that is not float64 (ValueError); functions that are random, do not use an input, or have
    gradients that the tolerance cannot tell from 0. Raises GradcheckError, a RuntimeError that names output,
    input, entry and probable cause, or returns False if `raise_exception` is False.

    >>> import autodiff
    >>> x = autodiff.tensor([0.5, 2.0], dtype=autodiff.float64, requires_grad=True)
    >>> autodiff.gradcheck(lambda x: x.exp() * x, x)
    True
    """
    given = as_list(inputs)
    names = [f"input {i}" for i in range(len(given))]
    check = Check("gradcheck", func, given, names, "output {}".format, eps, atol, rtol, nondet_tol)
    return passes(check, raise_exception)


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
    """Check the second derivatives of `func(*inputs)`: `gradcheck` of its gradient, also in `grad_outputs`.

    `grad_outputs` are the cotangents of the outputs; by default random ones of size 0.5 to 1.5.

    >>> import autodiff
    >>> x = autodiff.tensor([0.5, 2.0], dtype=autodiff.float64, requires_grad=True)
    >>> autodiff.gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    if not callable(func):
        raise located.TypeError(f"gradgradcheck(): func must be a function, not {type(func).__name__}")
    given = as_list(inputs)
    tested = [i for i, x in enumerate(given) if requires_grad(x)]

    def differentiable(*args: Any) -> list[Tensor]:
        return [z for z in outputs_of(func(*args)) if z.requires_grad]

    def gradient(*args: Any) -> tuple[Tensor | None, ...]:
        xs, gs = args[: len(given)], args[len(given) :]
        wanted = [xs[i] for i in tested]
        return grad(differentiable(*xs), wanted, gs, create_graph=True, materialize_grads=True)

    rng = np.random.default_rng(0)
    cotangents = (
        [Tensor(random_cotangent(rng, z)).requires_grad_() for z in differentiable(*given)]
        if grad_outputs is None
        else as_list(grad_outputs)
    )
    names = [f"input {i}" for i in range(len(given))] + [f"grad_outputs {i}" for i in range(len(cotangents))]
    check = Check(
        "gradgradcheck",
        gradient if cotangents else func,  # with no cotangents there is no gradient: let the check say so
        [*given, *cotangents],
        names,
        lambda j: f"the gradient of input {tested[j]}",
        eps,
        atol,
        rtol,
        nondet_tol,
        strict=not cotangents,
    )
    return passes(check, raise_exception)


def passes(check: Check, raise_exception: bool) -> bool:
    """Whether all Jacobians agree; a disagreement is raised if `raise_exception`."""
    try:
        check.run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


@dataclass
class Check:
    """One comparison of Jacobians: which function, at which inputs, what they are called, and how exactly."""

    name: str
    func: Callable[..., Any]
    inputs: list[Any]
    input_names: list[str]
    output_name: Callable[[int], str]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    strict: bool = True  # every input must be used; a gradient need not depend on all of them

    def run(self) -> None:
        """Compare each output with each input that requires grad."""
        tested = self.tested()
        outputs = self.evaluate()
        if self.strict and not any(z.requires_grad for z in outputs):
            raise GradcheckError(
                f"{self.name}: no output of the function requires grad, so there is nothing to check: is it "
                "computed under no_grad(), or from x.detach(), x.data, x.item() or x.numpy()?"
            )
        if not any(z.numel() for z in outputs):
            raise located.ValueError(
                f"{self.name}: the outputs have no elements, so nothing would be compared"
            )
        at = values(outputs)
        for j, (first, second) in enumerate(zip(at, values(self.evaluate()), strict=True)):
            self.refuse_random(first, second, f"{self.output_name(j)} is")
        rules = [self.by_rules(z, j, tested) for j, z in enumerate(outputs)]
        for column, i in enumerate(tested):
            differences = self.by_differences(self.inputs[i].array, at)
            for j, z in enumerate(outputs):
                self.compare(rules[j][column], differences[j], i, j, z)
            if self.strict:
                self.refuse_blind(i, [row[column] for row in rules], differences, at)

    def tested(self) -> list[int]:
        """The positions of the inputs to check; ValueError if there are none, or differences cannot do it."""
        tested = [i for i, x in enumerate(self.inputs) if requires_grad(x)]
        if not tested:
            raise located.ValueError(
                f"{self.name} expects at least one input tensor to require gradient, but none of them have "
                "requires_grad=True: nothing would be compared"
            )
        for i in tested:
            x, name = self.inputs[i], self.input_names[i]
            if x.dtype != float64:
                raise located.ValueError(
                    f"{self.name}: {name} is {describe(x)}, and differences of {x.dtype} values are too "
                    "coarse to check a gradient: use float64, x.detach().double().requires_grad_()"
                )
            if (0 in x.array.strides and x.numel() > 1) or not x.array.flags.writeable:
                raise located.ValueError(
                    f"{self.name}: {name} repeats its memory or cannot be written to, so its entries "
                    "cannot be moved one by one: clone() it"
                )
        if not any(self.inputs[i].numel() for i in tested):
            raise located.ValueError(
                f"{self.name}: the inputs that require grad have no elements, so nothing would be compared"
            )
        return tested

    def evaluate(self) -> list[Tensor]:
        """The floating-point outputs at the inputs as they are now."""
        outputs = [z for z in outputs_of(self.func(*self.inputs)) if z.dtype.kind == "f"]
        for j, z in enumerate(outputs):
            if z.dtype != float64:
                raise located.ValueError(
                    f"{self.name}: {self.output_name(j)} is {describe(z)}, too coarse to take differences "
                    "of: compute it in float64"
                )
        return outputs

    # the two Jacobians, of shape output.shape + input.shape -------------------------------------------------

    def by_differences(self, x: Array, at: list[Array]) -> list[Array]:
        """That of each output, by central differences; `x` is moved in place, entry by entry."""
        jacobians = [np.empty((*z.shape, *x.shape)) for z in at]
        for entry in np.ndindex(x.shape):
            above, below = self.moved(x, entry, self.eps), self.moved(x, entry, -self.eps)
            width = (x[entry] + self.eps) - (x[entry] - self.eps)  # 2 eps, as far as x can resolve it
            for jacobian, a, b in zip(jacobians, above, below, strict=True):
                jacobian[(..., *entry)] = (a - b) / width
        return jacobians

    def moved(self, x: Array, entry: tuple[int, ...], step: float) -> list[Array]:
        """The outputs where one entry of `x` is moved by `step`."""
        before = x[entry]
        x[entry] = before + step
        try:
            return values(self.evaluate())
        finally:
            x[entry] = before

    def by_rules(self, z: Tensor, j: int, tested: list[int]) -> list[Array | None]:
        """That of output j for each input, one entry of z at a time; None where no gradient arrives."""
        if not z.requires_grad:
            return [None for _ in tested]
        rows = []
        for entry in np.ndindex(z.shape):
            g = np.zeros(z.shape)
            g[entry] = 1
            rows.append(self.pull(z, g, j, tested))
        g = random_cotangent(np.random.default_rng(1), z)
        first, second = self.pull(z, g, j, tested), self.pull(z, g, j, tested)
        jacobians: list[Array | None] = []
        for column, i in enumerate(tested):
            d, again = first[column], second[column]
            if d is None or again is None:
                jacobians.append(None)
                continue
            jacobian = np.reshape([row[column] for row in rows], (*z.shape, *d.shape))
            self.refuse_random(d, again, f"{self.pair(i, j)} is")
            self.refuse_nonlinear(g, jacobian, d, i, j)
            jacobians.append(jacobian)
        return jacobians

    def pull(self, z: Tensor, g: Array, j: int, tested: list[int]) -> list[Array | None]:
        """The cotangents of the inputs for the cotangent g of output j."""
        inputs = [self.inputs[i] for i in tested]
        found = grad(z, inputs, Tensor(g), retain_graph=True, allow_unused=True)
        for i, x, d in zip(tested, inputs, found, strict=True):
            if d is not None and (d.shape != x.shape or d.dtype != x.dtype):
                raise GradcheckError(
                    f"{self.name}: {self.pair(i, j)} is {describe(d)}, but the input is {describe(x)}: "
                    "a gradient has the shape and dtype of its tensor"
                )
        return [None if d is None else d.array for d in found]

    def pair(self, i: int, j: int) -> str:
        """The gradient that is meant, in words."""
        return f"the gradient of {self.output_name(j)} with respect to {self.input_names[i]}"

    # what they must satisfy ---------------------------------------------------------------------------------

    def compare(self, rule: Array | None, difference: Array, i: int, j: int, z: Tensor) -> None:
        """Raise GradcheckError about the worst entry, if any is wrong."""
        given = np.zeros_like(difference) if rule is None else rule
        error = np.abs(given - difference)
        allowed = self.atol + self.rtol * np.abs(difference)
        wrong = ~(error <= allowed)  # nan is wrong
        if not wrong.any():
            return
        worst = first_true(wrong & (error == np.max(error[wrong])) | np.isnan(error))
        at, entry = list(worst[: z.ndim]), list(worst[z.ndim :])
        maker = "" if z.grad_fn is None else f" The output comes from {z.grad_fn.name()}."
        raise GradcheckError(
            f"{self.name}: Jacobian mismatch for {self.output_name(j)} with respect to "
            f"{self.input_names[i]}: {np.count_nonzero(wrong)} of {wrong.size} entries are wrong. The worst "
            f"is d {self.output_name(j)}{at} / d {self.input_names[i]}{entry}: "
            f"analytical: {'no gradient (None)' if rule is None else given[worst]}, "
            f"numerical: {difference[worst]}, a difference of {given[worst] - difference[worst]:.3g} where "
            f"{allowed[worst]:.3g} is allowed.{maker} {self.cause(given, difference, wrong, worst, i, j, z)}"
        )

    def cause(
        self,
        rule: Array,
        difference: Array,
        wrong: Array,
        worst: tuple[int, ...],
        i: int,
        j: int,
        z: Tensor,
    ) -> str:
        """What usually makes a Jacobian wrong in this way."""
        if not np.isfinite([rule[worst], difference[worst]]).all():
            return "The function or its gradient is nan or infinite there: check it at another point."
        x, at, entry = self.inputs[i].array, worst[: z.ndim], worst[z.ndim :]
        here = z.array[at]
        right = (self.moved(x, entry, self.eps)[j][at] - here) / self.eps
        left = (here - self.moved(x, entry, -self.eps)[j][at]) / self.eps
        if abs(right - left) > 0.01 * max(abs(right), abs(left)) + self.atol:
            return (
                f"The function has a kink or a jump there (slope {left:.6g} to the left, {right:.6g} to the "
                "right), where a difference says nothing: check it at another point."
            )
        if not rule[wrong].any():
            return (
                "No gradient arrives: look for detach(), .data, .item() or no_grad() in the function, or for "
                "a rule that is missing."
            )
        ratio = rule[wrong] / difference[wrong]
        typical = float(np.median(ratio))
        if not np.allclose(ratio, typical, rtol=1e-4, atol=0):
            return "Check the rule of each operation in the function by itself."
        if abs(typical + 1) < 1e-4:
            return "The sign is wrong."
        return (
            f"Every wrong entry is {typical:.6g} times what it should be: a factor is missing, or too many."
        )

    def refuse_random(self, first: Array, second: Array, what: str) -> None:
        """Raise if the same computation gave two results."""
        apart = ~((np.abs(first - second) <= self.nondet_tol) | (first == second) | np.isnan(first + second))
        if apart.any():
            entry = first_true(apart)
            raise GradcheckError(
                f"{self.name}: the function is not deterministic: for the same inputs {what} "
                f"{first[entry]} and then {second[entry]}, at entry {list(entry)}. Seed its random numbers "
                "inside the function, or switch dropout off"
            )

    def refuse_nonlinear(self, g: Array, jacobian: Array, d: Array, i: int, j: int) -> None:
        """Raise unless what g gives is the sum of what its entries give: rules are linear in g."""
        expected = np.tensordot(g, jacobian, g.ndim)
        allowed = self.atol + 1e-9 * np.tensordot(np.abs(g), np.abs(jacobian), g.ndim)
        apart = np.abs(d - expected) > allowed  # terms that cancel leave their rounding, also where J is 0
        if apart.any():
            entry = first_true(apart)
            raise GradcheckError(
                f"{self.name}: Backward is not multiplied by grad_output: {self.pair(i, j)} is not linear in "
                f"the cotangent, at entry {list(entry)} it is {d[entry]} where the entries of the cotangent "
                f"one by one give {expected[entry]}. A rule is g times something that does not depend on g"
            )

    def refuse_blind(
        self, i: int, rules: list[Array | None], differences: list[Array], at: list[Array]
    ) -> None:
        """Raise if a wrong gradient would have passed too: it is None, or within the tolerance of 0."""
        name = self.input_names[i]
        if self.inputs[i].numel() and all(rule is None for rule in rules):
            raise GradcheckError(
                f"{self.name}: {name} requires grad, but the function does not use it: its gradient is None. "
                "Leave it out, or check that the function really computes with its arguments"
            )
        size = largest(differences)
        if 1e-15 / self.eps * largest(at) < size <= self.atol:  # more than rounding, less than tolerance
            raise GradcheckError(
                f"{self.name}: the gradient with respect to {name} is at most {size:.3g}, within "
                f"atol={self.atol:.3g} of 0, so a wrong one would pass: multiply the function's result by a "
                "constant, or pass a smaller atol"
            )


def as_list(inputs: Any) -> list[Any]:
    """One tensor or a sequence of arguments, as a list."""
    return listed(inputs, "gradcheck", "inputs")


def outputs_of(result: Any) -> list[Tensor]:
    """One tensor or a sequence of them, as a list. Raises TypeError if a function returned something else."""
    outputs = [result] if isinstance(result, Tensor) else result
    if not isinstance(outputs, list | tuple) or not all(isinstance(z, Tensor) for z in outputs):
        raise located.TypeError(
            f"gradcheck: the function must return a Tensor or a tuple of Tensors, not {type(result).__name__}"
        )
    return list(outputs)


def requires_grad(x: Any) -> bool:
    """Whether `x` is a tensor to check."""
    return isinstance(x, Tensor) and x.requires_grad


def values(tensors: list[Tensor]) -> list[Array]:
    """Copies of the values: an output may be a view of an input that is about to be moved."""
    return [z.array.copy() for z in tensors]


def random_cotangent(rng: np.random.Generator, z: Tensor) -> Array:
    """Numbers of either sign, shaped like `z`, of size 0.5 to 1.5: none so small that it hides an error."""
    return np.asarray(rng.uniform(0.5, 1.5, z.shape) * rng.choice([-1.0, 1.0], z.shape))


def largest(arrays: list[Array]) -> float:
    """The largest size of any number in the arrays; 0 if there is none."""
    return max((float(np.abs(array).max()) for array in arrays if array.size), default=0.0)
