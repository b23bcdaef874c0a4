"""Trainings that are broken in a known way, and healthy ones: what `nn.diagnose` is measured on.

A species is a function of a random stream, which draws task, size and kind of network: another seed is
another animal. Every broken one is a healthy training with one thing changed.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import autodiff
import nn
from autodiff import Tensor

Array = np.ndarray[Any, Any]
Stream = np.random.RandomState


def stream(species: str, seed: int) -> Stream:
    """The random stream of an animal: no two species share one."""
    return Stream([seed, zlib.crc32(species.encode())])


@dataclass
class Run:
    """The arguments of `nn.diagnose`."""

    model: nn.Module
    loss_fn: Any
    x: Any
    y: Any
    optimizer: nn.optim.Optimizer | None = None
    step: Callable[..., Any] | None = None
    data: Any = None  # in place of (x, y)

    def diagnose(self) -> nn.diagnosis.Diagnosis:
        data = (self.x, self.y) if self.data is None else self.data
        return nn.diagnose(self.model, self.loss_fn, data, self.optimizer, step=self.step)

    def train(self, steps: int) -> Run:
        """Some steps on all the data."""
        assert self.optimizer is not None
        for _ in range(steps):
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(self.x), self.y)
            loss.backward()
            self.optimizer.step()
        return self

    @property
    def loss(self) -> float:
        with autodiff.no_grad():
            return float(self.loss_fn(self.model(self.x), self.y).item())


# Tasks -------------------------------------------------------------------------------------------------


@dataclass
class Task:
    """Standardised inputs, targets, the loss and the number of outputs; `binary` targets are 0.0 and 1.0."""

    x: Array
    y: Array
    loss_fn: Any
    outputs: int

    @property
    def binary(self) -> bool:
        return isinstance(self.loss_fn, nn.BCEWithLogitsLoss)

    @property
    def classes(self) -> bool:
        return isinstance(self.loss_fn, nn.CrossEntropyLoss)


def standard(x: Array) -> Array:
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)


def xor(r: Stream) -> Task:
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return Task(x, np.array([[0.0], [1.0], [1.0], [0.0]]), nn.BCEWithLogitsLoss(), 1)


def moons(r: Stream) -> Task:
    n = int(r.choice([100, 200, 400]))
    angle, upper = r.uniform(0, np.pi, n), r.rand(n) < 0.5
    x = np.where(
        upper[:, None], np.c_[np.cos(angle), np.sin(angle)], np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]
    )
    return Task(standard(x + 0.15 * r.randn(n, 2)), (~upper)[:, None] * 1.0, nn.BCEWithLogitsLoss(), 1)


def circles(r: Stream) -> Task:
    n = int(r.choice([100, 200, 400]))
    angle, outer = r.uniform(0, 2 * np.pi, n), r.rand(n) < 0.5
    x = np.where(outer, 1.0, 0.4)[:, None] * np.c_[np.cos(angle), np.sin(angle)] + 0.08 * r.randn(n, 2)
    return Task(standard(x), outer[:, None] * 1.0, nn.BCEWithLogitsLoss(), 1)


def iris(r: Stream) -> Task:
    """Three clouds in four dimensions, two of which touch."""
    y = np.repeat([0, 1, 2], 50)
    centres = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
    x = centres[y] + np.array([0.4, 0.3, 0.35, 0.2]) * r.randn(150, 4)
    return Task(standard(x), y, nn.CrossEntropyLoss(), 3)


def digits(r: Stream) -> Task:
    """Ten patterns of 64 pixels, blurred by noise."""
    patterns = r.rand(10, 64) < 0.35
    y = r.randint(0, 10, 300)
    return Task(standard(patterns[y] + 0.4 * r.randn(300, 64)), y, nn.CrossEntropyLoss(), 10)


def curve(r: Stream) -> Task:
    n = int(r.choice([80, 200]))
    x = r.uniform(-2, 2, (n, 1))
    return Task(standard(x), np.sin(1.5 * x) + 0.1 * r.randn(n, 1), nn.MSELoss(), 1)


def plane(r: Stream) -> Task:
    """A linear function of five features, with noise."""
    x = r.randn(200, 5)
    return Task(x, x @ r.uniform(0.5, 1.5, (5, 1)) + 0.5 + 0.3 * r.randn(200, 1), nn.MSELoss(), 1)


ALL = (xor, moons, circles, iris, digits, curve, plane)
LARGE = (moons, circles, iris, digits, curve, plane)  # more than four rows
CURVED = (moons, circles, digits, curve)
BINARY = (moons, circles)
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def pick(r: Stream, options: Any) -> Any:
    options = list(options)
    return options[r.randint(len(options))]


# Healthy trainings -------------------------------------------------------------------------------------


def network(task: Task, hidden: list[int], kind: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    sizes = [task.x.shape[1], *hidden]
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), ACTIVATIONS[kind]()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], task.outputs))


def optimizer_of(model: nn.Module, r: Stream, kind: str, regression: bool = False) -> nn.optim.Optimizer:
    """A rate that a reader of tutorials would take."""
    if r.rand() < 0.5:
        return nn.optim.Adam(model.parameters(), lr=pick(r, (0.005, 0.01, 0.03)))
    if kind == "sigmoid" and regression:
        return nn.optim.SGD(model.parameters(), lr=0.1)
    if kind == "sigmoid":
        return nn.optim.SGD(model.parameters(), lr=pick(r, (0.3, 0.5)), momentum=0.9)
    return nn.optim.SGD(model.parameters(), lr=pick(r, (0.05, 0.1)), momentum=pick(r, (0.0, 0.9)))


def healthy(
    r: Stream,
    tasks: Any = ALL,
    kinds: Any = tuple(ACTIVATIONS),
    depth: Any = (1, 1, 2),
    widths: Any = (8, 16, 32),
) -> Run:
    task = pick(r, tasks)(r)
    kind = pick(r, kinds)
    hidden = [int(pick(r, widths))] * int(pick(r, depth))
    autodiff.manual_seed(int(r.randint(10000)))
    model = network(task, hidden, kind)
    return Run(
        model,
        task.loss_fn,
        floats(task.x),
        target(task.y),
        optimizer_of(model, r, kind, isinstance(task.loss_fn, nn.MSELoss)),
    )


def floats(x: Array) -> Tensor:
    return autodiff.tensor(x, dtype=autodiff.float32)


def target(y: Array) -> Tensor:
    return autodiff.tensor(y) if y.dtype.kind == "i" else floats(y)


def healthy_fresh(r: Stream) -> Run:
    return healthy(r)


def healthy_midway(r: Stream) -> Run:
    return healthy(r).train(int(r.choice([20, 100])))


def healthy_trained(r: Stream) -> Run:
    return healthy(r).train(1000)


def healthy_without_optimizer(r: Stream) -> Run:
    run = healthy(r)
    run.optimizer = None
    return run


def healthy_step(r: Stream) -> Run:
    """Three good ways to write a step: zeroed before, zeroed after, clipped."""
    run = healthy(r)
    way = r.randint(3)

    def step(x: Tensor, y: Tensor) -> None:
        if way != 1:
            run.optimizer.zero_grad()
        run.loss_fn(run.model(x), y).backward()
        if way == 2:
            nn.utils.clip_grad_norm_(run.model.parameters(), 0.1)
        run.optimizer.step()
        if way == 1:
            run.optimizer.zero_grad()

    run.step = step
    return run


def healthy_fine_tuning(r: Stream) -> Run:
    """The first layer is frozen on purpose, after training."""
    run = healthy(r, (moons, circles, iris, digits), ("tanh", "relu"), widths=(16, 32)).train(200)
    run.model[0].requires_grad_(False)
    run.model[-1].reset_parameters()
    run.optimizer = nn.optim.Adam([p for p in run.model.parameters() if p.requires_grad], lr=0.03)
    return run


def healthy_probabilities(r: Stream) -> Run:
    """A sigmoid at the end, and BCELoss or MSELoss, as in textbooks."""
    run = healthy(r, (xor, moons, circles), ("tanh", "relu"))
    run.model.append(nn.Sigmoid())
    run.loss_fn = pick(r, (nn.BCELoss, nn.MSELoss))()
    run.optimizer = nn.optim.Adam(run.model.parameters(), lr=0.02)
    return run


def healthy_picture(r: Stream) -> Run:
    """A convolution, normalization and dropout, on bars that lie or stand."""
    n = 120
    x, y = 0.3 * r.randn(n, 1, 8, 8), r.randint(0, 2, n)
    for image, label in zip(x, y, strict=True):
        place = r.randint(8)
        image[0, place if label else slice(None), slice(None) if label else place] += 1.5
    autodiff.manual_seed(int(r.randint(10000)))
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(36, 2),
    )
    optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
    return Run(model, nn.CrossEntropyLoss(), floats(x), autodiff.tensor(y), optimizer)


def healthy_linear(r: Stream) -> Run:
    """The right model without any hidden unit: regression with noise, or two clouds."""
    task = pick(r, (plane, iris))(r)
    autodiff.manual_seed(int(r.randint(10000)))
    model = nn.Linear(task.x.shape[1], task.outputs)
    return Run(model, task.loss_fn, floats(task.x), target(task.y), nn.optim.SGD(model.parameters(), lr=0.1))


def healthy_noisy(r: Stream) -> Run:
    """Labels of which a few are wrong, as they are in life, and inputs in the raw units of the iris."""
    run = healthy(r, (iris, moons), ("tanh", "relu"), widths=(16, 32))
    y = run.y.numpy().copy()
    wrong = r.rand(len(y)) < 0.05
    y[wrong] = 1 - y[wrong] if y.dtype.kind == "f" else (y[wrong] + 1) % 3
    run.y = autodiff.tensor(y)
    return run


def healthy_lab_book(r: Stream) -> Run:
    """The lab's deep XOR, its moons."""
    way = r.randint(2)
    task = (xor, moons)[way](r)
    autodiff.manual_seed(int(r.randint(10000)))
    model = network(task, ([8, 8], [16])[way], "relu")
    if way == 0:
        model.append(nn.Sigmoid())
    loss_fn = (nn.BCELoss(), nn.BCEWithLogitsLoss())[way]
    return Run(model, loss_fn, floats(task.x), floats(task.y), nn.optim.SGD(model.parameters(), lr=0.1))


