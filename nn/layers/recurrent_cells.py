"""Recurrent cells: one step of a recurrent layer, for loops of one's own."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.arguments import refuse_plain
from autodiff.ops.linear import linear
from autodiff.tensor import refuse_device

from .recurrence import Elman, Gated, LongShortTermMemory, Recurrent, States, refuse_states

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


class RNNCellBase(Recurrent):
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


class RNNCell(Elman, RNNCellBase):
    """One step of an `RNN`: h' of input and h. For shapes see `RNNCellBase`.

    Source: PyTorch, `torch.nn.RNNCell`.

    >>> import autodiff, nn
    >>> nn.RNNCell(3, 5)(autodiff.ones(2, 3), autodiff.zeros(2, 5)).shape
    (2, 5)
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


class LSTMCell(LongShortTermMemory, RNNCellBase):
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


class GRUCell(Gated, RNNCellBase):
    """One step of a `GRU`: h' of input and h. For shapes see `RNNCellBase`.

    Source: PyTorch, `torch.nn.GRUCell`.
    """

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._run(input, None if hx is None else (hx,), 1)[0]
