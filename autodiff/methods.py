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
from .ops import activations as a
from .ops import bins as b
from .ops import composed as m
from .ops import diagonals as d
from .ops import elementwise as e
from .ops import gamma as g
from .ops import indexing as i
from .ops import inverses as v
from .ops import joining as j
from .ops import neural as k
from .ops import norms as u
from .ops import parts as y
from .ops import products as l
from .ops import reductions as r
from .ops import reordering, repeating
from .ops import scans as o
from .ops import scattering as w
from .ops import shapes as s
from .ops import sorting as q
from .ops import statistics as z

if TYPE_CHECKING:
    from .tensor import Tensor

Number = float  # in the class, float, bool and int are methods
Flag = bool
Integer = int

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
    def asin(self) -> Tensor: return e.asin(self)
    def acos(self) -> Tensor: return e.acos(self)
    def atan(self) -> Tensor: return e.atan(self)
    def sinh(self) -> Tensor: return e.sinh(self)
    def cosh(self) -> Tensor: return e.cosh(self)
    def tanh(self) -> Tensor: return e.tanh(self)
    def asinh(self) -> Tensor: return e.asinh(self)
    def acosh(self) -> Tensor: return e.acosh(self)
    def atanh(self) -> Tensor: return e.atanh(self)
    def sinc(self) -> Tensor: return e.sinc(self)
    def sigmoid(self) -> Tensor: return e.sigmoid(self)
    def relu(self) -> Tensor: return e.relu(self)
    def erf(self) -> Tensor: return e.erf(self)
    def erfc(self) -> Tensor: return e.erfc(self)
    def erfinv(self) -> Tensor: return e.erfinv(self)
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
    def isposinf(self) -> Tensor: return e.isposinf(self)
    def isneginf(self) -> Tensor: return e.isneginf(self)
    def signbit(self) -> Tensor: return e.signbit(self)
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
    def atan2(self, other: Any) -> Tensor: return e.atan2(self, other)
    def hypot(self, other: Any) -> Tensor: return e.hypot(self, other)
    def copysign(self, other: Any) -> Tensor: return y.copysign(self, other)
    def gcd(self, other: Any) -> Tensor: return y.gcd(self, other)
    def lcm(self, other: Any) -> Tensor: return y.lcm(self, other)
    def logaddexp(self, other: Any) -> Tensor: return e.logaddexp(self, other)
    def logaddexp2(self, other: Any) -> Tensor: return e.logaddexp2(self, other)
    def xlogy(self, other: Any) -> Tensor: return e.xlogy(self, other)
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
    def bitwise_left_shift(self, other: Any) -> Tensor: return y.bitwise_left_shift(self, other)
    def bitwise_right_shift(self, other: Any) -> Tensor: return y.bitwise_right_shift(self, other)
    __lshift__, __rshift__ = bitwise_left_shift, bitwise_right_shift
    def lgamma(self) -> Tensor: return g.lgamma(self)
    def digamma(self) -> Tensor: return g.digamma(self)
    def polygamma(self, n: int) -> Tensor: return g.polygamma(n, self)
    nextafter, ldexp, frexp, cov, corrcoef = y.nextafter, y.ldexp, y.frexp, z.cov, z.corrcoef
    add, sub, div, pow, round = e.add, e.sub, e.div, e.pow, e.round
    lerp, addcmul, addcdiv = m.lerp, m.addcmul, m.addcdiv
    clamp_min, clamp_max = e.clamp_min, e.clamp_max
    clamp, clip, isclose, allclose, equal = e.clamp, e.clip, m.isclose, m.allclose, m.equal
    absolute, negative, subtract, multiply, divide, true_divide = abs, neg, sub, mul, div, div
    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
    arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
    sgn, fix = sign, trunc
    frac, nan_to_num, heaviside, logit = m.frac, m.nan_to_num, m.heaviside, m.logit
    float_power, rad2deg, deg2rad = m.float_power, m.rad2deg, m.deg2rad
    def where(self, condition: Tensor, other: Any) -> Tensor: return e.where(condition, self, other)

    # reductions --------------------------------------------------------------------------------------------
    sum, mean, prod, var, std, norm, logsumexp = r.sum, r.mean, r.prod, r.var, r.std, r.norm, r.logsumexp
    max, min, amax, amin, argmax, argmin = r.max, r.min, r.amax, r.amin, r.argmax, r.argmin
    all, any, aminmax, count_nonzero = r.all, r.any, r.aminmax, r.count_nonzero
    nansum, nanmean, dist, diff = r.nansum, r.nanmean, r.dist, o.diff
    cumsum, cumprod, cummax, cummin, logcumsumexp = o.cumsum, o.cumprod, o.cummax, o.cummin, o.logcumsumexp

    # order, and bins ---------------------------------------------------------------------------------------
    sort, argsort, msort, topk, kthvalue = q.sort, q.argsort, q.msort, q.topk, q.kthvalue
    median, nanmedian, mode, quantile, nanquantile = q.median, q.nanmedian, q.mode, q.quantile, q.nanquantile
    unique, unique_consecutive = q.unique, q.unique_consecutive
    bincount, histc, histogram = b.bincount, b.histc, b.histogram

    # shapes ------------------------------------------------------------------------------------------------
    reshape, view, reshape_as, view_as = s.reshape, s.view, s.reshape_as, s.view_as
    flatten, ravel, unflatten = s.flatten, s.ravel, s.unflatten
    squeeze, unsqueeze = s.squeeze, s.unsqueeze
    transpose, swapaxes, swapdims = reordering.transpose, reordering.swapaxes, reordering.swapdims
    permute, movedim, moveaxis = reordering.permute, reordering.movedim, reordering.moveaxis
    T, mT = property(reordering.reversed_dims), property(reordering.matrix_transpose)
    H, mH, t, adjoint = T, mT, reordering.t, reordering.adjoint
    flip, fliplr, flipud = reordering.flip, reordering.fliplr, reordering.flipud
    roll, rot90 = reordering.roll, reordering.rot90
    expand, expand_as, broadcast_to = repeating.expand, repeating.expand_as, repeating.broadcast_to
    repeat, tile, repeat_interleave = repeating.repeat, repeating.tile, repeating.repeat_interleave
    unfold = repeating.unfold
    def split(self, split_size: Any, dim: Any = 0) -> tuple[Tensor, ...]:
        return j.split(self, split_size, dim)
    split_with_sizes, chunk, unbind, tensor_split = j.split_with_sizes, j.chunk, j.unbind, j.tensor_split
    hsplit, vsplit, dsplit = j.hsplit, j.vsplit, j.dsplit
    diag, diagonal, diag_embed, diagflat = d.diag, d.diagonal, d.diag_embed, d.diagflat
    tril, triu = d.tril, d.triu
    fill_diagonal_ = d.fill_diagonal
    def tril_(self, diagonal: Any = 0) -> Tensor: return inplace.change(self, d.tril, diagonal)
    def triu_(self, diagonal: Any = 0) -> Tensor: return inplace.change(self, d.triu, diagonal)

    # indexing ----------------------------------------------------------------------------------------------
    def __getitem__(self, index: Any) -> Tensor: return i.get(self, index)
    def __setitem__(self, index: Any, value: Any) -> None: i.put(self, index, value)
    gather, take, take_along_dim, index_select = i.gather, i.take, i.take_along_dim, i.index_select
    narrow, select, nonzero, argwhere = i.narrow, i.select, i.nonzero, i.argwhere
    masked_fill, masked_select, masked_scatter = i.masked_fill, i.masked_select, w.masked_scatter
    scatter, scatter_add, put, index_put = w.scatter, w.scatter_add, w.put, w.index_put
    index_add, index_copy, index_fill = w.index_add, w.index_copy, w.index_fill
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        return inplace.change(self, i.masked_fill, mask, value)
    def masked_scatter_(self, mask: Tensor, source: Tensor) -> Tensor:
        return inplace.change(self, w.masked_scatter, mask, source)
    def scatter_(self, dim: Any, index: Tensor, src: Any = None, **options: Any) -> Tensor:
        return inplace.change(self, w.scatter, dim, index, src, **options)
    def scatter_add_(self, dim: Any, index: Tensor, src: Tensor) -> Tensor:
        return inplace.change(self, w.scatter_add, dim, index, src)
    def index_add_(self, dim: Any, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
        return inplace.change(self, w.index_add, dim, index, source, alpha=alpha)
    def index_copy_(self, dim: Any, index: Tensor, source: Tensor) -> Tensor:
        return inplace.change(self, w.index_copy, dim, index, source)
    def index_fill_(self, dim: Any, index: Tensor, value: Any) -> Tensor:
        return inplace.change(self, w.index_fill, dim, index, value)
    def put_(self, index: Tensor, source: Tensor, accumulate: Flag = False) -> Tensor:
        return inplace.change(self, w.put, index, source, accumulate)
    def index_put_(self, indices: Any, values: Tensor, accumulate: Flag = False) -> Tensor:
        return inplace.change(self, w.index_put, indices, values, accumulate)

    # linear algebra ----------------------------------------------------------------------------------------
    def __matmul__(self, other: Any) -> Tensor: return l.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Tensor: return l.matmul(other, self)
    matmul, mm, bmm, mv, dot, vdot, inner = l.matmul, l.mm, l.bmm, l.mv, l.dot, l.vdot, l.inner
    outer, ger, kron, cross, trace = l.outer, l.ger, l.kron, l.cross, l.trace
    det, slogdet, logdet, inverse, pinverse = v.det, v.slogdet, v.logdet, v.inverse, v.pinverse
    matrix_power, dist = v.matrix_power, u.dist
    addmm, addmv, addr, baddbmm, addbmm = l.addmm, l.addmv, l.addr, l.baddbmm, l.addbmm

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
    def lerp_(self, end: Tensor, weight: Any) -> Tensor: return inplace.change(self, m.lerp, end, weight)
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        return inplace.change(self, m.addcmul, tensor1, tensor2, value=value)
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        return inplace.change(self, m.addcdiv, tensor1, tensor2, value=value)
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return inplace.change(self, e.clamp, min, max)
    def clamp_min_(self, min: Any) -> Tensor: return inplace.change(self, e.at_least, min)
    def clamp_max_(self, max: Any) -> Tensor: return inplace.change(self, e.at_most, max)
    def neg_(self) -> Tensor: return inplace.change(self, e.neg)
    def abs_(self) -> Tensor: return inplace.change(self, e.abs)
    def exp_(self) -> Tensor: return inplace.change(self, e.exp)
    def log_(self) -> Tensor: return inplace.change(self, e.log)
    def log1p_(self) -> Tensor: return inplace.change(self, e.log1p)
    def expm1_(self) -> Tensor: return inplace.change(self, e.expm1)
    def sqrt_(self) -> Tensor: return inplace.change(self, e.sqrt)
    def exp2_(self) -> Tensor: return inplace.change(self, e.exp2)
    def log2_(self) -> Tensor: return inplace.change(self, e.log2)
    def log10_(self) -> Tensor: return inplace.change(self, e.log10)
    def rsqrt_(self) -> Tensor: return inplace.change(self, e.rsqrt)
    def square_(self) -> Tensor: return inplace.change(self, e.square)
    def reciprocal_(self) -> Tensor: return inplace.change(self, e.reciprocal)
    def sin_(self) -> Tensor: return inplace.change(self, e.sin)
    def cos_(self) -> Tensor: return inplace.change(self, e.cos)
    def tan_(self) -> Tensor: return inplace.change(self, e.tan)
    def asin_(self) -> Tensor: return inplace.change(self, e.asin)
    def acos_(self) -> Tensor: return inplace.change(self, e.acos)
    def atan_(self) -> Tensor: return inplace.change(self, e.atan)
    def sinh_(self) -> Tensor: return inplace.change(self, e.sinh)
    def cosh_(self) -> Tensor: return inplace.change(self, e.cosh)
    def asinh_(self) -> Tensor: return inplace.change(self, e.asinh)
    def acosh_(self) -> Tensor: return inplace.change(self, e.acosh)
    def atanh_(self) -> Tensor: return inplace.change(self, e.atanh)
    def sinc_(self) -> Tensor: return inplace.change(self, e.sinc)
    def erf_(self) -> Tensor: return inplace.change(self, e.erf)
    def erfc_(self) -> Tensor: return inplace.change(self, e.erfc)
    def erfinv_(self) -> Tensor: return inplace.change(self, e.erfinv)
    def lgamma_(self) -> Tensor: return inplace.change(self, g.lgamma)
    def digamma_(self) -> Tensor: return inplace.change(self, g.digamma)
    def tanh_(self) -> Tensor: return inplace.change(self, e.tanh)
    def sigmoid_(self) -> Tensor: return inplace.change(self, e.sigmoid)
    def relu_(self) -> Tensor: return inplace.change(self, e.relu)
    def sign_(self) -> Tensor: return inplace.change(self, e.sign)
    def floor_(self) -> Tensor: return inplace.change(self, e.floor)
    def ceil_(self) -> Tensor: return inplace.change(self, e.ceil)
    def round_(self, *, decimals: Integer = 0) -> Tensor:
        return inplace.change(self, e.round, decimals=decimals)
    def trunc_(self) -> Tensor: return inplace.change(self, e.trunc)
    def frac_(self) -> Tensor: return inplace.change(self, m.frac)
    def rad2deg_(self) -> Tensor: return inplace.change(self, m.rad2deg)
    def deg2rad_(self) -> Tensor: return inplace.change(self, m.deg2rad)
    def logit_(self, eps: Number | None = None) -> Tensor: return inplace.change(self, m.logit, eps)
    def nan_to_num_(self, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
        return inplace.change(self, m.nan_to_num, nan, posinf, neginf)
    def heaviside_(self, values: Tensor) -> Tensor: return inplace.change(self, m.heaviside, values)
    def atan2_(self, other: Any) -> Tensor: return inplace.change(self, e.atan2, other)
    def hypot_(self, other: Any) -> Tensor: return inplace.change(self, e.hypot, other)
    def xlogy_(self, other: Any) -> Tensor: return inplace.change(self, e.xlogy, other)
    def eq_(self, other: Any) -> Tensor: return inplace.change(self, e.eq, other)
    def ne_(self, other: Any) -> Tensor: return inplace.change(self, e.ne, other)
    def lt_(self, other: Any) -> Tensor: return inplace.change(self, e.lt, other)
    def le_(self, other: Any) -> Tensor: return inplace.change(self, e.le, other)
    def gt_(self, other: Any) -> Tensor: return inplace.change(self, e.gt, other)
    def ge_(self, other: Any) -> Tensor: return inplace.change(self, e.ge, other)
    def logical_and_(self, other: Any) -> Tensor: return inplace.change(self, e.logical_and, other)
    def logical_or_(self, other: Any) -> Tensor: return inplace.change(self, e.logical_or, other)
    def logical_xor_(self, other: Any) -> Tensor: return inplace.change(self, e.logical_xor, other)
    def logical_not_(self) -> Tensor: return inplace.change(self, e.logical_not)
    subtract_, multiply_, divide_, true_divide_ = sub_, mul_, div_, div_
    absolute_, negative_, clip_, sgn_, fix_ = abs_, neg_, clamp_, sign_, trunc_
    arcsin_, arccos_, arctan_, arctan2_ = asin_, acos_, atan_, atan2_
    arcsinh_, arccosh_, arctanh_ = asinh_, acosh_, atanh_
    def bitwise_and_(self, other: Any) -> Tensor: return inplace.change(self, e.bitwise_and, other)
    def bitwise_or_(self, other: Any) -> Tensor: return inplace.change(self, e.bitwise_or, other)
    def bitwise_xor_(self, other: Any) -> Tensor: return inplace.change(self, e.bitwise_xor, other)
    def bitwise_not_(self) -> Tensor: return inplace.change(self, e.bitwise_not)
    def cumsum_(self, dim: Any) -> Tensor: return inplace.change(self, o.cumsum, dim)
    def cumprod_(self, dim: Any) -> Tensor: return inplace.change(self, o.cumprod, dim)
    def addmm_(self, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, l.addmm, mat1, mat2, beta=beta, alpha=alpha)
    def addmv_(self, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, l.addmv, mat, vec, beta=beta, alpha=alpha)
    def addr_(self, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, l.addr, vec1, vec2, beta=beta, alpha=alpha)
    def baddbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, l.baddbmm, batch1, batch2, beta=beta, alpha=alpha)
    def unsqueeze_(self, dim: Any) -> Tensor: return inplace.reform(self, s.unsqueeze, dim)
    def squeeze_(self, *dim: Any) -> Tensor: return inplace.reform(self, s.squeeze, *dim)
    def t_(self) -> Tensor: return inplace.reform(self, reordering.t)
    def transpose_(self, dim0: Any, dim1: Any) -> Tensor:
        return inplace.reform(self, reordering.transpose, dim0, dim1)
    swapaxes_ = swapdims_ = transpose_
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
    cuda, is_cuda = c.cuda, property(c.is_cuda)
    ndimension, is_complex, is_nonzero = c.dim, c.is_complex, c.is_nonzero
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
    prelu, hardshrink = a.prelu, a.hardshrink

    # its gradient ------------------------------------------------------------------------------------------
    backward = functional.backward
