"""The lookahead program: its start is feasible, its optimum true, its plans legal, its certificate honest."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from planner.backends.highs import HighsBackend
from planner.check import check_plan
from planner.cluster import Cluster
from planner.late import LATE_RULES, LateRule
from planner.objectives import (
    Fairness,
    GpuSeconds,
    LeastShare,
    Moves,
    ObjectiveError,
    OnTime,
    Progress,
    Survivors,
    Tardiness,
    Term,
    Weighted,
)
from planner.outcomes import Floats, Outcomes
from planner.plan import TOLERANCE, Plan
from planner.programs.intervals import PAUSED, Task, interval_program
from planner.programs.linear import LinearProgram
from planner.programs.lists import list_schedule
from planner.programs.lookahead import Lookahead
from planner.programs.worth import worth_of
from planner.round import Round
from planner.solvers.exact import Highs
from planner.solvers.moore import Moore
from planner.value import value_of
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)


def can_all(program: LinearProgram, served: tuple[float, ...]) -> bool:
    """Whether a set of tasks can be done, asked of a solver that is used nowhere else in the laboratory's planning."""
    if not served:
        return True
    matrix = np.zeros((program.rows, program.size))
    for row in range(program.rows):
        columns, coefficients = program.row(row)
        matrix[row, columns] = coefficients
    bounds = [(y, y) for y in served] + [(0.0, u) for u in program.upper[len(served) :].tolist()]
    result = linprog(np.zeros(program.size), A_ub=matrix, b_ub=program.capacity + 1e-9, bounds=bounds)
    return bool(result.status == 0)


@settings(max_examples=60, deadline=None)
@given(rounds(most=5))
def test_the_optimum_is_the_best_set_of_jobs(round_: Round) -> None:
    """Tests the bound against trying every set of jobs with another linear solver, and that no value exceeds it."""
    model = Lookahead(tie_break=0.0).model(round_, OnTime(), ())
    plan = Highs(Lookahead(tie_break=0.0)).solve(round_, 10.0)
    weights = [task.weight for task in model.tasks]
    sets = product((0.0, 1.0), repeat=len(weights))
    best = max(
        (sum(w for w, y in zip(weights, served, strict=True) if y) for served in sets if can_all(model.linear, served)),
        default=0.0,
    )
    certificate = plan.certificate
    assert certificate.value is not None
    assert certificate.bound == pytest.approx(best, abs=1e-6)
    assert certificate.value <= certificate.bound
    assert (certificate.status == "optimal") == (best - certificate.value <= TOLERANCE * min(weights, default=1.0))


@settings(max_examples=150, deadline=None)
@given(rounds(), st.sampled_from(LATE_RULES))
def test_plans_are_legal_and_certificates_sound(round_: Round, late: LateRule) -> None:
    """Tests on all kinds of clusters and both cadences that the plan passes the check and value <= bound."""
    plan = Highs(Lookahead(late=late)).solve(round_, 10.0)
    check_plan(round_, plan)
    assert not plan.certificate.fallback
    assert plan.certificate.value is not None and plan.certificate.bound is not None
    assert plan.certificate.value <= plan.certificate.bound + 1e-6


@settings(max_examples=100, deadline=None)
@given(rounds(most=7))
def test_the_start_is_a_point_of_the_program(round_: Round) -> None:
    """Tests that the list schedule, turned into durations, breaks no row."""
    linear = Lookahead().model(round_, OnTime(), ()).linear
    assert linear.violation(linear.start) <= 1e-6


@settings(max_examples=60, deadline=None)
@given(rounds(most=6))
def test_equal_rounds_get_equal_plans(round_: Round) -> None:
    """Tests that nothing is remembered between rounds."""
    first, second = Highs().solve(round_, 10.0), Highs().solve(round_, 10.0)
    assert first.assignments == second.assignments
    assert first.certificate.value == second.certificate.value


def test_no_solver_is_called_while_everything_can_be_served() -> None:
    """Tests that a list schedule in time for all settles the round, and one job too many does not."""
    easy = [job(i, MEDIUM, 10, due=5.0) for i in range(4)]
    settled = Lookahead().model(round_of(easy, C8, cadence=EVENTS), OnTime(), ()).settled()
    assert settled is not None
    assert settled.value == settled.bound == 4.0
    hard = [job(i, LARGE, 40, due=4.2) for i in range(2)]
    assert Lookahead().model(round_of(hard, C8, cadence=EVENTS), OnTime(), ()).settled() is None


