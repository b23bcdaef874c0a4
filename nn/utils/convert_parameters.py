"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import autodiff
from autodiff import Tensor
from autodiff.errors import located


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters one after the other, flat; a gradient flows back to each.

    Source: PyTorch, `torch.nn.utils.parameters_to_vector`.

    >>> import autodiff, nn
    >>> parameters_to_vector([autodiff.ones(2), autodiff.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return autodiff.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the values of a vector, whose memory they then share.

    Raises TypeError if `vec` is no Tensor, RuntimeError, with nothing changed, if it is too short. Source:
    PyTorch, `torch.nn.utils.vector_to_parameters`.

    >>> import autodiff, nn
    >>> layer = nn.Linear(2, 1)
    >>> vector_to_parameters(autodiff.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise located.TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    wanted = sum(parameter.numel() for parameter in parameters)
    if vec.numel() < wanted:
        raise located.RuntimeError(
            f"shapes of {wanted} entries are invalid for input of size {vec.numel()}: vector_to_parameters() "
            "was given a vector that is shorter than the parameters together"
        )
    start = 0
    for parameter in parameters:
        end = start + parameter.numel()
        parameter.data = vec.detach()[start:end].view(parameter.shape)
        start = end
