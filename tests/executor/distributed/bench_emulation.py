"""How far an emulated step's computing is from a real member's: ``python -m tests.executor.distributed.bench_emulation``.

A real step at degree 2, less what happens inside its collectives, beside the same member's share run by one process. Both
take turns, and processor time is compared, not the clock's, so that other load hardly matters. ``make tables-emulation``
commits its table.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from executor.sequence import Loopback, SequenceParallel
from tests.executor.distributed.bench import Row, flux, report, table
from tests.executor.distributed.squad import Member, Squad

STEPS = {"tiny": 400, "mid-size": 60}

PAUSE = 0.001
"""Seconds."""


class Stopwatch:
    """A group of which the processor time inside collectives is known; a `Communicator`."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self.rank, self.degree, self.inside = group.rank, group.degree, 0.0

    def _timed(self, collective: Callable[..., Any], *arguments: Any) -> None:
        began = time.thread_time()
        collective(*arguments)
        self.inside += time.thread_time() - began

    def all_to_all(self, *arguments: Any) -> None:
        """See `executor.sequence.Communicator.all_to_all`."""
        self._timed(self._group.all_to_all, *arguments)

    def all_gather(self, *arguments: Any) -> None:
        """See `executor.sequence.Communicator.all_gather`."""
        self._timed(self._group.all_gather, *arguments)


class Pausing(Loopback):
    """Sleeps in every collective, as a member does that waits for another one: what comes next finds caches cold."""

    def all_to_all(self, *arguments: Any) -> None:
        """See `Loopback.all_to_all`."""
        super().all_to_all(*arguments)
        time.sleep(PAUSE)

    def all_gather(self, *arguments: Any) -> None:
        """See `Loopback.all_gather`."""
        super().all_gather(*arguments)
        time.sleep(PAUSE)


def emulation(member: Member, size: str, steps: int) -> tuple[list[float], ...]:
    """Return processor seconds per step outside of collectives: of a member of two; of its share alone, and with pauses."""
    model, inputs = flux(size)
    parallel = SequenceParallel(model)
    group = member.groups.get("emulation", (0, 1))
    times: tuple[list[float], ...] = ([], [], [])
    for _ in range(steps + 2):
        for variant, kind in enumerate((group, Loopback(2), Pausing(2))):
            if variant == 0 or member.rank == 0:
                watch = Stopwatch(kind)
                with parallel.over(watch), torch.no_grad():
                    began = time.thread_time()
                    model(**inputs)
                    times[variant].append(time.thread_time() - began - watch.inside)
            group.agree(0)  # the other one waits here
    return tuple(seconds[2:] for seconds in times)


def measure() -> list[Row]:
    """Compare both sizes; a row's value is the relative difference of the medians."""
    rows = []
    squad = Squad(2)
    try:
        for size, steps in STEPS.items():
            real, *shares = (statistics.median(times) for times in squad.call((0, 1), emulation, size, steps)[0])
            for share, how in zip(shares, ("", f", pausing {1e3 * PAUSE:g} ms in each collective"), strict=True):
                note = f"{1e3 * share:.2f} ms emulated, {1e3 * real:.2f} ms real without communication, {steps} steps"
                what = f"emulated step at degree 2 off the real one, {size}{how}"
                rows.append(Row(what, abs(share / real - 1), 0.1, "", note))
    finally:
        squad.close()
    return rows


if __name__ == "__main__":
    report("bench_emulation", __doc__, lambda: table(measure()))
