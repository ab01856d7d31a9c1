"""The clairvoyant bound: how many requests any schedule could serve on time, had it known all arrivals.

The deadline-interval program (:mod:`planner.programs.intervals`) over the whole run, with its rows on concurrency
(:mod:`planner.programs.concurrency`). Every schedule of whole steps without batching is a feasible point of it, so
what its solver proves holds for every policy, whatever it knows, where steps take as long as the bound was told: as long
as the profile says, or, with a :class:`Pace` for each request, as long as they took in one run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import numpy as np

from planner.backends.highs import HighsBackend
from planner.backends.protocol import Backend
from planner.cluster import Cluster
from planner.costs import costs_of
from planner.outcomes import Floats
from planner.programs.concurrency import levels, with_levels
from planner.programs.images import with_images
from planner.programs.intervals import Task, interval_program
from planner.programs.prices import serve_by_prices
from planner.programs.stages import StageWork, with_stages
from planner.request import Request
from planner.round import EPSILON
from profiles.profile import Profile

_TOLERANCE = 1e-6
_LARGEST = 100_000
_GRID = 400
"""Intervals of that grid."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one request could be in a run whose steps do not take what the profile says.

    Parameters
    ----------
    least
        Seconds of all its steps, each on the groups on which that step is fastest.
    factor
        Whatever the groups, its steps together take at least this many times what the profile says for them.

    Raises
    ------
    ValueError
        If a value is not positive and finite.
    """

    least: float
    factor: float

    def __post_init__(self) -> None:
        for name in ("least", "factor"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"pace: {name} is {value}; a positive finite number is needed")


@dataclass(frozen=True, slots=True)
class Bound:
    """How much could have been on time.

    Parameters
    ----------
    value
        Weight of the requests that the best fluid schedule found serves on time.
    upper
        Proven: no schedule serves more. Equal to ``value`` when ``status`` is ``"optimal"``.
    total
        Weight of all requests.
    status
        ``"optimal"``, or ``"feasible"`` when time ended first.
    seconds
        Wall-clock time.
    components
        Independent parts that the run fell into, those of a single request left out.
    on_time
        Ids of the requests that the best fluid schedule serves on time.
    """

    value: float
    upper: float
    total: float
    status: str
    seconds: float
    components: int
    on_time: tuple[int, ...] = field(repr=False)

    @property
    def share(self) -> float:
        """``upper / total``: the bound on the SLO attainment ratio when all weights are equal."""
        return self.upper / self.total if self.total else 1.0


def clairvoyant_bound(
    requests: Sequence[Request],
    cluster: Cluster,
    profile: Profile,
    time_limit: float = 60.0,
    backend: Backend | None = None,
    stage_workers: int = 0,
    concurrency: bool = True,
    largest: int = _LARGEST,
    paces: Mapping[int, Pace] | None = None,
    images_on_gpus: bool = False,
) -> Bound:
    """Bound the weight of requests on time over a whole run, for schedules without batches.

    Requests that miss their deadline even alone are left out. The rest falls into components at moments that no window
    ``[arrival, deadline]`` spans; a component of one request is on time.

    Parameters
    ----------
    requests
        All requests of the run.
    cluster, profile
        The step times count on the fastest link class that the cluster has for a degree.
    time_limit
        Seconds for the whole bound; a component gets its share of what is left. Where that is not enough for a proof,
        prices (:mod:`planner.programs.prices`) bound the component as well, beyond this time; the smaller bound stands.
    backend
        Solver of the components; HiGHS by default.
    stage_workers
        How many workers encode texts and decode images, which then shorten each window, and wait for one another
        (:mod:`planner.programs.stages`); with 0 they take no time.
    concurrency
        Whether GPUs that run one request may not be part of a larger group at that time
        (:mod:`planner.programs.concurrency`); without these rows the bound is weaker.
    largest
        Variables beyond which a component is bounded by prices (:mod:`planner.programs.prices`) on a grid of 400
        intervals, in time and memory that grow with its requests only; that bound is weaker, too.
    paces
        By id, how fast requests could be in the run that is bounded. Without them, the bound holds for step times as in
        the profile, and a run with noise can exceed it.
    images_on_gpus
        Whether, with stage workers, GPUs of the cluster decode (:mod:`planner.programs.images`) and workers only encode.
    """
    began = perf_counter()
    solver = backend or HighsBackend(gap=1e-6)
    costs = costs_of(profile, cluster)
    total = math.fsum(request.weight for request in requests)
    entries: list[_Entry] = []
    for request in requests:
        shape = costs.of(request.shape)
        release, due = request.arrival, request.deadline
        encode = decode = 0.0
        if stage_workers:
            encode, decode = profile.encode_time(request.shape), profile.decode_time(request.shape)
            release, due = release + encode, due - decode
            decode -= profile.write_time(request.shape)  # nobody is held while a file is written
        pace = Pace(request.steps * shape.fastest, 1.0) if paces is None else paces[request.id]
        if release + pace.least <= due + EPSILON:
            seconds = tuple(pace.factor * step for step in shape.seconds)
            image = decode if images_on_gpus else 0.0
            task = Task(release, due + EPSILON, request.steps, shape.degrees, seconds, request.weight, decode=image)
            entries.append(_Entry(task, request.id, encode, decode, pace.least))
    value = upper = 0.0
    done: list[int] = []
    parts = _components(entries)
    several = [part for part in parts if len(part) > 1]
    total_size = sum(len(part) ** 2 for part in several)
    for part in parts:
        if len(part) == 1:
            value += part[0].task.weight
            upper += part[0].task.weight
            done.append(part[0].request)
            continue
        share = time_limit * len(part) ** 2 / total_size  # not what a clock says is left: equal bounds on any machine
        tasks = [entry.task for entry in part]
        if _columns(tasks) > largest:
            found = _price(tasks, cluster.gpus)
        else:
            work = [piece for index, entry in enumerate(part) for piece in entry.work(index)] if stage_workers else []
            found = _solve(tasks, cluster, solver, share, concurrency, work, stage_workers)
        part_value, part_upper, on_time = found
        value += part_value
        upper += part_upper
        done += [part[index].request for index in on_time]
    status = "optimal" if upper - value <= _TOLERANCE * max(1.0, upper) else "feasible"
    return Bound(value, upper, total, status, perf_counter() - began, len(several), tuple(sorted(done)))


class _Entry(NamedTuple):
    """A request that can be on time: its steps as a task, and the seconds of its text, its image, and its fastest steps."""

    task: Task
    request: int
    encode: float
    decode: float
    least: float

    def work(self, index: int) -> list[StageWork]:
        """Return text and image as work of the task of an index; an image that a GPU makes is none."""
        task = self.task
        text = StageWork(index, task.release - self.encode, task.due - self.least, self.encode)
        if task.decode:
            return [text]
        return [text, StageWork(index, task.release + self.least, task.due + self.decode, self.decode)]


def _components(entries: list[_Entry]) -> list[list[_Entry]]:
    """Split at moments that no window spans, texts and images included."""
    parts: list[list[_Entry]] = []
    end = -math.inf
    for entry in sorted(entries, key=lambda entry: (entry.task.release - entry.encode, entry.request)):
        if entry.task.release - entry.encode >= end:
            parts.append([])
        parts[-1].append(entry)
        end = max(end, entry.task.due + entry.decode)
    return parts


def _solve(
    tasks: list[Task],
    cluster: Cluster,
    solver: Backend,
    budget: float,
    concurrency: bool,
    work: Sequence[StageWork],
    stage_workers: int,
) -> tuple[float, float, list[int]]:
    """Value, proven bound, and the tasks on time of one component."""
    points = _points(tasks)
    sizes = levels(cluster.gpus, cluster.degrees, points) if concurrency else []
    intervals = with_images(interval_program(tasks, points, cluster.gpus * np.diff(points)), tasks, points)
    program = with_stages(with_levels(intervals, len(tasks), sizes), work, stage_workers).linear
    weights = program.rewards[: len(tasks)]
    trivial = float(weights.sum())
    answer = solver.solve(program, max(budget, 0.01))
    upper = trivial if answer.bound is None else min(trivial, answer.bound)
    if answer.status != "optimal":
        upper = min(upper, _price(tasks, cluster.gpus)[1])
    on_time = [] if answer.x is None else np.flatnonzero(answer.x[: len(tasks)] > 0.5).tolist()
    value = float(weights[on_time].sum())
    unit = float(weights[0])
    if np.all(weights == unit):
        upper = unit * math.floor(upper / unit + _TOLERANCE * len(tasks))
    return value, max(value, upper), on_time


def _price(tasks: list[Task], gpus: int) -> tuple[float, float, list[int]]:
    """Return the same by prices; the grid is coarser, which makes the program larger, so its bound holds."""
    points = _points(tasks)
    grid = np.unique(np.quantile(points, np.linspace(0.0, 1.0, _GRID + 1)))
    served = serve_by_prices(tasks, grid, gpus * np.diff(grid))
    return served.value, served.bound, list(served.tasks)


def _points(tasks: Sequence[Task]) -> Floats:
    return np.unique(np.array([time for task in tasks for time in (task.release, task.due, task.due + task.decode)]))


def _columns(tasks: Sequence[Task]) -> int:
    """How many durations the program of some tasks has."""
    points = _points(tasks)
    first = np.searchsorted(points, [task.release for task in tasks])
    last = np.searchsorted(points, [task.due for task in tasks])
    return int((last - first) @ np.array([len(task.degrees) for task in tasks]))
