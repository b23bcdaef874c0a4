"""What a training shows: a bar on a terminal, and one line an epoch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .history import shown


@contextmanager
def bar(batches: Iterable[Any], description: str, visible: bool) -> Iterator[Iterable[Any]]:
    """The batches, with a bar that vanishes at the end: on a terminal, where tqdm is installed."""
    if not (visible and sys.stderr.isatty()):
        yield batches
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield batches
        return
    with tqdm(batches, description, unit="batch", leave=False) as shown_batches:
        yield shown_batches


def line(epoch: int, epochs: int, seconds: float, values: Mapping[str, float]) -> str:
    """What is printed of an epoch.

    >>> line(3, 10, 1.25, {"loss": 0.5, "val_loss": 0.625})
    'Epoch  3/10 - 1.2s - loss: 0.5000 - val_loss: 0.6250'
    """
    numbers = "".join(f" - {name}: {shown(value)}" for name, value in values.items())
    return f"Epoch {epoch:>{len(str(epochs))}}/{epochs} - {seconds:.1f}s{numbers}"
