"""A graph computed once more from its leaves, in float64, and differentiated with some rules altered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..backward import NOTHING, unbroadcast
from ..dtypes import Array, float32, float64
from ..graph import behind
from ..memory import changed_since
from ..primitive import Primitive, Rule, View
from ..record import Record

Change = Callable[[Rule], Rule]
Changes = Mapping[tuple[Record, int], list[Change]]
"""For a record and the position of an argument: what is done to its rule, one after the other."""

Jitter = Callable[[Array], Array]


class Run(NamedTuple):
    """What each record computed, and from what."""

    values: dict[Record, Array]
    args: dict[Record, tuple[Any, ...]]


class Replay:
    """The records behind `root`, oldest first; and whether they can be computed again, or were not freed.

    They can be if every operation is a primitive, and nothing that it starts from was freed by backward or
    changed in place since. If not, the values that were recorded serve, as long as they are `there`.
    """

    def __init__(self, root: Record) -> None:
        self.root = root
        self.records = behind(root)
        self.again = all(recomputable(record) for record in self.records)
        self.there = self.again or not any(record.spent for record in self.records)

    def forward(
        self,
        moved: Mapping[Record, Array] | None = None,
        jitter: Jitter | None = None,
        single: bool = False,
    ) -> Run:
        """All values, with other values for some leaves; `jitter` disturbs what each operation gives.

        In float64, or in float32 if `single`, as are then the rules that read them.
        """
        converted = narrowed if single else widened
        if not self.again:
            return Run({x: x.value for x in self.records}, {x: x.args for x in self.records})
        run = Run({}, {})
        for z in self.records:
            if z.op is None:
                run.values[z] = converted((moved or {}).get(z, z.value))
                continue
            args = [converted(arg) for arg in z.args]
            for i, x in enumerate(z.inputs):
                if x is not None:
                    args[i] = run.values[x]
            value = np.asarray(z.op.forward(*args))
            run.values[z] = converted(value if jitter is None or isinstance(z.op, View) else jitter(value))
            run.args[z] = tuple(args)
        return run

    def pull(
        self, run: Run, changes: Changes | None = None, jitter: Jitter | None = None
    ) -> dict[Record, Array]:
        """The cotangents of all records, with some rules changed."""
        total: dict[Record, Any] = {self.root: np.ones_like(run.values[self.root])}
        for z in reversed(self.records):
            if z not in total or z.op is None:
                continue
            for i, (x, rule) in enumerate(zip(z.inputs, z.op.vjps, strict=False)):
                if x is None or rule is None:
                    continue
                for change in (changes or {}).get((z, i), ()):
                    rule = change(rule)
                d = rule(total[z], run.values[z], *run.args[z])
                if d is None:
                    continue
                d = unbroadcast(d, run.values[x].shape)
                if jitter is not None:
                    d = jitter(d).astype(d.dtype)
                total[x] = total[x] + d if x in total else d
        return total


def recomputable(z: Record) -> bool:
    """Whether an operation can be applied again: what it starts from is there, and as it was."""
    if z.op is None:
        return True
    if not isinstance(z.op, Primitive):
        return False
    for arg, x in zip(z.args, z.inputs, strict=False):
        if x is not None and x.op is not None:
            continue  # is computed again, too
        value = arg if x is None else x.value
        if isinstance(value, np.ndarray) and (freed(value) or changed_since(value, z.birth)):
            return False
    return True


def freed(value: Any) -> bool:
    """Whether backward let go of what was here."""
    return value.base is NOTHING


def widened(x: Any) -> Any:
    """float32 as float64: arrays, and the dtype that an operation converts to."""
    if isinstance(x, np.ndarray) and x.dtype == float32:
        return x.astype(float64)
    return float64 if isinstance(x, np.dtype) and x == float32 else x


def narrowed(x: Any) -> Any:
    """float64 as float32."""
    if isinstance(x, np.ndarray) and x.dtype == float64:
        return x.astype(float32)
    return float32 if isinstance(x, np.dtype) and x == float64 else x


def rounding(eps: float, seed: int) -> Jitter:
    """Errors as rounding makes them, of relative size `eps`."""
    rng = np.random.default_rng(seed)
    return lambda x: x * (1 + eps * rng.uniform(-1, 1, np.shape(x)))
