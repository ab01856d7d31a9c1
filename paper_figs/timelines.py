"""Timelines of runs as tables, and pictures of such tables; what a panel looks like is that of every run's timeline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from executor.engine import Segment
from executor.records import Records
from experiments.drawing.palette import INK
from experiments.results.layout import blocks
from experiments.results.panel import HATCH, RED, PanelSize, draw_panel
from paper_figs.style import COLUMN, SHAPE_COLOURS, shown
from paper_figs.table import Table, Value
from planner.request import Request
from profiles import Shape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def timeline_rows(result: Mapping[str, Any], about: Mapping[str, Value], until: float) -> list[dict[str, Value]]:
    """Return the segments and requests of a run that begin before some second, as rows of a table.

    Rows of the kind ``segment`` have ``request``, ``shape``, ``gpu``, ``gpus``, ``start`` and ``end``; rows of the kind
    ``request`` have ``start`` (arrival), ``end`` (deadline), ``delivered`` and ``on_time``.
    """
    shapes = [shown(row[0]) for row in result["requests"]]
    rows: list[dict[str, Value]] = []
    for jobs, gpus, start, end, _steps in _joined(result["segments"]):
        if start < until:
            for first, count in blocks(gpus):
                place: dict[str, Value] = {"gpu": first, "gpus": count, "start": start, "end": end}
                rows.append({**about, "kind": "segment", "request": jobs[0], "shape": shapes[jobs[0]], **place})
    for index, (_, arrival, deadline, delivered, on_time) in enumerate(result["requests"]):
        if arrival < until:
            times: dict[str, Value] = {
                "start": arrival,
                "end": deadline,
                "delivered": delivered,
                "on_time": int(on_time),
            }
            rows.append({**about, "kind": "request", "request": index, "shape": shapes[index], **times})
    return rows


def _joined(segments: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Join segments of one request that follow each other on the same GPUs."""
    made: list[list[Any]] = []
    latest: dict[int, list[Any]] = {}
    for jobs, gpus, start, end, steps in sorted(segments, key=lambda segment: segment[2]):
        before = latest.get(jobs[0])
        if before is not None and before[0] == jobs and before[1] == gpus and start - before[3] < 0.002:
            before[3], before[4] = end, before[4] + steps
        else:
            latest[jobs[0]] = [jobs, gpus, start, end, steps]
            made.append(latest[jobs[0]])
    return made


def records_of(table: Table) -> Records:
    """Return what :func:`timeline_rows` made of a run, as records of the run."""
    requests, delivered, segments = [], {}, []
    for row in table.where(kind="request").records():
        request, text = int(str(row["request"])), str(row["shape"])
        shape = Shape.parse(text if "x" in text else f"{text}x{text}")
        requests.append(Request(request, shape, 1, float(str(row["start"])), float(str(row["end"]))))
        if row["delivered"] is not None:
            delivered[request] = float(str(row["delivered"]))
    for row in table.where(kind="segment").records():
        first = int(str(row["gpu"]))
        gpus = tuple(range(first, first + int(str(row["gpus"]))))
        segments.append(Segment((int(str(row["request"])),), gpus, float(str(row["start"])), float(str(row["end"])), 1))
    known = {request.id for request in requests}
    return Records(
        tuple(requests), delivered, segments=[s for s in segments if s.jobs[0] in known], ended=math.inf, complete=True
    )


def draw_timeline(
    axes: Axes,
    table: Table,
    gpus: int,
    window: tuple[float, float],
    room: PanelSize,
    names: Mapping[int, str] | None = None,
) -> None:
    """Draw one run: a row per GPU, a colour per resolution.

    Parameters
    ----------
    axes
        To draw on.
    table
        Rows as of :func:`timeline_rows`, of one run.
    gpus
        Rows of the picture.
    window
        Its first and last second.
    room
        Its size on paper.
    names
        Of the requests; by default their numbers.
    """
    records = records_of(table)
    colours = {r.id: SHAPE_COLOURS.get(shown(r.shape.label), "#999999") for r in records.requests}
    axes.grid(visible=False)
    draw_panel(axes, records, gpus, window, room, colours, names)


def key(figure: Figure, edges: Sequence[str] = tuple(SHAPE_COLOURS)) -> None:
    """Explain below a figure the colours of resolutions and the marks of deadlines."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colours = [Patch(color=SHAPE_COLOURS[edge], label=f"{edge} px") for edge in edges]
    marks = [
        Line2D([], [], linestyle="none", marker="v", color="white", markeredgecolor=INK, label="arrival"),
        Line2D([], [], linestyle="none", marker="|", color=INK, markeredgewidth=1.2, label="deadline met"),
        Line2D([], [], linestyle="none", marker="x", color=RED, markeredgewidth=1.5, label="missed"),
        Patch(facecolor="#e4e4e4", edgecolor=HATCH, linewidth=0, hatch="/////", label="work past it"),
    ]
    more: dict[str, Any] = {"columnspacing": 1.0, "handlelength": 1.0, "handletextpad": 0.4}
    if figure.get_figwidth() > COLUMN:
        figure.legend(handles=[*colours, *marks], loc="outside lower center", ncols=8, **more)
        return
    rows = [handle for pair in zip_longest(marks, colours) for handle in pair if handle is not None]
    figure.legend(handles=rows, loc="outside lower center", ncols=len(marks), **more)
