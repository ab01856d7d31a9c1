"""Figures for Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path

from executor.engine import Segment
from executor.records import Decision
from experiments.serve.gauges import Gauges
from experiments.serve.planning import Arrived, Decided, Left
from planner.promise import Answer
from planner.request import Request
from profiles import Shape

REQUEST = Request(0, Shape(256, 256), 4, 0.0, 2.0)
DECISION = Decision(0.0, 1, 0, 1, 8, "edf", "optimal", 1.0, 1.0, True, "", 0.0, 0.0, 0.001)
DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana" / "tetriplan.json"


def taken() -> Gauges:
    """Gauges that have seen one of everything."""
    gauges = Gauges(8, lambda: 3)
    gauges.take(
        [
            Arrived(REQUEST, Answer(True)),
            Arrived(Request(1, Shape(256, 256), 4, 0.0, 2.0), Answer(False, 9.0, True, "late")),
            Decided(DECISION, {0: 8}),
            Segment((0,), (0, 1), 0.0, 1.5, 4),
            Left(REQUEST, "on_time", 1.5, True),
            Left(Request(2, Shape(512, 512), 4, 0.0, 1.0), "late", 2.5, True),
            Left(Request(3, Shape(512, 512), 4, 0.0, 1.0), "cancelled", 2.5, True),
        ]
    )
    return gauges


def test_everything_is_counted() -> None:
    """Tests fates, promises, attainment without cancelled ones, lateness, GPU-seconds."""
    text = taken().text().decode()
    for line in (
        'tetriplan_requests_total{fate="on_time",shape="256x256"} 1.0',
        'tetriplan_requests_total{fate="refused",shape="256x256"} 1.0',
        'tetriplan_promises_total{answer="refused"} 1.0',
        'tetriplan_promises_ended_total{kept="true"} 1.0',
        'tetriplan_promises_ended_total{kept="false"} 1.0',
        "tetriplan_slo_attainment 0.5",
        'tetriplan_lateness_seconds_bucket{le="0.0"} 1.0',
        "tetriplan_lateness_seconds_count 2.0",
        "tetriplan_gpu_seconds_total 3.0",
        "tetriplan_gpus_busy 8.0",
        "tetriplan_requests_in_system 3.0",
        "tetriplan_decision_fallback_total 1.0",
        'tetriplan_degree_sum{shape="256x256"} 2.0',
    ):
        assert line in text, line


def test_the_dashboard_asks_for_what_there_is() -> None:
    """Tests that every metric of the Grafana dashboard is one of the server's."""
    known = set(re.findall(r"^(tetriplan_\w+)", taken().text().decode(), re.MULTILINE))
    asked = re.findall(
        r"tetriplan_\w+", json.dumps([p["targets"] for p in json.loads(DASHBOARD.read_text())["panels"]])
    )
    assert len(set(asked)) > 12 and set(asked) <= known
