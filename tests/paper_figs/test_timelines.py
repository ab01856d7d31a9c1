"""Timelines: what a table holds of a run, and what is drawn from it."""

from __future__ import annotations

import pytest

from experiments.results.panel import PanelSize
from paper_figs.__main__ import RESULTS
from paper_figs.style import SHAPE_COLOURS, panels, styled
from paper_figs.table import Table
from paper_figs.timelines import draw_timeline, records_of, timeline_rows

RESULT = {
    "requests": [
        ["256x256", 0.0, 2.0, 1.0, True],
        ["2048x2048", 0.5, 3.0, 4.0, False],
        ["512x512", 1.0, 9.0, None, False],
    ],
    "segments": [
        [[0], [0], 0.0, 0.5, 5],
        [[0], [0], 0.501, 1.0, 5],
        [[1], [2, 3], 0.5, 4.0, 9],
        [[2], [0], 3.5, 4.5, 3],
    ],
}


def test_a_table_holds_the_run() -> None:
    """Requests, fates and segments come back; segments that follow each other on the same GPUs are one."""
    table = Table.of(timeline_rows(RESULT, {"policy": "x"}, 60.0))
    records = records_of(table)
    assert [records.fate(request) for request in records.requests] == ["on_time", "late", "unfinished"]
    assert [(s.jobs, s.gpus, s.start, s.end) for s in records.segments] == [
        ((0,), (0,), 0.0, 1.0),
        ((1,), (2, 3), 0.5, 4.0),
        ((2,), (0,), 3.5, 4.5),
    ]


def test_lost_deadlines_are_crossed_with_the_request_that_lost() -> None:
    """The cross bears the name of the request, and rectangles have the colour of the resolution."""
    table = Table.of(timeline_rows(RESULT, {"policy": "x"}, 60.0))
    with styled():
        _, axes = panels()
        draw_timeline(axes[0, 0], table, 4, (0.0, 8.0), PanelSize(200.0, 12.0, 1.5), {0: "A", 1: "B", 2: "C"})
        crosses = [line for line in axes[0, 0].get_lines() if line.get_marker() == "x"]
        assert [list(line.get_xdata()) for line in crosses] == [[3.0]]
        assert "B" in {text.get_text() for text in axes[0, 0].texts}
        faces = {
            tuple(round(255 * part) for part in colour[:3])
            for c in axes[0, 0].collections
            for colour in c.get_facecolor()
        }
        for edge in ("256", "2048", "512"):
            assert tuple(int(SHAPE_COLOURS[edge][i : i + 2], 16) for i in (1, 3, 5)) in faces


@pytest.mark.parametrize("name", ["fig01", "two_timelines"])
def test_committed_timelines_agree_with_their_tables(name: str) -> None:
    """What the records say of a deadline is what the run had found."""
    table = Table.read(RESULTS / f"{name}.csv")
    for policy in table.names("policy"):
        mine = table.where(policy=policy)
        records = records_of(mine)
        fates = [int(records.fate(request) == "on_time") for request in records.requests]
        assert fates == [int(value) for value in mine.where(kind="request").numbers("on_time")]
