"""What `fit`, `evaluate` and `predict` take as data, made into batches of tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

import autodiff
from autodiff import Generator, Tensor
from autodiff.errors import located

from ..data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from ..evaluating import float_dtype
from ..module import Module

ARRAYS = (Tensor, np.ndarray)


def dataset_of(x: Any, y: Any, model: Module, function: str) -> Any:
    """Tensors or arrays as a dataset of samples (inputs ..., target); a dataset or a loader as it is.

    `x` may be a list or tuple of arrays, one for each argument of the model. Without `y`, samples have inputs
    only. Raises TypeError for other data, ValueError for different numbers of samples.
    """
    several = isinstance(x, list | tuple) and len(x) > 0 and all(isinstance(part, ARRAYS) for part in x)
    if not (several or isinstance(x, ARRAYS)):
        if isinstance(x, list | tuple | str | dict) or not (is_dataset(x) or hasattr(x, "__iter__")):
            raise located.TypeError(
                f"{function}() takes x as a Tensor, a NumPy array, several of them (one for each argument of "
                f"the model), a dataset or a DataLoader, not {described(x)}"
            )
        if y is not None:
            raise located.ValueError(f"{function}(): {type(x).__name__} has the targets already: leave y out")
        return x
    parts = [*x] if several else [x]
    if y is not None:
        if not isinstance(y, ARRAYS):
            raise located.TypeError(f"{function}() takes y as a Tensor or a NumPy array, not {described(y)}")
        parts.append(y)
    lengths = [part.shape[0] if part.ndim else None for part in parts]
    if None in lengths or len(set(lengths)) > 1:
        shapes = ", ".join(str(tuple(part.shape)) for part in parts)
        raise located.ValueError(
            f"{function}() needs as many samples in x as in y, along the first dimension, and got {shapes}"
        )
    return TensorDataset(*(tensor_of(part, model) for part in parts))


def training_loader(dataset: Any, batch_size: int, shuffle: bool) -> Iterable[Any]:
    """Batches to train on, in a new random order each time if `shuffle`; a loader is used as it is."""
    if not is_dataset(dataset):
        return dataset  # type: ignore[no-any-return]  # anything that can be iterated over
    streams = isinstance(dataset, IterableDataset)  # which decides its order itself
    return DataLoader(dataset, batch_size, shuffle=shuffle and not streams)


def evaluation_loader(dataset: Any, batch_size: int) -> Iterable[Any]:
    """Batches from first to last, which leave the default generator alone; a loader is used as it is."""
    if not is_dataset(dataset):
        return dataset  # type: ignore[no-any-return]
    return DataLoader(dataset, batch_size, generator=Generator())


def split(dataset: Any, share: float) -> tuple[Subset[Any], Subset[Any]]:
    """All but the last samples, and the last ones: this share of them. As Keras does: before any shuffling.

    >>> [list(part) for part in split("abcde", 0.4)]
    [['a', 'b', 'c'], ['d', 'e']]
    """
    if not 0 < share < 1:
        raise located.ValueError(f"validation_split is a share of the data, between 0 and 1, not {share}")
    if not is_dataset(dataset) or isinstance(dataset, IterableDataset):
        raise located.ValueError(
            f"validation_split needs samples that can be counted, not {type(dataset).__name__}: "
            "give validation_data"
        )
    n = len(dataset)
    kept = math.floor(n * (1 - share))
    if not 0 < kept < n:
        raise located.ValueError(f"validation_split={share} of {n} samples leaves none on one side")
    return Subset(dataset, range(kept)), Subset(dataset, range(kept, n))


def is_dataset(data: Any) -> bool:
    """True for samples by number (or a stream of them), False for what gives whole batches."""
    return isinstance(data, Dataset) or (hasattr(data, "__getitem__") and hasattr(data, "__len__"))


def inputs_and_target(batch: Any, model: Module, function: str) -> tuple[list[Tensor], Tensor]:
    """The arguments of the model, and what it should return: the last of a batch (x, y) or (x1, x2, y)."""
    if not isinstance(batch, list | tuple) or len(batch) < 2:
        raise located.TypeError(
            f"{function}() needs batches (x, y), the last one being the target; got {described(batch)}"
        )
    *inputs, target = (tensor_of(part, model) for part in batch)
    return inputs, target


def tensor_of(data: Any, model: Module) -> Any:
    """A NumPy array as a tensor: floats in the dtype of the model, integers as int64. Else what it was."""
    if not isinstance(data, np.ndarray):
        return data
    if data.dtype.kind == "f":
        return autodiff.tensor(data, dtype=float_dtype(model))
    return autodiff.tensor(data, dtype=autodiff.int64 if data.dtype.kind in "iu" else None)


def described(data: Any) -> str:
    """What was given instead: its type, and the types in it."""
    if isinstance(data, list | tuple):
        kinds = ", ".join(dict.fromkeys(type(item).__name__ for item in data))
        return f"a {type(data).__name__} of {kinds or 'nothing'}"
    return type(data).__name__
