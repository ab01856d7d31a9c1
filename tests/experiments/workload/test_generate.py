from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workload.arrivals import Arrivals, Gamma, Piecewise, Poisson
from experiments.workload.generate import Drift, Jitter, LognormalJitter, UniformJitter, generate
from experiments.workload.mixes import Mix, ShapeClass, named_mix
from experiments.workload.tiers import Tier
from experiments.workload.workload import Workload
from profiles.shape import Shape

MIXES = st.sampled_from(["uniform", "skewed", "homogeneous-512", "mix-c"]).map(named_mix)
ANY_MIX = st.one_of(MIXES, st.builds(Drift, MIXES, MIXES, st.sampled_from(["index", "time"])))
ARRIVALS = st.sampled_from([Poisson(12.0), Gamma(30.0, 3.6), Piecewise(((50.0, 6.0), (10.0, 60.0)))])
JITTERS = st.sampled_from([0.0, 0.5, UniformJitter(0.9), LognormalJitter(0.5)])
SEEDS = st.integers(0, 2**32)


def make(
    seed: int = 0,
    *,
    rate: float = 12.0,
    mix: Mix | Drift | None = None,
    count: int = 200,
    scale: float = 1.0,
    jitter: float | Jitter = 0.0,
) -> Workload:
    """Generate Poisson arrivals with a few parameters set."""
    rng = np.random.default_rng(seed)
    return generate(Poisson(rate), mix or named_mix("uniform"), count, scale, rng, deadline_jitter=jitter)


@given(ARRIVALS, ANY_MIX, st.integers(1, 100), st.floats(0.1, 10.0), JITTERS, SEEDS)
def test_generated_workloads_are_well_formed(
    arrivals: Arrivals, mix: Mix | Drift, count: int, scale: float, jitter: float | Jitter, seed: int
) -> None:
    """Any recipe gives `count` requests, ids from 0 in order of arrival, and deadlines after arrivals."""
    rng = np.random.default_rng(seed)
    requests = generate(arrivals, mix, count, scale, rng, deadline_jitter=jitter, model="m").requests
    assert [r.id for r in requests] == list(range(count))
    assert [r.arrival for r in requests] == sorted(r.arrival for r in requests)
    assert all(r.deadline > r.arrival and r.model == "m" for r in requests)


@given(ARRIVALS, ANY_MIX, JITTERS, SEEDS)
def test_a_seed_fixes_the_workload(arrivals: Arrivals, mix: Mix | Drift, jitter: float | Jitter, seed: int) -> None:
    """Two fresh generators of one seed give equal workloads, another seed another one."""
    first, again, other = (
        generate(arrivals, mix, 20, 1.0, np.random.default_rng(s), deadline_jitter=jitter)
        for s in (seed, seed, seed + 1)
    )
    assert first == again
    assert first.requests != other.requests


@given(SEEDS, st.floats(0.5, 3.0), st.floats(1.0, 100.0), st.sampled_from(["index", "time"]))
def test_scale_jitter_and_rate_leave_shapes_alone(seed: int, scale: float, rate: float, by: str) -> None:
    """Request i asks for the same image whatever SLO scale, jitter and rate are."""
    mix = Drift(named_mix("uniform"), named_mix("mix-c"), "time" if by == "time" else "index")
    base = [(r.shape, r.steps) for r in make(seed, mix=mix).requests]
    changed = make(seed, mix=mix, scale=scale, rate=rate, jitter=0.4)
    assert [(r.shape, r.steps) for r in changed.requests] == base


def test_rate_rescales_arrivals_and_keeps_the_time_allowed() -> None:
    """At twice the rate, the same requests arrive at half the time with the same time allowed."""
    for slow, fast in zip(make(rate=6.0).requests, make(rate=12.0).requests, strict=True):
        assert fast.arrival == pytest.approx(slow.arrival / 2)
        assert fast.deadline - fast.arrival == pytest.approx(slow.deadline - slow.arrival)


def test_scale_multiplies_every_time_allowed() -> None:
    """At scale 1.5 the time from arrival to deadline is 1.5 times as long, with and without jitter."""
    for jitter in (0.0, 0.3):
        pairs = zip(make(jitter=jitter).requests, make(jitter=jitter, scale=1.5).requests, strict=True)
        for tight, loose in pairs:
            assert loose.deadline - loose.arrival == pytest.approx(1.5 * (tight.deadline - tight.arrival))


@pytest.mark.parametrize("name", ["uniform", "skewed", "mix-c"])
def test_shares_come_close_to_those_of_the_mix(name: str) -> None:
    """Over many requests, each class is drawn as often as its share says."""
    mix = named_mix(name)
    counts = Counter(r.shape for r in make(mix=mix, count=40_000).requests)
    for c in mix.classes:
        assert counts[c.shape] / 40_000 == pytest.approx(c.share, abs=0.01)


