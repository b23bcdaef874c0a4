"""The notebooks run from top to bottom in this interpreter, and show what is committed.

`python -m tests.test_notebooks` runs them and writes their outputs anew.
"""

import os
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "demos" / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))


class ThisInterpreter(AsyncKernelManager):
    """Starts the kernel that ipykernel is here, whatever kernels the machine has registered."""

    def _kernel_spec_manager_default(self):
        return KernelSpecManager(kernel_dirs=[])


def executed(book):
    """A copy with the outputs of a fresh run: all that depends on the day or the machine is left out."""
    book = nbformat.from_dict(book)
    client = NotebookClient(
        book,
        kernel_name="python3",
        kernel_manager_class=ThisInterpreter,
        timeout=120,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    language = book.metadata.language_info
    client.execute()
    book.metadata.language_info = language  # not the version of Python that ran it
    return book


def write_anew():
    """Run every notebook and keep what it shows."""
    for path in PATHS:
        nbformat.write(executed(nbformat.read(path, as_version=4)), path)


@pytest.fixture(autouse=True)
def nothing_of_the_user(monkeypatch, tmp_path):
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    paths = [str(FOLDER.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def shown(book):
    """What each code cell shows: its text, and which other forms its results have."""
    return [
        [
            out["text"] if out.output_type == "stream" else (sorted(out.data), out.data.get("text/markdown"))
            for out in cell.outputs
        ]
        for cell in book.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.filterwarnings("default")  # nbclient's and its kernel's are not ours
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_committed(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert shown(executed(book)) == shown(book)


def test_there_are_three():
    assert [path.stem for path in PATHS] == ["moons", "see_the_gradient", "xor"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_clean(path):
    """Every cell has run, in order, with nothing on stderr; and a picture is a picture for any viewer."""
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [out for cell in code for out in cell.outputs]
    assert outputs and {out.output_type for out in outputs} <= {"stream", "execute_result"}
    assert all(out.name == "stdout" for out in outputs if out.output_type == "stream")
    assert any({"image/png", "image/svg+xml"} & set(out.get("data", {})) for out in outputs)
    assert path.stat().st_size < 200_000
    assert book.metadata.kernelspec.name == "python3" and "version" not in book.metadata.language_info
    assert not re.search(r"/(home|Users|tmp|usr)/", path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    write_anew()
