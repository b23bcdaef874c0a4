"""Distances between vectors as modules."""

from __future__ import annotations

from autodiff import Tensor, cosine_similarity, pairwise_distance

from ..module import Module

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last dimension. Source: PyTorch, `torch.nn.PairwiseDistance`."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along `dim`. Source: PyTorch, `torch.nn.CosineSimilarity`.

    >>> import autodiff, nn
    >>> nn.CosineSimilarity()(autodiff.tensor([[1.0, 0.0]]), autodiff.tensor([[0.0, 3.0]]))
    tensor([0.])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return cosine_similarity(x1, x2, self.dim, self.eps)
