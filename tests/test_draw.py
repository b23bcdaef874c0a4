"""Pictures: what they show is right, the same program gives the same text, no name can break them."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import autodiff
import nn
from autodiff import Drawing, LayoutError, draw
from autodiff.draw import layout

HOSTILE = [
    '<b>&|{}"\\',
    "line\nbreak",
    "emoji 🙂 and é",
    "</script><script>alert(1)</script>",
    r"\N\G\E\T\H\L\l\r\n",
    "&lt;b&gt; &amp; &#92;",
    "]]> <!-- -->",
    "\x00\x1b[31m\x7f",
    "   ",
    "a.b.<c>",
    'x"; }; digraph evil {',
]


@pytest.fixture(params=["dot", "pygraphviz"])
def either_engine(request, monkeypatch):
    """Lay out with each program that there is: the `dot` on PATH, and pygraphviz alone."""
    monkeypatch.delenv("AUTODIFF_DOT", raising=False)
    if request.param == "pygraphviz":
        monkeypatch.setenv("PATH", "")
    elif shutil.which("dot") is None:
        pytest.skip("no dot on PATH")


class XOR(nn.Module):
    """The network of the reference picture: 2 - 4 - 1."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 4)
        self.output = nn.Linear(4, 1)

    def forward(self, x):
        return self.output(self.hidden(x).sigmoid()).sigmoid()


def xor(backward=False):
    autodiff.manual_seed(0)
    model = XOR()
    x = autodiff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = autodiff.tensor([[0.0], [1.0], [1.0], [0.0]])
    loss = nn.functional.mse_loss(model(x), y)
    if backward:
        loss.backward()
    names = {"x": x, "y": y, "loss": loss, **dict(model.named_parameters())}
    return model, loss, names


def leaf(value, dtype=None):
    return autodiff.tensor(value, requires_grad=True, dtype=dtype)


def node(drawing, name):
    (found,) = (n for n in drawing.graph.tensors if n.name == name)
    return found


def grid(node, title):
    (found,) = (g for g in node.grids if g.title == title)
    return np.array([[float(entry) for entry in row] for row in found.rows])


def titles(node):
    return [g.title for g in node.grids]


# the graph ----------------------------------------


def test_xor_has_its_tensors_operations_and_frames():
    _, loss, names = xor()
    graph = draw(loss, names).graph
    assert [op.name for op in graph.operations] == ["linear", "sigmoid", "linear", "sigmoid", "mse_loss"]
    kinds = {n.name: n.kind for n in graph.tensors if n.name}
    assert kinds == {
        "x": "data",
        "y": "data",
        "loss": "result",
        "hidden.weight": "parameter",
        "hidden.bias": "parameter",
        "output.weight": "parameter",
        "output.bias": "parameter",
    }
    assert [op.frame for op in graph.operations] == [("hidden",), (), ("output",), (), ()]
    assert {n.frame for n in graph.tensors if n.name.startswith("hidden.")} == {("hidden",)}
    assert len(graph.tensors) == 11


def test_a_module_names_its_parameters():
    model, loss, _ = xor()
    names = {n.name for n in draw(loss, names=model).graph.tensors}
    assert names == {"", "hidden.weight", "hidden.bias", "output.weight", "output.bias"}


def test_every_number_in_the_picture_is_right():
    model, loss, names = xor()
    before = draw(loss, names)
    loss.backward()
    after = draw(loss, names)
    for name, p in model.named_parameters():
        shape = (-1, p.shape[-1])
        for drawing, title in ((before, "grad"), (after, ".grad")):
            assert titles(node(drawing, name)) == ["value", title]
            np.testing.assert_allclose(grid(node(drawing, name), "value"), p.array.reshape(shape), atol=5e-5)
            np.testing.assert_allclose(
                grid(node(drawing, name), title), p.grad.array.reshape(shape), atol=5e-5, rtol=5e-3
            )
    assert grid(node(before, "loss"), "value") == pytest.approx(loss.item(), abs=5e-5)
    inner = [[g.rows for g in n.grids] for d in (before, after) for n in d.graph.tensors if not n.name]
    assert len(inner) == 8 and inner[:4] == inner[4:]  # before and after, intermediate gradients are the same


def test_drawing_changes_nothing():
    model, loss, names = xor()
    draw(loss, names)
    assert all(p.grad is None for p in model.parameters())
    draw(loss, names)
    loss.backward()
    once = [p.grad.tolist() for p in model.parameters()]
    draw(loss, names)
    assert once == [p.grad.tolist() for p in model.parameters()]


