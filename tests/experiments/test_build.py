"""Configurations become checked objects, and wrong ones are refused by field, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.build import build
from experiments.cli import compose
from experiments.runner import simulate
from planner.solvers.dp import GreedyDp
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.priority import Edf, Srtf

SMALL = "workload.requests=5"


@pytest.mark.parametrize(
    ("solver", "made"), [("dp", GreedyDp), ("fixed", Fixed), ("rssp", Rssp), ("edf", Edf), ("srtf", Srtf)]
)
def test_solvers_by_name(solver: str, made: type) -> None:
    """Every solver's name on the command line makes that solver."""
    assert isinstance(build(compose([f"solver={solver}", SMALL])).service.solver, made)


def test_greedy_solver_plans_in_rounds_and_others_at_events() -> None:
    """The paper's solver brings the paper's cadence, unless another one is asked for."""
    assert build(compose(["solver=dp", SMALL])).service.cadence.kind == "rounds"
    assert build(compose(["solver=dp", "cadence=events", SMALL])).service.cadence.kind == "events"
    assert build(compose(["solver=edf", SMALL])).service.cadence.kind == "events"


def test_default_round_is_five_steps_of_1024_on_two_gpus() -> None:
    """Without tau, a round lasts five steps of 1024x1024 at degree 2: 0.4 s on H100."""
    assert build(compose(["solver=dp", SMALL])).service.cadence.tau == pytest.approx(5 * 0.07998)


def test_profile_error_is_the_planners_alone() -> None:
    """A wrong profile is what the planner believes; the engine keeps the true one."""
    setup = build(compose(["profile.error=1.2", SMALL]))
    shape = setup.truth.shapes[0]
    assert setup.service.profile.step_time(shape, 1, "local") == pytest.approx(
        1.2 * setup.truth.step_time(shape, 1, "local")
    )


def test_same_seed_same_requests_other_seed_others() -> None:
    """The workload is a function of the seed."""
    first, again, other = (build(compose([f"seed={seed}"])).workload.requests for seed in (3, 3, 4))
    assert first == again != other


def test_deadlines_follow_the_profile_unless_it_is_the_papers() -> None:
    """On the paper's profile a 256 request has the paper's 1.5 s; on slower hardware it has longer."""

    def slo(*overrides: str) -> float:
        requests = build(
            compose(["workload.mix=homogeneous-256", "workload.slo_scale=1", SMALL, *overrides])
        ).workload.requests
        return requests[0].deadline - requests[0].arrival

    assert slo() == pytest.approx(1.5)
    assert slo("profile=flux1-dev_l20") > 3.0
    assert slo("profile=flux1-dev_l20", "workload.deadlines=paper") == pytest.approx(1.5)


@pytest.mark.parametrize("name", ["sd3-medium_a40", "hunyuanvideo_l20", "qwen-image_h20"])
def test_every_kind_of_profile_has_a_workload(name: str) -> None:
    """workload=profile draws from whatever shapes a profile has, videos too."""
    setup = build(compose([f"profile={name}", "workload=profile", "workload.requests=30"]))
    assert {request.shape for request in setup.workload.requests} <= set(setup.truth.shapes)


