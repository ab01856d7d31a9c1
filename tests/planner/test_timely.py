from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.cluster import Cluster
from planner.round import EPSILON, Round
from planner.timely import steps_in_time, timely_and_late
from tests.strategies import EVENTS, LARGE, ROUNDS, job, round_of, rounds

C8 = Cluster.nvlink(8)


@pytest.mark.parametrize(
    ("due", "events", "rounds_"), [(0.9, 4, 4), (1.58, 0, 0), (1.62, 1, 0), (2.25, 2, 0), (3.39, 3, 0), (3.41, 4, 4)]
)
def test_a_step_on_one_gpu(due: float, events: int, rounds_: int) -> None:
    """Tests ten steps of .1 s at the fastest, .7 s on one GPU: as many as the slack pays, all when late or ample."""
    j = job(0, LARGE, 10, due=due)
    assert steps_in_time(round_of([j], C8, cadence=EVENTS), j, 0.7, 4) == events
    assert steps_in_time(round_of([j], C8, cadence=ROUNDS), j, 0.7, 4) == rounds_


@given(rounds(least=1), st.integers(1, 50), st.data())
def test_what_is_begun_can_be_finished_in_time(round_: Round, wanted: int, data: st.DataObject) -> None:
    """Tests that the steps granted leave the job in time, that one more would not, and that late jobs get all."""
    j = data.draw(st.sampled_from(round_.jobs))
    costs = round_.costs.of(j.request.shape)
    seconds = data.draw(st.sampled_from(sorted(costs.by_mask.values())))
    wanted = min(wanted, j.steps_left)
    moving = data.draw(st.sampled_from([0.0, 0.3]))
    granted = steps_in_time(round_, j, seconds, wanted, moving)
    if round_.hopeless(j):
        assert granted == wanted
        return

    def ends(steps: int) -> float:
        return (
            max(j.ready, round_.now)
            + (moving if steps else 0.0)
            + steps * seconds
            + (j.steps_left - steps) * costs.fastest
        )

    assert 0 <= granted <= wanted
    assert ends(granted) <= j.due + 2 * EPSILON
    if granted < wanted:
        assert ends(granted + 1 if round_.cadence.kind == "events" else wanted) > j.due


@given(rounds())
def test_a_job_is_timely_or_late(round_: Round) -> None:
    """Tests that jobs are divided by whether they are hopeless, each list in the order of the round."""
    timely, late = timely_and_late(round_)
    assert timely == [j for j in round_.jobs if not round_.hopeless(j)]
    assert late == [j for j in round_.jobs if round_.hopeless(j)]
