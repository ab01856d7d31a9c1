"""How long GPUs stood idle while a request waited that could have used them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from executor.records import Records
from experiments.results.usage import duration, images_on_gpus

Spans = NDArray[np.float64]
"""Shape (n, 2): starts and ends in seconds, ascending, none touching another."""


class Idle(NamedTuple):
    """What was left unused.

    Parameters
    ----------
    gpu_seconds
        In which a GPU was idle and a request waited.
    longest
        The longest stretch of it on one GPU, in seconds.
    """

    gpu_seconds: float
    longest: float


def idle_while_waiting(records: Records, gpus: int) -> Idle:
    """Add up the time in which a GPU was idle while a request could have run.

    A request could run from its arrival on, or once its text is encoded, whenever it is in no segment, until its last step or
    until it is given up.
    """
    waiting = _joined(_waits(records))
    busy: dict[int, list[tuple[float, float]]] = {gpu: [] for gpu in range(gpus)}
    for segment in [*records.segments, *images_on_gpus(records.staged)]:
        for gpu in segment.gpus:
            busy.setdefault(gpu, []).append((segment.start, segment.end))
    seconds = longest = 0.0
    if len(waiting):
        for own in busy.values():
            total, most = _common(_gaps(_joined(own), waiting[-1, 1]), waiting)
            seconds, longest = seconds + total, max(longest, most)
    return Idle(seconds, longest)


def _waits(records: Records) -> list[tuple[float, float]]:
    encoded = {staged.request: staged.end for staged in records.staged if staged.stage == "encode"}
    ran: dict[int, list[tuple[float, float, int]]] = defaultdict(list)
    for segment in records.segments:
        for job in segment.jobs:
            ran[job].append((segment.start, segment.end, segment.steps))
    over = duration(records)
    waits = []
    for request in records.requests:
        if records.staged and request.id not in encoded:
            continue
        since = encoded.get(request.id, request.arrival)
        for start, end, _ in ran[request.id]:
            waits.append((since, start))
            since = end
        if sum(steps for *_, steps in ran[request.id]) < request.steps:
            left = (records.dropped, records.refused, records.cancelled)
            waits.append((since, min((table[request.id] for table in left if request.id in table), default=over)))
    return waits


def _joined(spans: Iterable[tuple[float, float]]) -> Spans:
    """Sort spans, leave out those of no length, and join those that touch."""
    given = np.array(sorted(span for span in spans if span[1] > span[0])).reshape(-1, 2)
    if not len(given):
        return given
    ends = np.maximum.accumulate(given[:, 1])
    first = np.r_[True, given[1:, 0] > ends[:-1]]
    return np.column_stack([given[first, 0], ends[np.r_[np.flatnonzero(first)[1:] - 1, len(given) - 1]]])


def _gaps(busy: Spans, until: float) -> Spans:
    """Return what lies between spans, from 0 on."""
    gaps = np.column_stack([np.r_[0.0, busy[:, 1]], np.r_[busy[:, 0], max(until, busy[-1, 1] if len(busy) else 0.0)]])
    return gaps[gaps[:, 1] > gaps[:, 0]]


def _common(some: Spans, others: Spans) -> tuple[float, float]:
    """Return how many seconds two sets of spans have in common, and the longest stretch of them."""
    edges = np.unique(np.concatenate([some.ravel(), others.ravel()]))
    if len(edges) < 2:
        return 0.0, 0.0
    middle = (edges[:-1] + edges[1:]) / 2
    both = _inside(some, middle) & _inside(others, middle)
    seconds = np.where(both, np.diff(edges), 0.0)
    total = np.r_[0.0, np.cumsum(seconds)]
    before = np.flatnonzero(np.diff(np.r_[0, both.astype(int), 0]))
    stretches = total[before[1::2]] - total[before[::2]]
    return float(total[-1]), float(stretches.max(initial=0.0))


def _inside(spans: Spans, times: NDArray[np.float64]) -> NDArray[np.bool_]:
    index = np.searchsorted(spans[:, 0], times, side="right") - 1
    inside: NDArray[np.bool_] = times < np.r_[spans[:, 1], -np.inf][index]
    return inside
