"""The words of the page as HTML: each step; for each node and arrow a card with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..draw.dot import quantity
from ..draw.model import Arrow, FoldNode, Graph, Node, OperationNode, TensorNode
from ..draw.numbers import Numbers
from ..draw.svg import describe
from ..notation import TEXT, brief
from ..symbol import Symbol
from .mathml import MATHML, Filled, array, block, escape, in_line
from .story import Scene, Story


def step_list(story: Story) -> str:
    """All steps, in order."""
    return "\n".join(step_item(scene, story) for scene in story.scenes)


def step_item(scene: Scene, story: Story) -> str:
    """One step: a heading that leads to it, and what happens."""
    title = heading(scene, story)
    parts = fold_step(scene, story) if scene.fold is not None else operation_step(scene, story)
    said = f"Step {scene.number} of {len(story.scenes)}, {title}. {spoken(scene)}"
    return (
        f'<li class="{scene.direction}" data-nodes="{" ".join(scene.nodes)}" '
        f'data-arrows="{" ".join(scene.arrows)}" data-said="{escape(said)}">'
        f"<button><small>{scene.number}</small> {escape(title)}</button>"
        f"<div>{''.join(parts)}</div></li>"
    )


def heading(scene: Scene, story: Story) -> str:
    """`sigmoid → t₄`, `t̄₃ back through sigmoid`."""
    if scene.fold is not None:
        words = f"{scene.name} ({quantity(scene.fold.operations, 'operation')})"
        return words if scene.direction == "forward" else f"back through {words}"
    assert scene.step is not None
    name = TEXT.name(story.tensors[scene.step.tensor].symbol)
    return {"forward": f"{scene.name} → {name}", "backward": f"{name} ← {scene.name}"}.get(
        scene.direction, f"gradient of {name}"
    )


def spoken(scene: Scene) -> str:
    """What a screen reader says of a step."""
    if scene.fold is not None:
        return scene.fold.body
    step = scene.step
    assert step is not None
    parts = [step.equation, step.filled, *step.notes]
    if step.direction == "backward":
        if step.result is not None:
            parts.append(f"added {step.result.text()}")
        whole = [tensor.gradient for tensor in scene.complete if tensor.gradient is not None]
        if whole:
            parts.append(f"the gradient is complete: {whole[0].text()}")
        elif step.total is not None:
            parts.append(f"so far {step.total.text()}")
    elif step.result is not None:
        parts.append(f"result {step.result.text()}")
    return ". ".join(part for part in parts if part)


def fold_step(scene: Scene, story: Story) -> list[str]:
    """A node that is many operations: what is inside, what comes out."""
    fold = scene.fold
    assert fold is not None
    if scene.direction == "forward":
        results = [story.tensors[id] for id in scene.nodes if id in story.tensors]
        return [paragraph(fold.body, "formula"), *(grid(TEXT.name(x.symbol), x.value) for x in results)]
    parts = [gradient(tensor) for tensor in scene.complete]
    if fold.parameters and fold.size is not None:
        inside = f"{quantity(fold.parameters, 'parameter')} inside ({quantity(fold.entries, 'number')})"
        parts.append(paragraph(f"gradients of {inside}, the largest {brief(fold.size)}", "note"))
    return parts


def operation_step(scene: Scene, story: Story) -> list[str]:
    """One operation forward, or one gradient back: the formula, the numbers in it, what comes of it."""
    step = scene.step
    assert step is not None
    whole = story.graph.whole
    x = story.tensors[step.tensor]
    if step.direction == "start":
        bar = MATHML.write(Symbol("bar", Symbol(x.symbol))).text
        return [block(f"{bar}<mo>=</mo><mn>1</mn>")]
    op = whole.by_id[step.operation]
    assert isinstance(op, OperationNode)
    z = story.tensors[op.output]
    used = [story.tensors[id] for id in op.inputs if id is not None] + [z]
    numbers = Filled({t.symbol: t.value for t in used}, {z.symbol: z.gradient})
    if step.direction == "forward":
        parts = [block(op.equation(MATHML)), worked_out(op.equation(numbers), numbers, step.result)]
    else:
        arrow = story.arrows[step.arrow]
        repeated = arrow.note.startswith("gradient repeated")
        added = worked_out(arrow.equation(numbers), numbers, step.result, repeated)
        parts = [block(arrow.equation(MATHML)), added]
        if step.derivative:
            parts.append(paragraph("local derivative", "label") + block(arrow.derivative(MATHML)))
    parts += [paragraph(note, "note") for note in step.notes]
    if step.direction == "backward":
        parts.append(gradient(x) if x in scene.complete else grid("gradient so far", step.total))
    return parts


def worked_out(formula: str, numbers: Filled, result: Numbers | None, repeated: bool = False) -> str:
    """The formula in numbers, and what it comes to; `repeated`: that is of another shape."""
    parts = block(f"<mo>=</mo>{formula}") if numbers.filled else ""
    if result is None:
        return parts
    if not in_line(result):
        return parts + grid(result.title, result)
    value, sign = array(result), "<mtext>repeated:&#xa0;</mtext>" if repeated else "<mo>=</mo>"
    return parts + (block(sign + value) if value != formula else "")


def gradient(x: TensorNode) -> str:
    """The whole gradient of a tensor."""
    held = any(grid.title == ".grad" for grid in x.grids)
    name = TEXT.name(x.symbol)
    same = held and len([grid for grid in x.grids if "grad" in grid.title]) == 1
    words = f"gradient of {name}, complete" + (f": this is what {name}.grad holds" if same else "")
    return grid(words, x.gradient)


# cards ----------------------------------------------------------------------------------------------------


def cards(graph: Graph) -> str:
    """What is known of each node and arrow of the picture."""
    leaving: dict[str, list[Arrow]] = {}
    for arrow in graph.arrows:
        leaving.setdefault(arrow.tail, []).append(arrow)
    found = [card(node.id, node_card(node, leaving.get(node.id, []))) for node in graph.nodes()]
    found += [card(arrow.id, arrow_card(arrow)) for arrow in graph.arrows if arrow.rule()]
    return "\n".join(found)


def card(id: str, parts: Iterable[str]) -> str:
    """A card, hidden until it is asked for."""
    return f'<div class="card" id="about-{id}" hidden>{"".join(parts)}</div>'


def node_card(node: Node, leaving: Sequence[Arrow]) -> list[str]:
    """A tensor with its numbers and where its gradient comes from; an operation; a fold."""
    if isinstance(node, FoldNode):
        return [title(node.name), paragraph(describe(node), "note")]
    if isinstance(node, OperationNode):
        return [title(node.name), block(node.equation(MATHML)), *(paragraph(n, "note") for n in node.notes)]
    shape = " × ".join(map(str, node.shape)) or "scalar"
    parts = [title(node.name or TEXT.name(node.symbol), f"{node.kind}, {shape} {node.dtype}")]
    parts += [grid(numbers.title, numbers) for numbers in node.grids]
    parts += [paragraph(node.remark, "note")] * bool(node.remark)
    rules = [block(arrow.equation(MATHML)) for arrow in leaving if arrow.rule()]
    return parts + [paragraph("its gradient", "label")] * bool(rules) + rules


def arrow_card(arrow: Arrow) -> list[str]:
    """The rule by which the gradient returns, and what it added."""
    parts = [title("how the gradient returns"), block(arrow.rule(MATHML)), block(arrow.equation(MATHML))]
    parts += [paragraph(arrow.note, "note")] * bool(arrow.note)
    return parts + ([grid("added to the gradient", arrow.sent)] if arrow.sent is not None else [])


# pieces ---------------------------------------------------------------------------------------------------


def title(words: str, more: str = "") -> str:
    """The head of a card."""
    return f"<h3>{escape(words)}{f' <small>{escape(more)}</small>' if more else ''}</h3>"


def paragraph(words: str, kind: str) -> str:
    """A line of words."""
    return f'<p class="{kind}">{escape(words)}</p>' if words else ""


def grid(words: str, numbers: Numbers | None) -> str:
    """Numbers as a table under their title."""
    if numbers is None:
        return ""
    kind = "gradient" if "grad" in words else "value"
    rows = numbers.rows or [["empty"]]
    labels = [f'<th scope="row">{label}</th>' for label in numbers.labels] or [""] * len(rows)
    body = "".join(
        f"<tr>{label}{''.join(f'<td>{escape(entry)}</td>' for entry in row)}</tr>"
        for label, row in zip(labels, rows, strict=True)
    )
    return paragraph(words, "label") + f'<table class="{kind}" aria-label="{escape(words)}">{body}</table>'
