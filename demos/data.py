"""Small sets of points in the plane, two classes each, in a few lines of NumPy.

Each function returns the points (n, 2) and their classes (n,), zeros and ones. `seed` is a number, or a
`np.random.RandomState` to draw from. NumPy's older generator is the one that the recorded numbers came from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Points = tuple[Array, Array]
Seed = int | np.random.RandomState


def xor() -> Points:
    """The four rows of the truth table; class 1 where exactly one input is 1."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return x, np.array([0, 1, 1, 0])


def quadrants(n: int = 200, seed: Seed = 42) -> Points:
    """Normal points; class 1 where both coordinates have the same sign."""
    x = stream(seed).randn(n, 2)
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def moons(n: int = 500, noise: float = 0.2, seed: Seed = 42) -> Points:
    """Two half circles that reach into each other: scikit-learn's `make_moons`, the same numbers from a seed.

    >>> moons(4, noise=0.0, seed=0)[0].round(2).tolist()
    [[0.0, 0.5], [2.0, 0.5], [-1.0, 0.0], [1.0, 0.0]]
    """
    outer, inner = (np.linspace(0, np.pi, k) for k in (n // 2, n - n // 2))
    x = np.vstack(
        [
            np.column_stack([np.cos(outer), np.sin(outer)]),
            np.column_stack([1 - np.cos(inner), 1 - np.sin(inner) - 0.5]),
        ]
    )
    return shuffled(x, n // 2, noise, seed)


def circles(n: int = 500, noise: float = 0.1, seed: Seed = 42, factor: float = 0.5) -> Points:
    """A circle (class 1) inside another: scikit-learn's `make_circles`, the same numbers from a seed."""
    outer, inner = (np.linspace(0, 2 * np.pi, k, endpoint=False) for k in (n // 2, n - n // 2))
    x = np.vstack(
        [
            np.column_stack([np.cos(outer), np.sin(outer)]),
            factor * np.column_stack([np.cos(inner), np.sin(inner)]),
        ]
    )
    return shuffled(x, n // 2, noise, seed)


def spirals(n: int = 500, noise: float = 0.02, seed: Seed = 42, turns: float = 1.5) -> Points:
    """Two arms of a spiral, one the other turned by half a circle."""
    arms = []
    for start, k in ((0.0, n // 2), (np.pi, n - n // 2)):
        radius = np.linspace(0.1, 1, k)
        angle = start + 2 * np.pi * turns * radius
        arms.append(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    return shuffled(np.vstack(arms), n // 2, noise, seed)


def shuffled(x: Array, zeros: int, noise: float, seed: Seed) -> Points:
    """Points, the first `zeros` of class 0 and the others of class 1, in random order, with noise added."""
    random = stream(seed)
    order = np.arange(len(x))
    random.shuffle(order)
    y = (np.arange(len(x)) >= zeros).astype(int)
    return x[order] + random.normal(scale=noise, size=x.shape), y[order]


def stream(seed: Seed) -> np.random.RandomState:
    """A stream of random numbers: a new one from a number, or the one given."""
    return seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)
