"""A study that is open: what it leaves, what it does not do again, and what it refuses."""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.studies.jobs import Jobs
from experiments.studies.journal import Journal, job_of
from experiments.studies.options import parse, study_parser
from experiments.studies.study import open_study, run_study


@dataclass(frozen=True)
class Square:
    """A number and its square."""

    number: int
    square: float


DONE: list[int] = []


def square(number: int) -> Square:
    """Square a number, and remember that it was done."""
    if number == 13:
        raise KeyboardInterrupt
    DONE.append(number)
    return Square(number, float(number) ** 2)


def study(arguments: Sequence[str], numbers: Sequence[int]) -> int:
    """Run a small study."""

    def command(options: argparse.Namespace) -> None:
        with open_study("squares", options, {"numbers": list(numbers)}, [7]) as opened:
            results = opened.jobs.do("squares", square, [(number,) for number in numbers], Square)
            opened.table("table", [["number", "square"], *([str(r.number), str(r.square)] for r in results)])
            opened.rows("squares", results, leave_out=["number"])

    DONE.clear()
    return run_study(study_parser("squares", "Square numbers.", "--seeds 2", jobs=1), command, arguments)


def test_a_study_leaves_tables_rows_and_what_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table is printed and written, rows leave out what differs from run to run, and the manifest names the files."""
    out = tmp_path / "out"
    assert study(["--output", str(out)], [3, 2]) == 0
    assert "| 3      |    9.0 |" in (out / "table.md").read_text()
    assert list(csv.DictReader((out / "squares.csv").open())) == [{"square": "9.0"}, {"square": "4.0"}]
    made = json.loads((out / "manifest.json").read_text())
    assert (made["kind"], made["files"], made["config"]) == (
        "squares",
        ["squares.csv", "table.md"],
        {"numbers": [3, 2]},
    )
    assert made["ended"] is not None and made["seeds"] == {"seed 7": 7}
    assert "Results are in" in capsys.readouterr().out


def test_without_a_directory_results_are_printed_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written where no directory is named."""
    monkeypatch.chdir(tmp_path)
    assert study([], [3]) == 0
    assert "9.0" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_an_interrupted_study_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Finished jobs stay, the message says how to go on, and then only the missing ones are done."""
    out = tmp_path / "out"
    assert study(["--output", str(out)], [1, 2, 13, 4]) == 130
    assert DONE == [1, 2]
    assert (
        f"2 finished jobs are in {out}; the same command with --output {out} --resume goes on"
        in capsys.readouterr().err
    )
    assert study(["--output", str(out), "--resume"], [1, 2, 3, 4]) == 0
    assert DONE == [3, 4]
    assert study(["--output", str(out), "--overwrite"], [1]) == 0
    assert DONE == [1]


def test_a_study_that_fails_at_once_leaves_nothing(tmp_path: Path) -> None:
    """Without a finished job there is no directory, or the one that was there as it was."""
    assert study(["--output", str(tmp_path / "new")], [13]) == 130
    (tmp_path / "old").mkdir()
    assert study(["--output", str(tmp_path / "old")], [13]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["old"] and not list((tmp_path / "old").iterdir())


def test_earlier_results_stay_until_others_have_begun(tmp_path: Path) -> None:
    """A mistake after --overwrite or --resume leaves every file as it was; the first finished job replaces."""
    out = tmp_path / "out"
    assert study(["--output", str(out)], [1, 2]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for option in ("--overwrite", "--resume"):
        assert study(["--output", str(out), option], [13]) == 130
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert study(["--output", str(out), "--overwrite"], [3, 13]) == 130
    assert {path.name for path in out.iterdir()} == {"finished.jsonl", "manifest.json"}
    assert study(["--output", str(out), "--resume"], [3, 4]) == 0
    assert {path.name for path in out.iterdir()} == {"finished.jsonl", "manifest.json", "squares.csv", "table.md"}


def test_results_without_their_jobs_can_be_resumed(tmp_path: Path) -> None:
    """Where finished jobs are not kept any more, all are done again, and the manifest still names every file."""
    out = tmp_path / "out"
    assert study(["--output", str(out)], [1, 2]) == 0
    (out / "finished.jsonl").unlink()
    assert study(["--output", str(out), "--resume"], [1, 2]) == 0
    assert DONE == [1, 2]
    assert json.loads((out / "manifest.json").read_text())["files"] == ["squares.csv", "table.md"]


def test_a_resumed_study_does_not_mix_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Results that another version began are refused by its name."""
    out = tmp_path / "out"
    assert study(["--output", str(out)], [1]) == 0
    made = json.loads((out / "manifest.json").read_text())
    made["versions"]["ortools"] = "1.0"
    (out / "manifest.json").write_text(json.dumps(made))
    assert study(["--output", str(out), "--resume"], [1, 2]) == 2
    assert "ortools 1.0 is now" in capsys.readouterr().err


