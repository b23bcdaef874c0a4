"""Modules and layers against PyTorch: names, order, shapes, texts, results; what a failure leaves alone."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn

TENSOR = {nn: autodiff.tensor, torch.nn: torch.tensor}

Make = Callable[[Any], Any]  # of a library (nn or torch.nn) a module


def net(library: Any) -> Any:
    """A model with parameters, buffers, shared parts, and names given out of order."""

    class Block(library.Module):  # type: ignore[misc]  # the base is a variable
        def __init__(self) -> None:
            super().__init__()
            self.first = library.Linear(3, 4)
            self.register_buffer("scale", TENSOR[library]([2.0]))
            self.activation = library.Tanh()
            self.bias = library.Parameter(TENSOR[library]([0.5]))
            self.second = library.Linear(4, 3, bias=False)

    class Net(library.Module):  # type: ignore[misc]  # the base is a variable
        def __init__(self) -> None:
            super().__init__()
            self.layers = library.ModuleList([Block(), Block()])
            self.output = library.Sequential(library.Linear(3, 3), library.ReLU())
            self.tied = self.layers[0].first
            self.offset = library.Parameter(TENSOR[library]([1.0, 2.0]))
            self.register_buffer("count", TENSOR[library]([0.0]), persistent=False)
            self.register_parameter("missing", None)
            self.by_name = library.ModuleDict({"a": library.Identity(), "b": library.Dropout(0.3)})

    return Net()


MODULES: dict[str, Make] = {
    "net": net,
    "linear": lambda m: m.Linear(2, 3),
    "linear without bias": lambda m: m.Linear(2, 3, bias=False),
    "bilinear": lambda m: m.Bilinear(2, 3, 4),
    "sequential": lambda m: m.Sequential(m.Linear(2, 4), m.ReLU(), m.Linear(4, 1)),
    "named": lambda m: m.Sequential(OrderedDict([("hidden", m.Linear(2, 4)), ("act", m.Sigmoid())])),
    "empty": lambda m: m.Sequential(),
    "nested": lambda m: m.Sequential(m.Sequential(m.Linear(1, 1)), m.Sequential()),
    "list": lambda m: m.ModuleList([m.Linear(2, 2) for _ in range(3)] + [m.ReLU(), m.Linear(2, 2)]),
    "list of nested": lambda m: m.ModuleList([m.Sequential(m.Linear(1, 1), m.ReLU()) for _ in range(2)]),
    "dict": lambda m: m.ModuleDict([("x", m.Linear(1, 2)), ("y", m.Tanh())]),
    "embedding": lambda m: m.Embedding(5, 2),
    "embedding bag": lambda m: m.EmbeddingBag(5, 2, mode="sum", padding_idx=-1),
    "unpooling": lambda m: m.Sequential(m.MaxUnpool1d(2, 3, 1), m.MaxUnpool2d((2, 3))),
    "padded embedding": lambda m: m.Embedding(5, 2, padding_idx=-1),
    "dropout": lambda m: m.Dropout(0.2, inplace=True),
    "flatten": lambda m: m.Flatten(0, 1),
    "identity": lambda m: m.Identity(3, key=1),
    "slice": lambda m: m.Sequential(m.Linear(2, 4), m.ReLU(), m.Linear(4, 1))[1:],
    "shared": lambda m: m.Sequential(*[m.Linear(2, 2)] * 3),
    "module is None": lambda m: m.Sequential(None),
}

ACTIVATIONS: dict[str, Make] = {
    "ReLU": lambda m: m.ReLU(),
    "ReLU in place": lambda m: m.ReLU(inplace=True),
    "ReLU6": lambda m: m.ReLU6(),
    "LeakyReLU": lambda m: m.LeakyReLU(0.2),
    "LeakyReLU in place": lambda m: m.LeakyReLU(0.2, True),
    "RReLU": lambda m: m.RReLU(),
    "RReLU in place": lambda m: m.RReLU(0.1, 0.6, True),
    "ELU": lambda m: m.ELU(0.5),
    "ELU in place": lambda m: m.ELU(0.5, True),
    "SiLU": lambda m: m.SiLU(),
    "GELU": lambda m: m.GELU(),
    "GELU tanh": lambda m: m.GELU("tanh"),
    "Sigmoid": lambda m: m.Sigmoid(),
    "LogSigmoid": lambda m: m.LogSigmoid(),
    "Tanh": lambda m: m.Tanh(),
    "Tanhshrink": lambda m: m.Tanhshrink(),
    "Softplus": lambda m: m.Softplus(2.0, 1.5),
    "Softsign": lambda m: m.Softsign(),
    "Hardtanh in place": lambda m: m.Hardtanh(-0.5, 2.0, True),
    "Hardtanh": lambda m: m.Hardtanh(-0.5, 2.0),
    "SELU": lambda m: m.SELU(),
    "SELU in place": lambda m: m.SELU(True),
    "CELU": lambda m: m.CELU(0.5),
    "CELU in place": lambda m: m.CELU(0.5, True),
    "Mish": lambda m: m.Mish(),
    "Mish in place": lambda m: m.Mish(True),
    "Hardswish": lambda m: m.Hardswish(),
    "Hardswish in place": lambda m: m.Hardswish(True),
    "Threshold": lambda m: m.Threshold(0.5, -2.0),
    "Threshold in place": lambda m: m.Threshold(0.5, -2.0, True),
    "Hardshrink": lambda m: m.Hardshrink(1.0),
    "Softshrink": lambda m: m.Softshrink(1.0),
    "GLU": lambda m: m.GLU(),
    "GLU of rows": lambda m: m.GLU(1),
    "PReLU": lambda m: m.PReLU().double(),
    "PReLU of channels": lambda m: m.PReLU(4, init=0.5).double(),
    "Softmax": lambda m: m.Softmax(1),
    "Softmin": lambda m: m.Softmin(-1),
    "LogSoftmax": lambda m: m.LogSoftmax(0),
}


def both(make: Make) -> tuple[Any, Any]:
    autodiff.manual_seed(0)
    torch.manual_seed(0)
    return make(nn), make(torch.nn)


def shapes(named: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(tensor.shape)) for name, tensor in named]


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
def test_structure(make: Make) -> None:
    ours, theirs = both(make)
    for walk in ("named_parameters", "named_buffers"):
        assert shapes(getattr(ours, walk)()) == shapes(getattr(theirs, walk)())
        assert shapes(getattr(ours, walk)("p", False)) == shapes(getattr(theirs, walk)("p", False))
        assert shapes(getattr(ours, walk)(remove_duplicate=False)) == shapes(
            getattr(theirs, walk)(remove_duplicate=False)
        )
    for walk in ("named_modules", "named_children"):
        assert [(name, type(m).__name__) for name, m in getattr(ours, walk)()] == [
            (name, type(m).__name__) for name, m in getattr(theirs, walk)()
        ]
    assert shapes(ours.state_dict().items()) == shapes(theirs.state_dict().items())
    assert shapes(ours.state_dict(prefix="model.").items()) == shapes(
        theirs.state_dict(prefix="model.").items()
    )
    assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    assert len(list(ours.buffers())) == len(list(theirs.buffers()))
    assert [type(m).__name__ for m in ours.modules()] == [type(m).__name__ for m in theirs.modules()]
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("make", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activations(make: Make) -> None:
    ours, theirs = both(make)
    assert repr(ours) == repr(theirs)
    x = np.linspace(-4, 4, 12).reshape(3, 4)
    a, b = autodiff.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a * 1), theirs(b * 1)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-12, atol=1e-14)
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9, atol=1e-12)


FORWARD: dict[str, tuple[Make, tuple[int, ...]]] = {
    "linear": (lambda m: m.Linear(4, 3), (5, 4)),
    "linear without bias": (lambda m: m.Linear(4, 3, bias=False), (5, 4)),
    "linear of a row": (lambda m: m.Linear(4, 3), (4,)),
    "linear of a stack": (lambda m: m.Linear(4, 3), (2, 3, 5, 4)),
    "linear of no rows": (lambda m: m.Linear(4, 3), (0, 4)),
    "mlp": (lambda m: m.Sequential(m.Linear(4, 8), m.Tanh(), m.Linear(8, 1), m.Sigmoid()), (6, 4)),
    "flatten": (lambda m: m.Sequential(m.Flatten(), m.Linear(6, 2)), (3, 2, 3)),
    "dropout": (lambda m: m.Sequential(m.Linear(4, 30), m.Dropout(0.3)), (5, 4)),
    "all dropped": (lambda m: m.Sequential(m.Linear(4, 3), m.Dropout(1.0)), (5, 4)),
    "alpha dropout": (lambda m: m.Sequential(m.SELU(), m.AlphaDropout(0.3)), (5, 4)),
    "alpha dropout of channels": (lambda m: m.FeatureAlphaDropout(0.3), (5, 4, 3)),
    "hard sigmoid": (lambda m: m.Hardsigmoid(), (5, 4)),
    "slopes": (lambda m: m.PReLU(3), (2, 3, 4)),
    "softmax of channels": (lambda m: m.Softmax2d(), (2, 3, 4, 2)),
    "unflatten": (lambda m: m.Unflatten(1, (2, -1)), (3, 6)),
    "upsample": (lambda m: m.Upsample(scale_factor=2), (1, 2, 3)),
    "upsample to a size": (lambda m: m.Upsample((5, 3), mode="bilinear", align_corners=True), (1, 2, 3, 4)),
    "upsample by factors": (lambda m: m.Upsample(scale_factor=(1.5, 2), mode="bilinear"), (1, 2, 3, 4)),
    "upsample, nearest": (lambda m: m.UpsamplingNearest2d(5), (1, 2, 3, 4)),
    "upsample, bilinear": (lambda m: m.UpsamplingBilinear2d(scale_factor=2), (1, 2, 3, 4)),
    "pixel shuffle": (lambda m: m.PixelShuffle(2), (2, 8, 2, 3)),
    "pixel unshuffle": (lambda m: m.PixelUnshuffle(2), (2, 2, 4, 6)),
    "channel shuffle": (lambda m: m.ChannelShuffle(2), (2, 6, 3)),
    "patches": (lambda m: m.Unfold((2, 3), stride=2, padding=1), (2, 2, 4, 5)),
    "patches added up": (lambda m: m.Fold((4, 5), (2, 3), padding=1), (2, 12, 25)),
}


@pytest.mark.parametrize(("make", "shape"), FORWARD.values(), ids=FORWARD)
@pytest.mark.parametrize("training", [True, False])
def test_forward_and_gradients(make: Make, shape: tuple[int, ...], training: bool) -> None:
    ours, theirs = both(make)
    assert repr(ours) == repr(theirs)
    assert shapes(ours.state_dict().items()) == shapes(theirs.state_dict().items())
    ours.train(training)
    theirs.train(training)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    a, b = autodiff.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=2e-6, atol=1e-6)
    y.sum().backward()
    z.sum().backward()
    pairs = zip([a, *ours.parameters()], [b, *theirs.parameters()], strict=True)
    for p, q in pairs:
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=2e-6, atol=1e-6)
    assert (autodiff.rand(2).numpy() == torch.rand(2).numpy()).all()  # the streams are in step


def signature(function: Any) -> list[tuple[str, Any, Any]]:
    """The arguments: names, kinds and default values (of a function its name)."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, getattr(p.default, "__name__", p.default)) for p in parameters]


