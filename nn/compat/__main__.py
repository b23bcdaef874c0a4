"""Run a PyTorch script on this library: `python -m nn.compat script.py [arguments]`."""

from __future__ import annotations

import io
import os
import sys
from types import ModuleType, TracebackType

from . import install

USAGE = "usage: python -m nn.compat script.py [arguments]\n\n{}\n"


def main() -> None:
    """Run the script that the command line names, as Python would; exits with 2 if there is none."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE.format("Runs a PyTorch script, unchanged, on autodiff and nn."), end="")
        return
    if not arguments or arguments[0].startswith("-"):
        refuse("Name the script to run." if not arguments else f"There is no option {arguments[0]}.")
    path = os.path.abspath(arguments[0])
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        refuse(f"{arguments[0]} cannot be read: {error.strerror}.")
    run(source, path, arguments)


def refuse(problem: str) -> None:
    """Say what is wrong with the command line, and exit with 2."""
    sys.stderr.write(USAGE.format(problem))
    sys.exit(2)


def run(source: bytes, path: str, arguments: list[str]) -> None:
    """Run the source as `__main__`, beside the modules of its folder; an error shows the script's lines."""
    install()
    script = ModuleType("__main__")
    script.__dict__.update(__file__=path, __builtins__=__builtins__)

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        while trace is not None and trace.tb_frame.f_globals is not script.__dict__:
            trace = trace.tb_next
        sys.__excepthook__(kind, error.with_traceback(trace), trace)

    sys.argv, sys.excepthook, sys.modules["__main__"] = arguments, show, script
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(path)
    exec(compile(source, path, "exec", dont_inherit=True), script.__dict__)


if __name__ == "__main__":
    main()
