"""Compiled steps: the same bits as eager ones, whatever changes between calls; or a warning, and eager."""

from __future__ import annotations

import copy
import inspect
import itertools
import random
import re
import threading
import types
import warnings
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
import nn
from autodiff.compiler import Compiled

from .test_graphs import perform, programs

pytestmark = pytest.mark.filterwarnings("ignore::autodiff.SuspiciousWarning")


def replays(step: Compiled) -> int:
    """How many programs a compiled step has and has run."""
    return sum(program.ready for found in step.programs.values() for program in found)


def bits(tree: Any) -> Any:
    """Tensors as bytes, so that == compares to the bit."""
    if isinstance(tree, autodiff.Tensor):
        return tree.shape, str(tree.dtype), tree.detach().numpy().tobytes()
    if isinstance(tree, (list, tuple)):
        return [bits(part) for part in tree]
    if isinstance(tree, dict):
        return {name: bits(part) for name, part in tree.items()}
    return tree


# random programs --------------------------------------------------------------------------------------------


class Same(NamedTuple):
    """A leaf that is there, where `perform` would make one."""

    x: autodiff.Tensor

    def requires_grad_(self, _):
        return self.x


def leaves_and_step(program):
    """The leaves of a random program, and a step that computes and differentiates it anew."""
    leaves = [
        autodiff.tensor(x).requires_grad_(need)
        for x, need in zip(program.leaves, program.required, strict=True)
    ]

    def step():
        left = [*leaves]
        library = SimpleNamespace(tensor=lambda _: Same(left.pop(0)))
        for x in leaves:
            x.grad = None
        _, nodes = perform(program, autodiff, library)
        for i in program.roots:
            if nodes[i].requires_grad:
                nodes[i].sum().backward(retain_graph=True)
        return [node.detach() for node in nodes[len(leaves) :]]

    return leaves, step


def outcomes(step, leaves, seed):
    """What a step and the gradients of its leaves are in five calls, with other numbers in each."""
    rng = np.random.default_rng(seed)
    for _ in range(5):
        for x in leaves:
            x.data[...] = autodiff.tensor(rng.uniform(-1, 1, x.shape))
        yield step(), [x.grad for x in leaves]


