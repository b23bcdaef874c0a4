"""Sequences of different lengths in one tensor, filled to the longest."""

from __future__ import annotations

from collections.abc import Iterable

import autodiff
from autodiff import Tensor
from autodiff.errors import located


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, ...) side by side, (T, N, ...) or, if `batch_first`, (N, T, ...), filled to the longest.

    Raises RuntimeError if there are none, or for another `padding_side` than "left" and "right". Source:
    PyTorch, `torch.nn.utils.rnn.pad_sequence`.

    >>> import autodiff
    >>> pad_sequence([autodiff.tensor([1, 2, 3]), autodiff.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise located.RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    sequences = list(sequences)
    if not sequences:
        raise located.RuntimeError("received an empty list of sequences, in pad_sequence()")
    if padding_side not in ("left", "right"):
        raise located.RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    longest = max(len(x) for x in sequences)
    padded = []
    for x in sequences:
        filling = autodiff.full((longest - len(x), *x.shape[1:]), padding_value, dtype=x.dtype)
        padded.append(autodiff.cat([x, filling] if padding_side == "right" else [filling, x]))
    return autodiff.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of these lengths out of what `pad_sequence` made, padded on the right.

    Source: PyTorch, `torch.nn.utils.rnn.unpad_sequence`.
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(length)] for row, length in zip(rows, lengths, strict=True)]
