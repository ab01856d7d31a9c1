"""Which rounds are answered, and which worse plans are carried out: as evenly over the runs as what they have allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from experiments.compare.answers import Judged, RunRounds
from planner.yardstick import TOLERANCE


def choose(found: Sequence[RunRounds], rounds: int) -> list[dict[str, tuple[int, ...]]]:
    """Take so many rounds of each program, from all runs in turn; return the numbers by program for each run."""
    chosen: list[dict[str, tuple[int, ...]]] = [{} for _ in found]
    for program in dict.fromkeys(name for one in found for name in one.numbers):
        queues = [one.numbers.get(program, ()) for one in found]
        takes = _even([len(queue) for queue in queues], rounds)
        for at, (queue, take) in enumerate(zip(queues, takes, strict=True)):
            if take:
                chosen[at][program] = queue[:take]
    return chosen


def _even(have: Sequence[int], wanted: int) -> list[int]:
    """Share a number out among runs as evenly as what they have allows; the first ones get what does not divide."""
    takes = [0] * len(have)
    while wanted > 0 and (open_ := [at for at, count in enumerate(have) if takes[at] < count]):
        for at in open_[:wanted]:
            takes[at] += 1
        wanted -= len(open_[:wanted])
    return takes


def best_answers(judged: Sequence[Judged]) -> dict[tuple[str, tuple[str, int, int]], Judged]:
    """Return the answer with the least regret by program and round: an exact solver's, unless a rule's is better."""
    best: dict[tuple[str, tuple[str, int, int]], Judged] = {}
    for j in judged:
        key = (j.answered.program, j.round_)
        if key not in best or j.answered.worth > best[key].answered.worth + TOLERANCE:
            best[key] = j
    return best


def worse_answers(judged: Sequence[Judged]) -> list[Judged]:
    """Return the answers of rules that are worth less than the best one to the same round."""
    best = best_answers(judged)
    return [
        j
        for j in judged
        if not j.answered.exact
        and j.answered.worth < best[j.answered.program, j.round_].answered.worth - TOLERANCE * max(1.0, abs(j.optimum))
    ]


def pick_worse(judged: Sequence[Judged], most: int) -> dict[tuple[str, int], list[Judged]]:
    """Take up to ``most`` worse plans of each program and rule, from all runs in turn; return them by run."""
    picked: dict[tuple[str, int], list[Judged]] = defaultdict(list)
    groups: dict[tuple[str, str], dict[tuple[str, int], list[Judged]]] = defaultdict(lambda: defaultdict(list))
    for j in worse_answers(judged):
        groups[j.answered.program, j.answered.solver][j.cell, j.seed].append(j)
    for by_run in groups.values():
        for (run, own), take in zip(by_run.items(), _even([len(own) for own in by_run.values()], most), strict=True):
            picked[run] += own[:take]
    return {run: own for run, own in picked.items() if own}
