"""Planning without a solver: admit by weight per GPU-second, and carry out the list schedule of those admitted."""

from __future__ import annotations

from dataclasses import dataclass

from planner.admission import admit
from planner.capacity import available_mask, segment_steps
from planner.idle import mask_of, start_waiting
from planner.late import LateRule, check_late_rule, serve_late
from planner.placement import Choice, place
from planner.plan import Plan, no_claim
from planner.refill import refill
from planner.round import Round
from planner.timely import timely_and_late


@dataclass(frozen=True)
class Moore:
    """After Moore and Hodgson: as many weighted jobs on time as a list schedule finishes, most weight per GPU-second first.

    The schedule's first moment is carried out (:mod:`planner.admission`). GPUs that it leaves go to admitted jobs that
    wait, least slack first, then to jobs that were not admitted, then to late ones; the rest widens what runs.

    Parameters
    ----------
    late
        What late jobs get (:mod:`planner.late`).
    """

    late: LateRule = "brief"
    name: str = "moore"
    preemptive: bool = True

    def __post_init__(self) -> None:
        check_late_rule(self.late)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round; how much is computed is limited by counts, so ``budget`` is not looked at."""
        round_ = round_.off_grid
        timely, late = timely_and_late(round_)
        admitted, degrees = admit(round_, timely)
        free = available_mask(round_)
        choices = []
        for job in admitted:
            if job.id in degrees:
                seconds = round_.costs.of(job.request.shape).step_time[degrees[job.id]]
                steps = segment_steps(round_, seconds, job.steps_left)
                choices += [Choice(job, degrees[job.id], steps)] if steps else []
        placed = place(round_, choices, free)
        running = {assignment.jobs[0] for assignment in placed}
        first = {job.id for job in admitted}
        for served in (True, False):
            waiting = [job for job in timely if job.id not in running and (job.id in first) == served]
            placed += start_waiting(round_, waiting, free & ~mask_of(placed))
        plan = serve_late(round_, placed, late, free, self.late, timely=bool(timely))
        return Plan(tuple(plan), no_claim(self.name), refill(round_, plan, timely))
