"""What a workload looks like: load, burstiness, shares and targets, as numbers and as tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from experiments.workload.workload import Workload, rate_per_minute
from profiles.shape import Shape

MOST_SHAPES = 12
"""Shapes that one line names; a trace may have hundreds."""


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """Requests of one shape and number of steps; targets in seconds after arrival."""

    shape: Shape
    steps: int
    count: int
    share: float
    shortest_slo: float
    median_slo: float
    longest_slo: float


@dataclass(frozen=True, slots=True)
class WorkloadSummary:
    """Key figures of a workload.

    Parameters
    ----------
    count
        Requests.
    duration
        Seconds from the start of the run to the last arrival.
    rate
        Requests per minute: 60 divided by the mean gap between arrivals; NaN if there are no gaps or all are
        0.
    cv
        Coefficient of variation of these gaps; 1 in the long run for Poisson arrivals. NaN as above.
    classes
        In ascending order of pixels, then steps.
    """

    count: int
    duration: float
    rate: float
    cv: float
    classes: tuple[ClassSummary, ...]


def summarise(workload: Workload) -> WorkloadSummary:
    """Compute the key figures of a workload."""
    gaps = np.diff([request.arrival for request in workload.requests])
    mean = float(gaps.mean()) if len(gaps) else 0.0
    slos: defaultdict[tuple[Shape, int], list[float]] = defaultdict(list)
    for request in workload.requests:
        slos[request.shape, request.steps].append(request.deadline - request.arrival)
    classes = tuple(
        ClassSummary(
            shape,
            steps,
            len(times),
            len(times) / len(workload),
            min(times),
            float(np.median(times)),
            max(times),
        )
        for (shape, steps), times in sorted(slos.items(), key=lambda item: (item[0][0].pixels, item[0]))
    )
    return WorkloadSummary(
        count=len(workload),
        duration=workload.duration,
        rate=rate_per_minute(workload),
        cv=float(gaps.std()) / mean if mean > 0 else float("nan"),
        classes=classes,
    )


def targets_in_words(workload: Workload) -> str:
    """Say in one line how long each shape has from arrival to deadline, and by which rule."""
    summary = summarise(workload)
    several = {c.shape for c in summary.classes if sum(other.shape == c.shape for other in summary.classes) > 1}
    parts = []
    for c in summary.classes:
        what = f"{c.shape.label}, {c.steps} steps" if c.shape in several else c.shape.label
        same = c.longest_slo - c.shortest_slo <= 1e-6 * c.longest_slo
        seconds = f"{c.longest_slo:.4g}" if same else f"{c.shortest_slo:.4g} to {c.longest_slo:.4g}"
        parts.append(f"{what} {seconds} s")
    scale, rule = workload.parameters.get("slo_scale", 1.0), workload.parameters.get("deadlines", "")
    words = f" ({rule}{'' if scale == 1.0 else f', times {scale:g}'})" if rule else ""
    return f"deadlines: {', '.join(parts[:MOST_SHAPES])}{', ...' if len(parts) > MOST_SHAPES else ''}{words}"


def summary_tables(workload: Workload) -> tuple[Table, Table]:
    """Make a table of the whole workload and one of its classes."""
    summary = summarise(workload)
    whole = Table(title=workload.name, title_justify="left")
    for column in ("requests", "duration (s)", "rate (req/min)", "CV of gaps"):
        whole.add_column(column, justify="right")
    whole.add_row(str(summary.count), f"{summary.duration:.1f}", f"{summary.rate:.2f}", f"{summary.cv:.2f}")
    by_class = Table()
    for column in ("shape", "steps", "requests", "share", "SLO min (s)", "median", "max"):
        by_class.add_column(column, justify="right")
    for c in summary.classes:
        slos = (f"{slo:.2f}" for slo in (c.shortest_slo, c.median_slo, c.longest_slo))
        by_class.add_row(c.shape.label, str(c.steps), str(c.count), f"{c.share:.3f}", *slos)
    return whole, by_class
