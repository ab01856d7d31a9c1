"""What the page sees while the server runs: a picture of the last minute, then what happens, as server-sent events.

Whoever looks on must not slow the planner, which shares the interpreter: a row is put into words once, whoever reads it, and
so is all that has happened between two beats; and words are made a row at a time, since a planner that has a plan waits
for whatever is made at one go.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from executor.engine import Segment, Staged
from experiments.serve.planning import Arrived, Decided, Left, News

MINUTE = 60.0
_EVERY = 0.25
"""Seconds between two events: what happens in between comes together."""
_MOST = 4000
"""Rows of each kind that are kept, however much happens in a minute."""
_AT_ONCE = 500
"""Rows of one event: who comes anew gets the last minute in several."""
_LOOKERS = 32
"""Pages that may look on at a time."""
_NOBODY = -1
"""Rows before a beat that nobody has read up to."""
_WORDS = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class FeedRow:
    """Something that has happened.

    Parameters
    ----------
    data
        What the page is told.
    """

    data: dict[str, Any]

    @cached_property
    def words(self) -> str:
        """The same as JSON."""
        return _WORDS(self.data)


@dataclass(frozen=True)
class Beat:
    """All that readers are told at about the same time.

    Parameters
    ----------
    made
        When, in seconds of the wall clock.
    since, until
        Rows that it has: how many there had been before, and with it.
    event
        For those who have read up to ``since``.
    """

    made: float
    since: int
    until: int
    event: bytes


class Feed:
    """Keeps the last minute, and passes on what happens.

    Parameters
    ----------
    clock
        Seconds of the cluster.
    about
        What a page needs to know once.
    wall
        Seconds of the wall clock.
    """

    def __init__(
        self, clock: Callable[[], float], about: dict[str, Any], wall: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._about = about
        self._wall = wall
        self._rows: deque[FeedRow] = deque(maxlen=4 * _MOST)
        self._beat = Beat(-math.inf, 0, 0, b"")
        self._live: dict[int, dict[str, Any]] = {}
        self._count = 0
        self._lookers = 0
        self._open = True
        self._tiers: dict[str, list[int]] = {}
        self._shapes: dict[str, list[int]] = {}
        self._promises = [0, 0]

    def take(self, news: Sequence[News]) -> None:
        """Take in what has happened."""
        for item in news:
            if isinstance(item, Arrived):
                request, answer = item
                row = {
                    "is": "arrived", "id": request.id, "at": request.arrival, "deadline": request.deadline,
                    "shape": request.shape.label, "steps": request.steps, "tier": request.tier,
                    "promised": None if answer is None else answer.promised,
                    "refused": answer is not None and answer.refused,
                }  # fmt: skip
                if not row["refused"]:
                    self._live[request.id] = row
                else:
                    self._tally(request.shape.label, request.tier, False)
                self._add(row)
            elif isinstance(item, Left):
                self._live.pop(item.request.id, None)
                if item.fate != "cancelled":
                    self._tally(item.request.shape.label, item.request.tier, item.fate == "on_time")
                if item.promised and item.fate != "cancelled":
                    self._promises[0] += item.fate == "on_time"
                    self._promises[1] += 1
                self._add({"is": "left", "id": item.request.id, "at": item.at, "fate": item.fate})
            elif isinstance(item, Decided):
                d = item.decision
                self._add(
                    {
                        "is": "decided", "at": d.at, "jobs": d.jobs, "gpus": d.gpus, "status": d.status,
                        "fallback": d.fallback, "ms": 1e3 * d.total_seconds, "solver": d.solver,
                    }
                )  # fmt: skip
            elif isinstance(item, Segment):
                self._add({"is": "ran", **item._asdict()})
            elif isinstance(item, Staged):
                self._add(
                    {"is": "decoded", "id": item.request, "gpu": item.gpu, "start": item.start, "end": item.freed}
                )

    def close(self) -> None:
        """Come to an end, so that nobody who looks on holds up a server that stops."""
        self._open = False

    async def events(self, request: Request) -> Response:
        """``GET /events``."""
        if self._lookers >= _LOOKERS:
            return Response("too many pages look on", 503)
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _stream(self) -> AsyncIterator[bytes]:
        self._lookers += 1
        try:
            if self._lookers == 1:
                self._beat = Beat(self._wall(), _NOBODY, self._count, b"")
            yield _event("about", _WORDS(self._about))
            seen = self._count - len(self._rows)
            while self._open:
                beat = self._news()
                if beat.since == seen:
                    yield beat.event
                else:
                    for since, until in pairwise((*range(seen, max(seen + 1, beat.until), _AT_ONCE), beat.until)):
                        yield self._told(since, until)
                        await asyncio.sleep(0)
                seen = beat.until
                await asyncio.sleep(_EVERY)
        finally:
            self._lookers -= 1

    def _news(self) -> Beat:
        """Return the newest beat, made anew if its time has come."""
        now, last = self._wall(), self._beat
        if now - last.made >= _EVERY:
            self._beat = Beat(now, last.until, self._count, self._told(last.until, self._count))
        return self._beat

    def _told(self, since: int, until: int) -> bytes:
        """Tell of the rows from one to another, as far as they are kept, and how things stand."""
        first = self._count - len(self._rows)
        rows = ",".join(row.words for row in islice(self._rows, max(0, since - first), max(0, until - first)))
        stand = {
            "now": self._clock(),
            "live": list(self._live)[:_MOST],
            "shapes": self._shapes,
            "tiers": self._tiers,
            "promises": self._promises,
        }
        return _event("news", f'{_WORDS(stand)[:-1]},"rows":[{rows}]}}')

    def _tally(self, shape: str, tier: str, on_time: bool) -> None:
        for table, name in ((self._shapes, shape), (self._tiers, tier)):
            tally = table.setdefault(name, [0, 0])
            tally[0] += on_time
            tally[1] += 1

    def _add(self, row: dict[str, Any]) -> None:
        self._rows.append(FeedRow(row))
        self._count += 1
        oldest = self._clock() - MINUTE
        while self._rows and self._ended(self._rows[0].data) < oldest:
            self._rows.popleft()

    def _ended(self, row: dict[str, Any]) -> float:
        """When a row is of no interest any more: an arrival, only when the request has left."""
        if row["is"] == "arrived" and row["id"] in self._live:
            return self._clock()
        return float(row["end"] if "end" in row else row["at"])


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
