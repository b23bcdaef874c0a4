"""PyTorch's CPU random numbers from NumPy's Mersenne Twister: same seed, same digits.

Both libraries run the same generator (MT19937), so they see the same 32-bit words; what is left is how
PyTorch makes numbers of them (its DistributionsHelper.h):

    uniform, float32   low 24 bits of one word · 2⁻²⁴
    uniform, float64   low 53 bits of two words · 2⁻⁵³
    bernoulli(p)       uniform < p, in float64 if p is a number
    exponential        −ln(1 − u) / λ, in float64
    integers           word mod range, of two words from 2²⁸ on
    permutation        swap i with i + (word mod n − i)
    normal             Box–Muller: below 16 a pair at a time in float64, else in blocks (see `box_muller`)
"""

from __future__ import annotations

import math
import operator
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Array, DType, bool_, float32, float64, int64
from ..errors import describe, located
from ..tensor import Tensor, refuse_device
from .box_muller import BLOCK, box_muller
from .fma import fma

Shape = tuple[int, ...]

EXACT = {bool_: 2, int64: 2**63, float32: 2**24 + 1, float64: 2**53 + 1}
"""All integers from 0 to below this one are exact in the dtype."""

UNSEEDED = 67280421310721  # the seed of a Generator() that nobody seeded, PyTorch's
TWIST = 624  # words that one step of the twister makes
PIECE = 2**15  # numbers made at a time: what fits in the cache
STATE = np.dtype(  # how PyTorch lays out a generator: 5056 bytes
    [("seed", "u8"), ("left", "i4"), ("seeded", "i4"), ("next", "u8"), ("key", "u8", TWIST), ("x", "f8"),
     ("second", "f8"), ("rho", "f8"), ("has_second", "i4"), ("second32", "f4"), ("has_second32", "?")],
    align=True,
)  # fmt: skip


