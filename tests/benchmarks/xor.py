"""One training step of XOR (2-4-1, sigmoid, MSE, SGD, float32): our time over PyTorch's, in turn.

Both start from the same weights and must reach the same loss before a time counts. The bar: at most 0.2.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

import autodiff
import nn

ROUNDS, STEPS, BAR = 15, 400, 0.2


def training_step(
    tensor: Callable[..., Any], manual_seed: Callable[[int], Any], nn: ModuleType, optim: ModuleType
) -> Callable[[], float]:
    """The program of `demos.xor` for either library: a function that does one step and returns its loss."""

    class XOR(nn.Module):  # type: ignore[name-defined, misc]  # whichever library it is
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(2, 4)
            self.activation = nn.Sigmoid()
            self.output = nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return self.output(self.activation(self.hidden(x))).sigmoid()

    manual_seed(42)
    x = tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = tensor([[0.0], [1.0], [1.0], [0.0]])
    model = XOR()
    loss_fn = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        value: float = loss.item()
        return value

    return step


def microseconds(step: Callable[[], Any], steps: int = STEPS) -> float:
    """Time per step."""
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e6


def main() -> None:
    torch.set_num_threads(1)
    ours = training_step(autodiff.tensor, autodiff.manual_seed, nn, nn.optim)
    theirs = training_step(torch.tensor, torch.manual_seed, torch.nn, torch.optim)
    for _ in range(100):
        a, b = ours(), theirs()
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
