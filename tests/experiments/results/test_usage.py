from __future__ import annotations

from executor.engine import Segment
from executor.records import Records
from experiments.results.usage import duration, missed, usage_by_request


def test_usage_of_each_request(records: Records) -> None:
    """GPU-seconds, steps, regroups and degrees of a request add up over its segments."""
    usage = usage_by_request(records.segments)
    assert set(usage) == {0, 1, 2, 4, 5}
    first = usage[0]
    assert (first.started, first.stopped, first.gpu_seconds, first.steps) == (0.0, 3.0, 5.0, 10)
    assert (first.segments, first.regroups, first.min_degree, first.max_degree) == (2, 1, 1, 2)
    assert usage[4].gpu_seconds == usage[5].gpu_seconds == 0.5


def test_a_pause_on_the_same_gpus_is_no_regroup() -> None:
    """Only another GPU set counts as a regroup, also one of the same size, and also the way back."""
    sets = [(0, 1), (0, 1), (2, 3), (0, 1)]
    segments = [Segment((0,), gpus, float(i), i + 0.5, 1) for i, gpus in enumerate(sets)]
    assert usage_by_request(segments)[0].regroups == 2


def test_duration_includes_what_ends_last(records: Records) -> None:
    """The duration is the last delivery, drop or end of a segment, whether or not the run was closed."""
    assert duration(records) == 10.0
    records.ended = 0.0
    assert duration(records) == 10.0
    del records.dropped[3]
    assert duration(records) == 8.0
    records.segments.append(Segment((2,), (0,), 8.0, 8.5, 1))
    assert duration(records) == 8.5
    assert duration(Records(())) == 0.0


def test_a_request_in_flight_has_not_missed_yet(records: Records) -> None:
    """An unfinished request misses when its deadline passes, or when the run is over without it."""
    late, in_flight = records.requests[1], records.requests[5]
    assert missed(records, late, 10.0)
    assert not missed(records, records.requests[0], 10.0)
    assert not missed(records, in_flight, 10.0)
    assert missed(records, in_flight, 51.0)
    records.complete = True
    assert missed(records, in_flight, 10.0)
