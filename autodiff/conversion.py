"""The same tensor in another dtype or memory layout, and what its memory looks like.

There is one device, the CPU: asking for it returns the tensor itself, asking for another is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import SUPPORTED, DType, as_dtype, bool_, float32, float64, int64, result_dtype
from .errors import located
from .ops import elementwise
from .ops.arguments import refuse_plain
from .primitive import cast
from .tensor import Tensor, refuse_device

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "numel", "promote_types", "result_type"]

TYPE_NAMES = {float32: "FloatTensor", float64: "DoubleTensor", int64: "LongTensor", bool_: "BoolTensor"}


def to(
    input: Tensor,
    *target: Any,
    dtype: Any = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:
    """The tensor in this dtype, or in that of another tensor; itself if nothing changes, unless `copy`.

    `x.to(autodiff.float64)`, `x.to("cpu")`, `x.to("cpu", autodiff.float64)`, `x.to(other)`. The gradient
    comes back in the old dtype. Raises TypeError for dtypes that the engine lacks, RuntimeError for devices.

    >>> import autodiff
    >>> autodiff.tensor([1.7, -1.7]).to(autodiff.int64)
    tensor([ 1, -1])
    """
    for item in target:
        if isinstance(item, Tensor):
            dtype = item.dtype
        elif isinstance(item, str) or str(item) == "cpu":
            device = item
        elif not isinstance(item, bool):
            dtype = item
    refuse_device(device)
    flags = [item for item in target if isinstance(item, bool)]  # non_blocking and copy
    copy = copy or flags[1:] == [True]
    if dtype is None or as_dtype(dtype) == input.dtype:
        return elementwise.clone(input) if copy else input
    converted: Tensor = cast(input, as_dtype(dtype))
    return converted


def type_(input: Tensor, dtype: Any = None) -> Any:
    """The tensor in this dtype; without one, the name of its type: "autodiff.FloatTensor".

    The dtype may also be meant by such a name, or by a class that is called so.
    """
    if dtype is None:
        return "autodiff." + TYPE_NAMES[input.dtype]
    called = str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]
    named = [kind for kind in SUPPORTED if called == TYPE_NAMES[kind]]
    return to(input, dtype=named[0] if named else dtype)


def half(input: Tensor) -> Tensor:
    """Raise TypeError: there is no float16 here, nor `bfloat16`, `byte`, `char`, `short`."""
    return to(input, dtype=np.dtype(np.float16))


def bfloat16(input: Tensor) -> Tensor:
    """Raise TypeError: see `half`."""
    return to(input, dtype="bfloat16")


def byte(input: Tensor) -> Tensor:
    """Raise TypeError: a mask is `x.bool()`, small numbers are `x.long()`."""
    return to(input, dtype=np.dtype(np.uint8))


def char(input: Tensor) -> Tensor:
    """Raise TypeError: see `byte`."""
    return to(input, dtype=np.dtype(np.int8))


def short(input: Tensor) -> Tensor:
    """Raise TypeError: see `byte`."""
    return to(input, dtype=np.dtype(np.int16))


def cuda(input: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Raise RuntimeError: there is no GPU. Ask first: `is_cuda` is False."""
    refuse_device(f"cuda:{device or 0}")
    return input


def nbytes(input: Tensor) -> int:
    """The size of the values in bytes."""
    return int(input.array.size * input.array.itemsize)


def is_cuda(input: Tensor) -> bool:
    """False: the values are in the memory of the CPU."""
    return False


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of another."""
    return to(input, other)


def contiguous(input: Tensor) -> Tensor:
    """The tensor stored row by row; itself if it is."""
    return input if input.array.flags.c_contiguous else elementwise.contiguous(input)


def is_contiguous(input: Tensor) -> bool:
    """Whether the entries are stored row by row, without gaps."""
    return input.array.flags.c_contiguous


def size(input: Tensor, dim: int | None = None) -> Any:
    """The shape, or the length of one dimension."""
    if dim is None:
        return input.array.shape
    if not -input.ndim <= dim < input.ndim:
        raise located.IndexError(
            f"Dimension out of range (expected to be in range of [{-input.ndim}, {input.ndim - 1}], "
            f"but got {dim}), in size() of a tensor of shape {input.shape}"
        )
    return input.array.shape[dim]


def stride(input: Tensor, dim: int | None = None) -> Any:
    """How many entries of memory lie from one index to the next, for each dimension or for one."""
    strides = tuple(step // input.array.itemsize for step in input.array.strides)
    return strides if dim is None else strides[dim]


def dim(input: Tensor) -> int:
    """The number of dimensions."""
    return input.array.ndim


def numel(input: Tensor) -> int:
    """The number of entries."""
    refuse_plain(input, "numel")
    return input.array.size


def element_size(input: Tensor) -> int:
    """The bytes of one entry."""
    return input.array.itemsize


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float32 or float64."""
    refuse_plain(input, "is_floating_point")
    return input.array.dtype.kind == "f"


def is_complex(input: Tensor) -> bool:
    """False: there are no complex numbers here."""
    refuse_plain(input, "is_complex")
    return False


def is_nonzero(input: Tensor) -> bool:
    """Whether the one entry is not 0; RuntimeError if there are more or none."""
    refuse_plain(input, "is_nonzero")
    return bool(input)


def result_type(tensor1: Any, tensor2: Any) -> DType:
    """The dtype of what is computed from the two, tensors or numbers.

    >>> import autodiff
    >>> autodiff.result_type(autodiff.tensor([1, 2]), 1.5)
    dtype('float32')
    """
    return result_dtype(*(x.array if isinstance(x, Tensor) else x for x in (tensor1, tensor2)))


def promote_types(type1: Any, type2: Any) -> DType:
    """The dtype of what is computed from tensors of these dtypes."""
    return result_dtype(*(np.empty(1, as_dtype(dtype)) for dtype in (type1, type2)))


def data_ptr(input: Tensor) -> int:
    """The address in memory of the first entry."""
    return int(input.array.__array_interface__["data"][0])
