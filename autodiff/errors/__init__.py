"""Errors that teach: what failed, on what, where in the user's program, and what to do about it.

`wording` and `operation` make the messages, `no_gradient` that of a gradient which cannot be; `where` finds
the user's line and the module: `located` errors say so in their text, wherever they are caught; `tracebacks`
shows it of all others too, if nobody catches them, and leaves out the frames that are ours.

The lowest layer: whatever may fail imports it, and it imports nothing of theirs.
"""

from .operation import explain
from .where import located, placed
from .wording import broadcast_conflict, describe, expand_conflict, matmul_conflict, no_tensor

__all__ = [
    "broadcast_conflict",
    "describe",
    "expand_conflict",
    "explain",
    "located",
    "matmul_conflict",
    "no_tensor",
    "placed",
]
