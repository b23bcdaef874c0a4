"""Experiments E1 and E2: a 2-4-1 network learns XOR, in PyTorch's style, and then a deep one does.

The step is the one written by hand in the lab: dL/dw = (ŷ - y) · ŷ · (1 - ŷ) · a_prev (times 2/n for the
mean), then w <- w - η dL/dw. E2 is in `demos.deep`; it runs unless the options make E1 another experiment.
Run `python -m demos.xor --help` for the options.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

import autodiff
import nn

from . import deep, lab_book
from .lab_book import Row

CLAIM = "XOR is learned: the loss ends below 0.01 and all four predictions are on the right side of 0.5"

INPUTS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
TARGETS = [[0.0], [1.0], [1.0], [0.0]]

# The lab book's run (its seed was not recorded): the loss every 1000 epochs, and the final predictions.
RECORDED = {
    1000 * line: loss
    for line, loss in enumerate(
        [
            *(0.2595, 0.2497, 0.2492, 0.2483, 0.2458, 0.2361, 0.1899, 0.0877, 0.0361, 0.0194),
            *(0.0125, 0.0089, 0.0069, 0.0055, 0.0046, 0.0039, 0.0034, 0.0030, 0.0027, 0.0024),
        ]
    )
}
RECORDED_PREDICTIONS = [0.0494, 0.9517, 0.9560, 0.0455]

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
LOSSES = {"mse": nn.MSELoss, "bce": nn.BCELoss}
OPTIMIZERS = {
    "sgd": nn.optim.SGD,
    "adam": nn.optim.Adam,
    "adamw": nn.optim.AdamW,
    "rmsprop": nn.optim.RMSprop,
    "adagrad": nn.optim.Adagrad,
}


class XOR(nn.Module):
    """Two inputs, one hidden layer, one probability."""

    def __init__(self, hidden: int = 4, activation: str = "sigmoid") -> None:
        super().__init__()
        self.hidden = nn.Linear(2, hidden)
        self.activation = ACTIVATIONS[activation]()
        self.output = nn.Linear(hidden, 1)

    def forward(self, x: autodiff.Tensor) -> autodiff.Tensor:
        probability: autodiff.Tensor = self.output(self.activation(self.hidden(x))).sigmoid()
        return probability


def main(argv: Sequence[str] | None = None) -> int:
    """Train, print, draw; 0 if the claim holds, 1 if it does not."""
    options = parse(argv)
    return lab_book.conclude(run(options), options.out)


def run(options: argparse.Namespace) -> list[Row]:
    """E1 and, with the options as recorded, E2: lines, files, and what was recorded beside ours."""
    print(f"Claim: {CLAIM}.\n")

    autodiff.manual_seed(options.seed)
    x, y = autodiff.tensor(INPUTS), autodiff.tensor(TARGETS)
    model = XOR(options.hidden, options.activation)
    loss_fn = LOSSES[options.loss]()
    optimizer = OPTIMIZERS[options.optimizer](model.parameters(), lr=options.lr)
    print(model, end="\n\n")

    recorded = RECORDED if as_in_the_lab_book(options) else {}
    print(f"{'epoch':>6}  {'recorded':>8}  {'this run':>8}")
    losses: list[float] = []
    for epoch in tqdm(range(options.epochs), unit="epoch", leave=False, disable=None):  # no bar in a log
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if epoch == 0 and not options.no_plots:
            autodiff.draw(loss, names=model).save(options.out / "graph.svg")
        optimizer.step()
        losses.append(loss.item())
        if epoch % max(1, options.epochs // 20) == 0:
            beside = f"{recorded[epoch]:.4f}" if epoch in recorded else "-"
            tqdm.write(f"{epoch:6d}  {beside:>8}  {losses[-1]:8.4f}")

    with autodiff.no_grad():
        predictions = model(x).flatten().tolist()
        final = loss_fn(model(x), y).item()
    print(f"\nfinal loss {final:.4f}\n")
    report(predictions, recorded=bool(recorded))
    write_files(options.out, model, losses, final, plots=not options.no_plots, recorded=recorded)
    rows = rows_of([*losses, final], predictions, recorded)
    return rows + deep.run(options) if recorded else rows


def rows_of(losses: list[float], predictions: list[float], recorded: dict[int, float]) -> list[Row]:
    """The loss and the four predictions: of another seed than recorded, so that only the claim can hold."""
    last = max(recorded, default=len(losses))
    if last < len(losses):
        then, now = (f"{loss:.4f}" for loss in (recorded[last], losses[last]))
        loss = Row("E1", f"loss at epoch {last} (another seed)", then, now, losses[-1] < 0.01)
    else:
        loss = Row("E1", f"loss at epoch {len(losses) - 1}", "-", f"{losses[-1]:.4f}", losses[-1] < 0.01)
    then = " ".join(f"{p:.4f}" for p in RECORDED_PREDICTIONS) if recorded else "-"
    now = " ".join(f"{p:.4f}" for p in predictions)
    right = all((p > 0.5) == (t == 1) for p, (t,) in zip(predictions, TARGETS, strict=True))
    return [loss, Row("E1", "predictions" + " (another seed)" * bool(recorded), then, now, right)]


def as_in_the_lab_book(options: argparse.Namespace) -> bool:
    """Whether the run differs from the recorded one only in its seed, or its length."""
    ours = (options.hidden, options.loss, options.activation, options.optimizer, options.lr)
    return ours == (4, "mse", "sigmoid", "sgd", 0.1)


def report(predictions: list[float], recorded: bool) -> None:
    """The four rows of the truth table with their predictions."""
    print("inputs   target  recorded  this run")
    for row, (target,), then, now in zip(INPUTS, TARGETS, RECORDED_PREDICTIONS, predictions, strict=True):
        beside = f"{then:.4f}" if recorded else "-"
        print(f"({row[0]:.0f}, {row[1]:.0f})   {target:6.0f}  {beside:>8}  {now:8.4f}")


def write_files(
    out: Path, model: XOR, losses: list[float], final: float, plots: bool, recorded: dict[int, float]
) -> None:
    """`losses.csv`, `model.npz`, and the pictures."""
    with (out / "losses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "loss"])
        writer.writerows(enumerate([*losses, final]))
    nn.save(model.state_dict(), out / "model.npz")
    if not plots:
        return
    from . import plots as pictures

    inputs, labels = autodiff.tensor(INPUTS), autodiff.tensor(TARGETS)
    shown = {epoch: loss for epoch, loss in recorded.items() if epoch < len(losses)}
    pictures.save(pictures.loss_curve(losses, shown, "XOR: training loss"), out / "loss.png")
    title = "XOR: what the network answers"
    boundary = pictures.decision_boundary(pictures.answers(model), inputs.numpy(), labels.numpy(), title)
    pictures.save(boundary, out / "boundary.png")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m demos.xor", description=f"{CLAIM}.")
    parser.add_argument(
        "--epochs", type=int, default=20_000, help="steps over the four rows (default %(default)s)"
    )
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate (default %(default)s)")
    parser.add_argument("--hidden", type=int, default=4, help="hidden units (default %(default)s)")
    parser.add_argument("--loss", choices=sorted(LOSSES), default="mse", help="default %(default)s")
    parser.add_argument(
        "--activation", choices=sorted(ACTIVATIONS), default="sigmoid", help="default %(default)s"
    )
    parser.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="sgd", help="default %(default)s")
    parser.add_argument("--seed", type=int, default=42, help="of the initial weights (default %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/xor"), help="folder for the files (default %(default)s)"
    )
    parser.add_argument(
        "--no-plots", action="store_true", help="write losses.csv and model.npz, draw nothing"
    )
    options = parser.parse_args(argv)
    if options.epochs < 1 or options.hidden < 1:
        parser.error("--epochs and --hidden must be at least 1")
    if not 0 < options.lr < math.inf:
        parser.error("--lr must be greater than 0, and finite")
    if not -(2**63) <= options.seed < 2**64:
        parser.error("--seed must lie between -2**63 and 2**64")
    lab_book.make_folder(parser, options.out)
    return options


if __name__ == "__main__":
    sys.exit(main())
