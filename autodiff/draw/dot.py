"""The graph as DOT, the language of Graphviz: shapes, colours, tables.

Kinds of tensor differ in shape and border as well as in colour, so the picture can be printed in black and
white. All text goes through `escape`, and all colours have six digits (some renderers read no others).
"""

from __future__ import annotations

import html
from typing import Any

from .model import Arrow, Graph, Numbers, OperationNode, Path, TensorNode

FONT = "Helvetica,Arial,sans-serif"
LARGE = (
    300  # nodes; beyond, the layout is less careful (straight arrows, fewer rounds), else it takes minutes
)
INK, GREY, BACKWARD = "#1a1a1a", "#5f6368", "#a61c3c"

STYLES: dict[str, dict[str, str]] = {
    "parameter": {
        "shape": "box",
        "style": "filled",
        "fillcolor": "#fff3cd",
        "color": "#7a5c00",
        "penwidth": "2.5",
    },
    "data": {"shape": "note", "style": "filled", "fillcolor": "#e3eefa", "color": "#245a8d"},
    "intermediate": {"shape": "box", "style": "rounded,filled", "fillcolor": "#ffffff", "color": "#5f6368"},
    "result": {
        "shape": "box",
        "style": "filled",
        "fillcolor": "#e2f2e4",
        "color": "#1e6b34",
        "peripheries": "2",
    },
    "operation": {"shape": "ellipse", "style": "filled", "fillcolor": "#ececef", "color": "#3c4043"},
}


def write(graph: Graph, direction: str = "TB") -> str:
    """The DOT text of a graph; needs the `graphviz` package (only to write text, no program)."""
    import graphviz

    dot = graphviz.Digraph("computation")
    dot.attr(
        "graph", rankdir=direction, bgcolor="#ffffff", label=header(graph), labelloc="t",
        fontname=FONT, fontcolor=INK, nodesep="0.35", ranksep="0.35", pad="0.3",
    )  # fmt: skip
    dot.attr("node", fontname=FONT, fontsize="12", fontcolor=INK, margin="0.1,0.06", height="0.3")
    dot.attr("edge", fontname=FONT, fontsize="12", fontcolor=BACKWARD, color="#3c4043", arrowsize="0.7")
    nodes = graph.nodes()
    if len(nodes) > LARGE:
        dot.attr("graph", splines="line", nslimit="0.5", nslimit1="0.5", mclimit="0.1")
    write_frame(dot, (), nodes)
    for arrow in graph.arrows:
        dot.edge(arrow.tail, arrow.head, **arrow_style(arrow))
    return str(dot.source)


def write_frame(dot: Any, frame: Path, nodes: list[TensorNode | OperationNode]) -> None:
    """The nodes of one frame, each inner frame where its first node stands."""
    inner: dict[str, list[TensorNode | OperationNode]] = {}
    for node in nodes:
        if len(node.frame) > len(frame):
            inner.setdefault(node.frame[len(frame)], []).append(node)
    done: set[str] = set()
    for node in nodes:
        if len(node.frame) == len(frame):
            write_node(dot, node)
        elif (part := node.frame[len(frame)]) not in done:
            done.add(part)
            path = (*frame, part)
            with dot.subgraph(name=f"cluster_{inner[part][0].id}_{len(path)}") as cluster:
                label = f"<<B>{escape('.'.join(path))}</B>>"
                cluster.attr(
                    label=label, labeljust="l", style="rounded,dashed", color="#8a8f98", fontsize="13"
                )
                write_frame(cluster, path, inner[part])


def write_node(dot: Any, node: TensorNode | OperationNode) -> None:
    """One node, in the style of its kind."""
    if isinstance(node, OperationNode):
        dot.node(node.id, label=operation_label(node), **STYLES["operation"])
    else:
        dot.node(node.id, label=tensor_label(node), **STYLES[node.kind])


def arrow_style(arrow: Arrow) -> dict[str, str]:
    """A rule beside a full line; a plain name beside a dashed one, where no gradient flows back."""
    style = {} if arrow.carries else {"style": "dashed", "fontcolor": GREY}
    return style | ({"label": f"<\u00a0{escape(arrow.label)}\u00a0>"} if arrow.label else {})


