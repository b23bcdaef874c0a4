"""What Graphviz leaves to be done in an SVG: titles that a screen reader can read, and the dark of `auto`."""

from __future__ import annotations

import html
import re

from .dot import quantity
from .model import Arrow, FoldNode, Graph, Node, OperationNode
from .themes import darkening

GROUP = re.compile(r'(<g id="([^"]*)" class="(?:node|edge|cluster|graph)[^"]*"[^>]*>\s*)<title>[^<]*</title>')


def finish(svg: str, graph: Graph, theme: str) -> str:
    """The SVG with a title in words for each node and arrow, marked as one picture; its ids stay."""
    words = {node.id: describe(node) for node in graph.nodes()}
    words |= {arrow.id: relate(arrow, graph) for arrow in graph.arrows}
    words["computation"] = summary(graph)

    def title(found: re.Match[str]) -> str:
        text = words.get(html.unescape(found[2]))
        if text is None:  # a frame, whose label says its name
            return found[1]
        return f"{found[1]}<title>{html.escape(printable(text), quote=False)}</title>"

    svg = GROUP.sub(title, svg)
    svg = svg.replace("<svg ", '<svg role="img" class="autodiff" ', 1) if 'xmlns="' in svg else svg
    if theme == "auto":
        style = f"<style>@media (prefers-color-scheme: dark) {{\n{darkening('svg.autodiff')}\n}}</style>"
        svg = re.sub(r"(<svg [^>]*>)", lambda m: m[1] + "\n" + style.replace(">=", "&gt;="), svg, count=1)
    return svg


def summary(graph: Graph) -> str:
    """The whole picture in a sentence."""
    inside = [quantity(len(graph.tensors), "tensor"), quantity(len(graph.operations), "operation")]
    if graph.folds:
        inside.append(quantity(len(graph.folds), "folded part"))
    return f"{graph.title or 'Computation graph'}: {', '.join(inside)}"


def describe(node: Node) -> str:
    """A node in a line or a few: what a screen reader reads, and a pointer shows."""
    if isinstance(node, FoldNode):
        return f"{node.name}, {quantity(node.operations, 'operation')} folded into one: {node.body}"
    if isinstance(node, OperationNode):
        return "; ".join([f"operation {node.name}: {node.formula}", *node.notes])
    shape = " × ".join(map(str, node.shape)) or "scalar"
    lines = [f"{node.name or node.symbol}, {node.kind}, {shape} {node.dtype}"]
    lines += [f"{grid.title} {grid.text()}" for grid in node.grids]
    return "\n".join(lines + [node.remark] * bool(node.remark))


def relate(arrow: Arrow, graph: Graph) -> str:
    """An arrow in a line or two."""
    tail, head = (
        node.symbol if node.__class__.__name__ == "TensorNode" else node.name  # type: ignore[union-attr]
        for node in (graph.by_id[arrow.tail], graph.by_id[arrow.head])
    )
    lines = [f"from {tail} to {head}"]
    if arrow.carries and arrow.label:
        lines[0] += f", gradient back: {arrow.label}"
    if arrow.sent is not None:
        lines.append(f"added {arrow.sent.text()}")
    return "\n".join(lines + [arrow.note] * bool(arrow.note))


def printable(text: str) -> str:
    """Without the control characters that XML forbids."""
    return "".join(c if c == "\n" or c.isprintable() else "\ufffd" for c in text)
