"""Experiment E4: a small ReLU network learns which quadrants are which, to the last recorded digit.

The lab wrote it in NumPy, with dL/dz = ŷ - y by hand; here the engine differentiates, and every printed digit
is the same. Run `python -m demos.quadrants --help` for the options.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff
import nn
from nn import functional as F

from . import data, lab_book
from .lab_book import Row

CLAIM = "All twenty recorded digits come out: loss and accuracy at epochs 0, 100, ... 900"

# epoch: loss, accuracy; in float64, from np.random.seed(42)
RECORDED = {
    0: ("0.6932", "0.3650"),
    100: ("0.6923", "0.5200"),
    200: ("0.6921", "0.5200"),
    300: ("0.6910", "0.5200"),
    400: ("0.6849", "0.5200"),
    500: ("0.6631", "0.5300"),
    600: ("0.6318", "0.6200"),
    700: ("0.6040", "0.6350"),
    800: ("0.5729", "0.6700"),
    900: ("0.5324", "0.8250"),
}
LEARNING_RATE = 0.1
INSIDE_LOG = 1e-8  # the lab adds it where it prints the loss, and leaves it out where it differentiates


def main(argv: Sequence[str] | None = None) -> int:
    """Train, print, draw; 0 if the claim holds, 1 if it does not."""
    options = parse(argv)
    return lab_book.conclude(run(options), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """Train, write the files, and return every recorded line beside ours."""
    print(f"Claim: {CLAIM}.\n")
    losses, accuracies = train(options.epochs, options.seed)
    with (options.out / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "loss", "accuracy"])
        writer.writerows(zip(range(options.epochs), losses, accuracies, strict=True))
    if not options.no_plots:
        from . import plots

        then = {epoch: (float(loss), float(accuracy)) for epoch, (loss, accuracy) in RECORDED.items()}
        plots.save(
            plots.loss_and_accuracy(losses, accuracies, then, "Quadrants"), options.out / "history.png"
        )
    return [
        lab_book.equal(
            "E4",
            f"epoch {epoch:3d}: loss, accuracy",
            " ".join(recorded),
            f"{losses[epoch]:.4f} {accuracies[epoch]:.4f}" if epoch < options.epochs else "not reached",
        )
        for epoch, recorded in RECORDED.items()
    ]


def train(epochs: int, seed: int) -> tuple[list[float], list[float]]:
    """The loss and the accuracy before every step of gradient descent on all 200 points."""
    random = np.random.RandomState(seed)
    points, classes = data.quadrants(200, random)
    x, y = autodiff.tensor(points), autodiff.tensor(classes[:, None].astype(np.float64))

    w1, b1 = parameter(0.01 * random.randn(2, 4)), parameter(np.zeros((1, 4)))
    w2, b2 = parameter(0.01 * random.randn(4, 1)), parameter(np.zeros((1, 1)))

    optimizer = nn.optim.SGD([w1, b1, w2, b2], lr=LEARNING_RATE)

    losses, accuracies = [], []
    for _ in range(epochs):
        z = (x @ w1 + b1).relu() @ w2 + b2
        loss = F.binary_cross_entropy_with_logits(z, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        with autodiff.no_grad():
            p = z.sigmoid()
            printed = -(y * (p + INSIDE_LOG).log() + (1 - y) * (1 - p + INSIDE_LOG).log()).mean()
            losses.append(printed.item())
            accuracies.append(((p > 0.5) == (y > 0.5)).double().mean().item())
    return losses, accuracies


def parameter(values: np.ndarray[Any, Any]) -> autodiff.Tensor:
    """A float64 tensor that gradients flow to."""
    return autodiff.tensor(values, requires_grad=True)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    return lab_book.parse(lab_book.parser("quadrants", CLAIM, epochs=1000), argv)


if __name__ == "__main__":
    sys.exit(main())
