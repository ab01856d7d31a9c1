from __future__ import annotations

import math

import pytest
from rich.console import Console

from experiments.workload.summary import summarise, summary_tables
from experiments.workload.workload import Workload
from planner.request import Request
from profiles.shape import Shape

SMALL, LARGE = Shape(512, 512), Shape(1024, 1024)


def workload() -> Workload:
    """Three requests of two shapes."""
    rows = [(LARGE, 1.0, 3.0), (SMALL, 2.0, 1.0), (LARGE, 6.0, 5.0)]
    return Workload("w", tuple(Request(i, s, 50, t, t + slo) for i, (s, t, slo) in enumerate(rows)))


def printed(workload: Workload) -> str:
    """Return both tables as text."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(*summary_tables(workload))
    return capture.get()


def test_key_figures_are_those_of_the_requests() -> None:
    """Gaps of 1 and 4 s are 24 requests per minute with a CV of 0.6; classes come with the smallest first."""
    summary = summarise(workload())
    assert (summary.count, summary.duration, summary.rate, summary.cv) == (3, 6.0, 24.0, 0.6)
    assert [(c.shape, c.count, c.median_slo) for c in summary.classes] == [(SMALL, 1, 1.0), (LARGE, 2, 4.0)]
    assert sum(c.share for c in summary.classes) == pytest.approx(1.0)


def test_one_request_has_no_rate() -> None:
    """Without gaps, rate and CV are not numbers, and the tables still print."""
    single = Workload("w", workload().requests[:1])
    assert math.isnan(summarise(single).rate)
    assert math.isnan(summarise(single).cv)
    assert "1024x1024" in printed(single)


def test_the_tables_show_every_class() -> None:
    """Name, shapes and shares are printed."""
    for words in ("w", "24.00", "512x512", "1024x1024", "0.667"):
        assert words in printed(workload())
