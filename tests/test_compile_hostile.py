"""Compiled steps under hostile calls: call by call the same bits as eager ones, or one warning that says why.

A row makes a step anew, and says what it is given at the i-th call, and what is done before it.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable
from functools import partial
from math import isfinite
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import autodiff
import nn

from .test_compile import bits, classes, data, mlp, replays

pytestmark = pytest.mark.filterwarnings("ignore::autodiff.SuspiciousWarning")

CALLS = 9


class Row(NamedTuple):
    """A step; what it is given, what it leaves beside its result, what happens before a call."""

    step: Callable[..., Any]
    given: Callable[[int], tuple[Any, ...]] = lambda i: (data((3,), i),)
    left: Callable[[], Any] = lambda: None
    before: Callable[[int], Any] = lambda i: None


ROWS: dict[str, tuple[Callable[[], Row], int | str]] = {}
"""By name: how a row is made, and how many programs serve its calls, or what the warning says."""


def row(outcome: int | str) -> Callable[[Callable[[], Row]], Callable[[], Row]]:
    """Put a row into the table."""

    def put(make: Callable[[], Row]) -> Callable[[], Row]:
        ROWS[make.__name__.replace("_", " ")] = make, outcome
        return make

    return put


def found(make: Callable[[], Row], keep: Callable[[Any], Any]) -> tuple[list[Any], list[str], Any]:
    """What the calls return and leave; the warnings; the step."""
    autodiff.manual_seed(0)
    made = make()
    step, results = keep(made.step), []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(CALLS):
            made.before(i)
            try:
                result = step(*made.given(i))
                result = bits([*result] if inspect.isgenerator(result) else result)
            except Exception as error:
                result = type(error), str(error)
            results.append((result, bits(made.left())))
    return results, [str(w.message) for w in caught if w.category is RuntimeWarning], step


def turns(*items: Any) -> Callable[[int], Any]:
    """The first item at the first three calls, then each in turn."""
    return lambda i: items[max(0, i - 2) % len(items)]


# what is given ----------------------------------------------------------------------------------------------


@row(2)
def an_argument_that_the_step_finds_by_itself_too() -> Row:
    w = data((3,), 1)
    given = turns(w, data((3,), 2), w, data((3,), 3))
    return Row(lambda x: x * 2 + w * 3, lambda i: (given(i),))


@row(2)
def an_argument_that_has_the_memory_of_another() -> Row:
    w = data((3,), 1)
    given = turns(w.detach(), data((3,), 2), w.data, data((3,), 3))
    return Row(lambda x: x * 2 + w * 3, lambda i: (given(i),))


@row("the .grad of an argument is used")
def the_gradient_of_an_argument() -> Row:
    params = [data((3,), i).requires_grad_() for i in range(3)]
    for i, p in enumerate(params):
        p.grad = data((3,), 10 + i)

    def step(p: Any) -> None:
        with autodiff.no_grad():
            p.sub_(0.1 * p.grad)

    given = turns(*params)
    return Row(step, lambda i: (given(i),), lambda: params)


@row(2)
def zeros_with_a_sign() -> Row:
    given = turns(0.0, -0.0)
    return Row(lambda x, c: x * c, lambda i: (data((3,), i), given(i)))


@row(3)
def numbers_of_numpy() -> Row:
    return Row(lambda x, c: x * float(c), lambda i: (data((3,), i), np.float32(0.5 + i // 3)))


@row(1)
def not_a_number() -> Row:
    return Row(lambda x, c: x * c, lambda i: (data((3,), i), float("nan")))


# what the step finds ----------------------------------------------------------------------------------------


@row("not the same for long")
def a_flag_that_is_turned_at_each_call() -> Row:
    at = {"on": False}

    def step(x: Any) -> Any:
        at["on"] = not at["on"]
        return x * 2

    return Row(step, left=lambda: at["on"])


class Patched(nn.Module):
    def forward(self, x: Any) -> Any:
        return self.activation(x)

    def activation(self, x: Any) -> Any:
        return x.tanh()


@row(2)
def a_method_that_is_replaced_in_a_class() -> Row:
    class Model(Patched):
        def activation(self, x: Any) -> Any:
            return x.tanh()

    model = Model()

    def before(i: int) -> None:
        if i == 4:
            Model.activation = lambda self, x: x.sigmoid()

    return Row(lambda x: model(x), before=before)


@row(2)
def a_method_that_is_replaced_in_an_object() -> Row:
    class Helper:
        def help(self, x: Any) -> Any:
            return x * 2

    helper = Helper()

    def before(i: int) -> None:
        if i == 4:
            helper.help = lambda x: x * 3  # type: ignore[method-assign]

    return Row(lambda x: helper.help(x), before=before)


@row(2)
def defaults_that_are_replaced() -> Row:
    def helper(x: Any, c: float = 2.0) -> Any:
        return x * c

    def before(i: int) -> None:
        if i == 4:
            helper.__defaults__ = (3.0,)

    return Row(lambda x: helper(x), before=before)


# numbers that leave -----------------------------------------------------------------------------------------

SUMS = turns(autodiff.ones(2), autodiff.tensor([1.0, autodiff.nan]), autodiff.ones(2) * 2)

for _name, _use in {
    "math.isfinite": lambda x: math.isfinite(x),
    "isfinite": lambda x: isfinite(x),
    "math.exp": lambda x: math.exp(x),
    "math.fsum": lambda x: math.fsum([x]),
    "hex": lambda x: float.fromhex(x.hex()),
    "is_integer": lambda x: x.is_integer(),
    "a comparison": lambda x: x > 1,
    "an operand": lambda x: x,
}.items():
    ROWS[f"{_name} of what item() gave"] = (
        partial(lambda use: Row(lambda x: x * float(use(x.sum().item())), lambda i: (SUMS(i),)), _use),
        "a number that .item\\(\\) gave is used",
    )


@row("a number that .item\\(\\) gave is used")
def an_operand_that_item_gave() -> Row:
    def step(x: Any) -> Any:
        n = x.sum().item()
        return x * n, x.add(x, alpha=n), n - x, autodiff.tensor([n, 1.0]), autodiff.full((2,), n)

    return Row(step)


# steps in steps ---------------------------------------------------------------------------------------------


def training(keep: Callable[[Any], Any] = lambda step: step) -> tuple[Any, Any]:
    """A step that trains a network, and what it leaves."""
    model = mlp()
    optimizer = nn.optim.Adam(model.parameters())

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return keep(step), lambda: [*model.parameters(), *(p.grad for p in model.parameters())]


def batch(i: int) -> tuple[Any, Any]:
    return data((8, 5), i), classes(8, 3)


@row(1)
def a_compiled_step_in_a_step() -> Row:
    inner, left = training(autodiff.compile)
    return Row(lambda x, y: inner(x, y) + inner(x, y), batch, left)


@row(1)
def a_step_that_has_a_program_in_a_step() -> Row:
    inner, left = training(autodiff.compile)
    for i in range(3):
        inner(*batch(i))
    return Row(lambda x, y: inner(x, y) + inner(x, y), batch, left)


@row(1)
def a_compiled_step_that_calls_itself() -> Row:
    at = SimpleNamespace()

    @autodiff.compile
    def step(x: Any, n: int = 2) -> Any:
        return at.step(x + 1, n - 1) * 3 if n else x * 2

    at.step = step
    return Row(lambda x: step(x))


@row("checkpoint computes a part of the step once more")
def a_checkpoint() -> Row:
    model, w = mlp(nn.Dropout(0.5)), data((5,)).requires_grad_()

    def step(x: Any) -> Any:
        w.grad = None
        loss = autodiff.checkpoint(model, x * w).sum()
        loss.backward()
        return loss.detach()

    return Row(step, lambda i: (data((8, 5), i),), lambda: w.grad)


def trained(layer: Any, *shapes: tuple[int, ...]) -> Row:
    """A step that trains a layer, on data that change at each call."""
    factor = data(shapes[0], 77).requires_grad_()

    def step(x: Any, *rest: Any) -> Any:
        factor.grad = None
        layer.zero_grad()
        loss = (layer(x * factor, *rest) ** 2).mean()
        loss.backward()
        return loss.detach()

    def left() -> Any:
        return [factor.grad, *(p.grad for p in layer.parameters())]

    return Row(step, lambda i: tuple(data(shape, i + k) for k, shape in enumerate(shapes)), left)


@row(1)
def a_rule_whose_operations_give_other_bits_now_and_then() -> Row:
    return trained(nn.RMSNorm(4), (5, 4))


@row(1)
def a_path_of_products_that_depends_on_shapes() -> Row:
    return trained(nn.Bilinear(3, 4, 2), (5, 3), (5, 4))


# values that are written and refused ------------------------------------------------------------------------


@row(1)
def entries_of_an_older_tensor_are_written() -> Row:
    losses = autodiff.zeros(4)

    def step(x: Any) -> Any:
        losses[1] = x.sum()
        losses[2:] = x[:2]
        return losses * 2

    return Row(step, left=lambda: losses)


@row(1)
def a_part_of_a_mask() -> Row:
    return Row(lambda x: (x > 0)[1] | (x > 1)[0])


@row(1)
def a_tensor_without_dimensions_is_turned_round() -> Row:
    return Row(lambda x: (x[0] * x[1]).flip(()).permute(()) + (x[0] * x[2]).flip(()).reshape(1))


@row(1)
def views_that_are_changed_in_place() -> Row:
    w = data((4, 4)).requires_grad_()

    def step(x: Any) -> Any:
        w.grad = None
        h = w @ x
        h[1:].mul_(2)
        flat = h.view(-1)
        flat[0] = 0
        h.T.add_(1)
        (h * h).sum().backward()
        return flat.detach(), x.repeat(1, 1).mul_(2), x

    return Row(step, lambda i: (data((4, 2), i),), lambda: w.grad)


@row(1)
def views_of_what_numpy_lays_out_by_columns() -> Row:
    def step(x: Any, i: Any) -> Any:
        h = x[:, i]
        flat = h.view(-1)
        flat.mul_(2)
        padded = nn.functional.pad(x[None, None], (1, 1, 1, 1), mode="replicate")
        padded.view(-1)[3:].mul_(2)
        return h * 1, flat * 1, h.sum(), padded * 1, padded.sum()

    return Row(step, lambda i: (data((4, 5), i), classes(3, 5) + 0 * i))


@row(1)
def functions_of_entries_keep_the_order_of_their_tensors() -> Row:
    def step(x: Any) -> Any:
        y = x.T.lerp(x.T * 2, 0.3)
        y.T.view(-1)[1:].mul_(2)
        return y * 1, (y**2.5).T.contiguous()

    return Row(step, lambda i: (data((4, 5), i).abs(),))


@row("getitem raises an error in the step")
def an_error_that_the_step_catches() -> Row:
    def step(x: Any, i: Any) -> Any:
        try:
            return x[i] * 2
        except IndexError:
            return x * 0

    return Row(step, lambda i: (data((3,), i), autodiff.tensor([3 if i < 4 else 2])))


@row(1)
def the_gradient_of_a_number() -> Row:
    factor = autodiff.tensor(0.5, requires_grad=True)

    def step(x: Any) -> Any:
        return autodiff.grad(((factor * x) ** 2).sum(), factor)

    given = turns(*(data((3, 1), i) for i in range(6)))
    return Row(step, lambda i: (given(i),))


@row("an option of an optimizer is a tensor")
def a_rate_that_is_a_tensor() -> Row:
    w, rate = data((3,)).requires_grad_(), autodiff.tensor(0.1)
    optimizer = nn.optim.SGD([w], lr=rate)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    return Row(step, left=lambda: w.detach(), before=lambda i: rate.mul_(0.9))


@row("does not use the same optimizer at each call")
def an_optimizer_that_the_step_makes() -> Row:
    w = data((3,)).requires_grad_()

    def step(x: Any) -> Any:
        optimizer = nn.optim.Adam([w])
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    return Row(step, left=lambda: w.detach())


@row("not the same for long")
def a_step_of_an_optimizer_that_is_counted() -> Row:
    w, counts = data((3,)).requires_grad_(), [0]
    optimizer = nn.optim.SGD([w], lr=0.1)
    original = optimizer.step

    def counted() -> None:
        counts[0] += 1
        original()

    optimizer.step = counted  # type: ignore[method-assign]

    def step(x: Any) -> Any:
        w.grad = x * 1
        optimizer.step()

    return Row(step, left=lambda: (w.detach(), counts))


@row(1)
def a_matrix_without_an_inverse() -> Row:
    given = turns(*(data((2, 2), i) for i in range(3)), autodiff.ones(2, 2))

    def step(x: Any) -> Any:
        return autodiff.linalg.inv(x) + autodiff.linalg.solve(x, x)

    return Row(step, lambda i: (given(i),))


@row("returns a generator: .*test_compile_hostile")
def a_generator() -> Row:
    def step(x: Any) -> Any:
        yield x

    return Row(step)


@row("needs the values")
def many_kinds_that_are_all_refused() -> Row:
    return Row(lambda x, i: float(x[i]), lambda i: (data((20,)), i))


# ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_hostile_calls(name: str) -> None:
    make, outcome = ROWS[name]
    expected, _, _ = found(make, lambda step: step)
    got, said, compiled = found(make, autodiff.compile)
    assert got == expected
    if isinstance(outcome, int):
        assert not said and replays(compiled) == outcome
    else:
        (words,) = said  # once
        assert re.search(outcome, words) and __file__ in words


def test_kinds_that_are_refused_do_not_pile_up() -> None:
    compiled = autodiff.compile(lambda x, i: float(x[0]) + i)
    with pytest.warns(RuntimeWarning, match="float"):
        for i in range(200):
            assert compiled(autodiff.ones(1), i) == i + 1
    assert len(compiled.reasons) < 100


def test_a_compiled_step_looks_like_the_step() -> None:
    @autodiff.compile
    def step(x: int, *, scale: float = 2.0) -> int:
        """Double it."""
        return x

    assert (step.__name__, step.__doc__, step.__module__) == ("step", "Double it.", __name__)
    assert list(inspect.signature(step).parameters) == ["x", "scale"]
    assert autodiff.compile(partial(step.step, 1)).__name__ == "partial"
