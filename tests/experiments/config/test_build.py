"""Configurations become checked objects, and wrong ones are refused by field, value and remedy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from executor.cells.processes import InProcesses
from experiments.cli import compose
from experiments.config.build import build
from experiments.runner import simulate
from experiments.workload import Workload, rate_per_minute, targets_in_words
from planner.programs.assignment import AssignmentProgram
from planner.solvers.cells import Cells
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Highs
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.priority import Edf, Srtf
from profiles import load_profile

SMALL = "workload.requests=5"


@pytest.mark.parametrize(
    ("solver", "made"), [("dp", GreedyDp), ("fixed", Fixed), ("rssp", Rssp), ("edf", Edf), ("srtf", Srtf)]
)
def test_solvers_by_name(solver: str, made: type) -> None:
    """Every solver's name on the command line makes that solver."""
    assert isinstance(build(compose([f"solver={solver}", SMALL])).service.solver, made)


def test_cells_are_planned_by_any_solver_with_its_own_settings() -> None:
    """The solver inside gets its arguments, the cells their size and who plans them."""
    own = ("solver.inside=edf", "+solver.arguments.admission=true", "solver.planning=processes", "solver.workers=2")
    made = build(compose(["solver=cells", *own, "solver.gpus=16", "cluster.gpus=64", SMALL])).service.solver
    assert made == Cells(Edf(admission=True), 16, InProcesses(2))
    exact = build(compose(["solver=cells", "program=assignment", SMALL])).service.solver
    assert exact == Cells(Highs(AssignmentProgram()))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["solver.inside=foo"], ["solver.inside is 'foo'", "use cpsat, highs"]),
        (["solver.inside=fixed"], ["solver.inside is 'fixed'", "may stop segments"]),
        (["solver.gpus=12", "cluster.gpus=64"], ["solver.gpus is 12", "use 8, 16, 32"]),
        (["+solver.arguments.degre=2"], ["solver.arguments is {'degre': 2}", "solver=highs has no degre"]),
        (["solver.inside=edf", "+solver.arguments.late=soon"], ["solver.late is 'soon'", "use "]),
        (["solver.planning=fast"], ["solver.planning is 'fast'", "turn, processes, ray"]),
        (["solver.planning=processes", "solver.workers=-1"], ["solver.workers is -1"]),
    ],
)
def test_wrong_cells_are_refused(overrides: list[str], words: list[str]) -> None:
    """By field, with what would be right."""
    with pytest.raises(ValueError) as refused:
        build(compose(["solver=cells", *overrides]))
    assert all(word in str(refused.value) for word in words)


def test_greedy_solver_plans_in_rounds_and_others_at_events() -> None:
    """The paper's solver brings the paper's cadence, unless another one is asked for."""
    assert build(compose(["solver=dp", SMALL])).service.cadence.kind == "rounds"
    assert build(compose(["solver=dp", "cadence=events", SMALL])).service.cadence.kind == "events"
    assert build(compose(["solver=edf", SMALL])).service.cadence.kind == "events"


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


def test_targets_do_not_depend_on_how_many_gpus_serve(tmp_path: Path) -> None:
    """On one GPU, requests have as long as on eight, under the profile's name or another; reference_gpus alone changes it."""
    shipped = load_profile("flux1-dev_h100")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(replace(shipped, name="mine").to_dict()))

    def slos(*overrides: str) -> set[float]:
        requests = build(compose(["solver=edf", SMALL, *overrides])).workload.requests
        return {round(r.deadline - r.arrival, 9) for r in requests}

    mine = ("profile=file", f"profile.name={path}")
    assert slos() == slos("cluster.gpus=1") == slos(*mine) == slos(*mine, "cluster.gpus=1")
    other = ("profile=flux1-dev_l20",)
    assert slos(*other) == slos(*other, "cluster.gpus=1") != slos(*other, "workload.reference_gpus=1")


def test_a_class_without_target_follows_the_same_rule() -> None:
    """A custom class that gives no seconds has the published target on FLUX.1-dev on H100."""
    requests = build(compose(["workload=custom", "workload.classes=[{shape:512,steps:25,share:1}]", SMALL])).workload
    assert {round(r.deadline - r.arrival, 9) for r in requests.requests} == {round(1.1 * 1.0, 9)}


