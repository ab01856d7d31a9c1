"""The shipped policies: each can be built, and rules stand with the settings that tuning found."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.cli import compose
from experiments.config.build import build
from experiments.studies.grid import Policy
from experiments.studies.policies import EVENTS, PLANNER, POLICIES, ROUNDS, TUNED, policy
from experiments.studies.tune import SEARCHES, Tuning

BEST = Path(__file__).resolve().parents[3] / "docs" / "tables" / "tuning" / "best.md"


@pytest.mark.parametrize("declared", POLICIES, ids=lambda declared: declared.name)
def test_every_policy_can_be_built(declared: Policy) -> None:
    """Tests that overrides compose and make a run, and that a few words say what the policy is."""
    assert len(build(compose([*declared.overrides, "workload.requests=5"])).workload) == 5
    assert declared.what


def test_policies_are_found_by_name() -> None:
    """Tests that names are unique, those with a part to play are there, and another is refused with the list."""
    names = [declared.name for declared in POLICIES]
    assert len(set(names)) == len(names)
    assert {PLANNER, TUNED, EVENTS, *ROUNDS} <= set(names)
    assert policy("moore").simple and not policy("lookahead").simple
    with pytest.raises(ValueError, match="there is no policy 'edd'; the policies are lookahead, cpsat, moore"):
        policy("edd")


def test_rounds_plan_in_rounds_and_the_rest_at_events() -> None:
    """Tests the cadence of every policy that is named for it."""
    for declared in POLICIES:
        kind = build(compose([*declared.overrides, "workload.requests=5"])).service.cadence.kind
        assert kind == ("rounds" if declared.name in ROUNDS else "events")


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.policy)
def test_tuned_policies_stand_at_their_best(search: Tuning) -> None:
    """Tests that what is shipped is what docs/tables/tuning found best."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in BEST.read_text().splitlines()[2:]]
    best = {row[0]: row[1].strip("`").split() for row in rows}
    assert set(best[search.policy]) == set(policy(search.policy).overrides)
