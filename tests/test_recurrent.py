"""Recurrent layers and cells against PyTorch: weights, texts, outputs, states, derivatives, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
import nn
from autodiff.ops import recurrent

from .modules import assert_made_alike, assert_refuse_alike, assert_works_alike, layer, made, real

KINDS = ["RNN", "LSTM", "GRU"]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2},
    {"num_layers": 3, "dropout": 0.3},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True, "dropout": 0.5},
    {"bias": False},
    {"batch_first": True},
]


def zeros(*shape: int) -> np.ndarray:
    """float32 zeros."""
    return np.zeros(shape, np.float32)


def run(module: Any, x: Any, *states: Any) -> Any:
    """The module's results for an input and states, which an LSTM wants as a pair."""
    if not states:
        return module(x)
    return module(x, states if len(states) == 2 else states[0])


def states_of(kind: str, *shape: int) -> list[np.ndarray]:
    """Initial states: one, or an LSTM's two."""
    return [real(*shape), real(*shape) * 2][: 2 if kind.startswith("LSTM") else 1]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind: str, options: dict[str, Any]) -> None:
    make = layer(kind, 3, 4, **options)
    assert_made_alike(*made(make))
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    assert_works_alike(make, run, real(5, 2, 3))
    batch = 5 if options.get("batch_first") else 2
    assert_works_alike(make, run, real(5, 2, 3), *states_of(kind, layers, batch, 4))
    assert_works_alike(make, run, real(6, 3), *states_of(kind, layers, 4), training=False)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_layers_of_any_size(kind: str, data: st.DataObject) -> None:
    steps, batch, inputs, hidden = (data.draw(st.integers(1, 4)) for _ in range(4))
    options = {"num_layers": data.draw(st.integers(1, 2)), "bidirectional": data.draw(st.booleans())}
    assert_works_alike(layer(kind, inputs, hidden, **options), run, real(steps, batch, inputs))


@pytest.mark.parametrize("options", [{}, {"bias": False}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_cells(kind: str, options: dict[str, Any]) -> None:
    kind += "Cell"
    make = layer(kind, 3, 4, **options)
    assert_made_alike(*made(make))
    assert_works_alike(make, run, real(2, 3))
    assert_works_alike(make, run, real(2, 3), *states_of(kind, 2, 4))
    assert_works_alike(make, run, real(3), *states_of(kind, 4))


def test_relu() -> None:
    for kind, shape in (("RNN", (5, 2, 3)), ("RNNCell", (2, 3))):
        make = layer(kind, 3, 4, nonlinearity="relu")
        assert_made_alike(*made(make))
        assert_works_alike(make, run, real(*shape))


def test_a_layer_is_its_cell_step_by_step() -> None:
    for kind in KINDS:
        whole = getattr(nn, kind)(3, 4, dtype="float64")
        cell = getattr(nn, f"{kind}Cell")(3, 4, dtype="float64")
        cell.load_state_dict({name[: -len("_l0")]: value for name, value in whole.state_dict().items()})
        x = autodiff.tensor(real(6, 2, 3))
        state, outputs = None, []
        for row in x:
            state = cell(row, state)
            outputs.append(state[0] if kind == "LSTM" else state)
        np.testing.assert_allclose(
            autodiff.stack(outputs).detach().numpy(), whole(x)[0].detach().numpy(), rtol=1e-13, atol=1e-13
        )


def test_large_gates_neither_overflow_nor_lose_the_gradient() -> None:
    for kind in KINDS:
        assert_works_alike(layer(kind, 3, 4), run, real(3, 2, 3) * 1e3)


@pytest.mark.parametrize("entries", [1, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_the_way_back_goes_in_blocks(kind: str, entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrent, "CACHED", entries)  # steps one by one, and a few at once
    assert_works_alike(layer(kind, 3, 4), run, real(7, 2, 3))


def test_one_record_for_any_number_of_steps() -> None:
    layer = nn.LSTM(3, 4)

    def records(steps: int) -> int:
        found, waiting = set(), [layer(autodiff.ones(steps, 2, 3))[0].grad_fn]
        while waiting:
            record = waiting.pop()
            if record is not None and record not in found:
                found.add(record)
                waiting.extend(record.inputs)
        return len(found)

    assert records(2) == records(50)


REFUSED: dict[str, tuple[Any, ...]] = {
    "features": (layer("LSTM", 3, 4), run, zeros(5, 2, 2), "input.size(-1) must be equal to input_size"),
    "dims": (layer("GRU", 3, 4), run, zeros(3), "Expected input to be 2D or 3D"),
    "dtype": (layer("RNN", 3, 4), run, real(5, 2, 3), "does not match weight dtype"),
    "no steps": (
        layer("LSTM", 3, 4),
        run,
        zeros(0, 2, 3),
        "Expected sequence length to be larger than 0 in",
    ),
    "state": (
        layer("GRU", 3, 4),
        run,
        zeros(5, 2, 3),
        zeros(1, 3, 4),
        "Expected hidden size (1, 2, 4), got [1, 3, 4]",
    ),
    "second state": (
        layer("LSTM", 3, 4),
        run,
        zeros(5, 2, 3),
        zeros(1, 2, 4),
        zeros(1, 2, 5),
        "(1, 2, 4), got [1, 2, 5]",
    ),
    "state without a batch": (
        layer("RNN", 3, 4),
        run,
        zeros(5, 2, 3),
        zeros(1, 4),
        "For batched 3-D input, hx should also be 3-D but got 2-D tensor",
    ),
    "cell features": (layer("LSTMCell", 3, 4), run, zeros(2, 2), "input_size"),
    "cell dims": (layer("GRUCell", 3, 4), run, zeros(2, 2, 3), "Expected input to be 1D or 2D, got 3D"),
    "cell state": (
        layer("GRUCell", 3, 4),
        run,
        zeros(2, 3),
        zeros(2, 5),
        "hidden_size",
    ),
    "nonlinearity": (layer("RNN", 3, 4, nonlinearity="elu"), run, "Unknown nonlinearity"),
    "cell nonlinearity": (
        layer("RNNCell", 3, 4, nonlinearity="elu"),
        run,
        zeros(2, 3),
        "Unknown nonlinearity",
    ),
    "no size": (layer("LSTM", 0, 4), run, "input_size must be greater than zero"),
    "no layers": (layer("LSTM", 3, 4, num_layers=0), run, "num_layers must be greater than zero"),
    "dropout": (layer("LSTM", 3, 4, dropout=1.5), run, "dropout should be a number in range [0, 1]"),
    "bias": (layer("LSTM", 3, 4, bias=1), run, "bias should be of type bool"),
    "projection": (layer("GRU", 3, 4, proj_size=2), run, "proj_size argument is only supported for LSTM"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_refused(row: tuple[Any, ...]) -> None:
    make, use, *arrays, words = row
    assert_refuse_alike(make, use, *arrays, words=words)


def test_what_we_lack_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="proj_size"):
        nn.LSTM(3, 4, proj_size=2)
    with pytest.raises(TypeError, match="must be Tensor, not list"):
        nn.LSTM(3, 4)([[1.0, 2.0, 3.0]])
    with pytest.warns(UserWarning, match="non-zero dropout expects num_layers greater than 1"):
        nn.GRU(3, 4, dropout=0.2)
