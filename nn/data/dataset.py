"""Datasets: samples by their number, or one after the other; joined, cut and split."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from autodiff import Generator, Tensor, randperm
from autodiff.errors import located

T = TypeVar("T", covariant=True)


class Dataset(Generic[T]):
    """The base of datasets whose samples have a number: define `__getitem__`, and `__len__` for samplers.

    `__getitems__(indices)`, if defined, returns the samples of a whole batch as a list. `a + b` is both, one
    after the other. Source: PyTorch, `torch.utils.data.Dataset`.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return i * i
    >>> (Squares() + Squares())[5]
    1
    """

    def __getitem__(self, index: Any) -> T:
        raise located.NotImplementedError(
            f"Subclasses of Dataset should implement __getitem__: {type(self).__name__}"
        )

    def __add__(self, other: Any) -> Dataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T], Iterable[T]):
    """The base of datasets that are read from first to last, such as streams: define `__iter__`.

    `a + b` reads one after the other. Raises TypeError for a class without `__iter__`. Source: PyTorch,
    `torch.utils.data.IterableDataset`.

    >>> class Lines(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(["first", "second"])
    >>> list(Lines() + Lines())
    ['first', 'second', 'first', 'second']
    """

    def __add__(self, other: Any) -> Dataset[Any]:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample i is (x[i], y[i] ...), of tensors with the same first dimension.

    Raises TypeError for what is no tensor, IndexError for a 0-dim tensor, AssertionError for unequal lengths.
    Source: PyTorch, `torch.utils.data.TensorDataset`.

    >>> import autodiff
    >>> TensorDataset(autodiff.tensor([1.0, 2.0]), autodiff.tensor([0, 1]))[1]
    (tensor(2.), tensor(1))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise located.IndexError(
                "TensorDataset() needs at least one tensor, to know how many samples there are"
            )
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise located.TypeError(
                    f"TensorDataset() takes tensors, not {type(tensor).__name__}: use tensor(data)"
                )
            if tensor.ndim == 0:
                raise located.IndexError(
                    "TensorDataset(): a 0-dim tensor has no first dimension to count samples by"
                )
        if len({len(tensor) for tensor in tensors}) > 1:
            shapes = ", ".join(str(tensor.shape) for tensor in tensors)
            raise located.AssertionError(
                f"Size mismatch between tensors: of {shapes} the first dimensions must be equal"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class ConcatDataset(Dataset[T]):
    """The samples of several datasets, one dataset after the other.

    Raises AssertionError for no datasets and for an IterableDataset; for an index beyond the end IndexError,
    below −len ValueError. Source: PyTorch, `torch.utils.data.ConcatDataset`.

    >>> joined = ConcatDataset(["ab", "cde"])
    >>> len(joined), joined[2], joined[-1]
    (5, 'c', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        if not hasattr(datasets, "__iter__"):
            raise located.TypeError(
                f"ConcatDataset takes a list of datasets, [a, b], not {type(datasets).__name__}"
            )
        self.datasets = list(datasets)
        if not self.datasets:
            raise located.AssertionError(
                "datasets should not be an empty iterable: ConcatDataset joins at least one"
            )
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise located.AssertionError("ConcatDataset does not support IterableDataset: use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T:
        n = len(self)
        if idx < -n:
            raise located.ValueError(
                f"absolute value of index should not exceed dataset length: {idx} and {n}"
            )
        if idx >= n:
            raise located.IndexError(
                f"index {idx} is out of range: the {len(self.datasets)} datasets have {n} samples"
            )
        idx = idx + n if idx < 0 else idx
        which = bisect_right(self.cumulative_sizes, idx)
        start = self.cumulative_sizes[which - 1] if which else 0
        sample: T = self.datasets[which][idx - start]
        return sample


class ChainDataset(IterableDataset[T]):
    """Several IterableDatasets, read one after the other.

    Raises AssertionError, when it gets there, for a dataset of another kind. Source: PyTorch,
    `torch.utils.data.ChainDataset`.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[T]:
        for dataset in self._checked():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._checked())

    def _checked(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise located.AssertionError(
                    f"ChainDataset only supports IterableDataset, not {type(dataset).__name__}: "
                    "use ConcatDataset"
                )
            yield dataset


class Subset(Dataset[T]):
    """The samples of a dataset at these indices, in their order.

    Raises NotImplementedError for a subclass that changes `__getitem__` alone, because a loader reads whole
    batches with `__getitems__`. Source: PyTorch, `torch.utils.data.Subset`.

    >>> Subset("abcde", [4, 0])[0]
    'e'
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise located.NotImplementedError(
                f"{kind.__name__} overrides __getitem__ but not __getitems__, which a loader calls: add\n"
                "    def __getitems__(self, indices):\n        return [self[i] for i in indices]"
            )
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> T:
        sample: T = self.dataset[self.located(idx) if isinstance(idx, list) else self.indices[idx]]
        return sample

    def __getitems__(self, indices: list[int]) -> list[T]:
        located = self.located(indices)
        if callable(getattr(self.dataset, "__getitems__", None)):
            samples: list[T] = self.dataset.__getitems__(located)
            return samples
        return [self.dataset[i] for i in located]

    def __len__(self) -> int:
        return len(self.indices)

    def located(self, indices: list[int]) -> list[int]:
        """The numbers that these samples have in the whole dataset."""
        return list(map(self.indices.__getitem__, indices))


def random_split(
    dataset: Any, lengths: Sequence[Any], generator: Generator | None = None
) -> list[Subset[Any]]:
    """Cut a dataset at random into subsets of these lengths, which add up to all of it.

    Fractions that add up to 1 are rounded down, and what remains goes to the first ones, one each. Raises
    ValueError unless the lengths add up and none is negative; warns of an empty one. Source: PyTorch,
    `torch.utils.data.random_split`.

    >>> import autodiff
    >>> halves = random_split("abcde", [0.5, 0.5], autodiff.Generator().manual_seed(0))
    >>> [list(half) for half in halves]
    [['e', 'a', 'b'], ['d', 'c']]
    """
    if not hasattr(lengths, "__iter__"):
        raise located.TypeError(
            f"random_split: lengths must be several, as in [0.8, 0.2], not {type(lengths).__name__}"
        )
    n, total = len(dataset), sum(lengths)
    if math.isclose(total, 1) and total <= 1:
        for i, share in enumerate(lengths):
            if not 0 <= share <= 1:
                raise located.ValueError(f"Fraction at index {i} is not between 0 and 1: it is {share}")
        whole = [math.floor(n * share) for share in lengths]
        for i in range(n - sum(whole)):
            whole[i % len(whole)] += 1
        lengths = whole
        for i, length in enumerate(lengths):
            if length == 0:
                warnings.warn(
                    f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=2
                )
    elif total != n:
        raise located.ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"{list(lengths)} add up to {total}, and there are {n} samples"
        )
    if min(lengths, default=0) < 0:
        raise located.ValueError(f"random_split: lengths must not be negative: {list(lengths)}")
    order = randperm(sum(lengths), generator=generator).tolist()
    ends = accumulate(lengths)
    return [Subset(dataset, order[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
