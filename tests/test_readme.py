"""README's examples are run, and its claims about itself are checked."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = "\n".join(re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL))


def test_every_python_example_prints_what_readme_says() -> None:
    test = doctest.DocTestParser().get_doctest(EXAMPLES, {}, "README.md", "README.md", 0)
    assert len(test.examples) > 20
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=failures.append)
    assert not failures, "".join(failures)


def test_there_are_exactly_two_commands_of_one_line_each() -> None:
    section = README.split("## Two commands")[1].split("\n## ")[0]
    commands = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    assert [command.count("\n") for command in commands] == [1, 1]
    assert "-m demos.xor" in commands[0] and "-m pytest" in commands[1]
    assert README.count("```sh") == 2


@pytest.mark.parametrize("path", re.findall(r"\]\(([^):]+)\)", README))
def test_every_picture_and_file_that_is_linked_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_engine_is_as_short_as_it_says() -> None:
    rooms = README.split("## The rooms")[1].split("```")[1].split("autodiff/")[1].split("\n\n")[0]
    files = re.findall(r"(?:^| {2})(\w+) {2,}", rooms, flags=re.MULTILINE)
    assert files == ["tensor", "primitive", "record", "backward", "gradients", "memory", "inplace"]
    lines = sum((ROOT / f"autodiff/{name}.py").read_text(encoding="utf-8").count("\n") for name in files)
    assert 1800 < lines < 2200


def test_the_rules_that_it_shows_are_those_of_the_table() -> None:
    table = "".join((ROOT / "autodiff/ops/elementwise.py").read_text(encoding="utf-8").split())
    shown = re.findall(r"^(?:mul|tanh) += .*", README, flags=re.MULTILINE)
    assert len(shown) == 2
    for line in shown:
        assert "".join(line.split()).removesuffix(")") in table
