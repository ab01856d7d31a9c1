"""Can this job be added? What a service may promise to a request when it arrives.

A promise is a bet that a schedule exists on which the request and all that has been promised before are on time. A list
schedule (:mod:`planner.programs.lists`) proves that in a millisecond or two: promised jobs and the new one go through time
together, earliest deadline first, each with time in hand for what steps take longer than expected and for those that must
end first, and none may be late. Jobs without a promise do not count: they give way.

Being possible is not enough in overload: whoever takes every request that fits fills the cluster with large images, and has
no room for the many small ones that come a moment later. So a promise has a price, as a seat in an aircraft has (bid prices
of revenue management): the weight per GPU-second at which the requests of the last minutes, those with the most first, would
have filled the cluster. Requests that are worth less are promised nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal, Protocol, get_args

from planner.allocation import needed_gpu_seconds
from planner.errors import ParameterError, is_finite
from planner.job import Job
from planner.programs.intervals import Task
from planner.programs.lists import ListSchedule, list_schedule, tasks_of
from planner.round import Round
from profiles.profile import Profile
from profiles.shape import Shape

PROMISED = 3.0
"""How many times its weight a request weighs in plans once it is promised. The larger, the more others give way to it."""

_HALVINGS = 12
_SAME = 1e-6
"""Densities that differ by no more than such a share are the same; of a class that does not fit whole, nobody is promised
anything: the first to come would take what is worth more a moment later."""
_FARTHEST = 600.0
"""Seconds from now after which no earliest finish is looked for."""

Policy = Literal["promise", "refuse"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is told when it arrives.

    Parameters
    ----------
    promised
        Whether it will be on time, as far as can be foreseen.
    finish
        The earliest moment, in seconds, by which its last step could be promised; infinite if none is found. Only looked for
        where nothing is promised for its deadline.
    refused
        Whether it is sent away.
    why
        What stands against a promise: ``late`` (no schedule is in time), ``dear`` (it costs more than what else comes), or
        nothing.
    """

    promised: bool
    finish: float = math.inf
    refused: bool = False
    why: Literal["", "late", "dear"] = ""


class Admission(Protocol):
    """Decides what a request is told when it arrives; keeps what it has seen of a run."""

    def ask(self, round_: Round, job: Job, promised: Collection[int]) -> Answer:
        """Answer a request.

        Parameters
        ----------
        round_
            The jobs that are in the system, without the new one.
        job
            The new one.
        promised
            Ids of the jobs of the round that have a promise.
        """
        ...


def can_add(round_: Round, job: Job, promised: Collection[int], sigmas: float = 0.0) -> bool:
    """Whether a job can be on time together with all that have been promised to be, by a list schedule.

    The schedule is of fluid steps that take what the profile says. Real ones may take longer, and a job that waits for GPUs
    has them only when the steps on them end: both are added to the end of every job.

    Parameters
    ----------
    round_, job, promised
        As in :meth:`Admission.ask`.
    sigmas
        Standard deviations of the time of all steps of a job, by the profile's spread, that are kept in hand.
    """
    if round_.now + _fastest_seconds(round_, job) > job.due:
        return False
    members = [held for held in round_.jobs if held.id in promised and not round_.hopeless(held)] + [job]
    tasks = tasks_of(round_, members, [1.0] * len(members))
    schedule = list_schedule(tasks, round_.now, round_.cluster.gpus)
    waits = _waits(schedule, tasks)
    return all(
        end + wait + sigmas * _deviation(round_, held, end) <= task.due
        for held, task, end, wait in zip(members, tasks, schedule.ends, waits, strict=True)
    )


def _waits(schedule: ListSchedule, tasks: Sequence[Task]) -> list[float]:
    """Return the seconds that each task may have to wait for steps of others, or of its own at another degree, to end."""
    waits = [0.0] * len(tasks)
    for before, after in pairwise(schedule.phases):
        longest = max(_step(tasks[i], degree) for i, degree in before.degrees.items())
        for i, degree in after.degrees.items():
            was = before.degrees.get(i, 0)
            if was != degree:
                waits[i] += _step(tasks[i], was) if degree < was else longest
    return waits


def _step(task: Task, degree: int) -> float:
    return task.seconds[task.degrees.index(degree)]


