"""What the page sees while the server runs: a picture of the last minute, then what happens, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from executor.engine import Segment
from experiments.serve.planning import Arrived, Decided, Left, News

MINUTE = 60.0
_EVERY = 0.25
"""Seconds between two events: what happens in between comes together."""
_MOST = 4000
"""Rows of each kind that are kept, however much happens in a minute."""
_LOOKERS = 32
"""Pages that may look on at a time."""


class Feed:
    """Keeps the last minute, and passes on what happens.

    Parameters
    ----------
    clock
        Seconds of the cluster.
    about
        What a page needs to know once.
    """

    def __init__(self, clock: Callable[[], float], about: dict[str, Any]) -> None:
        self._clock = clock
        self._about = about
        self._rows: deque[dict[str, Any]] = deque(maxlen=4 * _MOST)
        self._live: dict[int, dict[str, Any]] = {}
        self._count = 0
        self._lookers = 0
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

    async def events(self, request: Request) -> Response:
        """``GET /events``."""
        if self._lookers >= _LOOKERS:
            return Response("too many pages look on", 503)
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _stream(self) -> AsyncIterator[bytes]:
        self._lookers += 1
        try:
            yield _event("about", self._about)
            seen = 0
            while True:
                fresh = min(self._count - seen, len(self._rows))
                rows = list(islice(self._rows, len(self._rows) - fresh, None))
                seen = self._count
                yield _event("news", self._news(rows))
                await asyncio.sleep(_EVERY)
        finally:
            self._lookers -= 1

    def _news(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "now": self._clock(),
            "rows": rows,
            "live": list(self._live)[:_MOST],
            "shapes": self._shapes,
            "tiers": self._tiers,
            "promises": self._promises,
        }

    def _tally(self, shape: str, tier: str, on_time: bool) -> None:
        for table, name in ((self._shapes, shape), (self._tiers, tier)):
            tally = table.setdefault(name, [0, 0])
            tally[0] += on_time
            tally[1] += 1

    def _add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._count += 1
        oldest = self._clock() - MINUTE
        while self._rows and self._ended(self._rows[0]) < oldest:
            self._rows.popleft()

    def _ended(self, row: dict[str, Any]) -> float:
        """When a row is of no interest any more: an arrival, only when the request has left."""
        if row["is"] == "arrived" and row["id"] in self._live:
            return self._clock()
        return float(row["end"] if row["is"] == "ran" else row["at"])


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
