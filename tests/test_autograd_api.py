"""backward, grad, hooks, grad modes, a Tensor's protocols: each statement is run under PyTorch, too."""

from __future__ import annotations

import copy
import math
import pickle
import threading

import numpy as np
import pytest
import torch

import autodiff

both = pytest.mark.parametrize("lib", [autodiff, torch], ids=["autodiff", "torch"])


def grad(lib, *args, **options):
    return (torch.autograd.grad if lib is torch else autodiff.grad)(*args, **options)


def leaf(lib, values=(1.0, 2.0, 3.0)):
    return lib.tensor(list(values), requires_grad=True)


# backward ---------------------------------------------------------------------------------------------------


@both
def test_the_micrograd_example(lib):
    a, b = lib.tensor(-4.0, requires_grad=True), lib.tensor(2.0, requires_grad=True)
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
    assert f"{g.item():.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad.item():.4f}" == "138.8338"
    assert f"{b.grad.item():.4f}" == "645.5773"


@both
def test_gradient_argument(lib):
    x = leaf(lib)
    (x * x).backward(lib.tensor([1.0, 10.0, 100.0]))
    assert x.grad.tolist() == [2, 40, 600]
    x.grad = None
    (x * x).sum().backward(gradient=lib.tensor(2.0))
    assert x.grad.tolist() == [4, 8, 12]


@both
def test_a_one_element_tensor_needs_no_gradient_argument(lib):
    x = lib.tensor([[3.0]], requires_grad=True)
    (x * x).backward()
    assert x.grad.tolist() == [[6]]


@both
def test_backward_of_a_leaf(lib):
    x = lib.tensor(3.0, requires_grad=True)
    x.backward()
    x.backward()
    assert x.grad.item() == 2


@both
def test_second_backward_adds_into_the_same_object(lib):
    x = leaf(lib)
    (x * 2).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert x.grad is first
    assert first.tolist() == [4, 6, 8]


@both
def test_a_kept_grad_does_not_see_what_comes_after_zero_grad(lib):
    x = leaf(lib)
    (x * 2).sum().backward()
    first = x.grad
    x.grad = None
    (x * 3).sum().backward()
    assert (first.tolist(), x.grad.tolist()) == ([2, 2, 2], [3, 3, 3])


@both
def test_the_grad_of_a_root_is_not_the_cotangent_itself(lib):
    x = leaf(lib)
    cotangent = lib.ones(3)
    x.backward(cotangent)
    cotangent[0] = 7
    assert x.grad.tolist() == [1, 1, 1]


@both
def test_retain_graph(lib):
    x = leaf(lib)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [4, 8, 12]
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


@both
def test_a_graph_that_saves_no_values_can_be_walked_again(lib):
    x = leaf(lib)
    loss = (x + x).sum()
    loss.backward()
    loss.backward()
    assert x.grad.tolist() == [4, 4, 4]


@both
def test_part_of_a_freed_graph_cannot_be_used_again(lib):
    x = leaf(lib)
    y = x * x
    y.sum().backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        (y * 2).sum().backward()


@both
@pytest.mark.filterwarnings("ignore:Using backward")
def test_create_graph(lib):
    x = leaf(lib)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert first.requires_grad and first.tolist() == [3, 12, 27]
    x.grad = None
    first.sum().backward()
    assert x.grad.tolist() == [6, 12, 18]


@both
@pytest.mark.filterwarnings("ignore:Using backward")
def test_create_graph_adds_to_what_is_there(lib):
    x = leaf(lib)
    (x * 2).sum().backward()
    (x**3).sum().backward(create_graph=True)
    assert x.grad.tolist() == [5, 14, 29]
    total = x.grad
    x.grad = None
    total.sum().backward()
    assert x.grad.tolist() == [6, 12, 18]


@both
def test_inputs(lib):
    x, y = leaf(lib), leaf(lib)
    z = x * y
    (z * 2).sum().backward(inputs=[x])
    assert x.grad.tolist() == [2, 4, 6] and y.grad is None
    w = x * y
    (w * w).sum().backward(inputs=y)
    assert y.grad.tolist() == [2, 16, 54] and x.grad.tolist() == [2, 4, 6]


@both
def test_a_non_leaf_among_the_inputs(lib):
    x = leaf(lib)
    z = x * 3
    (z * z).sum().backward(inputs=[z])
    assert x.grad is None
    assert grad(lib, (z * 5).sum(), z)[0].tolist() == [5, 5, 5]


