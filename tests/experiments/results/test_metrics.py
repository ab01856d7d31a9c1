from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from executor.engine import Segment
from executor.records import Records
from experiments.results.metrics import gap_of, summarize
from experiments.results.percentile import percentile
from planner.cluster import Cluster
from planner.request import Request
from profiles.shape import Shape


def test_fates_and_attainment(records: Records, cluster: Cluster) -> None:
    """Attainment is over all requests: dropped and unfinished ones count as missed."""
    s = summarize(records, cluster)
    assert (s.requests, s.on_time, s.late, s.dropped, s.unfinished, s.completed) == (6, 2, 1, 2, 1, 3)
    assert s.sar == pytest.approx(2 / 6)
    assert s.weighted_sar == pytest.approx(3 / 7)
    assert s.weighted
    assert not s.complete


def test_attainment_by_shape_is_in_order_of_size(records: Records, cluster: Cluster) -> None:
    """Each shape has its own attainment and latencies, small shapes first."""
    small, large = summarize(records, cluster).shapes
    assert (small.shape, small.requests, small.on_time, small.sar) == ("256x256", 3, 1, pytest.approx(1 / 3))
    assert (large.shape, large.requests, large.on_time, large.sar) == ("1024x1024", 3, 1, pytest.approx(1 / 3))
    assert (large.latency_p50, large.latency_p99) == (6.0, math.inf)
    assert small.latency_p50 == math.inf


def test_attainment_by_tier(records: Records, cluster: Cluster) -> None:
    """The heaviest tier stands first; what has no tier is one of its own where others have one."""
    gold, rest = summarize(records, cluster).tiers
    assert (gold.tier, gold.requests, gold.weight, gold.on_time, gold.sar) == ("gold", 1, 2.0, 1, 1.0)
    assert (rest.tier, rest.requests, rest.weight, rest.on_time, rest.sar) == ("", 5, 5.0, 1, pytest.approx(0.2))


def test_equal_weights_leave_attainment_as_it_is(records: Records, cluster: Cluster) -> None:
    """Whatever all requests weigh, attainment by weight is that by count, to the last bit; without tiers there are none."""
    alike = replace(records, requests=tuple(replace(r, weight=0.1, tier="") for r in records.requests))
    s = summarize(alike, cluster)
    assert s.weighted_sar == s.sar
    assert not s.weighted
    assert s.tiers == ()


def test_percentiles_count_requests_that_were_never_delivered(records: Records, cluster: Cluster) -> None:
    """Latencies are 2, 3, 6 and three times infinity: the median is 6, p95 infinite, the mean of the completed 11/3."""
    s = summarize(records, cluster)
    assert (s.latency_p50, s.latency_p95, s.latency_p99) == (6.0, math.inf, math.inf)
    assert s.latency_mean_completed == pytest.approx(11 / 3)


def test_dropping_a_late_request_never_improves_a_percentile(records: Records, cluster: Cluster) -> None:
    """Giving up request 1 lowers the mean over completed requests, but raises the median over all."""
    before = summarize(records, cluster)
    del records.delivered[1]
    records.dropped[1] = 5.0
    after = summarize(records, cluster)
    assert after.latency_mean_completed < before.latency_mean_completed
    assert after.latency_p50 == math.inf > before.latency_p50


def test_rates_and_gpu_time(records: Records, cluster: Cluster) -> None:
    """Segments hold 1 + 4 + 6 + 12 + 1 = 24 of 40 GPU-seconds; degrees are weighted by them."""
    s = summarize(records, cluster)
    assert (s.duration, s.gpus, s.gpu_seconds, s.segments) == (10.0, 4, 24.0, 5)
    assert s.utilization == pytest.approx(0.6)
    assert (s.goodput, s.throughput) == (pytest.approx(12.0), pytest.approx(18.0))
    assert s.gpu_seconds_per_on_time == pytest.approx(12.0)
    assert s.mean_degree == pytest.approx((1 + 8 + 12 + 48 + 1) / 24)
    assert s.regroups == 1


def test_decisions(records: Records, cluster: Cluster) -> None:
    """Two of four decisions are optimal, one is a fallback, three have a bound with gaps 0, 1/4 and 0."""
    s = summarize(records, cluster)
    assert (s.decisions, s.optimal_share, s.fallback_share) == (4, 0.5, 0.25)
    met = sorted(decision.jobs for decision in records.decisions)
    assert (s.jobs_p50, s.jobs_max) == (met[1], met[3])
    assert (s.bounded, s.mean_gap) == (3, pytest.approx(1 / 12))
    assert [gap_of(decision) for decision in records.decisions] == [0.0, 0.25, None, 0.0]
    assert (s.wall.decision_p50, s.wall.decision_p99, s.wall.decision_max) == (0.004, 0.020, 0.020)
    assert s.wall.decision_total == pytest.approx(0.036)
    assert s.wall.decision_mean == pytest.approx(0.009)


def test_name_is_who_decided_most(records: Records, cluster: Cluster) -> None:
    """Without a name the summary takes the most frequent solver's."""
    assert summarize(records, cluster).name == "cpsat"
    assert summarize(records, cluster, "mine").name == "mine"


def test_only_the_wall_clock_part_depends_on_measured_times(records: Records, cluster: Cluster) -> None:
    """Two runs that differ only in measured times agree in everything but `wall`."""
    slower = replace(
        records,
        decisions=[d._replace(build_seconds=9.0, solve_seconds=9.0, total_seconds=9.0) for d in records.decisions],
    )
    one, other = summarize(records, cluster), summarize(slower, cluster)
    assert one.to_dict(wall=False) == other.to_dict(wall=False)
    assert one.to_dict() != other.to_dict()


def test_json_has_null_for_infinite_and_nan(records: Records, cluster: Cluster) -> None:
    """The dictionary survives strict JSON, and infinities and NaN become null."""
    data = summarize(records, cluster).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["latency_p99"] is None
    assert data["latency_p50"] == 6.0
    assert data["shapes"][0]["latency_p50"] is None
    assert "wall" in data


def test_a_run_in_which_nothing_happened(cluster: Cluster) -> None:
    """Without requests, decisions and segments every mean is NaN and nothing fails."""
    s = summarize(Records(()), cluster)
    values = (s.sar, s.weighted_sar, s.latency_p50, s.latency_mean_completed, s.goodput, s.utilization)
    assert all(math.isnan(value) for value in (*values, s.mean_degree, s.mean_gap, s.wall.decision_max))
    assert s.gpu_seconds_per_on_time == math.inf
    assert s.name == ""
    json.dumps(s.to_dict(), allow_nan=False)


def test_percentile_is_the_nearest_rank() -> None:
    """Of 1..100 the p-th percentile is p; of few values it is one of them."""
    hundred = [float(i) for i in range(1, 101)]
    assert [percentile(hundred, p) for p in (1, 50, 95, 99, 100)] == [1.0, 50.0, 95.0, 99.0, 100.0]
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert percentile([5.0], 1) == 5.0
    assert math.isnan(percentile([], 50))


def test_unordered_ids_and_a_segment_after_the_last_delivery(cluster: Cluster) -> None:
    """A dropped request's segment that ends last extends the duration, so that utilization stays at most 1."""
    request = Request(7, Shape(256, 256), 5, 0.0, 1.0)
    records = Records((request,), dropped={7: 1.0}, segments=[Segment((7,), (0, 1, 2, 3), 0.0, 2.0, 5)], ended=1.0)
    assert summarize(records, cluster).utilization == 1.0
