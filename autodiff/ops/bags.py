"""Bags of embeddings: the rows of a table for several indices, made one row by a sum, a mean or a maximum."""

from __future__ import annotations

import numpy as np

from ..dtypes import int64
from ..errors import located
from ..tensor import Tensor
from .arguments import refuse_plain
from .extremes import max
from .indexing import index_select
from .joining import stack
from .scattering import index_add

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["embedding_bag"]


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """For each bag of indices the sum, mean or max of their rows of `weight` (n, d): (bags, d).

    The bags are the rows of `input` (bags, k), or parts of `input` (k,) that begin at `offsets`, whose last
    is the end of the last bag if `include_last_offset`. Rows are multiplied by `per_sample_weights` (mode
    "sum" only); `padding_idx` is no member of a bag, and the result of an empty bag is 0. Raises ValueError
    or RuntimeError for what does not fit, NotImplementedError for PyTorch's other options. Source: PyTorch,
    `torch.nn.functional.embedding_bag`.

    >>> import autodiff
    >>> table = autodiff.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> embedding_bag(autodiff.tensor([0, 1, 2]), table, autodiff.tensor([0, 2]), mode="sum")
    tensor([[4., 6.],
            [5., 6.]])
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise located.NotImplementedError(
            "embedding_bag: max_norm, scale_grad_by_freq and sparse are not available: leave them out"
        )
    if mode not in ("sum", "mean", "max"):
        raise located.ValueError(f"mode has to be one of sum, mean or max, not {mode!r}")
    refuse_plain(input, "embedding_bag")
    refuse_plain(weight, "embedding_bag", "weight", 2)
    if per_sample_weights is not None:
        refuse_weights(per_sample_weights, input, mode)
        per_sample_weights = per_sample_weights.reshape(-1)
    starts = beginnings(input, offsets, include_last_offset)
    index = input.array.reshape(-1)
    refuse_index(index, weight)
    bag = np.repeat(np.arange(len(starts) - 1), np.diff(starts))  # of each index
    if padding_idx is not None:
        counts = np.flatnonzero(index != padding_idx % weight.shape[0])
        index, bag = index[counts], bag[counts]
        if per_sample_weights is not None:
            per_sample_weights = index_select(per_sample_weights, 0, Tensor(counts))
    rows = index_select(weight, 0, Tensor(index))
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(1)
    bags = len(starts) - 1
    nothing = Tensor(np.zeros((bags, weight.shape[1]), weight.dtype))
    sizes = np.bincount(bag, minlength=bags)
    if mode == "max":
        ends = np.cumsum(sizes)
        bounds = zip(ends - sizes, ends, strict=True)
        parts = [max(rows[a:b], 0)[0] if a < b else rows[a:b].sum(0) for a, b in bounds]
        return stack(parts) if parts else nothing
    total = index_add(nothing, 0, Tensor(bag), rows)
    return total if mode == "sum" else total / Tensor(np.maximum(sizes, 1)[:, None].astype(weight.dtype))


def refuse_weights(weights: Tensor, input: Tensor, mode: str) -> None:
    """Raise NotImplementedError or ValueError unless there is one weight for each index, for a sum."""
    refuse_plain(weights, "embedding_bag", "per_sample_weights", 9)
    if mode != "sum":
        raise located.NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
            f"mode='sum' (got mode='{mode}')"
        )
    if weights.shape != input.shape:
        raise located.ValueError(
            f"embedding_bag: If per_sample_weights ({weights.shape}) is not None, then it must have the same "
            f"shape as the input ({input.shape})"
        )


def beginnings(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> np.ndarray:
    """Where each bag begins in the flattened input, and the last ends. Raises for offsets that do not fit."""
    if input.ndim not in (1, 2):
        raise located.ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if input.ndim == 2:
        if offsets is not None:
            raise located.ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                f"length sequences. However, found offsets of type {type(offsets)}"
            )
        return np.arange(input.shape[0] + 1) * input.shape[1]
    if not isinstance(offsets, Tensor):
        raise located.ValueError(f"offsets has to be a 1D Tensor but got {offsets}")
    if offsets.ndim != 1:
        raise located.ValueError(f"offsets has to be a 1D Tensor, not {offsets.ndim}D")
    starts, n = offsets.array, input.shape[0]
    if starts.size and starts[0] != 0:
        raise located.RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position "
            f"0. However, got {starts[0]}"
        )
    if starts.size and starts[-1] > n:
        raise located.RuntimeError(
            f"offsets[-1] can not be greater than input's length {n} but got offsets[-1] of {starts[-1]}"
        )
    if (np.diff(starts) < 0).any():
        raise located.RuntimeError("embedding_bag: offsets must not decrease, each is where a bag begins")
    return starts if include_last_offset else np.append(starts, n)


def refuse_index(index: np.ndarray, weight: Tensor) -> None:
    """Raise RuntimeError unless these are numbers of rows."""
    if index.dtype != int64:
        raise located.RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
            f"but got {index.dtype} instead (while checking arguments for embedding_bag)"
        )
    wrong = np.flatnonzero((index < 0) | (index >= weight.shape[0]))
    if wrong.size:
        raise located.RuntimeError(
            f"Index {wrong[0]} of input takes value {index[wrong[0]]} which is not in the valid range "
            f"[0, {weight.shape[0]})"
        )
