from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from executor.arrivals import Incoming
from executor.engine import Milestone
from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import PlannerLatency, Service
from executor.simulated import SimulatedEngine
from executor.watch import Calls
from planner.check import PlanError
from planner.cluster import Cluster, Group
from planner.plan import Assignment, Certificate, Plan
from planner.request import Request
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.fixed import Fixed
from planner.solvers.priority import Edf
from planner.solvers.protocol import Solver
from profiles.profile import Profile
from tests.replay import replay
from tests.strategies import EVENTS, LARGE, MEDIUM, ROUNDS, SHAPES, SMALL, TOY, profile_of, request

C1, C4 = Cluster.nvlink(1), Cluster.nvlink(4)
EXACT = Physics(noise=0.0)


@dataclass
class Scripted:
    """A solver that plans as it is told to, and remembers the rounds that it saw."""

    decide: Callable[[Round], list[Assignment]]
    preemptive: bool = True
    name: str = "scripted"
    seen: list[Round] = field(default_factory=list)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan."""
        self.seen.append(round_)
        return Plan(tuple(self.decide(round_)), Certificate(self.name))


def all_on_one(round_: Round) -> list[Assignment]:
    """Every job on a GPU of its own, to its end, where it is or where there is room."""
    free = {group.mask: group for group in round_.cluster.groups(1)}
    plan = []
    for job in sorted(round_.jobs, key=lambda job: (not job.running, job.id)):
        group = free.pop(job.group.mask) if job.group and job.group.mask in free else None
        group = group or (free.pop(next(iter(free))) if free else None)
        if group:
            plan.append(Assignment((job.id,), group, job.steps_left))
    return plan


def run(
    solver: Solver,
    *requests: Request,
    cluster: Cluster = C4,
    cadence: Cadence = EVENTS,
    profile: Profile = TOY,
    physics: Physics = EXACT,
    **service: object,
) -> Records:
    """Serve requests, and replay what happened."""
    engine = SimulatedEngine(cluster, profile, requests, physics, np.random.default_rng(0))
    service.setdefault("stages", physics.stages)
    records = serve(Service(cluster, profile, solver, cadence, **service), engine, Records(requests))  # type: ignore[arg-type]
    replay(
        records,
        cluster,
        profile,
        physics.regroup_seconds,
        physics.stages,
        drops=service.get("late") == "drop",
        exact=physics == EXACT,
    )
    return records


def test_no_requests() -> None:
    """Tests that a run without requests is complete at once."""
    records = run(Edf())
    assert records.complete
    assert records.ended == 0.0
    assert not records.decisions


def test_events_plan_when_something_happens() -> None:
    """Tests decisions at arrivals and completions, none at the end of the run, and what each of them saw."""
    solver = Scripted(all_on_one)
    records = run(solver, request(0, MEDIUM, 10, 0.1), request(1, SMALL, 5, 0.3), request(2, MEDIUM, 10, 0.3))
    assert [round(d.at, 9) for d in records.decisions] == [0.1, 0.3, 0.4, 0.9]
    assert [[j.id for j in r.jobs] for r in solver.seen] == [[0], [0, 1, 2], [0, 2], [2]]
    assert [(d.jobs, d.running, d.assigned, d.gpus) for d in records.decisions[:3]] == [
        (1, 0, 1, 1),
        (3, 1, 3, 3),
        (2, 2, 2, 2),
    ]
    middle = solver.seen[1].jobs[0]
    assert (middle.steps_left, round(middle.ready, 9), middle.running) == (7, 0.34, True)
    assert records.delivered == pytest.approx({1: 0.4, 0: 0.9, 2: 1.1})
    assert records.ended == pytest.approx(1.1)


def test_rounds_plan_at_boundaries_only() -> None:
    """Tests that with fixed rounds an arrival waits for the next boundary, and empty rounds are skipped."""
    records = run(
        Scripted(all_on_one),
        request(0, SMALL, 5, 0.1),
        request(1, SMALL, 5, 0.8),
        request(2, SMALL, 5, 5.0, 9.0),
        cadence=ROUNDS,
    )
    assert [round(d.at, 9) for d in records.decisions] == [0.4, 0.8, 5.2]
    assert [round(s.start, 9) for s in records.segments] == [0.4, 0.8, 5.2]


def test_boundaries_do_not_drift() -> None:
    """Tests that the boundary after a thousand rounds is a thousand times tau."""
    tau = 0.1
    records = run(Scripted(all_on_one), request(0, MEDIUM, 3000, 0.0, 999.0), cadence=Cadence("rounds", tau))
    assert len(records.decisions) == pytest.approx(240 / tau, abs=1)
    for index, decision in enumerate(records.decisions):
        assert decision.at == pytest.approx(index * tau, abs=1e-9)


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS])
def test_a_kept_group_runs_in_one_segment(cadence: Cadence) -> None:
    """Tests that planning again does not cut what goes on as before."""
    records = run(Scripted(all_on_one), *(request(i, MEDIUM, 20, 0.13 * i) for i in range(4)), cadence=cadence)
    assert len(records.segments) == 4


def test_drop_gives_up_what_is_hopeless() -> None:
    """Tests fates under 'drop': hopeless at arrival, hopeless while waiting, and on time."""
    requests = (
        request(0, MEDIUM, 10, 0.0, 1.0),
        request(1, MEDIUM, 10, 0.1, 0.2),
        request(2, MEDIUM, 10, 0.1, 1.2),
    )
    records = run(Scripted(all_on_one), *requests, cluster=C1, late="drop")
    assert [records.fate(r) for r in requests] == ["on_time", "dropped", "dropped"]
    assert records.dropped[1] == 0.1
    assert records.dropped[2] == pytest.approx(0.8)


def test_best_effort_serves_what_is_late() -> None:
    """Tests that under 'best_effort' the same requests are all delivered, late."""
    requests = (request(0, MEDIUM, 10, 0.0, 1.0), request(1, MEDIUM, 10, 0.1, 0.2))
    records = run(Scripted(all_on_one), *requests, cluster=C1)
    assert [records.fate(r) for r in requests] == ["on_time", "late"]
    assert records.delivered[1] == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("latency", "start"),
    [(PlannerLatency(), 0.1), (PlannerLatency("fixed", 0.05), 0.15), (PlannerLatency("fixed", 0.0), 0.1)],
)
def test_planner_latency_delays_the_plan(latency: PlannerLatency, start: float) -> None:
    """Tests that a plan comes into force later by the planner's own latency."""
    records = run(Scripted(all_on_one), request(0, MEDIUM, 10, 0.1), latency=latency)
    assert records.segments[0].start == pytest.approx(start)
    assert records.decisions[0].at == 0.1


