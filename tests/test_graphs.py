"""Whole graphs: random ones against PyTorch, very deep ones, how they are freed, and threads.

A random program is a description that runs under either library. It shares nodes, repeats arguments (x * x,
x + x), leaves branches unused, detaches in the middle and has parts under no_grad.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
from autodiff.record import Record

from .against_torch import OURS, TORCHS, assert_same

# random programs --------------------------------------------------------------------------------------------

SHAPES = [(), (1,), (3,), (2, 3), (2, 1)]  # any two of them broadcast

STEPS = {  # how a step computes from the library and two nodes; values stay small, so that errors do too
    "add": lambda lib, x, y: x + y,
    "sub": lambda lib, x, y: x - y,
    "mul": lambda lib, x, y: lib.sin(x * y),
    "div": lambda lib, x, y: x / (2 + lib.cos(y)),
    "maximum": lambda lib, x, y: lib.maximum(x, y),
    "tanh": lambda lib, x, y: lib.tanh(x),
    "exp": lambda lib, x, y: lib.exp(-x * x),
    "square": lambda lib, x, y: lib.tanh(x**2),
    "relu": lambda lib, x, y: lib.relu(x),
    "sum": lambda lib, x, y: x.sum() / 8,
    "mean": lambda lib, x, y: x.mean(-1, keepdim=True) if x.ndim else x.mean(),
    "flip": lambda lib, x, y: x.reshape(-1)[:1] * y,
    "where": lambda lib, x, y: lib.where(x > y, x, y * 2),
    "clone": lambda lib, x, y: x.clone(),
    "detach": lambda lib, x, y: x.detach(),
}


class Step(NamedTuple):
    """One operation on two earlier nodes, recorded or not."""

    op: str
    first: int
    second: int
    recorded: bool


class Program(NamedTuple):
    """Leaves, of which some require grad, the steps that follow, and the nodes that are differentiated."""

    leaves: list[np.ndarray]
    required: list[bool]
    steps: list[Step]
    roots: list[int]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    required = [True, *draw(st.lists(st.booleans(), min_size=len(shapes) - 1, max_size=len(shapes) - 1))]
    count = draw(st.integers(1, 10))
    steps = []
    for nodes in range(len(shapes), len(shapes) + count):
        recent = st.integers(0, nodes - 1).map(lambda i, n=nodes: n - 1 - i)  # shrinks towards a chain
        first = draw(recent)
        second = draw(st.one_of(st.just(first), recent))
        steps.append(Step(draw(st.sampled_from(list(STEPS))), first, second, draw(st.integers(0, 7)) != 7))
    roots = draw(st.lists(st.integers(0, len(shapes) + count - 1), max_size=2))
    return Program(
        [rng.uniform(-1, 1, shape) for shape in shapes], required, steps, [len(shapes) + count - 1, *roots]
    )


def perform(program: Program, lib: Any, library: Any) -> tuple[list[Any], list[Any]]:
    """The leaves and all nodes (leaves first) of a program under one library."""
    leaves = [
        library.tensor(x).requires_grad_(need)
        for x, need in zip(program.leaves, program.required, strict=True)
    ]
    nodes = list(leaves)
    for step in program.steps:
        with lib.set_grad_enabled(step.recorded):
            nodes.append(STEPS[step.op](lib, nodes[step.first], nodes[step.second]))
    return leaves, nodes


def outcome(program: Program, lib: Any, library: Any) -> dict[str, np.ndarray]:
    """What two libraries must agree on: values, what requires grad, accumulated and second derivatives."""
    leaves, nodes = perform(program, lib, library)
    found = {f"node {i}": library.array(z) for i, z in enumerate(nodes)}
    found["requires grad"] = np.array([z.requires_grad for z in nodes])
    roots = [nodes[i] for i in program.roots if nodes[i].requires_grad]
    middle = [z for z in nodes[len(leaves) :] if z.requires_grad and not z.is_leaf][:1]
    for z in middle:
        z.retain_grad()
    for _ in range(2):  # the second call adds to what the first one left
        for root in roots:
            root.sum().backward(retain_graph=True)
    found |= gradients("accumulated", [*leaves, *middle], library)

    for x in [*leaves, *middle]:
        x.grad = None
    xs = [x for x in leaves if x.requires_grad]
    if roots:
        total = sum(root.sum() for root in roots)
        first = library.grad(total, xs, create_graph=True, allow_unused=True)
        found["used"] = np.array([d is not None for d in first])
        penalty = sum((d * d).sum() for d in first if d is not None) + total
        found["penalty"] = library.array(penalty)
        penalty.backward()
        found |= gradients("of the penalty", leaves, library)
    return found


def gradients(name: str, tensors: list[Any], library: Any) -> dict[str, np.ndarray]:
    """`.grad` of each tensor; an array of None has dtype object, which equals no number."""
    return {
        f"{name}, {i}": np.zeros((7, 7)) if x.grad is None else library.array(x.grad).copy()
        for i, x in enumerate(tensors)
    }


@settings(max_examples=settings().max_examples * 5)
@given(programs())
def test_random_graphs_agree_with_torch(program):
    assert_same(outcome(program, autodiff, OURS), outcome(program, torch, TORCHS), rtol=1e-9)


@given(programs())
def test_a_program_gives_the_same_bits_each_time(program):
    first, second = (outcome(program, autodiff, OURS) for _ in range(2))
    for name, expected in first.items():
        np.testing.assert_array_equal(second[name], expected)


@given(programs())
def test_random_graphs_are_freed_by_reference_counting(program):
    with no_collector():
        _, nodes = perform(program, autodiff, OURS)
        for root in {id(nodes[i]): nodes[i] for i in program.roots}.values():
            if root.requires_grad:
                root.sum().backward(retain_graph=True)
        watched = watch(nodes)
        del nodes, root, _
        assert still_alive(watched, program.leaves) == []
        assert unreachable() == []


@pytest.mark.parametrize("name", "gelu silu tanh sigmoid relu softmax mul matmul conv2d".split())
def test_backward_lets_go_of_what_only_the_rules_needed(name):
    x = autodiff.rand(1, 2, 40, 40, requires_grad=True)
    functions = {
        "softmax": lambda y: y.softmax(-1),
        "mul": lambda y: y * y,
        "matmul": lambda y: y @ y,
        "conv2d": lambda y: autodiff.conv2d(y, autodiff.rand(2, 2, 3, 3)),
        "gelu": autodiff.gelu,
        "silu": lambda y: y * y.sigmoid(),
    }
    with no_collector():
        loss = functions.get(name, lambda y: getattr(y, name)())(x * 2).sum()
        before = kept_bytes(loss, x)
        loss.backward()
        assert kept_bytes(loss, x) < 2000 < before


def kept_bytes(loss: autodiff.Tensor, leaf: autodiff.Tensor) -> int:
    """What the records of a graph keep in memory, but for the leaf's own."""
    waiting, arrays = [loss.record], {}
    while waiting:
        record = waiting.pop()
        waiting += [x for x in record.inputs if x is not None]
        for array in (record.value, *record.args):
            if isinstance(array, np.ndarray) and not np.may_share_memory(array, leaf.array):
                arrays[id(array)] = array.nbytes if 0 not in array.strides else 0
    return sum(arrays.values())


