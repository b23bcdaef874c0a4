"""The transformer: layers of attention and of a perceptron at each place, with a way around each of them.

Source: Vaswani et al., "Attention Is All You Need" (2017); norm_first: Xiong et al., "On layer normalization
in the transformer architecture" (2020).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from .. import functional as F
from .. import init
from ..module import Module
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Linear
from .normalization import LayerNorm

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """What encoder and decoder layers share: attention to themselves, the perceptron, the ways around."""

    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention

    def _make(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        device: Any,
        dtype: Any,
        attentions: tuple[str, ...],
    ) -> None:
        """Make the parts in PyTorch's order, from which the seed's digits follow."""
        options = {"bias": bias, "device": device, "dtype": dtype}
        for name in attentions:
            attention = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **options)
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **options)
        self.norm_first = norm_first
        for i in range(1, len(attentions) + 2):
            self.add_module(f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, **options))
        for i in range(1, len(attentions) + 2):
            self.add_module(f"dropout{i}", Dropout(dropout))
        if isinstance(activation, str):
            if activation not in ("relu", "gelu"):
                raise located.RuntimeError(f"activation should be relu/gelu, not {activation}")
            activation = F.relu if activation == "relu" else F.gelu
        self.activation = activation

    def _around(self, x: Tensor, i: int, block: Callable[[Tensor], Tensor]) -> Tensor:
        """x + block(x), normalized by norm i before or after."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        if self.norm_first:
            return x + dropout(block(norm(x)))
        return norm(x + dropout(block(x)))

    def _perceptron(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _attend(
    attention: Any, to: Tensor | None, mask: Tensor | None, padding: Tensor | None, is_causal: bool
) -> Callable[[Tensor], Tensor]:
    """Attention as a function of the queries: to themselves if `to` is None."""

    def attend(x: Tensor) -> Tensor:
        source = x if to is None else to
        options: dict[str, Any] = {"need_weights": False, "attn_mask": mask, "is_causal": is_causal}
        found: Tensor = attention(x, source, source, padding, **options)[0]
        return found

    return attend


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a perceptron at each place: src (S, N, d_model).

    N first if `batch_first`. Around each part goes a sum, normalized behind it, or before the part if
    `norm_first`. `activation` is "relu", "gelu" or a function. For the masks see `MultiheadAttention`.
    Source: PyTorch, `torch.nn.TransformerEncoderLayer`.

    >>> import autodiff, nn
    >>> nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)(autodiff.ones(5, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        flags = layer_norm_eps, batch_first, norm_first, bias, device, dtype
        self._make(d_model, nhead, dim_feedforward, dropout, activation, *flags, ("self_attn",))

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        x = self._around(src, 1, _attend(self.self_attn, None, src_mask, src_key_padding_mask, is_causal))
        return self._around(x, 2, self._perceptron)


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to `memory` (an encoder's output), then a perceptron.

    tgt (T, N, d_model) and memory (S, N, d_model); N first if `batch_first`. See `TransformerEncoderLayer`.
    Source: PyTorch, `torch.nn.TransformerDecoderLayer`.

    >>> import autodiff, nn
    >>> layer = nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)
    >>> layer(autodiff.ones(4, 3, 8), memory=autodiff.ones(5, 3, 8)).shape
    (4, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        flags = layer_norm_eps, batch_first, norm_first, bias, device, dtype
        attentions = ("self_attn", "multihead_attn")
        self._make(d_model, nhead, dim_feedforward, dropout, activation, *flags, attentions)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        itself = _attend(self.self_attn, None, tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = _attend(self.multihead_attn, memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        x = self._around(tgt, 1, itself)
        return self._around(self._around(x, 2, other), 3, self._perceptron)


class _Stack(Module):
    """Copies of one layer, one after the other, and a norm behind them."""

    norm: Module | None

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _through(self, x: Tensor, *args: Any, **options: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *args, **options)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """`num_layers` copies of an encoder layer, which all begin with its weights. `norm` comes behind them.

    `enable_nested_tensor` and `mask_check`, which are about PyTorch's speed, change nothing. Source: PyTorch,
    `torch.nn.TransformerEncoder`.

    >>> import autodiff, nn
    >>> layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> encoder = nn.TransformerEncoder(layer, num_layers=2)
    >>> encoder(autodiff.ones(3, 5, 8)).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        return self._through(src, mask, src_key_padding_mask, bool(is_causal))


class TransformerDecoder(_Stack):
    """`num_layers` copies of a decoder layer, each of which attends to `memory`; see `TransformerEncoder`.

    Source: PyTorch, `torch.nn.TransformerDecoder`.

    >>> import autodiff, nn
    >>> layer = nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)
    >>> decoder = nn.TransformerDecoder(layer, num_layers=2)
    >>> decoder(autodiff.ones(4, 3, 8), memory=autodiff.ones(5, 3, 8)).shape
    (4, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self._through(tgt, memory, *masks, bool(tgt_is_causal), memory_is_causal)


class Transformer(Module):
    """An encoder of src (S, N, d_model), and a decoder of tgt (T, N, d_model) that attends to its output.

    Source: PyTorch, `torch.nn.Transformer`.

    >>> import autodiff, nn
    >>> model = nn.Transformer(8, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> model(autodiff.ones(5, 3, 8), autodiff.ones(4, 3, 8)).shape
    (4, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes: Any = (d_model, nhead, dim_feedforward, dropout, activation)
        flags: Any = (layer_norm_eps, batch_first, norm_first, bias, device, dtype)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            layer = TransformerEncoderLayer(*sizes, *flags)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        self.encoder = custom_encoder
        if custom_decoder is None:
            decoder_layer = TransformerDecoderLayer(*sizes, *flags)
            custom_decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm())
        self.decoder = custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise located.RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): -inf where a place would look ahead, else 0."""
        return autodiff.full((sz, sz), -math.inf, device=device, dtype=dtype).triu(1)
