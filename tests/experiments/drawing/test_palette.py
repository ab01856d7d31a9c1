"""One look for each policy, in all pictures."""

from __future__ import annotations

from experiments.drawing.palette import OTHERS, POLICIES, colour_of, fan, mark_of
from experiments.studies import policies


def test_every_shipped_policy_has_a_look_of_its_own() -> None:
    """No two share a colour, and all that are declared have one."""
    assert {policy.name for policy in policies.POLICIES} <= set(POLICIES)
    colours = [colour.lower() for colour, _ in (*POLICIES.values(), *OTHERS)]
    assert len(set(colours)) == len(colours)


def test_policies_of_ones_own_differ_from_each_other_and_from_the_shipped() -> None:
    """Beside shipped ones, the first two own policies get the first two other looks."""
    names = ["edf", "mine", "lookahead", "yours"]
    assert [(colour_of(name, names), mark_of(name, names)) for name in ("mine", "yours")] == list(OTHERS[:2])
    assert colour_of("edf", names) == POLICIES["edf"][0]


def test_marks_of_a_row_are_spread_around_its_middle() -> None:
    """One stands in the middle; three stand half the height apart."""
    assert fan(0, 1, 0.6) == 0.0
    assert [fan(i, 3, 0.6) for i in range(3)] == [-0.3, 0.0, 0.3]
