"""What is published on FLUX.1-dev on H100 beside step times: their spread, and the stages around them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from profiles.entries import StageEntry
from profiles.shape import Shape

TABLE_1: dict[int, dict[int, float]] = {
    256: {1: 0.0013, 2: 0.0031, 4: 0.0067, 8: 0.0062},
    512: {1: 0.0006, 2: 0.0015, 4: 0.0014, 8: 0.0053},
    1024: {1: 0.0007, 2: 0.0012, 4: 0.0004, 8: 0.0009},
    2048: {1: 0.0005, 2: 0.0011, 4: 0.0014, 8: 0.0028},
}
"""Coefficient of variation by side of a square image, in pixels, and degree: Table 1 of the TetriServe paper
(arXiv 2510.01565)."""

BASELINE = "sglang 0.5.23 wheel perf_baselines/h100.json, flux_image_t2i"
BASELINE_SHAPE = Shape(1024, 1024)
TOTAL = 6.693
"""Seconds of one 1024 x 1024 image in `BASELINE`."""
STEPS = 50
STEP = 0.12885
"""Mean seconds of one of its steps."""
BEFORE = 0.0537
"""Seconds of its stages before the first step: text encoding 20.86 ms, timesteps 32.58 ms, others 0.23 ms."""


def spread(shape: Shape, degree: int) -> float:
    """Coefficient of variation of a step: Table 1 at its resolutions, else between them, linear in log(side).

    Parameters
    ----------
    shape
        Its side is the square root of its pixels; outside 256 to 2048 the nearest resolution counts.
    degree
        1, 2, 4 or 8.

    Raises
    ------
    KeyError
        If Table 1 has no such degree.
    """
    side = math.sqrt(shape.pixels)
    sides = sorted(TABLE_1)
    below = max((known for known in sides if known <= side), default=sides[0])
    above = min((known for known in sides if known >= side), default=sides[-1])
    low, high = TABLE_1[below][degree], TABLE_1[above][degree]
    if below == above:
        return low
    share = math.log(side / below) / math.log(above / below)
    return round(low + share * (high - low), 6)


def stages(shapes: Iterable[Shape], date: str) -> tuple[StageEntry, ...]:
    """Encode and decode times for square images.

    What the published total leaves beside steps and the stages before them is counted as decoding. Text
    costs the same at every resolution; decoding grows with the pixels.

    Parameters
    ----------
    shapes
        What to give times for.
    date
        ISO day on which the source was read.
    """
    decode = TOTAL - STEPS * STEP - BEFORE
    found = []
    for shape in shapes:
        if shape == BASELINE_SHAPE:
            source = f"{BASELINE}: stages before the first step"
            found.append(StageEntry(shape, "encode", BEFORE, "published", source, date))
            after = "total - 50 steps - encode"
        else:
            source = f"{BASELINE}: as at 1024x1024, since the text is the same"
            found.append(StageEntry(shape, "encode", BEFORE, "extrapolated", source, date))
            after = "total - 50 steps - encode, in proportion to pixels"
        seconds = round(decode * shape.pixels / BASELINE_SHAPE.pixels, 6)
        found.append(StageEntry(shape, "decode", seconds, "extrapolated", f"{BASELINE}: {after}", date))
    return tuple(found)
