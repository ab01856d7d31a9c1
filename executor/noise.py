"""What the steps of a simulated run really take: the draws behind its noise, and how fast that lets requests be.

Draws are per (request, step), so that every schedule of one run shares them: step j of a request takes, on a group whose
steps have the coefficient of variation c, the profile's time for it times ``1 + c * z_j``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.bounds import Pace
from planner.cluster import Cluster
from planner.request import Request
from profiles.profile import Profile
from profiles.shape import Shape

Floats = NDArray[np.float64]
CUT = 3.0
"""Draws are cut off at so many standard deviations."""


def draw_noise(requests: Sequence[Request], rng: np.random.Generator) -> dict[int, Floats]:
    """Draw a standard normal number, cut off at :data:`CUT`, for every step of every request, by id."""
    draws = rng.standard_normal(sum(request.steps for request in requests)).clip(-CUT, CUT)
    ends = np.cumsum([request.steps for request in requests]).tolist()
    return {r.id: draws[end - r.steps : end] for r, end in zip(requests, ends, strict=True)}


def paces(
    requests: Sequence[Request],
    cluster: Cluster,
    profile: Profile,
    draws: Mapping[int, Floats],
    noise: float,
    noise_cv: float,
) -> dict[int, Pace]:
    """Return how fast each request can be with these draws, whatever the schedule, as long as it has no batches.

    Parameters
    ----------
    requests, cluster, profile
        The run; ``profile`` has the true step times.
    draws
        Of :func:`draw_noise`.
    noise, noise_cv
        As in :class:`executor.physics.Physics`.
    """
    kinds = sorted({(group.degree, group.link) for group in cluster.all_groups})
    known: dict[Shape, tuple[Floats, Floats]] = {}
    found = {}
    for request in requests:
        if request.shape not in known:
            shape = request.shape
            entries = [profile.entry(shape, *kind, 1) for kind in kinds if profile.has(shape, *kind)]
            spreads = [noise_cv or noise * entry.spread for entry in entries]
            known[shape] = np.array([[entry.seconds] for entry in entries]), np.array([[cv] for cv in spreads])
        seconds, cv = known[request.shape]
        changes = cv * draws[request.id]
        least = float((seconds * (1.0 + changes)).min(axis=0).sum())
        found[request.id] = Pace(least, 1.0 + float(changes.min(axis=0).mean()))
    return found
