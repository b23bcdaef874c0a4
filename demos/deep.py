"""Experiment E2: a deep network, ReLU inside, sigmoid and cross-entropy at its end; `demos.xor` runs it.

The lab book has two tables: XOR, and "a synthetic two-class set", which is a circle inside another here. Its
sizes, rates and seeds were not recorded, so that only the claim can be held against it. A third set, two
spirals, is what the depth is for.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from itertools import pairwise, zip_longest
from typing import NamedTuple

from tqdm import tqdm

import autodiff
import nn

from . import data
from .lab_book import Row

SIZES = (2, 16, 16, 1)


class Task(NamedTuple):
    """A set of points, the rate and the epochs to learn it by."""

    points: data.Points
    lr: float
    epochs: int


class Trained(NamedTuple):
    """The loss and the accuracy before every step, and the network after the last."""

    losses: list[float]
    accuracies: list[float]
    model: nn.Module


TASKS = {
    "XOR": Task(data.xor(), lr=0.01, epochs=4501),
    "circles": Task(data.circles(), lr=0.1, epochs=2001),
    "spirals": Task(data.spirals(), lr=0.5, epochs=2001),
}

# epoch: loss; that it rises once is the lab book's
LOSSES = 0.7198, 0.6869, 0.6755, 0.6402, 0.5343, 0.2707, 0.0881, 0.0417, 0.0453, 0.0177
RECORDED_XOR = dict(zip(range(0, 5000, 500), LOSSES, strict=True))

# epoch: loss, accuracy
RECORDED_CIRCLES = {
    0: (0.693, 0.500),
    100: (0.543, 0.752),
    500: (0.322, 0.886),
    1000: (0.165, 0.945),
    2000: (0.087, 0.972),
}


def run(options: argparse.Namespace) -> list[Row]:
    """Train on the three sets, for no more than `options.epochs`; print, write the files, return the rows."""
    runs = {
        name: train(task._replace(epochs=min(task.epochs, options.epochs)), options.seed)
        for name, task in tqdm(TASKS.items(), leave=False, disable=None)  # None: no bar in a log
    }
    report(runs)
    with (options.out / "deep.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *(f"{name} {what}" for name in runs for what in ("loss", "accuracy"))])
        series = [values for run in runs.values() for values in (run.losses, run.accuracies)]
        writer.writerows([epoch, *values] for epoch, values in enumerate(zip_longest(*series, fillvalue="")))
    if not options.no_plots:
        draw(options, runs)
    return rows_of(runs)


def train(task: Task, seed: int) -> Trained:
    """Gradient descent on all points."""
    points, classes = task.points
    x = autodiff.tensor(points, dtype=autodiff.float32)
    y = autodiff.tensor(classes[:, None], dtype=autodiff.float32)
    autodiff.manual_seed(seed)
    model = network()
    loss_fn = nn.BCELoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=task.lr)
    losses, accuracies = [], []
    for _ in range(task.epochs):
        optimizer.zero_grad()
        predicted = model(x)
        loss = loss_fn(predicted, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accuracies.append(float(((predicted.detach().numpy() > 0.5) == (y.numpy() > 0.5)).mean()))
    return Trained(losses, accuracies, model)


def network() -> nn.Sequential:
    """Linear layers of `SIZES` with ReLU between them, and a probability at the end."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(SIZES):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


def report(runs: Mapping[str, Trained]) -> None:
    """The lines of the lab book's two tables, beside ours."""
    print(f"\nE2: {'-'.join(map(str, SIZES))}, ReLU, cross-entropy")
    print(f"{'set':7}  {'epoch':>5}  {'recorded':>12}  {'this run':>12}")
    for epoch, loss in RECORDED_XOR.items():
        if epoch < len(runs["XOR"].losses):
            print(f"XOR      {epoch:5d}  {loss:12.4f}  {runs['XOR'].losses[epoch]:12.4f}")
    circles = runs["circles"]
    for epoch, (loss, accuracy) in RECORDED_CIRCLES.items():
        if epoch < len(circles.losses):
            now = f"{circles.losses[epoch]:.3f} {circles.accuracies[epoch]:.1%}"
            print(f"circles  {epoch:5d}  {f'{loss:.3f} {accuracy:.1%}':>12}  {now:>12}")


def rows_of(runs: Mapping[str, Trained]) -> list[Row]:
    """What the last recorded epochs came to; nothing was recorded of spirals."""
    xor, circles, spirals = (runs[name] for name in TASKS)
    reached = {name: len(run.losses) == TASKS[name].epochs for name, run in runs.items()}
    loss, accuracy = RECORDED_CIRCLES[2000]
    return [
        Row(
            "E2",
            "XOR: loss at epoch 4500 (another seed)",
            f"{RECORDED_XOR[4500]:.4f}",
            f"{xor.losses[-1]:.4f}" if reached["XOR"] else "not reached",
            reached["XOR"] and xor.losses[-1] < 0.1 and xor.accuracies[-1] == 1,
        ),
        Row(
            "E2",
            "two classes: loss, accuracy at epoch 2000 (another set)",
            f"{loss:.3f} {accuracy:.1%}",
            last_of(circles) if reached["circles"] else "not reached",
            reached["circles"] and circles.losses[-1] <= loss and circles.accuracies[-1] >= accuracy,
        ),
        Row(
            "E2",
            "spirals: loss, accuracy at epoch 2000",
            "-",
            last_of(spirals) if reached["spirals"] else "not reached",
            reached["spirals"] and spirals.accuracies[-1] > 0.98,
        ),
    ]


def last_of(run: Trained) -> str:
    """The loss and the accuracy at the end."""
    return f"{run.losses[-1]:.3f} {run.accuracies[-1]:.1%}"


def draw(options: argparse.Namespace, runs: Mapping[str, Trained]) -> None:
    """The two recorded tables as curves, and what the networks answer on circles and spirals."""
    from . import plots

    xor, circles = runs["XOR"], runs["circles"]
    shown = {epoch: loss for epoch, loss in RECORDED_XOR.items() if epoch < len(xor.losses)}
    figure = plots.loss_curve(xor.losses, shown, "XOR, deep: training loss (cross-entropy)")
    plots.save(figure, options.out / "deep-loss.png")
    figure = plots.loss_and_accuracy(circles.losses, circles.accuracies, RECORDED_CIRCLES, "Circles")
    plots.save(figure, options.out / "deep-circles-history.png")
    for name in ("circles", "spirals"):
        figure = plots.decision_boundary(
            plots.answers(runs[name].model),
            *TASKS[name].points,
            f"{name.capitalize()}: what the deep network answers",
            margin=0.25,
            size=20,
        )
        plots.save(figure, options.out / f"deep-{name}.png")
