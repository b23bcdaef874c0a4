"""Activations, dropout, attention, windows, normalization and resampling, by their names in nn.functional."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel

import autodiff

from .. import strategies as draw
from ..strategies import apart, arrays, at_kinks, booleans, large, real, shapes, whole
from . import Row, wrong

Draw = st.DrawFn
Args = st.SearchStrategy[tuple[Any, ...]]


def functional(name: str, *row: Any, **options: Any) -> Row:
    """A row of a function of `nn.functional`."""
    return Row(f"nn.functional.{name}", *row, **options)


def given(array: Any, *choices: Any) -> Args:
    """An array, and of each of the lists one value."""
    return st.tuples(array, *(st.sampled_from(values) for values in choices))


# activations ------------------------------------------------------------------------------------------------


def unit(name: str, *domains: Any, also: tuple[Any, ...] = (), keywords: str = "", **options: Any) -> Row:
    """An activation of each entry; `also` are lists of its other arguments."""
    args = given(arrays(domain=list(domains)), *also)
    return functional(name, args, f"input {keywords}".strip(), **options)


OF_THEIR_OWN = ("relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "threshold")  # relu_(x), too


def on_a_result(function: Any, x: Any, *rest: Any) -> Any:
    """Of what may be overwritten: a leaf may not."""
    return function(x * 1, *rest)


def in_place(function: Any, x: Any, *rest: Any) -> Any:
    """The form that overwrites its input, which must not be a leaf."""
    return function(x * 1, *rest, inplace=True)


ALPHAS = ([1.0, 0.5, 2.0],)
OVERWRITING: list[tuple[str, list[Any], tuple[Any, ...], dict[str, Any]]] = [
    ("relu", [real, at_kinks], (), {}),
    ("relu6", [real, at_kinks, large], (), {}),
    ("leaky_relu", [real, at_kinks], ([0.01, 0.3],), {}),
    ("elu", [real], ALPHAS, {}),
    ("selu", [real, large], (), {}),
    ("celu", [real, large], ALPHAS, {}),
    ("silu", [real, large], (), {}),
    ("mish", [real], (), {"near": 1.0}),
    ("hardtanh", [real, at_kinks], ([-1.0, -0.5], [2.0, 0.5]), {}),
    ("hardsigmoid", [real, at_kinks, large], (), {"rtol": 1e-7, "second": False}),  # its slope is a float32
    ("hardswish", [real, at_kinks, large], (), {}),
    ("threshold", [real, at_kinks], ([0.5, -1.0], [7.0, 0.0]), {}),
]
OPTIONS = {
    "leaky_relu": "negative_slope",
    "elu": "alpha",
    "celu": "alpha",
    "hardtanh": "min_val max_val",
    "threshold": "threshold value",
}


@st.composite
def with_slopes(draw_: Draw, domain: Any) -> tuple[Any, ...]:
    """An array and a slope for each channel, or for all."""
    x = draw_(arrays(domain=domain))
    channels = x.shape[1] if x.ndim > 1 else 1
    return x, draw_(arrays(draw_(st.sampled_from([(1,), (channels,)])), draw.nonzero))


@st.composite
def along(draw_: Draw, *domains: Any, even: bool = False, min_side: int = 0) -> tuple[Any, ...]:
    """An array and one of its dimensions; `even`: of even length."""
    shape = draw_(shapes(1, min_side=min_side))
    d = draw_(st.integers(0, len(shape) - 1))
    if even:
        shape = (*shape[:d], 2 * draw_(st.integers(min_side, 2)), *shape[d + 1 :])
    x = draw_(arrays(shape, list(domains)))
    return x, draw_(st.sampled_from([d, d - x.ndim]))


# noise ------------------------------------------------------------------------------------------------------


def seeded(function: Any, x: Any, *rest: Any, **options: Any) -> Any:
    """The call after the same seed: the same digits are drawn. They are drawn in the order of memory."""
    autodiff.manual_seed(1)
    torch.manual_seed(1)
    return function(x.contiguous(), *rest, **options)


def noisy(name: str, ranks: tuple[int, int], **options: Any) -> list[Row]:
    """A dropout: of some, of all, of none, while training and not, in place or not."""
    args = given(arrays(shapes(*ranks)), [0.3, 0.5, 0.0, 1.0], [True, True, False])
    return [
        functional(name, args, "input p training", call=seeded, **options),
        functional(name, args, call=lambda f, x, *rest: seeded(f, x * 1, *rest, inplace=True), **options),
    ]


# attention --------------------------------------------------------------------------------------------------


@st.composite
def attending(draw_: Draw, mask: str = "") -> tuple[Any, ...]:
    """Queries, keys and values, and perhaps a mask: who may look where, or what is added."""
    batch = draw_(st.sampled_from([(), (2,), (1, 3)]))
    length, seen, e, v = (draw_(st.integers(1, 3)) for _ in range(4))
    found: list[Any] = [draw_(arrays((*batch, *size))) for size in ((length, e), (seen, e), (seen, v))]
    lead = draw_(st.sampled_from([(), batch]))
    if mask:
        found.append(draw_(arrays((*lead, length, seen), booleans if mask == "bool" else real)))
    return tuple(found)


def attention(arguments: Args, mask: str = "", **options: Any) -> Row:
    """A row of attention, by PyTorch's formula."""
    keywords = f"query key value {mask}".strip()
    name = "scaled_dot_product_attention"
    return functional(name, arguments, keywords, options, call=exactly, near=3.0)


