"""What the controller and its workers tell each other.

Plain data; times are `time.monotonic` of the process that says them, which the processes of a machine share;
between machines, links translate them with `shifted`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from executor.distributed.budget import DeviceMemory
from executor.distributed.group_names import Named
from executor.models.spec import Ask

# -- to a worker
# ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admit:
    """Encode a request's text, draw its noise, and put its state where all workers can read it."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Decode:
    """Turn a finished request's latent into an image, and write both, each if it has a path.

    Without ``keep``, files are made for the time that it takes, and not kept.
    """

    ask: Ask
    image: Path | None
    latent: Path | None
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """Do steps of some requests, together with the other members of a group.

    Parameters
    ----------
    chunk
        Unique.
    jobs
        Request ids.
    done
        Steps that each has behind it.
    group
        Who; the first member leads.
    limit
        Steps to do, unless the leader hears otherwise.
    most
        Steps that no limit will ever exceed: then nobody needs to be asked whether to go on.
    """

    chunk: int
    jobs: tuple[int, ...]
    done: tuple[int, ...]
    group: Named
    limit: int
    most: int


@dataclass(frozen=True, slots=True)
class Limit:
    """To a leader: a chunk ends after so many steps, or at the next step boundary if it has done as many."""

    chunk: int
    steps: int


@dataclass(frozen=True, slots=True)
class Join:
    """Make a group before it is needed, and let its members meet."""

    group: Named


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave a group for good, when what was told before is done."""

    name: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Leave a group for good and at once: it is broken, and who waits in it would wait for ever."""

    name: str


@dataclass(frozen=True, slots=True)
class Forget:
    """A request is over."""

    request: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Another engine takes over: whatever belongs to requests of the one before is forgotten. Answered by `Turned`."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Exit."""


# -- from a worker
# -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded. ``memory``: of its GPU, where it has one."""

    memory: DeviceMemory | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """All that was to be done for earlier engines is over; nothing more will be said of it. ``memory``: as of `Ready`."""

    number: int
    memory: DeviceMemory | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """The model cannot be loaded."""

    error: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The first step can begin, since ``at``. ``seconds``: what encoding took."""

    request: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The pipeline does not take the request."""

    request: int
    error: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The frames are made, since ``at``, and are being written: the worker can take its next command.

    ``seconds``: what decoding took.
    """

    request: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Working:
    """From the worker for stages: it is at its command, and has used its processor since it last said so."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The image is there since ``at``. ``seconds``: what decoding and writing took."""

    request: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Undecoded:
    """The image could not be made or written. ``passing``: whether time may mend it, as with a full disk."""

    request: int
    error: str
    passing: bool


@dataclass(frozen=True, slots=True)
class Stepped:
    """From a leader: the chunk has done ``steps`` steps; the last one took from ``began`` to ``at``.

    ``ends``: whether the chunk ends here; one message for both, so that the controller wakes up only once.
    """

    chunk: int
    steps: int
    began: float
    at: float
    ends: bool


@dataclass(frozen=True, slots=True)
class Broke:
    """From any member: the chunk cannot go on here, and the group has been left."""

    chunk: int
    group: Named
    error: str


def shifted(message: Any, ahead: float, now: float) -> Any:
    """Return a message of a worker with its times on the controller's clock.

    Parameters
    ----------
    message
        Any.
    ahead
        Seconds by which the worker's clock is ahead.
    now
        The controller's time: what has been said lies before it.
    """
    match message:
        case Stepped():
            return replace(message, began=min(message.began - ahead, now), at=min(message.at - ahead, now))
        case Admitted() | Rendered() | Decoded():
            return replace(message, at=min(message.at - ahead, now))
    return message
