"""The fast form of compiled steps: what it shares, puts side by side, and cuts in pieces has eager bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
import nn

from .test_compile import bits, data, replays, run, training

pytestmark = pytest.mark.filterwarnings("ignore::autodiff.SuspiciousWarning")


def function_of(step):
    """The function that a compiled step replays, as text."""
    (program,) = next(iter(step.programs.values()))
    return program.text_of_function


@pytest.mark.parametrize("chosen", range(4))
def test_gradients_side_by_side_are_each_their_own(chosen):
    """One product serves all; yet each gradient that somebody has looked at stays what it was."""
    held: list[Any] = []

    def look(i, model, optimizer):
        p = list(model.parameters())[chosen]
        if p.grad is not None and i % 2:
            held.append((p.grad, bits(p.grad)))
        for grad, before in held:
            assert bits(grad) == before

    assert run("xor", True, 9, look) == run("xor", False, 9, look)
    assert held
    *_, step = training("xor", autodiff.compile)
    for _ in range(4):
        step()
    assert function_of(step).count("_joint") == 1


def test_a_change_of_one_gradient_is_no_change_of_another():
    w, v = data((3,)).requires_grad_(), data((4,)).requires_grad_()
    optimizer = nn.optim.SGD([w, v], lr=0.1)

    @autodiff.compile
    def step():
        optimizer.zero_grad()
        loss = (w * w).sum() + (v * v).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step()
    assert replays(step) == 1
    x = data((3,)).requires_grad_()
    graph = (x * w.grad).sum()
    v.grad.mul_(2)
    graph.backward()
    np.testing.assert_array_equal(x.grad, w.grad)
    graph = (x * w.grad).sum()
    w.grad.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        graph.backward()


def test_new_options_need_no_new_program():
    model, optimizer, _, _, step = training("xor", autodiff.compile)
    other, eager_optimizer, _, _, eager = training("xor")
    for i in range(12):
        for each in (optimizer, eager_optimizer):
            each.param_groups[0]["lr"] = 0.5 / (i + 1)
        assert bits(step()) == bits(eager())
    assert replays(step) == 1 and bits(model.state_dict()) == bits(other.state_dict())


@pytest.mark.parametrize("name", ["CNN", "AdamW"])
def test_what_an_optimizer_remembers_may_be_replaced(name):
    def forget(i, model, optimizer):
        if i == 4:
            optimizer.state.clear()
        if i == 6:
            for entry in optimizer.state.values():
                for key in entry:
                    entry[key] = entry[key] * 0.5

    assert run(name, True, 9, forget) == run(name, False, 9, forget)


def test_an_attribute_that_hides_a_method_is_seen():
    def shadow(i, model, optimizer):
        if i == 4:
            model[1].forward = lambda x: x * 2
        if i == 6:
            del model[1].forward

    assert run("xor", True, 9, shadow) == run("xor", False, 9, shadow)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_cotangents_of_parts_are_put_side_by_side(order):
    x, w = data((3, 4, 5)).requires_grad_(), data((4, 5), 1)

    def step():
        x.grad = None
        y = x.permute(0, 2, 1)
        parts = [y[i] for i in order]
        a, b, c = (-(part.T) * 0 if i == 1 else part.T for i, part in enumerate(parts))
        loss = ((a * w).tanh() * b + c * c).sum()
        loss.backward()
        return loss.detach()

    compiled = autodiff.compile(step)
    for i in range(5):
        x.data[...] = data((3, 4, 5), i)
        assert bits([compiled(), x.grad]) == bits([step(), x.grad])
    (program,) = next(iter(compiled.programs.values()))
    assert any(line.function.__name__ == "side_by_side" for line in program.program.lines)


def test_numbers_computed_from_sums():
    w = data((6,)).requires_grad_()

    def step(x):
        w.grad = None
        y = w * x
        loss = -(y.sum() / 3 - 2 * y.max()) * (y * y).sum() + y.prod()
        loss.backward()
        return loss, loss.detach() * y.detach(), w.grad

    compiled = autodiff.compile(step)
    for i in range(5):
        assert bits(compiled(data((6,), i))) == bits(step(data((6,), i)))
    assert replays(compiled) == 1


def test_a_convolution_of_what_is_changed_in_between():
    x, w = data((2, 1, 6, 6)), data((3, 1, 3, 3)).requires_grad_()

    def step():
        w.grad = None
        y = autodiff.conv2d(x, w, padding=1).square().sum()
        y.backward()
        with autodiff.no_grad():
            x.mul_(0.5)
        return y.detach() + autodiff.conv2d(x, w.detach(), padding=1).sum(), w.grad

    found = []
    for function in (compiled := autodiff.compile(step), step):
        x.data[...] = data((2, 1, 6, 6))
        found.append([bits(function()) for _ in range(6)])
    assert found[0] == found[1] and replays(compiled) == 1


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        *((1, {}), (1, {"stride": 2}), (3, {"stride": 2, "padding": 1}), (3, {}), (6, {})),
        *((3, {"padding": 1, "dilation": 2}), (3, {"padding": 1, "groups": 2})),
    ],
)
def test_convolutions(kernel, options):
    """Two in turn, with other work between, so that memory that is used again too early would show."""
    groups = options.get("groups", 1)
    x, v = data((2, 4, 6, 6)).requires_grad_(), data((4, 4, 1, 1), 2).requires_grad_()
    w = data((4, 4 // groups, kernel, kernel), 1).requires_grad_()

    def step():
        x.grad = w.grad = v.grad = None
        y = autodiff.conv2d(x, w, **options)
        z = autodiff.conv2d(y.tanh(), v) * y + y
        loss = (z * z).sum() + (y * 0.5).exp().mean()
        loss.backward()
        return loss, y.detach(), z.detach()

    compiled = autodiff.compile(step)
    for i in range(5):
        x.data[...] = data((2, 4, 6, 6), i)
        found = [
            bits([function(), x.grad.detach().clone(), w.grad.detach().clone(), v.grad.detach().clone()])
            for function in (compiled, step)
        ]
        assert found[0] == found[1]
    assert replays(compiled) == 1


def test_masks_of_large_arrays_are_products():
    """`np.where` takes ten times as long on a mask without pattern."""
    w = data((40, 40)).requires_grad_()

    @autodiff.compile
    def step():
        w.grad = None
        loss = w.relu().sum()
        loss.backward()
        return loss

    for _ in range(4):
        step()
    (program,) = next(iter(step.programs.values()))
    assert np.where not in [line.function for line in program.program.lines]
