"""Where requests come from: a workload that is known before the run, or whoever asks while it runs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple, Protocol

from planner.request import Request


class Cancel(NamedTuple):
    """A request that nobody wants any more.

    Parameters
    ----------
    request
        Its id.
    """

    request: int


Incoming = Request | Cancel


class Source(Protocol):
    """Requests, in order of arrival, and those that are taken back."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        ...

    @property
    def next(self) -> float:
        """When the next event that is known of happens, in seconds of the run; infinity if none is."""
        ...

    def take(self, now: float) -> list[Incoming]:
        """Return what has happened by now and has not been returned yet."""
        ...


class Replay:
    """The requests of a workload, each at its time of arrival; a :class:`Source`.

    Parameters
    ----------
    requests
        In order of arrival.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        self._taken = 0
        self.next = requests[0].arrival if requests else math.inf
        """The next arrival."""

    @property
    def ended(self) -> bool:
        """Whether all have arrived."""
        return self.next == math.inf

    def take(self, now: float) -> list[Incoming]:
        """Return those that have arrived."""
        if now < self.next:
            return []
        began, requests = self._taken, self._requests
        while self._taken < len(requests) and requests[self._taken].arrival <= now:
            self._taken += 1
        self.next = requests[self._taken].arrival if self._taken < len(requests) else math.inf
        return list(requests[began : self._taken])


class Live:
    """Requests that other threads hand in while the run goes on; a :class:`Source`.

    Parameters
    ----------
    wake
        Called after every event, from the thread that handed it in: lets the engine stop waiting.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._events: deque[Incoming] = deque()
        self._open = True
        self._lock = Lock()

    @property
    def ended(self) -> bool:
        """Whether it was closed, and all that came before has been taken."""
        return not (self._open or self._events)

    @property
    def next(self) -> float:
        """At once if something waits to be taken; infinity otherwise."""
        return 0.0 if self._events else math.inf

    def put(self, event: Incoming) -> bool:
        """Hand in a request, or take one back; whether that was still possible: nothing new comes into a closed source."""
        with self._lock:
            if not self._open and isinstance(event, Request):
                return False
            self._events.append(event)
        self._wake()
        return True

    def close(self) -> None:
        """Take no further request; what is under way is finished."""
        with self._lock:
            self._open = False
        self._wake()

    def take(self, now: float) -> list[Incoming]:
        """Return all that waits."""
        del now
        taken: list[Incoming] = []
        while self._events:
            taken.append(self._events.popleft())
        return taken
