"""A session on disk as it happens: one JSON line for everything that a run's records hold, synced every second.

It is the one truth about a session. After a power cut all but its last second can be read; a line that was being written is
left out. Prompts are not in it.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from executor.engine import Segment, Staged
from executor.records import Decision, Fate, Records
from planner.promise import Answer
from planner.request import Request
from profiles.shape import Shape

JOURNAL = "journal.jsonl"
SCHEMA = "tetriplan/session/1"
_EVERY = 1.0
"""Seconds between two times that what was written is made to last."""


class JournalError(ValueError):
    """A file is no journal; the message says which, where and why."""


class SessionWriter:
    """Appends to a session's file; use it as a context manager, or call `close`.

    Parameters
    ----------
    path
        Of the file; what is there stays.
    every
        Seconds between syncs.
    """

    def __init__(self, path: Path, every: float = _EVERY) -> None:
        torn = _torn(path)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._dirty = False
        self._closed = threading.Event()
        self._every = every
        if torn:
            self._file.write("\n")
        self._syncing = threading.Thread(target=self._sync, name="journal", daemon=True)
        self._syncing.start()

    def __enter__(self) -> SessionWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def begin(self, unix: float, speed: float, gpus: int, about: Mapping[str, Any]) -> None:
        """Say what session this is: when its clock stood at 0, how fast it goes, and on how many GPUs."""
        self._write({"is": "session", "schema": SCHEMA, "unix": unix, "speed": speed, "gpus": gpus, **about})

    def arrived(self, request: Request, answer: Answer | None) -> None:
        """A request has come in."""
        row = {
            "is": "request", "id": request.id, "shape": request.shape.label, "steps": request.steps,
            "arrival": request.arrival, "deadline": request.deadline, "weight": request.weight,
            "model": request.model, "tier": request.tier,
        }  # fmt: skip
        if answer is not None:
            row["promised"] = answer.promised
            if answer.refused:
                row["refused"] = answer.why
        self._write(row)

    def decided(self, decision: Decision) -> None:
        """A plan was made."""
        row = {name: value if _can_be_written(value) else None for name, value in decision._asdict().items()}
        self._write({"is": "decision", **row})

    def ran(self, segment: Segment) -> None:
        """Steps were done."""
        self._write({"is": "segment", **segment._asdict()})

    def staged(self, staged: Staged) -> None:
        """A text was encoded, or an image decoded."""
        self._write({"is": "staged", **staged._asdict()})

    def left(self, request: int, fate: Fate, at: float, why: str) -> None:
        """A request is out of the system."""
        self._write({"is": "left", "id": request, "fate": fate, "at": at, **({"why": why} if why else {})})

    def end(self, at: float) -> None:
        """The session has come to its end."""
        self._write({"is": "end", "at": at})

    def close(self) -> None:
        """Make all of it last."""
        self._closed.set()
        self._syncing.join()
        with self._lock:
            if not self._file.closed:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()

    def _write(self, row: Mapping[str, Any]) -> None:
        line = json.dumps(row, separators=(",", ":"), allow_nan=False)
        with self._lock:
            self._file.write(f"{line}\n")
            self._dirty = True

    def _sync(self) -> None:
        while not self._closed.wait(self._every):
            with self._lock:
                dirty, self._dirty = self._dirty, False
                if dirty:
                    self._file.flush()
            if dirty:
                os.fsync(self._file.fileno())


@dataclass
class Session:
    """A journal, read.

    Parameters
    ----------
    records
        As of a run; times count from when the session's clock stood at 0.
    unix
        When that was.
    speed, gpus
        Of the cluster.
    about
        What else was said at the beginning.
    ended
        Whether it came to its end.
    """

    records: Records
    unix: float
    speed: float
    gpus: int
    about: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    @property
    def owed(self) -> list[Request]:
        """Requests that had been promised and had not left."""
        return [
            r for r in self.records.requests if r.id in self.records.promised and self.records.fate(r) == "unfinished"
        ]

    @property
    def unfinished(self) -> list[Request]:
        """Requests that had not left, promised or not."""
        return [r for r in self.records.requests if self.records.fate(r) == "unfinished"]


def read_journal(path: Path) -> Session:
    """Read a session, also one that was killed.

    Raises
    ------
    JournalError
        If it is no journal, or a line but the last cannot be read.
    OSError
        If the file cannot be read.
    """
    session: Session | None = None
    for number, row in _rows(path):
        try:
            if row["is"] == "session":
                if row["schema"] != SCHEMA:
                    raise JournalError(f"{path}: line {number}: schema is {row['schema']!r}; {SCHEMA} is read")
                if session is None:
                    about = {k: v for k, v in row.items() if k not in ("is", "schema", "unix", "speed", "gpus")}
                    session = Session(Records([]), row["unix"], row["speed"], row["gpus"], about)
                session.ended = False
                continue
            if session is None:
                raise JournalError(f"{path}: it does not begin with a session; this is no journal")
            _take(session, row)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, JournalError):
                raise
            raise JournalError(f"{path}: line {number} cannot be read ({type(error).__name__}: {error})") from error
    if session is None:
        raise JournalError(f"{path}: it is empty; a journal begins with a session")
    records = session.records
    times = [*records.delivered.values(), *records.dropped.values(), *records.cancelled.values()]
    records.ended = max(times, default=0.0)
    records.complete = session.ended and not session.unfinished
    return session


def _take(session: Session, row: dict[str, Any]) -> None:
    records, kind = session.records, row.pop("is")
    if kind == "request":
        promised, refused = row.pop("promised", False), row.pop("refused", None)
        request = Request(**row | {"shape": Shape.parse(row["shape"])})
        assert isinstance(records.requests, list)
        records.requests.append(request)
        if promised:
            records.promised.add(request.id)
        if refused is not None:
            records.refused[request.id] = request.arrival
    elif kind == "decision":
        records.decisions.append(Decision(**row))
    elif kind == "segment":
        row |= {"jobs": tuple(row["jobs"]), "gpus": tuple(row["gpus"])}
        records.segments.append(Segment(**row))
    elif kind == "staged":
        records.staged.append(Staged(**row))
    elif kind == "left":
        request_id, at = row["id"], row["at"]
        if row["fate"] in ("on_time", "late"):
            records.delivered[request_id] = at
        elif row["fate"] == "cancelled":
            records.cancelled[request_id] = at
        else:
            records.dropped[request_id] = at
            if row.get("why"):
                records.failed[request_id] = row["why"]
    elif kind == "end":
        session.ended = True


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines that can be read; the last one before the end, or before a restart, may have been torn."""
    with path.open("rb") as file:
        lines = file.read().split(b"\n")
    rows: list[tuple[int, dict[str, Any] | None]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        rows.append((number, row if isinstance(row, dict) and "is" in row else None))
    for place, (number, row) in enumerate(rows):
        if row is not None:
            yield number, row
            continue
        after = rows[place + 1][1] if place + 1 < len(rows) else {"is": "session"}
        if after is None or after["is"] != "session":
            raise JournalError(f"{path}: line {number} is no line of a journal: {lines[number - 1][:60]!r}")


def _torn(path: Path) -> bool:
    """Whether a file ends in the middle of a line."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


def _can_be_written(value: object) -> bool:
    """Whether JSON knows a value: an infinite bound says no more than none."""
    return not isinstance(value, float) or math.isfinite(value)
