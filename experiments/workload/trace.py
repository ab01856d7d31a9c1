"""Workloads as files: a versioned CSV that people and programs can write, read strictly.

The schema is documented in ``docs/traces.md``. Times are absolute seconds, so that floating-point numbers
survive a round trip bit for bit. Everything that is not as documented is refused with the file, line, column
and value at fault.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO, cast

from experiments.workload.deadlines import SloRule
from experiments.workload.workload import Workload
from planner.request import Request
from profiles.shape import Shape

VERSION = 1
REQUIRED = ("id", "arrival_s", "height", "width", "steps", "deadline_s")
OPTIONAL = ("frames", "weight", "model", "tier")
COLUMNS = ("id", "arrival_s", "height", "width", "frames", "steps", "deadline_s", "weight", "model", "tier")
"""Columns in the order in which they are written."""

EPOCH = 1e8
"""Seconds; a trace that begins later is on the clock of the world."""
_MILLISECONDS = 1e11
_CONVERT = "python -m experiments.workload convert FILE --from csv"

_MAGIC = "# tetriplan-trace"
_WHOLE = re.compile(r"[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class TraceError(ValueError):
    """A trace is not as documented; the message names the file and, if any, line, column and value."""


def opened(path: Path, **how: str) -> TextIO:
    """Open a text for reading; a name that ends in ``.gz`` is unpacked."""
    return cast(TextIO, gzip.open(path, "rt", **how) if path.suffix == ".gz" else path.open("r", **how))  # type: ignore[call-overload]


def write_trace(workload: Workload, path: Path | str) -> None:
    """Write a workload as a trace of version 1.

    Raises
    ------
    ValueError
        If an id is negative, or the workload's name, a model or a tier has characters that a line of text cannot
        hold.
    """
    lines = [f"{_MAGIC} {VERSION}", f"# name: {_line_of_text('name', workload.name)}"]
    if workload.parameters:
        lines.append(f"# parameters: {json.dumps(dict(workload.parameters), sort_keys=True)}")
    file = io.StringIO(newline="")
    file.write("".join(f"{line}\n" for line in lines))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in workload.requests:
        if r.id < 0:
            raise ValueError(f"request {r.id}: id is negative; a trace needs ids of at least 0")
        times = (repr(float(r.arrival)), repr(float(r.deadline)), repr(float(r.weight)))
        words = (_line_of_text(f"request {r.id}: {field}", getattr(r, field)) for field in ("model", "tier"))
        row = (r.id, times[0], *r.shape, r.steps, *times[1:], *words)
        writer.writerow(row)
    with Path(path).open("w", encoding="utf-8", newline="") as to:
        to.write(file.getvalue())


def read_trace(path: Path | str, *, slo: SloRule | None = None) -> Workload:
    """Read a trace.

    Parameters
    ----------
    path
        A CSV file of ``docs/traces.md``.
    slo
        Gives the seconds allowed to a request whose ``deadline_s`` is empty. How many were filled in this way
        is recorded as the parameter ``deadlines_filled_in``.

    Raises
    ------
    TraceError
        If anything is not as documented. The message names file, line, column and value, and what would be
        right.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        with opened(path, encoding="utf-8-sig", newline="") as file:
            return _shifted(_read(path, file, slo))
    except (gzip.BadGzipFile, EOFError) as error:
        raise TraceError(f"{path}: its name says gzip, but it cannot be unpacked ({error})") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error


def _shifted(workload: Workload) -> Workload:
    """Let a trace on the clock of the world begin at 0; ``shifted_s`` in the parameters says at what second it did."""
    first = workload.requests[0].arrival
    if first < EPOCH:
        return workload
    requests = tuple(replace(r, arrival=r.arrival - first, deadline=r.deadline - first) for r in workload.requests)
    return Workload(workload.name, requests, {**workload.parameters, "shifted_s": first})


def _read(path: Path, file: TextIO, slo: SloRule | None) -> Workload:
    first = file.readline()
    _check_version(path, first)
    name, parameters, number = Path(path.name.removesuffix(".gz")).stem, dict[str, object](), 2
    line = file.readline()
    while line.startswith("#"):
        key, _, value = line[1:].strip().partition(":")
        if key == "name" and value.strip():
            name = value.strip()
        elif key == "parameters":
            parameters = _parameters(path, number, value)
        line, number = file.readline(), number + 1
    header = _header(path, number, line)
    reader = csv.reader(file, strict=True)
    requests: list[Request] = []
    lines: dict[int, int] = {}
    filled = 0
    try:
        for fields in reader:
            if not fields:
                continue
            row = _Row(path, number + reader.line_num, header, fields)
            request = row.request(slo)
            if request.id in lines:
                raise row.error("id", f"appears already in line {lines[request.id]}; ids must be unique")
            if requests and request.arrival < requests[-1].arrival:
                raise row.error(
                    "arrival_s",
                    f"is before the arrival above it, {requests[-1].arrival}; rows must ascend in arrival "
                    f"({_CONVERT} sorts them)",
                )
            filled += not row.text("deadline_s")
            lines[request.id] = row.line
            requests.append(request)
    except csv.Error as error:
        raise TraceError(f"{path}, line {number + reader.line_num}: not CSV ({error})") from error
    if not requests:
        raise TraceError(f"{path}: no requests below the header; at least one row is needed")
    if filled:
        parameters = {**parameters, "deadlines_filled_in": filled}
    return Workload(name, tuple(requests), parameters)


