"""The teaching programs as a whole: our time over PyTorch's, in turn, in one process.

Both must print the same losses before a time counts. `python -m tests.benchmarks.programs [name ...]`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import nn.compat

from ..programs.output import difference

FOLDER = Path(__file__).parent.parent / "programs"
PROGRAMS = ("name_mlp", "small_gpt", "sine_lstm", "digits_cnn")
ROUNDS = 5


@contextlib.contextmanager
def instead_of_torch() -> Iterator[None]:
    """Inside, `import torch` means nn.compat; afterwards it means PyTorch again."""
    real = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "torch"}
    for name in real:
        del sys.modules[name]
    nn.compat.install()
    try:
        yield
    finally:
        nn.compat.uninstall()
        sys.modules.update(real)


def main_of(program: str) -> Callable[[], Any]:
    """The program's main(), with what it imported."""
    spec = importlib.util.spec_from_file_location(program, FOLDER / f"{program}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[[], Any] = module.main
    return main


def timed(main: Callable[[], Any]) -> tuple[float, str]:
    """Seconds, and what was printed."""
    printed = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(printed):
        main()
    return time.perf_counter() - start, printed.getvalue()


def main() -> None:
    torch.set_num_threads(1)
    print(f"teaching programs, one thread; median of {ROUNDS} rounds in turn")
    for program in sys.argv[1:] or PROGRAMS:
        theirs = main_of(program)
        with instead_of_torch():
            ours = main_of(program)
        pairs = []
        for _ in range(ROUNDS):
            (a, our_text), (b, their_text) = timed(ours), timed(theirs)
            wrong = difference(our_text, their_text)
            if wrong:
                raise SystemExit(f"{program}: {wrong}")
            pairs.append((a, b))
        a, b = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"  {program:12s} autodiff {a:6.2f} s   PyTorch {b:6.2f} s   ratio {ratio:6.3f}")


if __name__ == "__main__":
    main()