@both
def test_unused_leaves_stay_none_and_zero_gradients_are_zeros(lib):
    x, y = leaf(lib), leaf(lib)
    (x * 0).sum().backward()
    assert x.grad.tolist() == [0, 0, 0] and y.grad is None


@both
def test_a_gradient_has_the_dtype_of_its_leaf(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = lib.tensor([1.0, 2.0], dtype=lib.float64, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (lib.float32, lib.float64)


@both
def test_leaves_share_grad_memory_with_nothing(lib):
    x, y = leaf(lib), leaf(lib)
    cotangent = lib.ones(3)
    (x + y).backward(cotangent)
    memories = [x.grad, y.grad, cotangent]
    x.grad[0] = 7
    y.grad[1] = 8
    cotangent[2] = 9
    assert [m.tolist() for m in memories] == [[7, 1, 1], [1, 8, 1], [1, 1, 9]]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x,
        lambda x: x.reshape(3, 1),
        lambda x: x + 0,
        lambda x: x.clone(),
        lambda x: x.unsqueeze(0),
        lambda x: x.expand(2, 3).sum(0),
        lambda x: x[:],
        lambda x: autodiff.cat([x, x])[:3],
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_functions_that_pass_the_cotangent_on_do_not_pass_its_memory(function, create_graph):
    """In torch x.reshape(3, 1) + y.reshape(3, 1) leaves two leaves with one `.grad` memory."""
    x, y = leaf(autodiff), leaf(autodiff)
    z = function(x) + function(y)
    cotangent = autodiff.ones(z.shape)
    z.backward(cotangent, retain_graph=True, create_graph=create_graph)
    first = x.grad.tolist()
    with autodiff.no_grad():
        x.grad.mul_(5)
        assert y.grad.tolist() == first
        y.grad.mul_(0)
    assert (cotangent == 1).all()
    z.backward(cotangent)
    assert y.grad.tolist() == first


def test_grads_that_are_returned_share_memory_with_nothing():  # in torch these two do
    x, y = leaf(autodiff), leaf(autodiff)
    cotangent = autodiff.ones(3)
    d, e = autodiff.grad(x + y, [x, y], cotangent)
    d.mul_(3)
    assert (e.tolist(), cotangent.tolist()) == ([1, 1, 1], [1, 1, 1])


def test_a_failed_backward_leaves_grad_as_it_was():
    x, y = leaf(autodiff), leaf(autodiff)
    (x * 2 + y).sum().backward()
    spent = (x * x).sum()
    spent.backward(retain_graph=False)
    before = x.grad.tolist(), y.grad.tolist()
    with pytest.raises(RuntimeError, match="second time"):
        (spent + (y * y).sum()).backward()

    def refuses(_):
        raise KeyError("from a hook")

    z = x * x
    z.register_hook(refuses)
    with pytest.raises(KeyError):
        (z.sum() + (y * y).sum()).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == before


@both
def test_backward_under_no_grad(lib):
    x = leaf(lib)
    loss = (x * x).sum()
    with lib.no_grad():
        loss.backward()
    assert x.grad.tolist() == [2, 4, 6] and not x.grad.requires_grad


# grad -------------------------------------------------------------------------------------------------------


@both
def test_grad_leaves_grad_alone_and_frees_the_graph(lib):
    x = leaf(lib)
    loss = (x * x).sum()
    (d,) = grad(lib, loss, x)
    assert d.tolist() == [2, 4, 6] and x.grad is None and not d.requires_grad
    with pytest.raises(RuntimeError, match="a second time"):
        grad(lib, loss, x)


@both
def test_grad_of_several_outputs_is_that_of_their_sum(lib):
    x, y = leaf(lib), leaf(lib)
    d, e = grad(lib, [x * y, x * 2], [x, y], [lib.ones(3), lib.tensor([1.0, 10.0, 100.0])])
    assert d.tolist() == [3, 22, 203] and e.tolist() == [1, 2, 3]
    (d,) = grad(lib, [(x * 2).sum(), (x * 3).sum()], x, [None, None])
    assert d.tolist() == [5, 5, 5]


@both
def test_the_same_output_and_the_same_input_twice(lib):
    x = leaf(lib)
    z = (x * 2).sum()
    d, e = grad(lib, [z, z], [x, x])
    assert d.tolist() == e.tolist() == [4, 4, 4]


@both
def test_grad_of_an_output_with_respect_to_itself(lib):
    x = leaf(lib)
    z = (x * 2).sum()
    assert grad(lib, z, z)[0].item() == 1
    assert grad(lib, x, x, lib.tensor([1.0, 2.0, 3.0]))[0].tolist() == [1, 2, 3]


@both
def test_allow_unused(lib):
    x, y = leaf(lib), leaf(lib)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        grad(lib, (x * 2).sum(), [x, y])
    d, e = grad(lib, (x * 2).sum(), [x, y], allow_unused=True)
    assert d.tolist() == [2, 2, 2] and e is None
    d, e = grad(lib, (x * 2).sum(), [x, y], materialize_grads=True)
    assert d.tolist() == [2, 2, 2] and e.tolist() == [0, 0, 0]
    with pytest.raises(
        ValueError, match="Expected allow_unused to be True or not passed when materialize_grads=True"
    ):
        grad(lib, (x * 2).sum(), [x, y], allow_unused=False, materialize_grads=True)


@both
def test_derivatives_of_any_order(lib):
    x = lib.tensor(0.7, dtype=lib.float64, requires_grad=True)
    d = lib.sin(x)
    for order in range(1, 9):
        (d,) = grad(lib, d, x, create_graph=True)
        assert d.item() == pytest.approx(math.sin(0.7 + order * math.pi / 2), rel=1e-12)


@both
def test_high_derivatives_of_a_composition(lib):
    """The n-th derivative of x exp(x) is (x + n) exp(x)."""
    x = lib.tensor(0.3, dtype=lib.float64, requires_grad=True)
    d = x * lib.exp(x)
    for order in range(1, 7):
        (d,) = grad(lib, d, x, create_graph=True)
        assert d.item() == pytest.approx((0.3 + order) * math.exp(0.3), rel=1e-12)


@both
def test_the_hessian_of_rosenbrock(lib):
    x = lib.tensor([-1.2, 1.0], dtype=lib.float64, requires_grad=True)
    f = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    (d,) = grad(lib, f, x, create_graph=True)
    rows = [grad(lib, d[i], x, retain_graph=True)[0].tolist() for i in range(2)]
    np.testing.assert_allclose(d.detach().numpy(), [-215.6, -88.0])
    np.testing.assert_allclose(rows, [[1330.0, 480.0], [480.0, 200.0]])


@both
def test_cotangents_are_differentiated_too(lib):
    x, v = leaf(lib), leaf(lib)
    (d,) = grad(lib, x * x, x, v, create_graph=True)
    (e,) = grad(lib, d.sum(), v)
    assert e.tolist() == [2, 4, 6]


@both
def test_a_cotangent_of_another_dtype_is_converted_and_differentiated(lib):
    x = leaf(lib)
    v = lib.tensor([1.0, 10.0, 100.0], dtype=lib.float64, requires_grad=True)
    (d,) = grad(lib, x * x, x, v, create_graph=True)
    assert d.dtype == lib.float32 and d.tolist() == [2, 40, 600]
    (e,) = grad(lib, d.sum(), v)
    assert e.dtype == lib.float64 and e.tolist() == [2, 4, 6]


@both
def test_create_graph_records_under_no_grad_too(lib):
    x = leaf(lib)
    z = (x**3).sum()
    with lib.no_grad():
        (d,) = grad(lib, z, x, create_graph=True)
        assert not lib.is_grad_enabled()
    assert grad(lib, d.sum(), x)[0].tolist() == [6, 12, 18]


@both
def test_the_same_tensor_twice_among_the_inputs(lib):
    x = leaf(lib)
    (x * 2).sum().backward(inputs=[x, x])
    assert x.grad.tolist() == [2, 2, 2]


# hooks and retained gradients -------------------------------------------------------------------------------


@both
def test_a_hook_sees_the_complete_gradient_once(lib):
    x = leaf(lib)
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y + y * y).sum().backward()
    assert seen == [[5, 9, 13]]
    assert x.grad.tolist() == [10, 18, 26]


@both
def test_a_hook_replaces_and_hooks_come_in_order(lib):
    x = leaf(lib)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: -g)
    y.sum().backward()
    assert x.grad.tolist() == [-40, -40, -40]


