from __future__ import annotations

from itertools import combinations, pairwise

import networkx as nx
import pytest
from hypothesis import given

from planner.cluster import Cluster, Group
from tests.strategies import CLUSTERS, clusters


def test_aligned_groups_of_eight() -> None:
    """Tests that 8 GPUs on one NVLink domain offer the 15 aligned groups, small ones first."""
    cluster = Cluster.nvlink(8)
    assert [len(cluster.groups(degree)) for degree in (1, 2, 4, 8)] == [8, 4, 2, 1]
    assert [group.gpus for group in cluster.groups(4)] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert len(cluster.all_groups) == 15
    assert [group.degree for group in cluster.all_groups] == sorted(group.degree for group in cluster.all_groups)
    assert cluster.groups(3) == ()


def test_all_subsets_on_request() -> None:
    """Tests that grouping 'all' offers every subset of each degree."""
    cluster = Cluster.nvlink(6, grouping="all")
    assert [group.gpus for group in cluster.groups(4)] == list(combinations(range(6), 4))
    assert not cluster.laminar


def test_pairs_have_two_link_classes() -> None:
    """Tests that a pair of A40s talks over NVLink and everything else over PCIe, as in the paper's machine."""
    cluster = Cluster.pairs(4, grouping="all")
    assert cluster.link_of((0, 1)) == cluster.link_of((2, 3)) == "nvlink"
    assert cluster.link_of((1, 2)) == cluster.link_of((0, 1, 2, 3)) == "pcie"
    assert cluster.link_of((3,)) == "local"
    assert not cluster.uniform
    assert Cluster.pairs(4).uniform, "aligned groups of a degree are alike on pairs"


def test_nodes_talk_over_the_network() -> None:
    """Tests that only groups within a machine use its own links, also where blocks straddle machines."""
    assert Cluster.nodes(2, 4).link_of(range(4)) == "nvlink"
    assert Cluster.nodes(2, 4).link_of(range(8)) == "network"
    straddling = Cluster.nodes(2, 3)
    assert [group.link for group in straddling.groups(2)] == ["nvlink", "network", "nvlink"]
    assert not straddling.uniform


def test_the_slowest_of_unequal_links_counts() -> None:
    """Tests a GPU on a riser: its groups are as slow as its own link, however fast the others' are."""
    edges = (("gpu0", "root", "nvlink"), ("gpu1", "root", "nvlink"), ("gpu2", "root", "pcie"))
    cluster = Cluster("riser", 3, edges, ("nvlink", "pcie"), "all")
    assert [cluster.link_of(pair) for pair in ((0, 1), (0, 2), (2, 1))] == ["nvlink", "pcie", "pcie"]


def test_degrees_above_the_cluster_are_left_out() -> None:
    """Tests that a cluster of 6 offers degrees up to 4, and leaves two GPUs over at degree 4."""
    cluster = Cluster.nvlink(6)
    assert cluster.degrees == (1, 2, 4)
    assert [group.gpus for group in cluster.groups(4)] == [(0, 1, 2, 3)]


@given(clusters)
def test_groups_are_what_they_say(cluster: Cluster) -> None:
    """Tests that masks, degrees and link classes of all groups agree with the graph of links."""
    rank = {link: i for i, link in enumerate(cluster.links)}
    seen = set()
    for group in cluster.all_groups:
        assert group.mask == sum(1 << gpu for gpu in group.gpus)
        assert group.degree == len(set(group.gpus)) == group.mask.bit_count()
        assert group.mask & cluster.full_mask == group.mask
        assert group.mask not in seen
        seen.add(group.mask)
        assert cluster.group_of(reversed(group.gpus)) is group
        slowest = -1
        for a, b in combinations(group.gpus, 2):
            path = nx.shortest_path(cluster.graph, f"gpu{a}", f"gpu{b}")
            links = (cluster.graph.edges[edge]["link"] for edge in pairwise(path))
            slowest = max(slowest, *(rank[link] for link in links))
        assert group.link == ("local" if slowest < 0 else cluster.links[slowest])


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda c: c.name)
def test_laminar_means_nested_or_disjoint(cluster: Cluster) -> None:
    """Tests that a laminar cluster has no two groups that overlap without one holding the other."""
    crossing = any(a.mask & b.mask not in (0, a.mask, b.mask) for a, b in combinations(cluster.all_groups, 2))
    assert not (cluster.laminar and crossing)
    if cluster.grouping == "all" and cluster.gpus > 2:
        assert crossing


