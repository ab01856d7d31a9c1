"""A segment on the virtual clock: when its steps end, and how many have begun at a moment."""

from __future__ import annotations

from executor.engine import Running
from planner.cluster import Group
from planner.round import EPSILON


class Stretch:
    """A segment planned or in progress.

    Its first i steps take ``seconds * (i + cv * (drift[first + i] - drift[first]))``, where ``drift`` sums the
    request's standard normal draws, one for each of its steps.
    """

    __slots__ = (
        *("cv", "drift", "end", "first", "group", "jobs", "moving", "queued", "seconds", "start", "steps", "stopped"),
        *("_began", "_ends", "_look", "_seen"),
    )

    def __init__(
        self,
        jobs: tuple[int, ...],
        group: Group,
        start: float,
        steps: int,
        seconds: float,
        cv: float,
        drift: list[float],
        first: int,
    ) -> None:
        self.jobs = jobs
        self.group = group
        self.start = start
        self.steps = steps
        self.seconds = seconds
        self.cv = cv
        self.drift = drift
        self.first = first
        self.moving = 0.0
        """Seconds before its start in which its jobs move; a move begins when the GPUs are free."""
        self.stopped = False
        self.end = self.boundary(steps)
        self.queued = self.end
        self._seen = 0
        self._began = self._ends = start
        self._look: Running | None = None

    def delay(self, until: float) -> None:
        """Let a segment that has not begun begin when its GPUs are free, at ``until``, if that is later than it was to."""
        self.start = max(self.start, until + self.moving)
        self.end = self.boundary(self.steps)

    def boundary(self, steps: int) -> float:
        """When the segment has done ``steps`` steps."""
        if self.cv:
            first = self.first
            return self.start + self.seconds * (steps + self.cv * (self.drift[first + steps] - self.drift[first]))
        return self.start + steps * self.seconds

    def begun(self, now: float) -> int:
        """Steps done or in progress at ``now``; a step that ends within EPSILON of now is done, and no other has begun."""
        now -= EPSILON
        if self._began < now <= self._ends and self._seen <= self.steps:  # still the step that was seen last
            return self._seen
        if now <= self.start:
            return 0
        begun = min(int((now - self.start) / self.seconds) + 1, self.steps)
        if self.cv:
            while begun > 1 and self.boundary(begun - 1) >= now:
                begun -= 1
            while begun < self.steps and self.boundary(begun) < now:
                begun += 1
            self._seen, self._began, self._ends = begun, self.boundary(begun - 1), self.boundary(begun)
        return begun

    def look(self, now: float) -> Running:
        """Steps done or in progress, and when the profile lets expect that the one in progress ends.

        Time only goes on. So as long as the step that was seen last is in progress and not overdue, it is the same object.
        """
        look = self._look
        if look is not None and now <= look.boundary and now + EPSILON < self._ends:
            return look
        begun = self.begun(now)
        self._look = None
        if not (self.cv and begun):
            return Running(self.jobs, self.group, begun, self.boundary(begun))
        if self._ends <= now + EPSILON:
            return Running(self.jobs, self.group, begun, self._ends)
        expected = self._began + self.seconds
        if now > expected:
            return Running(self.jobs, self.group, begun, now)
        look = self._look = Running(self.jobs, self.group, begun, expected)
        return look
