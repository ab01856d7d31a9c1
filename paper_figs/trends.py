"""Trends that the paper's figures show, each checked on our data: who wins, what rises, where order changes.

A trend is judged at several points; the page says at how many it holds, so that what does not match is seen too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from paper_figs.figures._sweeps import ALL, FIXED, SHAPES, best_fixed
from paper_figs.figures.table5 import STAGES
from paper_figs.table import Table, Value, means

NOISE = 0.01
"""SAR: smaller differences count as equal."""
BASELINES = (*FIXED, "rssp")


@dataclass(frozen=True)
class Trend:
    """What a figure of the paper shows.

    Parameters
    ----------
    figure
        Its name here.
    claim
        In words.
    holds
        Whether it holds at each point, by the name of the point.
    why
        Why not, where it does not hold everywhere, as the table measures it.
    """

    figure: str
    claim: str
    holds: Callable[[Table], Mapping[str, bool]]
    why: Callable[[Table], str] = lambda table: ""


def checked(trend: Trend, table: Table) -> str:
    """Say at how many points a trend holds, and where it does not."""
    found = trend.holds(table)
    failing = [name for name, good in found.items() if not good]
    if not failing:
        return "yes" if len(found) == 1 else f"yes, at all {len(found)} points"
    why = trend.why(table)
    reason = f". {why}" if why else ""
    if len(found) == 1:
        return f"no{reason}"
    listed = ", ".join(failing[:6]) + (", …" if len(failing) > 6 else "")
    return f"at {len(found) - len(failing)} of {len(found)} points; not: {listed}{reason}"


def _wins(columns: Sequence[str], others: Sequence[str] = BASELINES) -> Callable[[Table], Mapping[str, bool]]:
    """Return the check that TetriServe is best, or equal, among the paper's policies at every point of a sweep."""

    def holds(table: Table) -> Mapping[str, bool]:
        rows = table.where(shape=ALL) if "shape" in table.columns and "shape" not in columns else table
        found = {}
        for point in _points(rows.where(policy="dp"), columns):
            here = rows.where(**dict(point))
            best = max(here.number("sar", policy=name) for name in others if name in here.names("policy"))
            found[_name(point)] = here.number("sar", policy="dp") >= best - NOISE
        return found

    return holds


def _monotone(
    x: str, by: Sequence[str], value: str, up: bool, only: Mapping[str, Value] | None = None, slack: float = NOISE
) -> Callable[[Table], Mapping[str, bool]]:
    """Return the check that a column never falls (or never rises) along ``x``, for every combination of ``by``."""

    def holds(table: Table) -> Mapping[str, bool]:
        rows = table.filter(lambda row: row.get(value) is not None).where(**dict(only or {}))
        found = {}
        for point in _points(rows, by) if by else [()]:
            own = rows.where(**dict(point))
            ordered = [y for _, y in sorted(zip(own.numbers(x), own.numbers(value), strict=True))]
            steps = [b - a if up else a - b for a, b in pairwise(ordered)]
            found[_name(point) or "all"] = all(step >= -slack for step in steps)
        return found

    return holds


def _points(table: Table, columns: Iterable[str]) -> list[tuple[tuple[str, Value], ...]]:
    """Return the distinct combinations of columns, in order of appearance."""
    names = list(columns)
    keys = zip(*(table.column(name) for name in names), strict=True)
    return [tuple(zip(names, key, strict=True)) for key in dict.fromkeys(keys)]


def _name(point: Iterable[tuple[str, Value]]) -> str:
    return " ".join(str(value) for _, value in point)


def _grows_with_scale(table: Table) -> Mapping[str, bool]:
    rows = table.where(shape=ALL, policy="dp")
    return {"all": rows.number("sar", scale=1.5) > rows.number("sar", scale=1.0) + NOISE}


def _no_degree_for_all(table: Table) -> Mapping[str, bool]:
    rows = table.where(rate=12)
    best = {s: max(FIXED, key=lambda name, s=s: rows.number("sar", shape=s, policy=name)) for s in SHAPES}  # type: ignore[misc]
    return {"all": len(set(best.values())) > 1}


def _in_the_burst(table: Table) -> Mapping[str, bool]:
    average = means(table.where(burst=1), ["mix", "policy"], "sar")
    mixes = {str(mix) for mix, _ in average}
    return {mix: average[mix, "dp"] >= max(average[mix, name] for name in BASELINES) - NOISE for mix in sorted(mixes)}


def _early(table: Table) -> Mapping[str, bool]:
    rows = table.where(seconds=2)
    return {
        mix: rows.number("share", mix=mix, policy="dp")
        >= max(rows.number("share", mix=mix, policy=name) for name in BASELINES) - NOISE
        for mix in rows.names("mix")
    }


def _narrower_when_busy(table: Table) -> Mapping[str, bool]:
    found = {}
    for shape in SHAPES:
        rows = table.where(policy="dp", shape=shape).filter(lambda row: row["degree"] is not None)
        calm = [d for t, d in zip(rows.numbers("time"), rows.numbers("degree"), strict=True) if not int(t / 120) % 2]
        busy = [d for t, d in zip(rows.numbers("time"), rows.numbers("degree"), strict=True) if int(t / 120) % 2]
        found[shape] = sum(busy) / len(busy) < sum(calm) / len(calm)
    return found


def _five_steps(table: Table) -> Mapping[str, bool]:
    average = means(table, ["steps"], "sar")
    return {f"than {n} step{'s' * (n > 1)}": average[5,] >= average[n,] - NOISE for n in (1, 2, 10)}


