"""From a list of samples to one batch: tensors are stacked, numbers become tensors, structures are kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from autodiff import Tensor, as_tensor, float64, stack, tensor
from autodiff.errors import describe, located


def default_collate(batch: Any) -> Any:
    """One batch made of the samples in a list, by the kind of the first one.

    Tensors and arrays of one shape: a tensor with one more dimension, in front. Floats: a float64 tensor;
    ints and bools: an int64 or bool tensor. Strings and bytes: unchanged. Mappings, sequences and named
    tuples: the same structure with each field collated; a tuple becomes a list.

    Raises RuntimeError for unequal shapes or lengths, TypeError for samples of any other kind and for dtypes
    that the engine lacks. Source: PyTorch, `torch.utils.data.default_collate`.

    >>> default_collate([(0, "a"), (1, "b")])
    [tensor([0, 1]), ('a', 'b')]
    >>> default_collate([{"x": 1.0}, {"x": 2.0}])
    {'x': tensor([1., 2.], dtype=float64)}
    """
    if not (hasattr(batch, "__getitem__") and hasattr(batch, "__len__")):
        raise located.TypeError(f"default_collate: a batch must be a list of samples, not {describe(batch)}")
    if not len(batch):
        raise located.IndexError("default_collate: a batch of no samples: nothing says what they would be")
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, np.ndarray) and first.dtype.kind not in "SUO":
        return stack([as_tensor(array) for array in batch])
    if isinstance(first, np.bool | np.number):
        return as_tensor(batch)
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        for key in first:
            if not all(key in sample for sample in batch):
                raise KeyError(f"{key!r}, which not all samples of the batch have")
        fields = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return _mapping_like(first, fields)
    if isinstance(first, Sequence):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise located.RuntimeError(
                "each element in list of batch should be of equal size, but their lengths are "
                f"{sorted(lengths)}: pad them, or pass a collate_fn"
            )
        return _sequence_like(first, [default_collate(field) for field in zip(*batch, strict=True)])
    found = first.dtype if isinstance(first, np.ndarray) else type(first)
    raise located.TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {found}: pass a collate_fn"
    )


def default_convert(data: Any) -> Any:
    """One sample with its NumPy arrays and numbers as tensors, which share memory; the rest is unchanged.

    What a loader with `batch_size=None` does instead of collating. Source: PyTorch,
    `torch.utils.data.default_convert`.

    >>> import numpy as np
    >>> default_convert({"x": np.array([1.0, 2.0]), "name": "a"})
    {'x': tensor([1., 2.], dtype=float64), 'name': 'a'}
    """
    if isinstance(data, np.ndarray | np.bool | np.number):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, Tensor | str | bytes):
        return data
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return _sequence_like(data, [default_convert(item) for item in data])
    return data


def _is_named_tuple(data: Any) -> bool:
    return isinstance(data, tuple) and hasattr(data, "_fields")


def _mapping_like(model: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """These items in a mapping of the same type, if that can be made; else in a dict."""
    try:
        if isinstance(model, MutableMapping):
            twin = copy.copy(model)  # keeps what else it may hold, such as a default factory
            twin.update(items)
            return twin
        kind: Any = type(model)
        return kind(items)
    except TypeError:
        return items


def _sequence_like(model: Sequence[Any], items: list[Any]) -> Any:
    """These items in a sequence of the same type, if that can be made; else, and for a tuple, in a list."""
    kind: Any = type(model)
    if _is_named_tuple(model):
        return kind(*items)
    if isinstance(model, tuple):
        return items
    try:
        if isinstance(model, MutableSequence):
            twin = copy.copy(model)
            for i, item in enumerate(items):
                twin[i] = item
            return twin
        return kind(items)
    except TypeError:
        return items