def test_of_two_that_exclude_each_other_the_cheaper_is_served() -> None:
    """Tests the tie-break: of equally valuable jobs the one with fewer GPU-seconds left runs, else the heavier one."""
    jobs = [job(0, LARGE, 40, due=4.2), job(1, LARGE, 38, due=4.2)]
    plan = Highs().solve(round_of(jobs, C8, cadence=EVENTS), 1.0)
    assert [a.jobs for a in plan.assignments] == [(1,)]
    jobs = [job(0, LARGE, 40, due=4.2, weight=2.0), job(1, LARGE, 38, due=4.2)]
    plan = Highs().solve(round_of(jobs, C8, cadence=EVENTS), 1.0)
    assert [a.jobs for a in plan.assignments] == [(0,)]


@pytest.mark.parametrize(("gpus", "unserved", "first"), [(8, 1, {2}), (16, 0, {2}), (16, 1, {2, 3})])
def test_durations_where_a_list_schedule_is_late(gpus: int, unserved: int, first: set[int]) -> None:
    """Tests what runs where served jobs are late in a list: what the program says, or the admitted beside jobs not served."""
    jobs = [job(i, LARGE, 40, due=4.2 + 0.1 * i) for i in range(3 + unserved)]
    model = Lookahead().model(round_of(jobs, Cluster.nvlink(gpus), cadence=EVENTS), OnTime(), ())
    program = model.intervals
    x = np.zeros(program.linear.size)
    x[:3] = 1.0
    at = np.flatnonzero((program.task == 2) & (program.interval == 0) & (program.degree == 8))
    x[len(jobs) + at] = 4.0
    wide = [a for a in model.carry_out(x, None).plan if a.group.degree == 8]
    assert {a.jobs[0] for a in wide} == first


@pytest.mark.parametrize("objective", [Moves(), Progress(), Weighted((Term(OnTime()), Term(Moves(), 0.1)))])
def test_what_cannot_be_expressed_is_refused_by_name(objective: object) -> None:
    """Tests that an objective of another form is an error with its name and the list of what is possible."""
    round_ = round_of([job(0, MEDIUM, 10, due=5.0), job(1, LARGE, 10, due=5.0)], C8)
    with pytest.raises(ObjectiveError, match=rf"{type(objective).__name__}.*OnTime.*GpuSeconds"):
        Lookahead().model(round_, objective, ())  # type: ignore[arg-type]


def test_rewards_and_prices_are_read_off_objectives() -> None:
    """Tests weights, shares and the price per GPU-second of the shipped objectives."""
    jobs = [job(0, MEDIUM, 10, weight=2.0), job(1, MEDIUM, 10), job(2, LARGE, 10)]
    round_ = round_of(jobs, C8)
    cases = (
        (Survivors(), [1.0, 1.0, 1.0], 0.0),
        (OnTime(), [2.0, 1.0, 1.0], 0.0),
        (Fairness(), None, 0.0),
        (Weighted((Term(OnTime(), 3.0), Term(GpuSeconds(), 0.25))), [6.0, 3.0, 3.0], 0.25),
    )
    for objective, weights, price in cases:
        worth = worth_of(round_, jobs, objective)
        assert worth.price == pytest.approx(price)
        if weights is not None:
            assert worth.weights == pytest.approx(weights)
        else:
            assert worth.weights[0] == worth.weights[1] < worth.weights[2]


def test_giving_a_job_up_costs_what_it_is_late_at_best() -> None:
    """Tests that tardiness prices a job given up at its weight times its work at the fastest degree."""
    jobs = [job(0, MEDIUM, 10, weight=2.0), job(1, LARGE, 20)]
    worth = worth_of(round_of(jobs, C8), jobs, Tardiness())
    assert worth.weights == pytest.approx([2.0 * 10 * 0.025, 20 * 0.1])
    assert worth.price == 0.0


def best_share(round_: Round) -> float:
    """Worth under the least share, by trying every set of jobs with another linear solver."""
    model = Lookahead(tie_break=0.0).model(round_, OnTime(), ())
    jobs = [j for j in round_.jobs if not round_.hopeless(j)]
    weight = worth_of(round_, jobs, LeastShare()).share
    kinds = {j.request.shape.pixels for j in jobs}
    best = 0.0
    for served in product((0.0, 1.0), repeat=len(jobs)):
        if can_all(model.linear, served):
            shares = [
                float(np.mean([y for y, j in zip(served, jobs, strict=True) if j.request.shape.pixels == kind]))
                for kind in kinds
            ]
            best = max(best, sum(served) + weight * min(shares, default=0.0))
    return best


