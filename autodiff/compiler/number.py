"""The number that `.item()` gives while a step is traced: it may be returned, not computed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .program import Value
    from .writer import Writer

NO_NUMBERS = "a number that .item() gave is used in the step: return it instead"


class Number(float):
    """A float that ends the trace when something is asked of it."""

    writer: Writer | None  # None when the trace has ended
    value: Value

    def __reduce__(self) -> Any:
        return float, (float.__pos__(self),)

    def asked(self) -> None:
        """Something depends on it: the trace ends."""
        if self.writer is not None and self.writer.watching:
            self.writer.give_up(NO_NUMBERS)


def refusing(name: str) -> Callable[..., Any]:
    """A float's method that ends the trace."""
    method = getattr(float, name)

    def refuse(self: Number, *args: Any) -> Any:
        self.asked()
        return method(self, *args)

    return refuse


ASKED_OF_NUMBERS = """add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow divmod
    rdivmod neg pos abs bool int float round lt le gt ge eq ne format repr str trunc floor ceil
    hash""".split()
METHODS = ("as_integer_ratio", "conjugate", "hex", "is_integer")
for _name in (*(f"__{name}__" for name in ASKED_OF_NUMBERS), *METHODS):
    setattr(Number, _name, refusing(_name))
