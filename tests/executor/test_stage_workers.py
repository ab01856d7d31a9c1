"""The workers for stages on a virtual clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from executor.stage_queue import MOST_IN_A_ROW, Need, need
from executor.stage_workers import StageWorkers
from planner.cluster import Cluster
from planner.costs import costs_of
from planner.request import Request
from planner.round import Cadence
from planner.solvers.priority import Edf
from profiles import Profile, Shape, StageEntry, StepEntry
from profiles.entries import Stage

SHAPE = Shape(64, 64)
DATE = "2026-01-01"


def order(*waiting: tuple[int, Stage, float], seconds: float = 1.0, now: float = 0.0) -> list[int]:
    """Requests in the order in which one worker does their stages: id, kind and latest start of each."""
    workers, done = StageWorkers(), []
    for request, stage, start in waiting:
        workers.put(stage, request, Need(start, seconds))
    while begun := workers.proceed(now):
        (staged,) = begun
        assert not workers.proceed(now)
        now = staged.end
        done.append(workers.finish(staged.request).request)
    return done


def test_a_text_goes_before_images_that_can_wait() -> None:
    """Tests that a text goes first if the image is on time after it, and not if the image would be late by it."""
    assert order((1, "decode", 5.0), (2, "encode", 9.0)) == [2, 1]
    assert order((1, "decode", 0.9), (2, "encode", 9.0)) == [1, 2]


def test_by_latest_start_with_late_ones_last() -> None:
    """Tests that of a kind, what must begin first goes first, and what is late goes last."""
    assert order((1, "decode", 50.0), (2, "decode", -1.0), (3, "decode", 40.0)) == [3, 1, 2]
    assert order((1, "encode", 50.0), (2, "encode", -1.0), (3, "decode", 40.0)) == [1, 3, 2]


def test_only_so_many_texts_in_a_row() -> None:
    """Tests that an image goes before the fifth text that waits with it."""
    texts: list[tuple[int, Stage, float]] = [(i, "encode", 99.0) for i in range(10)]
    assert order((99, "decode", 50.0), *texts).index(99) == MOST_IN_A_ROW


def test_a_text_that_nobody_wants_takes_no_time() -> None:
    """Tests that a dropped request's text is not encoded if it still waits, and that its image is made."""
    workers = StageWorkers()
    for request, stage in ((1, "encode"), (2, "encode"), (3, "decode")):
        workers.put(stage, request, Need(50.0 + request, 1.0))  # type: ignore[arg-type]
    assert [staged.request for staged in workers.proceed(0.0)] == [1]
    for request in (1, 2, 3):
        workers.forget(request)
    workers.finish(1)
    assert [staged.request for staged in workers.proceed(1.0)] == [3]


def test_a_text_must_begin_earlier_than_an_image() -> None:
    """Tests that what is still to come counts: a text's own time, its fastest steps, and the image after it."""
    steps = tuple(
        StepEntry(SHAPE, d, 1, "local" if d == 1 else "cpu", 1.0 / d, 0.0, "measured", "test", DATE) for d in (1, 2)
    )
    stages = (
        StageEntry(SHAPE, "encode", 0.5, "measured", "test", DATE),
        StageEntry(SHAPE, "decode", 4.0, "measured", "test", DATE),
    )
    costs = costs_of(Profile("test", "test", "test", ("cpu",), 1, steps, stages), Cluster.flat(2, "cpu"))
    request = Request(0, SHAPE, 10, 0.0, 20.0)
    assert need("decode", request, costs) == pytest.approx((20.0 - 4.0, 4.0, 0.0))
    assert need("encode", request, costs) == pytest.approx((20.0 - 4.0 - 10 * 0.5 - 0.5, 0.5, 0.0))
    assert need("encode", Request(1, Shape(96, 96), 10, 0.0, 20.0), costs) == (20.0, 0.0, 0.0)
    written = replace(costs.profile, stages=(*stages, StageEntry(SHAPE, "write", 1.0, "measured", "test", DATE)))
    assert need("decode", request, costs_of(written, Cluster.flat(2, "cpu"))) == pytest.approx((16.0, 4.0, 1.0))


