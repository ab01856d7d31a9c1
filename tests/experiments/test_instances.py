"""The instance library: recording, proving, solving, checking."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.instances.__main__ import main
from experiments.instances.evaluate import solve_all
from experiments.instances.library import KNOWN, Known, LibraryError, improve, load_library, read_known
from experiments.instances.record import Recording, record
from planner.backends.protocol import Solution
from planner.objectives import OnTime
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import LinearProgram

SOURCE = Recording("small", ("workload=skewed", "workload.rate=24", "workload.requests=60"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small library, recorded and proven."""
    directory = tmp_path_factory.mktemp("library")
    for instance in record(SOURCE, 4):
        instance.round_.save(directory / f"{instance.name}.json")
    assert main(["prove", "--library", str(directory), "--program", "assignment", "--budget", "5"]) == 0
    return directory


def test_shipped_library_is_proven() -> None:
    """Every shipped instance loads, and for every program something is known of it, with no value above its bound."""
    instances = {instance.name: instance.round_ for instance in load_library()}
    known = read_known()
    assert len(instances) >= 60
    for program in {k.program for k in known}:
        assert {k.instance for k in known if k.program == program} == set(instances)
    assert all(k.value <= k.bound + 1e-6 * max(1.0, abs(k.bound)) for k in known)
    assert all(len(instances[k.instance].jobs) == k.jobs for k in known)


def test_recorded_rounds_go_from_few_jobs_to_many(library: Path) -> None:
    """Recording keeps rounds of at least two jobs, in order of their number, the same every time."""
    again = record(SOURCE, 4)
    sizes = [len(instance.round_.jobs) for instance in again]
    assert sizes == sorted(sizes) and sizes[0] >= 2
    assert {i.name: i.round_.to_dict() for i in again} == {i.name: i.round_.to_dict() for i in load_library(library)}


def test_solve_reports_and_draws(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The solver that proved the values solves all of them; answers and picture are written."""
    output = tmp_path / "out"
    arguments = ["--library", str(library), "--program", "assignment", "--budget", "5", "--output", str(output)]
    assert main(["solve", *arguments]) == 0
    assert "4/4" in capsys.readouterr().out
    assert len(list(csv.DictReader((output / "answers.csv").open()))) == 4
    assert (output / "performance.png").stat().st_size > 1000


def test_check_finds_a_wrong_value_and_a_wrong_bound(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that cannot be reached and a bound that is broken are both found and named."""
    for path in library.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / KNOWN).write_text((library / KNOWN).read_text())
    assert main(["check", "--library", str(tmp_path)]) == 0
    lines = (library / KNOWN).read_text().splitlines()
    fields = lines[0].split(",")
    for value, bound, word in (("99.0", "99.0", "below the best value"), ("-99.0", "-99.0", "above the bound")):
        row = lines[1].split(",")
        row[fields.index("value")], row[fields.index("bound")] = value, bound
        (tmp_path / KNOWN).write_text("\n".join([lines[0], ",".join(row), *lines[2:]]) + "\n")
        assert main(["check", "--library", str(tmp_path)]) == 1
        assert word in capsys.readouterr().out


def test_values_above_bounds_are_refused() -> None:
    """Merging a value above another solver's bound is refused: one of them is wrong."""
    good = Known("a", "assignment", "on_time", 2, 8, 4, 3, 1.0, 2.0, 0.1, "x")
    assert improve([good], [replace(good, value=2.0, solver="y")])[0].value == 2.0
    with pytest.raises(LibraryError, match="exceeds the bound"):
        improve([good], [replace(good, value=3.0, bound=3.0, solver="y")])


class Misbehaving:
    """A backend that breaks constraints on some instances and raises on others."""

    name = "misbehaving"

    def __init__(self) -> None:
        self.calls = 0

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Take every option, or raise."""
        self.calls += 1
        if self.calls % 2:
            return Solution(np.ones(program.size), 1e9, "optimal", 0.0, 0.0)
        raise RuntimeError("out of order")


def test_a_solver_that_misbehaves_is_noted(library: Path) -> None:
    """A point that breaks constraints and an exception both count as failed, and the other instances are still solved."""
    solved = solve_all(load_library(library), "assignment", AssignmentProgram(), OnTime(), Misbehaving(), 1.0)
    assert [s.status for s in solved] == ["failed"] * 4
    assert "breaks a constraint" in solved[0].note and "out of order" in solved[1].note


OWN = """
from planner.backends.protocol import Solution
from planner.backends.highs import HighsBackend

class Mine:
    name = "mine"
    def solve(self, program, budget):
        return HighsBackend().solve(program, budget)

class Careless:
    name = "careless"
    def solve(self, program, budget):
        return Solution(program.start * 0 + 1, None, "optimal", 0.0, 0.0)
"""


def test_a_solver_of_programs_from_a_file(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A class from a file elsewhere is checked, and solves the library beside the shipped ones."""
    file = tmp_path / "own.py"
    file.write_text(OWN)
    arguments = ["solve", "--library", str(library), "--program", "assignment", "--budget", "1"]
    assert main([*arguments, "--solver", f"{file}:Mine", "--solver", "cpsat"]) == 0
    shown = capsys.readouterr().out
    assert "mine" in shown and "cpsat" in shown
    for wrong, words in (
        (f"{file}:Careless", "Careless: on example program"),
        (f"{file}:Main", "did you mean Mine?"),
        (str(file), "name one class"),
        ("gurobi", "'gurobi' is none of cpsat"),
    ):
        assert main([*arguments, "--solver", wrong]) == 2
        assert words in capsys.readouterr().err


def test_nothing_is_solved_in_vain(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An objective of which nothing is known is refused before anything is solved or written."""
    output = tmp_path / "out"
    assert main(["solve", "--library", str(library), "--objective", "tardiness", "--output", str(output)]) == 2
    assert "run the command `prove` first" in capsys.readouterr().err
    assert not output.exists()


def test_a_broken_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no round, and an empty directory, end with exit code 2 and the name."""
    assert main(["check", "--library", str(tmp_path)]) == 2
    assert "no instances" in capsys.readouterr().err
    (tmp_path / "odd.json").write_text(json.dumps({"schema": "other"}))
    assert main(["check", "--library", str(tmp_path)]) == 2
    assert "odd.json" in capsys.readouterr().err
