"""nn.utils against PyTorch: clipping, vectors, padding, computed weights; lists and dicts of parameters."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
import nn

from .against_torch import assert_like_torch
from .modules import assert_made_alike, assert_refuse_alike, assert_works_alike, made


def model(library: Any) -> Any:
    """A model with parameters of different shapes, one of them without a gradient."""
    return library.Sequential(library.Linear(3, 4), library.Tanh(), library.Linear(4, 2))


def trained(lib: Any, library: Any, scale: float = 1.0) -> Any:
    """The model with gradients of all parameters but the first."""
    lib.manual_seed(0)
    found = model(library)
    found[0].weight.requires_grad_(False)
    (found(lib.ones(5, 3)) * scale).sum().backward()
    return found


def gradients(module: Any) -> list[Any]:
    return [None if p.grad is None else p.grad.numpy() for p in module.parameters()]


def assert_alike(ours: Any, theirs: Any) -> None:
    for a, b in zip(gradients(ours), gradients(theirs), strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


@given(
    max_norm=st.sampled_from([0.0, 0.1, 1.0, 1e6]),
    norm_type=st.sampled_from([1, 2.0, 3, 0.5, float("inf"), "inf"]),
    scale=st.sampled_from([0.0, 1.0, 1e4]),
)
def test_clip_grad_norm(max_norm: float, norm_type: Any, scale: float) -> None:
    ours, theirs = trained(autodiff, nn, scale), trained(torch, torch.nn, scale)
    total = nn.utils.clip_grad_norm_(ours.parameters(), max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm, norm_type)
    assert total.dtype == expected.numpy().dtype and total.shape == tuple(expected.shape)
    np.testing.assert_allclose(total.item(), expected.item(), rtol=2e-6)
    assert_alike(ours, theirs)
    grads = [p.grad for p in ours.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(grads, norm_type).item()
    assert norm <= max_norm * (1 + 1e-5) or norm == total.item()


def test_clip_one_tensor_and_none() -> None:
    for lib, library in ((autodiff, nn), (torch, torch.nn)):
        layer = library.Linear(2, 1)
        assert library.utils.clip_grad_norm_(layer.weight, 1.0).item() == 0
        with pytest.warns(UserWarning, match="empty generator"):
            library.utils.clip_grad_norm_((p for p in ()), 1.0)
        layer.weight.grad = lib.tensor([[float("nan"), 1.0]])
        with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
            library.utils.clip_grad_norm_(layer.weight, 1.0, error_if_nonfinite=True)
        assert library.utils.clip_grad_norm_(layer.weight, 1.0).isnan()


def test_clip_grad_value() -> None:
    ours, theirs = trained(autodiff, nn), trained(torch, torch.nn)
    nn.utils.clip_grad_value_(ours.parameters(), 0.7)
    torch.nn.utils.clip_grad_value_(theirs.parameters(), 0.7)
    assert_alike(ours, theirs)
    assert max(np.abs(g).max() for g in gradients(ours) if g is not None) == np.float32(0.7)


def test_vector_of_parameters() -> None:
    for lib, library in ((autodiff, nn), (torch, torch.nn)):
        net = trained(lib, library)
        vector = library.utils.parameters_to_vector(net.parameters())
        assert tuple(vector.shape) == (4 * 3 + 4 + 2 * 4 + 2,)
        (vector * vector).sum().backward()
        np.testing.assert_allclose(
            net[2].bias.grad.numpy() - 5, 2 * net[2].bias.detach().numpy(), rtol=1e-5, atol=1e-6
        )
        values = lib.arange(26.0)
        library.utils.vector_to_parameters(values, net.parameters())
        assert net[2].bias.detach().numpy().tolist() == [24.0, 25.0]
        assert isinstance(net[2].bias, library.Parameter) and net[2].bias.requires_grad
        values[25] = 7.0  # the parameters share the vector's memory
        assert net[2].bias.detach().numpy().tolist() == [24.0, 7.0]
        with pytest.raises(TypeError, match="expected"):
            library.utils.vector_to_parameters([1.0], net.parameters())
        with pytest.raises(RuntimeError, match="invalid for input of size"):
            library.utils.vector_to_parameters(lib.arange(3.0), net.parameters())


@given(
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    rest=st.sampled_from([(), (2,), (2, 3)]),
    batch_first=st.booleans(),
    side=st.sampled_from(["right", "left"]),
    dtype=st.sampled_from(["float32", "float64", "int64"]),
)
def test_pad_sequence(lengths: list[int], rest: Any, batch_first: bool, side: str, dtype: str) -> None:
    arrays = [np.arange(n * np.prod(rest, dtype=int)).reshape(n, *rest).astype(dtype) for n in lengths]
    ours, theirs = (
        library.utils.rnn.pad_sequence([tensor(a) for a in arrays], batch_first, -1.0, side)
        for library, tensor in ((nn, autodiff.tensor), (torch.nn, torch.tensor))
    )
    assert ours.dtype == theirs.numpy().dtype and ours.shape == tuple(theirs.shape)
    assert (ours.numpy() == theirs.numpy()).all()
    if side == "right":
        back = nn.utils.rnn.unpad_sequence(ours, autodiff.tensor(lengths), batch_first)
        assert all((x.numpy() == a).all() for x, a in zip(back, arrays, strict=True))


def pad(*args: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda library: library.utils.rnn.pad_sequence(*args, **options)


@pytest.mark.parametrize("make", [pad(3), pad([]), pad([], padding_side="up")])
def test_pad_sequence_refuses(make: Callable[[Any], Any]) -> None:
    assert_refuse_alike(make, lambda module: module)


def test_padding_passes_the_gradient() -> None:
    x, y = (autodiff.ones(n, requires_grad=True) for n in (2, 3))
    (
        nn.utils.rnn.pad_sequence([x, y]) * autodiff.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    ).sum().backward()
    assert x.grad.tolist() == [1.0, 3.0] and y.grad.tolist() == [2.0, 4.0, 6.0]


# weights that are computed ----------------------------------------------------------------------------------


def old(library: Any, make: Callable[[Any], Any], **options: Any) -> Any:
    """The layer with the older weight normalization, which calls itself deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return library.utils.weight_norm(make(library), **options)


LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "linear": (lambda m: m.Linear(3, 2), (4, 3)),
    "conv": (lambda m: m.Conv1d(2, 3, 2), (4, 2, 5)),
}


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("new", [False, True])
def test_weight_norm(new: bool, make: Any, shape: tuple[int, ...], dim: int | None) -> None:
    def normed(library: Any) -> Any:
        if new:
            return library.utils.parametrizations.weight_norm(make(library), dim=dim)
        return old(library, make, dim=dim)

    ours, theirs = made(normed)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-6)
    x = np.random.default_rng(0).normal(size=shape)  # float32 lengths, made float64
    assert_works_alike(normed, lambda module, x: module(x), x, second=False, rtol=1e-6)


@pytest.mark.parametrize("dim", [0, 1, 2, None])
def test_second_derivatives_of_weight_norm(dim: int | None) -> None:
    """As of PyTorch's composition: those of its fused function are wrong for the first and the last dim."""
    rng = np.random.default_rng(0)
    v = rng.normal(size=(2, 3, 4))
    g = rng.uniform(1, 2, () if dim is None else [n if d == dim else 1 for d, n in enumerate(v.shape)])
    others = [d for d in range(3) if d != dim]
    norm = nn.utils.parametrizations._WeightNorm(dim)
    assert_like_torch(
        norm, lambda g, v: v * (g / (v * v).sum(others, keepdim=dim is not None).sqrt()), (g, v)
    )


