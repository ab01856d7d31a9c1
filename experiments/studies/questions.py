"""Questions of capacity, and what runs answer: every search asks, and all that is asked is run at the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from experiments.cli import compose
from experiments.config.build import build, build_cluster
from experiments.results import summarize
from experiments.runner import simulate
from experiments.studies.bound import bound_of
from experiments.studies.jobs import Jobs
from experiments.studies.search import NEAR, Capacity, Look, Search, fewest, most

BOUND = "clairvoyant bound"
"""In place of a policy: what no schedule exceeds that knows all arrivals."""
GPUS = (*range(1, 9), *(8 * n for n in range(2, 9)), *(2**n for n in range(7, 11)))
"""How many GPUs a cluster may have, where the fewest are sought."""
TIME_LIMIT = 10.0
"""Seconds for each bound; one that is not proven by then is less tight, and the limit that it gives too high."""


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

    def search(self, start: float, seeds: int, step: float, stride: float = 2.0) -> Search:
        """Begin to search for the answer; see :func:`most` and :func:`fewest`."""
        if self.field == "workload.rate":
            return most(start, self.target, seeds, step, stride)
        return fewest(round(start), self.target, seeds, GPUS)


def serve(policy: str, config: dict[str, Any], each: bool, time_limit: float) -> Attainment:
    """Make a run, or bound it in seconds where the policy is :data:`BOUND`."""
    setup = build(config)
    if policy == BOUND:
        found = bound_of(setup, time_limit)
        return Attainment(found.upper / found.total, 0, 0.0, 0.0)
    s = summarize(simulate(setup), setup.service.cluster)
    classes = [*(shape.sar for shape in s.shapes), *(tier.sar for tier in s.tiers)] if each else []
    return Attainment(min([s.weighted_sar, *classes]), s.on_time, s.duration, s.gpu_seconds)


@dataclass(frozen=True)
class Prober:
    """Makes the runs that questions need.

    Parameters
    ----------
    seeds
        Paired: every policy meets the same requests.
    jobs
        How runs are made.
    time_limit
        Seconds for each bound.
    """

    seeds: Sequence[int]
    jobs: Jobs
    time_limit: float = TIME_LIMIT

    def serve(self, what: str, looks: Sequence[tuple[Question, Look]]) -> list[list[Attainment]]:
        """Return, for every value that is looked at, what its runs attained, by seed."""
        work = [
            (question.policy, question.config(look.value) | {"seed": seed}, question.each, self._limit(question))
            for question, look in looks
            for seed in self.seeds[: look.seeds]
        ]
        made = iter(self.jobs.do(what, serve, work, Attainment))
        return [list(islice(made, look.seeds)) for _, look in looks]

    def _limit(self, question: Question) -> float:
        """Seconds that a run depends on; runs that depend on none are not made again for others."""
        return self.time_limit if question.policy == BOUND else 0.0

    def search(self, begun: Sequence[tuple[Question, Search]]) -> list[Capacity]:
        """Carry searches out at the same time, so that every core has work."""
        asked = {at: next(search) for at, (_, search) in enumerate(begun)}
        found: dict[int, Capacity] = {}
        while asked:
            looks = [(begun[at][0], look) for at, look in asked.items()]
            for at, runs in zip(list(asked), self.serve(f"{len(asked)} searches", looks), strict=True):
                attained = {seed: run.attained for seed, run in zip(self.seeds, runs, strict=False)}
                try:
                    asked[at] = begun[at][1].send(attained)
                except StopIteration as stop:
                    found[at] = stop.value
                    del asked[at]
        return [found[at] for at in range(len(begun))]


def search_all(questions: Sequence[Question], starts: Sequence[float], prober: Prober, step: float) -> list[Capacity]:
    """Search for the answers to all questions: first for policies, then for bounds, from the best answer of a policy.

    What a policy attains no bound denies, so that a bound needs few values beyond, and those below are not bounded at all.

    Parameters
    ----------
    questions
        Of one field.
    starts
        Value at which each search begins.
    prober
        Makes the runs.
    step
        See :func:`experiments.studies.search.most`.
    """
    count = len(prober.seeds)
    policies = [at for at, question in enumerate(questions) if question.policy != BOUND]
    bounds = [at for at, question in enumerate(questions) if question.policy == BOUND]
    begun = [(questions[at], questions[at].search(starts[at], count, step)) for at in policies]
    found = dict(zip(policies, prober.search(begun), strict=True))
    answers = [(questions[at], capacity) for at, capacity in found.items()]
    begun = []
    for at in bounds:
        start = best_of(questions[at], answers) or starts[at]
        begun.append((questions[at], questions[at].search(start, count, step, NEAR)))
    found |= zip(bounds, prober.search(begun), strict=True)
    return [found[at] for at in range(len(questions))]


def best_of(question: Question, answers: Sequence[tuple[Question, Capacity]]) -> float | None:
    """Return the best answer to what differs in its policy only; None if there is none."""
    same = [found.value for other, found in answers if (other.cell, other.target) == (question.cell, question.target)]
    known = [value for value in same if not math.isnan(value)]
    return (max if question.field == "workload.rate" else min)(known, default=None)


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


def answer_all(questions: Sequence[Question], found: Sequence[Capacity], prober: Prober) -> list[CapacityAnswer]:
    """Make the runs at what was found with all seeds, most of which are made already."""
    known = [at for at, capacity in enumerate(found) if not math.isnan(capacity.value)]
    looks = [(questions[at], Look(found[at].value, len(prober.seeds))) for at in known]
    nothing = (math.nan, math.nan, math.nan)
    made = [CapacityAnswer(question, capacity, *nothing) for question, capacity in zip(questions, found, strict=True)]
    for at, runs in zip(known, prober.serve("answers", looks), strict=True):
        gpus = build_cluster(questions[at].config(found[at].value), ()).gpus
        on_time = sum(run.on_time for run in runs) or math.nan
        made[at] = CapacityAnswer(
            questions[at],
            found[at],
            sum(run.attained for run in runs) / len(runs),
            sum(run.gpu_seconds for run in runs) / on_time,
            gpus * sum(run.seconds for run in runs) / on_time,
        )
    return made
