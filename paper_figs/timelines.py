"""Timelines of runs as tables and as pictures: a row per GPU, a rectangle per segment, lost deadlines marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments.results.layout import blocks
from paper_figs.style import INK, RED, SHAPE_COLOURS, shown
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


def draw_timeline(
    axes: Axes, table: Table, gpus: int, until: float, labels: Sequence[str] | None = None, since: float = 0.0
) -> None:
    """Draw one run.

    Parameters
    ----------
    axes
        To draw on.
    table
        Rows as of :func:`timeline_rows`, of one run.
    gpus
        Rows of the picture.
    until
        Its last second.
    labels
        Of the requests; by default their numbers.
    since
        Its first second.
    """
    from matplotlib.patches import Rectangle

    axes.set_xlim(since, until)
    axes.set_ylim(gpus, -0.9)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    for gpu in range(gpus):
        axes.add_patch(Rectangle((since, gpu + 0.03), until - since, 0.94, color="#f4f4f4", linewidth=0, zorder=0))
    deadlines = {int(str(r["request"])): float(str(r["end"])) for r in table.where(kind="request").records()}
    for row in table.where(kind="segment").records():
        request, first, count = (int(str(row[name])) for name in ("request", "gpu", "gpus"))
        start, end = float(str(row["start"])), min(float(str(row["end"])), until)
        late = start >= deadlines.get(request, until)
        axes.add_patch(
            Rectangle(
                (start, first + 0.05), end - start, count - 0.1, edgecolor="white", linewidth=0.3, zorder=2,
                facecolor=SHAPE_COLOURS.get(str(row["shape"]), "#999999"), alpha=0.35 if late else 1.0,
            )
        )  # fmt: skip
        text = labels[request] if labels is not None else str(request)
        if (end - start) / (until - since) > 0.012 * len(text) + 0.004:
            axes.text((start + end) / 2, first + count / 2, text, fontsize=5.5 + 0.4 * min(count, 4), color=INK,
                      ha="center", va="center", zorder=4, clip_on=True)  # fmt: skip
    for row in table.where(kind="request").records():
        request, deadline = int(str(row["request"])), float(str(row["end"]))
        if deadline > until:
            continue
        met = bool(row["on_time"])
        axes.plot(
            deadline, -0.42, "o" if met else "X", color="#3a7d44" if met else RED, markersize=3.0 if met else 4.6,
            markeredgewidth=0, zorder=5, clip_on=False,
        )  # fmt: skip
    axes.set_yticks([gpu + 0.5 for gpu in range(gpus)], [f"GPU {gpu}" for gpu in range(gpus)], fontsize=6)


def request_marks(axes: Axes, x: float = 1.0, y: float = 1.02) -> None:
    """Say above a panel what the marks of deadlines mean."""
    axes.text(
        x, y, "deadline ● met  ✖ lost", transform=axes.transAxes, fontsize=6.5, ha="right", va="bottom", color=INK
    )
