"""Places the nodes of a DOT text, by the `dot` program or by pygraphviz, always in a process of its own.

A process can be given a time limit and can fail without harm; pygraphviz holds the interpreter's lock as it
works.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess  # at run time imported where it is used, so that `import autodiff` stays light

TIME_LIMIT = 60.0  # seconds
FORMATS = ("svg", "png", "pdf")

HOW_TO_GET_ONE = (
    "pip install pygraphviz (it brings its own), or install Graphviz (https://graphviz.org/download) so that "
    "`dot` is on PATH, or set the environment variable AUTODIFF_DOT to the path of a dot executable. The "
    "drawing's .dot is there all the same: any Graphviz can read it"
)

PYGRAPHVIZ = """
import sys
form, place = sys.argv[1:]
sys.path.append(place)
import pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=form, prog="dot"))
"""


class LayoutError(RuntimeError):
    """A picture could not be made; the DOT text, which any Graphviz can read, is in `.dot`."""

    def __init__(self, message: str, dot: str) -> None:
        super().__init__(message)
        self.dot = dot


def render(dot: str, form: str = "svg", time_limit: float | None = None) -> bytes:
    """The picture of a DOT text as "svg", "png" or "pdf"; `time_limit` in seconds. Raises LayoutError."""
    import subprocess

    command = engine(dot, form)
    limit = TIME_LIMIT if time_limit is None else time_limit
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise LayoutError(
            f"could not start {command[0]}: {error}. To get a layout program: {HOW_TO_GET_ONE}", dot
        ) from error
    try:
        picture, complaints = process.communicate(dot.encode(), limit)
    except subprocess.TimeoutExpired:
        stop(process)
        raise LayoutError(
            f"{command[0]} did not finish within {limit:g} seconds: draw a smaller part of the computation",
            dot,
        ) from None
    except BaseException:
        stop(process)
        raise
    if process.returncode != 0 or not picture.strip():
        said = complaints.decode(errors="replace").strip()[-2000:] or "nothing"
        raise LayoutError(f"{command[0]} failed with exit status {process.returncode} and said: {said}", dot)
    return picture


def engine(dot: str, form: str) -> list[str]:
    """The command that reads DOT and writes a picture: $AUTODIFF_DOT, else `dot`, else pygraphviz."""
    import importlib.util
    import shutil

    chosen = os.environ.get("AUTODIFF_DOT")
    if chosen:
        if found := shutil.which(chosen):
            return [found, f"-T{form}"]
        raise LayoutError(
            f"the environment variable AUTODIFF_DOT is {chosen!r}, which is no executable file: correct it, "
            "or unset it to use the `dot` on PATH or pygraphviz",
            dot,
        )
    if found := shutil.which("dot"):
        return [found, f"-T{form}"]
    place = importlib.util.find_spec("pygraphviz")
    if place is not None and place.origin is not None and sys.executable:
        return [sys.executable, "-I", "-c", PYGRAPHVIZ, form, os.path.dirname(os.path.dirname(place.origin))]
    raise LayoutError(f"no layout program found. Do one of these: {HOW_TO_GET_ONE}", dot)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and those it started, so that none keeps our pipes open."""
    import signal

    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()
