"""Convolution, pooling, normalization and their layers against PyTorch: values, derivatives, refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
import nn
import nn.functional as F

from .against_torch import TORCHS, assert_float32_like_torch, assert_like_torch
from .strategies import apart, arrays, at_kinks, real

fewer = settings(max_examples=max(settings().max_examples // 2, 20))


# drawn arguments: those that torch refuses are to be refused ------------------------------------------------


def dims(rank: int, *values: Any) -> st.SearchStrategy[Any]:
    """A number, or one for each dimension."""
    one = st.sampled_from(values)
    return st.one_of(one, st.lists(one, min_size=rank, max_size=rank).map(tuple))


def sizes(rank: int, channels: int, most: int = 7) -> st.SearchStrategy[tuple[int, ...]]:
    """(N, C, *size), or (C, *size)."""
    batch = st.sampled_from([(), (1,), (3,), (0,)])
    size = st.lists(st.integers(1, most), min_size=rank, max_size=rank)
    return st.builds(lambda n, s: (*n, channels, *s), batch, size)


def same_or_refused(name: str, args: tuple[Any, ...], *options: Any, **named: Any) -> None:
    """Our function of nn.functional does what torch's does, or raises what it raises."""
    ours, theirs = getattr(F, name), getattr(TF, name)
    given = [TORCHS.tensor(x) for x in args]
    try:
        theirs(*given, *options, **named)
    except (RuntimeError, ValueError) as error:
        with pytest.raises(type(error)):
            ours(*map(autodiff.Tensor, args), *options, **named)
        return
    assert_like_torch(
        lambda *xs: ours(*xs, *options, **named), lambda *xs: theirs(*xs, *options, **named), args
    )


@given(st.data())
def test_convolutions(data: Any) -> None:
    rank, groups = data.draw(st.integers(1, 2)), data.draw(st.sampled_from([1, 1, 2, 3]))
    c, o = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2)) * groups
    x = data.draw(arrays(sizes(rank, c * groups), real))
    kernel = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    w, bias = data.draw(arrays((o, c, *kernel))), data.draw(arrays((o,)))
    stride, dilation = data.draw(dims(rank, 1, 2, 3)), data.draw(dims(rank, 1, 2))
    padding = data.draw(st.one_of(dims(rank, 0, 1, 2), st.sampled_from(["same", "valid"])))
    same_or_refused(f"conv{rank}d", (x, w, bias), stride, padding, dilation, groups)


@given(st.data())
def test_transposed_convolutions(data: Any) -> None:
    rank, groups = data.draw(st.integers(1, 2)), data.draw(st.sampled_from([1, 1, 2, 3]))
    c, o = data.draw(st.integers(1, 2)) * groups, data.draw(st.integers(1, 2))
    x = data.draw(arrays(sizes(rank, c, 4), real))
    kernel = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    w, bias = data.draw(arrays((c, o, *kernel))), data.draw(arrays((o * groups,)))
    stride, dilation = data.draw(dims(rank, 1, 2, 3)), data.draw(dims(rank, 1, 2))
    padding, more = data.draw(dims(rank, 0, 1, 2)), data.draw(dims(rank, 0, 0, 1, 2))
    same_or_refused(f"conv_transpose{rank}d", (x, w, bias), stride, padding, more, groups, dilation)


@given(st.data())
def test_pooling(data: Any) -> None:
    rank = data.draw(st.integers(1, 2))
    shape = data.draw(sizes(rank, 2).filter(lambda s: s[0] > 0))
    kernel, stride = data.draw(dims(rank, 1, 2, 3)), data.draw(st.one_of(st.none(), dims(rank, 1, 2, 3)))
    padding, ceil = data.draw(dims(rank, 0, 0, 1)), data.draw(st.booleans())
    x = data.draw(arrays(shape, [apart, at_kinks]))
    dilation, indices = data.draw(dims(rank, 1, 2)), data.draw(st.booleans())
    if dilation == 1 or padding == 0:  # else a window may lie in the border altogether, where torch fails
        same_or_refused(
            f"max_pool{rank}d", (x,), kernel, stride, padding, dilation, ceil, return_indices=indices
        )
    same_or_refused(f"avg_pool{rank}d", (x,), kernel, stride, padding, ceil, data.draw(st.booleans()))
    if rank == 2:
        same_or_refused("avg_pool2d", (x,), kernel, stride, padding, ceil, divisor_override=3)
    same_or_refused(f"adaptive_avg_pool{rank}d", (x,), data.draw(dims(rank, 1, 2, 3, 5)))


