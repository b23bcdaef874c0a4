"""Rules for functions of each entry: g is the cotangent of the result z, and each line gives the cotangent of one argument.

Broadcasting is undone by the engine. Kinks and ties are PyTorch's: relu'(0) = 0, |x|'(0) = 0, a tie of maximum is halved.
Source of the derivatives: any table of derivatives; of the conventions: PyTorch's `derivatives.yaml` behaviour, measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array
from ..primitive import Binary, Predicate, Primitive, Unary
from ..tensor import Tensor
from . import special

# fmt: off
# arithmetic ------------------------------------------------------------------------------------------------------
add     = Binary("add", np.add,         lambda g, z, x, y: g,     lambda g, z, x, y: g,          doc="x + y")
sub     = Binary("sub", np.subtract,    lambda g, z, x, y: g,     lambda g, z, x, y: -g,         doc="x - y")
mul     = Binary("mul", np.multiply,    lambda g, z, x, y: g * y, lambda g, z, x, y: g * x,      doc="x * y")
div     = Binary("div", np.true_divide, lambda g, z, x, y: g / y, lambda g, z, x, y: -g * z / y, doc="x / y")
neg     = Unary("neg",  np.negative,    lambda g, z, x: -g,                                      doc="-x")

# exponentials and roots ------------------------------------------------------------------------------------------
exp     = Unary("exp",   np.exp,   lambda g, z, x: g * z,         doc="e to the x")
expm1   = Unary("expm1", np.expm1, lambda g, z, x: g * (z + 1),   doc="e to the x, minus 1, exact near 0")
log     = Unary("log",   np.log,   lambda g, z, x: g / x,         doc="the natural logarithm")
log1p   = Unary("log1p", np.log1p, lambda g, z, x: g / (1 + x),   doc="log(1 + x), exact near 0")
sqrt    = Unary("sqrt",  np.sqrt,  lambda g, z, x: g / (2 * z),   doc="the square root")

# trigonometry ----------------------------------------------------------------------------------------------------
sin     = Unary("sin", np.sin, lambda g, z, x: g * np.cos(x),     doc="sine of x in radians")
cos     = Unary("cos", np.cos, lambda g, z, x: -g * np.sin(x),    doc="cosine of x in radians")
tan     = Unary("tan", np.tan, lambda g, z, x: g * (1 + z * z),   doc="tangent of x in radians")

# activations -----------------------------------------------------------------------------------------------------
tanh    = Unary("tanh",    np.tanh,         lambda g, z, x: g * (1 - z * z), doc="hyperbolic tangent")
sigmoid = Unary("sigmoid", special.sigmoid, lambda g, z, x: g * z * (1 - z), doc="1 / (1 + e^-x)")
relu    = Unary("relu",    special.relu,    lambda g, z, x: g * (z > 0),     doc="x where x > 0, else 0")

# kinks -----------------------------------------------------------------------------------------------------------
abs     = Unary("abs",  np.abs,  lambda g, z, x: g * np.sign(x),  doc="the absolute value")
sign    = Unary("sign", np.sign, lambda g, z, x: g * 0,           doc="-1, 0 or 1")
maximum = Binary("maximum", np.maximum, lambda g, z, x, y: (g * (x >= y) + g * (x > y)) / 2,
                                        lambda g, z, x, y: (g * (y >= x) + g * (y > x)) / 2, doc="the larger of x and y")
minimum = Binary("minimum", np.minimum, lambda g, z, x, y: (g * (x <= y) + g * (x < y)) / 2,
                                        lambda g, z, x, y: (g * (y <= x) + g * (y < x)) / 2, doc="the smaller of x and y")

# comparisons: masks are part of the program, but nothing flows through them ---------------------------------------
eq      = Predicate("eq", np.equal,         doc="x == y")
ne      = Predicate("ne", np.not_equal,     doc="x != y")
lt      = Predicate("lt", np.less,          doc="x < y")
le      = Predicate("le", np.less_equal,    doc="x <= y")
gt      = Predicate("gt", np.greater,       doc="x > y")
ge      = Predicate("ge", np.greater_equal, doc="x >= y")

# others ----------------------------------------------------------------------------------------------------------
clone   = Unary("clone", np.copy, lambda g, z, x: g, doc="the same values in new memory")
# fmt: on


def power(x: Array, p: float) -> Array:
    """`x ** p` for a constant p; NumPy's cube is 64 times a multiplication."""
    return x * x if p == 2 else x * x * x if p == 3 else x**p


# p - (p != 0) keeps x ** 0 flat everywhere, at 0 and nan too: 0 * x ** 0 = 0
pow_constant = Primitive("pow_constant", power, lambda g, z, x, p: g * (p * x ** (p - (p != 0))), doc="x ** p for a number p")

pow_tensor = Binary(
    "pow",
    np.power,
    lambda g, z, x, y: g * np.where(y == 0, 0.0, y * x ** (y - 1)),
    lambda g, z, x, y: g * np.where((x == 0) & (y >= 0), 0.0, z * np.log(x)),
    doc="x ** y for tensors",
)


def pow(input: Any, exponent: Any) -> Any:  # noqa: A001 (PyTorch's name)
    raise NotImplementedError
