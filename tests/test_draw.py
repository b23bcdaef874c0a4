"""Pictures: what they show is right, the same program gives the same text, no name can break them."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import autodiff
import nn
from autodiff import Drawing, LayoutError, draw
from autodiff.draw import fold, layout, themes
from autodiff.draw.steps import steps
from autodiff.notation import LATEX

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


def test_large_tensors_show_their_least_mean_and_largest_entry():
    x = leaf(np.arange(20, dtype=np.float32).reshape(5, 4) - 1)
    drawing = draw((x * x).sum(), {"x": x})
    value, grad = node(drawing, "x").grids
    assert value.labels == grad.labels == ("min", "mean", "max")
    assert grid(node(drawing, "x"), "value").ravel().tolist() == [-1, 8.5, 18]
    assert grid(node(drawing, "x"), "grad").ravel().tolist() == [-2, 17, 36]
    assert grad.size == pytest.approx(np.sqrt(np.mean((2 * x.array) ** 2)))
    assert "5 × 4 float32" in drawing.dot


def test_masks_count_what_is_true():
    x, mask = leaf(np.ones(20)), autodiff.tensor(np.arange(20) % 4 == 0)
    drawn = node(draw(autodiff.where(mask, x, 0.0).sum(), {"mask": mask}), "mask")
    assert (drawn.grids[0].labels, drawn.grids[0].rows) == (("true",), [["5"]])


def test_modules_nest_and_weight_only_values_stay_with_their_module():
    w, v = leaf([[1.0, 2.0]]), leaf([1.0])
    names = {"net.first.weight": w, "net.second.weight": v}
    graph = draw((autodiff.ones(3, 2) @ w.T * v).sum() + (w * w).sum(), names).graph
    assert [(op.name, op.frame) for op in graph.operations] == [
        ("transpose", ("net", "first")),
        ("matmul", ("net", "first")),
        ("mul", ("net", "second")),
        ("sum", ("net",)),  # it lies between second and first
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
    assert titles(node(drawing, "x")) == ["value now"]  # and no gradient: `backward` would refuse, too
    assert node(drawing, "x").grids[0].rows == [["5"]]


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


def test_a_deep_chain_that_is_not_folded_gives_dot_and_a_clear_refusal_of_a_layout():
    y = leaf(0.5)
    for _ in range(20_000):
        y = y * 1.0
    drawing = draw(y, fold=False)
    assert drawing.dot.count("->") == 40_000
    with pytest.raises(LayoutError, match="40001 nodes") as caught:
        drawing.svg  # noqa: B018
    assert caught.value.dot == drawing.dot
    assert len(drawing._repr_mimebundle_()["text/plain"]) < 30_000


# how large a gradient is ----------------------------------------


def test_the_ground_of_a_gradient_is_the_darker_the_larger_it_is():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    drawing = draw((100 * x + 0.01 * y + 0 * leaf([1.0, 1.0])).sum(), {"x": x, "y": y})
    assert node(drawing, "x").gradient.size == pytest.approx(100)
    assert drawing.dot.count(f'BGCOLOR="{themes.LIGHT.scale[0]}"') == 2  # x, and its legend
    assert drawing.dot.count(f'BGCOLOR="{themes.LIGHT.scale[4]}"') == 2  # y: a ten-thousandth
    assert "≤ 1e+02" in drawing.dot and "≤ 0.01" in drawing.dot


@pytest.mark.parametrize("extreme", [float("nan"), float("inf"), 1e300, 0.0])
def test_gradients_of_any_size_are_drawn(extreme):
    x = leaf([1.0, 2.0], autodiff.float64)
    assert str(draw((x * extreme).sum(), {"x": x}).svg).count("<svg") == 1


# the axes ----------------------------------------


def notes(drawing):
    return {(a.tail, a.label): a.note for a in drawing.graph.arrows if a.note}


def test_broadcasting_says_along_which_axes():
    x, y, data = leaf(np.ones((2, 3))), leaf(np.ones((1, 3))), autodiff.ones(2, 1, dtype=autodiff.float64)
    graph = draw(((x + y) * data).sum(), {"x": x, "y": y, "data": data})
    by_name = {n.name: n.id for n in graph.graph.tensors if n.name}
    assert notes(graph)[by_name["y"], "y\u0304 += sum(z̄, axis=0)"] == "repeated along axis 0"
    assert notes(graph)[by_name["data"], "y"] == "repeated along axis 1"


def test_reductions_say_which_axes_and_what_becomes_of_the_gradient():
    x = leaf(np.ones((2, 3, 4)))
    drawing = draw(x.mean(dim=(0, 2)).softmax(0).sum(), {"x": x})
    assert [op.notes for op in drawing.graph.operations if op.notes] == [
        ["axes 0 and 2 of 2 × 3 × 4 made one"],
        ["along axis 0 of 3"],
        ["over all of 3"],
    ]
    assert "gradient repeated along axes 0 and 2" in notes(drawing).values()


# what is folded ----------------------------------------


class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.first, self.second = nn.Linear(n, n), nn.Linear(n, n)

    def forward(self, x):
        return x + self.second(self.first(x).relu())


def deep(blocks):
    autodiff.manual_seed(0)
    model = nn.Sequential(*(Block(2) for _ in range(blocks)))
    return model, model(autodiff.ones(1, 2)).sum()


def unrolled(steps):
    autodiff.manual_seed(0)
    cell, inputs = nn.Linear(2, 2), nn.Linear(1, 2)
    h = autodiff.zeros(1, 2)
    for x in autodiff.randn(steps, 1, 1):
        h = (cell(h) + inputs(x)).tanh()
    names = {f"cell.{n}": p for n, p in cell.named_parameters()}
    return names | {f"inputs.{n}": p for n, p in inputs.named_parameters()}, h.sum()


def test_modules_fold_to_a_depth_and_hold_what_is_theirs():
    model, loss = deep(2)
    graph = draw(loss, model, depth=0).graph
    found = [(f.name, f.kind, f.operations, f.parameters, f.entries) for f in graph.folds]
    assert found == [("0", "module", 3, 4, 12), ("1", "module", 3, 4, 12)]
    assert [op.name for op in graph.operations] == ["add", "add", "sum"]  # what no module owns
    assert not [t for t in graph.tensors if t.kind == "parameter"]
    inner = draw(loss, model, depth=1).graph
    assert [f.name for f in inner.folds] == ["0.first", "0.second", "1.first", "1.second"]
    assert [op.name for op in inner.operations] == ["relu", "add", "relu", "add", "sum"]
    assert draw(loss, model, depth=2).graph.folds == []


def test_a_folded_module_leaves_no_frame_behind():
    model, loss = deep(2)
    assert {n.frame for n in draw(loss, model, depth=0).graph.nodes()} == {()}
    assert {n.frame for n in draw(loss, model, depth=1).graph.nodes()} == {(), ("0",), ("1",)}


def test_an_unrolled_loop_is_one_node_with_a_count():
    names, loss = unrolled(50)
    graph = draw(loss, names, fold=True).graph
    (loop,) = graph.folds
    assert (loop.kind, loop.count, loop.operations) == ("loop", 49, 4 * 49)
    # one round is open
    assert [op.name for op in graph.operations] == ["linear", "linear", "add", "tanh", "sum"]
    into = [a for a in graph.arrows if a.head == loop.id]
    assert sorted(a.uses for a in into) == [1, 49, 49, 49, 49]
    assert len(draw(loss, names).graph.folds) == 0  # it fits as it is


def test_a_chain_of_like_operations_is_one_node():
    y = leaf(0.5)
    for _ in range(300):
        y = y.sin()
    graph = draw(y, {"y": y}).graph
    (chain,) = graph.folds
    assert (chain.name, chain.count) == ("sin", 299)  # the first, of a parameter, is open
    assert "601 nodes are too many" in graph.remarks[0]


def test_rounds_that_differ_are_no_loop():
    x = leaf(0.5)
    y = x.sin().cos().tan().exp()
    z = (y * y).sin().cos().exp().tan()
    assert draw(z, fold=True).graph.folds == []


def random_graph(n, seed=0):
    rng = np.random.default_rng(seed)
    pool = [leaf(0.1 * i) for i in range(5)]
    while len(pool) < n:
        a, b = (pool[i] for i in rng.integers(max(0, len(pool) - 30), len(pool), 2))
        pool.append([lambda a, b: a * b, lambda a, b: a + b, lambda a, b: a.sin(), lambda a, b: b.tanh()][
            rng.integers(4)
        ](a, b))  # fmt: skip
    total = pool[0]
    for x in pool[-30:]:
        total = total + x
    return total


@pytest.mark.parametrize("make", [lambda: random_graph(3000), lambda: deep(100)[1], lambda: unrolled(400)[1]])
def test_a_graph_too_large_is_folded_until_it_fits_and_says_so(make):
    loss = make()
    drawing = draw(loss)
    graph = drawing.graph
    assert len(graph) <= fold.LIMIT < len(graph.whole)
    assert f"folded to fit: {len(graph.whole)} nodes are too many" in graph.remarks[0]
    assert "folded to fit" in drawing.dot
    shown = {n.id for n in graph.nodes()}
    assert {graph.shown_as(n.id) for n in graph.whole.nodes()} == shown
    assert all({a.tail, a.head} <= shown for a in graph.arrows)
    assert sum(f.operations for f in graph.folds) + len(graph.operations) == len(graph.whole.operations)
    assert drawing.svg.count("<svg") == 1


def test_stretches_and_loops_keep_the_order_of_the_computation():
    graph = draw(random_graph(3000)).graph
    after = {}
    for arrow in graph.arrows:
        after.setdefault(arrow.tail, set()).add(arrow.head)
    done, path = set(), set()

    def visit(n):
        assert n not in path, "a cycle"
        if n not in done:
            path.add(n)
            for m in after.get(n, ()):
                visit(m)
            path.remove(n)
            done.add(n)

    for n in graph.nodes():
        visit(n.id)


def test_many_parameters_are_one_node_if_nothing_else_helps():
    leaves = [leaf(float(i)) for i in range(700)]
    y = leaf(0.0)
    for number, x in enumerate(leaves):
        y = (y + x).sin() if number % 3 else y * x
    folded = draw(y, fold=False).graph
    alone = fold.without_leaves(folded)
    (node,) = alone.folds
    assert (node.kind, node.parameters, node.entries) == ("leaves", 701, 701)
    assert sum(a.uses for a in alone.arrows if a.tail == node.id) == 701
    again = fold.quotient(alone, fold.stretches(alone.operations, 10**6))
    assert sum(a.uses for a in again.arrows if a.tail == node.id) == 701
    assert len(again) == 3  # the parameters, the operations, the result


@pytest.mark.parametrize("depth", [-1, 1.5, True, "all"])
def test_the_depth_is_a_number_of_levels(depth):
    with pytest.raises(ValueError, match="depth must be a whole number"):
        draw(leaf(1.0), depth=depth)


def seconds(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def test_it_is_quick():
    autodiff.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
    loss = mlp(autodiff.randn(32, 20)).square().mean()
    draw(loss, mlp).svg  # noqa: B018 (imports)
    assert min(seconds(lambda: draw(loss, mlp).svg) for _ in range(3)) < 0.3
    large = random_graph(8500)
    assert seconds(lambda: draw(large).svg) < 5
    assert len(draw(large).graph.whole) > 10_000


# scalars ----------------------------------------


def test_a_neuron_opened_to_its_entries_computes_the_same():
    autodiff.manual_seed(0)
    neuron, x = nn.Linear(2, 1), autodiff.tensor([1.0, -2.0])
    loss = (neuron(x).tanh() - 1).square().sum()
    names = {"x": x, "loss": loss, **dict(neuron.named_parameters())}
    drawing = draw(loss, names, scalars=True)
    assert [op.name for op in drawing.graph.operations] == "mul mul add add tanh sub pow".split()
    loss.backward()
    for (i, j), g in np.ndenumerate(neuron.weight.grad.array):
        drawn = node(drawing, f"weight[{i}, {j}]")
        assert drawn.gradient.entries == pytest.approx(g)
        assert drawn.shape == ()
    assert node(drawing, "loss").value.entries == pytest.approx(loss.item())
    assert neuron.weight.grad.shape == (1, 2)  # nothing else was written


SCALAR_LOSSES = {
    "mse": lambda x, y: nn.functional.mse_loss(x, y),
    "bce": lambda x, y: nn.functional.binary_cross_entropy(x.sigmoid(), y.sigmoid().detach()),
    "logits": lambda x, y: nn.functional.binary_cross_entropy_with_logits(x, y.sigmoid().detach()),
    "entropy": lambda x, y: nn.functional.cross_entropy(x, autodiff.tensor([1, 0, 1])),
    "softmax": lambda x, y: (x.softmax(1) * y).sum(),
    "log_softmax": lambda x, y: (x.log_softmax(0) * y).mean(),
    "logsumexp": lambda x, y: (x * y).logsumexp(1).sum(),
    "matmul": lambda x, y: (x @ y.mT).relu().mean(),
    "views": lambda x, y: (x.reshape(2, 3)[1] * y.mT[0].flip(0)).sum(),
    "dot": lambda x, y: x.flatten() @ y.flatten(),
    "axes": lambda x, y: (x.sum(0) - y.mean(1, keepdim=True)).abs().sum(),
}


@pytest.mark.parametrize("name", SCALAR_LOSSES)
def test_opened_to_scalars_every_gradient_is_the_same(name):
    rng = np.random.default_rng(0)
    x, y = leaf(rng.normal(size=(3, 2))), autodiff.tensor(rng.normal(size=(3, 2)))
    loss = SCALAR_LOSSES[name](x, y)
    drawing = draw(loss, {"x": x, "loss": loss}, scalars=True)
    (expected,) = autodiff.grad(loss, x)
    for (i, j), g in np.ndenumerate(expected.array):
        drawn = [n for n in drawing.graph.tensors if n.name == f"x[{i}, {j}]"]
        assert (drawn[0].gradient.entries if drawn else 0) == pytest.approx(g, rel=1e-4, abs=1e-6)
    assert all(n.shape == () for n in drawing.graph.tensors)


def test_what_has_no_scalar_form_is_refused_by_name():
    x = leaf(np.ones((3, 3)))
    for result, word in (
        (x.cumsum(0).sum(), "cumsum has no scalar graph"),
        (x * 2, r"shape \(3, 3\)"),
        (leaf(np.ones((60, 60))).sin().sum(), "more than 2000 scalar operations"),
        (leaf([[0.0, 1000.0]]).logsumexp(1).sum(), "without the care against overflow"),
    ):
        with pytest.raises(ValueError, match=word):
            draw(result, scalars=True)
    y = (x * x).sum()
    with autodiff.no_grad():
        x.zero_()
    with pytest.raises(ValueError, match="changed in place since"):
        draw(y, scalars=True)


# the model ----------------------------------------


def test_the_order_and_the_numbers_of_each_step():
    a, b = leaf(2.0), leaf(-3.0)
    loss = a * b + a
    drawing = draw(loss, {"a": a, "b": b, "loss": loss})
    graph = drawing.graph
    assert [op.name for op in graph.operations] == ["mul", "add"]
    assert graph.forward == [op.id for op in graph.operations]
    told = steps(graph)
    bar = {x: x + "\u0304" for x in "abt"}
    assert [s.equation for s in told] == [
        "t₁ = a · b", "loss = t₁ + a",
        "grad_loss = 1",
        f"{bar['t']}₁ += grad_loss", f"{bar['a']} += grad_loss",
        f"{bar['a']} += {bar['t']}₁ · b", f"{bar['b']} += {bar['t']}₁ · a",
    ]  # fmt: skip
    assert [s.filled for s in told] == [
        "2 · (−3) = −6", "−6 + 2 = −4", "", "", "", "1 · (−3) = −3", "1 · 2 = 2",
    ]  # fmt: skip
    assert [s.total.text() for s in told if s.tensor == node(drawing, "a").id and s.total] == ["1", "-2"]
    assert [s.derivative for s in told[3:]] == ["∂loss/∂t₁ = 1", "∂loss/∂a = 1", "∂t₁/∂a = b", "∂t₁/∂b = a"]
    assert [s.arrow for s in told[3:]] == graph.backward


def test_the_last_total_of_every_tensor_is_its_gradient():
    model, loss, names = xor(backward=True)
    graph = draw(loss, names).graph
    totals = {s.tensor: s.total for s in steps(graph) if s.total is not None}
    gradients = {n.id: n.gradient for n in graph.tensors if n.gradient is not None}
    assert totals.keys() == gradients.keys()
    for id, total in totals.items():
        np.testing.assert_allclose(total.entries, gradients[id].entries, rtol=1e-6)
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(node(draw(loss, names), name).gradient.entries, p.grad.array)


def test_every_formula_of_the_model_has_a_latex_that_compiles():
    parse = MathTextParser("path").parse
    _, loss, names = xor()
    for step in steps(draw(loss, names, scalars=True).graph):
        for latex in (step.equation_latex, step.derivative_latex, step.filled_latex):
            if latex:
                parse(f"${latex}$")
    graph = draw(loss, names).graph
    for op in graph.operations:
        parse(f"${op.equation(LATEX)}$")


def test_the_ids_of_the_model_are_those_of_the_svg(either_engine):
    names, loss = unrolled(20)
    for options in ({}, {"fold": True}, {"depth": 0}, {"scalars": True}):
        drawing = draw(loss, names, **options)
        root = ET.fromstring(drawing.svg)
        ids = [e.get("id") for e in root.iter() if e.get("id")]
        assert len(ids) == len(set(ids))
        wanted = {n.id for n in drawing.graph.nodes()} | {a.id for a in drawing.graph.arrows}
        assert wanted <= set(ids)


def test_a_tensor_without_a_name_is_called_by_a_letter_that_no_name_takes():
    t1, x1 = leaf(2.0), leaf(3.0)
    graph = draw((t1 * x1).sin() * autodiff.tensor(1.0), {"t1": t1, "x1": x1}).graph
    symbols = [n.symbol for n in graph.tensors]
    assert len(set(symbols)) == len(symbols) and {"t1", "x1", "t2", "x2"} <= set(symbols)


# themes and titles ----------------------------------------


def test_no_color_means_two_things_when_it_is_dark():
    dark = {}
    for light, other in themes.pairs():
        assert dark.setdefault(light, other) == other


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_each_theme_uses_its_own_colors(theme, either_engine):
    _, loss, names = xor()
    svg = draw(loss, names, theme=theme).svg
    used = set(re.findall(r'(?:fill|stroke)="(#\w{6})"', svg))
    light, dark = (set(colors) for colors in zip(*themes.pairs(), strict=True))
    assert used <= (dark if theme == "dark" else light)
    assert ("prefers-color-scheme: dark" in svg) == (theme == "auto")
    assert set(re.findall(r'\[(?:fill|stroke)="(#\w{6})"', svg)) == (light if theme == "auto" else set())
    ET.fromstring(svg)


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    bright, dim = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", [themes.LIGHT, themes.DARK])
def test_all_text_has_contrast(theme):  # WCAG 2: 4.5 to 1
    fills = ["ground", "parameter", "data", "intermediate", "result", "operation", "fold"]
    for fill in (getattr(theme, name) for name in fills):
        for text in (theme.ink, theme.grey, theme.backward):
            assert contrast(fill, text) >= 4.5, (fill, text)
    for fill in theme.scale:
        assert contrast(fill, theme.on_scale) >= 4.5
    steps_down = [luminance(color) for color in theme.scale]
    assert steps_down == sorted(steps_down, reverse=theme is themes.DARK)  # told apart in black and white


def test_the_theme_is_one_of_three():
    with pytest.raises(ValueError, match="theme must be"):
        draw(leaf(1.0), theme="sepia")


def test_a_screen_reader_is_told_what_each_part_is(either_engine):
    _, loss, names = xor()
    root = ET.fromstring(draw(loss, names).svg)
    assert root.get("role") == "img"
    told = [e.text for e in root.iter("{http://www.w3.org/2000/svg}title")]
    assert told[0] == "Computation of loss: 11 tensors, 5 operations"
    assert any(t.startswith("hidden.weight, parameter, 4 × 2 float32\nvalue [[-0.0053") for t in told)
    assert "operation linear: z = x @ wᵀ + b" in told
    assert not [t for t in told if re.search(r"\bn\d+\b", t)]


# the DOT text ----------------------------------------


def test_dot_names_nodes_by_number_and_uses_six_digit_colours_only():
    _, loss, names = xor()
    dot = draw(loss, names).dot
    ids = re.findall(r"^\t*(\w+) \[", dot, re.M)
    assert [i for i in ids if i not in ("graph", "node", "edge")] != []
    assert all(re.fullmatch(r"n\d+|graph|node|edge", i) for i in ids)
    assert all(f"id={i}" in dot for i in ids if i.startswith("n") and i != "node")
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
        "for options in ({}, {'depth': 0, 'theme': 'dark'}, {'fold': True, 'direction': 'LR'}):\n"
        "    sys.stdout.buffer.write(draw(loss, names, **options).dot.encode())\n"
        "sys.stdout.buffer.write(draw(loss, names, scalars=True).dot.encode())\n"
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
    options = {}, {"depth": 0, "theme": "dark"}, {"fold": True, "direction": "LR"}, {"scalars": True}
    ours = "".join(draw(loss, names, **chosen).dot for chosen in options)
    assert texts == {ours}


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
    classes = [e.get("class", "").split() for e in root.iter()]
    assert len([c for c in classes if "node" in c]) == 4
    assert len([c for c in classes if "edge" in c]) == 3


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
