"""Known ways to compute a weight from what is learned; see `nn.utils.parametrize`."""

from __future__ import annotations

from typing import TypeVar

from autodiff import Tensor

from ..module import Module
from .parametrize import register_parametrization
from .weight_norm import length

T = TypeVar("T", bound=Module)


class _WeightNorm(Module):
    """g v / ‖v‖."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / length(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length and the direction of a weight."""
        return length(weight, self.dim), weight


def weight_norm(module: T, name: str = "weight", dim: int | None = 0) -> T:
    """A weight learned as its length g along `dim` (None: the whole's) and its direction v.

    Source: Salimans and Kingma, "Weight normalization" (2016); PyTorch,
    `torch.nn.utils.parametrizations.weight_norm`.

    >>> import nn
    >>> layer = weight_norm(nn.Linear(3, 2))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
