"""A request's state between steps: all that another group needs to go on with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from executor.models.codec import Host, Packed, in_host_memory, pack, pack_with, to_device, unpack


@dataclass
class Ticket:
    """A request in denoising.

    Parameters
    ----------
    values
        What the steps before denoising left, by name: embeddings, position ids, timesteps. Never changes.
    kinds
        Names in ``values`` by the kind of input that they are, as diffusers groups them.
    latents
        The sample.
    scheduler
        The request's own; multistep ones carry past predictions.
    step
        Steps done.
    noise
        What the scheduler's own noise is drawn from: a seed, or after the first draw the state of the generator. It
        travels with the request, so that all members of a group, and every group, draw the same.
    """

    values: dict[str, Any]
    kinds: dict[str, list[str]]
    latents: Tensor
    scheduler: Any
    step: int
    noise: int | Tensor = 0

    @property
    def steps(self) -> int:
        """Steps in all."""
        return len(self.values["timesteps"])

    def fixed(self) -> bytes:
        """Return the part that never changes."""
        return pack((self.values, self.kinds))

    def moving(self) -> bytes:
        """Return the part that every step changes."""
        return self.leaving(in_host_memory).join()

    def leaving(self, host: Host) -> Packed:
        """Return the same, while its tensors are still on their way to host memory; ``host`` says how they get there."""
        return pack_with((self.step, self.latents, vars(self.scheduler), type(self.scheduler), self.noise), host)

    @classmethod
    def restore(cls, fixed: bytes, moving: bytes | memoryview, device: torch.device) -> Ticket:
        """Put a ticket together again, on a device."""
        values, kinds = to_device(unpack(fixed), device)
        ticket = cls(values, kinds, torch.empty(0), None, -1)
        ticket.update(moving, device)
        return ticket

    def update(self, moving: bytes | memoryview, device: torch.device) -> None:
        """Take over what a group did elsewhere: what was on its device comes to this one, what was in host memory stays."""
        self.step, latents, attributes, kind, self.noise = unpack(moving, device)
        self.latents = latents.to(device)
        self.scheduler = kind.__new__(kind)
        vars(self.scheduler).update(attributes)
