"""An independent check of a finished run, from its segments alone.

It knows nothing of engines, trackers or solvers: it takes every segment apart into its steps, and from the steps
decides whether hardware and requests could have done that, when each image was there, and what became of each request.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import NamedTuple

from executor.engine import Staged
from executor.records import Records
from planner.cluster import Cluster
from profiles.profile import Profile

CLOSE = 1e-7
"""Seconds by which two ways to add up step times may differ."""


class Step(NamedTuple):
    """One step of one request."""

    begin: float
    end: float
    request: int
    gpus: tuple[int, ...]


def replay(
    records: Records,
    cluster: Cluster,
    profile: Profile,
    regroup: float = 0.0,
    stages: bool = False,
    drops: bool = False,
    exact: bool = True,
) -> None:
    """Assert that a run is feasible and its fates are right.

    Parameters
    ----------
    records
        What the run left behind.
    cluster, profile
        Where it ran, and the true step times.
    regroup
        Seconds that a request loses when its next step is on other GPUs.
    stages
        Whether encoding and decoding took their time.
    drops
        Whether hopeless requests were given up.
    exact
        Whether steps took exactly what the profile says (no noise).
    """
    requests = {request.id: request for request in records.requests}
    steps = _steps(records, cluster, profile, exact)
    of_request: dict[int, list[Step]] = defaultdict(list)
    on_gpu: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        of_request[step.request].append(step)
        for gpu in step.gpus:
            on_gpu[gpu].append(step)

    for gpu, own in on_gpu.items():
        own.sort()
        for a, b in itertools.pairwise(own):
            together = a.begin == b.begin and a.gpus == b.gpus and a.end == b.end and a.request != b.request
            assert together or b.begin >= a.end - CLOSE, f"GPU {gpu} runs {a} and {b} at once"

    for id_, own in of_request.items():
        own.sort()
        request = requests[id_]
        ready = _encoded(records)[id_] if stages else request.arrival
        assert own[0].begin >= ready - CLOSE, f"request {id_} begins at {own[0].begin}, before {ready}"
        for a, b in itertools.pairwise(own):
            pause = regroup if a.gpus != b.gpus else 0.0
            assert b.begin >= a.end + pause - CLOSE, f"request {id_}: {b} begins too soon after {a}"
        assert len(own) <= request.steps, f"request {id_} ran {len(own)} of {request.steps} steps"

    _check_fates(records, of_request, cluster, profile, stages, drops, regroup)


def _steps(records: Records, cluster: Cluster, profile: Profile, exact: bool) -> list[Step]:
    requests = {request.id: request for request in records.requests}
    steps = []
    last = 0.0
    for segment in records.segments:
        assert segment.end >= last - CLOSE, f"{segment} is out of order"
        last = segment.end
        assert segment.steps >= 1
        assert len(set(segment.jobs)) == len(segment.jobs) >= 1
        shapes = {requests[id_].shape for id_ in segment.jobs}
        assert len(shapes) == 1, f"{segment} mixes shapes"
        group = cluster.group_of(segment.gpus)
        seconds = (segment.end - segment.start) / segment.steps
        assert seconds > 0
        if exact:
            told = profile.step_time(shapes.pop(), group.degree, group.link, len(segment.jobs))
            assert abs(segment.end - segment.start - segment.steps * told) <= CLOSE, f"{segment} at {told} s per step"
        for index in range(segment.steps):
            begin, end = segment.start + index * seconds, segment.start + (index + 1) * seconds
            steps += [Step(begin, end, id_, segment.gpus) for id_ in segment.jobs]
    return steps


def _check_fates(
    records: Records,
    of_request: dict[int, list[Step]],
    cluster: Cluster,
    profile: Profile,
    stages: bool,
    drops: bool,
    regroup: float,
) -> None:
    delivered = _delivered(records, of_request, profile, stages)
    assert records.delivered.keys() == delivered.keys()
    for id_, at in delivered.items():
        assert abs(records.delivered[id_] - at) <= CLOSE, (
            f"request {id_} is there at {at}, not {records.delivered[id_]}"
        )
    assert not records.delivered.keys() & records.dropped.keys()
    assert drops or not records.dropped
    for request in records.requests:
        id_ = request.id
        if id_ in delivered:
            late = delivered[id_] > request.deadline
            if abs(delivered[id_] - request.deadline) > CLOSE:
                assert records.fate(request) == ("late" if late else "on_time")
        elif id_ in records.dropped:
            assert records.fate(request) == "dropped"
            _check_drop(records, request.id, of_request[id_], cluster, profile, stages, regroup)
        else:
            assert records.fate(request) == "unfinished"
            assert not records.complete
    left = [*records.delivered.values(), *records.dropped.values()]
    assert records.ended == max(left, default=0.0)


def _encoded(records: Records) -> dict[int, float]:
    return {staged.request: staged.end for staged in records.staged if staged.stage == "encode"}


def _delivered(records: Records, of_request: dict[int, list[Step]], profile: Profile, stages: bool) -> dict[int, float]:
    """When each image is there: after the last step, or when a worker for stages has made it."""
    done = list(records.delivered)
    assert set(done) == {r.id for r in records.requests if len(of_request.get(r.id, ())) == r.steps}
    ends = {id_: of_request[id_][-1].end for id_ in done}
    if not stages:
        return ends
    _check_stages(records, ends, profile)
    return {staged.request: staged.end for staged in records.staged if staged.stage == "decode"}


def _check_stages(records: Records, ends: dict[int, float], profile: Profile) -> None:
    """Assert that texts and images took their time, one after the other, and that none waited for less than it had to."""
    requests = {request.id: request for request in records.requests}
    on_worker: dict[int, list[Staged]] = defaultdict(list)
    came = {}
    for staged in records.staged:
        shape = requests[staged.request].shape
        text = staged.stage == "encode"
        told = profile.encode_time(shape) if text else profile.decode_time(shape)
        assert abs(staged.end - staged.start - told) <= CLOSE, f"{staged} should take {told} s"
        came[staged] = requests[staged.request].arrival if text else ends[staged.request]
        assert staged.start >= came[staged] - CLOSE
        on_worker[staged.worker].append(staged)
    for worker, own in on_worker.items():
        for a, b in itertools.pairwise(own):
            assert b.start >= a.end - CLOSE, f"worker {worker} does {a} and {b} at once"
            idle = [o for o in records.staged if came[o] < b.start - CLOSE <= o.start and a.end < b.start - CLOSE]
            assert not idle, f"worker {worker} does nothing between {a} and {b}, but {idle} waits"


def _check_drop(
    records: Records,
    id_: int,
    steps: list[Step],
    cluster: Cluster,
    profile: Profile,
    stages: bool,
    regroup: float,
) -> None:
    """Assert that a dropped request was hopeless by the fastest steps there are, and did not run on.

    A request may be dropped while it moves to other GPUs, which is in no segment. A run ends when the last request
    leaves; a step of a dropped one that is then in progress is in no segment either.
    """
    (request,) = (request for request in records.requests if request.id == id_)
    at = records.dropped[id_]
    assert at >= request.arrival
    assert all(step.begin < at + CLOSE for step in steps), f"request {id_} ran on after it was dropped at {at}"
    known = [g for g in cluster.all_groups if profile.has(request.shape, g.degree, g.link)]
    seconds = [profile.step_time(request.shape, g.degree, g.link) for g in known]
    decode = profile.decode_time(request.shape) if stages else 0.0
    free = max([at, *(step.end for step in steps)])
    finish = free + regroup + (request.steps - len(steps)) * min(seconds) + decode
    over = max([*records.dropped.values(), *(segment.end for segment in records.segments)])
    if free == at and at + regroup + max(seconds) > over:
        finish += max(seconds) - min(seconds)
    assert finish > request.deadline - CLOSE, f"request {id_} was dropped at {at}, but could finish at {finish}"