def test_a_worker_goes_on_while_a_file_is_written() -> None:
    """Tests that the next image begins when one is made, and that each is there when its file is."""
    step = StepEntry(SHAPE, 1, 1, "local", 0.1, 0.0, "measured", "test", DATE)
    stages = tuple(
        StageEntry(SHAPE, stage, seconds, "measured", "test", DATE)
        for stage, seconds in (("decode", 2.0), ("write", 0.5))
    )
    profile = Profile("test", "test", "test", ("cpu",), 1, (step,), stages)
    cluster = Cluster.flat(2, "cpu")
    requests = tuple(Request(i, SHAPE, 1, 0.0, 60.0) for i in range(3))
    service = Service(cluster, profile, Edf(), Cadence("events", 1.0), stages=True)
    engine = SimulatedEngine(cluster, profile, requests, Physics(noise=0.0, stages=True), np.random.default_rng(0))
    records = serve(service, engine, Records(requests))
    images = [staged for staged in records.staged if staged.stage == "decode"]
    assert [image.start for image in images] == pytest.approx([0.1, 1.6, 3.1])
    assert [image.freed for image in images] == pytest.approx([1.6, 3.1, 4.6])
    assert sorted(records.delivered.values()) == pytest.approx([2.1, 3.6, 5.1])


def test_a_flood_of_texts_lets_images_pass() -> None:
    """Tests that an image comes after every four texts although texts arrive faster than they can be encoded."""
    step = StepEntry(SHAPE, 1, 1, "local", 0.1, 0.0, "measured", "test", DATE)
    stages = tuple(StageEntry(SHAPE, stage, 0.5, "measured", "test", DATE) for stage in ("encode", "decode"))
    profile = Profile("test", "test", "test", ("cpu",), 1, (step,), stages)
    cluster = Cluster.flat(2, "cpu")
    requests = tuple(Request(i, SHAPE, 1, 0.1 * i, 0.1 * i + 60.0) for i in range(200))
    service = Service(cluster, profile, Edf(), Cadence("events", 1.0), stages=True)
    engine = SimulatedEngine(cluster, profile, requests, Physics(noise=0.0, stages=True), np.random.default_rng(0))
    records = serve(service, engine, Records(requests))
    assert sum(at < 20.0 for at in records.delivered.values()) == 7


def test_several_workers_share_a_queue() -> None:
    """Tests that each of two workers takes the most urgent of what waits, and the first free one goes first."""
    workers = StageWorkers(2)
    for request, seconds in ((1, 3.0), (2, 1.0), (3, 1.0)):
        workers.put("encode", request, Need(10.0 * request, seconds))
    assert [(s.request, s.worker, s.end) for s in workers.proceed(0.0)] == [(1, 0, 3.0), (2, 1, 1.0)]
    assert workers.finish(2).worker == 1
    assert [(s.request, s.worker, s.end) for s in workers.proceed(1.0)] == [(3, 1, 2.0)]
    assert not workers.proceed(1.0)


@pytest.mark.parametrize(
    ("workers", "second"), [(1, 5.5 + 0.5 + 1.0 + 4.0), (2, 2.0 + 0.5 + 1.0 + 4.0)], ids=["one", "two"]
)
def test_text_waits_for_an_image(workers: int, second: float) -> None:
    """Tests that a text that comes while the only worker makes an image waits for it, and that a second worker takes it."""
    step = StepEntry(SHAPE, 1, 1, "local", 1.0, 0.0, "measured", "test", DATE)
    stages = (
        StageEntry(SHAPE, "encode", 0.5, "measured", "test", DATE),
        StageEntry(SHAPE, "decode", 4.0, "measured", "test", DATE),
    )
    profile = Profile("test", "test", "test", ("cpu",), 1, (step,), stages)
    cluster = Cluster.flat(1, "cpu")
    requests = (Request(0, SHAPE, 1, 0.0, 100.0), Request(1, SHAPE, 1, 2.0, 100.0))
    service = Service(cluster, profile, Edf(), Cadence("events", 1.0), stages=True)
    physics = Physics(noise=0.0, stages=True, stage_workers=workers)
    records = serve(
        service, SimulatedEngine(cluster, profile, requests, physics, np.random.default_rng(0)), Records(requests)
    )
    assert records.delivered == pytest.approx({0: 5.5, 1: second})
    stages_of_first = [(s.stage, s.start, s.end) for s in records.staged if s.request == 0]
    assert stages_of_first == [("encode", 0.0, 0.5), ("decode", 1.5, 5.5)]
