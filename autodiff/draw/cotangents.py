"""The gradients that flow through a graph, worked out for its picture: nothing is changed, freed or called.

Unlike `backward.pullback` this walk does not stop where values are gone (freed by `backward`, or changed in
place since): it goes on without them, and whatever would need them is left out. A number that is shown is
right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backward import SMALL, unbroadcast
from ..dtypes import Array
from ..memory import changed_since
from ..record import Record

Place = tuple[Record, int]  # an argument of an operation


@dataclass
class Cotangents:
    """What the walk found; `missing` are the reasons, in words, why some gradients are left out.

    `sent` is what each rule passed to its argument, in the argument's shape: their sum is its cotangent.
    `summed` are the axes of the result along which the argument was broadcast, so that its gradient is
    summed; `repeated` those of the argument along which the operation reduced, so that it is repeated.
    """

    of: dict[Record, Array] = field(default_factory=dict)
    sent: dict[Place, Array] = field(default_factory=dict)
    summed: dict[Place, tuple[int, ...]] = field(default_factory=dict)
    repeated: dict[Place, tuple[int, ...]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def cotangents(root: Record, order: list[Record]) -> Cotangents:
    """The cotangent of every record in `order`, inputs before outputs, if `root` is a scalar; else none."""
    result = Cotangents()
    lost: set[Record] = set()
    if root.value.size == 1:
        result.of[root] = np.ones(root.value.shape, root.value.dtype)
    else:
        lost.add(root)
        result.missing.append(
            f"no gradients: the result has shape {root.value.shape}, and a gradient is that of a scalar"
        )
    with np.errstate(all="ignore"):
        for z in reversed(order):
            if z.hooks and z not in lost:
                lost.add(z)
                _note(result, "left out: gradients behind a hook, which a picture must not call")
            for i, x in enumerate(z.inputs):
                if x is None:
                    continue
                if z not in lost and (reason := _unreadable(z, i)):
                    lost.add(x)
                    _note(result, f"left out: gradients that need values {reason}")
                try:
                    d = _push(z, i, x, result)
                except Exception as error:
                    lost.add(x)
                    if z not in lost:
                        _note(result, f"left out: gradients behind {z.name()}, whose rule failed: {error}")
                    continue
                if z in lost:
                    lost.add(x)
                elif x not in lost:
                    result.sent[z, i] = d
                result.of[x] = result.of[x] + d if x in result.of else d
    for x in lost:
        result.of.pop(x, None)
    return result


def _push(z: Record, i: int, x: Record, result: Cotangents) -> Array:
    """What the rule passes to argument `i`, in its shape; what the engine does to that end is noted."""
    assert z.op is not None
    g = result.of.get(z, z.value)  # of a lost one only the shape counts
    d = z.op.vjps[i](g, z.value, *z.args)  # type: ignore[misc]  # an argument that has a record has a rule
    shape = x.value.shape
    if d.shape != shape:
        extra = len(d.shape) - len(shape)
        if extra >= 0:
            ones = tuple(extra + k for k, n in enumerate(shape) if n == 1 != d.shape[extra + k])
            if axes := tuple(range(extra)) + ones:
                result.summed[z, i] = axes
        padded = (1,) * -extra + d.shape if extra < 0 else d.shape[extra:]
        if axes := tuple(k for k, n in enumerate(shape) if n != 1 == padded[k]):
            result.repeated[z, i] = axes
        d = unbroadcast(d, shape)
    return np.asarray(d)


def _unreadable(z: Record, i: int) -> str:
    """Why the values that the rule for argument `i` reads are no longer what they were; "" if they are."""
    assert z.op is not None
    reads = z.op.reads
    for k in reads[min(i, len(reads) - 1)]:
        value: Any = z.value if k < 0 else z.args[k] if k < len(z.args) else None
        if not isinstance(value, np.ndarray):
            continue
        if z.spent and value.size > SMALL:
            return "freed by backward() (draw before it, or use retain_graph=True)"
        if changed_since(value, z.birth):
            return "changed in place since (draw before optimizer.step())"
    return ""


def _note(result: Cotangents, reason: str) -> None:
    if reason not in result.missing:
        result.missing.append(reason)
