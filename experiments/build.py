"""From a configuration to the objects of a run, all of them checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from executor.loop import PlannerLatency, Service
from executor.simulated import Physics
from experiments.build_workload import build_workload
from experiments.checks import ConfigError, positive
from experiments.workload import (
    Workload,
)
from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend
from planner.backends.pulp import PulpBackend
from planner.cluster import Cluster, Grouping
from planner.costs import costs_of
from planner.objectives import (
    Fairness,
    GpuSeconds,
    LeastShare,
    Level,
    Lexicographic,
    Moves,
    Objective,
    OnTime,
    Progress,
    Survivors,
    Tardiness,
    Term,
    Weighted,
    load_objective,
)
from planner.programs.assignment import Assignment as AssignmentProgram
from planner.programs.linear import Program
from planner.programs.lookahead import Lookahead
from planner.round import Cadence
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Exact
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from profiles import Profile, ProfileError, Shape, load_profile

SHIPPED: Mapping[str, type[Objective]] = {
    "survivors": Survivors,
    "on_time": OnTime,
    "gpu_seconds": GpuSeconds,
    "tardiness": Tardiness,
    "fairness": Fairness,
    "progress": Progress,
    "moves": Moves,
}


PROGRAMS: Mapping[str, Callable[[], Program]] = {"assignment": AssignmentProgram, "lookahead": Lookahead}
"""Programs by name, with their defaults."""

BACKENDS: Mapping[str, Callable[[], Backend]] = {
    "cpsat": CpSatBackend,
    "highs": HighsBackend,
    "scip": MathOptBackend,
    "mathopt-highs": partial(MathOptBackend, "highs"),
    "cbc": PulpBackend,
    "pulp-highs": partial(PulpBackend, "highs"),
}
"""Solvers of programs by name, with their defaults."""


@dataclass(frozen=True)
class Setup:
    """A run, ready to go.

    Parameters
    ----------
    service
        How requests are served, with the profile that the planner believes.
    truth
        The profile that the engine runs at.
    physics
        What the simulated hardware does beyond it.
    workload
        The requests.
    seed
        Seed of the engine's noise; the workload was drawn from it, too.
    title
        For tables and pictures.
    notes
        What a user may not expect of this configuration, in sentences.
    """

    service: Service
    truth: Profile
    physics: Physics
    workload: Workload
    seed: int
    title: str
    notes: tuple[str, ...] = ()


def build(config: Mapping[str, Any]) -> Setup:
    """Make and check everything that a run needs.

    Parameters
    ----------
    config
        The composed configuration as plain data, one mapping per group (see :mod:`experiments.config`).

    Raises
    ------
    ValueError
        If anything is wrong; the message names the field, its value and what would be right.
    """
    seed = config["seed"]
    if seed < 0:
        raise ConfigError(f"seed is {seed}; a whole number of at least 0 is needed")
    truth = load_profile(config["profile"]["name"])
    error = config["profile"]["error"]
    believed = truth if error == 1.0 else truth.scaled(error)
    cluster = _cluster(config["cluster"], truth)
    workload = build_workload(config["workload"], truth, cluster, seed)
    shapes = sorted({request.shape for request in workload.requests})
    notes = _notes(config, workload, believed, cluster, shapes)
    solver = _solver(config)
    _check_degrees(solver, believed, cluster, shapes)
    engine = config["engine"]
    physics = Physics(engine["noise"], engine["noise_cv"], 1e-3 * engine["regroup_ms"], engine["stages"])
    if engine["stages"]:
        for shape in shapes:
            truth.encode_time(shape), truth.decode_time(shape)
    service = Service(
        cluster=cluster,
        profile=believed,
        solver=solver,
        cadence=_cadence(config["cadence"], believed, cluster, shapes),
        budget=1e-3 * positive("solver.budget_ms", config["solver"]["budget_ms"]),
        late=engine["late"],
        latency=PlannerLatency(engine["latency"], 1e-3 * engine["latency_ms"]),
        stages=engine["stages"],
    )
    title = config["name"] or f"{solver.name} on {workload.name}, {truth.name}, {cluster.gpus} GPUs"
    return Setup(service, truth, physics, workload, seed, title, notes)


def _notes(
    config: Mapping[str, Any], workload: Workload, profile: Profile, cluster: Cluster, shapes: list[Shape]
) -> tuple[str, ...]:
    """Refuse shapes that the profile lacks; note degrees that it lacks, ignored objectives, and requests for other models."""
    notes = []
    for shape in shapes:
        try:
            known = costs_of(profile, cluster).of(shape).step_time
        except ProfileError as error:
            raise ConfigError(
                f"profile.name is {config['profile']['name']}, but workload {workload.name} needs {shape.label}: {error}"
            ) from None
        missing = [degree for degree in cluster.degrees if degree not in known]
        if missing:
            degrees = " and ".join(map(str, missing))
            notes.append(
                f"{shape.label} has no step time at degree {degrees} in this profile and will not run on so many GPUs"
            )
    solver, objective = config["solver"]["kind"], config.get("objective", {}).get("kind", "on_time")
    exact = solver in ("cpsat", "highs", "scip", "pulp")
    if objective == "least_share" and not exact:
        raise ConfigError(
            f"solver={solver} cannot express objective=least_share, which is no sum of rewards; it serves as many jobs on "
            "time as its own rule finds (objective=on_time). Use solver=cpsat, highs, scip or pulp"
        )
    if objective == "moves" and exact and config["program"]["kind"] == "lookahead" and config["objective"]["price"]:
        raise ConfigError(
            "program=lookahead cannot express objective=moves: it plans durations, not GPUs; it takes survivors, on_time, "
            "fairness, least_share, tardiness, gpu_seconds, cost and weighted sums of them. Use program=assignment"
        )
    if objective != "on_time" and not exact:
        notes.append(f"solver={solver} has its own rule; objective={objective} is not used")
    others = {request.model for request in workload.requests} - {"", profile.model}
    if others:
        notes.append(f"the workload asks for {', '.join(sorted(others))}, but is served by {profile.model}")
    return tuple(notes)


def _cluster(config: Mapping[str, Any], profile: Profile) -> Cluster:
    kind, grouping = config["kind"], config["grouping"]
    if grouping not in get_args(Grouping):
        raise ConfigError(f"cluster.grouping is {grouping!r}; use 'aligned' or 'all'")
    if kind == "pairs":
        return Cluster.pairs(config["gpus"], grouping)
    link = config["link"] if config["link"] != "auto" else next(iter(profile.links), "nvlink")
    if kind == "nodes":
        for field in ("nodes", "gpus_per_node"):
            if config[field] < 1:
                raise ConfigError(f"cluster.{field} is {config[field]}; at least 1 is needed")
        return Cluster.nodes(config["nodes"], config["gpus_per_node"], link)
    return Cluster.flat(config["gpus"], link, grouping)


def _solver(config: Mapping[str, Any]) -> Solver:
    solver = config["solver"]
    match solver["kind"]:
        case "dp":
            return GreedyDp(solver["allocation"], solver["preserve"], solver["elastic"], solver["waiting"])
        case "fixed":
            return Fixed(solver["degree"])
        case "rssp":
            return Rssp(positive("solver.efficiency", solver["efficiency"]), _degrees(solver["degrees"]))
        case "edf":
            return Edf(solver["elastic"])
        case "srtf":
            return Srtf(solver["degree"], solver["chunk"])
        case _:
            program = _program(config["program"])
            greedy = Edf() if isinstance(program, Lookahead) else GreedyDp()
            return Exact(_backend(solver), program, make_objective(config["objective"]), greedy)


def _backend(solver: Mapping[str, Any]) -> Backend:
    match solver["kind"]:
        case "cpsat":
            if solver["workers"] < 1:
                raise ConfigError(f"solver.workers is {solver['workers']}; at least 1 is needed")
            return CpSatBackend(solver["deterministic"], solver["workers"])
        case "pulp":
            if solver["solver"] not in ("cbc", "highs"):
                raise ConfigError(f"solver.solver is {solver['solver']!r}; use 'cbc' or 'highs'")
            return PulpBackend(solver["solver"])
        case kind:
            return BACKENDS[kind]()


def _program(config: Mapping[str, Any]) -> Program:
    if config["kind"] == "lookahead":
        return Lookahead(config["tie_break"], config["late"])
    return AssignmentProgram(config["form"], config["conserve"], config["batching"])


def make_objective(config: Mapping[str, Any]) -> Objective:
    """Make the objective of a configuration."""
    kind = config["kind"]
    if kind == "custom":
        return load_objective(config["file"], config["name"], config["arguments"])
    if kind in ("weighted", "lexicographic"):
        terms = [_term(kind, text) for text in config["terms"]]
        if not terms:
            raise ConfigError(f"objective.terms is empty; give name:number pairs, names among {', '.join(SHIPPED)}")
        if kind == "weighted":
            return Weighted(tuple(Term(objective, weight) for objective, weight in terms))
        return Lexicographic(tuple(Level(objective, unit) for objective, unit in terms))
    if kind == "progress":
        return Progress(positive("objective.floor", config["floor"]))
    if kind in ("cost", "moves"):
        price = config["price"]
        if not 0 <= price < math.inf:
            raise ConfigError(f"objective.price is {price}; a finite number of at least 0 is needed")
        return Weighted((Term(OnTime()), Term(GpuSeconds() if kind == "cost" else Moves(), price)))
    if kind == "least_share":
        return LeastShare()
    return SHIPPED[kind]()


def _term(kind: str, text: str) -> tuple[Objective, float]:
    """Read ``name:number``."""
    name, _, number = text.partition(":")
    if name not in SHIPPED:
        raise ConfigError(f"objective.terms has {text!r}; its name must be among {', '.join(SHIPPED)}")
    try:
        value = float(number or "1")
    except ValueError:
        raise ConfigError(f"objective.terms has {text!r}; a number must follow the colon") from None
    if not math.isfinite(value) or (kind == "lexicographic" and value <= 0):
        raise ConfigError(f"objective.terms has {text!r}; the number must be finite, and a unit positive")
    return SHIPPED[name](), value


def _degrees(given: Mapping[str, int]) -> dict[str, int]:
    return {Shape.parse(label).label: degree for label, degree in given.items()}


def _check_degrees(solver: Solver, profile: Profile, cluster: Cluster, shapes: list[Shape]) -> None:
    """Refuse a degree that the cluster or the profile does not have."""
    wanted: dict[str, tuple[int, list[Shape]]] = {}
    if isinstance(solver, Fixed | Srtf):
        wanted["solver.degree"] = (solver.degree, shapes)
    if isinstance(solver, Rssp):
        wanted |= {
            f"solver.degrees.{label}": (degree, [Shape.parse(label)]) for label, degree in solver.degrees.items()
        }
    for field, (degree, needed) in wanted.items():
        if degree not in cluster.degrees:
            raise ConfigError(
                f"{field} is {degree}; cluster {cluster.name} has {cluster.gpus} GPUs and groups of "
                f"{', '.join(map(str, cluster.degrees))}"
            )
        for shape in needed:
            known = costs_of(profile, cluster).of(shape).step_time
            if degree not in known:
                raise ConfigError(
                    f"{field} is {degree}; profile {profile.name} has {shape.label} on cluster {cluster.name} at degrees "
                    f"{', '.join(map(str, known))} only"
                )


def _cadence(config: Mapping[str, Any], profile: Profile, cluster: Cluster, shapes: list[Shape]) -> Cadence:
    tau = config["tau"]
    if config["kind"] == "rounds":
        costs = costs_of(profile, cluster)
        if tau is None:
            tau = positive("cadence.steps", config["steps"]) * _reference_step(config, profile, cluster)
        for shape in shapes:
            if tau < costs.of(shape).fastest:
                raise ConfigError(
                    f"cadence.tau is {tau:g} s, but a step of {shape.label} takes {costs.of(shape).fastest:g} s at its "
                    "fastest; give a longer cadence.tau, or cadence=events"
                )
    return Cadence(config["kind"], positive("cadence.tau", tau))


def _reference_step(config: Mapping[str, Any], profile: Profile, cluster: Cluster) -> float:
    """Seconds of the step that the length of a round is counted in."""
    label, degree = config["resolution"], config["degree"]
    if label is None:
        shapes = [Shape(1024, 1024)] if Shape(1024, 1024) in profile.shapes else profile.shapes
        shape = shapes[len(shapes) // 2]
    else:
        shape = Shape.parse(label)
    times = costs_of(profile, cluster).of(shape).step_time
    if degree not in times:
        raise ConfigError(f"cadence.degree is {degree}; {shape.label} runs at degrees {', '.join(map(str, times))}")
    return times[degree]
