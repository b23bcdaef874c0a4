"""Functions with a forward and a backward of the user's, and computing again: as under PyTorch."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

import autodiff

from .against_torch import assert_like_torch
from .both import both, grad
from .strategies import arrays, signed_unit

# The same Functions under both libraries -------------------------------------------------------------------


def functions(lib: ModuleType) -> dict[str, Any]:
    """One of each kind."""
    base = lib.autograd.Function
    once = once_differentiable if lib is torch else autodiff.autograd.once_differentiable

    class Cube(base):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * g

    class Exp(base):  # saves its output
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return y * g

    class Power(base):  # in the other style, with an argument that is no tensor
        @staticmethod
        def forward(x, n, scale):
            return x**n * scale

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, n, scale = inputs
            ctx.n = n
            ctx.save_for_backward(x, scale)

        @staticmethod
        def backward(ctx, g):
            x, scale = ctx.saved_tensors
            return g * ctx.n * x ** (ctx.n - 1) * scale, None, (g * x**ctx.n)

    class Both(base):  # two outputs, one of which is saved, and a broadcast
        @staticmethod
        def forward(ctx, x, y):
            s, p = x.sin() * y, x * y
            ctx.save_for_backward(x, y, s)
            return s, p

        @staticmethod
        def backward(ctx, g, h):
            x, y, s = ctx.saved_tensors
            return g * x.cos() * y + h * y, g * x.sin() + h * x + 0 * s

    class SinAndTwice(base):
        @staticmethod
        def forward(ctx, x):
            y = x.sin()
            ctx.save_for_backward(x, y)
            return y, 2 * y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            return (g + 2 * h) * (1 - y * y) / x.cos()

    class Reverse(base):  # returns its input
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return -g

    class Sorted(base):  # the second output has no gradient
        @staticmethod
        def forward(ctx, x):
            i = x.argsort()
            ctx.mark_non_differentiable(i)
            ctx.save_for_backward(i)
            return x[i], i

        @staticmethod
        def backward(ctx, g, _):
            (i,) = ctx.saved_tensors
            return lib.zeros_like(g).scatter(0, i, g)

    class Once(base):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @once
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    return {name: value for name, value in locals().items() if isinstance(value, type) and value is not base}


OURS, THEIRS = functions(autodiff), functions(torch)
REAL = arrays((3,), signed_unit)
ROWS: dict[str, Callable[[Any, Any], Any]] = {
    "Cube": lambda F, x: F["Cube"].apply(x),
    "Cube twice": lambda F, x: F["Cube"].apply(F["Cube"].apply(x) + x),
    "Exp": lambda F, x: F["Exp"].apply(x),
    "Power": lambda F, x: F["Power"].apply(x, 3, x[0]),
    "Power of a constant": lambda F, x: F["Power"].apply(x.detach(), 3, x),
    "Both": lambda F, x: F["Both"].apply(x, x.flip(0)),
    "Both, broadcast": lambda F, x: F["Both"].apply(x, x[:1]),
    "Both, one used": lambda F, x: F["Both"].apply(x, x)[1],
    "SinAndTwice": lambda F, x: F["SinAndTwice"].apply(x),
    "SinAndTwice, one used": lambda F, x: F["SinAndTwice"].apply(x)[0],
    "Reverse": lambda F, x: F["Reverse"].apply(x) * x,
    "Sorted": lambda F, x: F["Sorted"].apply(x)[0] * x,
}


@pytest.mark.parametrize("name", list(ROWS))
@given(x=REAL)
def test_values_and_derivatives(name: str, x: np.ndarray) -> None:
    row = ROWS[name]
    assert_like_torch(lambda x: row(OURS, x), lambda x: row(THEIRS, x), (x,), (0,))


@pytest.mark.parametrize("name", list(ROWS))
def test_gradcheck_sees_them(name: str) -> None:
    x = autodiff.tensor([0.3, -0.7, 0.5], dtype=autodiff.float64, requires_grad=True)
    if name in ("Reverse", "Power of a constant"):  # what backward says is not the derivative
        with pytest.raises(RuntimeError, match="Jacobian mismatch"):
            autodiff.gradcheck(lambda x: ROWS[name](OURS, x), x)
    else:
        assert autodiff.gradcheck(lambda x: ROWS[name](OURS, x), x)
        assert autodiff.gradgradcheck(lambda x: ROWS[name](OURS, x), x)


def test_a_picture_shows_them() -> None:
    x = autodiff.tensor([0.3, -0.7], requires_grad=True)
    y = OURS["Cube"].apply(x)
    assert repr(y.grad_fn).startswith("<CubeBackward")
    assert "grad_fn=<CubeBackward>" in repr(y)
    source = autodiff.draw(y.sum()).dot
    assert "Cube" in source
    assert "0.27" in source  # the gradient that its backward gives
    assert "SinAndTwice" in autodiff.draw(OURS["SinAndTwice"].apply(x)[0].sum()).dot


# What backward is handed, and may return -------------------------------------------------------------------


def made(lib: ModuleType, forward: Any, backward: Any) -> Any:
    return type(
        "Made",
        (lib.autograd.Function,),
        {"forward": staticmethod(forward), "backward": staticmethod(backward)},
    )


@both
def test_needs_input_grad(lib):
    seen = []

    def forward(ctx, *args):
        seen.append((ctx.needs_input_grad, lib.is_grad_enabled()))
        return args[0] * 2

    def backward(ctx, g):
        seen.append((ctx.needs_input_grad, lib.is_grad_enabled()))
        return g * 2, None, None, None

    function = made(lib, forward, backward)
    x, y = lib.ones(2, requires_grad=True), lib.ones(2)
    function.apply(x, y, 3, x).sum().backward()
    with lib.no_grad():
        seen.append(function.apply(x, y, 3, x).requires_grad)
    seen.append(function.apply(y, y, 3, 4).requires_grad)
    return seen, x.grad.tolist()


@both
def test_outputs_that_nothing_used_have_zeros_or_none(lib):
    def forward(ctx, x, materialize):
        ctx.set_materialize_grads(materialize)
        return x * 2, x * 3, "word", x.argmax()

    seen = []

    def backward(ctx, *grads):
        seen.append([g if g is None else g.tolist() for g in grads[:3]])
        g, h = grads[:2]
        return (0 if g is None else 2 * g) + (0 if h is None else 3 * h), None

    function = made(lib, forward, backward)
    for materialize in (True, False):
        for used in ((0,), (1,), (0, 1)):
            x = lib.tensor([1.0, 5.0], requires_grad=True)
            outputs = function.apply(x, materialize)
            assert outputs[2] == "word"
            assert not outputs[3].requires_grad
            sum(outputs[i].sum() for i in used).backward()
            seen.append(x.grad.tolist())
    return seen


@both
def test_a_gradient_may_be_broadcast_and_of_another_dtype(lib):
    function = made(lib, lambda ctx, x: x.double() * lib.ones(2, 3), lambda ctx, g: g)
    x = lib.ones(3, requires_grad=True)
    function.apply(x).sum().backward()
    return x.grad.tolist(), str(x.grad.dtype).removeprefix("torch."), str(function.apply(x).dtype)[-7:]


@both
def test_it_is_called_once_however_many_inputs_and_outputs(lib):
    calls = []

    def backward(ctx, g, h):
        calls.append(1)
        return g + h, g - h, g * 0

    function = made(lib, lambda ctx, x, y, z: (x + y, x - y + 0 * z), backward)
    x, y, z = (lib.ones(2, requires_grad=True) for _ in range(3))
    first, second = function.apply(x, y, z)
    (first * 2 + second).sum().backward(retain_graph=True)
    (first + second).sum().backward()
    return len(calls), [v.grad.tolist() for v in (x, y, z)]


BAD: dict[str, tuple[Any, Any, str]] = {
    "too few": (
        lambda ctx, x, y: x * y,
        lambda ctx, g: g,
        "incorrect number of gradients (expected 2, got 1)",
    ),
    "too many": (lambda ctx, x, y: x * y, lambda ctx, g: (g, g, g), "incorrect number of gradients"),
    "for a number": (
        lambda ctx, x, y: x * 2,
        lambda ctx, g: (g, g),
        "gradient different than None at position 2",
    ),
    "shape": (lambda ctx, x, y: x * 2, lambda ctx, g: (g[:2], None), "invalid gradient at index 0"),
    "smaller": (lambda ctx, x, y: x * 2, lambda ctx, g: (g.sum(), None), "invalid gradient at index 0"),
    "a float": (lambda ctx, x, y: x * 2, lambda ctx, g: (1.0, None), "expected Variable or None"),
}


@pytest.mark.parametrize("case", list(BAD))
@pytest.mark.parametrize("create_graph", [False, True])
def test_wrong_gradients_are_refused(case: str, create_graph: bool) -> None:
    forward, backward, words = BAD[case]
    for lib in (torch, autodiff):
        x = lib.ones(3, requires_grad=True)
        y = lib.ones(3, requires_grad=True) if case in ("too few", "too many") else 2.0
        z = made(lib, forward, backward).apply(x, y)
        with pytest.raises((RuntimeError, TypeError)) as error:
            z.sum().backward(create_graph=create_graph)
        assert words in str(error.value), lib


@both
def test_extra_nones_are_let_pass(lib):
    x = lib.ones(3, requires_grad=True)
    made(lib, lambda ctx, x: x * 2, lambda ctx, g: (g, None, None)).apply(x).sum().backward()
    return x.grad.tolist()


def test_what_is_refused() -> None:
    x = autodiff.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="not instantiated"):
        OURS["Cube"]()
    with pytest.raises(NotImplementedError, match="implement the forward"):
        autodiff.autograd.Function.apply(x)
    with pytest.raises(NotImplementedError, match="implement either the backward"):
        made(autodiff, lambda ctx, x: x * 2, autodiff.autograd.Function.backward).apply(x).sum().backward()
    with pytest.raises(TypeError, match="save_for_backward"):
        made(autodiff, lambda ctx, x: ctx.save_for_backward(3), None).apply(x)
    with pytest.raises(TypeError, match="list of Tensors"):
        made(autodiff, lambda ctx, x: [x * 2], None).apply(x)
    with pytest.raises(NotImplementedError, match="in place"):
        made(autodiff, lambda ctx, x: ctx.mark_dirty(x), None).apply(x)
    with pytest.raises(RuntimeError, match="read-only"):  # it may be another rule's
        made(autodiff, lambda ctx, x: x * 2, lambda ctx, g: g.mul_(2)).apply(x).sum().backward()


@pytest.mark.parametrize("lib", [autodiff, torch])
def test_twice_through_once_is_refused(lib: ModuleType) -> None:
    F = functions(lib)
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    (first,) = grad(lib, F["Once"].apply(x).sum(), x)
    assert first.tolist() == [2, 4]
    (first,) = grad(lib, (F["Once"].apply(x) * x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("lib", [autodiff, torch])
@pytest.mark.parametrize("name, changed", [("Cube", 0), ("Exp", 1)])
def test_a_saved_tensor_that_was_changed_is_refused(lib: ModuleType, name: str, changed: int) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = functions(lib)[name].apply(x)
    with lib.no_grad():
        (x, y)[changed].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("lib", [autodiff, torch])
def test_a_second_time_needs_the_saved_tensors(lib: ModuleType) -> None:
    F = functions(lib)
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = F["Cube"].apply(x)
    y.backward(lib.ones(2))
    with pytest.raises(RuntimeError, match="second time"):
        y.backward(lib.ones(2))


def test_results_own_their_memory() -> None:
    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    y = made(autodiff, lambda ctx, x: x, lambda ctx, g: g).apply(x)
    with autodiff.no_grad():
        y.mul_(10)
    assert x.tolist() == [1, 2]
    constant = autodiff.tensor([5.0, 6.0])
    made(autodiff, lambda ctx, x: x * 1, lambda ctx, g: constant).apply(x).sum().backward()
    x.grad.mul_(0)
    assert constant.tolist() == [5, 6]
    a, b = (autodiff.ones(2, requires_grad=True) for _ in range(2))
    z = made(autodiff, lambda ctx, a, b: a + b, lambda ctx, g: (g, g)).apply(a, b)
    da, db = autodiff.grad(z.sum(), [a, b])
    da.mul_(0)
    assert db.tolist() == [1, 1]


@pytest.mark.parametrize("name", ["Cube", "Exp", "Both", "SinAndTwice", "Sorted", "Once", "Power"])
def test_no_reference_cycles(name: str) -> None:
    args: dict[str, tuple[Any, ...]] = {"Both": (autodiff.ones(2),), "Power": (3, autodiff.ones(2))}
    gc.collect()
    gc.disable()
    try:
        x = autodiff.tensor([1.0, 2.0], requires_grad=True)
        y = OURS[name].apply(x, *args.get(name, ()))
        y = y if isinstance(y, autodiff.Tensor) else y[0]
        (first,) = autodiff.grad(y.sum(), x, create_graph=True)
        ends = [weakref.ref(t) for t in (x, y, first)]
        del x, y, first
        assert [end() for end in ends] == [None, None, None]
    finally:
        gc.enable()


def test_threads_have_their_own_walks() -> None:
    F, results = OURS["Cube"], {}

    def work(n: int) -> None:
        x = autodiff.tensor(float(n), requires_grad=True)
        for _ in range(50):
            (results[n],) = autodiff.grad(F.apply(x), x)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: d.item() for n, d in results.items()} == {n: 3.0 * n**2 for n in range(4)}


# Computing again -------------------------------------------------------------------------------------------


def again(lib: ModuleType, function: Any, *args: Any, **kwargs: Any) -> Any:
    if lib is torch:
        return checkpoint(function, *args, use_reentrant=False, **kwargs)
    return autodiff.checkpoint(function, *args, **kwargs)


W = np.random.default_rng(1).normal(size=(3, 3))


def block(lib: ModuleType, h: Any, w: Any) -> Any:
    return (h @ w).tanh() * h.mean()


CHECKPOINTS: dict[str, Callable[[ModuleType, Any], Any]] = {
    "once": lambda lib, x: again(lib, lambda h: block(lib, h, lib.ones(3, 3).double()), x),
    "nested": lambda lib, x: again(lib, lambda h: again(lib, lambda k: k.exp() * x, h) * h, x * 2),
    "an input made of another": lambda lib, x: again(lib, lambda a, b: a * b + a, x, (x * 2).sin()),
    "what it closes over": lambda lib, x: (lambda y: again(lib, lambda a: a * y + x, x))(x.cos()),
    "two results": lambda lib, x: again(lib, lambda a: (a.sin(), {"cos": a.cos()}["cos"]), x),
    "its own input": lambda lib, x: again(lib, lambda a: a, x.sin()) * x,
    "a chain": lambda lib, x: again(lib, lambda a: a.sin(), again(lib, lambda a: a.exp(), x)),
}


@pytest.mark.parametrize("name", list(CHECKPOINTS))
@given(x=REAL)
def test_computing_again_has_the_same_derivatives(name: str, x: np.ndarray) -> None:
    row = CHECKPOINTS[name]
    second = name not in ("nested",)  # PyTorch does not differentiate that twice
    assert_like_torch(lambda x: row(autodiff, x), lambda x: row(torch, x), (x,), (0,), second)


def test_computing_again_draws_the_same_and_leaves_the_stream_alone() -> None:
    def run(wrap: Any) -> tuple[Any, ...]:
        autodiff.manual_seed(3)
        x = autodiff.ones(1000, requires_grad=True)
        y = wrap(lambda x: autodiff.dropout(x, 0.5, True) * x, x)
        autodiff.rand(3)
        y.sum().backward()
        return y.tolist(), x.grad.tolist(), autodiff.rand(3).tolist()

    assert run(autodiff.checkpoint) == run(lambda function, x: function(x))
    assert run(lambda f, x: autodiff.checkpoint(f, x, use_reentrant=True)) == run(autodiff.checkpoint)


def test_parameters_and_hooks_are_served_once() -> None:
    w = autodiff.tensor([2.0, 3.0], requires_grad=True)
    seen = []
    w.register_hook(lambda g: seen.append(g.tolist()))
    x = autodiff.ones(2)
    autodiff.checkpoint(lambda x: (x * w).exp().sum(), x).backward()
    assert seen == [w.grad.tolist()]
    np.testing.assert_allclose(w.grad.array, np.exp([2, 3]), rtol=1e-6)


def test_it_keeps_nothing_between() -> None:
    kept: list[weakref.ref[Any]] = []

    def function(x: autodiff.Tensor) -> autodiff.Tensor:
        middle = x.exp()
        kept.append(weakref.ref(middle.array))
        return (middle * middle).sum()

    x = autodiff.ones(1000, requires_grad=True)
    y = autodiff.checkpoint(function, x)
    assert kept[0]() is None
    y.backward()
    assert len(kept) == 2
    with autodiff.no_grad():
        assert not autodiff.checkpoint(function, x).requires_grad
    assert not autodiff.checkpoint(function, autodiff.ones(2)).requires_grad


def test_what_computing_again_refuses() -> None:
    x, w = autodiff.ones(2), autodiff.ones(2, requires_grad=True)
    y = autodiff.checkpoint(lambda x: x * w, x)
    with autodiff.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()
    y = autodiff.checkpoint(lambda x: x * w, x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()
    y = autodiff.checkpoint(lambda x: x * w, x)
    w.data = autodiff.ones(2)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()
    y = autodiff.checkpoint(lambda x: x * w, x)
    x.data = autodiff.ones(2)
    with pytest.raises(RuntimeError, match="replaced"):
        y.sum().backward()
    sizes = iter([2, 1])
    y = autodiff.checkpoint(lambda x: (x * w)[: next(sizes)], x)
    with pytest.raises(RuntimeError, match="different metadata"):
        y.sum().backward()
    other = iter([w, autodiff.ones(2, requires_grad=True)])
    y = autodiff.checkpoint(lambda x: x * next(other), x)
    with pytest.raises(RuntimeError, match="other tensors"):
        y.sum().backward()
    y = autodiff.checkpoint(lambda x: x * w, x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()


# backward of several ---------------------------------------------------------------------------------------


@both
def test_backward_of_several(lib):
    x, y = (lib.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    lib.autograd.backward([(x * y).sum(), x * x], [None, lib.tensor([1.0, 10.0])])
    lib.autograd.backward((x * y).sum(), inputs=[y])
    lib.autograd.backward([x, x * 2], [lib.ones(2), lib.ones(2)])
    return x.grad.tolist(), y.grad.tolist()
