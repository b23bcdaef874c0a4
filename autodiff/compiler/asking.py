"""Who is asking: the user's code, or ours? Found on the stack of calls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

ENGINE = Path(__file__).parents[1]
PLACES = (str(ENGINE) + "/", str(ENGINE.parent / "nn") + "/")
"""Where the code lies that is not the user's."""

NUMPY = str(Path(np.__file__).parent)


def is_ours(filename: str) -> bool:
    """Whether code of this file is ours, NumPy's or Python's own, not the user's."""
    return filename.startswith((*PLACES, NUMPY, "<frozen"))


def user_line() -> str:
    """Where in the user's code we are: "file.py:12"."""
    frame: Any = sys._getframe(1)
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


ASKING = tuple(
    str(ENGINE / name) for name in ("compiler/", "tensor.py", "protocols.py", "methods.py", "conversion.py")
)


def asked_by_us() -> bool:
    """Whether it is code of ours that looks at a value, not the user's."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((*ASKING, NUMPY)):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(PLACES)


def from_outside(depth: int = 2) -> bool:
    """Whether the data of a new tensor is the user's own."""
    frame: Any = sys._getframe(depth)
    name, code = frame.f_code.co_name, frame.f_code.co_filename
    if not code.startswith(PLACES):
        return True
    if name == "operand" or code.endswith("ops/elementwise.py"):
        return True
    if code.endswith("autodiff/creation.py") and name in ("tensor", "as_tensor", "asarray", "from_numpy"):
        return not frame.f_back.f_code.co_filename.startswith(PLACES)
    return False
