"""Nested tuples, lists and dicts of values: taken apart into a list, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple


class Tree(NamedTuple):
    """The form of a nested value; a leaf has kind None. Two that are equal have values of the same form."""

    kind: type | None
    keys: tuple[Any, ...] = ()
    children: tuple[Tree, ...] = ()

    def build(self, leaves: Iterable[Any]) -> Any:
        """The nested value with these leaves, in order."""
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator[Any]) -> Any:
        if self.kind is None:
            return next(leaves)
        children = [child._build(leaves) for child in self.children]
        if issubclass(self.kind, dict):
            return self.kind(zip(self.keys, children, strict=True))
        kind: Any = self.kind
        return kind(*children) if hasattr(kind, "_fields") else kind(children)


LEAF = Tree(None)


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """The leaves of nested tuples, lists and dicts, and their form.

    >>> leaves, tree = flatten({"a": 1, "b": (2, [3])})
    >>> leaves, tree.build([4, 5, 6])
    ([1, 2, 3], {'a': 4, 'b': (5, [6])})
    """
    if not isinstance(value, tuple | list | dict):
        return [value], LEAF
    keys, items = (tuple(value), list(value.values())) if isinstance(value, dict) else ((), list(value))
    flat = [flatten(item) for item in items]
    return [leaf for leaves, _ in flat for leaf in leaves], Tree(type(value), keys, tuple(t for _, t in flat))


def spread(prefix: Any, value: Any, is_leaf: Callable[[Any], bool]) -> Sequence[Any] | None:
    """One entry of `prefix` for each leaf of `value`; an entry may stand for a whole branch.

    None if the forms do not fit.

    >>> spread((0, None), (1, [2, 3]), lambda x: x is None or isinstance(x, int))
    [0, None, None]
    """
    if is_leaf(prefix):
        return [prefix] * len(flatten(value)[0])
    if type(prefix) is not type(value) and not (isinstance(prefix, tuple) and isinstance(value, tuple)):
        return None
    if isinstance(prefix, dict):
        if prefix.keys() != value.keys():
            return None
        pairs = [(prefix[key], value[key]) for key in value]
    elif isinstance(prefix, tuple | list) and len(prefix) == len(value):
        pairs = list(zip(prefix, value, strict=True))
    else:
        return None
    found: list[Any] = []
    for part, branch in pairs:
        entries = spread(part, branch, is_leaf)
        if entries is None:
            return None
        found.extend(entries)
    return found
