"""The emulated engine: a simulated cluster that lives on a real clock, so that a planner can be tried under real clients.

Events happen when the clock says so, and not before; a plan comes into force when it has been made. Nothing is computed: a
step takes what the profile says, with its spread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Event
from typing import Protocol

from executor.engine import Milestone, Running, Segment, Staged
from executor.simulated import SimulatedEngine
from planner.errors import ParameterError, is_finite
from planner.plan import Assignment
from planner.request import Request

_LEAST = 1e-6
"""Seconds of the clock that it waits at least, so that rounding never makes it wait for ever."""


class Bell(Protocol):
    """What the engine waits at: a :class:`threading.Event`."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until somebody rings, at most ``timeout`` seconds."""
        ...

    def set(self) -> None:
        """Ring."""
        ...

    def clear(self) -> None:
        """Forget that somebody rang."""
        ...


class EmulatedEngine:
    """Carries plans out on a simulated cluster, in real time; an `executor.engine.Engine`.

    Its clock goes from when it is made.

    Parameters
    ----------
    simulated
        What happens, and when.
    speed
        Seconds of the cluster in a second of the clock.
    clock
        Seconds on a real clock that only goes forward.
    bell
        Where it waits.
    origin
        Seconds of the cluster at which its clock starts.

    Raises
    ------
    ParameterError
        If the speed is not positive.
    """

    def __init__(
        self,
        simulated: SimulatedEngine,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        bell: Bell | None = None,
        origin: float = 0.0,
    ) -> None:
        if not (is_finite(speed) and speed > 0):
            raise ParameterError("speed", speed, "a positive number is needed")
        self.speed = speed
        self._simulated = simulated
        self._clock = clock
        self._bell: Bell = bell or Event()
        self._zero = clock() - origin / speed
        self._now = 0.0
        self._progress: list[Milestone] = []

    def clock(self) -> float:
        """Return the seconds of the cluster since the start; from any thread."""
        return (self._clock() - self._zero) * self.speed

    @property
    def segments(self) -> list[Segment]:
        """See `executor.engine.Engine.segments`."""
        return self._simulated.segments

    @property
    def staged(self) -> list[Staged]:
        """See `executor.engine.Engine.staged`."""
        return self._simulated.staged

    def submit(self, request: Request) -> bool:
        """See `executor.engine.Engine.submit`."""
        self._catch_up()
        return self._simulated.submit(request)

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """See `executor.engine.Engine.advance`."""
        while True:
            now = self._catch_up()
            if self._progress:
                progress, self._progress = self._progress, []
                return self._reach(min(now, until)), progress
            if until <= now:
                return self._reach(until), []
            ahead = min(until, self._simulated.next_event)
            if ahead == math.inf:
                return math.inf, []
            if self._bell.wait(max((ahead - now) / self.speed, _LEAST)):
                self._bell.clear()
                return self._reach(min(self._catch_up(), until)), []

    def wake(self) -> None:
        """See `executor.engine.Engine.wake`."""
        self._bell.set()

    def observe(self) -> list[Running]:
        """See `executor.engine.Engine.observe`."""
        return self._simulated.observe()

    def occupied(self) -> Mapping[int, float]:
        """See `executor.engine.Engine.occupied`."""
        return self._simulated.occupied()

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """See `executor.engine.Engine.carry_out`; what happened while the plan was made comes first."""
        self._catch_up()
        self._simulated.carry_out(assignments)

    def drop(self, request: int) -> None:
        """See `executor.engine.Engine.drop`."""
        self._catch_up()
        self._simulated.drop(request)

    def _catch_up(self) -> float:
        """Let happen what is due by now, and return the time."""
        now = self.clock()
        while True:
            at, progress = self._simulated.advance(now)
            self._progress += progress
            if at >= now:
                return now

    def _reach(self, now: float) -> float:
        self._now = max(self._now, now)
        return self._now
