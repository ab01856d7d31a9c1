"""The approximate cache."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workload import Poisson, generate, named_mix
from experiments.workload.nirvana import SKIPS, Nirvana, with_nirvana
from experiments.workload.workload import Workload

SMALL = Nirvana(warm=200, capacity=100)


def workload(count: int = 50, mix: str = "uniform") -> Workload:
    """Draw a workload."""
    return generate(Poisson(12.0), named_mix(mix), count, 1.0, np.random.default_rng(0))


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 300))
def test_skips_are_of_the_list(seed: int, revisit: float, capacity: int) -> None:
    """Every request skips 0, 5, 10, 15, 20 or 25 steps; equal seeds give equal skips."""
    nirvana = Nirvana(capacity=capacity, warm=100, revisit=revisit)
    skips = nirvana.skips(40, np.random.default_rng(seed))
    assert len(skips) == 40
    assert set(skips) <= {0, *SKIPS}
    assert skips == nirvana.skips(40, np.random.default_rng(seed))


@given(st.integers(0, 10**6), st.sampled_from(["uniform", "mix-c", "homogeneous-256"]))
def test_only_steps_change(seed: int, mix: str) -> None:
    """Arrival, deadline, shape and weight stay; at least one step is left, and what was skipped is of the list."""
    before = workload(30, mix)
    after = with_nirvana(before, SMALL, seed)
    assert after.name == f"{before.name}+nirvana"
    for old, new in zip(before.requests, after.requests, strict=True):
        assert (old.id, old.arrival, old.deadline, old.shape) == (new.id, new.arrival, new.deadline, new.shape)
        assert new.steps >= 1
        assert old.steps - new.steps in {0, *SKIPS}


def test_nothing_helps_without_relatives_or_cache() -> None:
    """No prompt resembles another, or nothing is kept: no step is skipped."""
    for nirvana in (Nirvana(revisit=0.0, warm=100), Nirvana(capacity=0, warm=100), Nirvana(thresholds=(1.1,) * 5)):
        assert set(nirvana.skips(200, np.random.default_rng(1))) == {0}


def test_more_cache_and_more_similarity_help_more() -> None:
    """Mean skips grow with the capacity, with the share of variations, and with the warm-up."""

    def mean(nirvana: Nirvana) -> float:
        return float(np.mean(nirvana.skips(3000, np.random.default_rng(7))))

    assert mean(Nirvana(capacity=10)) < mean(Nirvana(capacity=300)) < mean(Nirvana(capacity=5000))
    assert mean(Nirvana(revisit=0.3)) < mean(Nirvana(revisit=0.9))
    assert mean(Nirvana(alpha=2, beta=2)) < mean(Nirvana(alpha=8, beta=2)) < mean(Nirvana(alpha=30, beta=1))


def test_identical_prompts_skip_most() -> None:
    """With similarities of almost 1 and everything cached, every variation skips 25 steps."""
    skips = Nirvana(revisit=1.0, alpha=1e6, beta=1.0, warm=10).skips(100, np.random.default_rng(0))
    assert set(skips) == {25}


@pytest.mark.parametrize(
    ("field", "value"), [("revisit", 1.5), ("capacity", -1), ("alpha", 0.0), ("thresholds", (0.9, 0.8, 0.7, 0.6, 0.5))]
)
def test_refuses_impossible_values(field: str, value: object) -> None:
    """The message names the field."""
    with pytest.raises(ValueError, match=field):
        Nirvana(**{field: value})  # type: ignore[arg-type]
