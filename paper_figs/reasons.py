"""Why a number differs from the paper's by more than 0.1 SAR, read off the figure ``causes``.

A reason names the free parameters whose change brings the number closest to the paper's, with what they make of it; nothing
is said that the table does not hold.
"""

from __future__ import annotations

import re

from paper_figs.figure import Comparison
from paper_figs.figures.causes import CACHED, GREEDY, STAGED, VARIANTS
from paper_figs.figures.fig07 import PAPER_TETRISERVE
from paper_figs.table import Table

WORDS = {
    "512 text tokens": "the text length of the published step times; the paper's Table 1 implies 256",
    "late requests dropped": "the paper serves them on GPUs that idle",
    "bursty arrivals (CV 2)": "a harder load than Poisson arrivals",
    "bursty arrivals (CV 3.6)": "a harder load than Poisson arrivals",
    "encode and decode": "stages before and after the steps",
    "regroup costs 50 ms": "the paper does not print what a change of group costs",
    "rounds of five 1024 steps": "of which whole steps of 2048 leave a fifth idle",
    "rounds of five 2048 steps": "longer rounds, which hold whole steps of 2048",
    "planned at events": "no waiting for the next round, and no idle rest of a round",
    "waiting is no survival": "not the paper's: in its Algorithm 1 a request that can wait survives",
    "every degree offered": "not only those of the cheapest mix",
    "with Nirvana, closer prompts": "the paper's prompts are not published",
    "… every degree offered": "not only those of the cheapest mix, which leaves no slack for a pause",
    "… rounds of five 1024 steps": "of which whole steps of 2048 leave a fifth idle",
    "… planned at events": "no waiting for the next round, and no idle rest of a round",
    "… regroup costs 50 ms": "the paper does not print what a change of group costs",
    "… and no placement": "the paper does not print what a change of group costs",
}
"""What stands behind each variant."""


SAME, NEAR = 0.015, 0.05
"""SAR: effects that count as equal, and what counts as near the paper's number."""


def reason_of(name: str, comparison: Comparison, causes: Table) -> str:
    """Say what brings a number closer to the paper's.

    Parameters
    ----------
    name
        Of the figure that the number is in.
    comparison
        The number.
    causes
        Data of the figure ``causes``: attainment with one free parameter at a time set otherwise.

    Raises
    ------
    LookupError
        If the table of causes lacks the point.
    """
    what = comparison.what
    mix = "skewed" if what.startswith("skewed") else "uniform"
    found = re.search(r"scale (\d\.\d)", what)
    scale = float(found[1]) if found else 1.0
    policy = "rssp" if "RSSP" in what else "fixed-8" if "fixed" in what else "dp"
    base, variants = "as shipped", [*VARIANTS, *GREEDY]
    if "Nirvana" in what:
        base, variants = "with Nirvana", list(CACHED)
    elif name == "table5" and "elastic" not in what:
        base, variants = "no scale-up", list(STAGED)
    rows = causes.where(mix=mix, scale=scale, policy=policy)
    here = rows.number("sar", variant=base)
    values = {v: rows.number("sar", variant=v) for v in variants if v != base and v in rows.names("variant")}
    return harder(name, comparison, mix, scale) + closest(values, here, comparison.paper)


def closest(values: dict[str, float], here: float, paper: float) -> str:
    """Name the two variants that come closest to the paper's number, of those that come closer than it is now.

    Of variants with the same words the mildest of about the same effect stands. If none comes near, the one is named that
    overshoots least: between it and here lies the paper's number.
    """
    away = {variant: abs(value - paper) for variant, value in values.items()}
    better = [variant for variant in values if away[variant] < abs(here - paper) - 0.005]
    kinds: dict[str, str] = {}
    for variant in better:
        rival = kinds.get(WORDS[variant])
        if rival is None or away[variant] < away[rival] - SAME:
            kinds[WORDS[variant]] = variant
    best = sorted(kinds.values(), key=lambda variant: away[variant])[:2]
    text = f"No free parameter that was tried brings it closer than {here:.2f}."
    if best:
        listed = [f"{variant.removeprefix('… ')} {values[variant]:.2f} ({WORDS[variant]})" for variant in best]
        text = f"From {here:.2f}, closest to the paper: {', then '.join(listed)}."
    beyond = [variant for variant in values if (values[variant] - paper) * (here - paper) < 0 and variant not in best]
    if beyond and (not best or away[best[0]] > NEAR):
        least = min(beyond, key=lambda variant: away[variant])
        text += f" The paper's number lies between this and {least.removeprefix('… ')}, {values[least]:.2f} ({WORDS[least]})."
    return text


def harder(name: str, comparison: Comparison, mix: str, scale: float) -> str:
    """Point out where the paper itself prints more for the same setting in its figure 7."""
    whole = name == "table3" and "TetriServe" in comparison.what and "Nirvana" not in comparison.what
    whole = whole or (name == "table5" and "elastic" in comparison.what)
    printed = PAPER_TETRISERVE.get(scale, 0.0)
    if not whole or mix != "uniform" or printed <= comparison.paper:
        return ""
    return f"Another load: for the same setting the paper prints {printed:.2f} in figure 7. "
