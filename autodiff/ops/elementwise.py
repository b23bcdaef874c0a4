"""Rules for functions of each entry: g is the cotangent of the result z, a line gives that of one argument.

Broadcasting is undone by the engine. Kinks and ties are PyTorch's: relu'(0) = 0, |x|'(0) = 0, a tie of
maximum is halved, and nan is on no side of a kink. Masks use `where`, not a product: an infinite cotangent
ends at a closed relu as 0.
Source of the derivatives: any table of derivatives; of the conventions: PyTorch's, measured.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from ..arrays import as_array
from ..dtypes import bool_, result_dtype
from ..errors import describe, located
from ..fast_arithmetic import one
from ..primitive import Binary, Entrywise, Predicate, Primitive, Unary, UnaryPredicate, cast
from ..tensor import Tensor
from . import error_function, special
from .arguments import refuse_no_number, refuse_plain
from .special import gate, gate_slope

__all__ = [
    "add", "sub", "mul", "div", "pow", "floor_divide", "remainder", "fmod", "neg", "positive", "reciprocal",
    "square", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "hypot", "logaddexp",
    "logaddexp2", "xlogy", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "sinc", "erf", "erfc", "erfinv", "sigmoid", "relu", "softplus", "gelu", "silu",
    "leaky_relu", "elu", "hardtanh", "abs", "sign", "floor", "ceil", "round", "trunc", "maximum", "minimum",
    "fmax", "fmin", "clamp", "clamp_min", "clamp_max", "clip", "where", "eq", "ne", "lt", "le", "gt", "ge",
    "logical_and", "logical_or", "logical_xor", "logical_not", "isnan", "isinf", "isfinite", "isposinf",
    "isneginf", "signbit", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "clone", "absolute",
    "negative", "subtract", "multiply", "divide", "true_divide", "greater", "greater_equal", "less",
    "less_equal", "not_equal", "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh",
    "sgn", "fix",
]  # fmt: skip

PI, LN2, LN10, SQRT_PI = math.pi, math.log(2), math.log(10), math.sqrt(math.pi)
RAW = (np.ndarray, np.bool_)
DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0


class Minus(Binary):
    """x - y; PyTorch has no subtraction with bools, not even from numbers."""

    def promoted(self, x: Any, y: Any) -> Tensor:
        if any(getattr(operand, "dtype", type(operand)) == bool_ for operand in (x, y)):
            raise located.RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported, in "
                f"sub({describe(x)}, {describe(y)}). If you are trying to invert a mask, use the `~` or "
                "`logical_not()` operator instead; to compute with it, mask.float()"
            )
        return super().promoted(x, y)


def flat(g: Any, z: Any, x: Any) -> Any:
    """The rule of a function that moves in steps: 0, even for an infinite g."""
    return np.zeros_like(g)


def flat2(g: Any, z: Any, x: Any, y: Any) -> Any:
    """`flat` for a function of two arguments."""
    return np.zeros_like(g)


# fmt: off
# A rule needs the result only where PyTorch's does: the results of all others may be changed in place.

# arithmetic ----------------------------------------------------------------------------------------------
plus  = Binary("add", np.add,         lambda g, z, x, y: g,     lambda g, z, x, y: g,          doc="x + y")
minus = Minus("sub", np.subtract,     lambda g, z, x, y: g,     lambda g, z, x, y: -g,         doc="x - y")
mul   = Binary("mul", np.multiply,    lambda g, z, x, y: g * y, lambda g, z, x, y: g * x,      doc="x * y")
over  = Binary("div", np.true_divide, lambda g, z, x, y: g / y, lambda g, z, x, y: -g * (x / y) / y,
               doc="x / y")
neg   = Unary("neg",  np.negative,    lambda g, z, x: -g,                                      doc="-x")
reciprocal = Unary("reciprocal", lambda x: 1 / x, lambda g, z, x: -g * z * z,                  doc="1 / x")
blend = Entrywise("lerp", special.blend, lambda g, z, x, y, w: g * (1 - w), lambda g, z, x, y, w: g * w,
                                         lambda g, z, x, y, w: g * (y - x), doc="x + w (y - x)")

# division with remainder: a whole quotient moves in steps, so nothing flows through it --------------------
floor_divide = Binary("floor_divide", special.floor_divide, flat2, flat2, doc="x / y rounded down")
trunc_divide = Binary("trunc_divide", special.trunc_divide, flat2, flat2, doc="x / y rounded towards 0")
remainder = Binary("remainder", special.remainder, lambda g, z, x, y: g, lambda g, z, x, y: -g * (x // y),
                   doc="x - y floor(x / y), which has the sign of y")
fmod      = Binary("fmod", special.fmod, lambda g, z, x, y: g, lambda g, z, x, y: -g * trunc_divide(x, y),
                   doc="x - y trunc(x / y), which has the sign of x")

# powers: p - (p != 0) keeps x ** 0 flat everywhere, at 0 and nan too ---------------------------------------
pow_constant = Entrywise("pow_constant", special.power, lambda g, z, x, p: g * (p * x ** (p - (p != 0))),
                         doc="x ** p for a number p")
pow_tensor   = Binary("pow", special.power,
                      lambda g, z, x, y: where(y != 0, g * (y * x ** (y - 1)), 0),
                      lambda g, z, x, y: g * where((x == 0) & (y >= 0), 0.0, z * np.log(x)), doc="x ** y")

# exponentials and roots ------------------------------------------------------------------------------------
exp     = Unary("exp",   np.exp,        lambda g, z, x: g * z,                doc="e to the x")
exp2    = Unary("exp2",  np.exp2,       lambda g, z, x: g * z * LN2,          doc="2 to the x")
expm1   = Unary("expm1", np.expm1,      lambda g, z, x: g * (z + 1),          doc="e to the x, minus 1")
log     = Unary("log",   np.log,        lambda g, z, x: g / x,                doc="the natural logarithm")
log2    = Unary("log2",  np.log2,       lambda g, z, x: g / (x * LN2),        doc="the logarithm to base 2")
log10   = Unary("log10", np.log10,      lambda g, z, x: g / (x * LN10),       doc="the logarithm to base 10")
log1p   = Unary("log1p", np.log1p,      lambda g, z, x: g / (1 + x),          doc="log(1 + x), exact near 0")
sqrt    = Unary("sqrt",  np.sqrt,       lambda g, z, x: g / (2 * z),          doc="the square root")
rsqrt   = Unary("rsqrt", special.rsqrt, lambda g, z, x: -0.5 * g * z * z * z, doc="1 / sqrt(x)")
hypot   = Binary("hypot", np.hypot,     lambda g, z, x, y: g * x / z, lambda g, z, x, y: g * y / z,
                 doc="sqrt(x² + y²), without overflow")
logaddexp  = Binary("logaddexp", np.logaddexp,   lambda g, z, x, y: g * sigmoid(x - y),
                                                 lambda g, z, x, y: g * sigmoid(y - x),
                    doc="log(e^x + e^y), without overflow")
logaddexp2 = Binary("logaddexp2", np.logaddexp2, lambda g, z, x, y: g * sigmoid((x - y) * LN2),
                                                 lambda g, z, x, y: g * sigmoid((y - x) * LN2),
                    doc="the logarithm to base 2 of 2^x + 2^y, without overflow")
xlogy: Binary = Binary("xlogy", special.xlogy,
                 lambda g, z, x, y: where((x == 0) & (y <= 0), 0, xlogy(g, y)),
                 lambda g, z, x, y: g * x / y, doc="x log(y), and 0 where x is 0")
log_odds = Unary("logit", special.logit,
                 lambda g, z, x: where((x < 0) | (x > 1), np.nan, g / (x * (1 - x))), doc="log(x / (1 - x))")

# trigonometry ----------------------------------------------------------------------------------------------
sin     = Unary("sin",   np.sin,        lambda g, z, x: g * np.cos(x),        doc="sine of x in radians")
cos     = Unary("cos",   np.cos,        lambda g, z, x: -g * np.sin(x),       doc="cosine of x in radians")
tan     = Unary("tan",   np.tan,        lambda g, z, x: g * (1 + z * z),      doc="tangent of x in radians")
asin    = Unary("asin",  np.arcsin,     lambda g, z, x: g / np.sqrt(1 - x * x),  doc="the inverse of sin")
acos    = Unary("acos",  np.arccos,     lambda g, z, x: -g / np.sqrt(1 - x * x), doc="the inverse of cos")
atan    = Unary("atan",  np.arctan,     lambda g, z, x: g / (1 + x * x),      doc="the inverse of tan")
atan2   = Binary("atan2", np.arctan2,
                 lambda g, z, x, y: where((x == 0) & (y == 0), 0, g * y / (x * x + y * y)),
                 lambda g, z, x, y: where((x == 0) & (y == 0), 0, -g * x / (x * x + y * y)),
                 doc="the angle of the point (y, x), from -π to π")
sinh    = Unary("sinh",  np.sinh,       lambda g, z, x: g * np.cosh(x),       doc="hyperbolic sine")
cosh    = Unary("cosh",  np.cosh,       lambda g, z, x: g * np.sinh(x),       doc="hyperbolic cosine")
tanh    = Unary("tanh",  np.tanh,       lambda g, z, x: g * (one - z * z),    doc="hyperbolic tangent")
asinh   = Unary("asinh", np.arcsinh,    lambda g, z, x: g / np.sqrt(x * x + 1), doc="the inverse of sinh")
acosh   = Unary("acosh", np.arccosh,    lambda g, z, x: g / np.sqrt(x * x - 1), doc="the inverse of cosh")
atanh   = Unary("atanh", np.arctanh,    lambda g, z, x: g / (1 - x * x),      doc="the inverse of tanh")
sinc: Unary = Unary("sinc", np.sinc, lambda g, z, x: where(x == 0, 0, g * (np.cos(x * PI) - sinc(x)) / x),
                doc="sin(πx) / (πx), and 1 at 0")

# the error function ----------------------------------------------------------------------------------------
erf     = Unary("erf",     error_function.erf,  lambda g, z, x: g * np.exp(-x * x) * (2 / SQRT_PI),
                doc="the error function, 2/√π times the integral of e^(-t²) from 0 to x")
erfc    = Unary("erfc",    error_function.erfc,   lambda g, z, x: -g * np.exp(-x * x) * (2 / SQRT_PI),
                doc="1 - erf(x), exact for large x")
erfinv: Unary = Unary("erfinv", error_function.erfinv,
                lambda g, z, x: g * np.exp((y := erfinv(x)) * y) * (SQRT_PI / 2),
                doc="the number whose erf is x")

# activations -----------------------------------------------------------------------------------------------
sigmoid: Unary = Unary("sigmoid", special.sigmoid, lambda g, z, x: g * z * (one - z),  doc="1 / (1 + e^-x)")
relu    = Unary("relu",    special.relu,    lambda g, z, x: where(z <= 0, 0, g), doc="x where x > 0, else 0")
silu    = Unary("silu",    special.silu,    lambda g, z, x: g * ((s := sigmoid(x)) * (1 + x * (1 - s))),
                doc="x sigmoid(x), also called swish")
normal_pdf   = Unary("normal_pdf", special.normal_pdf, lambda g, z, x: -g * x * z,
                     doc="φ(x) = e^(-x²/2) / √(2π), the density of the normal distribution")
normal_cdf   = Unary("normal_cdf", special.normal_cdf, lambda g, z, x: g * normal_pdf(x),
                     doc="Φ(x), the normal distribution function: the integral of φ from -∞ to x")
normal_gate  = Entrywise("gelu", special.gated, lambda g, z, x, Φ: g * (Φ + x * normal_pdf(x)),
                         doc="x Φ(x), where Φ is the normal distribution function; its value is kept")
tanh_gate    = Unary("gelu_tanh", special.gelu_tanh,
                     lambda g, z, x: g * ((s := sigmoid(gate(x))) * (1 + x * (1 - s) * gate_slope(x))),
                     doc="0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), close to x Φ(x)")
smooth_relu  = Entrywise("softplus", special.softplus,
                         lambda g, z, x, beta, limit: where(x * beta > limit, g, g * sigmoid(x * beta)),
                         doc="log(1 + e^(beta x)) / beta; x itself where beta x > limit")
leaky        = Entrywise("leaky_relu", special.leaky_relu, lambda g, z, x, slope: where(x > 0, g, g * slope),
                         doc="x where x > 0, else slope x")
smooth_leaky = Entrywise("elu", special.elu,
                         lambda g, z, x, alpha: where(x <= 0, g * (np.exp(at_most(x, 0)) * alpha), g),
                         doc="x where x > 0, else alpha (e^x - 1)")
bounded      = Entrywise("hardtanh", special.hardtanh,
                         lambda g, z, x, low, high: where((x <= low) | (x >= high), 0, g),
                         doc="x, but at least low and at most high")

# kinks and steps -------------------------------------------------------------------------------------------
abs     = Unary("abs",   np.abs,        lambda g, z, x: g * sign(x), doc="the absolute value")
sign: Unary = Unary("sign",  special.sign,  flat, doc="-1, 0 or 1; of nan 0")
floor   = Unary("floor", special.floor, flat, doc="the next whole number below, or x itself")
ceil    = Unary("ceil",  special.ceil,  flat, doc="the next whole number above, or x itself")
trunc   = Unary("trunc", special.trunc, flat, doc="the next whole number towards 0, or x itself")
nearest = Unary("round", special.rint,  flat, doc="the nearest whole number; of two the even one")

maximum = Binary("maximum", np.maximum, lambda g, z, x, y: where(x < y, 0, where(x == y, g / 2, g)),
                                        lambda g, z, x, y: where(y < x, 0, where(x == y, g / 2, g)),
                 doc="the larger of x and y; nan if either is")
minimum = Binary("minimum", np.minimum, lambda g, z, x, y: where(x > y, 0, where(x == y, g / 2, g)),
                                        lambda g, z, x, y: where(y > x, 0, where(x == y, g / 2, g)),
                 doc="the smaller of x and y; nan if either is")
fmax    = Binary("fmax", np.fmax, lambda g, z, x, y: where((x >= y) | np.isnan(y), g, 0),
                                  lambda g, z, x, y: where((x >= y) | np.isnan(y), 0, g),
                 doc="the larger of x and y; nan only if both are")
fmin    = Binary("fmin", np.fmin, lambda g, z, x, y: where((x <= y) | np.isnan(y), g, 0),
                                  lambda g, z, x, y: where((x <= y) | np.isnan(y), 0, g),
                 doc="the smaller of x and y; nan only if both are")
at_least = Binary("clamp_min", np.maximum, lambda g, z, x, y: where(x >= y, g, 0),
                                           lambda g, z, x, y: where(x < y, g, 0), doc="x, but at least y")
at_most: Binary = Binary("clamp_max", np.minimum, lambda g, z, x, y: where(x <= y, g, 0),
                                           lambda g, z, x, y: where(x > y, g, 0), doc="x, but at most y")
select  = Entrywise("where", special.where, None, lambda g, z, c, x, y: where(c, g, 0),
                                                  lambda g, z, c, x, y: where(c, 0, g),
                    doc="x where the condition c holds, else y")

# comparisons and logic: masks are part of the program, but nothing flows through them -----------------------
eq = Predicate("eq", np.equal,         doc="x == y")
ne = Predicate("ne", np.not_equal,     doc="x != y")
lt = Predicate("lt", np.less,          doc="x < y")
le = Predicate("le", np.less_equal,    doc="x <= y")
gt = Predicate("gt", np.greater,       doc="x > y")
ge = Predicate("ge", np.greater_equal, doc="x >= y")
logical_and = Predicate("logical_and", np.logical_and, doc="whether x and y are nonzero")
logical_or  = Predicate("logical_or",  np.logical_or,  doc="whether x or y is nonzero")
logical_xor = Predicate("logical_xor", np.logical_xor, doc="whether x or y is nonzero, but not both")
logical_not = UnaryPredicate("logical_not", np.logical_not, doc="whether x is 0")
isnan       = UnaryPredicate("isnan",       np.isnan, doc="whether x is nan")
isinf       = UnaryPredicate("isinf",       np.isinf, doc="whether x is infinite")
isfinite    = UnaryPredicate("isfinite",    np.isfinite, doc="whether x is neither infinite nor nan")
isposinf    = UnaryPredicate("isposinf",    lambda x: x == np.inf, doc="whether x is inf")
isneginf    = UnaryPredicate("isneginf",    lambda x: x == -np.inf, doc="whether x is -inf")
signbit     = UnaryPredicate("signbit",     np.signbit, doc="whether x has a minus sign, as -0.0 has")
bitwise_and = Binary("bitwise_and", np.bitwise_and, None, None, doc="x & y, bit by bit; for bools, and")
bitwise_or  = Binary("bitwise_or",  np.bitwise_or,  None, None, doc="x | y, bit by bit; for bools, or")
bitwise_xor = Binary("bitwise_xor", np.bitwise_xor, None, None, doc="x ^ y, bit by bit; for bools, xor")
bitwise_not = Unary("bitwise_not",  np.invert,      None,       doc="~x, bit by bit; for bools, not")

# copies -----------------------------------------------------------------------------------------------------
clone      = Unary("clone",      special.copy,     lambda g, z, x: g, doc="the same values in new memory")
contiguous = Unary("contiguous", special.rows, lambda g, z, x: g, doc="the same values, stored row by row")
# fmt: on


def tie(op: Primitive, rule: Any) -> None:
    """Let gradients that create_graph makes by `rule` depend on x, in steps: of them x has the gradient 0."""
    op.recorded = copy.copy(op)
    op.recorded.vjps = (lambda g, z, x, *constants: rule(g, z, x, *constants) + 0 * sign(x),)


for kinked in (relu, leaky, bounded):  # as in PyTorch, which needs x for the derivative
    tie(kinked, kinked.vjps[0])
normal_gate.recorded = copy.copy(normal_gate)
normal_gate.recorded.vjps = (lambda g, z, x, Φ: g * (normal_cdf(x) + x * normal_pdf(x)),)

Operand = Any  # a Tensor or a number


def add(input: Operand, other: Operand, *, alpha: float = 1) -> Any:
    """input + alpha * other, with broadcasting and type promotion; a float alpha of integers is refused.

    >>> import autodiff
    >>> autodiff.add(autodiff.tensor([[1.0], [2.0]]), autodiff.tensor([10.0, 20.0]), alpha=2)
    tensor([[21., 41.],
            [22., 42.]])
    """
    return plus(input, scaled(other, alpha, input))


def sub(input: Operand, other: Operand, *, alpha: float = 1) -> Any:
    """input - alpha * other, with broadcasting and type promotion; RuntimeError for bools."""
    return minus(input, scaled(other, alpha, input))


def scaled(other: Operand, alpha: float, input: Operand) -> Any:
    """alpha * other, in a dtype that `input + other` has."""
    if alpha == 1:
        return other
    if isinstance(alpha, float) and not any(
        isinstance(x, float) or getattr(x, "dtype", bool_).kind == "f" for x in (input, other)
    ):
        raise located.RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    return other * alpha


def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Any:
    """input / other, float32 for integers; rounded "floor" (down) or "trunc" (to 0), integers stay integers.

    Raises RuntimeError for integers rounded and divided by 0.

    >>> import autodiff
    >>> x = autodiff.tensor([7, -7])
    >>> autodiff.div(x, 2), autodiff.div(x, 2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -3]))
    """
    if rounding_mode is None:
        return over(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise located.RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return (floor_divide if rounding_mode == "floor" else trunc_divide)(input, other)


def pow(input: Operand, exponent: Operand) -> Any:
    """input ** exponent for tensors and numbers, with broadcasting and type promotion.

    x ** 0 is 1 with gradient 0, even at 0 and nan; the gradient to the exponent is 0 at 0 ** y. Raises
    RuntimeError for an integer to a negative integer power.

    >>> import autodiff
    >>> autodiff.pow(autodiff.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(exponent, Tensor):
        if isinstance(input, (bool, int, float)):  # an array: the rule takes its logarithm
            input = Tensor(np.asarray(input, result_dtype(input, exponent.array)))
        return pow_tensor(input, exponent)
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if not isinstance(input, Tensor) or not isinstance(exponent, (bool, int, float)):
        return pow_tensor(input, exponent)
    dtype = result_dtype(input.array, exponent)
    return pow_constant(input if input.dtype == dtype else cast(input, dtype), exponent)


def square(input: Operand) -> Any:
    """input ** 2."""
    return pow(input, 2)


def positive(input: Tensor) -> Tensor:
    """The tensor itself; RuntimeError for bools."""
    refuse_plain(input, "positive")
    if input.dtype == bool:
        raise located.RuntimeError(
            "The `+` operator, on a bool tensor is not supported: convert it, mask.long()"
        )
    return input


def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + e^(beta x)) / beta, a smooth relu; x itself where beta x > threshold.

    >>> import autodiff
    >>> autodiff.softplus(autodiff.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """
    return smooth_relu(input, beta, threshold)


def gelu(input: Tensor, approximate: str = "none") -> Any:
    """x Φ(x), where Φ is the normal distribution function.

    With approximate="tanh" it is 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    >>> import autodiff
    >>> autodiff.gelu(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise located.RuntimeError(f"approximate argument must be either none or tanh, not {approximate!r}")
    if approximate == "tanh":
        return tanh_gate(input)
    if isinstance(input, Tensor):
        return normal_gate(input, normal_cdf(input.detach()).array)
    if not (isinstance(input, RAW) or hasattr(input, "__autodiff_apply__")):
        refuse_plain(input, "gelu")
    return normal_gate(input, normal_cdf(input))


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Any:
    """x where x > 0, else negative_slope * x; at 0 the slope is negative_slope.

    >>> import autodiff
    >>> autodiff.leaky_relu(autodiff.tensor([-2.0, 3.0]), 0.1)
    tensor([-0.2000,  3.0000])
    """
    return leaky(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha (e^x - 1); at 0 the slope is alpha."""
    return smooth_leaky(input, alpha)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x between min_val and max_val, the nearer of them outside; the slope at both is 0."""
    return bounded(input, min_val, max_val)


def round(input: Tensor, *, decimals: int = 0) -> Any:
    """The nearest whole number, or multiple of 10^-decimals; of two equally near the even one.

    >>> import autodiff
    >>> x = autodiff.tensor([0.5, 1.5, 2.126])
    >>> autodiff.round(x), autodiff.round(x, decimals=1)
    (tensor([0., 2., 2.]), tensor([0.5000, 1.5000, 2.1000]))
    """
    return nearest(input) if decimals == 0 else nearest(input * 10.0**decimals) / 10.0**decimals


def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Any:
    """x, but at least `min` and at most `max` (numbers, tensors, or None); where min > max it is max.

    The gradient goes to x inside and at the bounds, and to the bound outside.

    >>> import autodiff
    >>> autodiff.clamp(autodiff.tensor([-2.0, 0.5, 3.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise located.RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if min is not None:
        input = at_least(input, min)
    return input if max is None else at_most(input, max)


def clamp_min(input: Tensor, min: Operand) -> Any:
    """x, but at least `min`."""
    return at_least(input, min)


def clamp_max(input: Tensor, max: Operand) -> Any:
    """x, but at most `max`."""
    return at_most(input, max)


def where(condition: Any, input: Operand | None = None, other: Operand | None = None) -> Any:
    """`input` where the condition (a bool tensor) holds, else `other`, with broadcasting and type promotion.

    No cotangent, not even an infinite one, reaches what was not taken. With the condition alone: the indices
    where it holds, a tensor for each dimension. Raises RuntimeError for a condition that is not bool.

    >>> import autodiff
    >>> x = autodiff.tensor([-1.0, 4.0])
    >>> autodiff.where(x > 0, x, 0.0)
    tensor([0., 4.])
    """
    if input is None and other is None:
        refuse_plain(condition, "where", "condition")
        return tuple(Tensor(positions) for positions in np.nonzero(np.atleast_1d(condition.array)))
    if isinstance(condition, RAW) and not isinstance(input, Tensor) and not isinstance(other, Tensor):
        return special.where(condition, input, other)  # in a rule, read on arrays
    if not (isinstance(condition, RAW) or hasattr(condition, "__autodiff_apply__")):
        refuse_plain(condition, "where", "condition")
    for name, operand in (("input", input), ("other", other)):
        if not hasattr(operand, "__autodiff_apply__"):
            refuse_no_number(operand, "where", name)
    operands = [
        Tensor(as_array(o, copy=True)) if isinstance(o, np.ndarray) else o for o in (condition, input, other)
    ]
    if not any(isinstance(o, Tensor) for o in operands):
        return select(condition, input, other)
    c, x, y = operands
    if not isinstance(c, Tensor) or c.dtype != bool:
        raise located.RuntimeError(
            f"where expected condition to be a boolean tensor, but got {describe(c)}; compare, as in x > 0"
        )
    dtype = result_dtype(*(o.array if isinstance(o, Tensor) else o for o in (x, y)))
    x, y = (cast(o, dtype) if isinstance(o, Tensor) and o.dtype != dtype else o for o in (x, y))
    return select(c, x, y if isinstance(x, Tensor) or isinstance(y, Tensor) else np.asarray(y, dtype))


absolute, negative, subtract, multiply, divide, true_divide, clip = abs, neg, sub, mul, div, over, clamp
arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
sgn, fix = sign, trunc
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