def test_weight_norm_comes_and_goes() -> None:
    for library in (nn, torch.nn):
        layer = library.Linear(3, 2)
        before = layer.weight.detach().numpy().copy()
        with pytest.warns(FutureWarning, match="deprecated"):
            assert library.utils.weight_norm(layer) is layer
        with pytest.raises(RuntimeError, match="Cannot register two weight_norm hooks"):
            old(library, lambda _, layer=layer: layer)
        library.utils.remove_weight_norm(layer)
        np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-6)
        assert list(layer.state_dict()) == ["bias", "weight"] and layer.weight.is_leaf
        with pytest.raises(ValueError, match="weight_norm of 'weight' not found"):
            library.utils.remove_weight_norm(layer)


def symmetric(library: Any, sign: int = 1) -> Any:
    """A parametrization, with an inverse."""

    class Symmetric(library.Module):  # type: ignore[misc]  # the base is a variable
        def forward(self, x: Any) -> Any:
            return x.triu() + sign * x.triu(1).transpose(0, 1)

        def right_inverse(self, x: Any) -> Any:
            return x.triu()

    return Symmetric()


def parametrized(lib: Any, library: Any) -> Any:
    """What a parametrized layer has, does, and forgets, in plain values."""
    parametrize = library.utils.parametrize
    layer = library.Linear(2, 2)
    with lib.no_grad():
        layer.weight.copy_(lib.tensor([[1.0, 2.0], [3.0, 4.0]]))
    parametrize.register_parametrization(layer, "weight", symmetric(library))
    found = [repr(layer), sorted(layer.state_dict()), layer.weight.tolist()]
    (layer.weight * lib.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    found.append(layer.parametrizations.weight.original.grad.tolist())
    layer.weight = lib.tensor([[5.0, 6.0], [6.0, 7.0]])
    found += [layer.weight.tolist(), parametrize.is_parametrized(layer), isinstance(layer, library.Linear)]
    twin = copy.deepcopy(layer)
    parametrize.register_parametrization(layer, "weight", symmetric(library, -1))
    found += [layer.weight.tolist(), repr(layer)]
    parametrize.remove_parametrizations(layer, "weight")
    found += [layer.weight.tolist(), repr(layer), sorted(layer.state_dict()), type(layer) is library.Linear]
    if library is nn:  # a copy of PyTorch's shares the class, from which the property is gone
        parametrize.remove_parametrizations(twin, "weight", leave_parametrized=False)
        assert twin.weight.tolist() == [[5.0, 6.0], [0.0, 7.0]] and type(twin) is nn.Linear
    return found


def test_parametrization() -> None:
    assert parametrized(autodiff, nn) == parametrized(torch, torch.nn)


def test_parametrization_refuses() -> None:
    for library in (nn, torch.nn):
        parametrize = library.utils.parametrize
        with pytest.raises(ValueError, match="does not have a parameter, a buffer"):
            parametrize.register_parametrization(library.Linear(2, 2), "wight", symmetric(library))
        with pytest.raises(ValueError, match="does not have a parametrization on weight"):
            parametrize.remove_parametrizations(library.Linear(2, 2), "weight")
        with pytest.raises(ValueError, match="may not change the shape"):
            parametrize.register_parametrization(library.Linear(2, 2), "weight", library.Flatten(0))


# lists and dicts of parameters ------------------------------------------------------------------------------


def filled(lib: Any, library: Any) -> tuple[Any, Any]:
    """A list and a dict of parameters, changed in every way."""
    values = library.ParameterList([lib.zeros(2), library.Parameter(lib.ones(1, 3)), "word"])
    values.append(lib.tensor(3.0))
    values += [lib.zeros(2, 2)]
    values[-1] = lib.ones(4)
    named = library.ParameterDict({"a": lib.zeros(2), "b": lib.ones(1)})
    named["c"] = library.Parameter(lib.ones(2, 3))
    named.update([("d", lib.zeros(1)), ("a", lib.ones(2))])
    named.setdefault("e", lib.zeros(3))
    named.pop("b")
    return values, named


def test_lists_and_dicts_of_parameters() -> None:
    seen = []
    for lib, library in ((autodiff, nn), (torch, torch.nn)):
        values, named = filled(lib, library)
        seen.append(
            [[(name, p.tolist()) for name, p in m.named_parameters()] for m in (values, values[1:4], named)]
            + [repr(values), repr(named), len(values), list(named), list(reversed(named)), "b" in named]
            + [named.get("x", 1), len(named | library.ParameterDict({"z": lib.ones(1)})), values[2]]
        )
        named.clear()
        assert not len(named) and not list(named.parameters())
    assert seen[0] == seen[1]


REFUSED: dict[str, Callable[[Any], Any]] = {
    "index": lambda m: m.ParameterList()[0],
    "extend": lambda m: m.ParameterList().extend(3),
    "call": lambda m: m.ParameterList()(),
    "key": lambda m: m.ParameterDict()[3],
    "no such key": lambda m: m.ParameterDict().pop("x"),
    "number as a key": lambda m: m.ParameterDict({1: None}),
    "call of a dict": lambda m: m.ParameterDict()(1),
}


@pytest.mark.parametrize("make", [REFUSED[n] for n in REFUSED if n not in ("key", "no such key")])
def test_refused(make: Callable[[Any], Any]) -> None:
    assert_refuse_alike(make, lambda module: module)


@pytest.mark.parametrize("name", ["key", "no such key"])
def test_a_missing_key_is_a_key_error(name: str) -> None:
    with pytest.raises(KeyError):
        REFUSED[name](nn)


def test_models_of_containers_are_made_alike() -> None:
    def make(library: Any) -> Any:
        class Net(library.Module):  # type: ignore[misc]  # the base is a variable
            def __init__(self) -> None:
                super().__init__()
                self.weights = library.ParameterList([library.Linear(2, 2).weight for _ in range(2)])
                self.named = library.ParameterDict({"x": library.Linear(2, 1).bias})

        return Net()

    assert_made_alike(*made(make))


SPECTRAL = {**LAYERS, "transposed": (lambda m: m.ConvTranspose2d(2, 3, 2), (1, 2, 4, 4))}


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize(("make", "shape"), SPECTRAL.values(), ids=SPECTRAL)
@pytest.mark.parametrize("new", [False, True])
def test_spectral_norm(new: bool, make: Any, shape: tuple[int, ...], iterations: int) -> None:
    def normed(library: Any) -> Any:
        utils = library.utils.parametrizations if new else library.utils
        return utils.spectral_norm(make(library), n_power_iterations=iterations)

    ours, theirs = made(normed)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=shape)
    assert_works_alike(normed, lambda module, x: (module(x), module(x), module.eval()(x)), x, rtol=1e-6)


