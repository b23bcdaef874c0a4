"""Change a tensor in place, and keep the gradients right.

Every in-place operation computes its result as a new tensor first (`new = x * 2`), and then x *becomes* it:
the values are written into x's memory, the memory is stamped as changed (`backward` refuses values that are
out of date), and x takes over the history of the result. A view and its base share memory, so they share
history too: writing to a view rewrites the history of the base, and every other view follows when it is
used next.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from . import memory
from .conversion import to
from .dtypes import CATEGORY, Array
from .errors import describe, located
from .memory import changed_since, owner, touch
from .primitive import Primitive, cast
from .record import Record, mode, set_grad_enabled
from .tensor import RemovableHandle, Tensor, frozen, history, nobody

# fmt: off
overwrite = Primitive("copy", lambda x, value: _filled(x, value),
                      lambda g, z, x, value: np.zeros_like(g), lambda g, z, x, value: g,
                      doc="x with all its values replaced: nothing flows back to the old ones")
take_flat: Primitive = Primitive("take", lambda x, positions: x.reshape(-1)[positions],
                      lambda g, z, x, positions: add_flat(g, x.shape, positions),
                      doc="the entries of x at these positions of the flattened tensor")
add_flat: Primitive = Primitive("take_transpose", lambda y, shape, positions: _added(y, shape, positions),
                      lambda g, z, y, shape, positions: take_flat(g, positions),
                      doc="zeros of a shape, y added up at these positions of the flattened tensor")
put_flat: Primitive = Primitive("put", lambda x, values, positions: _put(x, values, positions),
                      lambda g, z, x, values, positions: put_flat(g, 0.0, positions),
                      lambda g, z, x, values, positions: take_flat(g, positions),
                      doc="x with the entries at these positions of the flattened tensor replaced")
# fmt: on

FOLLOW = "Its gradient could not follow: make the view outside no_grad(), or clone() it"


def _filled(x: Array, value: Any) -> Array:
    out = np.empty(x.shape, x.dtype)
    out[...] = value
    return out


def _added(y: Array, shape: tuple[int, ...], positions: Array) -> Array:
    out = np.zeros(shape, y.dtype)  # an expanded view meets an entry several times
    np.add.at(out.reshape(-1), positions.reshape(-1), y.reshape(-1))
    return out


def _put(x: Array, values: Any, positions: Array) -> Array:
    out = np.array(x, order="C")
    out.reshape(-1)[positions] = values
    return out


def change(x: Tensor, operation: Callable[..., Any], *args: Any, name: str = "", **options: Any) -> Tensor:
    """x becomes `operation(x, *args)`, which is what in-place methods do: `x.mul_(2)` is `change(x, mul, 2)`.

    If that is recorded, the operation is given a copy of x, because its rules may need the values that go.
    """
    recorded = mode.enabled and any(isinstance(arg, Tensor) and arg.requires_grad for arg in (x, *args))
    if not recorded and len(args) == 1 and _at_once(x, operation, args[0]):
        return x
    name = name or (operation.name if isinstance(operation, Primitive) else operation.__name__) + "_"
    refuse_leaf(x, name)
    before = x
    if recorded:
        before = Tensor(x.array.copy(), history(x))
    return become(x, operation(before, *(before if arg is x else arg for arg in args), **options), name)


def _at_once(x: Tensor, operation: Any, y: Any) -> bool:
    """Let a NumPy ufunc write into x, if the operation is one, and dtype and shape fit; whether it did."""
    ufunc = getattr(operation, "forward", None)
    operand = y.array if isinstance(y, Tensor) and y.dtype == x.dtype else y
    if (
        not isinstance(ufunc, np.ufunc)
        or isinstance(operand, (Tensor, np.generic, bool))
        or not _plain(x.array)
    ):
        return False
    try:
        ufunc(x.array, operand, out=x.array)
    except (TypeError, ValueError):  # the long way finds the words
        return False
    touch(x.array)
    return True


def _plain(array: Array) -> bool:
    """Whether an array can be written, each entry in its own place."""
    return array.flags.writeable and 0 not in array.strides


def fill(x: Tensor, value: Any, name: str) -> Tensor:
    """x becomes this number everywhere."""
    if isinstance(value, Tensor) and value.ndim:
        raise located.RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got {describe(value)}: use copy_"
        )
    if isinstance(value, Tensor):
        value = to(value, x.dtype)
    return change(x, overwrite, value, name=name)


def copy(x: Tensor, src: Tensor) -> Tensor:
    """x becomes the values of `src`, in the dtype of x; the gradient flows on to `src`."""
    if not isinstance(src, Tensor):
        raise located.TypeError(
            f"copy_(): argument 'src' must be Tensor, not {type(src).__name__}: use tensor(...)"
        )
    return change(x, overwrite, to(src, x.dtype))


def become(x: Tensor, new: Tensor, name: str) -> Tensor:
    """Write `new` into the memory of `x` and give `x` its history; the last step of every in-place operation.

    Raises RuntimeError, with nothing changed, for a leaf that requires grad while recording, for a result of
    another shape or a higher dtype category, and for memory that is read-only or that several entries share.
    """
    refuse_leaf(x, name)
    if new.array.shape != x.array.shape:
        raise located.RuntimeError(
            f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(new.shape)}: "
            f"{name} writes into x, {describe(x)}, and that does not fit; use the form that returns a new one"
        )
    if new.array.dtype != x.array.dtype and CATEGORY[new.dtype] > CATEGORY[x.dtype]:
        raise located.RuntimeError(
            f"result type {new.dtype} can't be cast to the desired output type {x.dtype}: {name} would lose "
            f"what {new.dtype} holds; convert x first, x = x.to(autodiff.{new.dtype})"
        )
    refuse_memory(x.array, name)
    shared = x._view is not None and x._view[0].requires_grad
    recorded = mode.enabled and (shared or x.requires_grad or new.requires_grad)
    if recorded and new.dtype != x.dtype:
        new = cast(new, x.dtype)
    base_and_positions = None
    if recorded and x._view is not None:
        refuse_watched(x, name)
        base_and_positions = _base_to_rewrite(x, name)
    np.copyto(x.array, new.array, casting="unsafe")
    touch(x.array)
    if base_and_positions is not None:
        base, positions = base_and_positions
        args = (base.array, new.array, positions)
        _take_over(base, Record(put_flat, (history(base), history(new)), args, base.array))
    elif recorded:
        _take_over(x, history(new))
    return x


def refuse_watched(x: Tensor, name: str) -> None:
    """Raise RuntimeError if a view that lies between a view and its base has hooks or retains its grad.

    PyTorch takes the change straight to the base, and what watches the view between does not see it.
    """
    assert x._view is not None
    record, base = history(x), history(x._view[0])
    between = record.inputs[0] if record is not None and record.inputs else None
    while between is not None and between is not base and between.inputs:
        if between.hooks or between.tensor is not None:
            raise located.RuntimeError(
                f"{name} changes a view of a view that has hooks or retains its grad, and they would see a "
                "gradient that is not its own: use the form that returns a new tensor, or watch a clone"
            )
        between = between.inputs[0]


def _take_over(x: Tensor, record: Record | None) -> None:
    """Give `x` this history; a tensor that retains its grad goes on to."""
    old = x.record
    if id(x) in frozen:
        refuse_interior(x, frozen[id(x)][1])
    if old is not None and record is not None and old.op is not None and old.tensor is not None:
        old.tensor, record.tensor, record.hooks = None, weakref.ref(x), record.hooks or {}
    x.record = record


def refuse_interior(x: Tensor, leaf: Record) -> None:
    """Let `backward` raise if a gradient comes to `leaf`, which `x` was, while `x` is a result."""
    now = weakref.ref(x)

    def refuse(g: Tensor) -> None:
        x = now()
        if x is not None and not x.is_leaf:
            raise located.RuntimeError(
                "leaf variable has been moved into the graph interior: it was computed with, then frozen "
                "by requires_grad_(False), then changed in place by a recorded operation. Change x.clone()"
            )

    leaf.hooks = leaf.hooks or {}
    RemovableHandle(leaf.hooks, refuse)


def reform(x: Tensor, operation: Callable[..., Any], *args: Any) -> Tensor:
    """x becomes the view `operation(x, *args)` of its own memory, which stays as it is: `unsqueeze_`, `t_`.

    It is recorded even under no_grad: a history of another shape would give other gradients. Raises
    RuntimeError for a leaf that requires grad, whose gradient has its shape.
    """
    record = history(x)
    with set_grad_enabled(True):
        refuse_leaf(x, operation.__name__ + "_")
        z = operation(Tensor(x.array, record), *args)
    x.array = z.array
    touch(x.array)  # as PyTorch counts it: its views look anew
    if record is not None:
        _take_over(x, z.record)
    return x


def refuse_leaf(x: Tensor, name: str) -> None:
    """Raise RuntimeError if `x` is, or looks at, a leaf that requires grad while operations are recorded."""
    if not mode.enabled:
        return
    if x.requires_grad and x.is_leaf:
        raise located.RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation: {name}. Its old "
            "value would be lost to the gradient; update parameters inside `with autodiff.no_grad():`"
        )
    if x._view is not None and x._view[0].requires_grad and x._view[0].is_leaf:
        raise located.RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation: "
            f"{name}. Update parameters inside `with autodiff.no_grad():`"
        )


def refuse_memory(array: Array, name: str) -> None:
    """Raise RuntimeError if the array cannot be written, or if several of its entries are one in memory."""
    if _plain(array):
        return
    if array.size and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True)):
        raise located.RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single "
            f"memory location, in {name}. Please clone() the tensor before performing the operation."
        )
    if not array.flags.writeable:
        raise located.RuntimeError(f"{name} on memory that is read-only: clone() the tensor first")


def _base_to_rewrite(x: Tensor, name: str) -> tuple[Tensor, Array] | None:
    """The base of a view that is about to be written, and where in it the view looks; None if it has left."""
    assert x._view is not None
    base, _, tracked, _ = x._view
    positions = positions_in(base.array, x.array)
    if positions is None:
        x._view = None
        return None
    if not tracked:
        raise located.RuntimeError(
            "A view was created in no_grad mode and is being modified inplace with grad mode enabled, in "
            f"{name}. {FOLLOW}"
        )
    return base, positions


def follow_base(x: Tensor) -> None:
    """Bring the record of a view up to date: its base has another record, or its memory was changed.

    The rules are PyTorch's, but we raise where it forgets hooks, and where it lets a gradient flow to a leaf
    through a view that is older than the leaf's wish for one. A view that was made under no_grad, and one
    that is older than the wish, looks at values that require grad and lets no gradient through.
    """
    assert x._view is not None
    base, seen, tracked, time = x._view
    own = None if x.record is None or x.record.tensor is nobody else x.record
    if own is None and base.record is None:
        x.record, x._view = None, (base, None, tracked, time)
    elif not changed_since(x.array, time):
        if own is not None:
            x._view = (base, base.record, tracked, memory.latest)
        elif mode.enabled:
            x.record, x._view = blind(x.array), (base, base.record, tracked, memory.latest)
    elif mode.enabled and not (base.record is None and own is not None and own.op is None):
        _follow_change(x, base, own, base.record is seen)


def _follow_change(x: Tensor, base: Tensor, own: Record | None, unrecorded: bool) -> None:
    """Give a view the record that it has now that its memory was changed; `own` is the one it had."""
    assert x._view is not None
    positions = positions_in(base.array, x.array)
    if positions is None:
        x._view = None
        return
    if not x._view[2]:
        raise located.RuntimeError(
            "A view was created in no_grad mode and its base or another view of its base has been "
            f"modified inplace with grad mode enabled. {FOLLOW}"
        )
    if base.record is not None and base.record.op is None and (own is None or own.op is None):
        raise located.RuntimeError(
            "a view is older than its base's requires_grad_(), and was changed in place since: whether its "
            "gradient belongs to the base is not clear. Make the view after requires_grad_()"
        )
    kept = own is not None and own.op is not None and unrecorded
    if kept and (own.hooks or own.tensor is not None or base.record is None):  # type: ignore[union-attr]
        raise located.RuntimeError(
            "the memory of a view was changed in place, outside of what is recorded, since it got "
            "hooks or retain_grad(), or was made of a view that has requires_grad_() of its own: they "
            "belong to what it was. Make the view anew, from a tensor that is no view"
        )
    if not kept or own.inputs[0] is not base.record:  # type: ignore[union-attr]  # it is no view of a view now
        above = blind(base.array) if base.record is None else base.record
        _take_over(x, Record(take_flat, (above,), (base.array, positions), x.array))
    x._view = (base, base.record, True, memory.latest)


def blind(values: Array) -> Record:
    """The record of a leaf with these values that nobody wants the gradient of."""
    record = Record(None, (), (), values)
    record.tensor = nobody
    return record


def positions_in(base: Array, view: Array) -> Array | None:
    """For each entry of `view` its position in the flattened `base`; None if it looks at other memory.

    It does after `x.data = values`: then x is no view of its old base any more.
    """
    if view.dtype != base.dtype or owner(view) is not owner(base):
        return None
    if view.size == 0 or base.size == 0:
        return np.zeros(view.shape, np.int64) if view.size == 0 else None
    places, wanted = addresses(base).reshape(-1), addresses(view)
    order = np.argsort(places)
    at = order[np.searchsorted(places[order], wanted).clip(max=base.size - 1)]
    return at if (places[at] == wanted).all() else None


def addresses(array: Array) -> Array:
    """Where in memory each entry is, in bytes."""
    found = np.asarray(array.__array_interface__["data"][0], np.int64)
    for length, stride in zip(array.shape, array.strides, strict=True):
        found = found[..., None] + np.arange(length) * stride
    return found
