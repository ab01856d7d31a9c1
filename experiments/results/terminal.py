"""Key figures on a terminal: one run in detail, or several side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from experiments.results.stages import StageSummary
from experiments.results.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_summary(summaries: Sequence[Summary], console: Console | None = None, title: str = "") -> None:
    """Print one table: of one run every figure, of several runs one row each.

    Parameters
    ----------
    summaries
        At least one.
    console
        Where to; by default the terminal.
    title
        Above the table.

    Raises
    ------
    ValueError
        If there is no summary.
    """
    from rich.console import Console

    if not summaries:
        raise ValueError("there is no summary to print; give at least one")
    table = single_table(summaries[0], title) if len(summaries) == 1 else comparison_table(summaries, title)
    (console or Console()).print(table)


def single_table(s: Summary, title: str = "") -> Table:
    """Make a table of metrics and values of one run."""
    state = "" if s.complete else " (interrupted)"
    table = _new_table((title or s.name or "run") + state)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("", style="dim")
    table.add_row("SLO attainment", f"[bold]{_share(s.sar)}[/bold]", f"{s.on_time} of {s.requests} requests on time")
    if not s.complete:
        ended = s.requests - s.unfinished
        words = f"of the {ended} (of {s.requests}) that had ended"
        table.add_row("  [bold]until then[/bold]", f"[bold]{_share(s.sar_of_ended)}[/bold]", words)
    if s.weighted:
        table.add_row(
            "  [bold]by weight[/bold]", f"[bold]{_share(s.weighted_sar)}[/bold]", "what policies are compared by"
        )
    for tier in s.tiers:
        words = f"{tier.on_time} of {tier.requests}, weight {tier.weight / tier.requests:.4g} each"
        table.add_row(f"  {tier.tier or '(no tier)'}", _share(tier.sar), words)
    for shape in s.shapes:
        table.add_row(f"  {shape.shape}", _share(shape.sar), f"{shape.on_time} of {shape.requests}")
    table.add_row(
        "not on time",
        str(s.requests - s.on_time),
        f"{s.late} late, {s.dropped} dropped, "
        + (f"{s.refused} refused, " if s.refused else "")
        + f"{s.unfinished} unfinished"
        + (f"; {s.cancelled} more were cancelled" if s.cancelled else ""),
    )
    if s.promised:
        table.add_row("promises kept", _share(s.kept / s.promised, 2), f"{s.kept} of {s.promised} made at arrival")
    table.add_section()
    for percent, value in ((50, s.latency_p50), (95, s.latency_p95), (99, s.latency_p99)):
        never = f"fewer than {percent} % were delivered" if value == math.inf else "of all requests"
        table.add_row(f"latency p{percent}", _seconds(value), never)
    table.add_row("mean latency", _seconds(s.latency_mean_completed), f"of the {s.completed} completed requests only")
    table.add_section()
    table.add_row(
        "goodput", f"{_number(s.goodput, 2)} /min", f"on time; all completed: {_number(s.throughput, 2)} /min"
    )
    table.add_row("GPU utilization", _share(s.utilization), f"{s.gpus} GPUs for {s.duration:.1f} s")
    table.add_row(
        "  idle, though", _share(s.idle_waiting), f"a request waits; at most {_seconds(s.idle_longest)} on end"
    )
    table.add_row(
        "GPU-seconds on time",
        _number(s.gpu_seconds_per_on_time, 2),
        f"per request on time; {s.gpu_seconds:.0f} in all",
    )
    table.add_row("mean degree", _number(s.mean_degree, 2), "GPUs of a segment, by GPU-seconds")
    table.add_row("regroups", str(s.regroups), f"in {s.segments} segments")
    if s.stages is not None:
        _add_stages(table, s.stages)
    table.add_section()
    table.add_row(
        "decisions",
        str(s.decisions),
        f"{_share(s.optimal_share)} proven optimal, {_share(s.fallback_share)} by fallback",
    )
    if s.bounded:
        table.add_row("mean gap", _share(s.mean_gap, 2), f"of the {s.bounded} decisions with a bound")
    wall = s.wall
    table.add_row("decision time p50", _milliseconds(wall.decision_p50), "measured")
    table.add_row("  p99", _milliseconds(wall.decision_p99), f"max {_milliseconds(wall.decision_max)}")
    return table


def _add_stages(table: Table, s: StageSummary) -> None:
    table.add_section()
    workers = "1 worker" if s.workers == 1 else f"{s.workers} workers"
    table.add_row("text and image", _share(s.utilization), f"of the time of {workers}")
    if s.gpu_seconds:
        table.add_row("  images on GPUs", f"{s.gpu_seconds:.1f} s", "GPU-seconds of the cluster; in its utilization")
    for name, p50, p95, words in (
        ("  text waits", s.text_p50, s.text_p95, "for a worker"),
        ("  steps wait", s.gpus_p50, s.gpus_p95, "for GPUs, once the text is encoded"),
        ("  image there", s.image_p50, s.image_p95, "after the last step"),
    ):
        table.add_row(name, _seconds(p50), f"{words}; p95 {_seconds(p95)}")


def comparison_table(summaries: Sequence[Summary], title: str = "") -> Table:
    """Make a table with a row for each run; the best attainment of a column is bold."""
    shapes = list(dict.fromkeys(shape.shape for s in summaries for shape in s.shapes))
    by_shape = [{shape.shape: shape.sar for shape in s.shapes} for s in summaries]
    table = _new_table(title)
    table.pad_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column("\nsolver", overflow="fold", min_width=6)
    weighted = any(s.weighted for s in summaries)
    for head, unit in (("wSAR" if weighted else "SAR", "%"), *((_short(shape), "%") for shape in shapes)):
        table.add_column(f"{head}\n{unit}", justify="right", no_wrap=True)
    for head, unit in (
        ("p50", "s"),
        ("p99", "s"),
        ("busy", "%"),
        ("GPU-s", "/hit"),
        ("plan", "p50"),
        ("ms", "p99"),
    ):
        table.add_column(f"{head}\n{unit}", justify="right", no_wrap=True)
    best = [
        _best(s.weighted_sar for s in summaries),
        *(_best(row.get(shape, math.nan) for row in by_shape) for shape in shapes),
    ]
    for s, row in zip(summaries, by_shape, strict=True):
        shares = [s.weighted_sar, *(row.get(shape, math.nan) for shape in shapes)]
        table.add_row(
            s.name if s.complete else f"{s.name} (interrupted)",
            *(_marked(share, top) for share, top in zip(shares, best, strict=True)),
            _number(s.latency_p50, 1),
            _number(s.latency_p99, 1),
            _number(100 * s.utilization, 1),
            _number(s.gpu_seconds_per_on_time, 1),
            _number(1e3 * s.wall.decision_p50, 2),
            _number(1e3 * s.wall.decision_p99, 2),
        )
    table.caption = (
        ("wSAR: requests on time by weight, and by shape" if weighted else "SAR: requests on time, in all and by shape")
        + ". p50, p99: latency over all requests"
        + ("; inf: so many were never delivered" if any(math.isinf(s.latency_p99) for s in summaries) else "")
        + ". busy: GPU utilization. GPU-s /hit: GPU-seconds per request on time. plan: measured time "
        + "of a decision."
    )
    return table


def _new_table(title: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(title=title or None, title_justify="left", title_style="bold", caption_justify="left", box=SIMPLE_HEAD)


def _short(shape: str) -> str:
    """Name a square image by its side, as the paper does."""
    sides = shape.split("x")
    return sides[0] if len(sides) == 2 and sides[0] == sides[1] else shape


def _marked(share: float, top: float) -> str:
    text = _number(100 * share, 1)
    return f"[bold]{text}[/bold]" if share == top else text


def _best(values: Iterable[float]) -> float:
    finite = [value for value in values if not math.isnan(value)]
    return max(finite, default=math.nan)


def _share(value: float, digits: int = 1) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f} s"


def _milliseconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{1e3 * value:.2f} ms"
