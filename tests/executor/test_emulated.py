"""The emulated engine on a clock that the test turns."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest

from executor.arrivals import Cancel, Live
from executor.emulated import EmulatedEngine
from executor.engine import Milestone
from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from executor.watch import Watch
from planner.cluster import Cluster
from planner.plan import Assignment
from planner.promise import Answer, ProtectionLevels
from planner.request import Request
from planner.solvers.priority import Edf
from tests.patience import PATIENCE
from tests.strategies import EVENTS, MEDIUM, SMALL, TOY, request

C4 = Cluster.nvlink(4)


class Time:
    """A clock, and a bell at which waiting passes the time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.rings = False

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass, unless somebody has rung."""
        if not self.rings:
            self.now += timeout or 0.0
        return self.rings

    def set(self) -> None:
        """Ring."""
        self.rings = True

    def clear(self) -> None:
        """Be silent."""
        self.rings = False


def engine(clock: Time, speed: float = 1.0) -> EmulatedEngine:
    """An engine of four GPUs without noise."""
    simulated = SimulatedEngine(C4, TOY, (), Physics(noise=0.0), np.random.default_rng(0))
    return EmulatedEngine(simulated, speed, clock, clock)


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_steps_take_their_time(speed: float) -> None:
    """Tests that ten steps of 0.05 s end half a second of the cluster later, and that the clock went on accordingly."""
    clock = Time()
    made = engine(clock, speed)
    made.submit(request(0, MEDIUM, 10))
    made.carry_out([Assignment((0,), C4.group_of((0, 1)), 10)])
    now, progress = made.advance(60.0)
    assert progress == [Milestone("finished", 0, pytest.approx(0.5), 10), Milestone("delivered", 0, pytest.approx(0.5))]
    assert now == pytest.approx(0.5, abs=1e-4) and clock.now == pytest.approx(100.0 + 0.5 / speed, abs=1e-4)


def test_waits_no_longer_than_it_is_told() -> None:
    """Tests that nothing before `until` passes until `until`, and nothing at all is infinity."""
    clock = Time()
    made = engine(clock)
    assert made.advance(2.0) == (2.0, [])
    assert clock.now == 102.0
    assert made.advance(float("inf")) == (float("inf"), [])


def test_a_ring_ends_the_wait() -> None:
    """Tests that waking returns before anything has happened."""
    clock = Time()
    made = engine(clock)
    made.wake()
    assert made.advance(2.0) == (0.0, [])
    assert made.advance(2.0) == (2.0, [])


def test_a_plan_that_took_long_meets_what_happened_meanwhile() -> None:
    """Tests that a plan made for a request that finished while it was made starts nothing of it, and reports the end."""
    clock = Time()
    made = engine(clock)
    made.submit(request(0, MEDIUM, 10))
    made.carry_out([Assignment((0,), C4.group_of((0, 1)), 10)])
    clock.now += 0.7
    made.carry_out([Assignment((0,), C4.group_of((2, 3)), 4)])
    _, progress = made.advance(9.0)
    assert [item.kind for item in progress] == ["finished", "delivered"]
    assert made.observe() == []


def test_live_events_are_taken_in_parts() -> None:
    """Tests that no event is lost or told twice, that few are taken at a time, and that time goes on with the newest."""
    source = Live(lambda: None)
    assert source.next == math.inf
    for number in range(100):
        assert source.put(Request(number, SMALL, 1, float(number % 70), 1000.0))
    source.put(Cancel(3))
    assert source.next == 69.0
    parts = []
    while source.next < math.inf:
        parts.append(source.take(0.0))
    assert [len(part) for part in parts] == [32, 32, 32, 5] and source.take(0.0) == []
    events = [event for part in parts for event in part]
    assert [event.id for event in events if isinstance(event, Request)] == list(range(100))
    assert events[-1] == Cancel(3)


def test_an_impossible_speed_is_refused() -> None:
    """Tests that the field and the value are named."""
    with pytest.raises(ValueError, match=r"^speed is 0\.0; a positive number"):
        engine(Time(), 0.0)


class Told(Watch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.answers: dict[int, Answer | None] = {}
        self.fates: dict[int, str] = {}

    def arrived(self, request: Request, answer: Answer | None) -> None:
        """Keep the answer."""
        self.answers[request.id] = answer

    def left(self, request: int, fate: str, at: float, why: str) -> None:
        """Keep the fate."""
        self.fates[request] = fate


def live(told: Told, **service: object) -> tuple[EmulatedEngine, Live, threading.Thread, Records]:
    """Serve live requests in a thread, a hundred times as fast as the clock."""
    simulated = SimulatedEngine(C4, TOY, (), Physics(noise=0.0), np.random.default_rng(0))
    made = EmulatedEngine(simulated, 100.0)
    source, records = Live(made.wake), Records([])
    how = Service(C4, TOY, Edf(), EVENTS, **service)  # type: ignore[arg-type]
    thread = threading.Thread(target=serve, args=(how, made, records, source, told))
    thread.start()
    return made, source, thread, records


def until(condition: object) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.005)
    assert condition()  # type: ignore[operator]


def test_live_requests_are_served_and_cancelled() -> None:
    """Tests requests that come while the loop waits, one that is taken back, and a closed source that takes no more."""
    told = Told()
    made, source, thread, records = live(told)
    now = made.clock()
    assert source.put(Request(0, MEDIUM, 10, now, now + 1000.0))
    until(lambda: told.fates.get(0) == "on_time")
    now = made.clock()
    assert source.put(Request(1, MEDIUM, 10_000, now, now + 10_000.0))
    until(lambda: 1 in told.answers)
    source.put(Cancel(1))
    until(lambda: told.fates.get(1) == "cancelled")
    source.close()
    assert not source.put(Request(2, SMALL, 1, 0.0, 1.0))
    thread.join(PATIENCE)
    assert records.complete and set(records.delivered) == {0} and set(records.cancelled) == {1}
    assert [records.fate(r) for r in records.requests] == ["on_time", "cancelled"]


def test_live_requests_are_refused() -> None:
    """Tests that what cannot be on time is sent away, with the earliest finish that could have been promised."""
    told = Told()
    made, source, thread, records = live(told, admission=lambda: ProtectionLevels("refuse"))
    now = made.clock()
    source.put(Request(0, MEDIUM, 100, now, now + 0.01))
    until(lambda: 0 in told.answers)
    source.close()
    thread.join(PATIENCE)
    answer = told.answers[0]
    assert answer is not None and answer.refused and answer.why == "late"
    assert now < answer.finish < now + 600.0
    assert records.fate(records.requests[0]) == "refused" and records.complete
