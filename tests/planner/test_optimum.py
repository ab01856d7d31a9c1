"""Optimal schedules with proof: legal step by step, and what Table 6 of the paper asks for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from planner.cluster import Cluster
from planner.optimum import Optimum, optimum
from planner.request import Request
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import load_profile
from tests.strategies import TOY, workloads

FLUX = load_profile("flux1-dev_h100")
KINDS = ((1024, 3.3), (512, 2.2), (256, 1.65), (2048, 6.5))


def table6(count: int) -> list[Request]:
    """Make requests of all four resolutions in turn, all at time 0."""
    kinds = [KINDS[i % 4] for i in range(count)]
    return [Request(i, Shape(size, size), 50, 0.0, due) for i, (size, due) in enumerate(kinds)]


def check(found: Optimum, requests: list[Request], cluster: Cluster, profile: Profile) -> None:
    """Replay a schedule: legal groups, true step times, no GPU and no request twice at a time, all steps in time."""
    by_id = {request.id: request for request in requests}
    spans: dict[object, list[tuple[float, float]]] = {}
    steps = dict.fromkeys(by_id, 0)
    ends = dict.fromkeys(by_id, 0.0)
    for run in found.runs:
        request = by_id[run.request]
        assert cluster.by_mask[run.group.mask] == run.group
        seconds = profile.step_time(request.shape, run.group.degree, run.group.link)
        assert run.end - run.start == pytest.approx(run.steps * seconds, abs=1e-7)
        assert run.start >= request.arrival - 1e-9
        for key in (*run.group.gpus, ("request", run.request)):
            spans.setdefault(key, []).append((run.start, run.end))
        steps[run.request] += run.steps
        ends[run.request] = max(ends[run.request], run.end)
    for taken in spans.values():
        taken.sort()
        assert all(a[1] <= b[0] + 1e-7 for a, b in pairwise(taken))
    for id_ in found.on_time:
        assert steps[id_] == by_id[id_].steps
        assert ends[id_] <= by_id[id_].deadline + 1e-7
    assert found.value == sum(by_id[id_].weight for id_ in found.on_time)


@pytest.mark.parametrize("gpus", [4, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 16])
def test_table_6_is_solved_with_proof(count: int, gpus: int) -> None:
    """Tests that up to 16 requests on 4 and 8 GPUs get a schedule as good as the fluid bound, within a second."""
    cluster = Cluster.nvlink(gpus)
    requests = table6(count)
    found = optimum(requests, cluster, FLUX)
    check(found, requests, cluster, FLUX)
    assert found.proven
    assert found.seconds < 5.0


@settings(max_examples=40, deadline=None)
@given(workloads(most=8))
def test_schedules_are_real_and_below_the_bound(requests: tuple[Request, ...]) -> None:
    """Tests any small workload by replay, on links of two speeds."""
    cluster = Cluster.pairs(4)
    found = optimum(requests, cluster, TOY, 2.0)
    check(found, list(requests), cluster, TOY)
    assert found.value <= found.upper + 1e-9