def test_trace_file_is_served(tmp_path: Path) -> None:
    """A trace written from a workload is read back as the same requests."""
    from experiments.workload import write_trace

    original = build(compose([SMALL])).workload
    path = tmp_path / "trace.csv"
    write_trace(original, path)
    assert build(compose(["workload=trace", f"workload.file={path}"])).workload.requests == original.requests


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["workload.rate=-1"], ["workload", "rate", "-1"]),
        (["workload.slo_scale=nan"], ["slo_scale", "nan"]),
        (["workload.requests=0"], ["workload.requests", "0", "at least 1"]),
        (["workload.deadlines=never"], ["workload.deadlines", "never", "paper"]),
        (["workload.mix=nosuch"], ["nosuch", "uniform"]),
        (["workload=custom"], ["workload.classes", "empty", "shape"]),
        (["workload.pieces=[[1]]"], ["workload.pieces", "[1]", "seconds"]),
        (["workload=trace", "workload.file=/no/such.csv"], ["/no/such.csv"]),
        (["seed=-1"], ["seed", "-1"]),
        (["solver=fixed", "solver.degree=16"], ["solver.degree", "16", "8 GPUs"]),
        (["solver=srtf", "solver.degree=3"], ["solver.degree", "3", "1, 2, 4, 8"]),
        (["solver=fixed", "solver.degree=8", "cluster.gpus=4"], ["solver.degree", "8", "4 GPUs"]),
        (["solver=rssp", "+solver.degrees.512=16"], ["solver.degrees", "16"]),
        (["solver.budget_ms=0"], ["solver.budget_ms", "0"]),
        (["cadence=rounds", "cadence.tau=0.05"], ["cadence.tau", "0.05", "2048x2048"]),
        (["cadence=rounds", "cadence.degree=3"], ["cadence.degree", "3"]),
        (["cluster.gpus=0"], ["gpus", "0"]),
        (["cluster.grouping=odd"], ["cluster.grouping", "odd", "aligned"]),
        (["cluster=pairs", "cluster.gpus=3"], ["even", "3"]),
        (["cluster=nodes", "cluster.nodes=0"], ["cluster.nodes", "0"]),
        (["profile.name=nosuch"], ["nosuch"]),
        (["profile.error=0"], ["0"]),
        (["profile=hunyuanvideo_l20"], ["256x256", "hunyuanvideo_l20"]),
        (["engine.noise=-1"], ["engine.noise", "-1"]),
        (["engine.latency=sometimes"], ["engine.latency", "sometimes", "measured"]),
        (["engine.late=ignore"], ["engine.late", "ignore", "drop"]),
        (["objective=custom", "objective.file=/no/such.py"], ["/no/such.py"]),
        (["objective=weighted", "objective.terms=[nosuch:1]"], ["objective.terms", "nosuch", "survivors"]),
        (["objective=weighted", "objective.terms=[]"], ["objective.terms", "empty"]),
        (["objective=lexicographic", "objective.terms=[survivors:0]"], ["objective.terms", "survivors:0"]),
        (["solver=dp", "objective=least_share"], ["solver=dp", "least_share", "on_time", "highs"]),
        (["objective=moves", "program=lookahead"], ["lookahead", "moves", "tardiness", "program=assignment"]),
        (["objective=cost", "objective.price=-1"], ["objective.price", "-1"]),
    ],
)
def test_wrong_values_are_refused(overrides: list[str], words: list[str]) -> None:
    """A wrong value is refused before anything runs, and the message names it and what would be right."""
    with pytest.raises(ValueError) as refusal:
        build(compose(overrides))
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("program", "objective"),
    [
        ("assignment", "least_share"),
        ("assignment", "tardiness"),
        ("assignment", "cost"),
        ("assignment", "moves"),
        ("lookahead", "least_share"),
        ("lookahead", "tardiness"),
        ("lookahead", "cost"),
    ],
)
def test_objectives_plan_whole_runs(program: str, objective: str) -> None:
    """Every shipped objective plans a whole run in both programs, but for moves in the lookahead program."""
    setup = build(compose([f"program={program}", f"objective={objective}", "solver=highs", "workload.requests=8"]))
    assert simulate(setup).complete


def test_rounds_shorter_than_a_move_are_refused() -> None:
    """Moves that outlast rounds would go on for ever, so they are refused by name; at events they end."""
    slow = "engine.regroup_ms=500"
    with pytest.raises(ValueError, match=r"engine.regroup_ms is 500.* cadence.tau=0.3999 s"):
        build(compose(["solver=dp", slow, SMALL]))
    assert build(compose(["solver=dp", "cadence=events", slow, SMALL])).workload.requests
