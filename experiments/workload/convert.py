"""From a table of a public format to a workload, with an account of what was left out and why."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.workload.deadlines import SloRule
from experiments.workload.formats import FIELDS, Format
from experiments.workload.mixes import Mix
from experiments.workload.tables import TraceTable
from experiments.workload.trace import TraceError
from experiments.workload.values import allowed_of, counts_of, drop, ids_of, size_of, text_of, times_of, weights_of
from experiments.workload.workload import Workload
from planner.request import Request
from profiles.shape import Shape

MOST_IMAGES = 1000
"""Pictures of one prompt; more is taken for an error of the file."""


@dataclass(frozen=True)
class Conversion:
    """What to make of a table.

    Parameters
    ----------
    name
        Of the workload.
    format
        The format of the file.
    slo
        Seconds allowed to requests for which the file has no deadline.
    columns
        Fields by column, besides those of the format.
    where
        ``(column, whether equal, value)``: only rows for which all hold.
    shape, steps
        For files that lack them; or a mix, which draws both.
    seed
        Of the draws from a mix.
    start, duration
        Seconds after the first row; what arrives in between is kept.
    split
        Whether every picture of a prompt becomes a request; else every prompt.
    """

    name: str
    format: Format
    slo: SloRule
    columns: Mapping[str, str] = field(default_factory=dict)
    where: Sequence[tuple[str, bool, str]] = ()
    shape: Shape | Mix | None = None
    steps: int | None = None
    seed: int = 0
    start: float = 0.0
    duration: float = math.inf
    split: bool = True


@dataclass(frozen=True)
class Converted:
    """A workload, rows that were left out by reason, and what a reader should know."""

    workload: Workload
    rows: int
    dropped: Mapping[str, int]
    notes: tuple[str, ...]


def convert(table: TraceTable, how: Conversion) -> Converted:
    """Make a workload of a table.

    Rows in which a needed value is empty (or 0, for steps and sizes) are left out and counted. Arrivals are
    sorted, and the run begins with the first of them.

    Raises
    ------
    TraceError
        If a column is missing, or a value is wrong; the message names file, line, column and value.
    """
    names = _columns(table, how)
    if not how.split and names.pop("images", None) is None:
        raise TraceError(
            f"{table.path}: no column holds pictures of a prompt, so a prompt is a request; leave --prompts out"
        )
    kept = np.ones(len(table.rows), dtype=bool)
    dropped: Counter[str] = Counter()
    for column, equal, value in how.where:
        column = _known(how.format.filters.get(column, column), table, "--where", how.format.filters)
        right = np.array([(text_of(each) == value) == equal for each in table.rows[column]], dtype=bool)
        drop(kept, ~right, f"{column} is {'not ' if equal else ''}{value}", dropped)
    notes = _unfiltered(table, how, kept)
    needed = [
        f for f in ("arrival", "arrival_ms", "height", "width", "size", "steps", "frames", "images") if f in names
    ]
    for name in needed:
        empty = np.array([text_of(each) == "" for each in table.rows[names[name]]], dtype=bool)
        drop(kept, empty, f"{names[name]} is empty", dropped)
    counts: dict[str, Any] = {
        name: counts_of(table, names[name], kept, dropped, MOST_IMAGES if name == "images" else 10**7)
        for name in ("height", "width", "steps", "frames", "images")
        if name in names
    }
    arrivals = times_of(table, names, "arrival", kept, notes)
    assert arrivals is not None  # _columns asks for it
    if not kept.any():
        raise TraceError(f"{table.path}: no usable row; {_in_words(dropped) or 'the table is empty'}")
    begin = float(arrivals[kept].min()) + how.start
    drop(kept, (arrivals < begin) | (arrivals >= begin + how.duration), "outside --start and --duration", dropped)
    if not kept.any():
        raise TraceError(f"{table.path}: no row arrives from {how.start:g} s on for {how.duration:g} s")
    order = [int(i) for i in np.argsort(arrivals, kind="stable") if kept[i]]
    if order != sorted(order):
        notes.append("rows were not in order of arrival; they are now")
    if begin != 0.0:
        notes.append(f"times are counted from {begin!r} s of the file's clock")
    shapes, steps = _work(table, names, how, order, counts)
    requests = _requests(table, names, how, order, counts, arrivals, begin, shapes, steps, notes)
    parameters: dict[str, object] = {
        "source": how.format.source,
        "file": table.path.name,
        "rows": len(table.rows),
        "dropped": dict(dropped),
    }
    return Converted(Workload(how.name, requests, parameters), len(table.rows), dict(dropped), tuple(notes))


def _requests(
    table: TraceTable,
    names: Mapping[str, str],
    how: Conversion,
    order: Sequence[int],
    counts: Mapping[str, Any],
    arrivals: Any,
    begin: float,
    shapes: Sequence[Shape],
    steps: Sequence[int],
    notes: list[str],
) -> tuple[Request, ...]:
    kept = np.zeros(len(table.rows), dtype=bool)
    kept[list(order)] = True
    due = times_of(table, names, "deadline", kept, notes)
    allowed = allowed_of(table, names, order)
    images = [int(counts["images"][i]) if "images" in counts else 1 for i in order]
    ids = ids_of(table, names, order, images, notes)
    weights = weights_of(table, names, order)
    words = {
        name: [text_of(table.rows[names[name]][i]) if name in names else "" for i in order]
        for name in ("model", "tier")
    }
    made: list[Request] = []
    filled = 0
    for k, i in enumerate(order):
        arrival = float(arrivals[i]) - begin
        if due is not None and not math.isnan(due[i]):
            deadline = float(due[i]) - begin
        elif allowed is not None and not math.isnan(allowed[k]):
            deadline = arrival + allowed[k]
        else:
            filled += 1
            deadline = arrival + how.slo(shapes[k], steps[k])
        if deadline <= arrival:
            column = next(names[f] for f in ("deadline", "deadline_ms", "allowed", "allowed_ms") if f in names)
            raise table.error(i, column, table.rows[column][i], "is not after the arrival")
        for _ in range(images[k]):
            number = len(made) if ids is None else ids[k]
            made.append(
                Request(number, shapes[k], steps[k], arrival, deadline, weights[k], words["model"][k], words["tier"][k])
            )
    if filled:
        notes.append(f"{filled} rows without a deadline got one by the rule for targets")
    if len(made) != len(order):
        notes.append(f"{len(order)} prompts make {len(made)} requests, one a picture")
    return tuple(made)


def _unfiltered(table: TraceTable, how: Conversion, kept: Any) -> list[str]:
    """Notes on columns that tell rows apart and that nobody chose by."""
    notes = []
    chosen = {column for column, _, _ in how.where}
    for short, column in how.format.filters.items():
        if column in table.rows.columns and not chosen & {short, column}:
            found = Counter(text_of(table.rows[column][i]) for i in np.flatnonzero(kept))
            if len(found) > 1:
                listed = ", ".join(f"{value or 'empty'} {count}" for value, count in found.most_common(6))
                notes.append(f"{column} differs and all rows are kept ({listed}); --where {short}=VALUE keeps some")
    return notes


def _columns(table: TraceTable, how: Conversion) -> dict[str, str]:
    """By field, the column that holds it: given ones first, then those of the format."""
    names: dict[str, str] = {}
    for column, name in how.columns.items():
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise TraceError(f"--map {column}={name}: fields are {', '.join(FIELDS)}{guess}")
        if name in names:
            raise TraceError(f"--map gives {name} twice, as {names[name]} and {column}; once is right")
        names[name] = _known(column, table, "--map")
    rivals = ({"arrival", "arrival_ms"}, {"deadline", "deadline_ms", "allowed", "allowed_ms"})
    for column, name in how.format.columns.items():
        taken = {name}.union(*(group for group in rivals if name in group))
        if column in table.rows.columns and column not in how.columns and not taken & set(names):
            names[name] = column
    if not {"arrival", "arrival_ms"} & set(names):
        wanted = " or ".join(c for c, f in how.format.columns.items() if f in ("arrival", "arrival_ms"))
        raise TraceError(
            f"{table.path}: column {wanted} is missing; it should hold the arrival. The file has: "
            f"{', '.join(map(str, table.rows.columns)) or 'no columns'}. If one of them does, give --map COLUMN=arrival"
        )
    return names


def _known(column: str, table: TraceTable, option: str, short: Iterable[str] = ()) -> str:
    columns = [str(each) for each in table.rows.columns]
    if column not in columns:
        near = difflib.get_close_matches(column, [*columns, *short], 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        raise TraceError(f"{option}: {table.path} has no column {column!r}; it has {', '.join(columns)}{guess}")
    return column


def _work(
    table: TraceTable, names: Mapping[str, str], how: Conversion, order: Sequence[int], counts: Mapping[str, Any]
) -> tuple[list[Shape], list[int]]:
    """Shape and steps of every row, from the file or from what was given for it."""
    shapes: list[Shape]
    drawn: list[int] | None = None
    if isinstance(how.shape, Mix):
        mix = how.shape
        picks = np.searchsorted(np.cumsum(mix.shares), np.random.default_rng(how.seed).random(len(order)), side="right")
        classes = [mix.classes[min(int(pick), len(mix.classes) - 1)] for pick in picks]
        shapes, drawn = [each.shape for each in classes], [each.steps for each in classes]
    elif how.shape is not None:
        shapes = [how.shape] * len(order)
    elif {"height", "width"} <= set(counts):
        frames = counts.get("frames")
        shapes = [
            Shape(int(counts["height"][i]), int(counts["width"][i]), 1 if frames is None else int(frames[i]))
            for i in order
        ]
    elif "size" in names:
        shapes = [size_of(table, names["size"], i) for i in order]
    else:
        raise TraceError(
            f"{table.path}: no column holds sizes; give --shape 1024x1024, --mix NAME, or --map COLUMN=height"
        )
    if "steps" in counts and how.steps is None:
        return shapes, [int(counts["steps"][i]) for i in order]
    if how.steps is not None:
        return shapes, [how.steps] * len(order)
    if drawn is not None:
        return shapes, drawn
    raise TraceError(f"{table.path}: no column holds steps; give --steps 28, --mix NAME, or --map COLUMN=steps")


def _in_words(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count} rows left out: {reason}" for reason, count in dropped.items())
