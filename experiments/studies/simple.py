"""What planning adds over the best simple rule, and what events add over rounds: separate numbers, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.results.text import Table
from experiments.studies.grid import Cell, Policy, Result, Spread


def best_simple(results: Sequence[Result], grid: Sequence[Cell], policies: Sequence[Policy]) -> dict[str, str]:
    """Return the simple policy with the highest mean attainment by weight in every cell, the first of equals.

    It is chosen by the means of the runs that it is then compared on, which favours it: of several rules that are equally
    good, the luckiest is best. Empty if no policy is simple.
    """
    names = [policy.name for policy in policies if policy.simple]
    if not names:
        return {}
    totals = {(cell.label, name): 0.0 for cell in grid for name in names}
    for result in results:
        if (result.cell, result.policy) in totals:
            totals[result.cell, result.policy] += result.summary.weighted_sar
    return {cell.label: max(names, key=lambda name: totals[cell.label, name]) for cell in grid}


def over_table(
    results: Sequence[Result], grid: Sequence[Cell], name: str, rivals: Mapping[str, str], what: str
) -> Table:
    """Return a row per cell: attainment by weight of one policy less that of a rival, and the mean of all cells.

    Parameters
    ----------
    results, grid
        Runs of every cell; of both policies with the same seeds.
    name
        The policy.
    rivals
        The rival's name by cell.
    what
        Head of the column of differences.

    Returns
    -------
    Table
        Mean difference, half width of its 95 % interval over paired seeds, (cell, seed) pairs won, tied and lost, rival.
    """
    sars = {(r.policy, r.cell, r.seed): r.summary.weighted_sar for r in results}
    seeds = sorted({r.seed for r in results})
    gains = {
        cell.label: [sars[name, cell.label, seed] - sars[rivals[cell.label], cell.label, seed] for seed in seeds]
        for cell in grid
    }
    table = [["cell", what, "±", "wins", "ties", "losses", "less"]]
    table += [_row(label, Spread.of(own), own, rivals[label]) for label, own in gains.items()]
    by_seed = [sum(own[at] for own in gains.values()) / len(grid) for at in range(len(seeds))]
    pairs = [gain for own in gains.values() for gain in own]
    names = set(rivals.values())
    table.append(_row("mean", Spread.of(by_seed), pairs, names.pop() if len(names) == 1 else "best of each"))
    return table


def _row(label: str, spread: Spread, pairs: Sequence[float], rival: str) -> list[str]:
    wins, losses = (sum(sign * gain > 1e-12 for gain in pairs) for sign in (1, -1))
    counts = [str(wins), str(len(pairs) - wins - losses), str(losses)]
    return [label, f"{spread.mean:+.4f}", spread.half(4), *counts, rival]