@both
def test_a_hook_can_be_removed(lib):
    x = leaf(lib)
    handle = x.register_hook(lambda g: g * 100)
    kept = x.register_hook(lambda g: g + 1)
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3, 3, 3]
    kept.remove()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [5, 5, 5]


@both
def test_hooks_act_on_grad_too(lib):
    x = leaf(lib)
    y = x * 2
    y.register_hook(lambda g: g * 3)
    assert grad(lib, y.sum(), x, retain_graph=True)[0].tolist() == [6, 6, 6]
    assert grad(lib, y.sum(), y)[0].tolist() == [3, 3, 3]


@both
@pytest.mark.filterwarnings("ignore:`grad_variables` is deprecated:FutureWarning")
def test_the_older_arguments_of_grad(lib):
    x = leaf(lib)
    options = {"create_graph": True, "retain_graph": True, "only_inputs": True}
    (g,) = grad(lib, (x**3).sum(), x, **options)  # as scripts for gradient penalties write it
    assert grad(lib, g.sum(), [x, leaf(lib)], None, False, False, True, True)[0].tolist() == [6, 12, 18]
    y = x * x
    lib.autograd.backward([y], None, False, False, [lib.tensor([1.0, 2.0, 3.0])])
    assert x.grad.tolist() == [2, 8, 18]


