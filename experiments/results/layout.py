"""What the timeline shows, as numbers: rectangles, labels, deadlines, and which minute of a long run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from executor.engine import Segment
from executor.records import Records
from experiments.results.usage import duration, missed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Adjacent GPUs ``first .. first + gpus - 1``, busy with a batch from ``start`` to ``end`` seconds."""

    jobs: tuple[int, ...]
    first: int
    gpus: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class DeadlineMark:
    """A deadline, and the GPU rows that the request held last before it (none if it had not run)."""

    request: int
    at: float
    missed: bool
    rows: tuple[tuple[int, int], ...]


def blocks(gpus: Iterable[int]) -> list[tuple[int, int]]:
    """Split GPUs into runs of neighbours: first GPU and how many."""
    runs = groupby(enumerate(sorted(gpus)), key=lambda item: item[1] - item[0])
    return [(members[0][1], len(members)) for members in (list(run) for _, run in runs)]


def rectangles(segments: Iterable[Segment]) -> list[Rectangle]:
    """One rectangle for each segment and run of neighbouring GPUs."""
    return [Rectangle(s.jobs, first, gpus, s.start, s.end) for s in segments for first, gpus in blocks(s.gpus)]


def merged(shown: Iterable[Rectangle], gap: float) -> list[Rectangle]:
    """Join rectangles that can bear one label.

    These are of one batch on the same GPUs, at most ``gap`` seconds apart, with nobody else in between.
    """
    joined: list[Rectangle] = []
    latest: dict[int, int] = {}
    for r in sorted(shown, key=lambda r: (r.start, r.first)):
        rows = range(r.first, r.first + r.gpus)
        on_rows = {latest.get(row) for row in rows}
        index = on_rows.pop()
        if index is not None and not on_rows:
            before = joined[index]
            same = (before.jobs, before.first, before.gpus) == (r.jobs, r.first, r.gpus)
            if same and r.start - before.end <= gap:
                joined[index] = Rectangle(r.jobs, r.first, r.gpus, before.start, r.end)
                continue
        latest.update(dict.fromkeys(rows, len(joined)))
        joined.append(r)
    return joined


def deadline_marks(records: Records, window: tuple[float, float]) -> list[DeadlineMark]:
    """Deadlines within a window, by request; without those of which an interrupted run does not tell."""
    start, end = window
    due = {r.id: r for r in records.requests if start <= r.deadline <= end}
    held: dict[int, tuple[int, ...]] = {}
    for segment in records.segments:
        for job in segment.jobs:
            if job in due and segment.start < due[job].deadline:
                held[job] = segment.gpus
    over = duration(records)
    return [
        DeadlineMark(r.id, r.deadline, missed(records, r, over), tuple(blocks(held.get(r.id, ()))))
        for r in due.values()
        if records.fate(r) != "unfinished" or missed(records, r, over)
    ]


def missed_deadlines(records: Records) -> Floats:
    """Deadlines, in seconds, of the requests that missed theirs."""
    end = duration(records)
    return np.array([r.deadline for r in records.requests if missed(records, r, end)])


def occupancy(segments: Sequence[Segment], edges: Floats) -> dict[int, Floats]:
    """Mean number of busy GPUs in each bin between ``edges``, by degree, ascending."""
    busy: dict[int, Floats] = {}
    for degree in sorted({len(segment.gpus) for segment in segments}):
        times = np.array([(s.start, s.end) for s in segments if len(s.gpus) == degree])
        at = np.concatenate([times[:, 0], times[:, 1]])
        change = np.repeat([float(degree), -float(degree)], len(times))
        order = np.argsort(at, kind="stable")
        at, change = at[order], change[order]
        level = np.cumsum(change)
        area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(at))])
        busy[degree] = np.diff(np.interp(edges, at, area, left=0.0)) / np.diff(edges)
    return busy


def busiest_window(records: Records, gpus: int, length: float) -> tuple[float, float]:
    """Return the window of ``length`` seconds that shows most: busy GPUs and many requests.

    Windows begin at whole seconds. A window counts its GPUs' utilization times the requests that arrive.
    """
    end = duration(records)
    if end <= length:
        return 0.0, max(end, 1.0)
    arrivals = np.sort([request.arrival for request in records.requests])
    starts = _starts(arrivals, end, length)
    edges = np.unique(np.concatenate([starts, starts + length]))
    used = np.zeros(len(edges))
    if len(edges) > 1:
        for busy in occupancy(records.segments, edges).values():
            used[1:] += np.cumsum(busy * np.diff(edges))
    share = (np.interp(starts + length, edges, used) - np.interp(starts, edges, used)) / (gpus * length)
    count = np.searchsorted(arrivals, starts + length) - np.searchsorted(arrivals, starts)
    best = float(starts[np.argmax(np.round(share * count, 9))])
    return best, best + length


def _starts(times: Floats, end: float, length: float) -> Floats:
    """Whole seconds at which windows begin that hold any of the times, and 0: no more than those, however long the run."""
    last = np.ceil(end - length)
    before = np.arange(-np.ceil(length), 1.0)
    near = np.unique(np.floor(times))[:, None] + before[None, :]
    return np.unique(np.append(near[(near >= 0) & (near <= last)], 0.0))


def differing_window(runs: Sequence[Records], gpus: int, length: float) -> tuple[float, float]:
    """Return the window of ``length`` seconds with the most deadlines that some of the runs met and others missed.

    Windows begin at whole seconds; without any such deadline it is the busiest window of the first run.
    """
    end = max(map(duration, runs))
    differing = [
        request.deadline
        for request in runs[0].requests
        if len({records.fate(request) == "on_time" for records in runs}) > 1
    ]
    if end <= length or not differing:
        return busiest_window(runs[0], gpus, length)
    at = np.sort(differing)
    starts = _starts(at, end, length)
    count = np.searchsorted(at, starts + length) - np.searchsorted(at, starts)
    middle = starts[count == count.max()]
    best = float(middle[len(middle) // 2])
    return best, best + length
