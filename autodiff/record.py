"""How a value came to be: the record of one operation, the clock that orders them, the recording switch."""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from .dtypes import Array

if TYPE_CHECKING:
    from .primitive import Primitive

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]

clock = itertools.count(1).__next__
"""One running number for all that happens: inputs are older than outputs, so it orders the graph."""


class Record:
    """One line of the computation, `value = op(*args)`: plain data, no cycles; a leaf has no `op`.

    `inputs` are the records of the tensor arguments, in order, with repeats; None where no gradient
    flows. `args` are the raw arguments that the rules read. `tensor` points (weakly) to the Tensor whose
    `.grad` is kept. `hooks` are called with the cotangent; None where it need only be passed on.
    """

    __slots__ = ("__weakref__", "args", "birth", "hooks", "inputs", "op", "spent", "tensor", "value")

    def __init__(
        self, op: Primitive | None, inputs: tuple[Record | None, ...], args: tuple[Any, ...], value: Array
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.args = args
        self.value = value
        self.birth = clock()
        self.spent = False
        self.tensor: Callable[[], Any] | None = None
        self.hooks: dict[int, Callable[[Any], Any]] | None = None

    def name(self) -> str:
        """The name that `grad_fn` shows, as PyTorch spells it: `MulBackward0`."""
        if self.op is None:
            return "AccumulateGrad"
        return "".join(part.capitalize() for part in self.op.name.split("_")) + "Backward0"

    def __repr__(self) -> str:
        return f"<{self.name()} object, record {self.birth}>"


class GradMode(threading.local):
    """Whether operations are recorded; each thread has its own."""

    enabled = True


mode = GradMode()


def is_grad_enabled() -> bool:
    """True when operations on tensors that require grad are being recorded in this thread."""
    return mode.enabled


class _Switch:
    """A `with` block, or a decorated function, in which recording is on or off."""

    enabled: bool

    def __enter__(self) -> None:
        self.previous = mode.enabled
        mode.enabled = self.enabled

    def __exit__(self, *_: object) -> None:
        mode.enabled = self.previous

    def __call__(self, function: F) -> F:
        """`function` with recording switched while it runs.

        A generator's mode is its caller's between its steps.
        """
        if inspect.isgeneratorfunction(function):
            return cast(F, functools.wraps(function)(lambda *a, **k: self.stepwise(function(*a, **k))))

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with self.again():
                return function(*args, **kwargs)

        return cast(F, switched)

    def stepwise(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same generator, with recording switched only while it computes."""
        sent = None
        while True:
            with self.again():
                try:
                    item = steps.send(sent)
                except StopIteration as end:
                    return end.value
            sent = yield item

    def again(self) -> _Switch:
        """A switch of its own for each call and each thread."""
        fresh = object.__new__(_Switch)
        fresh.enabled = self.enabled
        return fresh


class _Mode(_Switch):
    """A switch without arguments, which may decorate a function without parentheses: `@no_grad`."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Self:
        return object.__new__(cls) if function is None else cast(Self, cls()(function))


class no_grad(_Mode):
    """Record nothing in this block or decorated function: no graph, no gradient.

    >>> import autodiff
    >>> x = autodiff.ones(2, requires_grad=True)
    >>> with autodiff.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    enabled = False


class enable_grad(_Mode):
    """Record again, inside a `no_grad` block.

    >>> import autodiff
    >>> x = autodiff.ones(2, requires_grad=True)
    >>> with autodiff.no_grad(), autodiff.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    enabled = True


class set_grad_enabled(_Switch):
    """Switch recording on or off at once; as a `with` block or a decorator, only inside it.

    >>> import autodiff
    >>> x = autodiff.ones(2, requires_grad=True)
    >>> with autodiff.set_grad_enabled(False):
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        self.enabled = bool(mode)
        super().__enter__()

    def __enter__(self) -> None:
        mode.enabled = self.enabled  # what was before is known since it was made

    def __call__(self, function: F) -> F:
        self.__exit__()  # a decorator acts when the function is called, not when it is defined
        return super().__call__(function)
