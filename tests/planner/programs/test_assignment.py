from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend
from planner.capacity import available_mask
from planner.check import check_plan
from planner.cluster import Cluster
from planner.objectives import (
    Fairness,
    GpuSeconds,
    LeastShare,
    Level,
    Lexicographic,
    Objective,
    OnTime,
    Progress,
    Survivors,
    Tardiness,
    Term,
    Weighted,
)
from planner.outcomes import Floats, Outcomes
from planner.packing import Item, pack
from planner.plan import Certificate, Plan
from planner.programs.assignment import AssignmentModel, AssignmentProgram
from planner.round import Round
from planner.solvers.dp import GreedyDp
from tests.planner.programs.search import exhaustive
from tests.strategies import (
    ALIKE,
    CLUSTERS,
    EVENTS,
    LARGE,
    MEDIUM,
    ROUNDS,
    SMALL,
    TABLE,
    TOY,
    job,
    profile_of,
    round_of,
    rounds,
)

C4, C8 = Cluster.nvlink(4), Cluster.nvlink(8)
MIXED = Weighted((Term(OnTime()), Term(GpuSeconds(), 0.01), Term(Progress(), 0.001)))
OBJECTIVES = [
    Survivors(),
    MIXED,
    Weighted((Term(Tardiness(), 0.5), Term(Fairness(), 3.0), Term(GpuSeconds(), 0.003))),
    Lexicographic((Level(Survivors()), Level(GpuSeconds(), 0.001))),
]
objectives = st.sampled_from(OBJECTIVES)
STRICT = profile_of(TABLE | {SMALL: {1: 0.02, 2: 0.018, 4: 0.0175, 8: 0.017}}, name="strict")
"""More GPUs are always faster, so that both forms have the same options."""
alike = rounds(cluster=st.sampled_from(ALIKE), profile=st.just(STRICT), most=4, moves=False)
SECOND = 1.0


class Moves:
    """Survivors, less a little for every move: an objective that looks at GPUs."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """One for a survivor, minus a tenth for a move."""
        return outcomes.survives - 0.1 * outcomes.moved + 0.01 * (outcomes.degree > 0)


def optimum(model: AssignmentModel) -> float:
    """Value of the best point that CP-SAT finds and proves, bound included."""
    answer = CpSatBackend().solve(model.linear, 5.0)
    assert answer.status == "optimal"
    assert answer.x is not None
    assert answer.bound is not None
    assert model.linear.violation(answer.x) == 0.0
    value = model.linear.value(answer.x)
    assert value <= answer.bound + 1e-9 * max(1.0, abs(value))
    return value


@settings(max_examples=50)
@given(round_=alike, objective=objectives)
def test_both_forms_cpsat_and_exhaustive_search_agree(round_: Round, objective) -> None:  # type: ignore[no-untyped-def]
    """Tests that where groups are alike and moves free, both forms have one optimum, which CP-SAT and trying all find."""
    degrees = AssignmentProgram("degrees").model(round_, objective, ())
    groups = AssignmentProgram("groups").model(round_, objective, ())
    assert not degrees.concrete
    assert groups.concrete
    truth = exhaustive(round_, degrees)
    if degrees.linear.size:
        assert optimum(degrees) == pytest.approx(truth, rel=1e-9, abs=1e-9)
    if not isinstance(objective, Lexicographic):  # its scale depends on the options, which busy GPUs make fewer
        assert degrees.constant == pytest.approx(groups.constant)
        assert optimum(groups) == pytest.approx(truth, rel=1e-9, abs=1e-9) if groups.linear.size else truth == 0.0


@settings(max_examples=40)
@given(round_=rounds(most=3), objective=objectives)
def test_groups_form_on_any_cluster(round_: Round, objective) -> None:  # type: ignore[no-untyped-def]
    """Tests the form with groups against exhaustive search also where links differ and blocks overlap."""
    model = AssignmentProgram("groups").model(round_, objective, ())
    truth = exhaustive(round_, model)
    if model.linear.size:
        assert optimum(model) == pytest.approx(truth, rel=1e-9, abs=1e-9)


@settings(max_examples=50)
@given(
    round_=rounds(
        cluster=st.sampled_from(ALIKE), profile=st.just(TOY), cadence=st.just(ROUNDS), busy=False, most=7, least=1
    ),
    objective=objectives,
)
def test_the_knapsack_finds_the_same_optimum(round_: Round, objective) -> None:  # type: ignore[no-untyped-def]
    """Tests that with all GPUs free the paper's knapsack by dynamic programming equals CP-SAT on the program."""
    model = AssignmentProgram("degrees").model(round_, objective, ())
    if not model.linear.size:
        return
    items: list[list[Item]] = [[] for _ in round_.jobs]
    for option, gain in zip(model.options, model.linear.rewards, strict=True):
        items[option.job].append(Item(option.degree, float(gain)))
    picks = pack(items, round_.cluster.gpus)
    value = sum(options[pick].value for options, pick in zip(items, picks, strict=True) if pick >= 0)
    assert value == pytest.approx(optimum(model), rel=1e-9, abs=1e-9)


