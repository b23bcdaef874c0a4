"""Two or more libraries on one workload: fresh processes, started anew for each, that take turns."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

SECONDS = 0.3  # of a round, each library


class Process:
    """A worker, waiting for its turn."""

    def __init__(self, library: str, workload: str, threads: str) -> None:
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", library, workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "BENCHMARK_THREADS": threads},
        )
        self.losses: list[float] = json.loads(self.line())
        self.steps = 1
        while (took := self.seconds(self.steps)) * 3 < SECONDS:
            self.steps *= 4
        self.steps = max(1, round(self.steps * SECONDS / took))

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.library} failed: see above")
        return line

    def seconds(self, steps: int) -> float:
        """How long this many steps take now."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.line())

    def turn(self) -> float:
        """Seconds a step, now."""
        return self.seconds(self.steps) / self.steps

    def end(self) -> int:
        """Stop it; returns how many bytes its memory grew by at most."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        grown = int(self.line())
        self.process.wait()
        return grown


class Measured(NamedTuple):
    """Median seconds a step, its ratio to PyTorch's of the same rounds, bytes that memory grew by."""

    seconds: float
    ratio: float
    memory: int


def measured(workload: str, libraries: list[str], rounds: int, threads: str) -> dict[str, Measured]:
    """Every library on this workload, in turn; `libraries` include "torch", whose losses all must have."""
    processes = [Process(library, workload, threads) for library in libraries]
    expected = next(each.losses for each in processes if each.library == "torch")
    for each in processes:
        if any(abs(a - b) > 1e-4 * max(1, abs(b)) for a, b in zip(each.losses, expected, strict=True)):
            raise SystemExit(f"{workload}: {each.library} has losses {each.losses}, PyTorch {expected}")
    times: dict[str, list[float]] = {library: [] for library in libraries}
    for _ in range(rounds):
        for each in processes:
            times[each.library].append(each.turn())
    memory = {each.library: each.end() for each in processes}
    return {
        library: Measured(
            statistics.median(times[library]),
            statistics.median(a / b for a, b in zip(times[library], times["torch"], strict=True)),
            memory[library],
        )
        for library in libraries
    }


def import_times(modules: list[str], rounds: int) -> dict[str, float]:
    """Median seconds of `python -c "import module"`, in turn."""
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(rounds):
        for module in modules:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
            times[module].append(time.perf_counter() - start)
    return {module: statistics.median(each) for module, each in times.items()}


def installed(module: str) -> bool:
    """Whether this module can be imported."""
    return importlib.util.find_spec(module) is not None
