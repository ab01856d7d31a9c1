"""A decision, with the certificate that says how good it is and who made it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from planner.cluster import Group
from planner.errors import ParameterError, is_finite, whole
from planner.setters import setters_of

Status = Literal["optimal", "feasible", "heuristic"]
STATUSES: tuple[str, ...] = get_args(Status)

TOLERANCE = 0.02
"""Distance from the bound up to which a plan is called optimal, as a share of the least that one request is worth."""


@dataclass(frozen=True, slots=True, init=False)
class Assignment:
    """One or more identical jobs on a GPU group.

    Parameters
    ----------
    jobs
        Request ids; several are run as one batch.
    group
        The GPUs. If a job already runs on exactly this group, it goes on without a gap.
    steps
        Steps to run from the job's next step boundary, at most what is left.

    Raises
    ------
    ParameterError
        If a value is of another type or out of range. What depends on the round is up to
        :func:`planner.check.check_plan`.
    """

    jobs: tuple[int, ...]
    group: Group
    steps: int

    def __init__(self, jobs: tuple[int, ...], group: Group, steps: int) -> None:
        # Made often in every decision: what is right passes by one comparison.
        _set_jobs(self, jobs)
        _set_group(self, group)
        _set_steps(self, steps)
        one = type(jobs) is tuple and len(jobs) == 1 and type(jobs[0]) is int
        if one and type(group) is Group and type(steps) is int and steps > 0:
            return
        if type(jobs) is not tuple or not jobs or any(type(id_) is not int for id_ in jobs):
            raise ParameterError("jobs", jobs, "a tuple of request ids (int) is needed, at least one", "assignment")
        if len(jobs) > 1 and len(set(jobs)) < len(jobs):
            raise ParameterError("jobs", jobs, "each request may be named once", "assignment")
        if type(group) is not Group:
            raise ParameterError("group", group, "a Group of the cluster is needed", f"assignment of jobs {jobs}")
        whole("steps", steps, 1, f"assignment of jobs {jobs}")


_set_jobs, _set_group, _set_steps = setters_of(Assignment)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How good a plan is, and how that is known.

    Parameters
    ----------
    solver
        Who answered.
    status
        ``"optimal"``: no plan is worth more by :data:`TOLERANCE` times the least that one request of the round is worth,
        so that no further request fits between value and bound. ``"feasible"``: the best that was found.
        ``"heuristic"``: no claim is made.
    value
        What the returned plan is worth on the objective, with all that was added to it. Assignment program: the rewards
        of what is assigned, over those of waiting. Lookahead: what a schedule that begins with the plan serves on time,
        less the price of all its GPU-seconds (:mod:`planner.programs.continuation`). None where no program was made.
    bound
        Proven bound on the program (maximization); None where there is none.
    build_seconds, solve_seconds
        Wall-clock time to make the program and to solve it.
    fallback
        Whether a plan of the greedy fallback stands because the solver brought nothing better in its budget or failed.
    note
        Why a fallback answered, in words; empty otherwise.
    promised
        Lookahead: ids of the requests that the schedule behind ``value`` serves on time; None where no schedule is behind it.
    made_of
        Lookahead, in a large backlog: ids of those that this schedule was made of, of which it could not serve all; None
        where these are the promised ones.

    Raises
    ------
    ParameterError
        If the status is none of these, or a number is not finite. The message names the field.
    """

    solver: str
    status: Status = "heuristic"
    value: float | None = None
    bound: float | None = None
    build_seconds: float = 0.0
    solve_seconds: float = 0.0
    fallback: bool = False
    note: str = ""
    promised: tuple[int, ...] | None = None
    made_of: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ParameterError("status", self.status, f"use {', '.join(STATUSES)}", "certificate")
        build, solve = self.build_seconds, self.solve_seconds
        timed = type(build) is float and type(solve) is float and 0 <= build < math.inf and 0 <= solve < math.inf
        if timed and self.value is None and self.bound is None:
            return
        for name in ("value", "bound"):
            number = getattr(self, name)
            if number is not None and not is_finite(number):
                raise ParameterError(name, number, "a finite number is needed, or None", "certificate")
        for name in ("build_seconds", "solve_seconds"):
            seconds = getattr(self, name)
            if not (is_finite(seconds) and seconds >= 0):
                raise ParameterError(name, seconds, "a finite number of at least 0 is needed", "certificate")

    @property
    def gap(self) -> float | None:
        """``(bound - value) / max(1, |bound|)``, or None where there is no bound."""
        if self.value is None or self.bound is None:
            return None
        return max(0.0, self.bound - self.value) / max(1.0, abs(self.bound))


@lru_cache(maxsize=64)
def no_claim(solver: str) -> Certificate:
    """Return the certificate of a rule, which claims nothing of its plans."""
    return Certificate(solver)


_ASSIGNMENTS = {Assignment}


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs next, and where. Jobs that no assignment names stop at their next step boundary and wait.

    Parameters
    ----------
    assignments
        Disjoint in jobs and in GPUs, which :func:`planner.check.check_plan` checks against the round.
    certificate
        How good the plan is.
    then
        Successors: each begins when the jobs that the plan runs to their end on its GPUs have left them, unless another plan
        comes first.
    foreseen
        Whether all is said about the segments that it stops: their end then calls for no new plan.

    Raises
    ------
    ParameterError
        If a value is of another type.
    """

    assignments: tuple[Assignment, ...]
    certificate: Certificate
    then: tuple[Assignment, ...] = ()
    foreseen: bool = False

    def __post_init__(self) -> None:
        for name, given in (("assignments", self.assignments), ("then", self.then)):
            if type(given) is not tuple or not _ASSIGNMENTS.issuperset(map(type, given)):
                raise ParameterError(name, given, "a tuple of Assignment is needed", "plan")
        if type(self.certificate) is not Certificate:
            raise ParameterError("certificate", self.certificate, "a Certificate is needed", "plan")
        if type(self.foreseen) is not bool:
            raise ParameterError("foreseen", self.foreseen, "True or False is needed", "plan")

    def summary(self) -> str:
        """Several lines: who runs where for how many steps, value, bound, gap, time."""
        c = self.certificate
        lines = [
            f"{'job':>12}  {'degree':>6}  {'GPUs':<18}  {'steps':>5}",
            *(
                f"{'+'.join(map(str, a.jobs)):>12}  {a.group.degree:>6}  {','.join(map(str, a.group.gpus)):<18}  {a.steps:>5}"
                for a in self.assignments
            ),
        ]
        verdict = f"{c.solver}: {c.status}"
        if c.value is not None:
            verdict += f", value {c.value:.6g}"
        if c.bound is not None and c.gap is not None:
            verdict += f", bound {c.bound:.6g}, gap {c.gap:.2%}"
        verdict += f", {1e3 * (c.build_seconds + c.solve_seconds):.2f} ms"
        if c.fallback:
            verdict += f", fallback ({c.note})" if c.note else ", fallback"
        return "\n".join([*lines, verdict])
