"""What planning adds in a regime over the best simple rule, and what that adds over rounds: paired over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.results.text import Table
from experiments.studies.grid import Result, Spread


@dataclass(frozen=True, slots=True)
class Gain:
    """The differences of one regime, in attainment by weight.

    Parameters
    ----------
    regime
        Its name.
    simple, rounds
        The policies with the highest mean attainment among the simple ones, and among those that plan in rounds.
    over_simple
        The planner less ``simple``, with its interval over paired seeds.
    over_rounds
        ``simple`` less ``rounds``, with its interval.
    wins, losses
        Seeds in which the planner is ahead of ``simple``, and behind it.
    """

    regime: str
    simple: str
    rounds: str
    over_simple: Spread
    over_rounds: Spread
    wins: int
    losses: int

    @property
    def verdict(self) -> str:
        """``ahead``, ``behind``, or ``even`` where the interval holds 0 or there is none."""
        low = self.over_simple.mean - self.over_simple.half_width
        high = self.over_simple.mean + self.over_simple.half_width
        return "ahead" if low > 0 else "behind" if high < 0 else "even"


def gain_of(results: Sequence[Result], planner: str, simple: Sequence[str], rounds: Sequence[str]) -> Gain:
    """Compare the planner with the best simple rule of one regime, and that with the best policy in rounds.

    Parameters
    ----------
    results
        Runs of one regime: every policy with the same seeds.
    planner
        Name of the policy whose gain it is.
    simple, rounds
        Names of the others, by kind; at least one each.
    """
    sars: dict[str, dict[int, float]] = {}
    for result in results:
        sars.setdefault(result.policy, {})[result.seed] = result.summary.weighted_sar

    def best(names: Sequence[str]) -> str:
        return max(names, key=lambda name: sum(sars[name].values()))

    strongest, in_rounds = best(simple), best(rounds)
    ahead = [sars[planner][seed] - sars[strongest][seed] for seed in sars[planner]]
    before = [sars[strongest][seed] - sars[in_rounds][seed] for seed in sars[planner]]
    wins, losses = (sum(sign * gain > 1e-12 for gain in ahead) for sign in (1, -1))
    return Gain(results[0].cell, strongest, in_rounds, Spread.of(ahead), Spread.of(before), wins, losses)


def gains_table(gains: Sequence[Gain]) -> Table:
    """Return a row per regime, the largest gain first."""
    head = ["regime", "over best simple", "±", "wins", "losses", "", "best simple"]
    rows = [[*head, "that over best rounds", "±", "best rounds"]]
    for gain in sorted(gains, key=lambda gain: -gain.over_simple.mean):
        first, second = ((f"{spread.mean:+.4f}", spread.half(4)) for spread in (gain.over_simple, gain.over_rounds))
        rows.append(
            [gain.regime, *first, str(gain.wins), str(gain.losses), gain.verdict, gain.simple, *second, gain.rounds]
        )
    return rows