def in_python(function: Any) -> bool:
    """Whether PyTorch says what arguments a function takes."""
    try:
        return inspect.Parameter.VAR_POSITIONAL not in [kind for _, kind, _ in signature(function)]
    except ValueError:
        return False


OTHERWISE = {"RNNBase", "RNNCellBase"}  # not made by users; torch's norms hide a default
NORMS = {"BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "InstanceNorm2d"}


@pytest.mark.parametrize(("ours", "theirs"), [(nn, torch.nn), (nn.functional, torch.nn.functional)])
def test_arguments_are_torchs(ours: Any, theirs: Any) -> None:
    for name in sorted(set(ours.__all__) - OTHERWISE - NORMS):
        here, there = getattr(ours, name), getattr(theirs, name, None)
        if callable(there) and in_python(there):
            assert signature(here) == signature(there), name


def test_embedding() -> None:
    ours, theirs = both(lambda m: m.Embedding(5, 3, padding_idx=1))
    index = [[0, 1, 4], [4, 4, 2]]
    y, z = ours(autodiff.tensor(index)), theirs(torch.tensor(index))
    assert y.shape == tuple(z.shape) == (2, 3, 3)
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-6)
    assert not ours.weight.grad.numpy()[1].any() and not ours.weight.detach().numpy()[1].any()
    assert ours(autodiff.tensor(2)).shape == (3,)
    frozen = nn.Embedding.from_pretrained(autodiff.ones(2, 2))
    assert not frozen.weight.requires_grad and repr(frozen) == "Embedding(2, 2)"


