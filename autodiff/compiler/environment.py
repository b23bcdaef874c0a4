"""What a step uses without being given it: modules, optimizers, what its functions find under names.

A program holds as long as these are the same: the same objects under the same names, modules with the same
attributes (and so in the same mode, training or not), lists and dicts with the same contents. Names are those
that the code of the step mentions, and of the functions, methods and modules that it can call.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from operator import attrgetter, is_not
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

LARGE = 4096  # elements of an array: a larger one is not compared at each call
MANY = 32  # entries of a dict: those of a larger one are compared together

OURS = frozenset(("autodiff", "nn"))
LIBRARIES = OURS | {"numpy", "builtins", *sys.stdlib_module_names}
"""Packages whose functions are taken to do the same each time."""

ANY_NAME = frozenset(("getattr", "vars", "globals", "__dict__", "attrgetter", "eval", "exec"))
"""Code that mentions one of these may look up any attribute."""

CALLED = frozenset(
    """forward __call__ __next__ __iter__ __enter__ __exit__ __len__ __getitem__ __setitem__ __contains__
    __getattr__ __getattribute__ __bool__ __eq__ __lt__ __le__ __gt__ __ge__ __hash__ __float__ __int__
    __index__ __add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __truediv__ __rtruediv__ __neg__ __pow__
    __matmul__ __iadd__ __isub__ __imul__""".split()
)
"""Methods that are called without being named."""

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, CodeType)


class Environment:
    """The modules and optimizers that a step can reach, and what must stay as it is."""

    def __init__(self, step: Callable[..., Any], args: Any) -> None:
        self.names: set[str] = set()
        found = -1
        while found != len(self.names):  # a name that is found late counts for all objects
            found = len(self.names)
            self.cells: list[Any] = []
            self.scopes: list[tuple[Mapping[str, Any], str]] = []  # globals, attributes of objects, classes
            self.slots: list[tuple[Any, str]] = []
            self.absent: list[tuple[dict[str, Any], str]] = []  # which the class has, and the object has not
            self.dicts: list[dict[Any, Any]] = []
            self.containers: list[Any] = []  # compared as a whole
            self.sets: list[Any] = []
            self.arrays: list[Any] = []
            self.optimizers: list[Any] = []
            self.randoms: list[Any] = []  # sources of random numbers that are not ours
            self.refused = ""
            self.tensors: dict[int, Any] = {}  # that are found by a name, not given
            self.variables: list[tuple[str, Any]] = []  # what they are called
            self._met: dict[int, Any] = {}
            self.look(step)
            for arg in args:
                self.look(arg, given=True)
        self.drawn = [*map(drawn_by, [random, np.random, *self.randoms])]
        self.options = [*map(options_of, self.optimizers)]
        self.values, self.contents, self.copies = self.now()
        self.ids = [[*map(id, parts)] for parts in self.contents]

    # what is reached

    def look(self, x: Any, name: str = "", given: bool = False) -> None:
        """Note what can be reached from x. If it is given, `keys` tells its contents apart."""
        if hasattr(x, "record") and not given:
            self.tensors[id(x)] = x
        if isinstance(x, PLAIN) or hasattr(x, "record") or id(x) in self._met:
            return
        self._met[id(x)] = x
        kind = type(x)
        if isinstance(x, (MethodType, BuiltinMethodType)):
            self.look(x.__self__)
            self.look(getattr(x, "__func__", None))
        elif isinstance(x, FunctionType):
            self.look_into(x)
        elif kind.__module__ == __package__:  # a compiled step, this one perhaps, which changes inside
            self.look(x.step)
        elif isinstance(x, type):
            self.look_at_class(x, CALLED | {"__init__", "__new__"})
        elif hasattr(x, "param_groups") and hasattr(x, "update_rule"):
            self.optimizers.append(x)
            self.look(vars(x).get("step"))  # if somebody has wrapped it
        elif callable(getattr(x, "modules", None)) and hasattr(x, "training"):
            for module in x.modules():
                if id(module) not in self._met or module is x:
                    self._met[id(module)] = module
                    self.look_at_module(module)
        elif isinstance(x, ModuleType):
            if root_of(x.__name__) not in LIBRARIES:
                self.look_up(vars(x), self.names)
        elif isinstance(x, (tuple, list, deque, dict)):
            if isinstance(x, dict) and len(x) <= MANY and not given:
                self.dicts.append(x)
            elif not isinstance(x, tuple) and not given:
                self.containers.append(x)
            for part in [*x.values()] if isinstance(x, dict) else [*x]:
                self.look(part, name, given)
        elif isinstance(x, (set, frozenset)):
            self.sets.append(x)
        elif isinstance(x, np.ndarray):
            if x.size > LARGE or x.dtype.hasobject:
                self.refused = f"it uses a NumPy array of shape {x.shape}{called(name)}: make it a tensor"
            else:
                self.arrays.append(x)
        elif isinstance(x, (random.Random, np.random.RandomState, np.random.Generator)):
            self.randoms.append(x)
        elif hasattr(kind, "__next__") and kind.__module__ in ("builtins", "itertools"):
            self.refused = f"it uses an iterator{called(name)}, which gives something else at each call"
        elif isinstance(x, partial):
            for part in (x.func, x.args, x.keywords):
                self.look(part)
        else:
            self.look_at_object(x)

    def look_into(self, function: FunctionType) -> None:
        """A function: its closure, its globals, its defaults, and attributes that it may have."""
        library = (
            root_of(function.__module__) in LIBRARIES or "site-packages" in function.__code__.co_filename
        )
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            if not library:
                self.cells.append(cell)
                self.variables.append((name, content))
            if not library or callable(content):
                self.look(content, name)
        if library:
            return
        names = {*names_in(function.__code__)}
        self.names |= names
        self.look_up(function.__globals__, names)
        if function.__defaults__:
            self.slots.append((function, "__defaults__"))
        for part in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.look(part)
        if vars(function):
            self.look(vars(function))

    def look_up(self, scope: dict[str, Any], names: set[str]) -> None:
        """The globals of a function or a module that have these names."""
        for name in sorted(names & scope.keys()):
            self.scopes.append((scope, name))
            self.variables.append((name, scope[name]))
            self.look(scope[name], name)

    def look_at_module(self, module: Any) -> None:
        """A neural network's module: all its attributes."""
        attributes = vars(module)
        self.dicts.append(attributes)
        for name, part in [*attributes.items()]:
            if name == "_module_hooks":
                for hooks in vars(part).values() if part is not None else ():
                    self.look(hooks)
            elif name != "_roles":
                self.look(part, name)
        self.look_at_class(type(module))

    def look_at_object(self, x: Any) -> None:
        """Any other object: the attributes whose names are mentioned; all those of a scheduler of ours."""
        root = root_of(type(x).__module__)
        if root in ("autodiff", "numpy"):
            return
        attributes = vars(x) if (free := hasattr(x, "__dict__")) else {}
        every = root == "nn" or (root not in LIBRARIES and not self.names.isdisjoint(ANY_NAME))
        names = {name for name in attributes if every or name in self.names}
        self.variables += attributes.items()
        if every:
            self.dicts.append(attributes)
        else:
            self.scopes += [(attributes, name) for name in names]
        for name in names:
            self.look(attributes[name], name)
        for cls in type(x).__mro__:
            slots = vars(cls).get("__slots__", ())
            for name in {slots} if isinstance(slots, str) else {*slots}:
                if (every or name in self.names) and hasattr(x, name) and name != "__dict__":
                    self.slots.append((x, name))
                    self.look(getattr(x, name), name)
        known = self.look_at_class(type(x))
        self.absent += [(attributes, name) for name in known if free and name not in attributes]

    def look_at_class(self, cls: type, called: frozenset[str] = CALLED) -> list[str]:
        """A class: the methods and attributes whose names are mentioned; which attributes these are."""
        found = []
        for owner in cls.__mro__:
            if root_of(owner.__module__) in LIBRARIES:
                continue
            for name, part in [*vars(owner).items()]:
                if name not in self.names and name not in called:
                    continue
                part = getattr(part, "__func__", getattr(part, "fget", part))  # static methods, properties
                method = isinstance(part, FunctionType)
                if method or (not hasattr(part, "__get__") and name not in called):
                    found.append(name)
                    self.scopes.append((vars(owner), name))
                    self.look(part, name)
        return found

    # what it is

    def now(self) -> tuple[list[Any], list[list[Any]], list[Any]]:
        """What everything is at this time: single objects, the contents of containers, and of arrays."""
        found = [*map(content_of, self.cells)] if self.cells else []
        for scope, name in self.scopes:
            found.append(scope.get(name))
        for x, name in self.slots:
            found.append(getattr(x, name, None))
        found.extend(chain.from_iterable(map(dict.values, self.dicts)))
        if not (self.containers or self.arrays or self.sets):
            return found, [], []
        contents = [contents_of(x) for x in self.containers]
        return found, contents, [*map(set, self.sets), *(array.tobytes() for array in self.arrays)]

    def conditions(self, bound: Callable[..., str]) -> tuple[list[str], list[str]]:
        """Expressions that are true where something is another object; the names in them of `values`.

        Where nothing is, they cost a third of `changed`. KeyError and ValueError mean that it is gone.
        """
        found = [f"{bound(cell)}.cell_contents" for cell in self.cells]
        found += [f"{bound(scope)}[{name!r}]" for scope, name in self.scopes]
        found += [f"{bound(x)}.{name}" for x, name in self.slots]
        others = [f"{name!r} in {bound(attributes)}" for attributes, name in self.absent]
        for attributes in self.dicts:
            name = bound(attributes)
            others.append(f"len({name}) != {len(attributes)}")
            keys = [repr(key) if type(key) in (str, int) else bound(key) for key in attributes]
            found += [f"{name}[{key}]" for key in keys]
        for x, ids in zip(self.containers, self.ids, strict=True):
            parts = f"{bound(contents_of)}({bound(x)})" if isinstance(x, dict) else bound(x)
            others.append(f"[*{bound(map)}({bound(id)}, {parts})] != {bound(ids)}")
        copies = [bound(copy) for copy in self.copies]
        parts_now = [*map(bound, self.sets), *(f"{bound(array)}.tobytes()" for array in self.arrays)]
        others += [f"{x} != {copy}" for x, copy in zip(parts_now, copies, strict=True)]
        names = [bound(value, "was") for value in self.values]
        return others + [f"{x} is not {was}" for x, was in zip(found, names, strict=True)], names

    def changed(self) -> bool:
        """Whether anything is another object than it was; an equal number is no other."""
        values, contents, copies = self.now()
        if copies != self.copies or any(name in attributes for attributes, name in self.absent):
            return True
        if not contents and len(values) == len(self.values) and not any(map(is_not, values, self.values)):
            return False
        for now, was in zip([values, *contents], [self.values, *self.contents], strict=True):
            if [*map(plainly, now)] != [*map(plainly, was)]:
                return True
        self.values, self.contents = values, contents
        for ids, parts in zip(self.ids, contents, strict=True):
            ids[:] = map(id, parts)
        return False

    def unfit(self) -> str:
        """Why no program can do what a step has just done, in words: "" if one can."""
        if self.refused:
            return self.refused
        if [*map(drawn_by, [random, np.random, *self.randoms])] != self.drawn:
            return "random numbers were drawn by NumPy or Python: draw them with autodiff, or give them"
        if [*map(options_of, self.optimizers)] != self.options:
            return "the step changes an option of an optimizer: change it between calls"
        return ""


def plainly(x: Any) -> Any:
    """What an object is compared by: a number or a text by its value, anything else by being itself."""
    return (type(x), repr(x)) if type(x) in (bool, int, float, str) else id(x)


content_of = attrgetter("cell_contents")


def contents_of(x: Any) -> list[Any]:
    """All that a container holds."""
    return [*x, *x.values()] if isinstance(x, dict) else [*x]


def names_in(code: CodeType) -> Iterator[str]:
    """The names that a function looks up, and those of the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def root_of(module: str | None) -> str:
    """The package of a module."""
    return (module or "").partition(".")[0]


def called(name: str) -> str:
    """The name of something that is refused."""
    return f" ({name})" if name else ""


def options_of(optimizer: Any) -> Any:
    """The options of an optimizer's groups."""
    return [
        {name: plainly(x) for name, x in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]


def drawn_by(source: Any) -> Any:
    """The state of a source of random numbers."""
    if isinstance(source, np.random.Generator):
        return str(source.bit_generator.state)
    return str((source.get_state if hasattr(source, "get_state") else source.getstate)())
