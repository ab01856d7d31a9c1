"""Names of policies on the command line."""

from __future__ import annotations

import pytest

from experiments.studies.naming import policy_of
from experiments.studies.policies import policy


def test_a_declared_name_is_that_policy() -> None:
    """Tests that nothing is lost on the way."""
    assert policy_of("edf") == policy("edf")


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("edf:solver=edf solver.admission=true", True),
        ("tetriserve:solver=dp", False),
        ("mine:solver=edf", False),
        ("solver=edf", False),
    ],
)
def test_a_simple_rule_under_its_own_name_is_one(text: str, simple: bool) -> None:
    """Tests that a rule which is set otherwise still counts among the best simple ones."""
    assert policy_of(text).simple == simple
