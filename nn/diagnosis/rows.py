"""The rows that a diagnosis looks at: all of the data to read, and a few batches to train on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

import autodiff
from autodiff import Generator, Tensor
from autodiff.dtypes import Array
from autodiff.errors import located

from ..data import DataLoader
from ..module import Module
from ..training.batches import dataset_of, inputs_and_target, is_dataset

READ = 4096  # rows that are read of the data
TRAINED = 128  # rows of the one batch to train on, if the data does not come in batches
BATCHES = 8  # of a loader, that are trained on


class Batch(NamedTuple):
    """The arguments of the model, and the target."""

    inputs: list[Any]
    target: Any


class Rows(NamedTuple):
    """All rows that were read, and the batches to train on."""

    all: Batch
    batches: list[Batch]

    def few(self, n: int) -> Batch:
        """The first rows of the first batch."""
        return taken(self.batches[0], range(min(n, count(self.batches[0]))))

    def with_inputs(self, change: Any) -> Rows:
        """The same, with `change(input)` for every input."""
        changed = [Batch([change(x) for x in b.inputs], b.target) for b in (self.all, *self.batches)]
        return Rows(changed[0], changed[1:])


def read(data: Any, model: Module) -> Rows:
    """The rows of (x, y), of a dataset, or of a loader. Raises TypeError or ValueError for other data."""
    x, y = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    source = dataset_of(x, y, model, "diagnose")
    if iter_of(source) is source:
        raise located.TypeError(
            "diagnose() would use up an iterator: pass (x, y), a dataset or a loader, which can be read again"
        )
    if is_dataset(source):
        order = Generator().manual_seed(0).permutation(len(source)).tolist()[:READ]
        if not order:
            raise located.ValueError("diagnose(): there is no sample in the data")
        loader: DataLoader[Any] = DataLoader(source, READ, sampler=order, generator=Generator())
        inputs, target = inputs_and_target(next(iter(loader)), model, "diagnose")
        everything = Batch(inputs, target)
        return Rows(everything, [taken(everything, range(min(TRAINED, len(order))))])
    batches: list[Batch] = []
    for batch in islice(source, READ):
        batches.append(Batch(*inputs_and_target(batch, model, "diagnose")))
        if sum(map(count, batches)) >= READ:
            break
    if not batches:
        raise located.ValueError("diagnose(): there is no batch in the data")
    return Rows(joined(batches), batches[:BATCHES])


def iter_of(source: Any) -> Any:
    """The iterator of what has one; a dataset's is not asked for."""
    return None if is_dataset(source) else iter(source) if hasattr(source, "__next__") else None


def count(batch: Batch) -> int:
    """The number of rows."""
    return int(batch.target.shape[0]) if isinstance(batch.target, Tensor) and batch.target.ndim else 1


def taken(batch: Batch, rows: Sequence[int] | Array) -> Batch:
    """These rows of a batch."""
    index = np.asarray(rows, np.int64)
    return Batch([Tensor(x.array[index]) for x in batch.inputs], Tensor(batch.target.array[index]))


def joined(batches: list[Batch]) -> Batch:
    """All rows in one batch, if they can be put below each other; else the first batch."""
    try:
        inputs = [autodiff.cat(list(parts)) for parts in zip(*(b.inputs for b in batches), strict=True)]
        return Batch(inputs, autodiff.cat([b.target for b in batches]))
    except (RuntimeError, ValueError, TypeError):
        return batches[0]
