"""A segment on the virtual clock: when its steps end, and how many have begun at a moment."""

from __future__ import annotations

from planner.cluster import Group
from planner.round import EPSILON


class Stretch:
    """A segment planned or in progress.

    Its first i steps take ``seconds * (i + cv * (drift[first + i] - drift[first]))``, where ``drift`` sums the
    request's standard normal draws, one for each of its steps.
    """

    __slots__ = ("cv", "drift", "end", "first", "group", "jobs", "seconds", "start", "steps", "stopped")

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
        self.stopped = False
        self.end = self.boundary(steps)

    def boundary(self, steps: int) -> float:
        """When the segment has done ``steps`` steps."""
        if self.cv:
            first = self.first
            return self.start + self.seconds * (steps + self.cv * (self.drift[first + steps] - self.drift[first]))
        return self.start + steps * self.seconds

    def begun(self, now: float) -> int:
        """Steps done or in progress at ``now``; a step that ends within EPSILON of now is done, and no other has begun."""
        now -= EPSILON
        if now <= self.start:
            return 0
        begun = min(int((now - self.start) / self.seconds) + 1, self.steps)
        if self.cv:
            while begun > 1 and self.boundary(begun - 1) >= now:
                begun -= 1
            while begun < self.steps and self.boundary(begun) < now:
                begun += 1
        return begun
