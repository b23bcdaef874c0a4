"""When two runs of a program count as the same: the same words, and numbers equal to 4 digits."""

import math
import re

NUMBER = re.compile(r"-?\d+\.\d+")


def difference(ours: str, theirs: str) -> str | None:
    """The first line that differs, in words; None if there is none."""
    a, b = ours.splitlines(), theirs.splitlines()
    for i, (mine, their) in enumerate(zip(a, b, strict=False)):
        numbers = zip(NUMBER.findall(mine), NUMBER.findall(their), strict=False)
        alike = all(math.isclose(float(x), float(y), rel_tol=1e-4, abs_tol=2e-6) for x, y in numbers)
        if not alike or NUMBER.sub("#", mine) != NUMBER.sub("#", their):
            return f"line {i + 1} is {mine!r}, and PyTorch's is {their!r}"
    return None if len(a) == len(b) else f"{len(a)} lines, and PyTorch's are {len(b)}"
