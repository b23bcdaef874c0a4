"""Attention in several heads: each query asks all keys, and takes a mean of their values, in each its own."""

from __future__ import annotations

import math
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.linear import linear
from autodiff.tensor import refuse_device

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter
from .linear import Linear

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear`, under the name that PyTorch's texts have for the output projection of attention."""


class MultiheadAttention(Module):
    """softmax(Q Kᵀ / √head_dim + masks) V in each of `num_heads` heads, from and to a projection of its own.

    query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim); N first if `batch_first`, or no N at all.
    The result is (output, weights): the output has the query's shape; the weights are (N, L, S), averaged
    over the heads, (N, num_heads, L, S) if not `average_attn_weights`, None if not `need_weights`. True in
    `attn_mask` (L, S) or (N · num_heads, L, S), or in `key_padding_mask` (N, S), means: do not look here; a
    mask of floats is added. `is_causal` says that `attn_mask` is the causal one. Not here: `add_bias_kv` and
    `add_zero_attn`. Raises RuntimeError, AssertionError or ValueError for what does not fit. Source: Vaswani
    et al., "Attention Is All You Need" (2017); PyTorch, `torch.nn.MultiheadAttention`.

    >>> import autodiff, nn
    >>> x = autodiff.ones(5, 2, 8)
    >>> output, weights = nn.MultiheadAttention(8, num_heads=4)(x, x, x)
    >>> output.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None  # those of query, key and value, one below the other
    q_proj_weight: Parameter | None  # or, if their sizes differ, one by one
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        refuse_device(device)
        if embed_dim <= 0 or num_heads <= 0:
            raise located.ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise located.AssertionError(
                f"embed_dim must be divisible by num_heads, and {embed_dim} is not by {num_heads}"
            )
        if add_bias_kv or add_zero_attn:
            raise located.NotImplementedError(
                "MultiheadAttention: add_bias_kv and add_zero_attn are not implemented"
            )
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = (embed_dim if dim is None else dim for dim in (kdim, vdim))
        self.dropout, self.batch_first = dropout, batch_first
        sizes = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        together = set(sizes.values()) == {embed_dim}
        for name, size in sizes.items():
            weight = None if together else Parameter(autodiff.empty(embed_dim, size, dtype=dtype))
            self.register_parameter(f"{name}_proj_weight", weight)
        whole = Parameter(autodiff.empty(3 * embed_dim, embed_dim, dtype=dtype)) if together else None
        self.register_parameter("in_proj_weight", whole)
        self.register_parameter(
            "in_proj_bias", Parameter(autodiff.empty(3 * embed_dim, dtype=dtype)) if bias else None
        )
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, dtype=dtype)
        self.bias_k = self.bias_v = None
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        batched = self._refuse(query, key, value, key_padding_mask, attn_mask, is_causal)
        batch = 0 if self.batch_first and batched else 1
        if not batched:
            itself = query is key is value
            query = query.unsqueeze(1)
            key, value = (query, query) if itself else (key.unsqueeze(1), value.unsqueeze(1))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        q, k, v = self._projected(query, key, value, batch)
        mask = self._mask(attn_mask, key_padding_mask, q, k)
        p = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q * math.sqrt(1 / self.head_dim)) @ k.mT
            each = F.softmax(scores if mask is None else scores + mask, dim=-1)
            each = F.dropout(each, p) if p else each
            heads = each @ v
            weights = each.mean(1) if average_attn_weights else each
        else:
            causal = is_causal and key_padding_mask is None
            heads = F.scaled_dot_product_attention(q, k, v, None if causal else mask, p, causal)
        n, _, length, _ = heads.shape
        output = self.out_proj(heads.permute((2, 0, 1, 3)).reshape((length, n, self.embed_dim)))
        if batch == 0:
            output = output.transpose(0, 1)  # in PyTorch's layout, which the order of a dropout follows
        if batched:
            return output, weights
        return output.squeeze(1), None if weights is None else weights.squeeze(0)

    def _projected(self, query: Tensor, key: Tensor, value: Tensor, batch: int) -> tuple[Tensor, ...]:
        """Queries, keys and values by head: (N, num_heads, length, head_dim)."""
        dims = (0, 2, 1, 3) if batch == 0 else (1, 2, 0, 3)
        heads = self.num_heads, self.head_dim
        if query is key is value and self.in_proj_weight is not None:  # one product for all three
            z = linear(query, self.in_proj_weight, self.in_proj_bias)
            parts = z.reshape((*z.shape[:2], 3, *heads)).permute((2, *(d + (d > 1) for d in dims)))
            return parts[0], parts[1], parts[2]
        weights: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        if self.in_proj_weight is not None:
            weights = self.in_proj_weight.chunk(3)
        biases: Any = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        projected = (linear(*each) for each in zip((query, key, value), weights, biases, strict=True))
        return tuple(z.reshape((*z.shape[:2], *heads)).permute(dims) for z in projected)

    def _mask(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, q: Tensor, k: Tensor
    ) -> Tensor | None:
        """What is added to the scores (N, num_heads, L, S): -inf where a mask is True; None without masks."""
        n, length, source = q.shape[0], q.shape[2], k.shape[2]
        mask = None
        if attn_mask is not None:
            if attn_mask.ndim not in (2, 3):
                raise located.AssertionError(
                    f"attn_mask must be 2D or 3D, but found a {attn_mask.ndim}-D tensor"
                )
            expected = (length, source) if attn_mask.ndim == 2 else (n * self.num_heads, length, source)
            if attn_mask.shape != expected:
                raise located.RuntimeError(
                    f"The shape of the {attn_mask.ndim}D attn_mask is {attn_mask.shape}, but should be "
                    f"{expected}."
                )
            mask = added("attn_mask", attn_mask, q.dtype)
            if mask.ndim == 3:
                mask = mask.reshape((n, self.num_heads, length, source))
        if key_padding_mask is not None:
            if key_padding_mask.shape != (n, source):
                raise located.AssertionError(
                    f"key_padding_mask: expected shape {(n, source)}, one entry for each key, but got "
                    f"{key_padding_mask.shape}"
                )
            padding = added("key_padding_mask", key_padding_mask, q.dtype).reshape((n, 1, 1, source))
            mask = padding if mask is None else mask + padding
        return mask

    def _refuse(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None,
        attn_mask: Tensor | None,
        is_causal: bool,
    ) -> bool:
        """Raise unless the tensors go together; whether they have a batch."""
        if query.ndim not in (2, 3):
            raise located.AssertionError(
                f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
            )
        if not key.ndim == value.ndim == query.ndim:
            raise located.AssertionError(
                f"For a {query.ndim}-D query expected key and value to be {query.ndim}-D but found "
                f"{key.ndim}-D and {value.ndim}-D tensors respectively"
            )
        if key_padding_mask is not None and key_padding_mask.ndim != query.ndim - 1:
            raise located.AssertionError(
                f"For a {query.ndim}-D query expected key_padding_mask to be None or {query.ndim - 1}-D but "
                f"found {key_padding_mask.ndim}-D tensor instead"
            )
        if query.shape[-1] != self.embed_dim:
            raise located.AssertionError(
                f"was expecting embedding dimension of {self.embed_dim}, but got {query.shape[-1]}"
            )
        alike = (
            key.shape == value.shape
            if self.in_proj_weight is not None
            else key.shape[:-1] == value.shape[:-1]
        )
        if not alike:
            raise located.AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if is_causal and attn_mask is None:
            raise located.RuntimeError(
                "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
                "`generate_square_subsequent_mask` to create this mask."
            )
        return query.ndim == 3


def added(name: str, mask: Tensor, dtype: Any) -> Tensor:
    """A mask as numbers to add to the scores: of bools, -inf where it is True."""
    if mask.dtype == bool:
        return autodiff.zeros(mask.shape, dtype=dtype).masked_fill(mask, -math.inf)
    if mask.dtype.kind != "f":
        raise located.AssertionError(
            f"only bool and floating types of {name} are supported, not {mask.dtype}"
        )
    return mask
