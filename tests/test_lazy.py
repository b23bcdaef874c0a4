"""Lazy layers against PyTorch: what they are before and after the first input, and what they refuse."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
import nn

from .modules import OURS, TORCHS, assert_made_alike, assert_refuse_alike, assert_works_alike, made

Make = Callable[[Any], Any]

LAYERS: list[tuple[Make, tuple[int, ...]]] = [
    (lambda m: m.LazyLinear(3), (2, 5)),
    (lambda m: m.LazyLinear(3, bias=False), (5,)),
    (lambda m: m.LazyConv1d(4, 2, stride=2), (2, 3, 7)),
    (lambda m: m.LazyConv2d(4, 3, padding=1, groups=2), (2, 6, 5, 5)),
    (lambda m: m.LazyConv2d(4, 3), (6, 5, 5)),
    (lambda m: m.LazyConvTranspose1d(4, 3, 2), (2, 3, 4)),
    (lambda m: m.LazyConvTranspose2d(4, 3, stride=2), (2, 3, 4, 4)),
    (lambda m: m.LazyBatchNorm1d(), (4, 3)),
    (lambda m: m.LazyBatchNorm1d(affine=False), (4, 3)),
    (lambda m: m.LazyBatchNorm2d(momentum=0.3), (2, 3, 4, 4)),
    (lambda m: m.LazyInstanceNorm1d(), (2, 3, 4)),
    (lambda m: m.LazyInstanceNorm2d(affine=False), (2, 3, 4, 4)),
]


def real(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("make, shape", LAYERS)
def test_layers(make: Make, shape: tuple[int, ...]) -> None:
    ours, theirs = made(make)
    assert repr(ours) == repr(theirs)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    before = list(ours.parameters())
    for library, module in ((OURS, ours), (TORCHS, theirs)):
        module(library.tensor(real(*shape)))
    assert type(ours).__name__ == type(theirs).__name__ == repr(ours).split("(")[0]
    assert all(a is b for a, b in zip(before, ours.parameters(), strict=True))
    assert_works_alike(make, lambda module, x: module(x), real(*shape), rtol=1e-8)


@pytest.mark.parametrize("make, shape", LAYERS[:7])  # those that draw
def test_the_same_digits(make: Make, shape: tuple[int, ...]) -> None:
    """Nothing is drawn before the first input, then what the ordinary layer draws."""

    def after_a_call(library: Any) -> Any:
        module, tensor = make(library), (OURS if library is nn else TORCHS).tensor
        return library.Sequential(module, library.Linear(2, 2)), module(tensor(real(*shape)))

    (ours, _), (theirs, _) = made(after_a_call)
    assert_made_alike(ours, theirs)


def test_a_network() -> None:
    net = nn.Sequential(
        nn.LazyConv2d(6, 5),
        nn.Flatten(),
        nn.LazyLinear(4),
        nn.LazyBatchNorm1d(),
        nn.Dropout(),
        nn.LazyLinear(2),
    )
    twin = copy.deepcopy(net.double().eval())
    seen: list[str] = []
    net[0].register_forward_hook(lambda module, args, result: seen.append(type(module).__name__))
    for _ in range(2):
        assert net(autodiff.ones(2, 1, 8, 8, dtype=autodiff.float64)).dtype == autodiff.float64
    assert seen == ["Conv2d", "Conv2d"] and not net[3].training
    assert "LazyLinear(in_features=0, out_features=4, bias=True)" in repr(twin)
    twin(autodiff.ones(2, 3, 6, 6, dtype=autodiff.float64))
    assert (net[2].in_features, twin[2].in_features) == (96, 24)


@pytest.mark.parametrize(
    "use",
    [
        lambda layer: layer.weight * 2,
        lambda layer: layer.weight.sum(),
        lambda layer: layer.weight.numel(),
        lambda layer: layer.weight.shape,
    ],
)
def test_a_parameter_without_values_is_refused(use: Callable[[Any], Any]) -> None:
    words = "Call `forward`"
    assert_refuse_alike(lambda m: m.LazyLinear(3), lambda module: use(module), words=words)


def test_other_refusals() -> None:
    layer = nn.LazyLinear(3)
    assert repr(layer.weight) == "<UninitializedParameter>" and layer.has_uninitialized_params()
    for refused in (
        lambda: nn.optim.SGD(layer.parameters(), lr=0.1),
        lambda: layer.state_dict(),
        lambda: nn.init.ones_(layer.weight),
    ):
        with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
            refused()
    assert_refuse_alike(
        lambda m: m.LazyConv2d(2, 3), lambda m, x: m(x), real(3, 3), words="Expected 3D (unbatched) or 4D"
    )
