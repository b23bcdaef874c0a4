"""detect_anomaly names the operation that made the first nan or infinity; healthy programs pass."""

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn
from autodiff import tensor
from autodiff.primitive import Primitive, registry

INF = float("inf")


def data(*entries: float) -> Any:
    return tensor(list(entries), requires_grad=True)


class Bad(autodiff.autograd.Function):
    """A function whose backward is wrong."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return tensor(g.numpy() * np.nan)


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "log of 0": (
        lambda: data(1.0, 0.0).log(),
        r"log made -inf in its result, float32 \(2,\), at \[1\], where its input is 0. .*clamp",
    ),
    "log of -1": (lambda: data(-1.0).log(), r"log made nan .* where its input is -1"),
    "exp overflows": (
        lambda: data(0.0, 400.0).exp(),
        r"exp made inf .* at \[1\], where its input is 400\. e\^x overflows float32 above 88\.7",
    ),
    "0 * inf": (
        lambda: data(0.0) * tensor([INF]),
        r"mul made nan .* argument 0 is 0, its argument 1 is inf\. 0 · inf is nan",
    ),
    "inf - inf": (lambda: data(INF) - data(INF), r"sub made nan .* argument 0 is inf, its argument 1 is inf"),
    "1 / 0": (lambda: 1 / data(0.0), r"div made inf .*Division by 0"),
    "a product overflows": (lambda: data(1e30) * 1e30, r"mul made inf .*In mul\(float32 \(1,\), 1e\+30\)"),
    "in place": (lambda: (data(1.0) * 1e30).mul_(1e30), r"mul made inf"),
    "a sum overflows": (lambda: (data(3e38, 3e38)).sum(), r"sum made inf .* lies between 3e\+38 and 3e\+38"),
    "nan in the data": (
        lambda: data(1.0, np.nan) * 2,
        r"mul was given nan: its argument 0, float32 \(2,\), has 1 of them, at \[1\]",
    ),
    "a loss": (lambda: nn.functional.mse_loss(data(1e30), data(0.0)), r"mse_loss made inf"),
    "a layer": (lambda: nn.Linear(2, 1)(tensor([[1.0, np.nan]])), r"linear was given nan"),
    "sqrt at 0": (
        lambda: data(0.0, 4.0).sqrt().sum().backward(),
        r"'SqrtBackward0' returned inf values in its 0th output.*z̄ / \(2 · z\).*slope of the root",
    ),
    "sqrt at 0 under where": (
        lambda: (lambda x: autodiff.where(x > 0, x.sqrt(), 0.0).sum().backward())(data(0.0, 4.0)),
        r"'SqrtBackward0' returned nan .*at \[0\], where its input is 0.*where\(ok, x, 1\)",
    ),
    "a norm by hand at 0": (
        lambda: (data(0.0, 0.0) ** 2).sum().sqrt().backward(),
        r"'SqrtBackward0' returned inf",
    ),
    "a power": (
        lambda: (data(0.0) ** 0.5).sum().backward(),
        r"'PowConstantBackward0' returned inf .*x\^\(−0\.5\)",
    ),
    "a rule read on tensors": (
        lambda: autodiff.grad(((x := data(0.0)) ** 0.5).sum(), x, create_graph=True),
        r"'PowConstantBackward0' returned inf",
    ),
    "a Function's backward": (
        lambda: Bad.apply(data(1.0)).sum().backward(),
        r"'BadBackward0' returned nan values",
    ),
    "a checkpoint": (
        lambda: autodiff.checkpoint(lambda x: x.sqrt(), data(0.0)).sum().backward(),
        r"'SqrtBackward0' returned inf",
    ),
    "the gradient given": (
        lambda: data(1.0).sum().backward(tensor(np.nan)),
        r"gradient that reached sum is nan already",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_operation_is_named(name: str) -> None:
    program, words = CASES[name]
    with pytest.raises(RuntimeError) as caught, autodiff.detect_anomaly():
        program()
    assert re.search(words, str(caught.value)), str(caught.value)
    assert "your line: " in str(caught.value) and "test_anomaly.py" in str(caught.value)


def test_the_lines_of_both_passes_are_named() -> None:
    x = data(0.0)
    with autodiff.detect_anomaly():
        root = x.sqrt()  # the forward pass
        with pytest.raises(
            RuntimeError, match=r"Computed at .*root = x\.sqrt\(\)  # the forward pass"
        ) as caught:
            root.sum().backward()  # the backward pass
    assert "# the backward pass" in str(caught.value)
    early = data(0.0).sqrt()
    with autodiff.detect_anomaly(), pytest.raises(RuntimeError, match="Computed before the watch began"):
        early.sum().backward()


def test_the_module_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), nn.Linear(2, 1)))
    with autodiff.no_grad():
        model[1][1].weight.fill_(3e38)
        model[1][1].bias.fill_(3e38)
        model[0].bias.fill_(9.0)
    with autodiff.detect_anomaly(), pytest.raises(RuntimeError, match="linear made inf") as caught:
        model(autodiff.ones(4, 2))
    assert "in model.1.1: Linear(in_features=2, out_features=1, bias=True), given" in str(caught.value)


class Root(nn.Module):
    """A module whose slope is infinite at 0."""

    def forward(self, x: Any) -> Any:
        return x.sqrt()


def test_the_module_of_the_forward_pass_is_named_in_the_backward_pass() -> None:
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Sequential(nn.ReLU(), Root()))
    with autodiff.detect_anomaly():
        loss = net(autodiff.zeros(1, 2)).sum()
        with pytest.raises(RuntimeError, match=r"Computed in net\.1\.1, at .*return x\.sqrt\(\)"):
            loss.backward()


def test_pytorchs_words_for_a_backward_nan() -> None:
    x = torch.zeros(1, requires_grad=True)
    with pytest.warns(UserWarning), torch.autograd.detect_anomaly(), pytest.raises(RuntimeError) as theirs:
        torch.where(x > 0, x.sqrt(), torch.zeros(1)).sum().backward()
    y = data(0.0)
    with autodiff.detect_anomaly(), pytest.raises(RuntimeError) as ours:
        autodiff.where(y > 0, y.sqrt(), autodiff.zeros(1)).sum().backward()
    assert str(ours.value).startswith(str(theirs.value).rstrip())


HEALTHY: dict[str, Callable[[], Any]] = {
    "a norm at 0": lambda: data(0.0, 0.0).norm().backward(),
    "a mask of -inf": lambda: (
        data(1.0, 2.0).masked_fill(tensor([True, False]), -INF).softmax(0).sum().backward()
    ),
    "a mask of -inf, added": lambda: (data(1.0, 2.0) + tensor([0.0, -INF])).log_softmax(0)[0].backward(),
    "cross entropy of certain logits": lambda: nn.functional.cross_entropy(
        data(1e4, 0.0), tensor(1)
    ).backward(),
    "BCE of a certain mistake": lambda: nn.functional.binary_cross_entropy(
        data(0.0), tensor([1.0])
    ).backward(),
    "logsumexp": lambda: data(1000.0, -INF).logsumexp(0).backward(),
    "an extreme over -inf": lambda: data(-INF, 1.0).max().backward(),
    "nan is asked about": lambda: autodiff.where(data(np.nan).isnan(), 0.0, 1.0),
    "integers": lambda: tensor([1, 2]) // tensor([2, 1]),
    "attention": lambda: nn.functional.scaled_dot_product_attention(
        autodiff.ones(1, 3, 2), autodiff.ones(1, 3, 2), autodiff.ones(1, 3, 2), is_causal=True
    ),
    "a pooled corner": lambda: nn.functional.max_pool2d(autodiff.ones(1, 1, 4, 4), 3, padding=1),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_programs_pass(name: str) -> None:
    with autodiff.detect_anomaly():
        HEALTHY[name]()


def test_what_is_computed_is_the_same() -> None:
    def train() -> Any:
        autodiff.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 2))
        optimizer = nn.optim.Adam(model.parameters())
        x, y = autodiff.randn(8, 3), autodiff.arange(8) % 2
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return [p.detach().numpy() for p in model.parameters()]

    plain = train()
    with autodiff.detect_anomaly():
        watched = train()
    for a, b in zip(plain, watched, strict=True):
        np.testing.assert_array_equal(a, b)


def ways() -> list[Any]:
    """Everything that the watch replaces."""
    classes: list[Any] = [Primitive]
    for cls in classes:
        classes += cls.__subclasses__()
    return [
        *(vars(cls).get("__call__") for cls in classes),
        *(op.vjps for op in registry.values()),
        autodiff.gradients.pullback,
        autodiff.inplace._at_once,
        autodiff.autograd.application.finished,
        vars(autodiff.ops.losses.Loss)["of"],
    ]


def test_nothing_is_left_behind() -> None:
    before = ways()
    with pytest.raises(RuntimeError), autodiff.detect_anomaly():
        data(0.0).sqrt().sum().backward()
    with autodiff.detect_anomaly():
        with autodiff.detect_anomaly():
            assert autodiff.is_anomaly_enabled()
        assert autodiff.is_anomaly_enabled()
        with autodiff.set_detect_anomaly(False):
            data(0.0).log()
    assert not autodiff.is_anomaly_enabled()
    assert all(a is b for a, b in zip(before, ways(), strict=True))
    data(0.0).log()


def test_it_can_be_switched() -> None:
    autodiff.set_detect_anomaly(True)
    try:
        with pytest.raises(RuntimeError, match="log made -inf"):
            data(0.0).log()
    finally:
        autodiff.set_detect_anomaly(False)
    data(0.0).log()


def test_without_check_nan_errors_still_name_the_forward_line() -> None:
    with autodiff.detect_anomaly(check_nan=False):
        x = data(0.0)
        x.log().sum().backward()
        y = Wrong.apply(x)  # here
        with pytest.raises(ZeroDivisionError) as caught:
            y.sum().backward()
    assert "y = Wrong.apply(x)  # here" in caught.value.__notes__[0]


class Wrong(Bad):
    """A function whose backward fails."""

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        raise ZeroDivisionError


def test_each_thread_watches_for_itself() -> None:
    found: list[Any] = []
    with autodiff.detect_anomaly():
        thread = threading.Thread(
            target=lambda: found.append((autodiff.is_anomaly_enabled(), data(0.0).log()))
        )
        thread.start()
        thread.join()
    assert not found[0][0] and found[0][1].item() == -INF


def test_formulas_are_read_as_ever_while_watching() -> None:
    plain = autodiff.explain("sqrt").text
    with autodiff.detect_anomaly():
        assert autodiff.explain("sqrt").text == plain


# Compiled -------------------------------------------------------------------------------------------------


def test_a_compiled_step_is_watched() -> None:
    w = data(1.0, 1.0)
    optimizer = nn.optim.SGD([w], lr=0.0)

    @autodiff.compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = autodiff.where(x > 0, (w * x).sqrt(), 0.0).sum() + (w * x + 1).log().sum()
        loss.backward()
        optimizer.step()
        return loss

    good = tensor([1.0, 2.0])
    before = [step(good).item() for _ in range(4)]
    with autodiff.detect_anomaly():
        assert step(good).item() == before[0] and step.repeat(2, good).shape == (2,)
        with pytest.raises(RuntimeError, match="The gradient of argument 0 of sqrt"):
            step(tensor([0.0, 1.0]))
        with pytest.raises(RuntimeError, match="sqrt made nan in its result"):
            step.repeat(2, tensor([-1.0, 1.0]))
    assert step(good).item() == before[0]