def healthy_weak_signal(r: Stream) -> Run:
    """Regression of which the inputs explain a third, or one class is rare."""
    autodiff.manual_seed(int(r.randint(10000)))
    x = r.randn(300, 4)
    if r.rand() < 0.5:
        y, loss_fn = x @ r.uniform(0.3, 0.6, (4, 1)) + 1.3 * r.randn(300, 1), nn.MSELoss()
    else:
        y, loss_fn = (x[:, :1] + 0.5 * x[:, 1:2] > 1.45) * 1.0, nn.BCEWithLogitsLoss()
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    return Run(model, loss_fn, floats(x), floats(y), optimizer_of(model, r, "relu"))


def healthy_loader(r: Stream) -> Run:
    """Mini-batches, in random order."""
    run = healthy(r, LARGE, ("tanh", "relu"))
    dataset = nn.data.TensorDataset(run.x, run.y)
    run.data = nn.data.DataLoader(dataset, batch_size=int(pick(r, (8, 16, 32))), shuffle=True)
    return run


class Reader(nn.Module):
    """A recurrent network that answers after the last number."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.last = nn.GRU(1, 12, batch_first=True), nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.rnn(x)[0][:, -1])


def healthy_recurrent(r: Stream) -> Run:
    """A GRU that adds up six numbers."""
    autodiff.manual_seed(int(r.randint(10000)))
    x, model = r.uniform(-1, 1, (100, 6, 1)), Reader()
    return Run(
        model, nn.MSELoss(), floats(x), floats(x.sum(axis=1)), nn.optim.Adam(model.parameters(), lr=0.01)
    )


def healthy_raw(r: Stream) -> Run:
    """The iris in centimetres, pixels between 0 and 1: not standardised, and not far from it."""
    run = healthy(r, (iris, digits), ("tanh", "relu"), widths=(16, 32))
    if run.x.shape[1] == 4:
        run.x = run.x * floats(np.array([0.8, 0.4, 1.7, 0.8])) + floats(np.array([5.8, 3.0, 3.7, 1.2]))
    else:
        run.x = (run.x - run.x.min()) / (run.x.max() - run.x.min())
    run.optimizer = nn.optim.Adam(run.model.parameters(), lr=0.01)
    return run


HEALTHY = [
    healthy_lab_book, healthy_weak_signal, healthy_loader, healthy_recurrent, healthy_raw,
    healthy_fresh, healthy_midway, healthy_trained, healthy_without_optimizer, healthy_step,
    healthy_fine_tuning, healthy_probabilities, healthy_picture, healthy_linear, healthy_noisy,
]  # fmt: skip


# Broken trainings --------------------------------------------------------------------------------------


def weights(model: nn.Module) -> list[Tensor]:
    return [p for p in model.parameters() if p.ndim > 1]


@autodiff.no_grad()
def symmetric(r: Stream) -> Run:
    """All weights equal; or drawn very small."""
    way = r.randint(3)
    run = healthy(r, CURVED if way < 2 else (moons, circles, curve), depth=(1, 2) if way < 2 else (2, 3))
    for p in run.model.parameters():
        if way == 0:
            p.fill_(0.0 if p.ndim == 1 else float(pick(r, (0.1, 0.5, 1.0))))
        elif way == 1:
            p.zero_()
    if way == 2:
        scale = float(pick(r, (1e-4, 1e-5)))
        for p in run.model.parameters():
            p.copy_(floats(scale * r.randn(*p.shape))) if p.ndim > 1 else p.zero_()
        run.optimizer = nn.optim.SGD(run.model.parameters(), lr=0.1)
    return run


@autodiff.no_grad()
def saturated(r: Stream) -> Run:
    run = healthy(r, (circles, digits, curve), ("sigmoid", "tanh"), depth=(1, 2, 3), widths=(4, 8))
    scale = float(pick(r, (30, 60, 100)))
    for p in weights(run.model)[:-1]:
        p.mul_(scale)
    run.model[0].bias.copy_(floats(scale * r.choice([-1, 1], run.model[0].bias.shape)))
    run.optimizer = nn.optim.SGD(run.model.parameters(), lr=pick(r, (0.01, 0.05)))
    return run


@autodiff.no_grad()
def dead(r: Stream) -> Run:
    """Biases far below zero, as after a step that was too long: of one layer, or of most units of each."""
    run = healthy(r, (circles, digits, curve), kinds=("relu",), depth=(1, 2, 3))
    layers = [m for m in run.model if isinstance(m, nn.Linear)][:-1]
    most = r.rand() < 0.4
    for layer in layers if most else [pick(r, layers)]:
        units = len(layer.bias)
        killed = np.arange(units) < (units - 1 if most else units)
        layer.bias.copy_(floats(np.where(killed, -r.uniform(10, 40), 0.0)))
    return run


def vanishing(r: Stream) -> Run:
    run = healthy(r, CURVED, ("sigmoid",), depth=(6, 8, 10), widths=(8, 16))
    run.optimizer = nn.optim.SGD(run.model.parameters(), lr=pick(r, (0.1, 0.5)))
    return run


@autodiff.no_grad()
def exploding(r: Stream) -> Run:
    """Deep ReLU networks with weights of N(0, 1)."""
    run = healthy(r, LARGE, ("relu",), depth=(4, 6, 8), widths=(16, 32))
    scale = float(pick(r, (1.0, 1.2)))
    for p in weights(run.model):
        p.copy_(floats(scale * r.randn(*p.shape)))
    run.optimizer = nn.optim.SGD(run.model.parameters(), lr=0.1)
    return run


def rate_too_high(r: Stream) -> Run:
    run = healthy(r, (moons, circles, curve))
    if r.rand() < 0.5:
        run.optimizer = nn.optim.Adam(run.model.parameters(), lr=pick(r, (30, 100, 300)))
    else:
        run.optimizer = nn.optim.SGD(
            run.model.parameters(), lr=pick(r, (30, 100, 300)), momentum=pick(r, (0, 0.9))
        )
    return run


def rate_too_low(r: Stream) -> Run:
    """Rates far below what a reader of tutorials would take; and the lab's XOR, which needs 10 000 epochs."""
    run = healthy(r)
    if r.rand() < 0.2:
        task = xor(r)
        model = network(task, [int(pick(r, (4, 6, 8)))], "sigmoid").append(nn.Sigmoid())
        run = Run(model, nn.MSELoss(), floats(task.x), floats(task.y))
        run.optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    elif r.rand() < 0.5:
        run.optimizer = nn.optim.Adam(run.model.parameters(), lr=pick(r, (1e-5, 1e-6, 1e-7)))
    else:
        run.optimizer = nn.optim.SGD(run.model.parameters(), lr=pick(r, (1e-4, 1e-5, 1e-6)))
    return run


