from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.engine import Milestone, Segment
from executor.physics import Physics
from executor.simulated import SimulatedEngine
from planner.cluster import Cluster, Group
from planner.plan import Assignment
from planner.request import Request
from profiles.profile import Profile
from tests.strategies import LARGE, MEDIUM, SMALL, TOY, profile_of, request, step

C4 = Cluster.nvlink(4)
LEFT, RIGHT = C4.groups(2)
INF = float("inf")
EXACT = Physics(noise=0.0)


def engine(*requests: Request, physics: Physics = EXACT, profile: Profile = TOY, seed: int = 0) -> SimulatedEngine:
    """Make an engine on 4 GPUs that took in all requests at time 0."""
    made = SimulatedEngine(C4, profile, requests, physics, np.random.default_rng(seed))
    for each in requests:
        made.submit(each)
    return made


def on(group: Group, steps: int, *jobs: int) -> Assignment:
    """Assign jobs, the first one unless said otherwise."""
    return Assignment(jobs or (0,), group, steps)


def drain(engine: SimulatedEngine) -> list[Milestone]:
    """Everything that still happens."""
    seen: list[Milestone] = []
    while True:
        at, progress = engine.advance(INF)
        if not progress:
            return seen
        assert all(item.at == at for item in progress)
        seen += progress


def stretches(engine: SimulatedEngine) -> list[tuple[tuple[int, ...], tuple[int, ...], float, float, int]]:
    """Segments with rounded times."""
    return [(s.jobs, s.gpus, round(s.start, 9), round(s.end, 9), s.steps) for s in engine.segments]


def test_steps_take_what_the_profile_says() -> None:
    """Tests one segment from start to end: 10 steps of 0.05 s on two GPUs."""
    e = engine(request(0, MEDIUM, 10))
    e.carry_out([on(LEFT, 10)])
    assert drain(e) == [Milestone("finished", 0, 0.5, 10), Milestone("delivered", 0, 0.5)]
    assert e.segments == [Segment((0,), (0, 1), 0.0, 0.5, 10)]


def test_preemption_waits_for_the_step_boundary_and_pays_for_the_move() -> None:
    """Tests a move at 0.12 s: the third step ends at 0.15, the move takes 1 ms, 7 steps of 0.08 s follow."""
    e = engine(request(0, MEDIUM, 10))
    e.carry_out([on(LEFT, 10)])
    assert e.advance(0.12) == (0.12, [])
    (seen,) = e.observe()
    assert (seen.jobs, seen.group, seen.begun, round(seen.boundary, 9)) == ((0,), LEFT, 3, 0.15)
    e.carry_out([on(C4.groups(1)[3], 7)])
    first, last, _ = drain(e)
    assert (first.kind, first.steps, first.planned, first.group) == ("yielded", 3, True, LEFT)
    assert (last.kind, last.steps) == ("finished", 7)
    assert stretches(e) == [((0,), (0, 1), 0.0, 0.15, 3), ((0,), (3,), 0.151, 0.711, 7)]


@pytest.mark.parametrize(("first", "more", "total"), [(10, 7, 10), (3, 7, 10), (10, 2, 5), (4, 99, 10)])
def test_the_same_group_goes_on_without_a_gap(first: int, more: int, total: int) -> None:
    """Tests that a job whose group stays runs on in one segment, lengthened or shortened from the next boundary."""
    e = engine(request(0, MEDIUM, 10))
    e.carry_out([on(LEFT, first)])
    e.advance(0.12)
    e.carry_out([on(LEFT, more)])
    assert drain(e)[0].steps == total
    assert stretches(e) == [((0,), (0, 1), 0.0, round(0.05 * total, 9), total)]


@pytest.mark.parametrize(("at", "steps"), [(0.12, 3), (0.15, 3), (0.1500001, 4), (0.01, 1)])
def test_what_a_plan_does_not_name_stops(at: float, steps: int) -> None:
    """Tests that an unnamed job stops at its next boundary; a plan at the boundary itself stops it there."""
    e = engine(request(0, MEDIUM, 10))
    e.carry_out([on(LEFT, 10)])
    e.advance(at)
    e.carry_out([])
    assert [(p.kind, p.steps, p.planned) for p in drain(e)] == [("yielded", steps, False)]
    assert stretches(e) == [((0,), (0, 1), 0.0, round(0.05 * steps, 9), steps)]


def test_nothing_happens_in_no_time() -> None:
    """Tests that a segment that is taken back at the moment of its start leaves no trace."""
    e = engine(request(0, MEDIUM, 10), request(1, MEDIUM, 4))
    e.carry_out([on(LEFT, 10)])
    e.carry_out([on(LEFT, 4, 1)])
    assert {p.request for p in drain(e)} == {1}
    assert stretches(e) == [((1,), (0, 1), 0.0, 0.2, 4)]


