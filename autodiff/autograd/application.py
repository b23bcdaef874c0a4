"""One application of a `Function`: a record, as of any primitive, whose rules are the user's `backward`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from ..dtypes import Array
from ..errors import describe, located
from ..memory import changed_since, owner
from ..primitive import Primitive
from ..primitive import cast as to_dtype
from ..record import Record, mode, set_grad_enabled
from ..tensor import Tensor, history
from .opaque import Opaque
from .pack import Pack


def finished(function: Any, ctx: Any, args: tuple[Any, ...], records: tuple[Any, ...], output: Any) -> Any:
    """The output of `forward`; where gradients are asked for, as the result of one record."""
    given = output if isinstance(output, tuple) else (output,)
    for z in given:
        if isinstance(z, list) and any(isinstance(item, Tensor) for item in z):
            raise located.TypeError(
                f"{function.__name__}.forward returned a list of Tensors: return a tuple of them"
            )
    outputs = own_memory(given, [x.array for x in args if isinstance(x, Tensor)])
    moving = [
        j
        for j, z in enumerate(outputs)
        if isinstance(z, Tensor)
        and z.array.dtype.kind == "f"
        and not any(given[j] is constant for constant in ctx._constant)
    ]
    if moving and mode.enabled and any(ctx.needs_input_grad):
        pack = Pack([outputs[j].array for j in moving])
        value = pack.pack([outputs[j].array for j in moving])
        application = Application(function, ctx, args, records, given, outputs, moving, pack)
        raw = tuple(x.array if isinstance(x, Tensor) else x for x in args)
        record = ApplicationRecord(cast(Primitive, application), records, raw, value)
        application.birth = record.birth
        if pack.alone:
            outputs[moving[0]].record = record
        else:
            for j, part in zip(moving, pack.parts(Tensor(value, record)), strict=True):
                outputs[j] = part
    ctx._saving = ctx._constant = ()  # an output among them would keep itself in memory
    return tuple(outputs) if isinstance(output, tuple) else outputs[0]


def own_memory(given: Sequence[Any], inputs: Sequence[Array]) -> list[Any]:
    """The outputs as Tensors without history, none of which shares memory with an input or another."""
    taken = {id(owner(array)) for array in inputs}
    outputs: list[Any] = []
    for z in given:
        if isinstance(z, Tensor):
            if id(owner(z.array)) in taken:
                z = Tensor(z.array.copy())
            elif z.record is not None or z._view is not None:
                z = Tensor(z.array)
            taken.add(id(owner(z.array)))
        outputs.append(z)
    return outputs


class ApplicationRecord(Record):
    """The record of an application of a Function, which bears its name."""

    __slots__ = ()

    def name(self) -> str:
        """The name that `grad_fn` shows: `CubeBackward`."""
        assert self.op is not None
        return f"{self.op.name}Backward"


class Place(NamedTuple):
    """Where a saved tensor is found again: argument or output number `i`; or here, with its history."""

    kind: str
    i: int = 0
    array: Array | None = None
    record: Record | None = None


class Application(Opaque):
    """One application of a Function.

    It holds no Tensor that holds it: arguments and outputs that were saved are found in the record.
    """

    birth = 0

    def __init__(
        self,
        function: Any,
        ctx: Any,
        args: tuple[Any, ...],
        records: tuple[Record | None, ...],
        given: tuple[Any, ...],
        outputs: list[Any],
        moving: list[int],
        pack: Pack,
    ) -> None:
        self.name = function.__name__
        self.function, self.ctx, self.records, self.moving, self.pack = function, ctx, records, moving, pack
        self.arity = len(args)
        self.is_tensor = [isinstance(x, Tensor) for x in args]
        self.outputs = [z.array if isinstance(z, Tensor) else None for z in outputs]
        for j in moving:
            self.outputs[j] = None  # the record has it
        self.shapes = [(z.shape, z.dtype) if isinstance(z, Tensor) else None for z in outputs]
        self.saved = [self.place(x, args, given, outputs) for x in ctx._saving]
        self.saves = any(place is not None for place in self.saved)
        read = frozenset(
            place.i if place.kind == "argument" else -1
            for place in self.saved
            if place is not None and place.kind != "here"
        )
        self.reads = (read,) * self.arity

    def place(
        self, x: Tensor | None, args: tuple[Any, ...], given: tuple[Any, ...], outputs: list[Any]
    ) -> Place | None:
        """Where a tensor that was saved is found again."""
        if x is None:
            return None
        for i, arg in enumerate(args):
            if x is arg:
                return Place("argument", i)
        for j, z in enumerate(given):
            if x is z:
                return Place("output", j) if j in self.moving else Place("here", 0, outputs[j].array)
        return Place("here", 0, x.array, history(x))

    # What the engine asks ----------------------------------------------------------------------

    def gradients(self, g: Any, z: Any, args: tuple[Any, ...]) -> list[Any]:
        """What the user's `backward` returns for the cotangent g: one gradient for each argument.

        In a walk on Tensors it is recorded; in one on arrays it is not, and the gradients are arrays.
        """
        on_tensors = isinstance(g, Tensor)
        if not on_tensors and not isinstance(g, (np.ndarray, np.generic)):
            raise located.TypeError(f"{self.name} has no formula: its backward is a program")
        once = getattr(self.function.backward, "once_differentiable", False)
        self.ctx._read = lambda: self.saved_tensors(z, args)
        try:
            with set_grad_enabled(on_tensors):
                found = self.function.backward(self.ctx, *self.grad_outputs(g, on_tensors))
                gradients = self.checked(found if isinstance(found, tuple) else (found,), args)
        finally:
            self.ctx._read = None
        if on_tensors:
            return [self.refusing(d) if once and d is not None else d for d in gradients]
        return [None if d is None else d.array.copy() for d in gradients]  # nobody else holds them

    def grad_outputs(self, g: Any, on_tensors: bool) -> list[Tensor | None]:
        """The gradient of each output, as the user's `backward` takes them."""
        if not on_tensors:
            g = np.asarray(g).view()
            g.flags.writeable = False  # other rules may be handed the same
        gradients: list[Tensor | None] = []
        for j, form in enumerate(self.shapes):
            if form is None:
                gradients.append(None)
            elif j in self.moving:
                d = self.pack.part(g, self.moving.index(j))
                d = d if on_tensors else Tensor(d)
                nothing = not (self.ctx._materialize or self.pack.alone or on_tensors or d.array.any())
                gradients.append(None if nothing else d)
            else:
                gradients.append(Tensor(np.zeros(*form)) if self.ctx._materialize else None)
        return gradients

    def checked(self, gradients: tuple[Any, ...], args: tuple[Any, ...]) -> list[Any]:
        """One gradient for each argument to which one flows, in its shape and dtype; else RuntimeError."""
        n, who = self.arity, f"{self.name}Backward"
        if len(gradients) < n or any(d is not None for d in gradients[n:]):
            raise located.RuntimeError(
                f"function {who} returned an incorrect number of gradients (expected {n}, got "
                f"{len(gradients)}): one for each argument of apply, None for what is no Tensor"
            )
        result: list[Any] = []
        for i, d in enumerate(gradients[:n]):
            if d is not None and not self.is_tensor[i]:
                raise located.RuntimeError(
                    f"function {who} returned a gradient different than None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if d is not None and not isinstance(d, Tensor):
                raise located.TypeError(
                    f"function {who}: expected Variable or None (got {type(d).__name__}) at position {i + 1}"
                )
            result.append(self.fitting(d, args[i], i) if self.records[i] is not None else None)
        return result

    def fitting(self, d: Tensor | None, x: Any, i: int) -> Tensor | None:
        """A gradient in the shape and dtype of its argument, or None."""
        if d is None:
            return None
        try:
            fits = np.broadcast_shapes(d.shape, x.shape) == d.shape
        except ValueError:
            fits = False
        if not fits:
            raise located.RuntimeError(
                f"Function {self.name}Backward returned an invalid gradient at index {i} - got "
                f"{list(d.shape)} but expected shape compatible with {list(x.shape)}"
            )
        extra = d.ndim - x.ndim
        axes = [k for k in range(d.ndim) if k < extra or (x.shape[k - extra] == 1 != d.shape[k])]
        if axes:
            d = d.sum(tuple(axes), keepdim=True).reshape(x.shape)
        return d if d.dtype == x.dtype else to_dtype(d, x.dtype)

    def saved_tensors(self, z: Any, args: tuple[Any, ...]) -> tuple[Tensor | None, ...]:
        """The saved tensors, with their history."""
        return tuple(None if place is None else self.saved_tensor(place, z, args) for place in self.saved)

    def saved_tensor(self, place: Place, z: Any, args: tuple[Any, ...]) -> Tensor:
        if place.kind == "argument":
            x = args[place.i]
            x = x if isinstance(x, Tensor) else Tensor(x, self.records[place.i])
            seen = x.array
        elif place.kind == "output":
            x = self.pack.part(z, self.moving.index(place.i))
            x = x if isinstance(x, Tensor) else Tensor(x)
            seen = z.array if isinstance(z, Tensor) else z
        else:
            assert place.array is not None
            x, seen = Tensor(place.array, place.record), place.array
        if changed_since(seen, self.birth):
            raise located.RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: {self.name} saved {describe(x)}, which was changed in place since"
            )
        return x

    def refusing(self, d: Tensor) -> Tensor:
        """A gradient that cannot be differentiated: its record says why."""
        refusal = Refusal(self.name, len(self.records))
        raw = tuple(None if x is None else x.value for x in self.records)
        return Tensor(d.array, Record(cast(Primitive, refusal), self.records, raw, d.array))

    # What pictures ask -------------------------------------------------------------------------

    @property
    def forward(self) -> Callable[..., Any]:
        """Refuses to be called, and has the parameters of the user's `forward`."""

        def forward(*args: Any) -> Any:
            raise located.TypeError(f"{self.name} has no formula: its forward is a program")

        signature = inspect.signature(self.function.forward)
        parameters = list(signature.parameters.values())[1 if self.function._takes_ctx() else 0 :]
        forward.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return forward

    def __repr__(self) -> str:
        return f"<function {self.name}>"


class Refusal:
    """In the place of a primitive, for a gradient whose gradient is not known."""

    fits, into = False, None
    reads = (frozenset[int](),)
    saves = False

    def __init__(self, name: str, arity: int) -> None:
        self.name, self.arity = f"{name}OnceDifferentiable", arity

    @property
    def vjps(self) -> Sequence[Callable[..., Any]]:
        """The rules: there are none, and RuntimeError says so."""
        raise located.RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable: "
            f"{self.name.removesuffix('OnceDifferentiable')}"
        )
