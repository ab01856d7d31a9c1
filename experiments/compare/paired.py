"""Paired comparison: the same seeds served by two policies, difference by difference."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.results.text import Table
from experiments.studies.grid import Policy, Result, Spread


def difference_table(results: Sequence[Result], policies: Sequence[Policy], reference: str) -> Table:
    """Return a row per policy: its SAR (by weight) less the reference's, over all (cell, seed) pairs.

    The interval is Student's over the seeds, each seed's difference being the mean over its cells; wins, ties and
    losses count (cell, seed) pairs.

    Raises
    ------
    ValueError
        If there is no policy of that name.
    """
    names = [policy.name for policy in policies]
    if reference not in names:
        raise ValueError(f"--reference is {reference!r}; the policies are {', '.join(names)}")
    sars = {(r.policy, r.cell, r.seed): r.summary.weighted_sar for r in results}
    pairs = sorted({(r.cell, r.seed) for r in results})
    seeds = sorted({seed for _, seed in pairs})
    table = [[f"less {reference}", "mean", "±", "wins", "ties", "losses"]]
    for name in names:
        if name == reference:
            continue
        gains = {pair: sars[name, *pair] - sars[reference, *pair] for pair in pairs}
        by_seed = []
        for seed in seeds:
            own = [gain for (_, of_seed), gain in gains.items() if of_seed == seed]
            by_seed.append(sum(own) / len(own))
        spread = Spread.of(by_seed)
        wins, losses = (sum(sign * gain > 1e-12 for gain in gains.values()) for sign in (1, -1))
        counts = [str(wins), str(len(pairs) - wins - losses), str(losses)]
        table.append([name, f"{spread.mean:+.4f}", spread.half(4), *counts])
    return table
