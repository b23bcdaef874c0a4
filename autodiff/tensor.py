"""The array that remembers: a Tensor holds its values and, if gradients flow to it, the record of how they came to be.

What a Tensor can do (operators, methods) is in `methods`; what is here is what it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import printing
from .dtypes import CATEGORY, Array, DType, as_dtype, float32, get_default_dtype, int64
from .record import Record

if TYPE_CHECKING:
    from .methods import Methods
else:
    Methods = object  # autodiff/__init__.py hands the methods over once the operations exist

__all__ = ["Tensor", "is_tensor"]

ndarray = np.ndarray

ONLY_FLOATS = (
    "Only Tensors of floating point and complex dtype can require gradients; this one is {dtype}. "
    "A gradient says how much to move a value by, and {dtype} values cannot move by a little: "
    "convert first, x.float().requires_grad_()"
)

BEYOND_INT64 = "Overflow when unpacking long long: an integer is beyond int64; write it as a float, 1e20"


def as_array(data: Any, dtype: Any = None, copy: bool = False) -> Array:
    """`data` (numbers, nested sequences, arrays, tensors) as an array of one of the four dtypes.

    Python floats become the default dtype, ints int64, bools bool; NumPy's numbers, arrays and tensors keep
    theirs; of several the strongest holds. Raises ValueError for ragged sequences and integers beyond int64,
    TypeError for strings and for dtypes that the engine lacks, RuntimeError for what holds no numbers.
    """
    if isinstance(data, Tensor):
        data = data.array
    elif isinstance(data, (list, tuple, range)):
        return _stacked(data, dtype)
    array = np.asarray(data)
    if type(data) is int and array.dtype != int64:
        raise ValueError(BEYOND_INT64)
    if array.dtype == object:
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}: a tensor holds numbers")
    if dtype is None:
        dtype = get_default_dtype() if type(data) is float else array.dtype
    return _converted(array, dtype, copy)


def _stacked(data: Any, dtype: Any) -> Array:
    """A sequence of numbers, arrays or sequences as an array of `dtype`, or of the strongest among theirs."""
    kinds = set(map(type, data))
    if kinds <= {bool, int, float}:  # all at once; and nothing at all is float
        array = np.array(data)
        if int in kinds and float not in kinds and array.dtype != int64:
            raise ValueError(BEYOND_INT64)
        found = get_default_dtype() if array.dtype.kind == "f" else array.dtype
    else:
        parts = [as_array(part, dtype) for part in data]
        for part in parts:
            if part.shape != parts[0].shape:
                raise ValueError(
                    f"expected sequences of one shape, but {part.shape} stands beside {parts[0].shape}"
                )
        array = np.stack(parts)
        found = max((part.dtype for part in parts), key=lambda kind: (CATEGORY[kind], kind.itemsize))
    return _converted(array, found if dtype is None else dtype, copy=False)


def _converted(array: Array, dtype: Any, copy: bool) -> Array:
    """An array of another dtype; RuntimeError for nan or infinity as an integer."""
    wanted = as_dtype(dtype)
    if wanted == int64 and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RuntimeError("value cannot be converted to type int64 without overflow: it is nan or infinite")
    return array.astype(wanted, copy=copy)


def _values(data: Any, record: Any) -> Array:
    """The array of `Tensor(data)` for anything but an array: float32 values of a sequence or tensor."""
    if isinstance(data, np.generic):
        return np.asarray(data)
    if isinstance(data, (int, float)) or not (record is None or isinstance(record, Record)):
        raise TypeError(
            "Tensor(): data must be a sequence. Write tensor(2.0) for a number, zeros(2, 3) for a size"
        )
    return as_array(data, None if isinstance(data, Tensor) else float32)


class Tensor(Methods):
    """An n-dimensional array that can remember how it was computed.

    `Tensor(data)` makes float32 values from numbers or lists, as `torch.Tensor` does, and shares a NumPy array's memory;
    prefer `autodiff.tensor(data)`, which copies and infers the dtype. dtypes: float32, float64, int64, bool.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "_grad", "_view", "array", "record")

    array: Array  # the raw values
    record: Record | None  # how they came to be; None when no gradient flows here
    _grad: Tensor | None
    _view: tuple[Tensor, Record | None, bool] | None  # base, the base's record seen, made while recording

    def __init__(self, data: Any = (), record: Record | None = None) -> None:
        self.array = data if type(data) is ndarray else _values(data, record)
        self.record = record
        self._grad = None
        self._view = None

    # What it is -------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return self.array.shape

    @property
    def dtype(self) -> DType:
        """The NumPy dtype of the values: float32, float64, int64 or bool."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def device(self) -> str:
        """Where the values are: always "cpu"."""
        return "cpu"

    @property
    def data(self) -> Tensor:
        """The same values without history: shares memory, records nothing."""
        return Tensor(self.array)

    @data.setter
    def data(self, values: Tensor) -> None:
        if not isinstance(values, Tensor):
            raise TypeError(f"x.data must be set to a Tensor, not {type(values).__name__}")
        self.array = values.array
        if self.record is not None and self.record.op is None:
            self.record.value = values.array

    def numpy(self) -> Array:
        """The values as a NumPy array that shares memory.

        Raises RuntimeError if the tensor requires grad: NumPy would not see the gradient; detach first.
        """
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead: "
                "what NumPy does to the array would be missing from the gradient"
            )
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number. Raises RuntimeError for more or no elements."""
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar: "
                f"item() needs one element and the shape is {self.shape}; use .tolist(), or reduce first with .mean() or .sum()"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists (a number if 0-dim)."""
        return self.array.tolist()

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.array.shape[0]))

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'more than one' if self.array.size else 'no'} value is ambiguous: "
                f"the shape is {self.shape}; use .all() or .any()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self._one_number())

    def __int__(self) -> int:
        return int(self._one_number())

    def _one_number(self) -> Any:
        if self.array.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars, "
                f"and this one has shape {self.shape}: use .tolist(), or reduce first with .mean() or .sum()"
            )
        return self.array.item()

    def __index__(self) -> int:
        if self.array.dtype.kind == "f" or self.array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __contains__(self, element: Any) -> bool:
        return bool((self.array == as_array(element)).any())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        record = history(self)
        leaf = record is None or record.op is None
        return printing.tensor_repr(
            self.array,
            requires_grad=record is not None and leaf,
            grad_fn=None if leaf or record is None else record.name(),
        )

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol: "
                "copy x.detach() instead"
            )
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__(
            (self.array.copy(), self.requires_grad, vars(self) if hasattr(self, "__dict__") else {})
        )
        if self._grad is not None:
            twin._grad = self._grad.detach().clone()
        return twin

    def __reduce__(self) -> Any:
        return _blank, (type(self),), (self.array, self.requires_grad, getattr(self, "__dict__", {}))

    def __setstate__(self, state: tuple[Array, bool, dict[str, Any]]) -> None:
        Tensor.__init__(self, state[0])
        if state[2]:
            self.__dict__.update(state[2])
        self.requires_grad_(state[1])

    # How it came to be ------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """True if operations on this tensor are recorded. Set it on leaves only."""
        return history(self) is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for gradients of this leaf (or stop asking); returns the tensor itself.

        Raises RuntimeError for integers and bools, and when switched off on the result of an operation.
        """
        record = history(self)
        if not requires_grad:
            if record is not None and record.op is not None:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                    "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            self.record = None
        elif record is None:
            if self.array.dtype.kind != "f":
                raise RuntimeError(ONLY_FLOATS.format(dtype=self.array.dtype))
            self.record = Record(None, (), (), self.array)
            self.record.tensor = weakref.ref(self)
        return self

    @property
    def is_leaf(self) -> bool:
        """True for data and parameters, False for the result of a recorded operation."""
        record = history(self)
        return record is None or record.op is None

    @property
    def grad_fn(self) -> Record | None:
        """The record of the operation that made this tensor; None for leaves."""
        return None if self.is_leaf else self.record

    def detach(self) -> Tensor:
        """The same values without history; shares memory."""
        return Tensor(self.array)

    def detach_(self) -> Tensor:
        """Forget the history of this very tensor."""
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead")
        self.record = None
        return self

    # Its gradient -----------------------------------------------------------------------------------------------

    @property
    def grad(self) -> Tensor | None:
        """dL/dx, added up over the `backward` calls since it was last cleared; None before the first."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            if not isinstance(gradient, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(gradient).__name__}"
                )
            if gradient.shape != self.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(gradient.shape)}' to a tensor of size "
                    f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
                )
            if gradient.dtype != self.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{gradient.dtype}' to a tensor with dtype "
                    f"'{self.dtype}'. Please ensure that the gradient and the tensor have the same dtype"
                )
        self._grad = gradient

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def retain_grad(self) -> None:
        """Keep `.grad` of this intermediate tensor too, at the next `backward`."""
        self._history_or_refuse(
            "can't retain_grad on Tensor that has requires_grad=False"
        ).tensor = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """True if this is an intermediate tensor whose `.grad` is kept."""
        return not self.is_leaf and self.record is not None and self.record.tensor is not None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` once the gradient of this tensor is complete; what it returns (unless None) replaces it."""
        record = self._history_or_refuse("cannot register a hook on a tensor that doesn't require gradient")
        if record.hooks is None:
            record.hooks = {}
        return RemovableHandle(record.hooks, hook)

    def _history_or_refuse(self, message: str) -> Record:
        record = history(self)
        if record is None:
            raise RuntimeError(f"{message}: call x.requires_grad_() before computing with it")
        return record


def _blank(kind: type[Tensor]) -> Tensor:
    return object.__new__(kind)


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook out again."""

    count = 0

    def __init__(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        RemovableHandle.count += 1
        self.key, self.hooks = RemovableHandle.count, hooks
        hooks[self.key] = hook

    def remove(self) -> None:
        """Take the hook out; harmless if it is out already."""
        self.hooks.pop(self.key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def history(x: Tensor) -> Record | None:
    """The record of `x`, brought up to date if `x` is a view whose base was changed in place since."""
    view = x._view
    if view is not None and view[0].record is not view[1]:
        from .inplace import follow_base

        follow_base(x)
    return x.record


def is_tensor(obj: Any) -> bool:
    """True if `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def refuse_device(device: Any) -> None | NoReturn:
    """Accept None and "cpu"; raise RuntimeError for every other device."""
    if device is None or str(device) == "cpu":
        return None
    raise RuntimeError(
        f"device {device!r} is not available: this engine computes on the CPU only, with NumPy"
    )
