"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import (
    convolution,
    elementwise,
    indexing,
    linalg,
    losses,
    neural,
    normalization,
    pooling,
    reductions,
    shapes,
    windows,
)

__all__ = [
    "convolution", "elementwise", "indexing", "linalg", "losses", "neural", "normalization", "pooling",
    "reductions", "shapes", "windows",
]  # fmt: skip