def exactly(function: Any, *args: Any, **options: Any) -> Any:
    """PyTorch's attention by its formula: the fused one has no second derivative."""
    with sdpa_kernel(SDPBackend.MATH):
        return seeded(function, *args, **options)


# windows ----------------------------------------------------------------------------------------------------


@st.composite
def convolving(draw_: Draw, rank: int, transposed: bool = False) -> tuple[Any, ...]:
    """An image that the kernel fits into, weights, biases, stride, padding, groups and dilation."""
    groups, c, o = draw_(st.integers(1, 2)), draw_(st.integers(1, 2)), draw_(st.integers(1, 2))
    kernel, stride = draw_(st.integers(1, 3)), draw_(st.integers(1, 2))
    padding, dilation = draw_(st.integers(0, 1)), draw_(st.integers(1, 2))
    least = 3 if transposed else 1
    size = [draw_(st.integers(least, 3)) + dilation * (kernel - 1) for _ in range(rank)]
    x = draw_(arrays((*draw_(st.sampled_from([(), (2,)])), groups * c, *size)))
    shape = (groups * c, o) if transposed else (groups * o, c)
    weight, bias = draw_(arrays((*shape, *[kernel] * rank))), draw_(arrays((groups * o,)))
    if transposed:
        return x, weight, bias, stride, padding, 0, groups, dilation
    return x, weight, bias, stride, padding, dilation, groups


@st.composite
def images(draw_: Draw, rank: int, *domains: Any, least: int = 3, batched: bool = False) -> Any:
    """(N, C, d1, ...), or (C, d1, ...)."""
    lead = (2, 3) if batched else draw_(st.sampled_from([(2,), (1, 2), (3, 1)]))
    size = draw_(st.lists(st.integers(least, 5), min_size=rank, max_size=rank))
    return draw_(arrays((*lead, *size), list(domains)))


def pooled(name: str, domain: Any, rank: int, *rest: Any, keywords: str) -> Row:
    """A pooling of a signal or an image."""
    return functional(f"{name}{rank}d", given(images(rank, domain), *rest), keywords)