@both
def test_gradients_on_the_way_are_retained_whatever_is_asked_for(lib):
    x = leaf(lib)
    y = x * x
    y.retain_grad()
    lib.autograd.backward([y.sum(), (y * y).sum()], inputs=[x])
    assert x.grad.tolist() == [6, 36, 114] and y.grad.tolist() == [3, 9, 19]


BACKWARD = [lambda y: y.backward(), lambda y: autodiff.autograd.backward([y, y])]


@pytest.mark.parametrize("backward", BACKWARD, ids=["of one", "of several"])
def test_frozen_since_is_refused(backward):
    x = leaf(autodiff)
    y = (x * x).sum()
    x.requires_grad_(False)
    with pytest.raises(RuntimeError, match="its leaves were frozen since"):
        backward(y)


@both
def test_hooks_after_accumulation_find_the_gradient_in_place(lib):
    x, seen = leaf(lib), []
    handle = x.register_post_accumulate_grad_hook(lambda x: seen.append(x.grad.tolist()))
    (x * x).sum().backward()
    (x * 10 + x).sum().backward()
    (x * 2).sum().backward(inputs=[x])
    x.requires_grad_(False).requires_grad_()
    (x * 2).sum().backward()
    grad(lib, (x * x).sum(), x)
    x.grad = None
    lib.autograd.backward([(x * 5).sum(), x.sum()])
    handle.remove()
    (x * 2).sum().backward()
    assert seen == [[2, 4, 6], [13, 15, 17], [15, 17, 19], [17, 19, 21], [6, 6, 6]]


@both
def test_a_step_in_a_hook_after_accumulation(lib):
    x, w = leaf(lib), leaf(lib)

    def step(p):
        assert not lib.is_grad_enabled()
        p.sub_(0.5 * p.grad)
        p.grad = None

    for p in (x, w):
        p.register_post_accumulate_grad_hook(step)
    x.register_hook(lambda g: g * 2)  # comes before
    for _ in range(2):
        (x * x + w).sum().backward()
    assert (x.tolist(), w.tolist(), x.grad, w.grad) == ([1, 2, 3], [0, 1, 2], None, None)


@both
def test_hooks_after_accumulation_record_under_create_graph(lib):
    x, seen = leaf(lib), []
    x.register_post_accumulate_grad_hook(lambda x: seen.append((lib.is_grad_enabled(), x.grad.requires_grad)))
    (x * x * x).sum().backward(create_graph=True)
    assert seen == [(True, True)]
    x.grad = None


@both
def test_what_a_hook_computes_is_differentiated(lib):
    x = leaf(lib)
    y = x * 1
    y.register_hook(lambda g: g * x)
    (d,) = grad(lib, (y * y).sum(), x, create_graph=True)
    assert d.tolist() == [2, 8, 18]  # 2y x
    (e,) = grad(lib, d.sum(), x)
    assert e.tolist() == [4, 12, 24]  # 2y through x, and 2x through y, where the hook acts again: x 2x


