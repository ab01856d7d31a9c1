"""Requests' states on their way from a step to where every worker can read them.

A step on a GPU does not wait for it: copies into pinned memory go beside the steps, on a stream of their own, and what has
arrived is packed, checked and written while the device is at the next step. A chunk ends when its last step is written. On a
processor nothing would be won: there a state is written before the next step begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

import torch
from torch import Tensor

from executor.distributed.storage import States
from executor.models.codec import Packed, in_host_memory
from executor.models.ticket import Ticket


class Copies(Protocol):
    """How tensors leave a device."""

    @property
    def beside(self) -> bool:
        """Whether they leave while the device goes on."""
        ...

    def host(self, value: Tensor) -> Tensor:
        """Return a tensor in host memory that has, or will have, the values that another has now."""
        ...

    def begun(self) -> None:
        """Take in that these are all for now: the next step must not touch what is being copied."""
        ...

    def arrived(self) -> None:
        """Wait until what was begun last is in host memory."""
        ...

    def wait_for_steps(self) -> None:
        """Wait until the device has done its steps; not for copies."""
        ...


class InPlace:
    """Of a processor: there is nothing to copy; `Copies`."""

    beside = False

    def host(self, value: Tensor) -> Tensor:
        """See `Copies.host`."""
        return in_host_memory(value)

    def begun(self) -> None:
        """See `Copies.begun`."""

    def arrived(self) -> None:
        """See `Copies.arrived`."""

    def wait_for_steps(self) -> None:
        """See `Copies.wait_for_steps`: a step is done when it returns."""


class Rooms:
    """Host memory for what arrives, kept from step to step: to have it pinned takes longer than a copy.

    Parameters
    ----------
    make
        Returns so many bytes.
    """

    def __init__(self, make: Callable[[int], Tensor]) -> None:
        self._make = make
        self._rooms: list[Tensor] = []
        self._taken = 0

    def take(self, value: Tensor) -> Tensor:
        """Return room for a tensor, of its type and shape; nobody else is given it until all have been vacated."""
        size = value.nbytes
        if self._taken == len(self._rooms):
            self._rooms.append(self._make(size))
        elif self._rooms[self._taken].numel() < size:
            self._rooms[self._taken] = self._make(size)
        self._taken += 1
        return self._rooms[self._taken - 1][:size].view(value.dtype).view(value.shape)

    def vacate(self) -> None:
        """What was taken has been read, or will be before anything is taken."""
        self._taken = 0


class Beside:
    """Of a GPU: into pinned memory, on a stream of its own; `Copies`.

    Parameters
    ----------
    device
        The GPU.
    """

    beside = True

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._rooms = Rooms(lambda size: torch.empty(size, dtype=torch.uint8, pin_memory=True))

    def host(self, value: Tensor) -> Tensor:
        """See `Copies.host`."""
        if value.device.type == "cpu":
            return value.contiguous().clone()
        flat = value.contiguous()
        there = self._rooms.take(flat)
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            there.copy_(flat, non_blocking=True)
        flat.record_stream(self._stream)
        return there

    def begun(self) -> None:
        """See `Copies.begun`."""
        self._done.record(self._stream)
        torch.cuda.current_stream(self._device).wait_event(self._done)

    def arrived(self) -> None:
        """See `Copies.arrived`."""
        self._done.synchronize()
        self._rooms.vacate()

    def wait_for_steps(self) -> None:
        """See `Copies.wait_for_steps`."""
        torch.cuda.current_stream(self._device).synchronize()


def copies_of(device: torch.device) -> Copies:
    """Return how tensors leave a device."""
    return Beside(device) if device.type == "cuda" else InPlace()


class Saving:
    """What a leader writes of the steps of a chunk. As a context manager it writes, at an error, what had been begun.

    Parameters
    ----------
    states
        Where to.
    copies
        How tensors leave the device.
    """

    def __init__(self, states: States, copies: Copies) -> None:
        self._states = states
        self._copies = copies
        self._begun: list[tuple[int, int, Packed]] = []

    def __enter__(self) -> Saving:
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(
            RuntimeError, OSError
        ):  # a device that has failed, or a full disk: what was written before stands
            self.finish()

    def begin(self, tickets: Iterable[tuple[int, Ticket]]) -> None:
        """Let what a step has made of requests leave the device; it is written at `finish`, on a processor at once."""
        self._begun = [(job, ticket.step, ticket.leaving(self._copies.host)) for job, ticket in tickets]
        self._copies.begun()
        if not self._copies.beside:
            self.finish()

    def finish(self) -> None:
        """Write what has been begun; if there is nothing, nothing happens."""
        if not self._begun:
            return
        begun, self._begun = self._begun, []
        self._copies.arrived()
        for job, steps, packed in begun:
            self._states.write(job, steps, packed.join())