class _Row:
    """One row under its header; reads columns and makes errors that say where they are."""

    def __init__(self, path: Path, line: int, header: Sequence[str], fields: Sequence[str]) -> None:
        if len(fields) != len(header):
            raise TraceError(f"{path}, line {line}: {len(fields)} fields; the header has {len(header)} columns")
        self.path, self.line = path, line
        self.fields = dict(zip(header, fields, strict=True))

    def request(self, slo: SloRule | None) -> Request:
        arrival = self.number("arrival_s", "seconds of at least 0")
        if arrival < 0:
            raise self.error("arrival_s", "is negative; seconds of at least 0 since the start of the run are needed")
        if arrival >= _MILLISECONDS:
            raise self.error(
                "arrival_s", f"seems to be milliseconds since 1970; seconds are needed ({_CONVERT} reads it)"
            )
        frames = self.whole("frames", 1) if self.text("frames") else 1
        shape = Shape(self.whole("height", 1), self.whole("width", 1), frames)
        steps = self.whole("steps", 1)
        weight = self.number("weight", "a positive number") if self.text("weight") else 1.0
        if weight <= 0:
            raise self.error("weight", "is not positive; a positive number is needed")
        model, tier = (self.name(column) for column in ("model", "tier"))
        deadline = self.deadline(arrival, shape, steps, slo)
        return Request(self.whole("id", 0), shape, steps, arrival, deadline, weight, model, tier)

    def deadline(self, arrival: float, shape: Shape, steps: int, slo: SloRule | None) -> float:
        if not self.text("deadline_s"):
            if slo is None:
                raise self.error(
                    "deadline_s", "is empty and no rule for deadlines was given; absolute seconds are needed"
                )
            try:
                deadline = arrival + slo(shape, steps)
            except ValueError as error:
                raise self.error("deadline_s", f"is empty and cannot be filled in: {error}") from error
        else:
            deadline = self.number("deadline_s", "absolute seconds, or an empty field")
        if deadline <= arrival:
            raise self.error(
                "deadline_s",
                f"is not after the arrival, {arrival}; absolute seconds later than arrival_s are needed",
            )
        return deadline

    def name(self, column: str) -> str:
        name = self.fields.get(column, "")
        if not name.isprintable():
            raise self.error(column, "has characters that cannot be printed; a name in one line is needed")
        return name

    def text(self, column: str) -> str:
        return self.fields.get(column, "").strip()

    def whole(self, column: str, least: int) -> int:
        if not _WHOLE.fullmatch(self.text(column)) or int(self.text(column)) < least:
            hint = f" ({_CONVERT} numbers them)" if column == "id" and re.search("[A-Za-z]", self.text(column)) else ""
            raise self.error(column, f"is not a whole number of at least {least}{hint}")
        return int(self.text(column))

    def number(self, column: str, wanted: str) -> float:
        if not _NUMBER.fullmatch(self.text(column)) or not math.isfinite(float(self.text(column))):
            hint = f" ({_CONVERT} reads dates)" if "T" in self.text(column) or ":" in self.text(column) else ""
            raise self.error(column, f"is not a finite number; {wanted} needed{hint}")
        return float(self.text(column))

    def error(self, column: str, fault: str) -> TraceError:
        return TraceError(f"{self.path}, line {self.line}, column {column}: {self.text(column)!r} {fault}")


def _check_version(path: Path, first: str) -> None:
    wanted = f"{_MAGIC} {VERSION}"
    if not first.strip():
        raise TraceError(f"{path}, line 1: empty; the first line must be {wanted!r}")
    if not first.startswith(f"{_MAGIC} "):
        raise TraceError(f"{path}, line 1: {first.strip()[:60]!r} does not say the version; it must be {wanted!r}")
    version = first.removeprefix(_MAGIC).strip()
    if version != str(VERSION):
        raise TraceError(f"{path}, line 1: version {version!r} is unknown; this program reads version {VERSION}")


def _parameters(path: Path, line: int, text: str) -> dict[str, object]:
    try:
        parameters = json.loads(text)
    except ValueError as error:
        raise TraceError(f"{path}, line {line}: parameters are not JSON ({error})") from error
    if not isinstance(parameters, dict):
        raise TraceError(f"{path}, line {line}: parameters are {text.strip()[:60]!r}; a JSON object is needed")
    return parameters


def _header(path: Path, line: int, text: str) -> list[str]:
    if not text.strip():
        raise TraceError(f"{path}, line {line}: no header; the columns {','.join(COLUMNS)} are needed")
    header = [column.strip() for column in next(csv.reader([text]))]
    for column in header:
        if column not in COLUMNS:
            close = difflib.get_close_matches(column, COLUMNS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TraceError(f"{path}, line {line}: column {column!r} is unknown; there are {','.join(COLUMNS)}{hint}")
        if header.count(column) > 1:
            raise TraceError(f"{path}, line {line}: column {column!r} appears twice; once is needed")
    for column in REQUIRED:
        if column not in header:
            raise TraceError(f"{path}, line {line}: column {column!r} is missing; {','.join(REQUIRED)} are needed")
    return header


def _line_of_text(what: str, text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{what} is {text!r}; characters that can be printed in one line are needed")
    return text
