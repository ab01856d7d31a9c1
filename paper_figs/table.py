"""The data of a figure: a small table that a CSV file holds without loss, so that a drawing needs nothing else."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Value = str | float | int | None
"""A cell; ``None`` where there is no value (an empty field in the file)."""

DIGITS = 6
"""Significant digits of a number; more than any figure shows."""


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Parameters
    ----------
    columns
        Distinct names.
    rows
        Every row with one value per column. Floats keep :data:`DIGITS` significant digits, NaN becomes ``None``.

    Raises
    ------
    ValueError
        If a name repeats or a row has another length.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def __post_init__(self) -> None:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns are {self.columns}; every name must occur once")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} values for {len(self.columns)} columns: {row}")
        object.__setattr__(self, "rows", tuple(tuple(map(_tidy, row)) for row in self.rows))

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Value]]) -> Table:
        """Make a table of mappings; columns in order of their first appearance, missing values ``None``."""
        listed = list(records)
        columns = tuple(dict.fromkeys(name for record in listed for name in record))
        return cls(columns, tuple(tuple(record.get(name) for name in columns) for record in listed))

    def __len__(self) -> int:
        return len(self.rows)

    def __add__(self, other: Table) -> Table:
        """Append the rows of another table; columns that one of them lacks are ``None``."""
        return Table.of([*self.records(), *other.records()])

    def records(self) -> list[dict[str, Value]]:
        """Return the rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def column(self, name: str) -> list[Value]:
        """Return one column."""
        if name not in self.columns:
            raise KeyError(f"there is no column {name!r}; the columns are {', '.join(self.columns)}")
        index = self.columns.index(name)
        return [row[index] for row in self.rows]

    def numbers(self, name: str) -> list[float]:
        """Return one column as floats, NaN where there is no value."""
        return [math.nan if value is None else float(value) for value in self.column(name)]

    def texts(self, name: str) -> list[str]:
        """Return one column as strings."""
        return [str(value) for value in self.column(name)]

    def distinct(self, name: str) -> list[Value]:
        """Return the values of a column, each once, in order of appearance."""
        return list(dict.fromkeys(self.column(name)))

    def names(self, name: str) -> list[str]:
        """Return the distinct values of a column of strings."""
        return [str(value) for value in self.distinct(name)]

    def where(self, **equal: Value) -> Table:
        """Return the rows in which every named column has the given value; 512 and "512" are the same."""
        missing = set(equal) - set(self.columns)
        if missing:
            raise KeyError(f"there is no column {missing.pop()!r}; the columns are {', '.join(self.columns)}")
        indices = {self.columns.index(name): value for name, value in equal.items()}
        return Table(
            self.columns, tuple(row for row in self.rows if all(_same(row[i], value) for i, value in indices.items()))
        )

    def filter(self, keep: Callable[[Mapping[str, Value]], bool]) -> Table:
        """Return the rows that a predicate keeps."""
        return Table(self.columns, tuple(r for r in self.rows if keep(dict(zip(self.columns, r, strict=True)))))

    def number(self, name: str, **equal: Value) -> float:
        """Return the one number that a column has where others have the given values.

        Raises
        ------
        LookupError
            If not exactly one row fits.
        """
        found = self.where(**equal).numbers(name)
        if len(found) != 1:
            raise LookupError(f"{len(found)} rows have {equal}; exactly 1 is needed")
        return found[0]

    def write(self, path: Path) -> None:
        """Write a CSV file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(["" if value is None else str(value) for value in row] for row in self.rows)

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a file that :meth:`write` made.

        Raises
        ------
        ValueError
            If the file has no header.
        """
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
        if not lines:
            raise ValueError(f"{path} is empty; a header line is needed")
        return cls(tuple(lines[0]), tuple(tuple(map(_parse, line)) for line in lines[1:]))


def means(table: Table, by: Sequence[str], value: str) -> dict[tuple[Value, ...], float]:
    """Return the mean of a column for every combination of the named columns."""
    groups: dict[tuple[Value, ...], list[float]] = {}
    keys = [table.column(name) for name in by]
    for key, number in zip(zip(*keys, strict=True), table.numbers(value), strict=True):
        if not math.isnan(number):
            groups.setdefault(key, []).append(number)
    return {key: math.fsum(numbers) / len(numbers) for key, numbers in groups.items()}


def _same(cell: Value, value: Value) -> bool:
    return cell == value or (cell is not None and value is not None and str(cell) == str(value))


def _tidy(value: Value) -> Value:
    if isinstance(value, float):
        value = float(value)
        if math.isnan(value):
            return None
        if math.isfinite(value):
            rounded = float(f"{value:.{DIGITS}g}")
            return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
    return value


def _parse(text: str) -> Value:
    if text == "":
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
