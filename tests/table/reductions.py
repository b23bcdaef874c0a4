"""Many values made one: sums, moments, norms, extremes, counts; and running sums, products, extremes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import strategies as draw
from ..strategies import (
    above_one,
    apart,
    arrays,
    at_kinks,
    booleans,
    large,
    nonzero,
    real,
    shapes,
    unusual,
    whole,
    with_zeros,
)
from . import Row, Wrong


@st.composite
def over(
    draw_: st.DrawFn,
    *domains: Any,
    dims: Any = draw.some_dims,
    all_as: Any = None,
    min_dims: int = 0,
    min_side: int = 0,
    keepdim: bool = True,
) -> tuple[Any, ...]:
    """An array, what to reduce (`all_as` for everything), and whether to keep the dimensions."""
    x = draw_(arrays(shapes(min_dims, min_side=min_side), list(domains)))
    dim = draw_(dims(x.ndim))
    return (x, all_as if dim is None else dim, *([draw_(st.booleans())] if keepdim else []))


def one_dim(ndim: int) -> st.SearchStrategy[int]:
    """One dimension; 0-dim tensors have one, too."""
    return draw.dims(ndim or 1)


def at_least(n: int) -> Any:
    """Whether at least n values are made one: the moments of fewer are nan and inf."""
    return lambda args: args[0].size // max(np.prod(np.sum(args[0], args[1]).shape, dtype=int), 1) >= n


def known(args: Any) -> bool:
    """Whether something is not nan in each mean."""
    return bool((~np.isnan(args[0])).any(args[1]).all())


def along(*domains: Any, **options: Any) -> Any:
    """An array, one of its dimensions, and whether to keep it."""
    return over(*domains, dims=one_dim, **options)


def by_name(function: Any, x: Any, dim: Any, keepdim: bool, **options: Any) -> Any:
    """The call of a function whose further arguments must be named."""
    return function(x, dim=dim, keepdim=keepdim, **options)


APART = draw.operands(draw.unit, above_one)
KEEP = "input dim keepdim"
MOMENTS = ("var", "std", "var_mean", "std_mean")

ROWS = [
    # sums
    Row("sum", over(real, at_kinks), KEEP, near=10.0),
    Row("sum", over(whole(-9, 9), booleans), KEEP),
    Row("sum", over(real), KEEP, {"dtype": None}, near=10.0),
    Row("mean", over(real, min_side=1), KEEP, near=3.0),
    Row("prod", along(real, with_zeros), KEEP),
    Row("prod", along(whole(-3, 3), booleans), KEEP),
    Row("prod", st.tuples(arrays(domain=[real, with_zeros])), "input"),
    Row("logsumexp", over(real, large, all_as=()).filter(lambda args: args[1] != ()), KEEP, near=3.0),
    Row("nansum", over(real, unusual), KEEP, near=10.0),
    Row("nansum", over(whole(-9, 9)), KEEP),
    Row("nanmean", over(real, min_side=1), KEEP, near=3.0),
    Row("nanmean", over(unusual, min_side=1).filter(known), KEEP, second=False, near=3.0),
    # moments
    *(
        Row(name, args.filter(at_least(2)), KEEP, options, near=3.0, call=by_name)
        for name in MOMENTS
        for args, options in (
            (over(apart, min_dims=1, min_side=2), {"correction": 1}),
            (over(apart, min_dims=1, min_side=2), {"correction": 0}),
            (over(apart, min_dims=1, min_side=2).filter(at_least(3)), {"correction": 2}),
        )
    ),
    *(
        Row(name, st.tuples(arrays(shapes(1, min_side=2), apart)), "input", {"unbiased": False}, near=3.0)
        for name in MOMENTS
    ),
    # norms
    *(
        Row(
            "norm",
            over(nonzero, min_side=1).map(lambda args, p=p: (args[0], p, *args[1:])),
            f"input p {KEEP[6:]}",
        )
        for p in (2, 1, 3, 0.5, -1, -2.5, math.inf, -math.inf)
    ),
    Row("norm", over(with_zeros).map(lambda args: (args[0], 0, *args[1:])), f"input p {KEEP[6:]}"),
    Row("norm", st.tuples(arrays(shapes(min_side=1), [nonzero])), "input"),
    *(
        Row("dist", APART.filter(lambda xs: xs[0].size and xs[1].size), "input other", {"p": p}, near=6.0)
        for p in (2, 1, 3)
    ),
    # extremes
    Row("amax", over(real, at_kinks, all_as=(), min_side=1), KEEP),
    Row("amin", over(real, at_kinks, all_as=(), min_side=1), KEEP),
    *(
        row
        for name in ("max", "min")
        for row in (
            Row(name, along(real, at_kinks, min_side=1), KEEP),
            Row(name, along(whole(-3, 3), booleans, min_side=1), KEEP),
            Row(name, st.tuples(arrays(shapes(min_side=1), [real, at_kinks])), "input"),
            Row(name, draw.operands([real, at_kinks], at_kinks), "input other"),
            Row(f"arg{name}", along(apart, at_kinks, whole(-3, 3), min_side=1), KEEP),
            Row(f"arg{name}", st.tuples(arrays(shapes(min_side=1), [apart, at_kinks])), "input"),
        )
    ),
    Row("aminmax", st.tuples(arrays(shapes(min_side=1), [apart, at_kinks])), "input"),
    Row("aminmax", along(apart, at_kinks, min_side=1), KEEP, call=by_name),
    # truth and counts
    *(Row(name, over(with_zeros, booleans, whole(-1, 2)), KEEP) for name in ("all", "any")),
    *(Row(name, st.tuples(arrays(domain=[with_zeros, booleans])), "input") for name in ("all", "any")),
    Row("count_nonzero", over(with_zeros, booleans, unusual, whole(-1, 2), keepdim=False), "input dim"),
    # running
    Row("cumsum", along(real, keepdim=False), "input dim", near=10.0),
    Row("cumsum", along(whole(-9, 9), booleans, keepdim=False), "input dim"),
    Row("cumprod", along(real, with_zeros, keepdim=False), "input dim", near=3.0),
    Row("cumprod", along(whole(-3, 3), booleans, keepdim=False), "input dim"),
    Row(
        "diff",
        along(real, keepdim=False, min_dims=1),
        "input dim",
        call=lambda f, x, dim, **n: f(x, dim=dim, **n),
    ),
    Row(
        "diff",
        along(real, booleans, whole(-9, 9), keepdim=False, min_dims=1),
        options={"n": 2},
        call=lambda f, x, dim, **n: f(x, dim=dim, **n),
    ),
    Row(
        "diff",
        st.tuples(*[arrays((2, 3))] * 3),
        "input prepend append",
        call=lambda f, x, a, b: f(x, 1, -1, a, b),
    ),
    Row("diff", st.tuples(*[arrays((2, 3))] * 2), call=lambda f, x, a: f(x, n=0, prepend=a)),
    Row("logcumsumexp", along(real, keepdim=False), "input dim", near=3.0),
    Row("logcumsumexp", along(large, keepdim=False), "input dim", second=False),
    *(Row(name, along(real, at_kinks, keepdim=False), "input dim") for name in ("cummax", "cummin")),
    *(Row(name, along(unusual, keepdim=False), "input dim", second=False) for name in ("cummax", "cummin")),
    *(Row(name, along(whole(-3, 3), booleans, keepdim=False), "input dim") for name in ("cummax", "cummin")),
]

X, NOTHING, NUMBERS = np.ones((2, 3)), np.ones((0, 3)), np.array([1, 2])
OF_DIMS = "sum mean var std amax amin norm nansum nanmean all any std_mean var_mean".split()
OF_ONE = "prod max min argmax argmin cumsum cumprod cummax cummin logcumsumexp".split()
RANGE = "Dimension out of range (expected to be in range of [-2, 1], but got 2)"
NO_VALUES = "Expected reduction dim 0 to have non-zero size."

ERRORS = [
    *(Wrong(name, (X,), {"dim": 2}, RANGE) for name in [*OF_DIMS, *OF_ONE, "aminmax", "count_nonzero"]),
    *(Wrong(name, (X,), {"dim": (0, 0)}, "appears multiple times in the list of dims") for name in OF_DIMS),
    *(Wrong(name, ([1.0],), {"dim": 0}) for name in [*OF_DIMS, *OF_ONE] if name != "norm"),
    *(Wrong(name, (X,), {"dim": (0, 1)}) for name in [*OF_ONE, "aminmax"]),
    *(Wrong(name, (NOTHING,), {"dim": 0}, NO_VALUES) for name in "amax amin max min argmax aminmax".split()),
    *(Wrong(name, (NOTHING,)) for name in "amax amin max min argmax argmin aminmax".split()),
    *(Wrong(name, (NUMBERS,)) for name in "mean var std norm nanmean std_mean var_mean".split()),
    *(Wrong(name, (X,)) for name in "cumsum cumprod cummax logsumexp logcumsumexp".split()),
    Wrong("nanmean", (NUMBERS,), words="expected input to have floating point or complex dtype but got"),
    Wrong("std_mean", (NUMBERS,), words="only support floating point and complex dtypes"),
    Wrong("logcumsumexp", (NUMBERS, 0)),
    Wrong("norm", (NOTHING, -1)),
    Wrong("diff", (np.ones(()),), words="diff expects input to be at least one-dimensional"),
    Wrong("diff", (X, -1), words="order must be non-negative but got -1"),
    Wrong("diff", (X, 1, 2), words=RANGE),
    Wrong("aminmax", (X, 0)),
    Wrong("max", (X, np.ones((2, 4))), words="The size of tensor a (3) must match the size of tensor b (4)"),
]