@both
def test_retain_grad(lib):
    x = leaf(lib)
    y = x * 2
    y.retain_grad()
    z = y * y
    assert (y.retains_grad, z.retains_grad, x.retains_grad) == (True, False, False)
    z.sum().backward(retain_graph=True)
    assert y.grad.tolist() == [4, 8, 12]
    z.sum().backward()
    assert y.grad.tolist() == [8, 16, 24]
    x.retain_grad()  # of a leaf: nothing happens
    assert x.is_leaf


@both
def test_retained_grad_is_its_own_memory(lib):
    x = leaf(lib)
    y = x + 0
    y.retain_grad()
    y.sum().backward()
    y.grad.mul_(7)
    assert x.grad.tolist() == [1, 1, 1]


# modes ------------------------------------------------------------------------------------------------------


@both
def test_modes_as_contexts(lib):
    x = leaf(lib)
    assert lib.is_grad_enabled()
    with lib.no_grad():
        assert not lib.is_grad_enabled() and not (x * 2).requires_grad
        with lib.enable_grad():
            assert (x * 2).requires_grad
        with lib.set_grad_enabled(True):
            assert (x * 2).requires_grad
        assert not lib.is_grad_enabled()
        assert lib.ones(2, requires_grad=True).requires_grad
    with lib.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert lib.is_grad_enabled()


@both
def test_a_mode_ends_with_an_exception(lib):
    with pytest.raises(KeyError), lib.no_grad():
        raise KeyError
    assert lib.is_grad_enabled()


@both
def test_one_context_object_can_be_entered_again(lib):
    quiet = lib.no_grad()
    for _ in range(2):
        with quiet:
            assert not lib.is_grad_enabled()
        assert lib.is_grad_enabled()


@both
def test_set_grad_enabled_acts_at_once(lib):
    try:
        lib.set_grad_enabled(False)
        assert not lib.is_grad_enabled()
    finally:
        lib.set_grad_enabled(True)
    assert lib.is_grad_enabled()


@both
def test_modes_as_decorators_with_and_without_parentheses(lib):
    x = leaf(lib)

    @lib.no_grad()
    def with_parentheses(x, times=2):
        """Its docstring."""
        return x * times

    @lib.no_grad
    def without(x):
        return x * 2

    @lib.enable_grad()
    def recording(x):
        return x * 2

    @lib.enable_grad
    def recording_too(x):
        return x * 2

    @lib.set_grad_enabled(False)
    def switched(x):
        return x * 2

    assert lib.is_grad_enabled()
    assert [f(x).requires_grad for f in (with_parentheses, without, switched)] == [False] * 3
    assert with_parentheses.__name__ == "with_parentheses" and with_parentheses.__doc__ == "Its docstring."
    assert with_parentheses(x, times=3).tolist() == [3, 6, 9]
    with lib.no_grad():
        assert recording(x).requires_grad and recording_too(x).requires_grad
        assert not lib.is_grad_enabled()
    assert lib.is_grad_enabled()


@both
def test_a_decorated_function_may_call_itself(lib):
    @lib.no_grad()
    def down(n):
        assert not lib.is_grad_enabled()
        return down(n - 1) if n else 0

    down(3)
    assert lib.is_grad_enabled()


@both
def test_a_decorated_generator_switches_only_while_it_runs(lib):
    @lib.no_grad()
    def numbers():
        for k in range(3):
            assert not lib.is_grad_enabled()
            yield k

    for _ in numbers():
        assert lib.is_grad_enabled()