# training mode, dtypes, gradients --------------------------------------------------------------------------


def test_modes_reach_every_module() -> None:
    model = net(nn)
    assert model.eval() is model and not any(m.training for m in model.modules())
    assert model.train() is model and all(m.training for m in model.modules())
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        model.train(1)


def test_dtypes() -> None:
    model = net(nn)
    parameters = list(model.parameters())
    model.layers[0].first(autodiff.ones(1, 3)).sum().backward()
    assert model.double() is model
    assert all(p.dtype == np.float64 for p in model.parameters())
    assert [id(p) for p in model.parameters()] == [id(p) for p in parameters]
    assert model.layers[0].scale.dtype == np.float64
    assert model.layers[0].first.weight.grad.dtype == np.float64
    model.layers[0].first(autodiff.ones(1, 3, dtype="float64")).sum().backward()
    assert model.to("cpu").to(autodiff.float32).to(autodiff.ones(1)).offset.dtype == np.float32
    assert model.cpu().float() is model
    with pytest.raises(TypeError, match="only accepts floating point"):
        model.to(autodiff.int64)
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"):
        model.to("cuda")


def test_gradients_of_all_parameters() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model(autodiff.ones(1, 2)).sum().backward()
    grads = [p.grad for p in model.parameters()]
    assert all(g is not None for g in grads)
    model.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.numpy().any() for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert model.requires_grad_(False) is model
    assert not model(autodiff.ones(1, 2)).requires_grad
    assert all(p.requires_grad for p in model.requires_grad_().parameters())