def test_a_drift_turns_the_first_mix_into_the_second() -> None:
    """The first tenth looks like the start, the last like the end, the middle like both in equal parts."""
    start, end = named_mix("homogeneous-256"), named_mix("homogeneous-2048")
    requests = make(mix=Drift(start, end), count=20_000).requests
    small = np.array([r.shape == Shape(256, 256) for r in requests])
    assert small[:2000].mean() == pytest.approx(0.95, abs=0.02)
    assert small[9000:11000].mean() == pytest.approx(0.5, abs=0.04)
    assert small[-2000:].mean() == pytest.approx(0.05, abs=0.02)


def test_a_drift_by_time_follows_the_clock() -> None:
    """When most requests come in the last tenth of the run, they look like the end."""
    arrivals = Piecewise(((900.0, 10.0), (100.0, 600.0)))
    mix = Drift(named_mix("homogeneous-256"), named_mix("homogeneous-2048"), by="time")
    requests = generate(arrivals, mix, 1150, 1.0, np.random.default_rng(0)).requests
    late = [r.shape.height == 2048 for r in requests if r.arrival > 900]
    assert len(late) > 900
    assert np.mean(late) > 0.9


@pytest.mark.parametrize("jitter", [UniformJitter(0.6), LognormalJitter(0.5)])
def test_jitter_has_mean_one_and_spreads(jitter: Jitter) -> None:
    """Factors are positive, average 1 and vary."""
    factors = jitter.factors(200_000, np.random.default_rng(0))
    assert factors.min() > 0
    assert factors.mean() == pytest.approx(1.0, abs=0.01)
    assert factors.std() > 0.3


def test_weights_are_those_of_the_class_times_the_workloads() -> None:
    """A class of weight 3 in a workload of weight 2 gives requests of weight 6."""
    mix = Mix("m", (ShapeClass(Shape(512, 512), 20, 1.0, slo=2.0, weight=3.0),))
    workload = generate(Poisson(1.0), mix, 5, 1.0, np.random.default_rng(0), weight=2.0)
    assert {r.weight for r in workload.requests} == {6.0}


def test_parameters_are_json_and_say_how_the_workload_was_made() -> None:
    """A manifest can hold the recipe: arrivals, mix and scale are found in it."""
    mix = Drift(named_mix("uniform"), named_mix("skewed"))
    recipe = json.loads(json.dumps(make(mix=mix, scale=1.2).parameters))
    assert recipe["arrivals"] == {"kind": "Poisson", "rate": 12.0}
    assert recipe["mix"]["end"]["classes"][3]["shape"] == "2048x2048"
    assert recipe["slo_scale"] == 1.2


def test_an_auto_target_is_refused_by_name() -> None:
    """Generating from a mix whose targets are auto is an error that names mix and class."""
    with pytest.raises(ValueError, match="mix 'uniform': the slo of class 256x256 is auto"):
        make(mix=named_mix("uniform").with_auto_slos())


def test_tiers_leave_all_other_draws_alone() -> None:
    """With tiers, requests arrive when and ask for what they did; weight and time allowed are multiplied by their tier's."""
    tiers = (Tier("premium", 0.2, weight=10.0, deadline=0.5), Tier("standard", 0.8))
    factors = {tier.name: (tier.weight, tier.deadline) for tier in tiers}
    mix = named_mix("skewed")
    recipes = [generate(Poisson(12.0), mix, 400, 1.1, np.random.default_rng(3), tiers=t) for t in ((), tiers)]
    for plain, tiered in zip(*(recipe.requests for recipe in recipes), strict=True):
        weight, deadline = factors[tiered.tier]
        assert (tiered.arrival, tiered.shape, tiered.weight) == (plain.arrival, plain.shape, weight)
        assert tiered.deadline - tiered.arrival == pytest.approx(deadline * (plain.deadline - plain.arrival))
    assert {request.tier for request in recipes[0].requests} == {""}


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_an_unfit_scale_is_refused(scale: float) -> None:
    """A scale that is not positive and finite is an error that names the value."""
    with pytest.raises(ValueError, match="slo_scale is"):
        make(scale=scale)


def test_unfit_jitter_is_refused() -> None:
    """A spread of 1 could leave no time at all and is refused, as is a negative sigma."""
    with pytest.raises(ValueError, match=r"spread is 1\.0"):
        make(jitter=1.0)
    with pytest.raises(ValueError, match="sigma is -1"):
        LognormalJitter(-1.0)