def test_measured_latency_is_the_solver_s_own() -> None:
    """Tests that a solver that thinks for 20 ms starts its job at least that much later."""

    def slowly(round_: Round) -> list[Assignment]:
        time.sleep(0.02)
        return all_on_one(round_)

    records = run(Scripted(slowly), request(0, MEDIUM, 10, 0.1), latency=PlannerLatency("measured"))
    assert records.segments[0].start == pytest.approx(0.1 + records.decisions[0].total_seconds)
    assert records.decisions[0].total_seconds >= 0.02


def test_what_happens_during_planning_is_planned_next() -> None:
    """Tests that an arrival while a plan is in the making waits for the next plan, right after it."""
    requests = (request(0, MEDIUM, 10, 0.1), request(1, MEDIUM, 10, 0.12))
    records = run(Scripted(all_on_one), *requests, latency=PlannerLatency("fixed", 0.05))
    assert [round(d.at, 9) for d in records.decisions[:2]] == [0.1, 0.15]
    assert {s.jobs: round(s.start, 9) for s in records.segments} == {(0,): 0.15, (1,): 0.2}


@pytest.mark.parametrize(
    ("rule", "assignment"),
    [
        ("legal group", Assignment((0,), Group((1, 2), "nvlink"), 1)),
        ("steps in range", Assignment((0,), C4.groups(1)[0], 11)),
        ("known job", Assignment((5,), C4.groups(1)[0], 1)),
    ],
)
def test_an_illegal_plan_stops_the_run(rule: str, assignment: Assignment) -> None:
    """Tests that nothing reaches an engine unchecked: the run ends with an error that names the rule."""
    with pytest.raises(PlanError, match=rule):
        run(Scripted(lambda round_: [assignment]), request(0, MEDIUM, 10))


def test_run_to_completion_solvers_are_asked_only_when_it_matters() -> None:
    """Tests that a solver that never preempts is not asked while every GPU is taken."""
    records = run(Fixed(4), *(request(i, MEDIUM, 10, 0.01 * i) for i in range(5)))
    assert len(records.decisions) == 5
    assert [s.jobs for s in records.segments] == [(i,) for i in range(5)]


