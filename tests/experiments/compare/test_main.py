"""The command line: policies side by side, as a user starts it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.compare.__main__ import main


def test_one_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a row per policy, and its SAR is the mean of the runs in runs.csv."""
    output = tmp_path / "out"
    policies = ["--policy", "mine:solver=edf", "--policy", "theirs:solver=dp"]
    assert main([*policies, "--seeds", "2", "--jobs", "1", "--output", str(output), "workload.requests=15"]) == 0
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in (output / "table.md").read_text().splitlines()
    ]
    assert [row[0] for row in rows[2:]] == ["mine", "theirs"]
    runs = list(csv.DictReader((output / "runs.csv").open()))
    mine = [float(run["sar"]) for run in runs if run["policy"] == "mine"]
    assert len(mine) == 2 and rows[2][1] == f"{sum(mine) / 2:.3f}"
    assert "mine" in capsys.readouterr().out
    assert (output / "manifest.json").is_file()
    for picture in ("attainment.png", "decisions.png", "timelines.png"):
        assert (output / picture).read_bytes().startswith(b"\x89PNG")


def test_same_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --rounds, rules of one's own answer the rounds of the named policy, and the sentence is printed at the end."""
    output = tmp_path / "out"
    arguments = [
        "--rounds",
        "4",
        "--rounds-of",
        "edf",
        "--roll-outs",
        "1",
        "--jobs",
        "1",
        "--policy",
        "wide:solver=fixed solver.degree=8",
    ]
    assert (
        main(
            [*arguments, "--output", str(output), "workload.requests=20", "workload.rate=60", "workload.slo_scale=1.5"]
        )
        == 0
    )
    printed = " ".join(capsys.readouterr().out.split())
    assert "Rounds that edf met" in printed
    assert (output / "sentence.md").read_text().strip() in printed
    assert "wide" in (output / "rules.md").read_text() and "edf" not in (output / "rules.md").read_text()


def test_timelines_can_be_chosen_or_left_out(tmp_path: Path) -> None:
    """--timelines none draws none; the other plots are there."""
    output = tmp_path / "out"
    arguments = ["--policy", "dp:solver=dp", "--seeds", "1", "--jobs", "1", "--timelines", "none"]
    assert main([*arguments, "--output", str(output), "workload.requests=10"]) == 0
    assert (output / "attainment.png").exists()
    assert not (output / "timelines.png").exists()


def test_grid_has_a_row_per_cell_and_the_mean(tmp_path: Path) -> None:
    """A sweep over two axes makes a row per combination, and the last row is their mean."""
    output = tmp_path / "out"
    sweeps = ["--sweep", "workload.rate=6,60", "--sweep", "workload.slo_scale=1,2"]
    assert (
        main(
            [
                "--policy",
                "solver=edf",
                *sweeps,
                "--seeds",
                "1",
                "--jobs",
                "1",
                "--output",
                str(output),
                "workload.requests=15",
            ]
        )
        == 0
    )
    lines = (output / "table.md").read_text().splitlines()
    values = [float(line.strip("|").split("|")[1]) for line in lines[2:]]
    assert len(values) == 5
    assert values[-1] == pytest.approx(sum(values[:-1]) / 4, abs=1e-3)


def test_declared_policies_and_what_is_gained_over_them(tmp_path: Path) -> None:
    """Shipped policies go by their names; beside their table stand the gains over the best simple rule and over rounds."""
    output = tmp_path / "out"
    names = ["lookahead", "edf", "moore", "greedy-events", "tetriserve-tuned"]
    arguments = [argument for name in names for argument in ("--policy", name)]
    arguments += ["--sweep", "workload.rate=6,60", "--seeds", "1", "--jobs", "1", "--timelines", "none"]
    assert main([*arguments, "--output", str(output), "workload.requests=12"]) == 0
    head = [cell.strip() for cell in (output / "table.md").read_text().splitlines()[0].strip("|").split("|")]
    assert head == ["cell", *names, "best simple", "which"]
    for table in ("over_simple", "events_over_rounds"):
        lines = (output / f"{table}.md").read_text().splitlines()
        assert [line.split("|")[1].strip() for line in lines[2:]] == ["6", "60", "mean"]