def test_the_rule_stands_on_each_arrow_and_the_formula_in_each_operation():
    _, loss, names = xor()
    graph = draw(loss, names).graph
    by_id = {n.id: n for n in graph.nodes()}
    labels = {
        (by_id[a.tail].name, by_id[a.head].name): a.label for a in graph.arrows if by_id[a.tail].name in names
    }
    assert labels == {
        ("x", "linear"): "x",
        ("hidden.weight", "linear"): "w̄ += z̄ᵀ @ x",
        ("hidden.bias", "linear"): "b̄ += sum(z̄, axis=0)",
        ("output.weight", "linear"): "w̄ += z̄ᵀ @ x",
        ("output.bias", "linear"): "b̄ += sum(z̄, axis=0)",
        ("y", "mse_loss"): "y",
    }
    assert graph.operations[0].formula == "z = x @ wᵀ + b"


def test_the_example_of_micrograds_readme():
    a, b = leaf(-4.0, autodiff.float64), leaf(2.0, autodiff.float64)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    drawing = draw(g, {"a": a, "b": b, "g": g})
    assert node(drawing, "g").grids[0].rows == [["24.7041"]]
    assert node(drawing, "a").grids[1].rows == [["138.8338"]]
    assert node(drawing, "b").grids[1].rows == [["645.5773"]]
    assert "z = 10 / y" in [op.formula for op in drawing.graph.operations]


def test_targets_that_are_indices_are_drawn_if_they_have_a_name():
    logits, y = leaf([[1.0, 2.0], [3.0, 4.0]]), autodiff.tensor([1, 0])
    loss = nn.functional.cross_entropy(logits, y)
    named, unnamed = draw(loss, {"y": y}).graph, draw(loss).graph
    assert [n.name for n in named.tensors if n.kind == "data"] == ["y"]
    assert [(a.label, a.carries) for a in named.arrows] == [
        ("x̄ += (z̄ / 2) · (softmax(x, axis=1) − one_hot(index, x))", True),
        ("index", False),
        ("", True),
    ]
    assert not [n for n in unnamed.tensors if n.kind == "data"]


def test_a_tensor_used_twice_has_one_node_and_two_arrows():
    x = leaf(3.0)
    graph = draw(x * x, {"x": x}).graph
    assert len(graph.tensors) == 2
    assert [a.label for a in graph.arrows] == ["x̄ += z̄ · y", "y\u0304 += z̄ · x", ""]


def test_large_tensors_show_shape_and_dtype_only():
    x = leaf(np.ones((5, 4), np.float32))
    drawing = draw(x.sum(), {"x": x})
    assert node(drawing, "x").grids == []
    assert "5 × 4 float32" in drawing.dot


def test_modules_nest_and_weight_only_values_stay_with_their_module():
    w, v = leaf([[1.0, 2.0]]), leaf([1.0])
    names = {"net.first.weight": w, "net.second.weight": v}
    graph = draw((autodiff.ones(3, 2) @ w.T * v).sum() + (w * w).sum(), names).graph
    assert [(op.name, op.frame) for op in graph.operations] == [
        ("transpose", ("net", "first")),
        ("matmul", ("net", "first")),
        ("mul", ("net", "second")),
        ("sum", ()),
        ("mul", ("net", "first")),
        ("sum", ("net", "first")),
        ("add", ("net", "first")),
    ]


# gradients that cannot be shown ----------------------------------------


def test_a_root_that_is_no_scalar_has_no_gradients_and_says_so():
    x = leaf([1.0, 2.0])
    drawing = draw(x * 2, {"x": x})
    assert titles(node(drawing, "x")) == ["value"]
    assert "gradient is that of a scalar" in drawing.dot


def test_values_changed_in_place_are_never_used():
    model, loss, names = xor(backward=True)
    nn.optim.SGD(model.parameters(), lr=1.0).step()
    drawing = draw(loss, names)
    weight = node(drawing, "output.weight")
    assert titles(weight) == ["value now", ".grad"]
    np.testing.assert_allclose(grid(weight, "value now"), model.output.weight.array, atol=5e-5)
    without = [n for n in drawing.graph.tensors if n.kind == "intermediate" and "grad" not in titles(n)]
    assert len(without) == 2  # behind output.weight
    assert "optimizer.step()" in drawing.dot