@settings(max_examples=30, deadline=None)
@given(rounds(most=4))
def test_the_least_share_is_maximal(round_: Round) -> None:
    """Tests the bound under the least share against every set of jobs."""
    certificate = Highs(Lookahead(tie_break=0.0), LeastShare()).solve(round_, 10.0).certificate
    assert certificate.value is not None and certificate.bound is not None
    assert certificate.value <= certificate.bound
    assert certificate.bound == pytest.approx(best_share(round_), rel=1e-6, abs=1e-6)


def test_many_jobs_with_a_least_share_are_not_priced() -> None:
    """Tests that beyond the detail of prices a least share is still solved as it is, with a sound bound."""
    jobs = [job(i, (SMALL, LARGE)[i % 2], 20, due=2.0) for i in range(10)]
    plan = Highs(Lookahead(detail=3), LeastShare()).solve(round_of(jobs, C8, cadence=EVENTS), 1.0)
    assert plan.certificate.value is not None and plan.certificate.bound is not None
    assert 0 < plan.certificate.value <= plan.certificate.bound + 1e-6


def test_a_price_on_gpu_seconds_can_make_a_job_not_worth_serving() -> None:
    """Tests that a job is given up where what its deadline costs above its least GPU-seconds exceeds its reward.

    Forty steps of a large job take 28 GPU-seconds at the least, and 32 on the eight GPUs that its deadline asks for.
    """
    round_ = round_of([job(0, SMALL, 10, due=5.0), job(1, LARGE, 40, due=4.2)], C8, cadence=EVENTS)
    for price, served in ((0.2, (0, 1)), (0.3, (0,))):
        objective = Weighted((Term(OnTime()), Term(GpuSeconds(), price)))
        certificate = Highs(objective=objective).solve(round_, 1.0).certificate
        assert certificate.promised == served
        large = 1.0 - 32 * price if 1 in served else -28 * price
        assert certificate.value == pytest.approx(1.0 - 0.2 * price + large)


def test_a_price_is_honoured_by_what_runs() -> None:
    """Tests that a lone job without haste takes its least GPU-seconds, and its certificate says what it is worth."""
    round_ = round_of([job(0, SMALL, 50, due=10.0)], C8, cadence=EVENTS)
    objective = Weighted((Term(OnTime()), Term(GpuSeconds(), 0.1)))
    for solver in (Highs(), Highs(objective=objective)):
        plan = solver.solve(round_, 1.0)
        wide = solver.objective == OnTime()
        assert [(a.group.degree, a.steps) for a in plan.assignments] == [(8 if wide else 1, 50)]
        assert plan.certificate.value == pytest.approx(1.0 if wide else 1.0 - 0.1 * 50 * 0.02)
        assert plan.certificate.status == "optimal"


def test_two_dimensional_rows_of_the_interval_program() -> None:
    """Tests the program by hand: two tasks of one second on one GPU in an interval of 1.5 s cannot both be done."""
    tasks = [Task(0.0, 1.5, 10, (1,), (0.1,)), Task(0.0, 1.5, 10, (1,), (0.1,), weight=2.0)]
    program = interval_program(tasks, np.array([0.0, 1.5]), np.array([1.5])).linear
    answer = HighsBackend().solve(program, 1.0)
    assert answer.bound == pytest.approx(2.0)
    both = interval_program(tasks, np.array([0.0, 1.5]), np.array([2.0])).linear
    assert HighsBackend().solve(both, 1.0).bound == pytest.approx(3.0)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_list_schedules_do_all_steps_on_the_gpus_there_are(data: st.DataObject) -> None:
    """Tests that phases never use more GPUs than there are, and that each task gets exactly its steps."""
    tasks = []
    for _ in range(data.draw(st.integers(1, 7))):
        release, base = data.draw(st.floats(0.0, 0.2)), data.draw(st.sampled_from((0.02, 0.1, 0.7)))
        degrees, seconds = (1, 2, 4, 8), tuple(base / d**0.8 for d in (1, 2, 4, 8))
        due, steps = release + data.draw(st.floats(0.1, 9.0)), data.draw(st.integers(1, 50))
        tasks.append(Task(release, due, steps, degrees, seconds))
    schedule = list_schedule(tasks, 0.0, 8)
    done = [0.0] * len(tasks)
    for phase in schedule.phases:
        assert sum(phase.degrees.values()) <= 8
        for i, degree in phase.degrees.items():
            step = tasks[i].seconds[tasks[i].degrees.index(degree)]
            done[i] += max(0.0, phase.end - max(phase.start, tasks[i].release)) / step
    assert done == pytest.approx([task.steps for task in tasks], abs=1e-5)


