"""The panel that every timeline is made of: a row per GPU, a rectangle per segment, arrivals above, deadlines on it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from executor.records import Records
from experiments.drawing.labels import spread_out, widest_gap
from experiments.drawing.palette import INK, MISSED, SOFT
from experiments.results.layout import DeadlineMark, Rectangle, deadline_marks, merged, rectangles
from experiments.results.usage import images_on_gpus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#77aadd", "#eedd88", "#44bb99", "#ffaabb", "#bbcc33", "#99ddff", "#aaaa00", "#c3a5e0", "#eeaa77")
"""Light colours that stay apart for colour-blind readers (after Paul Tol); none is near the red."""
RED, HATCH = MISSED, f"{MISSED}99"
SMALLEST = 5.5
"""Points: numbers of requests that would be smaller are left out."""
ARRIVALS, CROSSES, NAMES = 0.2, 0.52, 0.86
"""Heights in the lane, as shares of it: arrivals, crosses of missed deadlines, and whose they are."""
IMAGE = 0.5
"""Height of an image that a GPU makes, in rows."""
MET = 0.36
"""Height of the tick of a deadline that was met, in rows."""


@dataclass(frozen=True, slots=True)
class PanelSize:
    """The size of a panel on paper.

    Parameters
    ----------
    width, row
        Points: width of the panel, height of a GPU's row.
    lane
        Height of the lane above the rows, which holds arrivals and missed deadlines, in rows.
    text
        Size of text, marks and lines, relative to those of a picture 13 inches wide.
    """

    width: float
    row: float
    lane: float
    text: float = 1.0


def draw_panel(
    axes: Axes,
    records: Records,
    gpus: int,
    window: tuple[float, float],
    room: PanelSize,
    colours: Mapping[int, str],
    names: Mapping[int, str] | None = None,
) -> None:
    """Draw a window of a run; y is the GPU, downwards, and the lane is above row 0.

    Work after the request's deadline is hatched. A deadline is a short tick on the rows that the request held last, if
    it was met; a missed one is a line over them, and a cross in the lane, with the request's name above it where there is
    room for all of them. No name stands on a deadline or on another name.

    Parameters
    ----------
    axes
        To draw on.
    records
        What happened.
    gpus
        Rows.
    window
        First and last second.
    room
        See there.
    colours
        Of every request, by id.
    names
        Of the requests; by default their ids.
    """
    start, end = window
    named = {request.id: str(request.id) if names is None else names[request.id] for request in records.requests}
    axes.set_xlim(start, end)
    axes.set_ylim(gpus, -room.lane)
    axes.set_yticks([gpu + 0.5 for gpu in range(gpus)], [f"GPU {gpu}" for gpu in range(gpus)], fontsize=9 * room.text)
    plain_axes(axes, room.text)
    axes.axhspan(0, gpus, color="#f4f4f4", zorder=0)
    for gpu in range(gpus + 1):
        axes.axhline(gpu, color="white", linewidth=room.text, zorder=1)
    shown = [r for r in rectangles(records.segments) if r.end > start and r.start < end]
    _draw_rectangles(axes, shown, records, colours)
    images = images_on_gpus(records.staged)
    _draw_images(axes, [r for r in rectangles(images) if r.end > start and r.start < end], colours)
    marks = deadline_marks(records, window)
    _draw_labels(axes, shown, marks, window, room, named)
    _draw_deadlines(axes, marks, room, colours)
    _draw_crosses(axes, [mark for mark in marks if mark.missed], window, room, named)
    arriving = [r for r in records.requests if start <= r.arrival <= end]
    axes.scatter(
        [r.arrival for r in arriving], [-ARRIVALS * room.lane] * len(arriving), marker="v", s=42 * room.text**2,
        linewidths=0.6 * room.text, edgecolors=INK, c=[colours[r.id] for r in arriving], zorder=6, clip_on=False,
    )  # fmt: skip


def _draw_rectangles(axes: Axes, shown: Sequence[Rectangle], records: Records, colours: Mapping[int, str]) -> None:
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
    faces = [colours[r.jobs[0]] for r in shown]
    axes.add_collection(PatchCollection(patches, facecolors=faces, edgecolors="white", linewidths=0.3, zorder=2))
    axes.add_collection(
        PatchCollection(
            late, facecolors="#ffffff66", edgecolors=HATCH, linewidths=0.0, hatch="///", hatch_linewidth=0.7, zorder=3
        )
    )


def _draw_images(axes: Axes, shown: Sequence[Rectangle], colours: Mapping[int, str]) -> None:
    """Draw what GPUs decode: boxes that are lower than steps, with a frame."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle as Patch

    patches = [Patch((r.start, r.first + 1 - IMAGE), r.end - r.start, IMAGE - 0.08) for r in shown]
    faces = [colours[r.jobs[0]] for r in shown]
    axes.add_collection(PatchCollection(patches, facecolors=faces, edgecolors=SOFT, linewidths=0.5, zorder=2))