def test_a_new_job_starts_when_its_gpus_yield() -> None:
    """Tests that a first segment on taken GPUs starts at their boundary, and pays nothing for a move."""
    e = engine(request(0, MEDIUM, 10), request(1, SMALL, 2))
    e.carry_out([on(LEFT, 10)])
    e.advance(0.12)
    e.carry_out([on(C4.groups(4)[0], 2, 1)])
    drain(e)
    assert stretches(e) == [((0,), (0, 1), 0.0, 0.15, 3), ((1,), (0, 1, 2, 3), 0.15, 0.188, 2)]


def test_swapping_groups() -> None:
    """Tests two jobs that trade places: both wait for the later boundary, 0.36 s, and pay for the move."""
    e = engine(request(0, MEDIUM, 10), request(1, LARGE, 3))
    e.carry_out([on(LEFT, 10, 0), on(RIGHT, 3, 1)])
    e.advance(0.12)
    e.carry_out([on(RIGHT, 7, 0), on(LEFT, 2, 1)])
    drain(e)
    assert stretches(e) == [
        ((0,), (0, 1), 0.0, 0.15, 3),
        ((1,), (2, 3), 0.0, 0.36, 1),
        ((0,), (2, 3), 0.361, 0.711, 7),
        ((1,), (0, 1), 0.361, 1.081, 2),
    ]


def test_coming_back_to_the_same_gpus_is_no_move() -> None:
    """Tests that a job that paused resumes on its own GPUs for free, and on others for the cost of a move."""
    for group, start in ((LEFT, 0.3), (RIGHT, 0.5)):
        e = engine(request(0, MEDIUM, 10), physics=Physics(noise=0.0, regroup_seconds=0.2))
        e.carry_out([on(LEFT, 3)])
        e.advance(0.2)
        e.advance(0.3)
        e.carry_out([on(group, 7)])
        drain(e)
        assert stretches(e)[1][2] == start


def test_a_newer_plan_replaces_one_that_still_waits() -> None:
    """Tests that a segment that has not begun is forgotten when the plan changes before its GPUs are free."""
    e = engine(request(0, LARGE, 10), request(1, SMALL, 2), request(2, SMALL, 2))
    e.carry_out([on(LEFT, 10)])
    e.advance(0.1)
    e.carry_out([on(LEFT, 2, 1)])
    e.advance(0.2)
    e.carry_out([on(LEFT, 9, 0), on(RIGHT, 2, 2)])
    assert {p.request for p in drain(e)} == {0, 2}
    assert [s[0] for s in stretches(e)] == [(2,), (0,)]


def test_dropping_lets_the_step_end() -> None:
    """Tests that a dropped request runs its step to the end, says nothing more, and frees its GPUs then."""
    e = engine(request(0, MEDIUM, 10), request(1, SMALL, 2))
    e.carry_out([on(LEFT, 10)])
    e.advance(0.12)
    e.drop(0)
    e.carry_out([on(LEFT, 2, 1)])
    assert {p.request for p in drain(e)} == {1}
    assert stretches(e) == [((0,), (0, 1), 0.0, 0.15, 3), ((1,), (0, 1), 0.15, 0.186, 2)]


def test_a_dropped_request_never_begins_what_it_waited_for() -> None:
    """Tests that a segment that waits for its GPUs is gone with its request, also when no newer plan says so yet."""
    e = engine(request(0, MEDIUM, 4), request(1, SMALL, 2))
    e.carry_out([on(LEFT, 4)])
    e.carry_out([on(LEFT, 4), on(LEFT, 2, 1)])
    e.drop(1)
    assert {p.request for p in drain(e)} == {0}
    assert [s[0] for s in stretches(e)] == [(0,)]


def test_assignments_of_gone_requests_are_skipped() -> None:
    """Tests a plan that comes into force after its job has finished, because planning took time."""
    e = engine(request(0, SMALL, 2))
    e.carry_out([on(LEFT, 2)])
    drain(e)
    e.carry_out([on(RIGHT, 2)])
    assert drain(e) == []
    assert len(e.segments) == 1


def test_batches() -> None:
    """Tests that a batch takes its own time, ends with its shortest request, and the other yields."""
    e = engine(request(0, SMALL, 10), request(1, SMALL, 4))
    e.carry_out([on(LEFT, 4, 0, 1)])
    seconds = TOY.step_time(SMALL, 2, "nvlink", 2)
    e.advance(2.5 * seconds)
    e.carry_out([on(LEFT, 4, 0, 1)])
    assert [(p.kind, p.request, p.steps) for p in drain(e)] == [
        ("yielded", 0, 4),
        ("finished", 1, 4),
        ("delivered", 1, 0),
    ]
    assert stretches(e) == [((0, 1), (0, 1), 0.0, round(4 * seconds, 9), 4)]


STAGED = profile_of(stages={SMALL: (0.05, 0.1)})