def _deviation(round_: Round, job: Job, end: float) -> float:
    """Return the standard deviation of the seconds that a job's steps take until its end."""
    return _spread(round_.profile, job.request.shape) * (end - round_.now) / math.sqrt(job.steps_left)


@lru_cache(maxsize=4096)
def _spread(profile: Profile, shape: Shape) -> float:
    """Return the largest spread of a step of one request of a shape."""
    return max(entry.spread for entry in profile.entries if entry.shape == shape and entry.batch == 1)


def earliest_finish(round_: Round, job: Job, promised: Collection[int], sigmas: float = 0.0) -> float:
    """Return the earliest moment, found by halving, for which :func:`can_add` says yes; infinity if none within ten minutes.

    Parameters
    ----------
    round_, job, promised, sigmas
        As in :func:`can_add`; the job's own due time does not matter.
    """
    soonest = max(round_.now, job.ready) + _fastest_seconds(round_, job)
    low, high = soonest, soonest + _FARTHEST
    if not can_add(round_, replace(job, due=high), promised, sigmas):
        return math.inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if can_add(round_, replace(job, due=middle), promised, sigmas):
            high = middle
        else:
            low = middle
    return high


class BidPrices:
    """Promises what fits and is worth its GPU-seconds; an :class:`Admission`.

    Parameters
    ----------
    policy
        ``promise``: requests without a promise stay, and run where nobody with one needs the GPUs. ``refuse``: they are sent
        away, with the earliest finish that could be promised.
    sigmas
        Kept in hand for the spread of steps; see :func:`can_add`.
    window
        Seconds of arrivals from which the price is taken; 0 promises all that fits.
    load
        Share of the cluster's GPU-seconds that can be filled at most.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    def __init__(
        self,
        policy: Policy = "promise",
        sigmas: float = 2.0,
        window: float = 300.0,
        load: float = 0.95,
    ) -> None:
        if policy not in get_args(Policy):
            raise ParameterError("policy", policy, "use 'promise' or 'refuse'")
        for name, value in (("sigmas", sigmas), ("window", window)):
            if not (is_finite(value) and value >= 0):
                raise ParameterError(name, value, "a number of at least 0 is needed")
        if not (is_finite(load) and load > 0):
            raise ParameterError("load", load, "a positive number is needed")
        self._refuses = policy == "refuse"
        self._sigmas, self._window, self._load = sigmas, window, load
        self._seen: deque[tuple[float, float, float]] = deque()

    def ask(self, round_: Round, job: Job, promised: Collection[int]) -> Answer:
        """See :meth:`Admission.ask`."""
        needed = needed_gpu_seconds(round_, job)
        dear = self._window > 0 and job.request.weight / needed <= self._price(round_, job, needed) * (1 + _SAME)
        if not dear and can_add(round_, job, promised, self._sigmas):
            return Answer(True)
        why: Literal["late", "dear"] = "dear" if dear else "late"
        finish = earliest_finish(round_, job, promised, self._sigmas) if self._refuses else math.inf
        return Answer(False, finish, self._refuses, why)

    def _price(self, round_: Round, job: Job, needed: float) -> float:
        """Take a request in, and return the weight per GPU-second at which those of the window fill the cluster."""
        now, seen = round_.now, self._seen
        seen.append((now, job.request.weight / needed, needed))
        while seen[0][0] < now - self._window:
            seen.popleft()
        room = self._load * round_.cluster.gpus * max(now - seen[0][0], _least_window(seen))
        return price_of([(density, seconds) for _, density, seconds in seen], room)


def price_of(asked: Sequence[tuple[float, float]], room: float) -> float:
    """Return the density of the last request that fits, dearest first; 0 if all do.

    Parameters
    ----------
    asked
        Weight per GPU-second and GPU-seconds of each request.
    room
        GPU-seconds that there are.
    """
    for density, seconds in sorted(asked, reverse=True):
        room -= seconds
        if room < 0:
            return density
    return 0.0


def _least_window(seen: Collection[object]) -> float:
    """Seconds below which a few arrivals say nothing of a load."""
    return 60.0 if len(seen) < 20 else 1.0


def _fastest_seconds(round_: Round, job: Job) -> float:
    return job.steps_left * round_.costs.of(job.request.shape).fastest