def test_dropped_steps_do_not_hide_waiting_requests() -> None:
    """Tests that a request that arrives while a dropped one ends its step is served, though nothing else happens."""
    requests = (
        request(0, LARGE, 10, 0.0, 2.0),
        request(1, LARGE, 10, 0.3, 0.4),
        request(2, SMALL, 10, 0.31, 9.0),
    )
    records = run(Fixed(1), *requests, late="drop")
    assert [records.fate(r) for r in requests] == ["dropped", "dropped", "on_time"]


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS])
def test_a_few_steps_at_a_time(cadence: Cadence) -> None:
    """Tests that a solver that never preempts, but plans two steps at a time, is asked again after them."""

    def two_steps(round_: Round) -> list[Assignment]:
        return [Assignment(a.jobs, a.group, min(2, a.steps)) for a in all_on_one(round_)]

    records = run(Scripted(two_steps, preemptive=False), *(request(i, SMALL, 5) for i in range(3)), cadence=cadence)
    assert records.complete


def test_the_planner_knows_where_latents_are() -> None:
    """Tests that under rounds, whose segments end before the boundary, jobs still come with their GPUs."""
    solver = Scripted(lambda round_: GreedyDp().assignments(round_))
    run(solver, request(0, LARGE, 10, 0.0, 5.0), request(1, MEDIUM, 20, 0.0, 5.0), cadence=ROUNDS)
    begun = [job for round_ in solver.seen for job in round_.jobs if job.steps_left < job.request.steps]
    assert len(begun) > 2
    assert all(job.group is not None for job in begun)


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS])
@pytest.mark.parametrize("solver", [Fixed(8), Scripted(lambda round_: [])])
def test_a_run_in_which_nothing_moves_ends(solver: Solver, cadence: Cadence) -> None:
    """Tests that requests that are never started end the run as unfinished, rather than never."""
    records = run(solver, request(0), request(1, arrival=3.0), cadence=cadence)
    assert not records.complete
    assert records.fate(request(0)) == "unfinished"


def test_interrupting_leaves_what_is_done() -> None:
    """Tests that after Ctrl-C the records hold the finished part: two of four requests, and their segments."""
    requests = tuple(request(i, MEDIUM, 10, 0.0) for i in range(4))
    records = Records(requests)

    def interrupt(seen: Records) -> None:
        assert seen is records
        if len(seen.delivered) == 2:
            raise KeyboardInterrupt

    engine = SimulatedEngine(C4, TOY, requests, EXACT, np.random.default_rng(0))
    with pytest.raises(KeyboardInterrupt):
        serve(Service(C4, TOY, Fixed(4), EVENTS), engine, records, watch=Calls(interrupt))
    assert [records.fate(r) for r in requests] == ["on_time", "on_time", "unfinished", "unfinished"]
    assert not records.complete
    assert [s.jobs for s in records.segments] == [(0,), (1,)]


class Failing(SimulatedEngine):
    """An engine that cannot serve some requests, and says so once their first segment ends."""

    bad: tuple[int, ...] = ()

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """Tell of failures in the place of what happened to those requests."""
        now, progress = super().advance(until)
        told = []
        for item in progress:
            if item.request in self.bad:
                self.drop(item.request)
                item = Milestone("failed", item.request, item.at, reason=f"request {item.request}: no")
            told.append(item)
        return now, told


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS])
def test_a_request_that_fails_leaves_and_others_go_on(cadence: Cadence) -> None:
    """Tests that a request that an engine cannot serve is dropped with its reason, and the run ends complete."""
    requests = tuple(request(i, SMALL, steps=4, arrival=0.1 * i, deadline=60.0) for i in range(4))
    engine = Failing(C1, TOY, requests, EXACT, np.random.default_rng(0))
    engine.bad = (1, 3)
    records = serve(Service(C1, TOY, Scripted(all_on_one), cadence), engine, Records(requests))
    assert records.complete
    assert set(records.delivered) == {0, 2}
    assert records.failed == {1: "request 1: no", 3: "request 3: no"}
    assert set(records.dropped) == {1, 3}
    assert [records.fate(each) for each in requests] == ["on_time", "dropped", "on_time", "dropped"]


