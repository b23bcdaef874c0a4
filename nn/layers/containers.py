"""Modules made of modules or parameters: in a row, in a list, in a dict; and the multilayer perceptron."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, TypeVar, overload

from autodiff import Tensor
from autodiff.errors import located
from autodiff.errors.tracebacks import passing

from ..module import Module, indented, written
from ..parameter import Parameter
from .activation import activation_module
from .linear import Linear

Self = TypeVar("Self", bound="_Numbered")


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
    def __getitem__(self: Self, index: slice) -> Self: ...
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

    def append(self: Self, module: Module) -> Self:
        """Add a module at the end; returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: Self, modules: Iterable[Module]) -> Self:
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

    def pop(self, index: int) -> Any:
        """Take the module at `index` out, and return it."""
        module = self[index]
        del self[index]
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


def described(values: Iterable[tuple[Any, Any]], kind: Callable[[Tensor], str]) -> str:
    """A line for each value of a ParameterList or ParameterDict."""
    lines = []
    for key, value in values:
        if isinstance(value, Tensor):
            size = "x".join(map(str, value.shape))
            name = "Parameter" if isinstance(value, Parameter) else "Tensor"
            lines.append(f"  ({key}): {name} containing: [{kind(value)} of size {size}]")
        else:
            lines.append(f"  ({key}): Object of type: {type(value).__name__}")
    return "\n".join(lines)


def as_parameter(value: Any) -> Any:
    """A tensor as a Parameter that shares its memory; other values as they are."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


class ParameterList(Module):
    """A list whose parameters are registered; a tensor becomes a Parameter. It is not called.

    Source: PyTorch, `torch.nn.ParameterList`.

    >>> import autodiff, nn
    >>> weights = nn.ParameterList([autodiff.zeros(2), nn.Parameter(autodiff.ones(1, 3))])
    >>> [name for name, _ in weights.named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _name(self, index: int) -> str:
        i = operator.index(index)
        if not -self._size <= i < self._size:
            raise located.IndexError(f"index {i} is out of range: the ParameterList has {self._size} values")
        return str(i % self._size)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> ParameterList: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ParameterList(list(self)[index])
        return getattr(self, self._name(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._name(index), as_parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self._size))

    def append(self, value: Any) -> ParameterList:
        """Add a value at the end; returns the list."""
        self._size += 1
        self[-1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several values at the end; returns the list. A tensor is one value: TypeError."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise located.TypeError(
                "ParameterList.extend should be called with an iterable, but got " + type(values).__name__
            )
        for value in values:
            self.append(value)
        return self

    __iadd__ = extend

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise located.RuntimeError("ParameterList should not be called.")

    def extra_repr(self) -> str:
        return described(enumerate(self), lambda x: f"torch.{x.dtype.name}")


class ParameterDict(Module):
    """A dict, by string, whose parameters are registered; a tensor becomes a Parameter. It is not called.

    Source: PyTorch, `torch.nn.ParameterDict`.

    >>> import autodiff, nn
    >>> nn.ParameterDict({"scale": autodiff.ones(2)})["scale"].requires_grad
    True
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise located.TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string (type is "
                f"'{type(key).__name__}'). Open an issue on github if you need non-string keys."
            )
        if key not in self._keys and hasattr(self, key):
            raise KeyError(f"attribute '{key}' already exists: a ParameterDict's values are attributes")
        setattr(self, key, as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def copy(self) -> ParameterDict:
        """Another dict with the same parameters."""
        return ParameterDict(dict(self.items()))

    def clear(self) -> None:
        """Take all values out."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Take the value of this name out, and return it."""
        value = self[key]
        del self[key]
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of this name, or `default`."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of this name, which is set to `default` first if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._keys.keys()

    def values(self) -> Iterator[Any]:
        """The values."""
        return (self[key] for key in self._keys)

    def items(self) -> Iterator[tuple[str, Any]]:
        """The pairs of name and value."""
        return ((key, self[key]) for key in self._keys)

    def update(self, parameters: Mapping[str, Any] | ParameterDict | Iterable[tuple[str, Any]]) -> None:
        """Add or replace several values."""
        if isinstance(parameters, ParameterDict):
            parameters = parameters.items()
        for key, value in dict(parameters).items():
            self[key] = value

    def __or__(self, other: ParameterDict) -> ParameterDict:
        found = self.copy()
        found.update(other)
        return found

    def __ior__(self, other: ParameterDict) -> ParameterDict:
        self.update(other)
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise located.RuntimeError("ParameterDict should not be called.")

    def extra_repr(self) -> str:
        return described(self.items(), lambda x: "torch." + str(x.type()).rpartition(".")[2])


class MLP(Sequential):
    """A multilayer perceptron: `MLP(2, [16, 16, 1])` has 2 inputs, two hidden layers of 16, and 1 output.

    hidden1, activation1, hidden2, activation2, ..., output; a single hidden layer is called `hidden`. The
    output layer has no activation: it gives logits, or real numbers. `activation` is a name ("relu", "tanh",
    "sigmoid" ...), a module class, or a module, which all hidden layers then share. Raises ValueError for an
    unknown name or for no layers. Source: micrograd's MLP.

    >>> import nn
    >>> nn.MLP(2, [4, 1], activation="sigmoid")
    MLP(
      (hidden): Linear(in_features=2, out_features=4, bias=True)
      (activation): Sigmoid()
      (output): Linear(in_features=4, out_features=1, bias=True)
    )
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], activation: str | type[Module] | Module = "relu"
    ) -> None:
        super().__init__()
        if not isinstance(nouts, Sequence) or isinstance(nouts, str) or not nouts:
            raise located.ValueError(
                f"MLP: nouts lists the units of each layer, the outputs last: MLP({nin}, [16, 1]), not "
                f"{nouts!r}"
            )
        *hidden, outputs = zip([nin, *nouts], nouts, strict=False)
        for i, (units_before, units) in enumerate(hidden, start=1):
            number = "" if len(hidden) == 1 else str(i)
            self.add_module(f"hidden{number}", Linear(units_before, units))
            self.add_module(f"activation{number}", activation_module(activation))
        self.add_module("output", Linear(*outputs))
