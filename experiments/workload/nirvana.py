"""An approximate cache that lets requests skip their first steps, as Nirvana does (TetriServe paper, table 3).

Nirvana keeps intermediate latents of earlier prompts. A request whose prompt is similar enough to a cached one
continues from that one's latent after k in {5, 10, 15, 20, 25} steps: the more similar, the more steps are skipped.
Neither the prompts nor their CLIP embeddings are published, so similarity follows a model with three assumptions:

1. A prompt is, with probability ``revisit``, a variation of an earlier one, else it resembles none. People revise their
   own prompts and copy popular ones.
2. Which one it varies follows recency: the age of the earlier prompt, in requests, is log-uniform (as many variations
   of the last 10 prompts as of the 90 before these, and so on).
3. The similarity to it is Beta distributed; a prompt has no more similar relative than the one it varies.

The cache holds the latents of the ``capacity`` prompts that were used last (LRU): a new prompt enters, and a prompt
that helped another becomes the youngest. It is warmed with ``warm`` prompts before the run begins, as in the paper.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np

from experiments.workload.generate import describe
from experiments.workload.workload import Workload

SKIPS = (5, 10, 15, 20, 25)
"""Steps that a request may skip (paper)."""

_STREAM = 2
"""Child of the seed that prompts are drawn from; the workload uses the seed itself, the engine's noise child 1."""


@dataclass(frozen=True, slots=True)
class Nirvana:
    """The cache and the model of prompts.

    Parameters
    ----------
    capacity
        Prompts in the cache.
    warm
        Prompts before the run.
    revisit
        Probability that a prompt varies an earlier one.
    alpha, beta
        Of the Beta distribution of similarity; the defaults have mean 0.8 and standard deviation 0.12.
    thresholds
        Similarity from which on each of :data:`SKIPS` is allowed, ascending.

    Raises
    ------
    ValueError
        If a value is out of range. The message names it.
    """

    capacity: int = 5_000
    warm: int = 10_000
    revisit: float = 0.9
    alpha: float = 8.0
    beta: float = 2.0
    thresholds: tuple[float, ...] = (0.65, 0.75, 0.85, 0.90, 0.95)

    def __post_init__(self) -> None:
        if self.capacity < 0 or self.warm < 0:
            raise ValueError(f"nirvana: capacity is {self.capacity}, warm {self.warm}; at least 0 is needed")
        if not 0 <= self.revisit <= 1:
            raise ValueError(f"nirvana: revisit is {self.revisit}; a probability from 0 to 1 is needed")
        if not (0 < self.alpha < math.inf and 0 < self.beta < math.inf):
            raise ValueError(f"nirvana: alpha is {self.alpha} and beta {self.beta}; positive finite numbers are needed")
        if len(self.thresholds) != len(SKIPS) or list(self.thresholds) != sorted(self.thresholds):
            raise ValueError(f"nirvana: thresholds are {self.thresholds}; {len(SKIPS)} ascending ones are needed")

    def skips(self, count: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Return the steps that each of ``count`` prompts may skip, 0 where the cache does not help."""
        total = self.warm + count
        revisits = rng.random(total) < self.revisit
        ages = rng.random(total)
        similarities = rng.beta(self.alpha, self.beta, total)
        cached: OrderedDict[int, None] = OrderedDict()
        skips = []
        for prompt in range(total):
            skip = 0
            if revisits[prompt] and prompt:
                other = prompt - min(prompt, int(prompt ** ages[prompt]))
                if other in cached:
                    allowed = bisect_right(self.thresholds, similarities[prompt])
                    if allowed:
                        skip = SKIPS[allowed - 1]
                        cached.move_to_end(other)
            cached[prompt] = None
            if len(cached) > self.capacity:
                cached.popitem(last=False)
            skips.append(skip)
        return tuple(skips[self.warm :])


def with_nirvana(workload: Workload, nirvana: Nirvana, seed: int) -> Workload:
    """Shorten the requests of a workload by what the cache lets them skip; arrivals and deadlines stay.

    A request keeps at least one step: where it has too few, it skips the largest allowed number that leaves one.

    Parameters
    ----------
    workload
        Not changed.
    nirvana
        The cache.
    seed
        Of the prompts; the same seed gives the same skips, whatever the workload asks for.
    """
    skips = nirvana.skips(len(workload), np.random.default_rng([seed, _STREAM]))
    requests = tuple(
        replace(request, steps=request.steps - max([k for k in (0, *SKIPS) if k <= skip and k < request.steps]))
        for request, skip in zip(workload.requests, skips, strict=True)
    )
    return Workload(f"{workload.name}+nirvana", requests, {**workload.parameters, "nirvana": describe(nirvana)})
