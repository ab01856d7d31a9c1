"""The instance that a solver gets: everything that a decision may depend on, immutable, readable as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from planner.cluster import Cluster, Group
from planner.costs import Costs, costs_of
from planner.errors import ParameterError, fields_of, is_finite, listed, within
from planner.job import Job
from planner.request import Request
from planner.round_check import check_round
from planner.setters import setters_of
from profiles.profile import Profile
from profiles.shape import Shape

Given = TypeVar("Given")
Made = TypeVar("Made")
_JOB = (
    *("id", "shape", "steps", "arrival", "deadline", "weight", "model"),
    *("steps_left", "due", "ready", "group", "running"),
)
SCHEMA = "tetriplan/round/1"
EPSILON = 1e-9
"""Seconds by which two times may differ and still count as equal."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """When plans are made, and how far a one-round decision looks.

    Parameters
    ----------
    kind
        ``"rounds"``: every ``tau`` seconds, as in the paper. ``"events"``: when a request arrives, finishes or yields.
    tau
        Length of a round in seconds. With ``events`` it is the horizon of one-round programs only.
    grid
        With ``rounds``: whether a round is all that a plan is about, as in the paper: segments end with the round, and a step
        that lasts on keeps its GPUs. Planners that look beyond the round leave the grid (:attr:`Round.off_grid`).
    """

    kind: Literal["rounds", "events"]
    tau: float
    grid: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("rounds", "events"):
            raise ParameterError("kind", self.kind, "use 'rounds' or 'events'")
        if not (is_finite(self.tau) and self.tau > 0):
            raise ParameterError("tau", self.tau, "a positive number of seconds is needed")
        if type(self.grid) is not bool:
            raise ParameterError("grid", self.grid, "True or False is needed")

    @property
    def on_grid(self) -> bool:
        """Whether segments end with the round."""
        return self.grid and self.kind == "rounds"


@dataclass(frozen=True, slots=True, init=False)
class Round:
    """A planning instance.

    Parameters
    ----------
    now
        Seconds since the start of the run.
    jobs
        Live jobs, by request id.
    cluster, profile
        What groups there are, and what a step costs on them.
    free_at
        Per GPU, since or from when on it can begin something else; in the future only while a step is in progress on
        it, or an image is made.
    cadence
        When the next plan will be made.
    regroup_seconds
        What a job loses when it goes on on other GPUs than those that hold its latent; 0 where plans need not count it.
    demand
        GPU-seconds per GPU-second that requests have lately asked for; 0 where nobody has counted.
    decoding
        GPUs that make an image, until their ``free_at``: no step can begin on them before. Another decision follows then, so
        plans rather take others.
    costs
        Step times over the groups of the cluster; follows from cluster and profile.

    Raises
    ------
    ParameterError
        If a value is of another type or not finite, two jobs have one id, two run on one GPU and are no batch, or a group
        is none of the cluster's. The message names the field.
    """

    now: float
    jobs: tuple[Job, ...]
    cluster: Cluster
    profile: Profile
    free_at: tuple[float, ...]
    cadence: Cadence
    regroup_seconds: float = 0.0
    demand: float = 0.0
    decoding: tuple[int, ...] = ()
    costs: Costs = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        now: float,
        jobs: tuple[Job, ...],
        cluster: Cluster,
        profile: Profile,
        free_at: tuple[float, ...],
        cadence: Cadence,
        regroup_seconds: float = 0.0,
        demand: float = 0.0,
        decoding: tuple[int, ...] = (),
    ) -> None:
        _set_now(self, now)
        _set_jobs(self, jobs)
        _set_cluster(self, cluster)
        _set_profile(self, profile)
        _set_free_at(self, free_at)
        _set_cadence(self, cadence)
        _set_regroup_seconds(self, regroup_seconds)
        _set_demand(self, demand)
        _set_decoding(self, decoding)
        check_round(self)
        _set_costs(self, costs_of(profile, cluster))

    @property
    def off_grid(self) -> Round:
        """The same instance for a planner whose segments do not end with the round, though it is asked at boundaries only."""
        if not self.cadence.on_grid:
            return self
        cadence = replace(self.cadence, grid=False)
        same = object.__new__(Round)  # nothing that a round checks depends on the grid, so it is not checked again
        for set_field, name in zip(_SETTERS, Round.__slots__, strict=True):
            set_field(same, getattr(self, name))
        _set_cadence(same, cadence)
        return same

    @property
    def images_until(self) -> tuple[float, ...]:
        """When each GPU that makes an image is free, ascending; not before now."""
        return tuple(sorted(max(self.now, self.free_at[gpu]) for gpu in self.decoding)) if self.decoding else ()

    def hopeless(self, job: Job) -> bool:
        """Whether a job misses its deadline even if it runs from now on at its fastest degree."""
        start = job.ready if job.ready > self.now else self.now
        return start + job.steps_left * self.costs.of(job.request.shape).fastest > job.due + EPSILON

    def slack(self, job: Job) -> float:
        """Seconds that a job could lose and still be on time at its fastest degree; negative if it is late in any case."""
        start = job.ready if job.ready > self.now else self.now
        return job.due - start - job.steps_left * self.costs.of(job.request.shape).fastest

    def move_seconds(self, job: Job, group: Group) -> float:
        """Seconds that a job loses by going on on a group: none on the one that holds its latent or before its first step."""
        held = job.group
        return 0.0 if held is None or held is group or held.mask == group.mask else self.regroup_seconds

    def least_gpu_seconds(self, job: Job) -> float:
        """GPU-seconds that the steps left of a job take at the least."""
        return job.steps_left * self.costs.of(job.request.shape).cheapest

    # -- JSON ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with cluster and profile inside, so that a saved round can be solved anywhere."""
        return {
            "schema": SCHEMA,
            "now": self.now,
            "cadence": {"kind": self.cadence.kind, "tau": self.cadence.tau}
            | ({} if self.cadence.grid else {"grid": False}),
            "free_at": list(self.free_at),
            **({"regroup_seconds": self.regroup_seconds} if self.regroup_seconds else {}),
            **({"demand": self.demand} if self.demand else {}),
            **({"decoding": list(self.decoding)} if self.decoding else {}),
            "jobs": [_job_to_dict(job) for job in self.jobs],
            "cluster": self.cluster.to_dict(),
            "profile": self.profile.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Round:
        """Restore a round written by :meth:`to_dict`.

        Raises
        ------
        ValueError
            If the data are no round of this schema, or a field is missing, unknown, of another type or out of range; the
            message names the field with its path, such as ``jobs[3].steps_left``.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a round is an object with the schema {SCHEMA!r}, not {str(data)[:40]!r}")
        if data.get("schema") != SCHEMA:
            raise ValueError(f"schema is {data.get('schema')!r}; this version reads {SCHEMA!r}")
        fields_of(
            data,
            "",
            ("schema", "now", "cadence", "free_at", "jobs", "cluster", "profile"),
            ("regroup_seconds", "demand", "decoding"),
        )
        cluster = Cluster.from_dict(data["cluster"])
        cadence = fields_of(data["cadence"], "cadence", ("kind", "tau"), ("grid",))
        with within("cadence"):
            when = Cadence(**cadence)
        jobs = [_job_from_dict(job, f"jobs[{at}]", cluster) for at, job in enumerate(listed(data, "jobs"))]
        with within(""):
            return cls(
                now=data["now"],
                jobs=tuple(jobs),
                cluster=cluster,
                profile=Profile.from_dict(data["profile"]),
                free_at=tuple(listed(data, "free_at")),
                cadence=when,
                regroup_seconds=data.get("regroup_seconds", 0.0),
                demand=data.get("demand", 0.0),
                decoding=tuple(listed(data, "decoding")) if "decoding" in data else (),
            )

    def save(self, path: Path) -> None:
        """Write the round as JSON."""
        path.write_text(json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Round:
        """Read a round written by :meth:`save`; errors name the file."""
        try:
            return cls.from_dict(json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error


_SETTERS = setters_of(Round)
_set_now, _set_jobs, _set_cluster, _set_profile, _set_free_at, _set_cadence, *_rest = _SETTERS
_set_regroup_seconds, _set_demand, _set_decoding, _set_costs = _rest


def _job_to_dict(job: Job) -> dict[str, Any]:
    request = job.request
    return {
        "id": request.id,
        "shape": request.shape.label,
        "steps": request.steps,
        "arrival": request.arrival,
        "deadline": request.deadline,
        "weight": request.weight,
        "model": request.model,
        **({"tier": request.tier} if request.tier else {}),
        "steps_left": job.steps_left,
        "due": job.due,
        "ready": job.ready,
        "group": None if job.group is None else list(job.group.gpus),
        "running": job.running,
        **({"decode": job.decode} if job.decode else {}),
    }


def _job_from_dict(data: Any, path: str, cluster: Cluster) -> Job:
    fields_of(data, path, _JOB, ("tier", "decode"))
    with within(path):
        if not isinstance(data["shape"], str):
            raise ParameterError("shape", data["shape"], "a text such as '1024x1024' is needed")
        request = Request(
            id=data["id"],
            shape=_named(path, Shape.parse, data["shape"]),
            steps=data["steps"],
            arrival=data["arrival"],
            deadline=data["deadline"],
            weight=data["weight"],
            model=data["model"],
            tier=data.get("tier", ""),
        )
        group = None
        if data["group"] is not None:
            gpus = listed(data, "group")
            if not gpus or any(type(gpu) is not int or not 0 <= gpu < cluster.gpus for gpu in gpus):
                raise ParameterError("group", gpus, f"numbers of GPUs from 0 to {cluster.gpus - 1} are needed, or null")
            group = _named(path, cluster.group_of, gpus)
        return Job(
            request, data["steps_left"], data["due"], data["ready"], group, data["running"], data.get("decode", 0.0)
        )


def _named(path: str, make: Callable[[Given], Made], given: Given) -> Made:
    """Make something of a field; errors say where it stands."""
    try:
        return make(given)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
