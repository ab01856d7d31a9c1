"""No GPU stands idle for longer than a step while a request could run: whoever plans the whole backlog sees to that.

A rule that starts requests one by one, such as ``edf``, may let one wait for a larger group.
"""

from __future__ import annotations

import pytest

from experiments import simulate
from experiments.results.idle import idle_while_waiting

LOADS = {
    "light": ("workload=uniform", "workload.rate=12"),
    "heavy": ("workload=uniform", "workload.rate=40"),
    "stages": ("workload=skewed", "workload.rate=40", "engine.stages=true"),
    "two stage workers": ("workload=uniform", "workload.rate=40", "engine.stages=true", "engine.stage_workers=2"),
}


@pytest.mark.parametrize("solver", ["cpsat", "highs", "moore"])
@pytest.mark.parametrize("load", LOADS)
def test_no_gpu_idles_for_longer_than_a_step(solver: str, load: str) -> None:
    """Tests, from the trace alone, that whoever could run does, at the latest when the step in progress ends."""
    done = simulate(f"solver={solver}", "workload.requests=80", "engine.noise=0", *LOADS[load])
    longest = max((segment.end - segment.start) / segment.steps for segment in done.records.segments)
    assert idle_while_waiting(done.records, 8).longest <= longest + 1e-6
