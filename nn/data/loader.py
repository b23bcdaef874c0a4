"""The loader: batches of a dataset in the order of a sampler."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Generic, TypeVar

import numpy as np

from autodiff import Generator, Tensor
from autodiff.errors import located

from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, seed_from

T = TypeVar("T", covariant=True)

FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class DataLoader(Generic[T]):
    """A dataset in batches: `for x, y in DataLoader(dataset, batch_size=32, shuffle=True)`.

    `dataset` has `__getitem__` and `__len__`, or is an `IterableDataset`. Its samples come in the order of
    `sampler`: without one from first to last, or with `shuffle` in a new random order each time. `batch_size`
    of them (at the end perhaps fewer, unless `drop_last`), or those that `batch_sampler` lists, become one
    batch by `collate_fn`. With `batch_size=None` samples come alone.

    The order is PyTorch's for the same seed of the default generator or of `generator`: each iteration draws
    one number of 64 bits, and a shuffled one another, which seeds its order.

    All is loaded in this process. `num_workers` > 0 warns of that: the batches are those of PyTorch's workers
    unless reading a sample draws random numbers. Several workers for an IterableDataset, which would each
    read it, are a NotImplementedError. What concerns workers and devices alone (pin_memory, prefetch_factor
    ...) is checked and has no effect.

    Raises ValueError for options that exclude each other or are out of range, in PyTorch's words. Source:
    PyTorch, `torch.utils.data.DataLoader`.

    >>> import autodiff
    >>> for batch in DataLoader(autodiff.arange(5), batch_size=2):
    ...     print(batch)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if not (collate_fn is None or callable(collate_fn)):
            kind = type(collate_fn).__name__
            raise located.TypeError(f"DataLoader: collate_fn must be a function of samples, not {kind}")
        for given in (sampler, batch_sampler):
            if not (given is None or hasattr(given, "__iter__")):
                kind = type(given).__name__
                raise located.TypeError(f"DataLoader: a sampler must be an iterable of indices, not {kind}")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.generator = generator
        self._streams = isinstance(dataset, IterableDataset)
        self._check_workers(persistent_workers)
        self._check_order(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if sampler is None:
            if self._streams:
                sampler = Places()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers

    def _check_workers(self, persistent: bool) -> None:
        """Refuse what contradicts `num_workers`, and tell what loading in this process may change."""
        workers, prefetch = self.num_workers, self.prefetch_factor
        if workers < 0:
            raise located.ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
            )
        if self.timeout < 0:
            raise located.ValueError("timeout option should be non-negative")
        if workers == 0 and prefetch is not None:
            raise located.ValueError(
                "prefetch_factor option could only be specified in multiprocessing: leave it None, or let "
                "num_workers > 0"
            )
        if prefetch is not None and prefetch < 0:
            raise located.ValueError("prefetch_factor option should be non-negative")
        if workers == 0 and persistent:
            raise located.ValueError("persistent_workers option needs num_workers > 0")
        if workers == 0 and self.multiprocessing_context is not None:
            raise located.ValueError(
                "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but "
                f"got num_workers={workers}"
            )
        if workers == 0 and self.timeout:
            raise located.AssertionError(
                f"timeout={self.timeout} needs num_workers > 0: there is no worker to wait for"
            )
        if workers > 1 and self._streams:
            raise located.NotImplementedError(
                f"each of {workers} workers would read the whole IterableDataset, unless it asks which "
                "worker it is; and here all is loaded in one process: use num_workers=0"
            )
        if workers > 0:
            warnings.warn(
                f"num_workers={workers}: batches are loaded in this process. They are the same, unless the "
                "dataset or collate_fn draws random numbers (worker_init_fn is not called). num_workers=0 "
                "says so without a warning.",
                stacklevel=3,
            )

    def _check_order(
        self, batch_size: int | None, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool
    ) -> None:
        """Refuse options that exclude each other."""
        if self._streams:
            options = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, option in options.items():
                if option is not None:
                    raise located.ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                        f"{name}={option}: the dataset itself decides the order"
                    )
        if sampler is not None and shuffle:
            raise located.ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise located.ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        if batch_size is None and drop_last:
            raise located.ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and "persistent_workers" in self.__dict__:
            raise located.ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized: make another"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[T]:
        return Batches(self)

    def __len__(self) -> int:
        if not self._streams:
            return len(_index_sampler(self))
        n = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


class Places(Sampler[None]):
    """What stands for the indices of an IterableDataset: places to fill, for as long as the dataset lasts."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


class Batches(Iterator[Any]):
    """One pass of a loader over its dataset."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.loader = loader
        self.indices = iter(_index_sampler(loader))
        seed_from(loader.generator)  # what PyTorch seeds its workers with; drawn so that streams stay in step
        self.stream = iter(loader.dataset) if loader._streams else None

    def __next__(self) -> Any:
        loader, index = self.loader, next(self.indices)
        dataset, collate = loader.dataset, loader.collate_fn
        if self.stream is not None:
            return collate(self._read(index))
        if loader.batch_sampler is None:
            return collate(dataset[index])
        if collate is default_collate:
            batch = gathered(dataset, index)
            if batch is not None:
                return batch
        if getattr(dataset, "__getitems__", None):
            return collate(dataset.__getitems__(index))
        return collate([dataset[i] for i in index])

    def _read(self, index: Any) -> Any:
        """The next sample of a stream, or the next ones. Raises StopIteration when there are none left."""
        assert self.stream is not None
        if self.loader.batch_sampler is None:
            return next(self.stream)
        samples = [sample for _, sample in zip(index, self.stream, strict=False)]
        if not samples or (len(samples) < len(index) and self.loader.drop_last):
            raise StopIteration
        return samples

    def __len__(self) -> int:
        return len(_index_sampler(self.loader))


def gathered(dataset: Any, indices: Any) -> list[Tensor] | None:
    """What `default_collate` makes of these samples, by one indexing per tensor; None if it must see each.

    It must where a subclass changes what a sample is, where indices are no plain integers, and where the
    tensors require gradients, whose history is that of the samples.
    """
    kind = type(dataset)
    if type(indices) is not list or not indices:
        return None
    if kind is Subset:
        return gathered(dataset.dataset, dataset.located(indices))
    if getattr(kind, "__getitem__", None) is not TensorDataset.__getitem__ or hasattr(kind, "__getitems__"):
        return None
    if not {int, np.int64}.issuperset(map(type, indices)):
        return None
    if any(tensor.requires_grad for tensor in dataset.tensors):
        return None
    rows = np.array(indices)
    if rows.max() >= len(dataset) or rows.min() < -len(dataset):
        return None  # what is read one by one names the index
    return [Tensor(tensor.array.take(rows, 0)) for tensor in dataset.tensors]


def get_worker_info() -> None:
    """None: this is no worker process."""


def _index_sampler(loader: DataLoader[Any]) -> Any:
    """What an index to read comes from: lists of them if batches are collated."""
    return loader.sampler if loader.batch_sampler is None else loader.batch_sampler
