"""What a Tensor can do, one line each: `x + y` is `add(x, y)`, `x.exp()` is `exp(x)`.

The operations are defined on Tensors, so they come after the class; `give_methods` hands these lines over
once they exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import conversion as c
from . import creation as n
from . import functional, inplace, random
from .dtypes import bool_, float32, float64, int64
from .ops import elementwise as e
from .ops import indexing as i
from .ops import neural as k
from .ops import products as l
from .ops import reductions as r
from .ops import shapes as s

if TYPE_CHECKING:
    from .tensor import Tensor

Number = float  # in the class, float and bool are methods
Flag = bool

NEVER_EQUAL = (type(None), str)  # compared with these, Python answers: x == None is False

# mypy: disable-error-code="no-any-return, arg-type"
# (`self` is a Tensor, and primitives are generic callables)
# fmt: off


class Methods:
    """PyTorch's operators and methods."""

    # operators ---------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Tensor: return e.plus(self, other)
    def __radd__(self, other: Any) -> Tensor: return e.plus(other, self)
    def __sub__(self, other: Any) -> Tensor: return e.minus(self, other)
    def __rsub__(self, other: Any) -> Tensor: return e.minus(other, self)
    def __mul__(self, other: Any) -> Tensor: return e.mul(self, other)
    def __rmul__(self, other: Any) -> Tensor: return e.mul(other, self)
    def __truediv__(self, other: Any) -> Tensor: return e.over(self, other)
    def __rtruediv__(self, other: Any) -> Tensor: return e.over(other, self)
    def __pow__(self, other: Any) -> Tensor: return e.pow(self, other)
    def __rpow__(self, other: Any) -> Tensor: return e.pow(other, self)
    def __floordiv__(self, other: Any) -> Tensor: return e.floor_divide(self, other)
    def __rfloordiv__(self, other: Any) -> Tensor: return e.floor_divide(other, self)
    def __mod__(self, other: Any) -> Tensor: return e.remainder(self, other)
    def __rmod__(self, other: Any) -> Tensor: return e.remainder(other, self)
    def __and__(self, other: Any) -> Tensor: return e.bitwise_and(self, other)
    def __rand__(self, other: Any) -> Tensor: return e.bitwise_and(other, self)
    def __or__(self, other: Any) -> Tensor: return e.bitwise_or(self, other)
    def __ror__(self, other: Any) -> Tensor: return e.bitwise_or(other, self)
    def __xor__(self, other: Any) -> Tensor: return e.bitwise_xor(self, other)
    def __rxor__(self, other: Any) -> Tensor: return e.bitwise_xor(other, self)
    def __invert__(self) -> Tensor: return e.bitwise_not(self)
    def __neg__(self) -> Tensor: return e.neg(self)
    def __pos__(self) -> Tensor: return e.positive(self)
    def __abs__(self) -> Tensor: return e.abs(self)
    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]  # a mask, as in NumPy
        return NotImplemented if isinstance(other, NEVER_EQUAL) else e.eq(self, other)
    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]  # a mask, as in NumPy
        return NotImplemented if isinstance(other, NEVER_EQUAL) else e.ne(self, other)
    def __lt__(self, other: Any) -> Tensor: return e.lt(self, other)
    def __le__(self, other: Any) -> Tensor: return e.le(self, other)
    def __gt__(self, other: Any) -> Tensor: return e.gt(self, other)
    def __ge__(self, other: Any) -> Tensor: return e.ge(self, other)

    # elementwise -------------------------------------------------------------------------------------------
    def exp(self) -> Tensor: return e.exp(self)
    def exp2(self) -> Tensor: return e.exp2(self)
    def expm1(self) -> Tensor: return e.expm1(self)
    def log(self) -> Tensor: return e.log(self)
    def log2(self) -> Tensor: return e.log2(self)
    def log10(self) -> Tensor: return e.log10(self)
    def log1p(self) -> Tensor: return e.log1p(self)
    def sqrt(self) -> Tensor: return e.sqrt(self)
    def rsqrt(self) -> Tensor: return e.rsqrt(self)
    def square(self) -> Tensor: return e.square(self)
    def reciprocal(self) -> Tensor: return e.reciprocal(self)
    def sin(self) -> Tensor: return e.sin(self)
    def cos(self) -> Tensor: return e.cos(self)
    def tan(self) -> Tensor: return e.tan(self)
    def tanh(self) -> Tensor: return e.tanh(self)
    def sigmoid(self) -> Tensor: return e.sigmoid(self)
    def relu(self) -> Tensor: return e.relu(self)
    def erf(self) -> Tensor: return e.erf(self)
    def abs(self) -> Tensor: return e.abs(self)
    def neg(self) -> Tensor: return e.neg(self)
    def sign(self) -> Tensor: return e.sign(self)
    def floor(self) -> Tensor: return e.floor(self)
    def ceil(self) -> Tensor: return e.ceil(self)
    def trunc(self) -> Tensor: return e.trunc(self)
    def logical_not(self) -> Tensor: return e.logical_not(self)
    def bitwise_not(self) -> Tensor: return e.bitwise_not(self)
    def isnan(self) -> Tensor: return e.isnan(self)
    def isinf(self) -> Tensor: return e.isinf(self)
    def isfinite(self) -> Tensor: return e.isfinite(self)
    def positive(self) -> Tensor: return e.positive(self)
    def clone(self) -> Tensor: return e.clone(self)
    def mul(self, other: Any) -> Tensor: return e.mul(self, other)
    def floor_divide(self, other: Any) -> Tensor: return e.floor_divide(self, other)
    def remainder(self, other: Any) -> Tensor: return e.remainder(self, other)
    def fmod(self, other: Any) -> Tensor: return e.fmod(self, other)
    def maximum(self, other: Any) -> Tensor: return e.maximum(self, other)
    def minimum(self, other: Any) -> Tensor: return e.minimum(self, other)
    def fmax(self, other: Any) -> Tensor: return e.fmax(self, other)
    def fmin(self, other: Any) -> Tensor: return e.fmin(self, other)
    def clamp_min(self, other: Any) -> Tensor: return e.clamp_min(self, other)
    def clamp_max(self, other: Any) -> Tensor: return e.clamp_max(self, other)
    def eq(self, other: Any) -> Tensor: return e.eq(self, other)
    def ne(self, other: Any) -> Tensor: return e.ne(self, other)
    def lt(self, other: Any) -> Tensor: return e.lt(self, other)
    def le(self, other: Any) -> Tensor: return e.le(self, other)
    def gt(self, other: Any) -> Tensor: return e.gt(self, other)
    def ge(self, other: Any) -> Tensor: return e.ge(self, other)
    def logical_and(self, other: Any) -> Tensor: return e.logical_and(self, other)
    def logical_or(self, other: Any) -> Tensor: return e.logical_or(self, other)
    def logical_xor(self, other: Any) -> Tensor: return e.logical_xor(self, other)
    def bitwise_and(self, other: Any) -> Tensor: return e.bitwise_and(self, other)
    def bitwise_or(self, other: Any) -> Tensor: return e.bitwise_or(self, other)
    def bitwise_xor(self, other: Any) -> Tensor: return e.bitwise_xor(self, other)
    add, sub, div, pow, round = e.add, e.sub, e.div, e.pow, e.round
    lerp, addcmul, addcdiv = e.lerp, e.addcmul, e.addcdiv
    clamp, clip, isclose, allclose, equal = e.clamp, e.clip, e.isclose, e.allclose, e.equal
    absolute, negative, subtract, multiply, divide, true_divide = abs, neg, sub, mul, div, div
    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
    def where(self, condition: Tensor, other: Any) -> Tensor: return e.where(condition, self, other)

    # reductions --------------------------------------------------------------------------------------------
    sum, mean, prod, var, std, norm, logsumexp = r.sum, r.mean, r.prod, r.var, r.std, r.norm, r.logsumexp
    max, min, amax, amin, argmax, argmin = r.max, r.min, r.amax, r.amin, r.argmax, r.argmin
    all, any, cumsum, cumprod = r.all, r.any, r.cumsum, r.cumprod

    # shapes ------------------------------------------------------------------------------------------------
    T, mT = property(s.reversed_dims), property(s.matrix_transpose)
    reshape, view, flatten, unflatten = s.reshape, s.view, s.flatten, s.unflatten
    squeeze, unsqueeze = s.squeeze, s.unsqueeze
    transpose, swapaxes, t, permute, movedim = s.transpose, s.swapaxes, s.t, s.permute, s.movedim
    expand, expand_as, broadcast_to, repeat, tile = s.expand, s.expand_as, s.broadcast_to, s.repeat, s.tile
    split, chunk, unbind = s.split, s.chunk, s.unbind
    flip, roll, tril, triu, diag = s.flip, s.roll, s.tril, s.triu, s.diag

    # indexing ----------------------------------------------------------------------------------------------
    def __getitem__(self, index: Any) -> Tensor: return i.get(self, index)
    def __setitem__(self, index: Any, value: Any) -> None: i.put(self, index, value)
    gather, take_along_dim, index_select, narrow = i.gather, i.take_along_dim, i.index_select, i.narrow
    masked_fill, masked_select, nonzero = i.masked_fill, i.masked_select, i.nonzero
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        return inplace.change(self, i.masked_fill, mask, value)

    # linear algebra ----------------------------------------------------------------------------------------
    def __matmul__(self, other: Any) -> Tensor: return l.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Tensor: return l.matmul(other, self)
    matmul, mm, bmm, mv, dot, outer, trace = l.matmul, l.mm, l.bmm, l.mv, l.dot, l.outer, l.trace

    # in place ----------------------------------------------------------------------------------------------
    def __iadd__(self, other: Any) -> Tensor: return inplace.change(self, e.plus, other)
    def __isub__(self, other: Any) -> Tensor: return inplace.change(self, e.minus, other)
    def __imul__(self, other: Any) -> Tensor: return inplace.change(self, e.mul, other)
    def __itruediv__(self, other: Any) -> Tensor: return inplace.change(self, e.over, other)
    def __ifloordiv__(self, other: Any) -> Tensor: return inplace.change(self, e.floor_divide, other)
    def __imod__(self, other: Any) -> Tensor: return inplace.change(self, e.remainder, other)
    def __ipow__(self, other: Any) -> Tensor: return inplace.change(self, e.pow, other)
    def __iand__(self, other: Any) -> Tensor: return inplace.change(self, e.bitwise_and, other)
    def __ior__(self, other: Any) -> Tensor: return inplace.change(self, e.bitwise_or, other)
    def __ixor__(self, other: Any) -> Tensor: return inplace.change(self, e.bitwise_xor, other)
    def add_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return inplace.change(self, e.plus, other if alpha == 1 else other * alpha)
    def sub_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return inplace.change(self, e.minus, other if alpha == 1 else other * alpha)
    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return inplace.change(self, e.div, other, rounding_mode=rounding_mode)
    def mul_(self, other: Any) -> Tensor: return inplace.change(self, e.mul, other)
    def pow_(self, exponent: Any) -> Tensor: return inplace.change(self, e.pow, exponent)
    def floor_divide_(self, other: Any) -> Tensor: return inplace.change(self, e.floor_divide, other)
    def remainder_(self, other: Any) -> Tensor: return inplace.change(self, e.remainder, other)
    def fmod_(self, other: Any) -> Tensor: return inplace.change(self, e.fmod, other)
    def lerp_(self, end: Tensor, weight: Any) -> Tensor: return inplace.change(self, e.lerp, end, weight)
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        return inplace.change(self, e.addcmul, tensor1, tensor2, value=value)
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        return inplace.change(self, e.addcdiv, tensor1, tensor2, value=value)
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return inplace.change(self, e.clamp, min, max)
    def clamp_min_(self, min: Any) -> Tensor: return inplace.change(self, e.clamp_min, min)
    def clamp_max_(self, max: Any) -> Tensor: return inplace.change(self, e.clamp_max, max)
    def neg_(self) -> Tensor: return inplace.change(self, e.neg)
    def abs_(self) -> Tensor: return inplace.change(self, e.abs)
    def exp_(self) -> Tensor: return inplace.change(self, e.exp)
    def log_(self) -> Tensor: return inplace.change(self, e.log)
    def log1p_(self) -> Tensor: return inplace.change(self, e.log1p)
    def expm1_(self) -> Tensor: return inplace.change(self, e.expm1)
    def sqrt_(self) -> Tensor: return inplace.change(self, e.sqrt)
    def rsqrt_(self) -> Tensor: return inplace.change(self, e.rsqrt)
    def square_(self) -> Tensor: return inplace.change(self, e.square)
    def reciprocal_(self) -> Tensor: return inplace.change(self, e.reciprocal)
    def sin_(self) -> Tensor: return inplace.change(self, e.sin)
    def cos_(self) -> Tensor: return inplace.change(self, e.cos)
    def tan_(self) -> Tensor: return inplace.change(self, e.tan)
    def tanh_(self) -> Tensor: return inplace.change(self, e.tanh)
    def sigmoid_(self) -> Tensor: return inplace.change(self, e.sigmoid)
    def relu_(self) -> Tensor: return inplace.change(self, e.relu)
    def sign_(self) -> Tensor: return inplace.change(self, e.sign)
    def floor_(self) -> Tensor: return inplace.change(self, e.floor)
    def ceil_(self) -> Tensor: return inplace.change(self, e.ceil)
    def round_(self) -> Tensor: return inplace.change(self, e.round)
    def trunc_(self) -> Tensor: return inplace.change(self, e.trunc)
    def zero_(self) -> Tensor: return inplace.fill(self, 0, "zero_")
    def fill_(self, value: Any) -> Tensor: return inplace.fill(self, value, "fill_")
    def copy_(self, src: Tensor, non_blocking: Flag = False) -> Tensor: return inplace.copy(self, src)

    # conversions -------------------------------------------------------------------------------------------
    to, type, type_as, contiguous = c.to, c.type_, c.type_as, c.contiguous
    def float(self) -> Tensor: return c.to(self, float32)
    def double(self) -> Tensor: return c.to(self, float64)
    def long(self) -> Tensor: return c.to(self, int64)
    def int(self) -> Tensor: return c.to(self, int64)  # the only integers here
    def bool(self) -> Tensor: return c.to(self, bool_)
    def cpu(self) -> Tensor: return c.to(self, "cpu")
    size, dim, nelement, stride, element_size = c.size, c.dim, c.numel, c.stride, c.element_size
    is_contiguous, is_floating_point, data_ptr = c.is_contiguous, c.is_floating_point, c.data_ptr
    new_tensor, new_zeros, new_ones = n.new_tensor, n.new_zeros, n.new_ones
    new_full, new_empty = n.new_full, n.new_empty

    # random ------------------------------------------------------------------------------------------------
    uniform_, normal_, bernoulli_ = random.uniform_, random.normal_, random.bernoulli_
    exponential_, random_ = random.exponential_, random.random_
    bernoulli, multinomial = random.bernoulli, random.multinomial

    # neural ------------------------------------------------------------------------------------------------
    softmax, log_softmax = k.softmax, k.log_softmax

    # its gradient ------------------------------------------------------------------------------------------
    backward = functional.backward
