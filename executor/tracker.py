"""The state of every live request, kept from what the engine reports; it makes the rounds that solvers see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from executor.demand import Demand
from executor.engine import Milestone, Running
from executor.physics import Decode
from planner.allocation import cheapest_mix
from planner.cluster import Cluster, Group
from planner.costs import costs_of
from planner.job import Job
from planner.request import Request
from planner.round import Cadence, Round
from profiles.profile import Profile

COUNTED = 0.002
"""Seconds from which on a move counts in plans."""


class _Live:
    """A live request: steps not yet reported as done, its job while it waits, and the one that was seen last in a segment.

    A segment that is the same object as last time leaves the job as it was (``seen``; None in its last step).
    """

    __slots__ = ("due", "group", "job", "left", "request", "seen", "segment")

    def __init__(self, request: Request, due: float, job: Job) -> None:
        self.request = request
        self.due = due
        self.left = request.steps
        self.group: Group | None = None
        self.job = job
        self.seen: Job | None = None
        self.segment: Running | None = None


class Tracker:
    """Live requests, in order of arrival.

    Parameters
    ----------
    cluster, profile, cadence
        Passed on to the rounds; the profile is what the planner believes.
    stages
        Whether decoding counts: then a job is due earlier by its decode time.
    decode
        Who decodes; with ``group``, a job also needs that time of a GPU.
    regroup_seconds
        What a job loses by going on on other GPUs. Less than :data:`COUNTED` is less than steps vary by, and plans do not
        count it.
    """

    def __init__(
        self,
        cluster: Cluster,
        profile: Profile,
        cadence: Cadence,
        stages: bool = False,
        regroup_seconds: float = 0.0,
        decode: Decode = "workers",
    ) -> None:
        self._cluster = cluster
        self._profile = profile
        self._costs = costs_of(profile, cluster)
        self._cadence = cadence
        self._stages = stages
        self._on_gpus = stages and decode == "group"
        self._demand = Demand(cluster.gpus)
        self._regroup_seconds = regroup_seconds if regroup_seconds >= COUNTED else 0.0
        self._live: dict[int, _Live] = {}
        self._coming: dict[int, Job] = {}
        self._idle_since = [0.0] * cluster.gpus

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, request: int) -> bool:
        return request in self._live

    def expected(self, request: Request, now: float) -> Job:
        """Return the job that a request which arrives now will be once its text is encoded."""
        ready = now + (self._profile.encode_time(request.shape) if self._stages else 0.0)
        return Job(request, request.steps, self._due(request), ready, decode=self._decode(request))

    def expect(self, request: Request, now: float) -> None:
        """A request has arrived whose text is not encoded yet."""
        self._coming[request.id] = self.expected(request, now)

    def admit(self, request: Request, now: float) -> None:
        """A request's text is encoded; its first step can begin."""
        self._coming.pop(request.id, None)
        due, decode = self._due(request), self._decode(request)
        self._live[request.id] = _Live(request, due, Job(request, request.steps, due, now, decode=decode))
        costs = self._costs.of(request.shape)
        mix = cheapest_mix(costs, request.steps, due - now) or ((costs.degrees[-1], request.steps),)
        asked = sum(degree * steps * costs.step_time[degree] for degree, steps in mix)
        self._demand.add(now, asked + decode, due - now)

    def _due(self, request: Request) -> float:
        return request.deadline - (self._profile.decode_time(request.shape) if self._stages else 0.0)

    def _decode(self, request: Request) -> float:
        if not self._on_gpus:
            return 0.0
        return self._profile.decode_time(request.shape) - self._profile.write_time(request.shape)

    def update(self, progress: Milestone) -> None:
        """Take in that a segment ended."""
        live = self._live.get(progress.request)
        if live is None:
            return
        if progress.kind == "finished":
            del self._live[progress.request]
        else:
            live.left -= progress.steps
            live.group = progress.group
            live.job = Job(live.request, live.left, live.due, progress.at, live.group, decode=live.job.decode)
            live.segment = None

    def forget(self, request: int) -> None:
        """A request is out of the system."""
        self._live.pop(request, None)
        self._coming.pop(request, None)

    def hopeless(self, round_: Round) -> list[int]:
        """Ids of the jobs of a round that miss their deadline whatever is done."""
        return [job.request.id for job in round_.jobs if round_.hopeless(job)]

    def round(
        self,
        now: float,
        running: Iterable[Running],
        expected: bool = False,
        occupied: Mapping[int, float] = MappingProxyType({}),
    ) -> Round:
        """Make the instance of this moment; jobs in their last step have nothing left to decide and are left out.

        Parameters
        ----------
        now, running
            The moment, and the segments in progress.
        expected
            Whether requests whose texts are not encoded yet are among the jobs, as they are for admission.
        occupied
            GPUs that make an image, and when each is expected to be free.
        """
        alive = self._live
        free_at = self._idle_since.copy()
        jobs = {id_: live.job for id_, live in alive.items()}
        for segment in running:
            ids, group, begun, boundary = segment
            for gpu in group.gpus:
                free_at[gpu] = boundary
            for id_ in ids:
                live = alive.get(id_)
                if live is None:
                    continue
                if live.segment is not segment:
                    live.segment, live.group, left = segment, group, live.left - begun
                    decode = live.job.decode
                    live.seen = Job(live.request, left, live.due, boundary, group, True, decode) if left > 0 else None
                if live.seen is not None:
                    jobs[id_] = live.seen
                else:
                    del jobs[id_]
        for gpu, until in occupied.items():
            free_at[gpu] = until
        if expected:
            jobs |= self._coming
        waiting = tuple(jobs.values())
        return Round(
            now,
            waiting,
            self._cluster,
            self._profile,
            tuple(free_at),
            self._cadence,
            self._regroup_seconds,
            self._demand.at(now),
            tuple(sorted(occupied)),
        )
