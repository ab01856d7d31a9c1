from __future__ import annotations

from executor.engine import Milestone, Running
from executor.tracker import Tracker
from planner.cluster import Cluster
from tests.strategies import EVENTS, LARGE, MEDIUM, TOY, profile_of, request

C4 = Cluster.nvlink(4)
PAIR = C4.groups(2)[1]


def tracker() -> Tracker:
    """Make a tracker with two requests of ten steps admitted at 1.0 and 1.5."""
    made = Tracker(C4, TOY, EVENTS)
    made.admit(request(0, MEDIUM, 10, 0.5, 4.0), 1.0)
    made.admit(request(1, LARGE, 10, 0.5, 9.0), 1.5)
    return made


def test_waiting_jobs() -> None:
    """Tests a round of jobs that have not begun: ready since they were admitted, on no GPUs."""
    round_ = tracker().round(2.0, [])
    assert [(j.id, j.steps_left, j.ready, j.due, j.group, j.running) for j in round_.jobs] == [
        (0, 10, 1.0, 4.0, None, False),
        (1, 10, 1.5, 9.0, None, False),
    ]
    assert (round_.now, round_.cluster, round_.profile, round_.cadence) == (2.0, C4, TOY, EVENTS)
    assert max(round_.free_at) <= 2.0


def test_a_running_job_in_the_middle_of_a_step() -> None:
    """Tests that a step in progress counts as done, and job and GPUs are ready at its end."""
    round_ = tracker().round(2.0, [Running((1,), PAIR, 3, 2.1)])
    job = round_.jobs[1]
    assert (job.steps_left, job.ready, job.group, job.running) == (7, 2.1, PAIR, True)
    assert [free > 2.0 for free in round_.free_at] == [False, False, True, True]
    assert round_.free_at[2:] == (2.1, 2.1)


def test_observing_changes_nothing() -> None:
    """Tests that steps seen in progress are not subtracted twice, once the segment reports them."""
    made = tracker()
    for _ in range(3):
        assert made.round(2.0, [Running((1,), PAIR, 3, 2.1)]).jobs[1].steps_left == 7
    assert max(made.round(2.0, []).free_at) <= 2.0
    made.update(Milestone("yielded", 1, 2.1, 3, group=PAIR))
    assert made.round(2.1, []).jobs[1].steps_left == 7


def test_the_last_step_leaves_nothing_to_decide() -> None:
    """Tests that a job in its last step is in no round, but keeps its GPUs until the step ends."""
    made = tracker()
    round_ = made.round(2.0, [Running((1,), PAIR, 10, 2.1)])
    assert [j.id for j in round_.jobs] == [0]
    assert round_.free_at[2:] == (2.1, 2.1)
    assert len(made) == 2
    assert 1 in made
    made.update(Milestone("finished", 1, 2.1, 10))
    assert len(made) == 1
    assert 1 not in made


def test_a_yielded_job_keeps_its_group() -> None:
    """Tests that a job remembers its GPUs also when its whole segment fell between two rounds."""
    made = tracker()
    made.update(Milestone("yielded", 0, 1.8, 4, group=PAIR))
    job = made.round(2.0, []).jobs[0]
    assert (job.steps_left, job.ready, job.group, job.running) == (6, 1.8, PAIR, False)


def test_batches() -> None:
    """Tests that all jobs of a batch are seen on its group, each with its own steps left."""
    made = tracker()
    made.admit(request(2, LARGE, 4, 0.5, 9.0), 1.6)
    round_ = made.round(2.0, [Running((1, 2), PAIR, 3, 2.1)])
    assert [(j.id, j.steps_left, j.group) for j in round_.jobs] == [(0, 10, None), (1, 7, PAIR), (2, 1, PAIR)]


def test_forgotten_requests_stay_forgotten() -> None:
    """Tests that a dropped request is in no round, even while its step still runs and when it reports."""
    made = tracker()
    made.forget(1)
    round_ = made.round(2.0, [Running((1,), PAIR, 3, 2.1)])
    assert [j.id for j in round_.jobs] == [0]
    assert round_.free_at[2:] == (2.1, 2.1)
    made.update(Milestone("yielded", 1, 2.1, 3, group=PAIR))
    assert 1 not in made


def test_decoding_makes_jobs_due_earlier() -> None:
    """Tests that with stages the last step is due a decode before the deadline."""
    profile = profile_of(stages={MEDIUM: (0.1, 0.25)})
    made = Tracker(C4, profile, EVENTS, stages=True)
    made.admit(request(0, MEDIUM, 10, 0.5, 4.0), 1.0)
    assert made.round(1.0, []).jobs[0].due == 3.75


def test_hopeless() -> None:
    """Tests that jobs past hope are named: 10 steps of 0.025 s on up to 4 GPUs at 0.03 s are due in 0.3 s."""
    made = tracker()
    assert made.hopeless(made.round(3.7, [])) == []
    assert made.hopeless(made.round(3.701, [])) == [0]
    assert made.hopeless(made.round(8.5, [])) == [0, 1]


def test_moves_count_from_two_milliseconds_on() -> None:
    """Tests that rounds say what a move costs, unless steps vary by more."""
    for seconds, counted in ((0.001, 0.0), (0.002, 0.002), (0.1, 0.1)):
        made = Tracker(C4, TOY, EVENTS, regroup_seconds=seconds)
        assert made.round(0.0, []).regroup_seconds == counted


def test_rounds_say_what_was_asked_for() -> None:
    """Tests that requests count with the GPU-seconds with which they could be on time, on all GPUs of the cluster."""
    made = Tracker(C4, TOY, EVENTS)
    assert made.round(0.0, []).demand == 0.0
    made.admit(request(0, MEDIUM, 10, 0.0, 1.0), 0.0)
    first = made.round(0.0, []).demand
    made.admit(request(1, MEDIUM, 10, 0.0, 1.0), 0.0)
    assert made.round(0.0, []).demand == 2 * first > 0.0
    assert made.round(5.0, []).demand < 2 * first
