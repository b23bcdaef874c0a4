"""Explanations: every formula compiles and is the rule's own, every number is the one that flowed."""

import re

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import autodiff
import nn
from autodiff import explain
from autodiff.explain.domain import domain, smooth
from autodiff.formulas import read_derivative, write_derivative
from autodiff.notation import TEXT
from autodiff.primitive import Binary, Unary, registry
from tests.test_draw import HOSTILE, leaf, unrolled, xor

parse = MathTextParser("path").parse


def compiles(explanation):
    """That all its formulas compile, and that its LaTeX and Markdown show no others."""
    for formula in explanation.formulas:
        parse(f"${formula}$")
    inline = re.findall(r"(?<!\\)\$((?:[^$\\]|\\.)+)\$", explanation.latex)
    displayed = re.findall(r"^\\\[ (.*) \\\]$", explanation.latex, re.M)
    assert sorted(inline + displayed) == sorted(explanation.formulas)
    assert all(formula in explanation.markdown for formula in explanation.formulas)


# a computation ----------------------------------------


def test_micrograds_first_lines_step_by_step():
    a, b = leaf(2.0), leaf(-3.0)
    text = explain((a * b + a).tanh(), {"a": a, "b": b}).text
    assert "t₁ = a · b\n       2 · (−3) = −6\n       value: -6" in text
    assert "∂result/∂t₂ = 1 − result²" in text
    told = [line.strip() for line in text.splitlines()]
    assert told.count("∂t₂/∂a = 1") == 1
    assert "1 · (1 − (−0.9993)²) = 0.0013" in told


def test_the_numbers_are_those_that_flowed_before_and_after_backward():
    model, loss, names = xor()
    before = explain(loss, names)
    loss.backward()
    after = explain(loss, names)
    assert before.text == after.text.replace(".grad:", "grad:")
    for name, p in model.named_parameters():
        shown = re.search(rf"grad_{re.escape(name)}\n +\.grad: (.*)", after.text)[1]
        numbers = [float(x) for x in re.findall(r"-?[\d.]+(?:e-?\d+)?", shown)]
        np.testing.assert_allclose(numbers, p.grad.array.ravel(), atol=5e-5, rtol=5e-3)


def test_what_is_added_to_a_tensor_used_twice_is_shown_with_its_sum():
    x = leaf(3.0)
    text = explain(x * x + x, {"x": x}).text
    assert re.findall(r"(added|gradient so far): (\d)", text)[-4:] == [
        ("added", "3"), ("gradient so far", "4"), ("added", "3"), ("gradient so far", "7"),
    ]  # fmt: skip


@pytest.mark.parametrize("loss", ["xor", "recurrent", "convolution", "transposed", "names of modules"])
def test_the_latex_compiles(loss):
    if loss == "xor":
        compiles(explain(*xor(backward=True)[1:]))
    elif loss == "recurrent":
        names, root = unrolled(5)
        compiles(explain(root, names))
    elif loss == "convolution":
        layer = nn.Conv2d(1, 2, 3)
        compiles(explain(nn.functional.max_pool2d(layer(autodiff.ones(1, 1, 6, 6)), 2).sum(), layer))
    elif loss == "transposed":
        x = leaf(np.ones((2, 3)))
        compiles(explain(autodiff.cat([x.mT, x.mT], 1)[1:, [0, 2]].logsumexp(0).std(), {"x": x}))
    else:
        model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.GELU(), nn.Linear(3, 2))
        compiles(
            explain(
                nn.functional.cross_entropy(model(autodiff.ones(4, 2)), autodiff.tensor([0, 1, 1, 0])), model
            )
        )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless(name):
    x, y = leaf(2.0), autodiff.tensor(3.0)
    explanation = explain((x * y).sin(), {name: x, name + "y": y})
    compiles(explanation)
    for written in (explanation.text, explanation.markdown, explanation.latex):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", written)
    assert "<script" not in explanation.markdown and "<b>" not in explanation.markdown
    visible = name.replace("\n", "␊").replace("\x00", "␀").replace("\x1b", "␛").replace("\x7f", "␡")
    if name.strip():
        assert f"1. {visible}: parameter" in explanation.text


def test_what_cannot_be_known_is_said():
    x = leaf(np.full((9, 9), 0.5))
    loss = x.tanh().sum()
    loss.backward()
    text = explain(loss, {"x": x}).text
    assert "its value is gone" in text and "freed by backward()" in text
    assert "no gradients: the result has shape (9, 9)" in explain(x * 2).text


def test_rules_too_large_for_a_line_say_so_in_words():
    x = leaf(np.arange(16.0).reshape(1, 1, 4, 4))
    text = explain(nn.functional.max_pool2d(x, 2).sum(), {"x": x}).text
    assert "the rule of max_pool for x, applied to" in text


