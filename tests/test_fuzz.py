"""Programs made at random of the public API, run under both libraries: after every line equal, or we raise.

A line makes a tensor, looks at one (a view), computes, changes in place, switches recording, registers or
removes a hook, retains a gradient, detaches, freezes, runs backward or `grad`, sets, takes or clears a
gradient, takes a step of an optimizer, or forgets a tensor. After each line all values, dtypes, gradients and
flags are compared, and what the hooks have seen. Where PyTorch raises, so do we, with the same kind of error;
where only one does, the program ends.

`HYPOTHESIS_PROFILE=exhaustive` tries 2000 programs; `python -m tests.test_fuzz 10` goes on for ten minutes.
"""

from __future__ import annotations

import collections
import copy
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import autodiff
import nn

SHAPES = [(), (1,), (3,), (2, 3), (3, 3), (1, 3), (2, 1, 3)]
MOST = 14  # tensors at a time
FLOAT32 = "make float32"  # from here on, the two round differently
tried: collections.Counter[str] = collections.Counter()

COMPUTE: dict[str, Callable[..., Any]] = {  # of the library, two tensors, a small number; values stay bounded
    "add": lambda lib, x, y, k: x + y,
    "sub": lambda lib, x, y, k: x - 0.5 * y,
    "mul": lambda lib, x, y, k: lib.sin(x * y),
    "div": lambda lib, x, y, k: x / (2 + lib.cos(y)),
    "matmul": lambda lib, x, y, k: lib.tanh(x @ y),
    "maximum": lambda lib, x, y, k: lib.maximum(x, y),
    "where": lambda lib, x, y, k: lib.where(x > y, x, y),
    "cat": lambda lib, x, y, k: lib.cat([x, y])[-3:],
    "stack": lambda lib, x, y, k: lib.stack([x, y]).sum(k % 2),
    "tanh": lambda lib, x, y, k: x.tanh(),
    "sigmoid": lambda lib, x, y, k: lib.sigmoid(x),
    "relu": lambda lib, x, y, k: x.relu(),
    "exp": lambda lib, x, y, k: (-x * x).exp(),
    "abs": lambda lib, x, y, k: abs(x),
    "power": lambda lib, x, y, k: x.tanh() ** (k + 1),
    "softmax": lambda lib, x, y, k: lib.softmax(x, -1),
    "sum": lambda lib, x, y, k: x.sum() / 4,
    "sum of one": lambda lib, x, y, k: x.sum(k, keepdim=True) / 2,
    "mean": lambda lib, x, y, k: x.mean(-1),
    "amax": lambda lib, x, y, k: x.amax(k),
    "cumsum": lambda lib, x, y, k: x.cumsum(-1) / 2,
    "gather": lambda lib, x, y, k: x[lib.tensor([0, k, 0])],
    "mask": lambda lib, x, y, k: x[x > 0].sum(),
    "clone": lambda lib, x, y, k: x.clone(),
    "float": lambda lib, x, y, k: x.float(),
    "double": lambda lib, x, y, k: x.double(),
    "number": lambda lib, x, y, k: x * x.sum().item() / 8,
    "long": lambda lib, x, y, k: (3 * x).long(),
    "type_as": lambda lib, x, y, k: x.type_as(y),
    "linear": lambda lib, x, y, k: layers(lib).functional.linear(x, y).tanh(),
    "mse": lambda lib, x, y, k: layers(lib).functional.mse_loss(x, x.detach() + k),
    "parameter": lambda lib, x, y, k: layers(lib).Parameter(x.detach().clone()),
    "deepcopy": lambda lib, x, y, k: copy.deepcopy(x),
    "flip": lambda lib, x, y, k: x.flip(0) + k,
    "contiguous": lambda lib, x, y, k: x.contiguous() * 1,
    "prod": lambda lib, x, y, k: x.prod(-1),
    "max": lambda lib, x, y, k: x.max(0)[0],
    "var": lambda lib, x, y, k: x.var(0, correction=0),
    "clamp": lambda lib, x, y, k: x.clamp(-0.5, 0.25),
    "recorded again": lambda lib, x, y, k: recorded_again(lib, x, y),
}


def layers(lib: Any) -> Any:
    return nn if lib is autodiff else lib.nn


def recorded_again(lib: Any, x: Any, y: Any) -> Any:
    """Recording switched off, on, and off again; the switches are as they were at the end."""
    with lib.no_grad():
        unseen = x * 2
        with lib.enable_grad():
            seen = lib.tanh(x + y)
        seen.add_(unseen * 0.25)
    return seen


