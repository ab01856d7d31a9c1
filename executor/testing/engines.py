"""What every engine keeps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from executor.arrivals import Cancel
from executor.engine import Engine
from executor.loop import serve
from executor.physics import Decode
from executor.records import Records
from executor.service import Service
from executor.testing.audit import Audited
from executor.testing.plans import RandomPlans
from planner.cluster import Cluster
from planner.errors import ParameterError, whole
from planner.request import Request
from planner.round import Cadence
from planner.testing import ConformanceError
from profiles.profile import Profile
from profiles.shape import Shape


def check_engine(
    make: Callable[[Sequence[Request]], Engine],
    cluster: Cluster,
    profile: Profile,
    shapes: Sequence[Shape],
    seed: int = 0,
    count: int = 12,
    every: float = 0.1,
    stages: bool = False,
    batches: bool = False,
    decode: Decode = "workers",
    real_clock: bool = False,
) -> Records:
    """Check that an engine is one: it serves requests by plans drawn at random, and keeps every rule of the protocol.

    Rules: time goes forward, no further than asked for; of each request ``ready``, ``yielded``, ``finished`` and
    ``delivered`` come in that order, with all of its steps and no others, on groups that plans had it on; no two segments
    or images share a GPU, and a GPU decodes only what its group has finished; a request that is cancelled leaves without
    disturbing others; at the end every image is there.

    Parameters
    ----------
    make
        Makes the engine for the requests that it will meet.
    cluster, profile, shapes
        Where it runs, and what it can be asked for.
    seed, count, every
        Of the requests: how many, and seconds between them. One of six is cancelled.
    stages
        Whether encoding and decoding count.
    batches
        Whether plans have batches, where the profile has times for them.
    decode
        Who decodes.
    real_clock
        Whether the engine lives on a real clock, and may tell what happened a moment after it was to wait for.

    Returns
    -------
    Records
        Of the run.

    Raises
    ------
    ConformanceError
        If it breaks a rule; the message names it.
    """
    whole("count", count)
    if not shapes:
        raise ParameterError("shapes", shapes, "at least one is needed")
    drawn = random.Random(seed)
    requests = tuple(
        Request(i, drawn.choice(list(shapes)), drawn.randint(4, 9), every * i, every * i + 600.0) for i in range(count)
    )
    engine = Audited(make(requests), real_clock)
    source = _Impatient(requests, cancelled={request.id for request in requests if request.id % 6 == 5}, after=every)
    service = Service(
        cluster, profile, RandomPlans(seed, batches), Cadence("events", 0.05), stages=stages, decode=decode
    )
    records = serve(service, engine, Records([]), source)
    engine.at_the_end()
    wrong = {staged.gpu < 0 for staged in records.staged if staged.stage == "decode"} - {decode == "workers"}
    if wrong:
        raise ConformanceError(f"decode is {decode!r}, but images were made elsewhere")
    left = {request.id for request in requests if records.fate(request) == "unfinished"}
    if left:
        raise ConformanceError(f"requests {sorted(left)} never left")
    return records


class _Impatient:
    """A source of requests, some of which nobody wants any more a while later."""

    def __init__(self, requests: Sequence[Request], cancelled: set[int], after: float) -> None:
        events: list[tuple[float, int, Request | Cancel]] = [(r.arrival, r.id, r) for r in requests]
        events += [(r.arrival + after, r.id, Cancel(r.id)) for r in requests if r.id in cancelled]
        self._events = sorted(events, key=lambda event: event[:2])

    @property
    def next(self) -> float:
        """When the next event comes."""
        return self._events[0][0] if self._events else float("inf")

    @property
    def ended(self) -> bool:
        """Whether there are no more."""
        return not self._events

    def take(self, now: float) -> list[Request | Cancel]:
        """Return what has come by now."""
        taken = []
        while self._events and self._events[0][0] <= now:
            taken.append(self._events.pop(0)[2])
        return taken
