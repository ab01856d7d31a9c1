"""What outlives workers: requests' state between steps, and the files of finished requests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Protocol


class Saved(NamedTuple):
    """A request's state as it was last written.

    Parameters
    ----------
    steps
        Steps done.
    data
        As `executor.models.ticket.Ticket.moving` made it.
    """

    steps: int
    data: bytes


class States(Protocol):
    """The states of all requests of an engine, as one process reaches them.

    A writer that dies in a write leaves the state before it: a dead worker loses at most the steps since its last
    `settle`, and what is read is always whole.
    """

    def admit(self, request: int, fixed: bytes, moving: bytes) -> None:
        """Write a request for the first time; done when it returns."""
        ...

    def fixed(self, request: int) -> bytes:
        """Return the part that never changes.

        Raises
        ------
        FileNotFoundError
            If the request is not there.
        """
        ...

    def write(self, request: int, steps: int, moving: bytes) -> None:
        """Write what ``steps`` steps have made of a request; it may still be under way when this returns."""
        ...

    def settle(self, request: int) -> None:
        """Wait until the last write of a request is what everybody reads."""
        ...

    def read(self, request: int) -> Saved:
        """Return the state with the most steps that was completely written.

        Raises
        ------
        FileNotFoundError
            If the request is not there.
        """
        ...

    def release(self, request: int) -> None:
        """Stop holding on to a request; another worker goes on with it."""
        ...

    def remove(self, request: int) -> None:
        """Forget a request; one that is not there is no error."""
        ...


class Storage(Protocol):
    """Where a run keeps what outlives workers. It travels to them with their setting.

    Engines that have a crew one after the other have states of their own, by *turn*: their requests may have equal ids, and
    what a worker of an earlier turn still writes is read by nobody.
    """

    def states(self, turn: int) -> States:
        """Return this process's way to the states of a turn."""
        ...

    def forget(self, turn: int) -> None:
        """Remove the states of a turn; a second time, nothing happens."""
        ...

    def save(self, path: Path, data: bytes) -> None:
        """Write a file on the controller's machine; it appears under its name only when all of it is written.

        Raises
        ------
        OSError
            If the folder cannot be written, or is full.
        """
        ...

    def remove(self) -> None:
        """Remove all states; a second time, nothing happens."""
        ...


def write_file(path: Path, data: bytes) -> None:
    """See `Storage.save`, on this machine."""
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