def mismatched(r: Stream) -> Run:
    """Outputs (n, 1) and targets (n,), with a loss written by hand; or with ours, which refuses."""
    run = healthy(r, (xor, moons, circles, curve, plane))
    run.y = run.y[:, 0]
    way = r.randint(3)
    if way == 0:
        run.loss_fn = lambda output, y: ((output - y) ** 2).mean()
    elif way == 1:
        run.loss_fn = lambda output, y: (output - y).abs().mean()
    else:
        run.loss_fn = pick(r, (nn.MSELoss, nn.BCEWithLogitsLoss, nn.L1Loss))()
    return run


def coding(r: Stream) -> Run:
    """-1 and 1 for BCE, classes 1 to C for cross-entropy, 0 and 1 for a hinge, targets beyond a sigmoid."""
    way = r.randint(5)
    if way == 0:
        run = healthy(r, (xor, *BINARY))
        run.y = 2 * run.y - 1
    elif way == 1:
        run = healthy(r, (iris, digits))
        run.y = run.y + 1
    elif way == 2:
        run = healthy(r, BINARY)
        run.loss_fn = nn.SoftMarginLoss() if r.rand() < 0.5 else lambda s, y: (1 - y * s).relu().mean()
    elif way == 3:
        run = healthy(r, (curve, plane))
        run.model.append(nn.Sigmoid())
    else:
        run = healthy(r, (xor, *BINARY))
        run.model.append(nn.Sigmoid())
        run.loss_fn, run.y = nn.BCELoss(), 2 * run.y - 1
    return run


