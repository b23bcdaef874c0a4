"""Make tensors: from data, filled, or in steps; with PyTorch's signatures and dtypes."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import as_array
from .dtypes import WEAK, Array, DType, as_dtype, bool_, float64, get_default_dtype, int64
from .errors import located
from .tensor import Tensor, refuse_device

__all__ = [
    "tensor", "as_tensor", "asarray", "from_numpy", "zeros", "ones", "full", "empty", "eye", "arange",
    "linspace", "logspace", "zeros_like", "ones_like", "full_like", "empty_like",
]  # fmt: skip

Shape = tuple[int, ...]


# from data ------------------------------------------------------------------------------------------------


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor that holds a copy of `data`: numbers, nested lists, arrays, tensors.

    Python floats become float32 (the default dtype), ints int64, bools bool; NumPy's numbers and arrays keep
    theirs. Raises TypeError for strings and for dtypes that the engine lacks, ValueError for ragged lists,
    RuntimeError for gradients of integers.

    >>> import autodiff
    >>> autodiff.tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    refuse_device(device)
    return Tensor(as_array(data, dtype, copy=True)).requires_grad_(requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, if possible without a copy: a tensor as it is, an array with its memory shared.

    >>> import autodiff
    >>> x = autodiff.ones(2)
    >>> autodiff.as_tensor(x) is x, autodiff.as_tensor([1, 2])
    (True, tensor([1, 2]))
    """
    refuse_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(as_array(data, dtype))


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """`obj` as a tensor: with `copy` always in memory of its own; without, like `as_tensor`.

    Raises ValueError if `copy=False` and there is no way without.
    """
    shared = as_tensor(obj, dtype, device)
    if copy is False and not (isinstance(obj, (Tensor, np.ndarray)) and shared.dtype == obj.dtype):
        raise located.ValueError(
            f"can't alias {type(obj).__name__} as a tensor of {shared.dtype}: leave out copy=False"
        )
    made = tensor(shared) if copy else shared
    return made.requires_grad_() if requires_grad else made


def from_numpy(ndarray: Array) -> Tensor:
    """A tensor that shares the memory of a NumPy array: a change of one is a change of the other.

    Raises TypeError for anything else, and for a dtype other than float32, float64, int64 and bool.

    >>> import autodiff, numpy
    >>> array = numpy.zeros(2)
    >>> x = autodiff.from_numpy(array)
    >>> array[0] = 5
    >>> x
    tensor([5., 0.], dtype=float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise located.TypeError(
            f"expected np.ndarray (got {type(ndarray).__name__}): use autodiff.tensor(data)"
        )
    return Tensor(as_array(ndarray))


# filled ---------------------------------------------------------------------------------------------------


def zeros(
    *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros, `zeros(2, 3)` or `zeros((2, 3))`; float32 (the default dtype) unless one is given.

    Raises TypeError if the size is not of integers, RuntimeError if it is negative.

    >>> import autodiff
    >>> autodiff.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    shape = shape_of("zeros", sizes, size)
    return finished(np.zeros(shape, dtype_or_default(dtype)), device, requires_grad)


def ones(
    *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones; for the arguments see `zeros`.

    >>> import autodiff
    >>> autodiff.ones(3, dtype=autodiff.int64)
    tensor([1, 1, 1])
    """
    shape = shape_of("ones", sizes, size)
    return finished(np.ones(shape, dtype_or_default(dtype)), device, requires_grad)