def test_cells_of_ones_own(tmp_path: Path) -> None:
    """--cell names a row and its overrides; decisions*.md count decisions and the jobs that they met."""
    output = tmp_path / "out"
    arguments = ["--policy", "edf:solver=edf", "--policy", "dp:solver=dp", "--cell", "calm:workload.rate=6"]
    arguments += ["--cell", "busy:workload.rate=60 workload=skewed", "--seeds", "1", "--jobs", "1"]
    assert main([*arguments, "--output", str(output), "workload.requests=15"]) == 0
    names = [line.strip("| ").split()[0] for line in (output / "table.md").read_text().splitlines()[2:]]
    assert names == ["calm", "busy", "mean"]
    assert [line.split("|")[1].strip() for line in (output / "decisions.md").read_text().splitlines()[2:]] == [
        "edf",
        "dp",
    ]
    by_cell = [line.split("|")[1:4] for line in (output / "decisions_by_cell.md").read_text().splitlines()[2:]]
    assert [(cell.strip(), policy.strip()) for cell, policy, _ in by_cell] == [
        ("calm", "edf"),
        ("calm", "dp"),
        ("busy", "edf"),
        ("busy", "dp"),
    ]
    assert int(by_cell[3][2]) > int(by_cell[1][2]) > 0
    moves = [line.strip("|").split("|") for line in (output / "regroups.md").read_text().splitlines()[2:]]
    assert [cell.strip() for cell, *_ in moves] == ["calm", "busy"]
    assert float(moves[1][1]) > float(moves[0][1]) >= 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "edd"], ["--policy", "no policy 'edd'", "the policies are lookahead", "solver=fixed"]),
        (["--policy", "a:b"], ["--policy", "'a:b'", "solver=fixed"]),
        (["--sweep", "workload.rate"], ["--sweep", "workload.rate", "KEY=VALUE"]),
        (["--cell", "workload.rate=3"], ["--cell", "NAME:OVERRIDES"]),
        (["--policy", "a:solver=dp", "--timelines", "a,b"], ["--timelines is 'b'", "the policies are a"]),
        (["--policy", "a:solver=dp", "--reference", "b"], ["--reference is 'b'", "the policies are a"]),
        (["--policy", "a:solver=dp", "--policy", "a:solver=edf"], ["a, a", "every name must occur once"]),
        (["--rounds", "5", "--bound"], ["--bound is about whole runs"]),
        (["--rounds", "5", "--reference", "a"], ["--reference is about whole runs"]),
        (["--rounds", "5", "--timelines", "none"], ["--timelines is about whole runs"]),
        (["--rounds", "5", "--rounds-of", "edff"], ["--rounds-of is 'edff'", "lookahead, assignment, tetriserve, edf"]),
        (["--rounds", "5", "solver=edf"], ["solver=edf says who decides", "--rounds-of"]),
        (["--rounds", "5", "--policy", "mine:solver=scip"], ["--policy mine is an exact solver"]),
        (["--rounds-of", "edf"], ["--rounds-of goes with --rounds"]),
        (["--roll-outs", "3"], ["--roll-outs goes with --rounds"]),
        (["seed=3"], ["seed=3 has no effect", "--first-seed"]),
        (["output=there"], ["output=there has no effect", "--output"]),
        (["workload.rat=3"], ["there is no workload.rat", "workload.rate"]),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy, an axis or an override of the wrong form ends with exit code 2 and says what the form is."""
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rounds", "0"], "'0' is not a whole number of at least 1"),
        (["--rounds", "-3"], "'-3' is not a whole number of at least 1"),
        (["--rounds", "5", "--roll-outs", "-1"], "'-1' is not a whole number of at least 0"),
        (["--jobs", "-3"], "'-3' is not a whole number of at least 1"),
        (["--jobs", "0"], "'0' is not a whole number of at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that makes no sense ends with exit code 2 before anything is read."""
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
