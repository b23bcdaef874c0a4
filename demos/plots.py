"""The pictures that the experiments share, drawn with matplotlib's `Figure` (no pyplot, no global state)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import autodiff
import nn

Array = np.ndarray[Any, Any]

BLUE, RED = "#2166ac", "#b2182b"  # class 0, class 1: told apart by most colour-blind readers
WIDE, SQUARE = (6.4, 4.4), (5.6, 4.4)


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
    size: float = 70,
) -> Figure:
    """P(class 1) as filled contours, class 0 blue and class 1 red, the line at 1/2, and the data on top.

    `probability` maps points (n, 2) to n numbers in [0, 1]; `inputs` are (n, 2), `labels` n zeros and ones;
    `size` is how large a point is drawn.
    """
    figure, axes = _figure(title, SQUARE)
    low, high = inputs.min(axis=0) - margin, inputs.max(axis=0) + margin
    x, y = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
    p = np.asarray(probability(np.column_stack([x.ravel(), y.ravel()]))).reshape(x.shape)
    filled = axes.contourf(x, y, p, levels=np.linspace(0, 1, 21), cmap="RdBu_r", alpha=0.8)
    filled.set_rasterized(True)  # in an SVG too, which would else be several times as large
    axes.contour(x, y, p, levels=[0.5], colors="black", linewidths=1.2)
    labels = np.asarray(labels).reshape(-1)
    for value, color, marker in ((0, BLUE, "o"), (1, RED, "s")):
        points = inputs[labels == value]
        axes.scatter(
            points[:, 0],
            points[:, 1],
            c=color,
            marker=marker,
            s=size,
            edgecolors="white",
            linewidths=size**0.5 / 7,
            label=f"class {value}",
        )
    figure.colorbar(filled, ax=axes, label="P(class 1)", ticks=[0, 0.25, 0.5, 0.75, 1])
    axes.legend(loc="upper right", framealpha=0.9)
    axes.locator_params(nbins=5)
    axes.set(xlabel="x₁", ylabel="x₂", aspect="equal")
    return figure


def answers(model: nn.Module) -> Callable[[Array], Array]:
    """What a network answers to points (n, 2), as `decision_boundary` asks for it."""

    def of(points: Array) -> Array:
        with autodiff.no_grad():
            y: autodiff.Tensor = model(autodiff.tensor(points, dtype=autodiff.float32))
            return y.numpy()

    return of


def curves(
    series: Mapping[str, Sequence[float]],
    title: str,
    ylabel: str = "loss (mean over the batch)",
    log: bool = False,
) -> Figure:
    """Two or three series over the epochs, by name."""
    figure, axes = _figure(title)
    for i, (name, values) in enumerate(series.items()):
        axes.plot(values, color=(BLUE, RED, "grey")[i % 3], label=name)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    axes.set(xlabel="epoch", ylabel=ylabel, yscale="log" if log else "linear")
    if not log:
        axes.set_ylim(bottom=0)
    return figure


def loss_and_accuracy(
    losses: Sequence[float],
    accuracies: Sequence[float],
    recorded: Mapping[int, tuple[float, float]],
    title: str,
) -> Figure:
    """Training loss and training accuracy side by side; `recorded` maps an epoch to both."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    figure.suptitle(title)
    shown = {epoch: pair for epoch, pair in recorded.items() if epoch < len(losses)}
    for i, (axes, values, what) in enumerate(
        zip(figure.subplots(1, 2), (losses, accuracies), ("loss", "accuracy"), strict=True)
    ):
        axes.plot(values, color=BLUE, label="this run")
        then = [pair[i] for pair in shown.values()]
        axes.plot(list(shown), then, "o", color=RED, fillstyle="none", label="recorded in the lab book")
        axes.set(xlabel="epoch", ylabel=f"training {what}", title=f"Training {what}")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def step_sizes(searches: Mapping[str, Sequence[float]], fixed: float) -> Figure:
    """The steps that line searches accepted at every epoch, and a fixed rate, on a scale of powers of 2."""
    figure, axes = _figure("Step sizes that the line search accepted")
    for (name, steps), color in zip(searches.items(), ("grey", BLUE), strict=True):
        axes.plot(steps, "o", color=color, markersize=3, label=name)
    axes.axhline(fixed, color=RED, linestyle="--", label=f"fixed rate {fixed:g}")
    axes.set_yscale("log", base=2)
    axes.set(xlabel="epoch", ylabel="step size (log scale)", ylim=(fixed / 4, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    return figure


def confusion_matrix(counts: Array, names: Sequence[str], title: str) -> Figure:
    """How many of each true class (row) were given each class (column); darker is more."""
    figure, axes = _figure(f"Confusion matrix: {title}", SQUARE)
    image = axes.imshow(counts, cmap="Blues", vmin=0)
    size = min(14, 90 / len(names))
    for row, column in np.ndindex(*counts.shape):
        color = "white" if counts[row, column] > counts.max() / 2 else "black"
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=color, fontsize=size)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_xticks(range(len(names)), names)
    long = max(map(len, names)) > 2
    axes.set_yticks(range(len(names)), names, rotation=90 if long else 0, va="center")
    figure.colorbar(image, ax=axes, label="number of samples")
    return figure


def roc(false_alarms: Sequence[float], hits: Sequence[float], area: float, title: str) -> Figure:
    """The receiver operating characteristic: hits against false alarms, as the threshold falls."""
    figure, axes = _figure(f"ROC curve: {title}")
    axes.plot(false_alarms, hits, color=BLUE, linewidth=2.5, clip_on=False, label=f"model, AUC = {area:.4f}")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="guessing, AUC = 0.5")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def functions(shapes: Mapping[str, tuple[Array, Array, Array]]) -> Figure:
    """Functions beside their derivatives, a small picture each: name -> (x, f(x), f'(x))."""
    figure, places = _panels(len(shapes))
    for axes, (name, (x, f, derivative)) in zip(places, shapes.items(), strict=True):
        axes.plot(x, f, color=BLUE)
        axes.plot(x, derivative, color=RED, linestyle="--")
        axes.set_title(name, fontsize="medium")
        axes.set(xlabel="x", ylabel="f(x), f'(x)")
    figure.legend(places[0].lines, ["f(x)", "its derivative f'(x)"], loc="lower right", fontsize="large")
    return figure


