"""The round loop: the same for every engine, solver and cadence.

A source says who arrives, and the engine takes it in; progress comes back to the tracker; at the end of a round, or when
something happens, the tracker makes a round, the solver a plan, the check passes it, and the engine carries it out, later by
the planner's own latency. A request is in the system until its image is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

from executor.arrivals import Cancel, Replay, Source
from executor.engine import Engine, Milestone, Running
from executor.interrupt import interrupts_wait
from executor.records import Decision, Fate, Records
from executor.service import Service
from executor.tracker import Tracker
from executor.watch import Watch
from planner.check import check_plan
from planner.plan import Assignment
from planner.promise import PROMISED
from planner.request import Request
from planner.round import EPSILON, Round

_PATIENCE = 10_000
"""Decisions in a row that may leave the whole cluster idle before the rest of the run is given up as unfinished."""
_LISTEN = 1.0
"""Seconds that a run waits at most before it looks again at a source from which nothing is known to come."""


def serve(
    service: Service, engine: Engine, records: Records, source: Source | None = None, watch: Watch | None = None
) -> Records:
    """Serve requests and fill the records in.

    Parameters
    ----------
    service
        How.
    engine
        Carries the plans out.
    records
        Grows while the run goes on, so that a caller can read it at any moment.
    source
        Where requests come from; by default those of ``records``, each when it arrives. Those that the records do not hold
        are added to them.
    watch
        Is told what happens.

    Returns
    -------
    Records
        The same object, complete.

    Raises
    ------
    KeyboardInterrupt
        When interrupted; what the engine had reported by then is in the records. A second interrupt is raised at once.
    """
    return _Run(service, engine, records, source or Replay(records.requests), watch or Watch()).to_end()


class _Run:
    """The state of one run of the loop."""

    def __init__(self, service: Service, engine: Engine, records: Records, source: Source, watch: Watch) -> None:
        self._service = service
        self._engine = engine
        self._records = records
        self._source = source
        self._admission = service.admission() if service.admission is not None else None
        self._watch = watch
        self._tracker = Tracker(
            service.cluster, service.profile, service.cadence, service.stages, service.regroup_seconds, service.decode
        )
        self._rounds = service.cadence.kind == "rounds"
        self._requests: dict[int, Request] = {}  # those in the system, as the planner sees them
        self._decoding: set[int] = set()
        self._known = {request.id for request in records.requests}
        self._wake = False
        self._boundary = 0.0
        self._pending: tuple[float, Sequence[Assignment]] | None = None
        self._placed: dict[int, int] = {}  # jobs of the plan in force, and the GPUs that each of them brought
        self._foreseen = False  # whether that plan expects what it stops
        self._idle_decisions = 0
        records.segments, records.staged = engine.segments, engine.staged

    def to_end(self) -> Records:
        """Serve until every request has left, or nothing moves any more."""
        with interrupts_wait(self._engine.wake) as rest:
            self._serve(rest)
            records = self._records
            records.ended = max([*records.delivered.values(), *records.dropped.values()], default=0.0)
            records.complete = not self._requests and self._source.ended
        return records

    def _serve(self, rest: Callable[[], None]) -> None:
        engine, source = self._engine, self._source
        now, heard = 0.0, -1.0
        while self._requests or not source.ended:
            if self._idle_decisions > _PATIENCE and source.ended:
                break
            until = min(self._next_decision(now), source.next)
            if until == math.inf and not source.ended:
                until = now + _LISTEN
            now, progress = engine.advance(until if until > now else now)
            if progress:
                self._take_in(progress, now)
            rest()
            events = source.take(now)
            for event in events:
                if isinstance(event, Cancel):
                    self._cancel(event.request, now)
                else:
                    self._arrive(event, now)
            flooded = bool(events) and heard == now  # those who come next must not put off the plan for those who came
            if events:
                heard = now
            if (progress or events) and not flooded:
                continue
            if now == math.inf:
                break
            if self._pending is not None and self._pending[0] <= now:
                engine.carry_out(self._pending[1])
                self._pending = None
            if self._pending is None and self._next_decision(now) <= now:
                self._decide(now)

    def _arrive(self, request: Request, now: float) -> None:
        records = self._records
        if request.id not in self._known:
            assert isinstance(records.requests, list)
            records.requests.append(request)
        answer = None
        if self._admission is not None:
            job = self._tracker.expected(request, now)
            round_ = self._round(now, self._engine.observe(), expected=True)
            answer = self._admission.ask(round_, job, {held for held in self._requests if held in records.promised})
            if answer.promised:
                records.promised.add(request.id)
        if answer is not None and answer.refused:
            records.refused[request.id] = now
            self._watch.arrived(request, answer)
            self._watch.moved_on(records)
            return
        self._watch.arrived(request, answer)
        if answer is not None and answer.promised:
            request = replace(request, weight=PROMISED * request.weight)
        self._requests[request.id] = request
        if self._engine.submit(request):
            self._tracker.admit(request, now)
            self._wake = True
        else:
            self._tracker.expect(request, now)

    def _cancel(self, request: int, now: float) -> None:
        """Take a request out that nobody wants; its image, if it is being made, is made all the same."""
        if request in self._requests and request not in self._decoding:
            self._engine.drop(request)
            self._records.cancelled[request] = now
            self._leave(request, "cancelled", now)
            self._wake = True
            self._watch.moved_on(self._records)

    def _leave(self, request: int, fate: Fate, at: float, why: str = "") -> None:
        self._tracker.forget(request)
        del self._requests[request]
        self._decoding.discard(request)
        self._placed.pop(request, None)
        self._watch.left(request, fate, at, why)

    def _next_decision(self, now: float) -> float:
        """When the next plan is made or comes into force; infinity while nothing calls for one."""
        if self._pending is not None:
            return self._pending[0]
        if not self._rounds:
            return now if self._wake else math.inf
        if not len(self._tracker):
            return math.inf
        if self._boundary < now:
            tau = self._service.cadence.tau
            self._boundary = math.ceil(now / tau - 1e-9) * tau
        return self._boundary

    def _take_in(self, progress: Sequence[Milestone], now: float) -> None:
        gone = False
        for item in progress:
            if item.kind == "freed":
                self._wake = True
                continue
            if item.request not in self._requests:  # of one that has left meanwhile
                continue
            if item.kind == "yielded":
                self._tracker.update(item)
                if not item.planned:
                    stopped = self._placed.pop(item.request, None) is None
                    self._wake = self._wake or bool(item.reason) or not (stopped and self._foreseen and self._placed)
                continue
            if item.kind == "ready":
                self._tracker.admit(self._requests[item.request], now)
                self._wake = True
                continue
            if item.kind == "failed":
                self._records.dropped[item.request] = item.at
                self._records.failed[item.request] = item.reason
                self._leave(item.request, "dropped", item.at, item.reason)
                self._wake = gone = True
                continue
            if item.kind == "delivered":
                self._records.delivered[item.request] = item.at
                on_time = item.at <= self._requests[item.request].deadline + EPSILON
                self._leave(item.request, "on_time" if on_time else "late", item.at)
                gone = True
                continue
            self._tracker.update(item)
            self._decoding.add(item.request)
            self._placed.pop(item.request, None)
            self._wake = True
        if gone:
            self._watch.moved_on(self._records)

    def _decide(self, now: float) -> None:
        service, engine, tracker = self._service, self._engine, self._tracker
        self._wake = False
        if self._rounds:
            tau = service.cadence.tau
            self._boundary = (math.floor(now / tau + 1e-9) + 1) * tau
        solver = service.solver
        if not len(tracker) or (
            not solver.preemptive
            and (
                len(self._placed) == len(tracker)
                or sum(self._placed.values()) + len(engine.occupied()) >= service.cluster.gpus
            )
        ):
            return
        running = engine.observe()
        round_ = self._round(now, running)
        if service.late == "drop" and self._drop_hopeless(round_):
            running = engine.observe()
            round_ = self._round(now, running)
        if not round_.jobs:
            return
        began = perf_counter()
        plan = solver.solve(round_, service.budget)
        elapsed = perf_counter() - began
        check_plan(round_, plan)
        c = plan.certificate
        assigned = gpus = 0
        self._placed = {}
        self._foreseen = plan.foreseen
        for assignment in plan.assignments:
            degree = assignment.group.degree
            assigned += len(assignment.jobs)
            gpus += degree
            for job in assignment.jobs:
                self._placed[job] = degree
                degree = 0
        decision = Decision(
            now, len(round_.jobs), len(running), assigned, gpus, c.solver, c.status, c.value, c.bound, c.fallback, c.note,
            c.build_seconds, c.solve_seconds, elapsed,
        )  # fmt: skip
        self._records.decisions.append(decision)
        self._watch.decided(round_, plan, decision)
        self._idle_decisions = self._idle_decisions + 1 if not (plan.assignments or running or round_.decoding) else 0
        latency = service.latency.of(elapsed)
        if latency > 0:
            self._pending = (now + latency, plan.assignments + plan.then)
        else:
            engine.carry_out(plan.assignments + plan.then)

    def _round(self, now: float, running: Sequence[Running], expected: bool = False) -> Round:
        return self._tracker.round(now, running, expected, self._engine.occupied())

    def _drop_hopeless(self, round_: Round) -> bool:
        hopeless = self._tracker.hopeless(round_)
        for request in hopeless:
            self._engine.drop(request)
            self._records.dropped[request] = round_.now
            self._leave(request, "dropped", round_.now)
        if hopeless:
            self._watch.moved_on(self._records)
        return bool(hopeless)