def test_tiers_from_the_command_line() -> None:
    """workload=tiers has one premium request in ten, of weight 10; tiers of one's own go with any mix."""
    setup = build(compose(["workload=tiers", "workload.mix=skewed", "workload.requests=300"]))
    weights = {request.tier: request.weight for request in setup.workload.requests}
    assert weights == {"premium": 10.0, "standard": 1.0}
    own = "workload.tiers=[{name:gold,share:.5,weight:3,deadline:2},{name:rest,share:.5}]"
    setup = build(compose(["workload.mix=homogeneous-1024", "workload.slo_scale=1", own, "workload.requests=50"]))
    assert {(r.tier, r.weight, round(r.deadline - r.arrival, 6)) for r in setup.workload.requests} == {
        ("gold", 3.0, 6.0),
        ("rest", 1.0, 3.0),
    }


def test_a_trace_is_replayed_at_the_rate_and_scale_asked_for(tmp_path: Path) -> None:
    """workload.rate is per minute for traces, too, speedup a factor; deadlines are scaled, and empty ones filled in."""
    path = tmp_path / "trace.csv"
    rows = "".join(f"{i},{10 * i},1024,1024,50,{'' if i else 2.0}\n" for i in range(7))
    path.write_text("# tetriplan-trace 1\nid,arrival_s,height,width,steps,deadline_s\n" + rows)

    def replay(*overrides: str) -> Workload:
        return build(compose(["workload=trace", f"workload.file={path}", *overrides])).workload

    assert rate_per_minute(replay()) == pytest.approx(6.0)
    assert rate_per_minute(replay("workload.rate=18")) == pytest.approx(18.0)
    assert rate_per_minute(replay("workload.speedup=2")) == pytest.approx(12.0)
    scaled = replay("workload.slo_scale=1.5").requests
    assert [r.deadline - r.arrival for r in scaled] == pytest.approx([3.0] + [4.5] * 6)
    assert "6 that it lacks: the seconds published for FLUX.1-dev on H100" in targets_in_words(replay())


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
        (["workload.reference_gpus=0"], ["workload.reference_gpus", "0", "at least 1"]),
        (["workload.tiers=[{name:a}]"], ["tiers", "tier 0", "share"]),
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
        (["cluster.gpus=0"], ["gpus", "0"]),
        (["cluster.grouping=odd"], ["cluster.grouping", "odd", "aligned"]),
        (["cluster=pairs", "cluster.gpus=3"], ["even", "3"]),
        (["cluster=nodes", "cluster.nodes=0"], ["cluster.nodes", "0"]),
        (["profile.name=nosuch"], ["nosuch"]),
        (["profile.error=0"], ["0"]),
        (["profile=hunyuanvideo_l20"], ["256x256", "hunyuanvideo_l20"]),
        (["engine.noise=-1"], ["engine.noise is -1"]),
        (["engine.noise=70"], ["engine.noise is 70", "spread"]),
        (["engine.regroup_ms=-2"], ["engine.regroup_ms is -2", "at least 0"]),
        (["engine.latency=fixed", "engine.latency_ms=-3"], ["engine.latency_ms is -3", "at least 0"]),
        (["program.tie_break=2"], ["program.tie_break is 2", "below 1"]),
        (["program.late=soon"], ["program.late is 'soon'", "brief"]),
        (["solver=edf", "solver.late=soon"], ["solver.late is 'soon'", "brief"]),
        (["solver=srtf", "solver.chunk=0"], ["solver.chunk is 0", "at least 1"]),
        (["program=assignment", "program.form=degree"], ["program.form is 'degree'", "groups"]),
        (
            ["program=assignment", "program.form=degrees", "cluster.grouping=all"],
            ["program.form is 'degrees'", "differ"],
        ),
        (["engine.latency=sometimes"], ["engine.latency is 'sometimes'", "measured"]),
        (["engine.late=ignore"], ["engine.late is 'ignore'", "drop"]),
        (["objective=custom", "objective.file=/no/such.py"], ["/no/such.py"]),
        (["objective=weighted", "objective.terms=[nosuch:1]"], ["objective.terms", "nosuch", "survivors"]),
        (["objective=weighted", "objective.terms=[]"], ["objective.terms", "empty"]),
        (["objective=lexicographic", "objective.terms=[survivors:0]"], ["objective.terms", "survivors:0"]),
        (["solver=dp", "objective=least_share"], ["solver=dp", "least_share", "on_time", "highs"]),
        (["objective=moves", "program=lookahead"], ["lookahead", "moves", "Tardiness", "program=assignment"]),
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
    with pytest.raises(ValueError, match=r"engine.regroup_ms is 500.* cadence.tau=0.216798 s"):
        build(compose(["solver=dp", slow, SMALL]))
    assert build(compose(["solver=dp", "cadence=events", slow, SMALL])).workload.requests
