"""Where labels go so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def spread_out(wanted: Sequence[float], gap: float) -> list[float]:
    """Move ascending places apart to at least ``gap``, each group around the mean of what its members wanted.

    All stay within 0 and 1 as long as there is room.
    """
    groups: list[tuple[float, int]] = []
    for place in wanted:
        total, count = place, 1
        while groups:
            before, members = groups[-1]
            if total / count - (count - 1) / 2 * gap >= before / members + (members - 1) / 2 * gap + gap:
                break
            groups.pop()
            total, count = total + before, count + members
        groups.append((total, count))
    placed = [total / count + (i - (count - 1) / 2) * gap for total, count in groups for i in range(count)]
    for i in range(len(placed)):
        placed[i] = max(placed[i], i * gap)
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], 1 - (len(placed) - 1 - i) * gap)
    return placed


def widest_gap(low: float, high: float, cuts: Sequence[float]) -> tuple[float, float]:
    """Return the longest part of a stretch that nothing cuts, the first among equals.

    Parameters
    ----------
    low, high
        The ends of the stretch.
    cuts
        Places that a label must not cover, in any order; those outside do not matter.
    """
    edges = [low, *sorted(cut for cut in cuts if low < cut < high), high]
    return max(pairwise(edges), key=lambda part: part[1] - part[0])
