"""A stretch of steps of some requests on a group, while it is under way."""

from __future__ import annotations

from dataclasses import dataclass, field

from executor.distributed.group_names import Named
from planner.cluster import Group


@dataclass
class Chunk:
    """What the controller knows of a stretch of steps.

    Parameters
    ----------
    id
        Unique.
    jobs
        Request ids.
    origin
        Steps that each had behind it.
    group, named
        Who does it, and under which name they meet.
    limit
        Steps to do.
    most
        Steps that the requests have left.
    seconds
        What a step is expected to take.
    start
        When it began (`time.monotonic`).
    steps
        Steps reported as done.
    stepped
        When the last of them ended, or ``start``.
    waiting_for
        Members that have not yet said that they left it, once it is broken.
    broken
        When it broke; None while all is well.
    errors
        What members said.
    dead
        How each member ended that died in it.
    """

    id: int
    jobs: tuple[int, ...]
    origin: tuple[int, ...]
    group: Group
    named: Named
    limit: int
    most: int
    seconds: float
    start: float
    steps: int = 0
    stepped: float = 0.0
    waiting_for: set[int] = field(default_factory=set)
    broken: float | None = None
    errors: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stepped = self.start
        self.waiting_for = set(self.named.members)

    @property
    def begun(self) -> int:
        """Steps done or in progress."""
        return self.steps if self.broken is not None else min(self.steps + 1, max(self.limit, self.steps))

    @property
    def reason(self) -> str:
        """What broke it, by worker."""
        return "; ".join([*self.dead, *self.errors])

    def boundary(self, now: float) -> float:
        """When the step in progress is expected to end."""
        if self.broken is not None or self.begun == self.steps:
            return now
        return max(now, self.stepped + self.seconds)

    def overdue(self, deadline: float) -> float:
        """When members that have not been heard of are killed.

        A live member notices within one exchange that the group has broken, so there they get a second and a
        step; before, ``deadline`` seconds and five steps.
        """
        if self.broken is not None:
            return self.broken + 1.0 + self.seconds
        return self.stepped + deadline + 1.0 + 5 * self.seconds
