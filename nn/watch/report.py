"""The report: a page with the curves, the plane with its slider, and the graph of a late step."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import numpy as np

from autodiff.dtypes import Array

from .boundary import SIDE, answers
from .chart import Chart

if TYPE_CHECKING:
    from .watcher import Watch


def report(watch: Watch) -> str:
    """The whole file. Raises ValueError if no step was watched."""
    from autodiff.page.document import asset, document
    from autodiff.page.mathml import escape

    if not watch.losses:
        raise ValueError("no step was watched: call watch.step(loss) after loss.backward(), in each step")
    title = f"Training of {type(watch.model).__name__}"
    curves = "".join(chart.html() for chart in charts(watch))
    body = f"""<main class="report">
<h1>{escape(title)}</h1>
<p>{escape(summary(watch))}</p>
{slider(watch)}
<div class="figures">
{plane(watch)}
{curves}
</div>
{graph(watch)}
</main>"""
    style = asset("page.css") + asset("report.css", __package__)
    return document(title, body, style, asset("page.js") + asset("report.js", __package__))


def summary(watch: Watch) -> str:
    """What there was, in a line or two."""
    losses = np.frombuffer(watch.losses)
    parts = [
        f"{len(losses):,} steps, {len(watch.measures):,} of them measured",
        f"loss {losses[0]:.4g} at first, {losses[-1]:.4g} at last",
    ]
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        parts.append(
            f"not finite from step {bad[0] + 1:,} on"
            if np.isfinite(losses[bad[0] :]).sum() == 0
            else f"not finite in {len(bad):,} steps, first in step {bad[0] + 1:,}"
        )
    return "; ".join(parts) + "."


def charts(watch: Watch) -> list[Chart]:
    """All curves."""
    steps = len(watch.losses)
    losses = np.frombuffer(watch.losses)
    positive = losses[np.isfinite(losses)]
    wide = len(positive) > 0 and positive.min() > 0 and positive.max() / positive.min() > 100
    return [
        Chart("Loss", {"loss": list(enumerate(losses.tolist(), 1))}, log=bool(wide), steps=steps),
        Chart("Gradient norm of each layer", by_name(watch, "gradient"), log=True, steps=steps),
        Chart(
            "Update to weights of each layer", by_name(watch, "update"), log=True, steps=steps,
            lines=[(1e-3, "1/1000: a common aim")],
        ),
        Chart("Dead units of each activation", by_name(watch, "dead"), share=True, steps=steps),
        Chart("Saturated values of each activation", by_name(watch, "saturated"), share=True, steps=steps),
    ]  # fmt: skip


def by_name(watch: Watch, what: str) -> dict[str, list[tuple[float, float]]]:
    """A series for each layer."""
    found: dict[str, list[tuple[float, float]]] = {}
    for measure in watch.measures:
        for name, value in getattr(measure, what).items():
            found.setdefault(name, []).append((measure.step, value))
    kinds = {name: type(module).__name__ for name, module in watch.model.named_modules() if name}
    return {f"{name} {kinds.get(name, '')}".strip(): points for name, points in found.items()}


def slider(watch: Watch) -> str:
    """What moves the plane, and the lines in the curves, through the training."""
    steps = frame_steps(watch)
    if len(steps) < 2:
        return ""
    epochs = {measure.step: measure.epoch for measure in watch.measures} | {len(watch.losses): watch.epoch}
    words = [
        f"step {step:,}"
        + (f", epoch {epochs[step]:,}" if epochs.get(step) else "")
        + f", loss {watch.losses[step - 1]:.4g}"
        for step in steps
    ]
    last = len(steps) - 1
    return (
        f'<div class="time"><label>Time <input type="range" min="0" max="{last}" value="{last}" '
        f'data-steps="{" ".join(map(str, steps))}"></label> <span role="status">{words[-1]}</span></div>'
        f'<ol class="words" hidden>{"".join(f"<li>{text}</li>" for text in words)}</ol>'
    )


def frame_steps(watch: Watch) -> list[int]:
    """The steps that the slider goes through: those of the frames, or else of the measures."""
    if watch.boundary.frames:
        return [step for step, _ in watch.boundary.frames]
    return [measure.step for measure in watch.measures[:: 1 + len(watch.measures) // 200]]


def plane(watch: Watch) -> str:
    """The model's answers on the plane, frame by frame, and the data."""
    from autodiff.page.mathml import escape

    boundary = watch.boundary
    if not boundary.frames:
        return f'<p class="note">No boundary: {escape(boundary.remark)}</p>' if boundary.remark else ""
    frames, count = answers(boundary.frames)
    bytes_ = b"".join(packed(frame) for frame in frames)
    return f"""<figure class="plane"><figcaption>What the model answers on the plane</figcaption>
<div class="axes">
<canvas width="{SIDE}" height="{SIDE}" role="img" aria-label="The class at each point, the darker the surer"
 data-frames="{b64encode(bytes_).decode()}"></canvas>
{points(boundary.points, boundary.targets, boundary.low, boundary.high)}
</div>
<p class="note">x from {boundary.low[0]:.3g} to {boundary.high[0]:.3g}, y from {boundary.low[1]:.3g} to
{boundary.high[1]:.3g}; {count} classes, the stronger the colour the surer.</p></figure>"""


def packed(frame: Array) -> bytes:
    """A byte for each point: the class in three bits, the certainty in five."""
    return bytes(
        (np.minimum(frame[:, 0], 7).astype(int) << 5 | (frame[:, 1].clip(0, 1) * 31).astype(int)).tolist()
    )


def points(data: Array, targets: Array | None, low: Array, high: Array) -> str:
    """The data over the plane: another shape for each class."""
    shapes = [
        "M-1,0a1,1,0,1,0,2,0a1,1,0,1,0,-2,0Z",
        "M-1,-1H1V1H-1Z",
        "M0,-1.2L1.1,1H-1.1Z",
        "M-1.3,0L0,-1.3L1.3,0L0,1.3Z",
    ]
    places = (data - low) / (high - low) * 100
    marks = []
    for i, (x, y) in enumerate(places.tolist()):
        kind = 0 if targets is None else int(targets[i])
        name = "" if targets is None else f' class="class-{kind % 8}"'
        marks.append(
            f'<path{name} transform="translate({x:.1f} {100 - y:.1f})" d="{shapes[kind % len(shapes)]}"/>'
        )
    return f'<svg viewBox="0 0 100 100" aria-hidden="true">{"".join(marks)}</svg>'


def graph(watch: Watch) -> str:
    """The computation of the loss, to be stepped through."""
    from autodiff import LayoutError, draw
    from autodiff.page import stepper
    from autodiff.page.mathml import escape

    found = watch.again()
    if found is None:
        return ""
    loss, model = found
    try:
        drawing = draw(loss, names=model, title=f"After step {len(watch.losses):,}")
        steps = stepper(drawing.graph, drawing.svg)
    except LayoutError as error:
        return f'<p class="note">No picture of the computation: {escape(str(error))}</p>'
    return f"<h2>The computation, forward and backward</h2>\n{steps}"
