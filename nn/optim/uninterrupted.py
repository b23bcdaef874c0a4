"""Ctrl-C waits until a step is complete, so that parameters and state have all changed or none has.

Python raises KeyboardInterrupt between any two bytecodes, also halfway through the updates of a step.
Computing all updates first and storing them last would only make that window smaller, and need every array
twice. Holding the signal back costs half a microsecond, leaves the updates free to work in place, and closes
the window. So wait timers (SIGALRM) and requests to end (SIGTERM), if the program handles them in Python: a
handler may raise, too.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from importlib import import_module
from typing import Any

# What `signal` wraps: the same functions without the enums around them, which take ten times as long.
_signal = import_module("_signal")
getsignal, raise_signal = _signal.getsignal, _signal.raise_signal
CTRL_C, END = int(signal.SIGINT), int(signal.SIGTERM)
TIMER = int(getattr(signal, "SIGALRM", END))  # Windows has none


class uninterrupted:
    """A `with` block that Ctrl-C cannot leave halfway; a Ctrl-C pressed inside takes effect at its end.

    >>> with uninterrupted():
    ...     pass  # change several things that belong together
    """

    __slots__ = ("arrived", "before", "number", "others")

    def __init__(self, number: int = CTRL_C) -> None:
        self.number = number

    def __enter__(self) -> None:
        self.others = None
        if self.number == CTRL_C and (callable(getsignal(TIMER)) or callable(getsignal(END))):
            with ExitStack() as others:  # which lets go of them, should Ctrl-C come before it is held
                others.enter_context(uninterrupted(TIMER))
                others.enter_context(uninterrupted(END))
                self._hold()
                self.others = others.pop_all()
        else:
            self._hold()

    def _hold(self) -> None:
        self.arrived = False
        self.before = getsignal(self.number)
        if callable(self.before):  # else the signal ends the process, or is ignored
            try:
                _signal.signal(self.number, self._remember)
            except ValueError:  # not the main thread, the only one in which Python calls handlers
                self.before = None

    def __exit__(self, *_: object) -> None:
        try:
            if callable(self.before):
                _signal.signal(self.number, self.before)
                if self.arrived:
                    raise_signal(self.number)
        finally:
            if self.others is not None:
                self.others.close()

    def _remember(self, *_: Any) -> None:
        self.arrived = True
