"""What talking costs on some hardware: collectives by group and size, making a group, changing to another one.

A part of a profile that says nothing of steps, and that no scheduler needs: it is what step times of groups which could not
be measured are modelled with, and what one looks at to understand those which could.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from profiles.entries import LOCAL, ProfileError

SCHEMA = "tetriplan/communication/1"
"""The version of this section of a profile."""

Operation = Literal["all_to_all", "all_gather"]
"""The collectives of sequence parallelism."""

OPERATIONS: tuple[Operation, ...] = get_args(Operation)


@dataclass(frozen=True, slots=True)
class CollectiveEntry:
    """The time of one collective.

    Parameters
    ----------
    operation
        Which one.
    degree, link
        Members of the group, and the link class between them.
    sent
        Bytes that one member sends to all others together.
    seconds
        Median over repeats; of each repeat, the member that took longest.
    spread
        Coefficient of variation.
    source
        On which GPUs, and how often.
    date
        ISO day.

    Raises
    ------
    ProfileError
        If a field has an impossible value; the message starts with the field's name.
    """

    operation: Operation
    degree: int
    link: str
    sent: int
    seconds: float
    spread: float
    source: str
    date: str

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ProfileError(f"operation is {self.operation!r}; it must be one of {', '.join(OPERATIONS)}")
        _check_group(self.degree, self.link)
        if self.sent < 1:
            raise ProfileError(f"sent is {self.sent!r}; it must be at least 1 byte")
        _check_times(self.seconds, self.spread)


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """What making a group takes, up to the end of its first collective.

    Parameters
    ----------
    degree, link
        As in `CollectiveEntry`.
    seconds, spread
        Median over groups, and their coefficient of variation.
    memory
        Bytes that a group takes on one member: of the device, or of the process where there is none.
    source, date
        As in `CollectiveEntry`.

    Raises
    ------
    ProfileError
        If a field has an impossible value; the message starts with the field's name.
    """

    degree: int
    link: str
    seconds: float
    spread: float
    memory: int
    source: str
    date: str

    def __post_init__(self) -> None:
        _check_group(self.degree, self.link)
        _check_times(self.seconds, self.spread)
        if self.memory < 0:
            raise ProfileError(f"memory is {self.memory!r}; it must be 0 bytes or more")


@dataclass(frozen=True, slots=True)
class RegroupEntry:
    """From the end of a request's step on one group to the beginning of its next step on another.

    Parameters
    ----------
    before, after
        Degrees.
    seconds, spread
        Median over changes, and their coefficient of variation.
    source, date
        As in `CollectiveEntry`.

    Raises
    ------
    ProfileError
        If a field has an impossible value; the message starts with the field's name.
    """

    before: int
    after: int
    seconds: float
    spread: float
    source: str
    date: str

    def __post_init__(self) -> None:
        if min(self.before, self.after) < 1:
            raise ProfileError(f"before and after are {self.before} and {self.after}; degrees are at least 1")
        _check_times(self.seconds, self.spread)


@dataclass(frozen=True, slots=True)
class LinkModel:
    """A collective takes ``latency + sent / bandwidth``.

    Parameters
    ----------
    bandwidth
        Bytes per second that one member sends.
    latency
        Seconds.

    Raises
    ------
    ProfileError
        If one is impossible.
    """

    bandwidth: float
    latency: float

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise ProfileError(f"bandwidth is {self.bandwidth!r}; it must be a positive number of bytes per second")
        if not (math.isfinite(self.latency) and self.latency >= 0):
            raise ProfileError(f"latency is {self.latency!r}; it must be 0 or more seconds")

    def seconds(self, calls: float, sent: float) -> float:
        """Return what ``calls`` collectives take in which a member sends ``sent`` bytes in all."""
        return calls * self.latency + sent / self.bandwidth


@dataclass(frozen=True, slots=True)
class Communication:
    """All of it, for one kind of hardware.

    Parameters
    ----------
    collectives, groups, regroups
        Measured, in the order in which they are shown.
    """

    collectives: tuple[CollectiveEntry, ...] = ()
    groups: tuple[GroupEntry, ...] = ()
    regroups: tuple[RegroupEntry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.collectives or self.groups or self.regroups)

    @property
    def memory(self) -> int | None:
        """Bytes that a group takes on a member, at most; None where none were measured."""
        return max((entry.memory for entry in self.groups), default=0) or None

    def degrees(self, link: str) -> tuple[int, ...]:
        """Degrees whose collectives were measured on a link class, ascending."""
        return tuple(sorted({entry.degree for entry in self.collectives if entry.link == link}))

    def model(self, link: str, degree: int) -> LinkModel | None:
        """Return the link model of groups of ``degree``, or of the largest smaller ones that were measured, or None."""
        known = [d for d in self.degrees(link) if d <= degree]
        if not known:
            return None
        return fit(entry for entry in self.collectives if (entry.link, entry.degree) == (link, known[-1]))


def fit(entries: Iterable[CollectiveEntry]) -> LinkModel:
    """Fit latency and bandwidth: least squares on the relative error, neither below zero.

    Raises
    ------
    ProfileError
        If there is no entry.
    """
    points = [(1 / e.seconds, e.sent / e.seconds) for e in entries]
    if not points:
        raise ProfileError("no collective was measured; a link model needs at least one")
    xx, xy = sum(x * x for x, _ in points), sum(x * y for x, y in points)
    yy, sx, sy = sum(y * y for _, y in points), sum(x for x, _ in points), sum(y for _, y in points)
    determinant = xx * yy - xy * xy
    if determinant > 1e-12 * xx * yy:
        latency, per_byte = (sx * yy - sy * xy) / determinant, (sy * xx - sx * xy) / determinant
        if latency >= 0 and per_byte > 0:
            return LinkModel(1 / per_byte, latency)
        if per_byte <= 0:
            return LinkModel(math.inf, sx / xx)
    return LinkModel(yy / sy, 0.0)


def _check_group(degree: int, link: str) -> None:
    if degree < 2:
        raise ProfileError(f"degree is {degree!r}; a group that talks has at least 2 members")
    if not link or link == LOCAL:
        raise ProfileError(f"link is {link!r}; it must be a link class between GPUs")


def _check_times(seconds: float, spread: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0):
        raise ProfileError(f"seconds is {seconds!r}; it must be a positive, finite number")
    if not (math.isfinite(spread) and spread >= 0):
        raise ProfileError(f"spread is {spread!r}; it must be a finite number, 0 or more")