VIEWS: dict[str, Callable[..., Any]] = {
    "row": lambda x, k: x[k],
    "slice": lambda x, k: x[k:],
    "step": lambda x, k: x[::2],
    "column": lambda x, k: x[..., k],
    "new axis": lambda x, k: x[None, ..., k : k + 1],
    "t": lambda x, k: x.t(),
    "mT": lambda x, k: x.mT,
    "flat": lambda x, k: x.reshape(-1),
    "view": lambda x, k: x.view(3, -1),
    "transpose": lambda x, k: x.transpose(0, -1),
    "expand": lambda x, k: x.expand(2, *x.shape),
    "unsqueeze": lambda x, k: x.unsqueeze(k),
    "squeeze": lambda x, k: x.squeeze(),
    "narrow": lambda x, k: x.narrow(-1, k, 1),
    "unbind": lambda x, k: x.unbind(0)[-1],
    "diagonal": lambda x, k: x.diagonal(),
    "detach": lambda x, k: x.detach(),
    "data": lambda x, k: x.data,
    "split": lambda x, k: x.split(2, -1)[0],
    "chunk": lambda x, k: x.chunk(2)[-1],
    "flatten": lambda x, k: x.flatten(),
    "permute": lambda x, k: x.permute(*range(x.ndim)[::-1]),
    "view of two": lambda x, k: x[k:].t(),
    "movedim": lambda x, k: x.movedim(0, -1),
    "expand as": lambda x, k: x[:1].expand_as(x),
    "gradient": lambda x, k: x.grad if x.grad is not None else x.detach(),
}


def put(x: Any, y: Any, k: int) -> None:
    x[k] = y.clone()


def put_where(x: Any, y: Any, k: int) -> None:
    x[x > 0.25 * k] = 0.5


def raise_part(x: Any, y: Any, k: int) -> None:
    x[..., k:] += 0.25


def put_in_view(x: Any, y: Any, k: int) -> None:
    x[k:].t()[..., 0] = y.clone().sum() / 4


def set_data(x: Any, y: Any, k: int) -> None:
    x.data = y.detach().clone().reshape(x.shape)


def set_grad(x: Any, y: Any, k: int) -> None:
    x.grad = y.detach().clone()


CHANGES: dict[str, Callable[..., Any]] = {  # an operand that shares memory with x is cloned: torch reads
    "add_": lambda x, y, k: x.add_(y.clone()),  # what it has just written
    "mul_": lambda x, y, k: x.mul_(y.clone().tanh()),
    "by itself": lambda x, y, k: x.mul_(x),
    "sub_": lambda x, y, k: x.sub_(y.clone(), alpha=0.5),
    "tanh_": lambda x, y, k: x.tanh_(),
    "sigmoid_": lambda x, y, k: x.sigmoid_(),
    "relu_": lambda x, y, k: x.relu_(),
    "clamp_": lambda x, y, k: x.clamp_(-0.5, 0.5),
    "zero_": lambda x, y, k: x.zero_(),
    "fill_": lambda x, y, k: x.fill_(0.5 * k),
    "copy_": lambda x, y, k: x.copy_(y.clone()),
    "lerp_": lambda x, y, k: x.lerp_(y.clone(), 0.25),
    "put": put,
    "put where": put_where,
    "raise part": raise_part,
    "detach_": lambda x, y, k: x.detach_(),
    "put in a view": put_in_view,
    "exp_": lambda x, y, k: x.exp_().clamp_(0, 1),
    "div_": lambda x, y, k: x.div_(2 + y.clone().cos()),
    "masked_fill_": lambda x, y, k: x.masked_fill_(y.clone() > 0, 0.25),
    "two at once": lambda x, y, k: x.mul_(0.5).add_(0.125),
    "t_": lambda x, y, k: x.t_(),
    "unsqueeze_": lambda x, y, k: x.unsqueeze_(0) if x.ndim < 3 else x.squeeze_(0),
    "set data": set_data,
    "set grad": set_grad,
    "grad to zero": lambda x, y, k: None if x.grad is None else x.grad.zero_(),
    "grad by two": lambda x, y, k: None if x.grad is None else x.grad.mul_(2),
}
RECORDED = ("t_", "unsqueeze_")  # under no_grad PyTorch keeps a history of the old shape, and errs
HOOKS: dict[str, Callable[..., Any]] = {
    "look": lambda g: None,
    "double": lambda g: g * 2,
    "shrink": lambda g: g.tanh(),
}

numbers = st.integers(0, 2)
tensors = st.integers(0, MOST - 1)
mostly = st.sampled_from([True] * 6 + [False])


