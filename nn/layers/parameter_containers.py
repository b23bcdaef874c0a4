"""Modules made of parameters: in a list, in a dict."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping
from typing import Any, overload

from autodiff import Tensor
from autodiff.errors import located

from ..module import Module
from ..parameter import Parameter


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
                f"'{type(key).__name__}'): str(key) is one"
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
