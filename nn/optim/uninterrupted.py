"""Ctrl-C waits until a step is complete, so that parameters and state have all changed or none has.

Python raises KeyboardInterrupt between any two bytecodes, also halfway through the updates of a step.
Computing all updates first and storing them last would only make that window smaller, and need every array
twice. Holding the signal back costs half a microsecond, leaves the updates free to work in place, and closes
the window.
"""

from __future__ import annotations

import signal
from importlib import import_module
from typing import Any

# What `signal` wraps: the same functions without the enums around them, which take ten times as long.
_signal = import_module("_signal")


class uninterrupted:
    """A `with` block that Ctrl-C cannot leave halfway; a Ctrl-C pressed inside takes effect at its end.

    >>> with uninterrupted():
    ...     pass  # change several things that belong together
    """

    __slots__ = ("before", "pressed")

    def __enter__(self) -> None:
        self.pressed = False
        self.before = _signal.getsignal(signal.SIGINT)
        if callable(self.before):  # else Ctrl-C ends the process, or is ignored
            try:
                _signal.signal(signal.SIGINT, self._remember)
            except ValueError:  # not the main thread: KeyboardInterrupt is never raised here
                self.before = None

    def __exit__(self, *_: object) -> None:
        if callable(self.before):
            _signal.signal(signal.SIGINT, self.before)
            if self.pressed:
                signal.raise_signal(signal.SIGINT)

    def _remember(self, *_: Any) -> None:
        self.pressed = True
