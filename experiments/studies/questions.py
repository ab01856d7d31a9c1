"""Questions of capacity, and what runs answer: every search asks, and all that is asked is run at the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiments.cli import compose
from experiments.config.build import build, build_cluster
from experiments.results import summarize
from experiments.runner import simulate
from experiments.studies.bound import bound_of
from experiments.studies.jobs import Jobs
from experiments.studies.search import Attained, Capacity, Look, Search, fewest, most

BOUND = "clairvoyant bound"
"""In place of a policy: what no schedule exceeds that knows all arrivals."""
GPUS = (*range(1, 9), *(8 * n for n in range(2, 9)), *(2**n for n in range(7, 11)))
"""How many GPUs a cluster may have, where the fewest are sought."""
BOUND_SECONDS = 10.0
"""For each bound; one that is not proven by then is less tight, and the limit that it gives too high."""


@dataclass(frozen=True, slots=True)
class Attainment:
    """What one run attained.

    Parameters
    ----------
    attained
        Share of deadlines met, by weight; with ``each``, the least of all shapes and tiers.
    on_time, seconds, gpu_seconds
        Requests on time, length of the run, and GPU-seconds in use.
    """

    attained: float
    on_time: int
    seconds: float
    gpu_seconds: float


@dataclass(frozen=True)
class Question:
    """What is sought for one policy.

    Parameters
    ----------
    cell, policy
        Names of the setting and of the policy.
    overrides
        Of both.
    target
        Least share of deadlines.
    field
        What varies: ``workload.rate`` or ``cluster.gpus``.
    each
        Whether every shape and tier must reach the target by itself.
    """

    cell: str
    policy: str
    overrides: tuple[str, ...]
    target: float
    field: str
    each: bool

    @cached_property
    def composed(self) -> dict[str, Any]:
        """Configuration of a run before anything varies."""
        return compose(self.overrides)

    def config(self, value: float) -> dict[str, Any]:
        """Return the configuration of a run, but for its seed."""
        group, _, name = self.field.partition(".")
        return self.composed | {group: self.composed[group] | {name: value}}


def serve(policy: str, config: dict[str, Any], each: bool) -> Attainment:
    """Make a run, or bound it where the policy is :data:`BOUND`."""
    setup = build(config)
    if policy == BOUND:
        found = bound_of(setup, BOUND_SECONDS)
        return Attainment(found.upper / found.total, 0, 0.0, 0.0)
    s = summarize(simulate(setup), setup.service.cluster)
    classes = [*(shape.sar for shape in s.shapes), *(tier.sar for tier in s.tiers)] if each else []
    return Attainment(min([s.weighted_sar, *classes]), s.on_time, s.duration, s.gpu_seconds)


def search_all(
    questions: Sequence[Question], starts: Sequence[float], seeds: Sequence[int], step: float, jobs: Jobs
) -> list[Capacity]:
    """Search for the answers to all questions at the same time, so that every core has work.

    Parameters
    ----------
    questions
        Of one field.
    starts
        Value at which each search begins.
    seeds
        Paired: every policy meets the same requests.
    step
        See :func:`experiments.studies.search.most`.
    jobs
        How runs are made.
    """
    searches: list[Search] = []
    for question, start in zip(questions, starts, strict=True):
        if question.field == "workload.rate":
            searches.append(most(start, question.target, len(seeds), step))
        else:
            searches.append(fewest(round(start), question.target, len(seeds), GPUS))
    asked: dict[int, Look] = {at: next(search) for at, search in enumerate(searches)}
    found: dict[int, Capacity] = {}
    while asked:
        work = [run for at, ask in asked.items() for run in _runs(questions[at], ask.value, seeds[: ask.seeds])]
        results = iter(jobs.do(f"{len(asked)} searches", serve, work, Attainment))
        for at, ask in list(asked.items()):
            attained: Attained = {seed: next(results).attained for seed in seeds[: ask.seeds]}
            try:
                asked[at] = searches[at].send(attained)
            except StopIteration as stop:
                found[at] = stop.value
                del asked[at]
    return [found[at] for at in range(len(questions))]


def _runs(question: Question, value: float, seeds: Sequence[int]) -> list[tuple[str, dict[str, Any], bool]]:
    config = question.config(value)
    return [(question.policy, config | {"seed": seed}, question.each) for seed in seeds]


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """A question, what was found, and what the runs at that value took.

    Parameters
    ----------
    question, capacity
        What was sought and found.
    attained
        Mean over all seeds at that value; NaN if the target holds nowhere.
    gpu_seconds
        In use, per request on time.
    reserved
        GPU-seconds that the cluster had, per request on time.
    """

    question: Question
    capacity: Capacity
    attained: float
    gpu_seconds: float
    reserved: float


def answer_all(
    questions: Sequence[Question], found: Sequence[Capacity], seeds: Sequence[int], jobs: Jobs
) -> list[CapacityAnswer]:
    """Make the runs at what was found with all seeds, most of which are made already."""
    known = [at for at, capacity in enumerate(found) if not math.isnan(capacity.value)]
    work = [run for at in known for run in _runs(questions[at], found[at].value, seeds)]
    results = iter(jobs.do("answers", serve, work, Attainment))
    nothing = (math.nan, math.nan, math.nan)
    made = [CapacityAnswer(question, capacity, *nothing) for question, capacity in zip(questions, found, strict=True)]
    for at in known:
        config = questions[at].config(found[at].value)
        gpus = build_cluster(config, ()).gpus
        runs = [next(results) for _ in seeds]
        on_time = sum(run.on_time for run in runs) or math.nan
        made[at] = CapacityAnswer(
            questions[at],
            found[at],
            sum(run.attained for run in runs) / len(runs),
            sum(run.gpu_seconds for run in runs) / on_time,
            gpus * sum(run.seconds for run in runs) / on_time,
        )
    return made
