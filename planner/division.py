"""A large cluster as cells of equal size: the rounds of its cells, and the plan of the whole from theirs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.job import Job
from planner.plan import Assignment, Plan
from planner.round import Round

_Edges = tuple[tuple[str, str, str], ...]


@lru_cache(maxsize=16)
def cells_of(cluster: Cluster, gpus: int) -> tuple[Cluster, ...]:
    """Return a cluster as cells of ``gpus`` neighbouring GPUs each; cells with equal links are one object.

    Parameters
    ----------
    cluster
        With aligned groups that nest.
    gpus
        Of each cell.

    Raises
    ------
    ParameterError
        If the cells would not be equal, or would cut a group.
    """
    if not cluster.laminar:
        raise ParameterError("gpus", gpus, f"cluster {cluster.name} has no aligned groups that nest; it has no cells")
    largest = cluster.degrees[-1]
    if cluster.gpus % gpus or gpus % largest:
        sizes = [size for size in range(largest, cluster.gpus + 1, largest) if cluster.gpus % size == 0]
        likely = ", ".join(map(str, sorted(sizes, key=lambda size: abs(size - gpus))[:3]))
        raise ParameterError(
            "gpus", gpus, f"cells must divide {cluster.gpus} GPUs and hold groups of {largest}; use {likely or 'none'}"
        )
    made: dict[_Edges, Cluster] = {}
    for first in range(0, cluster.gpus, gpus):
        edges = _edges(cluster, first, gpus)
        if edges not in made:
            name = f"{gpus} of {cluster.name}"
            made[edges] = Cluster(name, gpus, edges, cluster.links, cluster.grouping, cluster.degrees)
    return tuple(made[_edges(cluster, first, gpus)] for first in range(0, cluster.gpus, gpus))


@lru_cache(maxsize=256)
def _edges(cluster: Cluster, first: int, gpus: int) -> _Edges:
    """Return the part of the tree that joins some GPUs, numbered from 0, its switches in the order in which they are met."""
    import networkx as nx

    if gpus == 1:
        return ()
    leaves = [f"gpu{gpu}" for gpu in range(first, first + gpus)]
    paths = nx.single_source_shortest_path(cluster.graph, leaves[0])
    kept = dict.fromkeys(node for leaf in leaves for node in paths[leaf])
    names = {leaf: f"gpu{at}" for at, leaf in enumerate(leaves)}
    for node in kept:
        names.setdefault(node, f"switch{len(names) - gpus}")
    edges = [(*sorted((names[a], names[b])), link) for a, b, link in cluster.edges if a in names and b in names]
    return tuple(sorted((a, b, link) for a, b, link in edges))


def divided(round_: Round, clusters: Sequence[Cluster], homes: Sequence[int]) -> list[Round]:
    """Return the round of each cell.

    Parameters
    ----------
    round_
        Of the whole.
    clusters
        The cells, of equal size.
    homes
        The cell of each job. A job whose latent is in another one comes to its cell as one that is on no GPUs there.
    """
    gpus = clusters[0].gpus
    jobs: list[list[Job]] = [[] for _ in clusters]
    for job, home in zip(round_.jobs, homes, strict=True):
        own, group = job, job.group
        if group is not None:
            there = group.mask >> home * gpus if group.gpus[0] // gpus == home else 0
            moved = clusters[home].by_mask[there] if there else None
            own = Job(job.request, job.steps_left, job.due, job.ready, moved, job.running, job.decode)
        jobs[home].append(own)
    return [
        Round(
            round_.now,
            tuple(jobs[at]),
            cluster,
            round_.profile,
            round_.free_at[at * gpus : (at + 1) * gpus],
            round_.cadence,
            round_.regroup_seconds,
            round_.demand,
            tuple(gpu - at * gpus for gpu in round_.decoding if gpu // gpus == at),
        )
        for at, cluster in enumerate(clusters)
    ]


def joined(round_: Round, plans: Sequence[Plan], gpus: int) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
    """Return the assignments of all cells, and their successors, on the GPUs of the whole."""
    groups = round_.cluster.by_mask

    def on_all(part: str) -> tuple[Assignment, ...]:
        return tuple(
            Assignment(a.jobs, groups[a.group.mask << at * gpus], a.steps)
            for at, plan in enumerate(plans)
            for a in getattr(plan, part)
        )

    return on_all("assignments"), on_all("then")
