"""The requests that a worker has at hand, and where it reads and writes those that it has not."""

from __future__ import annotations

import torch

from executor.distributed.storage import Storage
from executor.models.ticket import Ticket


class Tickets:
    """Requests' states on one device.

    Parameters
    ----------
    storage
        Where all workers can read states.
    turn
        Of the engine whose requests they are.
    device
        Where a ticket's tensors are.
    """

    def __init__(self, storage: Storage, turn: int, device: torch.device) -> None:
        self._storage = storage
        self._device = device
        self._at_hand: dict[int, Ticket] = {}
        self.states = storage.states(turn)
        """Of the engine's requests."""

    def turn(self, number: int) -> None:
        """Forget all requests: they are of an engine that is gone."""
        self._at_hand.clear()
        self.states = self._storage.states(number)

    def after(self, job: int, done: int) -> Ticket:
        """Return a request's state after ``done`` steps; read only if another worker has been on it.

        Raises
        ------
        RuntimeError
            If it is at another step.
        """
        ticket = self._at_hand.get(job)
        if ticket is not None and ticket.step == done:
            return ticket
        saved = self.states.read(job)
        if ticket is None:
            ticket = Ticket.restore(self.states.fixed(job), saved.data, self._device)
        else:
            ticket.update(saved.data, self._device)
        if ticket.step != done:
            raise RuntimeError(f"request {job} has done {ticket.step} steps; the controller says {done}")
        self._at_hand[job] = ticket
        return ticket

    def drop(self, job: int) -> None:
        """Have a request no longer at hand."""
        self._at_hand.pop(job, None)

    def release(self, job: int) -> None:
        """Keep nothing open of what has been read of a request."""
        self.states.release(job)