def test_apply_goes_innermost_first() -> None:
    for library in (nn, torch.nn):
        seen: list[str] = []
        model = net(library)
        assert model.apply(lambda m, seen=seen: seen.append(type(m).__name__)) is model
        if library is nn:
            ours = seen
    assert ours == seen


# attributes -------------------------------------------------------------------------------------------------


def test_reassigning_keeps_or_changes_the_place() -> None:
    for library, tensor in ((nn, autodiff.tensor), (torch.nn, torch.tensor)):
        m: Any = library.Module()
        m.a = None
        m.b = library.Parameter(tensor(1.0))
        m.a = library.Parameter(tensor(2.0))
        m.c = library.Linear(1, 1)
        m.b = library.Parameter(tensor(3.0))
        m.d = library.ReLU()
        m.c = library.Parameter(tensor(4.0))
        m.register_buffer("e", tensor(5.0))
        m.e = None
        assert [name for name, _ in m.named_parameters()] == ["b", "a", "c"]
        assert [name for name, _ in m.named_children()] == ["d"]
        assert list(m.state_dict()) == ["b", "a", "c"]
        m.e = tensor(6.0)
        m.a = None
        assert list(m.state_dict()) == ["b", "c", "e"]
        del m.b
        assert list(m.state_dict()) == ["c", "e"]
        assert not hasattr(m, "b")


def forgotten_init(value: Make) -> Make:
    def make(library: Any) -> Any:
        class Forgot(library.Module):  # type: ignore[misc]  # the base is a variable
            def __init__(self) -> None:
                self.a = value(library)

        return Forgot()

    return make


def changed(act: Callable[[Any, Any], Any]) -> Make:
    """What `act` does to a linear layer with a buffer and a submodule."""

    def make(library: Any) -> Any:
        layer = library.Linear(2, 3)
        layer.register_buffer("buffer", TENSOR[library]([1.0]))
        layer.child = library.ReLU()
        return act(layer, library)

    return make


