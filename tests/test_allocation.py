"""Freed memory is kept for the next step, in large pages, unless somebody switches that off."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
import resource
import numpy as np
import autodiff
{before}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    arrays = [np.ones(1 << 19, np.float32) for _ in range(10)]  # 10 of 2 MiB, freed at the end
step()
start = faults()
for _ in range(5):
    step()
print(faults() - start)
"""


def page_faults(before: str = "", **environment: str) -> int:
    """How often the system had to find a page in five steps, of 5120 pages each."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_memory_is_kept_unless_switched_off() -> None:
    assert page_faults() < 500
    assert page_faults(AUTODIFF_KEEP_MEMORY="0") > 5000
    assert page_faults(before="assert autodiff.keep_memory(False)") > 5000


def wishes(**environment: str) -> bool:
    """Whether large pages are wished for in the heap of a process that imports the engine."""
    program = "import autodiff; print(open('/proc/self/smaps').read())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    heap = False
    for line in done.stdout.splitlines():
        if "-" in line.split(" ")[0]:  # the addresses of a mapping, before what is said of it
            heap = "[heap]" in line
        elif heap and line.startswith("VmFlags") and "hg" in line.split():
            return True
    return False


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists() or platform.libc_ver()[0] != "glibc",
    reason="there are no large pages",
)
def test_large_pages_are_wished_for() -> None:
    assert wishes()
    assert not wishes(AUTODIFF_KEEP_MEMORY="0")
