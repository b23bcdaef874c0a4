"""Use a model without training it: in eval mode, in its own dtype, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import autodiff

from .module import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """A `with` block in eval mode, without recording; afterwards every module is in the mode it was in.

    >>> import nn
    >>> model = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with evaluating(model):
    ...     print(model.training)
    False
    >>> [module.training for module in model]
    [True, False]
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with autodiff.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def float_dtype(model: Module) -> Any:
    """The dtype that a model computes in: of its first parameter that has floats."""
    dtypes: Sequence[Any] = [p.dtype for p in model.parameters() if p.dtype.kind == "f"]
    return dtypes[0] if dtypes else autodiff.get_default_dtype()
