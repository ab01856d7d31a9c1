"""What each option of a decision leads to, as arrays: all that an objective may look at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One row per option; all arrays have shape (n,) and are read-only. Every job has one row with degree 0: it waits.

    Parameters
    ----------
    job
        Request id.
    degree
        GPUs used; 0 when the job waits.
    steps, steps_left
        Steps run by the option, and steps left after it.
    gpu_seconds
        GPU-seconds of the job from now until it is done: those that the option uses, and the least that the steps left
        after it take, in time where that can be. So waiting is free only as long as it makes the rest no dearer.
    fastest_step
        Seconds per step of the job's shape at its fastest degree.
    lateness
        Seconds by which the job must miss its deadline after this option, at best; negative: the slack that remains.
    survives
        Whether the deadline can still be met after this option: ``lateness <= 0``.
    finishes
        Whether the option runs the last step.
    moved
        Whether the job leaves the GPUs that hold its latent: it runs on others, or it waits, which gives them up.
    weight
        The request's weight.
    waited
        Seconds since the request arrived.
    due_in
        Seconds from now until the last step must end; negative for a late job.
    pixels
        Pixels of the request's shape, all frames: equal for equal resolutions.
    """

    job: Ints
    degree: Ints
    steps: Ints
    steps_left: Ints
    gpu_seconds: Floats
    fastest_step: Floats
    lateness: Floats
    survives: Bools
    finishes: Bools
    moved: Bools
    weight: Floats
    waited: Floats
    due_in: Floats
    pixels: Ints

    def __post_init__(self) -> None:
        for name in self.__slots__:
            array = getattr(self, name).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.job)

    def with_moved(self, moved: bool) -> Outcomes:
        """Return the same outcomes with ``moved`` set everywhere that a job runs."""
        return replace(self, moved=np.where(self.degree > 0, moved, self.moved))
