"""Decoding on a GPU of the group that did the last step, on a virtual clock."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from executor.arrivals import Cancel
from executor.engine import Milestone, Staged
from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from executor.tracker import Tracker
from planner.capacity import available_mask
from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.plan import Assignment
from planner.request import Request
from planner.round import Round
from planner.solvers.fixed import Fixed
from planner.solvers.priority import Edf
from tests.strategies import EVENTS, MEDIUM, ROUNDS, SMALL, job, profile_of, request

C4 = Cluster.nvlink(4)
LEFT, RIGHT = C4.groups(2)
ALL = C4.groups(4)[0]
STAGED = profile_of(stages={SMALL: (0.1, 0.6), MEDIUM: (0.1, 1.0)}, name="staged")
PHYSICS = Physics(noise=0.0, regroup_seconds=0.0, stages=True, decode="group")


def engine(*requests: Request, physics: Physics = PHYSICS) -> SimulatedEngine:
    """Make an engine that has taken in all requests, and encoded all texts."""
    made = SimulatedEngine(C4, STAGED, requests, physics, np.random.default_rng(0))
    for each in requests:
        made.submit(each)
    for _ in requests:
        made.advance(math.inf)
    return made


def test_the_leader_decodes_and_the_others_are_free() -> None:
    """Tests who has which GPU when: the image is made on the first one, and a segment that needs it waits."""
    e = engine(request(0, MEDIUM), request(1, SMALL), request(2, SMALL))
    at = e.now
    e.carry_out([Assignment((0,), LEFT, 10)])
    assert e.advance(math.inf) == (pytest.approx(at + 0.5), [Milestone("finished", 0, at + 0.5, 10)])
    assert e.occupied() == {0: pytest.approx(at + 1.5)}
    assert e.observe() == []
    first, second = C4.groups(1)[:2]
    e.carry_out([Assignment((1,), first, 10), Assignment((2,), second, 10)])
    assert [running.jobs for running in e.observe()] == [(2,)]
    while e.advance(math.inf)[0] != math.inf:
        pass
    starts = {segment.jobs[0]: segment.start for segment in e.segments}
    assert starts[1] == pytest.approx(at + 1.5) and starts[2] == pytest.approx(at + 0.5)
    assert next(staged for staged in e.staged if (staged.stage, staged.request) == ("decode", 0)) == Staged(
        "decode", 0, -1, at + 0.5, at + 1.5, 0, at + 1.5
    )


def test_what_happens_when_the_image_is_there() -> None:
    """Tests that its GPU is reported as free, and the image as delivered."""
    e = engine(request(0, MEDIUM))
    e.carry_out([Assignment((0,), ALL, 10)])
    e.advance(math.inf)
    at, progress = e.advance(math.inf)
    assert progress == [Milestone("freed", 0, at), Milestone("delivered", 0, at)]
    assert e.occupied() == {}


def test_a_gpu_is_free_while_the_file_is_written() -> None:
    """Tests that a segment begins when the image of another is made, before that is there, and that both are reported."""
    written = profile_of(stages={SMALL: (0.1, 0.6), MEDIUM: (0.1, 1.0, 0.4)}, name="written")
    requests = (request(0, MEDIUM), request(1, SMALL))
    e = SimulatedEngine(C4, written, requests, PHYSICS, np.random.default_rng(0))
    for each in requests:
        e.submit(each)
        e.advance(math.inf)
    at = e.now
    e.carry_out([Assignment((0,), LEFT, 10), Assignment((1,), LEFT, 10)])
    assert e.advance(math.inf)[1] == [Milestone("finished", 0, at + 0.5, 10)]
    assert e.occupied() == {0: pytest.approx(at + 1.1)}
    now, progress = e.advance(math.inf)
    assert now == pytest.approx(at + 1.1) and [item.kind for item in progress] == ["freed"]
    assert e.occupied() == {} and [running.jobs for running in e.observe()] == [(1,)]
    kinds = []
    while (step := e.advance(math.inf))[0] != math.inf:
        kinds += [(item.kind, item.request, round(item.at - at, 6)) for item in step[1]]
    assert kinds[:2] == [("finished", 1, 1.28), ("delivered", 0, 1.5)]


def test_a_successor_waits_for_the_image() -> None:
    """Tests that a segment that was to begin when another ended begins when the image of that is made."""
    e = engine(request(0, MEDIUM), request(1, SMALL))
    at = e.now
    e.carry_out([Assignment((0,), LEFT, 10), Assignment((1,), LEFT, 10)])
    while e.advance(math.inf)[0] != math.inf:
        pass
    assert e.segments[1].start == pytest.approx(at + 1.5)
    assert e.segments[1].end == pytest.approx(at + 1.5 + 10 * 0.018)


def test_members_share_the_images_of_a_batch() -> None:
    """Tests that each member makes one, and that a group of one makes them one after the other."""
    for group, gpus in ((LEFT, [0, 1]), (C4.groups(1)[2], [2, 2])):
        e = engine(request(0, SMALL), request(1, SMALL))
        e.carry_out([Assignment((0, 1), group, 10)])
        while e.advance(math.inf)[0] != math.inf:
            pass
        images = [staged for staged in e.staged if staged.stage == "decode"]
        assert [staged.gpu for staged in images] == gpus
        apart = images[1].start - images[0].start
        assert apart == pytest.approx(0.0 if len(set(gpus)) == 2 else 0.6)


def test_a_job_says_what_its_image_takes() -> None:
    """Tests that the planner sees the seconds of a GPU, and which GPUs decode; with workers for stages neither."""
    for decode, seconds in (("group", 1.0), ("workers", 0.0)):
        tracker = Tracker(C4, STAGED, EVENTS, True, decode=decode)  # type: ignore[arg-type]
        tracker.admit(request(0, MEDIUM, deadline=5.0), 0.0)
        assert tracker.round(0.0, ()).jobs[0].decode == seconds
        assert tracker.round(0.0, ()).jobs[0].due == 4.0
    round_ = tracker.round(0.5, (), occupied={2: 1.5})
    assert round_.decoding == (2,) and round_.free_at[2] == 1.5
    assert available_mask(round_) == 0b1011
    one = Round(0.5, (job(left=3),), C4, STAGED, (0.0,) * 4, EVENTS, decoding=(2,))
    saved = replace(one, jobs=(replace(one.jobs[0], decode=0.6),))
    again = Round.from_dict(saved.to_dict())
    assert again.decoding == (2,) and again.jobs == saved.jobs
    with pytest.raises(ParameterError, match="decode is -1"):
        replace(one.jobs[0], decode=-1.0)


def test_rounds_refuse_gpus_that_are_not_there() -> None:
    """Tests the words for a GPU that decodes twice, or that the cluster lacks."""
    for decoding in ((4,), (1, 1), [1]):
        with pytest.raises(ParameterError, match="a tuple of GPUs from 0 to 3 is needed"):
            Round(0.0, (), C4, STAGED, (0.0,) * 4, EVENTS, decoding=decoding)  # type: ignore[arg-type]


class _TakenBack:
    """A request, and that nobody wants it at a time."""

    def __init__(self, request: Request, at: float) -> None:
        self._events: list[tuple[float, Request | Cancel]] = [(request.arrival, request), (at, Cancel(request.id))]

    @property
    def next(self) -> float:
        """When the next event comes."""
        return self._events[0][0] if self._events else math.inf

    @property
    def ended(self) -> bool:
        """Whether there are no more."""
        return not self._events

    def take(self, now: float) -> list[Request | Cancel]:
        """Return what has come by now."""
        return [self._events.pop(0)[1] for _ in range(sum(at <= now for at, _ in self._events))]


def test_a_request_that_is_taken_back_while_its_image_is_made() -> None:
    """Tests that the image is made all the same, and that its GPU is then free."""
    one = request(0, MEDIUM, deadline=9.0)
    e = SimulatedEngine(C4, STAGED, (one,), PHYSICS, np.random.default_rng(0))
    service = Service(C4, STAGED, Edf(), EVENTS, stages=True, decode="group")
    records = serve(service, e, Records([]), _TakenBack(one, 0.9))
    assert list(records.delivered) == [0] and not records.cancelled and e.occupied() == {}


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS], ids=["events", "rounds"])
@pytest.mark.parametrize("solver", [Edf(), Fixed(2)], ids=["edf", "fixed"])
def test_whoever_plans_goes_on_beside_images(solver: Edf | Fixed, cadence: object) -> None:
    """Tests that everybody is served, with GPUs that make images passed by meanwhile."""
    requests = tuple(request(i, (SMALL, MEDIUM)[i % 2], arrival=0.1 * i, deadline=60.0) for i in range(12))
    e = SimulatedEngine(C4, STAGED, requests, PHYSICS, np.random.default_rng(0))
    service = Service(C4, STAGED, solver, cadence, stages=True, decode="group")  # type: ignore[arg-type]
    records = serve(service, e, Records(requests))
    assert len(records.delivered) == 12
    assert {staged.gpu >= 0 for staged in records.staged if staged.stage == "decode"} == {True}
