"""Apply a function, and keep the record.

A primitive is a NumPy function and one rule (vjp) per tensor argument. A rule is a NumPy expression of
(g, z, *args): given the cotangent g of the output z = forward(*args), it is the cotangent of that argument,
before broadcasting is undone (which the engine does, once). The same rule is read on arrays (the
backward pass), on Tensors (derivatives of any order), on Symbols (mathematics). tanh, for example:

    tanh = Unary("tanh", np.tanh, lambda g, z, x: g * (1 - z * z))
"""

from __future__ import annotations

import dis
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from . import memory
from .arrays import as_array
from .dtypes import Array, DType, get_default_dtype, result_dtype
from .errors import explain, located, no_tensor
from .record import Record, mode
from .tensor import Tensor, history

ndarray = np.ndarray
asarray = np.asarray

Rule = Callable[..., Any]

registry: dict[str, Primitive] = {}
"""Every primitive by name: the tests walk it, the pictures and explanations read it."""


class Primitive:
    """A NumPy function `forward` of `arity` tensors, then constants; and each tensor's rule, or None."""

    fits = False
    """Whether every rule gives a cotangent of its argument's own shape: then there is nothing to undo."""
    recorded: Primitive | None = None
    """The same with other rules, for gradients that are differentiated themselves, where they differ."""
    by_rows = True
    """Whether results are stored row by row, as most of PyTorch's are: `view` asks for it."""

    def __init__(self, name: str, forward: Callable[..., Any], *vjps: Rule | None, doc: str = "") -> None:
        self.name = name
        self.forward = forward
        self.vjps: Sequence[Rule | None] = vjps
        self.arity = len(vjps)
        self.into: Callable[..., bool] | None = (
            None  # adds the cotangent of a part where it lies: `getitem`'s
        )
        self.fits = type(self).fits  # its own attribute, which is found faster
        self.__name__ = name  # for help(), as the docstring
        self.__doc__ = f"{name}: {doc}." if doc else forward.__doc__
        registry[name] = self

    def __call__(self, *args: Any) -> Any:
        """Apply to tensors; on plain arrays compute plainly, on Symbols build the formula."""
        raw, inputs = list(args), []
        plain, recorded = True, False
        for i in range(self.arity or self.arity_of(args)):
            arg, record = args[i], None
            if isinstance(arg, Tensor):
                plain = False
                raw[i] = arg.array
                record = arg.record if arg._view is None else history(arg)
                if record is not None and self.vjps[i] is not None:
                    recorded = True
                else:
                    record = None
            inputs.append(record)
        if plain:
            return self.elsewhere(args)
        try:
            z = self.forward(*raw)
        except (ValueError, TypeError, IndexError) as error:
            raise explain(self, tuple(raw), error) from None
        if type(z) is not ndarray:
            z = asarray(z)
        if not z.flags.c_contiguous and self.by_rows:
            z = z.copy()
        if not recorded or not mode.enabled or z.dtype.kind != "f":
            return Tensor(z)
        return Tensor(z, Record(self, tuple(inputs), tuple(raw), z))

    def arity_of(self, args: tuple[Any, ...]) -> int:
        """How many of `args` are tensor arguments; constants follow them."""
        return self.arity

    def run(self, *raw: Any) -> Array:
        """`forward` on raw arguments, with NumPy's complaints put into words that help."""
        try:
            z = self.forward(*raw)
        except (ValueError, TypeError, IndexError) as error:
            raise explain(self, raw, error) from None
        return z if type(z) is ndarray else asarray(z)

    def elsewhere(self, args: tuple[Any, ...]) -> Any:
        """Apply to what is not a Tensor."""
        for arg in args:
            if hasattr(arg, "__autodiff_apply__"):
                return arg.__autodiff_apply__(self, args)
        if any(isinstance(arg, (ndarray, np.generic)) for arg in args):
            return self.forward(*args)
        raise located.TypeError(no_tensor(self.name, args[0] if args else None))

    @cached_property
    def reads(self) -> tuple[frozenset[int], ...]:
        """For each rule, the values it needs (shapes are none): -1 is z, 0 the first argument."""
        return tuple(values_read(rule) for rule in self.vjps)

    @cached_property
    def saves(self) -> bool:
        """Whether any rule needs a tensor's value: then a graph that was freed cannot be walked again."""
        return any(i < self.arity for read in self.reads for i in read)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def values_read(rule: Rule | None) -> frozenset[int]:
    """The arguments whose values, not only `.shape`, `.ndim`, `.dtype`, a rule uses: -1 is z, 0 the first."""
    if rule is None:
        return frozenset()
    code = rule.__code__
    if code.co_flags & 0x04 or code.co_cellvars:  # *args, or a nested function: assume all
        return frozenset(range(-1, 64))
    found: set[str] = set()
    instructions = list(dis.get_instructions(code))
    for this, following in zip(instructions, [*instructions[1:], None], strict=True):
        if "LOAD_FAST" in this.opname:  # LOAD_FAST_LOAD_FAST and STORE_FAST_LOAD_FAST, too
            names = this.argval if isinstance(this.argval, tuple) else (this.argval,)
            shape_only = (
                following is not None
                and following.opname == "LOAD_ATTR"
                and following.argval in ("shape", "ndim", "dtype")
            )
            found.update(names[:-1] if shape_only else names)
    parameters = code.co_varnames[: code.co_argcount]
    return frozenset(i - 2 for i, name in enumerate(parameters) if i > 0 and name in found)


