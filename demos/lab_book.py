"""What every experiment shares: its options, the recorded numbers beside ours, and the exit code."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """A line of the lab book: what was recorded ("-": nothing was), what this run found, whether it holds."""

    experiment: str
    what: str
    recorded: str
    ours: str
    holds: bool


HEADINGS = ("experiment", "", "recorded", "ours", "holds")


def equal(experiment: str, what: str, recorded: str, ours: str) -> Row:
    """A row that holds if both are the same, digit for digit."""
    return Row(experiment, what, recorded, ours, recorded == ours)


def table(rows: Sequence[Row]) -> str:
    """The rows under their headings, in aligned columns.

    >>> print(table([equal("E4", "last loss", "0.5324", "0.5324")]))
    experiment             recorded    ours  holds
    E4          last loss    0.5324  0.5324    yes
    """
    cells = [HEADINGS, *((*row[:4], "yes" if row.holds else "NO") for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    )


def conclude(rows: Sequence[Row], out: Path) -> int:
    """Print the table and the verdict; 0 if every row holds, else 1."""
    holds = all(row.holds for row in rows)
    print(f"\n{table(rows)}\n\nThe claim {'holds' if holds else 'does NOT hold'}. Files are in {out}/")
    return 0 if holds else 1


def parser(name: str, claim: str, epochs: int | None, seed: int = 42) -> argparse.ArgumentParser:
    """The options that all experiments take: --epochs, --seed, --out and --no-plots.

    `epochs` is None where the number depends on the data.
    """
    options = argparse.ArgumentParser(prog=f"python -m demos.{name}", description=f"{claim}.")
    number = "%(default)s, as recorded; with another, recorded numbers need not hold"
    steps = number if epochs is not None else "as many as the data needs"
    options.add_argument("--epochs", type=int, default=epochs, help=f"steps (default {steps})")
    options.add_argument("--seed", type=int, default=seed, help=f"of all random numbers (default {number})")
    options.add_argument(
        "--out", type=Path, default=Path("runs") / name, help="folder for the files (default %(default)s)"
    )
    options.add_argument("--no-plots", action="store_true", help="draw nothing")
    return options


def parse(options: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked, with their folder made; wrong usage exits with 2."""
    chosen = options.parse_args(argv)
    if chosen.epochs is not None and chosen.epochs < 1:
        options.error("--epochs must be at least 1")
    if not 0 <= chosen.seed < 2**32:
        options.error("--seed must lie between 0 and 4294967295")
    make_folder(options, chosen.out)
    return chosen


def make_folder(options: argparse.ArgumentParser, out: Path) -> None:
    """The folder for the files, if it is not there; where it cannot be made, exit with 2."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        options.error(f"--out {out}: {error.strerror}")
