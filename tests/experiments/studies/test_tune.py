"""The search for the best settings, and its command."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments.cli import compose
from experiments.config.build import build
from experiments.studies.tune import (
    CELLS,
    MARGIN,
    SEARCHES,
    Tuned,
    Tuning,
    all_table,
    best_table,
    main,
    overrides_of,
    tune,
)

SEARCH = Tuning("p", ("solver=edf",), (("x", ("0", "1", "2")), ("y", ("a", "b"))))


def tuned(values: dict[tuple[str, ...], float], asked: list[tuple[str, ...]] | None = None) -> Tuned:
    """Search where attainment follows from a table; 0 elsewhere."""

    def evaluate(choices: Sequence[tuple[str, ...]]) -> list[dict[int, float]]:
        if asked is not None:
            asked.extend(choices)
        return [{1000: values.get(choice, 0.0) - 0.01, 1001: values.get(choice, 0.0) + 0.01} for choice in choices]

    return tune(SEARCH, evaluate)


def test_settings_are_tried_one_after_the_other_and_again() -> None:
    """Tests that y pays only with x at 1, and x at 2 only with y at b: a second pass finds it, and nothing is tried twice."""
    asked: list[tuple[str, ...]] = []
    found = tuned({("0", "a"): 0.5, ("1", "a"): 0.6, ("1", "b"): 0.7, ("2", "b"): 0.8}, asked)
    assert found.best.settings == ("2", "b")
    assert found.best.mean == pytest.approx(0.8)
    assert found.tried[0].settings == ("0", "a")
    assert len(asked) == len(set(asked)) == len(found.tried)


def test_next_to_nothing_is_no_reason() -> None:
    """Tests that a setting stays at its default where another gains less than the margin."""
    assert tuned({("0", "a"): 0.5, ("1", "a"): 0.5 + 0.5 * MARGIN}).best.settings == ("0", "a")
    assert tuned({("0", "a"): 0.5, ("1", "a"): 0.5 + 1.5 * MARGIN}).best.settings == ("1", "a")


def test_tables_say_what_is_best_and_what_it_gains() -> None:
    """Tests that the defaults are left out of the overrides, and gains are paired over seeds."""
    found = [(SEARCH, tuned({("0", "a"): 0.5, ("2", "a"): 0.6}))]
    assert overrides_of(SEARCH, ("0", "b")) == ("solver=edf", "y=b")
    assert best_table(found)[1] == ["p", "`solver=edf x=2`", "0.6000", "0.5000", "+0.1000", "0.0000", "4"]
    assert [row[1:] for row in all_table(found)[1:3]] == [["`solver=edf x=2`", "0.6000"], ["`solver=edf`", "0.5000"]]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.policy)
def test_every_value_that_is_tried_can_be_built(search: Tuning) -> None:
    """Tests that no setting's name or value is refused, in any cell."""
    for cell in CELLS:
        build(compose([*cell.overrides, *search.base, "workload.requests=5"]))
    for name, values in search.settings:
        for value in values:
            build(compose([*search.base, f"{name}={value}", "workload.requests=5"]))


def test_the_command_writes_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests one policy on small workloads: the best, all that was tried, every run and the manifest are there."""
    output = tmp_path / "out"
    arguments = ["--policy", "moore", "--seeds", "1", "--jobs", "1", "--output", str(output), "workload.requests=4"]
    assert main(arguments) == 0
    assert {path.name for path in output.iterdir()} == {
        "best.md",
        "table.md",
        "runs.csv",
        "manifest.json",
        "finished.jsonl",
    }
    assert "`solver=moore" in (output / "best.md").read_text()
    runs = list(csv.DictReader((output / "runs.csv").open()))
    assert {run["cell"] for run in runs} == {cell.label for cell in CELLS}
    assert {run["seed"] for run in runs} == {"1000"}
    assert "Best settings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "fixed-1"], ["--policy is 'fixed-1'", "edf", "moore"]),
        (["--first-seed", "3"], ["--first-seed is 3", "below 1000"]),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tests that a policy without a search, and seeds that tables use, are refused."""
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    for word in words:
        assert word in message