def test_spectral_norm_comes_and_goes() -> None:
    layer = nn.utils.spectral_norm(nn.Linear(3, 2), n_power_iterations=20)
    x = autodiff.ones(1, 3)
    before = layer(x)
    largest = autodiff.linalg.svdvals(layer.weight)[0].item()
    assert largest == pytest.approx(1, rel=1e-3)
    nn.utils.remove_spectral_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"] and autodiff.allclose(layer(x), before)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda m: m.utils.spectral_norm(m.Linear(2, 2), n_power_iterations=0), "to be positive, but got"),
        (lambda m: m.utils.spectral_norm(m.utils.spectral_norm(m.Linear(2, 2))), "Cannot register two"),
        (lambda m: m.utils.remove_spectral_norm(m.Linear(2, 2)), "spectral_norm of 'weight' not found in"),
        (lambda m: m.utils.spectral_norm(m.Linear(2, 2), "w"), "w"),
        (lambda m: m.utils.parametrizations.spectral_norm(m.Linear(2, 2), "w"), "has no parameter or buffer"),
        (lambda m: m.utils.parametrizations.spectral_norm(m.Linear(2, 2), dim=5), "Dimension out of range"),
    ],
)
def test_spectral_norm_refuses(make: Callable[[Any], Any], words: str) -> None:
    assert_refuse_alike(make, lambda module: module, words=words)