@settings(max_examples=60)
@given(round_=rounds(), objective=objectives, form=st.sampled_from(["auto", "groups"]))
def test_the_greedy_plan_is_a_feasible_start(round_: Round, objective, form: str) -> None:  # type: ignore[no-untyped-def]
    """Tests that the greedy plan becomes a feasible point, and that any point becomes a legal plan."""
    greedy = GreedyDp().assignments(round_)
    model = AssignmentProgram(form).model(round_, objective, greedy)
    linear = model.linear
    assert linear.start.shape == linear.rewards.shape == (linear.size,)
    assert linear.violation(linear.start) == 0.0
    started = {round_.jobs[model.options[c].job].id for c in np.flatnonzero(linear.start)}
    options = {(round_.jobs[o.job].id, o.degree) for o in model.options}
    assert started == {a.jobs[0] for a in greedy if (a.jobs[0], a.group.degree) in options}
    for x in (linear.start, np.zeros(linear.size)):
        check_plan(round_, Plan(tuple(model.assignments(x)), Certificate("by hand")))


@settings(max_examples=40)
@given(round_=rounds(most=4, least=1), objective=objectives, data=st.data())
def test_points_become_the_plan_they_say(round_: Round, objective, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    """Tests that, with nothing conserved, a random feasible point gives exactly its jobs, degrees and steps."""
    model = AssignmentProgram(conserve=False).model(round_, objective, ())
    x = np.zeros(model.linear.size)
    for column in data.draw(st.permutations(range(len(x))))[:8]:
        x[column] = 1.0
        if model.linear.violation(x) > 0:
            x[column] = 0.0
    chosen = {round_.jobs[o.job].id: o for o, value in zip(model.options, x, strict=True) if value}
    placed = {a.jobs[0]: a for a in model.assignments(x)}
    assert placed.keys() == chosen.keys()
    for id_, assignment in placed.items():
        assert (assignment.group.degree, assignment.steps) == (chosen[id_].degree, chosen[id_].steps)
        assert assignment.group.mask & ~available_mask(round_) == 0
        assert chosen[id_].group in (None, assignment.group)


@settings(max_examples=40)
@given(round_=rounds(most=4, least=1), objective=objectives, form=st.sampled_from(["auto", "groups"]), data=st.data())
def test_values_add_up(round_: Round, objective, form: str, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    """Tests that the constant plus a point's value is the sum of rewards of what every job does, or its wait."""
    asked: list[tuple[Outcomes, Floats]] = []

    class Spy:
        def rewards(self, outcomes: Outcomes) -> Floats:
            asked.append((outcomes, objective.rewards(outcomes)))
            return asked[-1][1]

    model = AssignmentProgram(form).model(round_, Spy(), ())
    x = np.zeros(model.linear.size)
    for job_ in range(len(round_.jobs)):
        own = [c for c, option in enumerate(model.options) if option.job == job_]
        if own and data.draw(st.booleans()):
            x[data.draw(st.sampled_from(own))] = 1.0
    rows = len(model.options) + len(round_.jobs)
    outcomes, rewards = next(a for a in asked if len(a[1]) == rows and (a[0].degree > 0).sum() == len(model.options))
    runs = outcomes.degree > 0
    started = set(outcomes.job[runs][x > 0].tolist())
    waits = [r for r, id_, busy in zip(rewards, outcomes.job, runs, strict=True) if not busy and id_ not in started]
    assert model.constant + model.linear.value(x) == pytest.approx(sum(waits) + rewards[runs] @ x, abs=1e-9)


def outcomes_of(round_: Round) -> Outcomes:
    """Make the outcomes that an objective sees."""
    seen: list[Outcomes] = []

    class Spy:
        def rewards(self, outcomes: Outcomes) -> Floats:
            seen.append(outcomes)
            return np.zeros(len(outcomes))

    AssignmentProgram("groups").model(round_, Spy(), ())
    return seen[-1]


def test_outcomes_by_hand() -> None:
    """Tests every column for one job in a round of 0.4 s: 10 steps of 0.08, 0.05 or 0.03 s, due after 0.56 s."""
    held = C4.groups(1)[0]
    j = job(7, MEDIUM, 10, due=2.56, ready=2.0, group=held, weight=3.0)
    outcomes = outcomes_of(round_of([j], C4, now=2.0))
    assert outcomes.job.tolist() == [7] * 8
    assert outcomes.degree.tolist() == [0, 1, 1, 1, 1, 2, 2, 4]
    assert outcomes.steps.tolist() == [0, 5, 5, 5, 5, 8, 8, 10]
    assert outcomes.steps_left.tolist() == [10, 5, 5, 5, 5, 2, 2, 0]
    assert outcomes.gpu_seconds.tolist() == pytest.approx([0.8, *[0.99] * 4, 0.96, 0.96, 1.2])
    assert outcomes.lateness.tolist() == pytest.approx([0.14, *[-0.01] * 4, -0.1, -0.1, -0.26])
    assert outcomes.survives.tolist() == [False] + [True] * 7
    assert outcomes.finishes.tolist() == [False] * 7 + [True]
    assert outcomes.moved.tolist() == [True, False, True, True, True, True, True, True]
    assert outcomes.weight.tolist() == [3.0] * 8
    assert outcomes.waited.tolist() == [2.0] * 8
    assert outcomes.due_in.tolist() == pytest.approx([0.56] * 8)
    assert outcomes.fastest_step.tolist() == [0.03] * 8
    assert outcomes.pixels.tolist() == [MEDIUM.pixels] * 8


def test_what_costs_the_deadline_is_no_option() -> None:
    """Tests that a job due after 0.5 s has no option of five steps on one GPU, which leave it 0.05 s short."""
    outcomes = outcomes_of(round_of([job(7, MEDIUM, 10, due=2.5, ready=2.0)], C4, now=2.0))
    assert outcomes.degree.tolist() == [0, 2, 2, 4]


def test_events_allow_a_step_longer_than_the_horizon() -> None:
    """Tests that with cadence events a step of 0.7 s on one GPU is an option, and ends when it ends."""
    outcomes = outcomes_of(round_of([job(0, LARGE, 3, due=1.0)], Cluster.nvlink(1), cadence=EVENTS))
    assert outcomes.steps.tolist() == [0, 1]
    assert outcomes.lateness.tolist() == pytest.approx([0.4 + 3 * 0.7 - 1.0, 0.7 + 2 * 0.7 - 1.0])
    assert len(outcomes_of(round_of([job(0, LARGE, 3, due=1.0)], Cluster.nvlink(1), cadence=ROUNDS))) == 1


def test_moves_need_the_form_with_groups() -> None:
    """Tests that an objective that looks at moves gets groups by itself, and keeps a job where it is."""
    stay = C8.groups(2)[3]
    round_ = round_of([job(0, MEDIUM, 10, due=2.0, group=stay)], C8)
    model = AssignmentProgram(conserve=False).model(round_, Moves(), ())
    assert model.concrete
    answer = CpSatBackend().solve(model.linear, SECOND)
    assert answer.x is not None
    (chosen,) = model.assignments(answer.x)
    assert chosen.group == stay
    assert not AssignmentProgram().model(round_, MIXED, ()).concrete


@pytest.mark.parametrize("cluster", [c for c in CLUSTERS if c not in ALIKE], ids=lambda c: c.name)
def test_degrees_are_refused_where_groups_differ(cluster: Cluster) -> None:
    """Tests that the form with degrees is refused by name where it would not be exact, and 'auto' avoids it."""
    round_ = round_of([job(0, MEDIUM)], cluster)
    with pytest.raises(ValueError, match=f"^form is 'degrees'; on cluster {cluster.name} groups differ"):
        AssignmentProgram("degrees").model(round_, Survivors(), ())
    assert AssignmentProgram().model(round_, Survivors(), ()).concrete


def test_unknown_form_is_refused() -> None:
    """Tests that a misspelt form is refused with the choices."""
    with pytest.raises(ValueError, match=r"^form is 'degree'; use 'auto'"):
        AssignmentProgram("degree")


def test_busy_gpus_are_no_options_in_rounds() -> None:
    """Tests that with cadence rounds options lie wholly in the GPUs that are free at the boundary."""
    round_ = round_of([job(0, SMALL)], C4, free_at=(0.0, 0.0, 0.0, 9.0))
    groups = {o.group.gpus for o in AssignmentProgram("groups").model(round_, Survivors(), ()).options if o.group}
    assert groups == {(0,), (1,), (2,), (0, 1)}


def test_idle_gpus_are_used() -> None:
    """Tests that jobs that the optimum leaves waiting still start on idle GPUs, unless that is switched off."""
    round_ = round_of([job(0, SMALL, 10, due=9.0), job(1, LARGE, 10, due=9.0)], C8)
    for conserve, running in ((True, {0, 1}), (False, set())):
        model = AssignmentProgram(conserve=conserve).model(round_, Survivors(), ())
        assert {a.jobs[0] for a in model.assignments(np.zeros(model.linear.size))} == running


@settings(max_examples=30, deadline=None)
@given(round_=rounds(most=3), form=st.sampled_from(["auto", "groups"]))
def test_the_least_share_is_maximal(round_: Round, form: str) -> None:
    """Tests the least share against every point of the program without its variable."""
    model = AssignmentProgram(form).model(round_, LeastShare(), ())
    if not model.linear.size:
        return
    answer = CpSatBackend().solve(model.linear, 5.0)
    truth = HighsBackend().solve(model.linear, 5.0)
    assert answer.status == truth.status == "optimal"
    assert answer.x is not None and truth.x is not None
    assert model.linear.value(answer.x) == pytest.approx(model.linear.value(truth.x))
    check_plan(round_, Plan(tuple(model.assignments(answer.x)), Certificate("by hand")))


def test_the_least_share_saves_the_resolution_that_is_worst_off() -> None:
    """Tests that a large job that needs all GPUs runs, though two smaller ones would survive in its place."""
    jobs = [job(0, LARGE, 4, due=0.41), job(1, MEDIUM, 10, due=0.41), job(2, MEDIUM, 10, due=0.41)]
    round_ = round_of([*jobs, job(3, MEDIUM, 10, due=9.0)], C8)

    def survivors(objective: Objective) -> set[int]:
        answer = HighsBackend().solve(AssignmentProgram(conserve=False).model(round_, objective, ()).linear, 5.0)
        assert answer.x is not None
        return {a.jobs[0] for a in AssignmentProgram(conserve=False).model(round_, objective, ()).assignments(answer.x)}

    assert {1, 2} <= survivors(Survivors())
    assert survivors(LeastShare()) == {0}


BATCHED = AssignmentProgram(batching=True, conserve=False)


@settings(max_examples=60, deadline=None)
@given(
    round_=rounds(profile=st.just(TOY), most=7),
    backend=st.sampled_from([CpSatBackend(), HighsBackend(), MathOptBackend("scip")]),
)
def test_batches_cost_no_deadline(round_: Round, backend: Backend) -> None:
    """Tests that members share a shape, no job runs twice, none is late for it, and batching never loses worth."""
    model = BATCHED.model(round_, Survivors(), ())
    alone = AssignmentProgram(conserve=False).model(round_, Survivors(), ())
    if not model.linear.size:
        return
    answer = backend.solve(model.linear, 5.0)
    assert answer.x is not None and answer.status == "optimal"
    assert model.linear.value(answer.x) >= optimum(alone) - 1e-6
    placed = model.assignments(answer.x)
    check_plan(round_, Plan(tuple(placed), Certificate("by hand")))
    jobs = {j.id: j for j in round_.jobs}
    for assignment in placed:
        if len(assignment.jobs) > 1:
            shape = jobs[assignment.jobs[0]].request.shape
            seconds = round_.costs.batch_time(shape, assignment.group, len(assignment.jobs))
            begins = max(round_.now, *(jobs[i].ready for i in assignment.jobs))
            ends = begins + assignment.steps * seconds
            for id_ in assignment.jobs:
                left = jobs[id_].steps_left - assignment.steps
                assert ends + left * round_.costs.of(shape).fastest <= jobs[id_].due + 1e-6


def test_a_batch_serves_two_where_one_gpu_serves_one() -> None:
    """Tests by hand: two small jobs on one GPU, both without slack for the other, survive only as a batch."""
    jobs = [job(i, SMALL, 10, due=0.33) for i in range(2)]
    round_ = round_of(jobs, Cluster.nvlink(1))
    plans = []
    for program in (AssignmentProgram(batching=True), AssignmentProgram()):
        model = program.model(round_, Survivors(), ())
        answer = CpSatBackend().solve(model.linear, 1.0)
        assert answer.x is not None
        plans.append([a.jobs for a in model.assignments(answer.x)])
    assert plans[0] == [(0, 1)]
    assert len(plans[1]) == 1 and len(plans[1][0]) == 1
