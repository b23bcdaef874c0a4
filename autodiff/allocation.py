"""Keep the memory of freed arrays for the next step, instead of giving it back to the system.

A training step makes arrays of megabytes and frees them all at its end. By default the C library returns
that memory to the system, which hands it out again page by page, zeroing each: up to half of the time of a
step. Here glibc is asked to keep what was freed. Arrays are never reused by us; an array that somebody can
still see is not freed.

Linux is asked for pages of 2 MiB, too, as NumPy does for arrays of 4 MiB and more. A processor remembers
where a thousand or two of its pages are: of 4 KiB these are too few for a step. Up to a tenth of its time.

It holds for the whole process, and costs memory: the process keeps the most that it ever used, until
`keep_memory(False)`. Set AUTODIFF_KEEP_MEMORY=0 in the environment to never ask. Other C libraries than
glibc, and other systems than Linux, have no such switch, and nothing is done.

Sources: the GNU C Library Reference Manual, "Malloc Tunable Parameters"; madvise(2).
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

__all__ = ["keep_memory"]

# Parameters of mallopt, from malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4

KEEP = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 64 << 20}  # nothing apart; the heap shrinks at 2 GiB
RESERVED = 256 << 20  # so many addresses, not yet memory, are set aside for large pages
PAGE, HUGEPAGE = 2 << 20, 14  # a large page; what madvise, from mman.h, calls the wish for it
GIVE_BACK = {MMAP_MAX: 65536, TRIM_THRESHOLD: 128 << 10, TOP_PAD: 128 << 10}  # glibc's own


def keep_memory(keep: bool = True) -> bool:
    """Whether freed memory is kept for new arrays; returns whether this system could be asked.

    It is, from the start. `keep_memory(False)` gives back at once what is free now.
    """
    libc = glibc()
    if libc is None:
        return False
    accepted = [libc.mallopt(name, value) for name, value in (KEEP if keep else GIVE_BACK).items()]
    if not keep:
        libc.malloc_trim(0)
    elif all(accepted):
        ask_for_large_pages(libc)
    return all(accepted)


def ask_for_large_pages(libc: Any) -> None:
    """Wish for large pages in what the heap will take next; where there are none, nothing happens."""
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    block = libc.malloc(RESERVED)
    if block is not None:
        first = -(-block // PAGE) * PAGE
        libc.madvise(first, (block + RESERVED - first) // PAGE * PAGE, HUGEPAGE)
        libc.free(block)


def glibc() -> Any:
    """The C library of this process, if it is glibc."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


if os.environ.get("AUTODIFF_KEEP_MEMORY") != "0":
    keep_memory()
