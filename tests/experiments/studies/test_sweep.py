"""Sweeps: every combination has a directory of its own, all are checked first, and none is made twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from experiments import collect
from experiments.cli import compose
from experiments.studies.sweep import combinations, serve_job, sweep, unpack

SMALL = ["solver=edf", "workload.requests=8"]


def test_directories_are_named_by_what_varies() -> None:
    """What has one value is left out of the name; lists and ranges of Hydra's grammar are taken apart."""
    made = combinations(["solver=edf", "workload.rate=6,12", "seed=range(0,2)"])
    assert [one.name for one in made] == [f"workload.rate={rate},seed={seed}" for rate in (6, 12) for seed in (0, 1)]
    assert made[0].overrides == ("solver=edf", "workload.rate=6", "seed=0")
    assert [one.name for one in combinations(["solver=edf"])] == ["run"]


def test_names_are_names_of_directories_and_differ() -> None:
    """Paths, spaces and long values become what a file system takes; equal names get numbers."""
    made = combinations(["+a=/x/y,/x//y", "b='c d'"])
    assert [one.name for one in made] == ["a=-x-y_1", "a=-x-y_2"]
    assert len(combinations([f"a={'x' * 300},b"])[0].name) < 200


def test_a_bad_combination_stops_the_sweep_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every one that cannot run is named with its reason; none was begun."""
    out = tmp_path / "out"
    assert sweep([*SMALL, "workload.rate=12,-3,0", "--output", str(out)]) == 2
    message = capsys.readouterr().err
    assert "2 of 3 runs cannot be made, so none was begun" in message
    assert "workload.rate=-3: " in message and "workload.rate=0: " in message
    assert not out.exists()


def test_a_sweep_goes_on_and_makes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one more seed, only that run is made; a run whose files were deleted is made again; output= is --output."""
    out = tmp_path / "out"
    assert sweep([*SMALL, "seed=0,1", f"output={out}", "--jobs", "1"]) == 0
    before = {path: path.stat().st_mtime_ns for path in out.glob("seed=*/summary.json")}
    assert sorted(path.parent.name for path in before) == ["seed=0", "seed=1"]
    assert "A directory per run" in capsys.readouterr().out
    (out / "seed=1" / "summary.json").unlink()
    assert sweep([*SMALL, "seed=0,1,2", f"output={out}", "resume=true", "--jobs", "1"]) == 0
    after = {path: path.stat().st_mtime_ns for path in out.glob("seed=*/summary.json")}
    same = [path.parent.name for path, when in before.items() if after[path] == when]
    assert (len(after), same) == (3, ["seed=0"])
    assert (out / "table.md").read_text().count("of 8") == 3


def test_a_sweep_refuses_to_replace_and_replaces_when_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word nothing is lost; with --overwrite, runs that the new sweep does not have are gone."""
    out = tmp_path / "out"
    assert sweep([*SMALL, "seed=0,1", "--output", str(out), "--jobs", "1"]) == 0
    assert sweep([*SMALL, "seed=0,3", "--output", str(out), "--jobs", "1"]) == 2
    assert "holds an earlier sweep" in capsys.readouterr().err
    assert sweep([*SMALL, "seed=0,3", "--output", str(out), "--jobs", "1", "overwrite=true"]) == 0
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["seed=0", "seed=3"]


def test_a_machine_that_cannot_write_there_sends_its_files(tmp_path: Path) -> None:
    """A job whose sweep is nowhere to be seen sends an archive, from which the same files are made."""
    config = compose(SMALL)
    sent = serve_job("run", config | {"output": str(tmp_path / "nowhere" / "run")})
    assert sent.archive and not (tmp_path / "nowhere").exists()
    kept = unpack(sent, tmp_path)
    assert kept.archive == b"" and kept.on_time == sent.on_time
    assert pd.read_parquet(tmp_path / "run" / "requests.parquet").shape[0] == 8


def test_runs_of_a_sweep_become_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row per run with what varies and its figures, a row per request, in CSV and Parquet; unfinished runs are named."""
    out, collected = tmp_path / "out", tmp_path / "all"
    assert sweep([*SMALL, "seed=0,1", "workload.rate=6,60", "--output", str(out), "--jobs", "1"]) == 0
    (out / "seed=1,workload.rate=60" / "summary.json").unlink()
    assert collect.main([str(out), "--output", str(collected)]) == 0
    printed = capsys.readouterr()
    assert "seed=1,workload.rate=60 was not finished" in printed.err
    runs = pd.read_parquet(collected / "runs.parquet")
    assert list(zip(runs["seed"], runs["workload.rate"], strict=True)) == [(0, 6.0), (0, 60.0), (1, 6.0)]
    pd.testing.assert_frame_equal(pd.read_csv(collected / "runs.csv"), runs, check_dtype=False)
    requests = pd.read_parquet(collected / "requests.parquet")
    assert list(requests.columns[:4]) == ["run", "seed", "workload.rate", "id"]
    assert requests.shape[0] == 24
    on_time = requests[requests["fate"] == "on_time"].groupby(["seed", "workload.rate"]).size()
    assert on_time.to_list() == runs["on_time"].to_list()


@pytest.mark.parametrize(("names", "words"), [(["nosuch"], "nosuch is no directory"), (["."], "no finished run")])
def test_collecting_nothing_is_refused(
    names: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory that is not there, or has no run, is named."""
    monkeypatch.chdir(tmp_path)
    assert collect.main(names) == 2
    assert words in capsys.readouterr().err


def test_a_sweep_of_twelve_that_is_killed_goes_on(tmp_path: Path) -> None:
    """Killed in the middle and given again, it makes only what is missing; what was finished stays as it was."""
    command = [sys.executable, "-m", "experiments.run", "-m", "solver=cpsat", "workload.requests=20", "--jobs", "1"]
    command += ["seed=range(0,6)", "workload.rate=12,18", "--output", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = tmp_path / "out" / "finished.jsonl"
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 4):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = journal.read_bytes().count(b"\n")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/summary.json")}
    assert done < 12
    subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/summary.json")}
    assert len(after) == journal.read_bytes().count(b"\n") == 12
    assert sum(after[path] == when for path, when in before.items()) >= done
