"""One training step of XOR (2-4-1, sigmoid, MSE, SGD, float32): our time over PyTorch's, in turn.

Both start from the same weights and must reach the same loss before a time counts. The bar: at most 0.2.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import autodiff
import nn

from .workloads import xor

ROUNDS, STEPS, BAR = 15, 400, 0.2


def microseconds(step: Callable[[], Any], steps: int = STEPS) -> float:
    """Time per step."""
    start = time.perf_counter()
    for _ in range(steps):
        step().item()
    return (time.perf_counter() - start) / steps * 1e6


def main() -> None:
    torch.set_num_threads(1)
    ours, theirs = xor(autodiff, nn, nn.optim), xor(torch, torch.nn, torch.optim)
    for _ in range(100):
        a, b = ours().item(), theirs().item()
    if abs(a - b) > 1e-6:
        raise SystemExit(f"the losses differ after 100 steps: ours {a}, PyTorch {b}")
    pairs = [(microseconds(ours), microseconds(theirs)) for _ in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"XOR step, eager, float32, one thread; median of {ROUNDS} rounds of {STEPS} steps in turn")
    print(
        f"  autodiff {statistics.median(a for a, _ in pairs):7.1f} us   PyTorch "
        f"{statistics.median(b for _, b in pairs):7.1f} us"
    )
    print(f"  ratio    {ratio:7.3f}      (bar: at most {BAR}: {'met' if ratio <= BAR else 'MISSED'})")


if __name__ == "__main__":
    main()
