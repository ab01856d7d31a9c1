"""What may be promised."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.cluster import Cluster
from planner.job import Job
from planner.promise import Answer, ProtectionLevels, can_add, cannot_add, earliest_finish
from planner.round import Round
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, TOY, request

C4 = Cluster.nvlink(4)
NOISY = replace(TOY, entries=tuple(replace(entry, spread=0.1) for entry in TOY.entries))


def job(number: int, shape: object = MEDIUM, steps: int = 10, due: float = 1.0, now: float = 0.0) -> Job:
    """A job that waits."""
    made = request(number, shape, steps, now, max(due, now + 1e-3))  # type: ignore[arg-type]
    return Job(made, steps, due, now)


def round_of(*jobs: Job, now: float = 0.0) -> Round:
    """The jobs, on four GPUs."""
    return Round(now, jobs, C4, TOY, (now,) * 4, EVENTS)


def fastest(each: Job) -> float:
    """Seconds that a job needs at least."""
    return each.steps_left * round_of(each).costs.of(each.request.shape).fastest


def test_a_job_alone() -> None:
    """Tests the edge of what one job can do on an empty cluster, with the margins that are kept."""
    new = job(0)
    least = fastest(new)
    assert can_add(round_of(), job(0, due=least + 1e-6), ())
    assert not can_add(round_of(), job(0, due=least - 1e-6), ())
    noisy = Round(0.0, (), C4, NOISY, (0.0,) * 4, EVENTS)
    deviation = 0.1 * least / math.sqrt(10)
    assert not can_add(noisy, job(0, due=least + 1.9 * deviation), (), 2.0)
    assert can_add(noisy, job(0, due=least + 2.1 * deviation), (), 2.0)


def test_promises_come_first() -> None:
    """Tests that jobs with a promise leave no room, and that the same jobs without one do."""
    held = [job(number, LARGE, 10, fastest(job(0, LARGE)) * 1.01) for number in range(1)]
    new = job(9, LARGE, 10, fastest(job(0, LARGE)) * 1.5)
    assert not can_add(round_of(*held), new, {0})
    assert can_add(round_of(*held), new, ())


@given(st.lists(st.tuples(st.sampled_from((SMALL, MEDIUM, LARGE)), st.floats(0.1, 8.0)), min_size=1, max_size=8))
def test_what_is_certain_is_never_possible(drawn: list[tuple[object, float]]) -> None:
    """Tests that no job that a schedule has room for is said to be impossible."""
    *held, new = (job(number, shape, 20, due) for number, (shape, due) in enumerate(drawn))
    promised = {each.id for each in held}
    assert not (can_add(round_of(*held), new, promised) and cannot_add(round_of(*held), new, promised))


def test_certain_where_gpu_seconds_do_not_suffice() -> None:
    """Tests both reasons: steps that are too slow, and promises that need what the job would need."""
    least = fastest(job(0, LARGE))
    assert cannot_add(round_of(), job(0, LARGE, due=0.99 * least), ())
    held = [job(number, LARGE, due=1.01 * least) for number in range(2)]
    assert cannot_add(round_of(held[0]), held[1], {0})
    assert not cannot_add(round_of(held[0]), held[1], ())


def test_the_earliest_finish_can_be_promised() -> None:
    """Tests that it comes after what has been promised, that it can be promised, and that nothing much sooner can."""
    held = job(0, LARGE, 10, fastest(job(0, LARGE)) * 1.05)
    new = job(1, LARGE, 10, 1e-3)
    finish = earliest_finish(round_of(held), new, {0})
    assert fastest(new) < finish < 3 * fastest(new)
    assert can_add(round_of(held), job(1, LARGE, 10, finish), {0})
    assert not can_add(round_of(held), job(1, LARGE, 10, 0.5 * finish), {0})
    long = job(0, LARGE, 10_000, fastest(job(0, LARGE, 10_000)) * 1.0001)
    assert earliest_finish(round_of(long), new, {0}) == math.inf


def test_room_is_left_for_what_is_worth_more() -> None:
    """Tests that a large request is promised where few others come, and not where small ones are likely to need its GPUs."""
    quiet, busy = ProtectionLevels(), ProtectionLevels()
    large = job(0, LARGE, 100, 1.2 * fastest(job(0, LARGE, 100)))
    assert quiet.ask(round_of(), large, ()) == Answer(True)
    for number in range(200):
        now = 0.05 * number
        busy.ask(round_of(now=now), job(number, SMALL, 50, now + 2.0, now), ())
    now = 10.0
    again = job(900, LARGE, 100, now + 1.2 * fastest(large), now)
    assert busy.ask(round_of(now=now), again, ()) == Answer(False, why="dear")
    small = job(901, SMALL, 50, now + 2.0, now)
    assert busy.ask(round_of(now=now), small, ()) == Answer(True)


def test_what_can_wait_needs_no_room() -> None:
    """Tests that requests which come before a due time but can run after it are not counted."""
    admission = ProtectionLevels()
    for number in range(200):
        now = 0.05 * number
        admission.ask(round_of(now=now), job(number, SMALL, 50, now + 500.0, now), ())
    large = job(900, LARGE, 100, 10.0 + 1.2 * fastest(job(0, LARGE, 100)), 10.0)
    assert admission.ask(round_of(now=10.0), large, ()) == Answer(True)


def test_nobody_is_sent_away_who_could_be_on_time() -> None:
    """Tests that under ``refuse`` a request without a promise stays as long as it fits beside what has been promised."""
    admission = ProtectionLevels("refuse")
    for number in range(200):
        now = 0.05 * number
        admission.ask(round_of(now=now), job(number, SMALL, 50, now + 2.0, now), ())
    now, least = 10.0, fastest(job(0, LARGE, 100))
    assert not admission.ask(round_of(now=now), job(900, LARGE, 100, now + 1.2 * least, now), ()).refused
    assert admission.ask(round_of(now=now), job(901, LARGE, 100, now + 0.9 * least, now), ()).refused


def test_refusals_say_when() -> None:
    """Tests that one who refuses says when the job could be done."""
    answer = ProtectionLevels("refuse").ask(round_of(), job(0, LARGE, 10, 1e-3), ())
    assert answer.refused and answer.why == "late" and 0 < answer.finish < math.inf


@pytest.mark.parametrize(
    ("field", "value"),
    [("policy", "some"), ("sigmas", -1.0), ("window", math.nan), ("window", -1.0), ("protection", -0.1), ("load", 0.0)],
)
def test_impossible_settings_are_refused(field: str, value: object) -> None:
    """Tests that the field and the value are named."""
    with pytest.raises(ValueError, match=f"^{field} is "):
        ProtectionLevels(**{field: value})  # type: ignore[arg-type]
