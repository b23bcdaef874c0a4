"""Experiment E5: two moons, by gradient descent with a fixed rate and with a line search for every step.

Armijo's backtracking line search starts at α = 1 and halves α until L(w - αg) <= L(w) - 1e-4 · α · ‖g‖².
In the lab's run the first try, 1, is always accepted: the search wins because it can dare to begin at ten
times the fixed rate. A third run, which begins at 8, shows it at work.

Run `python -m demos.moons --help` for the options.
"""

from __future__ import annotations

import argparse
import copy
import csv
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tqdm import tqdm

import autodiff
import nn

from . import data, lab_book
from .lab_book import Row

CLAIM = "The four recorded accuracies and losses come out: 0.98 by line search, 0.86 at the fixed rate"

# name: accuracy on the training part, on the test part, first loss, last loss
RECORDED = {
    "fixed": ("0.8650", "0.8600", "0.64375", "0.26949"),
    "backtracking": ("0.9800", "0.9800", "0.74735", "0.06583"),
}
WHAT = ("train accuracy", "test accuracy", "first loss", "last loss")


class Part(NamedTuple):
    """Inputs (n, 2) and targets (n, 1), both float32."""

    x: autodiff.Tensor
    y: autodiff.Tensor


def main(argv: Sequence[str] | None = None) -> int:
    """Train twice, print, draw; 0 if the claim holds, 1 if it does not."""
    options = parse(argv)
    return lab_book.conclude(run(options), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """Train both models, write the files, and return every recorded number beside ours."""
    print(f"Claim: {CLAIM}.\n")
    training, test = parts()
    autodiff.manual_seed(options.seed)
    models = {name: nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)) for name in RECORDED}
    losses = {"fixed": with_fixed_rate(models["fixed"], training, options.epochs)}
    longer = copy.deepcopy(models["backtracking"])
    losses["backtracking"], steps = with_line_search(models["backtracking"], training, options.epochs)
    losses_from_8, steps_from_8 = with_line_search(longer, training, options.epochs, first=8.0)

    rows = []
    for name, recorded in RECORDED.items():
        accuracies = [f"{accuracy(models[name], part):.4f}" for part in (training, test)]
        ours = [*accuracies, f"{losses[name][0]:.5f}", f"{losses[name][-1]:.5f}"]
        rows += [
            lab_book.equal("E5", f"{name}, {what}", then, now)
            for what, then, now in zip(WHAT, recorded, ours, strict=True)
        ]
    print(f"Accepted steps: {counted(steps)}.")
    print(
        f"Not recorded: from α = 8 the loss ends at {losses_from_8[-1]:.5f}; steps: {counted(steps_from_8)}."
    )

    with (options.out / "losses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *losses, "step", "backtracking from 8", "step from 8"])
        series = (*losses.values(), steps, losses_from_8, steps_from_8)
        writer.writerows(zip(range(options.epochs), *series, strict=True))
    if not options.no_plots:
        every = {"search from 8 (not recorded)": steps_from_8, "search from 1 (the lab's)": steps}
        draw(options, models, losses, every, training)
    return rows


def parts() -> tuple[Part, Part]:
    """The moons, 400 to train on and 100 to test, standardised by mean and deviation of the training part."""
    from sklearn.model_selection import train_test_split

    x, x_test, y, y_test = train_test_split(*data.moons(500, 0.2, 42), test_size=0.2, random_state=42)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    training, test = (
        Part(
            *(
                autodiff.tensor(a, dtype=autodiff.float32)
                for a in ((points - mean) / deviation, classes[:, None])
            )
        )
        for points, classes in ((x, y), (x_test, y_test))
    )
    return training, test


def with_fixed_rate(model: nn.Module, part: Part, epochs: int, lr: float = 0.1) -> list[float]:
    """Plain gradient descent; returns the loss before every step."""
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in tqdm(range(epochs), "fixed", leave=False, disable=None):  # None: no bar in a log
        optimizer.zero_grad()
        loss = loss_fn(model(part.x), part.y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def with_line_search(
    model: nn.Module, part: Part, epochs: int, first: float = 1.0
) -> tuple[list[float], list[float]]:
    """Gradient descent that searches its step, from `first` down; returns the losses and the steps."""
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = nn.optim.BacktrackingSGD(model.parameters(), lr=first, rho=0.5, c=1e-4)
    losses, steps = [], []
    for _ in tqdm(range(epochs), "backtracking", leave=False, disable=None):
        losses.append(optimizer.step(lambda: loss_fn(model(part.x), part.y)).item())
        steps.append(optimizer.last_step or 0.0)
    return losses, steps


def accuracy(model: nn.Module, part: Part) -> float:
    """The share of points on the right side of the boundary, where the logit is 0."""
    with autodiff.no_grad():
        return float(((model(part.x) > 0) == (part.y > 0.5)).numpy().mean())


def draw(
    options: argparse.Namespace,
    models: Mapping[str, nn.Module],
    losses: dict[str, list[float]],
    steps: Mapping[str, Sequence[float]],
    training: Part,
) -> None:
    """The loss curves, the accepted steps, and what each model answers."""
    from . import plots

    names = {"fixed": "fixed rate 0.1", "backtracking": "backtracking line search"}
    curves = {names[name]: values for name, values in losses.items()}
    plots.save(plots.curves(curves, "Two moons: training loss"), options.out / "losses.png")
    plots.save(plots.step_sizes(steps, fixed=0.1), options.out / "steps.png")
    for name, model in models.items():
        figure = plots.decision_boundary(
            plots.answers(nn.Sequential(model, nn.Sigmoid())),
            training.x.numpy(),
            training.y.numpy(),
            f"Two moons: {names[name]}",
            size=28,
        )
        plots.save(figure, options.out / f"boundary-{name}.png")


def counted(steps: Sequence[float]) -> str:
    """Every step size and how often it was taken: `4 (139 times), 2 (151 times)`."""
    return ", ".join(
        f"{step:g} ({times} times)" for step, times in sorted(Counter(steps).items(), reverse=True)
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    return lab_book.parse(lab_book.parser("moons", CLAIM, epochs=300), argv)


if __name__ == "__main__":
    sys.exit(main())
