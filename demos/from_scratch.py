"""Experiment E3: XOR by hand in NumPy, the engine's gradients beside the hand's, and why the lab's run stuck.

Columns are samples: X is (2, 4), Y is (1, 4). The lab drew its weights as 0.01 · N(0, 1), and its loss
stayed at 0.6931 = log 2: all hidden units answer nearly 0.5, whatever they are asked, and so does the
network.

At weights of exactly zero, the gradient of XOR is zero, and of the Hessian's 17 eigenvalues one is 1/2
and sixteen are zero: to second order there is no way down at all. Near by, where the lab's run sits, the
measurement finds a saddle: the first layer's gradient is some 1e-8, and the least eigenvalue λ is below
zero, but hardly. A distance in its direction grows by a factor e in 1 / (η · |λ|) steps, more than fifty
times the length of the run.

Run `python -m demos.from_scratch --help` for the options.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autodiff
from nn import functional as F

from . import data, lab_book
from .lab_book import Row

CLAIM = "Gradients by hand equal the engine's to 1e-12; small weights stick on a saddle, larger ones learn"

Array = np.ndarray[Any, Any]
Loss = Callable[[autodiff.Tensor, autodiff.Tensor], autodiff.Tensor]
TOLERANCE = 1e-12
LINES = range(0, 1000, 100)  # the epochs that the lab printed: 0.6931 at every one
POINTS, CLASSES = data.xor()
X, Y = POINTS.T, CLASSES[None, :].astype(np.float64)


class Weights(NamedTuple):
    """w1 (hidden, 2), b1 (hidden, 1), w2 (1, hidden), b2 (1, 1): the weights, or their gradients."""

    w1: Array
    b1: Array
    w2: Array
    b2: Array


class Run(NamedTuple):
    """Losses and first-layer gradients, one a step; how far hand and engine differ; the last weights."""

    losses: list[float]
    first_layer: list[float]
    difference: float
    weights: Weights


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


def forward(weights: Weights) -> tuple[Array, Array]:
    """The hidden units (hidden, 4) and the predictions (1, 4)."""
    hidden = sigmoid(weights.w1 @ X + weights.b1)
    return hidden, sigmoid(weights.w2 @ hidden + weights.b2)


def cross_entropy_by_hand(weights: Weights) -> tuple[float, Weights]:
    """-(1/n) Σ [y log ŷ + (1 - y) log(1 - ŷ)] and its gradient, where dL/dz of the output is (ŷ - y) / n."""
    hidden, predicted = forward(weights)
    loss = -(Y * np.log(predicted) + (1 - Y) * np.log(1 - predicted)).mean()
    return loss, backward(weights, hidden, (predicted - Y) / Y.size)


def squared_error_by_hand(weights: Weights) -> tuple[float, Weights]:
    """½ Σ (ŷ - y)² and its gradient."""
    hidden, predicted = forward(weights)
    loss = 0.5 * ((predicted - Y) ** 2).sum()
    return loss, backward(weights, hidden, (predicted - Y) * predicted * (1 - predicted))


def backward(weights: Weights, hidden: Array, dz2: Array) -> Weights:
    """The chain rule by hand, from dL/dz of the output (1, 4); a sigmoid's derivative is s · (1 - s)."""
    dz1 = weights.w2.T @ dz2 * hidden * (1 - hidden)
    return Weights(dz1 @ X.T, dz1.sum(axis=1, keepdims=True), dz2 @ hidden.T, dz2.sum(axis=1, keepdims=True))


def squared_error(predicted: autodiff.Tensor, y: autodiff.Tensor) -> autodiff.Tensor:
    """The loss of `squared_error_by_hand`, for the engine."""
    return 0.5 * ((predicted - y) ** 2).sum()


def loss_of(weights: Sequence[autodiff.Tensor], loss_fn: Loss = F.binary_cross_entropy) -> autodiff.Tensor:
    """The loss of the network with these tensors as weights: all that the engine needs to be told."""
    w1, b1, w2, b2 = weights
    hidden = (w1 @ autodiff.tensor(X) + b1).sigmoid()
    return loss_fn((w2 @ hidden + b2).sigmoid(), autodiff.tensor(Y))


