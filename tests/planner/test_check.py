from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.check import PlanError, check_plan
from planner.cluster import Cluster, Group
from planner.plan import Assignment, Certificate, Plan
from planner.round import Round
from planner.solvers.dp import GreedyDp
from planner.solvers.fixed import Fixed
from tests.strategies import EVENTS, GAPPY, LARGE, MEDIUM, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)
JOBS = (job(0, SMALL, 10), job(1, SMALL, 4), job(2, LARGE, 10))


def plan(*assignments: Assignment) -> Plan:
    """Make a plan by hand."""
    return Plan(assignments, Certificate("hand"))


def unchecked(jobs: tuple[int, ...], group: Group, steps: int) -> Assignment:
    """Make an assignment around the checks that it makes of itself: the check of a plan relies on none of them."""
    made = object.__new__(Assignment)
    for name, value in (("jobs", jobs), ("group", group), ("steps", steps)):
        object.__setattr__(made, name, value)
    return made


def of(jobs: tuple[int, ...], degree: int, index: int = 0, steps: int = 2) -> Assignment:
    """Assign to the index-th group of a degree."""
    return unchecked(jobs, C8.groups(degree)[index], steps)


def test_legal_plans_pass() -> None:
    """Tests that a full plan, a batch of two and an empty plan are legal."""
    check_plan(round_of(JOBS, C8), plan(of((0,), 1), of((1,), 1, 1, 4), of((2,), 4, 1, 10)))
    check_plan(round_of(JOBS, C8), plan(of((0, 1), 2, 0, 4)))
    check_plan(round_of(JOBS, C8), plan())


@pytest.mark.parametrize(
    ("rule", "assignments"),
    [
        ("job once", [of((0,), 1), of((0,), 1, 1)]),
        ("job once", [of((0, 0), 1)]),
        ("GPU once", [of((0,), 2), of((1,), 1, 1)]),
        ("GPU once", [of((0,), 8), of((2,), 8)]),
        ("known job", [of((9,), 1)]),
        ("known job", [of((), 1)]),
        ("steps in range", [of((0,), 1, steps=0)]),
        ("steps in range", [of((0,), 1, steps=-1)]),
        ("steps in range", [of((0,), 1, steps=11)]),
        ("steps in range", [of((0, 1), 1, steps=5)]),
        ("steps in range", [of((0,), 1, steps=2.0)]),  # type: ignore[arg-type]
        ("legal group", [Assignment((0,), Group((1, 2), "nvlink"), 2)]),
        ("legal group", [Assignment((0,), Group((0, 1), "pcie"), 2)]),
        ("legal group", [Assignment((0,), Group((8,), "local"), 2)]),
        ("legal group", [Assignment((0,), Group((), "local"), 2)]),
        ("legal group", [Assignment((0,), Group((0, 0), "nvlink"), 2)]),
        ("identical batch", [of((0, 2), 1)]),
        ("known step time", [of((0, 1, 3), 1)]),
    ],
)
def test_every_rule_is_named(rule: str, assignments: list[Assignment]) -> None:
    """Tests that a plan that breaks one rule is refused with that rule's name and the assignment."""
    round_ = round_of((*JOBS, job(3, SMALL, 10)), C8)
    with pytest.raises(PlanError, match=f"rule '{rule}'.*jobs \\("):
        check_plan(round_, plan(*assignments))


def test_a_degree_without_a_time_is_refused() -> None:
    """Tests that a group at whose degree the profile has no time for the shape is refused."""
    with pytest.raises(PlanError, match=r"'known step time'.*256x256 at degree 4"):
        check_plan(round_of(JOBS, C8, GAPPY), plan(of((0,), 4)))


