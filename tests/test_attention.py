"""Attention and transformers against PyTorch: weights, texts, masks, outputs, derivatives, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import autodiff
import nn

from .modules import assert_made_alike, assert_refuse_alike, assert_works_alike, layer, made, real


@pytest.fixture(autouse=True)
def _composed() -> Iterator[None]:
    """PyTorch's attention as a composition: its fused one has no second derivative."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


CAUSAL = np.triu(np.ones((4, 4), bool), 1)
PADDING = np.array([[False, False, True, True], [False, False, False, False], [False, True, False, True]])


def attend(**options: Any) -> Callable[..., Any]:
    """Call a module with these options, whose arrays become tensors of its library."""

    def use(module: Any, *tensors: Any) -> Any:
        tensor = torch.tensor if isinstance(module, torch.nn.Module) else autodiff.tensor
        dtype = next(module.parameters()).dtype
        converted = {
            name: x
            if not isinstance(x, np.ndarray)
            else tensor(x).to(dtype)
            if x.dtype.kind == "f"
            else tensor(x)
            for name, x in options.items()
        }
        return module(*tensors, **converted)

    return use


def itself(**options: Any) -> Callable[..., Any]:
    """Attention of one tensor to itself."""
    use = attend(**options)
    return lambda module, x: use(module, x, x, x)


def floats(mask: np.ndarray) -> np.ndarray:
    """A mask as numbers: -inf where it is True."""
    return np.where(mask, -np.inf, 0.25)


USES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no weights": {"need_weights": False},
    "weights of heads": {"average_attn_weights": False},
    "mask": {"attn_mask": CAUSAL},
    "mask of floats": {"attn_mask": floats(CAUSAL), "need_weights": False},
    "mask for each head": {"attn_mask": np.tile(CAUSAL, (6, 1, 1)), "need_weights": False},
    "causal": {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False},
    "causal with weights": {"attn_mask": CAUSAL, "is_causal": True},
    "padding": {"key_padding_mask": PADDING},
    "padding of floats": {"key_padding_mask": floats(PADDING), "need_weights": False},
    "both": {"key_padding_mask": PADDING, "attn_mask": CAUSAL},
    "both, no weights": {"key_padding_mask": PADDING, "attn_mask": CAUSAL, "need_weights": False},
    "causal and padding": {
        "key_padding_mask": PADDING,
        "attn_mask": CAUSAL,
        "is_causal": True,
        "need_weights": False,
    },
}


@pytest.mark.parametrize("options", USES.values(), ids=USES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_self_attention(options: dict[str, Any], batch_first: bool) -> None:
    make = layer("MultiheadAttention", 4, 2, batch_first=batch_first)
    x = real(3, 4, 4) if batch_first else real(4, 3, 4)
    assert_works_alike(make, itself(**options), x)


@pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"batch_first": True}, {"kdim": 3, "vdim": 5}, {"dropout": 0.4}, {"vdim": 6}],
    ids=str,
)
def test_attention_to_others(options: dict[str, Any]) -> None:
    make = layer("MultiheadAttention", 4, 2, **options)
    assert_made_alike(*made(make))
    k, v = options.get("kdim", 4), options.get("vdim", 4)
    for use in (attend(), attend(need_weights=False)):
        assert_works_alike(make, use, real(3, 3, 4), real(3, 3, k), real(3, 3, v))
        assert_works_alike(make, use, real(2, 4), real(5, k), real(5, v))


def test_one_sequence_attends_to_itself() -> None:
    make = layer("MultiheadAttention", 6, 3, batch_first=True)
    for options in ({}, {"key_padding_mask": PADDING[0]}, {"attn_mask": CAUSAL, "need_weights": False}):
        assert_works_alike(make, itself(**options), real(4, 6))


def test_who_may_look_nowhere() -> None:
    nowhere = CAUSAL.copy()
    nowhere[1] = True
    with np.errstate(invalid="ignore"):
        for need_weights in (False, True):
            assert_works_alike(
                layer("MultiheadAttention", 4, 2),
                itself(attn_mask=nowhere, need_weights=need_weights),
                real(4, 3, 4),
                second=False,
            )


