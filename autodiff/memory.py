"""Which memory was changed, and when: what lets `backward` refuse a value that is no longer what it was.

Arrays that share memory share one owner (`array.base`), so views, `detach()` and `numpy()` are covered alike.
A change in place stamps the owner with the clock; a record whose birth is earlier than the stamp of a value
it needs is out of date.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import numpy as np

from .dtypes import Array
from .record import clock


class Stamp(weakref.ref[Array]):
    """The time of the last change of one owner; it vanishes with the owner."""

    __slots__ = ("key", "time")
    key: int
    time: int


_stamps: dict[int, Stamp] = {}
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
    found = _stamps.get(id(memory))
    if found is None:
        found = stamp(memory)
    found.time = latest = clock()


def stamp(array: Array) -> Stamp:
    """The stamp on the memory of `array`, for those who change it often: see `renew`."""
    memory = owner(array)
    found = _stamps.get(id(memory))
    if found is None:
        found = Stamp(memory, _forget)
        found.key, found.time = id(memory), 0
        _stamps[found.key] = found
    return found


def renew(stamps: Iterable[Stamp]) -> None:
    """Note that the memories that bear these stamps are changed in place just now."""
    global latest
    latest = clock()
    for each in stamps:
        each.time = latest


def _forget(gone: weakref.ref[Array]) -> None:
    assert isinstance(gone, Stamp)
    if _stamps.get(gone.key) is gone:
        del _stamps[gone.key]


def changed_after(array: Array, other: Array) -> bool:
    """Whether the memory of `array` was changed in place after that of `other` was; both were."""
    mine, others = _stamps.get(id(owner(array))), _stamps.get(id(owner(other)))
    return mine is not None and others is not None and mine.time > others.time


def changed_since(array: Array, time: int) -> bool:
    """Whether the memory of `array` was changed in place after `time`."""
    found = _stamps.get(id(owner(array)))
    return found is not None and found.time > time