class Programs(RuleBasedStateMachine):
    """Two machines with the same tensors: ours, and PyTorch's."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[Any, Any]] = []
        self.handles: list[tuple[Any, Any]] = []
        self.seen: tuple[list[Any], list[Any]] = ([], [])  # by hooks
        self.alive = True
        self.lines: list[str] = []
        tried["programs"] += 1

    @initialize(seed=st.integers(0, 99))
    def start(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.create(rng.uniform(-1, 1, (2, 3)), True)
        self.create(rng.uniform(-1, 1, (3, 3)), False)

    # what both do -------------------------------------------------------------------------------------------

    def create(self, array: np.ndarray, required: bool) -> None:
        self.pairs.append(
            (
                autodiff.tensor(array, requires_grad=required),
                torch.tensor(array, requires_grad=required),
            )
        )

    def pick(self, i: int) -> tuple[Any, Any]:
        return self.pairs[-1 - i % len(self.pairs)]

    def both(
        self, what: str, action: Callable[..., Any], *pairs: tuple[Any, Any], enabled: bool = True
    ) -> Any:
        """Do it under both; both results, or None if both refuse; a program that only one refuses ends."""
        self.lines.append(what)
        if what.startswith(("float of", "long of")):
            self.lines.append(FLOAT32)
        tried["lines"] += 1
        results = []
        for which, lib in enumerate((autodiff, torch)):
            before = lib.is_grad_enabled()
            with lib.set_grad_enabled(enabled and before), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    results.append(action(lib, *(pair[which] for pair in pairs)))
                except Exception as error:
                    results.append(error)
        ours, theirs = results
        failed = [isinstance(result, Exception) for result in results]
        if all(failed):
            tried["both refuse"] += 1
            if "modified inplace" not in str(theirs):  # of a view, which PyTorch sees first, we last
                assert kind(ours) & kind(theirs), (what, ours, theirs)
            return None
        if failed[0]:
            tried["only we refuse"] += 1
            tried[f"only we: {what.split(' of ')[0]}: {str(ours)[:60]}"] += 1
            assert isinstance(ours, (RuntimeError, IndexError, ValueError, NotImplementedError, TypeError)), (
                ours
            )
            self.alive = False
            return None
        if failed[1]:
            tried["only torch refuses"] += 1
            tried[f"only torch: {what.split(' of ')[0]}: {str(theirs)[:60]}"] += 1
            self.alive = False
            return None
        return ours, theirs

    def keep(self, results: Any) -> None:
        if results is not None:
            self.pairs.append(results)
            del self.pairs[:-MOST]

    # the lines of a program ---------------------------------------------------------------------------------

    @precondition(lambda self: self.alive)
    @rule(
        seed=st.integers(0, 99), shape=st.sampled_from(SHAPES), required=st.booleans(), single=st.booleans()
    )
    def make(self, seed: int, shape: tuple[int, ...], required: bool, single: bool) -> None:
        array = np.random.default_rng(seed).uniform(-1, 1, shape)
        self.lines.append(FLOAT32 if single and seed % 3 == 0 else "make")
        self.create(array.astype(np.float32) if single and seed % 3 == 0 else array, required)

    @precondition(lambda self: self.alive)
    @rule(name=st.sampled_from(list(COMPUTE)), i=tensors, j=tensors, k=numbers, enabled=mostly)
    def compute(self, name: str, i: int, j: int, k: int, enabled: bool) -> None:
        self.keep(
            self.both(
                f"{name} of {i} {j} {k}",
                lambda lib, x, y: COMPUTE[name](lib, x, y, k),
                self.pick(i),
                self.pick(j),
                enabled=enabled,
            )
        )

    @precondition(lambda self: self.alive)
    @rule(name=st.sampled_from(list(VIEWS)), i=tensors, k=numbers, enabled=mostly)
    def look(self, name: str, i: int, k: int, enabled: bool) -> None:
        x = self.pick(i)
        found = self.both(f"{name} of {i} {k}", lambda lib, x: VIEWS[name](x, k), x, enabled=enabled)
        if found is not None and shared(found[0].array, x[0].array) != shared_by_torch(found[1], x[1]):
            # of operands in two orders NumPy's result has rows first, PyTorch's the order of the first one
            tried["a view here, a copy there"] += 1
            self.alive = False
            return
        self.keep(found)

    @precondition(lambda self: self.alive)
    @rule(name=st.sampled_from(list(CHANGES)), i=tensors, j=tensors, k=numbers, enabled=mostly)
    def change(self, name: str, i: int, j: int, k: int, enabled: bool) -> None:
        x = self.pick(i)[1]
        if name in RECORDED and (
            flags_of(x) is None
            or (x.is_leaf and x.grad is not None)
            or x.retains_grad
            or any(other._base is x for _, other in self.pairs)
        ):
            return  # there PyTorch forgets which views are leaves, or adds gradients of two shapes
        if name == "set data" and (x._is_view() or any(other._base is x for _, other in self.pairs)):
            return  # to PyTorch they are views of each other still, of memory that they do not share
        self.both(
            f"{name} of {i} {j} {k}",
            lambda lib, x, y: CHANGES[name](x, y, k),
            self.pick(i),
            self.pick(j),
            enabled=enabled or name in RECORDED,
        )

    @precondition(lambda self: self.alive)
    @rule(i=tensors, retain=st.booleans(), graph=st.sampled_from([False] * 5 + [True]))
    def backward(self, i: int, retain: bool, graph: bool) -> None:
        def action(lib: Any, x: Any) -> None:
            x.sum().backward(retain_graph=retain or graph, create_graph=graph)

        before = tried["both refuse"]
        self.both(f"backward of {i} {retain} {graph}", action, self.pick(i))
        if tried["both refuse"] > before and self.pick(i)[0].requires_grad:
            self.alive = False  # PyTorch may have added to some gradients already; we have not

    @precondition(lambda self: self.alive)
    @rule(i=tensors, j=tensors, graph=st.booleans(), unused=mostly)
    def gradient(self, i: int, j: int, graph: bool, unused: bool) -> None:
        def action(lib: Any, x: Any, y: Any) -> Any:
            grad = autodiff.grad if lib is autodiff else torch.autograd.grad
            return grad(x.sum(), y, retain_graph=True, create_graph=graph, allow_unused=unused)

        before = tried["both refuse"]
        found = self.both(f"grad of {i} {j} {graph} {unused}", action, self.pick(i), self.pick(j))
        if tried["both refuse"] > before and self.pick(i)[0].requires_grad:
            self.alive = False  # PyTorch may have added to what retains its gradient; we have not
        if found is not None:
            (ours,), (theirs,) = found
            assert (ours is None) == (theirs is None)
            if ours is not None:
                self.keep((ours.clone(), theirs.clone()))  # torch's may be one number, repeated

    @precondition(lambda self: self.alive)
    @rule(i=tensors)
    def retain_grad(self, i: int) -> None:
        self.both(f"retain_grad of {i}", lambda lib, x: x.retain_grad(), self.pick(i))

    @precondition(lambda self: self.alive)
    @rule(i=tensors, required=mostly)
    def require(self, i: int, required: bool) -> None:
        self.both(f"requires_grad_ of {i}", lambda lib, x: x.requires_grad_(required), self.pick(i))

    @precondition(lambda self: self.alive)
    @rule(i=tensors, name=st.sampled_from(list(HOOKS)))
    def hook(self, i: int, name: str) -> None:
        def action(lib: Any, x: Any) -> Any:
            seen = self.seen[lib is torch]

            def see(g: Any) -> Any:
                seen.append((name, np.array(g.detach().numpy())))
                return HOOKS[name](g)

            return x.register_hook(see)

        handles = self.both(f"hook of {i} {name}", action, self.pick(i))
        if handles is not None:
            self.handles.append(handles)

    @precondition(lambda self: self.alive and self.handles)
    @rule(i=st.integers(0, 3))
    def unhook(self, i: int) -> None:
        self.lines.append(f"unhook {i}")
        for handle in self.handles[i % len(self.handles)]:
            handle.remove()

    @precondition(lambda self: self.alive)
    @rule(i=tensors, j=tensors, graph=st.sampled_from([False] * 3 + [True]))
    def backward_to(self, i: int, j: int, graph: bool) -> None:
        def action(lib: Any, x: Any, y: Any) -> None:
            x.backward(lib.full_like(x, 0.5), retain_graph=True, create_graph=graph, inputs=[y])

        before = tried["both refuse"]
        self.both(f"backward of {i} to {j} {graph}", action, self.pick(i), self.pick(j))
        if tried["both refuse"] > before and self.pick(i)[0].requires_grad:
            self.alive = False

    @precondition(lambda self: self.alive)
    @rule(i=tensors, name=st.sampled_from(["SGD", "Adam"]))
    def step(self, i: int, name: str) -> None:
        if 0 in self.pick(i)[1].stride():
            return  # we refuse it at once, PyTorch when it takes the step

        def action(lib: Any, x: Any) -> None:
            optim = layers(lib).optim if lib is autodiff else torch.optim
            getattr(optim, name)([x], lr=0.125).step()

        self.both(f"step of {i} {name}", action, self.pick(i))

    @precondition(lambda self: self.alive)
    @rule(i=tensors)
    def clear(self, i: int) -> None:
        self.both(f"clear of {i}", lambda lib, x: setattr(x, "grad", None), self.pick(i))

    @precondition(lambda self: self.alive and len(self.pairs) > 2)
    @rule(i=tensors)
    def forget(self, i: int) -> None:
        self.lines.append(f"forget {i}")
        del self.pairs[-1 - i % len(self.pairs)]

    # what must hold -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.alive)
    @invariant()
    def same(self) -> None:
        if any(theirs.requires_grad and not theirs.is_floating_point() for _, theirs in self.pairs):
            tried["integers that require grad, says PyTorch"] += 1  # written into, through a view
            self.alive = False
            return
        flags = [(flags_of(ours), flags_of(theirs)) for ours, theirs in self.pairs]
        if any(None in pair and pair != (None, None) for pair in flags):
            tried["only one says what a view is"] += 1
            tried[f"only {'torch' if any(ours is None for ours, _ in flags) else 'we'} can say"] += 1
            self.alive = False
            return
        assert all(ours == theirs for ours, theirs in flags), (flags[::-1], self.lines)
        for i, (ours, theirs) in enumerate(reversed(self.pairs)):
            equal(ours, theirs, f"tensor {i}", self.lines)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's, about .grad of what is no leaf
                gradients = ours.grad, theirs.grad
            assert (gradients[0] is None) == (gradients[1] is None), (i, self.lines)
            if gradients[0] is not None:
                equal(*gradients, f"gradient {i}", self.lines)
        assert len(self.seen[0]) == len(self.seen[1]), self.lines
        for ours, theirs in zip(*map(in_order, self.seen), strict=True):
            assert ours[0] == theirs[0]
            close(ours[1], theirs[1], "what a hook saw", self.lines)

    @precondition(lambda self: not self.alive)
    @rule()
    def rest(self) -> None:
        """A program that has ended does nothing more."""

    def teardown(self) -> None:
        event("to its end" if self.alive else "one refused")
        tried["to the end"] += self.alive


def shared(x: np.ndarray, y: np.ndarray) -> bool:
    return x.size > 0 and np.may_share_memory(x, y)


def shared_by_torch(x: torch.Tensor, y: torch.Tensor) -> bool:
    return x.numel() > 0 and x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()


def flags_of(x: Any) -> tuple[bool, ...] | None:
    """What a tensor says of itself; None if it is a view of which it says that it cannot be used."""
    try:
        x.grad_fn  # noqa: B018  # looked at, it is brought up to date
        return x.requires_grad, x.is_leaf, x.retains_grad
    except RuntimeError:
        return None


def in_order(seen: list[Any]) -> list[Any]:
    """What the hooks saw; those of independent branches may run in any order."""
    return sorted(
        seen, key=lambda item: (item[0], item[1].shape, np.round(item[1].sum(dtype=float), 5).item())
    )


def equal(ours: Any, theirs: Any, what: str, lines: list[str]) -> None:
    close(ours.detach().numpy(), theirs.detach().numpy(force=True), what, lines)


def close(got: np.ndarray, expected: np.ndarray, what: str, lines: list[str]) -> None:
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), (what, lines)
    rtol = 1e-8 if got.dtype == np.float64 and FLOAT32 not in lines else 1e-3
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-3)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * scale, err_msg=f"{what} after {lines}")


def kind(error: Exception) -> set[type]:
    """What an error is, for those who catch it."""
    return {each for each in type(error).__mro__ if each not in (Exception, BaseException, object)}


def fuzz(programs: int, derandomize: bool) -> None:
    options: Any = {} if derandomize else {"database": None, "report_multiple_bugs": False}
    run_state_machine_as_test(
        Programs,
        settings=settings(
            max_examples=programs,
            stateful_step_count=20,
            derandomize=derandomize,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


def test_programs_do_the_same_as_in_pytorch() -> None:
    before = tried.copy()
    fuzz(settings().max_examples, settings().derandomize)
    found = tried - before
    assert found["to the end"] > 0.5 * found["programs"], found
    assert found["lines"] > 5 * found["programs"], found
    assert found["only we refuse"] + found["only torch refuses"] <= 0.1 * found["programs"], found


def main(minutes: float) -> None:
    """Go on for so long, with new programs each time; then print how many of what kind there were."""
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * minutes
    try:
        while time.monotonic() < end:
            fuzz(500, derandomize=False)
    finally:
        for name, count in tried.most_common(60):
            print(f"{count:8}  {name}")


if __name__ == "__main__":
    main(float(sys.argv[1]))