SIZES = {"d_model": 4, "nhead": 2, "dim_feedforward": 6}
LAYERS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "activation": "gelu", "dropout": 0.0},
    {"batch_first": True, "bias": False, "dropout": 0.3},
]


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_encoder(options: dict[str, Any]) -> None:
    make = layer("TransformerEncoderLayer", **SIZES, **options)
    assert_made_alike(*made(make))
    x = real(3, 4, 4) if "batch_first" in options else real(4, 3, 4)
    for masks in ({}, {"src_mask": CAUSAL}, {"src_key_padding_mask": PADDING, "src_mask": CAUSAL}):
        assert_works_alike(make, attend(**masks), x)
    assert_works_alike(make, attend(src_mask=CAUSAL, is_causal=True), x, training=False)

    def stack(library: Any) -> Any:
        return library.TransformerEncoder(make(library), 2, library.LayerNorm(4), enable_nested_tensor=False)

    assert_made_alike(*made(stack))
    assert_works_alike(stack, attend(mask=CAUSAL), x)
    assert_works_alike(stack, attend(), x[0], training=False)


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_decoder(options: dict[str, Any]) -> None:
    make = layer("TransformerDecoderLayer", **SIZES, **options)
    assert_made_alike(*made(make))
    x = real(3, 4, 4) if "batch_first" in options else real(4, 3, 4)
    masks = {"tgt_mask": CAUSAL, "memory_key_padding_mask": PADDING}
    assert_works_alike(make, attend(**masks), x, x[::-1].copy())

    def stack(library: Any) -> Any:
        return library.TransformerDecoder(make(library), 2)

    assert_made_alike(*made(stack))
    assert_works_alike(stack, attend(**masks), x, x[::-1].copy())


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_transformer() -> None:
    sizes = {"d_model": 4, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 2, "dim_feedforward": 6}
    make = layer("Transformer", **sizes)
    assert_made_alike(*made(make))
    assert_works_alike(make, attend(tgt_mask=CAUSAL), real(5, 2, 4), real(4, 2, 4))
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    assert (mask.numpy() == torch.nn.Transformer.generate_square_subsequent_mask(3).numpy()).all()


def test_an_activation_may_be_a_function_or_a_module() -> None:
    for activation in ("Tanh", "ReLU"):

        def make(library: Any, activation: str = activation) -> Any:
            return library.TransformerEncoderLayer(**SIZES, activation=getattr(library, activation)())

        assert_made_alike(*made(make))
        assert_works_alike(make, attend(), real(4, 3, 4))


def zeros(*shape: int) -> np.ndarray:
    """float32 zeros."""
    return np.zeros(shape, np.float32)


X = zeros(4, 3, 4)
REFUSED: dict[str, tuple[Any, ...]] = {
    "heads": (layer("MultiheadAttention", 4, 3), attend(), "embed_dim must be divisible by num_heads"),
    "sizes": (layer("MultiheadAttention", 0, 1), attend(), "embed_dim and num_heads must be greater than 0"),
    "features": (
        layer("MultiheadAttention", 4, 2),
        itself(),
        zeros(4, 3, 5),
        "was expecting embedding dimension of 4, but got 5",
    ),
    "dims": (layer("MultiheadAttention", 4, 2), itself(), zeros(4), "unbatched 2D or batched 3D tensor"),
    "keys and values": (
        layer("MultiheadAttention", 4, 2),
        attend(),
        X,
        zeros(5, 3, 4),
        X,
        "does not match value",
    ),
    "dims of keys": (layer("MultiheadAttention", 4, 2), attend(), X, zeros(4, 4), X, "expected"),
    "mask": (
        layer("MultiheadAttention", 4, 2),
        itself(attn_mask=CAUSAL[1:]),
        X,
        "The shape of the 2D attn_mask is",
    ),
    "dims of the mask": (
        layer("MultiheadAttention", 4, 2),
        itself(attn_mask=CAUSAL[0]),
        X,
        "",
    ),
    "mask of whole numbers": (
        layer("MultiheadAttention", 4, 2),
        itself(attn_mask=CAUSAL.astype(int)),
        X,
        "only bool and floating types of",
    ),
    "padding": (layer("MultiheadAttention", 4, 2), itself(key_padding_mask=PADDING[1:]), X, ""),
    "causal without a mask": (
        layer("MultiheadAttention", 4, 2),
        itself(is_causal=True),
        X,
        "Need attn_mask if specifying the is_causal hint",
    ),
    "activation": (
        layer("TransformerEncoderLayer", 4, 2, activation="tanh"),
        attend(),
        "activation should be relu/gelu, not tanh",
    ),
    "source and target": (
        layer("Transformer", 4, 2, 1, 1, 4),
        attend(),
        X,
        zeros(4, 3, 5),
        "the feature number of src and tgt must be equal to d_model",
    ),
}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_refused(row: tuple[Any, ...]) -> None:
    make, use, *arrays, words = row
    assert_refuse_alike(make, use, *arrays, words=words)


def test_what_we_lack_is_refused_by_name() -> None:
    for option in ("add_bias_kv", "add_zero_attn"):
        with pytest.raises(NotImplementedError, match=option):
            nn.MultiheadAttention(4, 2, **{option: True})
