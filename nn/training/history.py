"""What an epoch came to, epoch after epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autodiff.errors import located

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History:
    """The series of a training: `history.history["val_loss"][k]` is the validation loss of epoch k + 1.

    `interrupted` is True if Ctrl-C ended the training; only complete epochs are in the series.

    >>> history = History()
    >>> history.append({"loss": 0.5, "val_loss": 0.75})
    >>> history.append({"loss": 0.25, "val_loss": 0.5})
    >>> history.history
    {'loss': [0.5, 0.25], 'val_loss': [0.75, 0.5]}
    >>> history
    History(2 epochs: loss 0.5000 → 0.2500, val_loss 0.7500 → 0.5000)
    """

    def __init__(self, history: Mapping[str, list[float]] | None = None) -> None:
        self.history: dict[str, list[float]] = {
            name: [float(value) for value in values] for name, values in (history or {}).items()
        }
        self.interrupted = False

    def append(self, values: Mapping[str, float]) -> None:
        """Add an epoch. Raises ValueError unless it has the names of the epochs before."""
        if self.history and list(values) != list(self.history):
            raise located.ValueError(
                f"the epochs before have {list(self.history)}, and this one has {list(values)}"
            )
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)

    def __len__(self) -> int:
        """The number of epochs."""
        return max(map(len, self.history.values()), default=0)

    def __bool__(self) -> bool:
        return True

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line an epoch, under the names of the series, every number with all its digits."""
        import csv

        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *self.history])
            writer.writerows(
                [epoch, *values]
                for epoch, values in enumerate(zip(*self.history.values(), strict=True), start=1)
            )

    def plot(self, title: str = "") -> Figure:
        """The curves as a matplotlib Figure: a picture for the loss and each metric, validation dashed.

        `history.plot().savefig("curves.png")`; a notebook shows it after `%matplotlib inline`. Raises
        ImportError without matplotlib, ValueError if there is no epoch.
        """
        if not self.history:
            raise located.ValueError("there is no epoch to plot yet")
        try:
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
        except ImportError as error:
            raise ImportError("History.plot() draws with matplotlib: pip install matplotlib") from error

        names = [name for name in self.history if not name.startswith("val_")]
        figure = Figure(figsize=(max(6.4, 4.8 * len(names)), 4.2), layout="constrained")
        if title:
            figure.suptitle(title)
        epochs = range(1, len(self) + 1)
        style: dict[str, Any] = {"marker": "o"} if len(self) <= 20 else {}
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            axes.plot(epochs, self.history[name], color="#2166ac", markersize=4, label="training", **style)
            if f"val_{name}" in self.history:
                axes.plot(
                    epochs,
                    self.history[f"val_{name}"],
                    color="#b2182b",
                    linestyle="--",
                    markersize=4,
                    label="validation",
                    **style,
                )
            axes.set(xlabel="epoch", ylabel=name, title=name.capitalize())
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            axes.legend()
        return figure

    def __repr__(self) -> str:
        series = ", ".join(
            f"{name} {shown(values[0])} → {shown(values[-1])}" for name, values in self.history.items()
        )
        ended = ", interrupted" if self.interrupted else ""
        return f"History({len(self)} epochs{ended}{': ' if series else ''}{series})"


def shown(value: float) -> str:
    """A number as people read it: four decimals, or digits of its own if it is very small or large."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"