def test_a_promise_is_one_that_whole_degrees_can_keep() -> None:
    """Tests that of two jobs of which one alone fits beside the other on paper only, the program promises one."""
    jobs = [job(0, LARGE, 38, due=4.0), job(1, SMALL, 40, due=1.0)]
    round_ = round_of(jobs, C8, cadence=EVENTS)
    found = [Highs(Lookahead(concurrency=rows)).solve(round_, 1.0).certificate for rows in (True, False)]
    assert [(c.value, c.bound, c.status, len(c.promised)) for c in found] == [
        (1.0, 1.0, "optimal", 1),
        (1.0, 2.0, "feasible", 1),
    ]


def test_a_plan_covers_the_cluster_when_one_job_is_alone() -> None:
    """Tests that a single job gets every GPU that makes it faster."""
    plan: Plan = Highs().solve(round_of([job(0, LARGE, 40, due=30.0)], C8, cadence=EVENTS), 1.0)
    assert [(a.group.degree, a.steps) for a in plan.assignments] == [(8, 40)]


@pytest.mark.parametrize("change", [{"late": "loud"}, {"tie_break": 1.0}, {"tie_break": "0"}, {"detail": -1}])
def test_settings_out_of_range_are_refused(change: dict[str, object]) -> None:
    """Tests that a wrong setting is an error that names it."""
    with pytest.raises(ValueError, match=f"^{next(iter(change))} is {next(iter(change.values()))!r};"):
        Lookahead(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(("weights", "unit"), [((0.5, 4.0), 0.5), ((3.0, 4.0), 1.0)])
def test_the_tie_break_is_as_documented(weights: tuple[float, float], unit: float) -> None:
    """Tests the price per GPU-second of docs/instances.md: 1e-4 times the least weight, at most 1."""
    jobs = [job(i, LARGE, 10, due=1.2, weight=weight) for i, weight in enumerate(weights)]
    model = Lookahead().model(round_of(jobs, C8, cadence=EVENTS), OnTime(), ())
    intervals = model.intervals
    prices = -model.linear.rewards[len(jobs) : len(jobs) + len(intervals.degree)] / intervals.degree
    assert prices == pytest.approx(np.full(len(intervals.degree), 1e-4 * unit))
    assert "w: the least weight, at most 1" in Path("docs/instances.md").read_text()


def test_groups_side_by_side_run_what_a_list_schedule_can_keep() -> None:
    """Tests 16 GPUs and more jobs than can be served: the plan is worth no less than that of Moore and Hodgson's rule."""
    jobs = [job(i, LARGE, 40, due=4.2 + 0.1 * i) for i in range(5)]
    round_ = round_of(jobs, Cluster.nvlink(16), cadence=EVENTS)
    for detail in (16, 0):
        program = Lookahead(detail=detail)
        value = Highs(program).solve(round_, 1.0).certificate.value
        assert value is not None
        assert value >= value_of(round_, Moore().solve(round_, 1.0), program, OnTime())


@pytest.mark.parametrize("gpus", [8, 16])
def test_requests_that_are_worth_nothing_are_given_up(gpus: int) -> None:
    """Tests that with more jobs than are solved as they are, some of them without a reward, the others are served."""

    class LargeOnly:
        def rewards(self, outcomes: Outcomes) -> Floats:
            return np.where(outcomes.survives & (outcomes.pixels == LARGE.pixels), 1.0, 0.0)

    jobs = [job(i, LARGE if i % 4 == 0 else MEDIUM, 40, due=4.2 + 0.05 * i) for i in range(24)]
    certificate = (
        Highs(objective=LargeOnly()).solve(round_of(jobs, Cluster.nvlink(gpus), cadence=EVENTS), 1.0).certificate
    )
    assert certificate.promised is not None and certificate.value is not None
    assert certificate.value == sum(id_ % 4 == 0 for id_ in certificate.promised) > 0


@pytest.mark.parametrize(
    ("move", "held", "degrees"), [(0.0, 4, [2]), (0.3, 4, [4]), (0.3, PAUSED, [2]), (0.6, PAUSED, [4])]
)
def test_list_schedules_count_moves(move: float, held: int, degrees: list[int]) -> None:
    """Tests ten steps of .1 s on 2 GPUs and .06 s on 4, due in 1.4 s: two are cheaper, unless the way there is dear."""
    task = Task(0.0, 1.4, 10, (2, 4), (0.1, 0.06), held=held, move=move)
    schedule = list_schedule([task], 0.0, 4, widen=False)
    assert [phase.degrees[0] for phase in schedule.phases] == degrees
    lost = move if degrees != [held] else 0.0
    assert schedule.ends == [pytest.approx(lost + 10 * task.seconds[task.degrees.index(degrees[0])])]
