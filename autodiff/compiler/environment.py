"""What a step uses without being given it: modules, optimizers, numbers in its closure and its globals.

A program holds as long as these are the same: the same objects under the same names, modules with the same
attributes (and so in the same mode, training or not).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from operator import attrgetter, is_not
from types import CodeType, FunctionType, MethodType
from typing import Any

DEPTH = 3  # functions that the step calls, and those that they call


class Environment:
    """The modules and optimizers that a step can reach, and what must stay as it is."""

    def __init__(self, step: Callable[..., Any], args: Any) -> None:
        self.cells: list[Any] = []
        self.globals: list[tuple[dict[str, Any], str]] = []
        self.modules: list[Any] = []
        self.optimizers: list[Any] = []
        self.others: list[Any] = []  # objects with attributes
        self.variables: list[tuple[str, Any]] = []  # what they are called
        self._met: set[int] = set()
        self._look(step, DEPTH)
        for arg in args:
            self._look(arg, 1)
        self.dicts = [vars(module) for module in self.modules + self.others]
        self.values = self.now()

    def _look(self, x: Any, depth: int) -> None:
        if id(x) in self._met or depth < 0:
            return
        self._met.add(id(x))
        if isinstance(x, MethodType):
            self._look(x.__self__, depth)
            self._look(x.__func__, depth)
        elif isinstance(x, FunctionType):
            self._look_into(x, depth)
        elif type(x).__module__ == __package__:  # a compiled step, this one perhaps, which changes inside
            self._look(x.step, depth)
        elif hasattr(x, "param_groups") and hasattr(x, "update_rule"):
            self.optimizers.append(x)
        elif callable(getattr(x, "modules", None)) and hasattr(x, "training"):
            for module in x.modules():
                if id(module) not in self._met or module is x:
                    self._met.add(id(module))
                    self.modules.append(module)
                    for part in vars(module).values():
                        self._look(part, depth - 1)
        elif type(x) in (list, tuple):
            for part in x[:100]:
                self._look(part, depth - 1)
        elif type(x) is dict:
            for part in list(x.values())[:100]:
                self._look(part, depth - 1)
        elif hasattr(x, "__dict__") and not isinstance(x, type) and type(x).__module__ not in LEFT_OUT:
            if hasattr(x, "func") and hasattr(x, "args"):  # functools.partial
                self._look(x.func, depth)
            if type(x).__name__ != "module" and not hasattr(x, "record") and depth < DEPTH + 1:
                self.others.append(x)
                self.variables += vars(x).items()
                for part in list(vars(x).values()):
                    self._look(part, depth - 1)

    def _look_into(self, function: FunctionType, depth: int) -> None:
        if (function.__module__ or "").partition(".")[0] in ("autodiff", "nn", "numpy"):
            return
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            self.cells.append(cell)
            self.variables.append((name, content))
            self._look(content, depth - 1)
        for name in names_in(function.__code__):
            if name in function.__globals__:
                self.globals.append((function.__globals__, name))
                self.variables.append((name, function.__globals__[name]))
                self._look(function.__globals__[name], depth - 1)
        for part in function.__defaults__ or ():
            self._look(part, depth - 1)

    def now(self) -> list[Any]:
        """What everything is at this time."""
        found = [*map(content_of, self.cells)] if self.cells else []
        for scope, name in self.globals:
            found.append(scope.get(name))
        found.extend(chain.from_iterable(map(dict.values, self.dicts)))
        return found

    def conditions(self, bound: Callable[..., str]) -> tuple[list[str], list[str]]:
        """Expressions that are true where something is another object; the names in them of `values`.

        Where nothing is, they cost a third of `changed`. KeyError and ValueError mean that it is gone.
        """
        found = [f"{bound(cell)}.cell_contents" for cell in self.cells]
        found += [f"{bound(scope)}[{name!r}]" for scope, name in self.globals]
        lengths = []
        for attributes in self.dicts:
            name = bound(attributes)
            lengths.append(f"len({name}) != {len(attributes)}")
            found += [f"{name}[{key!r}]" for key in attributes]
        names = [bound(value, "was") for value in self.values]
        return lengths + [f"{x} is not {was}" for x, was in zip(found, names, strict=True)], names

    def changed(self) -> bool:
        """Whether anything is another object than it was; an equal number is no other."""
        now = self.now()
        if len(now) == len(self.values) and not any(map(is_not, now, self.values)):
            return False
        if list(map(plainly, now)) != list(map(plainly, self.values)):
            return True
        self.values = now
        return False


def plainly(x: Any) -> Any:
    """What an object is compared by: a number or a text by its value, anything else by being itself."""
    return (type(x), x) if type(x) in (bool, int, float, str) else id(x)


content_of = attrgetter("cell_contents")


def names_in(code: CodeType) -> Iterator[str]:
    """The names that a function looks up, and those of the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


LEFT_OUT = frozenset(("builtins", "numpy", "autodiff.record"))
