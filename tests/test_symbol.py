"""The rule as mathematics: what is written is what the code computes, and reads as one would write it."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

import autodiff  # fills the registry
from autodiff.formulas import (
    Said,
    formula_latex,
    formula_text,
    read_derivative,
    read_rule,
    rule_latex,
    rule_text,
    stays_in_place,
    write_formula,
    write_rule,
)
from autodiff.notation import LATEX, TEXT
from autodiff.ops import special
from autodiff.primitive import Binary, Primitive, Unary, registry
from autodiff.symbol import Symbol, bar, number

X, Y, W = Symbol("x"), Symbol("y"), Symbol("w")

AS_WRITTEN = [
    # sums and differences
    (X - (Y - W), "x − (y − w)"),
    (X - (Y + W), "x − (y + w)"),
    (X + (Y - W), "x + y − w"),
    (X + (-Y), "x − y"),
    (X - (-Y), "x − (−y)"),
    (X + -2, "x + (−2)"),
    (-(X + Y), "−(x + y)"),
    # products and quotients
    ((X + Y) * (X - Y), "(x + y) · (x − y)"),
    (X * (Y * W), "x · y · w"),
    (X * (Y / W), "x · (y / w)"),
    (X / Y * W, "(x / y) · w"),
    (X * Y / W, "x · y / w"),
    (X / (Y * W), "x / (y · w)"),
    (X / (Y / W), "x / (y / w)"),
    (X / Y / W, "(x / y) / w"),
    (-X * Y, "−x · y"),
    (X * -Y, "x · (−y)"),
    (X * (-Y * W), "x · (−y · w)"),
    (X / -Y, "x / (−y)"),
    (2 * X, "2 · x"),
    (X * -2.5, "x · (−2.5)"),
    # powers and roots
    ((-X) ** 2, "(−x)²"),
    (-(X**2), "−x²"),
    ((X * Y) ** 2, "(x · y)²"),
    ((X**2) ** 3, "(x²)³"),
    (X**-1, "x⁻¹"),
    (X ** (Y - 1), "x^(y − 1)"),
    (np.sqrt(X) * Y, "√x · y"),
    (np.sqrt(X + Y), "√(x + y)"),
    # matrices
    (X @ Y @ W, "x @ y @ w"),
    (X @ (Y * W), "x @ (y · w)"),
    ((X * Y) @ W, "(x · y) @ w"),
    (X * (Y @ W), "x · (y @ w)"),
    ((X + Y).mT @ W, "(x + y)ᵀ @ w"),
    # conditions
    (X * (Y > 0), "x · [y > 0]"),
    (np.where(X > 0, Y, 0), "y · [x > 0]"),
    (np.where(X == 0, 0.0, Y), "y · [x ≠ 0]"),
    (np.where((X > 0) & (X < 1), Y, 0), "y · [x > 0 ∧ x < 1]"),
    (np.where(X > 0, Y, W), "where(x > 0, y, w)"),
    (np.where(X, 0, Y), "y · [¬x]"),
    # functions, axes, indices
    (np.abs(X - Y), "|x − y|"),
    (np.exp(-X) + 1, "exp(−x) + 1"),
    (X.sum(axis=1, keepdims=True), "sum(x, axis=1)"),
    (np.add.reduce(X, (0,), keepdims=True), "sum(x, axis=0)"),
    (np.sum(X, axis=(0, 1)), "sum(x, axis=(0, 1))"),
    (X.reshape(Y.shape), "reshape(x, y.shape)"),
    (X[1:3, 0], "x[1:3, 0]"),
    (X[..., ::2], "x[…, ::2]"),
    (Symbol("scatter", X, index=(slice(1, 3), 0)), "scatter(x, index=(1:3, 0))"),
    # simplified, where no one could object
    (X * X, "x²"),
    (X * X * X, "x³"),
    (1 * X, "x"),
    (X / 1.0, "x"),
    (X**1, "x"),
    (X**0.5, "√x"),
    (np.log1p(X), "log(1 + x)"),
    (np.expm1(X) * 2, "(exp(x) − 1) · 2"),
    (X * Y * X, "x · y · x"),
    ((X - Y).ravel().dot((X - Y).ravel()), "sum((x − y)²)"),
    # numbers
    (X * 0.044715, "x · 0.044715"),
    (X * np.float32(0.1), "x · 0.1000…"),
    (X * (1 / 3), "x · 0.3333…"),
    (X * np.pi, "x · π"),
    (X * np.sqrt(2 / np.pi), "x · √(2/π)"),
    (X * 1e-12, "x · 1e-12"),
]


@pytest.mark.parametrize(("formula", "text"), AS_WRITTEN, ids=[text for _, text in AS_WRITTEN])
def test_a_formula_has_the_parentheses_it_needs_and_no_others(formula, text):
    assert str(formula) == text


NAMED_RULES = {
    ("mul", 0): "x̄ += z̄ · y",
    ("sub", 1): "ȳ += −z̄",
    ("div", 0): "x̄ += z̄ / y",
    ("tanh", 0): "x̄ += z̄ · (1 − z²)",
    ("sigmoid", 0): "x̄ += z̄ · z · (1 − z)",
    ("relu", 0): "x̄ += z̄ · [z > 0]",
    ("matmul", 0): "x̄ += z̄ @ yᵀ",
    ("matmul", 1): "ȳ += xᵀ @ z̄",
    ("eq", 0): "no gradient flows to x",
}


@pytest.mark.parametrize(("name", "argnum"), NAMED_RULES)
def test_the_rules_of_a_textbook_read_as_in_a_textbook(name, argnum):
    assert rule_text(registry[name], argnum) == NAMED_RULES[name, argnum]


def test_the_numbers_and_axes_of_one_application_are_put_in():
    x = np.ones((2, 3))
    assert rule_text(registry["pow_constant"], 0, (x, 3)) == "x̄ += z̄ · 3 · x²"
    assert formula_text(registry["pow_constant"], (x, -1.0)) == "z = x⁻¹"
    assert formula_text(registry["mul"], (2.0, x)) == "z = 2 · y"
    assert rule_text(registry["add"], 1, (x, np.ones(3)), summed=(0,)) == "ȳ += sum(z̄, axis=0)"


def test_names_stand_for_letters_wherever_they_occur():
    linear, args = registry["linear"], (np.ones((2, 3)), np.ones((4, 3)), np.ones(4))
    said = Said(Symbol("t1"), bar("t1"), [Symbol("x"), Symbol("hidden.weight"), Symbol("hidden.bias")])
    assert write_formula(TEXT, linear, args, said) == "t₁ = x @ hidden.weightᵀ + hidden.bias"
    assert write_rule(TEXT, linear, 1, args, (), said) == "grad_hidden.weight += t\u0304₁ᵀ @ x"
    assert write_rule(LATEX, linear, 1, args, (), said) == (
        r"\overline{\mathrm{hidden.weight}} {+}{=} \overline{t_{1}}^{\top} \, x"
    )
    twice = Said(Symbol("y"), bar("y"), [Symbol("x"), Symbol("x")])
    assert write_formula(TEXT, registry["mul"], (np.ones(2), np.ones(2)), twice) == "y = x²"


def test_numbers_are_put_in_and_not_worked_out():
    said = Said(number(-6.0), number(0.5), [number(2.0), number(-3.0)])
    args = np.array(2.0), np.array(-3.0)
    assert TEXT.write(read_rule(registry["mul"], 0, args, said=said)).text == "0.5000 · (−3)"
    assert TEXT.write(read_rule(registry["div"], 1, args, said=said)).text == "−0.5000 · (2 / (−3)) / (−3)"
    assert [TEXT.write(number(x)).text for x in (1.0, 0.25, 1e-7, float("nan"), -float("inf"))] == [
        "1", "0.2500", "1.00e-07", "nan", "−inf",
    ]  # fmt: skip


def test_the_local_derivative_is_the_rule_of_one():
    assert str(read_derivative(registry["tanh"], 0)) == "1 − z²"
    assert read_derivative(registry["matmul"], 0) is None
    assert read_derivative(registry["softmax"], 0) is None


def test_latex_writes_fractions_powers_and_bars():
    assert rule_latex(registry["tanh"], 0) == r"\bar{x} {+}{=} \bar{z} \cdot \left(1 - z^{2}\right)"
    assert rule_latex(registry["div"], 0) == r"\bar{x} {+}{=} \frac{\bar{z}}{y}"
    assert formula_latex(registry["matmul"]) == r"z = x \, y"
    assert LATEX.write(X ** (Y - 1) * np.sqrt(X.mT) * 1e-3).text == (
        r"x^{y - 1} \cdot \sqrt{x^{\top}} \cdot 0.001"
    )


# what is written is what is computed ----------------------------------------

MATRICES = {name: np.random.RandomState(i).uniform(0.5, 2.0, (3, 3)) for i, name in enumerate("xyw")}


def as_python(text: str) -> str:
    """A formula without functions of its own as a Python expression: the inverse of the notation."""
    text = text.replace("·", "*").replace("−", "-").replace("ᵀ", ".T").replace("≥", ">=").replace("≤", "<=")
    text = re.sub(
        "[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "**" + m[0].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), text
    )
    text = text.replace("[", "as_number(").replace("]", ")").replace("^", "**").replace("≠", "!=")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    return re.sub(r"√(\w+|\()", lambda m: "sqrt(" if m[1] == "(" else f"sqrt({m[1]})", text)


SCOPE = {"exp": np.exp, "sqrt": np.sqrt, "abs": np.abs, "log": np.log, "as_number": lambda x: x + 0.0}
SCOPE["φ"] = special.normal_pdf


def grow(parts):
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        pairs.map(lambda p: p[0] / (p[1] * p[1] + 1)),
        pairs.map(lambda p: p[0] / ((p[1] * p[1] + 1) * 2)),
        pairs.map(lambda p: p[0] / ((p[1] * p[1] + 1) / 2)),
        pairs.map(lambda p: p[0] @ p[1]),
        pairs.map(lambda p: p[0] * (p[1] > 0.777)),
        parts.map(lambda p: -p),
        parts.map(lambda p: p**2),
        parts.map(lambda p: (p * p + 1) ** -1),
        parts.map(lambda p: 2 * p),
        parts.map(lambda p: p * -0.5),
        parts.map(lambda p: p.mT),
        parts.map(np.exp),
        parts.map(lambda p: np.sqrt(p * p + 1)),
    )


FORMULAS = st.recursive(st.sampled_from("xyw").map(Symbol), grow, max_leaves=8)


def value(formula):
    """What a Symbol stands for, computed from its tree."""
    if not isinstance(formula, Symbol):
        return formula
    if not formula.args:
        return MATRICES[formula.head]
    parts = [value(part) for part in formula.args]
    if formula.head == "indicator":
        return parts[0]
    return getattr(np, formula.head)(*parts) + 0.0


@settings(max_examples=300, deadline=None)
@given(FORMULAS)
def test_the_text_of_any_formula_means_what_its_tree_means(formula):
    with np.errstate(all="ignore"):
        expected = value(formula)
        assume(np.abs(expected).max() < 1e6)
        written = eval(as_python(str(formula)), SCOPE, MATRICES)
    np.testing.assert_allclose(written, expected, rtol=1e-6, atol=1e-6)


def with_one_x(formula):
    """The same formula, in which every x is one and the same Symbol."""
    x = Symbol("x")

    def again(part):
        if not isinstance(part, Symbol):
            return part
        return x if part.head == "x" else Symbol(part.head, *map(again, part.args), **part.options)

    return again(formula), x


@settings(max_examples=300, deadline=None)
@given(FORMULAS)
def test_what_stays_in_place_depends_on_no_other_entry(formula):
    formula, x = with_one_x(formula)
    assume(stays_in_place(formula, x))
    with np.errstate(all="ignore"):
        before = np.broadcast_to(value(formula), (3, 3)).copy()
        kept = MATRICES["x"][0, 0]
        MATRICES["x"][0, 0] = 7.0
        try:
            after = np.broadcast_to(value(formula), (3, 3)).copy()
        finally:
            MATRICES["x"][0, 0] = kept
    np.testing.assert_array_equal(before.ravel()[1:], after.ravel()[1:])


@settings(max_examples=100, deadline=None)
@given(FORMULAS)
def test_the_latex_of_any_formula_compiles(formula):
    MathTextParser("path").parse(f"${LATEX.write(formula).text}$")


PLAIN = [
    (name, i)
    for name, primitive in registry.items()
    if isinstance(primitive, (Unary, Binary))
    for i, rule in enumerate(primitive.vjps)
    if rule is not None and not re.search(r"[^\W\d]{2,}\(|where|¬|∧|∨", rule_text(primitive, i))
]


@pytest.mark.parametrize(("name", "argnum"), PLAIN)
def test_the_text_of_a_rule_computes_what_the_rule_computes(name, argnum):
    primitive = registry[name]
    r = np.random.RandomState(0)
    x, y, g = (r.uniform(0.2, 0.8, 5) for _ in range(3))
    args = (x, y)[: primitive.arity]
    z = primitive.forward(*args)
    _, text = rule_text(primitive, argnum).split(" += ")
    scope = SCOPE | {"sin": np.sin, "cos": np.cos, "sign": np.sign}
    written = eval(as_python(text.replace("z̄", "g")), scope, {"x": x, "y": y, "z": z, "g": g})
    np.testing.assert_allclose(written, primitive.vjps[argnum](g, z, *args), rtol=1e-12)


def test_most_elementwise_rules_are_checked_that_way():
    assert len(PLAIN) >= 20


# every primitive can be read ----------------------------------------


@pytest.mark.parametrize("name", registry)
def test_every_primitive_can_be_read_and_its_latex_compiles(name):
    primitive = registry[name]
    parse = MathTextParser("path").parse
    assert formula_text(primitive).startswith("z = ")
    parse(f"${formula_latex(primitive)}$")
    for i in range(primitive.arity):
        text = rule_text(primitive, i)
        assert " += " in text if primitive.vjps[i] is not None else text.startswith("no gradient flows")
        parse(f"${rule_latex(primitive, i)}$")


# what cannot be read ----------------------------------------


def unreadable(name, rule):
    primitive = Primitive(name, np.tanh, rule)
    del registry[name]
    return primitive


def assigning(g, z, x):
    out = np.zeros(3)
    out[:] = g
    return out


def in_place(g, z, x):
    np.multiply(g, z, out=g)
    return g


def endless(g, z, x):
    for _ in range(200):
        g = g * g + g
    return g


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, z, x: g if x.ndim else g + 1,
        lambda g, z, x: sum(part for part in g),
        lambda g, z, x: g.fill(0),
        lambda g, z, x: np.put(x, 0, g),
        lambda g, z, x: float(g),
        assigning,
        in_place,
        endless,
    ],
)
def test_a_rule_that_is_no_expression_is_put_in_words(rule):
    primitive = unreadable("odd_one", rule)
    assert read_rule(primitive, 0) is None
    assert rule_text(primitive, 0) == "x̄ += the rule of odd_one for x, applied to z̄"
    MathTextParser("path").parse(f"${rule_latex(primitive, 0)}$")


def branching(x):
    return x if x.shape[0] > 1 else -x


def test_a_helper_that_is_no_expression_stands_for_itself():
    primitive = unreadable("odd_two", lambda g, z, x: g * branching(x))
    assert rule_text(primitive, 0) == "x̄ += z̄ · branching(x)"


def test_words_never_fail_even_for_an_argument_that_is_not_there():
    assert rule_text(registry["tanh"], 7).startswith("no gradient flows")


def test_a_symbol_is_neither_true_nor_iterable_nor_a_number():
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(X > 0)
    for refused in (iter, float, int, len):
        with pytest.raises(TypeError):
            refused(X)
    with pytest.raises(AttributeError):
        X.fill  # noqa: B018


def test_primitives_called_by_name_build_formulas():
    assert str(autodiff.tanh(X) * 2) == "tanh(x) · 2"
    assert str(autodiff.symbol.apply(registry["sum"], (X, (0, 1)))) == "sum(x, axis=(0, 1))"


def test_names_of_several_letters_stay_legible():
    assert TEXT.write(Symbol("bar", Symbol("weight"))).text == "grad_weight"
    assert LATEX.write(Symbol("bar", Symbol("log_y"))).text == r"\overline{\mathrm{log\_y}}"
    assert TEXT.write(Symbol("bar", Symbol("x12"))).text == "x̄₁₂"
