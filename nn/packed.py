"""Sequences of different lengths in one tensor without padding: what recurrent layers take beside a batch.

The sequences are sorted, the longest first; the rows are those of step 0 of all sequences, then those of
step 1 of all that have one, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from .padded import pad_sequence

UNSORTED = (
    "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
    "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
    "do not need ONNX exportability."
)


class PackedSequence(NamedTuple):
    """What `pack_padded_sequence` makes. Source: PyTorch, `torch.nn.utils.rnn.PackedSequence`.

    `data` has a row for each step of each sequence, `batch_sizes` says how many sequences have a first step,
    a second, ... `sorted_indices` are the numbers of the sequences, the longest first, and
    `unsorted_indices` lead back; both are None if they came sorted.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    @property
    def is_cuda(self) -> bool:
        """False: all is on the CPU."""
        return False

    def to(self, *args: Any, **options: Any) -> PackedSequence:
        """The same with its data in another dtype."""
        data = self.data.to(*args, **options)
        return self if data is self.data else self._replace(data=data)

    def cpu(self) -> PackedSequence:
        """The same sequences."""
        return self

    def float(self) -> PackedSequence:
        """The same in float32."""
        return self.to(autodiff.float32)

    def double(self) -> PackedSequence:
        """The same in float64."""
        return self.to(autodiff.float64)


class Steps:
    """Which steps of a padded batch (T, N, ...) are there, of sequences that are sorted by their lengths."""

    def __init__(self, batch_sizes: Tensor) -> None:
        sizes = batch_sizes.numpy()
        there = np.arange(sizes[0]) < sizes[:, None]
        self.shape, self.places = there.shape, np.nonzero(there)
        self.lengths = there.sum(0)

    @cached_property
    def index(self) -> tuple[Tensor, Tensor]:
        """The step and the sequence of each row of the data."""
        step, sequence = self.places
        return autodiff.tensor(step), autodiff.tensor(sequence)

    def packed(self, padded: Tensor) -> Tensor:
        """The rows that are there."""
        return padded[self.index]

    def padded(self, data: Tensor, value: float = 0.0) -> Tensor:
        """The batch with these rows, and `value` where there is none."""
        batch = autodiff.full((*self.shape, *data.shape[1:]), value, dtype=data.dtype)
        return batch.index_put(self.index, data)

    def backwards(self, padded: Tensor) -> Tensor:
        """Each sequence from its end to its beginning, the padding where it was."""
        step = np.arange(self.shape[0])[:, None]
        turned = np.where(step < self.lengths, self.lengths - 1 - step, step)
        return padded[autodiff.tensor(turned), autodiff.arange(self.shape[1])]

    def last(self, padded: Tensor) -> Tensor:
        """The last step of each sequence: (N, ...)."""
        return padded[autodiff.tensor(self.lengths - 1), autodiff.arange(self.shape[1])]


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """The sequences of these lengths out of a batch (T, N, ...) or, if `batch_first`, (N, T, ...).

    With `enforce_sorted` they must come sorted, the longest first; else they are sorted here, and results
    come back in the order that they came in. Raises RuntimeError for lengths that do not fit. Source:
    PyTorch, `torch.nn.utils.rnn.pack_padded_sequence`.

    >>> import autodiff
    >>> pack_padded_sequence(autodiff.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True).data
    tensor([1, 4, 2, 3])
    """
    number = autodiff.as_tensor(lengths).detach().long()
    if number.ndim != 1:
        raise located.RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {number.ndim}D cpu Long tensor"
        )
    batch = input.transpose(0, 1) if batch_first else input
    longest, count = batch.shape[:2]
    if len(number) != count:
        raise located.RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(number)} (batch_size={count})"
        )
    order = None
    if not enforce_sorted:
        number, order = number.sort(descending=True, stable=True)
        batch = batch.index_select(1, order)
    sizes = number.numpy()
    if (sizes <= 0).any():
        raise located.RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if (np.diff(sizes) > 0).any():
        raise located.RuntimeError(UNSORTED)
    if sizes[0] > longest:
        raise located.RuntimeError(
            f"pack_padded_sequence: a length is {sizes[0]}, but the padded sequences have {longest} steps"
        )
    batch_sizes = autodiff.tensor((np.arange(sizes[0])[:, None] < sizes).sum(1))
    back = None if order is None else invert_permutation(order)
    return PackedSequence(Steps(batch_sizes).packed(batch), batch_sizes, order, back)


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L, ...) in one. Source: PyTorch, `torch.nn.utils.rnn.pack_sequence`.

    >>> import autodiff
    >>> pack_sequence([autodiff.tensor([1, 2, 3]), autodiff.tensor([4])]).batch_sizes
    tensor([2, 1, 1])
    """
    sequences = list(sequences)
    return pack_padded_sequence(
        pad_sequence(sequences), [len(x) for x in sequences], enforce_sorted=enforce_sorted
    )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded batch (T, N, ...) or, if `batch_first`, (N, T, ...), and the lengths of the sequences.

    `total_length` is T, if it is to be more than the longest length; ValueError for less. Source: PyTorch,
    `torch.nn.utils.rnn.pad_packed_sequence`.
    """
    steps = Steps(sequence.batch_sizes)
    batch, lengths = steps.padded(sequence.data, padding_value), autodiff.tensor(steps.lengths)
    longest = len(batch)
    if total_length is not None and total_length != longest:
        if total_length < longest:
            raise located.ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        more = (total_length - longest, *batch.shape[1:])
        batch = autodiff.cat([batch, autodiff.full(more, padding_value, dtype=batch.dtype)])
    if sequence.unsorted_indices is not None:
        batch = batch.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return (batch.transpose(0, 1) if batch_first else batch), lengths


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences by themselves. Source: PyTorch, `torch.nn.utils.rnn.unpack_sequence`.

    >>> import autodiff
    >>> unpack_sequence(pack_sequence([autodiff.tensor([1, 2, 3]), autodiff.tensor([4])]))
    [tensor([1, 2, 3]), tensor([4])]
    """
    batch, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return [row[:length] for row, length in zip(batch, lengths.tolist(), strict=True)]


def invert_permutation(permutation: Tensor) -> Tensor:
    """Where each number lies in a permutation of 0, 1, ..."""
    return permutation.argsort()
