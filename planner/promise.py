"""Can this job be added? What a service may promise to a request when it arrives.

A promise is a bet that a schedule exists on which the request and all that has been promised before are on time. A list
schedule (:mod:`planner.programs.lists`) proves that in a millisecond or two: promised jobs and the new one go through time
together, earliest deadline first, each with time in hand for what steps take longer than expected and for those that must
end first, and none may be late. Jobs without a promise do not count: they give way.

Being possible is not enough: whoever promises all that fits fills the cluster with large images, and must break his word or
turn away the many small ones that come a moment later. So seats are held back for those who pay more, as in an aircraft
(protection levels of revenue management, after Littlewood): a request is promised its deadline only if, until then, the
cluster has GPU-seconds left over for what is likely to come and is worth more for its GPU-seconds, as the last minutes tell.
Others are served all the same, as far as they can be on time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol, get_args

from planner.allocation import needed_gpu_seconds
from planner.errors import ParameterError, is_finite
from planner.job import Job
from planner.programs.intervals import Task
from planner.programs.lists import ListSchedule, list_schedule, tasks_of
from planner.round import Round
from profiles.profile import Profile
from profiles.shape import Shape

PROMISED = 5.0
"""How many times its weight a request weighs in plans once it is promised. The larger, the more others give way to it."""

_HALVINGS = 12
_SAME = 1e-6
"""Worths of GPU-seconds that differ by no more than such a share are the same."""
_FARTHEST = 600.0
"""Seconds from now after which no earliest finish is looked for."""

_MOST_SEEN = 2000
"""Arrivals from which a load is told: more say nothing new, and are looked at for every request."""

AdmissionPolicy = Literal["promise", "refuse"]


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
        What stands against a promise: ``late`` (no schedule is in time), ``dear`` (what is likely to come is worth more for
        the same GPU-seconds), or nothing.
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
    schedule = list_schedule(tasks, round_.now, round_.cluster.gpus, images_until=round_.images_until)
    waits = _waits(schedule, tasks)
    return all(
        end + wait + sigmas * _deviation(round_, held, end) <= task.due
        for held, task, end, wait in zip(members, tasks, schedule.ends, waits, strict=True)
    )


def cannot_add(round_: Round, job: Job, promised: Collection[int]) -> bool:
    """Whether it is certain that a job cannot be on time while all that have been promised are.

    It is if its fastest steps are too slow, or if what is due by some moment needs more GPU-seconds than there are till then,
    each job on the degrees that need least of those that are in time for it.
    """
    now, gpus = round_.now, round_.cluster.gpus
    if now + _fastest_seconds(round_, job) > job.due:
        return True
    members = [held for held in round_.jobs if held.id in promised and not round_.hopeless(held)] + [job]
    taken = 0.0
    over = job.due + job.decode
    for held in sorted(members, key=lambda held: held.due + held.decode):
        taken += needed_gpu_seconds(round_, held)
        until = held.due + held.decode  # images of all that are due by then are made by then, too
        if until >= over and taken > gpus * (until - now):
            return True
    return False


def _waits(schedule: ListSchedule, tasks: Sequence[Task]) -> list[float]:
    """Return the seconds that each task may have to wait for steps of others, or of its own at another degree, to end."""
    waits = [0.0] * len(tasks)
    for before, after in pairwise(schedule.phases):
        longest = max((_step(tasks[i], degree) for i, degree in before.degrees.items()), default=0.0)
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


class _Seen(NamedTuple):
    """A request of the last minutes: when it came, what a GPU-second of it is worth, what it needs, and its slack."""

    at: float
    worth: float
    gpu_seconds: float
    slack: float


class ProtectionLevels:
    """Promises what fits and leaves room for what is worth more; an :class:`Admission`.

    Parameters
    ----------
    policy
        ``promise``: nobody is sent away; requests without a promise run where nobody with one needs the GPUs. ``refuse``:
        those that could not be on time beside what has been promised are sent away, with the earliest finish that could be.
    sigmas
        Kept in hand for the spread of steps; see :func:`can_add`.
    protection
        Standard deviations of the GPU-seconds that are likely to be asked for, beyond their mean, for which room is left.
    load
        Share of the cluster's GPU-seconds that can be filled: what is carried out never fits like what is planned.
    window
        Seconds of arrivals from which these are taken; 0 promises all that fits.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    def __init__(
        self,
        policy: AdmissionPolicy = "promise",
        sigmas: float = 2.0,
        protection: float = 2.0,
        load: float = 0.85,
        window: float = 300.0,
    ) -> None:
        if policy not in get_args(AdmissionPolicy):
            raise ParameterError("policy", policy, "use 'promise' or 'refuse'")
        for name, value in (("sigmas", sigmas), ("protection", protection), ("window", window)):
            if not (is_finite(value) and value >= 0):
                raise ParameterError(name, value, "a number of at least 0 is needed")
        if not (is_finite(load) and load > 0):
            raise ParameterError("load", load, "a positive number is needed")
        self._refuses = policy == "refuse"
        self._sigmas, self._protection, self._load, self._window = sigmas, protection, load, window
        self._seen: deque[_Seen] = deque(maxlen=_MOST_SEEN)

    def ask(self, round_: Round, job: Job, promised: Collection[int]) -> Answer:
        """See :meth:`Admission.ask`."""
        room = self._room(round_, job, promised)
        if room and can_add(round_, job, promised, self._sigmas):
            return Answer(True)
        if self._refuses and cannot_add(round_, job, promised):
            return Answer(False, earliest_finish(round_, job, promised, self._sigmas), True, "late")
        return Answer(False, why="late" if room else "dear")

    def _room(self, round_: Round, job: Job, promised: Collection[int]) -> bool:
        """Take a request in, and say whether there is room for it and for what is likely to come and is worth more.

        What comes before the job's due time need not run before it, if its own slack is longer.
        """
        now, seen = round_.now, self._seen
        needed = needed_gpu_seconds(round_, job)
        worth = job.request.weight / needed
        ahead = job.due - now
        seen.append(_Seen(now, worth, needed, ahead - _fastest_seconds(round_, job)))
        if not self._window:
            return True
        while seen[0].at < now - self._window:
            seen.popleft()
        seconds = max(now - seen[0].at, _least_window(seen))
        mean = variance = 0.0
        for other in seen:
            exposed = ahead - other.slack
            if exposed > 0 and other.worth > worth * (1 + _SAME):
                mean += other.gpu_seconds * exposed / seconds
                variance += other.gpu_seconds**2 * exposed / seconds
        gpus = round_.cluster.gpus
        left = self._load * gpus * ahead - needed
        for held in round_.jobs:
            seconds_left = needed_gpu_seconds(round_, held)
            counts = held.id in promised or held.request.weight > worth * seconds_left
            if counts and not round_.hopeless(held):
                left -= max(0.0, seconds_left - gpus * max(0.0, held.due - job.due))
        return left >= mean + self._protection * math.sqrt(variance)


def _least_window(seen: Collection[object]) -> float:
    """Seconds below which a few arrivals say nothing of a load."""
    return 60.0 if len(seen) < 20 else 1.0


def _fastest_seconds(round_: Round, job: Job) -> float:
    return job.steps_left * round_.costs.of(job.request.shape).fastest
