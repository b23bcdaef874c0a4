"""What recurrent layers and cells share: the weights, and how a state follows from the one before.

The recurrences themselves are in `autodiff.ops.recurrent`.
"""

from __future__ import annotations

import math
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops import recurrent
from autodiff.ops.linear import linear

from .. import init
from ..module import Module
from ..parameter import Parameter

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

States = tuple[Tensor, ...]
"""What a recurrence hands on: (h,), or (h, c) of an LSTM."""


def refuse_states(states: States, name: str) -> None:
    """Raise TypeError unless all states are Tensors, ValueError unless there are two at an LSTM."""
    if "LSTM" in name and states and len(states) != 2:
        raise located.ValueError(f"{name} takes two states, (h_0, c_0), and was given {len(states)}")
    for state in states:
        if not isinstance(state, Tensor):
            many = ": a GRU or RNN has one state, h_0, not (h_0, c_0)" if isinstance(state, tuple) else ""
            raise located.TypeError(f"{name}: a state must be a Tensor, not {type(state).__name__}{many}")


class Recurrent(Module):
    """What layers and cells share: weights within ±1/√hidden_size, and the step, which a subclass defines."""

    gates: int  # how many vectors of hidden_size a step computes
    input_size: int
    hidden_size: int
    bias: bool

    def _make_weights(self, inputs: int, suffix: str, dtype: Any) -> None:
        rows = self.gates * self.hidden_size
        for name, shape in (("weight_ih", (rows, inputs)), ("weight_hh", (rows, self.hidden_size))):
            setattr(self, name + suffix, Parameter(autodiff.empty(shape, dtype=dtype)))
        for name in ("bias_ih", "bias_hh"):
            values = Parameter(autodiff.empty(rows, dtype=dtype)) if self.bias else None
            if self.bias or not suffix:  # a cell keeps the name of a bias that it has not
                self.register_parameter(name + suffix, values)

    def reset_parameters(self) -> None:
        """Draw all weights and biases anew, uniformly within ±1/√hidden_size."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _weights(self, suffix: str) -> list[Any]:
        """The weights of input and state, and their biases or None, whose names end so."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, name + suffix, None) for name in names]

    def _steps(
        self, input: Tensor, states: States, w: Tensor, u: Tensor, b: Tensor | None, c: Tensor | None
    ) -> States:
        """The states, one tensor each, at every step of `input` (T, N, inputs), with these weights."""
        raise NotImplementedError

    def _step(self, x: Tensor, own: Tensor, states: States) -> States:
        """The states after one step, of the gates' sums over the input, x, and over the state, own."""
        raise NotImplementedError


class Elman(Recurrent):
    """h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), or relu."""

    gates = 1
    nonlinearity: str

    def _steps(
        self, input: Tensor, states: States, w: Tensor, u: Tensor, b: Tensor | None, c: Tensor | None
    ) -> States:
        x = linear(input, w, None if b is None or c is None else b + c)
        (h,) = states
        return (recurrent.rnn(x, u, h, self.nonlinearity),)

    def _step(self, x: Tensor, own: Tensor, states: States) -> States:
        return ((x + own).tanh() if self.nonlinearity == "tanh" else (x + own).relu(),)


class LongShortTermMemory(Recurrent):
    """i, f, o = σ(…), a = tanh(…) of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh; c' = f c + i a; h' = o tanh(c')."""

    gates = 4

    def _steps(
        self, input: Tensor, states: States, w: Tensor, u: Tensor, b: Tensor | None, c: Tensor | None
    ) -> States:
        x = linear(input, w, None if b is None or c is None else b + c)
        return recurrent.lstm(x, u, *states)

    def _step(self, x: Tensor, own: Tensor, states: States) -> States:
        return recurrent.lstm_step(x + own, states[1])


class Gated(Recurrent):
    """r, u = σ(…), n = tanh(x W_nᵀ + b_n + r (h U_nᵀ + c_n)); h' = (1 - u) n + u h."""

    gates = 3

    def _steps(
        self, input: Tensor, states: States, w: Tensor, u: Tensor, b: Tensor | None, c: Tensor | None
    ) -> States:
        own = autodiff.zeros(u.shape[0], dtype=u.dtype) if c is None else c
        return (recurrent.gru(linear(input, w, b), u, own, *states),)

    def _step(self, x: Tensor, own: Tensor, states: States) -> States:
        return (recurrent.gru_step(x, own, *states),)
