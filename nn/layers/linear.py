"""The linear layer and the bilinear one, and the identity, which may stand for them."""

from __future__ import annotations

import math
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.linear import bilinear, linear
from autodiff.tensor import refuse_device

from .. import init
from ..module import Module
from ..parameter import Parameter


class Linear(Module):
    """y = x Wᵀ + b: input (..., in_features), output (..., out_features).

    weight (out_features, in_features) and bias (out_features,) are drawn uniformly from ±1/√in_features, with
    PyTorch's digits for the same seed. Raises RuntimeError if the input has another number of features.
    Source: PyTorch, `torch.nn.Linear`.

    >>> import autodiff, nn
    >>> _ = autodiff.manual_seed(0)
    >>> layer = nn.Linear(2, 1)
    >>> layer.weight
    Parameter containing:
    tensor([[-0.0053,  0.3793]], requires_grad=True)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        refuse_device(device)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(autodiff.empty(out_features, in_features, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(autodiff.empty(out_features, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew. With a = √5, Kaiming's bound is 1/√in_features."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class Bilinear(Module):
    """z[o] = Σᵢⱼ x[i] weight[o, i, j] y[j] + bias[o]: inputs (..., in1_features) and (..., in2_features).

    weight (out, in1, in2) and bias (out,) are drawn uniformly from ±1/√in1_features. Raises ValueError
    unless in1_features > 0. Source: PyTorch, `torch.nn.Bilinear`.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        refuse_device(device)
        if in1_features <= 0:
            raise located.ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(autodiff.empty(out_features, in1_features, in2_features, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(autodiff.empty(out_features, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Identity(Module):
    """The input itself; arguments of the constructor are ignored. Source: PyTorch, `torch.nn.Identity`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input