def test_callbacks_see_every_round() -> None:
    """Tests that rounds and plans are handed out as they are made."""
    requests = (request(0, MEDIUM, 10), request(1, MEDIUM, 10, 0.1))
    pairs: list[tuple[Round, Plan]] = []
    engine = SimulatedEngine(C4, TOY, requests, EXACT, np.random.default_rng(0))
    records = serve(
        Service(C4, TOY, Edf(), EVENTS),
        engine,
        Records(requests),
        watch=Calls(on_round=lambda round_, plan: pairs.append((round_, plan))),
    )
    assert [round_.now for round_, _ in pairs] == [d.at for d in records.decisions]
    assert [len(plan.assignments) for _, plan in pairs] == [d.assigned for d in records.decisions]


def test_stages_and_deadlines() -> None:
    """Tests that an image is on time when it is decoded in time: one decoder makes the second one late."""
    profile = profile_of(stages=dict.fromkeys(SHAPES, (0.05, 0.1)))
    requests = (request(0, SMALL, 10, 0.0, 0.36), request(1, SMALL, 10, 0.0, 0.36))
    records = run(Scripted(all_on_one), *requests, profile=profile, physics=Physics(noise=0.0, stages=True))
    assert records.delivered == pytest.approx({0: 0.35, 1: 0.45})
    assert [records.fate(r) for r in requests] == ["on_time", "late"]


def test_the_planner_may_believe_another_profile() -> None:
    """Tests a planner that thinks steps are twice as fast as they are: the run follows the true times."""
    requests = (request(0, MEDIUM, 10, 0.0, 0.5), request(1, SMALL, 5, 0.2, 3.0))
    engine = SimulatedEngine(C4, TOY, requests, EXACT, np.random.default_rng(0))
    records = serve(Service(C4, TOY.scaled(0.5), Edf(), EVENTS), engine, Records(requests))
    replay(records, C4, TOY, EXACT.regroup_seconds)
    assert records.complete


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PlannerLatency("instant"), r"^kind is 'instant'"),  # type: ignore[arg-type]
        (lambda: PlannerLatency("fixed", -1.0), r"^seconds is -1\.0"),
        (lambda: PlannerLatency("fixed", math.nan), r"^seconds is nan"),
        (lambda: Service(C4, TOY, Edf(), EVENTS, late="never"), r"^late is 'never'"),  # type: ignore[arg-type]
        (lambda: Service(C4, TOY, Edf(), EVENTS, budget=0.0), r"^budget is 0\.0"),
        (lambda: Service(C4, TOY, Edf(), EVENTS, budget=math.nan), r"^budget is nan"),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], object], message: str) -> None:
    """Tests that an impossible setting is refused with its field and value."""
    with pytest.raises(ValueError, match=message):
        make()


@dataclass
class Flood:
    """A source in which something always waits, until so many have come; it keeps how many had been planned for by then."""

    solver: Scripted
    left: int = 20
    planned: list[int] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the flood is over."""
        return not self.left

    @property
    def next(self) -> float:
        """Now."""
        return 0.0 if self.left else math.inf

    def take(self, now: float) -> list[Incoming]:
        """Return one."""
        if not self.left:
            return []
        self.planned.append(len(self.solver.seen[-1].jobs) if self.solver.seen else 0)
        self.left -= 1
        return [Request(self.left, SMALL, 1, 0.0, 1000.0)]


def test_a_flood_does_not_put_plans_off() -> None:
    """Tests that plans are made while requests come without a pause, and know all but the last two of them."""
    solver = Scripted(all_on_one)
    engine = SimulatedEngine(C4, TOY, (), EXACT, np.random.default_rng(0))
    flood = Flood(solver)
    records = serve(Service(C4, TOY, solver, EVENTS), engine, Records([]), flood)
    assert flood.planned[2:] == list(range(2, 20))
    assert len(records.delivered) == 20


class Interrupted(SimulatedEngine):
    """An engine that is interrupted when it is about to tell of an image."""

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """See `Engine.advance`."""
        now, progress = super().advance(until)
        if any(item.kind == "delivered" for item in progress):
            os.kill(os.getpid(), signal.SIGINT)
        return now, progress


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let ctrl-C interrupt, also where whoever started the tests lets them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_loses_nothing_that_is_done() -> None:
    """Tests that a run that is interrupted while an image is told of has that image in its records."""
    requests = (request(0, steps=1), request(1, steps=5))
    engine = Interrupted(C4, TOY, requests, EXACT, np.random.default_rng(0))
    records = Records(requests)
    with pytest.raises(KeyboardInterrupt):
        serve(Service(C4, TOY, Scripted(all_on_one), EVENTS, stages=EXACT.stages), engine, records)
    assert set(records.delivered) == {0} and not records.complete