def _draw_labels(
    axes: Axes, shown: Sequence[Rectangle], marks: Sequence[DeadlineMark], window: tuple[float, float], room: PanelSize,
    named: Mapping[int, str],
) -> None:  # fmt: skip
    from matplotlib.patheffects import Normal, Stroke

    start, end = window
    halo = [Stroke(linewidth=2.0, foreground="#ffffffaa"), Normal()]
    seconds_per_point = (end - start) / room.width
    ordered = sorted(marks, key=lambda mark: mark.at)
    times = [mark.at for mark in ordered]
    for r in merged(shown, 0.01 * (end - start)):
        text = "+".join(named[job] for job in r.jobs)
        size = min((8.0 + 1.2 * (r.gpus - 1)) * room.text, 13.0 * room.text, 0.75 * r.gpus * room.row)
        middle, half = r.first + r.gpus / 2, 0.5 * size / room.row
        within = ordered[bisect_left(times, r.start) : bisect_right(times, r.end)]
        cuts = [
            mark.at for mark in within if any(low < middle + half and high > middle - half for low, high in _rows(mark))
        ]
        left, right = widest_gap(max(r.start, start), min(r.end, end), cuts)
        if (0.62 * len(text) * size + 3.0) * seconds_per_point > right - left:
            size = ((right - left) / seconds_per_point - 3.0) / (0.62 * len(text))
        if size < SMALLEST:
            continue
        axes.text(
            (left + right) / 2, middle, text, fontsize=size, color=INK, ha="center",
            va="center", zorder=7, clip_on=True, path_effects=halo,
        )  # fmt: skip


def _rows(mark: DeadlineMark) -> list[tuple[float, float]]:
    """Return from where to where a deadline is drawn: the foot of the rows held last if it was met, else all of them."""
    return [(first + (count - MET if not mark.missed else 0.08), first + count - 0.06) for first, count in mark.rows]


def _draw_deadlines(axes: Axes, marks: Sequence[DeadlineMark], room: PanelSize, colours: Mapping[int, str]) -> None:
    """Mark deadlines on the rows held last: a short tick if met, else a line."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb
    from matplotlib.patheffects import Normal, Stroke

    for missed, points in ((False, 1.6), (True, 2.2)):
        lines, shades = [], []
        for mark in marks:
            if mark.missed == missed:
                rows = _rows(mark)
                lines += [[(mark.at, low), (mark.at, high)] for low, high in rows]
                shades += [to_rgb(RED) if missed else tuple(0.5 * p for p in to_rgb(colours[mark.request]))] * len(rows)
        halo = [Stroke(linewidth=(points + 1.6) * room.text, foreground="white"), Normal()]
        axes.add_collection(
            LineCollection(
                lines, colors=shades, linewidths=points * room.text, capstyle="butt", path_effects=halo, zorder=5
            ),
            autolim=False,
        )


def _draw_crosses(
    axes: Axes, missed: Sequence[DeadlineMark], window: tuple[float, float], room: PanelSize, named: Mapping[int, str]
) -> None:
    """Mark missed deadlines in the lane, with names above that are moved apart and bound to their crosses by lines."""
    if not missed:
        return
    start, end = window
    ordered = sorted(missed, key=lambda mark: (mark.at, mark.request))
    axes.plot(
        [mark.at for mark in ordered], [-CROSSES * room.lane] * len(ordered), "x", color=RED,
        markersize=6 * room.text, markeredgewidth=1.8 * room.text, zorder=6, clip_on=False,
    )  # fmt: skip
    longest = max(1, *(len(named[mark.request]) for mark in ordered))
    fits = (room.width / (len(ordered) - 1) - 3.0) / (0.62 * longest) if len(ordered) > 1 else math.inf
    size = min(max(SMALLEST, 7.5 * room.text), fits)
    if size < SMALLEST:
        return
    gap = (0.62 * longest * size + 3.0) / room.width
    wanted = [(mark.at - start) / (end - start) for mark in ordered]
    for mark, place in zip(ordered, spread_out(wanted, gap), strict=True):
        at = start + place * (end - start)
        axes.text(
            at, -NAMES * room.lane, named[mark.request], fontsize=size, color=RED, ha="center", va="center", zorder=6
        )
        if abs(at - mark.at) * room.width > 2.0 * (end - start):
            axes.plot(
                [at, mark.at], [(0.15 - NAMES) * room.lane, -(CROSSES + 0.1) * room.lane], color=RED,
                linewidth=0.5 * room.text, zorder=6, clip_on=False,
            )  # fmt: skip


def draw_key(axes: Axes, text: float = 1.0) -> None:
    """Say in one line what the marks of a panel mean; the axes are turned into that line."""
    from matplotlib.patches import Rectangle as Patch

    axes.set_xlim(0, 100)
    axes.set_ylim(-1, 1)
    axes.axis("off")
    axes.scatter([0.7], [0], marker="v", s=42 * text**2, color="white", edgecolors=INK, linewidths=0.8)
    axes.plot([9.7, 9.7], [-0.8, 0.1], color="#3b556e", linewidth=1.6)
    axes.plot([21.1, 21.1], [-0.8, 0.8], color=RED, linewidth=2.2 * text)
    axes.plot(22.2, 0, marker="x", color=RED, markersize=6 * text, markeredgewidth=1.8 * text)
    axes.add_patch(
        Patch(
            (35.6, -0.7), 2.2, 1.4, facecolor="#e4e4e4", edgecolor=HATCH, linewidth=0, hatch="///", hatch_linewidth=0.7
        )
    )
    for x, words in (
        (1.6, "arrival"),
        (10.3, "deadline met"),
        (23.1, "missed deadline"),
        (38.4, "work past the deadline"),
    ):
        axes.text(x, 0, words, fontsize=9 * text, va="center", color=SOFT)


def plain_axes(axes: Axes, text: float = 1.0) -> None:
    """Leave of the frame only the line below."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#bbbbbb")
    axes.tick_params(length=0, colors=SOFT, labelsize=8.5 * text)
