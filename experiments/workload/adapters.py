"""Readers for public traces, from the user's own copy; none is shipped.

- :func:`gentd26`: Alibaba's GenTD26, ``cluster-trace-v2026-GenAI/lora_request_trace.csv`` of
  https://github.com/alibaba/clusterdata. It gives arrivals, steps and images per prompt, but no sizes.
- :func:`diffusiondb`: the ``metadata.parquet`` of https://huggingface.co/datasets/poloclub/diffusiondb (CC0).
  It gives times, sizes and steps.

Neither has deadlines: a rule sets them. Both are far below the load of an experiment; see
:func:`experiments.workload.workload.rescale`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from experiments.workload.deadlines import SloRule, paper_slo
from experiments.workload.mixes import Mix
from experiments.workload.trace import TraceError
from experiments.workload.workload import Workload
from planner.request import Request
from profiles.extend import latent_tokens
from profiles.shape import Shape

GENTD26_COLUMNS: Mapping[str, str] = {
    "time": "gmt_create",
    "steps": "num_inference_steps",
    "images": "num_images_per_prompt",
}
"""What is read from GenTD26, and the columns of the published file."""

DIFFUSIONDB_COLUMNS: Mapping[str, str] = {
    "time": "timestamp",
    "steps": "step",
    "height": "height",
    "width": "width",
}
"""What is read from DiffusionDB, and the columns of the published table."""


def gentd26(
    path: Path | str,
    *,
    shape: Shape | Mix,
    rng: np.random.Generator | None = None,
    slo: SloRule = paper_slo,
    start: float = 0.0,
    duration: float = math.inf,
    split_images: bool = True,
    model: str = "",
    columns: Mapping[str, str] | None = None,
) -> Workload:
    """Read the request trace of GenTD26.

    Parameters
    ----------
    path
        ``lora_request_trace.csv``, unpacked.
    shape
        The size of every image, since the trace has none; or a mix, whose shares choose one per prompt.
    rng
        Needed with a mix.
    slo
        Seconds allowed to a request.
    start, duration
        Only prompts from `start` on, for `duration` seconds, counted from the first usable prompt.
    split_images
        Make every image of a prompt a request, all arriving together; else one request per prompt.
    model
        Written into every request; the trace's own model names are hashes.
    columns
        Replaces entries of :data:`GENTD26_COLUMNS` for a copy with other column names. The column of ``time``
        may hold ISO dates or seconds.

    Returns
    -------
    Workload
        Its parameter ``rows_skipped`` counts the rows where a needed value is empty.

    Raises
    ------
    TraceError
        If a column is missing, a value cannot be read, or nothing is left.
    ValueError
        If `columns` has an unknown key, or `rng` is missing.
    """
    if isinstance(shape, Mix) and rng is None:
        raise ValueError("gentd26: rng is missing; a mix needs a numpy.random.Generator to choose shapes")
    path = Path(path)
    names = _column_names("gentd26", GENTD26_COLUMNS, columns)
    if not split_images:
        del names["images"]
    prompts: list[tuple[float, int, int]] = []
    skipped = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        _check_columns(path, names, reader.fieldnames or ())
        for row in reader:
            values = {what: (row[column] or "").strip() for what, column in names.items()}
            if not all(values.values()):
                skipped += 1
                continue
            where = f"{path}, line {reader.line_num}"
            images = _count(where, names["images"], values["images"]) if split_images else 1
            time = _seconds(where, names["time"], values["time"])
            prompts.append((time, _count(where, names["steps"], values["steps"]), images))
    prompts = _cut(path, sorted(prompts), start, duration)
    shapes = _shapes(shape, len(prompts), rng)
    rows = [(time, shapes[i], steps) for i, (time, steps, images) in enumerate(prompts) for _ in range(images)]
    parameters: dict[str, object] = {
        "source": "GenTD26",
        "start_s": start,
        "duration_s": None if math.isinf(duration) else duration,
        "shape": shape.name if isinstance(shape, Mix) else shape.label,
        "split_images": split_images,
        "rows_skipped": skipped,
    }
    return Workload("gentd26", _requests(rows, slo, model), parameters)


def diffusiondb(
    path: Path | str,
    *,
    slo: SloRule = paper_slo,
    start: float = 0.0,
    duration: float = math.inf,
    shapes: Sequence[Shape] | None = None,
    model: str = "",
    columns: Mapping[str, str] | None = None,
) -> Workload:
    """Read the metadata table of DiffusionDB.

    Parameters
    ----------
    path
        ``metadata.parquet`` or ``metadata-large.parquet``; prompts are not read.
    slo
        Seconds allowed to a request.
    start, duration
        Only requests from `start` on, for `duration` seconds, counted from the first usable row.
    shapes
        Replace every size by that of the nearest token count among these, for example a profile's. ``None``
        keeps sizes.
    model
        Written into every request.
    columns
        Replaces entries of :data:`DIFFUSIONDB_COLUMNS` for a copy with other column names.

    Returns
    -------
    Workload
        Its parameter ``rows_skipped`` counts the rows where a needed value is empty or not positive.

    Raises
    ------
    TraceError
        If the file is not Parquet, a column is missing or of another type, or nothing is left.
    ValueError
        If `columns` has an unknown key, or `shapes` is empty.
    """
    if shapes is not None and not shapes:
        raise ValueError("diffusiondb: shapes is empty; give at least one shape, or None to keep the sizes")
    path = Path(path)
    names = _column_names("diffusiondb", DIFFUSIONDB_COLUMNS, columns)
    times, steps, heights, widths, skipped = _read_parquet(path, names)
    order = np.argsort(times, kind="stable")
    table = [(float(times[i]), int(steps[i]), int(heights[i]), int(widths[i])) for i in order.tolist()]
    nearest: dict[Shape, Shape] = {}
    rows = []
    for time, count, height, width in _cut(path, table, start, duration):
        asked = Shape(height, width)
        if asked not in nearest:
            nearest[asked] = asked if shapes is None else _nearest(asked, shapes)
        rows.append((time, nearest[asked], count))
    parameters: dict[str, object] = {
        "source": "DiffusionDB",
        "start_s": start,
        "duration_s": None if math.isinf(duration) else duration,
        "shapes": None if shapes is None else [s.label for s in shapes],
        "rows_skipped": skipped,
    }
    return Workload("diffusiondb", _requests(rows, slo, model), parameters)


def _read_parquet(path: Path, names: Mapping[str, str]) -> tuple[Any, Any, Any, Any, int]:
    """Seconds, steps, heights and widths of the usable rows, and the number of the others."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise TraceError(f"{path}: not a Parquet file ({error})") from error
    _check_columns(path, names, schema.names)
    for what, column in names.items():
        kind = schema.field(column).type
        right = pa.types.is_timestamp(kind) if what == "time" else pa.types.is_integer(kind)
        if not right:
            wanted = "timestamps" if what == "time" else "whole numbers"
            raise TraceError(f"{path}: column {column!r} holds {kind}; {wanted} are needed for {what}")
    table = pq.read_table(path, columns=list(names.values()))
    rows = table.num_rows
    usable = table.drop_null()
    for what in ("steps", "height", "width"):
        usable = usable.filter(pc.greater(usable[names[what]], 0))
    microseconds = usable[names["time"]].cast(pa.timestamp("us", usable[names["time"]].type.tz)).cast(pa.int64())
    counts = [usable[names[what]].to_numpy() for what in ("steps", "height", "width")]
    return microseconds.to_numpy() / 1e6, *counts, rows - usable.num_rows


