"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import (
    activations,
    attention,
    convolution,
    diagonals,
    distances,
    dropout,
    elementwise,
    indexing,
    joining,
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
    "activations", "attention", "convolution", "diagonals", "distances", "dropout", "elementwise",
    "indexing", "joining", "losses", "neural", "normalization", "pooling", "products", "recurrent",
    "reductions", "resampling", "shapes", "windows",
]  # fmt: skip
