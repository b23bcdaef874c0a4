"""Recurrent layers: a state goes along a sequence, and each step changes it by the input of that step.

The layers (RNN, LSTM, GRU) take whole sequences, through several layers and in both directions; the cells
take one step. The recurrences themselves are in `autodiff.ops.recurrent`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops import recurrent
from autodiff.ops.dims import refuse_plain
from autodiff.ops.linear import linear
from autodiff.tensor import refuse_device

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

States = tuple[Tensor, ...]


def refuse_states(states: States, name: str) -> None:
    """Raise TypeError unless all states are Tensors, ValueError unless there are two at an LSTM."""
    if "LSTM" in name and states and len(states) != 2:
        raise located.ValueError(f"{name} takes two states, (h_0, c_0), and was given {len(states)}")
    for state in states:
        if not isinstance(state, Tensor):
            many = ": a GRU or RNN has one state, h_0, not (h_0, c_0)" if isinstance(state, tuple) else ""
            raise located.TypeError(f"{name}: a state must be a Tensor, not {type(state).__name__}{many}")


"""What a recurrence hands on: (h,), or (h, c) of an LSTM."""


class _Recurrent(Module):
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


class _Elman(_Recurrent):
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


class _LongShortTermMemory(_Recurrent):
    """i, f, o = σ(…), a = tanh(…) of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh; c' = f c + i a; h' = o tanh(c')."""

    gates = 4

    def _steps(
        self, input: Tensor, states: States, w: Tensor, u: Tensor, b: Tensor | None, c: Tensor | None
    ) -> States:
        x = linear(input, w, None if b is None or c is None else b + c)
        return recurrent.lstm(x, u, *states)

    def _step(self, x: Tensor, own: Tensor, states: States) -> States:
        return recurrent.lstm_step(x + own, states[1])


class _Gated(_Recurrent):
    """r, u = σ(…), n = tanh(x W_nᵀ + b_n + r (h U_nᵀ + c_n)); h' = (1 - u) n + u h."""

    gates = 3

    def _steps(
        self, input: Tensor, states: States, w: Tensor, u: Tensor, b: Tensor | None, c: Tensor | None
    ) -> States:
        own = autodiff.zeros(u.shape[0], dtype=u.dtype) if c is None else c
        return (recurrent.gru(linear(input, w, b), u, own, *states),)

    def _step(self, x: Tensor, own: Tensor, states: States) -> States:
        return (recurrent.gru_step(x, own, *states),)


# whole sequences --------------------------------------------------------------------------------------------


class RNNBase(_Recurrent):
    """What RNN, LSTM and GRU share: layers, directions, dropout between layers. Source: PyTorch, `torch.nn`.

    The input is (T, N, input_size), (N, T, input_size) if `batch_first`, or (T, input_size) without a batch;
    the states are (num_layers · directions, N, hidden_size), zeros if they are not given. The result is the
    output of the last layer at each step, its directions side by side, and the last states of every layer.
    Raises RuntimeError or ValueError for shapes and dtypes that do not fit. Not here: `proj_size`, and packed
    sequences.
    """

    mode: str
    weight_ih_l0: Parameter

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        refuse_device(device)
        _check_sizes(self.mode, input_size, hidden_size, num_layers, proj_size)
        _check_flags(bias, batch_first, dropout, num_layers)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        for layer, suffix in self._suffixes():
            inputs = hidden_size * (2 if bidirectional else 1) if layer else input_size
            self._make_weights(inputs, suffix, dtype)
        self.reset_parameters()

    def _suffixes(self) -> Iterator[tuple[int, str]]:
        """For each layer and direction its number and what its weights' names end with."""
        for layer in range(self.num_layers):
            yield layer, f"_l{layer}"
            if self.bidirectional:
                yield layer, f"_l{layer}_reverse"

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        return [[getattr(self, name + suffix) for name in names] for _, suffix in self._suffixes()]

    def flatten_parameters(self) -> None:
        """Nothing: on a GPU PyTorch would lay the weights out in one piece."""

    def _run(self, input: Tensor, states: States | None, count: int) -> tuple[Tensor, States]:
        """The output and the last states of this input, and of these (or no) `count` states."""
        batched = self._check_input(input)
        batch_dim = 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(batch_dim)
        layers = self.num_layers * (2 if self.bidirectional else 1)
        shape = (layers, input.shape[batch_dim], self.hidden_size)
        if states is None:
            states = (autodiff.zeros(shape, dtype=input.dtype),) * count
        else:
            refuse_states(states, type(self).__name__)
            pairs = zip(states, "hc"[:count], strict=True)
            states = tuple(self._checked(s, name, batched, shape, input.dtype) for s, name in pairs)
        if self.batch_first:
            input = input.transpose(0, 1)
        output, last = self._layers(input, states)
        if self.batch_first:
            output = output.transpose(0, 1)
        if batched:
            return output, last
        return output.squeeze(batch_dim), tuple(state.squeeze(1) for state in last)

    def _layers(self, input: Tensor, states: States) -> tuple[Tensor, States]:
        """`_run` of an input (T, N, inputs) and states that are there."""
        last: list[States] = []
        outputs: list[Tensor] = []
        for i, (layer, suffix) in enumerate(self._suffixes()):
            backwards = suffix.endswith("reverse")
            first = tuple(state[i] for state in states)
            steps = self._steps(input.flip(0) if backwards else input, first, *self._weights(suffix))
            last.append(tuple(step[-1] for step in steps))
            outputs.append(steps[0].flip(0) if backwards else steps[0])
            if backwards or not self.bidirectional:
                input = autodiff.cat(outputs, dim=2) if self.bidirectional else outputs[0]
                outputs = []
                if self.dropout and self.training and layer < self.num_layers - 1:
                    input = F.dropout(input, self.dropout)
        return input, tuple(autodiff.stack(list(each)) for each in zip(*last, strict=True))

    def _check_input(self, input: Tensor) -> bool:
        """Whether the input has a batch; raises unless it fits."""
        name = type(self).__name__
        refuse_plain(input, name)
        if input.ndim not in (2, 3):
            raise located.ValueError(f"{name}: Expected input to be 2D or 3D, got {input.ndim}D instead")
        weight: Tensor = self.weight_ih_l0
        if input.dtype != weight.dtype:
            raise located.ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert "
                f"input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        if input.shape[-1] != self.input_size:
            raise located.RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, "
                f"got {input.shape[-1]}"
            )
        if not input.shape[1 if self.batch_first and input.ndim == 3 else 0]:
            raise located.RuntimeError(f"Expected sequence length to be larger than 0 in {name}")
        return input.ndim == 3

    def _checked(self, state: Tensor, name: str, batched: bool, shape: tuple[int, ...], dtype: Any) -> Tensor:
        """A given state as (layers, N, hidden_size)."""
        if state.ndim != (3 if batched else 2):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            names = "hx and cx" if self.mode == "LSTM" else "hx"
            raise located.RuntimeError(
                f"For {kind} input, {names} should also be {3 if batched else 2}-D but got "
                f"{state.ndim}-D tensor"
            )
        if not batched:
            state = state.unsqueeze(1)
        if state.shape != shape:
            what = "hidden" if self.mode != "LSTM" else f"hidden[{'hc'.index(name)}]"
            raise located.RuntimeError(f"Expected {what} size {shape}, got {list(state.shape)}")
        if state.dtype != dtype:
            raise located.RuntimeError(
                f"Input and hidden tensors are not the same dtype: {dtype}, but {name} is {state.dtype}"
            )
        return state

    def extra_repr(self) -> str:
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        values = [(name, getattr(self, name)) for name in usual]
        options = [f"{name}={value}" for name, value in values if value != usual[name]]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *options])


