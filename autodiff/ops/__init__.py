"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import (
    activations,
    attention,
    bins,
    composed,
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
    scans,
    scattering,
    shapes,
    sorting,
    windows,
)

__all__ = [
    "activations", "attention", "bins", "composed", "convolution", "diagonals", "distances", "dropout",
    "elementwise", "indexing", "joining", "losses", "neural", "normalization", "pooling", "products",
    "recurrent", "reductions", "resampling", "scans", "scattering", "shapes", "sorting", "windows",
]  # fmt: skip
