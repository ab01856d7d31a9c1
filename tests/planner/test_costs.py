from __future__ import annotations

import pytest
from hypothesis import given

from planner.cluster import Cluster
from planner.costs import Costs, costs_of
from profiles.profile import Profile, ProfileError
from profiles.shape import Shape
from tests.strategies import GAPPY, LARGE, SMALL, TOY, clusters, profile_of, profiles


def test_useless_degrees_are_left_out() -> None:
    """Tests that degree 4, slower than 2 for small images, is no option, but its time is still known."""
    costs = Costs(TOY, Cluster.nvlink(8)).of(SMALL)
    assert costs.degrees == (1, 2, 8)
    assert costs.seconds == (0.02, 0.018, 0.017)
    assert costs.step_time[4] == 0.019
    assert costs.fastest == 0.017


def test_equally_fast_is_not_faster() -> None:
    """Tests that a degree that only ties with a smaller one is left out."""
    profile = profile_of({SMALL: {1: 0.02, 2: 0.02, 4: 0.01}})
    assert Costs(profile, Cluster.nvlink(4)).of(SMALL).degrees == (1, 4)


def test_times_depend_on_the_link_of_the_group() -> None:
    """Tests that pairs over PCIe cost more than pairs over NVLink, and a degree is judged by its fastest group."""
    cluster = Cluster.pairs(4, grouping="all")
    costs = Costs(TOY, cluster).of(LARGE)
    assert costs.by_mask[0b0011] == 0.36
    assert costs.by_mask[0b0101] == pytest.approx(0.36 * 1.4)
    assert costs.step_time[2] == 0.36


@given(clusters, profiles)
def test_agrees_with_the_profile(cluster: Cluster, profile: Profile) -> None:
    """Tests times by mask against the profile, group by group, and that useful degrees are strictly faster."""
    for shape in profile.shapes:
        try:
            costs = Costs(profile, cluster).of(shape)
        except ProfileError:
            assert not any(profile.has(shape, g.degree, g.link) for g in cluster.all_groups)
            continue
        for group in cluster.all_groups:
            if profile.has(shape, group.degree, group.link):
                assert costs.by_mask[group.mask] == profile.step_time(shape, group.degree, group.link)
                assert costs.by_mask[group.mask] >= costs.step_time[group.degree] >= costs.fastest
            else:
                assert group.mask not in costs.by_mask
        assert list(costs.degrees) == sorted(costs.degrees)
        assert all(a > b for a, b in zip(costs.seconds, costs.seconds[1:], strict=False))


def test_batches_come_from_the_profile() -> None:
    """Tests that a batch costs its own entry, and an unknown batch is an error."""
    cluster = Cluster.nvlink(4)
    costs = Costs(TOY, cluster)
    pair = cluster.groups(2)[0]
    assert costs.batch_time(SMALL, pair, 1) == 0.018
    assert costs.batch_time(SMALL, pair, 2) == TOY.step_time(SMALL, 2, "nvlink", 2)
    with pytest.raises(ProfileError, match="batch 3"):
        costs.batch_time(SMALL, pair, 3)


def test_unknown_shape_is_named() -> None:
    """Tests that a shape without any time names profile, shape, cluster and what there is."""
    with pytest.raises(ProfileError, match=r"'gappy' has no step time for 64x64 .*8x-nvlink.*256x256"):
        Costs(GAPPY, Cluster.nvlink(8)).of(Shape(64, 64))


def test_one_object_per_profile_and_cluster() -> None:
    """Tests that rounds of one run share their costs."""
    cluster = Cluster.nvlink(2)
    assert costs_of(TOY, cluster) is costs_of(TOY, cluster)
    assert costs_of(TOY, cluster) is not costs_of(TOY, Cluster.nvlink(2))


@given(clusters, profiles)
def test_preferred_degrees_are_those_in_time_then_the_fastest(cluster: Cluster, profile: Profile) -> None:
    """Tests that each row holds every useful degree: those fast enough by GPU-seconds, then the others from the fastest."""
    for shape in profile.shapes:
        try:
            costs = costs_of(profile, cluster).of(shape)
        except ProfileError:
            continue
        assert len(costs.preferred) == len(costs.degrees) + 1
        for slow, row in enumerate(costs.preferred):
            making, rest = row[: len(row) - slow], row[len(row) - slow :]
            assert sorted(making) == list(costs.degrees[slow:])
            work = [degree * costs.step_time[degree] for degree in making]
            assert work == sorted(work)
            assert rest == costs.degrees[:slow][::-1]
