"""Outcomes for tests of objectives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from planner.outcomes import Outcomes


def outcomes_of(jobs: Sequence[int], **fields: Sequence[float]) -> Outcomes:
    """Make outcomes of which only the given fields matter; the first row of every job waits."""
    n = len(jobs)
    first = [i == 0 or jobs[i - 1] != job for i, job in enumerate(jobs)]
    plain: dict[str, Sequence[float]] = {
        "degree": [0 if waits else 1 for waits in first],
        "steps": [0 if waits else 1 for waits in first],
        "steps_left": [5] * n,
        "gpu_seconds": [0.0 if waits else 0.1 for waits in first],
        "fastest_step": [0.1] * n,
        "lateness": [-1.0] * n,
        "survives": [True] * n,
        "finishes": [False] * n,
        "moved": [False] * n,
        "weight": [1.0] * n,
        "waited": [0.0] * n,
        "due_in": [1.0] * n,
        "pixels": [65536] * n,
    }
    return Outcomes(job=np.array(jobs), **{name: np.array(fields.get(name, value)) for name, value in plain.items()})


@st.composite
def random_outcomes(draw: st.DrawFn, most_jobs: int = 3, most_options: int = 3) -> Outcomes:
    """Draw outcomes of a few jobs, grouped by job, of which lateness, survival, GPU-seconds and weight vary."""
    jobs: list[int] = []
    for index in range(draw(st.integers(1, most_jobs))):
        jobs += [3 * index + 1] * draw(st.integers(1, most_options))
    n = len(jobs)
    base = {job: draw(st.sampled_from([0.0, 5.0, 1e9, 1e15])) for job in set(jobs)}
    lateness = [base[job] + draw(st.integers(-3, 3)) for job in jobs]
    return outcomes_of(
        jobs,
        lateness=lateness,
        survives=draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        gpu_seconds=draw(st.lists(st.integers(0, 6).map(lambda x: x / 2), min_size=n, max_size=n)),
    )
