"""The figures that runs are compared by."""

from __future__ import annotations

import pytest

from executor.engine import Segment
from executor.records import Records
from experiments.fidelity.figures import faithful, figures, unit
from planner.cluster import Cluster
from planner.request import Request
from profiles import Shape

CLUSTER = Cluster.flat(2, "cpu")


def records() -> Records:
    """Two requests: one moves from one GPU to two, one comes late."""
    requests = (Request(0, Shape(64, 64), 4, 0.0, 10.0), Request(1, Shape(128, 128), 2, 1.0, 5.0))
    segments = [Segment((0,), (0,), 1.0, 3.0, 2), Segment((1,), (1,), 2.0, 4.0, 2), Segment((0,), (0, 1), 4.0, 5.0, 2)]
    return Records(requests, {0: 6.0, 1: 7.0}, {}, [], segments, 7.0, True)


def test_stages_add_up_to_the_latency() -> None:
    """Tests that waiting, steps and image are the mean latency, and each is what the segments say."""
    found = figures(records(), CLUSTER)
    assert found["to first step"] == pytest.approx((1.0 + 1.0) / 2)
    assert found["first to last step"] == pytest.approx((4.0 + 2.0) / 2)
    assert found["last step to image"] == pytest.approx((1.0 + 3.0) / 2)
    stages = ("to first step", "first to last step", "last step to image")
    assert sum(found[name] for name in stages) == pytest.approx(found["latency mean"])


def test_steps_by_resolution_and_degree() -> None:
    """Tests that a step's time is a segment's over its steps, small resolutions first."""
    found = {name: value for name, value in figures(records(), CLUSTER).items() if name.startswith("step ")}
    assert found == {"step 64x64 on 1": 1.0, "step 64x64 on 2": 0.5, "step 128x128 on 1": 1.0}
    assert list(found) == ["step 64x64 on 1", "step 64x64 on 2", "step 128x128 on 1"]


def test_end_to_end() -> None:
    """Tests that the share on time and the changes of groups are those of the run's summary."""
    found = figures(records(), CLUSTER)
    assert (found["SAR"], found["regroups"], found["segments"]) == (0.5, 1.0, 3.0)


@pytest.mark.parametrize(
    ("name", "real", "simulated", "verdict"),
    [
        ("SAR", 0.9, 0.93, True),
        ("SAR", 0.9, 0.94, False),
        ("latency p50", 2.0, 2.1, True),
        ("latency p95", 2.0, 2.11, False),
        ("regroups", 1.0, 9.0, None),
    ],
)
def test_tolerance(name: str, real: float, simulated: float, verdict: bool | None) -> None:
    """Tests that SAR may differ by 0.03 and latencies by 5 %, and that nothing is said of other figures."""
    assert faithful(name, real, simulated) is verdict


def test_units() -> None:
    """Tests that every figure has the unit it is shown in."""
    names = ["SAR", "latency p50", "step 64x64 on 1", "decision", "regroups", "to first step"]
    assert [unit(name) for name in names] == ["share", "s", "ms", "ms", "", "s"]
