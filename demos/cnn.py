"""Experiment E9: a small convolutional network tells two kinds of pictures apart.

Convolution, ReLU, max-pooling, twice; then a dense head. `--data-dir` is a folder with two sub-folders of
pictures, one a class ("cat" and "dog" in the course); without it, the kinds are the digits 4 and 9 of the set
that comes with scikit-learn.

Run `python -m demos.cnn --help` for the options.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import autodiff
import nn

from . import images, lab_book
from .images import Images
from .lab_book import Row

CLAIM = "The network tells more than 98 % of two kinds of pictures that it has never seen"


def main(argv: Sequence[str] | None = None) -> int:
    """Train, print, draw; 0 if the claim holds, 1 if it does not, 2 if the pictures cannot be read."""
    options = parse(argv)
    try:
        data = load(options)
    except (OSError, ValueError) as error:
        print(f"python -m demos.cnn: {error}", file=sys.stderr)
        return 2
    return lab_book.conclude(experiment(options, data), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """Load, train, write the files; nothing was recorded."""
    return experiment(options, load(options))


def load(options: argparse.Namespace) -> Images:
    """The pictures of the folder, or the digits."""
    if options.data_dir is None:
        return images.two_digits()
    return images.folder_of_two(options.data_dir, options.size)


def network(channels: int, height: int, width: int) -> nn.Sequential:
    """For images of these sizes; the result is a logit, above 0 for class 1."""
    return nn.Sequential(
        nn.Conv2d(channels, 8, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * (height // 4) * (width // 4), 32),
        nn.ReLU(),
        nn.Linear(32, 1),
    )


def experiment(options: argparse.Namespace, data: Images) -> list[Row]:
    """Train, print the summary, a line an epoch and the statistics; write the files."""
    from sklearn import metrics

    print(f"Claim: {CLAIM}.\n")
    autodiff.manual_seed(options.seed)
    shape = data.x.shape[1:]
    model = network(*shape)
    print(f"{nn.summary(model, shape)}\n\n{data.title}: {len(data.x)} images, {len(data.x_test)} to test\n")

    optimizer = nn.optim.Adam(model.parameters(), lr=2e-3)
    trainer = nn.Trainer(model, nn.BCEWithLogitsLoss(), optimizer, ["accuracy"])
    targets = data.y[:, None].astype("float32")
    history = trainer.fit(data.x, targets, epochs=options.epochs, validation_split=0.1)
    scores = autodiff.sigmoid(trainer.predict(data.x_test)).numpy()[:, 0]
    predicted = (scores > 0.5).astype(int)

    report = metrics.classification_report(
        data.y_test, predicted, labels=[0, 1], target_names=data.names, digits=4, zero_division=0
    )
    print(f"\nOf the test images:\n{report}")
    history.to_csv(options.out / "history.csv")
    nn.save(model, options.out / "model.npz")
    if not options.no_plots:
        draw(options.out, data, trainer, scores)

    accuracy = metrics.accuracy_score(data.y_test, predicted)
    area = metrics.roc_auc_score(data.y_test, scores)
    return [
        Row("E9", f"test accuracy, {data.title}", "-", f"{accuracy:.4f}", bool(accuracy > 0.98)),
        Row("E9", f"AUC, {data.title}", "-", f"{area:.4f}", bool(area > 0.98)),
    ]


def draw(out: Path, data: Images, trainer: nn.Trainer, scores: images.Array) -> None:
    """The series, the confusion matrix, the ROC curve, the first filters, the images told least surely."""
    from sklearn import metrics

    from . import plots

    predicted = (scores > 0.5).astype(int)
    title = f"{data.title}, {len(predicted)} test images"
    plots.save(trainer.history.plot(f"{data.title}: training and validation"), out / "history.png")
    counts = metrics.confusion_matrix(data.y_test, predicted, labels=[0, 1])
    plots.save(plots.confusion_matrix(counts, data.names, title), out / "confusion.png")
    false_alarms, hits, _ = metrics.roc_curve(data.y_test, scores)
    area = metrics.roc_auc_score(data.y_test, scores)
    plots.save(plots.roc(false_alarms, hits, area, title), out / "roc.png")
    filters = trainer.model.get_parameter("0.weight").detach().numpy()
    plots.save(
        plots.filters(filters.mean(axis=1), "The filters of the first convolution"), out / "filters.png"
    )
    order = abs(scores - 0.5).argsort(kind="stable")[:24]  # the least sure first
    figure = plots.samples(
        data.x_test[order],
        [data.names[k] for k in predicted[order]],
        [data.names[k] for k in data.y_test[order]],
        f"{data.title}: the test images told least surely",
    )
    plots.save(figure, out / "samples.png")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    options = lab_book.parser("cnn", CLAIM, epochs=20)
    options.add_argument("--data-dir", type=Path, help="folder of two sub-folders of pictures")
    options.add_argument(
        "--size", type=int, default=32, help="pictures of a folder become this wide and high (%(default)s)"
    )
    chosen = lab_book.parse(options, argv)
    if not 4 <= chosen.size <= 256:
        options.error("--size must lie between 4 and 256")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
