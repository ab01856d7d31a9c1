"""The key figures of a run. Every one is defined, with symbols, in ``docs/metrics.md``.

The paper's evaluation draws latencies over completed requests only, which rewards a policy that never
finishes the hard ones. Here percentiles are over all requests, and a request that was never delivered took
forever.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from executor.records import Decision, Records
from experiments.results.idle import idle_while_waiting
from experiments.results.percentile import percentile
from experiments.results.stages import StageSummary, stage_summary
from experiments.results.tiers import TierSummary, attainment, tier_summaries
from experiments.results.usage import duration, images_on_gpus, usage_by_request
from planner.cluster import Cluster
from planner.plan import Certificate
from profiles.shape import Shape

MINUTE = 60.0


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


def summarize(records: Records, cluster: Cluster, name: str = "") -> Summary:
    """Compute the key figures of a run, complete or not.

    Parameters
    ----------
    records
        What happened.
    cluster
        Where.
    name
        How to call the run; by default the solver that made most of its decisions.
    """
    records = replace(records, requests=[r for r in records.requests if r.id not in records.cancelled])
    fates: Counter[str] = Counter()
    latencies: dict[Shape, list[float]] = {}
    on_time: Counter[Shape] = Counter()
    for request in records.requests:
        fate = records.fate(request)
        fates[fate] += 1
        if fate == "on_time":
            on_time[request.shape] += 1
        latency = records.delivered.get(request.id, math.inf) - request.arrival
        latencies.setdefault(request.shape, []).append(latency)
    weights = {request.weight for request in records.requests}
    everyone = [latency for group in latencies.values() for latency in group]
    completed = fates["on_time"] + fates["late"]
    seconds = duration(records)
    gpu_seconds = squares = 0.0
    for segment in records.segments:
        degree = len(segment.gpus)
        used = degree * (segment.end - segment.start)
        gpu_seconds += used
        squares += degree * used
    in_segments = gpu_seconds
    gpu_seconds += sum(image.end - image.start for image in images_on_gpus(records.staged))
    idle = idle_while_waiting(records, cluster.gpus)
    gaps = [gap for gap in map(gap_of, records.decisions) if gap is not None]
    decisions = len(records.decisions)
    jobs = [decision.jobs for decision in records.decisions]
    return Summary(
        name=name or _main_solver(records.decisions),
        complete=records.complete,
        gpus=cluster.gpus,
        duration=seconds,
        requests=len(records.requests),
        on_time=fates["on_time"],
        late=fates["late"],
        dropped=fates["dropped"],
        refused=fates["refused"],
        unfinished=fates["unfinished"],
        cancelled=len(records.cancelled),
        promised=len(records.promised),
        kept=sum(r.id in records.promised and records.fate(r) == "on_time" for r in records.requests),
        sar=_ratio(fates["on_time"], len(records.requests)),
        sar_of_ended=_ratio(fates["on_time"], len(records.requests) - fates["unfinished"]),
        weighted_sar=attainment(records, records.requests),
        weighted=len(weights) > 1,
        shapes=tuple(
            _shape_summary(shape, latencies[shape], on_time[shape])
            for shape in sorted(latencies, key=lambda shape: (shape.pixels, shape))
        ),
        tiers=tier_summaries(records),
        latency_p50=percentile(everyone, 50),
        latency_p95=percentile(everyone, 95),
        latency_p99=percentile(everyone, 99),
        latency_mean_completed=_ratio(math.fsum(filter(math.isfinite, everyone)), completed),
        completed=completed,
        goodput=_ratio(fates["on_time"] * MINUTE, seconds),
        throughput=_ratio(completed * MINUTE, seconds),
        utilization=_ratio(gpu_seconds, cluster.gpus * seconds),
        idle_waiting=_ratio(idle.gpu_seconds, cluster.gpus * seconds),
        idle_longest=idle.longest,
        gpu_seconds=gpu_seconds,
        gpu_seconds_per_on_time=gpu_seconds / fates["on_time"] if fates["on_time"] else math.inf,
        mean_degree=_ratio(squares, in_segments),
        segments=len(records.segments),
        regroups=sum(usage.regroups for usage in usage_by_request(records.segments).values()),
        decisions=decisions,
        jobs_p50=percentile(jobs, 50),
        jobs_max=percentile(jobs, 100),
        optimal_share=_ratio(sum(decision.status == "optimal" for decision in records.decisions), decisions),
        fallback_share=_ratio(sum(decision.fallback for decision in records.decisions), decisions),
        bounded=len(gaps),
        mean_gap=_ratio(math.fsum(gaps), len(gaps)),
        stages=stage_summary(records),
        wall=_wall_clock([decision.total_seconds for decision in records.decisions]),
    )


def gap_of(decision: Decision) -> float | None:
    """Return the gap of a decision, as its certificate defines it; None without a bound."""
    if decision.value is None or decision.bound is None:
        return None
    return Certificate(decision.solver, value=decision.value, bound=decision.bound).gap


def _shape_summary(shape: Shape, latencies: list[float], on_time: int) -> ShapeSummary:
    return ShapeSummary(
        shape=shape.label,
        requests=len(latencies),
        on_time=on_time,
        sar=on_time / len(latencies),
        latency_p50=percentile(latencies, 50),
        latency_p99=percentile(latencies, 99),
    )


def _wall_clock(seconds: Sequence[float]) -> WallClock:
    total = math.fsum(seconds)
    return WallClock(
        decision_mean=_ratio(total, len(seconds)),
        decision_p50=percentile(seconds, 50),
        decision_p99=percentile(seconds, 99),
        decision_max=percentile(seconds, 100),
        decision_total=total,
    )


def _main_solver(decisions: Sequence[Decision]) -> str:
    counts = Counter(decision.solver for decision in decisions)
    return min(counts, key=lambda solver: (-counts[solver], solver), default="")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _plain(value: Any) -> Any:
    """Tuples to lists; infinite and NaN, which JSON does not know, to None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
