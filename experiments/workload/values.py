"""Values of a table's columns: texts, counts, times, weights, ids; wrong ones are refused with their place."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.workload.tables import TraceTable
from profiles.shape import Shape

_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}")
_NS_UNITS = ((1e17, 1e-9, "nanoseconds"), (1e14, 1e-6, "microseconds"), (1e11, 1e-3, "milliseconds"))


def text_of(value: object) -> str:
    """The text of a value, empty for what is missing."""
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in ("", "nan", "nat", "none", "null", "<na>") else text


def drop(kept: Any, which: Any, reason: str, dropped: Counter[str]) -> None:
    """Take rows out of those that are kept, and count them under a reason."""
    gone = kept & which
    if gone.any():
        dropped[reason] += int(gone.sum())
        kept &= ~which


def number(table: TraceTable, column: str, row: int, wanted: str) -> float:
    """Read a finite number; anything else is refused with its place."""
    value = table.rows[column][row]
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise table.error(row, column, value, f"is not {wanted}")
    return found


def counts_of(table: TraceTable, column: str, kept: Any, dropped: Counter[str], most: int) -> Any:
    """Read whole numbers up to ``most`` by row; rows where it is 0 are dropped, others than whole numbers refused."""
    found = np.zeros(len(table.rows))
    for row in map(int, np.flatnonzero(kept)):
        value = number(table, column, row, "a whole number")
        if value < 0 or not value.is_integer() or value > most:
            raise table.error(row, column, table.rows[column][row], f"is not a whole number from 1 to {most}")
        found[row] = value
    drop(kept, found == 0, f"{column} is 0", dropped)
    return found


def times_of(table: TraceTable, names: Mapping[str, str], what: str, kept: Any, notes: list[str]) -> Any:
    """Seconds on the file's clock, NaN where there are none; None without a column."""
    import pandas as pd

    column = names.get(what) or names.get(f"{what}_ms")
    if column is None:
        return None
    rows = [int(i) for i in np.flatnonzero(kept) if text_of(table.rows[column][i])]
    found = np.full(len(table.rows), math.nan)
    for i in rows:
        value = table.rows[column][i]
        try:
            found[i] = float(value)
        except (TypeError, ValueError):
            try:
                if isinstance(value, str) and not _DATE.match(value):
                    raise ValueError from None
                moment = pd.Timestamp(value)
            except ValueError:
                raise table.error(i, column, value, "is neither an ISO date nor a number of seconds") from None
            found[i] = (moment if moment.tzinfo else moment.tz_localize("UTC")).timestamp()
            continue
        if not math.isfinite(found[i]):
            raise table.error(i, column, value, "is not finite")
    if names.get(what) is None:
        return found / 1e3
    most = float(np.nanmax(np.abs(found))) if rows else 0.0
    for least, factor, unit in _NS_UNITS:
        if most >= least:
            notes.append(f"{column} is read as {unit} since 1970")
            return found * factor if factor != 1e-3 else found / 1e3
    return found


def allowed_of(table: TraceTable, names: Mapping[str, str], order: Iterable[int]) -> list[float] | None:
    """Read seconds from arrival to deadline, NaN where there are none; None without a column."""
    column = names.get("allowed") or names.get("allowed_ms")
    if column is None:
        return None
    scale = 1.0 if "allowed" in names else 1e3
    return [
        number(table, column, i, "a positive number") / scale if text_of(table.rows[column][i]) else math.nan
        for i in order
    ]


def weights_of(table: TraceTable, names: Mapping[str, str], order: Iterable[int]) -> list[float]:
    """Read positive weights, 1 where there are none."""
    if "weight" not in names:
        return [1.0 for _ in order]
    found = []
    for i in order:
        empty = not text_of(table.rows[names["weight"]][i])
        weight = 1.0 if empty else number(table, names["weight"], i, "a positive number")
        if weight <= 0:
            raise table.error(i, names["weight"], weight, "is not a positive number")
        found.append(weight)
    return found


def ids_of(
    table: TraceTable, names: Mapping[str, str], order: Sequence[int], images: Sequence[int], notes: list[str]
) -> list[int] | None:
    """Ids of the file, if they will do; else None, for numbers in order of arrival."""
    if "id" not in names:
        return None
    texts = [text_of(table.rows[names["id"]][i]) for i in order]
    if set(images) == {1} and all(t.isascii() and t.isdecimal() and len(t) <= 15 for t in texts):
        numbers = [int(t) for t in texts]
        if len(set(numbers)) == len(numbers):
            return numbers
    notes.append(f"{names['id']} holds no unique whole numbers; requests are numbered in order of arrival")
    return None


def size_of(table: TraceTable, column: str, row: int) -> Shape:
    """Read WIDTHxHEIGHT."""
    text = text_of(table.rows[column][row])
    try:
        width, height, *rest = (int(part) for part in text.lower().split("x"))
        if rest or width < 1 or height < 1:
            raise ValueError
    except ValueError:
        raise table.error(row, column, text, "is not WIDTHxHEIGHT") from None
    return Shape(height, width)