class Entrywise(Primitive):
    """A primitive of each entry, whose result is stored in the order of its tensors, as in PyTorch."""

    by_rows = False


class Unary(Primitive):
    """A primitive of one tensor, elementwise, unrolled; integers become floats where it needs floats."""

    fits = True

    def __call__(self, input: Any) -> Any:
        if not isinstance(input, Tensor):
            return self.elsewhere((input,))
        a, forward = input.array, self.forward
        try:
            z = forward(a)
        except (ValueError, TypeError) as error:
            raise explain(self, (a,), error) from None
        if z.dtype is not a.dtype and z.dtype.kind == "f" and a.dtype.kind != "f":
            return self(cast(input, get_default_dtype()))
        if type(z) is not ndarray:
            z = asarray(z)
        record = input.record if input._view is None else history(input)
        if record is None or not mode.enabled:
            return Tensor(z)
        return Tensor(z, Record(self, (record,), (a,), z))


class Binary(Primitive):
    """A primitive of two operands, unrolled: broadcasting, type promotion, weak Python numbers."""

    def __call__(self, input: Any, other: Any) -> Any:
        x, y = input, other
        a: Any
        b: Any
        r = s = None
        if isinstance(x, Tensor):
            a = x.array
            dtype = a.dtype
            r = x.record if x._view is None else history(x)
            if isinstance(y, Tensor):
                b = y.array
                if b.dtype is not dtype:
                    return self.promoted(x, y)
                s = y.record if y._view is None else history(y)
            elif type(y) is float or type(y) is int:
                b = y
            else:
                return self.general(x, y)
        elif isinstance(y, Tensor) and (type(x) is float or type(x) is int):
            a, b = x, y.array
            dtype = b.dtype
            s = y.record if y._view is None else history(y)
        else:
            return self.general(x, y)
        forward = self.forward
        try:
            z = forward(a, b)
        except (ValueError, TypeError) as error:
            raise explain(self, (a, b), error) from None
        if z.dtype is not dtype:
            return self.promoted(x, y)
        if type(z) is not ndarray:
            z = asarray(z)
        if (r is None and s is None) or not mode.enabled:
            return Tensor(z)
        return Tensor(z, Record(self, (r, s), (a, b), z))

    def general(self, x: Any, y: Any) -> Any:
        """Operands of unusual kinds: arrays, NumPy scalars, bools, Symbols."""
        if not isinstance(x, Tensor) and not isinstance(y, Tensor):
            return self.elsewhere((x, y))
        for operand in (x, y):
            if hasattr(operand, "__autodiff_apply__"):
                return operand.__autodiff_apply__(self, (x, y))
        return self.promoted(self.operand(x), self.operand(y))

    def operand(self, x: Any) -> Any:
        """A Tensor or a Python number; NumPy scalars, and numbers of other classes, are as weak as these."""
        if isinstance(x, Tensor) or type(x) in (bool, int, float):
            return x
        if isinstance(x, np.generic):
            return x.item()
        if isinstance(x, (int, float)):
            return float(x) if isinstance(x, float) else int(x)
        if isinstance(x, ndarray):
            return Tensor(as_array(x, copy=True))  # the user may change theirs before backward
        raise located.TypeError(
            f"unsupported operand type for {self.name}: {type(x).__name__!r}; operands are Tensors, "
            "numbers or NumPy arrays"
        )

    def promoted(self, x: Any, y: Any) -> Tensor:
        """Bring both operands to the dtype that PyTorch computes in, then apply."""
        dtype = result_dtype(*(o.array if isinstance(o, Tensor) else o for o in (x, y)))
        x, y = self.in_dtype(x, dtype), self.in_dtype(y, dtype)
        a, b = (o.array if isinstance(o, Tensor) else o for o in (x, y))
        z = self.run(a, b)
        if z.dtype.kind == "f" and dtype.kind != "f":  # a division of integers
            return self.promoted(self.in_dtype(x, get_default_dtype()), self.in_dtype(y, get_default_dtype()))
        r, s = (history(o) if isinstance(o, Tensor) else None for o in (x, y))
        if (r is None and s is None) or not mode.enabled or z.dtype.kind != "f":
            return Tensor(z)
        return Tensor(z, Record(self, (r, s), (a, b), z))

    def in_dtype(self, x: Any, dtype: DType) -> Any:
        """`x` in `dtype`; a Python number is left weak."""
        return cast(x, dtype) if isinstance(x, Tensor) and x.array.dtype != dtype else x


