"""In-place operations: right as in PyTorch, or a clear error; never other numbers.

Random programs of views, in-place operations, reads and copies run under both libraries. Where PyTorch gives
numbers, we give the same or raise; where it raises, we raise, or give what finite differences confirm.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

import autodiff
import nn

SIDE = 3
NEEDED = "modified by an inplace operation"


class Step(NamedTuple):
    """A line of a program: something is made, or changed, of the tensors number i and j (counted round)."""

    name: str
    i: int
    j: int
    at: int
    unrecorded: bool


MAKES: dict[str, Callable[..., Any]] = {  # x, y, a number from 0 to 2
    "row": lambda x, y, at: x[at],
    "slice": lambda x, y, at: x[at:],
    "column": lambda x, y, at: x[..., at],
    "turn": lambda x, y, at: x.t() if x.ndim <= 2 else x,
    "flat": lambda x, y, at: x.reshape(-1),
    "wide": lambda x, y, at: x.expand(2, *x.shape)[at % 2],
    "repeated": lambda x, y, at: x.expand(2, *x.shape),
    "detach": lambda x, y, at: x.detach(),
    "clone": lambda x, y, at: x.clone(),
    "plus": lambda x, y, at: x + y,
    "times": lambda x, y, at: x * y,
    "tanh": lambda x, y, at: x.tanh(),
    "sin": lambda x, y, at: x.sin(),
    "power": lambda x, y, at: x**2,
    "sum": lambda x, y, at: x.sum(),
}


def put(x: Any, y: Any, at: int) -> None:
    x[at] = y


def put_column(x: Any, y: Any, at: int) -> None:
    x[..., at] = y


def raise_row(x: Any, y: Any, at: int) -> None:
    x[at] += 1.5


CHANGES: dict[str, Callable[..., Any]] = {
    "add_": lambda x, y, at: x.add_(y),
    "mul_": lambda x, y, at: x.mul_(y),
    "mul_number": lambda x, y, at: x.mul_(-1.5),
    "sub_scaled": lambda x, y, at: x.sub_(y, alpha=0.5),
    "pow_": lambda x, y, at: x.pow_(2),
    "tanh_": lambda x, y, at: x.tanh_(),
    "sin_": lambda x, y, at: x.sin_(),
    "clamp_": lambda x, y, at: x.clamp_(-0.5, 0.5),
    "zero_": lambda x, y, at: x.zero_(),
    "fill_": lambda x, y, at: x.fill_(0.7),
    "copy_": lambda x, y, at: x.copy_(y.clone()),  # for the same reason as in `fitting`
    "put": put,
    "put_column": put_column,
    "raise_row": raise_row,
    "lerp_": lambda x, y, at: x.lerp_(y, 0.25),
    "t_": lambda x, y, at: x.t_() if x.ndim <= 2 else x,
    "unsqueeze_": lambda x, y, at: x.unsqueeze_(0) if x.ndim <= 2 else x.squeeze_(),
}
RESHAPED = ("t_", "unsqueeze_")  # under no_grad torch keeps a history of the old shape, and errs

steps = st.builds(
    Step,
    st.sampled_from([*MAKES, *CHANGES]),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, SIDE - 1),
    st.sampled_from([False] * 7 + [True]),
)
programs = st.lists(steps, min_size=2, max_size=9)


def start() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (SIDE, SIDE)), rng.uniform(-1, 1, (SIDE, SIDE))


def run(library: Any, program: list[Step], w: np.ndarray) -> tuple[Any, list[Any]]:
    """The leaf w, and all tensors after the program: w, a product with it, data, and what the steps made."""
    leaf = library.tensor(w, requires_grad=True)
    tensors = [leaf, leaf * 1.0, library.tensor(start()[1])]
    for step in program:
        unrecorded = step.unrecorded and step.name not in RESHAPED
        with library.no_grad() if unrecorded else contextlib.nullcontext():
            if step.name in MAKES:
                x, y = (tensors[i % len(tensors)] for i in (step.i, step.j))
                tensors.append(MAKES[step.name](x, fitting(y, x), step.at))
            else:
                others = tensors[1:]  # a leaf that requires grad must not be changed
                x, y = (others[i % len(others)] for i in (step.i, step.j))
                CHANGES[step.name](x, fitting(y, x), step.at)
    return leaf, tensors


def fitting(y: Any, x: Any) -> Any:
    """y if it broadcasts to x, else a number made of it.

    If y is to be repeated, its clone: where it is part of x as well, torch reads what it has just written.
    """
    fits = y.ndim <= x.ndim and all(n in (1, m) for n, m in zip(y.shape[::-1], x.shape[::-1], strict=False))
    return y.sum() if not fits else y if y.shape == x.shape else y.clone()


def loss_of(tensors: list[Any]) -> Any:
    return sum((x * (0.3 + 0.1 * i)).sum() for i, x in enumerate(tensors))


def outcome(library: Any, program: list[Step]) -> Any:
    """The values of all tensors and the gradient of the leaf; or the error."""
    try:
        leaf, tensors = run(library, program, start()[0])
        values = [x.detach().numpy().copy() for x in tensors]
        loss = loss_of(tensors)
        loss.backward()
        return [*values, leaf.grad.numpy()]
    except (RuntimeError, IndexError, ValueError) as error:
        return error


def differences(program: list[Step]) -> np.ndarray:
    """The gradient by central differences."""
    w, step = start()[0], 1e-6
    found = np.zeros_like(w)
    for at in np.ndindex(w.shape):
        ends = []
        for sign in (1, -1):
            moved = w.copy()
            moved[at] += sign * step
            ends.append(loss_of(run(autodiff, program, moved)[1]).item())
        found[at] = (ends[0] - ends[1]) / (2 * step)
    return found


@settings(max_examples=300)
@given(programs)
def test_random_programs(program):
    theirs, ours = outcome(torch, program), outcome(autodiff, program)
    if isinstance(ours, Exception):
        event(f"ours raises, torch {'too' if isinstance(theirs, Exception) else 'does not'}")
        # torch writes into parts of an expand()
        assert isinstance(theirs, Exception) or "read-only" in str(ours)
        return
    if isinstance(theirs, Exception):
        event("torch raises, ours does not")
        if not any(step.unrecorded or step.name in ("detach", "clamp_") for step in program):
            np.testing.assert_allclose(ours[-1], differences(program), rtol=1e-5, atol=1e-7)
        return
    event("both give numbers")
    for got, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


# what each one does --------------------------------------------------------------------------------------

METHODS = {
    **{
        f"{name}_": ()
        for name in "abs neg exp expm1 log log1p sqrt rsqrt square reciprocal sin cos tan".split()
    },
    **{f"{name}_": () for name in "tanh sigmoid relu sign floor ceil round trunc zero".split()},
    **{f"{name}_": (0.75,) for name in "add sub mul div pow remainder fmod fill".split()},
    **{f"{name}_": ("y",) for name in "add sub mul div pow remainder fmod copy clamp_min clamp_max".split()},
    **{f"{name}_": ("y", "y") for name in "addcmul addcdiv".split()},
    "lerp_": ("y", 0.25),
    "clamp_": (0.5, 1.5),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_in_place_is_the_method(name):
    def trial(library: Any) -> list[Any]:
        w = library.tensor([0.3, 0.8, 1.7, 2.5], dtype=library.float64, requires_grad=True)
        y = library.tensor([1.5, 0.5, 1.2, 0.9], dtype=library.float64, requires_grad=True)
        x = w * 1
        args = [y if arg == "y" else arg for arg in METHODS[name]]
        assert getattr(x, name)(*args) is x
        (x * x).sum().backward()
        with library.no_grad():
            v = w.detach().clone()
            assert getattr(v, name)(*args) is v
        return [x.detach(), v, w.grad, y.grad]

    for ours, theirs in zip(trial(autodiff), trial(torch), strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


FUNCTIONS = """exp log sqrt sin cos tanh sigmoid relu abs neg square reciprocal erf clone sum
mean amax prod t flatten sinc erfinv""".split()
NEURAL = "silu elu celu selu gelu mish softplus softsign leaky_relu hardtanh hardswish logsigmoid".split()


def apply(library: Any, name: str, x: Any) -> Any:
    """The method `name` of x, or the function of layers; x by itself for a division."""
    if name == "div":
        return (x + 1) / x
    if name == "gelu tanh":
        return functional(library).gelu(x, approximate="tanh")
    return getattr(functional(library), name)(x) if name in NEURAL else getattr(x, name)()


def functional(library: Any) -> Any:
    return torch.nn.functional if library is torch else nn.functional


@pytest.mark.parametrize("name", [*FUNCTIONS, *NEURAL, "div", "gelu tanh"])
@pytest.mark.parametrize("changed", ["argument", "result"])
def test_a_value_that_backward_needs_is_guarded_and_no_other(name, changed):
    def trial(library: Any, by: float = 1) -> Any:
        w = library.tensor([[0.5, 1.5]], dtype=library.float64, requires_grad=True)
        x = w * 1
        z = apply(library, name, x)
        with library.no_grad():
            if by:
                (x if changed == "argument" else z).add_(by)
        try:
            z.sum().backward()
        except RuntimeError as error:
            return error
        return w.grad

    ours = trial(autodiff)
    if isinstance(ours, Exception):
        assert NEEDED in str(ours)
        assert NEEDED in str(trial(torch))
    else:
        np.testing.assert_allclose(ours.numpy(), trial(torch, by=0).numpy(), rtol=1e-12)


LAYERS: dict[str, Callable[[Any, Any], Any]] = {  # nn.functional and an input (1, 2, 6)
    "max_pool1d": lambda F, x: F.max_pool1d(x, 2),
    "instance_norm": lambda F, x: F.instance_norm(x),
    "layer_norm": lambda F, x: F.layer_norm(x, (6,)),
    "group_norm": lambda F, x: F.group_norm(x, 1),
    "rms_norm": lambda F, x: F.rms_norm(x, (6,)),
    "batch_norm": lambda F, x: F.batch_norm(x, None, None, training=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_relu_in_place_may_follow(name):
    def trial(library: Any) -> Any:
        row = [-2.0, -1.0, 3.0, 3.0, 4.0, -5.0]
        x = library.tensor([[row, row[::-1]]], dtype=library.float64, requires_grad=True)
        z = functional(library).relu(LAYERS[name](functional(library), x), inplace=True)
        (z * z * z).sum().backward()
        return x.grad.numpy()

    np.testing.assert_allclose(trial(autodiff), trial(torch), rtol=1e-9, atol=1e-12)


def changed_by(change: Callable[[Any], Any], message: str) -> None:
    """`change` is refused with this message, and leaves the leaf, and a product made of it, as they were."""
    w = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    with pytest.raises(RuntimeError, match=message):
        change(w)
    assert w.tolist() == [[1, 2], [3, 4]]
    assert w.is_leaf


def test_refusals():
    changed_by(
        lambda w: w.add_(1), "a leaf Variable that requires grad is being used in an in-place operation"
    )
    changed_by(lambda w: w[0].mul_(2), "a view of a leaf Variable that requires grad")
    changed_by(lambda w: w.__setitem__(0, 1.0), "a leaf Variable that requires grad")
    changed_by(lambda w: w.detach().add_(autodiff.ones(3, 2, 2)), "doesn't match the broadcast shape")
    changed_by(
        lambda w: w.detach().long().add_(0.5), "result type float32 can't be cast to the desired output"
    )
    changed_by(lambda w: w.detach().bool().add_(2), "result type int64 can't be cast to the desired output")
    changed_by(lambda w: w.detach().expand(3, 2, 2).add_(1), "single memory location")
    changed_by(lambda w: w.detach().copy_(autodiff.ones(3)), "must match the size")
    changed_by(lambda w: w.detach().fill_(autodiff.ones(2)), "0-dimension")


def test_operators_in_place_keep_the_tensor():
    x = y = autodiff.tensor([7, -7])
    x += 1
    x -= 2
    x *= 3
    x //= 2
    x %= 5
    x **= 2
    x &= 12
    x |= 1
    x ^= 3
    assert x is y
    expected = torch.tensor([7, -7]).add(1).sub(2).mul(3).floor_divide(2).remainder(5).pow(2)
    assert y.tolist() == expected.bitwise_and(12).bitwise_or(1).bitwise_xor(3).tolist()


def test_all_views_of_one_memory_see_a_change_and_its_gradient():
    w = autodiff.tensor([2.0, 3.0], requires_grad=True)
    x = autodiff.zeros(2, 2)
    row, column, whole = x[0], x[:, 0], x.view(-1)
    row.copy_(w * w)
    assert column.requires_grad
    assert whole.tolist() == [4, 9, 0, 0]
    x[0] += 1
    assert column.tolist() == [5, 0]
    (column.sum() * 10).backward()
    assert w.grad.tolist() == [40, 0]


def test_the_gradient_that_is_retained_is_that_of_the_last_value():
    def trial(library: Any) -> list[float]:
        w = library.tensor([2.0, 3.0], requires_grad=True)
        x = w * 1
        x.retain_grad()
        x.mul_(5)
        (x * x).sum().backward()
        return x.grad.tolist()

    assert trial(autodiff) == trial(torch)


def test_new_data_ends_a_view():
    w = autodiff.ones(2, requires_grad=True)
    x = autodiff.zeros(2, 2)
    row = x[0]
    x.data = autodiff.full((2, 2), 7.0)
    row.add_(w)
    assert (row.tolist(), x.tolist(), x.requires_grad) == ([1, 1], [[7, 7], [7, 7]], False)
    row.sum().backward()
    assert w.grad.tolist() == [1, 1]


@pytest.mark.parametrize(
    "layout", [lambda x: x, lambda x: x.T, lambda x: x[:, ::2], lambda x: x[::-1], np.asfortranarray]
)
def test_a_view_is_found_in_memory_of_any_layout(layout):
    base = layout(np.arange(24.0).reshape(4, 6))
    w = autodiff.tensor(3.0, dtype=autodiff.float64, requires_grad=True)
    x, y = autodiff.from_numpy(base), torch.tensor(base.copy())
    for tensor in (x, y):
        part = tensor[1:, 1:2]
        part.mul_(w if tensor is x else 3.0)
    assert x.tolist() == y.tolist()
    (x * x).sum().backward()
    before = layout(np.arange(24.0).reshape(4, 6))[1:, 1:2]
    np.testing.assert_allclose(w.grad.item(), (2 * 3 * before**2).sum())


# views that are older or younger than what their base asks for ---------------------------------------------


def leaf_of(library: Any) -> Any:
    return library.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)


def unseen(library: Any, x: Any) -> Any:
    with library.no_grad():
        return x[:2]


def flags(x: Any) -> tuple[bool, bool]:
    return x.requires_grad, x.is_leaf


def made_without_recording(library: Any) -> Any:
    x, y = leaf_of(library), leaf_of(library)
    v = unseen(library, x)
    z = v * y[:2]
    z.sum().backward()
    w = (v * 2)[1:]
    return flags(v), flags(z), flags(w), flags(v[1:]), flags(v.detach()), x.grad, y.grad.tolist()


def asked_for_itself(library: Any) -> Any:
    x = leaf_of(library)
    v = unseen(library, x).requires_grad_()
    (v * 2).sum().backward()
    return flags(v), v.grad.tolist(), x.grad, flags(v.requires_grad_(False)), flags(v * 2)


def older_than_the_wish(library: Any) -> Any:
    x, y = library.tensor([1.0, 2.0]), leaf_of(library)
    v = x[:1]
    x.requires_grad_()
    (v * y).sum().backward()
    return flags(v), flags(v * 2), x.grad, y.grad.tolist(), flags(x.requires_grad_(False)), flags(v)


def base_frozen(library: Any) -> Any:
    x = leaf_of(library)
    v = x[:2]
    x.requires_grad_(False)
    return flags(x), flags(v), flags(v * 2), flags(unseen(library, x))


def frozen_and_thawed(library: Any) -> Any:
    x = leaf_of(library)
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    z = (x * x).sum()
    x.requires_grad_(False)
    x.requires_grad_()
    z.backward()
    return x.grad.tolist(), seen


def detached_in_place(library: Any) -> Any:
    x, y = leaf_of(library), leaf_of(library)
    z = (x * y).sum()
    x.detach_()
    z.backward()
    return x.grad, y.grad.tolist(), flags(x)


def base_detached_in_place(library: Any) -> Any:
    x, y = leaf_of(library), leaf_of(library)
    h = x * 1
    v = h[:2]
    h.detach_()
    h.add_(1)
    (v * y[:2]).sum().backward()
    return flags(v), x.grad, y.grad.tolist()


def flat_unseen(library: Any) -> Any:
    x = leaf_of(library)
    z = x * 2
    with library.no_grad():
        same = z.flatten()
    same.sum().backward()
    return same is z, x.grad.tolist()


SITUATIONS = [
    made_without_recording,
    asked_for_itself,
    older_than_the_wish,
    base_frozen,
    frozen_and_thawed,
    detached_in_place,
    base_detached_in_place,
    flat_unseen,
]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_asks_for_gradients_and_gets_them(situation):
    assert situation(autodiff) == situation(torch)


def changed_unseen(x: Any) -> None:
    with autodiff.no_grad():
        x.add_(1)


def test_views_whose_gradient_would_be_lost_are_refused():
    x = leaf_of(autodiff)
    hooked, kept, blind = x[:2], x[:2], unseen(autodiff, x)
    hooked.register_hook(lambda g: g * 2)
    kept.retain_grad()
    changed_unseen(x)
    for view in (hooked, kept):
        with pytest.raises(RuntimeError, match="Make the view anew"):
            view * 2
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        blind * 2
    late = autodiff.zeros(3)
    view = late[1:]
    changed_unseen(late)
    late.requires_grad_()
    with pytest.raises(RuntimeError, match="older than its base's requires_grad_"):
        view * 2
    own = autodiff.zeros(3)[1:].requires_grad_()
    part = own[:1]
    changed_unseen(part)
    with pytest.raises(RuntimeError, match="Make the view anew"):
        part * 2
    with pytest.raises(RuntimeError, match="nothing behind this tensor requires grad any more"):
        (unseen(autodiff, leaf_of(autodiff)) * 2).sum().backward()
    result = leaf_of(autodiff) * 2
    result.retain_grad()
    with pytest.raises(RuntimeError, match="Use detach"):
        result.detach_()


def test_what_was_computed_of_a_leaf_that_became_something_else_is_refused():
    moved, other = leaf_of(autodiff), leaf_of(autodiff)
    loss = (moved + other).sum()
    moved.requires_grad_(False).add_(other * 2)
    with pytest.raises(RuntimeError, match="leaf variable has been moved into the graph interior"):
        loss.backward()
    assert other.grad is None
    replaced = leaf_of(autodiff)
    loss = (replaced * replaced).sum()
    replaced.data = autodiff.zeros_like(replaced)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    view = leaf_of(autodiff)[1:][:1]
    loss = (view * 2).sum()
    changed_unseen(view)
    with pytest.raises(RuntimeError, match="no gradient comes to a view"):
        autodiff.grad(loss, view, allow_unused=True)


RESULTS: list[Callable[[Any, Any], Any]] = [
    lambda lib, x: x.max(0)[0],
    lambda lib, x: x.var(0),
    lambda lib, x: x.mean(-1),
    lambda lib, x: x.prod(1, keepdim=True),
    lambda lib, x: x @ x[0],
    lambda lib, x: lib.rot90(x),
    lambda lib, x: lib.roll(x, 1),
]


@pytest.mark.parametrize("compute", RESULTS)
def test_a_result_in_several_steps_is_no_view(compute):
    found = []
    for lib in (autodiff, torch):
        x = lib.arange(9.0).reshape(3, 3)
        result = compute(lib, x)
        part = result[:1]
        result.requires_grad_().detach_()
        found.append((part.requires_grad, part.is_leaf, result.is_leaf))
    assert found[0] == found[1]


ORDERED: list[Callable[[Any, Any], Any]] = [
    lambda lib, x: x.clone(),
    lambda lib, x: x.float(),
    lambda lib, x: x.tanh() ** 2,
    lambda lib, x: lib.where(x > 0, x, 0.0),
    lambda lib, x: x.flip(0),
    lambda lib, x: x[:1].expand(3, 4).clone(),
]


@pytest.mark.parametrize("compute", ORDERED)
def test_results_are_stored_in_the_order_of_their_operands(compute):
    ours, theirs = (compute(lib, lib.zeros(4, 3).t()) for lib in (autodiff, torch))
    assert tuple(n // ours.array.itemsize for n in ours.array.strides) == theirs.stride()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "relu6", "hardtanh"])
def test_gradients_of_kinks_have_a_gradient_of_zero(name):
    found = []
    for library, functional in ((autodiff, nn.functional), (torch, torch.nn.functional)):
        x = library.tensor([-1.0, 0.0, 0.5, 8.0], requires_grad=True)
        grad = autodiff.grad if library is autodiff else torch.autograd.grad
        (first,) = grad(getattr(functional, name)(x).sum(), x, create_graph=True)
        first.sum().backward()
        found.append(first.tolist() + x.grad.tolist())
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize("watch", [lambda v: v.register_hook(print), lambda v: v.retain_grad()])
def test_a_view_of_a_watched_view_is_not_changed(watch) -> None:
    a = autodiff.ones(3, 2, requires_grad=True)
    v = (a * 2).view(2, 3)
    row = v[0]
    watch(v)
    with pytest.raises(RuntimeError, match="that has hooks or retains its grad"):
        row.div_(row.clone())
    assert v.tolist() == [[2.0] * 3] * 2
