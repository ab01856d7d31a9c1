from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from executor.records import Records
from experiments.results.metrics import summarize
from experiments.results.summary import Summary
from experiments.results.terminal import print_summary
from planner.cluster import Cluster


@pytest.fixture
def summary(records: Records, cluster: Cluster) -> Summary:
    """Make the summary of the hand-made run."""
    return summarize(records, cluster)


def printed(*summaries: Summary) -> str:
    """Return what a terminal of 80 columns shows."""
    console = Console(file=io.StringIO(), width=80)
    print_summary(summaries, console, "title")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, start: str) -> list[str]:
    """Words of the line that begins so."""
    return next(line for line in text.splitlines() if line.strip().startswith(start)).split()


def test_one_run_shows_every_figure(summary: Summary) -> None:
    """Attainment overall and by shape, latencies with what they are over, GPU time and decisions are there."""
    text = printed(summary)
    assert "title" in text
    assert row(text, "SLO attainment")[2:5] == ["33.3", "%", "2"]
    assert row(text, "by weight")[2:4] == ["42.9", "%"]
    assert row(text, "gold")[1:6] == ["100.0", "%", "1", "of", "1,"]
    assert row(text, "1024x1024")[1:] == ["33.3", "%", "1", "of", "3"]
    assert row(text, "latency p50")[2:] == ["6.00", "s", "of", "all", "requests"]
    assert row(text, "latency p99")[2:] == ["inf", "s", "fewer", "than", "99", "%", "were", "delivered"]
    assert "of the 3 completed requests only" in text
    assert "title (interrupted)" in text
    assert row(text, "mean gap")[2:4] == ["8.33", "%"]


def test_texts_and_images_have_their_lines(staged: Records, cluster: Cluster) -> None:
    """Where texts and images take time, a run shows how busy their worker was and what waited for what; elsewhere not."""
    text = printed(summarize(staged, cluster))
    assert row(text, "text and image")[3:] == ["17.0", "%", "of", "the", "time", "of", "1", "worker"]
    assert row(text, "steps wait")[2:] == ["0.80", "s", "for", "GPUs,", "once", "the", "text", "is", "encoded;", "p95"]
    assert row(text, "image there")[2:4] == ["0.40", "s"]
    assert "image there" not in printed(summarize(replace(staged, staged=[]), cluster))


def test_several_runs_stand_side_by_side(summary: Summary) -> None:
    """Each run has a row that fits 80 columns without cut figures, and infinite latencies are explained."""
    text = printed(summary, replace(summary, name="fixed-8", complete=True, weighted_sar=0.5, latency_p99=12.0))
    assert row(text, "fixed-8") == [
        "fixed-8", "50.0", "33.3", "33.3", "6.0", "12.0", "60.0", "12.0", "4.00", "20.00",
    ]  # fmt: skip
    assert "cpsat" in text
    assert "wSAR: requests on time by weight" in " ".join(text.split())
    assert "inf: so many were never delivered" in " ".join(text.split())
    assert "…" not in text


def test_nothing_is_refused() -> None:
    """Without a summary there is an error, not an empty table."""
    with pytest.raises(ValueError, match="no summary"):
        printed()


def test_an_interrupted_run_says_what_its_share_is_about(summary: Summary) -> None:
    """Beside the share of all requests stands that of those that had ended, with their number; not in a complete run."""
    stopped = replace(summary, complete=False, unfinished=1, sar_of_ended=0.5)
    whole = replace(summary, complete=True, unfinished=0)
    text = " ".join(printed(stopped).split())
    assert f"until then 50.0 % of the {summary.requests - 1} (of {summary.requests}) that had ended" in text
    assert "until then" not in printed(whole)
