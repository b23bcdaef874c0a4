"""Tensors filled with random numbers, in place: PyTorch's methods that end with an underscore."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..creation import integer, model, number
from ..dtypes import Array
from ..errors import describe, located
from ..inplace import become, refuse_leaf, refuse_memory
from ..tensor import Tensor
from .arguments import TORCH_NAME, bounds_of, deviation, probability, real_dtype, refuse_range
from .default import source_of
from .drawing import normal_like
from .generator import EXACT, Generator, laid_out_like


def uniform_(x: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with uniform numbers in [from, to); `from` is a word of Python's, so its name here is `from_`.

    Raises RuntimeError unless from ≤ to and the dtype can hold the range, NotImplementedError for integers.
    """
    dtype = real_dtype("uniform_", model("uniform_", x).dtype)
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
    draw = partial(source_of(generator).uniform, low=from_, high=to, dtype=dtype)
    return filled(x, "uniform_", partial(laid_out_like, draw=draw))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with normal numbers. Raises RuntimeError for std < 0, NotImplementedError for integers."""
    dtype = real_dtype("normal_", model("normal_", x).dtype)
    options = {"mean": mean, "std": deviation(std), "dtype": dtype}
    return filled(x, "normal_", lambda array: normal_like(array, source_of(generator), **options))


def bernoulli_(x: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill `x` with ones with probability `p`, a number or a tensor that broadcasts to x, else with zeros.

    Raises RuntimeError for a p that is not in [0, 1] or does not broadcast, NotImplementedError for integers.
    """
    array, chance = model("bernoulli_", x), probability("bernoulli_", p)
    try:
        np.broadcast_to(chance, array.shape)
    except ValueError:
        raise located.RuntimeError(
            f"bernoulli_: p, {describe(p)}, does not broadcast to x, {describe(x)}"
        ) from None
    return filled(
        x,
        "bernoulli_",
        lambda array: source_of(generator).mask_like(array, chance).astype(array.dtype),
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
    draw = partial(source_of(generator).exponential, rate=lambd, dtype=dtype)
    return filled(x, "exponential_", partial(laid_out_like, draw=draw))


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
        refuse_range(low, high, dtype)
    else:
        low, high = bounds_of("random_", bounds, from_, to, dtype)
    draw = partial(source_of(generator).integers, low, high, dtype=dtype)
    return filled(x, "random_", partial(laid_out_like, draw=draw))


def filled(x: Tensor, name: str, draw: Callable[[Array], Array]) -> Tensor:
    """`x` filled in place with what is drawn for its array; nothing is drawn if it must not be changed."""
    refuse_leaf(x, name)
    refuse_memory(x.array, name)
    return become(x, Tensor(draw(x.array)), name)
