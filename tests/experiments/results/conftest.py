from __future__ import annotations

from dataclasses import replace

import pytest

from executor.engine import Segment, Staged
from executor.records import Decision, Records
from planner.cluster import Cluster
from planner.request import Request
from profiles.shape import Shape

SMALL, LARGE = Shape(256, 256), Shape(1024, 1024)


@pytest.fixture
def cluster() -> Cluster:
    """Four GPUs on NVLink."""
    return Cluster.nvlink(4)


STAGED = [
    Staged("encode", 1, 0, 1.5, 2.0),
    Staged("encode", 4, 0, 6.0, 6.2),
    Staged("decode", 1, 0, 7.0, 7.4),
    Staged("decode", 4, 0, 8.0, 8.6),
]
"""Texts and images of two of the requests."""


@pytest.fixture
def staged(records: Records) -> Records:
    """The same run as if texts and images had taken time, on one worker."""
    return replace(records, staged=list(STAGED))


@pytest.fixture
def records() -> Records:
    """Five requests of known fate on four GPUs for 10 s; every number in the tests was worked out by hand.

    0 is on time after running on GPU 0, then on GPUs 0 and 1; 1 is late; 2 is dropped after some steps; 3 never
    ran and is dropped; 4 is on time in a batch with 5, which is still unfinished.
    """
    requests = (
        Request(0, LARGE, 10, arrival=0.0, deadline=4.0, weight=2.0, model="flux", tier="gold"),
        Request(1, LARGE, 10, arrival=1.0, deadline=5.0),
        Request(2, LARGE, 10, arrival=1.0, deadline=3.0),
        Request(3, SMALL, 10, arrival=2.0, deadline=4.0),
        Request(4, SMALL, 10, arrival=6.0, deadline=9.0),
        Request(5, SMALL, 20, arrival=6.0, deadline=50.0),
    )
    segments = [
        Segment((0,), (0,), 0.0, 1.0, 2),
        Segment((0,), (0, 1), 1.0, 3.0, 8),
        Segment((2,), (2, 3), 1.0, 4.0, 6),
        Segment((1,), (0, 1, 2, 3), 4.0, 7.0, 10),
        Segment((4, 5), (3,), 7.0, 8.0, 10),
    ]
    decisions = [
        Decision(0.0, 1, 0, 1, 1, "cpsat", "optimal", 1.0, 1.0, False, "", 0.001, 0.002, 0.004),
        Decision(1.0, 3, 1, 2, 4, "cpsat", "feasible", 3.0, 4.0, False, "", 0.001, 0.008, 0.010),
        Decision(4.0, 1, 0, 1, 4, "dp", "heuristic", None, None, True, "out of time", 0.0, 0.0, 0.020),
        Decision(7.0, 2, 0, 2, 1, "cpsat", "optimal", 2.0, 2.0, False, "", 0.001, 0.001, 0.002),
    ]
    return Records(
        requests,
        delivered={0: 3.0, 1: 7.0, 4: 8.0},
        dropped={2: 3.5, 3: 10.0},
        decisions=decisions,
        segments=segments,
        ended=10.0,
    )
