"""The lab book: `python -m demos` lists the experiments, `python -m demos all` runs them and compares.

Exit code 0 if all claims hold, 1 if any fails, 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from . import lab_book
from .lab_book import Row

NAMES = ("xor", "from_scratch", "quadrants", "moons", "mnist", "iris", "activations", "cnn")
"""The modules, in the order of the lab's sheet. Each has `parse(argv)`, and `run(options)` for its rows."""


def main(argv: Sequence[str] | None = None) -> int:
    """List the experiments, or run them all."""
    options = parse(argv)
    if options.command is None:
        width = max(map(len, NAMES))
        for name in NAMES:
            print(f"python -m demos.{name:{width}}  {first_line(name)}")
        print(f"python -m demos {'all':{width}}  All of them, and one table of recorded numbers beside ours.")
        return 0
    arguments = ["--no-plots"] if options.no_plots else []
    return run_all({name: rows_of(name) for name in NAMES}, options.out, arguments)


def first_line(name: str) -> str:
    """What an experiment says about itself."""
    return (import_module(f"demos.{name}").__doc__ or "").partition("\n")[0]


def rows_of(name: str) -> Callable[[list[str]], list[Row]]:
    """The function that runs an experiment with these arguments and returns its rows."""
    module = import_module(f"demos.{name}")
    return lambda arguments: module.run(module.parse(arguments))


def run_all(experiments: dict[str, Callable[[list[str]], list[Row]]], out: Path, arguments: list[str]) -> int:
    """Run every experiment into its own folder under `out`; print all rows, and write them to `table.csv`.

    An experiment that raises is a row that does not hold; the others still run.
    """
    rows = []
    for name, run in experiments.items():
        start = time.perf_counter()
        print(f"\n=== {name}")
        try:
            rows += run(["--out", str(out / name), *arguments])
        except Exception as error:
            rows.append(Row(name, "did not end", "-", f"{type(error).__name__}: {error}", False))
        print(f"--- {time.perf_counter() - start:.1f} s")
    with (out / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    return lab_book.conclude(rows, out)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m demos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", nargs="?", choices=["all"], help="run every experiment")
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of folders (default %(default)s)"
    )
    parser.add_argument("--no-plots", action="store_true", help="draw nothing")
    options = parser.parse_args(argv)
    if options.command is not None:
        lab_book.make_folder(parser, options.out)
    return options


if __name__ == "__main__":
    sys.exit(main())
