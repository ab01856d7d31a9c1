"""Who is told of a run while it goes on."""

from __future__ import annotations

from collections.abc import Callable

from executor.records import Decision, Fate, Records
from planner.plan import Plan
from planner.promise import Answer
from planner.request import Request
from planner.round import Round


class Watch:
    """Is told what happens in a run, in the loop's thread; does nothing with it. Override what you need."""

    def arrived(self, request: Request, answer: Answer | None) -> None:
        """A request has come in; ``answer`` is what admission said, if the service has one."""

    def decided(self, round_: Round, plan: Plan, decision: Decision) -> None:
        """A plan has passed the check, and is about to be carried out."""

    def left(self, request: int, fate: Fate, at: float, why: str) -> None:
        """A request is out of the system at ``at`` seconds; ``why`` says what failed."""

    def moved_on(self, records: Records) -> None:
        """One or more requests have left the system, or been refused."""


class Calls(Watch):
    """Passes what most callers want to know on to functions.

    Parameters
    ----------
    on_progress
        Called after requests have left the system.
    on_round
        Called with every round and the plan that answered it.
    """

    def __init__(
        self,
        on_progress: Callable[[Records], None] | None = None,
        on_round: Callable[[Round, Plan], None] | None = None,
    ) -> None:
        self._on_progress = on_progress
        self._on_round = on_round

    def decided(self, round_: Round, plan: Plan, decision: Decision) -> None:
        """Pass the round and the plan on."""
        if self._on_round is not None:
            self._on_round(round_, plan)

    def moved_on(self, records: Records) -> None:
        """Pass the records on."""
        if self._on_progress is not None:
            self._on_progress(records)
