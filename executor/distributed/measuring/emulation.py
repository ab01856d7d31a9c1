"""Step times of groups larger than there are devices: one member's share is timed, its communication modelled."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch

from executor.distributed.config import EngineConfig
from executor.distributed.measuring.grid import Grid
from executor.distributed.models.model import Model
from executor.distributed.models.spec import Ask
from executor.distributed.models.ticket import Ticket
from executor.distributed.sequence import SequenceParallel
from executor.distributed.sequence.counting import CountingLoopback
from planner.request import Request
from profiles.communication import LinkModel
from profiles.entries import StepEntry


class Priced(NamedTuple):
    """What communication is taken to cost, and how that is known.

    Parameters
    ----------
    model
        What a collective takes.
    known
        In words, such as ``measured on degree 2``.
    """

    model: LinkModel
    known: str

    @property
    def label(self) -> str:
        """The whole in words."""
        return f"{self.model.bandwidth / 1e9:.3g} GB/s, {1e6 * self.model.latency:.3g} us a collective, {self.known}"


def emulate(
    config: EngineConfig, grid: Grid, degrees: Sequence[int], link: str, price: Callable[[int], Priced]
) -> Iterator[StepEntry]:
    """Yield step times of groups that cannot be measured.

    One process runs exactly the share of a group's first member, which has the most heads and tokens; what a real group
    would send is counted and priced. A share is not slowed down by others, so entries are *emulated*, not measured.

    Parameters
    ----------
    config
        As for the engine.
    grid
        What to measure.
    degrees
        Sizes of groups, above 1.
    link
        Link class to put into the entries.
    price
        Degree to what its communication costs.
    """
    torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    model = Model(config.model, None, device)
    parallel = [SequenceParallel(transformer) for transformer in model.transformers]
    for shape in grid.shapes:
        request = Request(0, shape, grid.warmup + grid.repeats, 0.0, 1e9)
        tickets = [model.admit(Ask(request, config.prompts[0], seed)) for seed in range(max(grid.batches))]
        states = [(ticket.fixed(), ticket.moving()) for ticket in tickets]
        for degree in degrees:
            for batch in grid.batches:
                loop = CountingLoopback(degree)
                fresh = [Ticket.restore(*state, device) for state in states[:batch]]
                with ExitStack() as over:
                    for each in parallel:
                        over.enter_context(each.over(loop))
                    seconds = [_timed(lambda: model.step(fresh), device) for _ in range(request.steps)]  # noqa: B023
                seconds = seconds[grid.warmup :]
                priced = price(degree)
                communication = priced.model.seconds(loop.calls / request.steps, loop.sent / request.steps)
                yield StepEntry(
                    shape,
                    degree,
                    batch,
                    link,
                    statistics.median(seconds) + communication,
                    statistics.stdev(seconds) / statistics.fmean(seconds),
                    "emulated",
                    f"one member's share in {grid.repeats} steps; {1e3 * communication:.3g} ms modelled for "
                    f"{loop.calls // request.steps} collectives, {loop.sent // request.steps} bytes: {priced.label}",
                    grid.date,
                )


def _timed(run: Callable[[], None], device: torch.device) -> float:
    """Return what a call takes: by events of the device where there is one, by the clock otherwise."""
    if device.type == "cuda":
        event: Any = torch.cuda.Event
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1e3
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
