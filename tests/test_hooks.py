"""Hooks of modules: the same program under both libraries sees and changes the same."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn

Program = Callable[[Any, Any], Any]  # of a library and its nn: plain values


def values(x: Any) -> Any:
    """Tensors as nested lists, in tuples and lists too."""
    if isinstance(x, tuple | list):
        return [values(part) for part in x]
    return x.detach().numpy().round(6).tolist() if hasattr(x, "detach") else x


def small(lib: Any, library: Any) -> tuple[Any, Any]:
    """A linear layer with known weights, and an input."""
    layer = library.Linear(2, 2)
    with lib.no_grad():
        layer.weight.copy_(lib.tensor([[1.0, 2.0], [3.0, 4.0]]))
        layer.bias.copy_(lib.tensor([0.5, -0.5]))
    return layer, lib.tensor([[1.0, -1.0]], requires_grad=True)


class Two:
    """Makes a module with two arguments, an option, and two results."""

    def __new__(cls, library: Any) -> Any:
        class Two(library.Module):  # type: ignore[misc]  # the base is a variable
            def forward(self, x: Any, y: Any, times: Any = 1, word: str = "") -> Any:
                return x * y, (x + y) * times

        return Two()


def after(lib: Any, library: Any) -> Any:
    """A forward hook sees arguments and result, and replaces the result; removed, it is silent."""
    layer, x = small(lib, library)
    seen: list[Any] = []

    def note(module: Any, args: Any, result: Any) -> Any:
        seen.append((module is layer, args, result))

    first = layer.register_forward_hook(note)
    second = layer.register_forward_hook(lambda m, args, result: result * 10)
    third = layer.register_forward_hook(note, prepend=True)
    results = [layer(x)]
    second.remove()
    results.append(layer(x))
    first.remove()
    third.remove()
    results.append(layer(x))
    return values(results), values(seen)


def before(lib: Any, library: Any) -> Any:
    """A forward pre-hook sees the arguments and replaces them, one by itself or all."""
    layer, x = small(lib, library)
    layer.register_forward_pre_hook(lambda m, args: args[0] + 1)
    layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,), prepend=True)
    layer.register_forward_pre_hook(lambda m, args: None)
    y = layer(x)
    y.sum().backward()
    return values([y, x.grad, layer.weight.grad])


def keywords(lib: Any, library: Any) -> Any:
    """Hooks that ask for the keyword arguments get them, and may replace them."""
    module = Two(library)
    seen: list[Any] = []
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, kwargs | {"times": 3}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, kwargs, result: seen.append(kwargs), with_kwargs=True)
    module.register_forward_hook(lambda m, args, result: result[1])
    return values(module(lib.tensor(2.0), y=lib.tensor(3.0), times=1)), values(seen[0]["times"])


def inside(lib: Any, library: Any) -> Any:
    """Hooks of the layers of a model fire, in the order of the calls; the direct forward fires none."""
    model = library.Sequential(library.Identity(), library.ReLU(), library.Flatten())
    seen: list[str] = []
    for module in model.modules():
        module.register_forward_hook(lambda m, args, result: seen.append(type(m).__name__))
    model(lib.ones(2, 2, 2))
    model[1].forward(lib.ones(2))
    return seen


def gradients(lib: Any, library: Any) -> Any:
    """A full backward hook sees the gradients of input and output, and replaces the input's."""
    layer, x = small(lib, library)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 100,))
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    layer.register_full_backward_pre_hook(lambda m, go: seen.append(go), prepend=True)
    (layer(x) * lib.tensor([[1.0, 10.0]])).sum().backward()
    return values([seen, x.grad, layer.weight.grad, layer.bias.grad])


def several(lib: Any, library: Any) -> Any:
    """Of several arguments and results all gradients come together; what has none is None."""
    module = Two(library)
    seen: list[Any] = []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2, gi[1] * 3, *gi[2:]))
    x, y = (lib.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [[3.0], [4.0]]))
    a, b = module(x, y, 5, "word")
    (a * 2 + b).sum().backward()
    return values([seen, x.grad, y.grad])


def one_result(lib: Any, library: Any) -> Any:
    """Where only one of the results is used, the other's gradient is 0."""
    module = Two(library)
    seen: list[Any] = []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x, y = (lib.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, 4.0]))
    module(x, y)[0].sum().backward()
    return values([seen, x.grad, y.grad])


