"""Cells of a cluster: what their rounds hold, and that the plan of the whole comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.balance import balanced
from planner.check import check_plan
from planner.cluster import Cluster
from planner.division import cells_of, divided, joined
from planner.errors import ParameterError
from planner.plan import Plan, no_claim
from planner.round import Round
from planner.solvers.priority import Edf
from tests.strategies import rounds

CLUSTERS = (Cluster.nvlink(16), Cluster.nodes(2), Cluster.pairs(16))


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
def test_a_cell_has_the_groups_of_its_part_with_their_links(cluster: Cluster) -> None:
    """Every group of a cell is, shifted, a group of the cluster with the same link class, and none is missing."""
    cells = cells_of(cluster, 8)
    for at, cell in enumerate(cells):
        shifted = {(group.mask << 8 * at, group.link) for group in cell.all_groups}
        own = {(group.mask, group.link) for group in cluster.all_groups if group.gpus[0] // 8 == at}
        assert shifted == {(mask, link) for mask, link in own if mask.bit_count() <= 8}


def test_cells_with_equal_links_are_one_object() -> None:
    """So that groups and step times are made once."""
    cells = cells_of(Cluster.nvlink(32), 8)
    assert len(cells) == 4
    assert len({id(cell) for cell in cells}) == 1


@pytest.mark.parametrize("gpus", [3, 4, 12])
def test_cells_that_cut_groups_or_leave_gpus_over_are_refused(gpus: int) -> None:
    """The message names sizes that would do."""
    with pytest.raises(
        ParameterError, match=f"gpus is {gpus}; cells must divide 32 GPUs and hold groups of 8; use 8, 16"
    ):
        cells_of(Cluster.nvlink(32), gpus)


@given(rounds(cluster=st.sampled_from(CLUSTERS), most=12))
def test_every_job_is_in_one_cell_and_plans_come_back(round_: Round) -> None:
    """Jobs that run stay where they are, each job is in one cell, and legal plans of cells are a legal plan together."""
    homes = balanced(round_, 8)
    for job, home in zip(round_.jobs, homes, strict=True):
        if job.group is not None and (job.running or job.ready > round_.now):
            assert home == job.group.gpus[0] // 8
    parts = divided(round_, cells_of(round_.cluster, 8), homes)
    assert sorted(job.id for part in parts for job in part.jobs) == sorted(job.id for job in round_.jobs)
    plans = [Edf().solve(part, 0.01) for part in parts]
    assignments, then = joined(round_, plans, 8)
    check_plan(round_, Plan(assignments, no_claim("edf"), then))
    assert len(assignments) == sum(len(plan.assignments) for plan in plans)
