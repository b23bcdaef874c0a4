"""Names that are looked up when they are first asked for: an import loads what training needs, no more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def later(module: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a module: each name is found in the module that is its home.

    A home of the same name, "func": ".func", is what is meant itself. Source: PEP 562.
    """
    namespace = vars(sys.modules[module])

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = import_module(homes[name], module)
        found = home if homes[name] == f".{name}" else getattr(home, name)
        namespace[name] = found  # from now on without asking
        return found

    return look_up, lambda: sorted(namespace.keys() | homes.keys())
