"""Published or measured step times, one a line of a CSV file: what profiles are fitted on.

Columns: model, gpu, link, num_gpus, parallel, width, height, frames, steps, mode, total_s, step_s, kind,
source. Mind the order: sources write width first, a `Shape` has height first. Where a source gives only the
total, ``step_s`` is ``total_s / steps`` and so includes the stages around the steps.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from profiles.entries import ProfileError, Provenance
from profiles.shape import Shape

COLUMNS = (
    "model",
    "gpu",
    "link",
    "num_gpus",
    "parallel",
    "width",
    "height",
    "frames",
    "step_s",
    "kind",
    "source",
)
"""The columns that are read; others may be there."""


@dataclass(frozen=True, slots=True)
class Point:
    """One known step time.

    Parameters
    ----------
    model, gpu
        As in the file.
    link
        Link class in lower case, such as ``nvlink``.
    degree
        GPUs that run the step together.
    parallel
        The kind of parallelism, as in the file.
    shape
        What was generated.
    seconds
        Seconds per step.
    provenance
        ``measured`` if the file's kind says so, else ``published``.
    source
        Where the value comes from.
    line
        Line of the file, for messages.
    """

    model: str
    gpu: str
    link: str
    degree: int
    parallel: str
    shape: Shape
    seconds: float
    provenance: Provenance
    source: str
    line: int


def read_points(path: str | Path) -> tuple[Point, ...]:
    """Read a CSV file of step times.

    Raises
    ------
    ProfileError
        If a column is missing or a value is impossible; the message names the file, the line, the column,
        the value, and what would be right.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise ProfileError(f"{path}: lacks the columns {', '.join(missing)}; it must have {', '.join(COLUMNS)}")
        return tuple(_point(row, f"{path}:{rows.line_num}", rows.line_num) for row in rows)


def select(
    points: Iterable[Point], model: str, gpu: str, link: str, source: str = "", parallel: tuple[str, ...] = ()
) -> tuple[Point, ...]:
    """Pick one consistent series, in which every shape and degree occurs once.

    Parameters
    ----------
    points
        All points.
    model, gpu
        Exactly as in the file.
    link
        Link class of the points of more than one GPU.
    source
        Text that the source must contain.
    parallel
        Kinds of parallelism to take; all of them if empty.

    Raises
    ------
    ProfileError
        If two points give a time for the same shape and degree.
    """
    found: dict[tuple[Shape, int], Point] = {}
    for point in points:
        if (point.model, point.gpu) != (model, gpu) or source not in point.source:
            continue
        if parallel and point.parallel not in parallel:
            continue
        if point.degree > 1 and point.link != link:
            continue
        key = (point.shape, point.degree)
        if key in found:
            raise ProfileError(
                f"lines {found[key].line} and {point.line} both give {model} on {point.degree} x {gpu} at "
                f"{point.shape.label}; a series has one value each, so narrow it down by source or parallel"
            )
        found[key] = point
    return tuple(found.values())


def _point(row: Mapping[str, str], where: str, line: int) -> Point:
    if any(row[column] is None for column in COLUMNS):
        raise ProfileError(f"{where}: the line is too short; it must have a value for each of {', '.join(COLUMNS)}")
    return Point(
        model=row["model"],
        gpu=row["gpu"],
        link=row["link"].lower(),
        degree=_count(row, "num_gpus", where),
        parallel=row["parallel"],
        shape=Shape(_count(row, "height", where), _count(row, "width", where), _count(row, "frames", where)),
        seconds=_seconds(row, where),
        provenance="measured" if row["kind"] == "measured" else "published",
        source=row["source"],
        line=line,
    )


def _count(row: Mapping[str, str], column: str, where: str) -> int:
    text = row[column]
    if not text.isdigit() or int(text) < 1:
        raise ProfileError(f"{where}: {column} is {text!r}; it must be a whole number, at least 1")
    return int(text)


def _seconds(row: Mapping[str, str], where: str) -> float:
    try:
        value = float(row["step_s"])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ProfileError(f"{where}: step_s is {row['step_s']!r}; it must be a positive number of seconds")
    return value
