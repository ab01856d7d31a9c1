"""What a configuration says and nothing would use: refused where that is plainly a mistake, else noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from experiments.config.checks import ConfigError
from experiments.config.objectives import make_objective
from experiments.config.platforms import RoundsConfig
from experiments.config.programs import SCHEMAS as PROGRAMS
from experiments.config.solvers import SOLVERS, SolverConfig
from experiments.config.workloads import RequestsConfig
from experiments.workload import slo_rule
from planner.objectives.protocol import NeedsProgram
from profiles import Profile

_GPUS = {"nodes": "cluster.nodes times cluster.gpus_per_node", "workers": "engine.workers"}
"""By kind of cluster without a number of GPUs of its own, what it has."""


def refuse_unused(config: Mapping[str, Any]) -> None:
    """Refuse what has no effect without something else that is not given.

    Raises
    ------
    ConfigError
        With the field, its value and what is missing.
    """
    cluster, cadence, engine = config["cluster"], config["cadence"], config["engine"]
    kind = cluster["kind"]
    if cluster["gpus"] and kind in _GPUS:
        raise ConfigError(f"cluster.gpus is {cluster['gpus']}, but cluster={kind} has {_GPUS[kind]} GPUs; leave it out")
    if kind == "nodes" and cluster["grouping"] == "all":
        raise ConfigError("cluster.grouping is 'all', but cluster=nodes has aligned groups only; leave it out")
    for field in ("resolution", "degree"):
        if cadence["kind"] == "rounds" and cadence["steps"] is None and cadence[field] != getattr(RoundsConfig, field):
            raise ConfigError(f"cadence.{field} is {cadence[field]} and says what cadence.steps counts; give that, too")
    for field, given in (
        ("overwrite", config.get("overwrite")),
        ("serve.resume", config.get("serve", {}).get("resume")),
    ):
        if given and not config.get("output"):
            raise ConfigError(f"{field} is true and says what happens to the directory of output, which is not given")
    kind, milliseconds = engine.get("latency", "zero"), engine.get("latency_ms", 0.0)
    if milliseconds and kind != "fixed":
        raise ConfigError(
            f"engine.latency_ms is {milliseconds} and engine.latency is {kind!r}; it needs engine.latency=fixed"
        )
    if not milliseconds and kind == "fixed":
        raise ConfigError(
            "engine.latency is 'fixed' and engine.latency_ms is 0; give milliseconds, or use engine.latency=zero"
        )
    solver = config["solver"]
    for field, planning in (("workers", "processes"), ("address", "ray")):
        if solver["kind"] == "cells" and solver[field] and solver["planning"] != planning:
            raise ConfigError(f"solver.{field} is {solver[field]}; it needs solver.planning={planning}")
    if engine["kind"] != "distributed" and engine["stage_workers"] != 1 and not engine["stages"]:
        raise ConfigError(
            f"engine.stage_workers is {engine['stage_workers']} and stages take no time; it needs engine.stages=true"
        )
    if engine["kind"] != "distributed" and engine["decode"] == "group" and not engine["stages"]:
        raise ConfigError("engine.decode is 'group' and stages take no time; it needs engine.stages=true")


def notes_on_targets(workload: Mapping[str, Any], profile: Profile) -> Iterator[str]:
    """Say what has no effect on where the targets of this profile come from."""
    reference = workload["reference_gpus"]
    if reference != RequestsConfig.reference_gpus and slo_rule(profile, workload["deadlines"], reference).published:
        yield f"deadlines are the published seconds; workload.reference_gpus={reference} is not used"


def notes_on_rules(config: Mapping[str, Any]) -> Iterator[str]:
    """Say what has no effect where a rule plans, and may have on others of a comparison.

    Raises
    ------
    ConfigError
        If the objective cannot do without a program, and the solver uses none.
    """
    kind, program = config["solver"]["kind"], config["program"]
    if SOLVERS[kind].exact:
        return
    usual = asdict(PROGRAMS["lookahead"]())
    others = [f"program.{name}={value}" for name, value in program.items() if value != usual.get(name)]
    if program["kind"] != usual["kind"]:
        others = [f"program={program['kind']}"]
    if others:
        yield f"solver={kind} has its own rule; {', '.join(others)} is not used"
    objective = config["objective"]["kind"]
    if objective != "on_time":
        made = make_objective(config["objective"])
        if isinstance(made, NeedsProgram):
            exact = ", ".join(name for name, choice in SOLVERS.items() if choice.exact)
            raise ConfigError(
                f"solver={kind} cannot express objective={objective}, which {made.needs_program}; it serves as many jobs "
                f"on time as its own rule finds (objective=on_time). Use solver={exact}"
            )
        yield f"solver={kind} has its own rule; objective={objective} is not used"
    budget = config["solver"]["budget_ms"]
    if kind != "custom" and budget != SolverConfig.budget_ms:
        yield f"solver={kind} has no use for a budget; solver.budget_ms={budget:g} is not used"