def disagreeing(r: Stream) -> Run:
    """Softmax or sigmoid before a loss of logits, logits into a loss of probabilities, NLL without log."""
    way = r.randint(7)
    run = healthy(r, (iris, digits) if way in (0, 1, 5, 6) else (xor, *BINARY))
    if way in (0, 5):
        run.model.append(nn.Softmax(1))
    elif way in (1, 2):
        run.model.append(nn.Sigmoid())
    elif way == 3:
        run.loss_fn = nn.BCELoss()
    elif way == 4:
        run.model.append(nn.Sigmoid())
        loss_fn, run.model = nn.BCEWithLogitsLoss(), Squeezed(run.model)
        run.loss_fn = lambda output, y: loss_fn(output, y[:, 0])
    if way >= 5:
        run.loss_fn = nn.NLLLoss()
    run.optimizer = nn.optim.Adam(run.model.parameters(), lr=0.01)
    return run


class Squeezed(nn.Module):
    """A model whose outputs lose their last dimension."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x).squeeze(1)


def unscaled(r: Stream) -> Run:
    """Raw units: far from zero, very large, of different sizes, or very small."""
    run = healthy(r, LARGE)
    x = run.x.numpy()
    features = x.shape[1]
    way = r.randint(4 if features > 1 else 2)
    if way == 0:
        x = x + r.uniform(100, 300, features)
    elif way == 1:
        x = x * r.uniform(100, 1000) + r.uniform(100, 1000)
    elif way == 2:
        x = x * np.geomspace(1, 1e4, features) + 3
    else:
        x = 255 * (x - x.min()) + 1000
    run.x = floats(x)
    run.optimizer = nn.optim.SGD(run.model.parameters(), lr=0.1)
    return run


def constant(r: Stream) -> Run:
    """Inputs that were lost on the way, labels that were shuffled, or far too much weight decay."""
    way = r.randint(4)
    run = healthy(r, (moons, circles, iris, digits, curve), ("tanh", "relu"))
    if way == 0:
        run.x = floats(np.full(run.x.shape, float(pick(r, (0.0, 1.0)))))
    elif way == 1:
        run = healthy(r, (moons, circles, iris, curve), ("tanh", "relu"))
        run.y = run.y[autodiff.tensor(r.permutation(len(run.y)))]
        run.optimizer = nn.optim.SGD(run.model.parameters(), lr=0.01)
    elif way == 2:
        run.optimizer = nn.optim.Adam(
            run.model.parameters(), lr=0.02, weight_decay=float(pick(r, (1.0, 3.0)))
        )
    else:
        run.model = nn.Sequential(Forgetting(run.x.shape[1]), run.model)
        run.optimizer = nn.optim.Adam(run.model.parameters(), lr=0.01)
    return run


class Forgetting(nn.Module):
    """A mistake in a forward: the input is replaced by its mean."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=0, keepdim=True).expand(x.shape[0], self.features)