def small_curves(series: Mapping[str, Sequence[float]], ylabel: str) -> Figure:
    """Series over the epochs, a small picture each, all on the same scale."""
    figure, places = _panels(len(series))
    highest = max(max(values) for values in series.values())
    for axes, (name, values) in zip(places, series.items(), strict=True):
        axes.plot(values, color=BLUE, linewidth=1)
        axes.set_title(name, fontsize="medium")
        axes.set(xlabel="epoch", ylabel=ylabel, ylim=(0, 1.05 * highest))
    return figure


def first_and_last(series: Mapping[str, Sequence[float]], title: str, ylabel: str) -> Figure:
    """Two bars a name, the first and the last value of its series, on a logarithmic scale."""
    figure, axes = _figure(title)
    places = np.arange(len(series))
    for place, color, label in ((0, RED, "before training"), (-1, BLUE, "at the end")):
        heights = [values[place] for values in series.values()]
        axes.bar(places + (-0.2 if place == 0 else 0.2), heights, 0.4, color=color, label=label)
    axes.set_xticks(places, list(series), rotation=45, ha="right", rotation_mode="anchor")
    axes.set(yscale="log", ylabel=ylabel)
    axes.grid(alpha=0.3, axis="y")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _panels(count: int, columns: int = 4) -> tuple[Figure, list[Axes]]:
    """A figure of `count` small pictures, row by row."""
    rows = -(-count // columns)
    figure = Figure(figsize=(10.5, 2.3 * rows), layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in places[:count]:
        axes.grid(alpha=0.3)
    for axes in places[count:]:
        axes.set_axis_off()
    return figure, places[:count]


def filters(weights: Array, title: str) -> Figure:
    """What units look for: weights (n, height, width) as images, red above 0 and blue below, on one scale."""
    columns = min(8, len(weights))
    rows = -(-len(weights) // columns)
    figure = Figure(figsize=(7.5, 1.0 + 0.85 * rows), layout="constrained")
    figure.suptitle(title)
    largest = abs(weights).max()
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, axes in enumerate(places):
        axes.set_axis_off()
        if i < len(weights):
            image = axes.imshow(weights[i], cmap="RdBu_r", vmin=-largest, vmax=largest)
            axes.set_title(f"{i}", fontsize="x-small", pad=2)
    figure.colorbar(image, ax=list(places), label="weight")
    return figure


def samples(pictures: Array, predicted: Sequence[str], true: Sequence[str], title: str) -> Figure:
    """Pictures (n, channels, height, width) with what they were told to be; red, with the truth, if wrong."""
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(8.5, 0.8 + 1.25 * rows), layout="constrained")
    figure.suptitle(title)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, picture, told, truth in zip(places, pictures, predicted, true, strict=False):
        shown = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
        axes.imshow(shown, cmap="gray_r", vmin=0, vmax=1)
        right = told == truth
        caption = told if right else f"{told}, not {truth}"
        axes.set_title(caption, fontsize="small", color=BLUE if right else RED, pad=3)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, and as SVG beside it; the same figure gives the same bytes."""
    figure.savefig(path, dpi=120)
    with rc_context({"svg.hashsalt": path.name}):
        figure.savefig(path.with_suffix(".svg"), dpi=240, metadata={"Date": None})  # dpi: of its images


def _figure(title: str, size: tuple[float, float] = WIDE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes
