"""Step times of groups larger than there are devices: one member's share is timed, its communication modelled."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from executor.distributed.config import EngineConfig
from executor.measure.grid import Grid
from profiles.communication import LinkModel
from profiles.entries import StepEntry
from profiles.shape import Shape


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


def priced(
    measured: Priced | None, assumed: tuple[float, float], bandwidth: float | None, latency: float | None
) -> Priced:
    """Return what communication costs: what is given, else measured, else assumed.

    Parameters
    ----------
    measured
        On groups of this machine; None without.
    assumed, bandwidth, latency
        GB/s and microseconds of a collective; None where not given.
    """
    if measured is not None and bandwidth is None and latency is None:
        return measured
    base = LinkModel(assumed[0] * 1e9, assumed[1] * 1e-6) if measured is None else measured.model
    otherwise = "assumed" if measured is None else "measured"
    of_bandwidth, of_latency = (otherwise if value is None else "given" for value in (bandwidth, latency))
    known = of_latency if of_bandwidth == of_latency else f"{of_bandwidth} bandwidth, {of_latency} latency"
    model = LinkModel(
        base.bandwidth if bandwidth is None else bandwidth * 1e9, base.latency if latency is None else latency * 1e-6
    )
    return Priced(model, known)


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
    from executor.measure.bench import Bench, Repeats

    bench = Bench(config, Repeats(grid.repeats, grid.warmup))
    for shape in grid.shapes:
        for degree in degrees:
            for batch in grid.batches:
                share = bench.share(shape, degree, batch)
                point = shape, degree, batch, link
                yield emulated_entry(point, share.seconds, share.calls, share.sent, price(degree), grid.date)


def emulated_entry(
    point: tuple[Shape, int, int, str], seconds: Sequence[float], calls: int, sent: int, priced: Priced, date: str
) -> StepEntry:
    """Return the step time of a group of which one member's share was timed.

    Parameters
    ----------
    point
        Shape, degree, batch, link class.
    seconds
        Of the share, by step.
    calls, sent
        Collectives of a step, and bytes that the member sends in them.
    priced
        What they are taken to cost.
    date
        ISO day.
    """
    communication = priced.model.seconds(calls, sent)
    source = (
        f"one member's share in {len(seconds)} steps; {1e3 * communication:.3g} ms modelled for {calls} collectives, "
        f"{sent} bytes: {priced.label}"
    )
    total = statistics.median(seconds) + communication
    spread = statistics.stdev(seconds) / statistics.fmean(seconds)
    return StepEntry(*point, total, spread, "emulated", source, date)
