"""The instance that a solver gets: everything that a decision may depend on, immutable, readable as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from planner.cluster import Cluster
from planner.costs import Costs, costs_of
from planner.job import Job
from planner.request import Request
from profiles.profile import Profile
from profiles.shape import Shape

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
    """

    kind: Literal["rounds", "events"]
    tau: float

    def __post_init__(self) -> None:
        if self.kind not in ("rounds", "events"):
            raise ValueError(f"cadence.kind is {self.kind!r}; use 'rounds' or 'events'")
        if not 0 < self.tau < float("inf"):
            raise ValueError(f"cadence.tau is {self.tau}; a positive number of seconds is needed")


@dataclass(frozen=True, slots=True)
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
        it.
    cadence
        When the next plan will be made.
    costs
        Step times over the groups of the cluster; follows from cluster and profile.
    """

    now: float
    jobs: tuple[Job, ...]
    cluster: Cluster
    profile: Profile
    free_at: tuple[float, ...]
    cadence: Cadence
    costs: Costs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "costs", costs_of(self.profile, self.cluster))

    def hopeless(self, job: Job) -> bool:
        """Whether a job misses its deadline even if it runs from now on at its fastest degree."""
        start = job.ready if job.ready > self.now else self.now
        return start + job.steps_left * self.costs.of(job.request.shape).fastest > job.due + EPSILON

    # -- JSON ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with cluster and profile inside, so that a saved round can be solved anywhere."""
        return {
            "schema": SCHEMA,
            "now": self.now,
            "cadence": {"kind": self.cadence.kind, "tau": self.cadence.tau},
            "free_at": list(self.free_at),
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
            If the data are no round of this schema, a field is missing, or ``free_at`` does not have one time per GPU.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a round is an object with the schema {SCHEMA!r}, not {str(data)[:40]!r}")
        if data.get("schema") != SCHEMA:
            raise ValueError(f"schema is {data.get('schema')!r}; this version reads {SCHEMA!r}")
        try:
            cluster = Cluster.from_dict(data["cluster"])
            if len(data["free_at"]) != cluster.gpus:
                raise ValueError(f"free_at has {len(data['free_at'])} times; the cluster has {cluster.gpus} GPUs")
            return cls(
                now=data["now"],
                jobs=tuple(_job_from_dict(job, cluster) for job in data["jobs"]),
                cluster=cluster,
                profile=Profile.from_dict(data["profile"]),
                free_at=tuple(data["free_at"]),
                cadence=Cadence(data["cadence"]["kind"], data["cadence"]["tau"]),
            )
        except KeyError as missing:
            raise ValueError(f"the round lacks the field {missing}") from missing

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
        "steps_left": job.steps_left,
        "due": job.due,
        "ready": job.ready,
        "group": None if job.group is None else list(job.group.gpus),
        "running": job.running,
    }


def _job_from_dict(data: Mapping[str, Any], cluster: Cluster) -> Job:
    request = Request(
        id=data["id"],
        shape=Shape.parse(data["shape"]),
        steps=data["steps"],
        arrival=data["arrival"],
        deadline=data["deadline"],
        weight=data["weight"],
        model=data["model"],
    )
    group = None if data["group"] is None else cluster.group_of(data["group"])
    return Job(request, data["steps_left"], data["due"], data["ready"], group, data["running"])
