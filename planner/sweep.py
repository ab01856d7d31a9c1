"""A sweep through time of a large backlog, as arrays: whom to serve, and on how many GPUs each of them runs now.

A list schedule (:mod:`planner.programs.lists`) goes from the end of one job to that of the next, which takes too long
where there are hundreds. The sweep goes through a few buckets of growing length instead. In the first, jobs take whole GPUs
one after the other; in the later ones time is a fluid: first the seconds without which a job could not be on time at the
degree that it wants, then all that it could use, each up to the GPU-seconds that the bucket has. A job wants the degree with
the least GPU-seconds among those that are in time alone; the one it runs on if that costs little more.

In each bucket those with the most weight per GPU-second left come first. Everybody is served if that loses nobody, else the
longest row of jobs, in the same order, of which the sweep loses next to nothing; it is found by halving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from planner.admission import Accepted
from planner.job import Job
from planner.outcomes import Bools, Floats, Ints
from planner.round import EPSILON, Round
from planner.timely import SLOW, SPARE

_BUCKETS = (0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8, 1.6)
"""Lengths relative to :data:`_UNIT` of the time until the last deadline; the last one repeats."""
_UNIT = 4.6
_LOYALTY = 1.06
"""How much dearer the degree on which a job runs may be than the cheapest and still be wanted."""
_RUNS = 0.25
"""Share of its GPU-seconds left that count of a job that runs: what has been begun is rather finished."""
_SETS = 8
"""Sets of jobs that are tried besides everybody."""
_LOSSES = 0.01
"""Share of the weight of a set that may be lost: a single job that is lost in any case says nothing of the others."""
_DONE = 1e-6
_NEVER = 1e30
"""Seconds per step at a degree that is not on offer."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Jobs that can be on time, as arrays; times are relative to now.

    Parameters
    ----------
    left, due, ready, weights
        Steps left, when the last must end, when the next can begin, and what being on time is worth; shape (n,).
    seconds, costs
        Seconds and GPU-seconds per step at each degree, huge and infinite where it is no faster than a smaller; shape (n, k).
    held
        Position of the degree on which a job runs, -1 if it waits; shape (n,).
    last
        Position of the fastest degree, shape (n,).
    move
        Seconds that going on at another degree than ``held`` costs, shape (n,).
    width
        GPUs of each degree, shape (n, k).
    decode
        Seconds that a GPU takes for the image of each job after its last step, shape (n,).
    """

    left: Floats
    due: Floats
    ready: Floats
    weights: Floats
    seconds: Floats
    costs: Floats
    held: Ints
    last: Ints
    move: Floats
    width: Ints
    decode: Floats

    def __len__(self) -> int:
        return len(self.left)

    def of(self, jobs: Ints) -> Backlog:
        """Return some of the jobs."""
        return Backlog(*(getattr(self, field.name)[jobs] for field in fields(self)))

    @property
    def fastest(self) -> Floats:
        """Seconds per step at the fastest degree, shape (n,)."""
        return self.at(self.seconds, self.last)

    @staticmethod
    def at(table: Floats, degree: Ints) -> Floats:
        """Return an entry of each row of a table, shape (n,)."""
        entries: Floats = table[np.arange(len(table)), degree]
        return entries

    def wanted(self, left: Floats, allowed: Floats, held: Ints) -> Ints:
        """Return the degree that each job wants, as a position, for the steps left in the seconds allowed."""
        seconds, costs = self.seconds, self.costs
        degrees = np.arange(seconds.shape[1])
        sure = (degrees == held[:, None]) | (degrees == self.last[:, None])
        to_go = np.where(sure, left[:, None], left[:, None] + SPARE)
        if self.move.any():
            elsewhere = (held[:, None] >= 0) & (degrees != held[:, None])
            lost = np.where(elsewhere, (self.move / np.maximum(left, 1.0))[:, None], 0.0)
            seconds, costs = seconds + lost, costs + lost * self.width
        cost = np.where(to_go * seconds <= allowed[:, None], costs, np.inf)
        best = cost.argmin(axis=1)
        least = self.at(cost, best)
        loyal = (held >= 0) & (self.at(cost, held) <= _LOYALTY * least)
        wanted: Ints = np.where(np.isfinite(least), np.where(loyal, held, best), self.last)
        return wanted


def backlog_of(round_: Round, jobs: Sequence[Job], weights: Sequence[float]) -> Backlog:
    """Return jobs of a round as arrays."""
    now, degrees = round_.now, round_.cluster.degrees
    first = max(0.0, min(round_.free_at) - now)
    rows: dict[int, list[float]] = {}
    table = []
    for job in jobs:
        costs = round_.costs.of(job.request.shape)
        row = rows.get(id(costs))
        if row is None:
            useful = dict(zip(costs.degrees, costs.seconds, strict=True))
            row = rows[id(costs)] = [useful.get(degree, _NEVER) for degree in degrees]
        table.append(row)
    seconds = np.array(table).reshape(len(jobs), len(degrees))
    offered = seconds < _NEVER
    held = [degrees.index(job.group.degree) if job.running and job.group is not None else -1 for job in jobs]
    return Backlog(
        left=np.array([float(job.steps_left) for job in jobs]),
        due=np.array([job.due - now + EPSILON for job in jobs]),
        ready=np.array([max(0.0 if job.running else first, job.ready - now) + _lost(round_, job) for job in jobs]),
        weights=np.array(weights, dtype=np.float64),
        seconds=seconds,
        costs=np.where(offered, seconds * np.array(degrees), np.inf),
        held=np.array(held, dtype=np.int64),
        last=len(degrees) - 1 - np.argmax(offered[:, ::-1], axis=1),
        move=np.full(len(jobs), round_.regroup_seconds),
        width=np.tile(np.array(degrees), (len(jobs), 1)),
        decode=np.array([job.decode for job in jobs]),
    )


def _lost(round_: Round, job: Job) -> float:
    """Return what a move costs a job that has stopped: its GPUs will hardly be free."""
    return 0.0 if job.running or job.group is None else round_.regroup_seconds


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep says: who is late, and the position of the degree on which each runs now, -1 for those that wait."""

    lost: Bools
    now: Ints


