"""What there is of GPU time, beside the program's own rows."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.objectives import OnTime
from planner.programs.lists import list_schedule
from planner.programs.lookahead import Lookahead
from planner.programs.starts import Starts
from planner.programs.supply import Durations, supply_of
from planner.round import Round
from tests.strategies import EVENTS, LARGE, MEDIUM, job, round_of, rounds


@settings(max_examples=120, deadline=None)
@given(rounds(least=1, most=6), st.booleans())
def test_a_schedule_exceeds_what_there_is_as_its_point_breaks_rows(round_: Round, concurrency: bool) -> None:
    """Tests that durations of a list schedule that is in time fit exactly where the program made of arrays says so."""
    model = Lookahead(concurrency=concurrency).model(round_, OnTime(), ())
    assume(model.tasks)
    schedule = list_schedule(model.tasks, round_.now, round_.cluster.gpus)
    assume(not schedule.late(model.tasks))
    supply = supply_of(round_, model.tasks, concurrency)
    everybody = range(len(model.tasks))
    point = Starts(model.intervals, model.tasks, round_.now, round_.cluster.gpus).point(everybody, schedule)
    excess = supply.excess(supply.of(model.tasks, schedule))
    assert excess == pytest.approx(model.intervals.linear.violation(point), abs=1e-7)


def test_gpus_in_the_middle_of_a_step_are_missing() -> None:
    """Tests GPU-seconds and seconds of groups where one GPU is busy for a second, and what durations take beyond them."""
    jobs = [job(0, LARGE, 2, due=2.0), job(1, MEDIUM, 2, due=4.0)]
    round_ = round_of(jobs, cadence=EVENTS, free_at=(1.0, *(0.0,) * 7))
    supply = supply_of(round_, Lookahead().model(round_, OnTime(), ()).tasks, concurrency=True)
    assert supply.gpu_seconds == pytest.approx([15.0, 16.0])
    assert (supply.until(supply.points[1]), supply.until(supply.points[2])) == pytest.approx((15.0, 31.0))
    assert {size: groups[0] for size, groups in supply.groups.items()} == pytest.approx({2: 8.0, 4: 4.0, 8: 2.0})
    assert all(groups[1] is None for groups in supply.groups.values())
    used = Durations()
    supply.add(used, 0, 8, 0.0, 2.0)
    assert supply.excess(used) == pytest.approx(1.0)
    supply.add(used, 1, 1, 1.0, 2.5)
    assert used == pytest.approx({(0, 0, 8): 2.0, (1, 0, 1): 1.0, (1, 1, 1): 0.5})
    assert supply.excess(used) == pytest.approx(2.0)