def _column_names(adapter: str, known: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    for what in given or ():
        if what not in known:
            raise ValueError(f"{adapter}: columns has the key {what!r}; the keys are {', '.join(known)}")
    return {**known, **(given or {})}


def _check_columns(path: Path, names: Mapping[str, str], found: Sequence[str]) -> None:
    for what, column in names.items():
        if column not in found:
            raise TraceError(
                f"{path}: column {column!r} is missing; it should hold the {what}. The file has: "
                f"{', '.join(found) or 'no columns'}. If one of them does, pass columns={{{what!r}: NAME}}"
            )


def _seconds(where: str, column: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise TraceError(f"{where}, column {column}: {text!r} is neither an ISO date nor seconds") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise TraceError(f"{where}, column {column}: {text!r} is not finite; seconds or an ISO date are needed")
    return seconds


def _count(where: str, column: str, text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value >= 1 and value.is_integer()):
        raise TraceError(f"{where}, column {column}: {text!r} is not a whole number of at least 1")
    return int(value)


def _cut(path: Path, rows: list[Any], start: float, duration: float) -> list[Any]:
    """Rows (seconds, ...) in order, those inside the window, with seconds counted from its start."""
    if not rows:
        raise TraceError(f"{path}: no usable row; times, steps and sizes must not be empty")
    begin = rows[0][0] + start
    kept = [row for row in rows if begin <= row[0] < begin + duration]
    if not kept:
        raise TraceError(
            f"{path}: no row from {start} s for {duration} s; the trace is {rows[-1][0] - rows[0][0]} s long"
        )
    return [(row[0] - begin, *row[1:]) for row in kept]


def _shapes(shape: Shape | Mix, count: int, rng: np.random.Generator | None) -> list[Shape]:
    if isinstance(shape, Shape):
        return [shape] * count
    assert rng is not None  # checked by the caller
    picks = np.searchsorted(np.cumsum(shape.shares), rng.random(count), side="right")
    return [shape.classes[min(int(pick), len(shape.classes) - 1)].shape for pick in picks]


def _nearest(asked: Shape, shapes: Sequence[Shape]) -> Shape:
    return min(shapes, key=lambda s: abs(math.log(latent_tokens(s) / latent_tokens(asked))))


def _requests(rows: Sequence[tuple[float, Shape, int]], slo: SloRule, model: str) -> tuple[Request, ...]:
    return tuple(
        Request(i, shape, steps, time, time + slo(shape, steps), model=model)
        for i, (time, shape, steps) in enumerate(rows)
    )
