"""New random tensors: PyTorch's functions, their arguments and errors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..creation import dtype_or, dtype_or_default, finished, integer, model, number, shape_of
from ..dtypes import Array, as_dtype, bool_, float64, int64, result_dtype
from ..errors import broadcast_conflict, located
from ..tensor import Tensor, refuse_device
from .arguments import bounds_of, deviation, probability, real_dtype, refuse_weights
from .default import source_of
from .generator import EXACT, Generator, laid_out_like


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
    shape, dtype = shape_of("rand", sizes, size), real_dtype("rand", dtype_or_default(dtype))
    return finished(source_of(generator).uniform(shape, dtype=dtype), device, requires_grad)


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
    shape, dtype = shape_of("randn", sizes, size), real_dtype("randn", dtype_or_default(dtype))
    return finished(source_of(generator).normal(shape, dtype=dtype), device, requires_grad)


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
    low, high = bounds_of("randint", bounds, low, high, dtype)
    return finished(source_of(generator).integers(low, high, shape, dtype), device, requires_grad)


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
    return finished(source_of(generator).permutation(n, dtype), device, requires_grad)


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
        mean, std = float(number("normal", "mean", mean)), deviation(std)
        shape, dtype = shape_of("normal", (size,)), real_dtype("normal", dtype_or_default(dtype))
        return finished(source_of(generator).normal(shape, mean, std, dtype), device, requires_grad)
    if size is not None or not tensors or dtype is not None or requires_grad:
        raise located.TypeError(
            "normal() received an invalid combination of arguments: two numbers need a size, "
            "normal(0.0, 1.0, (2, 3)); a tensor brings its own size and dtype, normal(mean, std)"
        )
    refuse_device(device)
    dtype = real_dtype("normal", tensors[0].dtype)
    try:
        shape = np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError:
        raise located.RuntimeError(f"{broadcast_conflict([t.shape for t in tensors])}, in normal()") from None
    if not isinstance(mean, Tensor):
        mean = number("normal", "mean", mean)
    source = source_of(generator)
    if not isinstance(std, Tensor):
        z = source.normal(shape, 0.0, deviation(std), dtype)
    elif (std.array >= 0).all():
        z = onto(np.multiply, source.normal(shape, dtype=dtype), std.array)
    else:
        raise located.RuntimeError("normal expects all elements of std >= 0.0: some are negative or nan")
    return Tensor(onto(np.add, z, mean.array if isinstance(mean, Tensor) else dtype.type(mean)))


def onto(op: np.ufunc, z: Array, other: Any) -> Array:
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
    chance = probability("bernoulli_", input if p is None else number("bernoulli", "p", p))
    return Tensor(source_of(generator).bernoulli(chance, array.shape).astype(array.dtype))


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
    refuse_weights(weights, n, replacement)
    source = source_of(generator)
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


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1), of the shape and (unless another is given) the dtype of `input`."""
    array, dtype = model("rand_like", input), real_dtype("rand_like", dtype_or(dtype, input))
    draw = partial(source_of(generator).uniform, dtype=dtype)
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
    dtype = real_dtype("randn_like", dtype_or(dtype, input))
    return finished(normal_like(array, source_of(generator), dtype=dtype), device, requires_grad)


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
    low, high = bounds_of("randint_like", bounds, low, high, dtype)
    draw = partial(source_of(generator).integers, low, high, dtype=dtype)
    return finished(laid_out_like(array, draw), device, requires_grad)


def normal_like(array: Array, source: Generator, **options: Any) -> Array:
    """Normal numbers for an array; PyTorch draws by pairs, however many, if it has gaps or turned axes."""
    draw = source.normal if array.flags.c_contiguous else source.normal_by_pairs
    return laid_out_like(array, partial(draw, **options))
