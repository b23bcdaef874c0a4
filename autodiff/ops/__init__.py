"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import (
    activations,
    attention,
    bins,
    composed,
    convolution,
    decompositions,
    diagonals,
    distances,
    dropout,
    einsum,
    elementwise,
    indexing,
    inverses,
    joining,
    losses,
    neural,
    normalization,
    norms,
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
    "activations", "attention", "bins", "composed", "convolution", "decompositions", "diagonals",
    "distances", "dropout", "einsum", "elementwise", "indexing", "inverses", "joining", "losses", "neural",
    "normalization", "norms", "pooling", "products", "recurrent", "reductions", "resampling", "scans",
    "scattering", "shapes", "sorting", "windows",
]  # fmt: skip
