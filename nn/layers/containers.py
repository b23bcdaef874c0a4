"""Modules made of modules: in a row, in a list, in a dict."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, overload

from autodiff.errors import located
from autodiff.errors.tracebacks import passing

from ..module import Module, indented, written


class _Numbered(Module):
    """Submodules named "0", "1", "2" ... (or, in a Sequential, as its OrderedDict says)."""

    def _listed(self) -> list[Any]:
        return [module for _, module in self._own("module")]

    def _replace(self, modules: Iterable[Any]) -> None:
        """Have these modules and no others, numbered anew."""
        modules = list(modules)
        for module in modules:
            self._check("0", module, "module", Module)
        for name, _ in list(self._own("module")):
            delattr(self, name)
        for i, module in enumerate(modules):
            self._register(str(i), module, "module")

    def _name(self, index: Any) -> str:
        """The name of the module at `index`, which may count from the end; IndexError if there is none."""
        names = [name for name, _ in self._own("module")]
        i = operator.index(index)
        if not -len(names) <= i < len(names):
            raise located.IndexError(
                f"index {i} is out of range: {type(self).__name__} has {len(names)} modules"
            )
        return names[i]

    def __len__(self) -> int:
        return len(self._listed())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._listed())

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        return self.__dict__[self._name(index)]

    def _slice(self, index: slice) -> Any:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        name = self._name(index)
        self._check(name, module, "module", Module)
        self._register(name, module, "module")

    def __delitem__(self, index: int | slice) -> None:
        gone = range(len(self))[index]
        gone = gone if isinstance(gone, range) else range(gone, gone + 1)
        self._replace(module for i, module in enumerate(self) if i not in gone)

    def append(self, module: Module) -> Self:
        """Add a module at the end; returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end; returns the container."""
        if not isinstance(modules, Iterable):
            raise located.TypeError(
                f"{type(self).__name__}.extend should be called with an iterable, but got "
                f"{type(modules).__name__}"
            )
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at `index`."""
        modules = self._listed()
        if not -len(modules) <= index <= len(modules):
            raise located.IndexError(
                f"Index out of range: {index}: {type(self).__name__} has {len(modules)} modules"
            )
        modules.insert(index, module)
        self._replace(modules)
        return self

    def pop(self, key: int) -> Any:
        """Take the module at the index `key` out, and return it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Numbered):
    """Modules one after the other: each gets what the one before returned.

    `Sequential(first, second, ...)`, or `Sequential(OrderedDict(...))` to name them. Raises TypeError for
    what is not a Module. Source: PyTorch, `torch.nn.Sequential`.

    >>> import nn
    >>> nn.Sequential(nn.Linear(2, 4), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=4, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = (
            modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else dict(enumerate(modules))
        )
        for name, module in named.items():
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        attributes = self.__dict__
        try:
            for name, role in self._roles.items():
                if role == "module":
                    input = attributes[name](input)
        except Exception as error:  # no path of a healthy call leads here
            passing(error)
            raise
        return input

    def _slice(self, index: slice) -> Sequential:
        return Sequential(OrderedDict(list(self._own("module"))[index]))

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise located.ValueError(
                f"add operator supports only objects of Sequential class, but {type(other)} is given."
            )
        return Sequential(*self, *other)

    def __mul__(self, times: int) -> Sequential:
        if times <= 0:
            raise located.ValueError(f"Non-positive multiplication factor {times} for Sequential")
        return Sequential(*(list(self) * times))

    __rmul__ = __mul__


class ModuleList(_Numbered):
    """A list whose modules are registered: their parameters are found.

    Source: PyTorch, `torch.nn.ModuleList`.

    >>> import nn
    >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _slice(self, index: slice) -> ModuleList:
        return ModuleList(self._listed()[index])

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        runs: list[tuple[str, int, int]] = []  # text, first, last
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][0] == text:
                runs[-1] = (text, runs[-1][1], i)
            else:
                runs.append((text, i, i))
        return written(
            self._get_name(),
            [],
            [
                f"({first}): {indented(text)}"
                if first == last
                else f"({first}-{last}): {last - first + 1} x {indented(text)}"
                for text, first, last in runs
            ],
        )


class ModuleDict(Module):
    """A dict, by string, whose modules are registered; in order of insertion.

    Raises KeyError for a key that an attribute of the module already has. Source: PyTorch,
    `torch.nn.ModuleDict`.

    >>> import nn
    >>> nn.ModuleDict({"relu": nn.ReLU()})["relu"]
    ReLU()
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return dict(self._own("module"))[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def clear(self) -> None:
        """Take all modules out."""
        for key in list(self):
            del self[key]

    def pop(self, key: str) -> Any:
        """Take the module of this name out, and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> KeysView[str]:
        """The names."""
        return dict(self._own("module")).keys()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return dict(self._own("module")).values()

    def items(self) -> ItemsView[str, Any]:
        """The pairs of name and module."""
        return dict(self._own("module")).items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace several modules."""
        for key, module in dict(modules).items():
            self[key] = module
