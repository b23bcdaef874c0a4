"""A table of vectors, one for each index, or one for several."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.bags import embedding_bag
from autodiff.ops.neural import embedding
from autodiff.tensor import refuse_device

from .. import init
from ..module import Module
from ..parameter import Parameter


class Embedding(Module):
    """A table of vectors: the row of `weight` for each index.

    input (...) int64, output (..., embedding_dim). The weight (num_embeddings, embedding_dim) is drawn from
    the normal distribution, with PyTorch's digits for the same seed; the row `padding_idx` is 0 and gets no
    gradient. Raises IndexError for an index out of range, NotImplementedError for `max_norm`,
    `scale_grad_by_freq` and `sparse`. Source: PyTorch, `torch.nn.Embedding`.

    >>> import autodiff, nn
    >>> nn.Embedding(10, 3)(autodiff.tensor([[1, 2], [4, 5]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        refuse_device(device)
        if max_norm is not None or scale_grad_by_freq or sparse:
            raise located.NotImplementedError(
                "Embedding: max_norm, scale_grad_by_freq and sparse are not available: leave them out"
            )
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise located.AssertionError(
                    f"Padding_idx must be within num_embeddings: {padding_idx} is not within {num_embeddings}"
                )
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        if _weight is None:
            self.weight = Parameter(autodiff.empty(num_embeddings, embedding_dim, dtype=dtype), not _freeze)
            self.reset_parameters()
        else:
            if _weight.shape != (num_embeddings, embedding_dim):
                raise located.AssertionError(
                    f"Shape of weight does not match num_embeddings and embedding_dim: {_weight.shape} and "
                    f"({num_embeddings}, {embedding_dim})"
                )
            self.weight = Parameter(_weight, not _freeze)

    def reset_parameters(self) -> None:
        """Draw the weight anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with autodiff.no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An Embedding whose weight is this matrix, which is not trained if `freeze`."""
        if embeddings.ndim != 2:
            raise located.AssertionError(
                f"Embeddings parameter is expected to be 2-dimensional, not {embeddings.shape}"
            )
        rows, columns = embeddings.shape
        options = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        return cls(rows, columns, *options, _weight=embeddings, _freeze=freeze)

    def forward(self, input: Tensor) -> Tensor:
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(Embedding):
    """A table of vectors: the sum, mean or maximum of the rows of `weight` for the indices of each bag.

    input (bags, k) int64, or (k,) with `offsets` at which the bags begin; output (bags, embedding_dim). See
    `nn.functional.embedding_bag`, and `Embedding` for the weight. Source: PyTorch, `torch.nn.EmbeddingBag`.

    >>> import autodiff, nn
    >>> nn.EmbeddingBag(10, 3)(autodiff.tensor([1, 2, 4, 5]), autodiff.tensor([0, 3])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        table = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight, False, device, dtype
        super().__init__(num_embeddings, embedding_dim, *table)
        self.mode, self.include_last_offset = mode, include_last_offset

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """An EmbeddingBag whose weight is this matrix, which is not trained if `freeze`."""
        if embeddings.ndim != 2:
            raise located.AssertionError(
                f"Embeddings parameter is expected to be 2-dimensional, not {embeddings.shape}"
            )
        rows, columns = embeddings.shape
        options = max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset
        bag = cls(rows, columns, *options, padding_idx)
        bag.weight.requires_grad_(not freeze)
        return bag

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        return embedding_bag(
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"
