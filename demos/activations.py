"""Experiment E8: every activation beside its derivative, and one small network trained with each.

Five hidden layers of eight units and a fixed rate: each layer multiplies the gradient by the derivative of
its activation. A sigmoid's is at most 1/4, so that little reaches the first layer and the network does not
learn; a tanh's is 1 around zero, and the same network learns.

Run `python -m demos.activations --help` for the options.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import autodiff
import nn

from . import data, lab_book
from .lab_book import Row

CLAIM = (
    "Derivatives equal central differences to 1e-6; sigmoids starve the first layer and stick, tanh learns"
)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "hardtanh": nn.Hardtanh,
    "relu6": nn.ReLU6,
    "tanhshrink": nn.Tanhshrink,
    "logsigmoid": nn.LogSigmoid,
}
DEPTH, WIDTH, LEARNING_RATE = 5, 8, 0.2
TOLERANCE = 1e-6


class Trained(NamedTuple):
    """The loss and the first layer's gradient (its norm) before every step, and the accuracy at the end."""

    losses: list[float]
    gradients: list[float]
    accuracy: float


def main(argv: Sequence[str] | None = None) -> int:
    """Differentiate, train, print, draw; 0 if the claim holds, 1 if it does not."""
    options = parse(argv)
    return lab_book.conclude(run(options), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """All derivatives, all networks, the files; the measurements that the claim rests on."""
    print(f"Claim: {CLAIM}.\n")
    x = np.linspace(-8, 8, 400)  # no kink of any activation is among these
    shapes = {name: (x, *with_derivative(make(), x)) for name, make in ACTIVATIONS.items()}
    errors = {name: error(make(), x, shapes[name][2]) for name, make in ACTIVATIONS.items()}
    runs = {
        name: train(make, options.epochs, options.seed)
        for name, make in tqdm(ACTIVATIONS.items(), leave=False, disable=None)  # None: no bar in a log
    }
    report(runs)
    write_files(options, runs)
    if not options.no_plots:
        from . import plots

        plots.save(plots.functions(shapes), options.out / "activations.png")
        losses = {f"{name}: accuracy {run.accuracy:.3f}": run.losses for name, run in runs.items()}
        plots.save(plots.small_curves(losses, "training loss"), options.out / "losses.png")
        first = {name: run.gradients for name, run in runs.items()}
        figure = plots.first_and_last(
            first, "How large the first layer's gradient is", "‖dL/dW₁‖ (log scale)"
        )
        plots.save(figure, options.out / "gradients.png")

    worst = max(errors, key=lambda name: errors[name])
    start = {name: run.gradients[0] for name, run in runs.items()}
    ratio = start["tanh"] / start["sigmoid"]
    sigmoid, tanh = runs["sigmoid"], runs["tanh"]
    stuck, learned = f"{sigmoid.losses[-1]:.4f}", f"{tanh.accuracy:.3f}"
    return [
        Row(
            "E8", f"derivative, worst error ({worst})", "-", f"{errors[worst]:.0e}", errors[worst] < TOLERANCE
        ),
        Row("E8", "first layer's gradient, tanh / sigmoid", "-", f"{ratio:.0f}", ratio > 100),
        Row("E8", "sigmoid: last loss (log 2 is 0.6931)", "-", stuck, sigmoid.losses[-1] > 0.69),
        Row("E8", "tanh: accuracy", "-", learned, tanh.accuracy >= 0.95),
    ]


def with_derivative(activation: nn.Module, x: data.Array) -> tuple[data.Array, data.Array]:
    """f(x) and f'(x), for every entry of x: the gradient of the sum, as each entry sees its own x alone."""
    points = autodiff.tensor(x, requires_grad=True)
    y: autodiff.Tensor = activation(points)
    (derivative,) = autodiff.grad(y.sum(), points)
    assert derivative is not None
    return y.detach().numpy(), derivative.numpy()


def error(activation: nn.Module, x: data.Array, derivative: data.Array, h: float = 1e-6) -> float:
    """How far the derivative is from (f(x + h) - f(x - h)) / 2h, at worst."""
    above, below = (activation(autodiff.tensor(at)).numpy() for at in (x + h, x - h))
    return float(abs((above - below) / (2 * h) - derivative).max())


def train(make: Callable[[], nn.Module], epochs: int, seed: int) -> Trained:
    """The same weights from the same seed for every activation, trained on two moons by gradient descent."""
    points, classes = data.moons(200, 0.2, 42)
    x = autodiff.tensor(points, dtype=autodiff.float32)
    y = autodiff.tensor(classes[:, None], dtype=autodiff.float32)
    autodiff.manual_seed(seed)
    first = nn.Linear(2, WIDTH)
    layers = [first, make()]
    for _ in range(DEPTH - 1):
        layers += [nn.Linear(WIDTH, WIDTH), make()]
    model = nn.Sequential(*layers, nn.Linear(WIDTH, 1))
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=LEARNING_RATE)

    losses, gradients = [], []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert first.weight.grad is not None
        gradients.append(float(np.linalg.norm(first.weight.grad.numpy())))
    with autodiff.no_grad():
        right = (model(x) > 0) == (y > 0.5)
    return Trained(losses, gradients, float(right.numpy().mean()))


def report(runs: dict[str, Trained]) -> None:
    """One line an activation."""
    print(f"{'activation':10}  {'loss':>6}  {'accuracy':>8}  {'‖dL/dW₁‖ first':>14}  {'last':>7}")
    for name, run in runs.items():
        first, last = run.gradients[0], run.gradients[-1]
        print(f"{name:10}  {run.losses[-1]:6.4f}  {run.accuracy:8.3f}  {first:14.1e}  {last:7.1e}")


def write_files(options: argparse.Namespace, runs: dict[str, Trained]) -> None:
    """`losses.csv` and `gradients.csv`: a line an epoch, a column an activation."""
    for what in ("losses", "gradients"):
        with (options.out / f"{what}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *runs])
            series = [getattr(run, what) for run in runs.values()]
            writer.writerows(zip(range(options.epochs), *series, strict=True))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    return lab_book.parse(lab_book.parser("activations", CLAIM, epochs=1000), argv)


if __name__ == "__main__":
    sys.exit(main())
