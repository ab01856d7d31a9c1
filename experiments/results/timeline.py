"""The Tetris picture: who ran on which GPUs when, whose deadlines held, and where in the run that was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from executor.records import Records
from experiments.drawing.palette import INK, SOFT
from experiments.results.colours import colour_slots
from experiments.results.layout import busiest_window, differing_window, missed_deadlines, occupancy
from experiments.results.metrics import summarize
from experiments.results.panel import COLOURS, RED, PanelSize, draw_key, draw_panel, plain_axes
from experiments.results.stage_lanes import draw_lanes, lanes
from experiments.results.usage import duration, images_on_gpus
from planner.cluster import Cluster

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINDOW = 60.0
"""Seconds that the main panel shows of a longer run."""

DEGREE_COLOURS = ("#c9dcf0", "#8fbde0", "#4292c6", "#08519c", "#08306b", "#041a3d")
"""By degree, light to dark; ordered also in grey."""

POINTS = 72.0
WIDTH, SIDE, TOP, BOTTOM = 13.0, 0.75, 0.95, 0.5
"""Inches: figure width, left margin, margins above and below the panels."""
ROW, LANE, STRIP, BETWEEN, CAPTION, BELOW = 0.4, 0.42, 0.75, 0.75, 0.4, 0.08
"""Inches: height of a GPU row, of the lane of arrivals, of the overview strip; space between the panels, for a caption,
and between GPUs and stages."""


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
    run, if the panel does not. Where texts and images take time, their workers have lanes below the GPUs; an image that a GPU
    of the cluster makes is a lower box on its row.

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
    panel = _height(records, cluster.gpus, rows)
    height = TOP + panel + BOTTOM + (STRIP + BETWEEN if partial else 0.0)
    figure = Figure(figsize=(WIDTH, height), dpi=150)
    across = (SIDE / WIDTH, (WIDTH - SIDE - 0.2) / WIDTH)
    slots = colour_slots(records, len(COLOURS))
    colours = {request: COLOURS[slot] for request, slot in slots.items()}
    axes = _draw_run(figure, height - TOP - panel, records, cluster.gpus, window, rows, colours)
    axes.set_xlabel(_below([records]), fontsize=9, color=SOFT, labelpad=2)
    if partial:
        strip = figure.add_axes((across[0], BOTTOM / height, across[1], STRIP / height))
        _draw_overview(strip, records, cluster.gpus, window, whole)
    s = summarize(records, cluster, name)
    state = "" if records.complete else " (interrupted)"
    title = f"{s.name or 'no decisions'} on {cluster.name}{state}: {s.on_time} of {s.requests} requests on time"
    title += f", SAR {100 * s.sar:.1f} %" if s.requests else ""
    title += f", by weight {100 * s.weighted_sar:.1f} %" if s.weighted else ""
    figure.text(across[0], 1 - 0.3 / height, title, fontsize=14, weight="bold", color=INK, va="center")
    draw_key(figure.add_axes((across[0], 1 - 0.72 / height, across[1], 0.24 / height)))
    figure.savefig(path, metadata={"CreationDate": None} if Path(path).suffix == ".pdf" else None)


def draw_timelines(
    runs: Sequence[tuple[str, Records]],
    cluster: Cluster,
    path: str | Path,
    window: tuple[float, float] | None = None,
    title: str = "",
) -> None:
    """Draw runs of the same requests one above the other; PNG, or what the suffix of ``path`` says.

    Panels are as in :func:`draw_timeline`; a request has the same colour in all.

    Parameters
    ----------
    runs
        Name and records of each, with equal requests.
    cluster
        Where.
    path
        The file; replaced if it exists.
    window
        First and last second; by default the 60 s in which the fates of most requests differ.
    title
        Above all panels.

    Raises
    ------
    ValueError
        If there is no run, or the requests are not the same.
    """
    from matplotlib.figure import Figure

    if not runs or any(records.requests != runs[0][1].requests for _, records in runs):
        raise ValueError("timelines one above the other need at least one run, and the same requests in all")
    everything = [records for _, records in runs]
    window = differing_window(everything, cluster.gpus, WINDOW) if window is None else window
    colours = {r.id: COLOURS[index % len(COLOURS)] for index, r in enumerate(everything[0].requests)}
    rows = min(ROW, 8.0 / cluster.gpus)
    panel = max(_height(records, cluster.gpus, rows) for records in everything)
    height = TOP + len(runs) * (panel + CAPTION) + BOTTOM
    figure = Figure(figsize=(WIDTH, height), dpi=150)
    across = (SIDE / WIDTH, (WIDTH - SIDE - 0.2) / WIDTH)
    figure.text(across[0], 1 - 0.3 / height, title, fontsize=14, weight="bold", color=INK, va="center")
    draw_key(figure.add_axes((across[0], 1 - 0.72 / height, across[1], 0.24 / height)))
    kept = [_on_time(records, window) for records in everything]
    due = [r.id for r in everything[0].requests if window[0] <= r.deadline <= window[1]]
    for index, (name, records) in enumerate(runs):
        bottom = height - TOP - (index + 1) * (panel + CAPTION)
        axes = _draw_run(figure, bottom, records, cluster.gpus, window, rows, colours)
        text = f"{name}: {len(kept[index])} of {len(due)} deadlines met in this window"
        others = set().union(*(kept[other] for other in range(len(runs)) if other != index)) - kept[index]
        if others:
            where = "above" if index else "below"
            text += f"; misses {len(others)} that {'are' if len(others) > 1 else 'is'} met {where}"
        figure.text(across[0], (bottom + panel + 0.1) / height, text, fontsize=10.5, weight="bold", color=INK)
        if index < len(runs) - 1:
            axes.set_xticklabels([])
    axes.set_xlabel(_below(everything), fontsize=9, color=SOFT, labelpad=2)
    figure.savefig(path, metadata={"CreationDate": None} if Path(path).suffix == ".pdf" else None)


def _below(runs: Sequence[Records]) -> str:
    """Say what the lowest axis shows."""
    said = "seconds since the start of the run"
    if any(staged.gpu >= 0 for records in runs for staged in records.staged):
        return f"{said}; low boxes of a GPU are images that it decodes, those of stages texts"
    if any(map(lanes, runs)):
        return f"{said}; in the lanes of stages, texts are low boxes and images high ones"
    return said


def _height(records: Records, gpus: int, rows: float) -> float:
    """Return the inches that a run takes with rows so many inches high."""
    workers = lanes(records)
    return rows * (gpus + workers) + LANE + (BELOW if workers else 0.0)


def _draw_run(
    figure: Figure,
    bottom: float,
    records: Records,
    gpus: int,
    window: tuple[float, float],
    rows: float,
    colours: Mapping[int, str],
) -> Axes:
    """Draw GPUs and, below them, stages, from ``bottom`` inches upwards; return the lowest axes."""
    width, height = figure.get_size_inches()
    across = (SIDE / width, (width - SIDE - 0.2) / width)
    workers = lanes(records)
    below = rows * workers + BELOW if workers else 0.0
    axes = figure.add_axes((across[0], (bottom + below) / height, across[1], (rows * gpus + LANE) / height))
    draw_panel(axes, records, gpus, window, _room(rows), colours)
    if not workers:
        return axes
    axes.set_xticklabels([])
    stages = figure.add_axes((across[0], bottom / height, across[1], rows * workers / height))
    draw_lanes(stages, records, window, _room(rows), colours)
    return stages


def _on_time(records: Records, window: tuple[float, float]) -> set[int]:
    return {r.id for r in records.requests if window[0] <= r.deadline <= window[1] and records.fate(r) == "on_time"}


def _room(rows: float) -> PanelSize:
    """Return the size of a panel with rows so many inches high."""
    return PanelSize((WIDTH - SIDE - 0.2) * POINTS, rows * POINTS, LANE / rows)


def _draw_overview(axes: Axes, records: Records, gpus: int, window: tuple[float, float], whole: float) -> None:
    from matplotlib.patches import Rectangle as Patch

    edges = np.linspace(0.0, whole, 401)
    busy = occupancy([*records.segments, *images_on_gpus(records.staged)], edges)
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
    plain_axes(axes)
