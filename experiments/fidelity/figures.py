"""What a run is compared by: the same figures of a real run and of a simulated one, from their records alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from executor.engine import Segment
from executor.records import Records
from experiments.results import Summary, summarize
from planner.cluster import Cluster

TOLERANCE: dict[str, tuple[str, float]] = {
    "SAR": ("absolute", 0.03),
    "latency p50": ("relative", 0.05),
    "latency p95": ("relative", 0.05),
}
"""How far simulation may be from the mean of real runs to count as faithful."""

Figures = dict[str, float]
"""Name to value, in the order in which they are shown; times in seconds."""


def figures(records: Records, cluster: Cluster) -> Figures:
    """Return the figures of a run: end to end, then by stage, then what a step took by resolution and degree."""
    summary = summarize(records, cluster)
    return _end_to_end(summary) | _stages(records) | _steps(records)


def unit(name: str) -> str:
    """Return what a figure is counted in."""
    if name.startswith("step ") or name == "decision":
        return "ms"
    if name in ("SAR", "GPUs busy"):
        return "share"
    return "s" if name.startswith(("latency", "to first", "first to", "last step")) else ""


def faithful(name: str, real: float, simulated: float) -> bool | None:
    """Whether a simulated figure is as near to the real one as it should be; None where nothing is promised."""
    kind, tolerance = TOLERANCE.get(name, ("", 0.0))
    if not kind:
        return None
    return abs(simulated - real) <= (tolerance if kind == "absolute" else tolerance * abs(real)) + 1e-12


def _end_to_end(s: Summary) -> Figures:
    return {
        "SAR": s.sar,
        "latency p50": s.latency_p50,
        "latency p95": s.latency_p95,
        "latency p99": s.latency_p99,
        "latency mean": s.latency_mean_completed,
        "GPUs busy": s.utilization,
        "mean degree": s.mean_degree,
        "segments": float(s.segments),
        "regroups": float(s.regroups),
        "decisions": float(s.decisions),
        "decision": s.wall.decision_mean,
    }


def _stages(records: Records) -> Figures:
    """Mean seconds of a request in each stage; they add up to its mean latency."""
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for segment in records.segments:
        for job in segment.jobs:
            first.setdefault(job, segment.start)
            last[job] = segment.end
    done = [request for request in records.requests if request.id in records.delivered and request.id in first]
    return {
        "to first step": _mean([first[request.id] - request.arrival for request in done]),
        "first to last step": _mean([last[request.id] - first[request.id] for request in done]),
        "last step to image": _mean([records.delivered[request.id] - last[request.id] for request in done]),
    }


def _steps(records: Records) -> Figures:
    """Mean seconds of a step by resolution and degree, with all that a segment takes around its steps."""
    labels = {request.id: request.shape for request in records.requests}
    groups: defaultdict[tuple[int, str, int], list[Segment]] = defaultdict(list)
    for segment in records.segments:
        shape = labels[segment.jobs[0]]
        groups[shape.pixels, shape.label, len(segment.gpus)].append(segment)
    return {
        f"step {label} on {degree}": sum(s.end - s.start for s in segments) / sum(s.steps for s in segments)
        for (_, label, degree), segments in sorted(groups.items())
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
