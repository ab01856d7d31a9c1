from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from executor.records import Records
from experiments.results.metrics import summarize
from experiments.results.tables import (
    REQUESTS,
    requests_table,
    rounds_table,
    segments_table,
    stages_table,
    timings_table,
    write_table,
)
from planner.cluster import Cluster

MAKERS = (requests_table, rounds_table, segments_table, stages_table, timings_table)


def test_rows_of_requests(records: Records) -> None:
    """A request on time, a dropped one that ran, one that never did, and one in flight."""
    rows = requests_table(records).to_pylist()
    assert [row["fate"] for row in rows] == ["on_time", "late", "dropped", "dropped", "on_time", "unfinished"]
    assert rows[0] == {
        "id": 0, "model": "flux", "height": 1024, "width": 1024, "frames": 1, "steps": 10,
        "arrival": 0.0, "deadline": 4.0, "weight": 2.0, "tier": "gold", "fate": "on_time",
        "started": 0.0, "finished": 3.0, "dropped": None, "refused": None, "cancelled": None, "promised": False,
        "latency": 3.0, "lateness": -1.0,
        "steps_done": 10, "gpu_seconds": 5.0, "segments": 2, "regroups": 1, "min_degree": 1, "max_degree": 2,
    }  # fmt: skip
    assert (rows[1]["latency"], rows[1]["lateness"]) == (6.0, 2.0)
    assert (rows[2]["dropped"], rows[2]["finished"], rows[2]["latency"], rows[2]["steps_done"]) == (3.5, None, None, 6)
    assert (rows[3]["started"], rows[3]["min_degree"], rows[3]["gpu_seconds"]) == (None, None, 0.0)
    assert rows[5]["gpu_seconds"] == 0.5


def test_requests_add_up_to_the_run(records: Records, cluster: Cluster) -> None:
    """GPU-seconds of requests, of segments and of the summary are the same."""
    total = summarize(records, cluster).gpu_seconds
    assert sum(requests_table(records)["gpu_seconds"].to_pylist()) == pytest.approx(total)
    assert sum(segments_table(records)["gpu_seconds"].to_pylist()) == pytest.approx(total)


def test_rounds_hold_no_wall_clock(records: Records) -> None:
    """Rounds of two runs that differ only in measured times are equal; the timings are not."""
    slower = replace(records, decisions=[d._replace(total_seconds=9.0) for d in records.decisions])
    assert rounds_table(records).equals(rounds_table(slower))
    assert not timings_table(records).equals(timings_table(slower))
    assert rounds_table(records).to_pylist()[1]["gap"] == 0.25
    assert rounds_table(records)["round"].to_pylist() == timings_table(records)["round"].to_pylist()


def test_rows_of_segments(records: Records) -> None:
    """A batch keeps its requests and GPUs as lists."""
    assert segments_table(records).to_pylist()[4] == {
        "segment": 4, "requests": [4, 5], "gpus": [3], "degree": 1, "start": 7.0, "end": 8.0,
        "steps": 10, "gpu_seconds": 1.0,
    }  # fmt: skip


def test_rows_of_stages(records: Records, staged: Records) -> None:
    """A row for each text and image; none where they take no time."""
    row = {"request": 1, "stage": "encode", "worker": 0, "start": 1.5, "end": 2.0, "gpu": -1, "freed": 0.0}
    assert stages_table(staged).to_pylist()[0] == row
    assert stages_table(records).num_rows == 0


@pytest.mark.parametrize("make", MAKERS)
def test_round_trip_through_parquet(staged: Records, tmp_path: Path, make: type) -> None:
    """What is read back equals what was written, schema and metadata included."""
    table = make(staged)
    write_table(table, tmp_path / "t.parquet")
    back = pq.read_table(tmp_path / "t.parquet")
    assert back.equals(table)
    assert back.schema.equals(table.schema, check_metadata=True)
    table.validate(full=True)


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_records_write_the_same_bytes(staged: Records, tmp_path: Path, make: type) -> None:
    """Two writes are equal to the byte; a change of the records shows."""
    changed = replace(staged, segments=staged.segments[:-1], decisions=staged.decisions[:-1], staged=staged.staged[:-1])
    for name, run in (("a", staged), ("b", replace(staged)), ("c", changed)):
        write_table(make(run), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


@pytest.mark.parametrize("make", MAKERS)
def test_an_empty_run_has_the_same_schema(records: Records, make: type) -> None:
    """A table without rows has the columns and types of one with rows."""
    assert make(Records(())).schema == make(records).schema
    assert make(Records(())).num_rows == 0


def test_only_what_may_be_missing_is_nullable(records: Records) -> None:
    """Columns are nullable exactly where the schema marks them so."""
    schema = requests_table(records).schema
    assert [field.name for field in schema if field.nullable] == [
        "started", "finished", "dropped", "refused", "cancelled", "latency", "lateness", "min_degree", "max_degree",
    ]  # fmt: skip
    assert schema.names == list(REQUESTS)
    assert schema.field("id").type == pa.int64()
