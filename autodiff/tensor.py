"""The array that remembers: a Tensor holds its values, and the record of how they came to be.

What a Tensor can do (operators, methods) is in `methods`; what is here is what it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import memory, printing
from .arrays import as_array
from .device import device
from .dtypes import Array, DType, float32
from .errors import located
from .protocols import Protocols
from .record import Record, mode

if TYPE_CHECKING:
    from .methods import Methods
else:
    Methods = object  # autodiff/__init__.py hands the methods over once the operations exist

__all__ = ["Tensor", "is_tensor"]

CPU = device("cpu")

ndarray = np.ndarray

ONLY_FLOATS = (
    "Only Tensors of floating point and complex dtype can require gradients; this one is {dtype}. "
    "A gradient says how much to move a value by, and {dtype} values cannot move by a little: "
    "convert first, x.float().requires_grad_()"
)


def _values(data: Any, record: Any) -> Array:
    """The array of `Tensor(data)` for anything but an array: float32 values of a sequence or tensor."""
    if isinstance(data, np.generic):
        return np.asarray(data)
    if isinstance(data, (int, float)) or not (record is None or isinstance(record, Record)):
        raise located.TypeError(
            "Tensor(): data must be a sequence. Write tensor(2.0) for a number, zeros(2, 3) for a size"
        )
    return as_array(data, None if isinstance(data, Tensor) else float32)


class Tensor(Protocols, Methods):
    """An n-dimensional array that can remember how it was computed.

    `Tensor(data)` makes float32 values from numbers or lists, as `torch.Tensor` does, and shares a NumPy
    array's memory; prefer `autodiff.tensor(data)`, which copies and infers the dtype. dtypes: float32,
    float64, int64, bool.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "_grad", "_view", "array", "record")

    array: Array  # the raw values
    record: Record | None  # how they came to be; None when no gradient flows here
    _grad: Tensor | Array | None  # an array until somebody looks at it
    _view: tuple[Tensor, Record | None, bool, int] | None
    """Of a view: its base, the record that the base had when last looked at, whether it was made while
    recording, and the time until which its own record holds, unless its memory was changed since."""

    def __init__(self, data: Any = (), record: Record | None = None) -> None:
        self.array = data if type(data) is ndarray else _values(data, record)
        self.record = record
        self._grad = self._view = None

    # What it is ---------------------------------------------------------------------------------------------

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
    def device(self) -> device:
        """Where the values are: always `device("cpu")`, a string."""
        return CPU

    @property
    def data(self) -> Tensor:
        """The same values without history: shares memory, records nothing."""
        return Tensor(self.array)

    @data.setter
    def data(self, values: Tensor) -> None:
        if not isinstance(values, Tensor):
            raise located.TypeError(f"x.data must be set to a Tensor, not {type(values).__name__}")
        if isinstance(self._grad, ndarray):  # which only one of the values that are there may be
            self._grad = Tensor(self._grad)
        if self.record is not None:
            memory.touch(self.array)  # what was computed of the old values does not fit the new ones
            if self.record.op is None:
                self.record.value = values.array
        self.array = values.array

    def numpy(self, *, force: bool = False) -> Array:
        """The values as a NumPy array that shares memory.

        Raises RuntimeError if the tensor requires grad, except under `no_grad`: what NumPy computes has no
        gradient; detach first, which `force` does.
        """
        if not force and mode.enabled and self.requires_grad:
            raise located.RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead: "
                "what NumPy does to the array would be missing from the gradient"
            )
        return self.array

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number.

        Raises RuntimeError for more or no elements.
        """
        if self.array.size != 1:
            raise located.RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar: "
                f"item() needs one element and the shape is {self.shape}; use .tolist(), or reduce "
                "first with .mean() or .sum()"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists (a number if 0-dim)."""
        return self.array.tolist()

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        record = history(self)
        leaf = record is None or record.op is None
        return printing.tensor_repr(
            self.array,
            requires_grad=record is not None and leaf,
            grad_fn=None if leaf or record is None else record.name(),
        )

    # How it came to be --------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """True if operations on this tensor are recorded. Set it on leaves only.

        A view requires grad if its base does, as in PyTorch, even one that was made under `no_grad`; through
        that one, no gradient flows.
        """
        record, view = self.record, self._view
        if view is None:
            return record is not None
        return view[0].record is not None or (record is not None and record.tensor is not nobody)

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
                raise located.RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a "
                    "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            if record is not None and record.tensor is not nobody:
                self._freeze(record)
        elif record is None or record.tensor is nobody:
            if self.array.dtype.kind != "f":
                raise located.RuntimeError(ONLY_FLOATS.format(dtype=self.array.dtype))
            _, known = frozen.pop(id(self), (None, None))
            self.record = known or Record(None, (), (), self.array)
            self.record.value, self.record.tensor = self.array, weakref.ref(self)
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
        """Forget the history of this very tensor.

        Raises RuntimeError for a view, and for a result that has hooks or retains its grad: they are its
        history's.
        """
        if self._view is not None:
            raise located.RuntimeError("Can't detach views in-place. Use detach() instead")
        if self.record is not None and self.record.op is None:
            self._freeze(self.record)
        elif self.record is not None and (self.record.hooks or self.record.tensor is not None):
            raise located.RuntimeError(
                "detach_() of a result that has hooks or retains its grad: they belong to the history that "
                "it would lose. Use detach() instead"
            )
        self.record = None
        return self

    def _freeze(self, record: Record) -> None:
        """Ask for no gradients any more; graphs and hooks that know this leaf will know it again."""
        key = id(self)
        frozen[key] = weakref.ref(self, lambda _: frozen.pop(key, None)), record
        self.record, record.tensor = None, nobody
        if self._view is not None:  # whether its base still asks for gradients is to be seen
            self._view = (self._view[0], None, *self._view[2:])

    # Its gradient -------------------------------------------------------------------------------------------

    @property
    def grad(self) -> Tensor | None:
        """dL/dx, added up over the `backward` calls since it was last cleared; None before the first."""
        grad = self._grad
        if isinstance(grad, ndarray):
            grad = self._grad = Tensor(grad)
        elif grad is None and self.record is not None and self.record.op and self.record.tensor is None:
            from .suspicions import doubt_grad_of_result

            doubt_grad_of_result()
        return grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            if not isinstance(gradient, Tensor):
                raise located.TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(gradient).__name__}"
                )
            if gradient.shape != self.shape:
                raise located.RuntimeError(
                    f"attempting to assign a gradient of size '{list(gradient.shape)}' to a tensor of size "
                    f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
                )
            if gradient.dtype != self.dtype:
                raise located.RuntimeError(
                    f"attempting to assign a gradient with dtype '{gradient.dtype}' to a tensor with dtype "
                    f"'{self.dtype}'. Please ensure that the gradient and the tensor have the same dtype"
                )
        self._grad = gradient

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def retain_grad(self) -> None:
        """Keep `.grad` of this intermediate tensor too, at the next `backward`."""
        record = self._history_or_refuse("can't retain_grad on Tensor that has requires_grad=False")
        if record.op is not None:
            record.tensor, record.hooks = weakref.ref(self), record.hooks or {}

    @property
    def retains_grad(self) -> bool:
        """True if this is an intermediate tensor whose `.grad` is kept."""
        return not self.is_leaf and self.record is not None and self.record.tensor is not None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` once the gradient of this tensor is complete.

        What it returns (unless None) replaces it.
        """
        record = self._history_or_refuse("cannot register a hook on a tensor that doesn't require gradient")
        if record.tensor is nobody:  # no gradient comes here
            return RemovableHandle({}, hook)
        if record.hooks is None:
            record.hooks = {}
        return RemovableHandle(record.hooks, hook)

    def _history_or_refuse(self, message: str) -> Record:
        record = history(self)
        if record is None:
            raise located.RuntimeError(f"{message}: call x.requires_grad_() before computing with it")
        return record


frozen: dict[int, tuple[weakref.ref[Tensor], Record]] = {}
"""By the id of a leaf that does not ask for gradients at the moment, the record that it had."""


def nobody() -> None:
    """The tensor of a leaf that asks for no gradients, or not any more: what flows there is let go of."""


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
    """The record of `x`, brought up to date if `x` is a view of memory that was changed in place since."""
    view = x._view
    if view is not None and (view[0].record is not view[1] or memory.latest > view[3]):
        from .inplace import follow_base

        follow_base(x)
    return x.record


def is_tensor(obj: Any) -> bool:
    """True if `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def refuse_device(device: Any) -> None:
    """Accept None, "cpu" and "cpu:0"; raise RuntimeError for every other device."""
    if device is not None and str(device) not in ("cpu", "cpu:0"):
        raise located.RuntimeError(
            f"device {device!r} is not available: this engine computes on the CPU only, with NumPy"
        )
