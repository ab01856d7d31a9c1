"""Optimal schedules of whole steps for instances whose arrivals are all known, with proof (paper, Table 6).

Two halves meet. From above, the clairvoyant fluid bound (:mod:`planner.bounds`) says that no schedule serves more. From
below, step-level list schedules on concrete GPU groups are built until one serves that many: that schedule is then
optimal, and the proof is the pair. Where they do not meet, the gap is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from time import perf_counter
from typing import NamedTuple

from planner.backends.protocol import Backend
from planner.bounds import clairvoyant_bound
from planner.cluster import Cluster, Group
from planner.costs import costs_of
from planner.programs.intervals import Task
from planner.programs.lists import allot
from planner.request import Request
from planner.round import EPSILON
from profiles.profile import Profile


class Stint(NamedTuple):
    """Consecutive steps of one request on one group."""

    request: int
    group: Group
    start: float
    end: float
    steps: int


@dataclass(frozen=True, slots=True)
class Optimum:
    """A schedule and what is proven of it.

    Parameters
    ----------
    value
        Weight of the requests that the schedule serves on time.
    upper
        Proven: no schedule serves more.
    on_time
        Ids of the requests served on time.
    runs
        The schedule, by start.
    seconds
        Wall-clock time for both halves.
    """

    value: float
    upper: float
    on_time: tuple[int, ...]
    runs: tuple[Stint, ...] = field(repr=False)
    seconds: float

    @property
    def proven(self) -> bool:
        """Whether the schedule is optimal."""
        return self.value >= self.upper - 1e-9


def optimum(
    requests: Sequence[Request],
    cluster: Cluster,
    profile: Profile,
    time_limit: float = 60.0,
    backend: Backend | None = None,
) -> Optimum:
    """Find a best schedule of whole steps, and bound it.

    Parameters
    ----------
    requests
        All requests; batches are not made.
    cluster, profile
        Groups and step times.
    time_limit
        Seconds for both halves together; the bound gets at most half.
    backend
        Solver of the bound; HiGHS by default.
    """
    began = perf_counter()
    bound = clairvoyant_bound(requests, cluster, profile, time_limit / 2, backend)
    by_id = {request.id: request for request in requests}
    best: tuple[float, tuple[int, ...], list[Stint]] = (0.0, (), [])
    for served, rule in _attempts(bound.on_time, by_id, cluster, profile):
        on_time, runs = _schedule([by_id[id_] for id_ in served], cluster, profile, *rule)
        value = sum(by_id[id_].weight for id_ in on_time)
        if value > best[0]:
            best = (value, tuple(sorted(on_time)), runs)
        if best[0] >= bound.upper - 1e-9 or perf_counter() - began > time_limit:
            break
    return Optimum(best[0], bound.upper, best[1], tuple(best[2]), perf_counter() - began)


Rule = tuple[str, bool, float]
_ORDERS = ("deadline", "slack", "laxity", "work")
_RULES: tuple[Rule, ...] = tuple(product(_ORDERS, (True, False), (0.0, 0.02, 0.05, 0.1)))


def _attempts(
    fluid: Sequence[int], by_id: dict[int, Request], cluster: Cluster, profile: Profile
) -> Iterator[tuple[tuple[int, ...], Rule]]:
    """Yield sets of requests, each with a rule: the fluid optimum's set, all, and sets grown by least work."""
    costs = costs_of(profile, cluster)

    def work(id_: int) -> float:
        return by_id[id_].steps * costs.of(by_id[id_].shape).cheapest

    order = sorted(by_id, key=lambda id_: (work(id_) / by_id[id_].weight, id_))
    sets: list[tuple[int, ...]] = [tuple(fluid), tuple(sorted(by_id))]
    for rule in _RULES:
        for served in sets:
            yield served, rule
    for rule in _RULES:
        grown: tuple[int, ...] = ()
        for id_ in order:
            if len(_schedule([by_id[i] for i in (*grown, id_)], cluster, profile, *rule)[0]) > len(grown):
                grown = (*grown, id_)
        yield grown, rule


def _schedule(
    requests: Sequence[Request], cluster: Cluster, profile: Profile, order: str, wait: bool, margin: float
) -> tuple[list[int], list[Stint]]:
    """Run whole steps on groups by a list rule; return who is on time, and the runs.

    Parameters
    ----------
    requests, cluster, profile
        The instance.
    order
        Who is first: least ``deadline``, ``slack`` at the fastest degree, ``laxity`` at the slowest, or ``work``.
    wait
        Whether a request waits for the number of GPUs it should have, or takes fewer.
    margin
        Seconds before the deadline at which the rule aims.
    """
    costs = costs_of(profile, cluster)
    shapes = [costs.of(request.shape) for request in requests]
    tasks = [
        Task(r.arrival, r.deadline - margin, r.steps, shape.degrees, shape.seconds, r.weight)
        for r, shape in zip(requests, shapes, strict=True)
    ]
    left = [request.steps for request in requests]
    ends = [request.arrival for request in requests]
    held: list[Group | None] = [None] * len(requests)
    free_at = [0.0] * cluster.gpus
    runs: list[Stint] = []
    latest: dict[int, int] = {}
    on_time: list[int] = []
    now = min((request.arrival for request in requests), default=0.0)
    alive = set(range(len(requests)))

    def key(i: int) -> tuple[float, int]:
        fastest = left[i] * shapes[i].fastest
        laxity = tasks[i].due - left[i] * shapes[i].seconds[0]
        values = {"deadline": tasks[i].due, "slack": tasks[i].due - fastest, "laxity": laxity, "work": fastest}
        return values[order], i

    while alive:
        for i in list(alive):
            start = max(ends[i], now)
            if start + left[i] * shapes[i].fastest > requests[i].deadline + EPSILON:
                alive.discard(i)
        here = sorted((i for i in alive if requests[i].arrival <= now + EPSILON), key=key)
        wanted = allot(tasks, left, here, now, cluster.gpus)
        for i in (i for i in here if i in wanted and ends[i] <= now + EPSILON):
            group = _group(cluster, shapes[i].by_mask, wanted[i], held[i], free_at, now, wait)
            if group is None:
                continue
            end = now + shapes[i].by_mask[group.mask]
            last = runs[latest[i]] if i in latest else None
            if last is not None and last.group is group and last.end >= now - EPSILON:
                runs[latest[i]] = last._replace(end=end, steps=last.steps + 1)
            else:
                latest[i] = len(runs)
                runs.append(Stint(requests[i].id, group, now, end, 1))
            ends[i], held[i] = end, group
            for gpu in group.gpus:
                free_at[gpu] = end
            left[i] -= 1
            if not left[i]:
                alive.discard(i)
                if end <= requests[i].deadline + EPSILON:
                    on_time.append(requests[i].id)
        later = [t for t in (*free_at, *(requests[i].arrival for i in alive)) if t > now + EPSILON]
        if not later:
            break
        now = min(later)
    return on_time, runs


def _group(
    cluster: Cluster,
    by_mask: dict[int, float],
    degree: int,
    held: Group | None,
    free_at: Sequence[float],
    now: float,
    wait: bool,
) -> Group | None:
    """Return the fastest free group of a degree, or of fewer GPUs if it need not wait; rather the one held."""
    free = sum(1 << gpu for gpu, at in enumerate(free_at) if at <= now + EPSILON)
    for size in (d for d in reversed(cluster.degrees) if d <= degree):
        found = [g for g in cluster.groups(size) if g.mask & free == g.mask and g.mask in by_mask]
        if found:
            return min(found, key=lambda group: (by_mask[group.mask], group is not held, group.mask))
        if wait:
            return None
    return None
