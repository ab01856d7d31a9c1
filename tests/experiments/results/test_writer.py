from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from executor.records import Records
from experiments.results import writer as module
from experiments.results.directory import prepare_directory
from experiments.results.metrics import summarize
from experiments.results.writer import TABLES, RunWriter
from planner.cluster import Cluster


class Clock:
    """A clock that stands still until it is told the time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def names(directory: Path) -> set[str]:
    """Every file of a directory, hidden ones too."""
    return {path.name for path in directory.iterdir()}


def test_checkpoints_keep_their_distance(records: Records, tmp_path: Path) -> None:
    """The first checkpoint is written after a second, not before, and every other one after the interval."""
    clock = Clock()
    writer = RunWriter(tmp_path, clock, interval=5.0)
    done = []
    for now in (100.0, 100.9, 101.0, 105.9, 106.0, 110.9, 111.0):
        clock.now = now
        done.append(writer.checkpoint(records))
    assert done == [False, False, True, False, True, False, True]
    assert names(tmp_path) == set(TABLES)


def test_slow_writes_stretch_the_interval(records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a write takes 1 s, the next follows no sooner than 20 s later, so that writing stays a small share."""
    clock = Clock()
    writer = RunWriter(tmp_path, clock, interval=5.0)
    monkeypatch.setattr(writer, "write", lambda _: setattr(clock, "now", clock.now + 1.0))
    done = []
    for now in (105.0, 112.0, 125.9, 126.1):
        clock.now = now
        done.append(writer.checkpoint(records))
    assert done == [True, False, False, True]


def test_a_partial_run_is_readable(records: Records, tmp_path: Path) -> None:
    """A checkpoint of a run in progress holds all requests, those in flight as unfinished."""
    RunWriter(tmp_path, Clock()).write(replace(records, delivered={0: 3.0}, dropped={}, ended=0.0))
    fates = pq.read_table(tmp_path / "requests.parquet")["fate"].to_pylist()
    assert fates == ["on_time", *["unfinished"] * 5]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_write_leaves_the_tables_of_before(
    staged: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """An interrupt in the middle of writing a table leaves every table readable and no temporary file."""
    writer = RunWriter(tmp_path, Clock())
    writer.write(replace(staged, segments=staged.segments[:2]))
    write_table = module.write_table

    def interrupted(table: object, path: Path) -> None:
        if "segments" in path.name:
            path.write_bytes(b"PAR1 half a tab")
            raise error
        write_table(table, path)

    monkeypatch.setattr(module, "write_table", interrupted)
    with pytest.raises((KeyboardInterrupt, OSError)):
        writer.write(staged)
    assert names(tmp_path) == set(TABLES)
    assert pq.read_table(tmp_path / "segments.parquet").num_rows == 2
    assert all(pq.read_table(tmp_path / name).num_rows > 0 for name in TABLES)


def test_finish_writes_everything(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """Tables, summary, wall-clock figures and manifest are there, and the manifest of the start is replaced."""
    writer = RunWriter(tmp_path, Clock())
    writer.start({"ended": None})
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"ended": None}
    writer.finish(records, summarize(records, cluster), {"ended": "now", "where": Path("profiles")})
    assert names(tmp_path) == {*TABLES, "summary.json", "wall.json", "manifest.json"}
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"ended": "now", "where": "profiles"}
    assert json.loads((tmp_path / "summary.json").read_text())["on_time"] == 2
    assert json.loads((tmp_path / "wall.json").read_text())["decision_max"] == 0.020


def test_equal_runs_differ_only_in_timings(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """Runs that differ only in measured times write the same bytes, but for timings, wall clock and manifest."""
    slower = replace(records, decisions=[d._replace(total_seconds=1.0) for d in records.decisions])
    for name, run in (("a", records), ("b", slower)):
        directory = prepare_directory(tmp_path / name)
        RunWriter(directory, Clock()).finish(run, summarize(run, cluster), {"run": name})
    differ = {
        n for n in names(tmp_path / "a") if (tmp_path / "a" / n).read_bytes() != (tmp_path / "b" / n).read_bytes()
    }
    assert differ == {"timings.parquet", "wall.json", "manifest.json"}