def test_encoding_delays_readiness() -> None:
    """Tests that a request is ready once its text is encoded, and at once where stages do not count."""
    r = request(0, SMALL, 2)
    e = SimulatedEngine(C4, STAGED, (r,), Physics(noise=0.0, stages=True), np.random.default_rng(0))
    assert not e.submit(r)
    assert drain(e) == [Milestone("ready", 0, 0.05)]
    e = SimulatedEngine(C4, STAGED, (r,), Physics(noise=0.0), np.random.default_rng(0))
    assert e.submit(r)
    assert drain(e) == []


def test_one_image_is_decoded_at_a_time() -> None:
    """Tests the queue of the one worker for stages: both end at 0.2 s, the second image waits for the first."""
    e = engine(request(0, SMALL, 10), request(1, SMALL, 10), physics=Physics(noise=0.0, stages=True), profile=STAGED)
    assert [e.advance(INF)[1][0].kind for _ in range(2)] == ["ready", "ready"]
    start = e.now
    e.carry_out([on(C4.groups(1)[0], 10, 0), on(C4.groups(1)[1], 10, 1)])
    done = drain(e)
    assert [(p.kind, p.request, round(p.at - start, 9)) for p in done] == [
        ("finished", 0, 0.2),
        ("finished", 1, 0.2),
        ("delivered", 0, 0.3),
        ("delivered", 1, 0.4),
    ]


@pytest.mark.parametrize("gone", [0, 1])
def test_dropping_lets_an_image_be_made(gone: int) -> None:
    """Tests that a request whose image is being made, or waits for it, says nothing more once dropped; the other's comes."""
    e = engine(request(0, SMALL, 10), request(1, SMALL, 10), physics=Physics(noise=0.0, stages=True), profile=STAGED)
    assert [e.advance(INF)[1][0].kind for _ in range(2)] == ["ready", "ready"]
    e.carry_out([on(C4.groups(1)[0], 10, 0), on(C4.groups(1)[1], 10, 1)])
    assert {(p.kind, p.request) for p in e.advance(INF)[1]} == {("finished", 0), ("finished", 1)}
    e.drop(gone)
    assert [(p.kind, p.request) for p in drain(e)] == [("delivered", 1 - gone)]
    assert sum(staged.stage == "decode" for staged in e.staged) == 2


def noisy(group: Group, cv: float = 0.2, interrupt: Sequence[float] = ()) -> float:
    """Seconds that 50 steps take on a group, re-planned at some moments."""
    e = engine(request(0, MEDIUM, 50), physics=Physics(noise_cv=cv, regroup_seconds=0.0), seed=3)
    e.carry_out([on(group, 50)])
    for at in interrupt:
        e.advance(at)
        e.carry_out([])
        e.advance(INF)
        e.carry_out([on(group, 50)])
    return drain(e)[-1].at


def test_noise_is_common_to_all_policies() -> None:
    """Tests that a request's noise does not depend on degree or interruptions, so that policies are compared fairly."""
    assert noisy(LEFT) != pytest.approx(2.5, abs=1e-3)
    assert noisy(LEFT) / noisy(C4.groups(1)[2]) == pytest.approx(0.05 / 0.08)


def test_noise_has_the_profile_s_spread() -> None:
    """Tests the spread of single steps over 4,000 requests against the profile's, twice over."""
    profile = Profile("noisy", "Toy", "card", (), 1, (step(SMALL, 1, "", 1.0, spread=0.05),))
    requests = tuple(request(i, SMALL, 1, deadline=9.0) for i in range(4000))
    e = SimulatedEngine(C4, profile, requests, Physics(noise=2.0), np.random.default_rng(0))
    seconds = []
    for r in requests:
        e.submit(r)
        e.carry_out([on(C4.groups(1)[0], 1, r.id)])
        began = e.now
        drain_at, _ = e.advance(INF)
        seconds.append(drain_at - began)
    assert np.mean(seconds) == pytest.approx(1.0, abs=0.006)
    assert np.std(seconds) == pytest.approx(0.1, rel=0.05)
    assert min(seconds) > 0


@given(plans=st.lists(st.tuples(st.integers(1, 30), st.floats(0.0, 0.3)), min_size=1, max_size=8))
def test_an_end_that_moves_to_and_fro_comes_once(plans: list[tuple[int, float]]) -> None:
    """Tests that a segment whose steps change with every plan ends once, with the steps of the last plan in force."""
    simulated = engine(request(0, LARGE, steps=200))
    progress: list[Milestone] = []
    wanted = 0
    for steps, wait in [*plans, (plans[-1][0], INF)]:
        running = simulated.observe()
        wanted = steps + (running[0].begun if running else 0)
        simulated.carry_out([on(C4.group_of((0,)), steps)])
        _, progress = simulated.advance(simulated.now + wait)
        if progress:
            break
    assert [(item.kind, item.steps) for item in progress] == [("yielded", wanted)]
    assert [segment.steps for segment in simulated.segments] == [wanted]
    assert simulated.next_event == INF
