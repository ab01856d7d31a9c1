"""What texts and images cost a run."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from executor.engine import Staged
from executor.records import Records
from experiments.results.stages import StageSummary, busy_seconds, stage_summary


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