@settings(max_examples=settings().max_examples * 2, deadline=None)
@given(programs(), st.integers(0, 99))
def test_random_programs_have_the_same_bits(program, seed):
    leaves, step = leaves_and_step(program)
    compiled = autodiff.compile(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found, expected = ([*map(bits, outcomes(run, leaves, seed))] for run in (compiled, step))
    assert found == expected


# networks ---------------------------------------------------------------------------------------------------


def data(shape, seed=0):
    return autodiff.tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


def classes(n, count, shape=()):
    return autodiff.tensor(np.random.default_rng(1).integers(0, count, shape or n))


def sequential(*layers):
    return nn.Sequential(*layers)


def mlp(*between):
    return sequential(nn.Linear(5, 16), *between, nn.ReLU(), nn.Linear(16, 3))


def small_cnn():
    return sequential(
        *(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(3 * 9, 3)),
    )


class Last(nn.Module):
    """A GRU's last output."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)

    def forward(self, x):
        return self.gru(x)[0][:, -1]


NETWORKS = {  # model, input, target, loss, optimizer
    "xor": lambda: (
        sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid()),
        autodiff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
        autodiff.tensor([[0.0], [1.0], [1.0], [0.0]]),
        nn.MSELoss(),
        lambda p: nn.optim.SGD(p, lr=0.5),
    ),
    "xor, probabilities": lambda: (
        sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid()),
        data((4, 2)),
        autodiff.tensor([[0.0], [1.0], [1.0], [0.0]]),
        nn.BCELoss(),
        lambda p: nn.optim.Adam(p, lr=0.1),
    ),
    "moons": lambda: (
        sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)),
        data((400, 2)),
        autodiff.tensor((np.random.default_rng(2).random((400, 1)) < 0.5).astype(np.float32)),
        nn.BCEWithLogitsLoss(),
        lambda p: nn.optim.SGD(p, lr=0.1),
    ),
    "Adam": lambda: (mlp(), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), nn.optim.Adam),
    "AdamW": lambda: (mlp(), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), nn.optim.AdamW),
    "RMSprop": lambda: (mlp(), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), nn.optim.RMSprop),
    "momentum": lambda: (
        *(mlp(), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss()),
        lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    ),
    "a large one": lambda: (
        *(sequential(nn.Linear(300, 300), nn.GELU(), nn.Linear(300, 3)), data((8, 300)), classes(8, 3)),
        *(nn.CrossEntropyLoss(label_smoothing=0.1), lambda p: nn.optim.SGD(p, lr=0.01)),
    ),
    "CNN": lambda: (
        *(small_cnn(), data((4, 1, 6, 6)), classes(4, 3), nn.CrossEntropyLoss()),
        lambda p: nn.optim.SGD(p, lr=0.05, momentum=0.9),
    ),
    "CNN of many kinds": lambda: (
        sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, groups=2, dilation=2, padding=2), nn.ReLU(),
            nn.Conv2d(4, 4, 1), nn.Conv2d(4, 6, (2, 3), bias=False), nn.Conv2d(6, 3, 2, stride=2),
            nn.ConvTranspose2d(3, 2, 3, padding=1), nn.Flatten(), nn.Linear(8, 3),
        ),
        *(data((4, 1, 6, 6)), classes(4, 3), nn.CrossEntropyLoss(), lambda p: nn.optim.SGD(p, lr=0.05)),
    ),
    "dropout": lambda: (
        mlp(nn.Dropout(0.4)), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), nn.optim.Adam
    ),
    "layer norm": lambda: (
        mlp(nn.LayerNorm(16)), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), nn.optim.Adam
    ),
    "batch norm": lambda: (
        mlp(nn.BatchNorm1d(16)), data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), nn.optim.Adam
    ),
    "without bias": lambda: (
        sequential(nn.Linear(5, 16, bias=False), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 3, bias=False)),
        *(data((8, 5)), classes(8, 3), nn.CrossEntropyLoss(), lambda p: nn.optim.SGD(p, lr=0.1)),
    ),
    "recurrent": lambda: (
        *(Last(), data((2, 5, 3)), data((2, 4), 1), nn.MSELoss(), lambda p: nn.optim.SGD(p, lr=0.1)),
    ),
    "embedding": lambda: (
        sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 3)),
        classes(5, 7, (5, 3)),
        classes(5, 3),
        nn.CrossEntropyLoss(),
        lambda p: nn.optim.SGD(p, lr=0.1),
    ),
    "attention": lambda: (
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True),
        data((2, 4, 8)),
        data((2, 4, 8), 1),
        nn.MSELoss(),
        nn.optim.AdamW,
    ),
}  # fmt: skip


def training(name, keep=lambda step: step, clear=True):
    """A model, its optimizer, and one step of its training on the data that it is given."""
    autodiff.manual_seed(0)
    model, x, y, loss_fn, make = NETWORKS[name]()
    optimizer = make(model.parameters())

    def step(x=None, y=None):
        if clear:
            optimizer.zero_grad()
        loss = loss_fn(model(inputs if x is None else x), targets if y is None else y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    inputs, targets = x, y
    return model, optimizer, x, y, keep(step)


def state(model, optimizer):
    """Everything that a step leaves."""
    return bits(
        [
            list(model.state_dict().values()),
            [p.grad for p in model.parameters()],
            [list(entry.values()) for entry in optimizer.state_dict()["state"].values()],
        ]
    )


def run(name, compiled, steps=6, between=lambda i, model, optimizer: None, clear=True):
    """What a network's training leaves, step by step."""
    model, optimizer, _, _, step = training(name, autodiff.compile if compiled else lambda step: step, clear)
    left = []
    for i in range(steps):
        between(i, model, optimizer)
        left.append((bits(step()), state(model, optimizer)))
    if compiled:
        assert replays(step) >= 1
    return left


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_train_to_the_same_bits(name):
    assert run(name, True) == run(name, False)


@pytest.mark.parametrize("name", ["xor", "Adam", "CNN"])
def test_gradients_that_are_not_cleared_add_up(name):
    assert run(name, True, clear=False) == run(name, False, clear=False)


def original_changes(x):
    y = x * 2
    copy = y.clone()
    y.add_(1)
    return copy * 3, y


def copy_changes(x):
    y = x * 2
    copy = y.clone()
    copy.add_(1)
    return copy * 3, y


def both_returned(x):
    y = x * 2
    return y, y.clone(), y.clone().mul_(2)


def view_of_a_copy(x):
    y = x * 2
    return y.clone()[1:] + y[1:].clone()


def laid_out_anew(x):
    return (x * 2).mT.contiguous() + 1


def laid_out_anew_for_two(x):
    rows = (x * 2).mT.contiguous()
    return rows + 1, rows.reshape(-1) - 1


def of_an_argument(x):
    copy = x.clone()
    x.mul_(2)
    return copy + x


@pytest.mark.parametrize("function", [
    original_changes, copy_changes, both_returned, view_of_a_copy, laid_out_anew, laid_out_anew_for_two,
    of_an_argument,
])  # fmt: skip
def test_copies_that_are_left_out(function):
    compiled = autodiff.compile(function)
    for seed in range(5):
        ours, theirs = data((3, 4), seed), data((3, 4), seed)
        found, expected = compiled(ours), function(theirs)
        assert bits([found, ours]) == bits([expected, theirs])
        strides = [[t.stride() for t in made] for made in (found, expected) if isinstance(made, tuple)]
        assert not strides or strides[0] == strides[1]
    assert replays(compiled) >= 1


def test_parts_of_one_tensor():
    """Their gradients are added in place; replayed, they are padded with zeros, or put side by side."""

    def made():
        w = data((3, 3)).requires_grad_()

        def step(x):
            w.grad = None
            y = w * x
            loss = sum((y[i] * y[:, i]).sum() * i for i in range(2)) + y[1, 1] + (y * -0.0).sum()
            loss.backward()
            return loss, w.grad.clone()

        return step

    compiled, eager = autodiff.compile(made()), made()
    for seed in range(6):
        x = data((3, 3), seed).abs()  # what is -0 in the last gradient, which comes first, becomes 0
        assert bits(compiled(x)) == bits(eager(x))
    assert replays(compiled) >= 1


def test_a_copy_of_memory_that_is_changed_by_another_name():
    def function(x, w):
        copy = x.clone()
        w.mul_(2)
        return copy + 1

    compiled = autodiff.compile(function)
    for i in range(6):
        w = data((3, 4), i)
        x = data((3, 4)) if i < 3 else w.detach()
        expected = bits(x + 1)
        assert bits(compiled(x, w)) == expected
    assert replays(compiled) >= 1


def halve_rate(i, model, optimizer):
    optimizer.param_groups[0]["lr"] *= 0.5


def add_decay(i, model, optimizer):
    optimizer.param_groups[0]["weight_decay"] = 0.1 * (i > 3)


def evaluate(i, model, optimizer):
    model.train(i % 3 < 2)


def new_values(i, model, optimizer):
    with autodiff.no_grad():
        for p in model.parameters():
            p.mul_(0.9)


def new_memory(i, model, optimizer):
    for p in model.parameters():
        p.data = p.data * 0.9


def look_at_gradients(i, model, optimizer):
    seen = [p.grad for p in model.parameters()]
    optimizer.seen = getattr(optimizer, "seen", [])
    optimizer.seen.append((seen, bits(seen)))
    for held, before in optimizer.seen:
        assert bits(held) == before  # what somebody holds is theirs


def forget_gradients(i, model, optimizer):
    for p in list(model.parameters())[: i % 3]:
        p.grad = None


def load(i, model, optimizer):
    if i == 4:
        optimizer.load_state_dict(optimizer.state_dict())
        model.load_state_dict({name: t * 0.5 for name, t in model.state_dict().items()})


def replace_a_layer(i, model, optimizer):
    if i == 4:
        model[0] = nn.Linear(*model[0].weight.shape[::-1])


def freeze(i, model, optimizer):
    next(model.parameters()).requires_grad_(i < 4)


@pytest.mark.parametrize("name", ["xor", "Adam", "dropout", "batch norm"])
@pytest.mark.parametrize(
    "between",
    [
        *(halve_rate, add_decay, evaluate, new_values, new_memory, look_at_gradients, forget_gradients),
        *(load, replace_a_layer, freeze),
    ],
)
def test_what_changes_between_steps_is_heeded(name, between):
    assert run(name, True, 8, between) == run(name, False, 8, between)


def test_arguments_of_new_shapes_are_traced_anew():
    _, _, x, y, step = training("Adam", autodiff.compile)
    *_, eager = training("Adam")
    for n in (8, 8, 8, 5, 5, 8, 5, 3, 8):
        assert bits(step(x[:n], y[:n])) == bits(eager(x[:n], y[:n]))
    assert replays(step) == 2
    for i in range(4):
        fresh = data((8, 5), 10 + i)
        assert bits(step(fresh, y)) == bits(eager(fresh, y))


def test_an_invalid_class_is_an_error_in_a_replay_too():
    model, _, _, y, step = training("Adam", autodiff.compile)
    for _ in range(4):
        step()
    before = bits(model.state_dict())
    y[0] = 3
    with pytest.raises(IndexError, match="out of bounds"):
        step()
    assert bits(model.state_dict()) == before
    y[0] = 0
    step()


def wrong_rows(keep):
    """What a step leaves that changes running statistics, then takes rows, some of which are not there."""
    autodiff.manual_seed(0)
    norm, w = nn.BatchNorm1d(3), data((5, 3), 1).requires_grad_()
    optimizer = nn.optim.SGD([w], lr=0.1)

    @keep
    def step(x, rows):
        optimizer.zero_grad()
        loss = (norm(x) * w[rows]).pow(2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    left = []
    for i in range(8):
        rows = autodiff.tensor([0, 1, {5: 5, 6: -6}.get(i, 4)])
        try:
            result = step(data((3, 3), i), rows)
        except IndexError as error:
            result = str(error).partition(",")[0]
        left.append((result, norm.running_mean.clone(), w.detach().clone(), w.grad))
    assert "index 5 is out of bounds" in left[5][0]
    return left, step


def test_rows_out_of_range_change_what_they_change_in_eager_code():
    left, step = wrong_rows(partial(autodiff.compile, strict=True))
    assert bits(left) == bits(wrong_rows(lambda step: step)[0])
    assert replays(step) == 1


def test_results_are_new_and_of_their_kind():
    w = data((3,)).requires_grad_()

    @autodiff.compile
    def step(x, scale):
        w.grad = None
        y = w * x
        loss = (y * scale).sum()
        loss.backward()
        return {"loss": loss.item(), "y": [y.detach(), (w,)], "scale": scale}

    held = []
    for i in range(6):
        x = data((3,), i)
        result = step(x, 2.0)
        assert isinstance(result["loss"], float) and type(result["loss"]) is float
        assert result["y"][1][0] is w and result["scale"] == 2.0
        held.append((result, (w.detach() * x).tolist(), (w.detach() * x * 2).sum().item()))
        np.testing.assert_allclose(w.grad, x * 2)
    for result, y, loss in held:
        assert result["y"][0].tolist() == y and result["loss"] == loss
    assert replays(step) == 1
    assert step(x, 3.0)["loss"] == pytest.approx(held[-1][2] * 1.5)


def test_a_function_without_gradients():
    @autodiff.compile
    def normalized(x):
        with autodiff.no_grad():
            return (x - x.mean(0)) / (x.std(0) + 1e-5)

    for i in range(5):
        x = data((6, 3), i)
        assert bits(normalized(x)) == bits((x - x.mean(0)) / (x.std(0) + 1e-5))
    assert replays(normalized) == 1


def test_gradients_as_values_and_second_derivatives():
    w = data((3,)).requires_grad_()

    def hessian(x):
        penalty = ((w * x).tanh() ** 2).sum()
        (g,) = autodiff.grad(penalty, w, create_graph=True)
        (h,) = autodiff.grad((g * g).sum(), w)
        return g.detach(), h

    compiled = autodiff.compile(hessian)
    for i in range(5):
        x = data((3,), i)
        assert bits(compiled(x)) == bits(hessian(x))
    assert replays(compiled) == 1


def test_rows_that_are_drawn():
    x, w = data((20, 3)), data((3,)).requires_grad_()

    def step():
        w.grad = None
        rows = autodiff.randint(0, 20, (4,))
        loss = (x[rows] * w)[:, 1:].sum() + x[1, 2] * w[0]
        loss.backward()
        return loss.detach(), rows

    found = []
    for function in (compiled := autodiff.compile(step), step):
        autodiff.manual_seed(3)
        found.append([(bits(function()), bits(w.grad)) for _ in range(6)])
    assert found[0] == found[1] and replays(compiled) == 1


@pytest.mark.parametrize("shape", [(200_001,), (3, 70_000)])
def test_long_arrays_are_worked_on_in_pieces(shape):
    x, w = data(shape).requires_grad_(), data(shape, 1)

    def step(shift):
        x.grad = None
        y = (x.sin() * x.cos() + (x * 0.5).tanh() * (-x * x).exp()).relu() + shift
        loss = (y * w + (y / (2 + w * w)).clamp(-1, 0.3)).mean() + y.T[0].sum()
        loss.backward()
        return loss.detach(), y.detach()

    compiled = autodiff.compile(step)
    for i in range(5):
        x.data[...] = data(shape, i)
        results = [(bits(run(data((), i))), bits(x.grad)) for run in (compiled, step)]
        assert results[0] == results[1]
    (program,) = next(iter(compiled.programs.values()))
    assert "for p" in program.text_of_function


def by_hand():
    """Plain descent, written out, with a running average beside it."""
    x, w, average = data((8, 5)), data((5, 3)).requires_grad_(), data((5, 3), 1)

    def step():
        loss = ((x @ w) ** 2).mean()
        loss.backward()
        with autodiff.no_grad():
            w.sub_(0.1 * w.grad)
            average.mul_(0.9).add_(w, alpha=0.1)
        w.grad.zero_()
        return loss

    return step, [w, average]


def several_losses():
    """Two optimizers that take turns; draws; gradients that add up over parts of a batch."""
    g, c = nn.Linear(2, 3), nn.Linear(3, 1)
    move_g, move_c, real = nn.optim.Adam(g.parameters()), nn.optim.Adam(c.parameters()), data((4, 3))

    def step():
        move_c.zero_grad(set_to_none=False)
        for rows in (real[:2], real[2:]):
            loss = (c(rows) - c(g(autodiff.randn(2, 2)).detach())).mean() / 2
            loss.backward()
        move_c.step()
        move_g.zero_grad()
        other = c(g(autodiff.randn(4, 2))).mean()
        other.backward()
        move_g.step()
        return (loss + other).detach()

    return step, [*g.parameters(), *c.parameters()]


def assigned():
    """Entries that are replaced, sorted, chosen."""
    x, w = data((6, 3)), data((3,)).requires_grad_()
    optimizer = nn.optim.SGD([w], lr=0.1)

    def step():
        optimizer.zero_grad()
        y = x * w
        y[0] = 1.0
        y[:, 1] *= 2
        values, index = y.sort(0)
        loss = (values[:2] ** 2).sum() + y.topk(2, 0).values.sum() + (y.argmax(0) * w).sum() + index.sum()
        loss.backward()
        optimizer.step()
        return loss

    return step, [w]


def clipped():
    """Gradients cut down before the step."""
    model, x = nn.Linear(5, 3), data((8, 5))
    optimizer = nn.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        return loss, norm

    return step, list(model.parameters())


def from_two_roots():
    """Gradients of two losses at once, one of them for a single parameter."""
    model, x = nn.Linear(5, 3), data((8, 5))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        z = model(x)
        loss, penalty = (z**2).mean(), z.abs().sum()
        autodiff.autograd.backward([loss, penalty], retain_graph=True)
        autodiff.autograd.backward(penalty, inputs=model.bias)
        optimizer.step()
        return loss.detach()

    return step, list(model.parameters())


def in_other_shapes():
    """Views of what is given, of what is computed, and of a number."""
    model, x, like = nn.Linear(3, 2), data((4, 6)), data((2, 8))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        z = model(x.view(8, 3)).view(4, -1)
        z.view_as(like).mul_(2)
        loss = (z**2).mean()
        loss.view(1).backward()
        optimizer.step()
        return loss.detach().view(1, 1)

    return step, list(model.parameters())


@pytest.mark.parametrize(
    "make", [by_hand, several_losses, assigned, clipped, from_two_roots, in_other_shapes]
)
def test_steps_of_other_kinds(make):
    found = []
    for compiled in (False, True):
        autodiff.manual_seed(0)
        step, tensors = make()
        step = autodiff.compile(step) if compiled else step
        found.append([bits([step(), *(t.detach() for t in tensors)]) for _ in range(7)])
    assert found[0] == found[1] and replays(step) == 1


def test_random_draws_follow_the_stream():
    @autodiff.compile
    def noisy(x):
        return x + autodiff.randn(3) * autodiff.rand_like(x)

    def eager(x):
        return x + autodiff.randn(3) * autodiff.rand_like(x)

    found = []
    for function in (noisy, eager):
        autodiff.manual_seed(3)
        found.append([bits(function(data((3,), i))) for i in range(6)])
    assert found[0] == found[1] and replays(noisy) == 1


def test_numbers_in_the_closure_and_globals_are_guarded():
    scale = 2.0
    w = data((3,)).requires_grad_()

    def plain():
        return (w * scale * FACTOR).detach()

    step = autodiff.compile(plain)
    global FACTOR
    for i in range(10):
        scale, FACTOR = 2.0 + (i > 4), 1.0 + (i > 7)
        assert bits(step()) == bits(plain())
    assert replays(step) >= 1


FACTOR = 1.0


scale = 1.0
settings_of_a_run = types.ModuleType("settings_of_a_run")


class Scales:
    by_class = 1.0

    def __init__(self):
        self.by_object, self.inner, self.epoch = 1.0, SimpleNamespace(a=SimpleNamespace(b=1.0)), 0

    def by_method(self, x):
        return x * scale

    @property
    def by_property(self):
        return self.inner.a.b


class Scaled(nn.Module):
    def forward(self, x):
        return self.scaled(x)

    def scaled(self, x):
        return x * scale


class Slotted:
    __slots__ = ("a",)


def deep(x, n=6):
    return deep(x, n - 1) if n else deepest(x)


def deepest(x):
    return (lambda x: x * scale)(x)


def changes_of_settings():
    """Steps, and what changes a number that they use: in all the places where Python can keep one."""
    at, module, slotted = Scales(), Scaled(), Slotted()
    entries, numbers, flags, array = {"a": 1.0}, [1.0], {1}, np.ones(3, np.float32)
    large = dict.fromkeys(range(50), 1.0)
    slotted.a = settings_of_a_run.a = 1.0

    def change_scale(c):
        global scale
        scale = c

    def change_entry(c):
        large[40] = c

    def change_flags(c):
        flags.clear()
        flags.add(c)

    def change_default(c):
        with_default.__kwdefaults__["c"][0] = c

    def with_default(x, *, c=[1.0]):  # noqa: B006
        return x * c[0]

    return {
        "a global of a method": (at.by_method, change_scale),
        "a global of a module's method": (module, change_scale),
        "a global of a helper's helper": (deep, change_scale),
        "a global of a function that is called by ours": (
            autodiff.func.grad(lambda x: deep(x * x).sum()),
            change_scale,
        ),
        "an attribute": (lambda x: x * at.by_object, lambda c: setattr(at, "by_object", c)),
        "an attribute of a class": (lambda x: x * at.by_class, lambda c: setattr(Scales, "by_class", c)),
        "one that hides that of the class": (lambda x: x * at.by_class, lambda c: setattr(at, "by_class", c)),
        "a property": (lambda x: x * at.by_property, lambda c: setattr(at.inner.a, "b", c)),
        "a slot": (lambda x: x * slotted.a, lambda c: setattr(slotted, "a", c)),
        "a Python module": (
            lambda x: x * settings_of_a_run.a,
            lambda c: setattr(settings_of_a_run, "a", c),
        ),
        "a dict": (lambda x: x * entries["a"], lambda c: entries.update(a=c)),
        "a large dict": (lambda x: x * large[40], change_entry),
        "a list": (lambda x: x * numbers[0], lambda c: numbers.__setitem__(0, c)),
        "a longer list": (lambda x: x * sum(numbers), numbers.append),
        "a set": (lambda x: x * max(flags), change_flags),
        "a default": (with_default, change_default),
        "an array": (lambda x: x * float(array[1]), lambda c: array.__setitem__(1, c)),
        "getattr": (lambda x: x * getattr(at, "by_" + "object"), lambda c: setattr(at, "by_object", c)),
        "a partial function": (partial(lambda c, x: x * c[0], numbers), lambda c: numbers.__setitem__(0, c)),
    }


@pytest.mark.parametrize("name", changes_of_settings())
def test_numbers_are_guarded_wherever_they_are_kept(name, monkeypatch):
    monkeypatch.setattr(Scales, "by_class", 1.0)
    monkeypatch.setattr(f"{__name__}.scale", 1.0)
    step, change = changes_of_settings()[name]
    compiled = autodiff.compile(step, strict=True)
    for i in range(9):
        if i in (3, 6):
            change(float(i))
        assert bits(compiled(data((3,), i))) == bits(step(data((3,), i)))
    assert replays(compiled) >= 2


def test_what_the_step_does_not_mention_may_change():
    at = Scales()

    def step(x):
        return x * at.by_object

    compiled = autodiff.compile(step, strict=True)
    for i in range(5):
        at.epoch = i
        compiled(data((3,)))
    assert replays(compiled) == 1


def test_a_module_whose_hook_is_removed():
    layer = nn.Tanh()
    compiled = autodiff.compile(lambda x: layer(x), strict=True)
    x = data((3,))
    handle = layer.register_forward_hook(lambda module, args, out: out * 2)
    for i in range(8):
        if i == 4:
            handle.remove()
        assert bits(compiled(x)) == bits(x.tanh() * (2 if i < 4 else 1))


def test_gradients_of_two_batches_are_added_up():
    def train(keep):
        autodiff.manual_seed(0)
        model = mlp()
        optimizer = nn.optim.Adam(model.parameters())

        @keep
        def accumulate(x, y):
            loss = nn.functional.cross_entropy(model(x), y) / 2
            loss.backward()
            return loss.detach()

        left = []
        for i in range(8):
            losses = [accumulate(data((8, 5), 2 * i + j), classes(8, 3)) for j in range(2)]
            optimizer.step()
            left.append((bits(losses), state(model, optimizer)))
            optimizer.zero_grad()
        return left, accumulate

    left, compiled = train(partial(autodiff.compile, strict=True))
    assert left == train(lambda step: step)[0]
    assert replays(compiled) == 2  # with gradients there, and without


def test_a_gradient_may_be_returned():
    model, optimizer, x, y, _ = training("Adam")

    @partial(autodiff.compile, strict=True)
    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        return next(model.parameters()).grad

    held = [(found := step(), bits(found), bits(next(model.parameters()).grad)) for _ in range(5)]
    assert all(bits(found) == was == grad for found, was, grad in held)
    assert replays(step) == 1


def fill_rows(z, x, i):
    z[i] = x[i]
    z[i] += x[i]


def add_to_a_view(z, x, i):
    z[1:3].add_(x[1:3])


def add_to_all(z, x, i):
    z += x


def add_at(z, x, i):
    z.index_add_(0, i, x[i])


def copy_to_its_transpose(z, x, i):
    with autodiff.no_grad():
        z.T.copy_(x.T)


def mask_after_scatter(z, x, i):
    z.scatter_(0, i[:, None].expand(-1, 3), x[:2])
    z.masked_fill_(x > 0, 2.0)


def draw_into(z, x, i):
    z.normal_()
    z.add_(x)


@pytest.mark.parametrize(
    "change",
    [fill_rows, add_to_a_view, add_to_all, add_at, copy_to_its_transpose, mask_after_scatter, draw_into],
)
def test_what_a_step_makes_and_changes_is_made_anew_at_each_call(change):
    def train(keep):
        autodiff.manual_seed(0)
        w = data((4, 3)).requires_grad_()

        @keep
        def step(x, i):
            w.grad = None
            z, total = autodiff.zeros(4, 3), autodiff.zeros(())
            change(z, x * w, i)
            for row in z:
                total += (row * w[0]).sum()
            total.backward()
            return total.detach(), z.detach()

        calls = ((data((4, 3), n), classes(2, 4) + n % 2) for n in range(6))
        return [(bits(step(x, i % 4)), bits(w.grad)) for x, i in calls], step

    left, compiled = train(partial(autodiff.compile, strict=True))
    assert left == train(lambda step: step)[0]
    assert replays(compiled) == 1


def change_parameters(optimizer, i):
    if i == 4:
        optimizer.param_groups[0]["params"] = optimizer.param_groups[0]["params"][:1]
    if i == 7:
        optimizer.param_groups[0]["params"].append(optimizer.left_out)


@pytest.mark.parametrize("make", [partial(nn.optim.SGD, lr=0.1), nn.optim.Adam])
def test_parameters_that_are_taken_from_an_optimizer_rest(make):
    def train(keep):
        autodiff.manual_seed(0)
        model = mlp()
        optimizer = make(model.parameters())
        optimizer.left_out = model[-1].weight
        x, y = data((8, 5)), classes(8, 3)
        step = keep(lambda: one_step(model, optimizer, x, y))
        left = []
        for i in range(10):
            change_parameters(optimizer, i)
            left.append((bits(step()), state(model, optimizer)))
        return left

    assert train(autodiff.compile) == train(lambda step: step)


def one_step(model, optimizer, x, y):
    model.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


class Trainer:
    def __init__(self, factor):
        self.w, self.factor = data((3,)).requires_grad_(), factor

    @autodiff.compile
    def step(self, x):
        self.w.grad = None
        loss = (self.w * x * self.factor).pow(2).sum()
        loss.backward()
        with autodiff.no_grad():
            self.w -= 0.1 * self.w.grad
        return loss.detach()


def test_methods_are_compiled_for_each_object_and_copies_anew():
    trainers, eager = [Trainer(1.0), Trainer(0.5)], [Trainer(1.0), Trainer(0.5)]
    for i in range(10):
        if i == 5:
            trainers[1] = copy.deepcopy(trainers[1])
        for one, other in zip(trainers, eager, strict=True):
            assert bits(one.step(data((3,), i))) == bits(Trainer.step.step(other, data((3,), i)))
            assert bits(one.w) == bits(other.w)
    assert replays(Trainer.step) == 3
    first = copy.deepcopy(autodiff.compile(trainers[0].step.__func__.step))
    assert first.step is Trainer.step.step and not first.programs


def test_an_argument_may_be_returned():
    step = autodiff.compile(lambda x: (x, x * 2), strict=True)
    same = data((3,))
    for x in (same, same, same, data((3,), 1), same):
        assert bits(step(x)) == bits((x, x * 2))
    assert replays(step) == 1


def test_calls_that_all_differ_are_told_of_once():
    step = autodiff.compile(lambda x, n: x * n)
    with pytest.warns(RuntimeWarning, match="64 calls .* a tensor of one shape") as caught:
        for n in range(100):
            assert step(data((2,)), n).tolist() == (data((2,)) * n).tolist()
    assert len(caught) == 1


def test_a_tuple_with_names_is_an_argument_like_any():
    step = autodiff.compile(lambda pair: pair.x * 2, strict=True)
    for i in range(5):
        assert bits(step(Same(data((2,), i)))) == bits(data((2,), i) * 2)
    assert replays(step) == 1


def test_a_step_may_have_the_name_of_something_in_it():
    """`optimizer.step` is no reason to watch the global `step`, which is the compiled step itself."""
    text = """
w = autodiff.ones(2, requires_grad=True)
optimizer = nn.optim.SGD([w], lr=0.125)

@autodiff.compile(strict=True)
def step():
    optimizer.zero_grad()
    (w * w).sum().backward()
    optimizer.step()

for _ in range(20):
    step()
"""
    names: dict[str, Any] = {"autodiff": autodiff, "nn": nn}
    exec(text, names)
    assert sum(map(len, names["step"].programs.values())) == 1
    np.testing.assert_array_equal(names["w"].detach().numpy(), np.full(2, 0.75**20, np.float32))


def test_a_hook_that_is_registered_later_is_called():
    w, seen = data((3,)).requires_grad_(), []

    @autodiff.compile
    def step():
        w.grad = None
        (w * w).sum().backward()
        return w.grad

    for _ in range(4):
        assert bits(step()) == bits(w.detach() * 2)
    assert replays(step) == 1
    handle = w.register_hook(lambda g: seen.append(1))
    with pytest.warns(RuntimeWarning, match="hook"):
        for _ in range(3):
            step()
    assert len(seen) == 3
    handle.remove()
    step()


def test_the_default_dtype_is_part_of_a_program():
    @autodiff.compile
    def step():
        return autodiff.ones(2) / 3

    for _ in range(3):
        assert step().dtype == autodiff.float32
    autodiff.set_default_dtype(autodiff.float64)
    try:
        for _ in range(4):
            assert step().dtype == autodiff.float64
    finally:
        autodiff.set_default_dtype(autodiff.float32)
    assert step().dtype == autodiff.float32


def test_arguments_may_overlap_with_what_is_changed():
    w = data((3,))

    def step(x):
        first = x * 2
        with autodiff.no_grad():
            w.add_(1)
        return first, x * 2, w * 2

    compiled = autodiff.compile(step)
    found = []
    for function in (compiled, step):
        w.data[...] = data((3,))
        found.append([bits(function(x)) for x in (data((3,)),) * 3 + (w.detach(),) * 3 + (w.data,)])
    assert found[0] == found[1] and replays(compiled) == 1


def test_eager_graphs_notice_what_a_replay_changes():
    model, _, x, _, step = training("Adam", autodiff.compile)
    for _ in range(3):
        step()
    loss = (model(x) ** 2).sum()
    step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_threads_do_not_share_memory():
    @autodiff.compile
    def work(x):
        for _ in range(5):
            x = (x * 1.01).sin() + x
        return x

    inputs = [data((2000,), i) for i in range(8)]
    for x in inputs[:3]:
        work(x)
    expected = [bits(work.step(x)) for x in inputs]
    found: list[Any] = [None] * 8

    def task(i):
        for _ in range(20):
            found[i] = bits(work(inputs[i]))
            if found[i] != expected[i]:
                return

    threads = [threading.Thread(target=task, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_another_thread_is_not_watched():
    stop, failures = threading.Event(), []

    def bystander():
        w = data((4,)).requires_grad_()
        expected = None
        while not stop.is_set():
            w.grad = None
            (w.tanh() * w).sum().backward()
            now = bits(w.grad)
            if expected not in (None, now):
                failures.append(now)
            expected = now

    thread = threading.Thread(target=bystander)
    thread.start()
    try:
        for _ in range(5):
            assert run("xor", True, 3) == run("xor", False, 3)
    finally:
        stop.set()
        thread.join()
    assert not failures


# what cannot be compiled ------------------------------------------------------------------------------------

w = data((3,)).requires_grad_()
kept: list[Any] = []
count = 0
numbers = itertools.count()
generator = np.random.default_rng(0)
rates = nn.optim.SGD([data((3,)).requires_grad_()], lr=0.1)


def branches(x):
    loss = (w * x).sum()
    if loss > 0:
        return loss.detach()
    return -loss.detach()


def asks_for_a_number(x):
    return (w * x).detach() * (w * x).sum().item()


def prints(x):
    print((w * x).detach())
    return x


def leaves_for_numpy(x):
    return autodiff.tensor(np.sort((w * x).detach().numpy()))


def keeps(x):
    kept.append((w * x).detach())
    return x * 2


def keeps_a_number(x):
    kept.append((w * x).sum().item())
    return x * 2


def counts(x):
    global count
    count += 1
    return x * count


def draws_with_numpy(x):
    return x * np.random.default_rng().random(3).astype(np.float32)


def draws_an_index(x):
    return x[np.random.default_rng().permutation(3)]


def branches_by_chance(x):
    return x * (1 if random.random() < 0.9 else 2)


def branches_by_numpys_chance(x):
    return x * (1 if generator.random() < 0.9 else 2)


def takes_from_an_iterator(x):
    return x * (1 if next(numbers) < 100 else 2)


def counts_in_a_list(x):
    counters.append(1)
    return x * (1 if len(counters) % 5 else 2)


counters: list[int] = []


def changes_its_rate(x):
    rates.param_groups[0]["lr"] *= 0.5
    return x * 2


def has_a_hook(x):
    w.grad = None
    y = w * x
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    return y.detach()


def masked(x):
    return x[x > 0].sum()


def seeds(x):
    autodiff.manual_seed(0)
    return x + autodiff.rand(3)


def returns_history(x):
    return (w * x).sum()


def uses_old_history(x):
    old.sum().backward(retain_graph=True)
    return x


old = (w * w).sin()

UNCOMPILABLE = {
    branches: "branch",
    asks_for_a_number: "item",
    prints: "print",
    leaves_for_numpy: "numpy",
    keeps: "kept",
    keeps_a_number: "kept",
    counts: "not the same for long",
    draws_with_numpy: "made a tensor",
    branches_by_chance: "random numbers were drawn",
    branches_by_numpys_chance: "random numbers were drawn",
    takes_from_an_iterator: "iterator .numbers.",
    counts_in_a_list: "not the same for long",
    changes_its_rate: "option of an optimizer",
    draws_an_index: "indexed",
    has_a_hook: "hook",
    masked: "mask",
    seeds: "seeded",
    returns_history: "gradient was not taken",
    uses_old_history: "before the step",
}


AS_A_WHOLE = (
    *(counts, branches_by_chance, branches_by_numpys_chance, takes_from_an_iterator, changes_its_rate),
    counts_in_a_list,
)


@pytest.mark.parametrize("step", UNCOMPILABLE, ids=lambda step: step.__name__)
def test_what_cannot_be_compiled_runs_eagerly_after_one_warning(step, capsys):
    compiled = autodiff.compile(step)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(10):
            kept.clear()
            compiled(data((3,), i))
            assert len(kept) == ("keeps" in step.__name__)
    (warning,) = [w for w in caught if w.category is RuntimeWarning]
    assert re.search(UNCOMPILABLE[step], str(warning.message)) and replays(compiled) == 0
    line = str(warning.message).partition(f"{__file__}:")[2].partition(".")[0]
    first = step.__code__.co_firstlineno
    assert first + (step not in AS_A_WHOLE) <= int(line) <= first + 5  # where it is counted, nobody sees


@pytest.mark.parametrize("step", UNCOMPILABLE, ids=lambda step: step.__name__)
def test_strictly_it_is_an_error(step):
    compiled = autodiff.compile(step, strict=True)
    with pytest.raises(RuntimeError, match=UNCOMPILABLE[step]):
        for i in range(10):
            compiled(data((3,), i))


def test_an_error_in_a_step_changes_nothing_but_what_the_step_did():
    def step(x):
        if x.shape == (2,):
            raise ValueError("two")
        return x * 2

    compiled = autodiff.compile(step)
    for n in (2, 3, 2, 3, 3, 2, 3):
        if n == 2:
            with pytest.raises(ValueError, match="two"):
                compiled(data((n,)))
        else:
            assert bits(compiled(data((n,)))) == bits(data((n,)) * 2)
    assert (autodiff.ones(2) * 2).tolist() == [2, 2]


def changes_its_operations(x):
    kept.append(0)
    y = x.sin()
    return y.cos() if len(kept) % 2 else y.tan()


def changes_a_number(x):
    kept.append(0)
    return x.clamp(max=len(kept))


def changes_a_constant(x):
    kept.append(0)
    numbers = np.full(3, len(kept), np.float32)
    return x * numbers


@pytest.mark.parametrize("step", [changes_its_operations, changes_a_number, changes_a_constant])
def test_what_differs_between_calls_is_named_by_its_line(step):
    kept.clear()
    lines = inspect.getsource(step).splitlines()
    with pytest.raises(RuntimeError, match=f"{__file__}:{step.__code__.co_firstlineno + len(lines) - 1}$"):
        compiled = autodiff.compile(step, strict=True)
        for _ in range(10):
            compiled(data((3,)))
