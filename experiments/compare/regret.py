"""The tables of a comparison on rounds: exact solvers, rules, what a worse plan costs, and the sentence at the end."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.compare.answers import Judged, RollOut
from experiments.compare.sampling import worse_answers
from experiments.results.percentile import percentile
from experiments.results.text import Table
from experiments.studies.grid import Spread
from planner.yardstick import TOLERANCE


@dataclass(frozen=True)
class Judgements:
    """All that a comparison on rounds found.

    Parameters
    ----------
    judged
        Every answer.
    roll_outs
        Every worse plan that was carried out.
    kinds
        Rounds looked at, by program and kind (:class:`experiments.compare.answers.RunRounds`).
    runs
        How many runs they are of.
    """

    judged: Sequence[Judged]
    roll_outs: Sequence[RollOut]
    kinds: Mapping[str, Mapping[str, int]]
    runs: int

    @property
    def programs(self) -> list[str]:
        """Programs with a round that has a choice."""
        return list(dict.fromkeys(j.answered.program for j in self.judged))

    def solvers(self, exact: bool) -> list[str]:
        """Names of the exact solvers, or of the rules."""
        return list(dict.fromkeys(j.answered.solver for j in self.judged if j.answered.exact == exact))

    def of(self, program: str, solver: str) -> list[Judged]:
        """Return the answers of one solver, measured by one program."""
        return [j for j in self.judged if (j.answered.program, j.answered.solver) == (program, solver)]


def kinds_table(outcome: Judgements) -> Table:
    """Return a row per program: rounds looked at, without and with a choice, and how many of these were answered."""
    rows = [
        ["program", "runs", "rounds met", "no choice", "choice, all fit", "choice, conflict", "answered", "in conflict"]
    ]
    for program, found in outcome.kinds.items():
        counts = [found.get(kind, 0) for kind in ("none", "fits", "conflict")]
        answered = {j.round_: j.conflict for j in outcome.judged if j.answered.program == program}
        numbers = [outcome.runs, sum(counts), *counts, len(answered), sum(answered.values())]
        rows.append([program, *map(str, numbers)])
    return rows


def exact_table(outcome: Judgements) -> Table:
    """Return a row per program and exact solver: what it proved, whether all agree, and what its plans are worth."""
    head = [
        "program",
        "solver",
        "rounds",
        "proven",
        "same value",
        "same plan",
        "mean value",
        "mean bound",
        "largest gap",
    ]
    rows = [[*head, "plans optimal", "mean regret", "CPU p50 ms", "CPU p99 ms", "longest"]]
    for program in outcome.programs:
        best: dict[tuple[str, int, int], float] = defaultdict(lambda: -math.inf)
        first: dict[tuple[str, int, int], Mapping[int, int]] = {}
        for j in outcome.judged:
            if j.answered.program == program and j.answered.exact:
                best[j.round_] = max(best[j.round_], -math.inf if j.answered.value is None else j.answered.value)
                first.setdefault(j.round_, j.answered.degrees)
        for solver in outcome.solvers(exact=True):
            own = outcome.of(program, solver)
            values = [j.answered.value for j in own]
            same = [v is not None and v >= best[j.round_] - _slack(v) for v, j in zip(values, own, strict=True)]
            gaps = [math.inf if j.answered.gap is None else j.answered.gap for j in own]
            bounds = [j.answered.bound for j in own if j.answered.bound is not None]
            rows.append(
                [
                    program,
                    solver,
                    str(len(own)),
                    _share(j.answered.status == "optimal" for j in own),
                    _share(same),
                    _share(j.answered.degrees == first[j.round_] for j in own),
                    f"{np.mean([v for v in values if v is not None] or [math.nan]):.4f}",
                    f"{np.mean(bounds or [math.nan]):.4f}",
                    "none" if math.isinf(max(gaps)) else f"{max(gaps):.2%}",
                    _share(j.answered.optimal for j in own),
                    f"{np.mean([j.answered.regret for j in own]):.4f}",
                    *_times(own),
                ]
            )
    return rows


def rules_table(outcome: Judgements) -> Table:
    """Return a row per program and solver: regret of a decision, and of going on alone to the end."""
    head = ["program", "solver", "rounds", "mean optimum", "mean worth", "optimal", "mean regret", "worst"]
    rows = [
        [
            *head,
            "optimal to the end",
            "mean regret to the end",
            "worst to the end",
            "CPU p50 ms",
            "CPU p99 ms",
            "longest",
        ]
    ]
    for program in outcome.programs:
        for solver in [*outcome.solvers(exact=False), *outcome.solvers(exact=True)[:1]]:
            own = outcome.of(program, solver)
            alone = [j.answered.alone for j in own if j.answered.alone is not None]
            rows.append(
                [
                    program,
                    solver,
                    str(len(own)),
                    f"{np.mean([j.optimum for j in own]):.3f}",
                    f"{np.mean([j.answered.worth for j in own]):.3f}",
                    _share(j.answered.optimal for j in own),
                    f"{np.mean([j.answered.regret for j in own]):.4f}",
                    f"{max(j.answered.regret for j in own):.3g}",
                    *(
                        [_share(a <= _slack(a) for a in alone), f"{np.mean(alone):.4f}", f"{max(alone):.3g}"]
                        if alone
                        else ["", "", ""]
                    ),
                    *_times(own),
                ]
            )
    return rows


def split_table(outcome: Judgements, name: str, of: Callable[[Judged], str], order: Sequence[str]) -> Table:
    """Return a row per program and class of rounds: mean regret of each rule (share optimal); to the end, too.

    Parameters
    ----------
    outcome
        What was found.
    name
        Of the classes.
    of
        The class of a round.
    order
        Of the classes; those without a round are left out.
    """
    rules = [*outcome.solvers(exact=False), *outcome.solvers(exact=True)[:1]]
    rows = [["program", name, "rounds", *rules]]
    for program in outcome.programs:
        for measure in ("", " to the end"):
            own = [j for j in outcome.judged if j.answered.program == program]
            if measure and all(j.answered.alone is None for j in own):
                continue
            classes = [c for c in order if any(of(j) == c for j in own)]
            for which in classes:
                cells = []
                for rule in rules:
                    found = [j.answered for j in own if j.answered.solver == rule and of(j) == which]
                    lost = [a.alone or 0.0 if measure else a.regret for a in found]
                    cells.append(f"{np.mean(lost):.3f} ({_share(x <= TOLERANCE for x in lost)})")
                rows.append([f"{program}{measure}", which, str(len(found)), *cells])
    return rows


def costs_table(outcome: Judgements) -> Table:
    """Return a row per program and rule: how many plans are worse, and what they cost when they are carried out."""
    head = ["program", "rule", "rounds", "plan worse", "carried out", "runs", "regret", "deadlines lost", "±"]
    rows = [[*head, "loses", "equal", "gains"]]
    worse = Counter((j.answered.program, j.answered.solver) for j in worse_answers(outcome.judged))
    for program in outcome.programs:
        for rule in outcome.solvers(exact=False):
            own = outcome.of(program, rule)
            rolled = [r for r in outcome.roll_outs if (r.program, r.rule) == (program, rule)]
            row = [program, rule, str(len(own)), str(worse[program, rule]), str(len(rolled))]
            if not rolled:
                rows.append([*row, "0", "", "", "", "0", "0", "0"])
                continue
            spread = lost_of(rolled)
            signs = Counter(int(np.sign(r.lost)) for r in rolled)
            rows.append(
                [
                    *row,
                    str(len({(r.cell, r.seed) for r in rolled})),
                    f"{np.mean([r.regret for r in rolled]):.2f}",
                    f"{spread.mean:+.3f}",
                    "" if math.isnan(spread.half_width) else f"{spread.half_width:.3f}",
                    str(signs[1]),
                    str(signs[0]),
                    str(signs[-1]),
                ]
            )
    return rows


def lost_of(rolled: Sequence[RollOut]) -> Spread:
    """Return what worse plans cost, with its interval over runs: rounds of one run are no independent draws."""
    by_run: dict[tuple[str, int], list[float]] = defaultdict(list)
    for r in rolled:
        by_run[r.cell, r.seed].append(r.lost)
    return Spread.of(sum(lost) / len(lost) for lost in by_run.values())


def sentence(outcome: Judgements) -> str:
    """Say how often greedy loses, and how much."""
    parts = []
    rules = outcome.solvers(exact=False)
    for program in outcome.programs:
        own = {rule: outcome.of(program, rule) for rule in rules}
        worse = {rule: float(np.mean([not j.answered.optimal for j in js])) for rule, js in own.items()}
        lost = [j.answered.regret for js in own.values() for j in js if not j.answered.optimal]
        by = f", by {np.mean(lost):.2f} where it is" if lost else ""
        count = len({j.round_ for j in outcome.judged if j.answered.program == program})
        parts.append(
            f"a greedy decision is worse than the optimum of the {program} program in {_range(worse)} of {count:,} rounds{by}"
        )
        alone = {rule: [j.answered.alone for j in js if j.answered.alone is not None] for rule, js in own.items()}
        if all(alone.values()):
            ends = {rule: float(np.mean([a > TOLERANCE for a in values])) for rule, values in alone.items()}
            name = outcome.solvers(exact=True)[0]
            exact = [j.answered.alone or 0.0 for j in outcome.of(program, name)]
            parts.append(
                f"left to go on alone with the same requests, greedy loses in {_range(ends)}, and exact planning ({name}) "
                f"in {np.mean([a > TOLERANCE for a in exact]):.1%}"
            )
    for program in outcome.programs:
        rolled = [r for r in outcome.roll_outs if r.program == program]
        if rolled:
            spread = lost_of(rolled)
            width = "" if math.isnan(spread.half_width) else f" ± {spread.half_width:.2f}"
            cost = f"costs {spread.mean:.2f}{width} deadlines"
            parts.append(f"carried out in its run, a plan that is worse in the {program} program {cost}")
    text = "; ".join(parts)
    return f"In rounds with a choice, {text}."


def _range(shares: Mapping[str, float]) -> str:
    """Name the best and the worst of some rules."""
    best, worst = min(shares, key=lambda rule: shares[rule]), max(shares, key=lambda rule: shares[rule])
    if len(shares) == 1:
        return f"{shares[best]:.1%} ({best})"
    if shares[best] == shares[worst]:
        return f"{shares[best]:.1%} (all rules)"
    return f"{shares[best]:.1%} ({best}) to {shares[worst]:.1%} ({worst})"


def _share(flags: Iterable[object]) -> str:
    own = [bool(flag) for flag in flags]
    return f"{sum(own) / len(own):.1%}"


def _slack(value: float) -> float:
    return TOLERANCE * max(1.0, abs(value))


def _times(own: Sequence[Judged]) -> list[str]:
    times = [1e3 * j.answered.seconds for j in own]
    return [f"{q:.2f}" for q in (percentile(times, 50), percentile(times, 99), max(times))]