def by_engine(weights: Weights, loss_fn: Loss) -> Weights:
    """The gradient of the same loss by the engine."""
    tensors = [autodiff.tensor(array, requires_grad=True) for array in weights]
    return Weights(*(g.numpy() for g in gradients(loss_of(tensors, loss_fn), tensors)))


def gradients(
    y: autodiff.Tensor, tensors: Sequence[autodiff.Tensor], **options: Any
) -> list[autodiff.Tensor]:
    """dy/dt of every tensor t."""
    return [g for g in autodiff.grad(y, tensors, **options) if g is not None]


def train(
    weights: Weights,
    epochs: int,
    lr: float,
    by_hand: Callable[[Weights], tuple[float, Weights]] = cross_entropy_by_hand,
    loss_fn: Loss = F.binary_cross_entropy,
) -> Run:
    """Gradient descent by hand; at every step the engine differentiates too, and the two are compared."""
    losses, first_layer, difference = [], [], 0.0
    for _ in range(epochs):
        loss, gradient = by_hand(weights)
        for hand, engine in zip(gradient, by_engine(weights, loss_fn), strict=True):
            difference = max(difference, float(abs(hand - engine).max()))
        losses.append(float(loss))
        first_layer.append(float(np.linalg.norm(gradient.w1)))
        weights = Weights(*(w - lr * g for w, g in zip(weights, gradient, strict=True)))
    return Run(losses, first_layer, difference, weights)


def curvatures(weights: Weights) -> Array:
    """The eigenvalues of the cross-entropy's Hessian, the least first: the engine differentiates twice."""
    tensors = [autodiff.tensor(array, requires_grad=True) for array in weights]
    gradient = gradients(loss_of(tensors), tensors, create_graph=True)
    entries = autodiff.cat([g.flatten() for g in gradient])
    rows = [gradients(entry, tensors, retain_graph=True) for entry in entries]
    return np.linalg.eigvalsh(np.array([np.concatenate([g.numpy().ravel() for g in row]) for row in rows]))


def normal(scale: float, seed: int, hidden: int = 4) -> Weights:
    """Weights drawn as scale · N(0, 1), biases zero."""
    random = np.random.RandomState(seed)
    w1, w2 = scale * random.randn(hidden, 2), scale * random.randn(1, hidden)
    return Weights(w1, np.zeros((hidden, 1)), w2, np.zeros((1, 1)))


def uniform(seed: int, hidden: int = 2) -> Weights:
    """Weights and biases uniform on [0, 1)."""
    random = np.random.RandomState(seed)
    return Weights(*(random.uniform(size=size) for size in ((hidden, 2), (hidden, 1), (1, hidden), (1, 1))))