class Cube(autodiff.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x * x


def test_a_function_of_ones_own_bears_its_name_and_its_rule_is_words():
    x = leaf([1.0, 2.0])
    loss = Cube.apply(x).sum()
    explanation = explain(loss, {"x": x})
    compiles(explanation)
    assert "t₁ = Cube(x)" in explanation.text
    assert "the rule of Cube for x, applied to" in explanation.text and "added: [3, 12]" in explanation.text
    graph = autodiff.draw(loss, {"x": x}).graph
    assert [op.name for op in graph.operations] == ["Cube", "sum"]
    loss.backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_a_long_computation_is_cut_and_says_so():
    x = leaf(0.5)
    y = x
    for _ in range(2000):
        y = y.sin()
    text = explain(y).text
    assert "3200 further steps left out" in text and len(text) < 200_000


def test_data_alone_was_not_computed():
    assert "was not computed from tensors that require a gradient" in explain(autodiff.tensor(1.0)).text


def test_a_notebook_shows_markdown():
    x = leaf(2.0)
    explanation = explain(x * x, {"x": x})
    bundle = explanation._repr_mimebundle_()
    assert bundle == {"text/markdown": explanation.markdown, "text/plain": explanation.text}
    assert repr(explanation) == "<Explanation of result, 1 operation>"


# one operation ----------------------------------------


@pytest.mark.parametrize("name", registry)
def test_every_operation_can_be_explained(name):
    explanation = explain(name)
    compiles(explanation)
    assert explanation.text.startswith(f"{name}\n=")
    assert "z = " in explanation.text
    assert re.search("returns to|no derivative|Each of its tensors", explanation.text)


GIVEN = [
    ("matmul", "matmul"),
    (registry["exp"], "exp"),
    (autodiff.tanh, "tanh"),
    (autodiff.mm, "matmul"),
    (autodiff.sum, "sum"),
    (nn.functional.mse_loss, "mse_loss"),
    (nn.Tanh, "tanh"),
]


@pytest.mark.parametrize(("what", "name"), GIVEN)
def test_an_operation_is_named_or_given(what, name):
    assert explain(what).text.startswith(f"{name}\n")


def test_what_is_no_operation_is_refused():
    with pytest.raises(ValueError, match=r"no operation is called 'tahn'; did you mean .*'tanh'"):
        explain("tahn")
    with pytest.raises(ValueError, match="clamp is no single operation"):
        explain(autodiff.clamp)
    for wrong in (3, None, [leaf(1.0)]):
        with pytest.raises(TypeError, match="give it a tensor"):
            explain(wrong)
    with pytest.raises(TypeError, match=r"explain\(\): names must be"):
        explain(leaf(1.0), 3)


DOMAINS = {
    "exp": "every x", "log": "x > 0", "sqrt": "x ≥ 0", "reciprocal": "x ≠ 0", "log1p": "x > −1",
    "div": "y ≠ 0", "mul": "every x and y", "rsqrt": "x > 0",
}  # fmt: skip


@pytest.mark.parametrize("name", DOMAINS)
def test_the_domain_is_that_of_a_textbook(name):
    assert domain(registry[name]).text == DOMAINS[name]


def test_the_derivative_may_have_a_smaller_domain():
    assert smooth(registry["sqrt"], 0).text == "x > 0"
    assert smooth(registry["log"], 0).text == "x > 0"
    assert "The derivative is finite for x > 0." in explain("sqrt").text


# the local derivative ----------------------------------------


LOCAL = [
    (name, i)
    for name, op in registry.items()
    for i in range(op.arity)
    if op.vjps[i] is not None and read_derivative(op, i) is not None
]


@pytest.mark.parametrize(
    ("name", "argnum"), [p for p in LOCAL if isinstance(registry[p[0]], (Unary, Binary))]
)
def test_a_rule_with_a_local_derivative_multiplies_by_it(name, argnum):
    op = registry[name]
    r = np.random.RandomState(0)
    args = [r.uniform(0.2, 0.8, 5) for _ in range(op.arity)]
    g = r.normal(size=5)
    z = op.forward(*args)
    one, other = np.ones(5), op.vjps[argnum](g, z, *args)
    np.testing.assert_allclose(other, g * op.vjps[argnum](one, z, *args), rtol=1e-12)


def test_products_of_matrices_have_none_and_functions_of_each_entry_have():
    have = {name for name, _ in LOCAL}
    assert {"tanh", "mul", "div", "sum", "mean", "mse_loss", "dot", "where", "exp"} <= have
    assert not {"matmul", "softmax", "cumsum", "reshape", "getitem"} & have
    assert ("linear", 0) not in LOCAL and ("embedding", 0) not in LOCAL


TEXTBOOK = [
    ("tanh", 0, "∂z/∂x = 1 − z²"),
    ("mul", 1, "∂z/∂y = x"),
    ("sub", 1, "∂z/∂y = −1"),
    ("cos", 0, "∂z/∂x = −sin(x)"),
    ("relu", 0, "∂z/∂x = [z > 0]"),
    ("div", 0, "∂z/∂x = 1 / y"),
    ("matmul", 0, ""),
]


@pytest.mark.parametrize(("name", "argnum", "text"), TEXTBOOK)
def test_local_derivatives_read_as_in_a_textbook(name, argnum, text):
    assert write_derivative(TEXT, registry[name], argnum) == text
