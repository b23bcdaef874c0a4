"""How an uncaught error is shown: the user's frames, not ours, and below the message where it happened.

An error that we raise on purpose says what is wrong with the caller's program; twenty frames of ours would
only hide the line that matters. So the hooks that show uncaught errors (`sys.excepthook`, that of threads,
IPython's) leave our frames out, and add a note that names the user's line and the module. Nothing else is
touched: what an `except` clause or a debugger sees is whole, and no call costs more, as it would if every
public function caught and raised again. An error that we did not raise on purpose (a bug of ours, or an
argument that nothing refused) is shown whole, with the call and the line.
"""

from __future__ import annotations

import dis
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from .where import INSIDE, MARK, OURS, locate, placed, steps_of

__all__ = ["set_full_tracebacks"]

full = os.environ.get("AUTODIFF_FULL_TRACEBACKS", "0") not in ("", "0")


def set_full_tracebacks(enabled: bool) -> None:
    """Show the frames of this library in tracebacks, too.

    `AUTODIFF_FULL_TRACEBACKS=1` in the environment does so from the start.

    >>> import autodiff
    >>> autodiff.set_full_tracebacks(True)
    >>> autodiff.set_full_tracebacks(False)
    """
    global full
    full = bool(enabled)


def on_purpose(error: BaseException) -> bool:
    """Whether the error comes from a `raise` of ours."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not last.tb_frame.f_code.co_filename.startswith(OURS):
        return False
    return dis.opname[last.tb_frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"


def passing(error: Exception) -> None:
    """Say in the text of an error of ours, which passes on its way to the user, where it happened."""
    if on_purpose(error):
        placed(error)


def trimmed(traceback: TracebackType | None) -> TracebackType | None:
    """The same traceback without frames of ours."""
    kept = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(INSIDE):
            kept.append(traceback)
        traceback = traceback.tb_next
    shown = None
    for each in reversed(kept):
        shown = TracebackType(shown, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return shown


@contextmanager
def readable(error: BaseException | None) -> Iterator[TracebackType | None]:
    """While it is shown, an error of ours is as the user should see it; then it is whole again."""
    whole = None if error is None else error.__traceback__
    steps = steps_of(whole)
    if error is None or full or not steps or not steps[-1].file.startswith(INSIDE):
        yield whole
        return
    notes = list(getattr(error, "__notes__", ()))
    told = error.__suppress_context__
    shown = trimmed(whole) if on_purpose(error) else whole
    hidden = sum(step.file.startswith(OURS) for step in steps) if shown is not whole else 0
    try:
        if any(step.file.startswith(OURS) for step in steps):
            with suppress(Exception):  # what the user's objects do when they are looked at
                if not any(MARK in text for text in (str(error), *notes)):
                    error.add_note(locate(steps))
        if not hidden:
            yield whole
            return
        error.add_note(
            f"({hidden} frame{'s' * (hidden > 1)} inside the library not shown: "
            "autodiff.set_full_tracebacks(True) shows them)"
        )
        if error.__context__ is not None and trimmed(error.__context__.__traceback__) is None:
            error.__suppress_context__ = True  # NumPy's complaint, which this error puts into words
        error.__traceback__ = shown
        yield shown
    finally:
        error.__traceback__, error.__suppress_context__ = whole, told
        error.__notes__ = notes


def install() -> None:
    """Show errors so from now on, wherever uncaught errors are shown; once."""
    if getattr(sys.excepthook, "shows_errors_of", None) is None:
        sys.excepthook = around(sys.excepthook)
        threading.excepthook = around_thread(threading.excepthook)
        in_notebooks()


def around(show: Callable[..., Any]) -> Callable[..., Any]:
    """`sys.excepthook` before us, shown a readable error."""

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        with readable(error) as shown:
            show(kind, error, shown)

    excepthook.shows_errors_of = "autodiff"  # type: ignore[attr-defined]
    return excepthook


def around_thread(show: Callable[..., Any]) -> Callable[..., Any]:
    """`threading.excepthook` before us, shown a readable error."""

    def excepthook(args: Any) -> None:
        with readable(args.exc_value) as shown:
            show(type(args)((args.exc_type, args.exc_value, shown, args.thread)))

    return excepthook


def in_notebooks() -> None:
    """The same in IPython, if this is one and nobody else shows its errors yet."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or getattr(shell, "custom_exceptions", None) != ():
        return

    def show(shell: Any, kind: Any, error: Any, traceback: Any, tb_offset: Any = None) -> None:
        with readable(error) as shown:
            shell.showtraceback((kind, error, shown), tb_offset=0 if shown is not traceback else tb_offset)

    shell.set_custom_exc((Exception,), show)
