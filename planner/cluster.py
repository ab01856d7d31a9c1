"""GPUs, the links between them, and the GPU groups that a request may run on.

A cluster is a tree of switches with the GPUs as leaves; every edge has a link class. The link class of a group is the
slowest one on the paths between its members, because a collective is as fast as its slowest link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from planner.errors import ParameterError, fields_of, listed, whole
from profiles.profile import LOCAL

if TYPE_CHECKING:
    import networkx as nx

Grouping = Literal["aligned", "all"]
_SUBSET_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class Group:
    """A set of GPUs that runs one step together.

    Parameters
    ----------
    gpus
        GPU indices, ascending.
    link
        Link class of the group, ``"local"`` for a single GPU.
    mask
        Bit ``g`` is set when GPU ``g`` is a member; two groups are disjoint when ``a.mask & b.mask == 0``.
    degree
        Number of GPUs: the degree of sequence parallelism.
    """

    gpus: tuple[int, ...]
    link: str
    mask: int = field(init=False, repr=False, compare=False)
    degree: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", sum(1 << gpu for gpu in self.gpus))
        object.__setattr__(self, "degree", len(self.gpus))


@dataclass(frozen=True, eq=False)
class Cluster:
    """GPUs under a tree of switches.

    Parameters
    ----------
    name
        For tables and errors.
    gpus
        Number of GPUs, numbered from 0.
    edges
        ``(node, node, link class)``; GPU ``g`` is the node ``"gpu{g}"``, other names are switches.
    links
        Link classes, fastest first.
    grouping
        ``"aligned"``: groups of degree k are the blocks ``[m k, (m+1) k)``. ``"all"``: every subset.
    degrees
        Group sizes to offer; sizes above ``gpus`` are left out.

    Raises
    ------
    ValueError
        If the edges do not make a tree over all GPUs, or a link class is unknown.
    """

    name: str
    gpus: int
    edges: tuple[tuple[str, str, str], ...]
    links: tuple[str, ...]
    grouping: Grouping = "aligned"
    degrees: tuple[int, ...] = (1, 2, 4, 8)

    def __post_init__(self) -> None:
        if self.gpus < 1:
            raise ValueError(f"cluster {self.name!r}: gpus is {self.gpus}; at least 1 is needed")
        if self.grouping not in ("aligned", "all"):
            raise ValueError(f"cluster {self.name!r}: grouping is {self.grouping!r}; use 'aligned' or 'all'")
        bad = [degree for degree in self.degrees if degree < 1]
        if bad or not self.degrees or list(self.degrees) != sorted(set(self.degrees)):
            raise ValueError(
                f"cluster {self.name!r}: degrees are {self.degrees}; give ascending sizes from 1, for example (1, 2, 4, 8)"
            )
        for a, b, link in self.edges:
            if link not in self.links:
                raise ValueError(f"cluster {self.name!r}: edge {a}-{b} has link {link!r}; declared are {self.links}")
        children = len(self._parents) + 1
        if self.gpus > 1 and (
            len(self.edges) + 1 != children or any(f"gpu{g}" not in self._parents for g in range(self.gpus))
        ):
            raise ValueError(
                f"cluster {self.name!r}: the edges must form one tree in which gpu0..gpu{self.gpus - 1} are leaves"
            )
        object.__setattr__(self, "degrees", tuple(degree for degree in self.degrees if degree <= self.gpus))

    # -- presets ---------------------------------------------------------------------------------------------------

    @classmethod
    def flat(cls, gpus: int, link: str = "nvlink", grouping: Grouping = "aligned") -> Cluster:
        """All GPUs on one switch: an NVLink domain, or a PCIe root."""
        edges = tuple((f"gpu{g}", "switch", link) for g in range(gpus))
        return cls(f"{gpus}x-{link}", gpus, edges, (link,), grouping)

    @classmethod
    def nvlink(cls, gpus: int = 8, grouping: Grouping = "aligned") -> Cluster:
        """One NVLink domain, as in a machine with 8 x H100 (paper, section 6.1)."""
        return cls.flat(gpus, "nvlink", grouping)

    @classmethod
    def pairs(cls, gpus: int = 4, grouping: Grouping = "aligned") -> Cluster:
        """GPUs bridged in NVLink pairs, PCIe between pairs, as the paper's 4 x A40."""
        if gpus % 2:
            raise ValueError(f"a cluster of pairs needs an even number of GPUs, not {gpus}")
        inner = tuple((f"gpu{g}", f"pair{g // 2}", "nvlink") for g in range(gpus))
        outer = tuple((f"pair{p}", "host", "pcie") for p in range(gpus // 2))
        return cls(f"{gpus}x-pairs", gpus, inner + outer, ("nvlink", "pcie"), grouping)

    @classmethod
    def nodes(cls, count: int, gpus_per_node: int = 8, link: str = "nvlink") -> Cluster:
        """``count`` machines of ``gpus_per_node`` GPUs each, joined by a network."""
        gpus = count * gpus_per_node
        inner = tuple((f"gpu{g}", f"node{g // gpus_per_node}", link) for g in range(gpus))
        outer = tuple((f"node{n}", "fabric", "network") for n in range(count))
        return cls(f"{count}x{gpus_per_node}-{link}", gpus, inner + outer, (link, "network"))

    def offering(self, degrees: Iterable[int]) -> Cluster:
        """Return this cluster with groups of the sizes that a profile knows, as many as nest in one another.

        Of sizes that do not divide one another, such as 2 and 3, aligned groups would overlap. The longest chain is
        taken in which each size is a multiple of the one before; of equally long ones that with the largest sizes,
        compared from the largest down. A cluster whose own sizes include all of ``degrees`` stays as it is, and so does one
        that takes every subset, but for its sizes.

        Parameters
        ----------
        degrees
            Sizes; those above ``gpus`` are left out.

        Examples
        --------
        >>> Cluster.nvlink(6).offering([1, 2, 3, 6]).degrees
        (1, 3, 6)
        """
        sizes = sorted({1, *(degree for degree in degrees if degree <= self.gpus)})
        if set(sizes) <= set(self.degrees):
            return self
        if self.grouping == "all":
            return replace(self, degrees=tuple(sizes))
        chains: dict[int, tuple[int, ...]] = {}
        for size in sizes:
            before = [chain for last, chain in chains.items() if size % last == 0]
            chains[size] = (*max(before, key=lambda chain: (len(chain), chain[::-1]), default=()), size)
        return replace(self, degrees=max(chains.values(), key=lambda chain: (len(chain), chain[::-1])))

    # -- questions -------------------------------------------------------------------------------------------------

    @cached_property
    def graph(self) -> nx.Graph[str]:
        """The links as a networkx graph; every edge carries ``link``."""
        import networkx as nx

        graph: nx.Graph[str] = nx.Graph(name=self.name)
        graph.add_nodes_from(f"gpu{gpu}" for gpu in range(self.gpus))
        graph.add_edges_from((a, b, {"link": link}) for a, b, link in self.edges)
        return graph

    @cached_property
    def _parents(self) -> dict[str, tuple[str, int]]:
        """Node to (parent, rank of the link), for the tree rooted at the last switch named."""
        if not self.edges:
            return {}
        import networkx as nx

        rank = {link: i for i, link in enumerate(self.links)}
        root = self.edges[-1][1]
        return {
            child: (parent, rank[self.graph.edges[parent, child]["link"]])
            for parent, child in nx.bfs_edges(self.graph, root)
        }

    def link_of(self, gpus: Iterable[int]) -> str:
        """Return the slowest link class on the paths between ``gpus`` (``"local"`` for a single one)."""
        members = list(gpus)
        if len(members) == 1:
            return LOCAL
        climbs: list[dict[str, int]] = []
        for gpu in members:
            node, slowest, climb = f"gpu{gpu}", 0, {}
            climb[node] = 0
            while node in self._parents:
                node, rank = self._parents[node]
                slowest = max(slowest, rank)
                climb[node] = slowest
            climbs.append(climb)
        meeting = next(node for node in climbs[0] if all(node in climb for climb in climbs))
        return self.links[max(climb[meeting] for climb in climbs)]

    @cached_property
    def _groups(self) -> dict[int, tuple[Group, ...]]:
        groups: dict[int, tuple[Group, ...]] = {}
        for degree in self.degrees:
            if self.grouping == "aligned":
                sets: Iterable[tuple[int, ...]] = (
                    tuple(range(first, first + degree)) for first in range(0, self.gpus - degree + 1, degree)
                )
            else:
                sets = combinations(range(self.gpus), degree)
            made: list[Group] = []
            for gpus in sets:
                if len(made) >= _SUBSET_LIMIT:
                    raise ValueError(
                        f"cluster {self.name!r}: more than {_SUBSET_LIMIT} groups of degree {degree}; "
                        "use grouping='aligned' on clusters of this size"
                    )
                made.append(Group(gpus, self.link_of(gpus)))
            groups[degree] = tuple(made)
        return groups

    def groups(self, degree: int) -> tuple[Group, ...]:
        """Legal groups of ``degree`` GPUs; empty when there are none."""
        return self._groups.get(degree, ())

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """How many legal groups there are of each degree, small ones first."""
        return {degree: len(self._groups[degree]) for degree in self.degrees}

    @cached_property
    def all_groups(self) -> tuple[Group, ...]:
        """Every legal group, small ones first."""
        return tuple(group for degree in self.degrees for group in self._groups[degree])

    @cached_property
    def by_mask(self) -> Mapping[int, Group]:
        """Legal groups by their mask."""
        return {group.mask: group for group in self.all_groups}

    @cached_property
    def wider(self) -> Mapping[int, tuple[Group, ...]]:
        """By mask, the larger legal groups around a group, small ones first."""
        around: dict[int, list[Group]] = {gpu: [] for gpu in range(self.gpus)}
        for group in self.all_groups:
            for gpu in group.gpus:
                around[gpu].append(group)
        return {
            group.mask: tuple(
                other
                for other in around[group.gpus[0]]
                if other.degree > group.degree and other.mask & group.mask == group.mask
            )
            for group in self.all_groups
        }

    @cached_property
    def full_mask(self) -> int:
        """Mask of all GPUs."""
        return (1 << self.gpus) - 1

    @cached_property
    def laminar(self) -> bool:
        """Whether any two legal groups are nested or disjoint, and each degree is a multiple of the one before.

        Then any choice of degrees whose blocks fit level by level can be placed (see :mod:`planner.placement`).
        """
        return self.grouping == "aligned" and all(
            b % a == 0 for a, b in zip(self.degrees, self.degrees[1:], strict=False)
        )

    @cached_property
    def uniform(self) -> bool:
        """Whether all groups of a degree have the same link class, so that which one is chosen changes no step time."""
        return all(len({group.link for group in self._groups[degree]}) == 1 for degree in self.degrees)

    def group_of(self, gpus: Iterable[int]) -> Group:
        """Return the legal group with exactly these GPUs.

        Raises
        ------
        ValueError
            If there is none.
        """
        members = tuple(sorted(gpus))
        group = self.by_mask.get(sum(1 << gpu for gpu in members))
        if group is None:
            raise ValueError(
                f"cluster {self.name!r}: GPUs {members} are no legal group ({self.grouping} groups of {self.degrees})"
            )
        return group

    # -- JSON ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` restores it."""
        return {
            "name": self.name,
            "gpus": self.gpus,
            "edges": [list(edge) for edge in self.edges],
            "links": list(self.links),
            "grouping": self.grouping,
            "degrees": list(self.degrees),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cluster:
        """Restore a cluster written by :meth:`to_dict`.

        Raises
        ------
        ValueError
            If a field is missing, unknown, of another type or out of range; the message names it.
        """
        fields_of(data, "cluster", ("name", "gpus", "edges", "links", "grouping", "degrees"))
        whole("cluster.gpus", data["gpus"])
        for edge in listed(data, "edges", "cluster"):
            if not isinstance(edge, list | tuple) or len(edge) != 3 or not all(isinstance(part, str) for part in edge):
                raise ParameterError("cluster.edges", edge, "[node, node, link class] is needed")
        for degree in listed(data, "degrees", "cluster"):
            whole("cluster.degrees", degree)
        if not all(isinstance(link, str) for link in listed(data, "links", "cluster")):
            raise ParameterError("cluster.links", data["links"], "names of link classes are needed")
        return cls(
            name=data["name"],
            gpus=data["gpus"],
            edges=tuple((a, b, link) for a, b, link in data["edges"]),
            links=tuple(data["links"]),
            grouping=data["grouping"],
            degrees=tuple(data["degrees"]),
        )
