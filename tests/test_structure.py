"""The rooms: imports point one way, and `import autodiff, nn` costs little more than `import numpy`."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "matplotlib",
    "graphviz",
    "pygraphviz",
    "sklearn",
    "scipy",
    "torch",
    "tqdm",
    "subprocess",
    "numpy.random",
}


def imported_by(program: str) -> set[str]:
    """The modules that a fresh interpreter holds after running `program`."""
    code = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_imports_are_light() -> None:
    found = imported_by("import autodiff, nn") - imported_by("import numpy")
    assert "autodiff.ops.elementwise" in found and "nn.module" in found
    assert not found & HEAVY


def test_autodiff_stands_without_nn() -> None:
    found = imported_by("import autodiff")
    assert not {name for name in found if name.split(".")[0] in ("nn", "demos", "tests")}


@pytest.mark.parametrize(
    "package, above", [("autodiff", {"nn", "demos", "tests"}), ("nn", {"demos", "tests"})]
)
def test_no_import_points_up(package: str, above: set[str]) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            assert not {name.split(".")[0] for name in names} & above, f"{path}, line {node.lineno}"
