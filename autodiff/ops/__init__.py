"""The table of rules: what the engine can compute and differentiate, by kind.

Of each entry    `elementwise`, the table to read first; `composed` of these; `activations`, `random_slope`,
                 `dropout`; `parts` of numbers; `comparing`; what NumPy lacks: `special`, `error_function`,
                 `gamma`
Many made one    `reductions`, `extremes`, `statistics`, `norms`, `distances`, `areas`; on the way, `scans`
In order         `sorting`, `bins`, `choices`
In another form  `shapes`, `reordering`, `repeating`, `joining`, `diagonals`
Some of them     `indexing`, to read; `scattering`, to write
Matrices         `products`, `einsum`, `linear`; `inverses`, `triangular`, `decompositions`
Networks         `neural`, `losses`, `normalization`, `attention`, `recurrent`, `bags`
Images           `convolution`, `pooling`, `adaptive_pooling`, `power_pooling`, `unpooling`, on `windows`;
                 `resampling`

`arguments` and `dims` check what they all are given.
"""

from . import (
    activations,
    adaptive_pooling,
    areas,
    attention,
    bags,
    bins,
    choices,
    comparing,
    composed,
    convolution,
    decompositions,
    diagonals,
    distances,
    dropout,
    einsum,
    elementwise,
    error_function,
    extremes,
    gamma,
    indexing,
    inverses,
    joining,
    linear,
    losses,
    neural,
    normalization,
    norms,
    parts,
    pooling,
    power_pooling,
    products,
    random_slope,
    recurrent,
    reductions,
    reordering,
    repeating,
    resampling,
    scans,
    scattering,
    shapes,
    sorting,
    special,
    statistics,
    triangular,
    unpooling,
    windows,
)

__all__ = [
    "activations", "adaptive_pooling", "areas", "attention", "bags", "bins", "choices", "comparing",
    "composed", "convolution", "decompositions", "diagonals", "distances", "dropout", "einsum",
    "elementwise", "error_function", "extremes", "gamma", "indexing", "inverses", "joining", "linear",
    "losses", "neural", "normalization", "norms", "parts", "pooling", "power_pooling", "products",
    "random_slope", "recurrent", "reductions", "reordering", "repeating", "resampling", "scans",
    "scattering", "shapes", "sorting", "special", "statistics", "triangular", "unpooling", "windows",
]  # fmt: skip