def unused(lib: Any, library: Any) -> Any:
    """An argument that was not used has the gradient 0."""

    class First(library.Module):  # type: ignore[misc]  # the base is a variable
        def forward(self, x: Any, y: Any, data: Any) -> Any:
            return x * 2

    module = First()
    seen: list[Any] = []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x, y = (lib.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, 4.0]))
    module(x, y, lib.tensor([1.0])).sum().backward()
    return values([seen, x.grad, y.grad])


def many_calls(lib: Any, library: Any) -> Any:
    """Each call in a graph has gradients of its own, and each backward pass sees them."""
    layer, x = small(lib, library)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    loss = layer(layer(x)).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    return values([seen, x.grad])


def no_gradient(lib: Any, library: Any) -> Any:
    """Without gradients there is nothing to see, and nothing happens."""
    layer, x = small(lib, library)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    with lib.no_grad():
        y = layer(x)
    return values(y), seen


def data_only(lib: Any, library: Any) -> Any:
    """An input that requires no grad has gradient None; the hook still sees the output's."""
    layer, x = small(lib, library)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    layer(x.detach()).sum().backward()
    return values([seen, layer.weight.grad])


PROGRAMS = [
    after,
    before,
    keywords,
    inside,
    gradients,
    several,
    one_result,
    unused,
    many_calls,
    no_gradient,
    data_only,
]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_both_see_the_same(program: Program) -> None:
    assert program(autodiff, nn) == program(torch, torch.nn)


def too_few(lib: Any, library: Any) -> Any:
    module = Two(library)
    module.register_full_backward_hook(lambda m, gi, go: (gi[0],))
    x, y = (lib.tensor([v], requires_grad=True) for v in (1.0, 2.0))
    module(x, y)[0].sum().backward()


def too_few_results(lib: Any, library: Any) -> Any:
    module = Two(library)
    module.register_full_backward_pre_hook(lambda m, go: (go[0],))
    x, y = (lib.tensor([v], requires_grad=True) for v in (1.0, 2.0))
    module(x, y)[0].sum().backward()


def no_pair(lib: Any, library: Any) -> Any:
    layer, x = small(lib, library)
    layer.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    layer(x)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (too_few, "Backward hook returned an invalid number of grad_input, got 1, but expected 2"),
        (too_few_results, "invalid number of grad_output, got 1, but expected 2"),
        (no_pair, "forward pre-hook must return None or a tuple of (new_args, new_kwargs)"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_both_refuse(program: Program, words: str) -> None:
    for lib, library in ((autodiff, nn), (torch, torch.nn)):
        with pytest.raises(RuntimeError) as error:
            program(lib, library)
        assert words in str(error.value)


def test_second_derivatives_pass_a_gate() -> None:
    layer = nn.Sequential(nn.Linear(2, 3), nn.Tanh()).double()
    x = autodiff.tensor([[1.0, 2.0]], dtype=autodiff.float64, requires_grad=True)

    def penalty() -> Any:
        (g,) = autodiff.grad(layer(x).sum(), x, create_graph=True)
        return autodiff.grad((g * g).sum(), list(layer.parameters()))

    plain = penalty()
    handles = [layer.register_full_backward_hook(lambda m, gi, go: None)]
    for a, b in zip(plain, penalty(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)
    handles[0].remove()


SHOUT: list[str] = []


def shout(module: Any, args: Any, result: Any) -> None:
    SHOUT.append("called")


def test_a_copy_has_hooks_of_its_own() -> None:
    layer = nn.ReLU()
    handle = layer.register_forward_hook(shout)
    twin, thawed = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    handle.remove()
    SHOUT.clear()
    for module in (layer, twin, thawed):
        module(autodiff.ones(1))
    assert SHOUT == ["called"] * 2


def test_a_call_is_the_forward_itself_until_there_is_a_hook() -> None:
    code = (
        "import nn, pickle, sys\n"
        "layer = nn.ReLU()\n"
        "assert layer.__call__ == layer.forward\n"
        "layer.register_forward_hook(lambda *_: None).remove()\n"
        "assert layer.__call__ != layer.forward\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