def without_zero_grad(r: Stream) -> Run:
    run = healthy(r)
    clips = r.rand() < 0.3

    def step(x: Tensor, y: Tensor) -> None:
        run.loss_fn(run.model(x), y).backward()
        if clips:
            nn.utils.clip_grad_norm_(run.model.parameters(), 0.1)
        run.optimizer.step()

    run.step = step
    if r.rand() < 0.5:
        for _ in range(20):
            step(run.x, run.y)
    return run


def frozen(r: Stream) -> Run:
    """Parameters that do not require grad, that the optimizer does not have, or that are cut off."""
    run = healthy(r, CURVED, depth=(2, 3), widths=(8, 16))
    way = r.randint(4)
    if way == 0:
        for p in list(run.model.parameters())[:-1]:
            p.requires_grad_(False)
    elif way == 1:
        run.optimizer = nn.optim.Adam([list(run.model.parameters())[-1]], lr=0.01)
    elif way == 2:  # the optimizer of a copy
        other = copy.deepcopy(run.model)
        run.optimizer = nn.optim.SGD(other.parameters(), lr=0.1)
    else:
        with autodiff.no_grad():
            for p in run.model[2].parameters():
                p.mul_(0.3)
        run.model = Cut(run.model)
        run.optimizer = nn.optim.SGD(run.model.parameters(), lr=0.05)
    return run


