"""A workload on the emulated cluster: the same requests in real time."""

from __future__ import annotations

import pytest

from executor.records import Records
from experiments.cli import compose
from experiments.config.build import build
from experiments.runner import emulate, simulate
from experiments.studies.options import USELESS


def test_a_workload_in_real_time() -> None:
    """Tests that all requests are served, each by as many steps as in simulation, and none before it could be."""
    overrides = ["solver=edf", "workload.requests=12", "workload.rate=120", "workload.slo_scale=3"]
    setup = build(compose([*overrides, "engine=emulated"]))
    records = emulate(50.0, setup, Records(setup.workload.requests))
    simulated = simulate(build(compose(overrides)))
    assert records.complete and set(records.delivered) == set(simulated.delivered)

    def steps(done: Records) -> dict[int, int]:
        found: dict[int, int] = {}
        for segment in done.segments:
            for job in segment.jobs:
                found[job] = found.get(job, 0) + segment.steps
        return found

    assert steps(records) == steps(simulated)
    assert all(records.delivered[request.id] > request.arrival for request in setup.workload.requests)


@pytest.mark.parametrize("policy", ["promise", "refuse"])
def test_admission_in_simulation(policy: str) -> None:
    """Tests that the same policies of admission as a server's are there in a run, and that equal seeds give equal answers."""
    overrides = [
        "solver=highs",
        "workload=skewed",
        "workload.rate=40",
        "workload.requests=40",
        f"engine.admission={policy}",
    ]
    first, second = (simulate(build(compose(overrides))) for _ in range(2))
    assert first.promised == second.promised and first.refused == second.refused
    assert 0 < len(first.promised) < 40 and bool(first.refused) == (policy == "refuse")
    assert len(first.delivered) + len(first.refused) == 40


def test_admission_is_checked() -> None:
    """Tests that a policy that is none is refused by field."""
    with pytest.raises(ValueError, match=r"engine\.admission is 'some'; use 'all', 'promise' or 'refuse'"):
        build(compose(["engine.admission=some"]))


def test_studies_do_not_wait() -> None:
    """Tests that studies refuse a cluster on a real clock, and say what to use."""
    assert "engine=simulated" in USELESS["engine=emulated"]
