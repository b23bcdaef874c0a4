"""What a model with two inputs answers all over the plane, step after step."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.dtypes import Array

from ..evaluating import evaluating
from ..module import Module

SIDE = 40  # points of a frame along each axis
MARGIN = 0.2  # around the data, as a part of its extent
POINTS = 500  # of the data that are kept, to be drawn
MOST = 120  # frames that are kept; more are thinned out


class Boundary:
    """Frames of the plane around the data: the model's outputs at `SIDE` × `SIDE` points.

    `points` are inputs that were seen, `targets` their classes if all are known. `remark` says why there are
    no more frames.
    """

    def __init__(self) -> None:
        self.points: Array = np.zeros((0, 2))
        self.targets: Array | None = np.zeros(0, int)
        self.frames: list[tuple[int, Array]] = []  # the step, and the outputs (SIDE * SIDE, columns)
        self.remark = ""
        self._grid: Tensor | None = None
        self._offered, self._every = 0, 1

    def see(self, x: Any, y: Any = None) -> None:
        """Take note of inputs (n, 2), and of their targets. Other data are none of ours."""
        inputs = array_of(x)
        if inputs.ndim != 2 or inputs.shape[1] != 2 or inputs.dtype.kind != "f" or len(self.points) >= POINTS:
            return
        found = None if y is None else classes(array_of(y))
        known = found is not None and len(found) == len(inputs) and self.targets is not None
        self.targets = np.append(self.targets, found)[:POINTS] if known else None  # type: ignore[arg-type]
        self.points = np.concatenate([self.points.astype(inputs.dtype), inputs])[:POINTS]

    def offer(self, step: int, model: Module) -> None:
        """Make a frame of this step, unless there are so many that only every second, fourth, … is kept."""
        self._offered += 1
        if (self._offered - 1) % self._every:
            return
        self.frame(step, model)
        if len(self.frames) > MOST:
            del self.frames[1::2]
            self._every *= 2

    def frame(self, step: int, model: Module) -> None:
        """Ask the model, in eval mode and without recording; it is left as it was."""
        if not len(self.points) or self.remark:
            return
        if self._grid is None:
            self._grid = autodiff.tensor(self.plane())
        try:
            with evaluating(model):
                outputs = model(self._grid)
            values = outputs.numpy().reshape(SIDE * SIDE, -1).astype(np.float32)
        except Exception as error:  # a picture that cannot be made must not end the training
            self.remark = f"the model does not answer for {SIDE * SIDE} points at once: {error}"
            return
        self.frames.append((step, values))

    def plane(self) -> Array:
        """The points that are asked for, row after row from the upper left."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        extent = np.where(high > low, high - low, 1) * MARGIN
        self.low, self.high = low - extent, high + extent
        across, up = (np.linspace(a, b, SIDE) for a, b in zip(self.low, self.high, strict=True))
        points = np.stack([np.tile(across, SIDE), np.repeat(up[::-1], SIDE)], axis=1)
        return points.astype(self.points.dtype)


def array_of(data: Any) -> Array:
    """A tensor's array, or an array."""
    found: Array = data.detach().numpy() if isinstance(data, Tensor) else np.asarray(data)
    return found


def classes(targets: Array) -> Array:
    """The class of each sample: from indices, from one column of 0 and 1 (or -1 and 1), from one-hot rows."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        return np.asarray(targets.argmax(axis=1))
    flat = targets.reshape(-1)
    return (flat > 0.5).astype(int) if flat.dtype.kind == "f" else flat.astype(int)


def answers(frames: list[tuple[int, Array]]) -> tuple[list[Array], int]:
    """Each frame as (class, certainty from 0 to 1) per point, and the number of classes.

    One output is a probability if it lies between 0 and 1 in all frames, else a logit; of several, the
    largest wins, and they are probabilities if they are those of a distribution, else logits.
    """
    width = frames[0][1].shape[1]
    if width == 1:
        probable = all(((values >= 0) & (values <= 1)).all() for _, values in frames)
        found = []
        for _, values in frames:
            with np.errstate(over="ignore"):
                p = values[:, 0] if probable else 1 / (1 + np.exp(-values[:, 0]))
            found.append(np.stack([p > 0.5, np.abs(2 * p - 1)], axis=1))
        return found, 2
    probable = all(
        (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3) for _, values in frames
    )
    found = []
    for _, values in frames:
        e = values if probable else np.exp(values - values.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        found.append(np.stack([p.argmax(axis=1), (p.max(axis=1) - 1 / width) / (1 - 1 / width)], axis=1))
    return found, width
