"""The parts of numbers: sign, mantissa and exponent of floats, bits and divisors of integers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array, result_dtype
from ..errors import broadcast_conflict, located
from ..primitive import Binary
from ..record import mode
from ..tensor import Tensor
from .arguments import refuse_plain
from .elementwise import flat2, pow, sign

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = [
    "bitwise_left_shift", "bitwise_right_shift", "copysign", "frexp", "gcd", "lcm", "ldexp", "nextafter",
]  # fmt: skip


def of_integers(name: str, ufunc: Any) -> Any:
    """A function of NumPy's, for integers only."""

    def forward(x: Any, y: Any) -> Any:
        for value in (x, y):
            if np.asarray(value).dtype.kind != "i":
                raise located.NotImplementedError(
                    f'"{name}" not implemented for {np.asarray(value).dtype}: it is of integers, x.long()'
                )
        return ufunc(x, y)

    return forward


# fmt: off
copysign  = Binary("copysign", lambda x, y: np.copysign(x, y), lambda g, z, x, y: g * (sign(z) * sign(x)),
                   flat2,
                   doc="the magnitude of x with the sign of y, that of -0.0 too")
gcd = Binary("gcd", of_integers("gcd", np.gcd), None, None,
             doc="the greatest common divisor; that of 0 and 0 is 0")
lcm = Binary("lcm", of_integers("lcm", np.lcm), None, None, doc="the least common multiple")
bitwise_left_shift  = Binary("bitwise_left_shift", of_integers("lshift_cpu", np.left_shift), None, None,
                             doc="x · 2ʸ, bits moved to the left")
bitwise_right_shift = Binary("bitwise_right_shift", of_integers("rshift_cpu", np.right_shift), None, None,
                             doc="x / 2ʸ rounded down, bits moved to the right")
# fmt: on


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next floating-point number after `input` on the way to `other`.

    Raises NotImplementedError for integers, and for what requires grad, as there is no rule.

    >>> import autodiff
    >>> autodiff.nextafter(autodiff.tensor(0.0), autodiff.tensor(1.0)).item()
    1.401298464324817e-45
    """
    refuse_plain(input, "nextafter")
    refuse_plain(other, "nextafter", "other", 2)
    dtype = result_dtype(input.array, other.array)
    if dtype.kind != "f":
        raise located.NotImplementedError(f'"nextafter" not implemented for {dtype}: x.float()')
    if mode.enabled and (input.requires_grad or other.requires_grad):
        raise located.NotImplementedError("the derivative for 'nextafter' is not implemented: x.detach()")
    x, y = input.array.astype(dtype), other.array.astype(dtype)
    try:
        return Tensor(np.nextafter(x, y))
    except ValueError:
        raise located.RuntimeError(f"{broadcast_conflict([x.shape, y.shape])}, in nextafter()") from None


def ldexp(input: Any, other: Any) -> Tensor:
    """input · 2^other, with broadcasting.

    >>> import autodiff
    >>> autodiff.ldexp(autodiff.tensor([1.0, 3.0]), autodiff.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """
    return input * pow(2.0, other)


class Frexp(NamedTuple):
    """What `frexp` returns."""

    mantissa: Tensor
    exponent: Tensor


def frexp(input: Tensor) -> Frexp:
    """(mantissa, exponent) with input = mantissa · 2^exponent and ½ ≤ |mantissa| < 1; of 0, two zeros.

    The exponents are int64 (PyTorch has int32). Raises RuntimeError for integers.

    >>> import autodiff
    >>> autodiff.frexp(autodiff.tensor([6.0]))
    Frexp(mantissa=tensor([0.7500]), exponent=tensor([3]))
    """
    refuse_plain(input, "frexp")
    if input.dtype.kind != "f":
        raise located.RuntimeError(
            f"torch.frexp() only supports floating-point dtypes, but got {input.dtype}: x.float()"
        )
    exponent: Array = np.frexp(input.array)[1].astype(np.int64)
    scale = np.ldexp(np.ones((), input.dtype), np.clip(-exponent, -126, 126)).astype(input.dtype)
    rest = np.ldexp(np.ones((), input.dtype), -exponent - np.clip(-exponent, -126, 126)).astype(input.dtype)
    return Frexp(input * Tensor(scale) * Tensor(rest), Tensor(exponent))