class Cut(nn.Module):
    """A mistake in a forward: `detach` before the last layer."""

    def __init__(self, model: nn.Sequential) -> None:
        super().__init__()
        self.hidden, self.last = model[:-1], model[-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.hidden(x).detach())


def too_small(r: Stream) -> Run:
    """No hidden unit, one, or no nonlinearity, where the task is not linear."""
    task = pick(r, (xor, circles, digits))(r)
    features = task.x.shape[1]
    autodiff.manual_seed(int(r.randint(10000)))
    if task.outputs == 10:
        layers = [nn.Linear(features, 1), pick(r, (nn.Tanh, nn.Sigmoid))(), nn.Linear(1, 10)]
    else:
        layers = pick(
            r,
            (
                [nn.Linear(features, 1)],
                [nn.Linear(features, 1), nn.Tanh(), nn.Linear(1, 1)],
                [nn.Linear(features, 16), nn.Linear(16, 1)],
            ),
        )
    model = nn.Sequential(*layers)
    return Run(
        model, task.loss_fn, floats(task.x), target(task.y), nn.optim.Adam(model.parameters(), lr=0.01)
    )


def contradicting(r: Stream) -> Run:
    """Rows that are there twice, with another label the second time."""
    run = healthy(r)
    n = len(run.x)
    double = r.permutation(n)[: max(2, int(n * pick(r, (0.15, 0.3, 0.6))))]
    x, y = run.x.numpy(), run.y.numpy()
    again = y[double]
    if y.dtype.kind == "i":
        again = (again + 1) % (int(y.max()) + 1)
    elif isinstance(run.loss_fn, nn.MSELoss):
        again = -again + 1
    else:
        again = 1 - again
    order = r.permutation(n + len(double))
    run.x = floats(np.concatenate([x, x[double]])[order])
    run.y = autodiff.tensor(np.concatenate([y, again])[order])
    return run


BROKEN = {
    "mismatched_shapes": mismatched,
    "target_coding": coding,
    "logits_or_probabilities": disagreeing,
    "contradicting_labels": contradicting,
    "forgotten_zero_grad": without_zero_grad,
    "frozen_parameters": frozen,
    "symmetric_initialisation": symmetric,
    "inputs_not_standardised": unscaled,
    "saturated_activations": saturated,
    "dead_relus": dead,
    "exploding_gradients": exploding,
    "vanishing_gradients": vanishing,
    "learning_rate_too_high": rate_too_high,
    "learning_rate_too_low": rate_too_low,
    "capacity_too_small": too_small,
    "constant_output": constant,
}
"""For each cause the species whose trainings have it."""
