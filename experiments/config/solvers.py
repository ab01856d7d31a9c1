"""Who plans: every choice of ``solver`` with its fields and what makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from omegaconf import MISSING

from experiments.config.checks import configured
from experiments.config.objectives import make_objective
from experiments.config.programs import make_program
from experiments.config.schemas import made_from, schema_from
from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend
from planner.backends.pulp import PulpBackend
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


@dataclass(frozen=True)
class Choice:
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


def _rule(kind: str, source: type, **others: Any) -> Choice:
    return Choice(
        schema_from(kind, source, base=SolverConfig, **others), lambda config: made_from(source, config["solver"])
    )


def _exact(kind: str, source: type, only: tuple[str, ...] = (), **others: Any) -> Choice:
    def make(config: Mapping[str, Any]) -> Solver:
        backend: Backend = made_from(source, config["solver"], only)
        return Exact(backend, make_program(config["program"]), make_objective(config["objective"]))

    return Choice(schema_from(kind, source, only, SolverConfig, **others), make, exact=True)


def _custom(config: Mapping[str, Any]) -> Solver:
    chosen = config["solver"]
    return load_solver(chosen["file"], chosen["name"], chosen["arguments"])


_ROUNDS = [{"override /cadence@_global_.cadence": "rounds"}]

SOLVERS: Mapping[str, Choice] = {
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
    "custom": Choice(CustomSolverConfig, _custom),
}


def make_solver(config: Mapping[str, Any]) -> Solver:
    """Make the solver of a configuration; wrong values are refused by field."""
    with configured("solver", config["solver"]):
        return SOLVERS[config["solver"]["kind"]].make(config)