def test_values_freed_by_backward_are_never_shown():
    x = leaf(np.full((9, 9), 0.5, np.float32))
    y = x.tanh().sum(dim=0)[:4].tanh()
    loss = y.sum()
    loss.backward()
    drawing = draw(loss, {"x": x, "y": y})
    assert titles(node(drawing, "y")) == ["value", "grad"]
    assert "freed by backward()" in drawing.dot
    retained = x.tanh().sum()
    retained.backward(retain_graph=True)
    assert "freed" not in draw(retained).dot


def test_an_overwritten_intermediate_shows_no_value():
    x = leaf([1.0, 2.0])
    y = x * 3
    z = y + 1
    with autodiff.no_grad():
        y.zero_()
    drawing = draw(z.sum(), {"x": x})
    (product,) = (n for n in drawing.graph.tensors if n.remark)
    assert product.remark == "overwritten in place" and "value" not in titles(product)
    assert grid(node(drawing, "x"), "grad").tolist() == [[3.0, 3.0]]  # needs no value of y


def test_an_accumulated_grad_is_shown_for_what_it_is_beside_the_gradient_of_this_result():
    x = leaf(2.0)
    for _ in range(2):
        (x * 3).backward()
    shown = node(draw(x * 3, {"x": x}), "x")
    assert [(g.title, g.rows) for g in shown.grids] == [
        ("value", [["2"]]),
        ("grad", [["3"]]),
        (".grad", [["6"]]),
    ]


def test_hooks_are_not_called_and_what_they_may_change_is_left_out():
    x = leaf(2.0)
    y = x * 3
    calls = []
    y.register_hook(calls.append)
    drawing = draw(y * y, {"x": x, "y": y})
    assert calls == []
    assert titles(node(drawing, "x")) == titles(node(drawing, "y")) == ["value"]
    assert "hook" in drawing.dot


def test_replaced_data_is_shown_as_what_it_is_now():
    x = leaf(2.0)
    y = x * x
    x.data = autodiff.tensor(5.0)
    drawing = draw(y, {"x": x})
    assert titles(node(drawing, "x")) == ["value now", "grad"]
    assert node(drawing, "x").grids[1].rows == [["4"]]  # the rule reads what the forward saw


# numbers ----------------------------------------


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ([0.0, 1.0, -2.0], [["0", "1", "-2"]]),
        ([0.5, 1.0], [["0.5000", "1.0000"]]),
        ([1e-5, -0.25], [["1.00e-05", "-0.2500"]]),
        ([1e6 + 0.5, 0.0], [["1.00e+06", "0"]]),
        ([float("nan"), float("inf"), -float("inf")], [["nan", "inf", "-inf"]]),
        ([[1, 2], [3, 4]], [["1", "2"], ["3", "4"]]),
        ([True, False], [["True", "False"]]),
        (list(range(6)), [["0", "1", "2", "3"], ["4", "5"]]),
        ([], []),
        (0.25, [["0.2500"]]),
        ([[[1.5], [2.5]]], [["1.5000"], ["2.5000"]]),
    ],
)
def test_numbers_are_short_and_right(values, rows):
    drawing = draw(autodiff.tensor(values))
    assert drawing.graph.tensors[0].grids[0].rows == rows


# what may be drawn ----------------------------------------


def test_a_tensor_without_history_is_one_node():
    graph = draw(autodiff.tensor([1.0, 2.0]), {"x": autodiff.tensor(0.0)}).graph
    assert [n.kind for n in graph.tensors] == ["data"] and not graph.operations and not graph.arrows


def test_a_parameter_alone_is_one_node():
    w = leaf(2.0)
    assert [(n.name, n.kind) for n in draw(w, {"w": w}).graph.tensors] == [("w", "parameter")]


@pytest.mark.parametrize("root", [3.0, np.ones(2), None, "loss", [autodiff.tensor(1.0)]])
def test_only_tensors_can_be_drawn(root):
    with pytest.raises(TypeError, match="root must be a Tensor"):
        draw(root)


@pytest.mark.parametrize("names", [["w"], 3, {"w": 2.0}, {"w": np.ones(2)}])
def test_names_are_a_module_or_a_dict_of_tensors(names):
    with pytest.raises(TypeError, match=r"names"):
        draw(leaf(1.0), names)


def test_the_direction_is_one_of_two():
    with pytest.raises(ValueError, match="TB"):
        draw(leaf(1.0), direction="down")
    assert "rankdir=LR" in draw(leaf(1.0), direction="LR").dot


