"""Lanes for texts and images below the GPUs of a timeline: who kept the workers for stages busy.

What GPUs of the cluster decode is on their own rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from executor.records import Records
from experiments.drawing.palette import INK, SOFT
from experiments.results.panel import SMALLEST, PanelSize, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT = 0.45
"""Height of a text in its lane; an image fills it."""


def lanes(records: Records) -> int:
    """Return how many lanes a run needs: one for each worker for stages, none where texts and images take no time."""
    return 1 + max((staged.worker for staged in records.staged), default=-1)


def draw_lanes(
    axes: Axes, records: Records, window: tuple[float, float], room: PanelSize, colours: Mapping[int, str]
) -> None:
    """Draw a window of the stages: a low box for a text, a full one for an image, in the colour of the request.

    Parameters
    ----------
    axes
        To draw on.
    records
        What happened; has stages.
    window
        First and last second.
    room
        Of a panel; a lane is as high as a row.
    colours
        Of every request, by id.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle as Patch

    start, end = window
    workers = lanes(records)
    axes.set_xlim(start, end)
    axes.set_ylim(workers, 0)
    names = ["stages"] if workers == 1 else [f"stages {worker}" for worker in range(workers)]
    axes.set_yticks([worker + 0.5 for worker in range(workers)], names, fontsize=9 * room.text)
    plain_axes(axes, room.text)
    axes.axhspan(0, workers, color="#f4f4f4", zorder=0)
    shown = [staged for staged in records.staged if staged.gpu < 0 and staged.end > start and staged.start < end]
    patches = []
    for staged in shown:
        high = TEXT if staged.stage == "encode" else 0.92
        patches.append(Patch((staged.start, staged.worker + 0.96 - high), staged.end - staged.start, high))
        fits = 0.62 * SMALLEST * len(str(staged.request)) + 2.0
        if staged.stage == "decode" and (staged.end - staged.start) * room.width / (end - start) > fits:
            axes.text(
                (max(staged.start, start) + min(staged.end, end)) / 2, staged.worker + 0.5, str(staged.request),
                fontsize=min(8.0 * room.text, 0.6 * room.row), color=INK, ha="center", va="center", zorder=4, clip_on=True,
            )  # fmt: skip
    faces = [colours[staged.request] for staged in shown]
    axes.add_collection(PatchCollection(patches, facecolors=faces, edgecolors=SOFT, linewidths=0.3, zorder=2))
    for worker in range(1, workers):
        axes.axhline(worker, color="white", linewidth=room.text, zorder=1)
