"""Random tensors, drawn as PyTorch draws them: the same seed gives the same digits, in any order of draws.

`manual_seed` seeds the default generator, which every function here uses unless it is given `generator=`. How
words become numbers is in `generator`; here are PyTorch's names, arguments and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..creation import dtype_or, dtype_or_default, finished, integer, model, number, shape_of
from ..dtypes import Array, DType, as_dtype, bool_, float32, float64, int64, result_dtype
from ..errors import broadcast_conflict, describe, located
from ..inplace import become, refuse_leaf, refuse_memory
from ..tensor import Tensor, refuse_device
from .generator import EXACT, Generator, laid_out_like

__all__ = [
    "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state",
    "fork_rng",
    "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial",
    "rand_like", "randn_like", "randint_like",
]  # fmt: skip

TORCH_NAME = {bool_: "Bool", int64: "Long", float32: "Float", float64: "Double"}

# The default generator ------------------------------------------------------------------------------------

default_generator = Generator()
"""The generator of every draw without `generator=`; it has a random seed until `manual_seed`."""

default_generator.seed()


def manual_seed(seed: Any) -> Generator:
    """Start the default generator's stream for `seed`, from −2⁶³ to 2⁶⁴ − 1, and return the generator.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.rand(3), autodiff.randn(2), autodiff.randperm(4)
    (tensor([0.4963, 0.7682, 0.0885]), tensor([0.3643, 0.1344]), tensor([3, 2, 0, 1]))
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator at random, and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Where the default generator is: see `Generator.get_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor | Array) -> None:
    """Take the default generator back to a state from `get_rng_state`."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = (), enabled: bool = True) -> Iterator[None]:
    """A block whose random draws leave the default generator where it was; `devices` is of no effect.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> with autodiff.random.fork_rng():
    ...     first = autodiff.rand(2)
    >>> bool((first == autodiff.rand(2)).all())
    True
    """
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)


# New tensors ----------------------------------------------------------------------------------------------


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1), float32 or float64: `rand(2, 3)` or `rand((2, 3))`.

    Raises TypeError or RuntimeError for what is no size, NotImplementedError for integers.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    shape, dtype = shape_of("rand", sizes, size), _real("rand", dtype_or_default(dtype))
    return finished(_source(generator).uniform(shape, dtype=dtype), device, requires_grad)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal numbers, float32 or float64: `randn(2, 3)` or `randn((2, 3))`.

    Raises TypeError or RuntimeError for what is no size, NotImplementedError for integers.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.randn(3)
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    shape, dtype = shape_of("randn", sizes, size), _real("randn", dtype_or_default(dtype))
    return finished(_source(generator).normal(shape, dtype=dtype), device, requires_grad)


def randint(
    *bounds: Any,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = int64,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers in [low, high): `randint(high, size)` from 0, or `randint(low, high, size)`; size is a tuple.

    Raises RuntimeError unless low < high and every integer between is exact in the dtype.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.randint(3, 10, (4,))
    tensor([7, 6, 3, 5])
    """
    if size is None and bounds:
        bounds, size = bounds[:-1], bounds[-1]
    if not isinstance(size, (tuple, list)):
        raise located.TypeError(
            f"randint(): argument 'size' must be tuple of ints, not {type(size).__name__}: "
            "write randint(10, (3,)) for three integers below 10"
        )
    shape, dtype = shape_of("randint", (size,)), as_dtype(dtype)
    low, high = _bounds("randint", bounds, low, high, dtype)
    return finished(_source(generator).integers(low, high, shape, dtype), device, requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = int64,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The integers 0 ... n − 1 in random order, int64 unless another dtype is given.

    Raises RuntimeError for n < 0 and for an n too large for the dtype, NotImplementedError for bool.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.randperm(4)
    tensor([0, 1, 3, 2])
    """
    n, dtype = integer("randperm", "n", n), as_dtype(dtype)
    if n < 0:
        raise located.RuntimeError(f"Trying to create tensor with negative dimension {n}: randperm({n})")
    if dtype == bool_:
        raise located.NotImplementedError("\"randperm\" not implemented for 'Bool': use int64")
    if n > EXACT[dtype]:
        raise located.RuntimeError(
            f"n cannot be greater than 2^24+1 for Float type (2^53+1 for Double), but is {n}"
        )
    if n >= 2**32 // 20:
        raise located.RuntimeError(
            f"randperm: from n = {2**32 // 20} on the stream is not PyTorch's, and n is {n}"
        )
    return finished(_source(generator).permutation(n, dtype), device, requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers: `normal(mean, std, size)` of two numbers, else one for each entry of the tensors.

    The result has the dtype of the first tensor. No gradient flows to mean or std. Raises RuntimeError for a
    negative std and for shapes that do not broadcast, NotImplementedError for integers.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.normal(autodiff.tensor([0.0, 100.0]), 2.0)
    tensor([ 3.0820, 99.4131])
    """
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    if isinstance(size, (tuple, list)) and all(t.ndim == 0 for t in tensors):
        mean, std = float(number("normal", "mean", mean)), _deviation(std)
        shape, dtype = shape_of("normal", (size,)), _real("normal", dtype_or_default(dtype))
        return finished(_source(generator).normal(shape, mean, std, dtype), device, requires_grad)
    if size is not None or not tensors or dtype is not None or requires_grad:
        raise located.TypeError(
            "normal() received an invalid combination of arguments: two numbers need a size, "
            "normal(0.0, 1.0, (2, 3)); a tensor brings its own size and dtype, normal(mean, std)"
        )
    refuse_device(device)
    dtype = _real("normal", tensors[0].dtype)
    try:
        shape = np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError:
        raise located.RuntimeError(f"{broadcast_conflict([t.shape for t in tensors])}, in normal()") from None
    if not isinstance(mean, Tensor):
        mean = number("normal", "mean", mean)
    source = _source(generator)
    if not isinstance(std, Tensor):
        z = source.normal(shape, 0.0, _deviation(std), dtype)
    elif (std.array >= 0).all():
        z = _onto(np.multiply, source.normal(shape, dtype=dtype), std.array)
    else:
        raise located.RuntimeError("normal expects all elements of std >= 0.0: some are negative or nan")
    return Tensor(_onto(np.add, z, mean.array if isinstance(mean, Tensor) else dtype.type(mean)))


def _onto(op: np.ufunc, z: Array, other: Any) -> Array:
    """`z op= other` as tensors do it: computed in the dtype of both together, kept in that of z."""
    result: Array = op(z, other, dtype=result_dtype(z, other)).astype(z.dtype)
    return result


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Ones with the probabilities in `input` (or all with probability `p`), else zeros, in its dtype.

    No gradient flows to `input`. Raises RuntimeError for a probability outside [0, 1], NotImplementedError if
    integers stand for probabilities.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.bernoulli(autodiff.tensor([0.0, 0.5, 1.0]))
    tensor([0., 0., 1.])
    """
    array = model("bernoulli", input)
    chance = _probability("bernoulli_", input if p is None else number("bernoulli", "p", p))
    return Tensor(_source(generator).bernoulli(chance, array.shape).astype(array.dtype))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices, `num_samples` of them, in proportion to the weights `input`: (n), or for each of (rows, n).

    Without replacement an index comes once at most. Raises RuntimeError for weights that are negative, not
    finite or all 0, and (where PyTorch returns indices of weight 0) for fewer positive weights than samples.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.multinomial(autodiff.tensor([0.0, 10.0, 3.0, 1.0]), 3)
    tensor([1, 2, 3])
    """
    weights, n = model("multinomial", input), integer("multinomial", "num_samples", num_samples)
    _check_weights(weights, n, replacement)
    source = _source(generator)
    if n == 1 or not replacement:  # clocks that ring at rates equal to the weights: which are the first?
        speed = weights / laid_out_like(weights, partial(source.exponential, dtype=weights.dtype))
        if n == 1:
            return Tensor(speed.argmax(-1, keepdims=True))
        return Tensor(np.argsort(-speed, axis=-1)[..., :n])
    rows = weights.reshape(-1, weights.shape[-1])
    u = source.uniform((len(rows), n), dtype=float64)
    drawn = np.empty((len(rows), n), int64)
    for i, row in enumerate(rows):
        cumulative = np.cumsum(row)
        cumulative /= cumulative[-1]
        cumulative[-1] = 1
        drawn[i] = np.searchsorted(cumulative.astype(float64), u[i])
    return Tensor(drawn.reshape(*weights.shape[:-1], n))


def _check_weights(weights: Array, n: int, replacement: bool) -> None:
    """Refuse what `multinomial` cannot draw from."""
    if weights.ndim not in (1, 2):
        raise located.RuntimeError(f"prob_dist must be 1 or 2 dim: the weights have shape {weights.shape}")
    if weights.dtype.kind != "f":
        raise located.RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {TORCH_NAME[weights.dtype]}"
        )
    if n <= 0:
        raise located.RuntimeError(f"cannot sample n_sample <= 0 samples: num_samples is {n}")
    if n > weights.shape[-1] and not replacement:
        raise located.RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{n} samples from {weights.shape[-1]} categories; pass replacement=True to draw some again"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise located.RuntimeError(
            "invalid multinomial distribution: probability tensor contains either `inf`, `nan` or element < 0"
        )
    total = weights.sum(-1)
    if not ((total > 0) & np.isfinite(total)).all():
        raise located.RuntimeError(
            "invalid multinomial distribution (sum of probabilities <= 0): "
            "each row of weights needs one above 0, and a finite sum"
        )
    positive = np.count_nonzero(weights, axis=-1)
    if not replacement and (positive < n).any():
        raise located.RuntimeError(
            "invalid multinomial distribution (with replacement=False, not enough non-negative category to "
            f"sample): {n} samples, but only {np.min(positive)} weights above 0"
        )


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1), of the shape and (unless another is given) the dtype of `input`."""
    array, dtype = model("rand_like", input), _real("rand_like", dtype_or(dtype, input))
    draw = partial(_source(generator).uniform, dtype=dtype)
    return finished(laid_out_like(array, draw), device, requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal numbers, of the shape and (unless another is given) the dtype of `input`."""
    array = laid_out_like(model("randn_like", input), np.empty)
    dtype = _real("randn_like", dtype_or(dtype, input))
    return finished(_normal_like(array, _source(generator), dtype=dtype), device, requires_grad)


def randint_like(
    input: Tensor,
    *bounds: Any,
    low: Any = None,
    high: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers in [low, high), of the shape and (unless another is given) the dtype of `input`.

    `randint_like(x, high)` from 0, or `randint_like(x, low, high)`; raises what `randint` does.
    """
    array, dtype = model("randint_like", input), dtype_or(dtype, input)
    low, high = _bounds("randint_like", bounds, low, high, dtype)
    draw = partial(_source(generator).integers, low, high, dtype=dtype)
    return finished(laid_out_like(array, draw), device, requires_grad)


# In place -------------------------------------------------------------------------------------------------


def uniform_(x: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with uniform numbers in [from, to); `from` is a word of Python's, so its name here is `from_`.

    Raises RuntimeError unless from ≤ to and the dtype can hold the range, NotImplementedError for integers.
    """
    dtype = _real("uniform_", model("uniform_", x).dtype)
    largest = float(np.finfo(dtype).max)
    from_, to = number("uniform_", "from", from_), number("uniform_", "to", to)
    for name, bound in (("from", from_), ("to", to)):
        if not -largest <= bound <= largest:
            raise located.RuntimeError(f"{name} is out of bounds for {dtype}: uniform_({from_}, {to})")
    if not from_ <= to:
        raise located.RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}"
        )
    if not to - from_ <= largest:
        raise located.RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{TORCH_NAME[dtype]}>::max(), {largest}, "
            f"but found to={to} and from={from_}"
        )
    draw = partial(_source(generator).uniform, low=from_, high=to, dtype=dtype)
    return _fill(x, "uniform_", partial(laid_out_like, draw=draw))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with normal numbers. Raises RuntimeError for std < 0, NotImplementedError for integers."""
    dtype = _real("normal_", model("normal_", x).dtype)
    options = {"mean": mean, "std": _deviation(std), "dtype": dtype}
    return _fill(x, "normal_", lambda array: _normal_like(array, _source(generator), **options))


def bernoulli_(x: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with ones with probability `p`, a number or a tensor that broadcasts to x, else with zeros.

    Raises RuntimeError for a p that is not in [0, 1] or does not broadcast, NotImplementedError for integers.
    """
    array, chance = model("bernoulli_", x), _probability("bernoulli_", p)
    try:
        np.broadcast_to(chance, array.shape)
    except ValueError:
        raise located.RuntimeError(
            f"bernoulli_: p, {describe(p)}, does not broadcast to x, {describe(x)}"
        ) from None
    return _fill(
        x, "bernoulli_", lambda array: _source(generator).mask_like(array, chance).astype(array.dtype)
    )


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with exponential numbers, of density λ·e^(−λx). RuntimeError for λ ≤ 0 and for integers."""
    dtype = model("exponential_", x).dtype
    if dtype.kind != "f":
        raise located.RuntimeError(
            "Exponential distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {TORCH_NAME[dtype]}"
        )
    if not lambd > 0:
        raise located.RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    draw = partial(_source(generator).exponential, rate=lambd, dtype=dtype)
    return _fill(x, "exponential_", partial(laid_out_like, draw=draw))


def random_(
    x: Tensor,
    *bounds: Any,
    from_: int | None = None,
    to: int | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Fill `x` with integers in [from, to): `random_(to)`, `random_(from, to)`.

    Without `to`: to the largest integer up to which all are exact in the dtype, included. Raises RuntimeError
    unless from < to and every integer between is exact.
    """
    dtype = model("random_", x).dtype
    if bounds[1:] == (None,) or (not bounds and to is None):
        start = bounds[0] if bounds else from_
        low, high = integer("random_", "from", 0 if start is None else start), EXACT[dtype]
        _check_range(low, high, dtype)
    else:
        low, high = _bounds("random_", bounds, from_, to, dtype)
    draw = partial(_source(generator).integers, low, high, dtype=dtype)
    return _fill(x, "random_", partial(laid_out_like, draw=draw))


# Arguments and results ------------------------------------------------------------------------------------


def _source(generator: Generator | None) -> Generator:
    if generator is None:
        return default_generator
    if isinstance(generator, Generator):
        return generator
    raise located.TypeError(f"generator must be an autodiff.Generator, not {type(generator).__name__}")


def _fill(x: Tensor, name: str, draw: Callable[[Array], Array]) -> Tensor:
    """`x` filled in place with what is drawn for its array; nothing is drawn if it must not be changed."""
    refuse_leaf(x, name)
    refuse_memory(x.array, name)
    return become(x, Tensor(draw(x.array)), name)


def _normal_like(array: Array, source: Generator, **options: Any) -> Array:
    """Normal numbers for an array; PyTorch draws by pairs, however many, if it has gaps or turned axes."""
    draw = source.normal if array.flags.c_contiguous else source.normal_by_pairs
    return laid_out_like(array, partial(draw, **options))


def _real(name: str, dtype: DType) -> DType:
    """The dtype, if it is one of real numbers."""
    if dtype.kind != "f":
        raise located.NotImplementedError(
            f'"{name}" not implemented for {TORCH_NAME[dtype]!r}: it draws real numbers, float32 or float64'
        )
    return dtype


def _bounds(name: str, given: tuple[Any, ...], low: Any, high: Any, dtype: DType) -> tuple[int, int]:
    """low and high from `f(high)`, `f(low, high)` or keywords."""
    values = list(given)
    if values and high is None:
        high = values.pop()
    if values and low is None:
        low = values.pop()
    if values or high is None:
        raise located.TypeError(
            f"{name}() received an invalid combination of arguments: pass (high) or (low, high)"
        )
    low, high = integer(name, "low", 0 if low is None else low), integer(name, "high", high)
    if not -(2**63) <= min(low, high) <= max(low, high) < 2**63:
        raise located.ValueError(
            f"Overflow when unpacking long long: {name}() from {low} to {high} is beyond int64"
        )
    _check_range(low, high, dtype)
    return low, high


def _check_range(low: int, high: int, dtype: DType) -> None:
    """Refuse a range that is empty, or not all exact in the dtype."""
    if not low < high:
        raise located.RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    smallest = {"b": 0, "i": -(2**63), "f": 1 - EXACT[dtype]}[dtype.kind]
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not smallest <= bound < EXACT[dtype]:
            raise located.RuntimeError(
                f"{name} is out of bounds for {dtype}: {bound} is not in [{smallest}, {EXACT[dtype] - 1}], "
                "where every integer is exact"
            )


def _deviation(std: Any) -> float:
    std = number("normal", "std", std)
    if not std >= 0:
        raise located.RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return float(std)


def _probability(name: str, p: Any) -> float | Array:
    """A probability, or an array of them."""
    if isinstance(p, Tensor):
        _real(name, p.dtype)
        if not ((p.array >= 0) & (p.array <= 1)).all():
            raise located.RuntimeError(f"Expected p_in >= 0 && p_in <= 1: {name} takes probabilities only")
        return p.array
    p = number(name, "p", p)
    if not 0 <= p <= 1:
        raise located.RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")
    return float(p)