def test_illegal_group_is_named() -> None:
    """Tests that GPUs across two blocks are refused with the GPUs and the cluster in the message."""
    with pytest.raises(ValueError, match=r"8x-nvlink.*\(1, 2\).*no legal group"):
        Cluster.nvlink(8).group_of((2, 1))


def test_round_trip() -> None:
    """Tests that plain data hold everything about a cluster, custom degrees among it."""
    for cluster in CLUSTERS:
        again = Cluster.from_dict(cluster.to_dict())
        assert again.to_dict() == cluster.to_dict()
        assert again.all_groups == cluster.all_groups


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gpus": 0, "edges": ()}, "gpus is 0"),
        ({"gpus": 2, "edges": ()}, "one tree"),
        ({"gpus": 2, "edges": (("gpu0", "s", "nvlink"),)}, "one tree"),
        (
            {"gpus": 2, "edges": (("gpu0", "s", "nvlink"), ("gpu1", "s", "nvlink"), ("gpu0", "gpu1", "nvlink"))},
            "one tree",
        ),
        (
            {"gpus": 2, "edges": (("gpu0", "a", "nvlink"), ("gpu1", "b", "nvlink"), ("c", "b", "nvlink"))},
            "one tree",
        ),
        ({"gpus": 1, "edges": (("gpu0", "s", "carrier pigeon"),)}, "link 'carrier pigeon'"),
        ({"gpus": 1, "edges": (), "grouping": "some"}, "grouping is 'some'"),
        ({"gpus": 1, "edges": (), "degrees": (2, 1)}, r"degrees are \(2, 1\)"),
        ({"gpus": 1, "edges": (), "degrees": (0, 1)}, r"degrees are \(0, 1\)"),
    ],
)
def test_bad_clusters_are_refused(arguments: dict[str, object], message: str) -> None:
    """Tests that what is no tree over all GPUs, or asks for impossible groups, is refused by name."""
    with pytest.raises(ValueError, match=message):
        Cluster("bad", links=("nvlink",), **arguments)  # type: ignore[arg-type]


def test_odd_number_of_gpus_makes_no_pairs() -> None:
    """Tests that pairs need an even number of GPUs."""
    with pytest.raises(ValueError, match="even number of GPUs, not 5"):
        Cluster.pairs(5)


def test_too_many_subsets_are_refused_early() -> None:
    """Tests that all subsets of 64 GPUs are refused with advice rather than enumerated."""
    with pytest.raises(ValueError, match="grouping='aligned'"):
        _ = Cluster.nvlink(64, grouping="all").all_groups


def test_groups_compare_by_content() -> None:
    """Tests that a group that a user makes equals the cluster's own, so that plans may be written by hand."""
    assert Group((0, 1), "nvlink") == Cluster.nvlink(8).groups(2)[0]
    assert Group((0, 1), "pcie") != Cluster.nvlink(8).groups(2)[0]


@pytest.mark.parametrize(
    ("gpus", "known", "degrees"),
    [
        (6, [1, 2, 3, 6], (1, 3, 6)),
        (12, [1, 2, 3, 6, 12], (1, 3, 6, 12)),
        (8, [1, 2, 4, 8], (1, 2, 4, 8)),
        (8, [1, 2, 4], (1, 2, 4, 8)),
        (8, [1, 3], (1, 3)),
        (24, [1, 2, 3, 4, 8, 24], (1, 2, 4, 8, 24)),
    ],
)
def test_groups_have_the_sizes_of_a_profile_that_nest(gpus: int, known: list[int], degrees: tuple[int, ...]) -> None:
    """The longest chain of multiples is offered, so that placement stays laminar; sizes that are there are kept."""
    cluster = Cluster.nvlink(gpus).offering(known)
    assert cluster.degrees == degrees
    assert cluster.laminar
    assert Cluster.nvlink(6, grouping="all").offering([1, 2, 3, 6]).degrees == (1, 2, 3, 6)
