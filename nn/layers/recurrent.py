"""Recurrent layers: a state goes along a sequence, and each step changes it by the input of that step.

They take whole sequences, through several layers and in both directions; a single step takes a cell, in
`recurrent_cells`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.arguments import refuse_plain
from autodiff.tensor import refuse_device

from .. import functional as F
from ..packed import PackedSequence, Steps
from ..parameter import Parameter
from .recurrence import Elman, Gated, LongShortTermMemory, Recurrent, States, refuse_states

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


class RNNBase(Recurrent):
    """What RNN, LSTM and GRU share: layers, directions, dropout between layers. Source: PyTorch, `torch.nn`.

    The input is (T, N, input_size), (N, T, input_size) if `batch_first`, or (T, input_size) without a batch;
    the states are (num_layers · directions, N, hidden_size), zeros if they are not given. The result is the
    output of the last layer at each step, its directions side by side, and the last states of every layer.
    Of a PackedSequence the output is one, too, and the last states are those of each sequence's own end.
    Raises RuntimeError or ValueError for shapes and dtypes that do not fit. Not here: `proj_size`.
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

    def _run(self, input: Any, states: States | None, count: int) -> tuple[Any, States]:
        """The output and the last states of this input, and of these (or no) `count` states."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, states, count)
        batched = self._check_input(input)
        batch_dim = 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(batch_dim)
        states = self._checked_states(states, count, batched, input.shape[batch_dim], input.dtype)
        if self.batch_first:
            input = input.transpose(0, 1)
        output, last = self._layers(input, states)
        if self.batch_first:
            output = output.transpose(0, 1)
        if batched:
            return output, last
        return output.squeeze(batch_dim), tuple(state.squeeze(1) for state in last)

    def _run_packed(
        self, input: PackedSequence, states: States | None, count: int
    ) -> tuple[PackedSequence, States]:
        """`_run` of packed sequences: of the padded batch, where the padding comes after all that counts."""
        data, batch_sizes, order, back = input
        if data.ndim != 2:
            raise located.RuntimeError(f"input must have 2 dimensions, got {data.ndim}")
        steps = Steps(batch_sizes)
        self._check_input(data)
        states = self._checked_states(states, count, True, steps.shape[1], data.dtype)
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        output, last = self._layers(steps.padded(data), states, steps)
        if back is not None:
            last = tuple(state.index_select(1, back) for state in last)
        return PackedSequence(steps.packed(output), batch_sizes, order, back), last

    def _checked_states(
        self, states: States | None, count: int, batched: bool, batch: int, dtype: Any
    ) -> States:
        """The `count` states as (layers, N, hidden_size), zeros if not given; raises if they do not fit."""
        shape = (self.num_layers * (2 if self.bidirectional else 1), batch, self.hidden_size)
        if states is None:
            return (autodiff.zeros(shape, dtype=dtype),) * count
        refuse_states(states, type(self).__name__)
        pairs = zip(states, "hc"[:count], strict=True)
        return tuple(self._checked(state, name, batched, shape, dtype) for state, name in pairs)

    def _layers(self, input: Tensor, states: States, there: Steps | None = None) -> tuple[Tensor, States]:
        """`_run` of an input (T, N, inputs), all of whose steps are there unless it is said, and states."""
        last: list[States] = []
        outputs: list[Tensor] = []
        for i, (layer, suffix) in enumerate(self._suffixes()):
            backwards = suffix.endswith("reverse")
            first = tuple(state[i] for state in states)
            steps = self._steps(turned(input, there) if backwards else input, first, *self._weights(suffix))
            last.append(tuple(step[-1] if there is None else there.last(step) for step in steps))
            outputs.append(turned(steps[0], there) if backwards else steps[0])
            if backwards or not self.bidirectional:
                input = autodiff.cat(outputs, dim=2) if self.bidirectional else outputs[0]
                outputs = []
                if self.dropout and self.training and layer < self.num_layers - 1:
                    input = dropped(input, self.dropout, there)
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


class RNN(Elman, RNNBase):
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

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, (h,) = self._run(input, None if hx is None else (hx,), 1)
        return output, h


class LSTM(LongShortTermMemory, RNNBase):
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
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        output, (h, c) = self._run(input, hx, 2)
        return output, (h, c)


class GRU(Gated, RNNBase):
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

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, (h,) = self._run(input, None if hx is None else (hx,), 1)
        return output, h


def turned(x: Tensor, there: Steps | None) -> Tensor:
    """Sequences (T, N, ...) from their ends to their beginnings."""
    return x.flip(0) if there is None else there.backwards(x)


def dropped(x: Tensor, p: float, there: Steps | None) -> Tensor:
    """Dropout of the steps that are there; no number is drawn for another."""
    return F.dropout(x, p) if there is None else there.padded(F.dropout(there.packed(x), p))


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
