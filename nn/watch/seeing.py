"""See the calls of some modules for one step, at no cost to any other step.

Hooks would do, but once a program has a hook every call of every module looks for hooks, for good. Here calls
are looked at only between `begin` and `end`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..hooks import Hookable, called
from ..module import Module

See = Callable[[Module, tuple[Any, ...], dict[str, Any], Any], None]

_seers: list[See] = []
_usual: Any = None  # what a call of a module was before anybody looked


def begin(see: See) -> None:
    """From now on `see(module, args, kwargs, result)` is told of every call of a module."""
    global _usual
    if not _seers:
        _usual = Hookable.__dict__["__call__"]
        Hookable.__call__ = _seen  # type: ignore[method-assign]
    _seers.append(see)


def end(see: See) -> None:
    """Tell it no more."""
    if see in _seers:
        _seers.remove(see)
        # unless a hook was registered meanwhile: then calls look for hooks
        if not _seers and Hookable.__dict__["__call__"] is _seen:
            Hookable.__call__ = _usual  # type: ignore[method-assign]


def _seen(module: Module, *args: Any, **kwargs: Any) -> Any:
    """A call of a module that is looked at."""
    result = called(module, *args, **kwargs)
    for see in tuple(_seers):
        see(module, args, kwargs, result)
    return result
