"""A workload: the requests of one run in order of arrival, and where they come from.

The functions cut and rescale workloads, so that a trace of days can be replayed as minutes at the load of
interest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from planner.request import Request


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests in order of arrival.

    Parameters
    ----------
    name
        For tables and file names.
    requests
        At least one, ascending in arrival, ids unique.
    parameters
        How the requests were made, for manifests: JSON types only.

    Raises
    ------
    ValueError
        If there is no request, an id appears twice, or arrivals are out of order. The message names the
        request.
    """

    name: str
    requests: tuple[Request, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.requests:
            raise ValueError(f"workload {self.name!r} has no requests; at least 1 is needed")
        seen: set[int] = set()
        for request in self.requests:
            if request.id in seen:
                raise ValueError(f"workload {self.name!r}: request id {request.id} appears twice; ids must be unique")
            seen.add(request.id)
        for before, after in pairwise(self.requests):
            if after.arrival < before.arrival:
                raise ValueError(
                    f"workload {self.name!r}: request {after.id} arrives at {after.arrival} s, after request "
                    f"{before.id} at {before.arrival} s in the list; requests must be in order of arrival"
                )

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def duration(self) -> float:
        """Seconds from the start of the run to the last arrival."""
        return self.requests[-1].arrival


def rate_per_minute(workload: Workload) -> float:
    """Return 60 divided by the mean gap between arrivals; NaN if there are no gaps, or all are 0."""
    span = workload.requests[-1].arrival - workload.requests[0].arrival
    return 60.0 * (len(workload) - 1) / span if span > 0 else math.nan


def rescale(workload: Workload, *, rate: float | None = None, speedup: float = 1.0, slo_scale: float = 1.0) -> Workload:
    """Compress time and loosen deadlines.

    Parameters
    ----------
    workload
        Not changed.
    rate
        Requests per minute, on average, that arrivals are spread or squeezed to; None leaves them as they are. The time
        allowed per request does not depend on it.
    speedup
        In place of a rate: arrivals come this many times as fast.
    slo_scale
        The time from arrival to deadline is multiplied by this.

    Raises
    ------
    ValueError
        If a number is not positive and finite, both a rate and a speedup are given, or there is no rate to change
        because all requests arrive at once.
    """
    for name, value in (("rate", rate), ("speedup", speedup), ("slo_scale", slo_scale)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"rescale: {name} is {value}; a positive finite number is needed")
    if rate is not None:
        if speedup != 1.0:
            raise ValueError(f"rescale: rate is {rate} and speedup {speedup}; give one of them")
        own = rate_per_minute(workload)
        if math.isnan(own):
            raise ValueError(
                f"rescale: rate is {rate}, but workload {workload.name!r} has no gaps between arrivals to rescale"
            )
        speedup = rate / own
    if speedup == 1.0 and slo_scale == 1.0:
        return workload
    requests = []
    for request in workload.requests:
        arrival = request.arrival / speedup
        allowed = request.deadline - request.arrival
        requests.append(replace(request, arrival=arrival, deadline=arrival + allowed * slo_scale))
    changes = {"speedup": speedup, "slo_scale": slo_scale}
    return Workload(workload.name, tuple(requests), {**workload.parameters, **changes})


def window(workload: Workload, start: float, duration: float) -> Workload:
    """Cut out the requests that arrive in [start, start + duration) and begin the run there.

    Ids are kept, so that requests can be found again in the whole; times are counted from `start`.

    Parameters
    ----------
    workload
        Not changed.
    start, duration
        Seconds.

    Raises
    ------
    ValueError
        If no request arrives in the window.
    """
    requests = tuple(
        replace(request, arrival=request.arrival - start, deadline=request.deadline - start)
        for request in workload.requests
        if start <= request.arrival < start + duration
    )
    if not requests:
        raise ValueError(
            f"workload {workload.name!r}: no request arrives from {start} s to {start + duration} s; "
            f"arrivals run from {workload.requests[0].arrival} s to {workload.duration} s"
        )
    changes = {"window_start_s": start, "window_duration_s": duration}
    return Workload(workload.name, requests, {**workload.parameters, **changes})
