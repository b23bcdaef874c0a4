"""Losses by their names in nn.functional: every reduction and option, and what both libraries refuse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import strategies as draw
from ..strategies import Array, apart, arrays, nonzero, positive, real, unit, whole
from . import Row, wrong

Draw = st.DrawFn

# targets ----------------------------------------------------------------------------------------------------


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Targets of -1 or 1."""
    return rng.choice([-1.0, 1.0], shape)


def whole_signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """The same as integers."""
    return rng.choice([-1, 1], shape)


def counts(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Whole numbers as floats, 0 among them."""
    return rng.integers(0, 5, shape).astype(float)


def logarithms(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Logarithms of probabilities."""
    return -rng.uniform(0.1, 3, shape)


# arguments --------------------------------------------------------------------------------------------------


@st.composite
def alike(draw_: Draw, *domains: Any, min_dims: int = 0, also: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    """Arrays of one shape that is not empty, and of each of the lists one value."""
    shape = draw_(draw.shapes(min_dims, min_side=1))
    xs = tuple(draw_(arrays(shape, domain)) for domain in domains)
    return (*xs, *(draw_(st.sampled_from(values)) for values in also))


@st.composite
def classified(draw_: Draw, weighted: bool = True, probabilities: bool = False) -> tuple[Any, ...]:
    """Scores (C,), (N, C) or (N, C, d1), the right classes, and weights of the classes or None."""
    classes = draw_(st.integers(1, 4))
    batch = draw_(st.sampled_from([(), (1,), (3,), (2, 2)]))
    shape = (*batch[:1], classes, *batch[1:])
    target = arrays(shape, unit) if probabilities else arrays(batch, whole(0, classes))
    weight = arrays((classes,), positive) if weighted else st.nothing()
    return draw_(arrays(shape, apart)), draw_(target), draw_(st.one_of(st.none(), weight))


@st.composite
def ranked(draw_: Draw, p: int) -> tuple[Any, ...]:
    """Scores (N, C) or (C,), the right classes, p, a margin, and weights of the classes or None."""
    classes, batch = draw_(st.integers(1, 4)), draw_(st.sampled_from([(), (1,), (3,)]))
    weight = draw_(st.one_of(st.none(), arrays((classes,), positive)))
    target = arrays(batch, whole(0, classes))
    margin = draw_(st.sampled_from([1.0, 0.5]))
    return draw_(arrays((*batch, classes), apart)), draw_(target), p, margin, weight


@st.composite
def labelled(draw_: Draw) -> tuple[Any, ...]:
    """Scores (N, C) or (C,), and in each row some right classes, then -1, then anything."""
    shape = (*draw_(st.sampled_from([(), (1,), (3,)])), draw_(st.integers(1, 4)))
    return draw_(arrays(shape, apart)), draw_(arrays(shape, whole(-1, shape[-1])))


@st.composite
def with_variance(draw_: Draw) -> tuple[Any, ...]:
    """Means, numbers, and variances: of each, of each row, or with one dimension of length 1."""
    shape = draw_(draw.shapes(1, min_side=2))
    d = draw_(st.integers(0, len(shape) - 1))
    of_var = draw_(st.sampled_from([shape, shape[:-1], (*shape[:d], 1, *shape[d + 1 :])]))
    return (*(draw_(arrays(shape)) for _ in range(2)), draw_(arrays(of_var, positive)))


@st.composite
def directed(draw_: Draw) -> tuple[Any, ...]:
    """Two vectors, or rows of them, and for each pair -1 or 1."""
    batch = draw_(st.sampled_from([(), (1,), (3,)]))
    shape = (*batch, draw_(st.integers(2, 4)))
    return draw_(arrays(shape, nonzero)), draw_(arrays(shape, nonzero)), draw_(arrays(batch, signs))


# the table --------------------------------------------------------------------------------------------------


def loss(
    name: str, arguments: Any, keywords: str = "", *variants: dict[str, Any], **options: Any
) -> list[Row]:
    """A row for each reduction and each variant of the options."""
    return [
        Row(f"nn.functional.{name}", arguments, keywords, {"reduction": reduction} | variant, **options)
        for reduction in ("mean", "sum", "none")
        for variant in variants or ({},)
    ]


def with_weights(function: Any, input: Any, target: Any, weight: Any, **options: Any) -> Any:
    """A call with weights, whose place among the arguments is far behind."""
    return function(input, target, weight=weight, **options)


def unwarned(function: Any, *args: Any, **options: Any) -> Any:
    """A call that may warn: both libraries do, of a mean that is no divergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **options)


PAIR, WEIGHTED, TRIPLET = "input target", "input target weight", "anchor positive negative"

ROWS = [
    *loss("mse_loss", alike(real, real), PAIR),
    *loss("mse_loss", alike(real, real, positive), call=with_weights, wanted=[0, 1], ulps=8),
    *loss("l1_loss", alike(apart, real), PAIR),
    *loss("l1_loss", alike(apart, real, positive), call=with_weights, wanted=[0, 1], ulps=8),
    *loss("smooth_l1_loss", alike(real, real), PAIR, {}, {"beta": 0.3}, {"beta": 0.0}, ulps=8),
    *loss("huber_loss", alike(real, real), PAIR, {}, {"delta": 0.3}, ulps=8),
    *loss("binary_cross_entropy", alike(unit, unit), PAIR, ulps=8),
    *loss("binary_cross_entropy", alike(unit, unit, positive), WEIGHTED, wanted=[0, 1], ulps=8, rtol=1e-8),
    *loss("binary_cross_entropy_with_logits", alike(real, unit), PAIR, ulps=8),
    *loss(
        "binary_cross_entropy_with_logits",
        alike(real, unit, positive, positive),
        call=lambda f, x, y, w, p, **options: f(x, y, w, pos_weight=p, **options),
        wanted=[0, 1],
        ulps=8,
    ),
    *loss("nll_loss", classified(), WEIGHTED, {}, {"ignore_index": 0}, wanted=[0], ulps=8),
    *loss("cross_entropy", classified(), WEIGHTED, {}, {"label_smoothing": 0.2}, wanted=[0], near=3.0),
    *loss("cross_entropy", classified(), WEIGHTED, {"ignore_index": 1}, wanted=[0], near=3.0),
    *loss("cross_entropy", classified(probabilities=True), WEIGHTED, wanted=[0, 1], near=3.0),
    # of distributions
    *loss("kl_div", alike(logarithms, unit), call=unwarned, ulps=8, near=2),
    *loss("kl_div", alike(logarithms, counts), call=unwarned, wanted=[0], ulps=8, near=2),
    *loss("kl_div", alike(logarithms, logarithms), "", {"log_target": True}, call=unwarned, ulps=8, near=2),
    Row("nn.functional.kl_div", alike(logarithms, unit), PAIR, {"reduction": "batchmean"}, ulps=8, near=2),
    *loss("poisson_nll_loss", alike(real, counts), PAIR, {}, {"full": True}, wanted=[0], near=9.0),
    *loss("poisson_nll_loss", alike(real, positive), PAIR, {}, {"full": True}, near=9.0),
    *loss("poisson_nll_loss", alike(positive, counts), PAIR, {"log_input": False, "eps": 0.1}, near=9.0),
    *loss("gaussian_nll_loss", with_variance(), "input target var", {}, {"full": True, "eps": 0.5}, near=9.0),
    *loss("gaussian_nll_loss", alike(real, real, also=([0.5],)), "input target var", near=9.0),
    # with a margin
    *loss("hinge_embedding_loss", alike(apart, signs, also=([1.0, 0.5],)), "input target margin", wanted=[0]),
    *loss("hinge_embedding_loss", alike(apart, whole_signs), PAIR),
    *loss("margin_ranking_loss", alike(apart, real, signs, also=([0, 0.3],)), "input1 input2 target margin"),
    *loss("soft_margin_loss", alike(real, signs), PAIR, wanted=[0], ulps=8),
    *loss("multi_margin_loss", ranked(1), "input target p margin weight", wanted=[0], second=False, near=3.0),
    *loss("multi_margin_loss", ranked(2), "input target p margin weight", wanted=[0], second=False, near=9.0),
    *loss("multilabel_margin_loss", labelled(), PAIR, second=False, near=3.0),
    *loss("multilabel_soft_margin_loss", alike(real, unit, min_dims=1), PAIR, near=3.0),
    *loss("multilabel_soft_margin_loss", alike(real, unit, positive, min_dims=1), WEIGHTED, near=3.0),
    *loss(
        "triplet_margin_loss",
        alike(apart, real, positive, min_dims=1, also=([1.0, 0.5],)),
        f"{TRIPLET} margin",
        {},
        {"swap": True},
        {"p": 1.0, "eps": 0.1},
        near=9.0,
        rtol=1e-8,
    ),
    *loss(
        "triplet_margin_with_distance_loss",
        alike(apart, real, positive, min_dims=1),
        TRIPLET,
        near=9.0,
        rtol=1e-8,
    ),
    *loss(
        "cosine_embedding_loss",
        directed(),
        "input1 input2 target",
        {},
        {"margin": 0.3},
        wanted=[0, 1],
        near=9.0,
    ),
]

ONES, CLASSES = np.ones((2, 3), np.float32), np.array([0, 2])
ROW = ONES[0]


OF_PAIRS = """mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits
kl_div poisson_nll_loss hinge_embedding_loss soft_margin_loss""".split()

ERRORS = [
    *(
        wrong(name, ONES, ONES, reduction="bad", words="bad is not a valid value for reduction")
        for name in OF_PAIRS
    ),
    wrong("gaussian_nll_loss", ONES, ONES, ONES, reduction="bad", words="bad is not"),
    wrong("gaussian_nll_loss", ONES, ONES, -ONES, words="var has negative entry/entries"),
    wrong("gaussian_nll_loss", ONES, ONES, -1.0, words="var has negative entry/entries"),
    wrong("gaussian_nll_loss", ONES, ONES, ROW, words="var is of incorrect size"),
    wrong(
        "kl_div",
        ONES,
        np.ones((2, 3), np.int64),
        reduction="sum",
        words="kl_div: Integral inputs not supported",
    ),
    wrong("margin_ranking_loss", ONES, ONES, ROW, words="All input tensors should have same dimension"),
    wrong("triplet_margin_loss", ONES, ONES, ONES, 0, words="margin must be greater than 0, got 0"),
    wrong("triplet_margin_loss", ONES, ONES, ROW, words="to have the same number of dimensions"),
    wrong("triplet_margin_with_distance_loss", ONES, ONES, ONES, margin=-1, words="must be greater than 0"),
    wrong("cosine_embedding_loss", ONES, ONES, ONES, words="multi-target not supported"),
    wrong("cosine_embedding_loss", ROW, ROW, ROW, words="1D target tensor expects 2D input tensors"),
    wrong(
        "cosine_embedding_loss", ONES, ONES, np.array(1.0), words="0D target tensor expects 1D input tensors"
    ),
    wrong("multi_margin_loss", ONES, CLASSES, 3, words="only p == 1 and p == 2 supported"),
    wrong("multi_margin_loss", ONES, np.array([0, 3]), words="target out of range"),
    wrong("multi_margin_loss", ONES, np.array([0, -1]), words="target out of range"),
    wrong("multi_margin_loss", ONES, np.array([0]), words="with size equal to the number of input samples"),
    wrong("multi_margin_loss", ONES, np.ones(2), words="expected scalar type Long"),
    wrong("multi_margin_loss", np.ones((2, 3, 4)), CLASSES, words="Expected non-empty vector or matrix"),
    wrong("multi_margin_loss", ONES, CLASSES, weight=ONES, words="weight must be one-dimensional"),
    wrong("multi_margin_loss", ONES, CLASSES, weight=np.ones(2), words="inconsistent weight size"),
    wrong("multi_margin_loss", ONES, CLASSES, weight=np.ones(3), words="expected scalar type"),
    wrong("multi_margin_loss", np.ones((2, 3), np.int64), CLASSES, words="not implemented for"),
    wrong("multilabel_margin_loss", ONES, CLASSES, words="inconsistent target size"),
    wrong("multilabel_margin_loss", ONES, np.full((2, 3), 3), words="argument #2 'target' is out of range"),
    wrong("multilabel_margin_loss", ONES, np.full((2, 3), -2), words="argument #2 'target' is out of range"),
    wrong("multilabel_soft_margin_loss", np.array(1.0), np.array(1.0), words="tensor has no dimensions"),
    wrong("nll_loss", ONES, np.array([0, 3]), words="Target 3 is out of bounds."),
    wrong("cross_entropy", ONES, np.array([0, 3]), words="Target 3 is out of bounds."),
    wrong("cross_entropy", ONES, np.array([0]), words="to match target batch_size"),
    wrong("smooth_l1_loss", ONES, ONES, beta=-1.0, words="does not support negative values for beta"),
    wrong("huber_loss", ONES, ONES, delta=0.0, words="does not support non-positive values for delta"),
    wrong("binary_cross_entropy", 2 * ONES, ONES, words="all elements of input should be between 0 and 1"),
]
