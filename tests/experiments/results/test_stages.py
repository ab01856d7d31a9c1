"""What texts and images cost a run."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from executor.engine import Staged
from executor.records import Records
from experiments.results.metrics import summarize
from experiments.results.stage_lanes import lanes
from experiments.results.stages import StageSummary, busy_seconds, stage_summary
from experiments.results.tables import stages_table
from experiments.results.trace import GPUS, STAGES, trace_events
from experiments.results.usage import usage_by_request
from planner.cluster import Cluster


def test_waits_and_busy_time(staged: Records) -> None:
    """Tests every figure of a run made by hand: waits for a worker, for GPUs, and from the last step to the image."""
    assert stage_summary(staged) == StageSummary(
        1, pytest.approx(0.17), 0.0, 0.5, pytest.approx(0.8), 2.0, pytest.approx(0.4), pytest.approx(0.6)
    )


def test_none_without_stages(records: Records) -> None:
    """Tests that a run whose texts and images take no time has no such figures."""
    assert stage_summary(records) is None


def test_a_text_alone_has_no_image(staged: Records) -> None:
    """Tests that of a run that was interrupted before the first image there is no wait for one."""
    found = stage_summary(replace(staged, staged=staged.staged[:2], segments=[]))
    assert found is not None
    assert math.isnan(found.image_p50) and math.isnan(found.gpus_p95)


def test_written_beside_the_next_stage_counts_once() -> None:
    """Tests that an image that is still written while the next one is made does not make a worker busier than its time."""
    one, next_one = Staged("decode", 0, 0, 0.0, 2.0), Staged("decode", 1, 0, 1.5, 3.0)
    other = Staged("encode", 2, 1, 0.0, 0.5)
    assert busy_seconds([one, next_one, other]) == pytest.approx(3.5)


def test_images_on_gpus(staged: Records, cluster: Cluster) -> None:
    """Tests that an image that a GPU makes is GPU time, of the run and of its request, and of no worker for stages."""
    end = staged.segments[-1].end
    image = Staged("decode", staged.segments[-1].jobs[0], -1, end, end + 0.9, 3, end + 0.5)
    run = replace(staged, staged=[*staged.staged, image])
    before, after = summarize(staged, cluster), summarize(run, cluster)
    assert after.gpu_seconds == pytest.approx(before.gpu_seconds + 0.5)
    assert after.mean_degree == before.mean_degree and after.segments == before.segments
    assert after.stages is not None and before.stages is not None
    assert (before.stages.gpu_seconds, after.stages.gpu_seconds) == (0.0, pytest.approx(0.5))
    assert after.stages.workers == before.stages.workers
    assert busy_seconds(run.staged) == busy_seconds(staged.staged)
    used = [usage_by_request(run.segments, each.staged)[image.request].gpu_seconds for each in (staged, run)]
    assert used[1] == pytest.approx(used[0] + 0.5)
    assert stages_table(run).to_pylist()[-1]["gpu"] == 3
    assert lanes(run) == lanes(staged)


def test_an_image_on_the_track_of_its_gpu(staged: Records, cluster: Cluster) -> None:
    """Tests the trace's event: on the GPU's track, until the GPU is free."""
    run = replace(staged, staged=[Staged("decode", 1, -1, 7.0, 7.9, 3, 7.5)])
    events = [event for event in trace_events(run, cluster) if event.get("cat") == "stage"]
    assert [(e["pid"], e["tid"], e["ts"], e["dur"]) for e in events] == [(GPUS, 4, 7_000_000, 500_000)]
    assert not any(event["pid"] == STAGES for event in trace_events(run, cluster))
