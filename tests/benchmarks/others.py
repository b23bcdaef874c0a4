"""NumPy by hand, and MyGrad, HIPS autograd, JAX and micrograd if installed, on the small networks.

Each trains the same perceptron on the same data from the same weights, written as that library's users
write it, with the gradient step by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

Parameters = list[Any]


class Problem(NamedTuple):
    """Weights (out, in) and biases, layer by layer; data; what lies between layers; what is minimized."""

    parameters: list[np.ndarray[Any, Any]]
    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    hidden: str  # "sigmoid" or "relu"
    logits: bool  # binary cross-entropy of the logits, or else the squared error of their sigmoid
    rate: float


def problem(workload: str) -> Problem:
    """The workload of this name in plain arrays."""
    import autodiff
    import nn

    from .workloads import normal

    if workload == "xor":
        autodiff.manual_seed(42)
        layers = [nn.Linear(2, 4), nn.Linear(4, 1)]
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        y, hidden, logits = np.array([[0], [1], [1], [0]], np.float32), "sigmoid", False
    else:
        autodiff.manual_seed(0)
        layers = [nn.Linear(2, 16), nn.Linear(16, 1)]
        x = normal(autodiff, 400, 2).numpy()
        y = (np.random.default_rng(1).random((400, 1)) < 0.5).astype(np.float32)
        hidden, logits = "relu", True
    parameters = [p.detach().numpy() for layer in layers for p in layer.parameters()]
    return Problem(parameters, x, y, hidden, logits, 0.1)


def forward(np: Any, parameters: Parameters, problem: Problem) -> Any:
    """The loss of two layers, in the words of a library that speaks NumPy's."""
    w1, b1, w2, b2 = parameters
    z = problem.x @ w1.T + b1
    h = 1 / (1 + np.exp(-z)) if problem.hidden == "sigmoid" else np.maximum(z, 0)
    out = h @ w2.T + b2
    if problem.logits:
        return (np.maximum(-out, 0) + np.log1p(np.exp(-np.abs(out))) + (1 - problem.y) * out).mean()
    return ((1 / (1 + np.exp(-out)) - problem.y) ** 2).mean()


def numpy(workload: str) -> Callable[[], Any]:
    """What a student writes who needs no engine: what remains when all that an engine does is left out."""
    given = problem(workload)
    x, y = given.x, given.y
    parameters = w1, b1, w2, b2 = [p.copy() for p in given.parameters]

    def step() -> Any:
        z = x @ w1.T + b1
        h = 1 / (1 + np.exp(-z)) if given.hidden == "sigmoid" else np.maximum(z, 0)
        out = h @ w2.T + b2
        p = 1 / (1 + np.exp(-out))
        if given.logits:
            loss = (np.maximum(-out, 0) + np.log1p(np.exp(-np.abs(out))) + (1 - y) * out).mean()
            d_out = (p - y) / len(x)
        else:
            loss = ((p - y) ** 2).mean()
            d_out = 2 / len(x) * (p - y) * p * (1 - p)
        d_z = d_out @ w2 * (h * (1 - h) if given.hidden == "sigmoid" else z > 0)
        gradients = d_z.T @ x, d_z.sum(0), d_out.T @ h, d_out.sum(0)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= given.rate * gradient
        return loss

    return step


