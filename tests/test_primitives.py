"""Every registered primitive, found by itself, against PyTorch: values, dtypes, and rules to second order.

The table says for each primitive which function of torch it is and which arguments it takes. A primitive
without an entry fails, and so does an entry without a primitive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autodiff
from autodiff.formulas import formula_latex, formula_text, rule_latex, rule_text
from autodiff.ops.indexing import parse
from autodiff.ops.windows import Window
from autodiff.primitive import Predicate, RuleFamily, registry

from . import strategies as draw
from .against_torch import TORCH_DTYPES, assert_float32_like_torch, assert_like_torch, is_float
from .strategies import (
    above_minus_one,
    above_one,
    apart,
    arrays,
    at_kinks,
    booleans,
    large,
    nonzero,
    operands,
    positive,
    real,
    shapes,
    signed_unit,
    unit,
    unusual,
    whole,
    with_zeros,
)

PRIMITIVES = dict(registry)


class Entry(NamedTuple):
    """A primitive's function in torch, and the arguments to try: a strategy of tuples.

    `once` are arguments at which only first derivatives are compared, because torch's second ones have a
    convention of their own there. float32 values may differ by so many `ulps` of themselves, or of `near`.
    """

    torch: Callable[..., Any]
    args: st.SearchStrategy[tuple[Any, ...]]
    once: st.SearchStrategy[tuple[Any, ...]] = st.nothing()
    ulps: float = 4
    near: float = 0

    def but(self, condition: Callable[[tuple[Any, ...]], bool]) -> Entry:
        """The same, with only those arguments for which the condition holds."""
        return self._replace(args=self.args.filter(condition))


# how entries are made ---------------------------------------------------------------------------------------


def normal_pdf(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(x * x / -2) / math.sqrt(2 * math.pi)


def with_its_gate(x: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    """The arguments of gelu: x and Φ(x)."""
    return x, torch.special.ndtr(torch.from_numpy(x.copy())).numpy()


def one(function: Callable[..., Any], *domains: Any, **options: Any) -> Entry:
    """A function of one array, each entry by itself."""
    return Entry(function, st.tuples(arrays(domain=list(domains))), **options)


def two(function: Callable[..., Any], first: Any = real, second: Any = None, **options: Any) -> Entry:
    """A function of two arrays that broadcast."""
    return Entry(function, operands(first, second or first), **options)


def with_constants(array: st.SearchStrategy[Any], *constants: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """One array and one of these tuples of constants."""
    return st.tuples(array, st.sampled_from(constants)).map(lambda drawn: (drawn[0], *drawn[1]))


def over_dims(
    function: Callable[..., Any],
    *domains: Any,
    constants: Callable[[int], list[tuple[Any, ...]]] = lambda n: [()],
    single: bool = False,
    min_dims: int = 0,
    min_side: int = 0,
    at_once: Any = None,
    **options: Any,
) -> Entry:
    """A reduction: `axis` is a tuple of dimensions, which are kept, or None; n values meet in each result."""

    @st.composite
    def args(draw_: st.DrawFn, *domains: Any) -> tuple[Any, ...]:
        x = draw_(arrays(shapes(min_dims, min_side=min_side), list(domains)))
        axis = draw_(draw.some_dims(x.ndim))
        if axis is not None:
            axis = tuple(d % x.ndim for d in (axis if isinstance(axis, tuple) else (axis,)))[
                : 1 if single else None
            ]
        n = x.size if axis is None else int(np.prod([x.shape[d] for d in axis]))
        return (x, axis, *draw_(st.sampled_from(constants(n))))

    def reference(x: torch.Tensor, axis: Any, *constants: Any) -> torch.Tensor:
        every = tuple(range(x.ndim)) or (0,)
        return function(x, every if axis is None else axis, axis is not None, *constants)

    return Entry(reference, args(*domains), args(at_once) if at_once else st.nothing(), **options)


@st.composite
def along_a_dim(draw_: st.DrawFn, *domains: Any, min_dims: int = 1) -> tuple[Any, ...]:
    """An array and one of its dimensions."""
    x = draw_(arrays(shapes(min_dims=min_dims), list(domains)))
    return x, draw_(draw.dims(x.ndim))


@st.composite
def diagonals(draw_: st.DrawFn) -> tuple[Any, ...]:
    """An array, how far from the main one a diagonal is, and the two dimensions that it goes through."""
    x = draw_(arrays(shapes(min_dims=2)))
    return x, draw_(st.integers(-3, 3)), *draw_(st.permutations(range(x.ndim)))[:2]


@st.composite
def windowed(draw_: st.DrawFn) -> tuple[Any, ...]:
    """An array, one of its dimensions, the size of a window over it, and its step."""
    x, dim = draw_(along_a_dim(real))
    return x, dim % x.ndim, draw_(st.integers(0, x.shape[dim])), draw_(st.integers(1, 3))


@st.composite
def positions(draw_: st.DrawFn, unique: bool = True) -> tuple[Any, ...]:
    """An array that is not empty, and positions in it when flattened; different ones if `unique`."""
    x = draw_(arrays(shapes(min_side=1)))
    shape = draw_(shapes(max_dims=2).filter(lambda s: np.prod(s) <= x.size))
    rng = np.random.default_rng(draw_(st.integers(0, 99)))
    if not unique:
        return x, rng.integers(0, x.size, shape)
    return x, rng.permutation(x.size)[: np.prod(shape, dtype=int)].reshape(shape)


@st.composite
def indexed(draw_: st.DrawFn, unique: bool = False) -> tuple[Any, ...]:
    """An array and an index into it, as the primitives take it: a view, or arrays."""
    x = draw_(arrays())
    kinds = [
        draw.basic_indices,
        draw.boolean_indices,
        draw.different_indices if unique else draw.integer_indices,
    ]
    basic, advanced = parse(draw_(st.one_of([kind(x.shape) for kind in kinds])), x.shape)
    if advanced is None:
        return x, basic
    return x if basic is None else x[basic], advanced


def as_torch(index: Any) -> Any:
    return tuple(torch.from_numpy(np.array(i)) if isinstance(i, np.ndarray) else i for i in index)


def passed_back(function: Callable[..., Any], shape: tuple[int, ...], g: torch.Tensor) -> torch.Tensor:
    """The transpose of a linear function of an array of this shape: what torch passes back of a cotangent."""
    with torch.enable_grad():
        x = torch.zeros(shape, dtype=g.dtype, requires_grad=True)
        return torch.autograd.grad(function(x), x, g, create_graph=True)[0]


def setitem(x: torch.Tensor, value: Any, index: Any) -> torch.Tensor:
    z = x.clone()
    z[as_torch(index)] = value
    return z


@st.composite
def values_for(draw_: st.DrawFn) -> tuple[Any, ...]:
    """An array, what to write into it (an array or a number), and an index that meets no entry twice."""
    x, index = draw_(indexed(unique=True))
    room = x[index].shape
    shape = draw_(st.sampled_from([room, room[1:], ()]))
    return x, draw_(st.one_of(arrays(shape), st.just(2.5))), index


@st.composite
def joined(draw_: st.DrawFn) -> tuple[Any, ...]:
    """Arrays to join, the dimension, and where each of them comes to lie."""
    shape, count = draw_(shapes(min_dims=1)), draw_(st.integers(1, 3))
    axis = draw_(st.integers(0, len(shape) - 1))
    xs = [draw_(arrays((*shape[:axis], draw_(st.integers(0, 3)), *shape[axis + 1 :]))) for _ in range(count)]
    ends = np.cumsum([0, *(x.shape[axis] for x in xs)]).tolist()
    places = tuple((slice(None),) * axis + (slice(a, b),) for a, b in pairwise(ends))
    return (*xs, axis, places)


@st.composite
def factors(draw_: st.DrawFn) -> tuple[Any, ...]:
    """Two batches of matrices that can be multiplied."""
    n, k, p = (draw_(draw.SIDES) for _ in range(3))
    one_batch, other_batch = draw_(draw.broadcastable(2, max_dims=2))
    return draw_(arrays((*one_batch, n, k))), draw_(arrays((*other_batch, k, p)))


@st.composite
def contracted(draw_: st.DrawFn) -> tuple[Any, ...]:
    """Two arrays, the subscripts of their dimensions, and those that a product of them keeps."""
    size = {s: draw_(draw.SIDES) for s in "abcde"}
    left = "".join(draw_(st.permutations("abcd")))[: draw_(st.integers(0, 3))]
    right = "".join(draw_(st.permutations("bcde")))[: draw_(st.integers(0, 3))]
    summed = [s for s in left if s in right and draw_(st.booleans())]
    out = "".join(draw_(st.permutations(sorted({*left, *right} - {*summed}))))
    return (*(draw_(arrays(tuple(size[s] for s in part))) for part in (left, right)), left, right, out)


@st.composite
def matrices(draw_: st.DrawFn, square: bool = False) -> Any:
    """Matrices of singular values that are apart: 1, 2, 3 ... between orthogonal ones."""
    n = draw_(st.integers(1, 4))
    m = n if square else draw_(st.integers(1, 4))
    batch = draw_(st.sampled_from([(), (), (2,)]))
    rng = np.random.default_rng(draw_(st.integers(0, 9999)))
    u, _, vt = np.linalg.svd(rng.normal(size=(*batch, m, n)), full_matrices=False)
    return draw_(draw.LAYOUTS)((u * (1.0 + np.arange(min(m, n)))) @ vt)


def squares() -> Any:
    return matrices(square=True)


def stacked_qr(x: torch.Tensor) -> torch.Tensor:
    q, r = torch.linalg.qr(x)
    return torch.cat([q, r.mT], -2)


def stacked_eigh(x: torch.Tensor, lower: bool) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(x, "L" if lower else "U")
    signs = like_numpys(vectors, np.linalg.eigh(x.detach().numpy(), "L" if lower else "U")[1])
    return torch.cat([vectors * signs, values[..., None, :]], -2)


def stacked_svd(x: torch.Tensor) -> torch.Tensor:
    u, s, vt = torch.linalg.svd(x, full_matrices=False)
    signs = like_numpys(u, np.linalg.svd(x.detach().numpy(), full_matrices=False)[0])
    return torch.cat([u * signs, s[..., None, :], vt.mT * signs], -2)


def like_numpys(vectors: torch.Tensor, numpys: Any) -> torch.Tensor:
    """The signs, which are anyone's choice, that make these columns NumPy's."""
    return torch.sign((vectors.detach() * torch.from_numpy(numpys)).sum(-2, keepdim=True))


class Sliding(NamedTuple):
    """A window, and the shapes that go with it in a convolution."""

    window: Window
    groups: int
    x: tuple[int, ...]
    weight: tuple[int, ...]

    @property
    def size(self) -> tuple[int, ...]:
        return self.x[2:]

    @property
    def z(self) -> tuple[int, ...]:
        return (self.x[0], self.weight[0], *self.window.places(self.size))


@st.composite
def sliding(draw_: st.DrawFn) -> Sliding:
    """A window of one or two dimensions and an image that it fits into, with channels in groups."""
    rank, groups = draw_(st.integers(1, 2)), draw_(st.integers(1, 2))

    def for_each_dim(numbers: Any) -> Any:
        return tuple(draw_(st.lists(numbers, min_size=rank, max_size=rank)))

    kernel, dilation = for_each_dim(st.integers(1, 3)), for_each_dim(st.integers(1, 2))
    border = for_each_dim(st.tuples(st.integers(0, 1), st.integers(0, 1)))
    window = Window(kernel, for_each_dim(st.integers(1, 2)), border, dilation)
    extra = for_each_dim(st.integers(0, 2))
    size = [max(reach - sum(b) + n, 1) for reach, b, n in zip(window.reach, border, extra, strict=True)]
    n, c, o = (draw_(st.integers(1, 2)) for _ in range(3))
    return Sliding(window, groups, (n, c * groups, *size), (o * groups, c, *kernel))


def bordered(x: torch.Tensor, window: Window, value: float = 0) -> torch.Tensor:
    return F.pad(x, [width for pair in reversed(window.border) for width in pair], value=value)


def conv(x: torch.Tensor, w: torch.Tensor, window: Window, groups: int) -> torch.Tensor:
    function = F.conv1d if len(window.kernel) == 1 else F.conv2d
    return function(bordered(x, window), w, stride=window.stride, dilation=window.dilation, groups=groups)


def unfold(x: torch.Tensor, window: Window, border: float = 0) -> torch.Tensor:
    rank = len(window.kernel)
    z = bordered(x, window, border)
    for i, (reach, step, gap) in enumerate(zip(window.reach, window.stride, window.dilation, strict=True)):
        z = z.unfold(x.ndim - rank + i, reach, step)[..., ::gap]
    return z.movedim(tuple(range(-rank, 0)), tuple(range(x.ndim - rank, x.ndim)))


def met(x: torch.Tensor, window: Window, border: float = 0) -> torch.Tensor:
    """What each window meets, along the first dimension."""
    rank = len(window.kernel)
    z = unfold(x, window, border)
    return z.flatten(x.ndim - rank, x.ndim - 1).movedim(x.ndim - rank, 0)


@st.composite
def pooled(draw_: st.DrawFn) -> tuple[Any, ...]:
    """An image, the largest entries of its windows, and the window; none lies in the border altogether."""
    s = draw_(sliding())
    x = draw_(arrays(s.x, [real, at_kinks]))
    largest = met(torch.from_numpy(np.array(x)), s.window, -np.inf).amax(0).numpy()
    assume(np.isfinite(largest).all())
    return x, largest, s.window


@st.composite
def picked(draw_: st.DrawFn) -> tuple[Any, ...]:
    """Two images of one shape, a mask of the largest entries in the windows of the second, and the window."""
    x, largest, window = draw_(pooled())
    image = torch.from_numpy(np.array(x))
    return draw_(arrays(x.shape)), largest, winners(image, torch.tensor(largest), window).numpy(), window


def winners(x: torch.Tensor, z: torch.Tensor, window: Window) -> torch.Tensor:
    first = met(x, window, -np.inf).max(0).indices
    return F.one_hot(first, int(np.prod(window.kernel))).bool().movedim(-1, 0)


def standardize(x: torch.Tensor, dim: Any, keep: bool, n: int, eps: float) -> torch.Tensor:
    return (x - x.mean(dim, keep)) / torch.sqrt(x.var(dim, correction=0, keepdim=keep) + eps)


@st.composite
def layer(draw_: st.DrawFn) -> tuple[Any, ...]:
    """Rows, weights and biases."""
    n, k, p = (draw_(draw.SIDES) for _ in range(3))
    return draw_(arrays((n, k))), draw_(arrays((p, k))), draw_(arrays((p,)))


@st.composite
def rows_and_indices(draw_: st.DrawFn) -> tuple[Any, ...]:
    """A matrix, indices of its rows, and which of them keep their gradient: all, or all but one."""
    n = draw_(st.integers(1, 4))
    index = draw_(arrays(shapes(max_dims=2), whole(0, n)))
    return draw_(arrays((n, draw_(draw.SIDES)))), index, draw_(st.sampled_from([1, (index != 0)[..., None]]))


@st.composite
def scored(draw_: st.DrawFn) -> tuple[Any, ...]:
    """Logits, the index of the true class in each row, and the number of rows."""
    n, classes = draw_(st.integers(1, 4)), draw_(st.integers(1, 4))
    return draw_(arrays((n, classes), [real, large])), draw_(arrays((n,), whole(0, classes))), n


@st.composite
def alike(draw_: st.DrawFn, *domains: Any, count: bool = False) -> tuple[Any, ...]:
    """Arrays of one shape that is not empty, and perhaps how many entries it has."""
    shape = draw_(shapes(min_side=1))
    return tuple(draw_(arrays(shape, domain)) for domain in domains) + (
        (int(np.prod(shape)),) if count else ()
    )


def with_shape_of_ones(x: Any) -> Any:
    return st.sampled_from([(x.size,), x.shape[::-1], (1, *x.shape), (*x.shape, 1)]).map(
        lambda shape: (x, shape)
    )


def mean_of(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss that torch averages, for a primitive that is told how many there are."""
    return lambda x, y, n: loss(x, y)


