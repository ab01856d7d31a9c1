"""The worker for stages on a virtual clock."""

from __future__ import annotations

import numpy as np
import pytest

from executor.loop import Service, serve
from executor.records import Records
from executor.simulated import Physics, SimulatedEngine
from executor.stage_worker import StageWorker
from planner.cluster import Cluster
from planner.request import Request
from planner.round import Cadence
from planner.solvers.priority import Edf
from profiles import Profile, Shape, StageEntry, StepEntry

SHAPE = Shape(64, 64)
DATE = "2026-01-01"


def test_texts_go_first_then_the_most_urgent() -> None:
    """Tests that texts go before images, each kind by deadline with late ones last, one at a time."""
    worker = StageWorker()
    for request, deadline in ((1, 50.0), (2, 1.5), (3, 40.0)):
        worker.put("decode", request, 2.0, deadline)
        worker.put("encode", 10 + request, 1.0, deadline)
    done, now = [], 0.0
    while (begun := worker.proceed(now)) is not None:
        assert worker.proceed(now) is None
        now = begun.end
        done.append((worker.finish().request, now))
    assert done == [(12, 1.0), (13, 2.0), (11, 3.0), (3, 5.0), (1, 7.0), (2, 9.0)]


def test_text_waits_for_an_image() -> None:
    """Tests that a request that arrives while an image is made waits for its text until the image is there."""
    step = StepEntry(SHAPE, 1, 1, "local", 1.0, 0.0, "measured", "test", DATE)
    stages = (
        StageEntry(SHAPE, "encode", 0.5, "measured", "test", DATE),
        StageEntry(SHAPE, "decode", 4.0, "measured", "test", DATE),
    )
    profile = Profile("test", "test", "test", ("cpu",), 1, (step,), stages)
    cluster = Cluster.flat(1, "cpu")
    requests = (Request(0, SHAPE, 1, 0.0, 100.0), Request(1, SHAPE, 1, 2.0, 100.0))
    service = Service(cluster, profile, Edf(), Cadence("events", 1.0), stages=True)
    delivered = {}
    for turns in (False, True):
        physics = Physics(noise=0.0, stages=True, turns=turns)
        engine = SimulatedEngine(cluster, profile, requests, physics, np.random.default_rng(0))
        records = serve(service, engine, Records(requests))
        delivered[turns] = dict(records.delivered)
    assert delivered[False] == pytest.approx({0: 5.5, 1: 9.5})
    assert delivered[True] == pytest.approx({0: 5.5, 1: 5.5 + 0.5 + 1.0 + 4.0})