def numpy_into_buffers(workload: str) -> Callable[[], Any]:
    """The same with `out=` everywhere, one operation a line: what a compiled step can hope for."""
    given = problem(workload)
    x, y, sigmoids, logits = given.x, given.y, given.hidden == "sigmoid", given.logits
    parameters = w1, b1, w2, b2 = [p.copy() for p in given.parameters]
    gradients = d_w1, d_b1, d_w2, d_b2 = [np.empty_like(p) for p in parameters]
    h, d_h, slope = (np.empty((len(x), len(w1)), np.float32) for _ in range(3))
    out, p, d_out, t, u = (np.empty((len(x), 1), np.float32) for _ in range(5))
    positive, column = np.empty(h.shape, bool), np.ones(len(x), np.float32)
    zero, one, rate, scale = (
        np.array(k, np.float32) for k in (0, 1, given.rate, (1 if logits else 2) / len(x))
    )

    def sigmoid(z: Any, into: Any) -> None:
        np.negative(z, into)
        np.exp(into, into)
        np.add(into, one, into)
        np.reciprocal(into, into)

    def step() -> Any:
        np.dot(x, w1.T, h)
        np.add(h, b1, h)
        if sigmoids:
            sigmoid(h, h)
        else:
            np.maximum(h, zero, out=h)
        np.dot(h, w2.T, out)
        np.add(out, b2, out)
        sigmoid(out, p)
        np.subtract(p, y, d_out)
        if logits:
            np.abs(out, t)
            np.negative(t, t)
            np.exp(t, t)
            np.log1p(t, t)
            np.negative(out, u)
            np.maximum(u, zero, out=u)
            np.add(t, u, t)
            np.subtract(one, y, u)
            np.multiply(u, out, u)
            np.add(t, u, t)
            loss = np.add.reduce(t, None) / len(x)
            np.multiply(d_out, scale, d_out)
        else:
            loss = d_out[:, 0].dot(d_out[:, 0]) / len(x)
            np.multiply(d_out, scale, d_out)
            np.multiply(d_out, p, d_out)
            np.subtract(one, p, t)
            np.multiply(d_out, t, d_out)
        np.dot(d_out.T, h, d_w2)
        np.dot(column, d_out, d_b2)
        np.dot(d_out, w2, d_h)
        if sigmoids:
            np.multiply(d_h, h, d_h)
            np.subtract(one, h, slope)
            np.multiply(d_h, slope, d_h)
        else:
            np.greater(h, zero, positive)
            np.multiply(d_h, positive, d_h)
        np.dot(d_h.T, x, d_w1)
        np.dot(column, d_h, d_b1)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            np.multiply(gradient, rate, gradient)
            np.subtract(parameter, gradient, parameter)
        return loss

    return step


def mygrad(workload: str) -> Callable[[], Any]:
    import mygrad as mg

    given = problem(workload)
    parameters = [mg.tensor(p) for p in given.parameters]

    def step() -> Any:
        loss = forward(mg, parameters, given)
        loss.backward()
        for p in parameters:
            p.data -= given.rate * p.grad
            p.null_grad()
        return loss

    return step


def autograd(workload: str) -> Callable[[], Any]:
    import autograd.numpy as anp
    from autograd import value_and_grad

    given = problem(workload)
    parameters = [p.copy() for p in given.parameters]
    gradient = value_and_grad(lambda parameters: forward(anp, parameters, given))

    def step() -> Any:
        loss, gradients = gradient(parameters)
        for p, g in zip(parameters, gradients, strict=True):
            p -= given.rate * g
        return loss

    return step


def jax(workload: str) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    given = problem(workload)
    parameters = [jnp.asarray(p) for p in given.parameters]
    gradient = jax.value_and_grad(lambda parameters: forward(jnp, parameters, given))

    @jax.jit
    def update(parameters: Parameters) -> Any:
        loss, gradients = gradient(parameters)
        return loss, [p - given.rate * g for p, g in zip(parameters, gradients, strict=True)]

    def step() -> Any:
        nonlocal parameters
        loss, parameters = update(parameters)
        return loss

    return step


def micrograd(workload: str) -> Callable[[], Any]:
    from micrograd.engine import Value

    given = problem(workload)
    parameters = [np.vectorize(Value, otypes=[object])(p) for p in given.parameters]

    def exp(z: Any) -> Any:  # the engine has no exponential of its own: the rule written out
        out = Value(np.exp(z.data), (z,), "exp")

        def backward() -> None:
            z.grad += out.data * out.grad

        out._backward = backward
        return out

    def step() -> Any:
        w1, b1, w2, b2 = parameters
        for p in parameters:
            for value in p.reshape(-1):
                value.grad = 0
        total = Value(0.0)
        for row, target in zip(given.x, given.y[:, 0], strict=True):
            h = [(1 + exp(-z)) ** -1 for z in w1 @ row + b1]
            out = (1 + exp(-(w2 @ np.array(h) + b2)[0])) ** -1
            total = total + (out + -float(target)) ** 2
        loss = total * (1 / len(given.x))
        loss.backward()
        for p in parameters:
            for value in p.reshape(-1):
                value.data -= given.rate * value.grad
        return np.asarray(loss.data)

    return step


LIBRARIES = {
    each.__name__: partial(partial, each)
    for each in (numpy, numpy_into_buffers, mygrad, autograd, jax, micrograd)
}

KNOWN = {
    "xor": ["numpy", "numpy_into_buffers", "mygrad", "autograd", "jax", "micrograd"],
    "moons": ["numpy", "numpy_into_buffers", "mygrad", "autograd", "jax"],
}
"""Which of them are asked to do what; 400 points are too many for an engine of single numbers."""
