"""What the round loop needs of anything that carries plans out, on a virtual or a real clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

from planner.cluster import Group
from planner.plan import Assignment
from planner.request import Request
from profiles.entries import Stage

MilestoneKind = Literal["ready", "yielded", "finished", "freed", "delivered", "failed"]


class Milestone(NamedTuple):
    """What an engine reports of a request.

    Parameters
    ----------
    kind
        ``ready``: the text is encoded, the first step can begin. ``yielded``: a segment ended with steps left.
        ``finished``: the last step is done and decoding has been queued, or has begun on a GPU of the cluster.
        ``freed``: that GPU has made the image, or leaves it to a worker for stages; only where GPUs of the cluster decode.
        ``delivered``: the image is there.
        ``failed``: the request cannot be served and is out of the system; others go on.
    request
        Request id.
    at
        When, in seconds.
    steps
        Steps that the segment did (0 where none ended).
    planned
        For ``yielded``: whether the plan in force ended the segment here, to start something else.
    group
        For ``yielded``: the GPUs that hold the latent now.
    reason
        For ``failed``: why, with request, shape and step. For ``yielded``: what broke, if something did.
    """

    kind: MilestoneKind
    request: int
    at: float
    steps: int = 0
    planned: bool = False
    group: Group | None = None
    reason: str = ""


class Running(NamedTuple):
    """A segment in progress, as seen at some moment.

    Parameters
    ----------
    jobs, group
        The batch and where it runs.
    begun
        Steps of this segment that are done or in progress.
    boundary
        When the step in progress is expected to end: the earliest time at which the segment can yield.
    """

    jobs: tuple[int, ...]
    group: Group
    begun: int
    boundary: float


class Segment(NamedTuple):
    """A finished stretch of steps of one batch on one group, for records.

    Parameters
    ----------
    jobs, gpus
        The batch and where it ran.
    start, end
        Seconds.
    steps
        Steps done.
    """

    jobs: tuple[int, ...]
    gpus: tuple[int, ...]
    start: float
    end: float
    steps: int


class Staged(NamedTuple):
    """A text that was encoded, or an image that was decoded and written.

    Parameters
    ----------
    stage, request
        What was done, and for whom.
    worker
        Which of the workers for stages did it; -1 where a GPU of the cluster did.
    start, end
        Seconds.
    gpu
        Which GPU of the cluster did it; -1 where a worker for stages did.
    freed
        When that GPU, or the worker, could do something else; before ``end`` where the file was written beside. 0 for a
        worker that was at it to the end.
    """

    stage: Stage
    request: int
    worker: int
    start: float
    end: float
    gpu: int = -1
    freed: float = 0.0


class Engine(Protocol):
    """Carries plans out and reports progress."""

    def submit(self, request: Request) -> bool:
        """Take in a request that has arrived now, and say whether its first step can begin at once.

        If not, ``ready`` is reported when its text is encoded.
        """
        ...

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """Let time pass until something happens, at most until ``until``; return the time and what happened then.

        A real clock does not stop at ``until``: what it made happen a moment later may be told, too.

        Infinity is returned where nothing will ever happen unless a request comes or a plan is carried out.
        """
        ...

    def wake(self) -> None:
        """Let :meth:`advance` return early, if it waits on a real clock; called from any thread."""
        ...

    def observe(self) -> list[Running]:
        """Return the segments in progress now."""
        ...

    def occupied(self) -> Mapping[int, float]:
        """Return the GPUs that make an image now, each with the time at which it is expected to be free.

        No plan can have them before; what it gives them waits. Empty where workers for stages decode.
        """
        ...

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Put a checked plan into force.

        Segments that the plan names with the same jobs and group go on without a gap; others stop at their next step
        boundary. New segments start as soon as their jobs and GPUs are free.
        """
        ...

    def drop(self, request: int) -> None:
        """Give a request up; its segment, if any, stops at the next step boundary."""
        ...

    @property
    def segments(self) -> list[Segment]:
        """Stretches of steps done so far, in order of their end."""
        ...

    @property
    def staged(self) -> list[Staged]:
        """Texts encoded and images decoded so far, in order of their end; empty where they take no time."""
        ...
