"""Experiment E7: a classifier seen through its statistics: iris, class 0 against the rest.

Logistic regression is one linear layer and a sigmoid. Trained here by gradient descent on scikit-learn's own
objective (Σ cross-entropy + ½ ‖w‖²), it must come to scikit-learn's own weights; every statistic is
scikit-learn's.

Run `python -m demos.iris --help` for the options.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import autodiff
import nn

from . import data, lab_book
from .lab_book import Row

CLAIM = (
    "Every test flower is told right (AUC 1), with the weights that scikit-learn's LogisticRegression finds"
)

NAMES = ["the rest", "class 0 (setosa)"]


class Split(NamedTuple):
    """Standardised inputs (105, 4) and (45, 4) and their classes: 1 for iris class 0, 0 for the rest."""

    x: data.Array
    x_test: data.Array
    y: data.Array
    y_test: data.Array


def main(argv: Sequence[str] | None = None) -> int:
    """Train, print, draw; 0 if the claim holds, 1 if it does not."""
    options = parse(argv)
    return lab_book.conclude(run(options), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """Train, print the statistics of the test set, write the files; scikit-learn's numbers beside ours."""
    from sklearn import metrics
    from sklearn.linear_model import LogisticRegression

    print(f"Claim: {CLAIM}.\n")
    split = iris(options.seed)
    autodiff.manual_seed(options.seed)
    model = nn.Linear(4, 1, dtype=autodiff.float64)
    losses = train(model, split, options.epochs)
    theirs = LogisticRegression(tol=1e-10).fit(split.x, split.y)

    with autodiff.no_grad():
        ours = autodiff.sigmoid(model(autodiff.tensor(split.x_test))).numpy()[:, 0]
    scores = {"ours": ours, "theirs": theirs.predict_proba(split.x_test)[:, 1]}
    predicted = {name: (p > 0.5).astype(int) for name, p in scores.items()}

    confusion = metrics.confusion_matrix(split.y_test, predicted["ours"])
    print(f"Confusion matrix (rows: true, columns: predicted)\n{confusion}\n")
    print(metrics.classification_report(split.y_test, predicted["ours"], target_names=NAMES, zero_division=0))
    write_files(options, losses, split.y_test, ours)
    if not options.no_plots:
        draw(options, losses, confusion, split.y_test, ours)

    rows = []
    for name in ("accuracy", "precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        then, now = (f"{score(split.y_test, predicted[who]):.4f}" for who in ("theirs", "ours"))
        rows.append(Row("E7", f"{name} (scikit-learn's model, ours)", then, now, then == now == "1.0000"))
    then, now = (f"{metrics.roc_auc_score(split.y_test, scores[who]):.4f}" for who in ("theirs", "ours"))
    rows.append(Row("E7", "AUC (scikit-learn's model, ours)", then, now, then == now == "1.0000"))
    weights = [value for tensor in model.state_dict().values() for value in tensor.numpy().ravel()]
    for name, then, now in zip(
        ("sepal length", "sepal width", "petal length", "petal width", "bias"),
        (*theirs.coef_[0], theirs.intercept_[0]),
        weights,
        strict=True,
    ):
        rows.append(
            Row(
                "E7",
                f"weight of {name} (the same two)",
                f"{then:.3f}",
                f"{now:.3f}",
                bool(abs(then - now) < 1e-3),
            )
        )
    return rows


def iris(seed: int) -> Split:
    """Iris, class 0 against the rest, 70/30, standardised by mean and deviation of the training part."""
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    flowers = load_iris()
    x, x_test, y, y_test = train_test_split(
        flowers.data, (flowers.target == 0).astype(int), test_size=0.3, random_state=seed
    )
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return Split((x - mean) / deviation, (x_test - mean) / deviation, y, y_test)


def train(model: nn.Linear, split: Split, epochs: int) -> list[float]:
    """Gradient descent on the mean cross-entropy + ‖w‖² / 2n; returns the cross-entropy before every step."""
    x, y = autodiff.tensor(split.x), autodiff.tensor(split.y[:, None].astype(np.float64))
    loss_fn = nn.BCEWithLogitsLoss()
    groups: list[dict[str, Any]] = [
        {"params": model.weight, "weight_decay": 1 / len(split.y)},
        {"params": model.bias},
    ]
    optimizer = nn.optim.SGD(groups, lr=1.0)
    losses = []
    for _ in tqdm(range(epochs), unit="epoch", leave=False, disable=None):  # None: no bar in a log
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def write_files(options: argparse.Namespace, losses: list[float], y: data.Array, scores: data.Array) -> None:
    """`losses.csv`, and `test.csv` with the class and the score of every test flower."""
    with (options.out / "losses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "loss"])
        writer.writerows(enumerate(losses))
    with (options.out / "test.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["class", "score"])
        writer.writerows(zip(y.tolist(), scores.tolist(), strict=True))


def draw(
    options: argparse.Namespace, losses: list[float], confusion: data.Array, y: data.Array, scores: data.Array
) -> None:
    """The loss, the confusion matrix and the ROC curve."""
    from sklearn import metrics

    from . import plots

    plots.save(plots.loss_curve(losses, title="Iris: training loss"), options.out / "loss.png")
    figure = plots.confusion_matrix(confusion, NAMES, "Iris, 45 test flowers")
    plots.save(figure, options.out / "confusion.png")
    false_alarms, hits, _ = metrics.roc_curve(y, scores)
    figure = plots.roc(false_alarms, hits, metrics.roc_auc_score(y, scores), "Iris, 45 test flowers")
    plots.save(figure, options.out / "roc.png")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    return lab_book.parse(lab_book.parser("iris", CLAIM, epochs=2000), argv)


if __name__ == "__main__":
    sys.exit(main())