class Generator:
    """A stream of random numbers: its methods draw NumPy arrays, functions with `generator=` draw tensors.

    Threads may share one: no word is given out twice. It can be copied and pickled.

    >>> import autodiff
    >>> g = autodiff.Generator().manual_seed(0)
    >>> autodiff.rand(3, generator=g)
    tensor([0.4963, 0.7682, 0.0885])
    """

    device = "cpu"

    def __init__(self, device: Any = "cpu") -> None:
        refuse_device(device)
        self._lock = threading.Lock()
        self._start(UNSEEDED)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`, and return the generator.

        From −2⁶³ to 2⁶⁴ − 1; a negative seed counts as seed + 2⁶⁴, and only the low 32 bits matter. Raises
        RuntimeError for what is no integer, ValueError for one out of range.
        """
        if isinstance(seed, (bool, np.bool_)) or not hasattr(seed, "__index__"):
            raise located.RuntimeError(
                f"manual_seed expected a long, but got {type(seed).__name__}: pass an int"
            )
        seed = operator.index(seed)
        if not -(2**63) <= seed < 2**64:
            raise located.ValueError(
                f"Overflow when unpacking long long: a seed is in [-2**63, 2**64), not {seed}"
            )
        self._start(seed % 2**64)
        return self

    def seed(self) -> int:
        """Seed with a number that the operating system draws, and return it."""
        self._start(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream was started with."""
        return self._seed

    def _start(self, seed: int) -> None:
        self._seed = seed
        self._twister: np.random.RandomState | None = None
        self._words = np.empty(0, np.uint32)  # of the last step of the twister
        self._next = 0  # the first of them that was not given out
        self._second: float | None = None  # of the last pair of normal numbers

    def _seeded_twister(self) -> np.random.RandomState:
        """NumPy's twister; made at the first draw, because numpy.random takes 20 ms to import."""
        if self._twister is None:
            self._twister = np.random.RandomState(self._seed % 2**32)
        return self._twister

    # Words --------------------------------------------------------------------------------------------

    def words(self, n: int) -> Array:
        """The next `n` words, uint32, not to be written to. Every draw begins here; here the stream moves."""
        with self._lock:
            start, self._next = self._next, self._next + n
            if self._next <= len(self._words):
                return self._words[start : self._next]
            missing = self._next - len(self._words)
            steps = -(-missing // TWIST)
            fresh = self._seeded_twister().randint(0, 2**32, steps * TWIST, np.uint32)
            drawn = np.concatenate((self._words[start:], fresh[:missing]))
            self._words, self._next = fresh[-TWIST:].copy(), missing - (steps - 1) * TWIST
            return drawn

    def _make(self, numbers: Callable[[Array], Array], words_each: int, shape: Shape, dtype: DType) -> Array:
        """An array of what `numbers` makes of the next words, in pieces that stay in the cache."""
        n = math.prod(shape)
        if n <= PIECE:
            return numbers(self.words(words_each * n)).astype(dtype, copy=False).reshape(shape)
        out = np.empty(n, dtype)
        for start in range(0, n, PIECE):
            piece = out[start : start + PIECE]
            piece[:] = numbers(self.words(words_each * piece.size))
        return out.reshape(shape)

    def get_state(self) -> Tensor:
        """Where the stream is: the 5056 bytes of PyTorch's state, as 632 int64 (the engine has no uint8).

        `torch.from_numpy(state.numpy().view(np.uint8))` is a state for PyTorch.
        """
        state: Any = np.zeros(1, STATE)
        state["seed"], state["seeded"] = self._seed, 1
        state["key"] = self._seeded_twister().get_state(legacy=False)["state"]["key"]
        state["next"], state["left"] = self._next, len(self._words) - self._next + 1
        state["second"], state["has_second"] = self._second or 0.0, self._second is not None
        return Tensor(state.view(int64))

    def set_state(self, new_state: Tensor | Array) -> None:
        """Go to where the stream was at `get_state()`; PyTorch's states do as well, as `.numpy()`.

        Raises TypeError if it is neither int64 nor bytes, RuntimeError if it is no state of this generator.
        """
        array = new_state.array if isinstance(new_state, Tensor) else new_state
        if not isinstance(array, np.ndarray) or array.dtype not in (int64, np.uint8):
            raise located.TypeError(
                f"expected a state from get_state(), int64 or bytes, not {describe(new_state)}"
            )
        if array.nbytes != STATE.itemsize:
            raise located.RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE.itemsize} "
                f"but found the input RNG state size to be {array.nbytes}"
            )
        state = np.ascontiguousarray(array).reshape(-1).view(STATE)[0]
        start, left = int(state["next"]), int(state["left"])
        if not state["seeded"] or not (start + left == TWIST + 1 or (start, left) == (0, 1)):
            raise located.RuntimeError("Invalid mt19937 state: it does not come from get_state()")
        self._start(int(state["seed"]))
        twister = self._seeded_twister()
        twister.set_state(("MT19937", state["key"].astype(np.uint32), 0 if start else TWIST, 0, 0.0))
        if start:
            self._words, self._next = twister.randint(0, 2**32, TWIST, np.uint32), start
        self._second = float(state["second"]) if state["has_second"] else None

    def clone_state(self) -> Generator:
        """Another generator, that will go on as this one."""
        twin = Generator()
        twin.set_state(self.get_state())
        return twin

    def __getstate__(self) -> Array:
        return self.get_state().array

    def __setstate__(self, state: Array) -> None:
        self._lock = threading.Lock()
        self.set_state(state)

    # Numbers ------------------------------------------------------------------------------------------

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: DType = float32) -> Array:
        """Uniform in [low, high), float32 or float64."""
        bottom, top = dtype.type(low), dtype.type(high)

        def numbers(words: Array) -> Array:
            if dtype == float32:
                u: Array = (words & 0xFFFFFF).astype(float32) * np.float32(2.0**-24)
            else:
                u = (words[0::2] & 0x1FFFFF) * 2.0**-21 + words[1::2] * 2.0**-53
            if low != 0 or high != 1:
                u = fma(u, top - bottom, bottom)
                u[u == top] = bottom  # where rounding reached the end that is left out
            return u

        return self._make(numbers, dtype.itemsize // 4, shape, dtype)

    def normal(self, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: DType = float32) -> Array:
        """Normal with this mean and standard deviation, float32 or float64."""
        n = math.prod(shape)
        if n < BLOCK:
            return self.normal_by_pairs(shape, mean, std, dtype)
        z = self.uniform((n,), dtype=dtype)
        whole = n - n % BLOCK
        z[:whole] = box_muller(z[:whole])
        if n > whole:  # the last block is drawn anew, and overlaps the one before
            z[-BLOCK:] = box_muller(self.uniform((BLOCK,), dtype=dtype))
        return _scaled(z, mean, std).reshape(shape)

    def normal_by_pairs(
        self, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: DType = float32
    ) -> Array:
        """Normal, a pair at a time in float64; a second that is left over is kept for the next call."""
        n = math.prod(shape)
        z = [] if self._second is None else [self._second]
        for u, v in self.uniform(((n - len(z) + 1) // 2, 2), dtype=float64).tolist():
            radius, angle = math.sqrt(-2 * math.log1p(-v)), 2 * math.pi * u
            z += radius * math.cos(angle), radius * math.sin(angle)
        self._second = z.pop() if len(z) > n else None
        return _scaled(np.array(z, float64), mean, std).astype(dtype, copy=False).reshape(shape)

    def bernoulli(self, p: float | Array, shape: Shape) -> Array:
        """True with probability `p`: a number, or float32 or float64 that broadcast to `shape`."""
        return self.uniform(shape, dtype=p.dtype if isinstance(p, np.ndarray) else float64) < p

    def mask_like(self, array: Array, p: float | Array) -> Array:
        """True with probability `p`, for each entry of `array`: what dropout keeps, with p = 1 − its rate."""
        if isinstance(p, np.ndarray):
            return laid_out_like(array, lambda shape: self.uniform(shape, dtype=p.dtype)) < p
        high, low = divmod(math.ceil(p * 2.0**53), 2**32)

        def below(words: Array) -> Array:
            """Whether a uniform float64, of 21 bits of one word and the 32 of the next, is less than p."""
            first = words[0::2] & 0x1FFFFF
            less: Array = first < high
            equal = first == high
            if equal.any():
                less |= equal & (words[1::2] < low)
            return less

        return laid_out_like(array, lambda shape: self._make(below, 2, shape, bool_))

    def exponential(self, shape: Shape, rate: float = 1.0, dtype: DType = float32) -> Array:
        """Exponential with this rate λ, of density λ·e^(−λx)."""
        return (np.log1p(-self.uniform(shape, dtype=float64)) * (-1 / rate)).astype(dtype, copy=False)

    def integers(self, low: int, high: int, shape: Shape, dtype: DType = int64) -> Array:
        """Integers in [low, high), −2⁶³ ≤ low < high ≤ 2⁶³."""
        span = high - low

        def numbers(words: Array) -> Array:
            if span < 2**28:
                return (words % np.uint32(span)).astype(int64) + low
            long = words[0::2].astype(np.uint64) << np.uint64(32) | words[1::2]
            if span == 2**64:
                return long.astype(int64)
            return (long % np.uint64(span)).astype(int64) + low  # wraps around, as in C: right in the end

        return self._make(numbers, 1 if span < 2**28 else 2, shape, dtype)

    def permutation(self, n: int, dtype: DType = int64) -> Array:
        """0 ... n − 1 in random order (Fisher and Yates)."""
        remaining = np.arange(n, 1, -1, dtype=np.uint32)
        jumps = self.words(len(remaining)) % remaining
        order = list(range(n))
        for i, jump in enumerate(jumps.tolist()):
            order[i], order[i + jump] = order[i + jump], order[i]
        return np.array(order, dtype)


def _scaled(z: Array, mean: float, std: float) -> Array:
    """mean + std·z, rounded once."""
    return z if mean == 0 and std == 1 else fma(z, z.dtype.type(std), z.dtype.type(mean))


def laid_out_like(array: Array, draw: Callable[[Shape], Array]) -> Array:
    """What `draw` gives for the shape of `array`, with the axes in the same order in memory.

    PyTorch draws in the order of memory: a transpose is filled column by column.
    """
    if array.flags.c_contiguous:
        return draw(array.shape)
    axes = memory_order(array)
    return draw(tuple(array.shape[axis] for axis in axes)).transpose(np.argsort(axes))


def memory_order(array: Array) -> list[int]:
    """The axes from the longest stride to the shortest; one of stride 0 stays in its place, as in PyTorch."""
    axes = list(range(array.ndim))
    for first in reversed(axes[:-1]):
        i = first
        for j in range(first + 1, array.ndim):
            here, there = abs(array.strides[axes[i]]), abs(array.strides[axes[j]])
            if here > there > 0:
                break
            if there > here > 0:
                axes[i], axes[j] = axes[j], axes[i]
                i = j
    return axes
