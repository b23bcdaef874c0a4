"""Functions of each entry: of one tensor, of two that broadcast, of more; comparisons; in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..strategies import (
    above_minus_one,
    above_one,
    arrays,
    at_kinks,
    booleans,
    large,
    nonzero,
    operands,
    positive,
    real,
    signed_unit,
    unit,
    unusual,
    whole,
    with_zeros,
)
from . import Row, Wrong

INTS = whole(1, 5)


def each(*domains: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """One array."""
    return st.tuples(arrays(domain=list(domains)))


def of_one(name: str, *domains: Any, **options: Any) -> Row:
    """A function of one tensor."""
    return Row(name, each(*domains), keywords="input", **options)


def with_numbers(first: Any, *numbers: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """An array and one of these numbers, or tuples of numbers."""
    chosen = st.sampled_from([n if isinstance(n, tuple) else (n,) for n in numbers])
    return st.tuples(arrays(domain=first), chosen).map(lambda drawn: (drawn[0], *drawn[1]))


# of one tensor ----------------------------------------------------------------------------------------------

SMOOTH: dict[str, list[Any]] = {
    "exp": [real],
    "exp2": [real],
    "expm1": [real],
    "log": [positive],
    "log2": [positive],
    "log10": [positive],
    "log1p": [above_minus_one],
    "sqrt": [positive],
    "rsqrt": [positive],
    "reciprocal": [nonzero],
    "sin": [real],
    "cos": [real],
    "tan": [signed_unit],
    "asin": [signed_unit],
    "acos": [signed_unit],
    "atan": [real],
    "sinh": [real],
    "cosh": [real],
    "tanh": [real, large],
    "asinh": [real],
    "acosh": [above_one],
    "atanh": [signed_unit],
    "arcsin": [signed_unit],
    "arccos": [signed_unit],
    "arctan": [real],
    "arcsinh": [real],
    "arccosh": [above_one],
    "arctanh": [signed_unit],
    "erf": [real],
    "erfc": [real],
    "erfinv": [signed_unit],
    "lgamma": [positive],
    "digamma": [positive],
    "sigmoid": [real, large],
    "logit": [unit],
    "sinc": [nonzero],
    "rad2deg": [real],
    "deg2rad": [real],
}
NEAR = {"lgamma": 9.0, "digamma": 9.0, "sinc": 1.0, "logit": 1.0, "acosh": 1.0, "arccosh": 1.0}
STEPS = "neg negative positive square abs absolute sign sgn floor ceil round trunc fix".split()
ONE = [
    *(of_one(name, *domains, near=NEAR.get(name, 0.0)) for name, domains in SMOOTH.items()),
    *(of_one(name, whole(0, 2), rtol=1e-5) for name in SMOOTH if name not in ("erfinv", "logit")),
    *(of_one(name, real, at_kinks) for name in STEPS),
    *(of_one(name, whole(-3, 3)) for name in STEPS),
    of_one("relu", real, at_kinks, unusual, second=False),
    of_one("frac", real, at_kinks),
    of_one("nan_to_num", real, unusual),
    of_one("nan_to_num", whole(-3, 3)),
    *(of_one(name, unusual, at_kinks) for name in "isnan isinf isfinite isposinf isneginf signbit".split()),
    *(of_one(name, whole(-3, 3)) for name in "isnan isinf isfinite isposinf isneginf signbit".split()),
    of_one("logical_not", with_zeros, booleans, whole(-1, 2)),
    of_one("bitwise_not", booleans, whole(-9, 9)),
    of_one("clone", real),
    of_one("sign", booleans),
    Row("logit", with_numbers(unit, 0.1, 0.3), keywords="input eps", near=1.0),
    Row("round", each(real), keywords="input", options={"decimals": 1}),
    Row("round", each(large), keywords="input", options={"decimals": -2}),
    Row("nan_to_num", with_numbers(unusual, (1.0, 2.0, 3.0), (0.5, None, -1.0)), "input nan posinf neginf"),
]

# of two tensors, or of a tensor and a number ----------------------------------------------------------------

ARITHMETIC = "add sub mul subtract multiply".split()
DIVISION = "div divide true_divide remainder fmod floor_divide".split()
BACKWARDLESS: dict[str, list[int]] = {"floor_divide": []}  # in PyTorch
COMPARISONS = "eq ne lt le gt ge not_equal less less_equal greater greater_equal".split()
LOGIC = "logical_and logical_or logical_xor".split()
EXTREMES = "maximum minimum fmax fmin".split()


def of_two(name: str, one: Any, other: Any = None, names: str = "input other", **options: Any) -> Row:
    """A function of two tensors that broadcast."""
    return Row(name, operands(one, other or one), keywords=names, **options)


def and_number(name: str, first: Any, *numbers: float, names: str = "input other", **options: Any) -> Row:
    """A function of a tensor and a number."""
    return Row(name, with_numbers(first, *numbers), keywords=names, **options)


TWO = [
    *(of_two(name, [real, at_kinks]) for name in ARITHMETIC),
    *(of_two(name, real, whole(-3, 3)) for name in ARITHMETIC),
    *(of_two(name, whole(-3, 3)) for name in ARITHMETIC),
    *(and_number(name, [real, whole(-3, 3)], 2, 0.5) for name in ARITHMETIC),
    *(of_two(name, [real, at_kinks], nonzero, wanted=BACKWARDLESS.get(name)) for name in DIVISION),
    *(of_two(name, whole(-9, 9), INTS, rtol=1e-6) for name in DIVISION),
    *(
        and_number(name, [real, whole(-9, 9)], 2, -1.5, rtol=1e-6, wanted=BACKWARDLESS.get(name))
        for name in DIVISION
    ),
    *(Row(name, operands(real, real), "input other", {"alpha": 2.5}, near=9.0) for name in ("add", "sub")),
    *(Row("rsub", args, "input other") for args in (operands(real, real), with_numbers(real, 2))),
    *(
        Row("div", operands(*pair), "input other", {"rounding_mode": mode})
        for mode in ("floor", "trunc")
        for pair in ((real, nonzero), (whole(-9, 9), INTS))
    ),
    of_two("pow", positive, real, "input exponent", ulps=8),
    of_two("pow", whole(-3, 3), whole(0, 4), "input exponent"),
    and_number("pow", nonzero, 0, 1, 2, 3, -1, -2.0, names="input exponent", ulps=8),
    and_number("pow", positive, 0.5, 2.5, -0.5, names="input exponent", ulps=8),
    and_number("pow", whole(1, 4), 2, 0.5, -1.0, names="input exponent", rtol=1e-6),
    of_two("float_power", positive, real, "input exponent"),
    and_number("float_power", whole(1, 4), 2, 0.5, names="input exponent"),
    of_two("atan2", nonzero),
    of_two("arctan2", nonzero),
    of_two("atan2", INTS, rtol=1e-6),
    of_two("hypot", nonzero),
    of_two("copysign", nonzero, real),
    of_two("copysign", at_kinks, real, second=False),
    and_number("copysign", nonzero, -2.0, 1.0),
    of_two("copysign", whole(-3, 3), rtol=1e-6),
    of_two("nextafter", [real, at_kinks], wanted=[]),
    of_two("ldexp", real),
    of_two("ldexp", whole(-3, 3), wanted=[]),
    Row("frexp", each(real, at_kinks), "input", wanted=[], see=lambda parts: (parts[0], parts[1].long())),
    *(of_two(name, whole(-99, 99)) for name in ("gcd", "lcm")),
    *(of_two(f"bitwise_{side}_shift", whole(-99, 99), whole(0, 9)) for side in ("left", "right")),
    Row("Tensor.polygamma", with_numbers(positive, 0, 1, 2, 3), near=9.0),
    of_two("logaddexp", real, near=1.0),
    of_two("logaddexp2", real, near=1.0),
    of_two("logaddexp", large, second=False),
    of_two("xlogy", [real, with_zeros], positive, near=1.0),
    of_two("xlogy", INTS, rtol=1e-6),
    and_number("xlogy", real, 2, 0.5, near=1.0),
    *(of_two(name, [real, at_kinks]) for name in EXTREMES),
    *(of_two(name, whole(-3, 3)) for name in EXTREMES),
    *(of_two(name, real, unusual, second=False) for name in EXTREMES),
    Row("heaviside", operands(at_kinks, real), "input values", wanted=[]),
    *(of_two(name, [real, at_kinks], at_kinks) for name in COMPARISONS),
    *(of_two(name, whole(-2, 2), at_kinks) for name in COMPARISONS),
    *(and_number(name, at_kinks, 0, 0.5) for name in COMPARISONS),
    *(of_two(name, [with_zeros, booleans, whole(-1, 2)]) for name in LOGIC),
    *(
        of_two(f"bitwise_{name}", domain)
        for name in ("and", "or", "xor")
        for domain in (booleans, whole(-9, 9))
    ),
]


@st.composite
def onto_the_first(draw: st.DrawFn, *domains: Any) -> tuple[Any, ...]:
    """Operands of which the first has the shape that all broadcast to."""
    xs = draw(operands(*domains))
    shape = np.broadcast_shapes(*(x.shape for x in xs))
    return (np.broadcast_to(xs[0], shape).copy(), *xs[1:])


# of more ----------------------------------------------------------------------------------------------------

MORE = [
    Row("lerp", operands(real, real, real), "input end weight"),
    Row(
        "lerp",
        operands(real, real).flatmap(
            lambda xs: st.tuples(*map(st.just, xs), st.sampled_from([0, 0.25, 1.0, 2]))
        ),
    ),
    Row("addcmul", operands(real, real, real), "input tensor1 tensor2", {"value": 0.5}, near=5.0),
    Row("addcdiv", operands(real, real, nonzero), "input tensor1 tensor2", {"value": 2}, near=30.0),
    Row("clamp", with_numbers([real, at_kinks], (-1, 1), (-0.5, 2.0), (2, 1)), "input min max"),
    Row("clip", with_numbers([real, at_kinks], (-1, 1), (None, 2.0), (0.5, None)), "input min max"),
    Row("clamp", onto_the_first([real, at_kinks], real, positive), "input min max"),
    Row("clamp", with_numbers(whole(-3, 3), (-1, 1), (-0.5, None)), "input min max", rtol=1e-6),
    *(Row(name, with_numbers([real, at_kinks], 0, 0.5)) for name in ("clamp_min", "clamp_max")),
    Row("clamp_min", operands([real, at_kinks], at_kinks), "input min"),
    Row("clamp_max", operands([real, at_kinks], at_kinks), "input max"),
    Row("Tensor.where", operands(real, booleans, real)),
    Row("Tensor.where", operands(real, booleans).map(lambda xs: (*xs, 2.0))),
    Row("isclose", operands(at_kinks, at_kinks), "input other", {"rtol": 0.1, "atol": 0.2}),
    Row("isclose", operands(unusual, unusual), "input other", {"equal_nan": True}),
]

# in place: the old values are gone, the derivative is that of the other form --------------------------------


def in_place(name: str, args: Any, **options: Any) -> Row:
    """A method that overwrites its tensor, which must not be a leaf."""
    return Row(f"Tensor.{name}", args, call=lambda f, x, *rest, **given: f(x * 1, *rest, **given), **options)


INVERSES = "asinh acosh atanh arcsinh arccosh arctanh".split()  # no derivative in PyTorch
ROUNDING = "neg abs square sign floor ceil round trunc frac negative absolute sgn fix relu".split()
IN_PLACE = [
    *(
        in_place(
            f"{name}_", each(*domains), near=NEAR.get(name, 0.0), wanted=[] if name in INVERSES else None
        )
        for name, domains in SMOOTH.items()
    ),
    *(in_place(f"{name}_", each(real)) for name in ROUNDING),
    *(
        in_place(f"{name}_", onto_the_first(real, nonzero))
        for name in "add sub mul div subtract multiply divide true_divide remainder fmod".split()
    ),
    in_place("floor_divide_", onto_the_first(real, nonzero), wanted=[]),
    *(in_place(f"{name}_", onto_the_first(nonzero, nonzero)) for name in "atan2 arctan2 hypot".split()),
    *(
        in_place(f"{name}_", onto_the_first(at_kinks, at_kinks), wanted=[])
        for name in COMPARISONS[:6] + LOGIC
    ),
    in_place("logical_not_", each(with_zeros), wanted=[]),
    in_place("xlogy_", onto_the_first(real, positive), near=1.0),
    in_place("heaviside_", onto_the_first(at_kinks, real), wanted=[]),
    in_place("pow_", onto_the_first(positive, real), ulps=8),
    in_place("pow_", with_numbers(nonzero, 2, 3)),
    in_place("add_", onto_the_first(real, real), options={"alpha": 2.5}, near=9.0),
    in_place("sub_", with_numbers(real, 2, 0.5)),
    in_place("div_", onto_the_first(real, nonzero), options={"rounding_mode": "floor"}),
    in_place("lerp_", onto_the_first(real, real, real)),
    in_place("addcmul_", onto_the_first(real, real, real), options={"value": 0.5}, near=5.0),
    in_place("addcdiv_", onto_the_first(real, real, nonzero), options={"value": 0.5}, near=30.0),
    *(in_place(name, with_numbers(real, (-1, 1), (None, 0.5))) for name in ("clamp_", "clip_")),
    *(in_place(name, with_numbers(real, 0.5)) for name in ("clamp_min_", "clamp_max_")),
    in_place("round_", each(real), options={"decimals": 1}),
    in_place("logit_", with_numbers(unit, 0.1), near=1.0),
    in_place("nan_to_num_", with_numbers(unusual, (1.0, 2.0, 3.0))),
]

ROWS = [*ONE, *TWO, *MORE, *IN_PLACE]

# errors -----------------------------------------------------------------------------------------------------

ROW, COLUMN, NUMBERS, MASK = np.ones((2, 3)), np.ones((2, 4)), np.array([1, 2]), np.array([True, False])
TWO_DTYPES = (np.ones(2, np.float32), np.ones(2))

ERRORS = [
    *(
        Wrong(name, (ROW, COLUMN), words="The size of tensor a (3) must match the size of tensor b (4)")
        for name in [
            *ARITHMETIC,
            *DIVISION,
            *COMPARISONS,
            *LOGIC,
            *EXTREMES,
            "atan2",
            "hypot",
            "pow",
            "xlogy",
        ]
    ),
    *(Wrong(name, ([1.0],), words="must be Tensor, not list") for name in [*SMOOTH, "abs", "round", "frac"]),
    Wrong("add", (NUMBERS, NUMBERS), {"alpha": 0.5}, "argument alpha must not be a floating point number"),
    Wrong("sub", (MASK, MASK), words="Subtraction, the `-` operator, with"),
    Wrong("neg", (MASK,), words="Negation, the `-` operator, on a bool tensor is not supported"),
    Wrong("positive", (MASK,), words="The `+` operator, on a bool tensor is not supported"),
    Wrong("frac", (NUMBERS,)),
    Wrong("div", (ROW, ROW), {"rounding_mode": "up"}, "div expected rounding_mode to be one of None"),
    Wrong("div", (NUMBERS, 0 * NUMBERS), {"rounding_mode": "floor"}, "ZeroDivisionError"),
    Wrong("remainder", (NUMBERS, 0 * NUMBERS), words="ZeroDivisionError"),
    Wrong("pow", (NUMBERS, -1), words="Integers to negative integer powers are not allowed"),
    Wrong("lerp", (*TWO_DTYPES, 0.5), words="for `end` but got dtype"),
    Wrong("lerp", (TWO_DTYPES[0], *TWO_DTYPES), words="for `weight` but got dtype"),
    Wrong("lerp", (NUMBERS, NUMBERS, 0.5)),
    Wrong("lerp", (ROW, COLUMN, 0.5), words="must match"),
    Wrong(
        "addcdiv", (NUMBERS, NUMBERS, NUMBERS), words="Integer division with addcdiv is no longer supported"
    ),
    Wrong(
        "heaviside", TWO_DTYPES, words="heaviside is not yet implemented for tensors with different dtypes"
    ),
    Wrong("heaviside", (ROW, 1.0), words="must be Tensor"),
    Wrong("clamp", (ROW,), words="At least one of 'min' or 'max' must not be None"),
    Wrong("where", (ROW, ROW, ROW), words="where expected condition to be a boolean tensor"),
    Wrong("isclose", (NUMBERS, ROW[0, :2]), words="did not match"),
    Wrong("isclose", (ROW, ROW), {"rtol": -1.0}, words="rtol must be greater than or equal to zero"),
    Wrong("equal", (ROW, 1.0), words="must be Tensor"),
    Wrong("bitwise_and", (ROW, ROW)),
    Wrong("bitwise_not", (ROW,)),
]
