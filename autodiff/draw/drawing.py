"""What `draw` returns: the picture as DOT text at once, as SVG, PNG or PDF when asked for."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import dot
from .layout import FORMATS, LayoutError, render
from .model import Graph
from .themes import THEMES

if TYPE_CHECKING:
    from pathlib import Path

MOST = 2000  # nodes that are laid out; beyond, the time grows out of hand and nobody could read it
LONGEST = 20_000  # characters of DOT that a notebook shows where it cannot show the picture


class Drawing:
    """A drawn computation: `.dot` and `.svg` are text, `save("graph.svg")` writes a file; notebooks show it.

    `.html`, or `save("graph.html")`, is a page to step through it; `interactive()` that page in a notebook.

    `graph` is the plain data behind it (see `autodiff.draw.model`); `graph.whole` that before anything was
    folded.
    """

    def __init__(self, graph: Graph, direction: str = "TB", theme: str = "light") -> None:
        self.graph = graph
        self.direction = direction
        self.theme = theme
        self.dot = dot.write(graph, direction, THEMES[theme])

    @cached_property
    def html(self) -> str:
        """One HTML file, without need of any other, to step through the picture, forward and backward.

        It follows its reader's light or dark; with `theme="dark"` it is dark. Raises LayoutError as `svg`.
        """
        from ..page import page

        light = self if self.theme == "light" else Drawing(self.graph, self.direction)
        return page(self.graph, light.svg, self.theme)  # whose style makes the light colours dark

    def interactive(self, height: int = 640) -> Any:
        """The page of `html` as a frame in a notebook, `height` pixels high."""
        from ..page import Frame

        return Frame(self.html, height)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text. Raises LayoutError, which names the fixes, if it cannot be laid out."""
        from .svg import finish

        return finish(self.render("svg").decode(), self.graph, self.theme)

    def render(self, form: str) -> bytes:
        """The picture as "svg", "png" or "pdf". Raises LayoutError as `svg` does."""
        nodes = len(self.graph)
        if nodes > MOST:
            raise LayoutError(
                f"the graph has {nodes} nodes, too many to lay out (the limit is {MOST}) and to read: "
                "leave out fold=False, or draw one step, one layer or a shorter chain. The drawing's .dot is "
                "there all the same",
                self.dot,
            )
        return render(self.dot, form)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the suffix decides. Returns the path.

        .svg .png .pdf: the picture; .html: the page to step through; .dot .gv: the text of the graph.

        Raises ValueError for another suffix, LayoutError as `svg` does; no file is then written or changed.
        """
        from pathlib import Path

        target = Path(path)
        suffix = target.suffix.lower().removeprefix(".")
        if suffix in ("dot", "gv"):
            content = self.dot.encode()
        elif suffix == "html":
            content = self.html.encode()
        elif suffix in FORMATS:
            content = self.svg.encode() if suffix == "svg" else self.render(suffix)
        else:
            raise ValueError(
                f"cannot save a drawing as {target.name!r}: the suffix must be .svg, .png, .pdf, .html, .dot "
                "or .gv"
            )
        target.write_bytes(content)
        return target

    def __repr__(self) -> str:
        counts = {"tensor": len(self.graph.tensors), "operation": len(self.graph.operations)}
        if self.graph.folds:
            counts["folded part"] = len(self.graph.folds)
        return f"<Drawing of {', '.join(dot.quantity(n, what) for what, n in counts.items())}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture, or why there is none, and the DOT text. Never raises."""
        try:
            return {"image/svg+xml": self.svg, "text/plain": repr(self)}
        except Exception as error:
            text = (
                self.dot
                if len(self.dot) <= LONGEST
                else self.dot[:LONGEST] + "\n... the rest is in the drawing's .dot"
            )
            return {"text/plain": f"{self!r} could not be laid out: {error}\n\n{text}"}
