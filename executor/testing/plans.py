"""Plans that no planner would make: jobs on random groups for a few steps at a time, so that an engine meets every move."""

from __future__ import annotations

import random

from planner.plan import Assignment, Plan, no_claim
from planner.round import Round


class RandomPlans:
    """Jobs on random groups for a random number of steps; sometimes two of a shape as a batch. It has a memory: its draws.

    Sizes of the first group take turns, each until a job has run on it, so that few decisions, as on a busy machine, have
    them all: a group that waits for its GPUs is not given up for the next size.

    Parameters
    ----------
    seed
        Of the draws.
    batches
        Whether there are batches.
    most
        Steps at most.
    """

    name = "random"
    preemptive = True

    def __init__(self, seed: int, batches: bool = False, most: int = 3) -> None:
        self._random = random.Random(seed)
        self._batches = batches
        self._most = most
        self._decisions = 0
        self._seen: set[int] = set()

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round."""
        cluster, costs = round_.cluster, round_.costs
        jobs = list(round_.jobs)
        self._seen |= {job.group.degree for job in jobs if job.group is not None}
        self._random.shuffle(jobs)
        free = cluster.full_mask
        assignments: list[Assignment] = []
        while jobs:
            batch = [jobs.pop()]
            known = costs.of(batch[0].request.shape).by_mask
            open_ = [group for group in cluster.all_groups if group.mask & free == group.mask and group.mask in known]
            if not open_:
                continue
            sizes = sorted({group.degree for group in open_})
            turn = next((size for size in sizes if size not in self._seen), sizes[self._decisions % len(sizes)])
            degree = self._random.choice(sizes) if assignments else turn
            self._decisions += not assignments
            group = self._random.choice([group for group in open_ if group.degree == degree])
            if self._batches and round_.profile.has(batch[0].request.shape, group.degree, group.link, 2):
                batch += [job for job in jobs if job.request.shape == batch[0].request.shape][:1]
                jobs = [job for job in jobs if job not in batch]
            free &= ~group.mask
            steps = min(self._random.randint(1, self._most), *(job.steps_left for job in batch), 10**6)
            assignments.append(Assignment(tuple(job.request.id for job in batch), group, steps))
        return Plan(tuple(assignments), no_claim(self.name))