REFUSED: dict[str, Make] = {
    "parameter before init": forgotten_init(lambda m: m.Parameter(TENSOR[m]([1.0]))),
    "module before init": forgotten_init(lambda m: m.ReLU()),
    "no such attribute": changed(lambda layer, m: layer.weigth),
    "delete no such": changed(lambda layer, m: delattr(layer, "weigth")),
    "child name": changed(lambda layer, m: layer.add_module("a.b", m.ReLU())),
    "child name empty": changed(lambda layer, m: layer.add_module("", m.ReLU())),
    "child name taken": changed(lambda layer, m: layer.add_module("forward", m.ReLU())),
    "child no module": changed(lambda layer, m: layer.add_module("x", 3)),
    "child replaced by int": changed(lambda layer, m: setattr(layer, "child", 3)),
    "parameter replaced by int": changed(lambda layer, m: setattr(layer, "weight", 3)),
    "parameter name": changed(lambda layer, m: layer.register_parameter("a.b", None)),
    "parameter name taken": changed(lambda layer, m: layer.register_parameter("child", None)),
    "parameter no parameter": changed(lambda layer, m: layer.register_parameter("x", 3)),
    "buffer replaced by int": changed(lambda layer, m: setattr(layer, "buffer", 3)),
    "buffer name": changed(lambda layer, m: layer.register_buffer("a.b", None)),
    "buffer name taken": changed(lambda layer, m: layer.register_buffer("weight", None)),
    "buffer no tensor": changed(lambda layer, m: layer.register_buffer("x", 3)),
    "buffer name no string": changed(lambda layer, m: layer.register_buffer(3, None)),
    "no forward": changed(lambda layer, m: m.Module()(1)),
    "list not callable": changed(lambda layer, m: m.ModuleList()(1)),
    "index": changed(lambda layer, m: m.Sequential(m.ReLU())[1]),
    "index of a list": changed(lambda layer, m: m.ModuleList([m.ReLU()])[-2]),
    "index no int": changed(lambda layer, m: m.Sequential(m.ReLU())["0"]),
    "insert": changed(lambda layer, m: m.Sequential(m.ReLU()).insert(3, m.ReLU())),
    "append int": changed(lambda layer, m: m.ModuleList().append(1)),
    "extend by one": changed(lambda layer, m: m.ModuleList().extend(m.ReLU())),
    "key": changed(lambda layer, m: m.ModuleDict()["x"]),
    "key taken": changed(lambda layer, m: m.ModuleDict({"forward": m.ReLU()})),
    "submodule": changed(lambda layer, m: layer.get_submodule("x")),
    "submodule no module": changed(lambda layer, m: layer.get_submodule("weight")),
    "parameter": changed(lambda layer, m: layer.get_parameter("x")),
    "parameter is none": changed(lambda layer, m: layer.get_parameter("forward")),
    "buffer": changed(lambda layer, m: layer.get_buffer("weight")),
    "dropout": changed(lambda layer, m: m.Dropout(1.5)),
    "embedding padding": changed(lambda layer, m: m.Embedding(3, 2, padding_idx=5)),
    "state_dict type": changed(lambda layer, m: layer.load_state_dict(3)),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_refusals_are_those_of_torch(act: Make) -> None:
    """The same kind of exception, and PyTorch's words at the beginning (with our names for its classes)."""
    with pytest.raises(Exception) as theirs:
        act(torch.nn)
    with pytest.raises(type(theirs.value)) as ours:
        act(nn)
    start = str(theirs.value).strip("'\"").split("(")[0].split("torch")[0]
    assert start.rstrip(" .'\"")[:60] in str(ours.value)


def test_getters() -> None:
    model = net(nn)
    assert model.get_submodule("layers.1.second") is model.layers[1].second
    assert model.get_submodule("") is model
    assert model.get_parameter("layers.1.second.weight") is model.layers[1].second.weight
    assert model.get_buffer("layers.0.scale") is model.layers[0].scale


def test_containers_are_edited_as_in_torch() -> None:
    def edits(m: Any) -> Any:
        s = m.Sequential(m.Linear(1, 2), m.ReLU())
        s.append(m.Tanh()).insert(1, m.Sigmoid())
        s.insert(-1, m.Identity())
        s[0] = m.Linear(3, 4)
        del s[1]
        s += m.Sequential(m.ReLU())
        s.extend([m.ReLU6(), m.Softplus()])
        s.pop(-1)
        listed = m.ModuleList([m.ReLU()])
        listed += [m.Tanh(), m.Sigmoid()]
        del listed[0:1]
        named = m.ModuleDict({"a": m.ReLU()})
        named["b"] = m.Tanh()
        named.update({"a": m.Sigmoid(), "c": m.ReLU()})
        named.pop("b")
        texts = [repr(s), repr(s * 2), repr(s + s), repr(s[1:3]), repr(listed), repr(listed + listed)]
        texts += [repr(named), str(len(s)), str(list(named.keys())), str("a" in named), repr(s[-1])]
        return texts

    assert edits(nn) == edits(torch.nn)


def test_shared_parameters_once() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    twin = copy.deepcopy(model)
    assert twin[1].weight is twin[0].weight and twin[0].weight is not model[0].weight


def test_copies() -> None:
    model = net(nn)
    for p in model.parameters():
        p.grad = autodiff.ones_like(p)
    twin = copy.deepcopy(model)
    assert all(p.grad is None for p in twin.parameters())
    assert repr(twin) == repr(model)
    assert list(twin.state_dict()) == list(model.state_dict())
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert type(q) is nn.Parameter and q.requires_grad and p is not q
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    assert twin.tied is twin.layers[0].first
    layer = pickle.loads(pickle.dumps(nn.Sequential(nn.Linear(2, 2), nn.Tanh())))
    assert [name for name, _ in layer.named_parameters()] == ["0.weight", "0.bias"]
    layer(autodiff.ones(1, 2)).sum().backward()


def test_parameter() -> None:
    values = autodiff.tensor([1.0, 2.0])
    p = nn.Parameter(values)
    assert repr(p) == repr(torch.nn.Parameter(torch.tensor([1.0, 2.0])))
    assert repr(nn.Parameter(values, requires_grad=False)) == "Parameter containing:\ntensor([1., 2.])"
    with autodiff.no_grad():
        p += 1
    assert values.tolist() == [2.0, 3.0]  # the memory is shared
    assert type(p * 2) is autodiff.Tensor and type(p.detach()) is autodiff.Tensor
    assert nn.Parameter(autodiff.tensor([1.0], dtype="float64")).dtype == np.float64
    assert nn.Parameter().shape == (0,)
    with pytest.raises(TypeError, match="must be a Tensor, not list"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        nn.Parameter(autodiff.tensor([1, 2]))


# state_dict -------------------------------------------------------------------------------------------------


def values_of(model: Any) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


def test_state_dict_shares_and_loads() -> None:
    model, other = nn.MLP(2, [3, 1]), nn.MLP(2, [3, 1])
    state = model.state_dict()
    assert not any(t.requires_grad for t in state.values())
    parameter = other.output.weight
    assert repr(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert other.output.weight is parameter and parameter.requires_grad
    with autodiff.no_grad():
        model.output.bias.fill_(7.0)
    assert state["output.bias"].item() == 7.0 and other.output.bias.item() != 7.0
    assert model.state_dict(keep_vars=True)["output.bias"] is model.output.bias
    double = {name: value.double() for name, value in state.items()}
    other.load_state_dict(double)
    assert other.output.bias.dtype == np.float32 and other.output.bias.item() == 7.0


def test_torch_weights_load() -> None:
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    ours = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(
        ours(autodiff.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-6
    )


def bad_states(library: Any, tensor: Any) -> dict[str, Callable[[Any], Any]]:
    """Ways in which the state of a Sequential(Linear(2, 3), Linear(3, 1)) does not fit."""
    return {
        "missing": lambda s: {k: v for k, v in s.items() if k != "0.weight"},
        "unexpected": lambda s: {**s, "2.weight": tensor([1.0]), "x": tensor([1.0])},
        "size": lambda s: {**s, "1.weight": tensor([[1.0, 2.0]])},
        "type": lambda s: {**s, "1.bias": [1.0]},
        "all of it": lambda s: {"0.weight": tensor([1.0]), "1.bias": 3.0, "x": tensor([1.0])},
        "nothing": lambda s: {},
    }


@pytest.mark.parametrize("case", list(bad_states(nn, autodiff.tensor)))
@pytest.mark.parametrize("strict", [True, False])
def test_a_failed_load_changes_nothing(case: str, strict: bool) -> None:
    ours, theirs = both(lambda m: m.Sequential(m.Linear(2, 3), m.Linear(3, 1)))
    before = values_of(ours)
    wrong = bad_states(nn, autodiff.tensor)[case]({k: v + 1 for k, v in ours.state_dict().items()})
    torch_wrong = bad_states(torch.nn, torch.tensor)[case]({k: v + 1 for k, v in theirs.state_dict().items()})
    try:
        expected = theirs.load_state_dict(torch_wrong, strict)
    except RuntimeError as error:
        with pytest.raises(RuntimeError) as found:
            ours.load_state_dict(wrong, strict)
        told = str(error).replace("torch.Size([1])", "(1,)").replace("torch.Size([", "(").replace("])", ")")
        said = str(found.value).split("\nin ")[0]  # then comes where it happened
        for a, b in zip(said.splitlines(), told.splitlines(), strict=True):
            assert a == b or a.split("expected")[0] == b.split("expected")[0] != b
        for name, value in values_of(ours).items():
            np.testing.assert_array_equal(value, before[name])
    else:
        assert tuple(ours.load_state_dict(wrong, strict)) == tuple(expected)
        assert not np.array_equal(values_of(ours)["1.weight"], before["1.weight"]) or case == "nothing"


# MLP --------------------------------------------------------------------------------------------------------


def test_mlp() -> None:
    model = nn.MLP(3, [4, 4, 1])
    assert [name for name, _ in model.named_children()] == [
        "hidden1",
        "activation1",
        "hidden2",
        "activation2",
        "output",
    ]
    assert list(nn.MLP(2, [4, 1]).state_dict()) == [
        "hidden.weight",
        "hidden.bias",
        "output.weight",
        "output.bias",
    ]
    assert list(nn.MLP(2, [1]).state_dict()) == ["output.weight", "output.bias"]
    assert sum(p.numel() for p in model.parameters()) == 41  # micrograd's example
    autodiff.manual_seed(1)
    ours = nn.MLP(2, [3, 2], activation="tanh")
    torch.manual_seed(1)
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    np.testing.assert_allclose(
        ours(autodiff.ones(1, 2)).detach().numpy(), theirs(torch.ones(1, 2)).detach().numpy(), rtol=1e-6
    )
    for activation in ("leaky_relu", "LeakyReLU", nn.LeakyReLU, nn.LeakyReLU(0.3)):
        assert isinstance(nn.MLP(2, [3, 1], activation).activation, nn.LeakyReLU)
    shared = nn.MLP(2, [3, 3, 1], nn.ELU(0.7))
    assert shared.activation1 is shared.activation2
    with pytest.raises(ValueError, match="unknown activation 'swish': one of celu, elu, gelu"):
        nn.MLP(2, [3, 1], "swish")
    for wrong in ([], 3, "31"):
        with pytest.raises(ValueError, match="nouts lists the units"):
            nn.MLP(2, wrong)


# errors of the layers ---------------------------------------------------------------------------------------

R, X = autodiff.rand, autodiff.tensor
linear, softmax, dropout = autodiff.linear, autodiff.softmax, autodiff.dropout

WRONG: dict[type[Exception], list[tuple[Callable[[], Any], str]]] = {
    RuntimeError: [
        (lambda: nn.Linear(5, 2)(R(4, 3)), r"cannot be multiplied \(4x3 and 5x2\).*expects 5 features"),
        (
            lambda: nn.Linear(5, 2)(R(4, 3)),
            r"input \(4, 3\). Make the layer with in_features=3, or give it 5",
        ),
        (lambda: nn.Linear(4, 2)(R(4, 3)), r"\(4x3 and 4x2\).*x.T has that many"),
        (lambda: nn.Linear(5, 2)(R(3)), r"\(1x3 and 5x2\)"),
        (lambda: nn.Linear(5, 2)(R(2, 4, 3)), r"\(8x3 and 5x2\)"),
        (lambda: nn.Linear(5, 2, bias=False)(R(4, 3)), r"\(4x3 and 5x2\)"),
        (lambda: nn.Linear(3, 2)(R(4, 3).double()), "same dtype, but got float64 and float32"),
        (lambda: nn.Linear(3, 2)(X([[1, 2, 3]])), "same dtype, but got int64 and float32"),
        (lambda: nn.Linear(3, 2)(X(1.0)), "need to be at least 1D, but they are 0D and 2D"),
        (lambda: linear(R(4, 3), R(2, 3), R(3)), "one entry for each of the 2 outputs"),
        (lambda: linear(R(4, 3), R(3), R(1)), "mat2 must be a matrix, got 1-D tensor"),
        (lambda: nn.Embedding(3, 2)(R(2)), "scalar type int64; but got float32"),
        (lambda: dropout(X([1, 2])), "result type float32 can't be cast"),
    ],
    TypeError: [
        (lambda: nn.Linear(3, 2)([1.0]), r"argument 'input' \(position 1\) must be Tensor, not list"),
        (lambda: linear(R(3), [1.0]), r"argument 'weight' \(position 2\) must be Tensor, not list"),
        (lambda: softmax(R(2, 3), 1.0), "must be int, not float"),
    ],
    IndexError: [
        (lambda: nn.Embedding(3, 2)(X([3])), "index out of range in self.*3.*rows 0 to 2"),
        (lambda: nn.Embedding(3, 2)(X([0, -1])), "index out of range in self.*-1.*rows 0 to 2"),
        (lambda: softmax(R(2, 3), 2), r"\(expected to be in range of \[-2, 1\], but got 2\)"),
        (lambda: nn.Flatten()(X(1.0)), "Dimension out of range"),
    ],
    NotImplementedError: [
        (lambda: nn.Embedding(3, 2, sparse=True), "sparse"),
        (lambda: softmax(X([1, 2]), 0), "not implemented for int64"),
    ],
    ValueError: [(lambda: dropout(R(2), 1.5), "dropout probability has to be between 0 and 1, but got 1.5")],
}


@pytest.mark.parametrize(
    ("kind", "call", "words"), [(kind, *case) for kind, cases in WRONG.items() for case in cases]
)
def test_layer_errors(kind: type[Exception], call: Callable[[], Any], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_dropout() -> None:
    x = autodiff.ones(1000)
    assert autodiff.dropout(x, 0.0) is x and autodiff.dropout(x, 0.5, training=False) is x
    for p in (0.1, 1 / 3, 0.9):
        autodiff.manual_seed(1)
        torch.manual_seed(1)
        ours, theirs = autodiff.dropout(x, p), torch.nn.functional.dropout(torch.ones(1000), p)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    y = autodiff.ones(8)
    assert nn.Dropout(0.5, inplace=True)(y) is y and set(y.tolist()) <= {0.0, 2.0}


IN_PLACE = """relu relu6 leaky_relu elu selu celu silu mish hardtanh hardsigmoid hardswish
dropout dropout1d alpha_dropout feature_alpha_dropout""".split()


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    function = getattr(nn.functional, name)
    options = {"training": True} if "dropout" in name else {}
    x = autodiff.randn(3, 4)
    old = x.clone()
    assert function(x, inplace=True, **options) is x
    if "dropout" not in name:
        assert (x == function(old)).all() and not (x == old).all()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        function(autodiff.randn(3, 4, requires_grad=True), inplace=True, **options)


def test_softmax_without_a_dimension_warns() -> None:
    for shape, dim in (((3,), 0), ((2, 3), 1), ((2, 3, 4), 0)):
        x = R(*shape)
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
            assert (nn.functional.softmax(x) == nn.functional.softmax(x, dim)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.Softmax(0)(R(3))


def test_importing_is_light() -> None:
    heavy = "{'torch', 'matplotlib', 'scipy', 'sklearn', 'graphviz', 'pygraphviz', 'tqdm'}"
    program = f"import sys, nn; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_embedding_bag() -> None:
    """Bags by rows and by offsets, with weights, the last offset, and a given table."""
    found = []
    for lib, library in ((autodiff, nn), (torch, torch.nn)):
        index, offsets = lib.tensor([1, 0, 3, 1]), lib.tensor([0, 1, 4])
        table = lib.arange(8.0).reshape(4, 2)
        summed = library.EmbeddingBag.from_pretrained(table, False, mode="sum", include_last_offset=True)
        y = summed(index, offsets, lib.tensor([1.0, 2.0, 3.0, 4.0]))
        y.sum().backward()
        largest = library.EmbeddingBag.from_pretrained(table, mode="max", padding_idx=0)
        found.append([y.tolist(), summed.weight.grad.tolist(), largest(index.reshape(2, 2)).tolist()])
        assert not largest.weight.requires_grad and summed.weight.requires_grad
    assert found[0] == found[1]


def test_load_state_dict_may_assign() -> None:
    """The tensors themselves become the parameters and buffers, with their dtype; learning goes on as set."""
    found = []
    for lib, library in ((autodiff, nn), (torch, torch.nn)):
        net = library.Sequential(library.Linear(2, 1), library.BatchNorm1d(1))
        net[0].bias.requires_grad_(False)
        state = {name: lib.zeros_like(values).double() for name, values in net.state_dict().items()}
        keys = net.load_state_dict(state, assign=True)
        state["0.weight"].add_(3.0)  # nothing was copied
        parameters = [(n, str(p.dtype).split(".")[-1], p.requires_grad) for n, p in net.named_parameters()]
        found.append((parameters, net[0].weight.tolist(), net[1].running_var.tolist(), len(keys[0])))
        assert isinstance(net[0].weight, library.Parameter)
    assert found[0] == found[1]
