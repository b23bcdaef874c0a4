"""Experiment E6: a feed-forward network on handwritten digits, trained as Keras users do it.

784 → 512 ReLU → dropout 0.3 → 256 ReLU → dropout 0.2 → 10, cross-entropy, Adam, a tenth of the training data
held out as validation. Offline it is the same network on the 8×8 digits that come with scikit-learn, in 30
epochs, because there are 1437 images to learn from and not 60 000; `--data mnist` fetches MNIST itself, and
`--data-dir` reads its files, for 10 epochs as recorded.

Run `python -m demos.mnist --help` for the options.
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

CLAIM = "The network tells more than 97 % of digits that it has never seen"

EPOCHS = {"8×8 digits": 30, "MNIST": 10}
SERIES = {"loss", "accuracy", "val_loss", "val_accuracy"}


def main(argv: Sequence[str] | None = None) -> int:
    """Train, print, draw; 0 if the claim holds, 1 if it does not, 2 if there is no such data."""
    options = parse(argv)
    try:
        data = load(options)
    except (OSError, ValueError) as error:
        print(f"python -m demos.mnist: {error}", file=sys.stderr)
        return 2
    return lab_book.conclude(experiment(options, data), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """Load, train, write the files; what was recorded beside ours."""
    return experiment(options, load(options))


def load(options: argparse.Namespace) -> Images:
    """The images that were asked for; without the network the 8×8 digits, and a line that says so."""
    if options.data_dir is not None:
        return images.mnist_from_files(options.data_dir)
    if options.data == "mnist":
        try:
            return images.mnist_from_network()
        except OSError as error:
            print(
                f"MNIST could not be fetched ({error}).\n"
                "Going on with the 8×8 digits; with MNIST's four files in a folder, use --data-dir FOLDER.\n"
            )
    return images.digits()


def network(pixels: int) -> nn.Sequential:
    """The lab's network; on MNIST there are 784 pixels."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(pixels, 512),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 10),
    )


def experiment(options: argparse.Namespace, data: Images) -> list[Row]:
    """Train, print the summary, a line an epoch and the statistics; write the files."""
    from sklearn import metrics

    print(f"Claim: {CLAIM}.\n")
    autodiff.manual_seed(options.seed)
    shape = data.x.shape[1:]
    model = network(data.x[0].size)
    print(f"{nn.summary(model, shape)}\n\n{data.title}: {len(data.x)} images, {len(data.x_test)} to test\n")

    trainer = nn.Trainer(model, nn.CrossEntropyLoss(), nn.optim.Adam(model.parameters()), ["accuracy"])
    epochs = options.epochs or EPOCHS[data.title]
    history = trainer.fit(data.x, data.y, epochs=epochs, batch_size=128, validation_split=0.1)
    predicted = trainer.predict(data.x_test, batch_size=512).argmax(dim=1).numpy()

    report = metrics.classification_report(data.y_test, predicted, digits=4, zero_division=0)
    print(f"\nOf the test images:\n{report}")
    history.to_csv(options.out / "history.csv")
    nn.save(model, options.out / "model.npz")
    if not options.no_plots:
        draw(options.out, data, trainer, predicted)

    accuracy = metrics.accuracy_score(data.y_test, predicted)
    return [
        lab_book.equal("E6", "series of the history", "4", str(len(SERIES & history.history.keys()))),
        Row(
            "E6",
            f"test accuracy (recorded: MNIST; ours: {data.title})",
            "about 0.98",
            f"{accuracy:.4f}",
            bool(accuracy > 0.97),
        ),
    ]


def draw(out: Path, data: Images, trainer: nn.Trainer, predicted: images.Array) -> None:
    """The four series, the confusion matrix, what the first layer looks for, and the images told wrong."""
    from sklearn import metrics

    from . import plots

    plots.save(trainer.history.plot(f"{data.title}: training and validation"), out / "history.png")
    counts = metrics.confusion_matrix(data.y_test, predicted)
    title = f"{data.title}, {len(predicted)} test images"
    plots.save(plots.confusion_matrix(counts, data.names, title), out / "confusion.png")
    first = trainer.model.get_parameter("1.weight").detach().numpy()[:32]
    weights = first.reshape(-1, *data.x.shape[2:])
    plots.save(
        plots.filters(weights, "The first 32 of the 512 units of the first layer"), out / "filters.png"
    )
    wrong = predicted != data.y_test
    order = wrong.argsort(kind="stable")[::-1][:24]  # those told wrong first
    figure = plots.samples(
        data.x_test[order],
        [data.names[k] for k in predicted[order]],
        [data.names[k] for k in data.y_test[order]],
        f"{data.title}: test images, those told wrong first ({wrong.sum()} of {len(wrong)})",
    )
    plots.save(figure, out / "samples.png")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    options = lab_book.parser("mnist", CLAIM, epochs=None)
    where = options.add_mutually_exclusive_group()
    where.add_argument("--data", choices=["digits", "mnist"], default="digits", help="mnist: fetch it")
    where.add_argument("--data-dir", type=Path, help="folder of MNIST's four IDX files, also as .gz")
    return lab_book.parse(options, argv)


if __name__ == "__main__":
    sys.exit(main())
