"""Data in batches: datasets, samplers and the loader, under PyTorch's names and in PyTorch's order.

A `dataset` has samples, a `sampler` says in which order, the `loader` reads them, and `collate` makes them a
batch.

>>> import autodiff
>>> from nn.data import DataLoader, TensorDataset
>>> _ = autodiff.manual_seed(0)
>>> dataset = TensorDataset(autodiff.arange(5), autodiff.arange(5) % 2)
>>> for x, y in DataLoader(dataset, batch_size=2, shuffle=True):
...     print(x, y)
tensor([1, 4]) tensor([1, 0])
tensor([2, 3]) tensor([0, 1])
tensor([0]) tensor([0])
"""

from .collate import default_collate, default_convert
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .loader import DataLoader, get_worker_info
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset",
    "RandomSampler", "Sampler", "SequentialSampler", "Subset", "SubsetRandomSampler", "TensorDataset",
    "WeightedRandomSampler", "default_collate", "default_convert", "get_worker_info", "random_split",
]  # fmt: skip
