"""Lanes of texts and images."""

from __future__ import annotations

from pathlib import Path

from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure

from executor.records import Records
from experiments.results.panel import PanelSize
from experiments.results.stage_lanes import TEXT, draw_lanes, lanes
from experiments.results.timeline import draw_timeline
from planner.cluster import Cluster

COLOURS = dict.fromkeys(range(6), "#77aadd")


def test_a_low_box_for_a_text_and_a_full_one_for_an_image(staged: Records) -> None:
    """Tests height and times of what is in the window."""
    axes = Figure().add_subplot()
    draw_lanes(axes, staged, (0.0, 7.5), PanelSize(800.0, 30.0, 1.0), COLOURS)
    (boxes,) = [found for found in axes.collections if isinstance(found, PatchCollection)]
    extents = [path.get_extents() for path in boxes.get_paths()]
    assert [(round(e.x0, 3), round(e.x1, 3)) for e in extents] == [(1.5, 2.0), (6.0, 6.2), (7.0, 7.4)]
    assert [e.height < 1.1 * TEXT for e in extents] == [True, True, False]


def test_only_a_run_with_stages_has_lanes(records: Records, staged: Records, cluster: Cluster, tmp_path: Path) -> None:
    """Tests that a timeline is higher by one lane for each worker, and as before without."""
    assert (lanes(records), lanes(staged)) == (0, 1)
    draw_timeline(records, cluster, tmp_path / "plain.png")
    draw_timeline(staged, cluster, tmp_path / "staged.png")
    plain, more = (png_height(tmp_path / name) for name in ("plain.png", "staged.png"))
    assert more > plain


def png_height(path: Path) -> int:
    """Height of a PNG in pixels."""
    return int.from_bytes(path.read_bytes()[20:24], "big")
