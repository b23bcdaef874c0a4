"""Several dimensions as one, and one as several."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from ..module import Module


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` made one; by default all but the first, the batch's.

    Source: PyTorch, `torch.nn.Flatten`.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return autodiff.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Dimension `dim` as several of the sizes `unflattened_size`, one of which may be -1.

    Raises TypeError unless these are a tuple or list of ints. Source: PyTorch, `torch.nn.Unflatten`.

    >>> import autodiff, nn
    >>> nn.Unflatten(1, (2, 3))(autodiff.zeros(5, 6)).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise located.TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(unflattened_size).__name__}"
            )
        for i, n in enumerate(unflattened_size):
            if not isinstance(n, int):
                raise located.TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(n).__name__} at pos {i}"
                )
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
