"""`python -m tests.benchmarks [names]`: every workload against PyTorch, as a Markdown table.

Ours, compiled (where there is `autodiff.compile`), PyTorch, and for the smallest networks numba's machine
code, called for each step and once for all of them (`step.repeat(n)`), NumPy by hand, MyGrad, HIPS autograd,
JAX and micrograd if installed, each in a fresh process, take turns. The first losses must agree before a time
counts. "growth" measures how time and memory grow with width, depth and batch, "import" how
long importing takes.
"""

from __future__ import annotations

import argparse
import datetime
import platform
from collections.abc import Sequence

import numpy as np

from .measuring import Measured, import_times, installed, measured
from .others import KNOWN
from .workloads import BY_NAME, GROWTH, WORKLOADS, Workload

NAMES = [*(workload.name for workload in WORKLOADS), "growth", "import"]


def main() -> None:
    options = parse()
    chosen = [BY_NAME[name] for name in options.names if name not in ("growth", "import")]
    print(f"{machine()}; {'one BLAS thread' if options.threads == '1' else 'BLAS threads as they come'};")
    print(f"median of {options.rounds} rounds in turn; ratio: time over PyTorch eager's; less is better\n")
    if chosen:
        comparison(chosen, options)
    if "growth" in options.names:
        growth(options)
    if "import" in options.names:
        seconds = import_times(["numpy", "autodiff", "autodiff, nn", "torch"], options.rounds)
        header("import", "ms")
        for module, time in seconds.items():
            row(module, f"{time * 1e3:.0f}")


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=7, help="how often each takes its turn (default: 7)")
    parser.add_argument("--threads", choices=["1", "default"], default="1", help="of BLAS, on both sides")
    options = parser.parse_args()
    unknown = set(options.names) - {*NAMES, *BY_NAME}
    if unknown:
        parser.error(f"there is no workload {', '.join(sorted(unknown))}: one of {', '.join(NAMES)}")
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    options.names = options.names or NAMES
    return options


def comparison(workloads: Sequence[Workload], options: argparse.Namespace) -> None:
    """A row a workload, and below it one for each of the other engines."""
    compiled = compiles()
    numba = compiled and installed("numba") and any(workload.numba is not None for workload in workloads)
    header(
        *("workload", "PyTorch", "eager", "ratio", "bar"),
        *(("compiled", "ratio", "bar") if compiled else ()),
        *(("numba", "ratio", "repeat(n)", "ratio", "bar") if numba else ()),
        *("memory, PyTorch", "eager", "others, ratio"),
    )
    for workload in workloads:
        others = [library for library in KNOWN.get(workload.name, []) if installed(library.partition("_")[0])]
        libraries = ["torch", "autodiff", *(["compiled"] if compiled else []), *others]
        jit = numba and workload.numba is not None
        libraries += ["numba", "repeat"] if jit else []
        found = measured(workload.name, libraries, options.rounds, options.threads)
        row(
            *(workload.title, duration(found["torch"]), *against(found["autodiff"], workload.eager)),
            *(against(found["compiled"], workload.compiled) if compiled else ()),
            *((*against(found["numba"], None)[:2], *against(found["repeat"], workload.numba)) if jit else ()),
            *([""] * 5 if numba and not jit else ()),
            *(megabytes(found["torch"]), megabytes(found["autodiff"])),
            ", ".join(f"{library} {found[library].ratio:.2f}" for library in others),
        )
    print()


def growth(options: argparse.Namespace) -> None:
    """A row for each size."""
    header("size", "PyTorch", "eager", "ratio", "memory, PyTorch", "eager")
    for workload in GROWTH:
        found = measured(workload.name, ["torch", "autodiff"], options.rounds, options.threads)
        ours, theirs = found["autodiff"], found["torch"]
        row(
            *(workload.title, duration(theirs), duration(ours), f"{ours.ratio:.2f}"),
            *(megabytes(theirs), megabytes(ours)),
        )
    print()


def compiles() -> bool:
    """Whether there is `autodiff.compile`."""
    import autodiff

    return hasattr(autodiff, "compile")


def against(found: Measured, bar: float | None) -> Sequence[str]:
    """Time, ratio and bar; the ratio in bold where it is above the bar."""
    ratio = f"{found.ratio:.3f}" if found.ratio > 0.01 else f"{found.ratio:.1g}"
    missed = bar is not None and found.ratio > bar
    return duration(found), f"**{ratio}**" if missed else ratio, "" if bar is None else f"{bar:.3g}"


def duration(found: Measured) -> str:
    """Time of a step in words."""
    us = found.seconds * 1e6
    if us < 10:
        return f"{us:.2g} µs"
    return f"{us:.0f} µs" if us < 1000 else f"{us / 1000:.1f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"


def megabytes(found: Measured) -> str:
    """How much the memory of the process grew."""
    return f"{found.memory / 2**20:.1f} MB"


def machine() -> str:
    """Date, processor and versions."""
    import torch

    try:
        lines = open("/proc/cpuinfo").read().splitlines()  # noqa: SIM115
        processor = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, PyTorch {torch.__version__}"
    return f"{datetime.date.today()}, {processor}, {versions}"


def header(*names: str) -> None:
    row(*names)
    print("|---" + "|--:" * (len(names) - 1) + "|")


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