# shapes of graphs that have bitten others -------------------------------------------------------------------


@pytest.mark.parametrize("lib", [autodiff, torch])
def test_repeats_and_diamonds(lib):
    x = lib.tensor(3.0, requires_grad=True)
    y = x * x + x + x  # 2x + 2
    z = y * y - y  # (2y - 1)
    z.backward()
    assert x.grad.item() == (2 * 15 - 1) * 8


@pytest.mark.parametrize("uses", range(1, 5))
@pytest.mark.parametrize("leaf", [False, True])
@pytest.mark.parametrize("lib", [autodiff, torch])
def test_a_sum_of_cotangents_leaves_those_alone_that_others_wait_for(lib, leaf, uses):
    a, b, weight = (lib.tensor([1.0, 2.0, 3.0], requires_grad=need) for need in (True, True, False))
    y, w = (a, b) if leaf else (a * 2, b * 3)  # one array is the cotangent of both: y's is the first of a sum
    others = [y * (5 + i) for i in range(uses)]
    z = y + w
    (sum(others, z) * weight).sum().backward()
    assert a.grad.tolist() == [
        (1 if leaf else 2) * (1 + sum(5 + i for i in range(uses))) * i for i in (1, 2, 3)
    ]
    assert b.grad.tolist() == [(1 if leaf else 3) * i for i in (1, 2, 3)]


