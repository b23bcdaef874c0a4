"""Functions that NumPy lacks, on plain arrays: stable, in the dtype of their input."""

from __future__ import annotations

import numpy as np

from ..dtypes import Array


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x); for very negative x the exponential is capped where float32 ends, before it overflows."""
    z = np.negative(x)
    np.minimum(z, 88.0 if z.dtype.itemsize == 4 else 709.0, out=z if isinstance(z, np.ndarray) else None)
    return 1 / (1 + np.exp(z))


def relu(x: Array) -> Array:
    """x where x > 0, else 0."""
    return np.maximum(x, 0)