def _steps_cost_nothing(table: Table) -> str:
    average = means(table, ["steps"], "sar")
    return (
        f"1 step {average[1,]:.2f}, 5 steps {average[5,]:.2f}: decisions cost no time here, so that short rounds lose "
        "nothing, and a round of 1 step holds a whole step of 2048, one of 5 wastes the rest of its last"
    )


def _those_who_wait(table: Table) -> str:
    rows = [table.where(shape=shape) for shape in ("512", "1024")]
    found = [f"{own.number('sar', policy='tuned'):.2f} for {own.number('sar', policy='dp'):.2f}" for own in rows]
    return (
        "Requests that survive by waiting wait until they need many GPUs; the same rounds in which waiting is no "
        f"survival, with every degree on offer, reach {' and '.join(found)}"
    )


def _cache_helps(table: Table) -> Mapping[str, bool]:
    return {
        f"{mix} {name}": table.number("sar", mix=mix, policy=name, nirvana=1)
        > table.number("sar", mix=mix, policy=name, nirvana=0)
        for mix in ("uniform", "skewed")
        for name in ("rssp", "dp")
    }


def _beats_rssp(table: Table) -> Mapping[str, bool]:
    return {
        f"{mix}{' + Nirvana' if on else ''}": table.number("sar", mix=mix, policy="dp", nirvana=on)
        > table.number("sar", mix=mix, policy="rssp", nirvana=on)
        for mix in ("uniform", "skewed")
        for on in (0, 1)
    }


def _elastic(table: Table) -> Mapping[str, bool]:
    return {name: elastic > 0 for name, (_, elastic) in _stages(table, "sar").items()}


def _placement_adds_less(table: Table) -> Mapping[str, bool]:
    return {name: placement < elastic for name, (placement, elastic) in _stages(table, "sar").items()}


def _stages(table: Table, column: str) -> dict[str, tuple[float, float]]:
    """Return what placement and what scale-up add at each point of the ablation."""
    found = {}
    for mix in ("uniform", "skewed"):
        for scale in (1.0, 1.5):
            values = [table.number(column, mix=mix, scale=scale, stage=stage) for stage in STAGES]
            found[f"{mix} {scale}"] = (values[1] - values[0], values[2] - values[1])
    return found


def _explodes(table: Table) -> Mapping[str, bool]:
    rows = table.where(solver="exhaustive")
    found = {}
    for gpus in (4, 8):
        own = rows.where(gpus=gpus)
        for n in (2, 3):
            ended = own.number("done", requests=n) == 1
            times = 10 * own.number("seconds", requests=n - 1)
            found[f"{gpus} GPUs, {n} requests"] = not ended or own.number("seconds", requests=n) > times
    return found


def _gain(table: Table) -> Mapping[str, bool]:
    known = table.filter(lambda row: not str(row["policy"]).startswith("paper"))
    rows = known.where(shape=ALL, policy="dp")
    gains = [rows.number("sar", scale=scale) - best_fixed(known, scale=scale)[1] for scale in rows.distinct("scale")]
    return {"all": sum(gains) > 0}


TRENDS = (
    Trend("fig02", "communication takes a larger share the more GPUs",
          _monotone("degree", ("profile", "shape"), "share", True)),
    Trend("fig02", "… and the smaller the image", _monotone("shape", ("profile", "degree"), "share", False)),
    Trend("fig03", "efficiency falls with the degree",
          _monotone("degree", ("shape", "batch"), "efficiency", False, {"profile": "flux1-dev_h100"})),
    Trend("fig03", "… and rises with the batch",
          _monotone("batch", ("shape", "degree"), "efficiency", True, {"profile": "flux1-dev_h100"})),
    Trend("fig04", "no fixed degree is best for all resolutions", _no_degree_for_all),
    Trend("fig07", "TetriServe is best of the paper's policies at every scale, uniform mix", _wins(("scale",))),
    Trend("fig07", "… on average over the scales it beats the best fixed degree", _gain),
    Trend("fig07", "… and meets more deadlines the looser they are", _grows_with_scale),
    Trend("fig08", "TetriServe is best of the paper's policies at every scale, skewed mix", _wins(("scale",))),
    Trend("fig08", "… on average over the scales it beats the best fixed degree", _gain),
    Trend("fig08", "… and meets more deadlines the looser they are", _grows_with_scale),
    Trend("fig09", "most requests are delivered early (within 2 s) by TetriServe", _early),
    Trend("fig10", "TetriServe holds most in a burst", _in_the_burst),
    Trend("fig11", "under load requests run on fewer GPUs", _narrower_when_busy),
    Trend("fig12", "TetriServe is best on SD3 and 4 x A40 too", _wins(("mix", "scale"))),
    Trend("fig13", "TetriServe is best at every rate", _wins(("mix", "rate"))),
    Trend("fig13", "… and attainment falls with the rate",
          _monotone("rate", ("mix", "policy"), "sar", False, {"shape": ALL})),
    Trend("fig14", "with one resolution alone TetriServe is as good as the best fixed degree", _wins(("shape",)),
          _those_who_wait),
    Trend("fig15", "5 steps per round are best on average", _five_steps, _steps_cost_nothing),
    Trend("table3", "TetriServe beats RSSP", _beats_rssp),
    Trend("table3", "the cache helps both", _cache_helps),
    Trend("table5", "elastic scale-up raises attainment", _elastic),
    Trend("table5", "… by more than placement preservation does", _placement_adds_less),
    Trend("table6", "exhaustive search takes more than ten times as long for each further request", _explodes),
)  # fmt: skip
