"""Which memory was changed, and when: what lets `backward` refuse a value that is no longer what it was.

Arrays that share memory share one owner (`array.base`), so views, `detach()` and `numpy()` are covered alike.
A change in place stamps the owner with the clock; a record whose birth is earlier than the stamp of a value
it needs is out of date.
"""

from __future__ import annotations

import weakref

import numpy as np

from .dtypes import Array
from .record import clock


class _Stamp(weakref.ref[Array]):
    """The time of the last change of one owner; it vanishes with the owner."""

    __slots__ = ("key", "time")
    key: int
    time: int


_stamps: dict[int, _Stamp] = {}
latest = 0  # the time of the last change of any memory: older than a record means nothing to check


def owner(array: Array) -> Array:
    """The array that owns the memory that `array` looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def touch(array: Array) -> None:
    """Note that the memory of `array` was changed in place just now."""
    global latest
    memory = array if array.base is None else owner(array)
    stamp = _stamps.get(id(memory))
    if stamp is None:
        stamp = _Stamp(memory, _forget)
        stamp.key = id(memory)
        _stamps[stamp.key] = stamp
    stamp.time = latest = clock()


def _forget(stamp: weakref.ref[Array]) -> None:
    assert isinstance(stamp, _Stamp)
    if _stamps.get(stamp.key) is stamp:
        del _stamps[stamp.key]


def changed_since(array: Array, time: int) -> bool:
    """Whether the memory of `array` was changed in place after `time`."""
    stamp = _stamps.get(id(owner(array)))
    return stamp is not None and stamp.time > time