@fewer
@given(st.data())
def test_patches(data: Any) -> None:
    x = data.draw(arrays(sizes(2, 2, 5).filter(lambda s: s[0] > 0), real))
    options = data.draw(st.tuples(dims(2, 1, 2, 3), dims(2, 1, 2), dims(2, 0, 1), dims(2, 1, 2)))
    same_or_refused("unfold", (x,), *options)
    try:
        columns = F.unfold(autodiff.Tensor(x), *options).numpy()
    except RuntimeError:
        return
    same_or_refused("fold", (columns,), x.shape[-2:], *options)


@fewer
@given(st.data())
def test_padding(data: Any) -> None:
    rank = data.draw(st.integers(1, 2))
    x = data.draw(arrays(sizes(rank, 2, 5).filter(lambda s: s[0] > 0), real))
    widths = data.draw(st.lists(st.integers(0, 3), min_size=2 * rank, max_size=2 * rank))
    for mode in ("constant", "reflect", "replicate", "circular"):
        same_or_refused("pad", (x,), widths, mode)
    crop = data.draw(
        st.lists(st.integers(-2, 2), min_size=2, max_size=2 * x.ndim).map(lambda w: w[: len(w) // 2 * 2])
    )
    same_or_refused("pad", (x,), crop, value=2.5)


@given(st.data())
def test_normalization(data: Any) -> None:
    space = data.draw(st.lists(st.integers(1, 4), max_size=2))
    n, c = data.draw(st.sampled_from([1, 2, 3])), data.draw(st.sampled_from([2, 4]))
    x = data.draw(arrays((n, c, *space), real))
    w, b = data.draw(arrays((c,))), data.draw(arrays((c,)))

    def batch(library: Any, tensor: Any, training: bool) -> Callable[..., Any]:
        known = (None, None) if training else (tensor(np.full(c, 0.3)), tensor(np.full(c, 1.7)))
        return lambda x, w, b: library.batch_norm(x, *known, w, b, training)

    if n * int(np.prod(space)) > 1:
        assert_like_torch(batch(F, autodiff.Tensor, True), batch(TF, torch.tensor, True), (x, w, b))
    assert_like_torch(batch(F, autodiff.Tensor, False), batch(TF, torch.tensor, False), (x, w, b))
    same_or_refused("group_norm", (x,), data.draw(st.sampled_from([1, 2, 3])))
    same_or_refused("instance_norm", (x,)) if space else None
    last = x.shape[-data.draw(st.integers(1, x.ndim)) :]
    w, b = data.draw(arrays(last)), data.draw(arrays(last))
    assert_like_torch(
        lambda x, w, b: F.layer_norm(x, last, w, b), lambda x, w, b: TF.layer_norm(x, last, w, b), (x, w, b)
    )
    if x[0].size > 1 and np.prod(last) > 1:  # of one value x / |x| is a step
        assert_like_torch(
            lambda x, w: F.rms_norm(x, last, w), lambda x, w: TF.rms_norm(x, last, w), (x, w), rtol=1e-8
        )


# single cases -----------------------------------------------------------------------------------------------


RNG = np.random.default_rng(0)
IMAGE, KERNELS = RNG.normal(size=(2, 3, 8, 8)), RNG.normal(size=(4, 3, 3, 3))

FLOAT32 = {
    "conv2d": (lambda m: lambda x, w: m.conv2d(x, w, padding=1), (IMAGE, KERNELS)),
    "strided": (lambda m: lambda x, w: m.conv2d(x, w, stride=2), (IMAGE, KERNELS)),
    "conv_transpose2d": (
        lambda m: lambda x, w: m.conv_transpose2d(x, w, stride=2), (IMAGE, KERNELS[:3]),
    ),
    "max_pool2d": (lambda m: lambda x: m.max_pool2d(x, 3, 2, 1), (IMAGE,)),
    "avg_pool2d": (lambda m: lambda x: m.avg_pool2d(x, 3, 2, 1, False, False), (IMAGE,)),
    "adaptive": (lambda m: lambda x: m.adaptive_avg_pool2d(x, (3, 5)), (IMAGE,)),
    "batch_norm": (lambda m: lambda x: m.batch_norm(x, None, None, training=True), (IMAGE,)),
    "layer_norm": (lambda m: lambda x: m.layer_norm(x, (8,)), (IMAGE,)),
    "rms_norm": (lambda m: lambda x: m.rms_norm(x, (8,)), (IMAGE,)),
    "group_norm": (lambda m: lambda x: m.group_norm(x, 3), (IMAGE,)),
    "reflect": (lambda m: lambda x: m.pad(x, (1, 2, 3, 0), "reflect"), (IMAGE,)),
    "unfold": (lambda m: lambda x: m.unfold(x, 3), (IMAGE,)),
}  # fmt: skip


@pytest.mark.parametrize("case", FLOAT32)
def test_float32_stays_float32(case: str) -> None:
    make, args = FLOAT32[case]
    assert_float32_like_torch(make(F), make(TF), args, ulps=16, near=4)


def test_results_lie_row_by_row() -> None:
    x = autodiff.Tensor(np.asfortranarray(IMAGE))
    for z in (
        F.conv2d(x, autodiff.Tensor(KERNELS)),
        F.max_pool2d(x, 2),
        F.max_pool2d(x, 1),
        F.avg_pool2d(x, 2),
    ):
        assert z.view(2, -1).shape == (2, z.numel() // 2)
    assert not np.shares_memory(F.max_pool2d(x, 1).array, x.array)


def test_the_first_of_equals_gets_the_gradient() -> None:
    x = autodiff.zeros(1, 4, 4, requires_grad=True)
    F.max_pool2d(x, 2, padding=1).sum().backward()
    assert x.grad.tolist()[0] == [[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1]]
    lowest = torch.full((1, 4, 4), -torch.inf, requires_grad=True)
    TF.max_pool2d(lowest, 2, padding=1, return_indices=True)[0].sum().backward()
    found = autodiff.full((1, 4, 4), -np.inf).requires_grad_()
    F.max_pool2d(found, 2, padding=1).sum().backward()
    assert found.grad.tolist() == lowest.grad.tolist()


def test_nan_is_the_largest() -> None:
    x = autodiff.tensor([[1.0, np.nan, 3.0, 2.0]], requires_grad=True)
    z = F.max_pool1d(x, 2)
    assert np.isnan(z.tolist()[0][0]) and z.tolist()[0][1] == 3
    z.sum().backward()
    assert x.grad.tolist() == [[0, 1, 1, 0]]


def test_running_statistics() -> None:
    x = RNG.normal(size=(4, 3, 5))
    for name in ("batch_norm", "instance_norm"):
        for momentum in (0.1, 0.7):
            ours = autodiff.Tensor(np.full(3, 0.5)), autodiff.Tensor(np.full(3, 2.0))
            theirs = torch.full((3,), 0.5).double(), torch.full((3,), 2.0).double()
            getattr(F, name)(autodiff.Tensor(x), *ours, None, None, True, momentum)
            getattr(TF, name)(torch.tensor(x), *theirs, None, None, True, momentum)
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


# layers -----------------------------------------------------------------------------------------------------

IMAGES, SIGNALS = (2, 4, 6, 6), (2, 4, 7)
PADS = ("CircularPad", "ReflectionPad", "ReplicationPad", "ZeroPad")
LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "Conv1d": (lambda m: m.Conv1d(4, 6, 3), SIGNALS),
    "Conv1d same": (lambda m: m.Conv1d(4, 6, 3, padding="same", dilation=2), SIGNALS),
    "Conv2d": (lambda m: m.Conv2d(4, 6, 3, stride=2, padding=1), IMAGES),
    "Conv2d pairs": (lambda m: m.Conv2d(4, 6, (1, 3), padding=(0, 1), groups=2, bias=False), IMAGES),
    "Conv2d valid": (lambda m: m.Conv2d(4, 6, 2, padding="valid", padding_mode="reflect"), IMAGES),
    "Conv2d reflect": (lambda m: m.Conv2d(4, 6, 3, padding=(1, 2), padding_mode="reflect"), IMAGES),
    "Conv2d circular": (lambda m: m.Conv2d(4, 6, (2, 3), padding="same", padding_mode="circular"), IMAGES),
    "Conv2d replicate": (lambda m: m.Conv2d(4, 6, 3, padding=1, padding_mode="replicate"), IMAGES),
    "depthwise": (lambda m: m.Conv2d(4, 8, 3, groups=4), IMAGES),
    "ConvTranspose1d": (lambda m: m.ConvTranspose1d(4, 6, 3, stride=2), SIGNALS),
    "ConvTranspose2d": (lambda m: m.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2), IMAGES),
    "MaxPool1d": (lambda m: m.MaxPool1d(2), SIGNALS),
    "MaxPool2d": (lambda m: m.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGES),
    "MaxPool2d indices": (lambda m: m.MaxPool2d(2, return_indices=True), IMAGES),
    "AvgPool1d": (lambda m: m.AvgPool1d(3, 2, 1, count_include_pad=False), SIGNALS),
    "AvgPool2d": (lambda m: m.AvgPool2d((2, 3)), IMAGES),
    "LPPool1d": (lambda m: m.LPPool1d(2, 3), SIGNALS),
    "LPPool2d": (lambda m: m.LPPool2d(2.0, (2, 3), stride=1, ceil_mode=True), IMAGES),
    "LocalResponseNorm": (lambda m: m.LocalResponseNorm(2, 0.5), IMAGES),
    "AdaptiveAvgPool1d": (lambda m: m.AdaptiveAvgPool1d(3), SIGNALS),
    "AdaptiveMaxPool1d": (lambda m: m.AdaptiveMaxPool1d(3), SIGNALS),
    "AdaptiveMaxPool2d": (lambda m: m.AdaptiveMaxPool2d((2, None)), IMAGES),
    **{f"{kind}1d": (lambda m, kind=kind: getattr(m, f"{kind}1d")((1, 2)), SIGNALS) for kind in PADS},
    **{f"{kind}2d": (lambda m, kind=kind: getattr(m, f"{kind}2d")(1), IMAGES) for kind in PADS},
    "ConstantPad1d": (lambda m: m.ConstantPad1d(2, 1.5), SIGNALS),
    "ConstantPad2d": (lambda m: m.ConstantPad2d((1, 0, 2, 1), -1.0), IMAGES),
    "AdaptiveAvgPool2d": (lambda m: m.AdaptiveAvgPool2d((1, None)), IMAGES),
    "BatchNorm1d": (lambda m: m.BatchNorm1d(4), SIGNALS),
    "BatchNorm1d rows": (lambda m: m.BatchNorm1d(4, momentum=None), (5, 4)),
    "BatchNorm2d": (lambda m: m.BatchNorm2d(4), IMAGES),
    "BatchNorm2d plain": (lambda m: m.BatchNorm2d(4, affine=False, track_running_stats=False), IMAGES),
    "BatchNorm2d no bias": (lambda m: m.BatchNorm2d(4, bias=False), IMAGES),
    "InstanceNorm1d": (lambda m: m.InstanceNorm1d(4, affine=True), SIGNALS),
    "InstanceNorm2d": (lambda m: m.InstanceNorm2d(4, track_running_stats=True), IMAGES),
    "InstanceNorm2d single": (lambda m: m.InstanceNorm2d(4, affine=True), IMAGES[1:]),
    "GroupNorm": (lambda m: m.GroupNorm(2, 4), IMAGES),
    "GroupNorm plain": (lambda m: m.GroupNorm(4, 4, affine=False), SIGNALS),
    "LayerNorm": (lambda m: m.LayerNorm(7), SIGNALS),
    "LayerNorm pair": (lambda m: m.LayerNorm([4, 7], bias=False), SIGNALS),
    "RMSNorm": (lambda m: m.RMSNorm(7), SIGNALS),
    "RMSNorm plain": (lambda m: m.RMSNorm((4, 7), eps=1e-3, elementwise_affine=False), SIGNALS),
    "Dropout1d": (lambda m: m.Dropout1d(0.4), SIGNALS),
    "Dropout1d single": (lambda m: m.Dropout1d(0.4), SIGNALS[1:]),
    "Dropout2d": (lambda m: m.Dropout2d(0.4), IMAGES),
    "Dropout2d all": (lambda m: m.Dropout2d(1.0), IMAGES),
    "a network": (
        lambda m: m.Sequential(
            m.Conv2d(4, 8, 3, padding=1), m.BatchNorm2d(8), m.ReLU(), m.MaxPool2d(2), m.Dropout2d(0.2),
            m.Dropout(0.1), m.Flatten(), m.Linear(72, 5), m.LayerNorm(5),
        ),
        IMAGES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LAYERS)
def test_layers(case: str) -> None:
    """The same digits from the same seed; text, state, results while training and afterwards, gradients."""
    make, shape = LAYERS[case]
    autodiff.manual_seed(3), torch.manual_seed(3)
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert_same_state(ours, theirs, exactly=True)
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    for mode in ("train", "train", "eval"):
        getattr(ours, mode)(), getattr(theirs, mode)()
        a, b = autodiff.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        z, expected = ours(a), theirs(b)
        if isinstance(expected, tuple):
            assert z[1].tolist() == expected[1].tolist()
            z, expected = z[0], expected[0]
        close(z, expected)
        (z * z * z).sum().backward(), (expected * expected * expected).sum().backward()
        close(a.grad, b.grad)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p.grad, q.grad)
        assert_same_state(ours, theirs)


def close(ours: Any, theirs: Any) -> None:
    expected = theirs.detach().numpy()
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    near = 1e-4 * max(np.abs(expected).max(initial=0), 1)
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol=1e-4, atol=near)


