from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from executor.engine import Segment
from executor.records import Records
from experiments.results.timeline import draw_timeline, draw_timelines
from planner.cluster import Cluster
from planner.request import Request
from profiles.shape import Shape


def test_png_and_pdf_are_written(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """The suffix decides the format."""
    draw_timeline(records, cluster, tmp_path / "run.png")
    draw_timeline(records, cluster, tmp_path / "run.pdf")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "run.pdf").read_bytes().startswith(b"%PDF")


def test_the_same_run_draws_the_same_bytes(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """Neither format holds a date."""
    for suffix in ("png", "pdf"):
        for name in ("a", "b"):
            draw_timeline(records, cluster, tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_part_of_a_run_gets_an_overview(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """With a window the picture is taller, by the strip of the whole run."""
    draw_timeline(records, cluster, tmp_path / "whole.png")
    draw_timeline(records, cluster, tmp_path / "part.png", window=(2.0, 6.0))
    assert height(tmp_path / "part.png") > height(tmp_path / "whole.png")


def test_odd_runs_can_be_drawn(tmp_path: Path) -> None:
    """A run without requests, and a long one on GPUs with gaps, work too."""
    draw_timeline(Records(()), Cluster.nvlink(1), tmp_path / "empty.png")
    requests = tuple(Request(i, Shape(256, 256), 1, 40.0 * i, 40.0 * i + 5.0) for i in range(10))
    segments = [Segment((r.id,), (0, 2), r.arrival, r.arrival + 6.0, 1) for r in requests]
    draw_timeline(Records(requests, segments=segments), Cluster.nvlink(4, "all"), tmp_path / "long.png")
    assert (tmp_path / "long.png").exists()


def test_an_empty_window_is_refused(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """The error names the window."""
    with pytest.raises(ValueError, match=r"window is \(5.0, 5.0\)"):
        draw_timeline(records, cluster, tmp_path / "run.png", window=(5.0, 5.0))


def test_two_runs_one_above_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every panel says how many deadlines it meets, and how many it misses that the other one meets, which are crossed."""
    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: (drawn.append(figure), save(figure, *a, **k)))
    requests = tuple(Request(i, Shape(256, 256), 1, float(i), i + 2.0) for i in range(4))
    good = Records(requests, {r.id: r.arrival + 1.0 for r in requests}, ended=5.0, complete=True)
    bad = Records(
        requests, {r.id: r.arrival + (3.0 if r.id in (1, 2) else 1.0) for r in requests}, ended=6.0, complete=True
    )
    draw_timelines([("bad", bad), ("good", good)], Cluster.nvlink(2), tmp_path / "two.png", title="both")
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    texts = [text.get_text() for text in drawn[0].texts]
    assert texts[0] == "both"
    assert texts[1:] == [
        "bad: 2 of 4 deadlines met in this window; misses 2 that are met below",
        "good: 4 of 4 deadlines met in this window",
    ]
    crosses = [[t.get_text() for t in axes.texts] for axes in drawn[0].axes[1:]]
    assert crosses == [["1", "2"], []] or crosses == [["1, 2"], []]


def test_timelines_of_different_requests_are_refused(records: Records, cluster: Cluster, tmp_path: Path) -> None:
    """Only runs of the same requests can be compared."""
    with pytest.raises(ValueError, match="the same requests in all"):
        draw_timelines([("a", records), ("b", Records(()))], cluster, tmp_path / "two.png")


def height(png: Path) -> int:
    """Pixels high, from the header of a PNG."""
    return int.from_bytes(png.read_bytes()[20:24], "big")
