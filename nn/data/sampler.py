"""Samplers: the order in which the samples of a dataset are read, one by one or in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import chain, islice
from typing import Any, Generic, TypeVar

import autodiff
from autodiff import Generator, int64
from autodiff.errors import describe, located

T = TypeVar("T", covariant=True)

PIECE = 32  # with replacement, PyTorch draws so many at a time


def size(data: Any) -> int:
    """How many samples there are; TypeError, with advice, for what does not know."""
    if not hasattr(type(data), "__len__"):
        kind = type(data).__name__
        raise located.TypeError(
            f"object of type '{kind}' has no len(): a dataset has __len__ and __getitem__. Define both, or "
            "put what can only be read from first to last into an IterableDataset, or into list(...)"
        )
    return len(data)


class Sampler(Generic[T]):
    """The base of samplers: `__iter__` gives the indices (or lists of them), `__len__` says how many.

    Source: PyTorch, `torch.utils.data.Sampler`, as for the samplers below.
    """

    def __iter__(self) -> Iterator[T]:
        raise located.NotImplementedError(
            f"Subclasses of Sampler should implement __iter__: {type(self).__name__}"
        )


class SequentialSampler(Sampler[int]):
    """0, 1, 2 ... up to the last of `data_source`.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(size(self.data_source)))

    def __len__(self) -> int:
        return size(self.data_source)


class RandomSampler(Sampler[int]):
    """All indices of `data_source` in random order, a new one each time; or `num_samples` of them.

    More samples than there are go on with another order; with `replacement` each is drawn from all. Without
    `generator`, one is seeded with a number from the default generator. Raises TypeError for a `replacement`
    that is no bool, ValueError unless num_samples is a positive integer.

    >>> import autodiff
    >>> list(RandomSampler("abcd", generator=autodiff.Generator().manual_seed(0)))
    [0, 1, 3, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise located.TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise located.ValueError(
                f"num_samples should be a positive integer value, but got num_samples={self.num_samples}"
                f"{': the dataset is empty' if num_samples is None else ''}"
            )

    @property
    def num_samples(self) -> int:
        """How many samples are drawn; as many as there are now, unless another number was given."""
        return size(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._pieces())

    def _pieces(self) -> Iterator[list[int]]:
        """The indices in pieces; as in PyTorch, a piece is drawn when its first index is asked for."""
        n, generator = len(self.data_source), self.generator
        if generator is None:
            generator = Generator().manual_seed(seed_from(None))
        if self.replacement:
            pieces, rest = divmod(self.num_samples, PIECE)
            for length in [PIECE] * pieces + [rest]:
                yield autodiff.randint(n, (length,), generator=generator).tolist()
        else:
            rounds, rest = divmod(self.num_samples, n)
            for length in [n] * rounds + [rest]:  # the last round is drawn even if nothing of it is used
                yield autodiff.randperm(n, generator=generator).tolist()[:length]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """These indices in random order, a new one each time.

    >>> import autodiff
    >>> list(SubsetRandomSampler([10, 20, 30], autodiff.Generator().manual_seed(0)))
    [30, 10, 20]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in autodiff.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """`num_samples` indices in proportion to the weights, which need not add up to 1.

    Without `replacement` each index comes once at most. Raises ValueError unless num_samples is a positive
    integer, replacement a bool and weights a sequence of numbers; what `multinomial` raises when it draws.

    >>> import autodiff
    >>> list(WeightedRandomSampler([0.0, 0.9, 0.1], 5, generator=autodiff.Generator().manual_seed(0)))
    [2, 1, 1, 2, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise located.ValueError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        if not isinstance(replacement, bool):
            raise located.ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        self.weights = autodiff.as_tensor(weights, dtype=autodiff.float64)
        if self.weights.ndim != 1:
            raise located.ValueError(
                f"weights should be a 1d sequence but given weights have shape {self.weights.shape}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from autodiff.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        ).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """The indices of another sampler (or any iterable) in lists of `batch_size`.

    The last list may be shorter; with `drop_last` it is then left out. Raises ValueError unless batch_size is
    a positive integer and drop_last a bool.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            hint = ": DataLoader(TensorDataset(x, y), 32) has both" if hasattr(batch_size, "shape") else ""
            raise located.ValueError(
                "batch_size should be a positive integer value, but got "
                f"batch_size={describe(batch_size)}{hint}"
            )
        if not isinstance(drop_last, bool):
            raise located.ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        sampler: Any = self.sampler
        n = len(sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def seed_from(generator: Generator | None) -> int:
    """A seed as PyTorch draws it: below 2⁶³, from two words of this generator (or the default one)."""
    seed: int = autodiff.empty((), dtype=int64).random_(generator=generator).item()
    return seed