def assert_same_state(ours: Any, theirs: Any, exactly: bool = False) -> None:
    mine, its = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(its)
    for name, value in its.items():
        assert (tuple(mine[name].shape), str(mine[name].dtype)) == (
            tuple(value.shape), str(value.dtype).removeprefix("torch."),
        )  # fmt: skip
        if exactly:
            np.testing.assert_array_equal(mine[name].numpy(), value.numpy())
        else:
            close(mine[name], value)


def test_an_output_size_may_be_asked_for() -> None:
    x = autodiff.ones(1, 2, 4, 4)
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2)
    assert layer(x, output_size=(10, 9)).shape == layer(x, (1, 3, 10, 9)).shape == (1, 3, 10, 9)
    with pytest.raises(ValueError, match="requested an output size"):
        layer(x, (11, 9))


# refusals ---------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[Any, Any, Any], Any], str]] = {
    "channels": (
        lambda t, f, m: f.conv2d(t.ones(1, 4, 8, 8), t.ones(6, 3, 5, 5)),
        "to have 3 channels, but got 4",
    ),
    "a large kernel": (
        lambda t, f, m: f.conv2d(t.ones(3, 2, 2), t.ones(6, 3, 5, 5)),
        "Kernel size can't be greater",
    ),
    "2-D": (lambda t, f, m: f.conv2d(t.ones(2, 2), t.ones(6, 3, 5, 5)), "Expected 3D"),
    "a bias": (
        lambda t, f, m: f.conv1d(t.ones(2, 2), t.ones(6, 2, 1), t.ones(5)),
        "expected bias to be 1-dimensional",
    ),
    "stride 0": (lambda t, f, m: f.conv1d(t.ones(2, 2), t.ones(6, 2, 1), stride=0), "non-positive stride"),
    "padding -1": (lambda t, f, m: f.conv1d(t.ones(2, 2), t.ones(6, 2, 1), padding=-1), "negative padding"),
    "dtypes": (
        lambda t, f, m: f.conv1d(t.ones(2, 2), t.ones(6, 2, 1, dtype=t.float64)),
        "should be the same",
    ),
    "groups": (lambda t, f, m: f.conv1d(t.ones(2, 2), t.ones(3, 1, 1), groups=2), "groups=2"),
    "same and stride": (lambda t, f, m: f.conv1d(t.ones(2, 2), t.ones(3, 2, 1), None, 2, "same"), "strided"),
    "an output padding": (
        lambda t, f, m: f.conv_transpose1d(t.ones(2, 2), t.ones(2, 3, 1), output_padding=1),
        "must be smaller",
    ),
    "a large pad": (lambda t, f, m: f.max_pool2d(t.ones(1, 4, 4), 2, padding=2), "half of kernel size"),
    "a large pool": (lambda t, f, m: f.max_pool2d(t.ones(1, 2, 2), 3), "too small"),
    "a 5-D pool": (lambda t, f, m: f.max_pool2d(t.ones(1, 1, 1, 2, 2), 1), "3D"),
    "reflect": (lambda t, f, m: f.pad(t.ones(1, 2), (2, 0), "reflect"), "Padding size should be less than"),
    "odd padding": (lambda t, f, m: f.pad(t.ones(1, 2), (2,)), "divisible by 2"),
    "no mode": (lambda t, f, m: f.pad(t.ones(1, 2), (1, 1), "mirror"), "mirror"),
    "one value": (lambda t, f, m: f.batch_norm(t.ones(1, 3), None, None, training=True), "more than 1 value"),
    "eval without": (lambda t, f, m: f.batch_norm(t.ones(2, 3), None, None), "to be defined"),
    "features": (lambda t, f, m: m.BatchNorm1d(3)(t.ones(2, 4)), "should contain 4 elements not 3"),
    "dims of BatchNorm2d": (lambda t, f, m: m.BatchNorm2d(3)(t.ones(2, 3)), "expected 4D input"),
    "dims of BatchNorm1d": (lambda t, f, m: m.BatchNorm1d(3)(t.ones(2, 3, 1, 1)), "expected 2D or 3D input"),
    "a row": (lambda t, f, m: f.layer_norm(t.ones(2, 3), (4,)), "Given normalized_shape="),
    "groups of channels": (lambda t, f, m: f.group_norm(t.ones(2, 3), 2), "divisible by num_groups"),
    "GroupNorm": (lambda t, f, m: m.GroupNorm(2, 3), "must be divisible by num_groups"),
    "Conv2d groups": (lambda t, f, m: m.Conv2d(3, 4, 3, groups=2), "in_channels must be divisible by groups"),
    "Conv2d padding": (lambda t, f, m: m.Conv2d(3, 4, 3, padding="sam"), "Invalid padding string 'sam'"),
    "Conv2d same": (lambda t, f, m: m.Conv2d(3, 4, 3, 2, padding="same"), "not supported for strided"),
    "Conv2d mode": (lambda t, f, m: m.Conv2d(3, 4, 3, padding_mode="x"), "padding_mode must be one of"),
    "no tensor": (lambda t, f, m: f.conv2d([1.0], t.ones(1, 1, 1, 1)), "must be Tensor"),
    "dropout1d": (lambda t, f, m: f.dropout1d(t.ones(2, 2, 2, 2)), "Expected 2D or 3D input"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_those_of_torch(case: str) -> None:
    call, words = REFUSED[case]
    with pytest.raises((RuntimeError, ValueError, TypeError)) as theirs:
        call(torch, TF, torch.nn)
    with pytest.raises(theirs.type, match=words):
        call(autodiff, F, nn)


def test_dropout2d_warns_where_torch_does() -> None:
    for shape in ((2, 3), (2, 3, 4)):
        with pytest.warns(UserWarning, match="dropout2d: Received a"):
            F.dropout2d(autodiff.ones(shape))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.dropout2d(autodiff.ones(1, 2, 3, 4))
