"""`torch.Tensor` and its kin: what they make of sizes and data, and which tensors are their instances."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff
from autodiff.dtypes import DType, bool_, float32, float64, int64
from autodiff.errors import located

__all__ = [
    "BoolTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "Size", "Tensor",
    "set_default_tensor_type",
]  # fmt: skip

Size: type = tuple


class Kind(type):
    """Each tensor of the engine is an instance of `torch.Tensor`, and of the class of its dtype."""

    of: DType | None

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, autodiff.Tensor) and cls.of in (None, x.dtype)

    def __subclasscheck__(cls, other: type) -> bool:
        return type.__subclasscheck__(autodiff.Tensor if cls.of is None else cls, other)


class Tensor(autodiff.Tensor, metaclass=Kind):
    """`Tensor(2, 3)` is of this size, of zeros; `Tensor([2, 3])` holds these numbers, in the default dtype.

    A tensor, or a type of tensor, of another dtype gives that dtype. Raises TypeError for a single number
    that is no size, and for a tuple of integers, which may be meant as a size or as data.
    """

    __slots__ = ()
    of: DType | None = None

    def __init_subclass__(cls, of: DType | None = None) -> None:
        if of is None:
            raise located.TypeError(
                "subclasses of torch.Tensor are not in nn.compat: hold a tensor in an attribute"
            )
        cls.of = of

    def __new__(cls, *data: Any, device: Any = None) -> Any:
        if not data:
            return autodiff.zeros(0, dtype=cls.of, device=device)
        first = data[0]
        if len(data) == 1 and isinstance(first, autodiff.Tensor):
            return as_kind(cls.of, first)
        if len(data) > 1 or is_size(first):
            return autodiff.zeros([int(length) for length in data], dtype=cls.of, device=device)
        if isinstance(first, (bool, int, float, np.generic)):
            raise located.TypeError(
                f"new(): data must be a sequence (got {type(first).__name__}): write torch.tensor({first})"
            )
        if isinstance(first, tuple) and first and all(map(is_size, first)):
            raise located.TypeError(
                f"Tensor({first}) may mean a size or data: write torch.zeros({first}), or give a list as data"
            )
        return autodiff.tensor(first, dtype=cls.of or autodiff.get_default_dtype(), device=device)


def is_size(value: Any) -> bool:
    """Whether this is a length: an integer of Python's, NumPy's, or of ours without dimensions."""
    if isinstance(value, autodiff.Tensor):
        return value.ndim == 0 and value.dtype == int64
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def as_kind(dtype: DType | None, tensor: autodiff.Tensor) -> autodiff.Tensor:
    """The tensor under another type's name, as long as that has its dtype."""
    if dtype is not None and tensor.dtype != dtype:
        raise located.TypeError(f"expected {dtype} (got {tensor.dtype}): convert it with .to(torch.{dtype})")
    return tensor


class FloatTensor(Tensor, of=float32):
    """`Tensor` of float32."""


class DoubleTensor(Tensor, of=float64):
    """`Tensor` of float64."""


class LongTensor(Tensor, of=int64):
    """`Tensor` of int64."""


class BoolTensor(Tensor, of=bool_):
    """`Tensor` of bool."""


IntTensor = LongTensor  # the only integers here


def set_default_tensor_type(t: Any) -> None:
    """The older name of `set_default_dtype`: by a type of tensor, or its name "torch.DoubleTensor"."""
    kinds = {"torch.FloatTensor": FloatTensor, "torch.DoubleTensor": DoubleTensor}
    kind = kinds.get(t, t)
    if kind not in kinds.values():
        raise located.TypeError(
            f"invalid type object: {t} is neither torch.FloatTensor nor torch.DoubleTensor"
        )
    autodiff.set_default_dtype(kind.of)