class RNN(_Elman, RNNBase):
    """h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), or relu, along a sequence. For shapes see `RNNBase`.

    Source: Elman, "Finding structure in time" (1990); PyTorch, `torch.nn.RNN`.

    >>> import autodiff, nn
    >>> output, last = nn.RNN(3, 5)(autodiff.ones(7, 2, 3))
    >>> output.shape, last.shape
    ((7, 2, 5), (1, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **options: Any,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise located.ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity, self.mode = nonlinearity, f"RNN_{nonlinearity.upper()}"
        super().__init__(input_size, hidden_size, num_layers, *args, **options)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, (h,) = self._run(input, None if hx is None else (hx,), 1)
        return output, h


class LSTM(_LongShortTermMemory, RNNBase):
    """Long short-term memory along a sequence; its state is a pair (h, c). For shapes see `RNNBase`.

    i, f, a, o are the quarters of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh, through σ, σ, tanh, σ; c' = f c + i a and
    h' = o tanh(c'). Source: Hochreiter and Schmidhuber (1997); PyTorch, `torch.nn.LSTM`.

    >>> import autodiff, nn
    >>> output, (h, c) = nn.LSTM(3, 5, num_layers=2, batch_first=True)(autodiff.ones(2, 7, 3))
    >>> output.shape, h.shape, c.shape
    ((2, 7, 5), (2, 2, 5), (2, 2, 5))
    """

    mode = "LSTM"

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, (h, c) = self._run(input, hx, 2)
        return output, (h, c)


class GRU(_Gated, RNNBase):
    """A gated recurrent unit along a sequence. For shapes see `RNNBase`.

    r and u are σ of the first two thirds of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh; of the last thirds
    n = tanh(x W_nᵀ + b_n + r (h U_nᵀ + c_n)), and h' = (1 - u) n + u h. Source: Cho et al. (2014); PyTorch,
    `torch.nn.GRU`.

    >>> import autodiff, nn
    >>> output, last = nn.GRU(3, 5, bidirectional=True)(autodiff.ones(7, 2, 3))
    >>> output.shape, last.shape
    ((7, 2, 10), (2, 2, 5))
    """

    mode = "GRU"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, (h,) = self._run(input, None if hx is None else (hx,), 1)
        return output, h


def _check_sizes(mode: str, input_size: Any, hidden_size: Any, num_layers: Any, proj_size: Any) -> None:
    """Raise TypeError or ValueError for sizes that cannot be."""
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if not isinstance(size, int):
            raise located.TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise located.ValueError(f"{name} must be greater than zero")
    if proj_size and mode != "LSTM":
        raise located.ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if proj_size < 0 or proj_size >= hidden_size:
        raise located.ValueError(
            "proj_size has to be smaller than hidden_size, and a positive integer or zero"
        )
    if proj_size:
        raise located.NotImplementedError(
            "LSTM: proj_size is not implemented: put a Linear layer after the LSTM"
        )


def _check_flags(bias: Any, batch_first: Any, dropout: Any, num_layers: int) -> None:
    """Raise TypeError or ValueError for options that cannot be; warn of a dropout that drops nothing."""
    for name, flag in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(flag, bool):
            raise located.TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise located.ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being "
            "zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )


# one step ---------------------------------------------------------------------------------------------------


class RNNCellBase(_Recurrent):
    """What the cells share: one step of input (N, input_size), state (N, hidden_size), or both without N.

    The state is zeros if it is not given. Raises ValueError for another number of dimensions, RuntimeError
    for sizes and dtypes that do not fit. Source: PyTorch, `torch.nn`.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        refuse_device(device)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self._make_weights(input_size, "", dtype)
        self.reset_parameters()

    def _run(self, input: Tensor, states: States | None, count: int) -> States:
        """The states after this input, and these (or no) `count` states."""
        name = type(self).__name__
        refuse_plain(input, name)
        refuse_states(states or (), name)
        for x, what in ((input, "input"), *((state, "hidden") for state in states or ())):
            if x.ndim not in (1, 2):
                raise located.ValueError(f"{name}: Expected {what} to be 1D or 2D, got {x.ndim}D instead")
        batched = input.ndim == 2
        rows = input if batched else input.unsqueeze(0)
        if rows.shape[1] != self.input_size:
            raise located.RuntimeError(
                f"input has inconsistent input_size: got {rows.shape[1]} expected {self.input_size}"
            )
        shape = (rows.shape[0], self.hidden_size)
        if states is None:
            states = (autodiff.zeros(shape, dtype=rows.dtype),) * count
        states = tuple(state if state.ndim == 2 else state.unsqueeze(0) for state in states)
        for state in states:
            if state.shape[0] != shape[0]:
                raise located.RuntimeError(
                    f"Input batch size {shape[0]} doesn't match hidden batch size {state.shape[0]}, in {name}"
                )
            if state.shape[1] != shape[1]:
                raise located.RuntimeError(
                    f"hidden has inconsistent hidden_size: got {state.shape[1]}, expected {shape[1]}, "
                    f"in {name}"
                )
            if state.dtype != rows.dtype:
                raise located.RuntimeError(
                    f"{name}: expected the state to have the input's dtype {rows.dtype}, got {state.dtype}"
                )
        w, u, b, c = self._weights("")
        after = self._step(linear(rows, w, b), linear(states[0], u, c), states)
        return after if batched else tuple(state.squeeze(0) for state in after)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")


class RNNCell(_Elman, RNNCellBase):
    """One step of an `RNN`: h' of input and h. For shapes see `RNNCellBase`.

    Source: PyTorch, `torch.nn.RNNCell`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise located.RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._run(input, None if hx is None else (hx,), 1)[0]

    def extra_repr(self) -> str:
        other = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + other


class LSTMCell(_LongShortTermMemory, RNNCellBase):
    """One step of an `LSTM`: (h', c') of input and (h, c). For shapes see `RNNCellBase`.

    Source: PyTorch, `torch.nn.LSTMCell`.

    >>> import autodiff, nn
    >>> h, c = nn.LSTMCell(3, 5)(autodiff.ones(2, 3))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._run(input, hx, 2)
        return h, c


class GRUCell(_Gated, RNNCellBase):
    """One step of a `GRU`: h' of input and h. For shapes see `RNNCellBase`.

    Source: PyTorch, `torch.nn.GRUCell`.
    """

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._run(input, None if hx is None else (hx,), 1)[0]