@both
def test_modes_of_another_thread(lib):
    seen = []
    with lib.no_grad():
        thread = threading.Thread(target=lambda: seen.append(lib.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


@both
def test_what_requires_grad(lib):
    x, y = leaf(lib), lib.ones(3)
    assert x.is_leaf and x.grad_fn is None and y.is_leaf
    z = x * y
    assert not z.is_leaf and z.requires_grad and "MulBackward0" in repr(z.grad_fn)
    d = z.detach()
    assert d.is_leaf and not d.requires_grad and d.grad_fn is None
    d[0] = 5  # it shares memory
    assert z[0].item() == 5
    assert not (x > 1).requires_grad
    assert y.requires_grad_() is y and y.requires_grad
    assert not y.requires_grad_(False).requires_grad
    assert not y.data.requires_grad


@both
def test_assigning_grad(lib):
    x = leaf(lib)
    x.grad = lib.ones(3)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3, 3, 3]
    del x.grad
    assert x.grad is None


# errors, in PyTorch's words ---------------------------------------------------------------------------------


def backward_twice(lib):
    loss = (leaf(lib) ** 2).sum()
    loss.backward()
    loss.backward()


def changed_in_place(lib):
    x = leaf(lib)
    y = x * 1
    z = y * y
    y += 1
    z.sum().backward()


def output_changed_in_place(lib):
    y = leaf(lib).exp()
    y[0] = 1
    z = y.tanh()
    z.mul_(2)
    z.sum().backward()


def in_place_on_a_leaf(lib):
    x = leaf(lib)
    x += 1


def in_place_on_a_view_of_a_leaf(lib):
    leaf(lib)[:2].mul_(3)


def grad_of_a_constant(lib):
    grad(lib, (leaf(lib) * 2).sum(), lib.ones(3))


def hook_without_grad(lib):
    lib.ones(2).register_hook(lambda g: g)


def hook_after_accumulation_without_grad(lib):
    lib.ones(2).register_post_accumulate_grad_hook(lambda x: None)


def hook_after_accumulation_of_a_result(lib):
    (leaf(lib) * 2).register_post_accumulate_grad_hook(lambda x: None)


def switch_off_an_intermediate(lib):
    (leaf(lib) * 2).requires_grad_(False)


def wrong_grad_shape(lib):
    x = leaf(lib)
    x.grad = lib.ones(2)


def wrong_grad_dtype(lib):
    x = leaf(lib)
    x.grad = lib.ones(3, dtype=lib.float64)


ERRORS = {
    "not a scalar": (
        lambda lib: (leaf(lib) * 2).backward(),
        RuntimeError,
        "grad can be implicitly created only for scalar outputs",
    ),
    "twice": (backward_twice, RuntimeError, "Trying to backward through the graph a second time"),
    "no grad": (
        lambda lib: lib.ones(1).backward(),
        RuntimeError,
        "element 0 of tensors does not require grad and does not have a grad_fn",
    ),
    "integers": (
        lambda lib: lib.tensor([1], requires_grad=True),
        RuntimeError,
        "Only Tensors of floating point and complex dtype can require gradients",
    ),
    "bools": (
        lambda lib: lib.tensor([True], requires_grad=True),
        RuntimeError,
        "Only Tensors of floating point and complex dtype can require gradients",
    ),
    "integers later": (
        lambda lib: lib.tensor([1]).requires_grad_(),
        RuntimeError,
        "[Oo]nly Tensors of floating point",
    ),
    "leaf in place": (
        in_place_on_a_leaf,
        RuntimeError,
        "a leaf Variable that requires grad is being used in an in-place operation",
    ),
    "view of a leaf in place": (
        in_place_on_a_view_of_a_leaf,
        RuntimeError,
        "a view of a leaf Variable that requires grad is being used in an in-place operation",
    ),
    "changed in place": (changed_in_place, RuntimeError, "modified by an inplace operation"),
    "output changed in place": (output_changed_in_place, RuntimeError, "modified by an inplace operation"),
    "numpy": (
        lambda lib: leaf(lib).numpy(),
        RuntimeError,
        r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach\(\).numpy\(\) instead",
    ),
    "asarray": (
        lambda lib: np.asarray(leaf(lib)),
        RuntimeError,
        r"Can't call numpy\(\) on Tensor that requires grad",
    ),
    "gradient's shape": (
        lambda lib: (leaf(lib) * 2).backward(lib.ones(2)),
        RuntimeError,
        "Mismatch in shape: grad_output",
    ),
    "gradient no tensor": (
        lambda lib: (leaf(lib) * 2).backward([1, 1, 1]),
        (TypeError, RuntimeError),
        "gradient",
    ),
    "empty inputs": (
        lambda lib: leaf(lib).sum().backward(inputs=[]),
        RuntimeError,
        r".inputs. argument to .backward",
    ),
    "grad of a constant": (
        grad_of_a_constant,
        RuntimeError,
        "One of the differentiated Tensors does not require grad",
    ),
    "hook": (
        hook_without_grad,
        RuntimeError,
        "cannot register a hook on a tensor that doesn't require gradient",
    ),
    "hook after accumulation": (
        hook_after_accumulation_without_grad,
        RuntimeError,
        "cannot register a hook on a tensor that doesn't require gradient",
    ),
    "hook after accumulation, of a result": (
        hook_after_accumulation_of_a_result,
        RuntimeError,
        "post accumulate grad hooks cannot be registered on non-leaf tensors",
    ),
    "a word in a tensor": (
        lambda lib: "a" in lib.ones(2),
        RuntimeError,
        "Tensor.__contains__ only supports Tensor or scalar, but you passed in a <class 'str'>.",
    ),
    "retain": (
        lambda lib: lib.ones(2).retain_grad(),
        RuntimeError,
        "can't retain_grad on Tensor that has requires_grad=False",
    ),
    "intermediate off": (
        switch_off_an_intermediate,
        RuntimeError,
        "you can only change requires_grad flags of leaf variables",
    ),
    "grad's shape": (
        wrong_grad_shape,
        RuntimeError,
        "attempting to assign a gradient of size '.2.' to a tensor of size",
    ),
    "grad's dtype": (wrong_grad_dtype, RuntimeError, "attempting to assign a gradient with dtype"),
    "grad's type": (
        lambda lib: setattr(leaf(lib), "grad", [1, 1, 1]),
        TypeError,
        "assigned grad expected to be a Tensor or None",
    ),
    "deepcopy": (
        lambda lib: copy.deepcopy(leaf(lib) * 2),
        RuntimeError,
        r"Only Tensors created explicitly by the user \(graph leaves\) support the deepcopy",
    ),
    "item": (
        lambda lib: leaf(lib).item(),
        RuntimeError,
        "a Tensor with 3 elements cannot be converted to Scalar",
    ),
    "float": (
        lambda lib: float(lib.ones(2)),
        ValueError,
        "only one element tensors can be converted to Python scalars",
    ),
    "bool": (
        lambda lib: bool(lib.ones(2)),
        RuntimeError,
        "Boolean value of Tensor with more than one value is ambiguous",
    ),
    "bool of nothing": (
        lambda lib: bool(lib.ones(0)),
        RuntimeError,
        "Boolean value of Tensor with no values? is ambiguous",
    ),
    "len": (lambda lib: len(lib.tensor(1.0)), TypeError, "len\\(\\) of a 0-d tensor"),
    "iter": (lambda lib: list(lib.tensor(1.0)), TypeError, "iteration over a 0-d tensor"),
    "index": (
        lambda lib: [1, 2][lib.tensor(1.0)],
        TypeError,
        "only integer tensors of a single element can be converted to an index",
    ),
}


@both
@pytest.mark.parametrize(("program", "kind", "phrase"), ERRORS.values(), ids=ERRORS)
def test_errors_in_the_words_that_users_search_for(lib, program, kind, phrase):
    with pytest.raises(kind, match=phrase):
        program(lib)


# Python's and NumPy's protocols -----------------------------------------------------------------------------


@both
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
def test_numbers_and_strings(lib):
    x = lib.tensor(2.5, requires_grad=True)
    assert (float(x), int(x), bool(x), f"{x:.4f}", f"{x.item()}") == (2.5, 2, True, "2.5000", "2.5")
    assert not bool(lib.tensor([0.0])) and float(lib.tensor([[3.0]])) == 3
    assert [10, 20, 30][lib.tensor(2)] == 30
    assert f"{lib.tensor(7)}" == "7" or "tensor" in f"{lib.tensor(7)}"
    assert math.sqrt(lib.tensor(4.0)) == 2


@both
def test_a_tensor_is_not_none_and_not_a_word(lib):
    x = lib.ones(2)
    assert (x == None) is False and (x != None) is True  # noqa: E711  # what users write
    assert x != "mean" and "mean" not in ["sum", x]


@both
def test_as_a_sequence(lib):
    x = lib.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2
    first, second = x
    assert second.tolist() == [3, 4]
    (first * 10).sum().backward()
    assert x.grad.tolist() == [[10, 10], [0, 0]]
    assert 3.0 in x and 5.0 not in x
    assert [row.tolist() for row in reversed(lib.tensor([1, 2]))] == [2, 1]
    assert len({x, x, first}) == 2


@both
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_numpy_reads_tensors(lib):
    x = lib.tensor([1.0, 2.0])
    a = np.asarray(x)
    a[0] = 5
    assert x.tolist() == [5, 2]
    copied = np.array(x)
    copied[0] = 9
    assert x.tolist() == [5, 2]
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.asarray(lib.tensor([1, 2])).dtype == np.int64
    assert np.allclose(lib.ones(2).tolist(), x.numpy() / x.numpy())


def test_numpy_functions_are_differentiated():
    x = leaf(autodiff)
    z = np.exp(x) * np.sin(x) + np.square(x) if hasattr(autodiff, "square") else np.exp(x) * np.sin(x) + x**2
    assert isinstance(z, autodiff.Tensor)
    z.sum().backward()
    y = leaf(torch)
    (torch.exp(y) * torch.sin(y) + y**2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-6)
    for z in (
        np.multiply(np.ones(3, np.float32), x),
        np.float64(2) * x,
        np.ones(3, np.float32) * x,
        x * np.ones(3, np.float32),
    ):
        assert isinstance(z, autodiff.Tensor) and z.requires_grad and z.dtype == np.float32


@pytest.mark.parametrize(
    "function",
    [
        lambda x, mask, rows: autodiff.where(mask, x, 0.0),
        lambda x, mask, rows: x @ rows,
        lambda x, mask, rows: rows @ x,
        lambda x, mask, rows: x[mask],
        lambda x, mask, rows: x * rows[0],
    ],
)
def test_an_array_that_changes_before_backward_changes_nothing(function):
    mask, rows = np.array([True, False, True]), np.eye(3, dtype=np.float32)
    x, y = leaf(autodiff), leaf(autodiff)
    out = function(x, mask, rows).sum()
    function(y, mask.copy(), rows.copy()).sum().backward()
    mask[:], rows[:] = False, 9
    out.backward()
    assert x.grad.tolist() == y.grad.tolist()


def test_numpy_functions_that_we_lack_compute_on_data():
    x, sums = autodiff.tensor([1.0, 2.0, 6.0]), np.zeros(3)
    sums += x
    assert type(sums) is np.ndarray and sums.tolist() == [1, 2, 6]
    assert np.median(x) == 2 and np.allclose(x, [1, 2, 6]) and np.vstack([x, x]).shape == (2, 3)
    assert np.add.reduce(x) == 9
    for write in (lambda: np.add(sums, 1, out=x), lambda: np.copyto(x, sums), lambda: np.fill_diagonal(x, 0)):
        with pytest.raises((TypeError, ValueError)):
            write()
    assert x.tolist() == [1, 2, 6]


@pytest.mark.parametrize(
    "function",
    [
        *(np.linalg.svd, np.fft.fft, np.i0, np.add.reduce, np.frexp),
        lambda x: np.vstack([np.ones(3), x]),
        lambda x: np.add(np.ones(3), x, out=np.ones(3)),
    ],
)
def test_numpy_functions_that_we_lack_never_lose_the_gradient_silently(function):
    with pytest.raises((TypeError, RuntimeError)):
        function(leaf(autodiff))


@both
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles(lib, duplicate):
    x = leaf(lib)
    (x * x).sum().backward()
    twin = duplicate(x)
    assert type(twin) is type(x) and twin is not x
    assert twin.tolist() == [1, 2, 3] and twin.requires_grad and twin.is_leaf
    (twin * 3).sum().backward()
    if duplicate is not copy.copy:
        assert x.grad.tolist() == [2, 4, 6]
        with lib.no_grad():
            twin += 1
        assert x.tolist() == [1, 2, 3]


@both
def test_deepcopy_keeps_the_gradient_and_what_is_shared(lib):
    x = leaf(lib)
    (x * x).sum().backward()
    twin, again = copy.deepcopy([x, x])
    assert twin is again
    assert twin.grad.tolist() == [2, 4, 6] and twin.grad is not x.grad


@both
@pytest.mark.parametrize("values", [[1, 2], [True, False], [[1.5]], 2.5, []])
def test_copies_of_every_kind(lib, values):
    x = lib.tensor(values)
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.tolist() == values and twin.dtype == x.dtype and not twin.requires_grad


def test_subclasses_are_copied_as_what_they_are():
    class Weight(autodiff.Tensor):
        pass

    w = Weight([1.0])
    w.tag = "kept"
    twin = copy.deepcopy(w)
    assert type(twin) is Weight and twin.tolist() == [1] and twin.tag == "kept"
