"""One library and one workload in a process of its own: `python -m tests.benchmarks.worker LIBRARY WORKLOAD`.

It prints the first losses as a line of JSON, then answers each number n on stdin with the seconds that n
steps took, and at the end of stdin prints how much its memory grew at most, in bytes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

LOSSES = 4  # how many steps are compared before a time counts


def build(library: str, workload: str):  # type: ignore[no-untyped-def]
    """One step of the workload, as a function that returns its loss."""
    from .workloads import BY_NAME

    if library == "torch":
        import torch

        if torch.get_num_threads() > 1 and single_threaded():
            torch.set_num_threads(1)
        return lambda: BY_NAME[workload].build(torch, torch.nn, torch.optim)
    if library in ("autodiff", "compiled", "numba", "repeat"):
        import autodiff
        import nn

        def ours():  # type: ignore[no-untyped-def]
            step = BY_NAME[workload].build(autodiff, nn, nn.optim)
            if library == "autodiff":
                return step
            return autodiff.compile(step, backend="numpy" if library == "compiled" else "numba")

        return ours
    from .others import LIBRARIES

    return LIBRARIES[library](workload)


def single_threaded() -> bool:
    """Whether one thread was asked for."""
    import os

    return os.environ.get("BENCHMARK_THREADS") != "default"


def memory(field: str) -> int:
    """`VmRSS`, what the process has now, or `VmHWM`, the most it had, in bytes; 0 where /proc is not."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def main() -> None:
    make = build(*sys.argv[1:3])
    before = memory("VmRSS")
    step = make()
    print(json.dumps([float(step().item()) for _ in range(LOSSES)]), flush=True)
    for line in sys.stdin:
        n = int(line)
        start = time.perf_counter()
        if sys.argv[1] == "repeat":
            step.repeat(n)
        else:
            for _ in range(n):
                step().item()
        print(time.perf_counter() - start, flush=True)
    print(memory("VmHWM") - before, flush=True)


if __name__ == "__main__":
    main()
