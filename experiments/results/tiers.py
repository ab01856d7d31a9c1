"""Attainment by weight, of all requests and by tier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from executor.records import Records
from planner.request import Request


@dataclass(frozen=True, slots=True)
class TierSummary:
    """Requests of one tier: how many, what they weigh together, and how many, and what share by weight, were on time."""

    tier: str
    requests: int
    weight: float
    on_time: int
    sar: float


def attainment(records: Records, requests: Sequence[Request]) -> float:
    """Return the share of some requests that are on time, by weight; by count, where all weigh the same."""
    on_time = [request for request in requests if records.fate(request) == "on_time"]
    if len({request.weight for request in requests}) < 2:
        return len(on_time) / len(requests) if requests else math.nan
    return math.fsum(request.weight for request in on_time) / math.fsum(request.weight for request in requests)


def tier_summaries(records: Records) -> tuple[TierSummary, ...]:
    """Return the tiers of a run, the heaviest per request first; none if no request has a tier."""
    by_tier: dict[str, list[Request]] = {}
    for request in records.requests:
        by_tier.setdefault(request.tier, []).append(request)
    if set(by_tier) <= {""}:
        return ()
    summaries = [
        TierSummary(
            tier=tier,
            requests=len(requests),
            weight=math.fsum(request.weight for request in requests),
            on_time=sum(records.fate(request) == "on_time" for request in requests),
            sar=attainment(records, requests),
        )
        for tier, requests in by_tier.items()
    ]
    return tuple(sorted(summaries, key=lambda s: (-s.weight / s.requests, s.tier)))
