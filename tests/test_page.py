"""The step page as text: it is one file, harmless, and every step says what the engine computed."""

import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest

import autodiff
from autodiff import draw, formulas, symbol
from autodiff.notation import TEXT, brief
from autodiff.page.mathml import MATHML, PICTURES, Filled, escape
from autodiff.page.story import Story
from autodiff.primitive import registry
from tests.test_draw import HOSTILE, xor

SVG = "{http://www.w3.org/2000/svg}"
TOKENS = {"mi", "mn", "mo", "mtext"}


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.inside = [], [], {"style": "", "script": ""}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.cdata_elem in self.inside:
            self.inside[self.cdata_elem] += data
        else:
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def picture(page):
    return ET.fromstring(re.search(r"<svg.*</svg>", page, re.S)[0])


def xor_page(**options):
    model, loss, names = xor(backward=True)
    return model, draw(loss, names=names, **options)


# One file that reaches for nothing ------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_policy_allows_this_style_and_this_program_and_nothing_else(theme):
    page = Parsed(xor_page(theme=theme)[1].html)
    (policy,) = (meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    rules = dict(rule.split(None, 1) for rule in policy.split("; "))
    for name, rule in (("style", "style-src"), ("script", "script-src")):
        assert len(page.all(name)) == 1
        digest = b64encode(sha256(page.inside[name].encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}


def test_names_no_other_file():
    page = xor_page()[1].html
    addresses = set(re.findall(r"\w+://[^\s\"'<)]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    attributes = {name for _, given in Parsed(page).tags for name in given}
    assert not attributes & {"src", "href", "xlink:href", "action", "style", "srcset", "data", "poster"}
    assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in page and "@import" not in page


def test_is_small():
    assert len(xor_page()[1].html) < 150_000


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    page = Parsed(draw(loss, names={name: w}, title=name).html)
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert not page.all("b")
    assert "alert(1)" not in page.inside["script"] + page.inside["style"]
    if not name.strip():
        return
    assert name.translate(PICTURES) in page.texts  # on its card


def test_escapes_half_a_surrogate_pair():
    escape("\ud800").encode()


# The story ------------------------------------------------------------------------------------------------


def test_each_operation_once_forward_then_each_gradient_back():
    _, drawing = xor_page()
    story = Story(drawing.graph)
    told = [scene.step.operation for scene in story.scenes if scene.direction == "forward"]
    assert told == drawing.graph.forward
    back = [scene.step.arrow for scene in story.scenes if scene.direction == "backward"]
    assert back == drawing.graph.backward
    assert [scene.direction for scene in story.scenes] == ["forward"] * 5 + ["start"] + ["backward"] * 8


def test_complete_gradients_are_those_that_backward_made():
    model, drawing = xor_page()
    complete = {x.name: x for scene in Story(drawing.graph).scenes for x in scene.complete}
    for name, parameter in model.named_parameters():
        np.testing.assert_array_equal(complete[name].gradient.entries.ravel(), parameter.grad.numpy().ravel())


def test_a_gradient_is_complete_with_the_last_part_that_arrives():
    w = autodiff.tensor(3.0, requires_grad=True)
    story = Story(draw(w * w * w, names={"w": w}).graph)
    (leaf,) = (x.id for x in story.graph.tensors if x.name == "w")
    parts = [s for s in story.scenes if s.direction == "backward" and s.step.tensor == leaf]
    assert len(parts) == 3
    assert story.arrives[leaf] == parts[-1].number
    assert float(parts[-1].step.total.entries) == 27.0


def test_without_a_gradient_there_is_only_forward():
    x = autodiff.ones(3, requires_grad=True) * 2
    assert {scene.direction for scene in Story(draw(x).graph).scenes} == {"forward"}
    assert Story(draw(autodiff.tensor(3.0)).graph).scenes == []
    assert "0 / 0" in draw(autodiff.tensor(3.0)).html


def test_a_fold_is_one_step_each_way():
    x = autodiff.tensor(0.5, requires_grad=True)
    y = x
    for _ in range(50):
        y = (y * y + x).tanh()
    graph = draw(y, names={"x": x}, fold=True).graph
    folds = [scene for scene in Story(graph).scenes if scene.fold is not None]
    assert [scene.direction for scene in folds] == ["forward", "backward"]
    shown = {node.id for node in graph.nodes()} | {arrow.id for arrow in graph.arrows}
    for scene in Story(graph).scenes:
        assert {*scene.nodes, *scene.arrows} <= shown and scene.nodes


@pytest.mark.parametrize("options", [{}, {"depth": 0}, {"scalars": True}, {"direction": "LR"}])
def test_the_picture_says_when_each_part_is_known(options):
    _, drawing = xor_page(**options)
    story = Story(drawing.graph)
    groups = {g.get("id"): g for g in picture(drawing.html).iter(SVG + "g")}
    for node in drawing.graph.nodes():
        group = groups[node.id]
        assert group.get("role") == "button" and group.get("aria-label")
        assert int(group.get("data-from", 0)) == story.appears.get(node.id, 0)
        assert int(group.get("data-gradient", 0)) == story.arrives.get(node.id, 0)
    for tensor in drawing.graph.tensors:
        for kind in ("value", "gradient"):
            marked = [t.text for t in groups[tensor.id].iter(SVG + "text") if t.get("class") == kind]
            wanted = [
                text
                for grid in tensor.grids
                if ("grad" in grid.title) == (kind == "gradient")
                for text in [grid.title, *grid.labels, *(entry for row in grid.rows for entry in row)]
            ]
            assert sorted(marked) == sorted(wanted)


# Formulas -------------------------------------------------------------------------------------------------


def check_mathml(formula):
    """All text is in elements that hold text."""
    tree = ET.fromstring(f"<math>{formula}</math>")
    for element in tree.iter():
        if element.tag in TOKENS:
            assert (element.text or "").strip() and not len(element)
        else:
            assert not (element.text or "").strip()
        assert not (element.tail or "").strip()
        if element.tag in ("mfrac", "msup", "msub"):
            assert len(element) == 2
    return "".join(tree.itertext())


@pytest.mark.parametrize("name", sorted(registry))
def test_every_primitive_reads_as_mathml(name):
    primitive = registry[name]
    check_mathml(formulas.write_formula(MATHML, primitive))
    for i in range(min(primitive.arity, 3)):
        check_mathml(formulas.write_rule(MATHML, primitive, i))
        derivative = formulas.write_derivative(MATHML, primitive, i)
        assert not derivative or check_mathml(derivative)


@pytest.mark.parametrize("name", ["mul", "linear", "sigmoid", "relu", "matmul", "getitem", "sum", "sub"])
def test_mathml_says_what_the_text_says(name):
    said = check_mathml(formulas.write_formula(MATHML, registry[name]))
    text = formulas.write_formula(TEXT, registry[name])
    assert re.sub(r"\s", "", said).replace("T", "ᵀ") == re.sub(r"\s", "", text)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.strip()])
def test_names_in_formulas(name):
    check_mathml(MATHML.write(symbol.Symbol(name) * symbol.bar(name)).text)


def test_numbers_stand_where_the_names_were():
    w = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x = autodiff.tensor([[-5.0], [6.0]], requires_grad=True)
    graph = draw((w @ x).sum(), names={"w": w, "x": x}).graph
    values = {tensor.symbol: tensor.value for tensor in graph.tensors}
    numbers = Filled(values, {tensor.symbol: tensor.gradient for tensor in graph.tensors})
    product = next(op for op in graph.operations if op.name == "matmul")
    assert check_mathml(product.equation(numbers)) == "1234@−56"
    to_x = next(
        arrow for arrow in graph.arrows if arrow.sent is not None and graph.by_id[arrow.tail].name == "x"
    )
    assert check_mathml(to_x.equation(numbers)) == "1234T@11"
    assert numbers.filled


def test_what_changed_since_is_not_put_in():
    w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * 3).sum()
    with autodiff.no_grad():
        w += 1
    graph = draw(loss, names={"w": w}).graph
    numbers = Filled({x.symbol: x.value for x in graph.tensors}, {})
    assert "<mi>w</mi>" in graph.operations[0].equation(numbers)


def steps_of(html):
    return [re.sub(r"<[^>]*>", " ", step) for step in re.findall(r"<li class=.*?</li>", html, re.S)]


def test_a_gradient_that_is_repeated_is_not_called_equal():
    x = autodiff.tensor([2.0, 5.0], requires_grad=True)
    html = draw((x * 3).sum(), names={"x": x}).html
    assert "repeated:&#xa0;<" in html
    (back,) = (step for step in steps_of(html) if "← sum" in step)
    assert re.search(r"=\s+1\s+repeated:&#xa0;\s+1\s+1\s", back)


def test_large_results_are_told_by_their_ends():
    x = autodiff.ones(10, 10, requires_grad=True)
    (step, *_) = steps_of(draw((x * 3).sum(), names={"x": x}).html)
    assert re.search(r"value\s+min\s+3.0000\s+mean\s+3.0000\s+max\s+3.0000\s", step)


# Where it shows -------------------------------------------------------------------------------------------


def test_save_writes_the_page(tmp_path):
    _, drawing = xor_page()
    assert drawing.save(tmp_path / "graph.html").read_text(encoding="utf-8") == drawing.html


def test_a_notebook_shows_it_in_a_frame_that_reaches_nothing():
    _, drawing = xor_page()
    (frame,) = Parsed(drawing.interactive(height=300)._repr_html_()).all("iframe")
    assert frame["srcdoc"] == drawing.html
    assert frame["sandbox"] == "allow-scripts" and frame["height"] == "300"


def test_every_step_can_be_read_without_the_program():
    model, drawing = xor_page()
    page = Parsed(drawing.html)
    steps = [given["data-said"] for given in page.all("li")]
    assert len(steps) == 14
    assert steps[6].startswith("Step 7 of 14, t₄ ← mse_loss. t̄₄ += grad_loss · 0.5 · (t₄ − y)")
    said = " ".join(steps)
    for parameter in model.parameters():
        for entry in parameter.grad.numpy().ravel().tolist():
            assert brief(entry) in said
