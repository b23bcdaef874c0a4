"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import (
    activations,
    attention,
    convolution,
    distances,
    dropout,
    elementwise,
    indexing,
    losses,
    neural,
    normalization,
    pooling,
    products,
    recurrent,
    reductions,
    resampling,
    shapes,
    windows,
)

__all__ = [
    "activations", "attention", "convolution", "distances", "dropout", "elementwise", "indexing", "losses",
    "neural", "normalization", "pooling", "products", "recurrent", "reductions", "resampling", "shapes",
    "windows",
]  # fmt: skip
