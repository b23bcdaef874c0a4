"""The graph as DOT, the language of Graphviz: shapes, colours, tables.

Kinds of tensor differ in shape and border as well as in colour, so the picture can be printed in black and
white. All text goes through `escape`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from ..notation import TEXT, VISIBLE, brief
from ..symbol import Symbol
from .model import Arrow, FoldNode, Graph, Node, OperationNode, Path, TensorNode
from .numbers import Numbers
from .themes import LIGHT, Theme

FONT = "Helvetica,Arial,sans-serif"
LARGE = 300  # nodes; beyond, the layout is less careful (straight arrows, fewer rounds), or takes minutes

SHAPES: dict[str, dict[str, str]] = {
    "parameter": {"shape": "box", "style": "filled", "penwidth": "2.5"},
    "data": {"shape": "note", "style": "filled"},
    "intermediate": {"shape": "box", "style": "rounded,filled"},
    "result": {"shape": "box", "style": "filled", "peripheries": "2"},
    "operation": {"shape": "ellipse", "style": "filled"},
    "fold": {"shape": "folder", "style": "filled"},
}


def write(graph: Graph, direction: str = "TB", theme: Theme = LIGHT) -> str:
    """The DOT text of a graph; needs the `graphviz` package (only to write text, no program)."""
    return Writer(graph, direction, theme).text()


class Writer:
    """Writes one graph in one theme."""

    def __init__(self, graph: Graph, direction: str, theme: Theme) -> None:
        self.graph = graph
        self.direction = direction
        self.theme = theme
        self.scale = Scale(graph)

    def text(self) -> str:
        """All of it: attributes, nodes within their frames, arrows."""
        import graphviz

        theme = self.theme
        dot = graphviz.Digraph("computation")
        dot.attr(
            "graph", id="computation", rankdir=self.direction, bgcolor=theme.ground, label=self.header(),
            labelloc="t", fontname=FONT, fontcolor=theme.ink, nodesep="0.35", ranksep="0.35", pad="0.3",
        )  # fmt: skip
        dot.attr("node", fontname=FONT, fontsize="12", fontcolor=theme.ink, margin="0.1,0.06", height="0.3")
        dot.attr(
            "edge", fontname=FONT, fontsize="12", fontcolor=theme.backward, color=theme.line, arrowsize="0.7"
        )
        nodes = self.graph.nodes()
        if len(nodes) > LARGE:
            dot.attr("graph", splines="line", nslimit="0.5", nslimit1="0.5", mclimit="0.1")
        self.frame(dot, (), nodes)
        for arrow in self.graph.arrows:
            dot.edge(arrow.tail, arrow.head, id=arrow.id, **self.arrow(arrow))
        return str(dot.source)

    def frame(self, dot: Any, frame: Path, nodes: Sequence[Node]) -> None:
        """The nodes of one frame, each inner frame where its first node stands."""
        inner: dict[str, list[Node]] = {}
        for node in nodes:
            if len(node.frame) > len(frame):
                inner.setdefault(node.frame[len(frame)], []).append(node)
        done: set[str] = set()
        for node in nodes:
            if len(node.frame) == len(frame):
                self.node(dot, node)
            elif (part := node.frame[len(frame)]) not in done:
                done.add(part)
                path = (*frame, part)
                name = f"cluster_{inner[part][0].id}_{len(path)}"
                with dot.subgraph(name=name) as cluster:
                    cluster.attr(
                        id=name, label=self.frame_label(".".join(path)), labeljust="l",
                        style="rounded,dashed", color=self.theme.frame, fontsize="13",
                    )  # fmt: skip
                    self.frame(cluster, path, inner[part])

    def frame_label(self, path: str) -> str:
        """The path of a module, and its class if it is known."""
        kind = self.graph.modules.get(path)
        return f"<<B>{escape(path)}</B>{f'  {self.small(kind)}' if kind else ''}>"

    def node(self, dot: Any, node: Node) -> None:
        """One node, in the style of its kind, which is its class in the SVG."""
        if isinstance(node, TensorNode):
            kind, label = str(node.kind), self.tensor(node)
        elif isinstance(node, OperationNode):
            kind, label = "operation", self.operation(node)
        else:
            kind, label = "fold", self.fold(node)
        colors = {"fillcolor": getattr(self.theme, kind), "color": getattr(self.theme, kind + "_line")}
        dot.node(node.id, label=label, id=node.id, **{"class": kind}, **SHAPES[kind], **colors)

    def arrow(self, arrow: Arrow) -> dict[str, str]:
        """A rule beside a full line; a plain name beside a dashed one, where no gradient flows back."""
        style = {} if arrow.carries else {"style": "dashed", "fontcolor": self.theme.grey}
        lines = [f"\u00a0{escape(arrow.label)}\u00a0"] if arrow.label else []
        lines += [f"\u00a0{self.small(arrow.note)}\u00a0"] if arrow.note else []
        return style | ({"label": f"<{'<BR/>'.join(lines)}>"} if lines else {})

    # nodes ----------------------------------------------------------------------------------------------

    def tensor(self, node: TensorNode) -> str:
        """Name, shape, dtype, then the numbers: value and gradient side by side, or one below the other."""
        shape = " × ".join(map(str, node.shape)) if node.shape else "scalar"
        head = f"<B>{escape(node.name)}</B>  " if node.name else ""
        if not node.name and node.kind != "parameter":
            name = TEXT.write(Symbol(node.symbol)).text
            head = f"<B>{name}</B>  " if node.kind == "result" else f"<I>{escape(name)}</I>  "
        rows = [f'<TR><TD CELLPADDING="3">{head}{self.small(f"{shape} {node.dtype}")}</TD></TR>']
        grids = node.grids
        wide = any(len(grid.rows[0]) > len(grid.rows) for grid in grids if grid.rows)
        if grids:
            separator = "</TR><TR>" if wide else ""
            cells = separator.join(f'<TD VALIGN="TOP">{self.grid(grid)}</TD>' for grid in grids)
            rows.append(f"<TR><TD>{table(f'<TR>{cells}</TR>', spacing=4)}</TD></TR>")
        if node.remark:
            rows.append(f"<TR><TD>{self.small(node.remark)}</TD></TR>")
        return f"<{table(''.join(rows))}>"

    def grid(self, grid: Numbers) -> str:
        """The entries in columns under their title; a gradient on the ground that says how large it is."""
        ground, color = "", self.theme.ink
        if "grad" in grid.title:
            level = self.scale.level(grid.size)
            color = self.theme.backward if level is None else self.theme.on_scale
            ground = "" if level is None else f' BGCOLOR="{self.theme.scale[level]}"'
        columns = max((len(row) for row in grid.rows), default=1) + bool(grid.labels)
        rows = [f'<TR><TD COLSPAN="{columns}">{self.small(grid.title, color)}</TD></TR>']
        for i, row in enumerate(grid.rows or [["empty"]]):
            label = f'<TD ALIGN="LEFT">{self.small(grid.labels[i], color)}</TD>' if grid.labels else ""
            cells = (f'<TD ALIGN="RIGHT"><FONT COLOR="{color}">{escape(entry)}</FONT></TD>' for entry in row)
            rows.append("<TR>" + label + "".join(cells) + "</TR>")
        return table("".join(rows), spacing=3, padding=1, more=ground)

    def operation(self, node: OperationNode) -> str:
        """The name above the formula, and what a reduction reduces below."""
        lines = [f"<B>{escape(node.name)}</B>", escape(node.formula)]
        if not node.notes:
            return f"<{'<BR/>'.join(lines)}>"
        lines += map(self.small, node.notes)
        return f"<{table(''.join(f'<TR><TD>{line}</TD></TR>' for line in lines))}>"

    def fold(self, node: FoldNode) -> str:
        """What is folded, how often, and how much is inside."""
        count = f" × {node.count}" if node.count > 1 else ""
        kind = self.graph.modules.get(node.name, "")
        lines = [f"<B>{escape(node.name + count)}</B>" + (f"  {self.small(kind)}" if kind else "")]
        lines += [escape(node.body)] if node.body else []
        inside = [quantity(node.operations, "operation")] if node.operations else []
        if node.parameters:
            inside.append(f"{quantity(node.parameters, 'parameter')} ({quantity(node.entries, 'number')})")
        lines.append(self.small(", ".join(inside)))
        ground = ""
        if node.size is not None:
            level = self.scale.level(node.size)
            ground = "" if level is None else f' BGCOLOR="{self.theme.scale[level]}"'
            color = self.theme.backward if level is None else self.theme.on_scale
            gradient = self.small(f"largest grad {brief(node.size)}", color)
        rows = "".join(f"<TR><TD>{line}</TD></TR>" for line in lines)
        if node.size is not None:
            rows += f"<TR><TD{ground}>{gradient}</TD></TR>"
        return f"<{table(rows, padding=1)}>"

    # the header -----------------------------------------------------------------------------------------

    def header(self) -> str:
        """The title, how to read the picture, and what is missing in it."""
        graph = self.graph
        lines = [f'<FONT POINT-SIZE="18"><B>{escape(graph.title)}</B></FONT>'] if graph.title else []
        lines += self.swatches()
        lines += [self.small(line) for line in [*self.legend(), *graph.remarks]]
        return "<" + table("".join(f"<TR><TD>{line}</TD></TR>" for line in lines), padding=2) + ">"

    def swatches(self) -> list[str]:
        """The kinds of node in their colours and borders, and the scale of the gradients, if they occur."""
        theme, graph = self.theme, self.graph
        present = {str(node.kind) for node in graph.tensors}
        words = [
            ("parameter", "thick border: parameter", 'BORDER="3"'),
            ("data", "folded corner: data", 'BORDER="1"'),
            ("intermediate", "rounded: computed", 'BORDER="1" STYLE="ROUNDED"'),
            ("result", "double border: result", 'BORDER="1"'),
            ("operation", "ellipse: operation", 'BORDER="1" STYLE="ROUNDED"'),
            ("fold", "folder: several operations as one", 'BORDER="1"'),
        ]
        present |= {"operation"} if graph.operations else set()
        present |= {"fold"} if graph.folds else set()
        cells = "".join(
            f'<TD {border} BGCOLOR="{getattr(theme, kind)}" COLOR="{getattr(theme, kind + "_line")}">'
            f"{self.small(text, theme.ink)}</TD>"
            for kind, text, border in words
            if kind in present
        )
        lines = [table(f"<TR>{cells}</TR>", spacing=4, padding=3)] if cells else []
        if self.scale.levels:
            cells = "".join(
                f'<TD BGCOLOR="{theme.scale[level]}">{self.small(text, theme.on_scale)}</TD>'
                for level, text in self.scale.legend()
            )
            words_ = self.small("size of a gradient (root mean square):")
            lines.append(table(f'<TR><TD ALIGN="RIGHT">{words_}</TD>{cells}</TR>', spacing=0, padding=3))
        return lines

    def legend(self) -> list[str]:
        """How to read what is in this picture, and nothing else."""
        graph, lines = self.graph, []
        if not all(arrow.carries for arrow in graph.arrows):
            lines.append("dashed: no gradient flows")
        if any(arrow.carries and arrow.label for arrow in graph.arrows):
            lines.append(
                "beside each arrow: how the gradient returns along it "
                "(x\u0304 is the gradient of the result with respect to x)"
            )
        if any(grid.title == ".grad" for node in graph.tensors for grid in node.grids):
            lines.append(
                ".grad: what the tensor holds, added up over backward() calls · grad: of this result alone"
            )
        return lines

    def small(self, text: str, color: str = "") -> str:
        """What is said by the way."""
        return f'<FONT POINT-SIZE="10" COLOR="{color or self.theme.grey}">{escape(text)}</FONT>'


class Scale:
    """How large the gradients of a graph are, in powers of ten below the largest: level 0, 1, …, the last."""

    def __init__(self, graph: Graph) -> None:
        sizes = [size for size in graph.sizes() if 0 < size < math.inf]
        self.top = max(sizes, default=0.0)
        self.last = len(LIGHT.scale) - 1
        self.levels = sorted({level for size in sizes if (level := self.level(size)) is not None})

    def level(self, size: float) -> int | None:
        """0 for the largest and all within a factor of ten; None of a gradient that is 0, or no number."""
        if size == math.inf:
            return 0
        if not 0 < size < math.inf:
            return None
        return min(int(math.log10(self.top / size)), self.last)

    def legend(self) -> list[tuple[int, str]]:
        """The levels that occur, each with the sizes it stands for."""
        return [(level, f"≤ {self.top * 10.0**-level:.2g}") for level in range(self.levels[-1] + 1)]


def quantity(n: int, what: str) -> str:
    """`1 operation`, `12 operations`."""
    return f"{n} {what}{'s' * (n != 1)}"


def table(rows: str, spacing: int = 0, padding: int = 0, more: str = "") -> str:
    """A table without lines."""
    lines = f'BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}"'
    return f"<TABLE {lines}{more}>{rows}</TABLE>"


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
        return VISIBLE[code]
    return "\ufffd" if 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF) else c