def main(argv: Sequence[str] | None = None) -> int:
    """Train by hand three times, print, draw; 0 if the claim holds, 1 if it does not."""
    options = parse(argv)
    return lab_book.conclude(run(options), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """The three runs and the measurements, files written; every recorded number beside ours."""
    print(f"Claim: {CLAIM}.\n")
    runs = {
        "0.01 · N(0, 1)": train(normal(0.01, options.seed), options.epochs, lr=1.0),
        "N(0, 1)": train(normal(1.0, options.seed), options.epochs, lr=1.0),
        "2-2-1, uniform": train(
            uniform(options.seed), 10 * options.epochs, 0.5, squared_error_by_hand, squared_error
        ),
    }
    stuck, learns, small = runs.values()
    write_files(options, stuck, learns, small)
    return [
        *rows_of_losses(stuck, learns, small),
        *rows_of_gradients(runs),
        *rows_of_the_saddle(stuck, learns),
    ]


def rows_of_losses(stuck: Run, learns: Run, small: Run) -> list[Row]:
    """What the three runs came to."""
    reached = [f"{stuck.losses[epoch]:.4f}" for epoch in LINES if epoch < len(stuck.losses)]
    flat = len(reached) == len(LINES) and set(reached) == {"0.6931"}
    same = reached[0] if len(set(reached)) == 1 else f"{reached[0]} ... {reached[-1]}"
    predicted = forward(small.weights)[1].ravel()
    right = bool(((predicted > 0.5) == (Y.ravel() > 0.5)).all())
    answers = " ".join(f"{p:.2f}" for p in predicted)
    late = learns.losses[900:901]
    learned = (f"{late[0]:.4f}", late[0] < 0.02) if late else ("not reached", False)
    return [
        Row("E3", "0.01 · N(0, 1): loss at epochs 0, 100, ... 900", "0.6931", same, flat),
        Row("E3", "N(0, 1): loss at epoch 900 (another draw)", "about 0.012", *learned),
        Row("E3", "2-2-1, uniform, s · (1 - s): predictions", "-", answers, right),
    ]


def rows_of_gradients(runs: dict[str, Run]) -> list[Row]:
    """How far the gradients by hand are from the engine's, at worst, over all steps and weights of a run."""
    return [
        Row("E3", f"{name}: |hand - engine|", "-", f"{run.difference:.0e}", run.difference <= TOLERANCE)
        for name, run in runs.items()
    ]


def rows_of_the_saddle(stuck: Run, learns: Run) -> list[Row]:
    """Why the first run sticks: no slope where it is, and hardly any curvature that leads away."""
    hidden = forward(stuck.weights)[0]
    away = float(abs(hidden - 0.5).max())
    down, *_, up = curvatures(stuck.weights)
    patience = 1 / abs(down) if down < 0 else float("inf")  # steps of rate 1, to get away by a factor e
    zero = Weights(*(np.zeros_like(w) for w in stuck.weights))
    steepest = float(max(abs(g).max() for g in cross_entropy_by_hand(zero)[1]))
    flat = int((abs(curvatures(zero)) < 1e-12).sum())
    ratio = float(np.median(learns.first_layer) / np.median(stuck.first_layer))
    return [
        Row("E3", "stuck: hidden units differ from 0.5 by", "-", f"{away:.3f}", away < 0.02),
        Row("E3", "first layer's gradient, learning / stuck", "-", f"{ratio:.0e}", ratio > 1e3),
        Row("E3", "all weights 0: gradient", "-", f"{steepest:g}", steepest == 0),
        Row("E3", "all weights 0: flat directions of 17", "-", f"{flat}", flat == 16),
        Row("E3", "stuck: curvature, least and greatest", "-", f"{down:.0e} {up:.2f}", down < 0 < 0.4 < up),
        Row("E3", "stuck: steps to get away by a factor e", "-", f"{patience:.0f}", patience > 50_000),
    ]


def write_files(options: argparse.Namespace, stuck: Run, learns: Run, small: Run) -> None:
    """`history.csv` (the first two runs), `2-2-1.csv`, and the pictures."""
    with (options.out / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "stuck loss", "stuck gradient", "learning loss", "learning gradient"])
        series = (stuck.losses, stuck.first_layer, learns.losses, learns.first_layer)
        writer.writerows(zip(range(options.epochs), *series, strict=True))
    with (options.out / "2-2-1.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "loss"])
        writer.writerows(enumerate(small.losses))
    if options.no_plots:
        return
    from . import plots

    both = {"0.01 · N(0, 1): stuck": stuck, "N(0, 1): learns": learns}
    losses = {name: run.losses for name, run in both.items()}
    gradients = {name: run.first_layer for name, run in both.items()}
    plots.save(plots.curves(losses, "XOR by hand: training loss"), options.out / "losses.png")
    figure = plots.curves(
        gradients, "XOR by hand: gradient of the first layer", "‖dL/dW₁‖ (log scale)", log=True
    )
    plots.save(figure, options.out / "gradients.png")
    figure = plots.curves({"½ Σ (ŷ - y)²": small.losses}, "XOR by hand, 2-2-1", "loss (sum over the batch)")
    plots.save(figure, options.out / "2-2-1.png")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    return lab_book.parse(lab_book.parser("from_scratch", CLAIM, epochs=1000), argv)


if __name__ == "__main__":
    sys.exit(main())