def header(graph: Graph) -> str:
    """The title, how to read the picture, and what is missing in it."""
    lines = [f'<FONT POINT-SIZE="18"><B>{escape(graph.title)}</B></FONT>'] if graph.title else []
    lines += [small(line) for line in [*legend(graph), *graph.remarks]]
    return "<" + table("".join(f"<TR><TD>{line}</TD></TR>" for line in lines), padding=2) + ">"


def legend(graph: Graph) -> list[str]:
    """How to read what is in this picture, and nothing else."""
    kinds = {node.kind for node in graph.tensors}
    words = {
        "parameter": "thick border: parameter", "data": "folded corner: data",
        "intermediate": "rounded: computed", "result": "double border: result",
    }  # fmt: skip
    lines = [
        " · ".join(text for kind, text in words.items() if kind in kinds)
        + (" · ellipse: operation" if graph.operations else "")
    ]
    if not all(arrow.carries for arrow in graph.arrows):
        lines[0] += " · dashed: no gradient flows"
    if any(arrow.carries and arrow.label for arrow in graph.arrows):
        lines.append(
            "beside each arrow: how the gradient returns along it "
            "(x\u0304 is the gradient of the result with respect to x)"
        )
    shown = {grid.title for node in graph.tensors for grid in node.grids}
    if ".grad" in shown:
        lines.append(
            ".grad: what the tensor holds, added up over backward() calls · grad: of this result alone"
        )
    return lines


def tensor_label(node: TensorNode) -> str:
    """Name, shape and dtype, then the numbers: value and gradient side by side, or one above the other."""
    name = node.name or ("result" if node.kind == "result" else "")
    shape = " × ".join(map(str, node.shape)) if node.shape else "scalar"
    head = (f"<B>{escape(name)}</B>  " if name else "") + small(f"{shape} {node.dtype}")
    rows = [f'<TR><TD CELLPADDING="3">{head}</TD></TR>']
    wide = any(len(grid.rows[0]) > len(grid.rows) for grid in node.grids if grid.rows)
    if node.grids:
        separator = "</TR><TR>" if wide else ""
        cells = separator.join(f'<TD VALIGN="TOP">{grid_table(grid)}</TD>' for grid in node.grids)
        rows.append(f"<TR><TD>{table(f'<TR>{cells}</TR>', spacing=4)}</TD></TR>")
    if node.remark:
        rows.append(f"<TR><TD>{small(node.remark)}</TD></TR>")
    return f"<{table(''.join(rows))}>"


def grid_table(grid: Numbers) -> str:
    """The entries in columns, under their title."""
    color = BACKWARD if "grad" in grid.title else INK
    columns = max((len(row) for row in grid.rows), default=1)
    rows = [f'<TR><TD COLSPAN="{columns}">{small(grid.title, color)}</TD></TR>']
    for row in grid.rows or [["empty"]]:
        cells = (f'<TD ALIGN="RIGHT"><FONT COLOR="{color}">{escape(entry)}</FONT></TD>' for entry in row)
        rows.append("<TR>" + "".join(cells) + "</TR>")
    return table("".join(rows), spacing=3, padding=1)


def operation_label(node: OperationNode) -> str:
    """The name above the formula."""
    return f"<<B>{escape(node.name)}</B><BR/>{escape(node.formula)}>"


def table(rows: str, spacing: int = 0, padding: int = 0) -> str:
    """A table without lines."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">{rows}</TABLE>'


def small(text: str, color: str = GREY) -> str:
    """What is said by the way."""
    return f'<FONT POINT-SIZE="10" COLOR="{color}">{escape(text)}</FONT>'


def escape(text: str) -> str:
    """Any text, so that it shows as it is: markup, backslash sequences, line breaks, control characters."""
    text = "".join(_visible(c) for c in text)
    text = html.escape(text).replace("\\", "\\\\").replace("  ", " \u00a0")
    return text.replace("\n", "<BR/>")


def _visible(c: str) -> str:
    code = ord(c)
    if c == "\n":
        return c
    if code < 0x20:
        return chr(0x2400 + code)  # the pictures that Unicode has of control characters
    return "\ufffd" if 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF) else c
