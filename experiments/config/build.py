"""From a configuration to the objects of a run, all of them checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast, get_args

from executor.physics import Physics
from executor.service import PlannerLatency, Service
from experiments.config.cadences import build_cadence
from experiments.config.checks import ConfigError, configured, positive
from experiments.config.requests import asked_shapes, build_workload
from experiments.config.solvers import make_solver
from experiments.config.unused import notes_on_rules, notes_on_targets, refuse_unused
from experiments.config.workers import worker_count
from experiments.workload import Workload
from planner.cluster import Cluster, Grouping
from planner.costs import costs_of
from planner.errors import ParameterError
from planner.objectives import ObjectiveError
from planner.promise import Admission, AdmissionPolicy, ProtectionLevels
from planner.solvers.protocol import Demanding
from profiles import Extension, Profile, ProfileError, Shape, extended, load_profile
from profiles.extend import check_unknown_shapes

MOST_GPUS = 5000
"""Of a cluster: more have too many groups to choose among."""
MOST_ERROR = 1000.0
"""Factor by which a planner may believe step times to be longer, or shorter, than they are."""


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


Requests = Callable[[Profile], Workload]
"""Makes the requests of a setup whose configuration has none, for the profile of the hardware."""


def build(config: Mapping[str, Any], truth: Profile | None = None, requests: Requests | None = None) -> Setup:
    """Make and check everything that a run needs.

    Parameters
    ----------
    config
        The composed configuration as plain data, one mapping per group (see :mod:`experiments.config`).
    truth
        The profile of the hardware, in place of the configured one: with ``profile=measured``, what was measured.
    requests
        Makes the requests, in place of the configured workload: a server knows no more than what can be asked for.

    Raises
    ------
    ValueError
        If anything is wrong; the message names the field, its value and what would be right.
    """
    refuse_unused(config)
    seed = config["seed"]
    if seed < 0:
        raise ConfigError(f"seed is {seed}; a whole number of at least 0 is needed")
    how = _unknown_shapes(config)
    held = truth or _profile(config)
    truth = held if requests else _extension(config, held, asked_shapes(config["workload"]), how).profile
    error = positive("profile.error", config["profile"]["error"])
    if not 1.0 / MOST_ERROR <= error <= MOST_ERROR:
        raise ConfigError(f"profile.error is {error:g}; a factor from {1.0 / MOST_ERROR:g} to {MOST_ERROR:g} is needed")
    engine = config["engine"]
    if "speed" in engine:
        positive("engine.speed", engine["speed"])
    if engine["stage_workers"] > MOST_GPUS:
        raise ConfigError(f"engine.stage_workers is {engine['stage_workers']}; at most {MOST_GPUS} are right")
    real = engine["kind"] == "distributed"
    cluster = build_cluster(config, truth.links)
    if not real:
        cluster = cluster.offering(entry.degree for entry in held.entries)
    workload = requests(truth) if requests else build_workload(config["workload"], truth, cluster, seed)
    shapes = sorted({request.shape for request in workload.requests})
    extension = _extension(config, held, shapes, how)
    truth = extension.profile
    believed = truth if error == 1.0 else truth.scaled(error)
    notes = _notes(config, workload, believed, cluster, shapes)
    solver = make_solver(config)
    if isinstance(solver, Demanding):
        try:
            solver.check(costs_of(believed, cluster), shapes)
        except ParameterError as error:
            group = "solver" if error.name.partition(".")[0] in config["solver"] else "program"
            raise ConfigError(error.at(f"{group}.{error.name}", config[group].get(error.name, error.value))) from None
        except ObjectiveError as error:
            raise ConfigError(
                f"objective={config['objective']['kind']}: {error}. program=assignment takes every objective"
            ) from None
    with configured("engine", engine, regroup_seconds="regroup_ms"):
        physics = (
            Physics(stages=True, stage_workers=engine["stage_workers"], decode=engine["decode"])
            if real
            else Physics(
                engine["noise"],
                engine["noise_cv"],
                1e-3 * engine["regroup_ms"],
                engine["stages"],
                engine["stage_workers"],
                engine["decode"],
            )
        )
        if not real:
            physics.check_noise(truth)
    if physics.stages:
        for shape in shapes:
            truth.encode_time(shape), truth.decode_time(shape)
    cadence, waste = build_cadence(config["cadence"], believed, cluster, workload.requests)
    shifted = workload.parameters.get("shifted_s")
    began = (f"the trace starts at {shifted} s on its clock; the run counts from there",) if shifted else ()
    unused = [*notes_on_rules(config), *(() if requests else notes_on_targets(config["workload"], truth))]
    notes = (*(note for note in (extension.note,) if note), *began, *notes, *unused, *waste)
    if cadence.kind == "rounds" and not real and physics.regroup_seconds >= cadence.tau:
        raise ConfigError(
            f"engine.regroup_ms is {engine['regroup_ms']}, which is no less than a round of cadence.tau={cadence.tau:g} s: "
            "a job that moves in every round would never step; use a longer round, or cadence=events"
        )
    budget = 1e-3 * positive("solver.budget_ms", config["solver"]["budget_ms"])
    with configured("engine", engine, kind="latency", seconds="latency_ms"):
        latency = PlannerLatency(engine.get("latency", "zero"), 1e-3 * engine.get("latency_ms", 0.0))
    admission = admission_of("engine.admission", engine.get("admission", "all"))
    with configured("engine", engine):
        service = Service(
            cluster,
            believed,
            solver,
            cadence,
            budget,
            engine["late"],
            latency,
            physics.stages,
            admission,
            _believed_move(believed) if real else physics.regroup_seconds,
            physics.decode,
        )
    title = (
        config["name"]
        or f"{solver.name} on {workload.name}, {truth.name}, {cluster.gpus} {'workers' if real else 'GPUs'}"
    )
    return Setup(service, truth, physics, workload, seed, title, notes)


def _believed_move(profile: Profile) -> float:
    """Return the seconds of the dearest change of group that was measured; 0 where none was."""
    return max((regroup.seconds for regroup in profile.communication.regroups), default=0.0)


def admission_of(field: str, policy: str) -> Callable[[], Admission] | None:
    """Return what answers requests when they arrive; None takes all.

    Raises
    ------
    ConfigError
        If the policy is none that there is; the message names the field.
    """
    if policy not in ("all", *get_args(AdmissionPolicy)):
        raise ConfigError(f"{field} is {policy!r}; use 'all', 'promise' or 'refuse'")
    return None if policy == "all" else partial(ProtectionLevels, cast(AdmissionPolicy, policy))


def _notes(
    config: Mapping[str, Any], workload: Workload, profile: Profile, cluster: Cluster, shapes: list[Shape]
) -> tuple[str, ...]:
    """Refuse shapes that the profile lacks; note degrees that it lacks, and requests for other models."""
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
    unused = sorted({entry.degree for entry in profile.entries} - set(cluster.degrees))
    unused = [degree for degree in unused if degree <= cluster.gpus]
    if unused:
        notes.append(
            f"the profile has step times at degree {' and '.join(map(str, unused))}, of which the {cluster.grouping} "
            f"groups of {cluster.name} have none; their sizes are {', '.join(map(str, cluster.degrees))} "
            "(cluster.grouping=all takes any)"
        )
    others = {request.model for request in workload.requests} - {"", profile.model}
    if others:
        notes.append(f"the workload asks for {', '.join(sorted(others))}, but is served by {profile.model}")
    return tuple(notes)


def _profile(config: Mapping[str, Any]) -> Profile:
    """Read the profile of a configuration."""
    if "repeats" in config["profile"]:
        raise ConfigError(
            "profile=measured is measured on the workers of engine=distributed, by experiments.run and "
            "experiments.fidelity; elsewhere, name one that they saved: profile=file profile.name=/path/to/profile.json"
        )
    return load_profile(config["profile"]["name"])


def _unknown_shapes(config: Mapping[str, Any]) -> str:
    how = config["profile"].get("shapes", "model")
    try:
        return check_unknown_shapes(how)
    except ProfileError as error:
        raise ConfigError(f"profile.{error}") from None


def _extension(config: Mapping[str, Any], profile: Profile, shapes: Iterable[Shape], how: str) -> Extension:
    """Give a profile the shapes that are asked for, as ``profile.shapes`` says."""
    try:
        return extended(profile, shapes, how)
    except ProfileError as error:
        raise ConfigError(f"profile.name is {config['profile']['name']}: {error}") from None


def build_cluster(config: Mapping[str, Any], links: tuple[str, ...]) -> Cluster:
    """Make the cluster of a configuration; GPUs of one switch are joined by the first of ``links``.

    Raises
    ------
    ConfigError
        If a field is out of range, or the cluster is not that of the engine's workers.
    """
    cluster, engine = config["cluster"], config["engine"]
    kind, grouping = cluster["kind"], cluster["grouping"]
    if grouping not in get_args(Grouping):
        raise ConfigError(f"cluster.grouping is {grouping!r}; use 'aligned' or 'all'")
    real = engine["kind"] == "distributed"
    sizes = [cluster[field] for field in ("gpus", "nodes", "gpus_per_node") if field in cluster]
    if (gpus := math.prod(size for size in sizes if size > 0)) > MOST_GPUS:
        raise ConfigError(f"the cluster has {gpus} GPUs; at most {MOST_GPUS} can be planned for")
    if kind == "workers" and not real:
        raise ConfigError("cluster=workers are those of engine=distributed; use cluster=switch with engine=simulated")
    if kind == "pairs":
        made = Cluster.pairs(cluster["gpus"], grouping)
    else:
        link = cluster["link"] if cluster["link"] != "auto" else next(iter(links), "nvlink")
        if links and link not in links:
            raise ConfigError(f"cluster.link is {link!r}; the profile has step times for {', '.join(links)}")
        if kind == "nodes":
            for field in ("nodes", "gpus_per_node"):
                if cluster[field] < 1:
                    raise ConfigError(f"cluster.{field} is {cluster[field]}; at least 1 is needed")
            made = Cluster.nodes(cluster["nodes"], cluster["gpus_per_node"], link)
        else:
            made = Cluster.flat(worker_count(engine) if kind == "workers" else cluster["gpus"], link, grouping)
    if real and kind != "workers" and engine["workers"] not in (None, made.gpus):
        raise ConfigError(
            f"engine.workers is {engine['workers']}, but cluster {made.name} has {made.gpus} GPUs; every GPU is a worker: "
            "leave engine.workers out, or use cluster=workers"
        )
    return made
