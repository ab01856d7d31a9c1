"""Numbers and claims of the documents, computed from committed tables.

An expression refers to a cell as ``{TABLE: ROW: COLUMN}``. ``TABLE`` is below ``docs/tables``: ``grid`` is
``grid/table.md``, ``grid/decisions`` is ``grid/decisions.md``, ``grid/bounds.csv`` is that file. ``ROW`` is what stands in
the first column or, divided by ``;``, in the first columns. A ``*`` in it stands for everything; then the reference is
the array of all such cells, less the rows in :data:`SUMMARIES`. Around references stand arithmetic, comparisons, and
``min``, ``max``, ``mean``, ``sum``, ``any`` and ``all``: ``100 * ({grid: mean: lookahead} - {grid: mean: edf})``.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

TABLES = Path("docs/tables")
SUMMARIES = ("mean", "share of bound", "worst cell")
"""Rows of tables that summarize the other rows."""

_REFERENCE = re.compile(r"\{([^{}]*)\}")
_FUNCTIONS = {"min": np.min, "max": np.max, "mean": np.mean, "sum": np.sum, "any": np.any, "all": np.all}


class Sheet(NamedTuple):
    """A table as text: the names of its columns, and its rows."""

    columns: list[str]
    rows: list[list[str]]


def number(expression: str, root: Path, form: str = "") -> str:
    """Compute what a document says in digits.

    Parameters
    ----------
    expression
        What is said; a single reference without a form is quoted as it stands in the table.
    root
        The repository, in which :data:`TABLES` is.
    form
        A format of Python, such as ``.3f``; one that ends with ``%`` puts a space before the sign.

    Raises
    ------
    ValueError
        If a table, row or column is not there, or what comes out is not one number; the message names it.
    """
    only = _REFERENCE.fullmatch(expression.strip())
    if only and not form:
        cells = _cells(only[1], root)
        if len(cells) != 1 or "*" in only[1]:
            raise ValueError(f"{expression}: {len(cells)} cells; choose one, or say min, max, mean or sum of them")
        return cells[0]
    value = _evaluated(expression, root)
    if np.ndim(value) != 0 or isinstance(value, bool | np.bool_):
        raise ValueError(f"{expression}: {value!r} is not one number")
    return format(float(value), form or "g").replace("%", " %")


def holds(expression: str, root: Path) -> bool:
    """Whether a claim is true; of an array, whether it is true of every cell.

    Raises
    ------
    ValueError
        If a table, row or column is not there, or what comes out is neither true nor false.
    """
    value = np.asarray(_evaluated(expression, root))
    if value.dtype != np.bool_:
        raise ValueError(f"{expression}: {value!r} is neither true nor false; compare it with something")
    return bool(value.all())


def _evaluated(expression: str, root: Path) -> Any:
    names: dict[str, Any] = dict(_FUNCTIONS)

    def name(match: re.Match[str]) -> str:
        cells = [_as_number(cell, match[0]) for cell in _cells(match[1], root)]
        key = f"_{len(names)}"
        names[key] = np.array(cells) if "*" in match[1] else cells[0]
        return key

    code = " ".join(_REFERENCE.sub(name, expression).split())
    try:
        return eval(code, {"__builtins__": {}}, names)
    except (SyntaxError, NameError, TypeError) as error:
        raise ValueError(f"{expression}: {error}") from error


def _as_number(cell: str, reference: str) -> float:
    """Read a cell; a percentage is a share."""
    text = cell.strip("`* ")
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"{reference}: {cell!r} is not a number") from None


def _cells(reference: str, root: Path) -> list[str]:
    """Return the cells of a reference, at least one; exactly one where no ``*`` is."""
    parts = [" ".join(part.split()) for part in reference.split(":")]
    if len(parts) != 3:
        raise ValueError(f"{{{reference}}} must be {{TABLE: ROW: COLUMN}}")
    table, row, column = parts
    path = root / TABLES / (table if table.endswith(".csv") else _markdown(table, root))
    sheet = read(path)
    if column not in sheet.columns:
        raise ValueError(f"{path} has no column {column!r}; it has {', '.join(sheet.columns)}")
    key = [part.strip() for part in row.split(";")]
    found = [cells[sheet.columns.index(column)] for cells in sheet.rows if _matches(key, cells)]
    if not found or ("*" not in row and len(found) > 1):
        raise ValueError(f"{path} has {len(found) or 'no'} rows {row!r}; say the first columns, divided by ';'")
    return found


def _markdown(table: str, root: Path) -> str:
    return f"{table}/table.md" if (root / TABLES / table).is_dir() else f"{table}.md"


def _matches(key: list[str], cells: list[str]) -> bool:
    if "*" in key and cells[0] in SUMMARIES:
        return False
    return all(wanted in ("*", cell) for wanted, cell in zip(key, cells, strict=False))


@cache
def _read(path: Path, modified: int) -> Sheet:
    text = path.read_text()
    if path.suffix == ".csv":
        lines = list(csv.reader(text.splitlines()))
        return Sheet(lines[0], lines[1:])
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return Sheet(lines[0], lines[2:])


def read(path: Path) -> Sheet:
    """Read a table of Markdown, or a CSV file.

    Raises
    ------
    ValueError
        If it is not there.
    """
    if not path.is_file():
        raise ValueError(f"{path} is named in a document but is not there; run the command that makes it")
    return _read(path, path.stat().st_mtime_ns)
