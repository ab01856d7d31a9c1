"""Hard rounds for measurements of time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from planner.cluster import Cluster
from planner.job import Job
from planner.request import Request
from planner.round import Cadence, Round
from profiles.shape import Shape
from profiles.store import load_profile

_SIDES, _SHARES = (256, 512, 1024, 2048), (0.1, 0.2, 0.3, 0.4)


def hard_round(jobs: int, gpus: int, seed: int, cadence: str) -> Round:
    """Draw a round with more work than can be on time: deadlines end at four fifths of the time that all of it takes.

    Every job alone can be on time; about a third of them run. Deadlines of ``"rounds"`` are tight, for the assignment
    program sees no further than one round.
    """
    random = np.random.default_rng([seed, jobs, gpus])
    profile = load_profile("flux1-dev_h100")
    cluster = _cluster(gpus)
    now, tau = 100.0, 0.4
    sides = random.choice(_SIDES, jobs, p=_SHARES).tolist()
    left = random.integers(5, 51, jobs).tolist()
    times = [{d: profile.step_time(Shape(side, side), d, "nvlink") for d in (1, 2, 4, 8)} for side in sides]
    fastest = [min(own.values()) for own in times]
    horizon = sum(n * min(d * s for d, s in own.items()) for n, own in zip(left, times, strict=True)) / gpus
    reach = 0.8 * horizon if cadence == "events" else 2.0 * tau
    used, free_at, live = 0, [now] * gpus, []
    for i in range(jobs):
        shape = Shape(sides[i], sides[i])
        due = now + left[i] * fastest[i] * 1.02 + float(random.uniform(0.0, reach))
        group, ready, running = None, now, False
        candidate = cluster.all_groups[int(random.integers(len(cluster.all_groups)))]
        if not candidate.mask & used and random.random() < 0.5:
            group, running, used = candidate, True, used | candidate.mask
            ready = now + float(random.uniform(0.0, 1.0)) * times[i][min(8, candidate.degree)]
            for gpu in candidate.gpus:
                free_at[gpu] = ready
        live.append(Job(Request(i, shape, 50, now - 5.0, due), left[i], due, ready, group, running))
    return Round(now, tuple(live), cluster, profile, tuple(free_at), Cadence(cadence, tau))  # type: ignore[arg-type]


@lru_cache
def _cluster(gpus: int) -> Cluster:
    """One object for all rounds, as in a run: what it finds out about its groups it finds out once."""
    return Cluster.nvlink(gpus) if gpus <= 8 else Cluster.nodes(gpus // 8)
