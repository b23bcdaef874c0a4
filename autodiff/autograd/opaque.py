"""In the place of a primitive: an operation without rules, whose gradients all come from one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Opaque:
    """What the engine, pictures and explanations ask of a primitive, of a program that they cannot look into.

    A subclass has a `name`, an `arity`, what its rules read (`reads`, `saves`), and `gradients`.
    """

    arity: int
    fits = False  # who knows what the program gives
    into = None

    def gradients(self, g: Any, z: Any, args: tuple[Any, ...]) -> Sequence[Any]:
        """The cotangent of each argument for that of the result; None where there is none."""
        raise NotImplementedError

    @property
    def vjps(self) -> Sequence[Callable[..., Any]]:
        """The rules, for one walk of the graph: the first that is called runs the program for all of them."""
        found: list[Any] = []

        def rule(i: int) -> Callable[..., Any]:
            def cotangent(g: Any, z: Any, *args: Any) -> Any:
                if not found:
                    found.extend(self.gradients(g, z, args))
                return found[i]

            return cotangent

        return [rule(i) for i in range(self.arity)]

    def arity_of(self, args: tuple[Any, ...]) -> int:
        """How many of `args` may be tensors: any."""
        return self.arity
