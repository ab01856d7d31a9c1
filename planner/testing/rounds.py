"""Small rounds to try anything on that plans."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from planner.cluster import Cluster
from planner.job import Job
from planner.request import Request
from planner.round import Cadence, Round
from profiles.shape import Shape
from profiles.store import load_profile

SIDES = (256, 512, 1024, 2048)


class ConformanceError(ValueError):
    """Something that plans breaks a rule; the message names the rule and where it was broken."""


@cache
def small_rounds() -> tuple[Round, ...]:
    """Return rounds with nobody, one, few and many live requests, waiting, running and late, on one to eight GPUs.

    In some of them GPUs of the cluster decode.

    They are the same whenever they are made.
    """
    empty = [draw(0, gpus, 0, "events") for gpus in (1, 8)]
    drawn = [
        draw(jobs, gpus, seed, cadence)
        for seed, (jobs, gpus) in enumerate(((1, 8), (1, 1), (2, 1), (3, 2), (4, 8), (6, 4), (9, 8), (14, 8)))
        for cadence in ("events", "rounds")
    ]
    return (*empty, *drawn, *(with_images(round_) for round_ in drawn[-6:]))


def with_images(round_: Round) -> Round:
    """Return a round in which every job has an image to come, and every second GPU without steps makes one."""
    running = [group for job in round_.jobs if job.running and (group := job.group) is not None]
    idle = [gpu for gpu in range(round_.cluster.gpus) if not any(group.mask >> gpu & 1 for group in running)]
    free_at = [free + 0.3 if gpu in idle[::2] else free for gpu, free in enumerate(round_.free_at)]
    jobs = tuple(replace(job, decode=0.2) for job in round_.jobs)
    return replace(round_, jobs=jobs, free_at=tuple(free_at), decoding=tuple(idle[::2]))


def draw(jobs: int, gpus: int, seed: int, cadence: str) -> Round:
    """Draw a round on H100 in which about a third of the jobs run, and some are late.

    Parameters
    ----------
    jobs, gpus
        Live jobs, and GPUs of one switch.
    seed
        Equal seeds give equal rounds.
    cadence
        ``"events"`` or ``"rounds"``, of 0.4 s.
    """
    random = np.random.default_rng([seed, jobs, gpus])
    profile, cluster, now = load_profile("flux1-dev_h100"), _cluster(gpus), 100.0
    used, free_at, live = 0, [now] * gpus, []
    for id_ in range(jobs):
        shape = Shape(*[int(random.choice(SIDES))] * 2)
        left = int(random.integers(1, 51))
        least = left * min(profile.step_time(shape, d, "nvlink" if d > 1 else "local") for d in cluster.degrees)
        due = now + float(random.uniform(-0.3, 4.0)) * least
        group, running, ready = None, False, now
        candidate = cluster.all_groups[int(random.integers(len(cluster.all_groups)))]
        if not candidate.mask & used and random.random() < 0.5:
            group, running, used = candidate, True, used | candidate.mask
            ready = now + float(random.uniform(0.0, 1.0)) * profile.step_time(shape, candidate.degree, candidate.link)
            for gpu in candidate.gpus:
                free_at[gpu] = ready
        weight = float(random.choice([1.0, 1.0, 2.5]))
        live.append(Job(Request(id_, shape, 50, now - 5.0, due, weight), left, due, ready, group, running))
    return Round(now, tuple(live), cluster, profile, tuple(free_at), Cadence(cadence, 0.4))  # type: ignore[arg-type]


@cache
def _cluster(gpus: int) -> Cluster:
    return Cluster.nvlink(gpus)
