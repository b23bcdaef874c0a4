"""The step page: a picture in one HTML file, to be stepped through, forward and then backward.

`story` (what happens at which step), `picture` (the SVG, marked), `markup` (the steps and cards in words and
MathML, from `mathml`), `document` (one file under a strict content-security policy), `page.css`, `page.js`.
All text is written here; the program only shows and hides.
"""

from __future__ import annotations

import html

from ..draw.model import Graph
from ..draw.svg import summary
from .document import asset, document
from .markup import cards, step_list
from .mathml import escape
from .picture import marked
from .story import Story

__all__ = ["Frame", "page", "stepper"]

BUTTONS = [
    ("start", "|←", "To the start", "Home"),
    ("back", "←", "Back", "ArrowLeft"),
    ("play", "Play", "Play", "Space"),
    ("next", "→", "Next", "ArrowRight"),
    ("end", "→|", "To the end", "End"),
]
ZOOM = [
    ("smaller", "−", "Smaller", "-"),
    ("fit", "Fit", "Fit", "0"),
    ("larger", "+", "Larger", "+"),
]


def page(graph: Graph, svg: str, theme: str) -> str:
    """The whole file, of a graph and its picture in light colours."""
    body = f"<main>{stepper(graph, svg, keys='page')}</main>"
    title = graph.title or "Computation graph"
    return document(title, body, asset("page.css"), asset("page.js"), theme)


def stepper(graph: Graph, svg: str, keys: str = "here") -> str:
    """The picture, its controls and its steps. `keys` "page": they work wherever the focus is."""
    story = Story(graph)
    last = len(story.scenes)
    forward = sum(scene.direction == "forward" for scene in story.scenes)
    overview = f"{summary(graph)}. {forward} steps forward, {last - forward} back."
    return f"""<section class="stepper" data-keys="{keys}" aria-label="Computation, step by step">
<div class="controls" role="toolbar" aria-label="Steps">
{"".join(map(button, BUTTONS))}
<input type="range" min="0" max="{last}" value="0" aria-label="Step">
<span class="position" aria-hidden="true">0 / {last}</span>
<span class="zoom">{"".join(map(button, ZOOM))}</span>
</div>
<p class="said" role="status" aria-live="polite"></p>
<div class="picture">{marked(svg, graph, story)}</div>
<div class="panel">
<section class="pinned" aria-label="Pinned" hidden></section>
<p class="overview">{escape(overview)}</p>
<details class="help"><summary>Keys</summary>
<p><kbd>←</kbd> <kbd>→</kbd> step, <kbd>Space</kbd> play, <kbd>Home</kbd> <kbd>End</kbd>;
<kbd>↑</kbd> <kbd>↓</kbd> from node to node, <kbd>Enter</kbd> pins one and dims what does not depend on it,
<kbd>Esc</kbd> lets go; <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom, <kbd>Shift</kbd> and arrows move.</p>
</details>
<ol class="steps">
{step_list(story)}
</ol>
</div>
<div class="cards">
{cards(graph)}
</div>
</section>"""


def button(what: tuple[str, str, str, str]) -> str:
    """A control: its class, its sign, its name, its key."""
    name, sign, words, key = what
    return (
        f'<button class="{name}" aria-label="{words}" title="{words} ({key})" aria-keyshortcuts="{key}">'
        f"{sign}</button>"
    )


class Frame:
    """A page inside of a notebook, in a frame that can reach nothing outside of itself."""

    def __init__(self, page: str, height: int = 640) -> None:
        self.page = page
        self.height = height

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" sandbox="allow-scripts" width="100%" '
            f'height="{self.height}" style="border:0" title="Computation graph"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page of {len(self.page)} characters, for a notebook>"
