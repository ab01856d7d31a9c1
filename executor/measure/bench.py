"""One device with a whole pipeline on it: how long its stages take, and one member's share of a step on a group."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from executor.distributed.config import EngineConfig
from executor.measure.graphs import graphed
from executor.models.model import Model
from executor.models.spec import Ask
from executor.models.ticket import Ticket
from executor.sequence import SequenceParallel
from executor.sequence.counting import CountingLoopback
from planner.request import Request
from profiles.shape import Shape


@dataclass(frozen=True)
class Repeats:
    """How often something is timed.

    Parameters
    ----------
    most
        Times that count.
    warmup
        Times before them that do not.
    least, enough
        Once ``least`` of those that count took ``enough`` seconds together, no more are begun.
    """

    most: int
    warmup: int = 0
    least: int = 2
    enough: float = math.inf

    def times(self, run: Callable[[], float]) -> tuple[float, ...]:
        """Run as often as it says; return the times that count."""
        for _ in range(self.warmup):
            run()
        found: list[float] = []
        while len(found) < self.most and (len(found) < self.least or sum(found) < self.enough):
            found.append(run())
        return tuple(found)


@dataclass(frozen=True)
class Share:
    """A step on a group as one member sees it.

    Parameters
    ----------
    seconds
        Of each step that counts, without what others are waited for.
    calls, sent
        Collectives of a step, and bytes that this member sends in them.
    finite
        Whether the latents stayed numbers.
    """

    seconds: tuple[float, ...]
    calls: int
    sent: int
    finite: bool


class Bench:
    """A pipeline on one device.

    Parameters
    ----------
    config
        As for the engine; blocks are compiled where its are.
    repeats
        How often everything is timed.
    graphs
        Whether steps are replayed as CUDA graphs.

    Raises
    ------
    executor.models.spec.ModelError
        If the model cannot be loaded.
    """

    def __init__(self, config: EngineConfig, repeats: Repeats, graphs: bool = False) -> None:
        torch.set_num_threads(config.threads)
        self._device = torch.device(config.device)
        self._model = Model(config.model, None, self._device)
        compiler = config.model.compiler
        self._parallel = [SequenceParallel(network, compiler=compiler) for network in self._model.transformers]
        self._prompts = config.prompts
        self._repeats = repeats
        self._graphs = graphs
        self._states: dict[Shape, list[tuple[bytes, bytes]]] = {}

    def encode(self, shape: Shape) -> tuple[float, ...]:
        """Return the seconds that admissions take: text, noise, timesteps."""
        return self._repeats.times(lambda: self._clocked(lambda: self._admit(shape, 0)))

    def share(self, shape: Shape, degree: int, batch: int) -> Share:
        """Time steps of ``batch`` requests as the first member of a group does them; of degree 1: whole steps."""
        tickets = [self._ticket(shape, seed) for seed in range(batch)]
        loop = CountingLoopback(degree)
        with ExitStack() as over:
            for parallel in self._parallel if degree > 1 else ():
                over.enter_context(parallel.over(loop))
            self._model.step(tickets)
            calls, sent = loop.calls, loop.sent
            for network in self._model.transformers if self._graphs else ():
                over.enter_context(graphed(network))
            seconds = self._repeats.times(lambda: self._timed(lambda: self._model.step(tickets)))
        finite = all(bool(torch.isfinite(ticket.latents).all()) for ticket in tickets)
        return Share(seconds, calls, sent, finite)

    def decode(self, shape: Shape) -> tuple[float, ...]:
        """Return the seconds from latents on the device to a picture in host memory."""
        ticket = self._ticket(shape, 0)
        return self._repeats.times(lambda: self._clocked(lambda: self._model.decode(ticket)))

    def peak(self) -> int:
        """Return the most bytes of the device that were in use since the last call; 0 on a CPU."""
        if self._device.type != "cuda":
            return 0
        taken = torch.cuda.max_memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        return int(taken)

    def _admit(self, shape: Shape, seed: int) -> Ticket:
        steps = 1 + self._repeats.warmup + self._repeats.most
        ticket: Ticket = self._model.admit(Ask(Request(0, shape, steps, 0.0, 1e9), self._prompts[0], seed))
        return ticket

    def _ticket(self, shape: Shape, seed: int) -> Ticket:
        """Return a request that has done no step; each seed is encoded once."""
        states = self._states.setdefault(shape, [])
        while len(states) <= seed:
            ticket = self._admit(shape, len(states))
            states.append((ticket.fixed(), ticket.moving()))
        return Ticket.restore(*states[seed], self._device)

    def _timed(self, run: Callable[[], object]) -> float:
        """Return what a call takes: by events of the device where there is one, by the clock otherwise."""
        if self._device.type != "cuda":
            return self._clocked(run)
        event: Any = torch.cuda.Event
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1e3

    def _clocked(self, run: Callable[[], object]) -> float:
        """Return what a call takes by the clock, up to the end of what it gave the device to do."""
        began = time.perf_counter()
        run()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter() - began
