"""The key figures of a run. Every one is defined, with symbols, in ``docs/metrics.md``.

The paper's evaluation draws latencies over completed requests only, which rewards a policy that never
finishes the hard ones. Here percentiles are over all requests, and a request that was never delivered took
forever.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from executor.records import Decision, Records
from experiments.results.idle import idle_while_waiting
from experiments.results.percentile import percentile
from experiments.results.stages import stage_summary
from experiments.results.summary import ShapeSummary, Summary, WallClock
from experiments.results.tiers import attainment, tier_summaries
from experiments.results.usage import duration, images_on_gpus, usage_by_request
from planner.cluster import Cluster
from planner.plan import Certificate
from profiles.shape import Shape

MINUTE = 60.0


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
