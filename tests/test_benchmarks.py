"""The command line of the benchmarks: what it takes, and what it refuses in words. (Nothing is measured.)"""

import pytest

from .benchmarks.__main__ import NAMES, parse


def test_without_names_all_is_measured(monkeypatch):
    monkeypatch.setattr("sys.argv", ["benchmarks", "--rounds", "1", "--threads", "default"])
    options = parse()
    assert (options.names, options.rounds, options.threads) == (NAMES, 1, "default")


@pytest.mark.parametrize(
    "line, words",
    [
        ("xor nope", "there is no workload nope: one of xor, "),
        ("--rounds 0", "--rounds must be at least 1, not 0"),
        ("--rounds often", "invalid int value: 'often'"),
        ("--threads 3", "invalid choice: '3'"),
    ],
)
def test_what_is_not_understood_is_refused(line, words, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", *line.split()])
    with pytest.raises(SystemExit, match="2"):
        parse()
    assert words in capsys.readouterr().err
