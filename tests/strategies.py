"""What property tests draw from: small profiles, clusters of many kinds, rounds in the middle of things, workloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from planner.cluster import Cluster, Group
from planner.job import Job
from planner.request import Request
from planner.round import Cadence, Round
from profiles.profile import LOCAL, Profile, StageEntry, StepEntry
from profiles.shape import Shape

SMALL, MEDIUM, LARGE = Shape(256, 256), Shape(512, 768), Shape(1024, 1024)
SHAPES = (SMALL, MEDIUM, LARGE)
DATE = "2026-01-31"

TABLE = {
    SMALL: {1: 0.02, 2: 0.018, 4: 0.019, 8: 0.017},  # more GPUs hardly help, and 4 are slower than 2
    MEDIUM: {1: 0.08, 2: 0.05, 4: 0.03, 8: 0.025},
    LARGE: {1: 0.7, 2: 0.36, 4: 0.19, 8: 0.1},  # a step on one GPU is longer than a round of 0.4 s
}
"""Seconds per step by shape and degree, on the fastest link."""

SLOWER = {"nvlink": 1.0, "pcie": 1.4, "network": 2.5}
"""Factor on the step times of degrees above 1, by link class."""


def step(shape: Shape, degree: int, link: str, seconds: float, batch: int = 1, spread: float = 0.005) -> StepEntry:
    """Make an entry of which only the key and the time matter."""
    return StepEntry(shape, degree, batch, LOCAL if degree == 1 else link, seconds, spread, "measured", "made up", DATE)


def profile_of(
    table: dict[Shape, dict[int, float]] = TABLE,
    links: Sequence[str] = ("nvlink", "pcie", "network"),
    batches: Sequence[int] = (2,),
    stages: Mapping[Shape, tuple[float, ...]] | None = None,
    name: str = "toy",
) -> Profile:
    """Make a profile from seconds by shape and degree, and (encode, decode) or (encode, decode, write) seconds by shape."""
    entries = []
    for shape, times in table.items():
        for degree, seconds in times.items():
            for link in links[:1] if degree == 1 else links:
                for batch in (1, *batches):
                    scale = (1 if degree == 1 else SLOWER.get(link, 1.0)) * (0.4 + 0.6 * batch)
                    entries.append(step(shape, degree, link, seconds * scale, batch))
    timed = []
    for shape, own in (stages or {}).items():
        for stage, seconds in zip(("encode", "decode", "write"), own, strict=False):
            if seconds > 0:
                timed.append(StageEntry(shape, stage, seconds, "measured", "made up", DATE))  # type: ignore[arg-type]
    return Profile(name, "Toy", "cards", tuple(links), 10, tuple(entries), tuple(timed))


TOY = profile_of()
"""Three shapes at degrees 1, 2, 4, 8 on every link class, batches of one and two."""

GAPPY = profile_of(
    {SMALL: {1: 0.02, 2: 0.018}, MEDIUM: TABLE[MEDIUM], LARGE: {1: 0.3, 2: 0.16, 4: 0.09}}, batches=(), name="gappy"
)
"""A profile in which not every shape runs at every degree."""

CLUSTERS = (
    Cluster.nvlink(1),
    Cluster.nvlink(2),
    Cluster.nvlink(4),
    Cluster.nvlink(6),
    Cluster.nvlink(7),
    Cluster.nvlink(8),
    Cluster.pairs(4),
    Cluster.pairs(6),
    Cluster.nodes(2, 4),
    Cluster.nodes(3, 3),
    Cluster.nvlink(4, grouping="all"),
    Cluster.pairs(4, grouping="all"),
    Cluster("odd", 5, Cluster.nvlink(5).edges, ("nvlink",), "aligned", (1, 3, 4)),
    Cluster("no-singles", 4, Cluster.nvlink(4).edges, ("nvlink",), "aligned", (2, 4)),
)
"""Uniform and not, laminar and not, power of two and not."""

ALIKE = tuple(cluster for cluster in CLUSTERS if cluster.laminar and cluster.uniform)
"""Clusters on which which group of a degree is chosen makes no difference."""

ROUNDS, EVENTS = Cadence("rounds", 0.4), Cadence("events", 0.4)

clusters = st.sampled_from(CLUSTERS)
profiles = st.sampled_from([TOY, GAPPY])
cadences = st.one_of(
    st.sampled_from([ROUNDS, EVENTS]), st.builds(Cadence, st.sampled_from(["rounds", "events"]), st.floats(0.03, 1.5))
)


def request(
    id: int = 0,
    shape: Shape = MEDIUM,
    steps: int = 10,
    arrival: float = 0.0,
    deadline: float = 5.0,
    weight: float = 1.0,
) -> Request:
    """Make a request of which most things do not matter."""
    return Request(id, shape, steps, arrival, deadline, weight)


def job(
    id: int = 0,
    shape: Shape = MEDIUM,
    left: int = 10,
    due: float = 5.0,
    ready: float = 0.0,
    group: Group | None = None,
    running: bool = False,
    weight: float = 1.0,
) -> Job:
    """Make a job of a request that arrived at time 0."""
    return Job(request(id, shape, max(left, 10), 0.0, max(due, 0.01), weight), left, due, ready, group, running)


def round_of(
    jobs: Sequence[Job],
    cluster: Cluster | None = None,
    profile: Profile = TOY,
    now: float = 0.0,
    cadence: Cadence = ROUNDS,
    free_at: Sequence[float] = (),
    regroup_seconds: float = 0.0,
) -> Round:
    """Make a round on 8 GPUs that are all free, unless said otherwise."""
    cluster = cluster or Cluster.nvlink(8)
    free = tuple(free_at) or (0.0,) * cluster.gpus
    return Round(now, tuple(jobs), cluster, profile, free, cadence, regroup_seconds)


@st.composite
def rounds(
    draw: st.DrawFn,
    cluster: st.SearchStrategy[Cluster] = clusters,
    profile: st.SearchStrategy[Profile] = profiles,
    cadence: st.SearchStrategy[Cadence] = cadences,
    most: int = 9,
    busy: bool = True,
    least: int = 0,
    moves: bool = True,
) -> Round:
    """Draw a round as a run would make it.

    Running jobs hold disjoint groups, perhaps in the middle of a step; waiting ones may hold a group from before; some
    GPUs end the last step of a job that is no longer listed; some jobs are late, on the edge, or have one step left; moves
    are free, or cost about a step or more (not without ``moves``).
    """
    here, costs, when = draw(cluster), draw(profile), draw(cadence)
    now = draw(st.sampled_from([0.0, 1.0, 12.8, 1000.4]))
    free_at = [now] * here.gpus
    taken = 0
    jobs: list[Job] = []
    for id_ in draw(st.lists(st.integers(0, 40), min_size=least, max_size=most, unique=True).map(sorted)):
        shape = draw(st.sampled_from(SHAPES))
        known = [group for group in here.all_groups if costs.has(shape, group.degree, group.link)]
        steps = draw(st.integers(1, 50))
        left = draw(st.one_of(st.integers(1, steps), st.just(steps), st.just(1)))
        arrival = max(0.0, now - draw(st.floats(0.0, 5.0)))
        fastest = min(costs.step_time(shape, group.degree, group.link) for group in known) if known else 1.0
        needed = left * fastest
        due = now + draw(
            st.one_of(st.floats(0.01, 8.0), st.just(needed), st.floats(-0.5, 1.5).map(lambda x, n=needed: n + x))
        )
        deadline = max(due, arrival + 1e-3)
        weight = draw(st.sampled_from([1.0, 1.0, 2.0, 0.5]))
        group, ready, running = None, now, False
        if known and busy and draw(st.booleans()):
            group = draw(st.sampled_from(known))
            if not group.mask & taken and draw(st.booleans()):
                running = True
                taken |= group.mask
                seconds = costs.step_time(shape, group.degree, group.link)
                ready = now + draw(st.one_of(st.just(0.0), st.floats(0.0, 1.0).map(lambda x, s=seconds: x * s)))
                for gpu in group.gpus:
                    free_at[gpu] = ready
        jobs.append(Job(Request(id_, shape, steps, arrival, deadline, weight), left, due, ready, group, running))
    if busy:
        for gpu in range(here.gpus):
            if not taken >> gpu & 1 and draw(st.integers(0, 5)) == 0:
                free_at[gpu] = now + draw(st.floats(0.0, 0.8))
    jobs = [j for j in jobs if any(costs.has(j.request.shape, g.degree, g.link) for g in here.all_groups)]
    regroup_seconds = draw(st.sampled_from([0.0, 0.0, 0.03, 0.2])) if moves else 0.0
    return Round(now, tuple(jobs), here, costs, tuple(free_at), when, regroup_seconds)


@st.composite
def workloads(draw: st.DrawFn, most: int = 12, shapes: Sequence[Shape] = SHAPES) -> tuple[Request, ...]:
    """Draw requests by arrival: bunched or spread, some at the same instant, deadlines from hopeless to loose."""
    gaps = draw(st.lists(st.one_of(st.just(0.0), st.just(0.4), st.floats(0.0, 2.0)), min_size=1, max_size=most))
    requests = []
    at = 0.0
    for id_, gap in enumerate(gaps):
        at += gap
        slo = draw(st.one_of(st.floats(0.02, 4.0), st.just(0.4)))
        shape, steps = draw(st.sampled_from(shapes)), draw(st.integers(1, 12))
        requests.append(Request(id_, shape, steps, at, at + slo, draw(st.sampled_from([1.0, 2.0]))))
    return tuple(requests)
