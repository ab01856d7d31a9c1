"""From a configuration to who plans: solver, program and objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from experiments.checks import ConfigError, configured, positive
from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend
from planner.backends.pulp import PulpBackend
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
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Exact
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from profiles import Shape

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


def build_solver(config: Mapping[str, Any]) -> Solver:
    """Make the solver of a configuration; wrong values are refused by field."""
    with configured("solver", config["solver"]):
        return _solver(config, config["solver"])


def _solver(config: Mapping[str, Any], solver: Mapping[str, Any]) -> Solver:
    match solver["kind"]:
        case "dp":
            return GreedyDp(*(solver[field] for field in ("allocation", "preserve", "elastic", "waiting", "late")))
        case "fixed":
            return Fixed(solver["degree"])
        case "rssp":
            return Rssp(positive("solver.efficiency", solver["efficiency"]), _degrees(solver["degrees"]))
        case "edf":
            return Edf(solver["elastic"], solver["admission"], solver["late"])
        case "moore":
            return Moore(solver["late"])
        case "srtf":
            return Srtf(*(solver[field] for field in ("degree", "chunk", "elastic", "admission", "late")))
        case _:
            program = _program(config["program"])
            return Exact(_backend(solver), program, make_objective(config["objective"]))


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
    with configured("program", config):
        if config["kind"] == "lookahead":
            return Lookahead(config["tie_break"], config["late"], concurrency=config["concurrency"])
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