def empty(
    *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of whatever is in memory, to be filled; for the arguments see `zeros`."""
    shape = shape_of("empty", sizes, size)
    return finished(np.empty(shape, dtype_or_default(dtype)), device, requires_grad)


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor full of one number, whose kind is the dtype: `full((2, 3), 7)` is int64.

    >>> import autodiff
    >>> autodiff.full((2, 2), 7.5)
    tensor([[7.5000, 7.5000],
            [7.5000, 7.5000]])
    """
    if not isinstance(size, (tuple, list)):
        given = type(size).__name__
        raise located.TypeError(f"full(): argument 'size' must be tuple of ints, not {given}: full((n,), 7)")
    value = number("full", "fill_value", fill_value)
    chosen = WEAK.get(type(value), get_default_dtype()) if dtype is None else as_dtype(dtype)
    return finished(np.full(shape_of("full", (size,)), value, chosen), device, requires_grad)


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros in the shape of `input`, and in its dtype unless another is given.

    >>> import autodiff
    >>> autodiff.zeros_like(autodiff.tensor([1, 2]))
    tensor([0, 0])
    """
    return finished(np.zeros_like(model("zeros_like", input), dtype_or(dtype, input)), device, requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape of `input`, and in its dtype unless another is given.

    >>> import autodiff
    >>> autodiff.ones_like(autodiff.tensor([1.0, 2.0]), dtype=autodiff.int64)
    tensor([1, 1])
    """
    return finished(np.ones_like(model("ones_like", input), dtype_or(dtype, input)), device, requires_grad)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Whatever is in memory, in the shape of `input`, and in its dtype unless another is given."""
    return finished(np.empty_like(model("empty_like", input), dtype_or(dtype, input)), device, requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number in the shape of `input`, and in its dtype unless another is given.

    >>> import autodiff
    >>> autodiff.full_like(autodiff.zeros(2), 7)
    tensor([7., 7.])
    """
    value = number("full_like", "fill_value", fill_value)
    array = np.full_like(model("full_like", input), value, dtype_or(dtype, input))
    return finished(array, device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones on the diagonal of an n × m matrix (n × n without m), zeros elsewhere.

    >>> import autodiff
    >>> autodiff.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows = integer("eye", "n", n)
    columns = rows if m is None else integer("eye", "m", m)
    for name, length in (("n", rows), ("m", columns)):
        if length < 0:
            raise located.RuntimeError(f"eye(): {name} must be greater or equal to 0, got {length}")
    return finished(np.eye(rows, columns, dtype=dtype_or_default(dtype)), device, requires_grad)


# in steps -------------------------------------------------------------------------------------------------


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, start + 2 step ... before end: `arange(end)` or `arange(start, end)`.

    int64 if all are integers, else float32 (the default dtype). Raises RuntimeError if the step is 0 or leads
    away from the end.

    >>> import autodiff
    >>> autodiff.arange(2, 8, 2), autodiff.arange(0, 1, 0.25)
    (tensor([2, 4, 6]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    if end is None:
        start, end = None, start
    start = 0 if start is None else start
    start, end, step = (number("arange", *x) for x in (("start", start), ("end", end), ("step", step)))
    if not all(map(math.isfinite, (start, end, step))):
        raise located.RuntimeError(f"arange(): unsupported range: {start} -> {end}")
    floats = any(isinstance(x, float) for x in (start, end, step))
    chosen = dtype_or_default(dtype) if floats or dtype is not None else int64
    if chosen == bool_:
        raise located.NotImplementedError("arange(): not implemented for bool")
    kind = int if chosen == int64 else float
    start, end, step = kind(start), kind(end), kind(step)
    if step == 0:
        raise located.RuntimeError("arange(): step must be nonzero")
    if (end - start) * step < 0:
        raise located.RuntimeError(
            f"arange(): upper bound and lower bound inconsistent with step sign: {start} to {end} by {step}"
        )
    count = -((start - end) // step) if kind is int else math.ceil((end - start) / step)
    return finished((start + step * np.arange(count)).astype(chosen, copy=False), device, requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances from `start` to `end`, both included.

    >>> import autodiff
    >>> autodiff.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    chosen = dtype_or_default(dtype)
    return finished(spaced("linspace", start, end, steps, chosen).astype(chosen), device, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`base` to the powers `linspace(start, end, steps)`.

    >>> import autodiff
    >>> autodiff.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    chosen = dtype_or_default(dtype)
    powers = float(number("logspace", "base", base)) ** spaced("logspace", start, end, steps, float64)
    return finished(powers.astype(chosen), device, requires_grad)


# like a tensor: its methods -------------------------------------------------------------------------------


def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`tensor(data)` in the dtype of this tensor."""
    return tensor(data, dtype=dtype_or(dtype, self), device=device, requires_grad=requires_grad)


def new_zeros(self: Tensor, *size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Zeros of another size in the dtype of this tensor; for the arguments see `zeros`."""
    return zeros(*size, dtype=dtype_or(dtype, self), **options)


def new_ones(self: Tensor, *size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Ones of another size in the dtype of this tensor; for the arguments see `zeros`."""
    return ones(*size, dtype=dtype_or(dtype, self), **options)


def new_empty(self: Tensor, *size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Whatever is in memory, of another size, in the dtype of this tensor; for the arguments see `zeros`."""
    return empty(*size, dtype=dtype_or(dtype, self), **options)


def new_full(
    self: Tensor, size: Sequence[int], fill_value: Any, *, dtype: Any = None, **options: Any
) -> Tensor:
    """One number, of another size, in the dtype of this tensor; for the arguments see `full`."""
    return full(size, fill_value, dtype=dtype_or(dtype, self), **options)


# arguments ------------------------------------------------------------------------------------------------


def finished(array: Array, device: Any, requires_grad: bool) -> Tensor:
    """The last step of every creation."""
    refuse_device(device)
    return Tensor(array).requires_grad_(requires_grad)


def dtype_or_default(dtype: Any) -> DType:
    """This dtype, or the default one if it is None."""
    return get_default_dtype() if dtype is None else as_dtype(dtype)


def dtype_or(dtype: Any, like: Tensor) -> DType:
    """This dtype, or that of a tensor if it is None."""
    return like.dtype if dtype is None else as_dtype(dtype)


def model(name: str, input: Any) -> Array:
    """The array of the tensor that the result is to be like."""
    if isinstance(input, Tensor):
        return input.array
    raise located.TypeError(
        f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
    )


def shape_of(name: str, given: tuple[Any, ...], size: Any = None) -> Shape:
    """A size given as numbers, as one tuple, or by the name `size`.

    Raises TypeError if there is none, or if it is not of integers; RuntimeError if it is negative.
    """
    if size is not None and not given:
        given = (size,)
    if not given:
        raise located.TypeError(
            f'{name}() missing 1 required positional arguments: "size", as in {name}(2, 3)'
        )
    lengths = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    shape = tuple(integer(name, "size", length) for length in lengths)
    if any(length < 0 for length in shape):
        raise located.RuntimeError(f"{name}: Dimension size must be non-negative: {list(shape)}")
    return shape


def integer(name: str, argument: str, value: Any) -> int:
    """`value` as a Python int; TypeError for anything but an integer."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise located.TypeError(f"{name}(): argument '{argument}' must be int, not {type(value).__name__}")
    return operator.index(value)


def number(name: str, argument: str, value: Any) -> Any:
    """`value` as a Python number: a NumPy number or a 0-dim tensor too. TypeError for anything else."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.ndim == 0):
        value = value.item()
    if not isinstance(value, (bool, int, float)):
        raise located.TypeError(f"{name}(): argument '{argument}' must be Number, not {type(value).__name__}")
    return value


def spaced(name: str, start: Any, end: Any, steps: Any, dtype: DType) -> Array:
    """`steps` numbers at equal distances, counted from the nearer end as in PyTorch; float64 for int64."""
    count = integer(name, "steps", steps)
    if count < 0:
        raise located.RuntimeError(f"{name}(): number of steps must be non-negative, got {count}")
    if dtype == bool_:
        raise located.NotImplementedError(f"{name}(): not implemented for bool")
    first, last = (dtype.type(number(name, *x)) for x in (("start", start), ("end", end)))
    real = np.float64 if dtype.kind == "i" else dtype.type
    step = (real(last) - real(first)) / real(max(count - 1, 1))
    i = np.arange(count, dtype=real)
    rising, falling = first + step * i, last - step * (count - 1 - i)
    spread: Array = np.where(i < max(count // 2, count == 1), rising, falling)
    return spread