def duplicate_job(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Run a job a second time on GPUs that nobody uses."""
    used = sum(a.group.mask for a in plan_)
    free = [group for group in round_.cluster.all_groups if not group.mask & used]
    return [*plan_, Assignment(pick.jobs, free[0], 1)] if free else None


def overlap(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Start a job that waits on GPUs that another has."""
    busy = {id_ for a in plan_ for id_ in a.jobs}
    others = [j.id for j in round_.jobs if j.id not in busy]
    groups = [group for group in round_.cluster.all_groups if group.mask & pick.group.mask]
    return [*plan_, Assignment((others[0],), groups[-1], 1)] if others else None


def same_gpus(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Move a second job onto the GPUs of the first."""
    if len(plan_) < 2:
        return None
    other = next(a for a in plan_ if a is not pick)
    return [a if a is not other else replace(other, group=pick.group) for a in plan_]


def no_steps(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Run a job for nothing."""
    return [unchecked(a.jobs, a.group, 0) if a is pick else a for a in plan_]


def too_many_steps(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Run one step more than the job has left."""
    left = {j.id: j.steps_left for j in round_.jobs}
    return [replace(a, steps=min(left[id_] for id_ in a.jobs) + 1) if a is pick else a for a in plan_]


def unknown_job(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Run a request that is not live."""
    return [replace(a, jobs=(777,)) if a is pick else a for a in plan_]


def nobody(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Run nothing."""
    return [unchecked((), a.group, a.steps) if a is pick else a for a in plan_]


def illegal_gpus(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Use a GPU that the cluster does not have."""
    beyond = Group((*pick.group.gpus[:-1], round_.cluster.gpus), pick.group.link)
    return [replace(a, group=beyond) if a is pick else a for a in plan_]


def wrong_link(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Claim another link class than the group has."""
    return [replace(a, group=Group(pick.group.gpus, "telepathy")) if a is pick else a for a in plan_]


def mixed_batch(round_: Round, plan_: list[Assignment], pick: Assignment) -> list[Assignment] | None:
    """Batch a job with one of another shape, for as many steps as both have left."""
    shapes = {j.id: j for j in round_.jobs}
    busy = {id_ for a in plan_ if a is not pick for id_ in a.jobs}
    others = [j for j in round_.jobs if j.id not in busy and j.request.shape != shapes[pick.jobs[0]].request.shape]
    if not others:
        return None
    return [replace(a, jobs=(*a.jobs, others[0].id), steps=1) if a is pick else a for a in plan_]


MUTATIONS: list[tuple[Callable[..., list[Assignment] | None], str]] = [
    (duplicate_job, "job once"),
    (overlap, "GPU once"),
    (same_gpus, "GPU once"),
    (no_steps, "steps in range"),
    (too_many_steps, "steps in range"),
    (unknown_job, "known job"),
    (nobody, "known job"),
    (illegal_gpus, "legal group"),
    (wrong_link, "legal group"),
    (mixed_batch, "identical batch"),
]


@pytest.mark.parametrize(("mutate", "rule"), MUTATIONS, ids=[m.__name__ for m, _ in MUTATIONS])
@settings(max_examples=25)
@given(round_=rounds(least=2), data=st.data())
def test_every_mutated_plan_is_rejected(
    mutate: Callable[..., list[Assignment] | None], rule: str, round_: Round, data: st.DataObject
) -> None:
    """Tests that a solver's legal plan is rejected, by the right rule, once a single thing is wrong with it."""
    solver = GreedyDp(elastic=False) if round_.cluster.gpus > 1 else Fixed(1)
    legal = solver.solve(round_, 0.01)
    check_plan(round_, legal)
    assume(legal.assignments)
    assignments = list(legal.assignments)
    wrong = mutate(round_, assignments, data.draw(st.sampled_from(assignments)))
    assume(wrong is not None)
    with pytest.raises(PlanError, match=f"rule '{rule}'"):
        check_plan(round_, Plan(tuple(wrong), legal.certificate))


def test_busy_gpus_are_no_offence() -> None:
    """Tests that GPUs in the middle of a step may be planned: the engine starts there when they yield."""
    round_ = round_of([job(0, MEDIUM)], C8, cadence=EVENTS, free_at=(0.5,) * 8)
    check_plan(round_, plan(of((0,), 8)))
