"""The key figures of a run, and of its shapes; :mod:`experiments.results.metrics` computes them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from experiments.results.stages import StageSummary
from experiments.results.tiers import TierSummary


@dataclass(frozen=True, slots=True)
class ShapeSummary:
    """Requests of one shape; latency percentiles are over all of them, as in :class:`Summary`."""

    shape: str
    requests: int
    on_time: int
    sar: float
    latency_p50: float
    latency_p99: float


@dataclass(frozen=True, slots=True)
class WallClock:
    """Measured time of the solver's calls, in seconds; it differs from run to run.

    Parameters
    ----------
    decision_mean, decision_p50, decision_p99, decision_max
        Over all decisions; NaN if there were none.
    decision_total
        Their sum.
    """

    decision_mean: float
    decision_p50: float
    decision_p99: float
    decision_max: float
    decision_total: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Key figures of a run. All but `wall` are the same in every run with the same seeds.

    A share or a mean of nothing is NaN.

    Parameters
    ----------
    name
        Who planned, or another name for the run.
    complete
        Whether the run came to its end.
    gpus
        GPUs of the cluster.
    duration
        Seconds from the start of the run to the last thing that happened.
    requests, on_time, late, dropped, refused, unfinished
        Counts; the last five add up to the first. Refused ones were sent away when they arrived.
    cancelled
        Requests that were taken back by whoever asked for them; they are in no other figure.
    promised, kept
        Requests that were promised to be on time when they arrived, and those of them that were.
    sar, weighted_sar
        SLO attainment ratio: on-time requests over all requests, by count and by weight. Policies are compared by the
        latter; where all weigh the same, both are equal.
    sar_of_ended
        On-time requests over those that were delivered, dropped or refused: of a run that was interrupted, the others say
        nothing.
    weighted
        Whether requests differ in weight.
    shapes
        Attainment by shape and count, from few pixels to many.
    tiers
        Attainment by tier and weight, in order of weight per request, heaviest first; empty if no request has a tier.
    latency_p50, latency_p95, latency_p99
        Seconds from arrival within which this share of *all* requests was delivered; infinite if fewer were.
    latency_mean_completed
        Mean seconds over the `completed` requests only; not comparable between runs that complete others.
    completed
        Requests delivered, on time or late.
    goodput, throughput
        Requests on time, and requests completed, per minute of `duration`.
    utilization
        GPU-seconds in segments, and of images that GPUs of the cluster made, over those that the cluster had.
    idle_waiting, idle_longest
        GPU-seconds in which a GPU was idle while a request could have run, over those that the cluster had, and the longest
        stretch of it on one GPU in seconds.
    gpu_seconds, gpu_seconds_per_on_time
        The same, in all and for each on-time request (infinite if there is none).
    mean_degree
        GPUs of a segment, weighted by its GPU-seconds.
    segments, regroups
        Stretches of steps, and how often a request continued on another GPU set.
    decisions
        Calls of the solver.
    jobs_p50, jobs_max
        Live jobs that a decision met, waiting and running.
    optimal_share, fallback_share
        Decisions proven optimal, and decisions that the greedy fallback made, over all decisions.
    bounded, mean_gap
        Decisions with a proven bound, and the mean gap of these.
    stages
        What encoding and decoding cost; None where they take no time.
    wall
        What was measured on a real clock.
    """

    name: str
    complete: bool
    gpus: int
    duration: float
    requests: int
    on_time: int
    late: int
    dropped: int
    refused: int
    unfinished: int
    cancelled: int
    promised: int
    kept: int
    sar: float
    sar_of_ended: float
    weighted_sar: float
    weighted: bool
    shapes: tuple[ShapeSummary, ...]
    tiers: tuple[TierSummary, ...]
    latency_p50: float
    latency_p95: float
    latency_p99: float
    latency_mean_completed: float
    completed: int
    goodput: float
    throughput: float
    utilization: float
    idle_waiting: float
    idle_longest: float
    gpu_seconds: float
    gpu_seconds_per_on_time: float
    mean_degree: float
    segments: int
    regroups: int
    decisions: int
    jobs_p50: float
    jobs_max: float
    optimal_share: float
    fallback_share: float
    bounded: int
    mean_gap: float
    stages: StageSummary | None
    wall: WallClock

    def to_dict(self, wall: bool = True) -> dict[str, Any]:
        """Plain data for JSON, with null for what is infinite or NaN.

        Without ``wall``, two runs with the same seeds give the same bytes.
        """
        data = asdict(self)
        if not wall:
            del data["wall"]
        plain = _plain(data)
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    """Tuples to lists; infinite and NaN, which JSON does not know, to None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