def test_a_deep_chain_gives_dot_and_a_clear_refusal_of_a_layout():
    y = leaf(0.5)
    for _ in range(20_000):
        y = y * 1.0
    drawing = draw(y)
    assert drawing.dot.count("->") == 40_000
    with pytest.raises(LayoutError, match="40001 nodes") as caught:
        drawing.svg  # noqa: B018
    assert caught.value.dot == drawing.dot
    assert len(drawing._repr_mimebundle_()["text/plain"]) < 30_000


# the DOT text ----------------------------------------


def test_dot_names_nodes_by_number_and_uses_six_digit_colours_only():
    _, loss, names = xor()
    dot = draw(loss, names).dot
    ids = re.findall(r"^\t*(\w+) \[", dot, re.M)
    assert [i for i in ids if i not in ("graph", "node", "edge")] != []
    assert all(re.fullmatch(r"n\d+|graph|node|edge", i) for i in ids)
    assert set(map(len, re.findall(r"#[0-9a-fA-F]+", dot))) == {7}
    assert not re.search(r'color="?[a-z]', dot)
    edges = re.findall(r"^\t*(n\d+) -> (n\d+)", dot, re.M)
    assert all(int(tail[1:]) < int(head[1:]) for tail, head in edges)


def test_the_same_program_gives_the_same_dot_in_any_process():
    program = (
        "from tests.test_draw import xor\n"
        "from autodiff import draw\n"
        "import sys\n"
        "_, loss, names = xor(backward=True)\n"
        "sys.stdout.buffer.write(draw(loss, names).dot.encode())\n"
    )
    texts = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            env=environment,
            cwd=Path(__file__).parent.parent,
        )
        assert done.returncode == 0, done.stderr.decode()
        texts.add(done.stdout.decode())
    _, loss, names = xor(backward=True)
    assert texts == {draw(loss, names).dot}


# pictures ----------------------------------------


def texts(svg):
    """What an SVG shows, and proof that it is well-formed XML."""
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text")]


def shown(text):
    return re.sub("[\xa0 ]+", " ", text).strip()


def test_svg_is_well_formed_and_names_parameters_values_and_rules(either_engine):
    model, loss, names = xor()
    svg = draw(loss, names).svg
    words = [shown(text) for text in texts(svg)]
    assert "hidden.weight" in words and "hidden" in words
    assert f"{loss.item():.4f}" in words
    assert f"{model.hidden.weight.array[0, 0]:.4f}" in words
    assert "w̄ += z̄ᵀ @ x" in words
    assert "#ffffff" in svg


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_show_verbatim_and_harmless(name, either_engine):
    x, y = leaf(2.0), autodiff.tensor(1.0)
    result = x * y
    names = {name + ".weight": x, name: y, name + "'s result": result}
    drawing = draw(result, names, title=name)
    svg = drawing.svg
    root = ET.fromstring(svg)
    visible = "\n".join(texts(svg))
    expected = [part for part in re.split(r"[\n\x00-\x1f\x7f]", name) if part.strip()]
    for part in expected:
        assert shown(part) in shown(visible)
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert len([e for e in root.iter() if e.get("class") == "node"]) == 4
    assert len([e for e in root.iter() if e.get("class") == "edge"]) == 3


def test_save_writes_what_the_suffix_says(tmp_path, either_engine):
    drawing = draw(leaf(2.0) * 3)
    starts = {".svg": b"<?xml", ".dot": b"digraph", ".gv": b"digraph", ".PNG": b"\x89PNG", ".pdf": b"%PDF"}
    for suffix, start in starts.items():
        path = drawing.save(tmp_path / f"graph{suffix}")
        assert path.read_bytes().startswith(start)
    assert drawing.save(str(tmp_path / "again.svg")) == tmp_path / "again.svg"


