"""An array that writes down what NumPy does with it.

A Lifted has the values of an array and the name that they have in the program being traced. NumPy's
functions find it by their protocols; they compute, and the writer notes the instruction. What cannot be
noted never goes unseen: a Lifted is no ndarray, so NumPy's C code must ask it for its values (`__array__`),
as Python must to branch (`__bool__`), and then the writer is told.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fast_arithmetic import column_sums, ones, product

if TYPE_CHECKING:
    from .program import Value
    from .writer import Writer


class Unliftable(Exception):
    """Something that a Lifted cannot write down."""


METHODS = frozenset(
    """all any argmax argmin argsort astype clip copy cumprod cumsum diagonal dot flatten max mean min nonzero
    prod ravel repeat reshape round searchsorted squeeze std sum swapaxes take trace transpose var view
    choose compress conj conjugate argpartition""".split()
)
"""The methods of arrays whose only effect is their result."""


class Lifted(np.lib.mixins.NDArrayOperatorsMixin):
    """An array with a name in the program."""

    __slots__ = ("__weakref__", "named", "value", "writer")
    __array_priority__ = 1000

    def __init__(self, value: Any, named: Value, writer: Writer) -> None:
        self.value, self.named, self.writer = value, named, writer

    # what it is, which is the same at each replay

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    strides = property(lambda self: self.value.strides)
    flags = property(lambda self: self.value.flags)
    itemsize = property(lambda self: self.value.itemsize)
    nbytes = property(lambda self: self.value.nbytes)
    base = property(lambda self: self.value if self.value.base is None else self.value.base)  # its memory

    @property
    def __class__(self) -> Any:  # what asks whether this is an array shall be told that it is
        return np.ndarray

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        raise TypeError("a Lifted stays one")

    def __len__(self) -> int:
        return len(self.value)

    # what NumPy does with it

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if method == "at":
            return self.writer.escape(function, inputs, options)
        if out is None:
            return self.writer.emit(function, inputs, options)
        return self.writer.emit_into(out[0] if len(out) == 1 else out, function, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in ABOUT:
            return function(*unlifted(args), **unlifted(options))
        if options.get("out") is not None:
            raise Unliftable(function.__name__)
        return self.writer.emit(function, args, options)

    def __autodiff_apply__(self, primitive: Any, args: tuple[Any, ...]) -> Any:
        return self.writer.applied(primitive, args)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            method = getattr(np.ndarray, name)
            return lambda *args, **options: self.writer.emit(method, (self, *args), options)
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"an array has no {name!r}")
        return self.writer.escape(getattr, (self, name), {})

    T = property(lambda self: self.writer.emit(np.ndarray.transpose, (self,), {}))
    mT = property(lambda self: self.writer.emit(np.ndarray.swapaxes, (self, -1, -2), {}))

    def sum(self, *args: Any, **options: Any) -> Any:
        """The sum; of columns, where the engine asks for these, as it computes them."""
        if sys._getframe(1).f_code is column_sums.__code__:
            return self.writer.emit(np.ndarray.dot, (ones(len(self), self.dtype), self), {})
        return self.writer.emit(np.ndarray.sum, (self, *args), options)

    def __matmul__(self, other: Any) -> Any:
        asked = sys._getframe(1).f_code is product.__code__
        return self.writer.emit(np.ndarray.dot if asked else np.matmul, (self, other), {})

    def __pow__(self, exponent: Any) -> Any:
        shortcut = POWERS.get(exponent) if type(exponent) in (int, float) else None
        if shortcut is not None and self.dtype.kind == "f":
            return self.writer.emit(shortcut, (self,), {})
        return self.writer.emit(np.power, (self, exponent), {})

    def __getitem__(self, index: Any) -> Any:
        return self.writer.emit(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        """Change entries, which is part of the program."""
        self.writer.change(operator.setitem, self, (index, value))

    def fill(self, value: Any) -> None:
        """Change all entries, which is part of the program."""
        self.writer.change(np.ndarray.fill, self, (value,))

    # what leaves the program

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.writer.escape(np.asarray, (self,), {})
        return array if dtype is None else array.astype(dtype)

    def __bool__(self) -> bool:
        return self.writer.branch(self)

    def __float__(self) -> float:
        return float(self.writer.escape(float, (self,), {}))

    def __int__(self) -> int:
        return int(self.writer.escape(int, (self,), {}))

    def __index__(self) -> int:
        return int(self.writer.escape(operator.index, (self,), {}))

    def item(self, *args: Any) -> Any:
        return self.writer.escape(np.ndarray.item, (self, *args), {})

    def tolist(self) -> Any:
        return self.writer.escape(np.ndarray.tolist, (self,), {})

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __contains__(self, x: Any) -> bool:
        return bool(self.writer.escape(operator.contains, (self, x), {}))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Lifted {self.named} {self.value.shape}>"


ABOUT = frozenset((
    np.size, np.shape, np.ndim, np.result_type, np.can_cast, np.iscomplexobj, np.einsum_path
))  # fmt: skip
"""Questions about arrays whose answers are the same at each replay."""

POWERS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
"""What `**` of an array does for these numbers."""


def unlifted(tree: Any) -> Any:
    """The same arguments with plain arrays."""
    if type(tree) is Lifted:
        return tree.value
    if type(tree) in (tuple, list):
        return type(tree)(map(unlifted, tree))
    if type(tree) is dict:
        return {name: unlifted(part) for name, part in tree.items()}
    if type(tree) is slice:
        return slice(unlifted(tree.start), unlifted(tree.stop), unlifted(tree.step))
    return tree


def lifted_in(tree: Any) -> bool:
    """Whether a Lifted is among these arguments."""
    if type(tree) is Lifted:
        return True
    if type(tree) in (tuple, list):
        return any(map(lifted_in, tree))
    return type(tree) is dict and any(map(lifted_in, tree.values()))


def by(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """A call that is written as one, of a function that is not read on Lifteds."""
    (first, *_) = (x for x in (*args, *options.values()) if lifted_in(x))
    while type(first) is not Lifted:
        first = next(x for x in first if lifted_in(x))
    return first.writer.emit(function, args, options)