class Predicate(Binary):
    """A comparison or a logical function: no gradient, yet a primitive: masks are part of a program."""

    def __init__(self, name: str, forward: Callable[..., Any], doc: str = "") -> None:
        super().__init__(name, forward, None, None, doc=doc)

    def __call__(self, input: Any, other: Any) -> Any:
        if isinstance(input, Tensor):  # the common cases, which need no promotion
            a = input.array
            if isinstance(other, Tensor) and other.array.dtype is a.dtype:
                return Tensor(self.run(a, other.array))
            if (type(other) is float or type(other) is int) and a.dtype.kind == "f":
                return Tensor(self.run(a, other))
        return super().__call__(input, other)


class UnaryPredicate(Primitive):
    """A question about each entry of one tensor."""

    def __init__(self, name: str, forward: Callable[..., Any], doc: str = "") -> None:
        super().__init__(name, forward, None, doc=doc)

    def __call__(self, input: Any) -> Any:
        return super().__call__(input)


class View(Primitive):
    """A primitive of one tensor that looks at the same memory in another way, or copies where NumPy must."""

    def __call__(self, input: Any, *constants: Any) -> Any:
        x = input
        if not isinstance(x, Tensor):
            return self.elsewhere((x, *constants))
        a = x.array
        z = self.run(a, *constants)
        shares = z.base is not None and memory.owner(z) is memory.owner(a)
        if not shares and not z.flags.c_contiguous:
            z = z.copy()
        record = x.record if x._view is None else history(x)
        recorded = record is not None and mode.enabled
        out = Tensor(z, Record(self, (record,), (a, *constants), z) if recorded else None)
        if shares:
            base, tracked = (x, True) if x._view is None else (x._view[0], x._view[2])
            seen = base.record if recorded else None  # a base that has another is looked at when asked
            out._view = (base, seen, tracked and mode.enabled, memory.latest)
        return out


class Variadic(Primitive):
    """A primitive of any number of tensors, then `constants` constants.

    `rule(i)` makes the rule of the i-th, which may read the constants but no values.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rule: Callable[[int], Rule],
        constants: int,
        doc: str = "",
    ) -> None:
        super().__init__(name, forward, doc=doc)
        self.constants = constants
        self.vjps = RuleFamily(rule)

    def arity_of(self, args: tuple[Any, ...]) -> int:
        return len(args) - self.constants

    @cached_property
    def reads(self) -> tuple[frozenset[int], ...]:
        return (frozenset(),)


class RuleFamily(Sequence[Rule | None]):
    """The rules of a variadic primitive, made when asked for: as many as the tensors they are zipped with."""

    def __init__(self, make: Callable[[int], Rule]) -> None:
        self.make = make
        self.made: list[Rule] = []

    def __getitem__(self, i: Any) -> Any:
        while len(self.made) <= i:  # those before it too: they are walked in order
            self.made.append(self.make(len(self.made)))
        return self.made[i]

    def __iter__(self) -> Iterator[Rule | None]:
        return map(self.__getitem__, itertools.count())  # without an end

    def __len__(self) -> int:
        return len(self.made)


cast: Primitive = Entrywise(
    "to",
    lambda x, dtype: x.astype(dtype),
    lambda g, z, x, dtype: cast(g, x.dtype),
    doc="The values in another dtype; the gradient comes back in the old one.",
)
