"""The lab book's experiments, run as a student runs them: recorded digits, claims, exit codes, files."""

import csv
import doctest
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from demos import __main__ as book
from demos import activations, cnn, data, from_scratch, iris, lab_book, mnist, moons, quadrants, xor

DEMOS = [xor, from_scratch, quadrants, moons, mnist, iris, activations, cnn]


def name_of(demo):
    return demo.__name__.removeprefix("demos.")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Every experiment, run once in full without pictures: name -> (rows, folder)."""

    def run(demo):
        if demo not in done:
            out = tmp_path_factory.mktemp(name_of(demo))
            done[demo] = demo.run(demo.parse(["--out", str(out), "--no-plots"])), out
        return done[demo]

    done = {}
    return run


@pytest.mark.parametrize("demo", DEMOS, ids=name_of)
def test_the_claim_holds(demo, finished):
    rows, out = finished(demo)
    assert [row for row in rows if not row.holds] == []
    assert list(out.glob("*.csv")) and not list(out.glob("*.png"))
    assert lab_book.conclude(rows, out) == 0


def test_quadrants_are_the_twenty_recorded_digits(finished):
    ours = " ".join(row.ours for row in finished(quadrants)[0])
    assert ours == (
        "0.6932 0.3650 0.6923 0.5200 0.6921 0.5200 0.6910 0.5200 0.6849 0.5200 "
        "0.6631 0.5300 0.6318 0.6200 0.6040 0.6350 0.5729 0.6700 0.5324 0.8250"
    )


def test_moons_are_the_recorded_accuracies_and_losses(finished):
    ours = [row.ours for row in finished(moons)[0]]
    assert ours == "0.8650 0.8600 0.64375 0.26949 0.9800 0.9800 0.74735 0.06583".split()


def test_the_lab_run_stays_at_log_2(finished):
    with (finished(from_scratch)[1] / "history.csv").open() as file:
        lines = list(csv.DictReader(file))[::100]
    assert [f"{float(line['stuck loss']):.4f}" for line in lines] == ["0.6931"] * 10


def test_a_wrong_gradient_by_hand_is_seen():
    def wrong(weights):
        loss, gradient = from_scratch.cross_entropy_by_hand(weights)
        return loss, gradient._replace(w1=gradient.w1 * (1 + 1e-6))

    start = from_scratch.normal(1.0, seed=0)
    assert from_scratch.train(start, 5, 1.0).difference < from_scratch.TOLERANCE
    assert from_scratch.train(start, 5, 1.0, wrong).difference > from_scratch.TOLERANCE


def test_zero_weights_are_a_flat_critical_point_of_xor():
    zero = from_scratch.Weights(*(np.zeros_like(w) for w in from_scratch.normal(1.0, seed=0)))
    assert all((g == 0).all() for g in from_scratch.cross_entropy_by_hand(zero)[1])
    eigenvalues = from_scratch.curvatures(zero)
    # the output's bias and four hidden units at 1/2 share the curvature: ŷ(1 - ŷ) · (1 + 4 · (1/2)²) = 1/2
    np.testing.assert_allclose(eigenvalues, [0.0] * 16 + [0.5], atol=1e-15)


def test_the_deep_network_runs_only_beside_the_recorded_xor(tmp_path):
    for options, experiments in (([], {"E1", "E2"}), (["--hidden", "3"], {"E1"})):
        rows = xor.run(xor.parse(["--epochs", "2", "--no-plots", "--out", str(tmp_path), *options]))
        assert {row.experiment for row in rows} == experiments and not any(row.holds for row in rows)


def test_readmes_table_is_a_part_of_the_table(finished):
    """Of runs whose digits are exact on any machine, ours too."""
    rows = [row for demo in DEMOS for row in finished(demo)[0]]
    table = {(row.experiment, " ".join(row.what.split())): (row.recorded, row.ours) for row in rows}
    readme = Path(__file__).parent.parent / "README.md"
    lines = re.findall(r"^\| (E\d) \| (.*) \| (.*) \| (.*) \|$", readme.read_text("utf-8"), re.MULTILINE)
    for experiment, what, recorded, ours in lines:
        then, now = table[experiment, what.replace(r"\|", "|")]
        assert recorded.replace("–", "-") == then
        assert ours == now or experiment not in ("E4", "E5")
    assert {line[0] for line in lines} == {f"E{k}" for k in range(1, 10)}


# Exit codes, options, pictures --------------------------------------------------------------------


@pytest.mark.parametrize("demo", DEMOS, ids=name_of)
def test_a_run_cut_short_says_that_its_claim_fails_and_draws_all_the_same(demo, tmp_path, capsys):
    assert demo.main(["--epochs", "2", "--out", str(tmp_path / "a" / "b")]) == 1
    assert "The claim does NOT hold" in capsys.readouterr().out
    pictures = list((tmp_path / "a" / "b").glob("*.png"))
    assert pictures and all(picture.stat().st_size > 5000 for picture in pictures)
    if demo is not xor:  # its graph is an SVG alone
        assert {picture.with_suffix(".svg") for picture in pictures} == set(pictures[0].parent.glob("*.svg"))


@pytest.mark.parametrize("demo", [quadrants, moons], ids=name_of)
def test_another_seed_gives_other_digits(demo, tmp_path):
    assert demo.main(["--seed", "1", "--no-plots", "--out", str(tmp_path)]) == 1


@pytest.mark.parametrize("demo", DEMOS, ids=name_of)
@pytest.mark.parametrize("arguments", ["--epochs 0", "--epochs many", "--seed x", "--no-such-option", "word"])
def test_wrong_usage_exits_with_2(demo, arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit:
        demo.main(["--out", str(tmp_path), *arguments.split()])
    assert exit.value.code == 2
    assert "usage: python -m demos." in capsys.readouterr().err


@pytest.mark.parametrize("demo", DEMOS, ids=name_of)
def test_an_unusable_folder_is_wrong_usage(demo, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as exit:
        demo.main(["--out", str(tmp_path / "file")])
    assert exit.value.code == 2 and "--out" in capsys.readouterr().err


@pytest.mark.parametrize("argument", [f"--seed={2**64}", f"--seed={-(2**63) - 1}", "--lr=inf", "--lr=nan"])
def test_numbers_that_xor_cannot_use_are_wrong_usage(argument, tmp_path):
    with pytest.raises(SystemExit) as exit:
        xor.main([argument, "--out", str(tmp_path)])
    assert exit.value.code == 2


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_seeds_that_numpy_has_not_are_wrong_usage(seed, tmp_path):
    with pytest.raises(SystemExit) as exit:
        quadrants.main(["--seed", seed, "--out", str(tmp_path)])
    assert exit.value.code == 2


# The lab book as a whole --------------------------------------------------------------------------


def test_the_list_has_a_line_for_every_experiment(capsys):
    assert book.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[:-1]] == [f"demos.{name}" for name in book.NAMES]
    assert all("Experiment" in line and len(line) < 160 for line in lines[:-1])


def test_wrong_usage_of_the_whole_exits_with_2(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for arguments in (["everything"], ["all", "--out", str(tmp_path / "file")]):
        with pytest.raises(SystemExit) as exit:
            book.main(arguments)
        assert exit.value.code == 2


def test_one_claim_that_fails_fails_the_table(tmp_path, capsys):
    good = lab_book.equal("E4", "loss", "0.5", "0.5")
    bad = lab_book.equal("E5", "loss", "0.5", "0.6")
    assert (good.holds, bad.holds) == (True, False)
    assert book.run_all({"a": lambda _: [good]}, tmp_path, []) == 0
    assert book.run_all({"a": lambda _: [good], "b": lambda _: [bad]}, tmp_path, []) == 1
    assert "NO" in capsys.readouterr().out
    with (tmp_path / "table.csv").open() as file:
        assert [line["holds"] for line in csv.DictReader(file)] == ["True", "False"]


def test_an_experiment_that_raises_is_a_row_and_the_others_still_run(tmp_path, capsys):
    def raises(_):
        raise ValueError("no such flower")

    rows = lambda _: [lab_book.equal("E4", "loss", "0.5", "0.5")]  # noqa: E731
    assert book.run_all({"a": raises, "b": rows}, tmp_path, []) == 1
    printed = capsys.readouterr().out
    assert "ValueError: no such flower" in printed and "E4" in printed


def test_all_runs_every_experiment(tmp_path, monkeypatch):
    """The wiring only: each experiment is cut short, and therefore its claim fails."""
    monkeypatch.setattr(book, "NAMES", ("quadrants", "moons"))
    for demo in (quadrants, moons):
        monkeypatch.setattr(demo, "parse", lambda argv, parse=demo.parse: parse([*argv, "--epochs", "2"]))
    assert book.main(["all", "--no-plots", "--out", str(tmp_path)]) == 1
    with (tmp_path / "table.csv").open() as file:
        assert [line["experiment"] for line in csv.DictReader(file)] == ["E4"] * 10 + ["E5"] * 8


# Data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("n", [7, 500])
def test_moons_and_circles_are_scikit_learns(n, seed):
    for ours, theirs in (
        (data.moons(n, 0.2, seed), sklearn.datasets.make_moons(n, noise=0.2, random_state=seed)),
        (
            data.circles(n, 0.1, seed),
            sklearn.datasets.make_circles(n, noise=0.1, random_state=seed, factor=0.5),
        ),
    ):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("module", [data, lab_book])
def test_the_examples_in_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_every_set_has_two_classes_of_points_in_the_plane():
    for points, classes in (data.xor(), data.quadrants(), data.moons(), data.circles(), data.spirals()):
        assert points.shape == (len(classes), 2) and set(classes.tolist()) == {0, 1}
    x, y = data.spirals(100, noise=0.0)
    turned = {tuple(p) for p in np.round(-x[y == 0], 12)}
    assert turned == {tuple(p) for p in np.round(x[y == 1], 12)}