def sweep(backlog: Backlog, degrees: Sequence[int], gpus: int, images: Sequence[float] = ()) -> Swept:
    """Run jobs through time; those that are lost on the way get nothing more.

    GPUs that make images are counted as a fluid, too: what images of one bucket take is missing in the next.

    Parameters
    ----------
    backlog
        The jobs.
    degrees, gpus
        Of the cluster.
    images
        Seconds from now that each GPU which makes an image is taken for.
    """
    owed = float(sum(images))
    width = np.array(degrees, dtype=np.float64)
    left, held, fastest = backlog.left.copy(), backlog.held, backlog.fastest
    lost = np.zeros(len(backlog), dtype=np.bool_)
    first = np.full(len(backlog), -1, dtype=np.int64)
    now, end, at = 0.0, float(backlog.due.max(initial=0.0)), 0
    unit = max(1.0, end / (2 * _UNIT))
    while now < end:
        length = unit * _BUCKETS[min(at, len(_BUCKETS) - 1)]
        begins = np.maximum(now, backlog.ready)
        allowed = backlog.due - begins
        slack = allowed - left * fastest
        alive = (left > _DONE) & ~lost
        lost |= alive & (slack < -_DONE)
        alive &= ~lost
        if not alive.any():
            break
        wanted = backlog.wanted(left, allowed, held)
        step = backlog.at(backlog.seconds, wanted)
        laxity = allowed - left * step
        work = (left * backlog.at(backlog.costs, wanted) + backlog.decode) * np.where(held >= 0, _RUNS, 1.0)
        row = np.argsort(work / backlog.weights, kind="stable")
        row = row[alive[row]]
        if at == 0:
            first = held = _whole(backlog, degrees, gpus - len(images), row, wanted, slack)
            runs = first >= 0
            step = np.where(runs, backlog.at(backlog.seconds, first), step)
            spent = np.where(runs, np.minimum(np.maximum(now + length - begins, 0.0), left * step), 0.0)
        else:
            use = np.minimum(np.maximum(now + length - begins, 0.0), left * step)
            must = np.clip(use - np.maximum(laxity, 0.0), 0.0, None)
            spent = _fluid(row, width[wanted], must, use, max(0.0, gpus * length - owed))
        before, left = left, left - spent / step
        ended = (before > _DONE) & (left <= _DONE)
        owed = max(0.0, owed - gpus * length) + float(backlog.decode[ended].sum())
        now, at = now + length, at + 1
    return Swept(lost | (left > _DONE), first)