@pytest.mark.parametrize("name", ["graph", "graph.jpeg", ".svg"])
def test_save_refuses_other_suffixes_and_writes_nothing(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.svg, \.png"):
        draw(leaf(2.0)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# the layout program ----------------------------------------


def fake_dot(tmp_path, script):
    path = tmp_path / "fake-dot"
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def drawing():
    w = leaf(2.0)
    return draw(w * 3, {"w": w})


def test_autodiff_dot_is_asked_first(tmp_path, monkeypatch, drawing):
    script = "import sys; print('<svg>', sys.argv[1:], sys.stdin.read()[:7], '</svg>')"
    monkeypatch.setenv("AUTODIFF_DOT", fake_dot(tmp_path, script))
    assert drawing.svg == "<svg> ['-Tsvg'] digraph </svg>\n"


def test_a_failing_dot_is_quoted(tmp_path, monkeypatch, drawing):
    script = "import sys; sys.exit('syntax error in line 7')"
    monkeypatch.setenv("AUTODIFF_DOT", fake_dot(tmp_path, script))
    with pytest.raises(LayoutError, match=r"exit status 1 and said: syntax error in line 7") as caught:
        drawing.save(tmp_path / "graph.svg")
    assert caught.value.dot == drawing.dot
    assert not (tmp_path / "graph.svg").exists()


def test_a_dot_that_says_nothing_at_all_is_a_failure(tmp_path, monkeypatch, drawing):
    monkeypatch.setenv("AUTODIFF_DOT", fake_dot(tmp_path, ""))
    with pytest.raises(LayoutError, match="said: nothing"):
        drawing.svg  # noqa: B018


def test_a_hanging_dot_is_stopped_with_all_it_started(tmp_path, monkeypatch, drawing):
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(30)'])"
    monkeypatch.setenv("AUTODIFF_DOT", fake_dot(tmp_path, script))
    monkeypatch.setattr(layout, "TIME_LIMIT", 0.5)
    with pytest.raises(LayoutError, match=r"within 0\.5 seconds"):
        drawing.svg  # noqa: B018


def test_autodiff_dot_that_is_no_program_is_named(tmp_path, monkeypatch, drawing):
    monkeypatch.setenv("AUTODIFF_DOT", str(tmp_path / "nothing"))
    with pytest.raises(LayoutError, match=r"AUTODIFF_DOT is '.*nothing', which is no executable"):
        drawing.svg  # noqa: B018
    monkeypatch.setenv("AUTODIFF_DOT", str(tmp_path / "not-executable"))
    (tmp_path / "not-executable").write_text("")
    with pytest.raises(LayoutError, match="no executable"):
        drawing.svg  # noqa: B018


@pytest.fixture
def no_engine(monkeypatch):
    monkeypatch.delenv("AUTODIFF_DOT", raising=False)
    monkeypatch.setenv("PATH", "")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pygraphviz" else find(name)
    )


def test_without_any_layout_program_the_error_names_the_fixes(no_engine, drawing):
    with pytest.raises(LayoutError) as caught:
        drawing.svg  # noqa: B018
    for fix in ("pip install pygraphviz", "graphviz.org", "AUTODIFF_DOT", ".dot"):
        assert fix in str(caught.value)
    assert caught.value.dot == drawing.dot
    assert draw(leaf(1.0)).dot.startswith("digraph")


def test_pygraphviz_is_found_where_this_process_found_it(monkeypatch):
    monkeypatch.delenv("AUTODIFF_DOT", raising=False)
    monkeypatch.setenv("PATH", "")
    command = layout.engine("digraph {}", "svg")
    assert command[0] == sys.executable
    assert layout.render("digraph { a -> b }").startswith(b"<?xml")


def test_pygraphviz_says_what_is_wrong_with_a_dot_text(monkeypatch):
    monkeypatch.delenv("AUTODIFF_DOT", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LayoutError, match="failed with exit status"):
        layout.render("digraph { -> }")


# the notebook ----------------------------------------


def test_a_notebook_shows_the_svg(drawing):
    bundle = drawing._repr_mimebundle_(include=None, exclude=None)
    assert "<svg" in bundle["image/svg+xml"]
    assert bundle["text/plain"] == "<Drawing of 2 tensors, 1 operation>" == repr(drawing)


def test_a_notebook_without_a_layout_shows_the_reason_and_the_dot(no_engine, drawing):
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "no layout program found" in bundle["text/plain"] and drawing.dot in bundle["text/plain"]


def test_the_notebook_display_never_raises(monkeypatch, drawing):
    def fails(self, form):
        raise OSError("disk full")

    monkeypatch.setattr(Drawing, "render", fails)
    assert "disk full" in drawing._repr_mimebundle_()["text/plain"]


def test_importing_autodiff_imports_no_drawing_library():
    libraries = ("graphviz", "pygraphviz", "matplotlib")
    program = f"import autodiff, sys; print([m for m in {libraries} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
