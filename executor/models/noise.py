"""Noise that a scheduler draws while it steps, from a generator that belongs to the request.

Pipelines pass their generator to the first latents alone; what a stochastic scheduler draws comes from the generator of the
device, which members of a group do not share.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from executor.models.ticket import Ticket


@contextmanager
def own_noise(ticket: Ticket, device: torch.device) -> Iterator[None]:
    """Let what is drawn inside come from a request's own generator, and note how far it has come."""
    generator = _generator_of(device)
    before = generator.get_state()
    if isinstance(ticket.noise, int):
        generator.manual_seed(ticket.noise)
    else:
        generator.set_state(ticket.noise)
    began = generator.get_state()
    try:
        yield
        ended = generator.get_state()
        if not torch.equal(began, ended):
            ticket.noise = ended
    finally:
        generator.set_state(before)


def _generator_of(device: torch.device) -> torch.Generator:
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
    return torch.default_generator
