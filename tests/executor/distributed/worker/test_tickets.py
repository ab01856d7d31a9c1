"""The requests that a worker has at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from executor.distributed.local.latents import Shared
from executor.distributed.worker.tickets import Tickets
from executor.models.ticket import Ticket

CPU = torch.device("cpu")


class Counter:
    """A scheduler that only counts."""

    def __init__(self) -> None:
        self.steps = 0


def _stepped(ticket: Ticket) -> Ticket:
    ticket.step += 1
    ticket.latents = ticket.latents + 1.0
    return ticket


def _shared(tmp_path: Path) -> Shared:
    """Make a place for states, with a request in its first turn that has done no step."""
    shared = Shared(tmp_path)
    ticket = Ticket({"timesteps": torch.arange(4)}, {}, torch.zeros(2), Counter(), 0)
    shared.states(0).admit(7, ticket.fixed(), ticket.moving())
    return shared


def test_a_state_is_read_when_another_worker_has_been_on_it(tmp_path: Path) -> None:
    """Tests that a request at hand is used as it is, and read again where it has gone on elsewhere."""
    shared = _shared(tmp_path)
    here, there = Tickets(shared, 0, CPU), Tickets(shared, 0, CPU)
    mine = here.after(7, 0)
    assert here.after(7, 0) is mine and mine.latents.tolist() == [0.0, 0.0]
    there.states.write(7, 1, _stepped(there.after(7, 0)).moving())
    there.states.settle(7)
    assert here.after(7, 1) is mine and mine.latents.tolist() == [1.0, 1.0]


def test_a_state_at_another_step_is_none(tmp_path: Path) -> None:
    """Tests that nobody goes on with a state that is not where the controller says."""
    tickets = Tickets(_shared(tmp_path), 0, CPU)
    with pytest.raises(RuntimeError, match="request 7 has done 0 steps; the controller says 2"):
        tickets.after(7, 2)


def test_what_is_dropped_is_read_anew(tmp_path: Path) -> None:
    """Tests that a request that is no longer at hand is read again, and one of another turn is not there."""
    tickets = Tickets(_shared(tmp_path), 0, CPU)
    first = _stepped(tickets.after(7, 0))
    tickets.drop(7)
    tickets.release(7)
    assert tickets.after(7, 0) is not first
    tickets.turn(1)
    with pytest.raises(FileNotFoundError):
        tickets.after(7, 0)
