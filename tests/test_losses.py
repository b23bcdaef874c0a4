"""Losses against PyTorch: values, first and second derivatives, reductions, weights, and what they refuse.

Functions have the same names and arguments in both libraries, so a case is a name and its arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
import nn

from . import strategies as draw
from .against_torch import TORCH_DTYPES, assert_float32_like_torch, assert_like_torch

F, T = nn.functional, torch.nn.functional
Array = np.ndarray[Any, Any]

REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


def plus_minus_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Targets of the hinge loss."""
    return rng.choice([-1.0, 1.0], shape)


def zero_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Labels as probabilities: certain, or not."""
    return rng.choice([0.0, 1.0, 0.3], shape)


def torch_hinge(input: torch.Tensor, target: torch.Tensor, reduction: str) -> torch.Tensor:
    each = torch.relu(1 - target * input)
    return {"mean": each.mean, "sum": each.sum, "none": lambda: each}[reduction]()


# loss, domains of input and target, options other than the reduction
ELEMENTWISE: list[tuple[str, Any, Any, list[dict[str, Any]]]] = [
    ("mse_loss", draw.real, draw.real, [{}]),
    ("l1_loss", draw.apart, draw.apart, [{}]),
    ("l1_loss", draw.at_kinks, draw.at_kinks, [{}]),
    ("smooth_l1_loss", draw.real, draw.real, [{}, {"beta": 0.3}, {"beta": 2.5}, {"beta": 0.0}]),
    ("huber_loss", draw.real, draw.real, [{}, {"delta": 0.3}, {"delta": 2.5}]),
    ("binary_cross_entropy", draw.unit, draw.unit, [{}]),
    ("binary_cross_entropy", draw.unit, zero_one, [{}]),
    ("binary_cross_entropy_with_logits", draw.real, draw.unit, [{}]),
    ("binary_cross_entropy_with_logits", draw.with_zeros, zero_one, [{}]),
    ("binary_cross_entropy_with_logits", draw.large, zero_one, [{}]),
    ("hinge_loss", draw.real, plus_minus_one, [{}]),
]
IDS = [f"{name}-{x.__name__}-{y.__name__}" for name, x, y, _ in ELEMENTWISE]


def of_torch(name: str) -> Callable[..., Any]:
    return torch_hinge if name == "hinge_loss" else getattr(T, name)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "input", "target", "options"), ELEMENTWISE, ids=IDS)
@given(data=st.data())
def test_elementwise(
    name: str, input: Any, target: Any, options: list[dict[str, Any]], data: st.DataObject
) -> None:
    shape = data.draw(draw.shapes())
    x, y = data.draw(draw.arrays(shape, input)), data.draw(draw.arrays(shape, target))
    kwargs = data.draw(st.sampled_from(options)) | {"reduction": data.draw(REDUCTIONS)}
    ours, theirs = getattr(F, name), of_torch(name)
    wanted = [0] if name == "hinge_loss" else [0, 1]
    smooth = input is not draw.at_kinks and math.prod(shape) != 0
    assert_like_torch(
        lambda x, y: ours(x, y, **kwargs), lambda x, y: theirs(x, y, **kwargs), (x, y), wanted, second=smooth
    )
    if math.prod(shape):
        assert_float32_like_torch(
            lambda x, y: ours(x, y, **kwargs), lambda x, y: theirs(x, y, **kwargs), (x, y), ulps=8
        )


@given(data=st.data())
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights_of_regression(name: str, data: st.DataObject) -> None:
    shape = data.draw(draw.shapes(min_side=1))
    x, y = data.draw(draw.arrays(shape, draw.apart)), data.draw(draw.arrays(shape, draw.apart))
    w = data.draw(draw.arrays(shape, draw.positive))
    reduction = data.draw(REDUCTIONS)
    assert_like_torch(
        lambda x, y, w: getattr(F, name)(x, y, weight=w, reduction=reduction),
        lambda x, y, w: getattr(T, name)(x, y, weight=w, reduction=reduction),
        (x, y, w), wanted=[0, 1],
    )  # fmt: skip


@given(data=st.data())
@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_weights_of_bce(name: str, data: st.DataObject) -> None:
    shape = data.draw(draw.shapes(min_dims=1, min_side=1))
    domain = draw.unit if name == "binary_cross_entropy" else draw.real
    x, y = data.draw(draw.arrays(shape, domain)), data.draw(draw.arrays(shape, draw.unit))
    weights = st.one_of(
        st.none(), draw.arrays(st.sampled_from([shape, shape[1:], (1,) * len(shape), ()]), draw.positive)
    )
    w, p = data.draw(weights), data.draw(weights) if name.endswith("logits") else None
    reduction = data.draw(REDUCTIONS)

    def call(module: Any) -> Callable[..., Any]:
        extra = (lambda p: {"pos_weight": p}) if name.endswith("logits") else (lambda p: {})
        return lambda x, y, w, p: getattr(module, name)(x, y, w, reduction=reduction, **extra(p))

    assert_like_torch(call(F), call(T), (x, y, w, p), wanted=[0, 1])


@st.composite
def classified(draw_: st.DrawFn, probabilities: bool) -> tuple[Any, ...]:
    """Logits, targets, class weights or None, and options: (C,), (N, C) or (N, C, d1, ...)."""
    classes = draw_(st.integers(1, 4))
    batch = draw_(st.sampled_from([(), (1,), (3,), (3,), (2, 3), (2, 2, 1)]))
    shape = (*batch[:1], classes, *batch[1:])
    x = draw_(draw.arrays(shape, [draw.real, draw.real, draw.large]))
    w = draw_(st.one_of(st.none(), draw.arrays((classes,), draw.positive)))
    options: dict[str, Any] = {"reduction": draw_(REDUCTIONS)}
    if probabilities:
        y = draw_(draw.arrays(shape, draw.unit))
    else:
        y = draw_(draw.arrays(batch, draw.whole(0, classes)))
        options["ignore_index"] = draw_(st.sampled_from([-100, 0, 1, -1]))
        if draw_(st.booleans()) and options["ignore_index"] < 0:
            y = np.where(np.random.default_rng(0).random(batch) < 0.4, options["ignore_index"], y)
    return x, y, w, options


@given(case=classified(probabilities=False), smoothing=st.sampled_from([0.0, 0.0, 0.1, 1.0]))
def test_cross_entropy_of_indices(case: tuple[Any, ...], smoothing: float) -> None:
    x, y, w, options = case
    options = options | {"label_smoothing": smoothing}
    assert_like_torch(
        lambda x, y, w: F.cross_entropy(x, y, w, **options),
        lambda x, y, w: T.cross_entropy(x, y, w, **options),
        (x, y, w),
        [0],
    )


@given(case=classified(probabilities=True), smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def test_cross_entropy_of_probabilities(case: tuple[Any, ...], smoothing: float) -> None:
    x, y, w, options = case
    options = options | {"label_smoothing": smoothing}
    assert_like_torch(
        lambda x, y, w: F.cross_entropy(x, y, w, **options),
        lambda x, y, w: T.cross_entropy(x, y, w, **options),
        (x, y, w), [0, 1],
    )  # fmt: skip


@given(case=classified(probabilities=False))
def test_nll(case: tuple[Any, ...]) -> None:
    x, y, w, options = case
    assert_like_torch(
        lambda x, y, w: F.nll_loss(x, y, w, **options),
        lambda x, y, w: T.nll_loss(x, y, w, **options),
        (x, y, w),
        [0],
    )


@given(case=classified(probabilities=False))
def test_cross_entropy_in_float32(case: tuple[Any, ...]) -> None:
    x, y, _, options = case
    x = x.astype(np.float32)
    assert_float32_like_torch(
        lambda x, y: F.cross_entropy(x, y, **options),
        lambda x, y: T.cross_entropy(x, y, **options),
        (x, y),
        ulps=16,
    )


SINGLE = {"mse_loss": 1, "binary_cross_entropy": 1, "binary_cross_entropy_with_logits": 1, "cross_entropy": 1}


@pytest.mark.parametrize("name", SINGLE)
def test_hot_paths_are_one_primitive(name: str) -> None:
    x = autodiff.rand(4, 3).requires_grad_()
    target = autodiff.tensor([0, 2, 1, 1]) if name == "cross_entropy" else autodiff.rand(4, 3)
    loss = getattr(F, name)(x, target)
    assert loss.grad_fn.inputs[0] is x.record


def test_stable_at_the_ends() -> None:
    x = autodiff.tensor([-1000.0, 1000.0, 0.0], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, autodiff.tensor([1.0, 1.0, 1.0]), reduction="none")
    assert loss.tolist() == [1000.0, 0.0, pytest.approx(math.log(2))]
    loss.sum().backward()
    assert x.grad.tolist() == [-1.0, 0.0, -0.5]

    p = autodiff.tensor([0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, autodiff.tensor([1.0, 0.0]), reduction="none")
    assert loss.tolist() == [100.0, 100.0]
    loss.sum().backward()
    q = torch.tensor([0.0, 1.0], requires_grad=True)
    T.binary_cross_entropy(q, torch.tensor([1.0, 0.0]), reduction="sum").backward()
    np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())

    logits = autodiff.tensor([[0.0, 1e4, -1e4]], requires_grad=True)
    loss = F.cross_entropy(logits, autodiff.tensor([2]))
    assert loss.item() == 2e4
    loss.backward()
    assert logits.grad.tolist() == [[0.0, 1.0, -1.0]]


def test_nothing_to_average_is_nan() -> None:
    empty = autodiff.zeros(0)
    for name in (
        "mse_loss",
        "l1_loss",
        "huber_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
    ):
        assert math.isnan(getattr(F, name)(empty, empty).item()), name
        assert getattr(F, name)(empty, empty, reduction="sum").item() == 0, name
    ignored = autodiff.tensor([-100, -100])
    assert math.isnan(F.cross_entropy(autodiff.rand(2, 3), ignored).item())
    assert F.cross_entropy(autodiff.rand(2, 3), ignored, reduction="sum").item() == 0


# what is refused ---------------------------------------------------------------------------------------

OTHERS = "kl_div poisson_nll_loss hinge_embedding_loss soft_margin_loss multilabel_soft_margin_loss".split()
PAIRED = sorted({*(name for name, *_ in ELEMENTWISE), *OTHERS})


@pytest.mark.parametrize("name", PAIRED)
def test_mismatched_shapes_are_refused(name: str) -> None:
    column, row = autodiff.ones(4, 1), autodiff.ones(4)
    with pytest.raises(ValueError, match="must be the same as input size") as error:
        getattr(F, name)(column, row, reduction="sum")
    for expected in ("(4,)", "(4, 1)", "(4, 4)", "target.reshape(4, 1)", "target.unsqueeze(1)"):
        assert expected in str(error.value)
    with pytest.raises(ValueError, match=r"\(4, 4\).*target.reshape\(4\)"):
        getattr(F, name)(row, column, reduction="sum")
    with pytest.raises(ValueError, match=r"do not even broadcast.*4 predictions and 3 targets"):
        getattr(F, name)(row, autodiff.ones(3), reduction="sum")
    with pytest.raises(ValueError, match="4 predictions and 1 targets"):
        getattr(F, name)(row, autodiff.tensor(1.0), reduction="sum")


R, X = autodiff.rand, autodiff.tensor
mse, bce, logits = F.mse_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits
ce, nll = F.cross_entropy, F.nll_loss

WRONG: dict[type[Exception], list[tuple[Callable[[], Any], str]]] = {
    TypeError: [
        (lambda: mse(R(2), 1.0), r"argument 'target' \(position 2\) must be Tensor, not float"),
        (lambda: ce([1.0], X(0)), r"argument 'input' \(position 1\) must be Tensor, not list"),
        (
            lambda: ce(R(1, 2), X(0), weight=[1, 2]),
            r"argument 'weight' \(position 3\) must be Tensor, not list",
        ),
    ],
    ValueError: [
        (lambda: mse(R(2), R(2), reduction="avg"), "avg is not a valid value for reduction"),
        (lambda: mse(R(2), R(2), weight=R(3)), "Weights and input must have the same size"),
        (lambda: F.gaussian_nll_loss(R(2, 1), R(1, 2), R(2, 2)), "must be the same as input size"),
        (lambda: F.margin_ranking_loss(R(2, 1), R(2, 2), R(2, 2)), "must be the same as input size"),
        (lambda: F.triplet_margin_loss(R(2, 3), R(1, 3), R(2, 3)), "must be the same as input size"),
        (lambda: F.cosine_embedding_loss(R(2, 3), R(1, 3), R(2)), "must be the same as input size"),
        (lambda: F.cosine_embedding_loss(R(2, 3), R(2, 3), R(1)), "one number for each row"),
        (lambda: nn.MultiMarginLoss(3), "only p == 1 and p == 2 supported"),
        (lambda: nn.MultiMarginLoss(weight=R(2, 2)), "expected weight to be None or 1D tensor, got 2D"),
        (lambda: nn.TripletMarginLoss(0), "expected margin to be greater than 0, got 0 instead"),
        (lambda: ce(R(4, 3), X([0, 1])), r"input batch_size \(4\) to match target batch_size \(2\)"),
        (lambda: ce(X(1.0), X(0)), "Expected 1 or more dimensions"),
        (lambda: F.hinge_loss(R(2), X([0.0, 1.0])), r"targets are -1 or 1, and one is 0.*2 \* target - 1"),
    ],
    NotImplementedError: [
        (lambda: mse(X([1]), X([2])), "not implemented for int64"),
        (lambda: ce(X([[1, 2]]), X([0])), "not implemented for int64"),
    ],
    IndexError: [
        (lambda: ce(R(4, 3), X([0, 1, 2, 3])), "Target 3 is out of bounds.*0 to 2, or -100 to ignore a row"),
        (lambda: ce(R(4, 3), X([0, 1, 2, -1])), "Target -1 is out of bounds"),
        (lambda: nll(R(2, 3, 4), X([[7] * 4] * 2)), "Target 7 is out of bounds"),
    ],
    RuntimeError: [
        (lambda: F.smooth_l1_loss(R(2), R(2), beta=-1.0), "does not support negative values for beta"),
        (lambda: F.huber_loss(R(2), R(2), delta=0.0), "does not support non-positive values for delta"),
        (lambda: bce(R(2), X([1, 0])), "Found dtype int64 but expected float32.*target.to"),
        (lambda: bce(R(2) + 1, R(2)), "all elements of input should be between 0 and 1.*apply sigmoid first"),
        (lambda: bce(R(2) * math.nan, R(2)), "all elements of input should be between 0 and 1"),
        (lambda: bce(R(2), R(2) - 1), "all elements of target should be between 0 and 1"),
        (lambda: bce(R(2), R(2), R(2, 2)), "doesn't match the broadcast shape"),
        (lambda: logits(R(2), X([1, 0])), "result type float32 can't be cast.*target.float"),
        (lambda: logits(R(3, 2), R(3, 2), pos_weight=R(3)), "must match the size"),
        (lambda: ce(R(4, 3), R(4)), "expected target dtype to be int64, but got float32"),
        (lambda: ce(R(2, 3), X([[0], [1]])), "multi-target not supported.*target.squeeze"),
        (lambda: ce(R(2, 3), R(2, 3).long()), "multi-target not supported.*argmax"),
        (lambda: ce(R(2, 3, 4), R(2, 5).long()), r"Expected target size \[2, 4\], got \[2, 5\]"),
        (lambda: ce(R(2, 3), X([0, 1]), R(2)), "either for all 3 classes or no classes"),
        (lambda: nll(R(2, 3), X([0, 1]), R(3).double()), "expected scalar type float32 but found float64"),
        (lambda: ce(R(2, 3), X([0, 1]), label_smoothing=1.5), "between 0.0 and 1.0. Got: 1.5"),
        (lambda: ce(R(2, 3), R(2, 3), ignore_index=1), "not supported for floating point target"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "call", "words"), [(kind, *case) for kind, cases in WRONG.items() for case in cases]
)
def test_errors(kind: type[Exception], call: Callable[[], Any], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_dtypes_promote() -> None:
    x = autodiff.rand(3).requires_grad_()
    for target, dtype in ((autodiff.rand(3).double(), np.float64), (autodiff.tensor([1, 0, 1]), np.float32)):
        loss = F.mse_loss(x, target)
        assert loss.dtype == dtype
        loss.backward()
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("flags", "reduction"), [((False, None), "sum"), ((None, False), "none"), ((True, True), "mean")]
)
def test_old_flags(flags: tuple[Any, Any], reduction: str) -> None:
    x, y = autodiff.rand(3), autodiff.rand(3)
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}'"):
        assert F.mse_loss(x, y, *flags).tolist() == F.mse_loss(x, y, reduction=reduction).tolist()
    with pytest.warns(UserWarning, match="deprecated"):
        assert nn.MSELoss(*flags).reduction == reduction


# as modules --------------------------------------------------------------------------------------------

MODULES: list[tuple[str, dict[str, Any], str]] = [
    ("MSELoss", {"reduction": "sum"}, "same"),
    ("L1Loss", {}, "same"),
    ("SmoothL1Loss", {"beta": 0.5}, "same"),
    ("HuberLoss", {"delta": 0.5}, "same"),
    ("BCELoss", {"reduction": "none"}, "same"),
    ("BCELoss", {"weight": [0.5, 2.0, 1.0]}, "same"),
    ("BCEWithLogitsLoss", {"pos_weight": [0.5, 2.0, 1.0]}, "same"),
    ("BCEWithLogitsLoss", {"weight": [0.5, 2.0, 1.0]}, "same"),
    ("CrossEntropyLoss", {}, "classes"),
    ("CrossEntropyLoss", {"label_smoothing": 0.2, "ignore_index": 1, "weight": [0.5, 2.0, 1.0]}, "classes"),
    ("CrossEntropyLoss", {}, "same"),
    ("NLLLoss", {"ignore_index": 2}, "classes"),
    ("KLDivLoss", {"reduction": "batchmean", "log_target": True}, "same"),
    ("KLDivLoss", {"reduction": "sum"}, "same"),
    ("PoissonNLLLoss", {}, "same"),
    ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 0.1}, "same"),
    ("GaussianNLLLoss", {}, "two"),
    ("GaussianNLLLoss", {"full": True, "eps": 0.3, "reduction": "sum"}, "two"),
    ("HingeEmbeddingLoss", {"margin": 0.5}, "signs"),
    ("SoftMarginLoss", {}, "signs"),
    ("MarginRankingLoss", {"margin": 0.5}, "two"),
    ("MarginRankingLoss", {}, "two"),
    ("CosineEmbeddingLoss", {"margin": 0.1}, "directions"),
    ("TripletMarginLoss", {}, "two"),
    ("TripletMarginLoss", {"margin": 0.5, "p": 1.0, "eps": 0.1, "swap": True}, "two"),
    ("TripletMarginWithDistanceLoss", {"swap": True, "reduction": "sum"}, "two"),
    ("MultiMarginLoss", {}, "classes"),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": [0.5, 2.0, 1.0]}, "classes"),
    ("MultiLabelMarginLoss", {}, "labels"),
    ("MultiLabelSoftMarginLoss", {"weight": [0.5, 2.0, 1.0]}, "same"),
]


@pytest.mark.parametrize(
    ("name", "options", "target"), MODULES, ids=lambda x: x if isinstance(x, str) else "-".join(x)
)
def test_modules(name: str, options: dict[str, Any], target: str) -> None:
    rng = np.random.default_rng(0)
    x, y, z = (rng.uniform(0.1, 0.9, (4, 3)).astype(np.float32) for _ in range(3))
    args = {
        "same": (x, y),
        "classes": (x, rng.integers(0, 3, 4)),
        "signs": (x, np.where(y > 0.5, 1, -1)),
        "labels": (x, np.array([[0, -1, 0], [1, 2, -1], [-1, 0, 0], [2, 1, 0]])),
        "two": (x, y, z),
        "directions": (x, y, np.array([1, -1, 1, -1])),
    }[target]

    def run(library: Any, tensor: Callable[[Array], Any], as_tensor: Callable[..., Any]) -> Any:
        made = {key: as_tensor(value) if isinstance(value, list) else value for key, value in options.items()}
        loss = getattr(library, name)(**made)
        return loss(*map(tensor, args)), loss

    ours, our_module = run(nn, autodiff.from_numpy, autodiff.tensor)
    theirs, their_module = run(torch.nn, torch.from_numpy, torch.tensor)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)
    assert TORCH_DTYPES[ours.dtype] == theirs.dtype
    assert repr(our_module) == repr(their_module)
    assert list(our_module.state_dict()) == list(their_module.state_dict())
    assert [name for name, _ in our_module.named_modules()] == [
        name for name, _ in their_module.named_modules()
    ]
