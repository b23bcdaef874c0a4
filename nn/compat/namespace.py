"""A module under PyTorch's name whose attributes are ours, found when they are first asked for."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@cache
def exported(source: str) -> frozenset[str]:
    """The public names of a module: those it lists, or what a package collects, or what it defines itself."""
    module = import_module(source)
    found = {name: getattr(module, name) for name in dir(module)}  # those too that are looked up later
    here = {name: value for name, value in found.items() if not isinstance(value, ModuleType)}
    if hasattr(module, "__all__"):
        return frozenset(here.keys() & module.__all__)
    collects = hasattr(module, "__path__")
    return frozenset(
        name
        for name, value in here.items()
        if not name.startswith("_") and (collects or getattr(value, "__module__", None) == source)
    )


class Namespace(ModuleType):
    """The module `name`, such as "torch.nn": its attributes are those of the modules `sources`, first come.

    A missing attribute raises AttributeError that names it and the nearest thing we have.
    """

    def __init__(self, name: str, sources: Sequence[str], family: dict[str, Namespace]) -> None:
        super().__init__(name, f"PyTorch's name for {', '.join(sources) or 'what is below'}.")
        self.__spec__ = ModuleSpec(name, None, is_package=True)
        self.__path__: list[str] = []  # a package: `from torch.nn import X` then asks the Finder for X
        self._sources, self._family = sources, family

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return dir(self)
        if not (name.startswith("__") and name.endswith("__")):
            for source in self._sources:
                if name in exported(source) or (
                    name.startswith("_") and hasattr(import_module(source), name)
                ):
                    setattr(self, name, getattr(import_module(source), name))
                    return vars(self)[name]
        raise AttributeError(self.lacks(name))

    def __dir__(self) -> list[str]:
        names = {name for name in vars(self) if not name.startswith("_")}
        return sorted(names.union(*map(exported, self._sources)))

    def lacks(self, name: str) -> str:
        """What to say of an attribute that is not here: where the nearest is."""
        here = self.__name__
        near = [f"{module}.{name}" for module, space in self._family.items() if name in dir(space)]
        near = near or [f"{here}.{other}" for other in difflib.get_close_matches(name, dir(self), 2, 0.7)]
        if not near:
            names = {
                other: module for module, space in reversed(self._family.items()) for other in dir(space)
            }
            near = [f"{names[other]}.{other}" for other in difflib.get_close_matches(name, names, 2, 0.75)]
        hint = f"; the nearest that it has: {', '.join(near[:2])}" if near else ""
        return f"{here}.{name} is not in nn.compat, which stands in for PyTorch here{hint}"


class Finder(MetaPathFinder):
    """Says clearly what `import torch.something` or `from torch import something` lacks."""

    def __init__(self, family: dict[str, Namespace]) -> None:
        self.family = family

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Raise ModuleNotFoundError for a module below ours; leave others to Python."""
        parent, _, name = fullname.rpartition(".")
        if parent in self.family and sys.modules.get(parent) is self.family[parent]:
            raise ModuleNotFoundError(self.family[parent].lacks(name))
