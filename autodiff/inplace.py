"""Change a tensor in place, and keep the gradients right.

Every in-place operation computes its result as a new tensor first (`new = x * 2`) and then x *becomes* it: the values are
written into x's memory, the memory is stamped as changed (`backward` refuses values that are out of date), and x takes over
the history of the result. A view and its base share memory, so they share history too: writing to a view rewrites the
base's history, and every other view follows when it is used next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import CATEGORY, Array
from .errors import describe
from .memory import owner, touch
from .primitive import Primitive, cast
from .record import Record, mode
from .tensor import Tensor, history

overwrite = Primitive(
    "copy",
    lambda x, value: np.broadcast_to(value, x.shape).astype(x.dtype),
    lambda g, z, x, value: g * 0,
    lambda g, z, x, value: g,
    doc="x with all its values replaced: nothing flows back to the old ones.",
)

take_flat: Primitive = Primitive(
    "take",
    lambda x, positions: x.reshape(-1)[positions],
    lambda g, z, x, positions: put_flat(np.zeros_like(x), g, positions),
    doc="The values at these positions of the flattened tensor.",
)

put_flat: Primitive = Primitive(
    "put",
    lambda x, values, positions: _put(x, values, positions),
    lambda g, z, x, values, positions: put_flat(g, np.zeros_like(values), positions),
    lambda g, z, x, values, positions: take_flat(g, positions),
    doc="x with the values at these positions of the flattened tensor replaced.",
)


def _put(x: Array, values: Array, positions: Array) -> Array:
    out = x.copy()
    out.reshape(-1)[positions] = values
    return out


def become(x: Tensor, new: Tensor, name: str) -> Tensor:
    """Write `new` into the memory of `x` and give `x` its history; the last step of every in-place operation `name`.

    Raises RuntimeError, with nothing changed, for a leaf that requires grad while recording, for a result of another shape
    or of a higher dtype category, and for views that repeat memory.
    """
    refuse_leaf(x, name)
    if new.shape != x.shape:
        raise RuntimeError(
            f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(new.shape)}: {name} writes its result "
            f"into x, {describe(x)}, where it does not fit; use the form that returns a new tensor"
        )
    if CATEGORY[new.dtype] > CATEGORY[x.dtype]:
        raise RuntimeError(
            f"result type {new.dtype} can't be cast to the desired output type {x.dtype}: {name} would lose what "
            f"{new.dtype} holds; convert x first, x = x.to({new.dtype})"
        )
    if not x.array.flags.writeable or (0 in x.array.strides and x.array.size > 1 and _repeats(x.array)):
        raise RuntimeError(
            f"unsupported operation: more than one element of the written-to tensor refers to a single memory location, in {name}. "
            "Please clone() the tensor before performing the operation."
        )
    recorded = mode.enabled and (x.requires_grad or new.requires_grad)
    if recorded and new.dtype != x.dtype:
        new = cast(new, x.dtype)
    base_and_positions = _base_to_rewrite(x, name) if recorded and x._view is not None else None
    np.copyto(x.array, new.array, casting="unsafe")
    touch(x.array)
    if base_and_positions is not None:
        base, positions = base_and_positions
        args = (base.array, new.array, positions)
        base.record = Record(put_flat, (history(base), history(new)), args, base.array)
    elif recorded:
        x.record = history(new)
    return x


def refuse_leaf(x: Tensor, name: str) -> None:
    """Raise RuntimeError if `x` is, or looks at, a leaf that requires grad while operations are recorded."""
    if not mode.enabled:
        return
    if x.requires_grad and x.is_leaf:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation: {name}. Its old value would be lost "
            "to the gradient; update parameters inside `with autodiff.no_grad():`"
        )
    if x._view is not None and x._view[0].requires_grad and x._view[0].is_leaf:
        raise RuntimeError(
            f"a view of a leaf Variable that requires grad is being used in an in-place operation: {name}. "
            "Update parameters inside `with autodiff.no_grad():`"
        )


def _repeats(array: Array) -> bool:
    return any(stride == 0 and length > 1 for stride, length in zip(array.strides, array.shape, strict=True))


def _base_to_rewrite(x: Tensor, name: str) -> tuple[Tensor, Array]:
    """The base of a view that is about to be written, and where in it the view looks."""
    assert x._view is not None
    base, _, tracked = x._view
    if not tracked:
        raise RuntimeError(
            f"A view was created in no_grad mode and is being modified inplace with grad mode enabled, in {name}: the gradient of "
            "its base could not follow. Make the view outside no_grad(), or clone() it"
        )
    return base, positions_in(base.array, x.array, name)


def positions_in(base: Array, view: Array, name: str) -> Array:
    """For each entry of `view` its position in the flattened `base` whose memory it shares."""
    index = np.empty_like(base, dtype=np.int64)  # laid out in memory as the base is
    index[...] = np.arange(base.size).reshape(base.shape)
    size = base.itemsize
    offset = view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    if size * base.size and [s * 8 // size for s in base.strides] != list(index.strides) and base.size > 1:
        raise RuntimeError(
            f"{name} on a view of a tensor whose memory has gaps, {describe(base)}, cannot be differentiated: clone() the tensor "
            "before taking the view"
        )
    strides = tuple(s * 8 // size for s in view.strides)
    memory = index.ravel(order="K")
    return np.lib.stride_tricks.as_strided(memory[offset // size :], view.shape, strides).copy()


def follow_base(x: Tensor) -> None:
    """Give a view the history that its base has now, after the base (or another view of it) was changed in place."""
    assert x._view is not None
    base, _, tracked = x._view
    record = base.record
    x._view = (base, record, tracked)
    if record is None or record.op is None:
        return
    positions = positions_in(base.array, x.array, "reading a view after its base was changed in place")
    x.record = Record(take_flat, (record,), (base.array, positions), x.array)


def shares_memory(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors look at the same memory."""
    return owner(x.array) is owner(y.array)
