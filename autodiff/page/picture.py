"""The picture in the page: the SVG with marks on what is a value, what a gradient, and when each is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..draw.model import Arrow, FoldNode, Graph, Node, TensorNode
from ..draw.numbers import Numbers
from ..draw.themes import LIGHT
from .story import Story

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SVG = "http://www.w3.org/2000/svg"
OUTLINES = [f"{{{SVG}}}{name}" for name in ("path", "polygon", "ellipse")]
USUAL = {"text-anchor": "start", "font-family": None, "stroke": "transparent"}  # said once, in the style


def marked(svg: str, graph: Graph, story: Story) -> str:
    """The SVG element, for the page.

    Each node is a button that says what it is; numbers have the class `value` or `gradient`, rules `rule`;
    `data-from` and `data-gradient` are the steps from which a node, and its gradient, are there.
    """
    from xml.etree import ElementTree

    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg)
    nodes = graph.by_id
    arrows = {arrow.id: arrow for arrow in graph.arrows}
    for group in root.iter(tag("g")):
        id = group.get("id", "")
        title = group.find(tag("title"))
        words = "" if title is None else title.text or ""
        if title is not None:
            group.remove(title)
        if id in nodes or id in arrows:
            next(part for part in group if part.tag in OUTLINES).set("class", "outline")
        if id in nodes:
            mark_node(group, nodes[id], words)
        elif id in arrows:
            mark_arrow(group, arrows[id])
        else:
            if group.get("class") == "graph":
                root.set("aria-label", words)
            continue
        for name, when in (("data-from", story.appears), ("data-gradient", story.arrives)):
            if id in when:
                group.set(name, str(when[id]))
    for element in root.iter():
        for name, value in USUAL.items():
            if name in element.attrib and value in (None, element.get(name)):
                del element.attrib[name]
        element.tail = None
        if element.tag != tag("text"):
            element.text = None
    root.attrib |= {"role": "group", "class": "autodiff"}
    return ElementTree.tostring(root, encoding="unicode")


def tag(name: str) -> str:
    """The name of an SVG element."""
    return f"{{{SVG}}}{name}"


def mark_node(group: Element, node: Node, words: str) -> None:
    """A node: something to press, which says what it is."""
    group.attrib |= {"role": "button", "tabindex": "-1", "aria-pressed": "false", "aria-label": words}
    if isinstance(node, FoldNode) and node.size is not None:
        group.findall(tag("text"))[-1].set("class", "gradient")
    for text, kind in numbers_in(group, node) if isinstance(node, TensorNode) else ():
        text.set("class", kind)
    for shape in group:
        if shape.tag == tag("polygon") and shape.get("fill") in LIGHT.scale:
            shape.set("class", "gradient")


def numbers_in(group: Element, node: TensorNode) -> Iterator[tuple[Element, str]]:
    """Each text that is part of a value or a gradient. They are the last ones, in the order of `grids`."""
    texts = group.findall(tag("text"))
    end = len(texts) - bool(node.remark)
    for grid in reversed(node.grids):
        start = end - 1 - written(grid)
        if start < 0 or texts[start].text != grid.title:
            return  # drawn in another way than we know: then all of it is shown from the beginning
        kind = "gradient" if "grad" in grid.title else "value"
        yield from ((text, kind) for text in texts[start:end])
        end = start


def written(grid: Numbers) -> int:
    """How many texts the entries of a grid are, with their labels."""
    return max(1, sum(map(len, grid.rows)) + len(grid.labels))


def mark_arrow(group: Element, arrow: Arrow) -> None:
    """An arrow: wide enough to be pointed at; the buttons say all that it says."""
    group.set("aria-hidden", "true")
    path = group.find(tag("path"))
    if path is not None:
        group.append(group.makeelement(tag("path"), {"class": "wide", "d": path.get("d", "")}))
    for text in group.findall(tag("text")):
        if arrow.carries:
            text.set("class", "rule")
