"""Attention: each query takes a mean of the values, weighted by how well it matches their keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import describe, located
from ..tensor import Tensor
from .arguments import refuse_plain
from .dropout import dropout
from .indexing import masked_fill
from .neural import softmax
from .products import matmul

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__: list[str] = []


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale · Q Kᵀ + mask) V: Q (..., L, E), K (..., S, E), V (..., S, D), result (..., L, D).

    `scale` is 1/√E by default. `attn_mask` broadcasts to (..., L, S): bools say who may look where, floats
    are added. With `is_causal` query i sees the keys up to i. A query that may look nowhere gets zeros. With
    `enable_gqa` a head of keys serves several of queries. `dropout_p` applies always: it knows no training.
    Raises RuntimeError for shapes, dtypes and masks that do not fit. Source: Vaswani et al., "Attention Is
    All You Need" (2017); PyTorch, `torch.nn.functional.scaled_dot_product_attention`.

    >>> import autodiff
    >>> x = autodiff.tensor([[2.0], [4.0]])
    >>> scaled_dot_product_attention(autodiff.zeros(2, 1), x, x, is_causal=True)
    tensor([[2.],
            [3.]])
    """
    _refuse(query, key, value, attn_mask, dropout_p, is_causal)
    if enable_gqa:
        key, value = (_served(query, x) for x in (key, value))
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1] or 1)
    scores = matmul(query * scale, key.mT)
    if is_causal:
        seen = np.tril(np.ones(scores.shape[-2:], np.bool_))
        scores = masked_fill(scores, Tensor(~seen), -math.inf)
    elif attn_mask is not None:
        scores = masked_fill(scores, ~attn_mask, -math.inf) if attn_mask.dtype == bool else scores + attn_mask
    weights = softmax(scores, -1) if attn_mask is None else _weights(scores)
    return matmul(dropout(weights, dropout_p), value)


def _weights(scores: Tensor) -> Tensor:
    """softmax along the last dimension; of nothing but -inf it is 0."""
    nowhere = (scores.array == -math.inf).all(-1, keepdims=True)
    if not nowhere.any():
        return softmax(scores, -1)
    return masked_fill(softmax(masked_fill(scores, Tensor(nowhere), 0.0), -1), Tensor(nowhere), 0.0)


def _served(query: Tensor, x: Tensor) -> Tensor:
    """Heads of keys or values, each repeated for the heads of queries that it serves."""
    heads, own = query.shape[-3], x.shape[-3]
    if own == 0 or heads % own:
        raise located.RuntimeError(
            "scaled_dot_product_attention: the number of heads in key and value must divide the number of "
            f"heads in query, but they are {own} and {heads}"
        )
    return x.unsqueeze(-3).expand(*x.shape[:-2], heads // own, *x.shape[-2:]).flatten(-4, -3)


def _refuse(query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, is_causal: bool) -> None:
    """Raise TypeError or RuntimeError for arguments that do not go together."""
    op = "scaled_dot_product_attention"
    for i, (name, x) in enumerate((("query", query), ("key", key), ("value", value)), 1):
        refuse_plain(x, op, name, i)
        if x.ndim < 2:
            raise located.RuntimeError(
                f"{op}: Expected query, key, and value to all be at least 2 dimensional, but {name} is "
                f"{describe(x)}"
            )
    if not 0 <= dropout_p <= 1:
        raise located.RuntimeError(
            f"dropout probability has to be between 0 and 1, but got {dropout_p}, in {op}"
        )
    if not query.dtype == key.dtype == value.dtype:
        raise located.RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead., in {op}"
        )
    if attn_mask is None:
        return
    refuse_plain(attn_mask, op, "attn_mask", 4)
    if is_causal:
        raise located.RuntimeError(f"{op}: Explicit attn_mask should not be set when is_causal=True")
    if attn_mask.dtype not in (np.bool_, query.dtype):
        raise located.RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{attn_mask.dtype} and  query.dtype: {query.dtype} instead., in {op}"
        )
