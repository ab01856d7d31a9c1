from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from executor.engine import Segment, Staged
from executor.records import Records
from experiments.results.trace import GPUS, MISSED, REQUESTS, STAGES, trace_events, write_trace
from planner.cluster import Cluster


def of_phase(records: Records, cluster: Cluster, phase: str) -> list[dict[str, Any]]:
    """All events of one phase."""
    return [event for event in trace_events(records, cluster) if event["ph"] == phase]


def test_the_file_is_json_plain_and_compressed(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """Both forms load, hold the same events, and are equal to the byte when written again."""
    for name in ("a.json", "b.json", "a.json.gz", "b.json.gz"):
        write_trace(records, cluster, tmp_path / name)
    plain = (tmp_path / "a.json").read_bytes()
    assert plain == (tmp_path / "b.json").read_bytes() == gzip.decompress((tmp_path / "a.json.gz").read_bytes())
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    assert json.loads(plain)["traceEvents"] == list(trace_events(records, cluster))


def test_segments_stand_on_the_track_of_each_gpu(records: Records, cluster: Cluster) -> None:
    """Every segment is there once for each GPU, with its times in microseconds."""
    events = of_phase(records, cluster, "X")
    assert len(events) == sum(len(segment.gpus) for segment in records.segments)
    assert [(e["tid"], e["ts"], e["dur"]) for e in events if e["args"]["request"] == 2] == [
        (3, 1_000_000, 3_000_000),
        (4, 1_000_000, 3_000_000),
    ]
    assert events[0]["name"] == "#0 1024x1024 sp1 a"
    assert events[0]["args"] == {
        "request": 0, "steps": 2, "degree": 1, "gpus": "0", "deadline": 4.0, "fate": "on_time",
    }  # fmt: skip
    assert events[-1]["name"] == "#4+#5 256x256 sp1 b2 e"


def test_events_of_a_gpu_do_not_overlap(records: Records, cluster: Cluster) -> None:
    """Rounding to microseconds never makes segments overlap that touch at an odd time."""
    ends = [i / 3 + 1e-7 * i for i in range(40)]
    records.segments[:] = [Segment((i % 6,), (0, 1), a, b, 1) for i, (a, b) in enumerate(pairwise(ends))]
    for tid in (1, 2):
        track = [e for e in of_phase(records, cluster, "X") if (e["pid"], e["tid"]) == (GPUS, tid)]
        assert len(track) == 39
        assert all(a["ts"] + a["dur"] <= b["ts"] for a, b in pairwise(track))


def test_stages_have_tracks_without_overlaps(staged: Records, cluster: Cluster) -> None:
    """Each worker for stages has a track; an image that is still written when the next stage begins ends there."""
    staged.staged.append(Staged("encode", 5, 0, 8.5, 8.8))
    track = [e for e in of_phase(staged, cluster, "X") if e["pid"] == STAGES]
    shown = sorted((e["ts"], e["dur"], e["name"]) for e in track)
    assert shown[-2:] == [(8_000_000, 500_000, "#4 image e"), (8_500_000, 300_000, "#5 text f")]
    assert {e["tid"] for e in track} == {1}


def test_a_request_keeps_its_colour(records: Records, cluster: Cluster) -> None:
    """The colour name, and the letters that Perfetto hashes, follow the request through degrees."""
    events = [e for e in of_phase(records, cluster, "X") if e["args"]["request"] == 0]
    assert {e["args"]["degree"] for e in events} == {1, 2}
    assert len({e["cname"] for e in events}) == 1
    assert {e["name"].split()[-1] for e in events} == {"a"}


def test_every_track_has_a_name(staged: Records, cluster: Cluster) -> None:
    """Each process and thread that has events is named by metadata."""
    names = of_phase(staged, cluster, "M")
    processes = {e["pid"] for e in names if e["name"] == "process_name"}
    threads = {(e["pid"], e["tid"]) for e in names if e["name"] == "thread_name"}
    for event in trace_events(staged, cluster):
        assert event["pid"] in processes
        if event["ph"] in "Xi":
            assert (event["pid"], event["tid"]) in threads


def test_instants_and_counter(records: Records, cluster: Cluster) -> None:
    """Arrivals, drops, decisions and missed deadlines are instants; live jobs rise and fall."""
    instants = of_phase(records, cluster, "i")
    missed = [e["args"]["request"] for e in instants if (e["pid"], e["tid"]) == (REQUESTS, MISSED)]
    assert missed == [1, 2, 3]
    assert len(instants) == 6 + 2 + 3 + 4
    counts = [(e["ts"] / 1e6, e["args"]["jobs"]) for e in of_phase(records, cluster, "C")]
    assert counts == [(0, 1), (1, 3), (2, 4), (3, 3), (3.5, 2), (6, 4), (7, 3), (8, 2), (10, 1)]
