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


def refusing(name: str) -> Callable[..., Any]:
    """A float's method that ends the trace."""
    method = getattr(float, name)

    def refuse(self: Number, *args: Any) -> Any:
        if self.writer is not None and self.writer.watching:
            self.writer.give_up(NO_NUMBERS)
        return method(self, *args)

    return refuse


ASKED_OF_NUMBERS = """add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow divmod
    neg pos abs bool int float round lt le gt ge eq ne format repr str trunc floor ceil hash""".split()
for _name in ASKED_OF_NUMBERS:
    setattr(Number, f"__{_name}__", refusing(f"__{_name}__"))
