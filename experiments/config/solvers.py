"""Who plans: every choice of ``solver`` with its fields and what makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from omegaconf import MISSING

from executor.cells.on_ray import OnRay
from executor.cells.processes import InProcesses
from experiments.config.checks import configured
from experiments.config.objectives import make_objective
from experiments.config.programs import make_program
from experiments.config.schemas import made_from, schema_from
from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend
from planner.backends.pulp import PulpBackend
from planner.errors import ParameterError
from planner.solvers.cells import Cells, InTurn, Planning
from planner.solvers.contained import load_solver
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Exact
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver

BACKENDS: Mapping[str, Callable[[], Backend]] = {
    "cpsat": CpSatBackend,
    "highs": HighsBackend,
    "scip": MathOptBackend,
    "mathopt-highs": partial(MathOptBackend, "highs"),
    "cbc": PulpBackend,
    "pulp-highs": partial(PulpBackend, "highs"),
}
"""Solvers of programs by name, with their defaults."""


@dataclass
class SolverConfig:
    """What every solver has: ``budget_ms``, the time of a processor for one decision, the program's making included.

    It is turned into counts of nodes, iterations and program entries (:mod:`planner.effort`): equal on every machine. A
    program that does not fit is not made: prices decide in its place, or the greedy plan stands, and the certificate says so.
    """

    kind: str = MISSING
    budget_ms: float = 10.0


@dataclass
class CustomSolverConfig(SolverConfig):
    """A class of your own: ``solver.file`` is a Python file anywhere on disk (docs/own.md)."""

    kind: str = "custom"
    file: str = MISSING
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass
class CellsConfig(SolverConfig):
    """A large cluster in cells of ``solver.gpus`` GPUs each, planned by ``solver.inside`` as ``solver.arguments`` set it.

    ``solver.planning``: ``turn`` (one cell after the other), ``processes`` (``solver.workers`` of them, 0: one per core) or
    ``ray`` (a cluster at ``solver.address``; by default Ray is started here).
    """

    kind: str = "cells"
    budget_ms: float = 500.0
    inside: str = "highs"
    gpus: int = 512
    planning: str = "turn"
    workers: int = 0
    address: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SolverChoice:
    """A choice of ``solver``.

    Parameters
    ----------
    schema
        Its fields and their defaults.
    make
        Makes the solver from the whole configuration.
    exact
        Whether it solves a program for an objective; a rule uses neither.
    """

    schema: type
    make: Callable[[Mapping[str, Any]], Solver]
    exact: bool = False


def _rule(kind: str, source: type, **others: Any) -> SolverChoice:
    return SolverChoice(
        schema_from(kind, source, base=SolverConfig, **others), lambda config: made_from(source, config["solver"])
    )


def _exact(kind: str, source: type, only: tuple[str, ...] = (), **others: Any) -> SolverChoice:
    def make(config: Mapping[str, Any]) -> Solver:
        backend: Backend = made_from(source, config["solver"], only)
        return Exact(backend, make_program(config["program"]), make_objective(config["objective"]))

    return SolverChoice(schema_from(kind, source, only, SolverConfig, **others), make, exact=True)


def _custom(config: Mapping[str, Any]) -> Solver:
    chosen = config["solver"]
    return load_solver(chosen["file"], chosen["name"], chosen["arguments"])


_NOT_INSIDE = ("cells", "custom")


def _cells(config: Mapping[str, Any]) -> Solver:
    chosen = config["solver"]
    inside, arguments = chosen["inside"], chosen["arguments"]
    choice = SOLVERS.get(inside)
    if choice is None or inside in _NOT_INSIDE:
        raise ParameterError("inside", inside, f"use {', '.join(name for name in SOLVERS if name not in _NOT_INSIDE)}")
    own = asdict(choice.schema())
    unknown = sorted(arguments.keys() - own.keys() | arguments.keys() & {"kind", "budget_ms"})
    if unknown:
        known = ", ".join(name for name in own if name not in ("kind", "budget_ms", "defaults"))
        raise ParameterError("arguments", arguments, f"solver={inside} has no {unknown[0]}; it has {known or 'none'}")
    plannings: dict[str, Callable[[], Planning]] = {
        "turn": InTurn,
        "processes": lambda: InProcesses(chosen["workers"]),
        "ray": lambda: OnRay(chosen["address"]),
    }
    if chosen["planning"] not in plannings:
        raise ParameterError("planning", chosen["planning"], f"use {', '.join(plannings)}")
    planner = choice.make({**config, "solver": {**own, **arguments}})
    return Cells(planner, chosen["gpus"], plannings[chosen["planning"]]())


_ROUNDS = [{"override /cadence@_global_.cadence": "rounds"}]

SOLVERS: Mapping[str, SolverChoice] = {
    "cpsat": _exact("cpsat", CpSatBackend, ("deterministic", "workers")),
    "highs": _exact("highs", HighsBackend),
    "scip": _exact("scip", MathOptBackend, budget_ms=100.0),
    "pulp": _exact("pulp", PulpBackend, ("solver",), budget_ms=1000.0),
    "dp": _rule("dp", GreedyDp, defaults=_ROUNDS),
    "fixed": _rule("fixed", Fixed),
    "rssp": _rule("rssp", Rssp),
    "edf": _rule("edf", Edf),
    "srtf": _rule("srtf", Srtf),
    "moore": _rule("moore", Moore),
    "cells": SolverChoice(CellsConfig, _cells, exact=True),
    "custom": SolverChoice(CustomSolverConfig, _custom),
}


def make_solver(config: Mapping[str, Any]) -> Solver:
    """Make the solver of a configuration; wrong values are refused by field."""
    with configured("solver", config["solver"]):
        return SOLVERS[config["solver"]["kind"]].make(config)
