"""Cells planned on Ray: the plans are those that are made here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import ray

from executor.cells.on_ray import OnRay
from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.solvers.cells import Cells
from planner.solvers.exact import Highs
from tests.strategies import SHAPES, job, round_of


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    """Leave no Ray behind that was started here."""
    yield
    ray.shutdown()


def test_ray_makes_the_plans_that_are_made_here() -> None:
    """On a Ray started here, with what the certificate says of them."""
    round_ = round_of([job(i, SHAPES[i % 3], 1 + i, 1.0 + 0.1 * i) for i in range(24)], Cluster.nvlink(16))
    planning = OnRay()
    planning.ready()
    here, there = Cells(Highs(), 8).solve(round_, 0.1), Cells(Highs(), 8, planning).solve(round_, 0.1)
    assert here.assignments == there.assignments
    assert (here.certificate.value, here.certificate.bound) == (there.certificate.value, there.certificate.bound)


def test_an_address_where_nothing_answers_is_refused_before_a_run() -> None:
    """With the address."""
    with pytest.raises(ParameterError, match=r"address is '127\.0\.0\.1:9'"):
        OnRay("127.0.0.1:9").ready()
