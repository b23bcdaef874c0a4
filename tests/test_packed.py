"""Packed sequences against PyTorch: packing and back, what recurrent layers make of them, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
import nn

from .modules import assert_refuse_alike, assert_works_alike, tensors
from .test_recurrent import KINDS, OPTIONS, layer, real, run, states_of

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def rnn(x: Any) -> Any:
    """The functions on sequences of the library of this tensor."""
    return (torch.nn if isinstance(x, torch.Tensor) else nn).utils.rnn


def packed_run(lengths: list[int], **options: Any) -> Callable[..., Any]:
    """The packed results of a layer, its last states, and the padded results."""

    def use(module: Any, x: Any, *states: Any) -> Any:
        packed = rnn(x).pack_padded_sequence(x, lengths, enforce_sorted=False, **options)
        output, last = run(module, packed, *states)
        return output.data, last, rnn(x).pad_packed_sequence(output, padding_value=-1.0)[0]

    return use


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind: str, options: dict[str, Any]) -> None:
    make, use = layer(kind, 3, 4, **options), packed_run([2, 5, 1, 5])
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    assert_works_alike(make, use, real(6, 4, 3))
    assert_works_alike(make, use, real(6, 4, 3), *states_of(kind, layers, 4, 4), training=False)


@given(lengths=LENGTHS, batch_first=st.booleans(), more=st.integers(0, 2), sort=st.booleans())
def test_packing_and_back(lengths: list[int], batch_first: bool, more: int, sort: bool) -> None:
    lengths = sorted(lengths, reverse=True) if sort else lengths
    shape = (len(lengths), max(lengths) + 1, 2) if batch_first else (max(lengths) + 1, len(lengths), 2)
    x, found = np.arange(float(np.prod(shape))).reshape(shape), []
    for tensor in (autodiff.tensor, torch.tensor):
        of = rnn(tensor(x))
        packed = of.pack_padded_sequence(tensor(x), tensor(lengths), batch_first, enforce_sorted=sort)
        padded = of.pad_packed_sequence(packed, batch_first, -1.0, max(lengths) + more)
        again = of.pack_sequence(of.unpack_sequence(packed), enforce_sorted=sort)
        results = [*tensors([packed, padded, again])]
        found.append([(tuple(z.shape), z.numpy().dtype, z.numpy().tolist()) for z in results])
    assert found[0] == found[1]


def packing(*args: Any, **options: Any) -> Callable[..., Any]:
    return lambda module, x: rnn(x).pack_padded_sequence(x, *args, **options)


@pytest.mark.parametrize(
    "use, words",
    [
        (packing([1, 2, 3]), "`lengths` array must be sorted in decreasing order when `enforce_sorted`"),
        (packing([2, 1]), "Expected `len(lengths)` to be equal to batch_size, but got 2 (batch_size=3)"),
        (packing([2, 1, 0]), "Length of all samples has to be greater than 0"),
        (packing(2), "'lengths' argument should be a 1D CPU int64 tensor, but got 0D"),
        (
            lambda m, x: rnn(x).pad_packed_sequence(packing([3, 1, 1])(m, x), total_length=2),
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            "total_length=2 and max sequence length being 3",
        ),
        (
            lambda m, x: m(packing([3, 1, 1])(m, x), x[:1, :2]),
            "Expected hidden size (1, 3, 4), got [1, 2, 2]",
        ),
        (lambda m, x: m(packing([3, 1, 1])(m, x.unsqueeze(3))), "input must have 2 dimensions, got 3"),
    ],
)
def test_refusals(use: Callable[..., Any], words: str) -> None:
    assert_refuse_alike(layer("GRU", 2, 4), use, np.ones((3, 3, 2), np.float32), words=words)


def test_a_length_beyond_the_padding_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a length is 5, but the padded sequences have 3 steps"):
        nn.utils.rnn.pack_padded_sequence(autodiff.ones(3, 2, 1), [5, 1])


def test_the_data_may_be_computed_with_in_between() -> None:
    """An embedding of packed numbers, as scripts write it."""
    packed = nn.utils.rnn.pack_sequence([autodiff.tensor([1, 2, 3]), autodiff.tensor([4, 5])])
    embedding, lstm = nn.Embedding(6, 3), nn.LSTM(3, 2)
    output, (h, _) = lstm(nn.utils.rnn.PackedSequence(embedding(packed.data), packed.batch_sizes))
    alone, (last, _) = lstm(embedding(autodiff.tensor([4, 5])))
    rows = nn.utils.rnn.unpack_sequence(output)
    assert autodiff.allclose(rows[1], alone) and autodiff.allclose(h[:, 1], last)
    assert packed.double().data.dtype == autodiff.float64 and packed.to("cpu") is packed is packed.cpu()
