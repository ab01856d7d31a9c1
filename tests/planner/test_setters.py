from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from planner.plan import Assignment
from planner.setters import setters_of
from tests.strategies import LARGE, job, round_of


def test_fields_are_set_in_order() -> None:
    """Tests that each setter sets the field of its place."""
    blank = object.__new__(Assignment)
    for value, set_field in enumerate(setters_of(Assignment)):
        set_field(blank, value)
    assert (blank.jobs, blank.group, blank.steps) == (0, 1, 2)


def test_classes_with_setters_stay_frozen() -> None:
    """Tests that jobs, assignments and rounds made with setters cannot be changed, and are copied and pickled as any."""
    round_ = round_of([job(0, LARGE)])
    group = round_.cluster.all_groups[0]
    for made, field in ((round_.jobs[0], "due"), (Assignment((0,), group, 3), "steps"), (round_, "now")):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field, 1.0)
        assert replace(made) == made
        assert repr(pickle.loads(pickle.dumps(made))) == repr(made)
