from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workload.arrivals import Arrivals, Gamma, Piecewise, Poisson

RATES = st.floats(0.1, 1000.0)
CVS = st.floats(0.1, 5.0)
PIECES = st.lists(st.tuples(st.floats(0.5, 500.0), st.one_of(st.just(0.0), RATES)), min_size=1, max_size=5).filter(
    lambda pieces: any(rate > 0 for _, rate in pieces)
)
PROCESSES = st.one_of(
    st.builds(Poisson, RATES),
    st.builds(Gamma, RATES, CVS),
    st.builds(lambda pieces, cv: Piecewise(tuple(pieces), cv), PIECES, st.sampled_from([1.0, 0.5, 2.0])),
)


@given(PROCESSES, st.integers(1, 300), st.integers(0, 2**32))
def test_times_are_ascending_and_as_many_as_asked(process: Arrivals, count: int, seed: int) -> None:
    """Every process gives exactly `count` finite times of at least 0, in ascending order."""
    times = process.times(count, np.random.default_rng(seed))
    assert times.shape == (count,)
    assert np.isfinite(times).all()
    assert times[0] >= 0
    assert (np.diff(times) >= 0).all()


@given(PROCESSES, st.integers(1, 200), st.integers(0, 2**32))
def test_same_generator_same_times_and_a_longer_run_begins_with_the_shorter(
    process: Arrivals, count: int, seed: int
) -> None:
    """A seed fixes the times, and the first `count` of them do not depend on how many are drawn."""
    short = process.times(count, np.random.default_rng(seed))
    longer = process.times(count + 50, np.random.default_rng(seed))
    np.testing.assert_array_equal(short, longer[:count])


@given(RATES, st.floats(0.01, 100.0), CVS, st.integers(0, 2**32))
def test_another_rate_only_rescales(rate: float, factor: float, cv: float, seed: int) -> None:
    """With the same generator, a rate `factor` times as high divides every time by `factor`."""
    for one, other in ((Poisson(rate), Poisson(rate * factor)), (Gamma(rate, cv), Gamma(rate * factor, cv))):
        times = one.times(50, np.random.default_rng(seed))
        faster = other.times(50, np.random.default_rng(seed))
        np.testing.assert_allclose(times / factor, faster, rtol=1e-9)


@pytest.mark.parametrize("cv", [0.3, 1.0, 1.35, 1.6, 3.6])
def test_gamma_has_the_rate_and_the_cv_asked_for(cv: float) -> None:
    """Over many gaps, mean and coefficient of variation come close to those of the process."""
    gaps = np.diff(Gamma(rate=12.0, cv=cv).times(400_000, np.random.default_rng(0)))
    assert 60 / gaps.mean() == pytest.approx(12.0, rel=0.03)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.03)


def test_poisson_counts_have_poisson_variance() -> None:
    """Counts per minute have the mean 12 and a variance equal to it."""
    times = Poisson(12.0).times(240_000, np.random.default_rng(1))
    counts = np.bincount((times // 60).astype(int))[:-1]
    assert counts.mean() == pytest.approx(12.0, rel=0.02)
    assert counts.var() == pytest.approx(12.0, rel=0.05)


def test_gamma_with_cv_one_is_poisson() -> None:
    """A coefficient of variation of 1 gives the very arrivals of the Poisson process."""
    one = Gamma(12.0, 1.0).times(100, np.random.default_rng(3))
    np.testing.assert_array_equal(one, Poisson(12.0).times(100, np.random.default_rng(3)))


def test_piecewise_has_each_rate_within_its_piece() -> None:
    """Over many cycles, arrivals per piece match duration times rate, and a silent piece has none."""
    process = Piecewise(((30.0, 12.0), (20.0, 0.0), (10.0, 120.0)))
    times = process.times(260_000, np.random.default_rng(2))
    cycles = times[-1] // 60
    phase = times[times < cycles * 60] % 60
    assert ((phase < 30).sum() / cycles) == pytest.approx(6.0, rel=0.02)
    assert (phase >= 50).sum() / cycles == pytest.approx(20.0, rel=0.02)
    assert ((phase > 30 + 1e-6) & (phase < 50 - 1e-6)).sum() == 0
    assert process.mean_rate == pytest.approx(26.0)


@given(RATES, st.lists(st.floats(0.5, 100.0), min_size=1, max_size=4), st.integers(0, 2**32))
def test_piecewise_of_one_rate_is_poisson(rate: float, durations: list[float], seed: int) -> None:
    """Cutting a constant rate into pieces does not change the arrivals."""
    pieces = tuple((duration, rate) for duration in durations)
    cut = Piecewise(pieces).times(100, np.random.default_rng(seed))
    np.testing.assert_allclose(cut, Poisson(rate).times(100, np.random.default_rng(seed)), rtol=1e-9)


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (Poisson, (0.0,), "Poisson: rate is 0.0"),
        (Poisson, (float("nan"),), "Poisson: rate is nan"),
        (Gamma, (12.0, 0.0), "Gamma: cv is 0.0"),
        (Gamma, (-1.0, 1.0), "Gamma: rate is -1.0"),
        (Piecewise, ((),), "pieces is empty"),
        (Piecewise, (((10.0, 0.0),),), "every rate is 0"),
        (Piecewise, (((0.0, 5.0),),), "duration of piece 0 is 0.0"),
        (Piecewise, (((1.0, 5.0), (1.0, -2.0)),), "rate of piece 1 is -2.0"),
        (Piecewise, (((1.0, 5.0, 2.0),),), "piece 0 is"),
    ],
)
def test_unfit_parameters_are_named(make: Any, arguments: tuple[Any, ...], words: str) -> None:
    """A parameter out of range is refused with its name and value."""
    with pytest.raises(ValueError, match=words):
        make(*arguments)


def test_a_count_below_one_is_refused() -> None:
    """Drawing no arrivals is an error that names the count."""
    with pytest.raises(ValueError, match="count is 0"):
        Poisson(1.0).times(0, np.random.default_rng(0))
