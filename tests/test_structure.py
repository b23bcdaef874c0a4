"""The rooms: imports point one way, and `import autodiff, nn` costs little more than `import numpy`."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("autodiff", "nn")
    for path in (ROOT / package).rglob("*.py")
}
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


LATER = {
    "autodiff": {"check", "compiler.program", "draw.drawing", "explain.document", "func", "page", "symbol"},
    "nn": {"compat", "data", "diagnosis", "optim.lr_scheduler", "training", "utils", "watch.watcher"},
}


@pytest.mark.parametrize("package", LATER)
def test_rooms_that_training_does_not_need_are_loaded_when_they_are_asked_for(package: str) -> None:
    rooms = {f"{package}.{room}" for room in LATER[package]}
    assert rooms <= MODULES.keys()
    assert not imported_by("import autodiff, nn") & rooms


@pytest.mark.parametrize("package", ["autodiff", "autodiff.autograd", "nn", "nn.optim"])
def test_what_is_looked_up_later_is_listed_and_found(package: str) -> None:
    module = importlib.import_module(package)
    names = [name for name in dir(module) if not name.startswith("_")]
    assert {*getattr(module, "__all__", ())} <= {*names}
    for name in names:
        assert getattr(module, name) is vars(module)[name]
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_a_star_imports_what_is_looked_up_later_too() -> None:
    names: dict[str, object] = {}
    exec("from autodiff import *\nfrom nn import *", names)
    assert {"tensor", "gradcheck", "func", "Drawing", "Linear", "Trainer", "data", "utils"} <= names.keys()


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


def parsed(name: str) -> ast.Module:
    """The program of a module."""
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name: str, statements: Iterable[ast.AST]) -> set[str]:
    """Which of our modules these statements of a module import."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in statements:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            place = resolve_name("." * node.level + (node.module or ""), package)
            inside = {f"{place}.{alias.name}" for alias in node.names}
            found |= {each if each in MODULES else place for each in inside}
    return found & MODULES.keys()


LOOKING_BACK = {
    ("autodiff.tensor", "autodiff.inplace"),  # a view that was changed in place follows its base
    ("autodiff.compiler", "autodiff.compiler.watch"),  # which knows a compiled step in a step
    ("autodiff.compiler", "autodiff.compiler.native"),
}
"""What is imported, inside of functions, by what it stands on itself: these are known, and the last."""


def not_for_types(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements of a program but those for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from not_for_types(node)


def test_modules_import_each_other_in_one_direction() -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in MODULES:
        found = imports(name, not_for_types(parsed(name)))
        sorter.add(name, *(other for other in found - {name} if (name, other) not in LOOKING_BACK))
    sorter.prepare()  # raises CycleError, with the circle


def test_errors_know_nothing_of_what_fails() -> None:
    errors = {name for name in MODULES if name.startswith("autodiff.errors")}
    for name in errors:
        assert imports(name, ast.walk(parsed(name))) <= errors


MAPPED = """
autodiff.anomaly autodiff.autograd autodiff.backprop_check autodiff.compiler autodiff.draw autodiff.errors
autodiff.explain autodiff.func autodiff.ops autodiff.page autodiff.random nn.compat nn.data nn.diagnosis
nn.losses nn.suspicions nn.training nn.watch
""".split()


@pytest.mark.parametrize("package", MAPPED)
def test_a_package_says_what_each_of_its_files_is_for(package: str) -> None:
    words = ast.get_docstring(parsed(package)) or ""
    files = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == package}
    assert {name for name in files - {"__main__"} if f"`{name}`" not in words} == set()