def test_a_journal_survives_a_line_that_was_cut_off(tmp_path: Path) -> None:
    """What a crash left of the last line is dropped, and the next job is written on a line of its own."""
    path = tmp_path / "finished.jsonl"
    Journal(path).add("a", Square(1, 1.0))
    path.write_bytes(path.read_bytes() + b'{"job": "b", "res')
    journal = Journal(path)
    assert (len(journal), journal.find("a", Square), journal.find("b", Square)) == (1, Square(1, 1.0), None)
    journal.add("c", Square(2, 4.0))
    assert Journal(path).find("c", Square) == Square(2, 4.0)


def test_a_job_is_what_it_is_given_and_the_files_it_names(tmp_path: Path) -> None:
    """Another argument or another content of a file makes another job; another order of fields does not."""
    file = tmp_path / "policy.py"
    file.write_text("one")
    first = job_of("run", [{"solver": {"file": str(file), "name": "Fifo"}, "seed": 1}])
    assert job_of("run", [{"seed": 1, "solver": {"name": "Fifo", "file": str(file)}}]) == first
    assert job_of("run", [{"solver": {"file": str(file), "name": "Fifo"}, "seed": 2}]) != first
    file.write_text("two")
    assert job_of("run", [{"solver": {"file": str(file), "name": "Fifo"}, "seed": 1}]) != first


def test_jobs_come_back_in_order_from_processes() -> None:
    """Two processes give what one gives, in the order of the work."""
    work = [(number,) for number in range(8)]
    assert Jobs(2).do("squares", square, work, Square) == [Square(n, float(n) ** 2) for n in range(8)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sedes", "3"], "did you mean --seeds?"),
        (["--seed", "3"], "did you mean --seeds?"),
        (["--seeds", "0"], "'0' is not a whole number of at least 1"),
        (["--seeds", "²"], "not a whole number"),
        (["--jobs", "-3"], "argument --jobs"),
        (["--on", "moon"], "cores"),
        (["workload=skewed", "seed=3"], "seed=3 has no effect here; use --first-seed and --seeds"),
        (["output=x"], "use --output"),
        (["engine=distributed"], "engine=simulated"),
        (["skewed"], "'skewed' is no override of the form field=value"),
        (["--overwrite"], "--overwrite is about the directory of --output"),
        (["--resume"], "--resume is about the directory of --output"),
        (["--output", "x", "--resume", "--overwrite"], "give one of the two"),
    ],
)
def test_careless_options_are_explained_on_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is misspelt, out of range or would not be used is one line that says what would be right."""
    assert study(arguments, [1]) == 2
    message = capsys.readouterr().err
    assert words in message and message.startswith("error: ") and message.count("\n") == 1


def test_overrides_stand_on_either_side_of_options() -> None:
    """Before, between and behind."""
    options = parse(study_parser("x", "", ""), ["a=1", "--seeds", "2", "b=2", "--jobs", "1", "c=3"])
    assert (options.overrides, options.seeds, options.jobs) == (["a=1", "b=2", "c=3"], 2, 1)


def test_a_killed_comparison_goes_on(tmp_path: Path) -> None:
    """Killed in the middle, a comparison that is given again serves only what is missing, and its table is that of one go."""
    command = [sys.executable, "-m", "experiments.compare", "--seeds", "8", "--jobs", "1", "--timelines", "none"]
    command += ["--policy", "edf", "--policy", "cpsat", "workload.requests=20"]
    out = tmp_path / "out"
    process = subprocess.Popen([*command, "--output", str(out)], stdout=subprocess.DEVNULL)
    journal = out / "finished.jsonl"
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = journal.read_bytes()
    assert kept.count(b"\n") < 16
    subprocess.run([*command, "--output", str(out), "--resume"], check=True, stdout=subprocess.DEVNULL)
    assert journal.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert journal.read_bytes().count(b"\n") == 16
    subprocess.run([*command, "--output", str(tmp_path / "whole")], check=True, stdout=subprocess.DEVNULL)
    for name in ("runs.csv", "differences.md"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
