"""A profile of steps as they are while requests are served, beside that of steps measured alone.

In service, a group shares the processor with other groups, with the worker that makes images and with the planner. What
that costs is measured on runs with other requests than those that are compared.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from executor.engine import Segment, Staged
from executor.physics import MOST_NOISE
from planner.request import Request
from profiles import Profile, Shape


@dataclass(frozen=True)
class Observed:
    """What one real run measured.

    Parameters
    ----------
    requests
        Of the run.
    segments
        Stretches of steps.
    staged
        Texts and images.
    decisions
        Seconds of each decision.
    """

    requests: tuple[Request, ...]
    segments: tuple[Segment, ...]
    staged: tuple[Staged, ...]
    decisions: tuple[float, ...]


def pooled(profiles: Sequence[Profile]) -> Profile:
    """Return the mean of profiles of the same entries, measured one after the other."""
    first = profiles[0]
    entries = tuple(
        replace(
            entry,
            seconds=statistics.fmean(profile.entries[i].seconds for profile in profiles),
            spread=min(MOST_NOISE, statistics.fmean(profile.entries[i].spread for profile in profiles)),
        )
        for i, entry in enumerate(first.entries)
    )
    stages = tuple(
        replace(stage, seconds=statistics.fmean(profile.stages[i].seconds for profile in profiles))
        for i, stage in enumerate(first.stages)
    )
    return replace(first, entries=entries, stages=stages)


def in_service(alone: Profile, runs: Iterable[Observed]) -> Profile:
    """Return a profile with the step and stage times of runs.

    A step's time is that of its segments, with all they take around their steps, over the number of steps. What no run
    did is what it takes alone, times the mean slowdown of the rest.
    """
    steps: defaultdict[tuple[Shape, int, int], list[tuple[float, int]]] = defaultdict(list)
    stages: defaultdict[tuple[Shape, str], list[float]] = defaultdict(list)
    for run in runs:
        shapes = {request.id: request.shape for request in run.requests}
        for segment in run.segments:
            key = shapes[segment.jobs[0]], len(segment.gpus), len(segment.jobs)
            steps[key].append((segment.end - segment.start, segment.steps))
        for staged in run.staged:
            stages[shapes[staged.request], staged.stage].append(staged.end - staged.start)
            if staged.freed:
                stages[shapes[staged.request], "write"].append(staged.end - staged.freed)
    known = {key: sum(s for s, _ in rows) / sum(n for _, n in rows) for key, rows in steps.items()}
    slower = [
        known[key] / entry.seconds
        for entry in alone.entries
        if (key := (entry.shape, entry.degree, entry.batch)) in known
    ]
    usual = statistics.fmean(slower) if slower else 1.0
    return replace(
        alone,
        name=f"{alone.name} in service",
        entries=tuple(
            replace(
                e, seconds=known.get((e.shape, e.degree, e.batch), usual * e.seconds), source="runs with other requests"
            )
            for e in alone.entries
        ),
        stages=tuple(
            replace(s, seconds=statistics.fmean(stages.get(s.key, [s.seconds])), source="runs with other requests")
            for s in alone.stages
        ),
    )
