"""Spectral normalization: a weight divided by its largest singular value, which power iterations follow.

Source: Miyato et al., "Spectral normalization for generative adversarial networks" (2018); PyTorch,
`torch.nn.utils.spectral_norm`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from .. import functional as F
from ..hooks import pre_hooks
from ..layers.convolution import ConvTranspose1d, ConvTranspose2d
from ..module import Module
from ..parameter import Parameter

T = TypeVar("T", bound=Module)


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with `dim` first and all others in one: a row for each output."""
    rows = weight if dim == 0 else weight.movedim(dim, 0)
    matrix: Tensor = rows.reshape(rows.shape[0], -1)
    return matrix


def outputs_dim(module: Module) -> int:
    """The dimension of a weight that counts outputs."""
    return 1 if isinstance(module, ConvTranspose1d | ConvTranspose2d) else 0


def unit(n: int, like: Tensor, eps: float) -> Tensor:
    """A random direction."""
    return F.normalize(autodiff.empty(n, dtype=like.dtype).normal_(), dim=0, eps=eps)


def largest_singular_value(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """uᵀ W v, of copies: u and v change with the next iteration."""
    sigma: Tensor = u.clone() @ (matrix @ v.clone())
    return sigma


class SpectralNorm:
    """The pre-hook that divides the weight by its largest singular value before each forward."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def weight(self, module: Module, iterate: bool) -> Tensor:
        """W / σ; while training u and v are moved towards the singular vectors first."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if iterate:
            with autodiff.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.T @ u, dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix @ v, dim=0, eps=self.eps))
        normal: Tensor = weight / largest_singular_value(matrix, u, v)
        return normal

    def __call__(self, module: Module, args: Any) -> None:
        module.__dict__[self.name] = self.weight(module, module.training)


def spectral_norm(
    module: T, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> T:
    """Learn `name_orig`, and compute the weight of it before each forward; returns the module.

    `dim` is that of the outputs (1 for transposed convolutions). Raises ValueError unless n_power_iterations
    > 0, RuntimeError if the weight is normalized already.

    >>> import autodiff, nn
    >>> layer = spectral_norm(nn.Linear(3, 2))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if n_power_iterations <= 0:
        raise located.ValueError(
            f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
        )
    if any(hook.name == name for _, hook in pre_hooks(module, SpectralNorm)):
        raise located.RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    hook = SpectralNorm(name, n_power_iterations, outputs_dim(module) if dim is None else dim, eps)
    weight: Any = module._parameters[name]
    rows, columns = as_matrix(weight.detach(), hook.dim).shape
    u, v = unit(rows, weight, eps), unit(columns, weight, eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    module.__dict__[name] = weight.detach()
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: T, name: str = "weight") -> T:
    """Make the weight an ordinary parameter again; returns the module. ValueError if it is not normalized."""
    for key, hook in pre_hooks(module, SpectralNorm):
        if hook.name == name:
            with autodiff.no_grad():
                weight = hook.weight(module, iterate=False)
            for part in (name, f"{name}_orig", f"{name}_u", f"{name}_v"):
                delattr(module, part)
            setattr(module, name, Parameter(weight.detach()))
            del module._hooks().before[key]
            return module
    raise located.ValueError(f"spectral_norm of '{name}' not found in {module}")
