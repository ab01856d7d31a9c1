"""Planning in cells: what it keeps of the solver inside, and what it claims of the whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.programs.assignment import AssignmentProgram
from planner.round import EPSILON, Round
from planner.solvers.cells import Cells
from planner.solvers.exact import Highs
from planner.solvers.fixed import Fixed
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf
from planner.testing import check_solver
from tests.strategies import LARGE, TOY, job, round_of, rounds

SIXTEEN = Cluster.nvlink(16)


@pytest.mark.parametrize("inside", [Highs(), Moore(), Highs(AssignmentProgram())], ids=["highs", "moore", "assignment"])
@settings(max_examples=25)
@given(data=st.data())
def test_cells_keep_what_every_solver_keeps(inside: Highs | Moore, data: st.DataObject) -> None:
    """Plans are legal, the same again, and no value exceeds its bound."""
    check_solver(Cells(inside, 8), [data.draw(rounds(cluster=st.just(SIXTEEN), profile=st.just(TOY), most=12))])


@given(rounds(cluster=st.just(Cluster.nvlink(8)), profile=st.just(TOY)))
def test_a_cluster_that_is_one_cell_is_planned_as_it_is(round_: Round) -> None:
    """The plan and the certificate are those of the solver inside."""
    assert Cells(Edf(), 512).solve(round_, 0.01) == Edf().solve(round_, 0.01)


def test_waiting_jobs_go_where_there_is_room() -> None:
    """Two images that each need eight GPUs at once are dealt to two cells, and both are promised, with proof."""
    due = 10 * 0.1 + 0.05
    plan = Cells(Highs(), 8).solve(round_of([job(i, LARGE, 10, due) for i in range(2)], SIXTEEN), 0.1)
    assert {a.group.gpus[0] // 8 for a in plan.assignments} == {0, 1}
    assert plan.certificate.promised == (0, 1)
    assert plan.certificate.status == "optimal"


def test_a_job_that_waits_with_its_latent_stays_in_its_cell_unless_another_is_clearly_cheaper() -> None:
    """On an idle cluster it stays; beside a job that takes its whole cell, it leaves."""
    held = SIXTEEN.groups(4)[3]
    alone = job(0, LARGE, 5, 4.0, group=held)
    (stays,) = Cells(Edf(), 8).solve(round_of([alone], SIXTEEN), 0.01).assignments
    assert stays.group.gpus[0] >= 8
    runs = job(1, LARGE, 40, 4.2, group=SIXTEEN.groups(8)[1], running=True)
    plan = Cells(Edf(), 8).solve(round_of([alone, runs], SIXTEEN), 0.01)
    assert {a.jobs[0]: a.group.gpus[0] // 8 for a in plan.assignments} == {0: 0, 1: 1}


@given(rounds(cluster=st.just(SIXTEEN), profile=st.just(TOY), least=4, most=12))
def test_the_bound_is_one_on_the_whole_cluster(round_: Round) -> None:
    """What a plan without cells is worth never exceeds it."""
    cells, whole = (solver.solve(round_, 0.2).certificate for solver in (Cells(Highs(), 8), Highs()))
    assert cells.bound is not None
    assert whole.value is not None
    assert whole.value <= cells.bound + EPSILON + 1e-6 * abs(cells.bound)


def test_what_cannot_be_planned_in_cells_is_refused() -> None:
    """A solver that may not stop segments, and sizes that cut groups, are named."""
    with pytest.raises(ParameterError, match="inside is 'fixed-1'"):
        Cells(Fixed(1))
    with pytest.raises(ParameterError, match="gpus is 12"):
        Cells(Edf(), 12).check(round_of([], SIXTEEN).costs, [LARGE])
