from __future__ import annotations

import pytest

from experiments.workload.workload import Workload, rate_per_minute, rescale, window
from planner.request import Request
from profiles.shape import Shape


def request(id: int, arrival: float, allowed: float = 2.0) -> Request:
    """One request with a fixed shape."""
    return Request(id, Shape(512, 512), 50, arrival, arrival + allowed)


THREE = Workload("three", (request(0, 1.0), request(1, 4.0), request(2, 8.0)), {"seed": 1})


def test_length_and_duration() -> None:
    """A workload has as many items as requests and lasts until the last arrival."""
    assert len(THREE) == 3
    assert THREE.duration == 8.0


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ((), "'w' has no requests"),
        ((request(0, 1.0), request(0, 2.0)), "request id 0 appears twice"),
        ((request(0, 2.0), request(1, 1.0)), "request 1 arrives at 1.0 s, after request 0 at 2.0 s"),
    ],
)
def test_unfit_requests_are_refused(requests: tuple[Request, ...], words: str) -> None:
    """No requests, a repeated id or a wrong order is an error that names the request."""
    with pytest.raises(ValueError, match=words):
        Workload("w", requests)


def test_rescaling_compresses_time_and_loosens_deadlines() -> None:
    """Speedup and SLO scale act on gaps and on the time allowed, independently of each other."""
    fast = rescale(THREE, speedup=2.0, slo_scale=1.5)
    assert [r.arrival for r in fast.requests] == [0.5, 2.0, 4.0]
    assert [r.deadline - r.arrival for r in fast.requests] == [3.0, 3.0, 3.0]
    assert fast.parameters == {"seed": 1, "speedup": 2.0, "slo_scale": 1.5}
    assert rescale(THREE) is THREE


def test_a_rate_is_in_requests_per_minute() -> None:
    """Three requests within 7 s come at 17.1 per minute; asked for 60, they come within 2 s with the same time allowed."""
    assert rate_per_minute(THREE) == pytest.approx(120 / 7)
    fast = rescale(THREE, rate=60.0)
    assert rate_per_minute(fast) == pytest.approx(60.0)
    assert fast.requests[-1].arrival - fast.requests[0].arrival == pytest.approx(2.0)
    assert [r.deadline - r.arrival for r in fast.requests] == pytest.approx([2.0, 2.0, 2.0])


def test_a_rate_without_gaps_and_beside_a_speedup_is_refused() -> None:
    """Requests that arrive at once have no rate to change, and rate and speedup cannot both hold."""
    at_once = Workload("flash", (request(0, 1.0), request(1, 1.0)))
    with pytest.raises(ValueError, match=r"rate is 18\.0, but workload 'flash' has no gaps"):
        rescale(at_once, rate=18.0)
    with pytest.raises(ValueError, match=r"rate is 18\.0 and speedup 2\.0; give one"):
        rescale(THREE, rate=18.0, speedup=2.0)


def test_a_window_keeps_ids_and_starts_the_clock_anew() -> None:
    """Requests of [3, 8) s are kept under their ids, with times counted from 3 s."""
    cut = window(THREE, 3.0, 5.0)
    assert [(r.id, r.arrival, r.deadline) for r in cut.requests] == [(1, 1.0, 3.0)]


def test_unfit_factors_and_empty_windows_are_refused() -> None:
    """The errors name the factor, or the span in which requests arrive."""
    with pytest.raises(ValueError, match="rate is 0"):
        rescale(THREE, rate=0.0)
    with pytest.raises(ValueError, match=r"no request arrives from 100.0 s .* arrivals run from 1.0 s to 8.0 s"):
        window(THREE, 100.0, 5.0)
