"""The Tetris picture: who ran on which GPUs when, whose deadlines held, and where in the run that was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from executor.records import Records
from experiments.results.colours import colour_slots
from experiments.results.layout import (
    Rectangle,
    busiest_window,
    clusters,
    deadline_marks,
    merged,
    missed_deadlines,
    occupancy,
    rectangles,
)
from experiments.results.metrics import summarize
from experiments.results.usage import duration
from planner.cluster import Cluster

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOW = 60.0
"""Seconds that the main panel shows of a longer run."""

COLOURS = ("#77aadd", "#eedd88", "#44bb99", "#ffaabb", "#bbcc33", "#99ddff", "#aaaa00", "#c3a5e0", "#eeaa77")
"""Light colours that stay apart for colour-blind readers (after Paul Tol); none is near the red."""
RED, HATCH, INK, SOFT = "#c1121f", "#c1121f99", "#222222", "#777777"
DEGREE_COLOURS = ("#c9dcf0", "#8fbde0", "#4292c6", "#08519c", "#08306b", "#041a3d")
"""By degree, light to dark; ordered also in grey."""

POINTS = 72.0
WIDTH, SIDE, TOP, BOTTOM = 13.0, 0.75, 0.95, 0.5
"""Inches: figure width, left margin, margins above and below the panels."""
ROW, LANE, STRIP, BETWEEN = 0.4, 0.3, 0.75, 0.75
"""Inches: height of a GPU row, of the lane of arrivals, of the overview strip; space between the panels."""


def draw_timeline(
    records: Records,
    cluster: Cluster,
    path: str | Path,
    window: tuple[float, float] | None = None,
    name: str = "",
) -> None:
    """Draw a run; PNG, or what the suffix of ``path`` says.

    The main panel has a row for each GPU and a rectangle for each segment, in the colour of its request and
    with its id where that fits. Work after the request's deadline is hatched. The strip below shows the whole
    run, if the panel does not.

    Parameters
    ----------
    records
        What happened.
    cluster
        Where.
    path
        The file; replaced if it exists.
    window
        First and last second of the main panel; by default the busiest 60 s.
    name
        Of the run, for the title; by default the solver that made most of its decisions.

    Raises
    ------
    ValueError
        If the window is empty.
    """
    from matplotlib.figure import Figure

    whole = duration(records)
    if window is None:
        window = (0.0, max(whole, 1.0)) if whole <= 1.5 * WINDOW else busiest_window(records, cluster.gpus, WINDOW)
    if not window[0] < window[1]:
        raise ValueError(f"window is {window}; give two times in seconds, the second one later")
    partial = window[0] > 0 or window[1] < whole
    rows = min(ROW, 8.0 / cluster.gpus)
    panel = rows * cluster.gpus + LANE
    height = TOP + panel + BOTTOM + (STRIP + BETWEEN if partial else 0.0)
    figure = Figure(figsize=(WIDTH, height), dpi=150)
    across = (SIDE / WIDTH, (WIDTH - SIDE - 0.2) / WIDTH)
    axes = figure.add_axes((across[0], (height - TOP - panel) / height, across[1], panel / height))
    _draw_panel(axes, records, cluster.gpus, window, LANE / rows, rows * POINTS)
    if partial:
        strip = figure.add_axes((across[0], BOTTOM / height, across[1], STRIP / height))
        _draw_overview(strip, records, cluster.gpus, window, whole)
    s = summarize(records, cluster, name)
    state = "" if records.complete else " (interrupted)"
    title = f"{s.name or 'no decisions'} on {cluster.name}{state}: {s.on_time} of {s.requests} requests on time"
    title += f", SAR {100 * s.sar:.1f} %" if s.requests else ""
    figure.text(across[0], 1 - 0.3 / height, title, fontsize=14, weight="bold", color=INK, va="center")
    _draw_key(figure.add_axes((across[0], 1 - 0.72 / height, across[1], 0.24 / height)))
    figure.savefig(path, metadata={"CreationDate": None} if Path(path).suffix == ".pdf" else None)


def _draw_panel(
    axes: Axes, records: Records, gpus: int, window: tuple[float, float], lane: float, row_points: float
) -> None:
    """Draw the GPU rows; y is the GPU, downwards, and the lane of arrivals is above row 0."""
    start, end = window
    axes.set_xlim(start, end)
    axes.set_ylim(gpus, -lane)
    axes.set_yticks([gpu + 0.5 for gpu in range(gpus)], [f"GPU {gpu}" for gpu in range(gpus)], fontsize=9)
    axes.set_xlabel("seconds since the start of the run", fontsize=9, color=SOFT, labelpad=2)
    _plain_axes(axes)
    axes.axhspan(0, gpus, color="#f4f4f4", zorder=0)
    for gpu in range(gpus + 1):
        axes.axhline(gpu, color="white", linewidth=1.0, zorder=1)
    slots = colour_slots(records, len(COLOURS))
    shown = [r for r in rectangles(records.segments) if r.end > start and r.start < end]
    _draw_rectangles(axes, shown, records, slots)
    _draw_labels(axes, shown, window, row_points)
    _draw_deadlines(axes, records, window, slots, lane)
    arriving = [r for r in records.requests if start <= r.arrival <= end]
    axes.scatter(
        [r.arrival for r in arriving], [-0.26 * lane] * len(arriving), marker="v", s=42, linewidths=0.6,
        edgecolors=INK, c=[COLOURS[slots[r.id]] for r in arriving], zorder=6, clip_on=False,
    )  # fmt: skip


def _draw_rectangles(axes: Axes, shown: Sequence[Rectangle], records: Records, slots: dict[int, int]) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle as Patch

    deadlines = {request.id: request.deadline for request in records.requests}
    late = []
    patches = []
    for r in shown:
        due = min(max(deadlines[job] for job in r.jobs), r.end)
        patches.append(Patch((r.start, r.first + 0.04), r.end - r.start, r.gpus - 0.08))
        if due < r.end:
            begin = max(due, r.start)
            late.append(Patch((begin, r.first + 0.04), r.end - begin, r.gpus - 0.08))
    faces = [COLOURS[slots[r.jobs[0]]] for r in shown]
    axes.add_collection(PatchCollection(patches, facecolors=faces, edgecolors="white", linewidths=0.3, zorder=2))
    axes.add_collection(
        PatchCollection(
            late,
            facecolors="#ffffff66",
            edgecolors=HATCH,
            linewidths=0.0,
            hatch="///",
            hatch_linewidth=0.7,
            zorder=3,
        )
    )


def _draw_labels(axes: Axes, shown: Sequence[Rectangle], window: tuple[float, float], row_points: float) -> None:
    from matplotlib.patheffects import Normal, Stroke

    start, end = window
    halo = [Stroke(linewidth=2.0, foreground="#ffffffaa"), Normal()]
    seconds_per_point = (end - start) / ((WIDTH - SIDE - 0.2) * POINTS)
    for r in merged(shown, 0.01 * (end - start)):
        left, right = max(r.start, start), min(r.end, end)
        text = "+".join(map(str, r.jobs))
        size = min(8.0 + 1.2 * (r.gpus - 1), 13.0, 0.75 * r.gpus * row_points)
        if (0.62 * len(text) * size + 3.0) * seconds_per_point > right - left:
            size = ((right - left) / seconds_per_point - 3.0) / (0.62 * len(text))
        if size < 5.5:
            continue
        axes.text(
            (left + right) / 2, r.first + r.gpus / 2, text, fontsize=size, color=INK, ha="center",
            va="center", zorder=7, clip_on=True, path_effects=halo,
        )  # fmt: skip


def _draw_deadlines(
    axes: Axes, records: Records, window: tuple[float, float], slots: dict[int, int], lane: float
) -> None:
    """Mark deadlines on the rows held last: a short tick if met, else a line, and a cross above."""
    from matplotlib.colors import to_rgb
    from matplotlib.patheffects import Normal, Stroke

    marks = deadline_marks(records, window)
    for mark in marks:
        held = not mark.missed
        colour = tuple(0.5 * part for part in to_rgb(COLOURS[slots[mark.request]])) if held else RED
        width = 1.6 if held else 2.2
        for first, count in mark.rows:
            axes.plot(
                [mark.at, mark.at], [first + count - (0.36 if held else count - 0.08), first + count - 0.06],
                color=colour, linewidth=width, zorder=5, solid_capstyle="butt",
                path_effects=[Stroke(linewidth=width + 1.6, foreground="white"), Normal()],
            )  # fmt: skip
    missed = [mark for mark in marks if mark.missed]
    seconds_per_point = (window[1] - window[0]) / ((WIDTH - SIDE - 0.2) * POINTS)
    for group in clusters(missed, 24.0 * seconds_per_point):
        axes.plot(
            [mark.at for mark in group], [-0.74 * lane] * len(group), "x", color=RED, markersize=6,
            markeredgewidth=1.8, zorder=6, clip_on=False,
        )  # fmt: skip
        axes.annotate(
            ", ".join(str(mark.request) for mark in group), (group[-1].at, -0.74 * lane), (5, 0),
            textcoords="offset points", fontsize=7.5, color=RED, va="center", ha="left", zorder=6,
            annotation_clip=False,
        )  # fmt: skip


def _draw_overview(axes: Axes, records: Records, gpus: int, window: tuple[float, float], whole: float) -> None:
    from matplotlib.patches import Rectangle as Patch

    edges = np.linspace(0.0, whole, 401)
    busy = occupancy(records.segments, edges)
    below = np.zeros(len(edges) - 1)
    for index, (degree, level) in enumerate(busy.items()):
        shade = min(degree.bit_length(), len(DEGREE_COLOURS)) - 1
        colour = DEGREE_COLOURS[shade]
        axes.stairs(below + level, edges, baseline=below, fill=True, color=colour, linewidth=0)
        below = below + level
        axes.text(
            1.0 - 0.028 * (len(busy) - index - 0.5), 1.17, f"{degree}", transform=axes.transAxes, fontsize=8,
            va="center", ha="center", color="white" if shade > 1 else INK,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 2.2},
        )  # fmt: skip
    title = "the whole run: busy GPUs, and missed deadlines below (red); the frame is the window above"
    about: dict[str, Any] = {"transform": axes.transAxes, "fontsize": 8.5, "va": "center", "color": SOFT}
    axes.text(0.0, 1.17, title, **about)
    axes.text(1.0 - 0.028 * (len(busy) + 0.1), 1.17, "GPUs per request", ha="right", **about)
    axes.set_xlim(0, whole)
    axes.set_ylim(-0.3 * gpus, gpus)
    axes.set_yticks([0, gpus])
    axes.vlines(missed_deadlines(records), -0.27 * gpus, -0.06 * gpus, color=RED, linewidth=0.8)
    axes.add_patch(
        Patch(
            (window[0], -0.3 * gpus),
            window[1] - window[0],
            1.3 * gpus,
            facecolor="none",
            edgecolor=INK,
            linewidth=1.4,
            zorder=5,
            clip_on=False,
        )
    )
    _plain_axes(axes)


def _draw_key(axes: Axes) -> None:
    """Say in one line what the marks mean."""
    axes.set_xlim(0, 100)
    axes.set_ylim(-1, 1)
    axes.axis("off")
    from matplotlib.patches import Rectangle as Patch

    axes.scatter([0.7], [0], marker="v", s=42, color="white", edgecolors=INK, linewidths=0.8)
    axes.plot([9.7, 9.7], [-0.8, 0.1], color="#3b556e", linewidth=1.6)
    axes.plot([21.1, 21.1], [-0.8, 0.8], color=RED, linewidth=2.2)
    axes.plot(22.2, 0, marker="x", color=RED, markersize=6, markeredgewidth=1.8)
    axes.add_patch(
        Patch(
            (35.6, -0.7),
            2.2,
            1.4,
            facecolor="#e4e4e4",
            edgecolor=HATCH,
            linewidth=0,
            hatch="///",
            hatch_linewidth=0.7,
        )
    )
    for x, text in (
        (1.6, "arrival"),
        (10.3, "deadline met"),
        (23.1, "missed deadline"),
        (38.4, "work past the deadline"),
    ):
        axes.text(x, 0, text, fontsize=9, va="center", color=SOFT)


def _plain_axes(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#bbbbbb")
    axes.tick_params(length=0, colors=SOFT, labelsize=8.5)
