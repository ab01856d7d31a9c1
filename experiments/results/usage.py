"""What each request used of the cluster, added up from its segments, and whether it missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from executor.engine import Segment, Staged
from executor.records import Records
from planner.request import Request


@dataclass(slots=True)
class Usage:
    """What one request used. Only :func:`usage_by_request` fills it in.

    Parameters
    ----------
    started, stopped
        Start of the first segment and end of the last one so far, in seconds.
    gpu_seconds
        GPUs times seconds, of steps and of images; a batch shares its segment equally, so that all requests add up to the
        run.
    steps
        Steps done.
    segments
        Stretches without a gap on one GPU set.
    regroups
        How often a segment ran on another GPU set than the segment before it.
    min_degree, max_degree
        Fewest and most GPUs of a segment.
    gpus
        GPUs of the last segment so far.
    """

    started: float
    stopped: float
    gpu_seconds: float
    steps: int
    segments: int
    regroups: int
    min_degree: int
    max_degree: int
    gpus: tuple[int, ...]


def images_on_gpus(staged: Iterable[Staged]) -> list[Segment]:
    """Return what GPUs of the cluster decoded, as segments of no steps; none where workers for stages decoded all."""
    return [Segment((s.request,), (s.gpu,), s.start, s.freed, 0) for s in staged if s.gpu >= 0]


def usage_by_request(segments: Iterable[Segment], staged: Iterable[Staged] = ()) -> dict[int, Usage]:
    """Add up the segments of every request that has one.

    Parameters
    ----------
    segments
        In order of their end, as an engine records them; a request never runs in two at once.
    staged
        Texts and images; what GPUs of the cluster decoded is among the GPU-seconds, and in nothing else.
    """
    usage: dict[int, Usage] = {}
    for jobs, gpus, start, end, steps in segments:
        degree = len(gpus)
        share = degree * (end - start) / len(jobs)
        for job in jobs:
            seen = usage.get(job)
            if seen is None:
                usage[job] = Usage(start, end, share, steps, 1, 0, degree, degree, gpus)
                continue
            seen.stopped = end
            seen.gpu_seconds += share
            seen.steps += steps
            seen.segments += 1
            if gpus != seen.gpus:
                seen.regroups += 1
                seen.gpus = gpus
            if degree < seen.min_degree:
                seen.min_degree = degree
            elif degree > seen.max_degree:
                seen.max_degree = degree
    for image in images_on_gpus(staged):
        if (seen := usage.get(image.jobs[0])) is not None:
            seen.gpu_seconds += image.end - image.start
    return usage


def duration(records: Records) -> float:
    """Return the seconds from the start of the run to the last delivery, drop or end of a segment.

    For a run that was interrupted this is how far it had come. A segment of a dropped request ends at its
    next step boundary, which may be after the last delivery.
    """
    return max(
        records.ended,
        max(records.delivered.values(), default=0.0),
        max(records.dropped.values(), default=0.0),
        records.segments[-1].end if records.segments else 0.0,
    )


def missed(records: Records, request: Request, end: float) -> bool:
    """Whether a request missed its deadline; one in flight at the ``end`` of a partial run may yet meet it."""
    fate = records.fate(request)
    return fate != "on_time" and (fate != "unfinished" or records.complete or request.deadline <= end)
