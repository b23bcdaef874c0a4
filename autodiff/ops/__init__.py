"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import (
    convolution,
    elementwise,
    indexing,
    losses,
    neural,
    normalization,
    pooling,
    products,
    reductions,
    shapes,
    windows,
)

__all__ = [
    "convolution", "elementwise", "indexing", "losses", "neural", "normalization", "pooling", "products",
    "reductions", "shapes", "windows",
]  # fmt: skip