def shares(x: torch.Tensor, z: torch.Tensor, axis: Any) -> torch.Tensor:
    chosen = (x == z).to(x.dtype).detach()
    return chosen / (chosen.sum() if axis is None else chosen.sum(axis, keepdim=True))


def with_extreme(entry: Entry) -> st.SearchStrategy[tuple[Any, ...]]:
    return entry.args.map(
        lambda args: (args[0], np.asarray(args[0].max(args[1], keepdims=args[1] is not None)), args[1])
    )


# the table --------------------------------------------------------------------------------------------------

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@st.composite
def recurrence(draw_: st.DrawFn, gates: int, bias: bool = False, states: int = 1) -> tuple[Any, ...]:
    """What a recurrence takes, packed: x (T, N, gates · H), W, b, states; and the shapes of these."""
    steps, batch, size = (draw_(st.integers(1, 3)) for _ in range(3))
    shapes = [(steps, batch, gates * size), (gates * size, size), *[(gates * size,)] * bias]
    shapes += [(batch, size)] * states
    return draw_(arrays((sum(map(math.prod, shapes)),))), tuple(shapes)


def step_by_step(step: Callable[..., Any]) -> Callable[..., torch.Tensor]:
    """The states after each step, (T, N, H), or (2, T, N, H) of two; `step` does one step of a batch."""

    def run(flat: torch.Tensor, shapes: Any, *options: Any) -> torch.Tensor:
        parts = torch.split(flat, [math.prod(shape) for shape in shapes])
        x, *rest = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        count = sum(shape == shapes[-1] for shape in shapes[2:])
        weights, states, found = rest[:-count], tuple(rest[-count:]), []
        for row in x:
            states = step(row, *weights, *states, *options)
            found.append(states)
        each = [torch.stack(state) for state in zip(*found, strict=True)]
        return each[0] if len(each) == 1 else torch.stack(each)

    return run


