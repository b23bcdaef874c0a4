"""The pictures that the experiments share, drawn with matplotlib's `Figure` (no pyplot, no global state)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

BLUE, RED = "#2166ac", "#b2182b"  # class 0, class 1: told apart by most colour-blind readers


def loss_curve(
    losses: Sequence[float], recorded: Mapping[int, float] | None = None, title: str = "Training loss"
) -> Figure:
    """The loss of every epoch as a line, with the recorded losses (epoch -> loss) as open circles."""
    figure, axes = _figure(title)
    axes.plot(losses, color=BLUE, label="this run")
    if recorded:
        axes.plot(
            list(recorded),
            list(recorded.values()),
            "o",
            color=RED,
            fillstyle="none",
            label="recorded in the lab book",
        )
        axes.legend()
    axes.set(xlabel="epoch", ylabel="loss (mean over the batch)", ylim=(0, None))
    axes.grid(alpha=0.3)
    return figure


def decision_boundary(
    probability: Callable[[Array], Array],
    inputs: Array,
    labels: Array,
    title: str = "Decision boundary",
    margin: float = 0.5,
) -> Figure:
    """P(class 1) as filled contours, class 0 blue and class 1 red, the line at 1/2, and the data on top.

    `probability` maps points (n, 2) to n numbers in [0, 1]; `inputs` are (n, 2), `labels` n zeros and ones.
    """
    figure, axes = _figure(title)
    low, high = inputs.min(axis=0) - margin, inputs.max(axis=0) + margin
    x, y = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
    p = np.asarray(probability(np.column_stack([x.ravel(), y.ravel()]))).reshape(x.shape)
    filled = axes.contourf(x, y, p, levels=np.linspace(0, 1, 21), cmap="RdBu_r", alpha=0.8)
    axes.contour(x, y, p, levels=[0.5], colors="black", linewidths=1.2)
    labels = np.asarray(labels).reshape(-1)
    for value, color, marker in ((0, BLUE, "o"), (1, RED, "s")):
        points = inputs[labels == value]
        axes.scatter(
            points[:, 0],
            points[:, 1],
            c=color,
            marker=marker,
            s=70,
            edgecolors="white",
            linewidths=1.2,
            label=f"class {value}",
        )
    figure.colorbar(filled, ax=axes, label="P(class 1)", ticks=[0, 0.25, 0.5, 0.75, 1])
    axes.legend(loc="upper right", framealpha=0.9)
    axes.locator_params(nbins=5)
    axes.set(xlabel="x₁", ylabel="x₂", aspect="equal")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file; the suffix (.png, .svg) decides the format."""
    figure.savefig(path, dpi=120)


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes
