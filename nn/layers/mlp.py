"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

from autodiff.errors import located

from ..module import Module
from .activation import activation_module
from .containers import Sequential
from .linear import Linear


class MLP(Sequential):
    """A multilayer perceptron: `MLP(2, [16, 16, 1])` has 2 inputs, two hidden layers of 16, and 1 output.

    hidden1, activation1, hidden2, activation2, ..., output; a single hidden layer is called `hidden`. The
    output layer has no activation: it gives logits, or real numbers. `activation` is a name ("relu", "tanh",
    "sigmoid" ...), a module class, or a module, which all hidden layers then share. Raises ValueError for an
    unknown name or for no layers. Source: micrograd's MLP.

    >>> import nn
    >>> nn.MLP(2, [4, 1], activation="sigmoid")
    MLP(
      (hidden): Linear(in_features=2, out_features=4, bias=True)
      (activation): Sigmoid()
      (output): Linear(in_features=4, out_features=1, bias=True)
    )
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], activation: str | type[Module] | Module = "relu"
    ) -> None:
        super().__init__()
        if not isinstance(nouts, Sequence) or isinstance(nouts, str) or not nouts:
            raise located.ValueError(
                f"MLP: nouts lists the units of each layer, the outputs last: MLP({nin}, [16, 1]), not "
                f"{nouts!r}"
            )
        *hidden, outputs = zip([nin, *nouts], nouts, strict=False)
        for i, (units_before, units) in enumerate(hidden, start=1):
            number = "" if len(hidden) == 1 else str(i)
            self.add_module(f"hidden{number}", Linear(units_before, units))
            self.add_module(f"activation{number}", activation_module(activation))
        self.add_module("output", Linear(*outputs))
