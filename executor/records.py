"""What happened in a run, as rows that grow while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from executor.engine import Segment, Staged
from planner.request import Request

Fate = Literal["on_time", "late", "dropped", "refused", "cancelled", "unfinished"]


class Decision(NamedTuple):
    """One call of a solver. The last three fields are wall-clock and differ from run to run.

    Parameters
    ----------
    at
        Virtual or real time of the decision, in seconds.
    jobs, running
        Live jobs, and how many of them were in a segment.
    assigned, gpus
        Jobs that the plan runs, and GPUs that it uses.
    solver, status, value, bound, fallback, note
        From the certificate.
    build_seconds, solve_seconds, total_seconds
        Time to make the program, to solve it, and for the whole call.
    """

    at: float
    jobs: int
    running: int
    assigned: int
    gpus: int
    solver: str
    status: str
    value: float | None
    bound: float | None
    fallback: bool
    note: str
    build_seconds: float
    solve_seconds: float
    total_seconds: float


@dataclass
class Records:
    """Everything that a run leaves behind; readable at any moment, also after an interruption.

    Parameters
    ----------
    requests
        All requests of the run, by arrival; those of a live source are added when they come.
    delivered
        Request id to the time at which its image was there.
    dropped
        Request id to the time at which it was given up.
    decisions, segments
        In order of time.
    ended
        Virtual or real time at which the run stopped.
    complete
        Whether it ran to its end.
    failed
        Of the dropped ones, those that could not be served: request id to the reason.
    refused
        Request id to the time at which admission sent it away.
    cancelled
        Request id to the time at which whoever asked for it took it back, before it was there.
    promised
        Ids of the requests that were promised to be on time.
    staged
        Texts encoded and images decoded, in order of their end; empty where they take no time.
    """

    requests: Sequence[Request]
    delivered: dict[int, float] = field(default_factory=dict)
    dropped: dict[int, float] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    ended: float = 0.0
    complete: bool = False
    failed: dict[int, str] = field(default_factory=dict)
    refused: dict[int, float] = field(default_factory=dict)
    cancelled: dict[int, float] = field(default_factory=dict)
    promised: set[int] = field(default_factory=set)
    staged: list[Staged] = field(default_factory=list)

    def fate(self, request: Request) -> Fate:
        """Return what became of a request."""
        finish = self.delivered.get(request.id)
        if finish is not None:
            return "on_time" if finish <= request.deadline + 1e-9 else "late"
        if request.id in self.dropped:
            return "dropped"
        if request.id in self.refused:
            return "refused"
        return "cancelled" if request.id in self.cancelled else "unfinished"
