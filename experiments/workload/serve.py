"""Whether a workload can be served by a profile: what is extrapolated, what is refused, what comes too late in any case."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from experiments.workload.deadlines import fastest_step
from experiments.workload.workload import Workload
from profiles import Profile, ProfileError, extended
from profiles.extend import check_unknown_shapes

DEFAULT_PROFILE = "flux1-dev_h100"
"""What serves where nothing else is said."""

_MOST = 12


@dataclass(frozen=True)
class Servable:
    """What a profile can do for a workload.

    Parameters
    ----------
    profile
        With all shapes that are asked for; None if some cannot be served.
    notes
        What a reader should know.
    faults
        Why the workload is refused, one for each shape.
    """

    profile: Profile | None
    notes: tuple[str, ...]
    faults: tuple[str, ...]


def servable(profile: Profile, workload: Workload, shapes: str = "model") -> Servable:
    """Find what a run would refuse, shape by shape.

    Raises
    ------
    ProfileError
        If ``shapes`` is none of `profiles.UNKNOWN_SHAPES`.
    """
    try:
        check_unknown_shapes(shapes)
    except ProfileError as error:
        raise ProfileError(f"--{error}") from None
    counts = Counter(request.shape for request in workload.requests)
    faults = []
    for shape in sorted(counts):
        try:
            extended(profile, [shape], shapes).profile.degrees(shape)
        except ProfileError as error:
            faults.append(f"{counts[shape]} requests of {shape.label} cannot be served: {error}")
    shifted = workload.parameters.get("shifted_s")
    notes = [f"the trace starts at {shifted} s on its clock; the run counts from there"] if shifted else []
    models = {request.model for request in workload.requests} - {"", profile.model}
    if models:
        notes.append(f"the workload asks for {', '.join(sorted(models))}, but {profile.name} is {profile.model}")
    if faults:
        return Servable(None, tuple(notes), tuple(faults))
    extension = extended(profile, counts, shapes)
    if extension.note:
        notes.insert(0, extension.note)
    return Servable(extension.profile, tuple(notes), ())


def hopeless(profile: Profile, workload: Workload, gpus: int) -> str:
    """Say which requests miss their deadline even if they run alone, from their arrival, at the fastest step.

    Raises
    ------
    ValueError
        If ``gpus`` is below 1.
    """
    if gpus < 1:
        raise ValueError(f"--gpus is {gpus}; at least 1 is needed")
    late: dict[str, list[float]] = {}
    total = 0
    for r in workload.requests:
        least = r.steps * fastest_step(profile, r.shape, max_degree=gpus)
        if r.arrival + least > r.deadline:
            total += 1
            late.setdefault(f"{r.shape.label}, {r.steps} steps", []).append(least)
            late[f"{r.shape.label}, {r.steps} steps"].append(r.deadline - r.arrival)
    if not late:
        return f"every deadline can be met by a request that is alone on {gpus} GPUs of {profile.name}"
    parts = [
        f"{len(times) // 2} of {what} (at least {times[0]:.4g} s, allowed {min(times[1::2]):.4g} s)"
        for what, times in late.items()
    ]
    listed = "; ".join(parts[:_MOST]) + ("; ..." if len(parts) > _MOST else "")
    return f"too late even alone on {gpus} GPUs of {profile.name}: {total} of {len(workload)} requests: {listed}"
