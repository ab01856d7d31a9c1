"""Profiles as tables in a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from profiles.build import Recipe, Series
from profiles.communication import Communication
from profiles.compare import Pair
from profiles.entries import LOCAL, PROVENANCES, Provenance, StepEntry
from profiles.fit import Fit
from profiles.profile import Profile
from profiles.shape import Shape

MARKS: dict[Provenance, str] = {
    "measured": "◆",
    "emulated": "◇",
    "published": "●",
    "fitted": "○",
    "extrapolated": "·",
}
STYLES: dict[Provenance, str] = {
    "measured": "bold green",
    "emulated": "green",
    "published": "bold",
    "fitted": "cyan",
    "extrapolated": "dim",
}


def overview(profiles: Iterable[Profile]) -> Table:
    """One line a profile: what it is of, what it covers, and how much of it is known how."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("profile", no_wrap=True, style="bold")
    table.add_column("hardware")
    table.add_column("GPUs")
    table.add_column("shapes", justify="right")
    for provenance in PROVENANCES:
        table.add_column(Text(MARKS[provenance], style=STYLES[provenance]), justify="right")
    for profile in profiles:
        degrees = sorted({entry.degree for entry in profile.entries})
        counts = [sum(entry.provenance == each for entry in profile.entries) for each in PROVENANCES]
        table.add_row(
            profile.name,
            profile.hardware,
            "/".join(map(str, degrees)),
            str(len(profile.shapes)),
            *(str(count) if count else "" for count in counts),
        )
    return table


def details(profile: Profile, batch: int = 1) -> Group:
    """Everything about one profile: step times, scaling efficiency, stages, notes.

    Parameters
    ----------
    profile
        What to show.
    batch
        The batch size whose times to show.
    """
    parts: list[RenderableType] = [
        Text.assemble((profile.name, "bold"), f"   {profile.model} on {profile.hardware}, {profile.steps} steps"),
        Text(),
        Text(f"Milliseconds per step{_of_batch(batch)}, by GPUs", style="italic"),
        _grid(
            profile,
            batch,
            lambda entry, alone: f"{entry.seconds * 1e3:.4g}",
            with_stages=bool(profile.stages),
        ),
        legend(),
        Text(),
        Text("Scaling efficiency: step time on 1 GPU / (GPUs x step time)", style="italic"),
        _grid(profile, batch, lambda entry, alone: f"{alone / (entry.degree * entry.seconds):.0%}"),
    ]
    if profile.communication:
        parts += [Text("Communication, measured", style="italic"), *_communication(profile.communication), Text()]
    if profile.notes:
        parts += [Text(profile.notes)]
    return Group(*parts)


def comparison(pairs: Iterable[Pair], first: str, second: str) -> Table:
    """Milliseconds a step in two profiles, and how many times as long the first takes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("shape", "GPUs", first, second, "ratio"):
        table.add_column(name, justify="left" if name == "shape" else "right")
    for pair in pairs:
        times = (f"{1e3 * seconds:.1f}" for seconds in (pair.seconds, pair.other))
        table.add_row(pair.shape.label, str(pair.degree), *times, f"{pair.ratio:.2f}")
    return table


def _communication(talk: Communication) -> list[RenderableType]:
    """A line for each group, with a link model fitted to its collectives, and one for each change of group."""
    lines = []
    for group in talk.groups:
        model = talk.model(group.link, group.degree)
        fitted = (
            "" if model is None else f"; a collective {model.latency * 1e6:.3g} us and {model.bandwidth / 1e9:.3g} GB/s"
        )
        made = f"made in {group.seconds * 1e3:.3g} ms, {group.memory / 2**20:.3g} MiB a member"
        lines.append(f"  group of {group.degree} on {group.link}: {made}{fitted}")
    lines += [f"  from {each.before} to {each.after} GPUs: {each.seconds * 1e3:.3g} ms" for each in talk.regroups]
    return [Text(line) for line in lines]


def legend() -> Text:
    """Say what the marks mean."""
    parts: list[str | tuple[str, str]] = []
    for provenance in PROVENANCES:
        parts += [(f"{MARKS[provenance]} {provenance}", STYLES[provenance]), "   "]
    return Text.assemble(*parts)


def columns(profile: Profile) -> tuple[tuple[int, str], ...]:
    """Every (degree, link) of a profile, degree 1 first, then fastest link first."""
    order = (LOCAL, *profile.links)
    found = {(entry.degree, entry.link) for entry in profile.entries}
    return tuple(sorted(found, key=lambda column: (column[0], order.index(column[1]))))


def _grid(profile: Profile, batch: int, show: Callable[[StepEntry, float], str], with_stages: bool = False) -> Table:
    """Shapes down, (degree, link) across; ``show`` gets an entry and the time on one GPU."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("shape", no_wrap=True)
    for degree, link in columns(profile):
        several = len(profile.links) > 1 and link != LOCAL
        table.add_column(f"{degree} {link}" if several else str(degree), justify="right", no_wrap=True)
    if with_stages:
        table.add_column("encode", justify="right")
        table.add_column("decode", justify="right")
    for shape in profile.shapes:
        cells = [_cell(profile, shape, degree, link, batch, show) for degree, link in columns(profile)]
        if with_stages:
            stages = (profile.encode_time(shape), profile.decode_time(shape))
            cells += [Text(f"{seconds * 1e3:.4g}") for seconds in stages]
        table.add_row(shape.label, *cells)
    return table


def _cell(
    profile: Profile,
    shape: Shape,
    degree: int,
    link: str,
    batch: int,
    show: Callable[[StepEntry, float], str],
) -> Text:
    if not (profile.has(shape, degree, link, batch) and profile.has(shape, 1, LOCAL, batch)):
        return Text("")
    entry = profile.entry(shape, degree, link, batch)
    text = show(entry, profile.step_time(shape, 1, LOCAL, batch))
    return Text(f"{text} {MARKS[entry.provenance]}", style=STYLES[entry.provenance])


def _of_batch(batch: int) -> str:
    return "" if batch == 1 else f" of a batch of {batch}"


def fit_table(recipe: Recipe, fits: Iterable[Fit]) -> Group:
    """Fitted constants by link class, and the model beside every point."""
    constants = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    constants.add_column("link")
    for header in ("c0 ms", "P TFLOP/s", "alpha ms", "B GB/s", "points", "mean error", "worst"):
        constants.add_column(header, justify="right")
    errors = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    errors.add_column("shape")
    for header in ("GPUs", "known ms", "model ms", "error"):
        errors.add_column(header, justify="right")
    for series, fit in zip(recipe.series, fits, strict=True):
        found = fit.constants
        constants.add_row(
            series.link,
            _number("overhead", found.overhead * 1e3, series),
            _number("tflops", found.tflops, series),
            _number("sync", found.sync * 1e3, series),
            _number("bandwidth", found.bandwidth, series),
            str(len(fit.points)),
            f"{fit.mean_error:.1%}",
            f"{fit.worst_error:.1%}",
        )
        for point, error in zip(fit.points, fit.errors, strict=True):
            known = point.seconds * 1e3
            model = known * (1 + error)
            errors.add_row(point.shape.label, str(point.degree), f"{known:.4g}", f"{model:.4g}", f"{error:+.1%}")
    if any(series.pinned for series in recipe.series):
        constants.caption = "* pinned"
        constants.caption_justify = "left"
    return Group(constants, errors)


def _number(name: str, value: float, series: Series) -> str:
    text = "no cost" if math.isinf(value) else f"{value:.4g}"
    return f"{text} *" if name in series.pinned else text
