"""One program run twice, with our library and with torch: the results must be equal, or the errors alike."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import autodiff

Program = Callable[[ModuleType], Any]


def both(program: Program) -> Callable[[], None]:
    """A test: `program(autodiff)` gives what `program(torch)` gives, in plain Python values."""

    def test() -> None:
        with np.errstate(all="ignore"):
            assert program(autodiff) == program(torch)

    test.__name__, test.__doc__ = program.__name__, program.__doc__
    return test


def grad(lib: ModuleType, *args: Any, **options: Any) -> Any:
    """`torch.autograd.grad`, or ours."""
    return (torch.autograd if lib is torch else lib).grad(*args, **options)


def assert_same_error(program: Program, words: str) -> None:
    """Both libraries raise the same kind of exception, and say these words."""
    with pytest.raises(Exception) as theirs:
        program(torch)
    with pytest.raises(theirs.type) as ours:
        program(autodiff)
    for message in (str(theirs.value), str(ours.value)):
        assert words in message