def _whole(backlog: Backlog, degrees: Sequence[int], gpus: int, row: Ints, wanted: Ints, slack: Floats) -> Ints:
    """Give whole GPUs in a row; a job whose degree does not fit takes the largest that does, unless steps there are slow."""
    free, first = gpus, np.full(len(wanted), -1, dtype=np.int64)
    fastest, picks, spare = backlog.fastest.tolist(), wanted.tolist(), slack.tolist()
    for i in row.tolist():
        pick = picks[i]
        while pick >= 0 and degrees[pick] > free:
            pick -= 1
        if pick < 0:
            continue
        if pick < picks[i]:
            step = float(backlog.seconds[i, pick])
            if step > SLOW * fastest[i] or step - fastest[i] > spare[i]:
                continue
        first[i] = pick
        free -= degrees[pick]
        if not free:
            break
    return first


def _fluid(row: Ints, width: Floats, must: Floats, use: Floats, capacity: float) -> Floats:
    """Give GPU-seconds in a row, to all what they must have before any gets more; return the seconds of each."""
    given = np.zeros(len(row))
    for amount in ((must * width)[row], ((use - must) * width)[row]):
        part = np.clip(capacity - (np.cumsum(amount) - amount), 0.0, amount)
        capacity -= float(part.sum())
        given += part
    spent = np.zeros(len(width))
    spent[row] = given / width[row]
    return spent


def admit_swept(round_: Round, jobs: Sequence[Job], weights: Sequence[float]) -> Accepted:
    """Choose among jobs that can be on time alone, as :func:`planner.admission.admit` does, where there are many.

    Parameters
    ----------
    round_, jobs
        The instance, and those of its jobs.
    weights
        What each is worth on time, positive.
    """
    backlog = backlog_of(round_, jobs, weights)
    degrees, gpus = round_.cluster.degrees, round_.cluster.gpus
    images = [until - round_.now for until in round_.images_until]

    def kept(members: Ints, losses: float) -> tuple[Ints, Ints] | None:
        """Return those served and their degrees, unless too large a share of their weight is lost."""
        part = backlog.of(members)
        swept = sweep(part, degrees, gpus, images)
        if part.weights[swept.lost].sum() > losses * part.weights.sum():
            return None
        return members[~swept.lost], swept.now[~swept.lost]

    everybody = np.arange(len(jobs))
    found = kept(everybody, 0.0)
    served, now = found or (everybody[:0], everybody[:0])
    if found is None:
        wanted = backlog.wanted(backlog.left, backlog.due - backlog.ready, backlog.held)
        work = backlog.left * backlog.at(backlog.costs, wanted) + backlog.decode
        ranked = np.argsort(work / backlog.weights, kind="stable")
        low, high = 0, len(jobs)
        for _ in range(_SETS):
            if high - low <= 1:
                break
            middle = (low + high) // 2
            found = kept(ranked[:middle], _LOSSES)
            if found is None:
                high = middle
            else:
                low, (served, now) = middle, found
    positions = served.tolist()
    runs = {jobs[i].id: degrees[k] for i, k in zip(positions, now.tolist(), strict=True) if k >= 0}
    return Accepted([jobs[i] for i in positions], runs)
