"""Classes of rounds: by live requests, by slack, and by whether somebody must lose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from experiments.compare.answers import Judged

LIVE = (3, 4, 5, 6, 8, 11, 16)
"""Where the classes of live requests begin, after the first."""
SLACK = (0.1, 0.3, 1.0)
"""Where the classes of slack begin, after the first."""


def live_class(judged: Judged) -> str:
    """Name the class of live requests that a round is in."""
    return _class(judged.live, (2, *LIVE))


def _class(value: int, starts: Sequence[int]) -> str:
    at = max(i for i, start in enumerate(starts) if value >= start)
    if at == len(starts) - 1:
        return f"{starts[at]}+"
    last = starts[at + 1] - 1
    return str(last) if last == starts[at] else f"{starts[at]}-{last}"


def slack_class(judged: Judged) -> str:
    """Name the class of slack that a round is in, in per cent of the least time to run."""
    return SLACK_ORDER[sum(judged.slack >= start for start in SLACK)]


def conflict_class(judged: Judged) -> str:
    """Say whether everybody can be served."""
    return CONFLICT_ORDER[judged.conflict]


LIVE_ORDER = tuple(_class(start, (2, *LIVE)) for start in (2, *LIVE))
SLACK_ORDER = (
    f"below {SLACK[0]:.0%}",
    *(f"{low:.0%} to {high:.0%}" for low, high in pairwise(SLACK)),
    f"{SLACK[-1]:.0%} and more",
)
CONFLICT_ORDER = ("all can be served", "somebody must lose")
