"""`python -m tests.benchmarks.watch`: what `nn.watch` adds to a step of XOR and of the moons, by default.

The same training with and without, in turn; they must end with the same loss. The bar: at most 10 %.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff
import nn

ROUNDS, BAR = 9, 0.10


def xor() -> tuple[nn.Module, nn.Module, Any, Any]:
    """2-4-1 and four rows."""
    from demos.xor import INPUTS, TARGETS, XOR

    return XOR(), nn.MSELoss(), autodiff.tensor(INPUTS), autodiff.tensor(TARGETS)


def moons() -> tuple[nn.Module, nn.Module, Any, Any]:
    """2-16-16-1 and 400 points."""
    from demos import data

    x, y = data.moons(400, 0.2, 42)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    inputs, targets = (autodiff.tensor(np.asarray(a), dtype=autodiff.float32) for a in (x, y[:, None]))
    return model, nn.BCEWithLogitsLoss(), inputs, targets


def training(make: Callable[[], Any], steps: int, watched: bool) -> tuple[float, float, Any]:
    """Seconds, the last loss, and the watch."""
    autodiff.manual_seed(42)
    model, loss_fn, x, y = make()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    watch = nn.watch(model, data=(x, y)) if watched else None
    start = time.perf_counter()
    if watch is not None:
        watch.start()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if watch is not None:
            watch.step(loss)
        optimizer.step()
    if watch is not None:
        watch.stop()
    return time.perf_counter() - start, loss.item(), watch


def main() -> None:
    print(f"a watched training against the same one unwatched; median of {ROUNDS} rounds in turn")
    for make, steps in ((xor, 20_000), (moons, 5_000)):
        training(make, 200, True)
        more, last = [], None
        for _ in range(ROUNDS):
            plain, loss, _ = training(make, steps, False)
            seconds, watched_loss, last = training(make, steps, True)
            if loss != watched_loss:
                raise SystemExit(f"{make.__name__}: the losses differ: {loss} and {watched_loss}")
            more.append(seconds / plain - 1)
        overhead = statistics.median(more)
        print(
            f"  {make.__name__:6s} {plain / steps * 1e6:7.1f} us a step, watched {100 * overhead:+5.1f} %  "
            f"({last}; bar: {100 * BAR:.0f} %, {'met' if overhead <= BAR else 'MISSED'})"
        )


if __name__ == "__main__":
    main()
