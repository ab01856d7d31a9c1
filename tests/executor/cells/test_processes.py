"""Cells planned in other processes: the plans are those that are made here."""

from __future__ import annotations

import pytest

from executor.cells.packing import pack_work, plan_packed, unpack_plans
from executor.cells.processes import InProcesses
from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.solvers.cells import Cells, InTurn
from planner.solvers.exact import Highs
from tests.strategies import SHAPES, job, round_of

CLUSTER = Cluster.nvlink(32)
ROUND = round_of(
    [job(i, SHAPES[i % 3], 1 + i, 1.0 + 0.1 * i) for i in range(40)]
    + [job(50 + i, SHAPES[i], 9, 3.0, 0.01, CLUSTER.groups(4)[2 * i], running=True) for i in range(3)],
    CLUSTER,
    free_at=[0.01 if gpu // 4 in (0, 2, 4) else 0.0 for gpu in range(32)],
)


def test_processes_make_the_plans_that_are_made_here() -> None:
    """Assignments, successors and what the certificate says of them are equal, and equal again."""
    here, there, again = (
        Cells(Highs(), 8, planning).solve(ROUND, 0.1) for planning in (InTurn(), InProcesses(2), InProcesses(2))
    )
    assert here.assignments == there.assignments == again.assignments
    assert here.then == there.then
    assert (here.certificate.value, here.certificate.bound) == (there.certificate.value, there.certificate.bound)


def test_a_round_and_its_plan_survive_the_journey() -> None:
    """What a worker plans from packed data is the plan of the round itself, on the groups of its cluster."""
    solver = Highs()
    (work,) = pack_work(solver, [ROUND], 0.1)
    assert pack_work(solver, [ROUND], 0.1)[0][1] is work[1], "a place is packed once"
    (plan,) = unpack_plans([ROUND], [plan_packed(*work)])
    assert plan.assignments == solver.solve(ROUND, 0.1).assignments
    assert all(ROUND.cluster.by_mask[a.group.mask] is a.group for a in plan.assignments)


def test_a_number_of_workers_that_is_none_is_refused() -> None:
    """With the field and the value."""
    with pytest.raises(ParameterError, match="workers is -1"):
        InProcesses(-1)
