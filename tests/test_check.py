"""The tester tested: gradcheck and the comparison with torch catch wrong rules, and pass right ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autodiff
from autodiff import backward, gradcheck, gradgradcheck
from autodiff.check import GradcheckError
from autodiff.primitive import Binary, Primitive, Unary, registry

from .against_torch import assert_like_torch
from .strategies import arrays, nonzero, operands
from .test_primitives import PRIMITIVES, TABLE, applied, differentiable

numbered = itertools.count()


def temporary(kind, forward, *rules):
    """A primitive that is not left in the registry."""
    primitive = kind(f"temporary_{next(numbered)}", forward, *rules)
    del registry[primitive.name]
    return primitive


def doubles(*values, shape=None):
    x = np.array(values if shape is None else np.random.default_rng(0).uniform(0.5, 2, shape), np.float64)
    return autodiff.Tensor(x).requires_grad_()


def raw(x):
    """The array of a Tensor: a rule that uses it is right once, but has no derivative."""
    return getattr(x, "array", x)


SQUARE = {
    "0.1 % too large": (lambda g, z, x: g * x * 2.002, "1.001 times what it should be"),
    "0.1 % too small": (lambda g, z, x: g * x * 1.998, "0.999 times what it should be"),
    "of the wrong sign": (lambda g, z, x: -g * x * 2, "The sign is wrong"),
    "without its factor": (lambda g, z, x: g * x, "0.5 times what it should be"),
    "without the chain rule": (lambda g, z, x: x * 2 + g * 0, "Backward is not multiplied by grad_output"),
    "squared in the cotangent": (
        lambda g, z, x: g * abs(g) * x * 2,
        "Backward is not multiplied by grad_output",
    ),
    "of another function": (lambda g, z, x: g * (x + z), "Check the rule of each operation"),
    "zero": (lambda g, z, x: g * 0, "No gradient arrives"),
    "nan": (lambda g, z, x: g * np.nan, "nan or infinite"),
    "wrong in one entry": (lambda g, z, x: g * 2 * (x + 1e-3 * (raw(x) == raw(x).max())), "1 of 9 entries"),
    "mixed up between entries": (lambda g, z, x: np.flip(g) * 2 * x, "Check the rule"),
    "float32": (lambda g, z, x: (g * 2 * x).astype(np.float32), "float32"),
}


@pytest.mark.parametrize(("rule", "message"), SQUARE.values(), ids=SQUARE)
def test_a_wrong_rule_is_caught_and_explained(rule, message):
    wrong = temporary(Unary, np.square, rule)
    with pytest.raises(GradcheckError, match=message.replace(".", r"\.")):
        gradcheck(wrong, doubles(0.5, 1.0, 1.7))
    assert not gradcheck(wrong, doubles(0.5, 1.0, 1.7), raise_exception=False)
    with pytest.raises((AssertionError, AttributeError)):
        assert_like_torch(wrong, torch.square, [np.array([0.5, 1.0, 1.7])])


def test_the_right_rule_passes():
    right = temporary(Unary, np.square, lambda g, z, x: g * 2 * x)
    assert gradcheck(right, doubles(0.5, 1.0, 1.7))
    assert gradgradcheck(right, doubles(0.5, 1.0, 1.7))
    assert_like_torch(right, torch.square, [np.array([0.5, 1.0, 1.7])])


@given(arrays(domain=nonzero), st.sampled_from([1e-3, 1.0, 1e3]), st.sampled_from([0.999, 1.001, -1.0, 2.0]))
def test_an_error_of_a_thousandth_is_caught_at_every_scale(x, scale, factor):
    assume(x.size)
    wrong = temporary(Unary, np.square, lambda g, z, x: g * x * (2 * factor))
    right = temporary(Unary, np.square, lambda g, z, x: g * x * 2)
    x = autodiff.Tensor(x * scale).requires_grad_()
    assert gradcheck(right, x)
    assert not gradcheck(wrong, x, raise_exception=False)


@given(data=st.data())
@settings(max_examples=15)
@pytest.mark.parametrize("name", TABLE)
def test_a_thousandth_in_any_rule_of_the_table_is_caught(name, data):
    """Each rule of each primitive in turn is made 0.1 % too large; the comparison with torch must fail."""
    primitive, args = PRIMITIVES[name], data.draw(TABLE[name].args)
    arity = primitive.arity_of(args)
    for i in differentiable(name, args):
        xs = [autodiff.Tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
        xs[i].requires_grad_()
        with np.errstate(all="ignore"):
            z = applied(name)(*xs)
            d = autodiff.grad(z.sum(), xs[i])[0].array if z.requires_grad else np.zeros(1)
        if not np.isfinite(d).all() or np.abs(d).max(initial=0) < 1e-6:
            continue  # nothing to be wrong by a thousandth of
        rules = [primitive.vjps[k] for k in range(arity)]
        rules[i] = lambda *a, rule=rules[i]: rule(*a) * 1.001
        wrong = temporary(Primitive, primitive.forward, *rules)
        with pytest.raises(AssertionError):
            wrong_on = lambda *xs, wrong=wrong: wrong(*xs[:arity], *args[arity:])  # noqa: E731
            assert_like_torch(wrong_on, TABLE[name].torch, args, [i], second=False)


# broadcasting is undone by the engine: then the engine must be caught ---------------------------------------


def not_undone(d, shape):
    return d


def first_instead_of_sum(d, shape):
    index = tuple(0 if i < d.ndim - len(shape) else slice(0, 1) for i in range(d.ndim))
    return d[index] if d.ndim > len(shape) else d[tuple(slice(0, n) for n in shape)]


def mean_instead_of_sum(d, shape):
    return raw(d).mean(axis=tuple(range(raw(d).ndim - len(shape)))) if d.ndim > len(shape) else d


@pytest.mark.parametrize("broken", [not_undone, first_instead_of_sum, mean_instead_of_sum])
def test_broadcasting_that_is_not_undone_is_caught(monkeypatch, broken):
    x, y = doubles(shape=(3,)), doubles(shape=(2, 3))
    assert gradcheck(autodiff.mul, (x, y))
    monkeypatch.setattr(backward, "unbroadcast", broken)
    with pytest.raises((GradcheckError, RuntimeError)):
        gradcheck(autodiff.mul, (x, y))
    with pytest.raises((AssertionError, RuntimeError)):
        assert_like_torch(autodiff.mul, torch.mul, [x.array, y.array], [0], second=False)


# second derivatives -----------------------------------------------------------------------------------------

WRONG_TWICE = {
    "history lost": lambda g, z, x: g * 2 * raw(x),
    "cotangent's history lost": lambda g, z, x: raw(g) * 2 * x,
}


@pytest.mark.parametrize("rule", WRONG_TWICE.values(), ids=WRONG_TWICE)
def test_a_rule_that_is_right_once_but_not_twice_is_caught(rule):
    once = temporary(Unary, np.square, rule)
    assert gradcheck(once, doubles(0.5, 1.7))
    with pytest.raises(
        GradcheckError, match="gradgradcheck: Jacobian mismatch for the gradient of input 0 with respect to"
    ):
        gradgradcheck(once, doubles(0.5, 1.7))
    assert not gradgradcheck(once, doubles(0.5, 1.7), raise_exception=False)
    with pytest.raises(AssertionError):
        assert_like_torch(once, torch.square, [np.array([0.5, 1.7])])


@given(operands(nonzero, nonzero))
@settings(max_examples=20)
def test_second_derivatives_of_functions_that_are_right(args):
    assume(all(arg.size for arg in args))
    x, y = (autodiff.Tensor(arg).requires_grad_() for arg in args)
    for function in (
        autodiff.mul,
        autodiff.add,
        lambda x, y: (x * y).sin() / y,
        lambda x, y: (x.exp(), y * y),
    ):
        assert gradcheck(function, (x, y))
        assert gradgradcheck(function, (x, y))


def test_given_cotangents_are_used():
    x = doubles(0.5, 1.7)
    assert gradgradcheck(lambda x: x**3, x, doubles(1.0, -1.0))
    assert gradgradcheck(lambda x: x**3, x, autodiff.Tensor(np.ones(2)))
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        gradgradcheck(lambda x: x**3, x, doubles(1.0))


# what could not fail is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_no_input_requires_grad(check):
    with pytest.raises((ValueError, GradcheckError), match="requir"):
        check(lambda x: x * 2, autodiff.Tensor(np.ones(2)))


def test_float32_is_refused_with_the_fix():
    x = autodiff.Tensor(np.ones(2, np.float32)).requires_grad_()
    with pytest.raises(
        ValueError, match=r"input 0 is float32 \(2,\).*x\.detach\(\)\.double\(\)\.requires_grad_\(\)"
    ):
        gradcheck(lambda x: x * 2, x)
    with pytest.raises(ValueError, match="output 0 is float32"):
        gradcheck(lambda x: x.float() * 2, doubles(1.0))


def test_functions_that_are_random():
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: x * np.random.rand(), doubles(1.0))
    with pytest.raises(
        GradcheckError, match="not deterministic: for the same inputs the gradient of output 0"
    ):
        gradcheck(
            temporary(Unary, np.square, lambda g, z, x: g * 2 * x + 0 * g + 1e-6 * np.random.rand() * g),
            doubles(1.0),
        )
    assert gradcheck(lambda x: x * (1 + 1e-12 * np.random.rand()), doubles(1.0), nondet_tol=1e-11, atol=1e-4)


def test_no_gradient_at_all():
    for function in (
        lambda x: x.detach() * 2,
        lambda x: autodiff.tensor(x.item(), dtype=autodiff.float64) * 2,
    ):
        with pytest.raises(GradcheckError, match="no output of the function requires grad"):
            gradcheck(function, doubles(1.0).sum())
        with pytest.raises(GradcheckError, match="no output of the function requires grad"):
            gradgradcheck(function, doubles(1.0).sum())


def test_a_gradient_that_is_none():
    with pytest.raises(GradcheckError, match=r"no gradient \(None\).*No gradient arrives"):
        gradcheck(lambda x, y: x * y.detach(), (doubles(1.0), doubles(2.0)))
    with pytest.raises(GradcheckError, match="input 1 requires grad, but the function does not use it"):
        gradcheck(lambda x, y: x * 2, (doubles(1.0), doubles(2.0)))
    with pytest.raises(GradcheckError, match="output 1 with respect to input 0"):
        gradcheck(lambda x: (x * 2, x.detach() * 3), doubles(1.0))


def test_an_output_that_does_not_depend_on_one_of_the_inputs_is_fine():
    assert gradcheck(lambda x, y: (x * 2, y * 3), (doubles(1.0), doubles(2.0)))


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="no elements"):
        gradcheck(lambda x: x * 2, autodiff.Tensor(np.ones((0, 3))).requires_grad_())
    with pytest.raises(ValueError, match="no elements"):
        gradcheck(lambda x: x[:0] * 2, doubles(1.0))


def test_a_gradient_too_small_to_be_wrong():
    with pytest.raises(GradcheckError, match="within atol=1e-07 of 0, so a wrong one would pass"):
        gradcheck(lambda x: x * 1e-8, doubles(1.0))
    assert gradcheck(lambda x: x * 1e-8, doubles(1.0), atol=1e-12)


def test_kinks_are_named():
    with pytest.raises(GradcheckError, match="kink or a jump"):
        gradcheck(autodiff.relu, doubles(0.0))
    assert gradcheck(autodiff.relu, doubles(0.5, -0.5))


def test_memory_that_repeats():
    with pytest.raises(ValueError, match="clone"):
        gradcheck(lambda x: x * 2, autodiff.Tensor(np.broadcast_to(np.float64(1), (3,))).requires_grad_())


def test_results_that_are_no_tensors():
    for function in (lambda x: 1.0, lambda x: x.detach().numpy(), lambda x: (x, 1)):
        with pytest.raises(TypeError, match="must return a Tensor"):
            gradcheck(function, doubles(1.0))


# what it leaves behind, and what it takes -------------------------------------------------------------------


def test_inputs_are_left_as_they_were():
    x = doubles(shape=(2, 3))
    before = x.array.copy()
    gradcheck(lambda x: x.sin(), x)
    gradcheck(lambda x: x.detach(), x, raise_exception=False)

    def fails_when_perturbed(x):
        if not (x.array == before).all():
            raise KeyError("perturbed")
        return x * 2

    with pytest.raises(KeyError):
        gradcheck(fails_when_perturbed, x)
    np.testing.assert_array_equal(x.array, before)
    assert x.grad is None


def test_parameters_that_the_function_holds_itself():
    w = doubles(shape=(3,))
    assert gradcheck(lambda *_: (w * w).sum(), w)


def test_other_arguments_pass_through():
    mask = autodiff.Tensor(np.array([True, False]))
    assert gradcheck(lambda x, n, mask: x**n * mask, (doubles(1.0, 2.0), 3, mask))


@pytest.mark.parametrize(
    "layout", [np.ascontiguousarray, np.asfortranarray, lambda x: x[::-1], lambda x: x[:, ::2]]
)
def test_inputs_of_any_layout(layout):
    x = autodiff.Tensor(layout(np.random.default_rng(0).normal(size=(2, 4)))).requires_grad_()
    assert gradcheck(lambda x: x.sin() * x, x)


def test_outputs_that_are_views_of_the_input():
    assert gradcheck(lambda x: x.reshape(-1), doubles(shape=(2, 2)))
    assert gradcheck(lambda x: x, doubles(shape=(2,)))


def test_functions_of_two_operands_by_name():
    wrong = temporary(Binary, np.multiply, lambda g, z, x, y: g * y, lambda g, z, x, y: g * y)
    with pytest.raises(
        GradcheckError,
        match=r"output 0 with respect to input 1.*d output 0\[\d\] / d input 1\[\d\]: analytical: .*numeric",
    ):
        gradcheck(wrong, (doubles(0.5, 2.0), doubles(1.5, 3.0)))


def test_third_derivatives_that_cancel_pass():
    """xlogy(x, e^x) is x²: what its third derivative is made of cancels, but for rounding."""

    def second(x):
        return autodiff.grad(autodiff.xlogy(x, x.exp()).sum(), x, create_graph=True)[0]

    assert gradgradcheck(second, doubles(0.7, -1.3, 2.1))