def test_a_wide_sum_of_one_leaf():
    x = autodiff.tensor(1.0, requires_grad=True)
    sum([x] * 1000).backward()
    assert x.grad.item() == 1000


def test_an_exponential_number_of_paths_costs_linear_time():
    x = z = autodiff.tensor(1.0, requires_grad=True, dtype=autodiff.float64)
    for _ in range(500):
        z = (z + z) * 0.5
    z.backward()
    assert x.grad.item() == 1


# depth ------------------------------------------------------------------------------------------------------


def chain(length: int) -> tuple[Any, Any]:
    x = z = autodiff.tensor(0.5, requires_grad=True, dtype=autodiff.float64)
    for _ in range(length):
        z = autodiff.sin(z) + x
    return x, z


def test_a_chain_of_100_000_operations():
    x, z = chain(50_000)
    z.backward()
    assert np.isfinite(x.grad.item())
    with no_collector():
        watched = weakref.ref(z.grad_fn.inputs[0].value)
        del z
        assert watched() is None  # freed at once, and without recursion


def test_a_deep_chain_is_differentiated_twice():
    x, z = chain(5_000)
    (first,) = autodiff.grad(z, x, create_graph=True)
    first.backward()
    y = torch.tensor(0.5, requires_grad=True, dtype=torch.float64)
    w = y
    for _ in range(5_000):
        w = torch.sin(w) + y
    (expected,) = torch.autograd.grad(w, y, create_graph=True)
    expected.backward()
    assert first.item() == pytest.approx(expected.item(), rel=1e-9)
    assert x.grad.item() == pytest.approx(y.grad.item(), rel=1e-9)


def test_time_is_linear_in_depth():
    def seconds(length: int) -> float:
        start = time.perf_counter()
        x, z = chain(length)
        z.backward()
        del x, z
        return time.perf_counter() - start

    with no_collector():
        short, long = (min(seconds(n) for _ in range(3)) for n in (5_000, 50_000))
    assert long < 30 * short  # 10 if linear, 100 if quadratic


# memory -----------------------------------------------------------------------------------------------------


@contextmanager
def no_collector() -> Iterator[None]:
    """A block without Python's garbage collector: what is freed in it was freed by reference counting."""
    gc.disable()
    gc.freeze()  # what is there already is none of our business, and looking at it takes long
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def watch(tensors: Any) -> list[weakref.ref[Any]]:
    """Weak references to the tensors and to the arrays of all records behind them; but for what is hollow."""
    found = []
    seen = set()
    stack = [x.record for x in tensors if x.record is not None]
    while stack:
        record = stack.pop()
        if record.birth not in seen:
            seen.add(record.birth)
            if record.value.ndim == 0 or any(record.value.strides):
                found.append(weakref.ref(record.value))
            stack.extend(x for x in record.inputs if x is not None)
    return found + [weakref.ref(x) for x in tensors]


def still_alive(watched: list[weakref.ref[Any]], kept: list[Any]) -> list[Any]:
    """What has not been freed, but for what the test itself holds."""
    things = [ref() for ref in watched]
    return [thing for thing in things if thing is not None and not any(thing is x for x in kept)]


