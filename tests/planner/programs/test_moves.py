"""What a move costs in the one-round program: who goes on on other GPUs begins later by it, alone and in a batch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cluster import Cluster
from planner.objectives import GpuSeconds, Objective, OnTime, Tardiness, Term, Weighted
from planner.plan import Assignment
from planner.programs.assignment import AssignmentProgram
from planner.round import Round
from planner.solvers.exact import Highs
from planner.value import value_of
from tests.strategies import EVENTS, LARGE, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)
PAIR = C8.groups(2)[0]


@pytest.mark.parametrize("form", ("degrees", "groups"))
def test_a_late_job_is_not_moved_for_longer_than_it_gains(form: str) -> None:
    """Tests that two steps stay on two GPUs where a move takes a second, and take all eight where it is free."""
    for moving, degree in ((1.0, 2), (0.0, 8)):
        round_ = round_of(
            [job(0, LARGE, 2, due=0.05, group=PAIR, running=True)], cadence=EVENTS, regroup_seconds=moving
        )
        plan = Highs(AssignmentProgram(form), Tardiness()).solve(round_, 1.0)
        assert [assignment.group.degree for assignment in plan.assignments] == [degree]


def test_the_move_to_as_many_gpus_counts_too() -> None:
    """Tests that a job survives on its own GPUs, and not on two others, though the program offers two as one option."""
    round_ = round_of([job(0, LARGE, 2, due=0.75, group=PAIR)], cadence=EVENTS, regroup_seconds=1.0)
    model = AssignmentProgram(conserve=False).model(round_, OnTime(), ())
    stays, moves = (Assignment((0,), C8.groups(2)[at], 2) for at in (0, 1))
    assert (model.judged([stays], None).value, model.judged([moves], None).value) == (0.0, -1.0)


def test_a_batch_waits_for_the_moves_of_its_members() -> None:
    """Tests that two jobs on GPUs of their own are no batch where the move of one would cost both the deadline."""
    cheap: Objective = Weighted((Term(OnTime()), Term(GpuSeconds(), 0.01)))
    for moving, together in ((1.0, False), (0.0, True)):
        jobs = [job(i, SMALL, 1, due=0.9, group=C8.groups(1)[6 + i]) for i in range(2)]
        round_ = round_of(jobs, cadence=EVENTS, regroup_seconds=moving)
        plan = Highs(AssignmentProgram(batching=True), cheap).solve(round_, 1.0)
        assert (len(plan.assignments) == 1) == together


@settings(max_examples=40)
@given(rounds(most=4), st.sampled_from((OnTime(), Tardiness())), st.sampled_from(("auto", "groups")))
def test_certificates_count_moves(round_: Round, objective: Objective, form: str) -> None:
    """Tests that the value is that of the plan with its moves, and at most the bound."""
    program = AssignmentProgram(form)
    plan = Highs(program, objective).solve(round_, 1.0)
    certificate = plan.certificate
    if certificate.value is None:
        return
    assert certificate.value == pytest.approx(value_of(round_, plan, program, objective), abs=1e-9)
    assert certificate.bound is None or certificate.value <= certificate.bound + 1e-9
