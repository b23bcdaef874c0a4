"""Attributes of classes and modules that are replaced for a while, so that somebody can look on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any


class Replaced(ExitStack):
    """A `with` block, at whose end all that was `put` in it is as it was before.

    >>> class Door:
    ...     is_open = False
    >>> with Replaced() as replaced:
    ...     replaced.put(Door, "is_open", True)
    ...     print(Door.is_open)
    True
    >>> Door.is_open
    False
    """

    def put(self, owner: Any, name: str, new: Any) -> None:
        """Set an attribute that the owner itself has."""
        self.callback(setattr, owner, name, vars(owner)[name])
        setattr(owner, name, new)