def unreachable() -> list[Any]:
    """What of ours only the garbage collector could free: reference cycles."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [thing for thing in gc.garbage if isinstance(thing, autodiff.Tensor | Record)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def forward_only(x):
    return x.tanh().sum()


def after_backward(x):
    loss = x.tanh().sum()
    loss.backward()
    return loss


def with_retained_graph(x):
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    return loss


def with_graph_of_the_gradient(x):
    loss = (x * x * x).sum()
    loss.backward(create_graph=True)
    return loss


def with_second_derivative(x):
    loss = (x * x * x).sum()
    (d,) = autodiff.grad(loss, x, create_graph=True)
    d.sum().backward()
    return d


def with_retained_grad_and_hook(x):
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    loss = (y * y).sum()
    loss.backward()
    return loss


def with_views_written_in_place(x):
    y = x * 1
    y[:2] += 1
    y.reshape(-1)[0] = 3
    loss = (y * y).sum()
    loss.backward()
    return loss


def after_an_error(x):
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(RuntimeError):
        loss.backward()
    return loss


@pytest.mark.parametrize(
    "program",
    [
        forward_only,
        after_backward,
        with_retained_graph,
        with_graph_of_the_gradient,
        with_second_derivative,
        with_retained_grad_and_hook,
        with_views_written_in_place,
        after_an_error,
    ],
    ids=lambda program: program.__name__,
)
def test_graphs_die_with_their_last_reference(program):
    x = autodiff.Tensor(np.arange(100.0)).requires_grad_()
    with no_collector():
        loss = program(x)
        watched = watch([loss])
        assert sum(ref() is not None for ref in watched) > 1
        keep = x.array
        del x, loss
        assert still_alive(watched, [keep]) == []
        assert unreachable() == []


def test_backward_lets_go_of_large_values():
    x = autodiff.Tensor(np.ones(1000)).requires_grad_()
    y = x.tanh()
    value = weakref.ref(y.array)
    loss = (y * y).sum()
    del y
    loss.backward()
    assert value() is None
    assert x.grad.shape == (1000,)


def test_memory_does_not_grow_from_step_to_step():
    import tracemalloc

    w = autodiff.Tensor(np.ones((50, 50), np.float32)).requires_grad_()

    def step() -> None:
        (w.tanh() * w).sum().backward()
        w.grad = None

    with no_collector():
        for _ in range(3000):  # fills Python's free lists, which keep up to 2000 tuples of each length
            step()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            step()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert after - before < 20_000  # less than two of the matrices


# threads ----------------------------------------------------------------------------------------------------


def test_independent_graphs_in_threads():
    def work(k: int) -> float:
        x = autodiff.tensor(float(k), requires_grad=True, dtype=autodiff.float64)
        for _ in range(50):
            z = x
            for _ in range(20):
                z = autodiff.sin(z) + x
            x.grad = None
            z.backward()
        return x.grad.item()

    alone = [work(k) for k in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == alone


def test_one_leaf_in_graphs_of_several_threads():
    x = autodiff.tensor(2.0, requires_grad=True, dtype=autodiff.float64)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: autodiff.grad(x**3 * k, x)[0].item(), range(200)))
    assert found == [12.0 * k for k in range(200)]


def test_each_thread_has_its_own_grad_mode():
    inside, checked = threading.Event(), threading.Event()
    seen = []

    def other() -> None:
        inside.wait(5)
        seen.append(autodiff.is_grad_enabled())
        seen.append((autodiff.ones(1, requires_grad=True) * 2).requires_grad)
        autodiff.set_grad_enabled(False)
        checked.set()

    thread = threading.Thread(target=other)
    thread.start()
    with autodiff.no_grad():
        inside.set()
        checked.wait(5)
    thread.join()
    assert seen == [True, True]
    assert autodiff.is_grad_enabled()


def test_one_decorated_function_in_several_threads():
    @autodiff.no_grad()
    def quiet(x: Any, barrier: threading.Barrier) -> bool:
        barrier.wait(5)
        return (x * 2).requires_grad

    x, barrier = autodiff.ones(1, requires_grad=True), threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        assert (
            list(pool.map(lambda _: (quiet(x, barrier), autodiff.is_grad_enabled()), range(4)))
            == [(False, True)] * 4
        )