def rnn_step(x: Any, w: Any, h: Any, nonlinearity: str) -> Any:
    return (getattr(torch, nonlinearity)(x + h @ w.T),)


def lstm_step(x: Any, w: Any, h: Any, c: Any) -> Any:
    i, f, a, o = (x + h @ w.T).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * a.tanh()
    return o.sigmoid() * c.tanh(), c


def memory(gates: Any, c: Any) -> Any:
    i, f, a, _ = gates.chunk(4, 1)
    return f.sigmoid() * c + i.sigmoid() * a.tanh()


@st.composite
def cell(draw_: st.DrawFn, *gates: int) -> tuple[Any, ...]:
    """Sums for gates, (N, gates · H) each, and a state (N, H)."""
    batch, size = draw_(st.integers(0, 3)), draw_(st.integers(1, 3))
    return (*(draw_(arrays((batch, n * size))) for n in gates), draw_(arrays((batch, size))))


def gru_cell(x: Any, own: Any, h: Any) -> Any:
    (x_r, x_u, x_n), (h_r, h_u, h_n) = x.chunk(3, 1), own.chunk(3, 1)
    u, n = (x_u + h_u).sigmoid(), (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
    return (1 - u) * n + u * h


def gru_step(x: Any, w: Any, b: Any, h: Any) -> Any:
    return (gru_cell(x, h @ w.T + b, h),)


TABLE = {
    # arithmetic
    "add": two(torch.add, [real, at_kinks]),
    "sub": two(torch.sub, [real, at_kinks]),
    "mul": two(torch.mul, [real, at_kinks]),
    "div": two(torch.div, [real, at_kinks], nonzero),
    "neg": one(torch.neg, real),
    "reciprocal": one(torch.reciprocal, nonzero),
    "floor_divide": two(lambda x, y: torch.div(x, y, rounding_mode="floor"), [real, at_kinks], nonzero),
    "trunc_divide": two(lambda x, y: torch.div(x, y, rounding_mode="trunc"), [real, at_kinks], nonzero),
    "remainder": two(torch.remainder, [real, at_kinks], nonzero),
    "fmod": two(torch.fmod, [real, at_kinks], nonzero),
    "pow": two(torch.pow, positive, real, ulps=8),
    "pow_constant": Entry(
        lambda x, p: x**p,
        st.one_of(
            with_constants(arrays(domain=positive), (0.5,), (-0.5,), (2.7,), (-1,), (1.0,)),
            with_constants(arrays(domain=[real, at_kinks]), (0,), (1,), (2,), (3,), (4.0,)),
        ),
    ),
    # exponentials, roots, trigonometry
    "exp": one(torch.exp, real),
    "exp2": one(torch.exp2, real),
    "expm1": one(torch.expm1, real),
    "log": one(torch.log, positive),
    "log2": one(torch.log2, positive),
    "log10": one(torch.log10, positive),
    "log1p": one(torch.log1p, above_minus_one),
    "sqrt": one(torch.sqrt, positive),
    "rsqrt": one(torch.rsqrt, positive),
    "sin": one(torch.sin, real),
    "cos": one(torch.cos, real),
    "tan": one(torch.tan, real, ulps=8),
    "asin": one(torch.asin, signed_unit),
    "acos": one(torch.acos, signed_unit),
    "atan": one(torch.atan, real),
    "atan2": two(torch.atan2, nonzero),
    "sinh": one(torch.sinh, real),
    "cosh": one(torch.cosh, real),
    "asinh": one(torch.asinh, real),
    "acosh": one(torch.acosh, above_one, ulps=8),
    "atanh": one(torch.atanh, signed_unit),
    "sinc": one(torch.sinc, nonzero, near=1, ulps=8),
    "hypot": two(torch.hypot, nonzero),
    "logaddexp": two(torch.logaddexp, real, near=1, once=operands(large, large)),
    "logaddexp2": two(torch.logaddexp2, real, near=1, once=operands(large, large)),
    "xlogy": two(torch.xlogy, [real, with_zeros], positive),
    "logit": one(torch.logit, unit, near=1),
    # activations
    "tanh": one(torch.tanh, real, large),
    "sigmoid": one(torch.sigmoid, real, large),
    "relu": one(torch.relu, real, at_kinks),
    "silu": one(F.silu, real, large),
    "normal_cdf": one(torch.special.ndtr, real, near=3),
    "normal_pdf": one(normal_pdf, real),
    "gelu": Entry(lambda x, gate: F.gelu(x), arrays(domain=[real]).map(with_its_gate), near=3),
    "gelu_tanh": one(lambda x: F.gelu(x, approximate="tanh"), real, near=3),
    "erf": one(torch.erf, real),
    "erfc": one(torch.erfc, real),
    "erfinv": one(torch.erfinv, signed_unit),
    "lgamma": one(torch.lgamma, positive, near=1),
    "digamma": one(torch.digamma, positive, near=1),
    "polygamma": Entry(
        lambda x, n: torch.polygamma(n, x), with_constants(arrays(domain=positive), (0,), (1,), (2,)), near=1
    ),
    "softplus": Entry(
        F.softplus, with_constants(arrays(domain=[real, large]), (1.0, 20.0), (2.0, 5.0), (0.5, 1.0))
    ),
    "leaky_relu": Entry(F.leaky_relu, with_constants(arrays(domain=[real, at_kinks]), (0.01,), (0.25,))),
    "elu": Entry(
        F.elu,
        with_constants(arrays(), (1.0,), (0.5,)),
        once=with_constants(arrays(domain=at_kinks), (1.0,), (0.5,)),
    ),
    "hardtanh": Entry(F.hardtanh, with_constants(arrays(domain=[real, at_kinks]), (-1.0, 1.0), (-0.5, 2.0))),
    "celu": Entry(
        F.celu,
        with_constants(arrays(), (1.0,), (0.5,)),
        once=with_constants(arrays(domain=at_kinks), (1.0,), (0.5,)),
    ),
    "hardswish": one(F.hardswish, real, at_kinks),
    "prelu": two(lambda x, w: torch.where(x > 0, x, w * x), [real, at_kinks], nonzero),
    # kinks and steps
    "abs": one(torch.abs, real, at_kinks),
    "sign": one(torch.sign, real, at_kinks),
    "floor": one(torch.floor, real, at_kinks),
    "ceil": one(torch.ceil, real, at_kinks),
    "trunc": one(torch.trunc, real, at_kinks),
    "round": one(torch.round, real, at_kinks),
    "maximum": two(torch.maximum, [real, at_kinks]),
    "minimum": two(torch.minimum, [real, at_kinks]),
    "fmax": two(torch.fmax, [real, at_kinks, unusual]),
    "fmin": two(torch.fmin, [real, at_kinks, unusual]),
    "lerp": Entry(torch.lerp, operands(real, real, real)),
    "clamp_min": two(torch.clamp_min, [real, at_kinks]),
    "clamp_max": two(torch.clamp_max, [real, at_kinks]),
    "where": Entry(torch.where, operands(booleans, real, [real, at_kinks])),
    # comparisons and logic
    "eq": two(torch.eq, [real, at_kinks]),
    "ne": two(torch.ne, [real, at_kinks]),
    "lt": two(torch.lt, [real, at_kinks]),
    "le": two(torch.le, [real, at_kinks]),
    "gt": two(torch.gt, [real, at_kinks]),
    "ge": two(torch.ge, [real, at_kinks]),
    "logical_and": two(torch.logical_and, [with_zeros, booleans]),
    "logical_or": two(torch.logical_or, [with_zeros, booleans]),
    "logical_xor": two(torch.logical_xor, [with_zeros, booleans]),
    "logical_not": one(torch.logical_not, with_zeros, booleans),
    "isnan": one(torch.isnan, unusual),
    "isinf": one(torch.isinf, unusual),
    "isfinite": one(torch.isfinite, unusual),
    "isposinf": one(torch.isposinf, unusual),
    "isneginf": one(torch.isneginf, unusual),
    "signbit": one(torch.signbit, at_kinks),
    "bitwise_and": two(torch.bitwise_and, [whole(-9, 9), booleans]),
    "bitwise_or": two(torch.bitwise_or, [whole(-9, 9), booleans]),
    "bitwise_xor": two(torch.bitwise_xor, [whole(-9, 9), booleans]),
    "bitwise_left_shift": two(torch.bitwise_left_shift, whole(-9, 9), whole(0, 9)),
    "bitwise_right_shift": two(torch.bitwise_right_shift, whole(-99, 99), whole(0, 9)),
    "gcd": two(torch.gcd, whole(-99, 99)),
    "lcm": two(torch.lcm, whole(-99, 99)),
    "copysign": two(torch.copysign, nonzero, real, once=operands(at_kinks, real)),
    "bitwise_not": one(torch.bitwise_not, whole(-9, 9), booleans),
    # the engine's own
    "to": Entry(lambda x, dtype: x.to(TORCH_DTYPES[dtype]), with_constants(arrays(), (FLOAT32,), (FLOAT64,))),
    "clone": one(torch.clone, real),
    "contiguous": one(torch.Tensor.contiguous, real),
    "copy": Entry(lambda x, value: x.clone().copy_(value), alike(real, real)),
    "take": Entry(torch.take, positions(unique=False)),
    "take_transpose": Entry(
        lambda y, shape, at: passed_back(lambda x: torch.take(x, at), shape, y),
        positions(unique=False).flatmap(
            lambda drawn: st.tuples(arrays(drawn[1].shape), st.just(drawn[0].shape), st.just(drawn[1]))
        ),
    ),
    "put": Entry(
        lambda x, values, at: torch.put(x, at, values),
        positions().flatmap(
            lambda drawn: st.tuples(st.just(drawn[0]), arrays(drawn[1].shape), st.just(drawn[1]))
        ),
    ),
    # indexing
    "getitem": Entry(lambda x, index: x[as_torch(index)], indexed()),
    "scatter": Entry(
        lambda g, shape, index: passed_back(lambda x: x[as_torch(index)], shape, g),
        indexed().map(lambda drawn: (drawn[0][drawn[1]], drawn[0].shape, drawn[1])),
    ),
    "setitem": Entry(setitem, values_for()),
    "masked_fill": Entry(
        torch.masked_fill,
        operands(real, booleans).flatmap(
            lambda drawn: st.tuples(
                st.just(np.broadcast_to(drawn[0], np.broadcast_shapes(*(x.shape for x in drawn))).copy()),
                st.just(drawn[1]),
                st.one_of(arrays(()), st.just(2.5)),
            )
        ),
    ),
    # shapes
    "reshape": Entry(torch.reshape, arrays().flatmap(with_shape_of_ones)),
    "permute": Entry(
        torch.permute,
        arrays().flatmap(lambda x: st.permutations(range(x.ndim)).map(lambda order: (x, tuple(order)))),
    ),
    "transpose": Entry(
        torch.transpose,
        along_a_dim(real).flatmap(lambda drawn: st.tuples(*map(st.just, drawn), draw.dims(drawn[0].ndim))),
    ),
    "expand": Entry(
        torch.Tensor.expand,
        operands(real, real).map(lambda drawn: (drawn[0], np.broadcast_shapes(*(x.shape for x in drawn)))),
    ),
    "cat": Entry(lambda *args: torch.cat(args[:-2], args[-2]), joined()),
    "flip": Entry(
        torch.flip,
        along_a_dim(real).flatmap(lambda drawn: st.sampled_from([(drawn[0], (drawn[1],)), (drawn[0], ())])),
    ),
    "roll": Entry(
        torch.roll,
        along_a_dim(real).flatmap(
            lambda drawn: st.integers(-3, 3).map(lambda by: (drawn[0], (by,), (drawn[1],)))
        ),
    ),
    "tril": Entry(torch.tril, with_constants(arrays(shapes(min_dims=2)), (0,), (1,), (-1,), (5,))),
    "triu": Entry(torch.triu, with_constants(arrays(shapes(min_dims=2)), (0,), (1,), (-1,), (5,))),
    "diagonal": Entry(torch.diagonal, diagonals()),
    "diag_embed": Entry(
        lambda g, shape, *constants: passed_back(lambda x: torch.diagonal(x, *constants), shape, g),
        diagonals().map(lambda args: (np.diagonal(*args).copy(), args[0].shape, *args[1:])),
    ),
    "windows": Entry(torch.Tensor.unfold, windowed()),
    "add_windows": Entry(
        lambda g, shape, *constants: passed_back(lambda x: x.unfold(*constants), shape, g),
        windowed().map(
            lambda args: (
                torch.from_numpy(np.array(args[0])).unfold(*args[1:]).numpy(),
                args[0].shape,
                *args[1:],
            )
        ),
    ),
    # reductions
    "sum": over_dims(lambda x, dim, keep: torch.sum(x, dim, keep), real, near=10),
    "mean": over_dims(
        lambda x, dim, keep, n: torch.mean(x, dim, keep), real, min_side=1, constants=lambda n: [(n,)], near=3
    ),
    "logsumexp": over_dims(torch.logsumexp, real, large, near=3),
    "var": over_dims(
        lambda x, dim, keep, n, d: torch.var(x, dim, correction=n - d, keepdim=keep),
        real,
        at_kinks,
        min_side=1,
        constants=lambda n: [(n, n), (n, n - 1)] if n > 1 else [(n, n)],
    ),
    "std": over_dims(
        lambda x, dim, keep, n, d: torch.std(x, dim, correction=n - d, keepdim=keep),
        apart,
        at_once=at_kinks,
        min_dims=1,
        min_side=2,
        constants=lambda n: [(n, n), (n, n - 1)] if n > 1 else [(n, n)],
    ),
    "norm": over_dims(
        lambda x, dim, keep: torch.linalg.vector_norm(x, 2, dim, keep), nonzero, min_side=1, at_once=at_kinks
    ),
    "norm_p": over_dims(
        lambda x, dim, keep, p: torch.linalg.vector_norm(x, p, dim, keep),
        nonzero,
        min_side=1,
        at_once=at_kinks,
        constants=lambda n: [(1.5,), (3,), (4.0,), (0.5,), (-1,)],
        ulps=8,
    ),
    "amax": over_dims(torch.amax, real, at_kinks, min_side=1),
    "amin": over_dims(torch.amin, real, at_kinks, min_side=1),
    "argmax": over_dims(
        lambda x, dim, keep: torch.argmax(x, dim[0] if keep else None, keep),
        apart,
        at_kinks,
        min_side=1,
        single=True,
    ),
    "argmin": over_dims(
        lambda x, dim, keep: torch.argmin(x, dim[0] if keep else None, keep),
        apart,
        at_kinks,
        min_side=1,
        single=True,
    ),
    "median": Entry(torch.median, st.tuples(arrays(shapes(min_side=1), [apart, at_kinks]))),
    "all": over_dims(torch.all, with_zeros, booleans),
    "any": over_dims(torch.any, with_zeros, booleans),
    "share": Entry(shares, with_extreme(over_dims(torch.amax, at_kinks, min_side=1))),
    "prod": Entry(lambda x: torch.prod(x, 0), st.tuples(arrays(shapes(min_dims=1), [real, with_zeros]))),
    "cumsum": Entry(torch.cumsum, along_a_dim(real), near=10),
    # products
    "matmul": Entry(torch.matmul, factors(), near=30),
    "dot": Entry(torch.dot, shapes(1, 1).flatmap(lambda n: st.tuples(arrays(n), arrays(n))), near=30),
    "einsum": Entry(
        lambda x, y, left, right, out: torch.einsum(f"{left},{right}->{out}", x, y), contracted(), near=30
    ),
    # matrices
    "inv": Entry(torch.linalg.inv, st.tuples(squares()), near=30, ulps=20),
    "solve": Entry(
        torch.linalg.solve,
        squares().flatmap(lambda a: st.tuples(st.just(a), arrays((*a.shape[:-1], 2)))),
        near=30,
        ulps=20,
    ),
    "det": Entry(torch.linalg.det, st.tuples(squares()), near=30),
    "cofactors": Entry(
        lambda x: torch.linalg.det(x)[..., None, None] * torch.linalg.inv(x).mT,
        st.tuples(squares()),
        near=30,
        ulps=20,
    ),
    "slogdet": Entry(lambda x: torch.linalg.slogdet(x)[1], st.tuples(squares()), near=10),
    "pinv": Entry(
        lambda x, atol, rtol: torch.linalg.pinv(x, atol=atol, rtol=rtol),
        with_constants(matrices(), (0.0, 1e-6)),
        near=30,
        ulps=20,
    ),
    "over_gaps": Entry(torch.div, alike(real, nonzero)),
    "cholesky": Entry(
        torch.linalg.cholesky, st.tuples(squares().map(lambda x: x @ x.swapaxes(-1, -2))), near=30, ulps=20
    ),
    "qr": Entry(stacked_qr, st.tuples(matrices()), near=30, ulps=20),
    "eigvalsh": Entry(
        lambda x, lower: torch.linalg.eigvalsh(x, "L" if lower else "U"),
        with_constants(squares(), (True,), (False,)),
        near=30,
        ulps=20,
    ),
    "svdvals": Entry(torch.linalg.svdvals, st.tuples(matrices()), near=30, ulps=20),
    "eigh": Entry(stacked_eigh, with_constants(squares(), (True,), (False,)), near=30, ulps=40),
    "svd": Entry(stacked_svd, st.tuples(matrices()), near=30, ulps=40),
    "linear": Entry(F.linear, layer(), near=30),
    # networks
    "softmax": Entry(torch.softmax, along_a_dim(real, large)),
    "log_softmax": Entry(torch.log_softmax, along_a_dim(real, large)),
    "embedding": Entry(
        lambda w, index, kept: (
            w[index] if type(kept) is int else torch.where(kept, w[index], w.detach()[index])
        ),
        rows_and_indices(),
    ),
    "dropout": Entry(torch.mul, alike(real, with_zeros)),
    # windows
    "unfold": Entry(unfold, sliding().flatmap(lambda s: st.tuples(arrays(s.x), st.just(s.window)))),
    "fold": Entry(
        lambda g, window, size: passed_back(
            lambda x: unfold(x, window), (*g.shape[: -2 * len(size)], *size), g
        ),
        sliding().flatmap(
            lambda s: st.tuples(
                arrays((*s.x[:2], *s.window.kernel, *s.z[2:])), st.just(s.window), st.just(s.size)
            )
        ),
    ),
    "conv": Entry(
        conv,
        sliding().flatmap(
            lambda s: st.tuples(arrays(s.x), arrays(s.weight), st.just(s.window), st.just(s.groups))
        ),
        near=30,
    ),
    "conv_transpose": Entry(
        lambda y, w, window, groups, size: passed_back(
            lambda x: conv(x, w, window, groups), (y.shape[0], w.shape[1] * groups, *size), y
        ),
        sliding().flatmap(
            lambda s: st.tuples(arrays(s.z), arrays(s.weight), *map(st.just, (s.window, s.groups, s.size)))
        ),
        near=30,
    ),
    "conv_weight": Entry(
        lambda x, y, window, groups: passed_back(
            lambda w: conv(x, w, window, groups), (y.shape[1], x.shape[1] // groups, *window.kernel), y
        ),
        sliding().flatmap(
            lambda s: st.tuples(arrays(s.x), arrays(s.z), st.just(s.window), st.just(s.groups))
        ),
        near=30,
    ),
    "sum_pool": Entry(
        lambda x, window: met(x, window).sum(0),
        sliding().flatmap(lambda s: st.tuples(arrays(s.x), st.just(s.window))),
        near=10,
    ),
    "sum_pool_transpose": Entry(
        lambda g, window, size: passed_back(lambda x: met(x, window).sum(0), (*g.shape[:2], *size), g),
        sliding().flatmap(
            lambda s: st.tuples(arrays((*s.x[:2], *s.z[2:])), st.just(s.window), st.just(s.size))
        ),
        near=10,
    ),
    "max_pool": Entry(
        lambda x, window: met(x, window, -np.inf).max(0).values, pooled().map(lambda args: (args[0], args[2]))
    ),
    "max_pool_winners": Entry(winners, pooled()),
    "max_pool_pick": Entry(
        lambda x, won, window: (met(x, window) * won).sum(0),
        picked().map(lambda args: (args[0], args[2], args[3])),
    ),
    "max_pool_place": Entry(
        lambda g, won, window, size: passed_back(
            lambda x: (met(x, window) * won).sum(0), (*g.shape[:2], *size), g
        ),
        picked().map(lambda args: (args[1], args[2], args[3], args[0].shape[2:])),
        near=3,
    ),
    # normalization
    "standardize": over_dims(
        standardize, real, min_dims=1, min_side=2, constants=lambda n: [(n, 1e-5), (n, 0.1)], ulps=20, near=3
    ).but(lambda args: args[1] is not None),
    "rms_norm": over_dims(
        lambda x, dim, keep, n, eps: x / torch.sqrt((x * x).mean(dim, keep) + eps),
        real,
        min_dims=1,
        min_side=1,
        constants=lambda n: [(n, 1e-5), (n, 0.1)],
    ).but(lambda args: args[1] is not None),
    # recurrences
    "rnn": Entry(
        step_by_step(rnn_step),
        st.tuples(recurrence(1), st.sampled_from(["tanh", "relu"])).map(lambda drawn: (*drawn[0], drawn[1])),
        near=10,
    ),
    "lstm": Entry(step_by_step(lstm_step), recurrence(4, states=2), near=10),
    "lstm_memory": Entry(memory, cell(4)),
    "lstm_output": Entry(lambda gates, c: gates.chunk(4, 1)[3].sigmoid() * c.tanh(), cell(4)),
    "gru_cell": Entry(gru_cell, cell(3, 3)),
    "gru": Entry(step_by_step(gru_step), recurrence(3, bias=True), near=10),
    # losses
    "mse_loss": Entry(mean_of(F.mse_loss), alike(real, real, count=True)),
    "huber": Entry(
        lambda d, delta: F.huber_loss(d, torch.zeros_like(d), reduction="none", delta=delta),
        with_constants(arrays(), (1.0,), (0.5,)),
        once=with_constants(arrays(domain=at_kinks), (1.0,), (0.5,)),
    ),
    "bce": Entry(lambda x, y: F.binary_cross_entropy(x, y, reduction="none"), alike(unit, unit)),
    "bce_loss": Entry(mean_of(F.binary_cross_entropy), alike(unit, unit, count=True)),
    "softplus_of_negative": one(lambda x: -F.logsigmoid(x), real, large),
    "bce_with_logits": Entry(
        mean_of(F.binary_cross_entropy_with_logits), alike([real, large], unit, count=True)
    ),
    "cross_entropy": Entry(mean_of(F.cross_entropy), scored()),
}


# the tests --------------------------------------------------------------------------------------------------


def test_every_primitive_has_an_entry_and_every_entry_a_primitive():
    assert PRIMITIVES.keys() == TABLE.keys()


known = pytest.mark.parametrize("name", [name for name in PRIMITIVES if name in TABLE])
fewer = settings(max_examples=max(settings().max_examples // 3, 10))


def differentiable(name: str, args: tuple[Any, ...]) -> list[int]:
    """The positions of the tensor arguments that may require grad; what follows them are constants."""
    return [i for i in range(PRIMITIVES[name].arity_of(args)) if is_float(args[i])]


def applied(name: str) -> Callable[..., Any]:
    """The primitive, with its constants as plain arrays."""
    primitive = PRIMITIVES[name]

    def apply(*args: Any) -> Any:
        n = primitive.arity_of(args)
        return primitive(
            *args[:n], *(arg.array if isinstance(arg, autodiff.Tensor) else arg for arg in args[n:])
        )

    return apply


@known
@given(data=st.data())
def test_values_and_derivatives_are_torchs(name, data):
    args = data.draw(TABLE[name].args)
    assert_like_torch(applied(name), TABLE[name].torch, args, differentiable(name, args))


@pytest.mark.parametrize(
    "name", [name for name in PRIMITIVES if name in TABLE and not TABLE[name].once.is_empty]
)
@given(data=st.data())
def test_first_derivatives_are_torchs_where_the_second_are_a_convention(name, data):
    args = data.draw(TABLE[name].once)
    assert_like_torch(applied(name), TABLE[name].torch, args, differentiable(name, args), second=False)


@known
@fewer
@given(data=st.data())
def test_float32_stays_float32_and_agrees_within_a_few_ulp(name, data):
    entry, args = TABLE[name], data.draw(TABLE[name].args)
    wanted = differentiable(name, args)
    assert_float32_like_torch(applied(name), entry.torch, args, wanted, entry.ulps, entry.near)


MOVERS = """clone contiguous copy take put getitem setitem where
reshape permute transpose expand cat flip roll tril triu diagonal windows""".split()


@pytest.mark.parametrize("name", MOVERS)
@fewer
@given(data=st.data(), dtype=draw.DTYPES)
def test_what_only_moves_values_moves_those_of_every_dtype(name, data, dtype):
    args = [arg.astype(dtype) if is_float(arg) else arg for arg in data.draw(TABLE[name].args)]
    reference = [torch.from_numpy(np.array(arg)) if isinstance(arg, np.ndarray) else arg for arg in args]
    expected = TABLE[name].torch(*reference).numpy()
    z = applied(name)(*(autodiff.Tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args)).numpy()
    assert (z.dtype, z.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(z, expected)


@known
@fewer
@given(data=st.data())
def test_a_rule_reads_no_more_than_it_says(name, data):
    """`reads` decides what may be changed in place: the rest is replaced by nonsense, to no effect."""
    primitive, args = PRIMITIVES[name], list(data.draw(TABLE[name].args))
    with np.errstate(all="ignore"):
        z = primitive.run(*args)
        for i in range(primitive.arity_of(tuple(args))):
            rule = primitive.vjps[i]
            if rule is None or not isinstance(args[i], np.ndarray) or z.dtype.kind != "f":
                continue
            reads = primitive.reads[min(i, len(primitive.reads) - 1)]
            g = np.random.default_rng(0).normal(size=z.shape)
            expected = rule(g, z, *args)
            for nonsense in (spoilt, shuffled):
                given = [
                    x if j in reads or not isinstance(x, np.ndarray) else nonsense(x)
                    for j, x in enumerate([z, *args], -1)
                ]
                np.testing.assert_array_equal(rule(g, *given), expected)


def spoilt(x):
    return np.full_like(x, np.nan if x.dtype.kind == "f" else 1)


def shuffled(x):
    return np.random.default_rng(1).normal(size=x.shape).astype(x.dtype)


@pytest.mark.parametrize("name", [name for name in PRIMITIVES if PRIMITIVES[name].fits and name in TABLE])
@fewer
@given(data=st.data())
def test_the_rules_of_a_primitive_that_fits_give_the_shapes_of_its_arguments(name, data):
    """The engine does not look: a cotangent of another shape would pass unseen."""
    primitive, args = PRIMITIVES[name], data.draw(TABLE[name].args)
    with np.errstate(all="ignore"):
        z = np.asarray(primitive.run(*args))
        for x, rule in zip(args, primitive.vjps, strict=False):
            assert rule is None or np.shape(rule(np.ones_like(z), z, *args)) == np.shape(x)


@known
@fewer
@given(data=st.data())
def test_every_rule_can_be_written_as_a_formula_or_in_words(name, data):
    primitive, args = PRIMITIVES[name], data.draw(TABLE[name].args)
    assert formula_text(primitive, args) and formula_latex(primitive, args)
    for i in range(primitive.arity_of(args)):
        for of in (args, ()):
            text = rule_text(primitive, i, of)
            assert ("no gradient" in text) == (primitive.vjps[i] is None)
            assert rule_latex(primitive, i, of)


def test_comparisons_record_nothing():
    x = autodiff.Tensor(np.ones(2)).requires_grad_()
    for primitive in PRIMITIVES.values():
        if isinstance(primitive, Predicate):
            assert not primitive(x, x).requires_grad


def test_the_rules_of_a_variadic_primitive_are_in_order_whichever_is_asked_for_first():
    rules = RuleFamily(lambda i: lambda g, z: i)
    assert rules[2](0, 0) == 2
    assert [rule(0, 0) for _, rule in zip(range(4), rules, strict=False)] == [0, 1, 2, 3]
