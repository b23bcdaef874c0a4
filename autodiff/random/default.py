"""The default generator: seeded, taken back to where it was, and used where no other is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..dtypes import Array
from ..errors import located
from ..tensor import Tensor
from .generator import Generator

default_generator = Generator()
"""The generator of every draw without `generator=`; it has a random seed until `manual_seed`."""

default_generator.seed()


def manual_seed(seed: Any) -> Generator:
    """Start the default generator's stream for `seed`, from −2⁶³ to 2⁶⁴ − 1, and return the generator.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> autodiff.rand(3), autodiff.randn(2), autodiff.randperm(4)
    (tensor([0.4963, 0.7682, 0.0885]), tensor([0.3643, 0.1344]), tensor([3, 2, 0, 1]))
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator at random, and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Where the default generator is: see `Generator.get_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor | Array) -> None:
    """Take the default generator back to a state from `get_rng_state`."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = (), enabled: bool = True) -> Iterator[None]:
    """A block whose random draws leave the default generator where it was; `devices` is of no effect.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> with autodiff.random.fork_rng():
    ...     first = autodiff.rand(2)
    >>> bool((first == autodiff.rand(2)).all())
    True
    """
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)


def source_of(generator: Generator | None) -> Generator:
    """The generator that a function was given, or the default one."""
    if generator is None:
        return default_generator
    if isinstance(generator, Generator):
        return generator
    raise located.TypeError(f"generator must be an autodiff.Generator, not {type(generator).__name__}")
