"""`nn.init` and the layers' own initial values: PyTorch's digits for the same seed, the stream in step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn

SHAPES = [(3, 5), (16, 8), (7, 40), (4, 3, 2, 2)]

# function, options, how far from PyTorch in units of the largest entry: 0 means the same bits; normal numbers
# may be rounded otherwise in float32, and a QR factorisation is as good as its condition
FILLED: list[tuple[str, dict[str, Any], float]] = [
    ("uniform_", {}, 0),
    ("uniform_", {"a": -0.3, "b": 2.5}, 0),
    ("normal_", {}, 3e-7),
    ("normal_", {"mean": 1.5, "std": 0.02}, 3e-7),
    ("trunc_normal_", {}, 3e-7),
    ("trunc_normal_", {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 1.5}, 3e-7),
    ("trunc_normal_", {"a": 1.0, "b": 1.2}, 3e-7),
    ("constant_", {"val": 0.3}, 0),
    ("ones_", {}, 0),
    ("zeros_", {}, 0),
    ("xavier_uniform_", {}, 0),
    ("xavier_uniform_", {"gain": 1.7}, 0),
    ("xavier_normal_", {}, 3e-7),
    ("kaiming_uniform_", {}, 0),
    ("kaiming_uniform_", {"a": 0.2, "mode": "fan_out"}, 0),
    ("kaiming_uniform_", {"nonlinearity": "relu"}, 0),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}, 3e-7),
    ("orthogonal_", {}, 1e-5),
    ("orthogonal_", {"gain": 2.0}, 1e-5),
]


def same(ours: autodiff.Tensor, theirs: torch.Tensor, tolerance: float) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if tolerance:
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())
    else:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("name", "options", "tolerance"), FILLED, ids=lambda x: x if isinstance(x, str) else ""
)
def test_same_digits(
    name: str, options: dict[str, Any], tolerance: float, shape: tuple[int, ...], dtype: str
) -> None:
    autodiff.manual_seed(7)
    torch.manual_seed(7)
    ours = nn.Parameter(autodiff.empty(*shape, dtype=dtype))
    theirs = torch.nn.Parameter(torch.empty(*shape, dtype=getattr(torch, dtype)))
    assert getattr(nn.init, name)(ours, **options) is ours
    getattr(torch.nn.init, name)(theirs, **options)
    same(ours, theirs, tolerance)
    assert ours.requires_grad and ours.is_leaf
    same(autodiff.rand(3), torch.rand(3), 0)  # the streams are in step


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.9, 1.0])
def test_sparse(sparsity: float) -> None:
    autodiff.manual_seed(1)
    torch.manual_seed(1)
    ours = nn.init.sparse_(autodiff.empty(10, 6), sparsity)
    theirs = torch.nn.init.sparse_(torch.empty(10, 6), sparsity)
    same(ours, theirs, 3e-7)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_eye(shape: tuple[int, int]) -> None:
    same(nn.init.eye_(autodiff.empty(*shape)), torch.nn.init.eye_(torch.empty(*shape)), 0)


@pytest.mark.parametrize(
    ("shape", "groups"), [((4, 2, 3), 1), ((4, 2, 3), 2), ((6, 4, 3, 2), 3), ((2, 5, 1, 3, 4), 1)]
)
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    same(nn.init.dirac_(autodiff.empty(*shape), groups), torch.nn.init.dirac_(torch.empty(*shape), groups), 0)


def test_a_generator_of_its_own() -> None:
    ours, theirs = autodiff.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    for name in ("uniform_", "normal_", "xavier_uniform_", "kaiming_normal_", "trunc_normal_", "orthogonal_"):
        a = getattr(nn.init, name)(autodiff.empty(6, 4), generator=ours)
        b = getattr(torch.nn.init, name)(torch.empty(6, 4), generator=theirs)
        same(a, b, 1e-5)


@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "conv_transpose3d"]
)
@pytest.mark.parametrize("param", [None, 0.2, 3])
def test_gain(name: str, param: float | None) -> None:
    assert nn.init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Linear", (2, 4), {}),
    ("Linear", (784, 100), {"bias": False}),
    ("Linear", (1, 1), {"dtype": "float64"}),
    ("Embedding", (10, 3), {}),
    ("Embedding", (10, 3), {"padding_idx": -2}),
]


@pytest.mark.parametrize(("name", "args", "options"), LAYERS, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 42])
def test_layers_begin_as_in_torch(
    name: str, args: tuple[Any, ...], options: dict[str, Any], seed: int
) -> None:
    theirs_options = {k: getattr(torch, v) if k == "dtype" else v for k, v in options.items()}
    autodiff.manual_seed(seed)
    torch.manual_seed(seed)
    ours = getattr(nn, name)(*args, **options).state_dict()
    theirs = getattr(torch.nn, name)(*args, **theirs_options).state_dict()
    assert list(ours) == list(theirs)
    for key in theirs:
        same(ours[key], theirs[key], 0 if name == "Linear" else 3e-7)


def test_a_model_begins_as_in_torch() -> None:
    autodiff.manual_seed(3)
    torch.manual_seed(3)
    ours = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        same(a, b, 0)


WRONG: list[tuple[str, tuple[Any, ...], type[Exception], str]] = [
    ("xavier_uniform_", (autodiff.Tensor([1.0]),), ValueError, "Fan in and fan out can not be computed"),
    ("kaiming_normal_", (autodiff.Tensor([1.0]),), ValueError, "fewer than 2 dimensions"),
    ("kaiming_uniform_", (autodiff.Tensor([[1.0]]), 0, "fan"), ValueError, "Mode fan not supported"),
    (
        "kaiming_uniform_",
        (autodiff.Tensor([[1.0]]), 0, "fan_in", "swish"),
        ValueError,
        "Unsupported nonlinearity swish",
    ),
    ("calculate_gain", ("leaky_relu", True), ValueError, "negative_slope True not a valid number"),
    ("eye_", (autodiff.Tensor([1.0]),), ValueError, "Only tensors with 2 dimensions are supported"),
    ("dirac_", (autodiff.Tensor([[1.0]]),), ValueError, "Only tensors with 3, 4, or 5 dimensions"),
    ("dirac_", (autodiff.Tensor([[[1.0]]]), 2), ValueError, "dim 0 must be divisible by groups"),
    ("orthogonal_", (autodiff.Tensor([1.0]),), ValueError, "Only tensors with 2 or more dimensions"),
    ("sparse_", (autodiff.Tensor([1.0]), 0.5), ValueError, "Only tensors with 2 dimensions"),
]


@pytest.mark.parametrize(
    ("name", "args", "kind", "words"), WRONG, ids=lambda x: x if isinstance(x, str) else ""
)
def test_errors(name: str, args: tuple[Any, ...], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        getattr(nn.init, name)(*args)


def test_nothing_to_fill_is_said() -> None:
    with pytest.warns(UserWarning, match="zero-element"):
        nn.Linear(0, 3)