@st.composite
def columns(draw_: Draw) -> tuple[Any, ...]:
    """What `unfold` makes of an image, and its arguments."""
    h, w, c, kernel = (draw_(st.integers(1, 3)) for _ in range(4))
    padding, stride = draw_(st.integers(0, 1)), draw_(st.integers(1, 2))
    h, w = h + kernel, w + kernel
    places = [(n + 2 * padding - kernel) // stride + 1 for n in (h, w)]
    return draw_(arrays((2, c * kernel * kernel, places[0] * places[1]))), (h, w), kernel, 1, padding, stride


@st.composite
def unpooled(draw_: Draw, rank: int) -> tuple[Any, ...]:
    """Values, places for them that differ, and windows of 2."""
    x = draw_(images(rank, real, least=2))
    inside, places = math.prod(x.shape[-rank:]), math.prod(2 * n for n in x.shape[-rank:])
    rows = np.arange(places)[None].repeat(x.size // inside, 0)
    rows = np.random.default_rng(draw_(st.integers(0, 99))).permuted(rows, axis=1)[:, :inside]
    return x, rows.reshape(x.shape), 2


@st.composite
def bags(draw_: Draw, weighted: bool = False) -> tuple[Any, ...]:
    """Indices, a table, where the bags begin (some are empty), and perhaps a weight for each index."""
    index = draw_(arrays((draw_(st.integers(1, 5)),), whole(0, 4)))
    starts = sorted([0, *draw_(st.lists(st.integers(0, len(index)), max_size=3))])
    found = index, draw_(arrays((4, 2), apart)), np.array(starts)
    return (*found, draw_(arrays(index.shape))) if weighted else found


def with_weights(function: Any, *args: Any, **options: Any) -> Any:
    return function(*args[:3], per_sample_weights=args[3], **options)


CONVOLUTION = "input weight bias stride padding dilation groups"
TRANSPOSED = "input weight bias stride padding output_padding groups dilation"

# normalization ----------------------------------------------------------------------------------------------


@st.composite
def channels(draw_: Draw, *, moments: bool = False, groups: bool = False) -> tuple[Any, ...]:
    """(N, C, ...) with weights and biases of the channels."""
    c = draw_(st.sampled_from([2, 4]))
    x = draw_(arrays((draw_(st.integers(1, 3)), c, *draw_(st.sampled_from([(2,), (3,), (2, 2)]))), apart))
    weight, bias = draw_(arrays((c,))), draw_(arrays((c,)))
    if groups:
        return x, draw_(st.sampled_from([1, 2])), weight, bias, 1e-5
    if moments:
        return x, draw_(arrays((c,))), draw_(arrays((c,), draw.positive)), weight, bias, False, 0.1, 1e-5
    return x, None, None, weight, bias, True, 0.1, 1e-5


@st.composite
def features(draw_: Draw, bias: bool) -> tuple[Any, ...]:
    """An array, how many of its last dimensions are one vector, weights and biases of them."""
    x = draw_(arrays(shapes(1, min_side=2), apart))
    last = x.shape[draw_(st.integers(0, x.ndim - 1)) :]
    rest = (draw_(arrays(last)), draw_(arrays(last))) if bias else (draw_(arrays(last)),)
    return x, last, *rest, 1e-5


NORMALIZED = {"ulps": 20, "near": 3.0, "rtol": 1e-8}


@st.composite
def layer(draw_: Draw, bias: bool) -> tuple[Any, ...]:
    """Rows of features, weights and perhaps biases."""
    n, k = draw_(draw.SIDES), draw_(draw.SIDES)
    x = draw_(arrays((*draw_(shapes(max_dims=2)), k)))
    return (x, draw_(arrays((n, k))), draw_(arrays((n,)))) if bias else (x, draw_(arrays((n, k))))


@st.composite
def two_inputs(draw_: Draw) -> tuple[Any, ...]:
    """Rows of two kinds of features, a weight for each pair of them, and biases."""
    n, i, j = (draw_(st.integers(1, 3)) for _ in range(3))
    rows = draw_(shapes(max_dims=2))
    return tuple(draw_(arrays(shape)) for shape in ((*rows, i), (*rows, j), (n, i, j), (n,)))


# distances and resampling -----------------------------------------------------------------------------------


@st.composite
def vectors(draw_: Draw, *domains: Any) -> tuple[Any, ...]:
    """Two arrays that broadcast to at least one dimension, and a dimension."""
    together = draw_(draw.broadcastable(2).filter(lambda both: all(both)))
    x, y = (draw_(arrays(shape, list(domains))) for shape in together)
    ndim = max(x.ndim, y.ndim)
    return x, y, draw_(draw.dims(ndim))


@st.composite
def resized(draw_: Draw, mode: str, ranks: tuple[int, ...], corners: tuple[Any, ...] = (None,)) -> Any:
    """A batch, and the size it is to have, or how many times its own."""
    rank = draw_(st.sampled_from(ranks))
    x = draw_(images(rank, real, least=1, batched=True))
    sides = st.one_of(st.integers(1, 7), st.lists(st.integers(1, 7), min_size=rank, max_size=rank).map(tuple))
    factors = st.sampled_from([2, 1.5, 3, 1.0, (2.5,) * rank])
    size, factor = draw_(st.one_of(st.tuples(sides, st.none()), st.tuples(st.none(), factors)))
    again = draw_(st.sampled_from([None, True])) if factor is not None else None
    return x, size, factor, mode, draw_(st.sampled_from(corners)), again


@st.composite
def pairs(draw_: Draw, least: int = 0) -> tuple[Any, ...]:
    """Two arrays that broadcast to at least one dimension, whose entries all differ."""
    possible = draw.operands(apart, real).filter(lambda xs: max(x.ndim for x in xs) > 0)
    return draw_(possible.filter(lambda xs: min(x.size for x in xs) >= least))


RESIZED = "input size scale_factor mode align_corners recompute_scale_factor"

# the table --------------------------------------------------------------------------------------------------

ROWS = [
    Row("prelu", with_slopes(real), "input weight"),
    Row("selu", given(arrays()), "input"),
    Row("celu", given(arrays()), "input"),
    Row("hardshrink", given(arrays(domain=[real, at_kinks])), "input"),
    Row("threshold", given(arrays(domain=[real, at_kinks]), [0.5], [2.0]), "input threshold value"),
    Row("dropout", given(arrays(), [0.3], [True]), call=seeded),
    Row("alpha_dropout", given(arrays(), [0.3], [True]), call=seeded),
    Row("pixel_shuffle", given(arrays((2, 4, 3, 2)), [2, 1]), "input upscale_factor"),
    *(
        unit(name, *domains, also=also, keywords=OPTIONS.get(name, ""), **options)
        for name, domains, also, options in OVERWRITING
    ),
    *(
        unit(name, *domains, also=also, **options, call=in_place)._replace(keywords="")
        for name, domains, also, options in OVERWRITING
    ),
    *(
        unit(f"{name}_", *domains, also=also, **options, call=on_a_result)._replace(keywords="")
        for name, domains, also, options in OVERWRITING
        if name in OF_THEIR_OWN
    ),
    *(unit(name, at_kinks, second=False) for name in ("elu", "selu", "celu")),
    unit("sigmoid", real, large),
    unit("tanh", real, large),
    unit("gelu", real, large, near=3.0),
    unit("gelu", real, large, near=3.0, options={"approximate": "tanh"}),
    unit("softplus", real, large, also=([1.0, 2.0, 0.5], [20.0, 1.0]), keywords="beta threshold"),
    unit("mish", large, second=False),  # PyTorch's is nan there
    unit("softsign", real, at_kinks, large),
    unit("tanhshrink", real, large, near=3.0),
    unit("logsigmoid", real, large),
    unit("softshrink", real, at_kinks, also=([0.5, 1.0, 0.0],), keywords="lambd"),
    unit("hardshrink", real, at_kinks, also=([0.5, 1.0, 0.0, -1.0],), keywords="lambd"),
    functional("prelu", with_slopes(real), "input weight"),
    functional("prelu", with_slopes(at_kinks), "input weight", second=False),
    functional("glu", along(real, even=True, min_side=1), "input dim"),
    Row("softmax", along(real, large), "input dim"),
    Row("softmax", along(real), call=lambda f, x, dim: f(x.float(), dim, dtype=x.dtype), rtol=1e-6),
    Row("log_softmax", along(real, large), "input dim"),
    functional("softmax", along(real, large), "input dim"),
    functional("softmin", along(real, large), "input dim"),
    functional("log_softmax", along(real, large), "input dim"),
    functional(
        "gumbel_softmax",
        along(real, min_side=1).map(lambda d: (d[0], 0.7, False, 1e-10, d[1])),
        "logits tau hard eps dim",
        call=seeded,
        near=1.0,
        ulps=20,
    ),
    functional(
        "gumbel_softmax",
        along(real, min_side=1).map(lambda d: (d[0], 1.0, True, 1e-10, d[1])),
        "logits tau hard eps dim",
        call=seeded,
    ),
    *noisy("dropout", (0, 3)),
    *noisy("dropout1d", (2, 3)),
    *noisy("dropout2d", (4, 4)),
    *noisy("alpha_dropout", (0, 3)),
    *noisy("feature_alpha_dropout", (2, 3)),
    functional("rrelu", given(arrays(domain=[real, at_kinks]), [0.1, 0.2], [0.2, 0.7]), "input lower upper"),
    functional("rrelu", st.tuples(arrays(), st.just(0.1), st.just(0.7), st.just(True)), call=seeded),
    # attention
    attention(attending()),
    attention(attending(), is_causal=True),
    attention(attending(), scale=0.3),
    attention(attending(), dropout_p=0.4),
    attention(attending("bool"), "attn_mask"),
    attention(attending("real"), "attn_mask"),
    # layers
    functional("linear", layer(False), "input weight", near=30.0),
    functional("linear", layer(True), "input weight bias", near=30.0),
    functional("bilinear", two_inputs(), "input1 input2 weight bias", near=30.0),
    functional(
        "embedding",
        st.tuples(arrays(shapes(min_side=1), whole(0, 3)), arrays((3, 2)), st.sampled_from([None, 0, -1])),
        "input weight padding_idx",
    ),
    *(
        functional(
            "embedding_bag",
            st.tuples(arrays(shapes(2, 2, min_side=1), whole(0, 4)), arrays((4, 2), apart)),
            "input weight",
            {"mode": mode, "padding_idx": padding},
            second=False,
        )
        for mode in ("sum", "mean", "max")
        for padding in (None, 1)
    ),
    *(
        functional("embedding_bag", bags(), "input weight offsets", {"mode": mode}, second=False)
        for mode in ("sum", "mean", "max")
    ),
    functional(
        "embedding_bag", bags(weighted=True), options={"mode": "sum"}, call=with_weights, second=False
    ),
    functional("conv1d", convolving(1), CONVOLUTION, near=30.0),
    functional("conv2d", convolving(2), CONVOLUTION, near=30.0),
    functional("conv_transpose1d", convolving(1, transposed=True), TRANSPOSED, near=30.0),
    functional("conv_transpose2d", convolving(2, transposed=True), TRANSPOSED, near=30.0),
    *(
        pooled(
            "max_pool", apart, rank, [2, 3], [None, 1], [0, 1], keywords="input kernel_size stride padding"
        )
        for rank in (1, 2)
    ),
    *(
        pooled("avg_pool", real, rank, [2, 3], [None, 1], [0, 1], keywords="input kernel_size stride padding")
        for rank in (1, 2)
    ),
    *(
        functional(
            f"lp_pool{rank}d",
            given(images(rank, draw.positive), [2.0, 3.0], [2, 3], [None, 1]),
            "input norm_type kernel_size stride",
            ulps=16,
        )
        for rank in (1, 2)
    ),
    *(functional(f"max_unpool{rank}d", unpooled(rank), "input indices kernel_size") for rank in (1, 2)),
    *(pooled("adaptive_avg_pool", real, rank, [1, 2, 3], keywords="input output_size") for rank in (1, 2)),
    functional(
        "unfold",
        given(images(2, real, batched=True), [2, 3], [1], [0, 1], [1, 2]),
        "input kernel_size dilation padding stride",
    ),
    functional("fold", columns(), "input output_size kernel_size dilation padding stride"),
    functional(
        "pad",
        given(images(1, real), [(1, 2), (0, 0), (1, -1)], ["constant"], [0.0, 2.5]),
        "input pad mode value",
    ),
    # normalization
    functional(
        "batch_norm",
        channels(),
        "input running_mean running_var weight bias training momentum eps",
        **NORMALIZED,
    ),
    functional("batch_norm", channels(moments=True), wanted=[0, 3, 4], **NORMALIZED),
    functional(
        "instance_norm",
        channels(),
        "input running_mean running_var weight bias use_input_stats momentum eps",
        **NORMALIZED,
    ),
    functional("group_norm", channels(groups=True), "input num_groups weight bias eps", **NORMALIZED),
    functional("layer_norm", features(True), "input normalized_shape weight bias eps", **NORMALIZED),
    functional(
        "local_response_norm",
        given(images(1, real, batched=True), [1, 2, 3], [1e-4, 0.5], [0.75, 2.0], [1.0, 3.0]),
        "input size alpha beta k",
    ),
    functional("rms_norm", features(False), "input normalized_shape weight eps", **NORMALIZED),
    functional("normalize", along(draw.nonzero, min_side=1).map(lambda d: (d[0], 2.0, d[1])), "input p dim"),
    functional(
        "normalize", along(draw.nonzero, min_side=1).map(lambda d: (d[0], 3.0, d[1])), "input p dim", ulps=8
    ),
    functional("normalize", along(at_kinks), second=False, call=lambda f, x, dim: f(x, 2.0, dim)),
    # distances
    functional("cosine_similarity", vectors(draw.nonzero), "x1 x2 dim", near=1.0, rtol=1e-8),
    Row("cosine_similarity", vectors(at_kinks), "x1 x2 dim", near=1.0, second=False),
    functional("cosine_similarity", vectors(real), options={"eps": 2.0}, near=1.0, second=False),
    functional("pairwise_distance", pairs(), "x1 x2", near=3.0),
    *(Row("pairwise_distance", pairs(1), "x1 x2", {"p": p, "keepdim": True}, near=3.0) for p in (1.0, 3.0)),
    # resampling
    functional("interpolate", resized("nearest", (1, 2, 3)), RESIZED),
    functional("interpolate", resized("nearest-exact", (1, 2, 3)), RESIZED),
    functional("interpolate", resized("linear", (1,), (None, False, True)), RESIZED, near=3.0, ulps=8),
    functional("interpolate", resized("bilinear", (2,), (None, False, True)), RESIZED, near=3.0, ulps=8),
    functional("interpolate", resized("trilinear", (3,), (None, False, True)), RESIZED, near=3.0, ulps=8),
    functional("interpolate", resized("area", (1, 2)), RESIZED, near=3.0),
    functional(
        "pixel_shuffle",
        given(arrays(st.sampled_from([(4, 2, 3), (2, 8, 1, 2), (1, 1, 4, 1, 2)])), [1, 2]),
        "input upscale_factor",
    ),
    functional(
        "pixel_unshuffle",
        given(arrays(st.sampled_from([(1, 2, 4), (2, 3, 4, 2), (2, 1, 1, 2, 2)])), [1, 2]),
        "input downscale_factor",
    ),
    functional(
        "channel_shuffle", given(arrays(st.sampled_from([(1, 4, 2), (2, 6, 1, 3)])), [1, 2]), "input groups"
    ),
]

ROW = np.array([0, 1, 2])

ONES, WHOLE = np.ones((2, 3), np.float32), np.ones((2, 3), np.int64)


ERRORS = [
    wrong("embedding_bag", ROW, np.ones((3, 2)), words="offsets has to be a 1D Tensor"),
    wrong("embedding_bag", ROW, np.ones((2, 2)), np.array([0])),
    wrong("embedding_bag", ROW, np.ones((3, 2)), np.array([1]), words="offsets[0] has to be 0"),
    wrong("embedding_bag", ROW, np.ones((3, 2)), np.array([0, 4]), words="offsets[-1] can not be greater"),
    wrong("embedding_bag", ROW[None], np.ones((3, 2)), np.array([0]), words="if input is 2D, then"),
    wrong("embedding_bag", ROW, np.ones((3, 2)), np.array([0]), mode="min", words="mode has to be"),
    wrong("embedding_bag", ROW * 1.0, np.ones((3, 2)), np.array([0]), words="to have one of the following"),
    wrong(
        "embedding_bag",
        ROW,
        np.ones((3, 2)),
        np.array([0]),
        per_sample_weights=np.ones(3),
        words="per_sample_weights is only supported for mode='sum' (got mode='mean')",
    ),
    wrong("max_unpool2d", np.ones((1, 2, 2)), np.full((1, 2, 2), 99), 2, words="Found an invalid max index"),
    wrong("max_unpool2d", np.ones((1, 2, 2)), np.ones((1, 2, 2)), 2, words="should be type int64 but got"),
    wrong("max_unpool2d", np.ones((1, 2, 2)), np.ones((2, 2), int), 2, words="Expected shape of indices"),
    wrong("max_unpool2d", np.ones((2, 2)), np.ones((2, 2), int), 2, words="should be a 3d or 4d Tensor"),
    wrong(
        "max_unpool1d",
        np.ones((1, 2)),
        np.ones((1, 2), int),
        2,
        output_size=(9,),
        words="invalid output_size",
    ),
    wrong("local_response_norm", ONES, 2, words="Expected 3D or higher dimensionality"),
    wrong("rrelu", ONES, 0.5, 0.1, True, words="Lower bound should be less than or equal to the upper bound"),
    wrong("rrelu", WHOLE, training=True, words="not implemented for"),
    wrong(
        "batch_norm", np.ones((3, 2)), None, None, None, None, True, 0.1, 0.0, words="eps must be positive"
    ),
    *(
        wrong(name, WHOLE, words="not implemented for")
        for name in ("selu", "celu", "mish", "hardswish", "hardsigmoid", "hardshrink", "softshrink")
    ),
    *(
        wrong(name, WHOLE, words="not implemented for")
        for name in ("elu", "leaky_relu", "gelu", "silu", "softplus", "logsigmoid")
    ),
    wrong("glu", WHOLE, 0, words="not implemented for"),
    wrong("glu", ONES, words="Halving dimension must be even, but dimension 1 is size 3"),
    wrong("glu", np.array(1.0), words="glu does not support scalars"),
    wrong("glu", ONES, 2, words="Dimension out of range"),
    wrong("softshrink", ONES, -1.0, words="lambda must be in range"),
    wrong("celu", ONES, 0.0, words="alpha cannot be 0 for CELU"),
    wrong(
        "prelu", ONES, np.ones(2, np.float32), words="Mismatch of parameter numbers and input channel size"
    ),
    wrong("prelu", ONES, np.ones(3), words="Type promoting not supported"),
    wrong("prelu", ONES, np.ones((1, 1), np.float32), words="scalar or 1D tensor"),
    wrong("prelu", ONES, 2.0, words="must be Tensor, not float"),
    wrong("hardtanh", ONES, 1.0, -1.0, words="min_val cannot be greater than max_val"),
    wrong("relu6", ONES > 0, words="Bool inputs not supported for hardtanh"),
    wrong("threshold", ONES > 0, 0.5, 1.0, words="not implemented for"),
    wrong("scaled_dot_product_attention", ONES, ONES, ONES, dropout_p=1.5, words="has to be between 0 and 1"),
    wrong("softmax", ONES, 2, words="Dimension out of range"),
    wrong("gelu", ONES, approximate="cubic", words="approximate argument must be either none or tanh"),
    *(
        wrong(name, np.ones((1, 2, 3)), 1.5, words="has to be between 0 and 1")
        for name in ("dropout", "dropout1d", "alpha_dropout", "feature_alpha_dropout")
    ),
    wrong("dropout2d", np.ones((1, 2, 3, 4)), -0.5, words="has to be between 0 and 1"),
    wrong("dropout1d", np.ones(3), words="Expected 2D or 3D input"),
    wrong("feature_alpha_dropout", np.ones(3), 0.5, True, words="at least 2 dimensions in the input"),
    wrong("scaled_dot_product_attention", ONES, ONES, np.ones((2, 3)), words="to have the same dtype"),
    wrong(
        "scaled_dot_product_attention",
        ONES,
        ONES,
        ONES,
        np.ones((2, 2), bool),
        0.0,
        True,
        words="Explicit attn_mask should not be set when is_causal=True",
    ),
    wrong(
        "scaled_dot_product_attention", ONES, ONES, ONES, np.ones((2, 2), np.int64), words="attn_mask dtype"
    ),
    wrong("scaled_dot_product_attention", ONES, ONES, ONES[0], words="at least 2 dimensional"),
    wrong("scaled_dot_product_attention", ONES, ONES[:, :2], ONES),
    wrong("cosine_similarity", WHOLE, WHOLE, words="floating point"),
    wrong("cosine_similarity", ONES, np.ones((4, 3), np.float32)),
    wrong("pairwise_distance", ONES, np.ones((4, 3), np.float32), words="must match the size"),
    wrong("interpolate", np.ones((1, 1, 2)), words="size or scale_factor should be defined"),
    wrong(
        "interpolate", np.ones((1, 1, 2)), 2, 2, words="only one of size or scale_factor should be defined"
    ),
    wrong("interpolate", np.ones((1, 1, 2)), (2, 2), words="must have the same number of spatial dimensions"),
    wrong(
        "interpolate",
        np.ones((1, 1, 2)),
        None,
        (2, 2),
        words="must have the same number of spatial dimensions",
    ),
    wrong(
        "interpolate",
        np.ones((1, 1, 2)),
        2,
        None,
        "nearest",
        True,
        words="align_corners option can only be set",
    ),
    wrong(
        "interpolate",
        np.ones((1, 1, 2)),
        2,
        None,
        "bilinear",
        words="Got 3D input, but bilinear mode needs 4D",
    ),
    wrong("interpolate", np.ones((1, 2)), 2, words="Only 3D, 4D and 5D input Tensors supported (got 2D)"),
    wrong("interpolate", np.ones((1, 1, 2)), 0, words="sizes should be greater than 0"),
    wrong("interpolate", np.ones((1, 1, 2)), 2, None, "nearest", None, True, words="not meaningful"),
    wrong("interpolate", np.ones((1, 1, 2), np.int64), 3, None, "linear", words="not implemented for"),
    wrong("pixel_shuffle", np.ones((3, 2, 2)), 2, words="divisible by the square of upscale_factor"),
    wrong("pixel_shuffle", np.ones((2, 2)), 2, words="at least 3 dimensions"),
    wrong("pixel_shuffle", np.ones((4, 2, 2)), 0, words="expects a positive upscale_factor"),
    wrong(
        "pixel_unshuffle", np.ones((3, 2, 3)), 2, words="expects width to be divisible by downscale_factor"
    ),
    wrong(
        "pixel_unshuffle", np.ones((3, 3, 2)), 2, words="expects height to be divisible by downscale_factor"
    ),
    wrong("channel_shuffle", np.ones((1, 3, 2)), 2, words="divisible by groups"),
    wrong("channel_shuffle", np.ones((1, 3)), 1, words="dims"),
]
