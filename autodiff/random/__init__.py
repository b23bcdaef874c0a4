"""Random tensors, drawn as PyTorch draws them: the same seed gives the same digits, in any order of draws.

`manual_seed` seeds the default generator, which every function here uses unless it is given `generator=`. How
words become numbers is in `generator`, with `box_muller` for normal ones and `fma` for PyTorch's rounding;
PyTorch's names and errors are in `drawing`, for new tensors, and in `filling`, for those that are there, with
`arguments`, which checks what they are given. `default` holds the default generator.
"""

from .default import (
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .drawing import (
    bernoulli,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)
from .filling import bernoulli_, exponential_, normal_, random_, uniform_
from .generator import Generator

__all__ = [
    "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state",
    "fork_rng",
    "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial",
    "rand_like", "randn_like", "randint_like",
]  # fmt: skip
