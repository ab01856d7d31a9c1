"""The profile of a model that was surveyed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import get_args

from executor.measure.emulation import Priced, emulated_entry
from executor.survey.file import Setting, Timing
from executor.survey.items import Kind, Published, SurveyItem
from profiles.entries import LOCAL, StageEntry, StepEntry
from profiles.profile import Profile


def profile_of(
    model: Published,
    items: Iterable[SurveyItem],
    timings: Mapping[str, Timing],
    setting: Setting,
    priced: Priced,
    link: str,
    date: str,
) -> Profile | None:
    """Return the profile of what was found; None if no shape has its step on one device and its stages.

    Parameters
    ----------
    model
        Which one.
    items
        All that was to be timed of it.
    timings
        What was found, by key.
    setting
        Of the survey.
    priced
        What communication is taken to cost.
    link
        Link class between the devices that are emulated.
    date
        ISO day.
    """
    done = [(item, timings[item.key]) for item in items if item.key in timings and not timings[item.key].error]
    there = {(item.shape, item.kind) for item, _ in done if item.degree == item.batch == 1}
    done = [(item, timing) for item, timing in done if all((item.shape, kind) in there for kind in get_args(Kind))]
    if not done:
        return None
    steps = [_step(item, timing, priced, link, date) for item, timing in done if item.kind == "step"]
    stages = [
        StageEntry(
            item.shape,
            item.kind,
            statistics.median(timing.seconds),
            "measured",
            f"{len(timing.seconds)} times on one device",
            date,
        )
        for item, timing in done
        if item.kind != "step"
    ]
    device = setting.device
    how = ", ".join(
        text
        for text, on in (
            ("Diffusers", True),
            ("eager", setting.mode == "eager"),
            ("blocks compiled by inductor", setting.compiled),
            ("steps replayed as CUDA graphs", setting.graphs),
            (f"attention by {setting.attention}", setting.attention != "native"),
        )
        if on
    )
    notes = (
        f"{how}, on one {device}, {setting.software}, {setting.dtype}, {_weights(setting)}. Groups are emulated: one "
        f"member's share timed, its communication modelled with {priced.label}."
    )
    broken = sorted({item.shape.label for item, timing in done if not timing.finite})
    if broken:
        notes += f" With these weights latents of {', '.join(broken)} did not stay finite."
    name = f"{model.label.lower().replace('.', '')}_{short(device)}_{setting.mode}"
    return Profile(name, model.label, device, (link,), model.steps, tuple(steps), tuple(stages), notes)


def short(device: str) -> str:
    """Return the part of a device's name that tells it from others: ``h100`` for ``NVIDIA H100 80GB HBM3``."""
    words = [word for word in device.lower().replace("-", " ").split() if word not in ("nvidia", "amd", "geforce")]
    return words[0].strip("(),") if words else "device"


def _weights(setting: Setting) -> str:
    return "random weights" if setting.width == "full" else f"random weights of the {setting.width} model"


def _step(item: SurveyItem, timing: Timing, priced: Priced, link: str, date: str) -> StepEntry:
    if item.degree > 1:
        point = item.shape, item.degree, item.batch, link
        return emulated_entry(point, timing.seconds, timing.calls, timing.sent, priced, date)
    seconds = timing.seconds
    spread = statistics.stdev(seconds) / statistics.fmean(seconds)
    source = f"{len(seconds)} steps on one device"
    return StepEntry(item.shape, 1, item.batch, LOCAL, statistics.median(seconds), spread, "measured", source, date)
