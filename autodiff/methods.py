"""What a Tensor can do, one line each: `x + y` is `add(x, y)`, `x.exp()` is `exp(x)`.

The operations are defined on Tensors, so they come after the class; `give_methods` hands these lines over
once they exist. What a method does is said by the function of its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from . import accumulation_hooks, conversion, creation, gradients, inplace
from .dtypes import bool_, float32, float64, int64
from .ops import (
    activations,
    bins,
    comparing,
    composed,
    diagonals,
    distances,
    elementwise,
    extremes,
    gamma,
    indexing,
    inverses,
    joining,
    neural,
    norms,
    parts,
    products,
    reductions,
    reordering,
    repeating,
    scans,
    scattering,
    shapes,
    sorting,
    statistics,
    triangular,
)
from .random import drawing, filling
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
    def __add__(self, other: Any) -> Tensor: return elementwise.plus(self, other)
    def __radd__(self, other: Any) -> Tensor: return elementwise.plus(other, self)
    def __sub__(self, other: Any) -> Tensor: return elementwise.minus(self, other)
    def __rsub__(self, other: Any) -> Tensor: return elementwise.minus(other, self)
    def __mul__(self, other: Any) -> Tensor: return elementwise.mul(self, other)
    def __rmul__(self, other: Any) -> Tensor: return elementwise.mul(other, self)
    def __truediv__(self, other: Any) -> Tensor: return elementwise.over(self, other)
    def __rtruediv__(self, other: Any) -> Tensor: return elementwise.over(other, self)
    def __pow__(self, other: Any) -> Tensor: return elementwise.pow(self, other)
    def __rpow__(self, other: Any) -> Tensor: return elementwise.pow(other, self)
    def __floordiv__(self, other: Any) -> Tensor: return elementwise.floor_divide(self, other)
    def __rfloordiv__(self, other: Any) -> Tensor: return elementwise.floor_divide(other, self)
    def __mod__(self, other: Any) -> Tensor: return elementwise.remainder(self, other)
    def __rmod__(self, other: Any) -> Tensor: return elementwise.remainder(other, self)
    def __and__(self, other: Any) -> Tensor: return elementwise.bitwise_and(self, other)
    def __rand__(self, other: Any) -> Tensor: return elementwise.bitwise_and(other, self)
    def __or__(self, other: Any) -> Tensor: return elementwise.bitwise_or(self, other)
    def __ror__(self, other: Any) -> Tensor: return elementwise.bitwise_or(other, self)
    def __xor__(self, other: Any) -> Tensor: return elementwise.bitwise_xor(self, other)
    def __rxor__(self, other: Any) -> Tensor: return elementwise.bitwise_xor(other, self)
    def __invert__(self) -> Tensor: return elementwise.bitwise_not(self)
    def __neg__(self) -> Tensor: return elementwise.neg(self)
    def __pos__(self) -> Tensor: return elementwise.positive(self)
    def __abs__(self) -> Tensor: return elementwise.abs(self)
    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]  # a mask, as in NumPy
        return NotImplemented if isinstance(other, NEVER_EQUAL) else elementwise.eq(self, other)
    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]  # a mask, as in NumPy
        return NotImplemented if isinstance(other, NEVER_EQUAL) else elementwise.ne(self, other)
    def __lt__(self, other: Any) -> Tensor: return elementwise.lt(self, other)
    def __le__(self, other: Any) -> Tensor: return elementwise.le(self, other)
    def __gt__(self, other: Any) -> Tensor: return elementwise.gt(self, other)
    def __ge__(self, other: Any) -> Tensor: return elementwise.ge(self, other)

    # elementwise -------------------------------------------------------------------------------------------
    def exp(self) -> Tensor: return elementwise.exp(self)
    def exp2(self) -> Tensor: return elementwise.exp2(self)
    def expm1(self) -> Tensor: return elementwise.expm1(self)
    def log(self) -> Tensor: return elementwise.log(self)
    def log2(self) -> Tensor: return elementwise.log2(self)
    def log10(self) -> Tensor: return elementwise.log10(self)
    def log1p(self) -> Tensor: return elementwise.log1p(self)
    def sqrt(self) -> Tensor: return elementwise.sqrt(self)
    def rsqrt(self) -> Tensor: return elementwise.rsqrt(self)
    def square(self) -> Tensor: return elementwise.square(self)
    def reciprocal(self) -> Tensor: return elementwise.reciprocal(self)
    def sin(self) -> Tensor: return elementwise.sin(self)
    def cos(self) -> Tensor: return elementwise.cos(self)
    def tan(self) -> Tensor: return elementwise.tan(self)
    def asin(self) -> Tensor: return elementwise.asin(self)
    def acos(self) -> Tensor: return elementwise.acos(self)
    def atan(self) -> Tensor: return elementwise.atan(self)
    def sinh(self) -> Tensor: return elementwise.sinh(self)
    def cosh(self) -> Tensor: return elementwise.cosh(self)
    def tanh(self) -> Tensor: return elementwise.tanh(self)
    def asinh(self) -> Tensor: return elementwise.asinh(self)
    def acosh(self) -> Tensor: return elementwise.acosh(self)
    def atanh(self) -> Tensor: return elementwise.atanh(self)
    def sinc(self) -> Tensor: return elementwise.sinc(self)
    def sigmoid(self) -> Tensor: return elementwise.sigmoid(self)
    def relu(self) -> Tensor: return elementwise.relu(self)
    def erf(self) -> Tensor: return elementwise.erf(self)
    def erfc(self) -> Tensor: return elementwise.erfc(self)
    def erfinv(self) -> Tensor: return elementwise.erfinv(self)
    def abs(self) -> Tensor: return elementwise.abs(self)
    def neg(self) -> Tensor: return elementwise.neg(self)
    def sign(self) -> Tensor: return elementwise.sign(self)
    def floor(self) -> Tensor: return elementwise.floor(self)
    def ceil(self) -> Tensor: return elementwise.ceil(self)
    def trunc(self) -> Tensor: return elementwise.trunc(self)
    def logical_not(self) -> Tensor: return elementwise.logical_not(self)
    def bitwise_not(self) -> Tensor: return elementwise.bitwise_not(self)
    def isnan(self) -> Tensor: return elementwise.isnan(self)
    def isinf(self) -> Tensor: return elementwise.isinf(self)
    def isfinite(self) -> Tensor: return elementwise.isfinite(self)
    def isposinf(self) -> Tensor: return elementwise.isposinf(self)
    def isneginf(self) -> Tensor: return elementwise.isneginf(self)
    def signbit(self) -> Tensor: return elementwise.signbit(self)
    def positive(self) -> Tensor: return elementwise.positive(self)
    def clone(self) -> Tensor: return elementwise.clone(self)
    def mul(self, other: Any) -> Tensor: return elementwise.mul(self, other)
    def floor_divide(self, other: Any) -> Tensor: return elementwise.floor_divide(self, other)
    def remainder(self, other: Any) -> Tensor: return elementwise.remainder(self, other)
    def fmod(self, other: Any) -> Tensor: return elementwise.fmod(self, other)
    def maximum(self, other: Any) -> Tensor: return elementwise.maximum(self, other)
    def minimum(self, other: Any) -> Tensor: return elementwise.minimum(self, other)
    def fmax(self, other: Any) -> Tensor: return elementwise.fmax(self, other)
    def fmin(self, other: Any) -> Tensor: return elementwise.fmin(self, other)
    def atan2(self, other: Any) -> Tensor: return elementwise.atan2(self, other)
    def hypot(self, other: Any) -> Tensor: return elementwise.hypot(self, other)
    def copysign(self, other: Any) -> Tensor: return parts.copysign(self, other)
    def gcd(self, other: Any) -> Tensor: return parts.gcd(self, other)
    def lcm(self, other: Any) -> Tensor: return parts.lcm(self, other)
    def logaddexp(self, other: Any) -> Tensor: return elementwise.logaddexp(self, other)
    def logaddexp2(self, other: Any) -> Tensor: return elementwise.logaddexp2(self, other)
    def xlogy(self, other: Any) -> Tensor: return elementwise.xlogy(self, other)
    def eq(self, other: Any) -> Tensor: return elementwise.eq(self, other)
    def ne(self, other: Any) -> Tensor: return elementwise.ne(self, other)
    def lt(self, other: Any) -> Tensor: return elementwise.lt(self, other)
    def le(self, other: Any) -> Tensor: return elementwise.le(self, other)
    def gt(self, other: Any) -> Tensor: return elementwise.gt(self, other)
    def ge(self, other: Any) -> Tensor: return elementwise.ge(self, other)
    def logical_and(self, other: Any) -> Tensor: return elementwise.logical_and(self, other)
    def logical_or(self, other: Any) -> Tensor: return elementwise.logical_or(self, other)
    def logical_xor(self, other: Any) -> Tensor: return elementwise.logical_xor(self, other)
    def bitwise_and(self, other: Any) -> Tensor: return elementwise.bitwise_and(self, other)
    def bitwise_or(self, other: Any) -> Tensor: return elementwise.bitwise_or(self, other)
    def bitwise_xor(self, other: Any) -> Tensor: return elementwise.bitwise_xor(self, other)
    def bitwise_left_shift(self, other: Any) -> Tensor: return parts.bitwise_left_shift(self, other)
    def bitwise_right_shift(self, other: Any) -> Tensor: return parts.bitwise_right_shift(self, other)
    __lshift__, __rshift__ = bitwise_left_shift, bitwise_right_shift
    def lgamma(self) -> Tensor: return gamma.lgamma(self)
    def digamma(self) -> Tensor: return gamma.digamma(self)
    def polygamma(self, n: int) -> Tensor: return gamma.polygamma(n, self)
    nextafter, ldexp, frexp = parts.nextafter, parts.ldexp, parts.frexp
    add, sub, div = elementwise.add, elementwise.sub, elementwise.div
    pow, round = elementwise.pow, elementwise.round
    lerp, addcmul, addcdiv = composed.lerp, composed.addcmul, composed.addcdiv
    clamp_min, clamp_max = elementwise.clamp_min, elementwise.clamp_max
    clamp, clip = elementwise.clamp, elementwise.clip
    isclose, allclose, equal = comparing.isclose, comparing.allclose, comparing.equal
    absolute, negative, subtract, multiply, divide, true_divide = abs, neg, sub, mul, div, div
    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
    arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
    sgn, fix = sign, trunc
    frac, nan_to_num = composed.frac, composed.nan_to_num
    heaviside, logit = composed.heaviside, composed.logit
    float_power, rad2deg, deg2rad = composed.float_power, composed.rad2deg, composed.deg2rad
    def where(self, condition: Tensor, other: Any) -> Tensor: return elementwise.where(condition, self, other)

    # reductions --------------------------------------------------------------------------------------------
    sum, mean, prod = reductions.sum, reductions.mean, reductions.prod
    nansum, nanmean, logsumexp = reductions.nansum, reductions.nanmean, reductions.logsumexp
    all, any, count_nonzero = reductions.all, reductions.any, reductions.count_nonzero
    max, min, argmax, argmin = extremes.max, extremes.min, extremes.argmax, extremes.argmin
    amax, amin, aminmax = extremes.amax, extremes.amin, extremes.aminmax
    var, std, cov, corrcoef = statistics.var, statistics.std, statistics.cov, statistics.corrcoef
    norm, dist = norms.norm, distances.dist
    cumsum, cumprod, diff = scans.cumsum, scans.cumprod, scans.diff
    cummax, cummin, logcumsumexp = scans.cummax, scans.cummin, scans.logcumsumexp

    # order, and bins ---------------------------------------------------------------------------------------
    sort, argsort, msort = sorting.sort, sorting.argsort, sorting.msort
    topk, kthvalue, mode = sorting.topk, sorting.kthvalue, sorting.mode
    median, nanmedian = sorting.median, sorting.nanmedian
    quantile, nanquantile = sorting.quantile, sorting.nanquantile
    unique, unique_consecutive = sorting.unique, sorting.unique_consecutive
    bincount, histc, histogram = bins.bincount, bins.histc, bins.histogram

    # shapes ------------------------------------------------------------------------------------------------
    reshape, view, reshape_as, view_as = shapes.reshape, shapes.view, shapes.reshape_as, shapes.view_as
    flatten, ravel, unflatten = shapes.flatten, shapes.ravel, shapes.unflatten
    squeeze, unsqueeze = shapes.squeeze, shapes.unsqueeze
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
        return joining.split(self, split_size, dim)
    split_with_sizes, tensor_split = joining.split_with_sizes, joining.tensor_split
    chunk, unbind = joining.chunk, joining.unbind
    hsplit, vsplit, dsplit = joining.hsplit, joining.vsplit, joining.dsplit
    diag, diagonal = diagonals.diag, diagonals.diagonal
    diag_embed, diagflat = diagonals.diag_embed, diagonals.diagflat
    tril, triu = diagonals.tril, diagonals.triu
    fill_diagonal_ = diagonals.fill_diagonal
    def tril_(self, diagonal: Any = 0) -> Tensor: return inplace.change(self, diagonals.tril, diagonal)
    def triu_(self, diagonal: Any = 0) -> Tensor: return inplace.change(self, diagonals.triu, diagonal)

    # indexing ----------------------------------------------------------------------------------------------
    def __getitem__(self, index: Any) -> Tensor: return indexing.get(self, index)
    def __setitem__(self, index: Any, value: Any) -> None: indexing.put(self, index, value)
    gather, index_select = indexing.gather, indexing.index_select
    take, take_along_dim = indexing.take, indexing.take_along_dim
    narrow, select, nonzero, argwhere = indexing.narrow, indexing.select, indexing.nonzero, indexing.argwhere
    masked_fill, masked_select = indexing.masked_fill, indexing.masked_select
    masked_scatter = scattering.masked_scatter
    scatter, scatter_add = scattering.scatter, scattering.scatter_add
    scatter_reduce = scattering.scatter_reduce
    put, index_put = scattering.put, scattering.index_put
    index_add, index_copy, index_fill = scattering.index_add, scattering.index_copy, scattering.index_fill
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        return inplace.change(self, indexing.masked_fill, mask, value)
    def masked_scatter_(self, mask: Tensor, source: Tensor) -> Tensor:
        return inplace.change(self, scattering.masked_scatter, mask, source)
    def scatter_(self, dim: Any, index: Tensor, src: Any = None, **options: Any) -> Tensor:
        return inplace.change(self, scattering.scatter, dim, index, src, **options)
    def scatter_add_(self, dim: Any, index: Tensor, src: Tensor) -> Tensor:
        return inplace.change(self, scattering.scatter_add, dim, index, src)
    def scatter_reduce_(
        self, dim: Any, index: Tensor, src: Tensor, reduce: str, *, include_self: Flag = True
    ) -> Tensor:
        return inplace.change(
            self, scattering.scatter_reduce, dim, index, src, reduce, include_self=include_self
        )
    def index_add_(self, dim: Any, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
        return inplace.change(self, scattering.index_add, dim, index, source, alpha=alpha)
    def index_copy_(self, dim: Any, index: Tensor, source: Tensor) -> Tensor:
        return inplace.change(self, scattering.index_copy, dim, index, source)
    def index_fill_(self, dim: Any, index: Tensor, value: Any) -> Tensor:
        return inplace.change(self, scattering.index_fill, dim, index, value)
    def put_(self, index: Tensor, source: Tensor, accumulate: Flag = False) -> Tensor:
        return inplace.change(self, scattering.put, index, source, accumulate)
    def index_put_(self, indices: Any, values: Tensor, accumulate: Flag = False) -> Tensor:
        return inplace.change(self, scattering.index_put, indices, values, accumulate)

    # linear algebra ----------------------------------------------------------------------------------------
    def __matmul__(self, other: Any) -> Tensor: return products.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Tensor: return products.matmul(other, self)
    matmul, mm, bmm, mv = products.matmul, products.mm, products.bmm, products.mv
    dot, vdot, inner, outer, ger = products.dot, products.vdot, products.inner, products.outer, products.ger
    kron, cross, trace = products.kron, products.cross, products.trace
    addmm, addmv, addr = products.addmm, products.addmv, products.addr
    baddbmm, addbmm = products.baddbmm, products.addbmm
    det, slogdet, logdet = inverses.det, inverses.slogdet, inverses.logdet
    cholesky_solve, cholesky_inverse = triangular.cholesky_solve, triangular.cholesky_inverse
    inverse, pinverse, matrix_power = inverses.inverse, inverses.pinverse, inverses.matrix_power

    # in place ----------------------------------------------------------------------------------------------
    def __iadd__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.plus, other)
    def __isub__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.minus, other)
    def __imul__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.mul, other)
    def __itruediv__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.over, other)
    def __ifloordiv__(self, other: Any) -> Tensor:
        return inplace.change(self, elementwise.floor_divide, other)
    def __imod__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.remainder, other)
    def __ipow__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.pow, other)
    def __iand__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.bitwise_and, other)
    def __ior__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.bitwise_or, other)
    def __ixor__(self, other: Any) -> Tensor: return inplace.change(self, elementwise.bitwise_xor, other)
    def add_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return inplace.change(self, elementwise.plus, other if alpha == 1 else other * alpha)
    def sub_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return inplace.change(self, elementwise.minus, other if alpha == 1 else other * alpha)
    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return inplace.change(self, elementwise.div, other, rounding_mode=rounding_mode)
    def mul_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.mul, other)
    def pow_(self, exponent: Any) -> Tensor: return inplace.change(self, elementwise.pow, exponent)
    def floor_divide_(self, other: Any) -> Tensor:
        return inplace.change(self, elementwise.floor_divide, other)
    def remainder_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.remainder, other)
    def fmod_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.fmod, other)
    def lerp_(self, end: Tensor, weight: Any) -> Tensor:
        return inplace.change(self, composed.lerp, end, weight)
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        return inplace.change(self, composed.addcmul, tensor1, tensor2, value=value)
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        return inplace.change(self, composed.addcdiv, tensor1, tensor2, value=value)
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return inplace.change(self, elementwise.clamp, min, max)
    def clamp_min_(self, min: Any) -> Tensor: return inplace.change(self, elementwise.at_least, min)
    def clamp_max_(self, max: Any) -> Tensor: return inplace.change(self, elementwise.at_most, max)
    def neg_(self) -> Tensor: return inplace.change(self, elementwise.neg)
    def abs_(self) -> Tensor: return inplace.change(self, elementwise.abs)
    def exp_(self) -> Tensor: return inplace.change(self, elementwise.exp)
    def log_(self) -> Tensor: return inplace.change(self, elementwise.log)
    def log1p_(self) -> Tensor: return inplace.change(self, elementwise.log1p)
    def expm1_(self) -> Tensor: return inplace.change(self, elementwise.expm1)
    def sqrt_(self) -> Tensor: return inplace.change(self, elementwise.sqrt)
    def exp2_(self) -> Tensor: return inplace.change(self, elementwise.exp2)
    def log2_(self) -> Tensor: return inplace.change(self, elementwise.log2)
    def log10_(self) -> Tensor: return inplace.change(self, elementwise.log10)
    def rsqrt_(self) -> Tensor: return inplace.change(self, elementwise.rsqrt)
    def square_(self) -> Tensor: return inplace.change(self, elementwise.square)
    def reciprocal_(self) -> Tensor: return inplace.change(self, elementwise.reciprocal)
    def sin_(self) -> Tensor: return inplace.change(self, elementwise.sin)
    def cos_(self) -> Tensor: return inplace.change(self, elementwise.cos)
    def tan_(self) -> Tensor: return inplace.change(self, elementwise.tan)
    def asin_(self) -> Tensor: return inplace.change(self, elementwise.asin)
    def acos_(self) -> Tensor: return inplace.change(self, elementwise.acos)
    def atan_(self) -> Tensor: return inplace.change(self, elementwise.atan)
    def sinh_(self) -> Tensor: return inplace.change(self, elementwise.sinh)
    def cosh_(self) -> Tensor: return inplace.change(self, elementwise.cosh)
    def asinh_(self) -> Tensor: return inplace.change(self, elementwise.asinh)
    def acosh_(self) -> Tensor: return inplace.change(self, elementwise.acosh)
    def atanh_(self) -> Tensor: return inplace.change(self, elementwise.atanh)
    def sinc_(self) -> Tensor: return inplace.change(self, elementwise.sinc)
    def erf_(self) -> Tensor: return inplace.change(self, elementwise.erf)
    def erfc_(self) -> Tensor: return inplace.change(self, elementwise.erfc)
    def erfinv_(self) -> Tensor: return inplace.change(self, elementwise.erfinv)
    def lgamma_(self) -> Tensor: return inplace.change(self, gamma.lgamma)
    def digamma_(self) -> Tensor: return inplace.change(self, gamma.digamma)
    def tanh_(self) -> Tensor: return inplace.change(self, elementwise.tanh)
    def sigmoid_(self) -> Tensor: return inplace.change(self, elementwise.sigmoid)
    def relu_(self) -> Tensor: return inplace.change(self, elementwise.relu)
    def sign_(self) -> Tensor: return inplace.change(self, elementwise.sign)
    def floor_(self) -> Tensor: return inplace.change(self, elementwise.floor)
    def ceil_(self) -> Tensor: return inplace.change(self, elementwise.ceil)
    def round_(self, *, decimals: Integer = 0) -> Tensor:
        return inplace.change(self, elementwise.round, decimals=decimals)
    def trunc_(self) -> Tensor: return inplace.change(self, elementwise.trunc)
    def frac_(self) -> Tensor: return inplace.change(self, composed.frac)
    def rad2deg_(self) -> Tensor: return inplace.change(self, composed.rad2deg)
    def deg2rad_(self) -> Tensor: return inplace.change(self, composed.deg2rad)
    def logit_(self, eps: Number | None = None) -> Tensor: return inplace.change(self, composed.logit, eps)
    def nan_to_num_(self, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
        return inplace.change(self, composed.nan_to_num, nan, posinf, neginf)
    def heaviside_(self, values: Tensor) -> Tensor: return inplace.change(self, composed.heaviside, values)
    def atan2_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.atan2, other)
    def hypot_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.hypot, other)
    def xlogy_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.xlogy, other)
    def eq_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.eq, other)
    def ne_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.ne, other)
    def lt_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.lt, other)
    def le_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.le, other)
    def gt_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.gt, other)
    def ge_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.ge, other)
    def logical_and_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.logical_and, other)
    def logical_or_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.logical_or, other)
    def logical_xor_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.logical_xor, other)
    def logical_not_(self) -> Tensor: return inplace.change(self, elementwise.logical_not)
    subtract_, multiply_, divide_, true_divide_ = sub_, mul_, div_, div_
    absolute_, negative_, clip_, sgn_, fix_ = abs_, neg_, clamp_, sign_, trunc_
    arcsin_, arccos_, arctan_, arctan2_ = asin_, acos_, atan_, atan2_
    arcsinh_, arccosh_, arctanh_ = asinh_, acosh_, atanh_
    def bitwise_and_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.bitwise_and, other)
    def bitwise_or_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.bitwise_or, other)
    def bitwise_xor_(self, other: Any) -> Tensor: return inplace.change(self, elementwise.bitwise_xor, other)
    def bitwise_not_(self) -> Tensor: return inplace.change(self, elementwise.bitwise_not)
    def cumsum_(self, dim: Any) -> Tensor: return inplace.change(self, scans.cumsum, dim)
    def cumprod_(self, dim: Any) -> Tensor: return inplace.change(self, scans.cumprod, dim)
    def addmm_(self, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, products.addmm, mat1, mat2, beta=beta, alpha=alpha)
    def addmv_(self, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, products.addmv, mat, vec, beta=beta, alpha=alpha)
    def addr_(self, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, products.addr, vec1, vec2, beta=beta, alpha=alpha)
    def baddbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        return inplace.change(self, products.baddbmm, batch1, batch2, beta=beta, alpha=alpha)
    def unsqueeze_(self, dim: Any) -> Tensor: return inplace.reform(self, shapes.unsqueeze, dim)
    def squeeze_(self, dim: Any = None) -> Tensor: return inplace.reform(self, shapes.squeeze, dim)
    def t_(self) -> Tensor: return inplace.reform(self, reordering.t)
    def transpose_(self, dim0: Any, dim1: Any) -> Tensor:
        return inplace.reform(self, reordering.transpose, dim0, dim1)
    swapaxes_ = swapdims_ = transpose_
    def zero_(self) -> Tensor:
        """All values become 0; returns this tensor."""
        return inplace.fill(self, 0, "zero_")
    def fill_(self, value: Any) -> Tensor:
        """All values become this number; returns this tensor."""
        return inplace.fill(self, value, "fill_")
    def copy_(self, src: Tensor, non_blocking: Flag = False) -> Tensor:
        """The values become those of `src`, broadcast and converted; returns this tensor."""
        return inplace.copy(self, src)

    # conversions -------------------------------------------------------------------------------------------
    to, type, type_as, contiguous = conversion.to, conversion.type_, conversion.type_as, conversion.contiguous
    def float(self) -> Tensor:
        """The tensor as float32: itself, if it is."""
        return conversion.to(self, float32)
    def double(self) -> Tensor:
        """The tensor as float64: itself, if it is."""
        return conversion.to(self, float64)
    def long(self) -> Tensor:
        """The tensor as int64: itself, if it is."""
        return conversion.to(self, int64)
    def int(self) -> Tensor:
        """The tensor as int64, the only integers here."""
        return conversion.to(self, int64)
    def bool(self) -> Tensor:
        """The tensor as bool: False where it is 0."""
        return conversion.to(self, bool_)
    def cpu(self) -> Tensor:
        """The tensor itself: it is on the CPU."""
        return conversion.to(self, "cpu")
    cuda, is_cuda = conversion.cuda, property(conversion.is_cuda)
    half, bfloat16 = conversion.half, conversion.bfloat16
    byte, char, short = conversion.byte, conversion.char, conversion.short
    ndimension, is_complex, is_nonzero = conversion.dim, conversion.is_complex, conversion.is_nonzero
    size, dim, nelement = conversion.size, conversion.dim, conversion.numel
    itemsize, nbytes = property(conversion.element_size), property(conversion.nbytes)
    stride, element_size, data_ptr = conversion.stride, conversion.element_size, conversion.data_ptr
    is_contiguous, is_floating_point = conversion.is_contiguous, conversion.is_floating_point
    new_tensor, new_zeros, new_ones = creation.new_tensor, creation.new_zeros, creation.new_ones
    new_full, new_empty = creation.new_full, creation.new_empty

    # random ------------------------------------------------------------------------------------------------
    bernoulli, multinomial = drawing.bernoulli, drawing.multinomial
    uniform_, normal_, bernoulli_ = filling.uniform_, filling.normal_, filling.bernoulli_
    exponential_, random_ = filling.exponential_, filling.random_

    # neural ------------------------------------------------------------------------------------------------
    softmax, log_softmax = neural.softmax, neural.log_softmax
    prelu, hardshrink = activations.prelu, activations.hardshrink

    # its gradient ------------------------------------------------------------------------------------------
    backward = gradients.backward
    register_post_accumulate_grad_hook = accumulation_hooks.register_post_accumulate_grad_hook


# fmt: on


def give_methods() -> None:
    """Complete the class."""
    functions = vars(sys.modules[__package__])
    for name, method in vars(Methods).items():
        if callable(method) or isinstance(method, property):
            if method.__doc__ is None and not name.startswith("__"):
                method.__doc__ = words_for(name, functions)
            setattr(Tensor, name, method)


def words_for(name: str, functions: dict[str, Callable[..., Any]]) -> str:
    """What `help` says of a method: the first line on the function of its name, or that it works in place."""
    if name.endswith("_"):
        return f"`{name[:-1]}` in place: writes into the tensor, and returns it."
    words = functions[name].__doc__ or ""
    return f"{words.partition(chr(10))[0]} See `autodiff.{name}`."
