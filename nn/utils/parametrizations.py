"""Known ways to compute a weight from what is learned; see `nn.utils.parametrize`."""

from __future__ import annotations

from typing import TypeVar

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from .. import functional as F
from ..module import Module
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, largest_singular_value, outputs_dim, unit
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


class _SpectralNorm(Module):
    """W / σ, with the singular vectors u and v of the largest σ as buffers."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise located.IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but "
                f"got {dim})"
            )
        if n_power_iterations <= 0:
            raise located.ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps, self.n_power_iterations = dim % weight.ndim, eps, n_power_iterations
        if weight.ndim > 1:
            matrix = as_matrix(weight.detach(), self.dim)
            rows, columns = matrix.shape
            self.register_buffer("_u", unit(rows, weight, eps))
            self.register_buffer("_v", unit(columns, weight, eps))
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Tensor, count: int) -> None:
        with autodiff.no_grad():
            for _ in range(count):
                self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.T @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        normal: Tensor = weight / largest_singular_value(matrix, self._u, self._v)
        return normal

    def right_inverse(self, value: Tensor) -> Tensor:
        """The weight itself: what is assigned is taken as it is."""
        return value


def spectral_norm(
    module: T, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> T:
    """A weight divided by its largest singular value, that of a matrix with a row for each output.

    `dim` is that of the outputs (1 for transposed convolutions). Raises ValueError for a name that is no
    tensor of the module, or n_power_iterations < 1. Source: Miyato et al. (2018); PyTorch,
    `torch.nn.utils.parametrizations.spectral_norm`.

    >>> import autodiff, nn
    >>> layer = spectral_norm(nn.Linear(3, 2))
    >>> largest = autodiff.linalg.svdvals(layer.weight)[0]
    >>> abs(largest.item() - 1) < 0.1
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise located.ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    dim = outputs_dim(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
